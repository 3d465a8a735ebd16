"""What labels look at: closed bars with the prices that each side of the market could have traded at."""

from typing import NamedTuple

import numpy as np

from market.elementary import log
from market.errors import DataError
from market.kernel import kernel
from market.types import Flag

# What each price of a side is measured from where there is no quote.
_TRADES = {"bid": "close", "ask": "close", "bid_high": "high", "bid_low": "low", "ask_high": "high", "ask_low": "low"}


class PricePath(NamedTuple):
    """Closed bars in time order, as equal-length arrays; prices in ticks.

    A long enters at the ask and leaves at the bid, a short the reverse.
    """

    ts_ns: np.ndarray  # i8, close of the bar
    close: np.ndarray  # i4, last trade
    session: np.ndarray  # i8, one number per session, ascending
    after_gap: np.ndarray  # bool, data are missing just before this bar
    bid: np.ndarray  # f8, at the close of the bar
    ask: np.ndarray
    bid_high: np.ndarray  # f8, over the bar
    bid_low: np.ndarray
    ask_high: np.ndarray
    ask_low: np.ndarray


def price_path(
    bars: np.ndarray, session: np.ndarray, holes: np.ndarray, quotes: np.ndarray | None, spread_ticks: float
) -> PricePath:
    """Return the path of BAR records.

    Parameters
    ----------
    bars : ndarray
        BAR, in time order.
    session : ndarray of int64
        The number of each bar's session, ascending.
    holes : ndarray of int64, shape (n, 2)
        Start and end of what is missing, in time order, apart from one another; nanoseconds. A tape says nothing of
        what its recorder lost, so bars that reach into a hole are after a gap as those flagged are.
    quotes : ndarray of QUOTE_BAR or None
        One per bar, None for a feed of bars.
    spread_ticks : float
        Where no quote was valid, bid and ask lie half of it below and above the trades.

    Raises
    ------
    DataError
        Lengths differ, bars are out of order, or a price is not positive.
    """
    if len(bars) != len(session) or (quotes is not None and len(quotes) != len(bars)):
        found = f"{len(session)} and {'no' if quotes is None else len(quotes)} quotes for {len(bars)} bars"
        raise DataError(f"labels: expected one session number and one quote per bar, found {found}")
    ts_ns = np.array(bars["ts_close_ns"], dtype=np.int64)
    late = np.flatnonzero((np.diff(ts_ns) <= 0) | (np.diff(session) < 0))
    if late.size:
        raise DataError(
            f"labels: bar {late[0] + 1} does not follow the bar before it in time and session; sort the bars"
        )
    if len(bars) and min(bars["low"].min(), bars["close"].min()) <= 0:
        raise DataError("labels: expected positive prices for log returns, found zero or less; check the price basis")
    following = np.searchsorted(holes[:, 1], bars["ts_open_ns"], side="right")
    begins = np.append(holes[:, 0], np.iinfo(np.int64).max)[following]
    gaps = ((bars["flags"] & np.uint32(Flag.AFTER_GAP)) != 0) | (begins < bars["ts_close_ns"])
    numbers, close = np.array(session, dtype=np.int64), np.array(bars["close"], dtype=np.int32)
    return PricePath(ts_ns, close, numbers, gaps, *_traded_sides(bars, quotes, spread_ticks / 2))


def _traded_sides(bars: np.ndarray, quotes: np.ndarray | None, half_ticks: float) -> list[np.ndarray]:
    """Return bid and ask at the close, and high and low of both, f8[n] each."""
    out = []
    for name, trades in _TRADES.items():
        stated = bars[trades] + (half_ticks if name.startswith("ask") else -half_ticks)
        out.append(stated if quotes is None else np.where(quotes[name] > 0, quotes[name], stated))
    return out


def bar_volatility(path: PricePath, window: int) -> np.ndarray:
    """Return σ of the log return of one bar over the last `window` returns known at each row, f8[n].

    Returns over a session's end or a gap are left out, so a session starts with the σ of the one before it
    and a contract roll adds no jump. Sample standard deviation. NaN until `window` returns are known.
    """
    out = np.full(path.close.size, np.nan)
    _write_volatility(path, np.zeros(window), out)
    return out


@kernel
def _write_volatility(path: PricePath, ring: np.ndarray, out: np.ndarray) -> None:
    window, known = ring.size, 0
    for row in range(path.close.size):
        if row > 0 and path.session[row] == path.session[row - 1] and not path.after_gap[row]:
            ring[known % window] = log(path.close[row] / path.close[row - 1])
            known += 1
        if known >= window:
            mean = ring.sum() / window
            squares = 0.0
            for i in range(window):
                squares += (ring[i] - mean) ** 2
            out[row] = np.sqrt(squares / (window - 1))


@kernel
def last_row_within(path: PricePath, row: int, horizon: int) -> int:
    """Return the last row that a label of `row` may look at: its horizon's, or its session's last."""
    last = min(row + horizon, path.close.size - 1)
    while path.session[last] != path.session[row]:
        last -= 1
    return last
