"""The bracket: what an entry's first fill starts, and every way it ends (signals.md §10).

The machine looks at what is known, not at what has just happened: after each report and at each tick it compares the
orders that should work with those that do, and sends what is missing. So it cannot lose its place, and an event that
comes twice asks for nothing twice.

- The stop leaves on the entry's first fill, for what has filled, then the targets; both follow further fills.
- A leg that closes the position sends the cancel of the others in the same call. A leg is gone only once it is dead.
- A change that the venue refuses for good is not asked for again: of the stop it leads to a close at market in the same
  call, a target it ends.
- What protects an open position is never cancelled, but for a stop whose limit the price has passed: then the close at
  market leaves first.
- A second close is sent only once the first is dead. What was closed twice is bought or sold back at once, and the desk
  halts.
"""

import numpy as np

from market.kernel import kernel
from trading.desk import LEVELS, ORDERS, REQUESTS, UNDUE, Desk, find_live, find_order, has_room_for_requests, is_dead
from trading.exits import level_price, limit_price, plan_levels
from trading.orders import (
    add_order,
    apply_report,
    ask_cancel,
    ask_replace,
    backed_off,
    fault,
    mark_silent,
    next_ask_ns,
    send_new,
)
from trading.records import BracketState, OrderRole, OrderState, OrderType, RefusalReason
from trading.requests import RequestKind, phase_takes
from trading.trailing import move_stop

_ENTRY, _STOP, _TARGET, _FLATTEN = (int(role) for role in OrderRole)
_FILLED, _UNKNOWN_ORDER = int(OrderState.FILLED), int(OrderState.UNKNOWN)
_FLAT, _ENTRY_SENT = int(BracketState.FLAT), int(BracketState.ENTRY_SENT)
_UNPROTECTED, _PROTECTED = int(BracketState.OPEN_UNPROTECTED), int(BracketState.PROTECTED)
_CLOSING, _UNKNOWN, _HALT = int(BracketState.CLOSING), int(BracketState.UNKNOWN), int(BracketState.HALT)
_NEW = int(RequestKind.NEW)
_MARKET_TYPE, _STOP_TYPE = int(OrderType.MARKET), int(OrderType.STOP)
_OVERCLOSED, _UNANSWERED = int(RefusalReason.OVERCLOSED), int(RefusalReason.UNANSWERED)


@kernel
def take_report(desk: Desk, report: np.void) -> None:
    """Join a REPORT to its order, book its fills, and send whatever follows from it."""
    account, bracket = desk.account[0], desk.bracket[0]
    known, before = find_order(desk, report["order"]), account["position"]
    was_filled = known >= 0 and desk.orders[known]["state"] == _FILLED
    place = apply_report(desk, report)
    if place >= 0:
        order = desk.orders[place]
        if order["role"] == _ENTRY and before == 0 and account["position"] != 0:
            _open(desk, place)
        done = order["state"] == _FILLED and not was_filled
        if done and order["role"] == _TARGET:
            bracket["levels"] += 1
        if done and order["role"] == _FLATTEN:
            bracket["closes"] = 0  # what is left to close is new
    follow(desk)


@kernel
def tick(desk: Desk, now_ns: int) -> None:
    """Let time pass: the stop follows the price, and who waited too long for the venue acts.

    Call it at each event of the market, and at the bracket's `due_ns` where nothing has come until then, so that no
    patience lasts longer on a quiet feed. Reports up to this time must have been taken before.

    Parameters
    ----------
    desk : Desk
        `account["mark"]` holds the last price, 0 where none is known.
    now_ns : int
        Event time; the desk's own never goes back.
    """
    account, market, bracket = desk.account[0], desk.market[0], desk.bracket[0]
    market["now_ns"] = max(market["now_ns"], now_ns)
    if bracket["live"] == 0 and account["position"] == 0:
        return
    for place in range(bracket["oldest"], desk.counts[ORDERS]):
        if not is_dead(desk.orders[place]["state"]):
            mark_silent(desk, place)
    if bracket["side"] * account["position"] > 0:
        moves = phase_takes(market["phase"], _STOP_TYPE) and has_room_for_requests(desk)
        if account["mark"] > 0 and bracket["closing"] == 0 and moves:
            move_stop(desk.exits[0], bracket, market, account["entry_price"], account["mark"])
        _watch_limit(desk)
        exposed = bracket["exposed_ns"]
        if exposed > 0 and market["now_ns"] - exposed >= desk.exits[0]["protect_ns"]:
            bracket["closing"] = 1
    follow(desk)


