"""The venue: what happens to our orders at the exchange, for the backtest and for paper trading (signals.md §13).

It draws nothing and looks ahead at nothing: an order works `latency` after it was sent, meets the book as it stood
before the event at hand, and is filled by rules that are never kinder than the market was.
"""

from typing import NamedTuple

import numpy as np

from features.layout import BOOK_MAX_AGE_NS
from market.bars import enters_bars
from market.kernel import kernel
from market.types import Flag, Kind, Phase, Side
from trading.policy import MILLISECOND_NS, VenueParams
from trading.records import FILL, ORDER, OrderRole, OrderType
from trading.requests import REPORT

ROLES = len(OrderRole) + 1  # an order stands at its role's number
ADVERSE_TICKS = 1  # without a quote a market order pays this on top of the next trade
VENUE = np.dtype(
    [
        ("latency_ns", "<i8"),
        ("quote_ns", "<i8"),  # last change of either best quote
        ("since_ns", "<i8"),  # last change of quotes or phase
        ("bid_size", "<i8"),  # displayed and not yet taken by us
        ("ask_size", "<i8"),
        ("fee_per_side", "<f8"),  # R$ per contract
        ("taken", "<i8"),  # the desk's requests taken so far
        ("reports", "<i8"),  # made so far
        ("bid", "<i4"),  # 0 where the side is empty
        ("ask", "<i4"),
        ("slippage_ticks", "<i4"),
        ("phase", "u1"),
        ("reserved", "u1", (3,)),
    ]
)

_TRADE, _QUOTE_SIDE, _STATE = int(Kind.TRADE), int(Kind.QUOTE_SIDE), int(Kind.STATE)
_BOOK_CLEAR, _GAP, _OPEN_PHASE = int(Kind.BOOK_CLEAR), int(Kind.GAP), int(Phase.OPEN)
_EMPTY, _BUY = int(Flag.EMPTY), int(Side.BUY)
_MARKET, _LIMIT, _STOP_TYPE = int(OrderType.MARKET), int(OrderType.LIMIT), int(OrderType.STOP)
_ENTRY, _FLATTEN = int(OrderRole.ENTRY), int(OrderRole.FLATTEN)


class Venue(NamedTuple):
    """Arrays of the venue.

    Attributes
    ----------
    state : ndarray of VENUE, length 1
    orders : ndarray of ORDER, shape (ROLES,)
        Its own copy of each working order, at the order's role; id 0 where none works.
    active_ns : ndarray of int64, shape (ROLES,)
        When each begins to work.
    report : ndarray of FILL, length 1
        The fill at hand.
    answer : ndarray of REPORT, length 1
        What the desk is told at the moment.
    """

    state: np.ndarray
    orders: np.ndarray
    active_ns: np.ndarray
    report: np.ndarray
    answer: np.ndarray


def new_venue(params: VenueParams, fee_per_side: float) -> Venue:
    """Return a venue without orders; `fee_per_side` is R$ per contract."""
    state = np.zeros(1, dtype=VENUE)
    state["latency_ns"] = params.latency_ms * MILLISECOND_NS
    state["slippage_ticks"] = params.slippage_ticks
    state["fee_per_side"] = fee_per_side
    orders, active_ns = np.zeros(ROLES, dtype=ORDER), np.zeros(ROLES, dtype=np.int64)
    return Venue(state, orders, active_ns, np.zeros(1, dtype=FILL), np.zeros(1, dtype=REPORT))


@kernel
def reset_venue(venue: Venue) -> None:
    """Forget every order and quote, as a new session begins."""
    for role in range(_ENTRY, _FLATTEN + 1):
        venue.orders[role]["id"] = 0
    state = venue.state[0]
    state["bid"] = state["ask"] = state["bid_size"] = state["ask_size"] = 0
    state["quote_ns"] = state["since_ns"] = 0
    state["taken"] = state["reports"] = 0
    state["phase"] = _OPEN_PHASE


@kernel
def accept_order(venue: Venue, order: np.void, latency_ns: int) -> None:
    """Take an order, which works from `latency_ns` after it was made."""
    venue.orders[order["role"]] = order
    venue.active_ns[order["role"]] = order["ts_ns"] + latency_ns


@kernel
def remove_order(venue: Venue, role: int) -> None:
    """Drop the order of a role."""
    venue.orders[role]["id"] = 0


@kernel
def update_book(venue: Venue, event: np.void) -> None:
    """Take what an event says about the best quotes and the phase."""
    state, kind = venue.state[0], event["kind"]
    if kind == _QUOTE_SIDE:
        if event["side"] == _BUY:
            state["bid"], state["bid_size"] = event["price"], event["quantity"]
        else:
            state["ask"], state["ask_size"] = event["price"], event["quantity"]
        state["quote_ns"] = event["ts_event_ns"]
    elif kind in (_BOOK_CLEAR, _GAP):
        state["bid"] = state["ask"] = state["bid_size"] = state["ask_size"] = 0
    elif kind == _STATE:
        state["phase"] = event["level"]
    else:
        return
    state["since_ns"] = event["ts_event_ns"]


@kernel
def is_print(event: np.void) -> bool:
    """Tell whether an event is a trade that says where the market is."""
    return bool(event["kind"] == _TRADE and event["price"] > 0 and event["quantity"] > 0) and enters_bars(
        event["trade_type"]
    )


