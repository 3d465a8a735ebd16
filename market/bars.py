"""Bars from events, closed by the clock."""

import numpy as np

from market.kernel import kernel
from market.types import BAR, Flag, Kind, TradeType

_TRADE = int(Kind.TRADE)
_GAP = int(Kind.GAP)
_UNKNOWN, _BUY = int(TradeType.UNKNOWN), int(TradeType.BUY_AGGRESSION)
_SELL, _AUCTION, _RLP = int(TradeType.SELL_AGGRESSION), int(TradeType.AUCTION), int(TradeType.RLP)
_EMPTY, _AFTER_GAP = int(Flag.EMPTY), int(Flag.AFTER_GAP)
_INHERITED = int(Flag.INFERRED_AGGRESSOR | Flag.SYNTHETIC | Flag.BACK_ADJUSTED)
_NO_AGGRESSOR = int(Flag.NO_AGGRESSOR)


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
    return trade_type in (_UNKNOWN, _BUY, _SELL, _AUCTION, _RLP)


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
    bar["flags"] |= event["flags"] & np.uint32(_INHERITED)
    if side > 0:
        bar["buy_volume"] += quantity
        bar["buy_trades"] += 1
    elif side < 0:
        bar["sell_volume"] += quantity
        bar["sell_trades"] += 1


@kernel
def fill_bars(events: np.ndarray, open_ns: int, bar_ns: int, out: np.ndarray) -> int:
    """Fill `out`, zeroed and one record per whole interval of the session; return how many bars there are."""
    count, interval, event = 0, 0, 0
    previous, instrument, gap = 0, 0, False
    while interval < out.size:
        end = open_ns + (interval + 1) * bar_ns
        bar = out[count]
        while event < events.size and events[event]["ts_event_ns"] < end:
            kind = events[event]["kind"]
            if kind == _TRADE and enters_bars(events[event]["trade_type"]):
                add_trade(bar, events[event])
            elif kind == _GAP:
                gap = True
            event += 1
        if bar["trades"] > 0:
            previous, instrument = bar["close"], bar["instrument"]
            if bar["buy_trades"] + bar["sell_trades"] == 0:
                bar["flags"] |= np.uint32(_NO_AGGRESSOR)
        elif count > 0:
            bar["open"] = bar["high"] = bar["low"] = bar["close"] = previous
            bar["instrument"] = instrument
            bar["flags"] |= np.uint32(_EMPTY)
        if bar["trades"] > 0 or count > 0:
            bar["ts_open_ns"], bar["ts_close_ns"] = end - bar_ns, end
            if gap:
                bar["flags"] |= np.uint32(_AFTER_GAP)
            gap = False
            count += 1
        interval += 1
    return count
