"""The venue's records, and what it tells.

A venue holds the working orders of one instrument and one account, in the order of their arrival. It draws nothing but
latencies, and those from the number of the request alone; so the same requests and events give the same reports.
"""

from typing import NamedTuple

import numpy as np

from market.book import Book, new_book
from market.kernel import kernel
from market.types import Phase
from trading.fills.depth import UNKNOWN_QUEUE
from trading.policy import MILLISECOND_NS, VenueParams
from trading.records import OrderState
from trading.requests import REPORT, Refusal, RequestKind

ADVERSE_TICKS = 1  # without a book a market order pays this on top of the next trade
SLOTS = 16  # orders that can work at a time
REMEMBERED = 64  # orders that ended
ROOM = 1024  # reports that can wait to be taken
NEVER = np.iinfo(np.int64).max
NO_FLOOR = np.iinfo(np.int32).min

WAITING, RESTING, ARMED, DONE = range(4)  # no book met yet; in the queue; a stop not yet triggered; dead

SLOT = np.dtype(
    [
        ("id", "<i8"),  # client order id
        ("arrival_ns", "<i8"),  # since when it has its place
        ("notional", "<i8"),  # ticks x contracts
        ("ahead", "<i8"),  # contracts before it at its price; UNKNOWN_QUEUE
        ("shown", "<i8"),  # displayed at its price when last seen
        ("traded", "<i8"),  # at its price since then
        ("quantity", "<i4"),
        ("filled", "<i4"),
        ("price", "<i4"),
        ("stop_price", "<i4"),
        ("floor", "<i4"),  # of a triggered stop: side x price that no fill is better than
        ("instrument", "<i4"),
        ("side", "i1"),
        ("type", "u1"),  # OrderType; of a triggered stop what it has become
        ("stage", "u1"),
        ("state", "u1"),  # OrderState
        ("reserved", "u1", (4,)),
    ]
)

VENUE = np.dtype(
    [
        ("now_ns", "<i8"),
        ("session_ns", "<i8"),  # the session's open: with seed and number, what a latency is drawn from
        ("meet_ns", "<i8"),  # when the waiting orders meet the book; NEVER while nothing has changed
        ("reached_ns", "<i8"),  # arrival of the last request: none overtakes another
        ("report_latency_ns", "<i8"),
        ("seed", "<i8"),
        ("requests", "<i8"),  # taken this session: the place of the next one
        ("number", "<i8"),  # of the last report
        ("taken", "<i8"),  # number of the last report that was taken
        ("low", "<i4"),  # a trade between low and high concerns no working order
        ("high", "<i4"),
        ("last", "<i4"),  # price of the last trade; 0 before it
        ("slippage_ticks", "<i4"),
        ("rejection_ticks", "<i4"),  # 0 is off
        ("auction_ticks", "<i4"),
        ("working", "<i4"),
        ("dead", "<i4"),  # remembered so far
        ("queued", "<i4"),  # orders whose place in the queue the next change of the book may tell
        ("phase", "u1"),
        ("shares_cancels", "u1"),
        ("reserved", "u1", (2,)),
    ]
)

_FILLED, _PARTIALLY_FILLED = int(OrderState.FILLED), int(OrderState.PARTIALLY_FILLED)
_REJECTED, _NONE = int(OrderState.REJECTED), int(Refusal.NONE)
_OPEN_PHASE, _NEW = int(Phase.OPEN), int(RequestKind.NEW)
_LOWEST, _HIGHEST = np.iinfo(np.int32).min, np.iinfo(np.int32).max


class Venue(NamedTuple):
    """Arrays of the venue.

    Attributes
    ----------
    state : ndarray of VENUE, length 1
    working : ndarray of SLOT, shape (SLOTS + 1,)
        The first `state.working` of them, in order of arrival; one more to refuse an order in.
    dead : ndarray of SLOT, shape (REMEMBERED,)
        The last orders that ended, as a ring.
    reports : ndarray of REPORT, shape (ROOM,)
        A ring; the report of number n stands at (n - 1) % ROOM.
    book : Book
        What is displayed, less what our orders have taken.
    latency : ndarray of int64
        Quantiles, nanoseconds.
    """

    state: np.ndarray
    working: np.ndarray
    dead: np.ndarray
    reports: np.ndarray
    book: Book
    latency: np.ndarray


def new_venue(params: VenueParams) -> Venue:
    """Return a venue without orders."""
    state = np.zeros(1, dtype=VENUE)
    state["report_latency_ns"] = params.report_latency_ms * MILLISECOND_NS
    state["seed"], state["shares_cancels"] = params.seed, params.shares_cancels
    for name in ("slippage_ticks", "rejection_ticks", "auction_ticks"):
        state[name] = getattr(params, name)
    quantiles = params.latency_quantiles_ms or (params.latency_ms,)
    latency = np.array([round(value * MILLISECOND_NS) for value in quantiles], dtype=np.int64)
    slots = np.zeros(SLOTS + 1, dtype=SLOT), np.zeros(REMEMBERED, dtype=SLOT)
    venue = Venue(state, *slots, np.zeros(ROOM, dtype=REPORT), new_book(), latency)
    reset_venue(venue, 0)
    return venue


