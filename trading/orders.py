"""Orders: how they are made, how requests leave, and how the venue's reports are joined to what is known.

A report is cumulative, so joining is taking the larger: fills only grow, a dead order stays dead, and whichever report
has the highest number says how the order works. Reports that come twice, late or in another order end in one state.
"""

import numpy as np

from market.kernel import kernel
from trading.budget import count_reject, count_trade, halt
from trading.desk import FILLS, LOST, ORDERS, REQUESTS, Desk, find_order, is_dead
from trading.positions import apply_fill
from trading.records import OrderRole, OrderState, OrderType, RefusalReason
from trading.requests import RequestKind, is_permanent, phase_takes
from trading.risk import approve

_NEW, _CANCEL, _REPLACE = int(RequestKind.NEW), int(RequestKind.CANCEL), int(RequestKind.REPLACE)
_PENDING_NEW, _ACCEPTED = int(OrderState.PENDING_NEW), int(OrderState.ACCEPTED)
_PARTIALLY_FILLED, _FILLED = int(OrderState.PARTIALLY_FILLED), int(OrderState.FILLED)
_PENDING_CANCEL, _CANCELED = int(OrderState.PENDING_CANCEL), int(OrderState.CANCELED)
_REJECTED, _EXPIRED = int(OrderState.REJECTED), int(OrderState.EXPIRED)
_PENDING_REPLACE, _UNKNOWN = int(OrderState.PENDING_REPLACE), int(OrderState.UNKNOWN)
_ENTRY, _STOP, _TARGET = int(OrderRole.ENTRY), int(OrderRole.STOP), int(OrderRole.TARGET)
_MARKET_TYPE, _LIMIT_TYPE, _STOP_TYPE = int(OrderType.MARKET), int(OrderType.LIMIT), int(OrderType.STOP)
_NONE, _OUTPUT_FULL = int(RefusalReason.NONE), int(RefusalReason.OUTPUT_FULL)
_UNKNOWN_ORDER, _CONTRADICTION = int(RefusalReason.UNKNOWN_ORDER), int(RefusalReason.CONTRADICTION)
_UNANSWERED = int(RefusalReason.UNANSWERED)
SILENT, CONTRADICTED = 1, 2  # kinds of doubt
_MOST_TRIES = 4  # of one request: `repeats` is at most three


def _transition_table() -> np.ndarray:
    ends = (_FILLED, _CANCELED, _REJECTED, _EXPIRED, _UNKNOWN)
    working = (_ACCEPTED, _PARTIALLY_FILLED, _PENDING_CANCEL, _PENDING_REPLACE)
    allowed = {
        OrderState.PENDING_NEW: (_ACCEPTED, _PARTIALLY_FILLED, _PENDING_CANCEL, *ends),
        OrderState.ACCEPTED: (_PARTIALLY_FILLED, _PENDING_CANCEL, _PENDING_REPLACE, *ends),
        OrderState.PARTIALLY_FILLED: (_PENDING_CANCEL, _PENDING_REPLACE, *ends),
        OrderState.PENDING_CANCEL: (_ACCEPTED, _PARTIALLY_FILLED, *ends),
        OrderState.PENDING_REPLACE: (_ACCEPTED, _PARTIALLY_FILLED, _PENDING_CANCEL, *ends),
        OrderState.UNKNOWN: (*working, *ends[:-1]),
        # An order that was dead and has filled all the same.
        OrderState.FILLED: (_UNKNOWN,),
        OrderState.CANCELED: (_UNKNOWN,),
        OrderState.REJECTED: (_UNKNOWN,),
        OrderState.EXPIRED: (_UNKNOWN,),
    }
    size = max(OrderState) + 1
    table = np.zeros((size, size), dtype=np.uint8)
    for state, following in allowed.items():
        table[state, list(following)] = 1
    table.setflags(write=False)
    return table


TRANSITIONS = _transition_table()  # [from, to] is 1 where allowed


@kernel
def advance(order: np.void, state: int) -> bool:
    """Move an order to a state; return False and leave it where the table does not allow that."""
    if TRANSITIONS[order["state"], state] == 0:
        return False
    order["state"] = state
    return True


@kernel
def fault(desk: Desk, reason: int) -> None:
    """Halt the desk for something that only a person may put behind; what protects a position goes on working."""
    if desk.bracket[0]["fault"] == _NONE:
        desk.bracket[0]["fault"] = reason
        halt(desk.account[0], reason)


