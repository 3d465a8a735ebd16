"""The compiled passes of the pre-check: every record is looked at once, every defect counted and located.

Narrow fields are widened by `0 + x` or `0 - x` before their sign is taken: the magnitude of -128 does not fit in eight
bits.
"""

import numpy as np

from market.bars import enters_bars
from market.kernel import kernel
from market.precheck_defects import (
    BAR_SPIKE_PER_MILLE,
    CALL_OVER_NS,
    EARLY_NS,
    LONG_RUN,
    MOST_QUANTITY,
    MOST_VOLUME,
    SPIKE_PER_MILLE,
    SPIKE_TICKS,
    UNTYPED_PER_MILLE,
    Defect,
)
from market.readers.screen import LATE_NS
from market.readers.tick_table import CALL_NS
from market.trade_sizes import bar_beyond_its_trades, bar_has_more_trades
from market.types import Flag, Kind, Phase, TradeType

COUNT, FIRST, WORST = 0, 1, 2  # columns of a tally

_TRADE, _LEVEL_SET, _LEVEL_DELETE = int(Kind.TRADE), int(Kind.LEVEL_SET), int(Kind.LEVEL_DELETE)
_BOOK_CLEAR, _QUOTE, _STATE = int(Kind.BOOK_CLEAR), int(Kind.QUOTE_SIDE), int(Kind.STATE)
_EDIT, _GAP, _CLOCK = int(Kind.EDIT), int(Kind.GAP), int(Kind.CLOCK)
_INFERRED, _NO_AGGRESSOR, _EMPTY = int(Flag.INFERRED_AGGRESSOR), int(Flag.NO_AGGRESSOR), int(Flag.EMPTY)
_OPEN, _FROZEN, _INHIBITED, _CLOSED = int(Phase.OPEN), int(Phase.FROZEN), int(Phase.INHIBITED), int(Phase.CLOSED)
_AUCTION_PRINT, _UNKNOWN = int(TradeType.AUCTION), int(TradeType.UNKNOWN)
_VENDOR_UNKNOWN = 32
_CALL_NS, _LATE_NS = int(CALL_NS), int(LATE_NS)

# Nelogica's trade types (profitdll.md, table of enumerations), 0 for none sent.
_LISTED = np.zeros(256, dtype=np.bool_)
_LISTED[[*range(19), 32, 33, 34, 35]] = True

_SEQUENCE_BACK, _TIME_BACK = int(Defect.SEQUENCE_BACK), int(Defect.TIME_BACK)
_OUTSIDE_HOURS, _RECEIVED_EARLY = int(Defect.OUTSIDE_HOURS), int(Defect.RECEIVED_EARLY)
_UNKNOWN_KIND, _UNKNOWN_SIDE = int(Defect.UNKNOWN_KIND), int(Defect.UNKNOWN_SIDE)
_UNKNOWN_TYPE, _UNTYPED = int(Defect.UNKNOWN_TRADE_TYPE), int(Defect.UNTYPED_TRADES)
_NO_PRICE, _NO_QUANTITY = int(Defect.NO_PRICE), int(Defect.NO_QUANTITY)
_HUGE_QUANTITY, _SPIKE, _IN_HALT = int(Defect.HUGE_QUANTITY), int(Defect.PRICE_SPIKE), int(Defect.TRADE_IN_HALT)
_NUMBER_BACK, _NUMBER_REPEATED = int(Defect.TRADE_NUMBER_BACK), int(Defect.TRADE_NUMBER_REPEATED)
_CROSSED, _LOCKED = int(Defect.BOOK_CROSSED), int(Defect.BOOK_LOCKED)
_TIME_REPEATED, _OFF_GRID = int(Defect.TIME_REPEATED), int(Defect.OFF_GRID)
_HIGH_BELOW_LOW, _BODY_OUTSIDE = int(Defect.HIGH_BELOW_LOW), int(Defect.BODY_OUTSIDE_RANGE)
_HUGE_VOLUME, _UNUSUAL_VOLUME = int(Defect.HUGE_VOLUME), int(Defect.UNUSUAL_VOLUME)
_ZERO_RANGE = int(Defect.ZERO_RANGE_RUN)
_BAR_SPIKE, _MORE_TRADES = int(Defect.BAR_SPIKE), int(Defect.TRADES_BEYOND_VOLUME)
_FROZEN_FEED, _FLAT_FILLED = int(Defect.FROZEN_FEED), int(Defect.FLAT_FILLED)