@kernel
def reset_venue(venue: Venue, open_ns: int) -> None:
    """Forget orders, book and reports, as a new session begins."""
    state = venue.state[0]
    state["now_ns"] = state["reached_ns"] = state["requests"] = state["number"] = state["taken"] = 0
    state["session_ns"] = open_ns
    state["last"] = state["working"] = state["dead"] = 0
    state["meet_ns"] = NEVER
    state["phase"] = _OPEN_PHASE
    for place in range(REMEMBERED):
        venue.dead[place]["id"] = 0
    venue.book.header[:] = 0
    settle_slots(venue)


@kernel
def leaves(slot: np.void) -> int:
    """Return the contracts that an order still asks for."""
    return int(slot["quantity"]) - int(slot["filled"])


@kernel
def tell(venue: Venue, slot: np.void, kind: int, refusal: int) -> None:
    """Report how an order stands.

    Parameters
    ----------
    kind : int
        RequestKind that is answered, 0 where none is.
    refusal : int
        Refusal of that request, NONE where it was taken.
    """
    state = venue.state[0]
    report = venue.reports[state["number"] % ROOM]
    state["number"] += 1
    report["ts_ns"] = state["now_ns"]
    report["number"] = state["number"]
    report["order"] = slot["id"]
    report["notional"] = slot["notional"]
    report["filled"] = slot["filled"]
    report["quantity"] = slot["quantity"]
    report["price"] = slot["price"]
    report["stop_price"] = slot["stop_price"]
    report["instrument"] = slot["instrument"]
    report["state"] = slot["state"]
    report["kind"] = kind
    rejected = kind == _NEW and slot["state"] == _REJECTED
    report["refused"] = 1 if refusal != _NONE and not rejected else 0
    report["reason"] = refusal


@kernel
def fill(venue: Venue, slot: np.void, price: int, quantity: int) -> None:
    """Fill contracts of an order at a price and report it."""
    slot["filled"] += quantity
    slot["notional"] += np.int64(price) * quantity
    if slot["filled"] >= slot["quantity"]:
        slot["state"], slot["stage"] = _FILLED, DONE
    else:
        slot["state"] = _PARTIALLY_FILLED
    tell(venue, slot, 0, _NONE)


@kernel
def settle_slots(venue: Venue) -> None:
    """Put dead orders aside, and say anew which trades and which changes of the book concern the rest."""
    state, kept = venue.state[0], 0
    low, high, queued = _LOWEST, _HIGHEST, 0
    for place in range(state["working"]):
        slot = venue.working[place]
        if slot["stage"] == DONE:
            venue.dead[state["dead"] % REMEMBERED] = slot
            state["dead"] += 1
            continue
        if kept != place:
            venue.working[kept] = slot
        kept += 1
        if slot["stage"] == WAITING:
            low, high = _HIGHEST, _LOWEST
        elif (slot["stage"] == RESTING) == (slot["side"] > 0):
            low = max(low, int(slot["price"] if slot["stage"] == RESTING else slot["stop_price"]))
        else:
            high = min(high, int(slot["price"] if slot["stage"] == RESTING else slot["stop_price"]))
        if slot["stage"] == RESTING and (slot["ahead"] == UNKNOWN_QUEUE or state["shares_cancels"]):
            queued += 1
    state["working"], state["queued"] = kept, queued
    state["low"], state["high"] = low, high


@kernel
def find_slot(slots: np.ndarray, count: int, order: int) -> int:
    """Return the place of an order among the first `count` slots, -1 where it is not there."""
    for place in range(count):
        if slots[place]["id"] == order:
            return place
    return -1


@kernel
def report_due(venue: Venue) -> int:
    """Return when the next report reaches the desk, NEVER where none waits."""
    state = venue.state[0]
    if state["taken"] >= state["number"]:
        return NEVER
    return int(venue.reports[state["taken"] % ROOM]["ts_ns"] + state["report_latency_ns"])


@kernel
def next_report(venue: Venue) -> int:
    """Return the place of the next report, to be read before ROOM more are made; only where `report_due` names a time.

    Returns
    -------
    int
        Place in `reports`.
    """
    state = venue.state[0]
    state["taken"] += 1
    return int((state["taken"] - 1) % ROOM)


@kernel
def is_quiet(state: np.void, sent: int) -> bool:
    """Tell whether neither a report nor a request nor a meeting with the book is under way."""
    return bool(state["taken"] == state["number"] and state["requests"] >= sent and state["meet_ns"] == NEVER)