@kernel
def add_order(desk: Desk, role: int, side: int, quantity: int, decision: int) -> int:
    """Write a new order in state PENDING_NEW; its type follows from its role, its prices are the caller's.

    Returns
    -------
    int
        Its place in `orders`; -1 where there is no room, which halts the desk.
    """
    place = desk.counts[ORDERS]
    if place >= desk.orders.size:
        desk.counts[LOST] += 1
        fault(desk, _OUTPUT_FULL)
        return -1
    account, order, ticket = desk.account[0], desk.orders[place], desk.tickets[place]
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
    order["reason"] = order["level"] = order["rejected"] = 0
    ticket["notional"] = ticket["number"] = ticket["asked_ns"] = ticket["asked_number"] = 0
    ticket["quantity"] = ticket["price"] = ticket["stop_price"] = 0
    ticket["refused_quantity"] = ticket["refused_price"] = ticket["refused_stop"] = 0
    ticket["told"] = ticket["kind"] = ticket["asked"] = ticket["attempts"] = ticket["doubt"] = 0
    desk.counts[ORDERS] += 1
    desk.bracket[0]["live"] += 1
    return int(place)


@kernel
def send_new(desk: Desk, place: int) -> int:
    """Send a new order; one the gate refuses is dead. Return the RefusalReason."""
    order = desk.orders[place]
    reason = _send(desk, place, _NEW, order["quantity"], order["price"], order["stop_price"])
    if reason != _NONE:
        order["reason"] = reason
        desk.tickets[place]["told"] = _REJECTED
        settle_state(desk, place)
    return reason


@kernel
def take_back(desk: Desk) -> None:
    """Forget the newest order, which the gate has refused: nobody heard of it."""
    desk.counts[ORDERS] -= 1
    desk.account[0]["last_order_id"] -= 1


@kernel
def ask_cancel(desk: Desk, place: int) -> None:
    """See to it that an order is cancelled: ask once, and again where no answer or a refusal came."""
    order = desk.orders[place]
    if not is_dead(order["state"]) and _may_ask(desk, place, _CANCEL):
        _send(desk, place, _CANCEL, order["quantity"], order["price"], order["stop_price"])
        settle_state(desk, place)


@kernel
def ask_replace(desk: Desk, place: int, quantity: int, price: int, stop_price: int) -> bool:
    """See to it that an order works with these terms, as `ask_cancel` does; one request is under way at a time.

    What the market's phase forbids waits for another phase, and its tries begin anew there.

    Returns
    -------
    bool
        False where the venue has refused these terms for good, so that they are not asked for again.
    """
    order, ticket = desk.orders[place], desk.tickets[place]
    same = order["quantity"] == quantity and order["price"] == price and order["stop_price"] == stop_price
    waiting = ticket["asked"] == 1
    if is_dead(order["state"]) or (waiting and ticket["kind"] != _REPLACE) or (same and not waiting):
        return True
    refused = quantity == ticket["refused_quantity"] and price == ticket["refused_price"]
    if refused and stop_price == ticket["refused_stop"]:
        return False
    more = price != ticket["price"] or stop_price != ticket["stop_price"] or quantity > ticket["quantity"]
    if more and not phase_takes(desk.market[0]["phase"], order["type"]):
        if ticket["kind"] == _REPLACE and not waiting:
            ticket["attempts"] = min(ticket["attempts"], 1)
        return True
    if _may_ask(desk, place, _REPLACE) and _send(desk, place, _REPLACE, quantity, price, stop_price) == _NONE:
        order["quantity"], order["price"], order["stop_price"] = quantity, price, stop_price
        settle_state(desk, place)
    return True


@kernel
def next_ask_ns(exits: np.void, ticket: np.void) -> int:
    """Return when a request may be repeated: `answer_ns` after one without answer, twice as long after each refusal."""
    refused = ticket["asked"] == 0 and ticket["attempts"] > 1
    return int(ticket["asked_ns"] + backed_off(exits, ticket["attempts"] if refused else 1))


@kernel
def backed_off(exits: np.void, tries: int) -> int:
    """Return the wait after so many tries, at least one: it doubles with each."""
    return int(exits["answer_ns"]) << (min(int(tries), _MOST_TRIES) - 1)


@kernel
def _may_ask(desk: Desk, place: int, kind: int) -> bool:
    """Tell whether a request may go out now: the first at once, `repeats` more each after its wait, then none."""
    ticket, exits = desk.tickets[place], desk.exits[0]
    if ticket["kind"] != kind:
        return True
    spent = ticket["attempts"] > exits["repeats"]
    over = spent and ticket["asked"] == 0  # refused for the last time
    if not over and desk.market[0]["now_ns"] < next_ask_ns(exits, ticket):
        return False
    if not spent:
        return True
    if ticket["doubt"] == 0 and ticket["asked"] == 1:
        ticket["doubt"] = SILENT
        settle_state(desk, place)
    fault(desk, _UNANSWERED)
    return False


