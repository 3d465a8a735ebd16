"""The desk: the account, its limits, its orders and what it has recorded in the session.

An order changes only through the transition table. At most one order of each role works at a time, so a working
order is found by its role.
"""

from typing import NamedTuple

import numpy as np

from market.kernel import kernel
from trading.records import OrderRole, OrderState, OrderType

DECISIONS, ORDERS, FILLS, LOST = range(4)  # places in Desk.counts; LOST counts what found no room
ROLES = len(OrderRole) + 1  # working orders stand at their role's number
_NO_ORDER = -1
ROOM_ORDERS = 4  # of a bracket
ROOM_FILLS = 32

_PENDING_NEW, _ACCEPTED = int(OrderState.PENDING_NEW), int(OrderState.ACCEPTED)
_PARTIALLY_FILLED, _FILLED = int(OrderState.PARTIALLY_FILLED), int(OrderState.FILLED)
_PENDING_CANCEL, _CANCELED = int(OrderState.PENDING_CANCEL), int(OrderState.CANCELED)
_REJECTED, _EXPIRED = int(OrderState.REJECTED), int(OrderState.EXPIRED)
_STOP, _TARGET = int(OrderRole.STOP), int(OrderRole.TARGET)
_MARKET_TYPE, _LIMIT_TYPE, _STOP_TYPE = int(OrderType.MARKET), int(OrderType.LIMIT), int(OrderType.STOP)


def _transition_table() -> np.ndarray:
    allowed = {
        OrderState.PENDING_NEW: (_ACCEPTED, _PARTIALLY_FILLED, _FILLED, _CANCELED, _REJECTED, _EXPIRED),
        OrderState.ACCEPTED: (_PARTIALLY_FILLED, _FILLED, _PENDING_CANCEL, _CANCELED, _EXPIRED),
        OrderState.PARTIALLY_FILLED: (_PARTIALLY_FILLED, _FILLED, _PENDING_CANCEL, _CANCELED, _EXPIRED),
        # A fill that arrives before the cancel leaves the cancel pending.
        OrderState.PENDING_CANCEL: (_FILLED, _CANCELED, _EXPIRED),
    }
    size = max(OrderState) + 1
    table = np.zeros((size, size), dtype=np.uint8)
    for state, following in allowed.items():
        table[state, list(following)] = 1
    table.setflags(write=False)
    return table


TRANSITIONS = _transition_table()  # [from, to] is 1 where allowed; no way leads out of a final state


class Desk(NamedTuple):
    """Arrays of the trading state; the session's records are filled from the front.

    Attributes
    ----------
    account, limits, terms, market : ndarray, length 1
        ACCOUNT, LIMITS, TERMS and MARKET.
    working : ndarray of int64, shape (ROLES,)
        Place in `orders` of the working order of each role, -1 where none works.
    decisions, orders, fills : ndarray
        DECISION, ORDER (with its latest state) and FILL.
    equity : ndarray of float64
        R$ after each decision's bar.
    counts : ndarray of int64, shape (4,)
        How many decisions, orders and fills were written, and how many records found no room.
    """

    account: np.ndarray
    limits: np.ndarray
    terms: np.ndarray
    market: np.ndarray
    working: np.ndarray
    decisions: np.ndarray
    orders: np.ndarray
    fills: np.ndarray
    equity: np.ndarray
    counts: np.ndarray


@kernel
def advance(order: np.void, state: int) -> bool:
    """Move an order to a state; return False and leave it where the table does not allow that."""
    if TRANSITIONS[order["state"], state] == 0:
        return False
    order["state"] = state
    return True


@kernel
def has_room(desk: Desk) -> bool:
    """Tell whether a whole bracket and its fills can still be recorded."""
    orders = desk.orders.size - desk.counts[ORDERS]
    return bool(orders >= ROOM_ORDERS and desk.fills.size - desk.counts[FILLS] >= ROOM_FILLS)


@kernel
def add_order(desk: Desk, role: int, side: int, quantity: int, decision: int) -> int:
    """Write a new order in state PENDING_NEW and let it work; its type follows from its role, prices are the caller's.

    Returns
    -------
    int
        Its place in `orders`; -1 where there is no room.
    """
    place = desk.counts[ORDERS]
    if place >= desk.orders.size:
        desk.counts[LOST] += 1
        return _NO_ORDER
    account, order = desk.account[0], desk.orders[place]
    account["last_order_id"] += 1
    order["id"] = account["last_order_id"]
    order["ts_ns"] = desk.market[0]["now_ns"]
    order["decision"] = decision
    order["quantity"] = quantity
    order["filled"] = order["price"] = order["stop_price"] = 0
    order["stop_distance"] = order["target_distance"] = 0
    order["instrument"] = desk.terms[0]["instrument"]
    order["role"] = role
    order["side"] = side
    order["type"] = _STOP_TYPE if role == _STOP else _LIMIT_TYPE if role == _TARGET else _MARKET_TYPE
    order["state"] = _PENDING_NEW
    order["reason"] = 0
    desk.counts[ORDERS] += 1
    desk.working[role] = place
    return int(place)


@kernel
def end_order(desk: Desk, role: int, state: int) -> None:
    """Move the working order of a role to a final state and let it work no more."""
    place = desk.working[role]
    if place >= 0 and advance(desk.orders[place], state):
        desk.working[role] = _NO_ORDER


@kernel
def cancel_order(desk: Desk, role: int) -> None:
    """Ask for the cancel of a role's working order; one that was never sent is dead at once."""
    place = desk.working[role]
    if place < 0:
        return
    if desk.orders[place]["state"] == _PENDING_NEW:
        end_order(desk, role, _CANCELED)
    else:
        advance(desk.orders[place], _PENDING_CANCEL)


@kernel
def record_fill(desk: Desk, fill: np.void) -> bool:
    """Write a fill; return False where there is no room."""
    place = desk.counts[FILLS]
    if place >= desk.fills.size:
        desk.counts[LOST] += 1
        return False
    desk.fills[place] = fill
    desk.counts[FILLS] += 1
    return True


@kernel
def fill_order(desk: Desk, fill: np.void) -> None:
    """Count a fill on its order."""
    place = desk.working[fill["role"]]
    if place < 0:
        return
    order = desk.orders[place]
    order["filled"] += fill["quantity"]
    if order["filled"] >= order["quantity"]:
        end_order(desk, fill["role"], _FILLED)
    elif order["state"] != _PENDING_CANCEL:
        advance(order, _PARTIALLY_FILLED)
