"""Four stylised facts of a futures market, measured the same way on real files and on the synthetic market.

The spread and the trades inside it are measured on EVENT records, the shape of the day and the memory of returns on
BAR records, session by session. Nothing is carried from one session to the next.
"""

from collections.abc import Sequence

import numpy as np

from market.bars import enters_bars
from market.types import Kind, Side, TradeType

SLOT_NS = 1_800_000_000_000
SLOTS = 18  # half hours from 09:00 to 18:00
_SLOTS_BEFORE_NOON = 6


def carried_quotes(events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return bid and ask in ticks as they stand after each event, i8[n] each; 0 where there is none.

    Parameters
    ----------
    events : ndarray
        EVENT in order, one session.
    """
    return _carried_side(events, Side.BUY), _carried_side(events, Side.SELL)


def _carried_side(events: np.ndarray, side: int) -> np.ndarray:
    quote = (events["kind"] == Kind.QUOTE_SIDE) & (events["side"] == side)
    clears = (events["kind"] == Kind.BOOK_CLEAR) | (events["kind"] == Kind.GAP)
    last = np.maximum.accumulate(np.where(quote | clears, np.arange(events.size), -1))
    prices = np.where(quote, events["price"], 0).astype(np.int64)
    return np.where(last >= 0, prices[last], 0)


def spread_shares(events: np.ndarray, widest: int = 5) -> np.ndarray:
    """Return the share of time at each spread, f8[widest + 1], by ticks; the last holds that spread and wider ones.

    Time without both sides, and while they are locked or crossed as in an opening call, does not count; with none
    left, all are NaN.
    """
    bid, ask = carried_quotes(events)
    sound = ((bid > 0) & (ask > bid))[:-1]
    spread = np.minimum(ask - bid, widest)[:-1][sound]
    time = np.bincount(spread, np.diff(events["ts_event_ns"])[sound], minlength=widest + 1)
    with np.errstate(invalid="ignore"):
        return np.asarray(time / time.sum())


def inside_share(events: np.ndarray) -> float:
    """Return the share of trades strictly between the bid and the ask before them; NaN without any.

    Auctions, crosses and trades without a sound quote before them do not count.
    """
    bid, ask = (np.append(0, side[:-1]) for side in carried_quotes(events))
    continuous = np.array([enters_bars(code) and code != TradeType.AUCTION for code in range(256)])
    counted = (events["kind"] == Kind.TRADE) & continuous[events["trade_type"]] & (bid > 0) & (ask > bid)
    inside = (events["price"] > bid) & (events["price"] < ask)
    return float(inside[counted].mean()) if counted.any() else float("nan")


def half_hours(bars: np.ndarray, noon_ns: int) -> np.ndarray:
    """Return the half hour in which each bar of a session opens, i8[n], 0 from 09:00 local; `noon_ns` is 12:00."""
    return np.asarray((bars["ts_open_ns"] - noon_ns) // SLOT_NS + _SLOTS_BEFORE_NOON)


def intraday_shape(bars: np.ndarray, noon_ns: int, column: str = "trades") -> np.ndarray:
    """Return what each half hour from 09:00 to 18:00 holds of a session, f8[18], mean 1; NaN where nothing traded.

    Parameters
    ----------
    bars : ndarray
        BAR of one session, of a half hour or shorter.
    noon_ns : int
        Instant of 12:00 local (`lunch_start_ns` of the SESSION).
    column : str
        "trades", or "volume" where a source does not count them.
    """
    slot = half_hours(bars, noon_ns)
    inside = (slot >= 0) & (slot < SLOTS)
    held = np.bincount(slot[inside], bars[column][inside], minlength=SLOTS)
    with np.errstate(invalid="ignore"):
        return np.asarray(held / held.mean())


def log_returns(bars: np.ndarray) -> np.ndarray:
    """Return the log return of each bar over the one before it in a session, f8[n - 1].

    NaN where the earlier bar does not end where the later one begins.
    """
    returns = np.diff(np.log(bars["close"]))
    adjacent = bars["ts_close_ns"][:-1] == bars["ts_open_ns"][1:]
    return np.where(adjacent, returns, np.nan)


def without_time_of_day(sessions: Sequence[np.ndarray], slots: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return values over the mean of all sessions' values in the same slot of the day; NaN stays.

    Parameters
    ----------
    sessions, slots : sequence of ndarray
        f8 and i8 of equal shapes, one pair per session; positive values, as absolute returns.
    """
    pooled, slot = np.concatenate(sessions), np.concatenate(slots)
    usual = {number: np.nanmean(pooled[slot == number]) for number in np.unique(slot)}
    return [values / np.array([usual[number] for number in own]) for values, own in zip(sessions, slots, strict=True)]


def autocorrelation(sessions: Sequence[np.ndarray], lag: int) -> float:
    """Return the correlation of values `lag` apart in the same session, pooled; pairs with a NaN do not count.

    Parameters
    ----------
    sessions : sequence of ndarray
        f8 each, one per session, evenly spaced; NaN where there is no value.
    lag : int
        At least 1.
    """
    later = np.concatenate([values[lag:] for values in sessions])
    earlier = np.concatenate([values[: max(values.size - lag, 0)] for values in sessions])
    both = np.isfinite(later) & np.isfinite(earlier)
    return float(np.corrcoef(later[both], earlier[both])[0, 1])