@kernel
def _send(desk: Desk, place: int, kind: int, quantity: int, price: int, stop_price: int) -> int:
    """Pass one request through the gate and put it among the desk's requests; nothing else puts one there.

    Returns
    -------
    int
        RefusalReason; NONE where it was sent.
    """
    at = desk.counts[REQUESTS]
    if at >= desk.requests.size:
        desk.counts[LOST] += 1
        fault(desk, _OUTPUT_FULL)
        return _OUTPUT_FULL
    order, ticket, request = desk.orders[place], desk.tickets[place], desk.requests[at]
    request["ts_ns"] = desk.market[0]["now_ns"]
    request["order"], request["decision"] = order["id"], order["decision"]
    request["quantity"], request["price"], request["stop_price"] = quantity, price, stop_price
    request["stop_distance"], request["target_distance"] = order["stop_distance"], order["target_distance"]
    request["instrument"], request["kind"] = order["instrument"], kind
    request["role"], request["side"], request["type"] = order["role"], order["side"], order["type"]
    reason = approve(desk, request, order["filled"])
    if reason != _NONE:
        return int(reason)
    desk.counts[REQUESTS] += 1
    ticket["attempts"] = 1 if ticket["kind"] != kind else min(ticket["attempts"] + 1, 255)
    ticket["kind"], ticket["asked"] = kind, 1
    ticket["asked_ns"], ticket["asked_number"] = request["ts_ns"], ticket["number"]
    return _NONE


@kernel
def mark_silent(desk: Desk, place: int) -> None:
    """Doubt a new order that the venue has not answered in time."""
    ticket = desk.tickets[place]
    overdue = desk.market[0]["now_ns"] - ticket["asked_ns"] >= desk.exits[0]["answer_ns"]
    if overdue and ticket["asked"] == 1 and ticket["kind"] == _NEW and ticket["doubt"] == 0:
        ticket["doubt"] = SILENT
        settle_state(desk, place)


@kernel
def apply_report(desk: Desk, report: np.void) -> int:
    """Join a REPORT to its order and book what it has filled more than was known.

    What contradicts an earlier report leaves the order UNKNOWN and halts the desk; its fills are booked all the same,
    for the broker is the truth. What cannot be booked is not: an order that is not ours has no side, and another
    instrument is no position of this desk.

    Returns
    -------
    int
        The order's place; -1 where it is none of ours.
    """
    place = find_order(desk, report["order"])
    if place < 0:
        fault(desk, _UNKNOWN_ORDER)
        return -1
    order, ticket = desk.orders[place], desk.tickets[place]
    before = ticket["told"]
    if ticket["doubt"] == SILENT:
        ticket["doubt"] = 0
    if _contradicts(order, ticket, report):
        ticket["doubt"] = CONTRADICTED
        fault(desk, _CONTRADICTION)
    if report["instrument"] == order["instrument"]:
        _book(desk, place, report)
        _join_terms(order, ticket, report)
    if ticket["told"] == _REJECTED and before != _REJECTED:
        order["rejected"] = report["reason"]
        count_reject(desk.budget[0], desk.limits[0], desk.market[0]["now_ns"])
    if order["role"] == _ENTRY and is_dead(ticket["told"]) and not is_dead(before):
        _release_exposure(desk)
    settle_state(desk, place)
    return place


@kernel
def _release_exposure(desk: Desk) -> None:
    """Put no more at stake than is open, for the entry that was to buy or sell the rest is dead."""
    account, terms = desk.account[0], desk.terms[0]
    open_now = abs(np.int64(account["position"])) * np.int64(account["mark"])
    desk.budget[0]["desk_exposure"][terms["place"]] = open_now * terms["tick_value"]


@kernel
def _contradicts(order: np.void, ticket: np.void, report: np.void) -> bool:
    """Tell whether a report cannot be true, by itself or with what is known, whichever of the two came first."""
    state, filled = report["state"], np.int64(report["filled"])
    more, worth = filled - order["filled"], report["notional"] - ticket["notional"]
    told = ticket["told"]
    if report["instrument"] != order["instrument"] or filled < 0 or filled > report["quantity"]:
        return True
    if state != _ACCEPTED and state != _PARTIALLY_FILLED and not is_dead(state):
        return True
    if (state == _FILLED and filled != report["quantity"]) or (filled == 0 and report["notional"] != 0):
        return True
    if (more > 0 and worth <= 0) or (more < 0 and worth >= 0) or (more == 0 and worth != 0):
        return True
    if is_dead(told) and (more > 0 or (is_dead(state) and state != told)):
        return True
    return bool(is_dead(state) and more < 0)