@kernel
def wait_from(desk: Desk, first: int, now_ns: int) -> None:
    """Let patience with the requests from a place on begin at a time, where that is later than theirs."""
    if first == desk.counts[REQUESTS]:
        return
    bracket = desk.bracket[0]
    for at in range(first, desk.counts[REQUESTS]):
        request = desk.requests[at]
        ticket = desk.tickets[find_order(desk, request["order"])]
        ticket["asked_ns"] = max(ticket["asked_ns"], now_ns)
        if request["kind"] == _NEW and request["role"] == _FLATTEN:
            bracket["close_ns"] = max(bracket["close_ns"], now_ns)
    bracket["due_ns"] = _next_due(desk)


@kernel
def flatten(desk: Desk) -> None:
    """Cancel a working entry and close what is open at market; the legs stay until it is closed."""
    if desk.account[0]["position"] != 0 or find_live(desk, _ENTRY, 0) >= 0:
        desk.bracket[0]["closing"] = 1
        follow(desk)


@kernel
def cancel_entry(desk: Desk) -> None:
    """Cancel a working entry; what it has filled stays."""
    if find_live(desk, _ENTRY, 0) >= 0:
        desk.bracket[0]["cancel_entry"] = 1
        follow(desk)


@kernel
def pending_entry(desk: Desk) -> int:
    """Return the contracts of the working entry still to fill, signed."""
    place = find_live(desk, _ENTRY, 0)
    if place < 0:
        return 0
    order = desk.orders[place]
    return int(order["side"]) * int(order["quantity"] - order["filled"])


@kernel
def follow(desk: Desk) -> None:
    """Send what is missing between the orders that work and those that should."""
    account, bracket = desk.account[0], desk.bracket[0]
    while bracket["oldest"] < desk.counts[ORDERS] and is_dead(desk.orders[bracket["oldest"]]["state"]):
        bracket["oldest"] += 1
    open_now = int(bracket["side"]) * int(account["position"])
    _drop_entry(desk, open_now)
    if open_now > 0:
        _hold(desk, open_now)
    else:
        bracket["exposed_ns"] = bracket["passed_ns"] = 0
        _cancel_exits(desk, 0)
        if open_now < 0:
            fault(desk, _OVERCLOSED)
            bracket["closing"] = 1
            _close(desk, int(bracket["side"]), -open_now)
        else:
            account["entry_price"] = 0
    account["pending"] = pending_entry(desk)
    bracket["state"] = _state(desk, open_now)
    bracket["due_ns"] = _next_due(desk)
    if bracket["live"] == 0 and account["position"] == 0:
        bracket["closing"] = bracket["cancel_entry"] = bracket["passed"] = bracket["closes"] = 0


@kernel
def _next_due(desk: Desk) -> int:
    """Return when the next patience ends, UNDUE where nobody waits."""
    bracket, exits, now = desk.bracket[0], desk.exits[0], desk.market[0]["now_ns"]
    due = UNDUE
    if bracket["live"] == 0 and desk.account[0]["position"] == 0:
        return due
    for place in range(bracket["oldest"], desk.counts[ORDERS]):
        ticket = desk.tickets[place]
        waits = ticket["asked"] == 1 or ticket["kind"] > _NEW  # for an answer, or to ask again
        if waits and not is_dead(desk.orders[place]["state"]):
            due = _sooner(due, now, next_ask_ns(exits, ticket))
    if bracket["exposed_ns"] > 0:
        due = _sooner(due, now, bracket["exposed_ns"] + exits["protect_ns"])
    if bracket["passed_ns"] > 0:
        due = _sooner(due, now, bracket["passed_ns"] + exits["limit_ns"])
    if bracket["closes"] > 0:
        due = _sooner(due, now, bracket["close_ns"] + backed_off(exits, bracket["closes"]))
    return _sooner(due, now, bracket["moved_ns"] + exits["step_ns"])


@kernel
def _sooner(due: int, now: int, end: int) -> int:
    """Return the sooner of two times; one that is not to come was judged already."""
    return min(due, int(end)) if end > now else due


@kernel
def _open(desk: Desk, place: int) -> None:
    """Begin the bracket of an entry that has just filled from flat."""
    account, bracket, exits, entry = desk.account[0], desk.bracket[0], desk.exits[0], desk.orders[place]
    side = int(entry["side"])
    bracket["side"] = side
    bracket["first"] = desk.counts[ORDERS]
    bracket["stop_price"] = account["entry_price"] - side * entry["stop_distance"]
    bracket["extreme"] = account["entry_price"]
    bracket["trail"] = 100 * exits["trail_distance"]
    bracket["opened_ns"], bracket["moved_ns"] = desk.market[0]["now_ns"], 0
    bracket["levels"] = bracket["passed"] = bracket["closes"] = 0
    plan_levels(exits, entry["quantity"], bracket["plan"])