@kernel
def note(tally: np.ndarray, defect: int, index: int, badness: int) -> None:
    """Count a defect at a record; the first place and the greatest badness stay."""
    if tally[defect, COUNT] == 0:
        tally[defect, FIRST], tally[defect, WORST] = index, badness
    tally[defect, COUNT] += 1
    tally[defect, WORST] = max(tally[defect, WORST], badness)


@kernel
def tally_events(events: np.ndarray, open_ns: int, close_ns: int, call_ns: int, tally: np.ndarray) -> None:
    """Add the defects of one session's events to `tally`, i8[defects, 3]; a closing call begins at `call_ns`.

    A book is judged when the clock moves on from its last change, for its two sides come one after the other. Orders
    meet in continuous trading alone: in a call, and after the close, the best bid may lie above the best ask.
    """
    phase, traded, trades, inferred = _OPEN, False, 0, False
    bid, ask, touched = 0, 0, -1
    number, before, last, last_at = 0, 0, 0, 0
    for i in range(events.size):
        event = events[i]
        ts, kind = event["ts_event_ns"], event["kind"]
        if i > 0:
            if event["sequence"] <= events[i - 1]["sequence"]:
                note(tally, _SEQUENCE_BACK, i, events[i - 1]["sequence"] - event["sequence"])
            then = events[i - 1]["ts_event_ns"]
            if ts < then:
                note(tally, _TIME_BACK, i, then - ts)
            if touched >= 0 and ts != then:
                if phase == _OPEN and then < call_ns and (traded or then >= open_ns + CALL_OVER_NS):
                    note_crossed(tally, touched, bid, ask)
                touched = -1
        if event["ts_recv_ns"] < ts - EARLY_NS:
            note(tally, _RECEIVED_EARLY, i, ts - event["ts_recv_ns"])
        if kind == _TRADE:
            note_trade(tally, i, event, phase)
            note_hours(tally, i, ts, open_ns, close_ns, 0)
            traded, trades = True, trades + 1
            inferred |= event["flags"] & np.uint32(_INFERRED | _NO_AGGRESSOR) != 0
            if event["trade_number"] != 0:
                if event["trade_number"] < number:
                    note(tally, _NUMBER_BACK, i, number - event["trade_number"])
                elif event["trade_number"] == number:
                    note(tally, _NUMBER_REPEATED, i, number)
                number = event["trade_number"]
            if enters_bars(event["trade_type"]) and event["price"] > 0:
                if is_spike(before, last, event["price"]):
                    note(tally, _SPIKE, last_at, abs(last - before))
                before, last, last_at = last, event["price"], i
        elif kind in (_QUOTE, _LEVEL_SET, _LEVEL_DELETE):
            note_level(tally, i, event)
            note_hours(tally, i, ts, open_ns, close_ns, _CALL_NS)
            if kind == _QUOTE or event["level"] == 0:
                price = 0 if kind == _LEVEL_DELETE else event["price"]
                touched = i
                if event["side"] > 0:
                    bid = price
                else:
                    ask = price
        elif kind == _STATE:
            phase = event["level"]
        elif kind in (_BOOK_CLEAR, _GAP):
            bid, ask, touched = 0, 0, -1
        elif kind == _EDIT:
            note_hours(tally, i, ts, open_ns, close_ns, 0)
        elif kind != _CLOCK:
            note(tally, _UNKNOWN_KIND, i, kind)
    last_ns = events[-1]["ts_event_ns"] if events.size else 0
    if touched >= 0 and phase == _OPEN and last_ns < call_ns and (traded or last_ns >= open_ns + CALL_OVER_NS):
        note_crossed(tally, touched, bid, ask)
    settle_untyped(tally, trades, inferred)