@kernel
def _join_terms(order: np.void, ticket: np.void, report: np.void) -> None:
    """Take the state, the working terms and the answer that a report brings, as far as they are news."""
    number = report["number"]
    if is_dead(report["state"]) and not is_dead(ticket["told"]):
        ticket["told"] = report["state"]
    elif not is_dead(ticket["told"]):
        ticket["told"] = _PARTIALLY_FILLED if order["filled"] > 0 else _ACCEPTED
    if number > ticket["number"]:
        ticket["number"] = number
        ticket["quantity"], ticket["price"] = report["quantity"], report["price"]
        ticket["stop_price"] = report["stop_price"]
    kind = ticket["kind"]
    refused = report["refused"] == 1 and report["kind"] == kind and number > ticket["asked_number"]
    if is_dead(ticket["told"]) or kind == _NEW or refused:
        ticket["asked"] = 0
    if refused and kind == _REPLACE and is_permanent(report["reason"]):
        ticket["refused_quantity"], ticket["refused_price"] = order["quantity"], order["price"]
        ticket["refused_stop"] = order["stop_price"]
        ticket["kind"] = ticket["attempts"] = 0
    if kind != _CANCEL and ticket["asked"] == 1 and _works_as_asked(order, ticket):
        ticket["kind"] = ticket["asked"] = ticket["attempts"] = 0
    if ticket["asked"] == 0:
        # What was not granted was not changed.
        order["quantity"], order["price"] = ticket["quantity"], ticket["price"]
        order["stop_price"] = ticket["stop_price"]


@kernel
def _works_as_asked(order: np.void, ticket: np.void) -> bool:
    same = ticket["quantity"] == order["quantity"] and ticket["price"] == order["price"]
    return bool(same and ticket["stop_price"] == order["stop_price"])


@kernel
def settle_state(desk: Desk, place: int) -> None:
    """Bring an order's state in line with what is asked, told and doubted of it."""
    order, ticket, bracket = desk.orders[place], desk.tickets[place], desk.bracket[0]
    before, after = order["state"], _standing(ticket)
    if before == after:
        return
    if not advance(order, after):
        ticket["doubt"] = CONTRADICTED
        order["state"] = _UNKNOWN
        fault(desk, _CONTRADICTION)
    bracket["live"] += np.int64(is_dead(before)) - np.int64(is_dead(order["state"]))
    bracket["oldest"] = min(bracket["oldest"], place)


@kernel
def _standing(ticket: np.void) -> int:
    """Return the state that follows from a ticket."""
    told = ticket["told"]
    if ticket["doubt"] != 0:
        return _UNKNOWN
    if is_dead(told):
        return int(told)
    if ticket["asked"] == 1 and ticket["kind"] == _CANCEL:
        return _PENDING_CANCEL
    if ticket["asked"] == 1 and ticket["kind"] == _REPLACE:
        return _PENDING_REPLACE
    return int(told) if told != 0 else _PENDING_NEW


@kernel
def _book(desk: Desk, place: int, report: np.void) -> None:
    """Book the contracts a report has filled more than was known, at prices whose sum is exact.

    Several fills in one report may have no whole mean price: then some contracts are booked one tick higher, and the
    bracket is laid from the worse of both ticks, so that a short position is the mirror of a long one.
    """
    order, ticket, fill = desk.orders[place], desk.tickets[place], desk.fill[0]
    quantity = np.int64(report["filled"]) - order["filled"]
    if quantity <= 0:
        return
    worth = report["notional"] - ticket["notional"]
    if worth <= 0:  # no price can be made of it
        worth = quantity * np.int64(desk.account[0]["mark"])
    order["filled"] = report["filled"]
    ticket["notional"] += worth
    fill["ts_ns"], fill["order"], fill["decision"] = report["ts_ns"], order["id"], order["decision"]
    fill["instrument"], fill["role"], fill["side"] = order["instrument"], order["role"], order["side"]
    low = worth // quantity
    higher = worth - low * quantity
    account = desk.account[0]
    if account["position"] == 0:
        account["entry_price"] = low + 1 if higher > 0 and order["side"] > 0 else low
        account["entry_bar"] = account["bars"]
        account["entry_order"] = order["id"]
    _book_at(desk, low, quantity - higher)
    if higher > 0:
        _book_at(desk, low + 1, higher)


@kernel
def _book_at(desk: Desk, price: int, quantity: int) -> None:
    """Book one fill; one that finds no room in the records is booked all the same and halts the desk."""
    account, fill, place = desk.account[0], desk.fill[0], desk.counts[FILLS]
    fill["price"], fill["quantity"] = price, quantity
    fill["fee"] = quantity * desk.terms[0]["fee_per_side"]
    apply_fill(account, fill)
    if account["position"] == 0:
        count_trade(desk.budget[0], desk.limits[0], account, desk.terms[0]["tick_value"])
    if place >= desk.fills.size:
        desk.counts[LOST] += 1
        fault(desk, _OUTPUT_FULL)
        return
    desk.fills[place] = fill
    desk.counts[FILLS] += 1