@kernel
def _drop_entry(desk: Desk, open_now: int) -> None:
    """Cancel the entry where it is no longer wanted: asked for, not answered, or its position is closed already."""
    place, bracket = find_live(desk, _ENTRY, 0), desk.bracket[0]
    if place < 0:
        bracket["cancel_entry"] = 0
        return
    entry = desk.orders[place]
    unwanted = bracket["closing"] == 1 or bracket["cancel_entry"] == 1 or entry["state"] == _UNKNOWN_ORDER
    if unwanted or open_now < 0 or (open_now == 0 and entry["filled"] > 0):
        ask_cancel(desk, place)


@kernel
def _cancel_exits(desk: Desk, open_now: int) -> None:
    """Cancel every exit that closes nothing any more: legs of an earlier position, or all where nothing is open.

    What brings an overclosed position back to flat stays.
    """
    bracket = desk.bracket[0]
    for place in range(bracket["oldest"], desk.counts[ORDERS]):
        order = desk.orders[place]
        role, earlier = order["role"], place < bracket["first"]
        if role == _ENTRY or is_dead(order["state"]):
            continue
        closes = -int(order["side"]) == int(bracket["side"])
        if open_now > 0:
            idle = not closes or (earlier and role != _FLATTEN)
        else:
            idle = closes or desk.account[0]["position"] == 0
        if idle:
            ask_cancel(desk, place)


@kernel
def _hold(desk: Desk, open_now: int) -> None:
    """Keep an open position protected, with its targets, or bring it to its end."""
    bracket = desk.bracket[0]
    side = int(bracket["side"])
    _cancel_exits(desk, open_now)
    stop = _protect(desk, open_now)
    _set_targets(desk, open_now)
    if bracket["closing"] == 1:
        _close(desk, -side, open_now)
        if bracket["passed"] == 1 and stop >= 0:
            ask_cancel(desk, stop)
    if _covered(desk, stop, open_now):
        bracket["exposed_ns"] = 0
    elif bracket["exposed_ns"] == 0:
        bracket["exposed_ns"] = desk.market[0]["now_ns"]


@kernel
def _protect(desk: Desk, open_now: int) -> int:
    """Give the position its stop, or bring it to what is open; a stop that died leaves the close at market.

    Returns
    -------
    int
        The stop's place; -1 where none works.
    """
    bracket, exits = desk.bracket[0], desk.exits[0]
    side, trigger = int(bracket["side"]), int(bracket["stop_price"])
    place = find_live(desk, _STOP, bracket["first"])
    if place >= 0:
        if bracket["passed"] == 1:
            return place
        quantity = desk.orders[place]["filled"] + open_now
        if quantity < desk.tickets[place]["quantity"] and not phase_takes(desk.market[0]["phase"], _STOP_TYPE):
            trigger = int(desk.tickets[place]["stop_price"])  # it may not move, but it may shrink
        if not ask_replace(desk, place, quantity, limit_price(exits, side, trigger), trigger):
            # Mostly because the market is there already: then the moved stop would have been triggered.
            bracket["closing"] = 1
            trigger = int(desk.tickets[place]["stop_price"])
            bracket["stop_price"] = trigger
            ask_replace(desk, place, quantity, limit_price(exits, side, trigger), trigger)
        return place
    if _newest(desk, _STOP, 0) < 0:
        place = _add_leg(desk, _STOP, open_now)
        if place >= 0:
            desk.orders[place]["stop_price"] = trigger
            desk.orders[place]["price"] = limit_price(exits, side, trigger)
            send_new(desk, place)
            if not is_dead(desk.orders[place]["state"]):
                return place
    bracket["closing"] = 1
    return -1


@kernel
def _set_targets(desk: Desk, open_now: int) -> None:
    """Bring the targets to what is open: the farthest level is served first, so a single contract goes to the end."""
    bracket, account = desk.bracket[0], desk.account[0]
    rest = open_now
    for level in range(LEVELS - 1, -1, -1):
        place, filled = _newest(desk, _TARGET, level), _filled_at(desk, level)
        quantity = max(0, min(int(bracket["plan"][level]) - filled, rest))
        rest -= quantity
        live = place >= 0 and not is_dead(desk.orders[place]["state"])
        if live and quantity == 0:
            ask_cancel(desk, place)
        elif live:
            order = desk.orders[place]
            if not ask_replace(desk, place, order["filled"] + quantity, int(order["price"]), 0):
                ask_cancel(desk, place)
        elif quantity > 0 and bracket["closing"] == 0 and (place < 0 or desk.orders[place]["state"] == _FILLED):
            place = _add_leg(desk, _TARGET, quantity)
            if place >= 0:
                order, entry = desk.orders[place], desk.orders[account["entry_order"] - account["first_order_id"]]
                order["level"] = level
                order["price"] = level_price(desk.exits[0], entry, account["entry_price"], level)
                send_new(desk, place)