@kernel
def note_trade(tally: np.ndarray, i: int, event: np.void, phase: int) -> None:
    """Note what is wrong with a trade by itself."""
    if event["price"] <= 0:
        note(tally, _NO_PRICE, i, 0 - event["price"])
    if event["quantity"] <= 0:
        note(tally, _NO_QUANTITY, i, 0 - event["quantity"])
    elif event["quantity"] > MOST_QUANTITY:
        note(tally, _HUGE_QUANTITY, i, event["quantity"])
    side = abs(0 + event["side"])
    if side > 1:
        note(tally, _UNKNOWN_SIDE, i, side)
    listed = _LISTED[event["trade_type"]]
    if not listed:
        note(tally, _UNKNOWN_TYPE, i, event["trade_type"])
    if not listed or event["trade_type"] == _UNKNOWN or event["trade_type"] == _VENDOR_UNKNOWN:
        note(tally, _UNTYPED, i, 0)
    halted = phase in (_FROZEN, _INHIBITED, _CLOSED)
    if halted or (phase != _OPEN and event["trade_type"] != _AUCTION_PRINT):
        note(tally, _IN_HALT, i, phase)


@kernel
def note_level(tally: np.ndarray, i: int, event: np.void) -> None:
    """Note what is wrong with a quote or a level by itself; a quote may empty its side and lack its size."""
    side = abs(0 + event["side"])
    if side != 1:
        note(tally, _UNKNOWN_SIDE, i, side)
    least = 1 if event["kind"] == _LEVEL_SET else 0
    if event["kind"] != _LEVEL_DELETE:
        if event["price"] < least:
            note(tally, _NO_PRICE, i, 0 - event["price"])
        if event["quantity"] < least:
            note(tally, _NO_QUANTITY, i, 0 - event["quantity"])


@kernel
def note_hours(tally: np.ndarray, i: int, ts: int, opens: int, closes: int, early_ns: int) -> None:
    """Note a time more than `early_ns` before the open, or later after the close than prints may still arrive."""
    if ts < opens - early_ns:
        note(tally, _OUTSIDE_HOURS, i, opens - ts)
    elif ts >= closes + _LATE_NS:
        note(tally, _OUTSIDE_HOURS, i, ts - closes)


@kernel
def note_crossed(tally: np.ndarray, i: int, bid: int, ask: int) -> None:
    """Note a book of two sides whose bid is above its ask, or at it."""
    if ask > 0 and bid > ask:
        note(tally, _CROSSED, i, bid - ask)
    elif ask > 0 and bid == ask:
        note(tally, _LOCKED, i, 0)


