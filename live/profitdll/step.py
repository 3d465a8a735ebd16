"""The decision path inside the library's callback: a compiled step that runs on each event of a ticker.

The step's state (a nest of arrays) is laid into memory once, as compiled code holds it, and taken up inside the
callback by its address. So the callbacks know nothing of what decides, and stay compiled as they are.

A header of words stands before the state. Whoever else works on the desk holds its lock meanwhile, as the step does.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core.registry import cpu_target

from live.lock import lock, unlock
from live.memory import load_i8, record_at, store_i8, store_release, typed_intrinsic
from live.profitdll.notices import post
from live.profitdll.table import keep, now_ns, table, table_address
from market.errors import SafetyRefusal
from market.kernel import kernel
from market.types import EVENT, Kind
from trading.broker import broker_clock, broker_event
from trading.core import Core
from trading.desk import REQUESTS, Desk
from trading.model import Model
from trading.paper import Trader, paper_event
from trading.records import BracketState

HEADER = 64  # bytes before the state
(
    ASKED,  # requests that are whole
    LOCK,
    EVENT_NS, RECEIVED_NS,  # exchange time of the last event, and when it came; a CLOCK comes with another event
    EVENTS,  # taken
    KEEPS_TIME,  # 1 where time passes between events, 0 where it stands still
    HEARD,  # 1 where reports came since the last event
) = range(0, 7 * 8, 8)  # fmt: skip

_CLOCK, _FLAT = int(Kind.CLOCK), int(BracketState.FLAT)


@dataclass(frozen=True)
class Step:
    """A compiled step: its address and that of its state, as `Market.decide` takes them.

    The state is taken up under the lock at every event: whoever holds the lock may lay down another.
    """

    address: int
    state: int
    laid: Any  # what lies there, as it was laid down

    @property
    def lock(self) -> int:
        """Address of the lock of its desk."""
        return self.state + LOCK


def desk_step(core: Core, *, keeps_time: bool = True) -> Step:
    """Return the step of a desk whose orders go to the broker; what it asks for wakes the order thread.

    Parameters
    ----------
    core : Core
    keeps_time : bool
        Whether time passes between events, or stands still as in a session that waits for its client.
    """
    made = _build(_run_desk, core)
    (ctypes.c_int64 * (HEADER // 8)).from_address(made.state)[KEEPS_TIME // 8] = keeps_time
    return made


def paper_step(trader: Trader) -> Step:
    """Return the step of a trader with its paper venue, exactly as a replay runs it."""
    return _build(_run_paper, (trader.core, trader.venue))


def _run_desk(laid: Any, at: int) -> int:
    state, event = _address(laid), record_at(at, EVENT)
    lock(state + LOCK)
    held = _take(laid)
    heard = load_i8(state + HEARD) != 0
    if event["kind"] == _CLOCK:
        made = broker_clock(held, event, heard, desk_time(state, now_ns(table_address())))
    else:
        made = broker_event(held, event, heard)
    store_i8(state + HEARD, 0)
    asks = let_out(state, held.desk)
    _note(state, event)
    unlock(state + LOCK)
    if asks:
        post(table_address())
    return int(made)


def _run_paper(laid: Any, at: int) -> int:
    state, event = _address(laid), record_at(at, EVENT)
    lock(state + LOCK)
    held = _take(laid)
    made = paper_event(held[0], held[1], event)
    _note(state, event)
    unlock(state + LOCK)
    return int(made)


def change_model(step: Step, core: Core, model: Model) -> np.ndarray | None:
    """Let a step decide with another model of the same schema from its next event on, if its desk is flat.

    Parameters
    ----------
    step : Step
    core : Core
        That the step was built of.
    model : Model

    Returns
    -------
    ndarray of int64 or None
        `Desk.counts` at the change; None, and nothing is changed, where a position or an order is open.

    Raises
    ------
    SafetyRefusal
        If the model's arrays are of other kinds.
    """
    other = core._replace(model=model)
    laid = other if isinstance(step.laid, Core) else (other, step.laid[1])
    if numba.typeof(laid) != numba.typeof(step.laid):  # it would not lie as compiled code takes it up
        raise SafetyRefusal(
            "model: expected arrays of the kinds the step was built for, found others; restart to take it"
        )
    keep(laid)
    counts = np.zeros_like(core.desk.counts)
    return counts if _lay_down_when_flat(laid, step.state, core.desk, counts) else None


@kernel
def _lay_down_when_flat(laid: Any, state: int, desk: Desk, counts: np.ndarray) -> bool:
    lock(state + LOCK)
    bracket = desk.bracket[0]
    flat = desk.account[0]["position"] == 0 and bracket["state"] == _FLAT and bracket["live"] == 0
    if flat:
        _store(laid, state + HEADER)
        for place in range(counts.size):
            counts[place] = desk.counts[place]
    unlock(state + LOCK)
    return bool(flat)


@kernel
def let_out(state: int, desk: Desk) -> bool:
    """Let the order thread see the requests that are new; return whether there are any."""
    if load_i8(state + ASKED) == desk.counts[REQUESTS]:
        return False
    store_release(state + ASKED, desk.counts[REQUESTS])
    return True


@kernel
def desk_time(state: int, at_ns: int) -> int:
    """Return the desk's time at a time of the system's: that of the last event, 0 before one, and what has passed."""
    event_ns = load_i8(state + EVENT_NS)
    return int(event_ns + max(at_ns - load_i8(state + RECEIVED_NS), 0)) if event_ns > 0 else 0


@kernel
def _note(state: int, event: np.void) -> None:
    """Write down that an event was taken, and when."""
    store_i8(state + EVENTS, load_i8(state + EVENTS) + 1)
    if event["kind"] != _CLOCK:
        store_i8(state + EVENT_NS, event["ts_event_ns"])
        store_i8(state + RECEIVED_NS, event["ts_recv_ns"])


def _build(run: Callable[[Any, int], int], state: Any) -> Step:
    """Compile a step for the type of its state, once for this machine, and lay the state down."""
    table()  # its symbol must stand before anything is compiled that reads it
    kind = numba.typeof(state)
    context = cpu_target.target_context
    room = ctypes.create_string_buffer(HEADER + 64 + context.get_abi_sizeof(context.get_value_type(kind)))
    keep(room)
    keep(state)
    address = (ctypes.addressof(room) + 63) & ~63
    _lay_down(state, address + HEADER)
    # The state's type stands in the signature, by which compiled code is found again.
    signature = types.int32(types.CPointer(kind), types.int64)
    compiled = numba.cfunc(signature, cache=True, error_model="numpy", _nrt=False)(run)
    keep(compiled)
    return Step(int(compiled.address), address, state)


@typed_intrinsic
def _address(typing: Any, laid: Any) -> Any:
    """Return where the header before a state lies."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ptrtoint(arguments[0], context.get_value_type(types.int64))

    return types.int64(laid), generate


@typed_intrinsic
def _take(typing: Any, laid: Any) -> Any:
    """Take up the state that was laid down behind its header."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = context.get_value_type(types.int64)
        place = builder.add(builder.ptrtoint(arguments[0], word), word(HEADER))
        return builder.load(builder.inttoptr(place, context.get_value_type(laid.dtype).as_pointer()))

    return laid.dtype(laid), generate


@kernel
def _lay_down(state: Any, address: int) -> None:
    """Lay a state down at an address, as compiled code holds it."""
    _store(state, address)


@typed_intrinsic
def _store(typing: Any, state: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[0], builder.inttoptr(arguments[1], context.get_value_type(state).as_pointer()))
        return context.get_dummy_value()

    return types.void(state, address), generate
