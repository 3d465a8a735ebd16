"""The venue again, slow and plain, written from the rules and not from the code it is compared with."""

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from market.types import PRICE_KEYED, Kind, Phase, TradeType
from trading.policy import VenueParams
from trading.records import OrderState, OrderType
from trading.requests import Refusal, RequestKind

MARKET, LIMIT, STOP = OrderType.MARKET, OrderType.LIMIT, OrderType.STOP
TWO_SECONDS = 2_000_000_000
MASK = 2**64 - 1
REGULAR = {TradeType.UNKNOWN, TradeType.BUY_AGGRESSION, TradeType.SELL_AGGRESSION}
ALIVE = {OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED}
Report = tuple[int, ...]


def splitmix(word: int) -> int:
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK
    return word ^ (word >> 31)


def latency_of(params: VenueParams, session: int, number: int) -> int:
    quantiles = [round(ms * 1_000_000) for ms in params.latency_quantiles_ms or (params.latency_ms,)]
    if len(quantiles) == 1:
        return quantiles[0]
    word = splitmix((params.seed + 0x9E3779B97F4A7C15) & MASK)
    word = splitmix((splitmix((word + session) & MASK) + number) & MASK)
    place = (word >> 11) / 2**53 * (len(quantiles) - 1)
    below = int(place)
    return quantiles[below] + int((quantiles[below + 1] - quantiles[below]) * (place - below))


@dataclass
class Order:
    id: int
    side: int
    type: int
    quantity: int
    price: int
    stop: int
    state: int = OrderState.ACCEPTED
    filled: int = 0
    notional: int = 0
    never_better_than: int | None = None  # of a triggered stop
    armed: bool = False
    resting: bool = False
    ahead: int | None = None
    shown: int = 0
    traded: int = 0
    since: int = 0

    @property
    def left(self) -> int:
        return self.quantity - self.filled

    @property
    def waiting(self) -> bool:
        return not self.armed and not self.resting

    def worse(self, a: int, b: int | None) -> int:
        """The price that costs this order more."""
        if b is None:
            return a
        return max(a, b) if self.side > 0 else min(a, b)

    def accepts(self, price: int) -> bool:
        return self.type != LIMIT or (price <= self.price if self.side > 0 else price >= self.price)


@dataclass
class Display:
    """What the feed shows of both sides, less what we took."""

    quotes: dict[int, list[int]] = field(default_factory=dict)
    keyed: dict[int, dict[int, int]] = field(default_factory=lambda: {1: {}, -1: {}})
    indexed: dict[int, list[list[int]]] = field(default_factory=lambda: {1: [], -1: []})
    changed: int = 0
    lost: bool = False

    def take_event(self, event: np.void) -> None:
        kind, side, price = int(event["kind"]), int(event["side"]), int(event["price"])
        quantity = int(event["quantity"]) if kind != Kind.LEVEL_DELETE else 0
        if kind == Kind.QUOTE_SIDE:
            self.quotes[side] = [price, quantity]
        elif kind in (Kind.BOOK_CLEAR, Kind.GAP):
            self.quotes, self.keyed, self.indexed = {}, {1: {}, -1: {}}, {1: [], -1: []}
            self.lost = kind == Kind.GAP
        elif event["level"] == PRICE_KEYED:
            if not self.lost:
                self.keyed[side].pop(price, None)
                if quantity:
                    self.keyed[side][price] = quantity
        else:
            levels, index = self.indexed[side], int(event["level"])
            if quantity or index < len(levels):
                levels += [[0, 0] for _ in range(index + 1 - len(levels))]
                levels[index] = [price, quantity] if quantity else [0, 0]
                while levels and levels[-1][1] == 0:
                    levels.pop()
        self.changed = max(self.changed, int(event["ts_event_ns"]))

    def levels(self, side: int) -> list[list[int]]:
        """Best first; at most 32."""
        if any(self.keyed.values()) or any(self.indexed.values()):
            by_price = [[price, self.keyed[side][price]] for price in sorted(self.keyed[side], reverse=side > 0)]
            return (self.indexed[side] + by_price)[:32]
        return [self.quotes.get(side, [0, 0])]

    def take(self, side: int, place: int, quantity: int) -> None:
        price = self.levels(side)[place][0]
        if place < len(self.indexed[side]):
            self.indexed[side][place][1] -= quantity
        elif price in self.keyed[side]:
            self.keyed[side][price] -= quantity
        else:
            self.quotes[side][1] -= quantity

    def stands(self, now: int) -> bool:
        bids, asks = self.levels(1), self.levels(-1)
        if not bids or not asks:
            return False
        return 0 < bids[0][0] < asks[0][0] and now - self.changed <= TWO_SECONDS

    def queue(self, side: int, price: int) -> int | None:
        """Contracts shown at a price; None where nobody can tell."""
        for shown, quantity in self.levels(side):
            if shown == price:
                return quantity or None
            if shown and (shown < price if side > 0 else shown > price):
                return 0
        return None