@kernel
def _close(desk: Desk, side: int, quantity: int) -> None:
    """Close a quantity at market by an order on `side`: one at a time, only a few, and none that the phase forbids."""
    bracket, account, now = desk.bracket[0], desk.account[0], desk.market[0]["now_ns"]
    for place in range(bracket["oldest"], desk.counts[ORDERS]):
        order = desk.orders[place]
        if order["role"] != _FLATTEN or order["side"] != side or is_dead(order["state"]):
            continue
        wanted = order["filled"] + quantity
        if order["state"] == _UNKNOWN_ORDER:
            ask_cancel(desk, place)
        elif not ask_replace(desk, place, wanted, 0, 0) and wanted < order["quantity"]:
            ask_cancel(desk, place)  # it would close more than is open
        return
    if bracket["close_side"] != side:
        bracket["close_side"] = side
        bracket["closes"] = 0
    if not phase_takes(desk.market[0]["phase"], _MARKET_TYPE):
        bracket["closes"] = min(bracket["closes"], 1)  # tries count anew in the next phase
        return
    if bracket["closes"] > desk.exits[0]["repeats"]:
        fault(desk, _UNANSWERED)
        return
    if bracket["closes"] > 0 and now - bracket["close_ns"] < backed_off(desk.exits[0], bracket["closes"]):
        return
    decision = desk.orders[account["entry_order"] - account["first_order_id"]]["decision"]
    place = add_order(desk, _FLATTEN, side, quantity, decision)
    if place >= 0:
        bracket["closes"] += 1
        bracket["close_ns"] = now
        send_new(desk, place)


@kernel
def _add_leg(desk: Desk, role: int, quantity: int) -> int:
    """Write a leg of the open position."""
    account, side = desk.account[0], int(desk.bracket[0]["side"])
    entry = desk.orders[account["entry_order"] - account["first_order_id"]]
    return add_order(desk, role, -side, quantity, entry["decision"])


@kernel
def _newest(desk: Desk, role: int, level: int) -> int:
    """Return the newest leg of this position with a role and level, dead or not; -1 where there was none."""
    for place in range(desk.counts[ORDERS] - 1, desk.bracket[0]["first"] - 1, -1):
        if desk.orders[place]["role"] == role and desk.orders[place]["level"] == level:
            return place
    return -1


@kernel
def _filled_at(desk: Desk, level: int) -> int:
    """Return how many contracts the targets of a level have closed."""
    filled = 0
    for place in range(desk.bracket[0]["first"], desk.counts[ORDERS]):
        if desk.orders[place]["role"] == _TARGET and desk.orders[place]["level"] == level:
            filled += int(desk.orders[place]["filled"])
    return filled


@kernel
def _covered(desk: Desk, stop: int, open_now: int) -> bool:
    """Tell whether the venue has confirmed a stop for all that is open."""
    if stop < 0:
        return False
    order, ticket = desk.orders[stop], desk.tickets[stop]
    works = ticket["told"] != 0 and not is_dead(ticket["told"]) and ticket["doubt"] == 0
    return bool(works and ticket["quantity"] - order["filled"] >= open_now)


@kernel
def _watch_limit(desk: Desk) -> None:
    """Give up a stop whose limit the price has passed without filling it: close at market."""
    account, bracket, now = desk.account[0], desk.bracket[0], desk.market[0]["now_ns"]
    place = find_live(desk, _STOP, bracket["first"])
    limit = desk.tickets[place]["price"] if place >= 0 else 0
    if limit == 0 or account["mark"] == 0 or bracket["side"] * (account["mark"] - limit) >= 0:
        bracket["passed_ns"] = 0
        return
    if bracket["passed_ns"] == 0:
        bracket["passed_ns"] = now
    if now - bracket["passed_ns"] >= desk.exits[0]["limit_ns"]:
        bracket["passed"] = bracket["closing"] = 1


@kernel
def _state(desk: Desk, open_now: int) -> int:
    """Return the BracketState that follows from the orders and the position."""
    bracket = desk.bracket[0]
    closes = False
    for place in range(bracket["oldest"], desk.counts[ORDERS]):
        order = desk.orders[place]
        if order["state"] == _UNKNOWN_ORDER:
            return _UNKNOWN
        if not is_dead(order["state"]) and order["role"] != _ENTRY:
            closes = closes or order["role"] == _FLATTEN or open_now <= 0
    if closes:
        return _CLOSING
    if bracket["fault"] != 0:
        return _HALT
    if open_now != 0:
        return _PROTECTED if bracket["exposed_ns"] == 0 else _UNPROTECTED
    return _ENTRY_SENT if bracket["live"] > 0 else _FLAT
