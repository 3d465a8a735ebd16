"""The desk: the account, its limits, its orders and what it has recorded in the session."""

from typing import NamedTuple

import numpy as np

from market.kernel import kernel
from trading.records import OrderState

DECISIONS, ORDERS, FILLS, LOST, REQUESTS = range(5)  # places in Desk.counts; LOST counts what found no room
LEVELS = 3  # of targets
ROOM_ORDERS = 13  # of a bracket: entry, stop, targets, a close and an offset that are each repeated three times
ROOM_FILLS = 32
ROOM_REQUESTS = 64
DESK_ORDERS = 1_000_000_000  # ids of each desk of an account: no other one names an order alike
BLACKOUTS = 16  # windows a session may have

TICKET = np.dtype(
    [
        ("notional", "<i8"),  # sum of price x quantity of all fills so far, ticks x contracts
        ("number", "<i8"),  # of the newest report
        ("asked_ns", "<i8"),  # when the last request was sent
        ("asked_number", "<i8"),  # of the newest report then: what answers the request has a higher one
        ("quantity", "<i4"),  # in all, as the venue last told
        ("price", "<i4"),
        ("stop_price", "<i4"),
        ("refused_quantity", "<i4"),  # terms the venue has refused for good; zeros before
        ("refused_price", "<i4"),
        ("refused_stop", "<i4"),
        ("told", "u1"),  # OrderState by the venue; 0 before its first report
        ("kind", "u1"),  # RequestKind of the last request; 0 once a REPLACE is done
        ("asked", "u1"),  # 1 while it is unanswered
        ("attempts", "u1"),  # how often it was sent
        ("doubt", "u1"),  # 1 silent, 2 contradicted
        ("reserved", "u1", (3,)),
    ]
)

UNDUE = np.iinfo(np.int64).max

BRACKET = np.dtype(
    [
        ("due_ns", "<i8"),  # when `tick` next has something to judge though nothing happens; UNDUE where it has not
        ("exposed_ns", "<i8"),  # since when some of the position has no confirmed stop; 0 where all of it has
        ("opened_ns", "<i8"),  # when the entry first filled
        ("moved_ns", "<i8"),  # when the stop was last moved; 0 before
        ("close_ns", "<i8"),  # when the last FLATTEN was sent
        ("passed_ns", "<i8"),  # since when the price is beyond the stop's limit; 0 where it is not
        ("plan", "<i4", (LEVELS,)),  # contracts of each target level, fixed at the entry
        ("first", "<i4"),  # place from which on orders are this position's legs
        ("stop_price", "<i4"),  # where the stop should be
        ("extreme", "<i4"),  # best price since the entry
        ("trail", "<i4"),  # distance of the trailing stop, hundredths of a tick
        ("live", "<i4"),  # orders that are not dead
        ("oldest", "<i4"),  # place before which all orders are dead
        ("state", "u1"),  # BracketState
        ("side", "i1"),  # of the position that the last entry opened
        ("closing", "u1"),  # 1 once the position is to be closed at market
        ("cancel_entry", "u1"),  # 1 once the entry is to be cancelled
        ("passed", "u1"),  # 1 once the stop's limit was given up
        ("closes", "u1"),  # FLATTEN orders sent on `close_side`
        ("close_side", "i1"),
        ("levels", "u1"),  # target levels that are done
        ("fault", "u1"),  # RefusalReason of the halt; 0 where there is none
        ("reserved", "u1", (3,)),
    ]
)

_FILLED, _CANCELED = int(OrderState.FILLED), int(OrderState.CANCELED)
_REJECTED, _EXPIRED = int(OrderState.REJECTED), int(OrderState.EXPIRED)


class Desk(NamedTuple):
    """Arrays of the trading state; the session's records are filled from the front.

    Attributes
    ----------
    account, budget, limits, terms, market, bracket, exits : ndarray, length 1
        ACCOUNT, BUDGET (which other desks may share), LIMITS, TERMS, MARKET, BRACKET and EXITS; the exits are those of
        the next entry.
    blackouts : ndarray of int64, shape (BLACKOUTS, 2)
        Start (included) and end (not included) of each window of the session in which nothing is entered, nanoseconds
        UTC; zeros where there is none.
    decisions, orders, fills : ndarray
        DECISION, ORDER (with its latest state) and FILL.
    tickets : ndarray of TICKET, as long as `orders`
        What is asked and known of the order at the same place.
    requests : ndarray of REQUEST
        All that was sent; a venue or broker keeps its own place in it.
    fill : ndarray of FILL, length 1
        The fill at hand.
    equity : ndarray of float64
        R$ after each decision's bar.
    counts : ndarray of int64, shape (5,)
        How many decisions, orders and fills were written, how many records found no room, and how many requests.
    """

    account: np.ndarray
    budget: np.ndarray
    limits: np.ndarray
    terms: np.ndarray
    market: np.ndarray
    blackouts: np.ndarray
    bracket: np.ndarray
    exits: np.ndarray
    decisions: np.ndarray
    orders: np.ndarray
    tickets: np.ndarray
    requests: np.ndarray
    fills: np.ndarray
    fill: np.ndarray
    equity: np.ndarray
    counts: np.ndarray


@kernel
def is_dead(state: int) -> bool:
    """Tell whether an order in this state can never fill again."""
    return state in (_FILLED, _CANCELED, _REJECTED, _EXPIRED)


@kernel
def has_room(desk: Desk) -> bool:
    """Tell whether a whole bracket, its fills and its requests can still be recorded."""
    orders, fills = desk.orders.size - desk.counts[ORDERS], desk.fills.size - desk.counts[FILLS]
    return bool(orders >= ROOM_ORDERS and fills >= ROOM_FILLS and has_room_for_requests(desk))


@kernel
def has_room_for_requests(desk: Desk) -> bool:
    """Tell whether the requests still have room for more than they may have to hold to end a position."""
    return bool(desk.requests.size - desk.counts[REQUESTS] >= ROOM_REQUESTS)


@kernel
def find_order(desk: Desk, order_id: int) -> int:
    """Return the place of an order of this session, -1 where the id is none of ours."""
    place = order_id - desk.account[0]["first_order_id"]
    return int(place) if 0 <= place < desk.counts[ORDERS] else -1


@kernel
def find_live(desk: Desk, role: int, since: int) -> int:
    """Return the newest order of a role from a place on that is not dead, -1 where there is none."""
    for place in range(desk.counts[ORDERS] - 1, max(since, desk.bracket[0]["oldest"]) - 1, -1):
        order = desk.orders[place]
        if order["role"] == role and not is_dead(order["state"]):
            return place
    return -1
