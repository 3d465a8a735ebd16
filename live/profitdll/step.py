"""The decision path inside the library's callback: a compiled step that runs on each event of a ticker.

The step's state (a nest of arrays) is laid into memory once, as compiled code holds it, and taken up inside the
callback by its address. So the callbacks know nothing of what decides, and stay compiled as they are.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
from numba import types
from numba.core.registry import cpu_target

from live.memory import load_i8, record_at, store_release, typed_intrinsic
from live.profitdll.notices import post
from live.profitdll.table import keep, table, table_address
from market.types import EVENT
from trading.broker import broker_event
from trading.core import Core
from trading.desk import REQUESTS
from trading.paper import Trader, paper_event

HEADER = 64  # bytes before the state; the first word counts the requests that are whole


@dataclass(frozen=True)
class Step:
    """A compiled step: its address and that of its state, as `Market.decide` takes them."""

    address: int
    state: int


def desk_step(core: Core) -> Step:
    """Return the step of a desk whose orders go to the broker; what it asks for wakes the order thread."""

    def step(take: Callable[[int], Any]) -> Callable[[int, int], int]:
        def run(state: int, at: int) -> int:
            held = take(state + HEADER)
            made = broker_event(held, record_at(at, EVENT), False)
            if held.desk.counts[REQUESTS] != load_i8(state):
                store_release(state, held.desk.counts[REQUESTS])
                post(table_address())
            return made

        return run

    return _build(step, core)


def paper_step(trader: Trader) -> Step:
    """Return the step of a trader with its paper venue, exactly as a replay runs it."""

    def step(take: Callable[[int], Any]) -> Callable[[int, int], int]:
        def run(state: int, at: int) -> int:
            held = take(state + HEADER)
            return paper_event(held[0], held[1], record_at(at, EVENT))

        return run

    return _build(step, (trader.core, trader.venue))


def _build(step: Callable[[Callable[[int], Any]], Callable[[int, int], int]], state: Any) -> Step:
    """Compile a step for the type of its state, and lay the state down."""
    table()  # its symbol must stand before anything is compiled that reads it
    kind = numba.typeof(state)
    context = cpu_target.target_context
    room = ctypes.create_string_buffer(HEADER + 64 + context.get_abi_sizeof(context.get_value_type(kind)))
    keep(room)
    keep(state)
    address = (ctypes.addressof(room) + 63) & ~63
    _lay_down(kind)(state, address + HEADER)
    signature = types.int32(types.int64, types.int64)
    compiled = numba.cfunc(signature, error_model="numpy", _nrt=False)(step(_taker(kind)))
    keep(compiled)
    return Step(int(compiled.address), address)


def _taker(kind: Any) -> Callable[[int], Any]:
    """Return a compiled function of an address that takes up a state that was laid down there."""

    @typed_intrinsic
    def take(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.load(builder.inttoptr(arguments[0], context.get_value_type(kind).as_pointer()))

        return kind(types.int64), generate

    return take


def _lay_down(kind: Any) -> Callable[[Any, int], None]:
    """Return a compiled function that lays a state down at an address, as compiled code holds it."""

    @typed_intrinsic
    def store(typing: Any, state: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = builder.inttoptr(arguments[1], context.get_value_type(kind).as_pointer())
            builder.store(arguments[0], place)
            return context.get_dummy_value()

        return types.void(kind, types.int64), generate

    def lay_down(state: Any, address: int) -> None:
        store(state, address)

    laid: Callable[[Any, int], None] = numba.njit(types.void(kind, types.int64), error_model="numpy", _nrt=False)(
        lay_down
    )
    return laid