class Twin:
    def __init__(self, params: VenueParams, session: int = 0) -> None:
        self.params, self.session = params, session
        self.book = Display()
        self.working: list[Order] = []
        self.dead: dict[int, Order] = {}
        self.told: list[Report] = []
        self.now, self.last, self.phase = 0, 0, Phase.OPEN

    def play(self, requests: np.ndarray, events: np.ndarray) -> list[Report]:
        under_way, before = [], 0
        for number, request in enumerate(requests):
            before = max(before, int(request["ts_ns"]) + latency_of(self.params, self.session, number))
            under_way.append((before, request))
        for event in events:
            while under_way and under_way[0][0] <= event["ts_event_ns"]:
                self.arrive(*under_way.pop(0))
            self.now = max(self.now, int(event["ts_event_ns"]))
            self.happen(event)
        for arrival, request in under_way:
            self.arrive(arrival, request)
        return self.told

    def tell(self, order: Order, kind: int = 0, reason: int = 0) -> None:
        refused = reason != 0 and not (kind == RequestKind.NEW and order.state == OrderState.REJECTED)
        self.told.append(
            (
                self.now, order.id, len(self.told) + 1, order.notional, order.filled, order.quantity, order.price,
                order.stop, order.state, kind, int(refused), reason,
            )
        )  # fmt: skip

    def end(self, order: Order, state: int) -> None:
        order.state = state
        if order in self.working:
            self.working.remove(order)
        self.dead.setdefault(order.id, order)

    def fill(self, order: Order, price: int, quantity: int) -> None:
        order.filled += quantity
        order.notional += price * quantity
        if order.left == 0:
            self.end(order, OrderState.FILLED)
        else:
            order.state = OrderState.PARTIALLY_FILLED
        self.tell(order)

    # ---- requests

    def arrive(self, arrival: int, request: np.void) -> None:
        self.now = max(self.now, arrival)
        found = next((order for order in self.working if order.id == request["order"]), None)
        {RequestKind.NEW: self.enter, RequestKind.CANCEL: self.cancel, RequestKind.REPLACE: self.replace}[
            RequestKind(request["kind"])
        ](request, found)

    def enter(self, request: np.void, found: Order | None) -> None:
        if found:
            self.tell(found, RequestKind.NEW, Refusal.DUPLICATE)
            return
        order = self.written(request)
        reason = self.objection(order, order.price, order.stop)
        if order.quantity <= 0:
            reason = Refusal.QUANTITY
        if len(self.working) == 16:
            reason = Refusal.FULL
        if reason:
            self.end(order, OrderState.REJECTED)
            self.tell(order, RequestKind.NEW, reason)
            return
        self.working.append(order)
        order.armed, order.since = order.type == STOP, self.now
        self.tell(order, RequestKind.NEW)
        if not order.armed:
            self.meet(order)

    @staticmethod
    def written(request: np.void) -> Order:
        return Order(*(int(request[name]) for name in ("order", "side", "type", "quantity", "price", "stop_price")))

    def objection(self, order: Order, price: int, stop: int) -> Refusal:
        """Why an order may not stand on these terms."""
        if self.phase in (Phase.CLOSED, Phase.INHIBITED) or (order.type == STOP and self.phase != Phase.OPEN):
            return Refusal.PHASE
        well_formed = {
            MARKET: price == 0 and stop == 0,
            LIMIT: price > 0 and stop == 0,
            STOP: stop > 0 and (price == 0 or (price >= stop if order.side > 0 else 0 < price <= stop)),
        }
        if abs(order.side) != 1 or not well_formed.get(OrderType(order.type), False):
            return Refusal.PRICE
        if self.last and order.type == STOP and (self.last >= stop if order.side > 0 else self.last <= stop):
            return Refusal.TRIGGERED
        band = self.params.rejection_ticks
        if band and self.last and any(told and abs(told - self.last) > band for told in (price, stop)):
            return Refusal.BAND
        return Refusal.NONE

    def refuse_dead(self, request: np.void) -> None:
        order = self.dead.get(int(request["order"]))
        if order is None:
            order = self.written(request)
            order.state = OrderState.REJECTED
        self.tell(order, int(request["kind"]), Refusal.NOT_WORKING)

    def cancel(self, request: np.void, found: Order | None) -> None:
        if not found:
            self.refuse_dead(request)
            return
        self.end(found, OrderState.CANCELED)
        self.tell(found, RequestKind.CANCEL)

    def replace(self, request: np.void, order: Order | None) -> None:
        if not order:
            self.refuse_dead(request)
            return
        quantity = int(request["quantity"])
        price = order.price if order.type == MARKET else int(request["price"])
        stop = int(request["stop_price"]) if order.type == STOP else order.stop
        same_terms = (price, stop) == (order.price, order.stop)
        reason = Refusal.NONE
        if quantity <= order.filled:
            reason = Refusal.QUANTITY
        elif not same_terms or quantity > order.quantity:
            reason = self.objection(order, price, stop if order.type == STOP else 0)
        if reason:
            self.tell(order, RequestKind.REPLACE, reason)
            return
        keeps = same_terms and quantity <= order.quantity
        order.quantity, order.price, order.stop = quantity, price, stop
        self.tell(order, RequestKind.REPLACE)
        if keeps:
            return
        self.working.remove(order)
        self.working.append(order)
        order.since = self.now
        if not order.armed:
            order.resting, order.never_better_than = False, None
            self.meet(order)

    # ---- the book

    def beyond_tunnel(self, order: Order, price: int) -> bool:
        half = self.params.auction_ticks
        return bool(half and self.last and order.side * (price - self.last) > half)

    def meet(self, order: Order) -> None:
        if self.phase != Phase.OPEN:
            return
        if self.book.stands(self.now):
            self.walk(order)
        self.settle_down(order)

    def settle_down(self, order: Order) -> None:
        """Let what is left of a limit rest."""
        if order.state not in ALIVE or order.type != LIMIT or self.beyond_tunnel(order, order.price):
            return
        stands = self.book.stands(self.now)
        away = self.last and (order.price < self.last if order.side > 0 else order.price > self.last)
        if not stands and not away:
            return
        order.resting, order.never_better_than, order.traded = True, None, 0
        order.ahead = self.book.queue(order.side, order.price) if stands else None
        order.shown = order.ahead or 0

    def walk(self, order: Order) -> None:
        last_price = order.never_better_than
        for place, (shown, quantity) in enumerate([tuple(level) for level in self.book.levels(-order.side)]):
            if not shown:
                continue
            price = last_price = order.worse(shown, order.never_better_than)
            if not order.accepts(price) or self.beyond_tunnel(order, price):
                return
            taken = min(quantity, order.left)
            if taken > 0:
                self.book.take(-order.side, place, taken)
                self.fill(order, price, taken)
            if not order.left:
                return
        price = last_price + order.side * self.params.slippage_ticks
        if order.type != LIMIT and not self.beyond_tunnel(order, price):
            self.fill(order, price, order.left)

    # ---- events

    def happen(self, event: np.void) -> None:
        kind = Kind(event["kind"])
        if kind == Kind.TRADE:
            self.trade(int(event["price"]), int(event["quantity"]), int(event["trade_type"]))
        elif kind == Kind.STATE:
            self.enter_phase(Phase(event["level"]))
        elif kind not in (Kind.CLOCK, Kind.EDIT):
            self.book.take_event(event)
            self.see(event)
            for order in [order for order in self.working if order.waiting]:
                self.meet(order)

    def enter_phase(self, phase: Phase) -> None:
        self.phase = phase
        for order in list(self.working):
            if phase == Phase.CLOSED:
                self.end(order, OrderState.EXPIRED)
                self.tell(order)
            elif phase != Phase.OPEN:
                order.resting = False
            elif order.waiting:
                self.meet(order)

    def see(self, event: np.void) -> None:
        for order in self.working:
            if not order.resting or order.side != event["side"]:
                continue
            if order.ahead is None:
                if self.book.stands(self.now):
                    order.ahead, order.traded = self.book.queue(order.side, order.price), 0
                    order.shown = order.ahead or 0
                continue
            by_index = event["kind"] == Kind.LEVEL_DELETE and event["level"] != PRICE_KEYED
            if self.params.shares_cancels and event["price"] == order.price and not by_index:
                now_shown = 0 if event["kind"] == Kind.LEVEL_DELETE else int(event["quantity"])
                stood = order.shown - order.traded
                if stood > now_shown:
                    order.ahead -= int(Fraction(order.ahead * (stood - now_shown), stood))
                order.shown, order.traded = now_shown, 0

    def trade(self, price: int, quantity: int, trade_type: int) -> None:
        auction = trade_type == TradeType.AUCTION
        if price <= 0 or quantity <= 0 or not (auction or trade_type in REGULAR):
            return
        self.last = price
        if self.phase != Phase.OPEN and not auction:
            return
        ours = 0
        held = []
        for order in list(self.working):
            if order.armed:
                self.trigger(order, price)
            elif order.resting:
                ours += self.trade_with_resting(order, price, quantity, auction, ours)
            elif self.phase != Phase.OPEN:
                if order.type != LIMIT or order.side * (order.price - price) > 0:
                    self.fill_waiting(order, order.worse(price, order.never_better_than))
            elif self.book.stands(self.now):
                held.append(order)
            elif order.type != LIMIT or order.side * (order.price - price) > 0:
                paid = order.worse(price + order.side, order.never_better_than)
                if not self.beyond_tunnel(order, paid):
                    self.fill_waiting(order, paid)
        for order in [order for order in self.working if order.waiting] if held else []:
            self.meet(order)

    def fill_waiting(self, order: Order, price: int) -> None:
        if order.accepts(price):
            self.fill(order, price, order.left)

    def trigger(self, order: Order, price: int) -> None:
        if order.side * (price - order.stop) < 0:
            return
        order.armed = False
        order.type = LIMIT if order.price else MARKET
        order.never_better_than = order.worse(order.stop, price)
        if self.phase != Phase.OPEN:
            return
        if self.book.stands(self.now):
            self.walk(order)
        elif order.accepts(order.never_better_than) and not self.beyond_tunnel(order, order.never_better_than):
            self.fill(order, order.never_better_than, order.left)
        self.settle_down(order)

    def trade_with_resting(self, order: Order, price: int, quantity: int, auction: bool, ours: int) -> int:
        better = order.side * (order.price - price)
        if better > 0:
            self.fill(order, order.price, order.left)
        if better != 0 or auction:
            return 0
        order.traded += quantity
        if order.ahead is None:
            return 0
        free = quantity - order.ahead
        order.ahead = max(0, order.ahead - quantity)
        taken = min(order.left, free - ours)
        if taken <= 0:
            return 0
        self.fill(order, order.price, taken)
        return taken
