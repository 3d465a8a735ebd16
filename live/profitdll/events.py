"""Events from inside the library's callbacks: written into a ring, let out, and given to the ticker's step.

The step is the decision path. It sees what readers of the ring see and nothing else: what found no room, or could not
be read, leaves a GAP for both.
"""

from numba import types

from live.memory import caller, load_i8, load_u1, record_at, store_i8, store_u1
from live.profitdll.table import (
    BAR_NS,
    CALLS,
    DEPTH,
    DIRTY,
    EVENTS,
    EVENTS_RING,
    INSTRUMENT,
    LAST_CLOCK_NS,
    LAST_RECEIVED_NS,
    LEVELS,
    MISSED,
    NEXT_CLOCK_NS,
    OFFERS_STALE,
    STEP,
    STEP_STATE,
    count,
)
from live.ring import claim, drop, publish
from market.kernel import kernel
from market.types import EVENT, Kind

_BYTES = EVENT.itemsize
_GAP, _CLOCK = int(Kind.GAP), int(Kind.CLOCK)
UNKNOWN = 1 << 62  # of MISSED, with what is counted beside it: nobody knows how many
call_step = caller(types.int32, types.int64, types.int64)


@kernel
def begin_event(table: int, block: int, event_ns: int, received_ns: int, kind: int) -> int:
    """Return the address of a fresh event of a ticker, with what is due before it let out; 0 where there is no room.

    Due are a GAP where anything was lost, and a CLOCK at each boundary of the decision clock up to the event's time.
    """
    count(table, CALLS)
    ring = load_i8(table + EVENTS_RING)
    store_i8(block + LAST_RECEIVED_NS, received_ns)
    clocks = _clocks_due(block, event_ns)
    if claim(ring, 2 + clocks) == 0:
        drop(ring)
        miss(block)
        return 0
    _tell_clocks(table, block, ring, clocks)
    missed = load_i8(block + MISSED)
    if missed > 0:
        store_i8(block + MISSED, 0)
        at = claim(ring, 1)
        _fill(at, block, event_ns, received_ns, _GAP)
        record_at(at, EVENT)["quantity"] = missed if missed < UNKNOWN else 0
        end_event(table, block, at, True)
    at = claim(ring, 1)
    _fill(at, block, event_ns, received_ns, kind)
    return at


@kernel
def end_event(table: int, block: int, at: int, counts: bool) -> None:
    """Let an event out, and run the ticker's step on it. A CLOCK does not count: it has the next event's sequence."""
    publish(load_i8(table + EVENTS_RING))
    if counts:
        count(block, EVENTS)
    step = load_i8(block + STEP)
    if step != 0:
        call_step(step, load_i8(block + STEP_STATE), at)


@kernel
def miss(block: int) -> None:
    """Remember that an event of a ticker is missing."""
    count(block, MISSED)
    _lose_book(block)


@kernel
def miss_unknown(block: int) -> None:
    """Remember that events of a ticker may be missing, and nobody knows how many."""
    store_i8(block + MISSED, UNKNOWN)
    _lose_book(block)


@kernel
def _lose_book(block: int) -> None:
    """Forget the book: nobody knows it now, and the next notice tells every level."""
    for word in range(2 * LEVELS * 2):
        store_i8(block + DEPTH + 8 * word, -1)
    mark_from(block, 0, 0)
    mark_from(block, 1, 0)
    store_i8(block + OFFERS_STALE, 1)


@kernel
def mark_from(block: int, row: int, level: int) -> None:
    """Remember from which level on a side of the depth has to be read again."""
    dirty = block + DIRTY + row
    marked = load_u1(dirty)
    store_u1(dirty, level + 1 if marked == 0 else min(marked, level + 1))


@kernel
def end_clock(table: int, block: int) -> None:
    """Let out each CLOCK up to the session's close, once the library calls no more: no event will bring them."""
    ring, clocks = load_i8(table + EVENTS_RING), _clocks_due(block, load_i8(block + LAST_CLOCK_NS))
    if claim(ring, clocks) != 0:
        _tell_clocks(table, block, ring, clocks)


@kernel
def _tell_clocks(table: int, block: int, ring: int, clocks: int) -> None:
    for _ in range(clocks):
        due = load_i8(block + NEXT_CLOCK_NS)
        _fill(claim(ring, 1), block, due, due, _CLOCK)
        end_event(table, block, claim(ring, 1), False)
        store_i8(block + NEXT_CLOCK_NS, due + load_i8(block + BAR_NS))


@kernel
def _clocks_due(block: int, event_ns: int) -> int:
    following, bar_ns = load_i8(block + NEXT_CLOCK_NS), load_i8(block + BAR_NS)
    last = min(event_ns, load_i8(block + LAST_CLOCK_NS))
    if bar_ns == 0 or following > last:
        return 0
    return int((last - following) // bar_ns + 1)


@kernel
def _fill(at: int, block: int, event_ns: int, received_ns: int, kind: int) -> None:
    """Write what every event has; the rest is zero."""
    for word in range(0, _BYTES, 8):
        store_i8(at + word, 0)
    event = record_at(at, EVENT)
    event["ts_event_ns"], event["ts_recv_ns"] = event_ns, received_ns
    event["sequence"], event["instrument"] = load_i8(block + EVENTS), load_i8(block + INSTRUMENT)
    event["kind"] = kind
