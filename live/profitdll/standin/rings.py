"""The venue's ends of the two rings, and its writes to the tables, compiled (wire.h says how they are read)."""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from live.profitdll.standin.wire import EVENT_HEAD, EVENT_TAIL, EVENTS, REQUEST_HEAD, REQUEST_TAIL, REQUESTS, Wire
from market.kernel import kernel

_SLOTS = EVENTS - 1


@intrinsic  # type: ignore[untyped-decorator]
def store_release(typing_context: Any, words: Any, place: Any, value: Any) -> Any:
    """Store a word of an int64 array so that all that was written before is seen with it."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        address = builder.gep(array.data, [args[1]])
        builder.store_atomic(args[2], address, "release", 8)
        return context.get_dummy_value()

    return types.void(words, types.int64, types.int64), emit


@intrinsic  # type: ignore[untyped-decorator]
def load_acquire(typing_context: Any, words: Any, place: Any) -> Any:
    """Load a word of an int64 array; what was written before it was stored is seen after it."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        address = builder.gep(array.data, [args[1]])
        return builder.load_atomic(address, "acquire", 8)

    return types.int64(words, types.int64), emit


@intrinsic  # type: ignore[untyped-decorator]
def fence_release(typing_context: Any) -> Any:
    """Let no store after this be seen before one made earlier."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.fence("release")
        return context.get_dummy_value()

    return types.void(), emit


@kernel
def free_slots(cursors: np.ndarray) -> int:
    """Return how many events the ring has room for."""
    return int(EVENTS - (cursors[EVENT_HEAD] - load_acquire(cursors, EVENT_TAIL)))


@kernel
def publish(wire: Wire, event: np.void, payload: np.ndarray) -> bool:
    """Put an event and its payload into the ring; False where there is no room.

    Parameters
    ----------
    event : WIRE_EVENT record
        Its `extra` is set here.
    payload : ndarray of WIRE_EVENT
        Slots that follow it, seen as raw bytes; empty where it has none.
    """
    if free_slots(wire.cursors) < 1 + payload.size:
        return False
    head = wire.cursors[EVENT_HEAD]
    event["extra"] = payload.size
    wire.events[head & _SLOTS] = event
    for place in range(payload.size):
        wire.events[(head + 1 + place) & _SLOTS] = payload[place]
    store_release(wire.cursors, EVENT_HEAD, head + 1 + payload.size)
    return True


@kernel
def next_request(wire: Wire) -> int:
    """Return the place of the next request, -1 where there is none; `request_done` frees it."""
    tail = wire.cursors[REQUEST_TAIL]
    if load_acquire(wire.cursors, REQUEST_HEAD) == tail:
        return -1
    return int(tail & (REQUESTS - 1))


@kernel
def request_done(wire: Wire) -> None:
    """Free the request that was read."""
    store_release(wire.cursors, REQUEST_TAIL, wire.cursors[REQUEST_TAIL] + 1)


@kernel
def store_row(table: np.ndarray, place: int, row: np.void) -> None:
    """Write a row of a table so that no reader sees half of it."""
    sequence = table[place]["sequence"]
    table[place]["sequence"] = sequence | np.uint32(1)
    fence_release()
    row["sequence"] = sequence | np.uint32(1)
    table[place] = row
    fence_release()
    table[place]["sequence"] = (sequence | np.uint32(1)) + np.uint32(1)