@kernel
def meet_book(venue: Venue, role: int, now_ns: int) -> bool:
    """Try the market order of a role against the book that has stood up to now; write the fill into `report`.

    To be called before each event, until it returns False: what the displayed size does not cover is a second fill.
    Between two events the book stands still, so the fill's time and the quote's age are those of the moment when
    order and book met, not of the event that lets us know.
    """
    order, state = venue.orders[role], venue.state[0]
    if order["id"] == 0 or order["type"] != _MARKET or state["phase"] != _OPEN_PHASE:
        return False
    met = max(venue.active_ns[role], state["since_ns"])
    if met > now_ns:
        return False
    touch = _touch(venue, int(order["side"]), met)
    return touch > 0 and _take_touch(venue, order, met, touch)


@kernel
def match_event(venue: Venue, role: int, event: np.void) -> bool:
    """Try the order of a role against an event, before `update_book`; write the fill into `report`.

    To be called again until it returns False. A market order that met no valid book fills at the next trade and one
    tick adverse. A limit fills at its price once a trade prints through it. A stop is triggered by a trade at or
    beyond its trigger and fills at the worst of trigger, trade and opposite best.
    """
    order, now = venue.orders[role], event["ts_event_ns"]
    if order["id"] == 0 or now < venue.active_ns[role] or venue.state[0]["phase"] != _OPEN_PHASE:
        return False
    if not is_print(event):
        return False
    side, price = int(order["side"]), int(event["price"])
    if order["type"] == _MARKET:
        return _fill(venue, order, now, price + side * ADVERSE_TICKS, _leaves(order))
    if order["type"] == _LIMIT:
        through = side * (order["price"] - price) > 0
        return bool(through) and _fill(venue, order, now, order["price"], _leaves(order))
    trigger = int(order["stop_price"])
    if side * (price - trigger) < 0:
        return False
    worst = side * max(side * trigger, side * price)
    touch = _touch(venue, side, now)
    if touch == 0:
        return _fill(venue, order, now, worst, _leaves(order))
    return _take_touch(venue, order, now, side * max(side * worst, side * touch))


@kernel
def match_bar(venue: Venue, role: int, bar: np.void) -> bool:
    """Try the order of a role against a vendor's bar; write the fill into `report`.

    Market orders fill at the open and pay the slippage. A stop inside the bar fills at its trigger, or at the open
    where that is worse; a limit fills where the bar goes through it. The caller tries the stop before the target.
    """
    order = venue.orders[role]
    if order["id"] == 0 or bar["flags"] & np.uint32(_EMPTY) or bar["ts_open_ns"] < venue.active_ns[role]:
        return False
    side, opening = int(order["side"]), int(bar["open"])
    if order["type"] == _MARKET:
        price = opening + side * int(venue.state[0]["slippage_ticks"])
        return _fill(venue, order, bar["ts_open_ns"], price, _leaves(order))
    highest, lowest = int(bar["high"]), int(bar["low"])
    if order["type"] == _LIMIT:
        limit = int(order["price"])
        through = lowest < limit if side == _BUY else highest > limit
        return through and _fill(venue, order, bar["ts_close_ns"], limit, _leaves(order))
    trigger = int(order["stop_price"])
    touched = highest >= trigger if side == _BUY else lowest <= trigger
    worst = side * max(side * trigger, side * opening)
    return touched and _fill(venue, order, bar["ts_close_ns"], worst, _leaves(order))


@kernel
def settle_order(venue: Venue, role: int, now_ns: int, price: int) -> bool:
    """Fill the rest of an order at a price, as a broker closes what is open when a session ends."""
    order = venue.orders[role]
    return bool(order["id"] != 0) and _fill(venue, order, now_ns, price, _leaves(order))


@kernel
def _leaves(order: np.void) -> int:
    return int(order["quantity"]) - int(order["filled"])


@kernel
def _touch(venue: Venue, side: int, now_ns: int) -> int:
    """Return the best quote an order of a side meets; 0 where the book is one-sided, crossed or too old."""
    state = venue.state[0]
    bid, ask = int(state["bid"]), int(state["ask"])
    if bid <= 0 or ask <= bid or now_ns - state["quote_ns"] > BOOK_MAX_AGE_NS:
        return 0
    return ask if side == _BUY else bid


@kernel
def _take_touch(venue: Venue, order: np.void, now_ns: int, price: int) -> bool:
    """Fill what the displayed size covers at a price, or, once nothing is displayed, the rest beyond it."""
    state, leaves, buys = venue.state[0], _leaves(order), order["side"] == _BUY
    displayed = int(state["ask_size"]) if buys else int(state["bid_size"])
    if displayed <= 0:
        beyond = price + int(order["side"]) * int(state["slippage_ticks"])
        return _fill(venue, order, now_ns, beyond, leaves)
    quantity = min(leaves, displayed)
    if buys:
        state["ask_size"] -= quantity
    else:
        state["bid_size"] -= quantity
    return _fill(venue, order, now_ns, price, quantity)


@kernel
def _fill(venue: Venue, order: np.void, now_ns: int, price: int, quantity: int) -> bool:
    """Report a fill; an order that is done works no more."""
    if quantity <= 0:
        return False
    report = venue.report[0]
    report["ts_ns"] = now_ns
    report["order"] = order["id"]
    report["decision"] = order["decision"]
    report["fee"] = quantity * venue.state[0]["fee_per_side"]
    report["price"] = price
    report["quantity"] = quantity
    report["instrument"] = order["instrument"]
    report["role"] = order["role"]
    report["side"] = order["side"]
    order["filled"] += quantity
    if order["filled"] >= order["quantity"]:
        order["id"] = 0
    return True