@kernel
def is_spike(before: int, price: int, after: int) -> bool:
    """Tell whether a price lies far from both its neighbours, on one side of them, and they lie together."""
    if before <= 0:
        return False
    far = max(SPIKE_TICKS, before * SPIKE_PER_MILLE // 1000)
    out, back = price - before, after - price
    return abs(out) > far and abs(back) > far and (out > 0) != (back > 0) and abs(after - before) <= far


@kernel
def settle_untyped(tally: np.ndarray, trades: int, inferred: bool) -> None:
    """Keep the count of trades without a known type where the source sends types and they are too many."""
    count = tally[_UNTYPED, COUNT]
    if inferred or count * 1000 <= trades * UNTYPED_PER_MILLE:
        tally[_UNTYPED, :] = 0
    else:
        tally[_UNTYPED, WORST] = count * 1000 // trades


@kernel
def tally_bars(bars: np.ndarray, sessions: np.ndarray, bar_ns: int, usual: np.ndarray, tally: np.ndarray) -> None:
    """Add the defects of bars to `tally`, i8[defects, 3].

    Parameters
    ----------
    bars, sessions : ndarray
        BAR and SESSION, oldest first.
    bar_ns : int
        Length of a bar.
    usual : ndarray
        f8[2], medians over the series: quantity per trade, quantity per bar; 0 where unknown.
    tally : ndarray
        What is counted.
    """
    at, flat, frozen, filled = 0, 0, 0, 0
    for i in range(bars.size):
        bar = bars[i]
        opens = bar["ts_open_ns"]
        if i > 0:
            step = opens - bars[i - 1]["ts_open_ns"]
            if step < 0:
                note(tally, _TIME_BACK, i, -step)
            elif step == 0:
                note(tally, _TIME_REPEATED, i, 0)
        while at + 1 < sessions.size and opens >= sessions[at + 1]["open_ns"]:
            at += 1
        while at > 0 and opens < sessions[at]["open_ns"]:
            at -= 1
        note_hours(tally, i, opens, sessions[at]["open_ns"], sessions[at]["close_ns"], 0)
        off = (opens - sessions[at]["open_ns"]) % bar_ns
        if off != 0 or bar["ts_close_ns"] - opens != bar_ns:
            note(tally, _OFF_GRID, i, max(off, abs(bar["ts_close_ns"] - opens - bar_ns)))
        note_shape(tally, i, bar)
        reach = reach_beyond(bars, i)
        if reach > max(SPIKE_TICKS, bar["close"] * BAR_SPIKE_PER_MILLE // 1000):
            note(tally, _BAR_SPIKE, i, reach)
        note_volume(tally, i, bar, usual)
        empty = bar["flags"] & np.uint32(_EMPTY) != 0
        zero_range = bar["high"] == bar["low"] and not empty
        flat = run(tally, _ZERO_RANGE, i, flat, zero_range and bar["volume"] > 0)
        same = i > 0 and not empty and repeats(bar, bars[i - 1])
        frozen = run(tally, _FROZEN_FEED, i, frozen, same and bar["volume"] > 0)
        filled = run(tally, _FLAT_FILLED, i, filled, zero_range and bar["volume"] == 0)
    run(tally, _ZERO_RANGE, bars.size, flat, False)
    run(tally, _FROZEN_FEED, bars.size, frozen, False)
    run(tally, _FLAT_FILLED, bars.size, filled, False)


@kernel
def reach_beyond(bars: np.ndarray, i: int) -> int:
    """Return by how many ticks a bar reaches beyond its open, its close and the bars beside it; 0 where it has none."""
    bar = bars[i]
    if bar["low"] <= 0:
        return 0
    highest, lowest = max(bar["open"], bar["close"]), min(bar["open"], bar["close"])
    for j in (max(i - 1, 0), min(i + 1, bars.size - 1)):
        if j != i:
            highest, lowest = max(highest, bars[j]["high"]), min(lowest, bars[j]["low"])
    return int(max(bar["high"] - highest, lowest - bar["low"]))


@kernel
def run(tally: np.ndarray, defect: int, i: int, length: int, goes_on: bool) -> int:
    """Return the length of a run with this bar; note the run before it where it ends and was long."""
    if goes_on:
        return length + 1
    if length >= LONG_RUN:
        note(tally, defect, i - length, length)
    return 0


@kernel
def repeats(bar: np.void, before: np.void) -> bool:
    """Tell whether a bar is the one before again. At a locked price limit prices stand still, but volumes differ."""
    ends = bar["open"] == before["open"] and bar["close"] == before["close"]
    same = ends and bar["high"] == before["high"] and bar["low"] == before["low"]
    return bool(same and (bar["high"] != bar["low"] or bar["volume"] == before["volume"]))


@kernel
def note_shape(tally: np.ndarray, i: int, bar: np.void) -> None:
    """Note prices that cannot be those of one bar."""
    lowest = min(min(bar["open"], bar["high"]), min(bar["low"], bar["close"]))
    if lowest <= 0:
        note(tally, _NO_PRICE, i, 0 - lowest)
    if bar["high"] < bar["low"]:
        note(tally, _HIGH_BELOW_LOW, i, bar["low"] - bar["high"])
    else:
        above = max(bar["open"], bar["close"]) - bar["high"]
        below = bar["low"] - min(bar["open"], bar["close"])
        if max(above, below) > 0:
            note(tally, _BODY_OUTSIDE, i, max(above, below))


@kernel
def note_volume(tally: np.ndarray, i: int, bar: np.void, usual: np.ndarray) -> None:
    """Note a volume below zero, one its trades cannot have made, or an unusual one where trades are not counted."""
    if bar["volume"] < 0:
        note(tally, _NO_QUANTITY, i, -bar["volume"])
    elif bar_beyond_its_trades(bar["volume"], bar["trades"], usual[0]):
        note(tally, _HUGE_VOLUME, i, bar["volume"])
    elif bar_has_more_trades(bar["volume"], bar["trades"]):
        note(tally, _MORE_TRADES, i, bar["trades"])
    elif bar["trades"] == 0 and usual[1] > 0 and bar["volume"] > MOST_VOLUME * usual[1]:
        note(tally, _UNUSUAL_VOLUME, i, bar["volume"])
