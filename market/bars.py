"""Bars from events, closed by the clock; how a trade enters any bar."""

import numpy as np

from market.kernel import kernel
from market.types import BAR, Flag, Kind, TradeType

_TRADE, _GAP = int(Kind.TRADE), int(Kind.GAP)
_EMPTY, _AFTER_GAP = int(Flag.EMPTY), int(Flag.AFTER_GAP)
_NO_AGGRESSOR = int(Flag.NO_AGGRESSOR)
# The trades that enter prices and volumes (b3.md §5), and the marks that a bar takes over from them.
ENTERING = (
    int(TradeType.UNKNOWN),
    int(TradeType.BUY_AGGRESSION),
    int(TradeType.SELL_AGGRESSION),
    int(TradeType.AUCTION),
    int(TradeType.RLP),
)
INHERITED = int(Flag.INFERRED_AGGRESSOR | Flag.SYNTHETIC | Flag.BACK_ADJUSTED)


def bars_from_events(events: np.ndarray, session: np.ndarray, bar_ns: int) -> np.ndarray:
    """Return the BAR records of one session.

    A bar is closed by the first event, in sequence order, at or after its end; the opening prints and
    whatever precedes the open belong to the first bar. An interval without trades gives an EMPTY bar once
    the session has a price. Trades after the last whole interval enter no bar.

    Parameters
    ----------
    events : ndarray
        EVENT, ordered by sequence; CLOCK events may be among them.
    session : ndarray
        SESSION, length 1.
    bar_ns : int
        Length of a bar, nanoseconds.
    """
    opens, closes = int(session["open_ns"][0]), int(session["close_ns"][0])
    out = np.zeros(max((closes - opens) // bar_ns, 0), dtype=BAR)
    count = fill_bars(events, opens, bar_ns, out)
    return out[:count]


@kernel
def enters_bars(trade_type: int) -> bool:
    """Tell whether trades of a type enter prices and volumes of bars (b3.md §5)."""
    return trade_type in ENTERING


@kernel
def add_trade(bar: np.void, event: np.void) -> None:
    """Add one trade to a forming bar; the first one sets its open."""
    price, quantity, side = event["price"], event["quantity"], event["side"]
    if bar["trades"] == 0:
        bar["open"] = bar["high"] = bar["low"] = price
    bar["high"] = max(bar["high"], price)
    bar["low"] = min(bar["low"], price)
    bar["close"] = price
    bar["volume"] += quantity
    bar["turnover"] += np.int64(price) * quantity
    bar["trades"] += 1
    bar["instrument"] = event["instrument"]
    bar["flags"] |= event["flags"] & np.uint32(INHERITED)
    # Sums without a branch: the side of the next trade cannot be predicted.
    bought, sold = side > 0, side < 0
    bar["buy_volume"] += quantity * bought
    bar["sell_volume"] += quantity * sold
    bar["buy_trades"] += bought
    bar["sell_trades"] += sold


@kernel
def mark_aggressor(bar: np.void) -> None:
    """Flag a bar with trades if none of them tells its aggressor."""
    if bar["buy_trades"] + bar["sell_trades"] == 0:
        bar["flags"] |= np.uint32(_NO_AGGRESSOR)


def with_empty_bars(bars: np.ndarray, bar_ns: int) -> np.ndarray:
    """Return a session's bars with an EMPTY one for each interval between two that has none, as `fill_bars` closes it.

    A file of bars leaves out intervals without a trade, and the decision clock does not. What lies in a hole that the
    bar after it calls a gap is AFTER_GAP too, so that nothing is decided in it.

    Parameters
    ----------
    bars : ndarray
        BAR of one session, oldest first.
    bar_ns : int
        Length of a bar, nanoseconds.
    """
    missing = np.maximum((bars["ts_open_ns"][1:] - bars["ts_close_ns"][:-1]) // bar_ns, 0)
    if not missing.any():
        return bars
    times = np.append(missing + 1, 1)
    out = np.repeat(bars, times)
    step = np.arange(out.size) - np.repeat(np.cumsum(times) - times, times)
    added, gap = step > 0, np.repeat(np.append(bars["flags"][1:] & np.uint32(_AFTER_GAP), 0), times)
    empty = np.zeros(int(added.sum()), dtype=BAR)
    before = out[added]
    empty["ts_open_ns"] = before["ts_close_ns"] + (step[added] - 1) * bar_ns
    empty["ts_close_ns"] = empty["ts_open_ns"] + bar_ns
    for price in ("open", "high", "low", "close"):
        empty[price] = before["close"]
    empty["instrument"] = before["instrument"]
    empty["flags"] = np.uint32(_EMPTY) | gap[added]
    out[added] = empty
    return out


@kernel
def fill_bars(events: np.ndarray, open_ns: int, bar_ns: int, out: np.ndarray) -> int:
    """Fill `out`, zeroed and one record per whole interval of the session; return how many bars there are."""
    count, event, gap = 0, 0, False
    for interval in range(out.size):
        end = open_ns + (interval + 1) * bar_ns
        bar = out[count]
        while event < events.size and events[event]["ts_event_ns"] < end:
            kind = events[event]["kind"]
            if kind == _TRADE and enters_bars(events[event]["trade_type"]):
                add_trade(bar, events[event])
            elif kind == _GAP:
                gap = True
            event += 1
        closed = close_interval(out, count, end - bar_ns, end, gap)
        gap = gap and closed == count
        count = closed
    return count


@kernel
def close_interval(out: np.ndarray, count: int, start_ns: int, end_ns: int, gap: bool) -> int:
    """Close the bar that forms in `out[count]`; return how many bars there are, none before the first price."""
    bar = out[count]
    if bar["trades"] > 0:
        mark_aggressor(bar)
    elif count > 0:
        previous = out[count - 1]
        bar["open"] = bar["high"] = bar["low"] = bar["close"] = previous["close"]
        bar["instrument"] = previous["instrument"]
        bar["flags"] |= np.uint32(_EMPTY)
    else:
        return 0
    bar["ts_open_ns"], bar["ts_close_ns"] = start_ns, end_ns
    if gap:
        bar["flags"] |= np.uint32(_AFTER_GAP)
    return count + 1
