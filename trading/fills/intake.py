"""What the venue does with a request that has arrived."""

import numpy as np

from market.kernel import kernel
from market.types import Side
from trading.fills.depth import UNKNOWN_QUEUE
from trading.fills.matching import meet_book
from trading.fills.venue import ARMED, DONE, NO_FLOOR, REMEMBERED, SLOTS, WAITING, Venue, find_slot, settle_slots, tell
from trading.records import OrderState, OrderType
from trading.requests import Refusal, RequestKind, phase_takes

_NEW, _CANCEL, _REPLACE = (int(kind) for kind in RequestKind)
_MARKET, _LIMIT, _STOP = int(OrderType.MARKET), int(OrderType.LIMIT), int(OrderType.STOP)
_BUY, _SELL = int(Side.BUY), int(Side.SELL)
_ACCEPTED, _CANCELED, _REJECTED = int(OrderState.ACCEPTED), int(OrderState.CANCELED), int(OrderState.REJECTED)
_NONE, _QUANTITY, _PRICE, _BAND = int(Refusal.NONE), int(Refusal.QUANTITY), int(Refusal.PRICE), int(Refusal.BAND)
_PHASE, _TRIGGERED, _DUPLICATE = int(Refusal.PHASE), int(Refusal.TRIGGERED), int(Refusal.DUPLICATE)
_NOT_WORKING, _FULL = int(Refusal.NOT_WORKING), int(Refusal.FULL)


@kernel
def take_request(venue: Venue, request: np.void) -> None:
    """Take or refuse a request, report it, and let what it changed meet the book; `state.now_ns` is its arrival."""
    place = find_slot(venue.working, int(venue.state[0]["working"]), int(request["order"]))
    if request["kind"] == _NEW:
        _take_new(venue, request, place)
    elif place < 0:
        _answer_for_dead(venue, request)
    elif request["kind"] == _CANCEL:
        slot = venue.working[place]
        slot["state"], slot["stage"] = _CANCELED, DONE
        tell(venue, slot, _CANCEL, _NONE)
    else:
        _replace(venue, request, place)
    settle_slots(venue)


@kernel
def refuse_terms(venue: Venue, side: int, order_type: int, price: int, stop_price: int) -> int:
    """Return why an order may not work on these terms now, or NONE."""
    state = venue.state[0]
    last, band = int(state["last"]), int(state["rejection_ticks"])
    if not phase_takes(state["phase"], order_type):
        return _PHASE
    if (side != _BUY and side != _SELL) or price < 0 or (stop_price > 0) != (order_type == _STOP):
        return _PRICE
    if order_type == _STOP:
        # Without a limit it goes to market.
        if price > 0 and side * (price - stop_price) < 0:
            return _PRICE
        if last > 0 and side * (last - stop_price) >= 0:
            return _TRIGGERED
    elif (order_type != _MARKET and order_type != _LIMIT) or (price > 0) != (order_type == _LIMIT):
        return _PRICE
    if band > 0 and last > 0:
        for told in (price, stop_price):
            if told > 0 and abs(told - last) > band:
                return _BAND
    return _NONE


@kernel
def _take_new(venue: Venue, request: np.void, place: int) -> None:
    state = venue.state[0]
    if place >= 0:
        tell(venue, venue.working[place], _NEW, _DUPLICATE)
        return
    side, order_type = int(request["side"]), int(request["type"])
    refusal = refuse_terms(venue, side, order_type, int(request["price"]), int(request["stop_price"]))
    if request["quantity"] <= 0:
        refusal = _QUANTITY
    if state["working"] >= SLOTS:
        refusal = _FULL
    slot = venue.working[state["working"]]
    state["working"] += 1
    _write(slot, request)
    slot["arrival_ns"] = state["now_ns"]
    if refusal != _NONE:
        slot["state"], slot["stage"] = _REJECTED, DONE
        tell(venue, slot, _NEW, refusal)
        return
    slot["state"], slot["stage"] = _ACCEPTED, ARMED if order_type == _STOP else WAITING
    tell(venue, slot, _NEW, _NONE)
    if order_type != _STOP:
        meet_book(venue, slot)


@kernel
def _write(slot: np.void, request: np.void) -> None:
    """Write a request's order, without a fill."""
    slot["id"] = request["order"]
    slot["quantity"] = request["quantity"]
    slot["price"] = request["price"]
    slot["stop_price"] = request["stop_price"]
    slot["instrument"] = request["instrument"]
    slot["side"] = request["side"]
    slot["type"] = request["type"]
    slot["notional"] = slot["filled"] = slot["shown"] = slot["traded"] = 0
    slot["ahead"], slot["floor"] = UNKNOWN_QUEUE, NO_FLOOR


@kernel
def _answer_for_dead(venue: Venue, request: np.void) -> None:
    """Refuse what is asked of an order that does not work, and say how it ended."""
    place = find_slot(venue.dead, REMEMBERED, int(request["order"]))
    if place >= 0:
        tell(venue, venue.dead[place], int(request["kind"]), _NOT_WORKING)
        return
    slot = venue.working[SLOTS]
    _write(slot, request)
    slot["state"] = _REJECTED
    tell(venue, slot, int(request["kind"]), _NOT_WORKING)


@kernel
def _replace(venue: Venue, request: np.void, place: int) -> None:
    """Change an order; it keeps its place only where nothing but its quantity falls."""
    slot = venue.working[place]
    order_type = int(slot["type"])
    price = int(request["price"]) if order_type != _MARKET else 0
    trigger = int(request["stop_price"]) if order_type == _STOP else int(slot["stop_price"])
    moved = price != slot["price"] or trigger != slot["stop_price"] or request["quantity"] > slot["quantity"]
    refusal = _NONE
    if request["quantity"] <= slot["filled"]:
        refusal = _QUANTITY
    elif moved:
        refusal = refuse_terms(venue, int(slot["side"]), order_type, price, trigger if order_type == _STOP else 0)
    if refusal != _NONE:
        tell(venue, slot, _REPLACE, refusal)
        return
    slot["quantity"], slot["price"], slot["stop_price"] = request["quantity"], price, trigger
    if not moved:
        tell(venue, slot, _REPLACE, _NONE)
        return
    _move_last(venue, place)
    slot = venue.working[venue.state[0]["working"] - 1]
    tell(venue, slot, _REPLACE, _NONE)
    if order_type != _STOP:
        slot["stage"], slot["ahead"], slot["floor"] = WAITING, UNKNOWN_QUEUE, NO_FLOOR
        meet_book(venue, slot)


@kernel
def _move_last(venue: Venue, place: int) -> None:
    """Put an order behind all others, as one that has just arrived."""
    state, last = venue.state[0], int(venue.state[0]["working"]) - 1
    venue.working[SLOTS] = venue.working[place]
    for k in range(place, last):
        venue.working[k] = venue.working[k + 1]
    venue.working[last] = venue.working[SLOTS]
    venue.working[last]["arrival_ns"] = state["now_ns"]
