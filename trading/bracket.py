"""The bracket: an entry's first fill makes a stop and a target, and whatever closes the position ends the rest.

The legs and a flatten always ask for exactly what is open. So a leg that fills while a flatten is under way reduces
what the flatten closes, and nothing can turn the position over.
"""

import numpy as np

from market.kernel import kernel
from trading.desk import Desk, add_order, cancel_order, fill_order, record_fill
from trading.positions import apply_fill
from trading.records import OrderRole, RefusalReason
from trading.risk import halt

_ENTRY, _STOP, _TARGET, _FLATTEN = (int(role) for role in OrderRole)
_OUTPUT_FULL = int(RefusalReason.OUTPUT_FULL)


@kernel
def take_fill(desk: Desk, fill: np.void) -> None:
    """Book a fill and bring the bracket in line with the position.

    A fill that finds no room is booked all the same; the account is halted.
    """
    account = desk.account[0]
    if account["position"] == 0:
        account["entry_price"] = fill["price"]
        account["entry_bar"] = account["bars"]
        account["entry_order"] = fill["order"]
    apply_fill(account, fill)
    fill_order(desk, fill)
    if not record_fill(desk, fill):
        halt(account, _OUTPUT_FULL)
    if account["position"] == 0:
        account["entry_price"] = 0
        for role in range(_ENTRY, _FLATTEN + 1):
            cancel_order(desk, role)
    else:
        protect(desk)


@kernel
def pending_entry(desk: Desk) -> int:
    """Return the contracts of the working entry still to fill, signed."""
    place = desk.working[_ENTRY]
    if place < 0:
        return 0
    order = desk.orders[place]
    return int(order["side"]) * int(order["quantity"] - order["filled"])


@kernel
def protect(desk: Desk) -> None:
    """Give the open position its stop, then its target, and set every exit to the quantity that is open."""
    account = desk.account[0]
    open_quantity = abs(account["position"])
    for role in (_STOP, _TARGET):
        if desk.working[role] < 0:
            _add_leg(desk, role, open_quantity)
    for role in (_STOP, _TARGET, _FLATTEN):
        place = desk.working[role]
        if place >= 0:
            desk.orders[place]["quantity"] = desk.orders[place]["filled"] + open_quantity


@kernel
def _add_leg(desk: Desk, role: int, quantity: int) -> None:
    """Add a leg at its distance from the entry's first fill."""
    account = desk.account[0]
    entry = desk.orders[account["entry_order"] - account["first_order_id"]]
    side = int(entry["side"])
    place = add_order(desk, role, -side, quantity, entry["decision"])
    if place < 0:
        halt(account, _OUTPUT_FULL)
    elif role == _STOP:
        desk.orders[place]["stop_price"] = account["entry_price"] - side * entry["stop_distance"]
    else:
        desk.orders[place]["price"] = account["entry_price"] + side * entry["target_distance"]


@kernel
def flatten(desk: Desk) -> None:
    """Cancel a working entry and close what is open at market; the legs stay until it is closed."""
    account = desk.account[0]
    cancel_order(desk, _ENTRY)
    position = int(account["position"])
    if position == 0 or desk.working[_FLATTEN] >= 0:
        return
    entry = desk.orders[account["entry_order"] - account["first_order_id"]]
    if add_order(desk, _FLATTEN, -1 if position > 0 else 1, abs(position), entry["decision"]) < 0:
        halt(account, _OUTPUT_FULL)
