"""How working orders trade: against the book that stands, and by the trades of the market.

Where buy and sell differ only in direction, prices are compared as side x price, which rises as it gets worse for us.
"""

import numpy as np

from market.kernel import kernel
from market.types import Kind, Phase, TradeType
from trading.fills.depth import UNKNOWN_QUEUE, can_trade, level_at, level_count, queue_at, take_level
from trading.fills.venue import (
    ADVERSE_TICKS,
    ARMED,
    NO_FLOOR,
    RESTING,
    WAITING,
    Venue,
    fill,
    leaves,
    settle_slots,
)
from trading.records import OrderType

_LIMIT, _MARKET = int(OrderType.LIMIT), int(OrderType.MARKET)
_OPEN_PHASE, _AUCTION_PRINT = int(Phase.OPEN), int(TradeType.AUCTION)
# Retail liquidity is hidden: its prints take nothing from the queue (b3.md §5), so they move none of our orders.
_TELLING = (
    int(TradeType.UNKNOWN),
    int(TradeType.BUY_AGGRESSION),
    int(TradeType.SELL_AGGRESSION),
    _AUCTION_PRINT,
)
_ANY_PRICE = np.iinfo(np.int64).max
_TRADE = int(Kind.TRADE)


@kernel
def is_telling(event: np.void) -> bool:
    """Tell whether an event is a trade by which orders are filled and stops are triggered."""
    return bool(
        event["kind"] == _TRADE and event["price"] > 0 and event["quantity"] > 0 and event["trade_type"] in _TELLING
    )


@kernel
def worst_allowed(venue: Venue, slot: np.void) -> int:
    """Return side x price beyond which an order does not trade: its limit, or the auction tunnel."""
    state, side = venue.state[0], int(slot["side"])
    bound = side * int(slot["price"]) if slot["type"] == _LIMIT else _ANY_PRICE
    if state["auction_ticks"] > 0 and state["last"] > 0:
        bound = min(bound, side * int(state["last"]) + int(state["auction_ticks"]))
    return int(bound)


@kernel
def meet_book(venue: Venue, slot: np.void) -> None:
    """Let an order take what is displayed; what then is left of a limit rests in the queue.

    Without a book that stands, a limit away from the last trade rests too; all else waits.
    """
    state = venue.state[0]
    if state["phase"] != _OPEN_PHASE:
        return
    if can_trade(venue.book, state["now_ns"]):
        walk(venue, slot)
    if slot["stage"] == WAITING and slot["type"] == _LIMIT:
        rest(venue, slot)


@kernel
def rest(venue: Venue, slot: np.void) -> None:
    """Give a limit its place in the queue, unless the auction tunnel or a book not yet seen holds it."""
    state, side = venue.state[0], int(slot["side"])
    limit, last = side * int(slot["price"]), side * int(state["last"])
    standing = can_trade(venue.book, state["now_ns"])
    if worst_allowed(venue, slot) < limit or (not standing and (last == 0 or limit >= last)):
        return
    slot["stage"], slot["floor"] = RESTING, NO_FLOOR
    slot["ahead"] = queue_at(venue.book, side, int(slot["price"])) if standing else UNKNOWN_QUEUE
    slot["shown"], slot["traded"] = max(slot["ahead"], 0), 0


@kernel
def walk(venue: Venue, slot: np.void) -> None:
    """Take the displayed levels, best first; what an order at market asks beyond them pays the slippage."""
    side, bound, floor = int(slot["side"]), worst_allowed(venue, slot), int(slot["floor"])
    worst = np.int64(floor)
    for level in range(level_count(venue.book, -side)):
        price, quantity = level_at(venue.book, -side, level)
        if price <= 0:
            continue
        worst = max(np.int64(floor), np.int64(side * price))
        if worst > bound:
            return
        taken = min(leaves(slot), quantity)
        if taken > 0:
            take_level(venue.book, -side, level, taken)
            fill(venue, slot, int(side * worst), taken)
        if leaves(slot) <= 0:
            return
    beyond = worst + int(venue.state[0]["slippage_ticks"])
    if slot["type"] == _MARKET and beyond <= bound:
        fill(venue, slot, int(side * beyond), leaves(slot))


@kernel
def match_trade(venue: Venue, event: np.void) -> None:
    """Fill and trigger what a trade of the market fills and triggers; `is_telling` must hold."""
    state, price = venue.state[0], int(event["price"])
    state["last"] = price
    if price > state["low"] and price < state["high"]:
        return
    if state["phase"] != _OPEN_PHASE and event["trade_type"] != _AUCTION_PRINT:
        return
    used = 0  # of this trade's quantity by orders of ours that stood before
    for place in range(state["working"]):
        slot = venue.working[place]
        if slot["stage"] == ARMED:
            _trigger(venue, slot, price)
        elif slot["stage"] == WAITING:
            _match_waiting(venue, slot, price)
        elif state["phase"] == _OPEN_PHASE:
            used += _match_resting(venue, slot, event, used)
    settle_slots(venue)


@kernel
def _trigger(venue: Venue, slot: np.void, price: int) -> None:
    """Trigger a stop by a trade at or beyond its trigger; no fill of it is better than trigger and trade."""
    state, side = venue.state[0], int(slot["side"])
    if side * (price - slot["stop_price"]) < 0:
        return
    slot["type"] = _LIMIT if slot["price"] > 0 else _MARKET
    slot["floor"] = max(side * int(slot["stop_price"]), side * price)
    slot["stage"] = WAITING
    if state["phase"] != _OPEN_PHASE:
        return
    if can_trade(venue.book, state["now_ns"]):
        walk(venue, slot)
    elif slot["floor"] <= worst_allowed(venue, slot):
        fill(venue, slot, side * int(slot["floor"]), leaves(slot))
    if slot["stage"] == WAITING and slot["type"] == _LIMIT:
        rest(venue, slot)


@kernel
def _match_waiting(venue: Venue, slot: np.void, price: int) -> None:
    """Fill an order that has met no book: at an auction's price, or one tick adverse to a trade."""
    state, side = venue.state[0], int(slot["side"])
    if state["phase"] == _OPEN_PHASE and can_trade(venue.book, state["now_ns"]):
        state["meet_ns"] = state["now_ns"]  # held by the auction tunnel, which moves with the trade
        return
    limit = side * int(slot["price"]) if slot["type"] == _LIMIT else _ANY_PRICE
    if side * price >= limit:
        return
    in_auction = state["phase"] != _OPEN_PHASE
    worst = max(int(slot["floor"]), side * price + (0 if in_auction else ADVERSE_TICKS))
    if worst <= (limit if in_auction else worst_allowed(venue, slot)):
        fill(venue, slot, side * worst, leaves(slot))


@kernel
def _match_resting(venue: Venue, slot: np.void, event: np.void, used: int) -> int:
    """Fill a limit that the market trades through, or at, once what stood before it has traded; return how much."""
    side, price, quantity = int(slot["side"]), int(event["price"]), int(event["quantity"])
    better = side * (int(slot["price"]) - price)
    if better > 0:
        fill(venue, slot, int(slot["price"]), leaves(slot))
        return 0
    if better < 0 or event["trade_type"] == _AUCTION_PRINT:
        return 0
    slot["traded"] += quantity
    if slot["ahead"] == UNKNOWN_QUEUE:
        return 0
    free = max(quantity - int(slot["ahead"]), 0)
    slot["ahead"] = max(int(slot["ahead"]) - quantity, 0)
    taken = min(leaves(slot), free - used)
    if taken <= 0:
        return 0
    fill(venue, slot, int(slot["price"]), taken)
    return int(taken)
