"""The bracket written once more from the text, in plain Python; see oracle_orders.py."""

import math
from dataclasses import dataclass, field
from fractions import Fraction

from tests.trading.oracle_orders import Asked, OracleOrder, Said

Request = tuple[str, int, str, int, int, int, int]  # kind, order number, role, side, quantity, limit, trigger


@dataclass(frozen=True)
class Rules:
    """What the text leaves to parameters; times in nanoseconds."""

    stop_distance: int = 8
    target_distance: int = 12
    levels: tuple[tuple[int, int], ...] = ()  # distance, percent of the targets before the last
    limit_offset: int = 0
    cost: int = 0
    breakeven: int = 0
    trail_after: int = 0
    trail_distance: int = 0
    trail_nearest: int = 3
    trail_farthest: int = 15
    trail_percent: int = 100
    trail_high: int = 100
    trail_low: int = 100
    trail_against: int = 100
    trail_decay: int = 0
    trail_tightest_after: int = 0
    protect: int = 500_000_000
    answer: int = 2_000_000_000
    limit_wait: int = 100_000_000
    step: int = 1_000_000_000
    repeats: int = 3

    def split(self, quantity: int) -> list[int]:
        """Largest remainder over three levels; a single contract goes to the last."""
        if quantity == 1:
            return [0, 0, 1]
        percents = [percent for _, percent in self.levels] + [0] * (2 - len(self.levels))
        exact = [Fraction(quantity * percent, 100) for percent in [*percents, 100 - sum(percents)]]
        whole = [int(share) for share in exact]
        by_remainder = sorted(range(3), key=lambda level: (exact[level] - whole[level], level), reverse=True)
        for level in by_remainder[: quantity - sum(whole)]:
            whole[level] += 1
        return whole


@dataclass
class Oracle:
    """A desk of one account."""

    rules: Rules
    now: int
    mark: int
    orders: list[OracleOrder] = field(default_factory=list)
    sent: list[Request] = field(default_factory=list)
    position: int = 0
    cash: int = 0
    fault: str = ""
    side: int = 0
    first: int = 0
    entry_price: int = 0
    entry_order: int = 0
    stop_price: int = 0
    extreme: int = 0
    trail: int = 0
    opened: int = 0
    moved: int | None = None
    volatility: int = 0  # what the last bars were like
    momentum: int = 0
    phase: str = "OPEN"
    levels_done: int = 0
    exposed: int | None = None
    beyond: int | None = None
    closing: bool = False
    drop_entry: bool = False
    limit_passed: bool = False
    closes: list[tuple[int, int]] = field(default_factory=list)  # side, time

    # ---- what comes in

    def enter(self, side: int, quantity: int) -> None:
        self._new("ENTRY", side, quantity)
        self._follow()

    def report(self, number: int, said: Said) -> None:
        """Take a report on the order of a number, from 1."""
        if not 1 <= number <= len(self.orders):
            self._fail("UNKNOWN_ORDER")
        else:
            self._hear(self.orders[number - 1], number, said)
        self._follow()

    def _hear(self, order: OracleOrder, number: int, said: Said) -> None:
        was, before = order.state(), self.position
        if order.hear(said):
            self._fail("CONTRADICTION")
        if said.instrument == 1 and said.filled > order.booked:
            self._book(order, number, said)
        if order.role == "ENTRY" and before == 0 and self.position != 0:
            self._open(order)
        if order.state() == "FILLED" != was:
            if order.role == "TARGET":
                self.levels_done += 1
            if order.role == "FLATTEN":
                self.closes = []

    def _book(self, order: OracleOrder, number: int, said: Said) -> None:
        earlier = [one.notional for one in order.sane() if one.filled == order.booked and one is not said]
        worth = said.notional - (earlier[0] if order.booked else 0)
        more = said.filled - order.booked
        if self.position == 0:
            mean = Fraction(worth, more)  # a purchase pays the tick above it, a sale gets the one below
            self.entry_price = math.ceil(mean) if order.side > 0 else math.floor(mean)
            self.entry_order = number
        order.booked = said.filled
        self.position += order.side * more
        self.cash -= order.side * worth

    def _open(self, entry: OracleOrder) -> None:
        self.side, self.first = entry.side, len(self.orders)
        self.stop_price = self.entry_price - self.side * self.rules.stop_distance
        self.extreme, self.trail = self.entry_price, 100 * self.rules.trail_distance
        self.opened = self.now
        self.moved, self.levels_done, self.limit_passed, self.closes = None, 0, False, []
        self.plan = self.rules.split(entry.terms[0])

    def tick(self, now: int, mark: int) -> None:
        self.now, self.mark = max(self.now, now), mark
        if self.position == 0 and all(order.dead() for order in self.orders):
            return
        for order in self.orders:
            last = order.asked[-1]
            waits = last.kind == "NEW" and last.open and not order.dead()
            if waits and self.now - last.at >= self.rules.answer:
                order.silent = order.silent or not order.contradicted
        if self.side * self.position > 0:
            if not self.closing and self._takes("STOP"):
                self._move_stop()
            self._watch_limit()
            if self.exposed is not None and self.now - self.exposed >= self.rules.protect:
                self.closing = True
        self._follow()

    def flatten(self) -> None:
        if self.position != 0 or self._live("ENTRY"):
            self.closing = True
            self._follow()

    def cancel_entry(self) -> None:
        if self._live("ENTRY"):
            self.drop_entry = True
            self._follow()

    # ---- the stop

    def _move_stop(self) -> None:
        rules, side = self.rules, self.side
        fresh = side * self.mark > side * self.extreme
        if fresh:
            self.extreme = self.mark
        profit = side * (self.extreme - self.entry_price)
        wished = [self.stop_price]
        safe = self.levels_done >= 1 or (rules.breakeven and profit >= rules.breakeven)
        if safe:
            even = self.entry_price + side * rules.cost
            if side * self.mark > side * even:
                wished.append(even)
        trailing = self.levels_done >= 2 or (rules.trail_after and profit >= rules.trail_after)
        if rules.breakeven and not safe:
            trailing = False
        if rules.trail_distance and trailing and fresh:
            wished.append(self.mark - side * self._behind(profit))
            self.trail = max(100 * rules.trail_nearest, self.trail * rules.trail_percent // 100)
        best = max(wished, key=lambda price: side * price)
        if best != self.stop_price and (self.moved is None or self.now - self.moved >= rules.step):
            self.stop_price, self.moved = best, self.now

    def _behind(self, profit: int) -> int:
        rules, distance = self.rules, Fraction(self.trail)
        if rules.trail_tightest_after and profit > rules.trail_tightest_after:
            return rules.trail_nearest
        against = self.momentum not in (0, self.side)
        lost = rules.trail_decay * ((self.now - self.opened) // (10 * 60 * 10**9))
        by_deviation = {1: rules.trail_high, 0: 100, -1: rules.trail_low}[self.volatility]
        for percent in (by_deviation, rules.trail_against if against else 100, max(100 - lost, 0)):
            distance = Fraction(int(distance * Fraction(percent, 100)))  # whole hundredths
        ticks = int(distance / 100 + Fraction(1, 2))
        return sorted((rules.trail_nearest, ticks, rules.trail_farthest))[1]

    def _watch_limit(self) -> None:
        stop = self._leg("STOP")
        newest = stop.newest() if stop else None
        if not newest or not newest.price or self.side * self.mark >= self.side * newest.price:
            self.beyond = None
            return
        if self.beyond is None:
            self.beyond = self.now
        if self.now - self.beyond >= self.rules.limit_wait:
            self.limit_passed = self.closing = True

    # ---- what should work

    def _follow(self) -> None:
        open_now = self.side * self.position
        entry = self._live("ENTRY")
        if entry is None:
            self.drop_entry = False
        elif (
            self.closing or self.drop_entry or entry.state() == "UNKNOWN" or open_now < 0
            or (open_now == 0 and entry.booked)
        ):  # fmt: skip
            self._cancel(entry)
        for place, order in enumerate(self.orders):
            if order.role != "ENTRY" and not order.dead() and self._is_idle(order, place, open_now):
                self._cancel(order)
        if open_now > 0:
            self._hold(open_now)
        else:
            self.exposed = self.beyond = None
            if open_now < 0:
                self._fail("OVERCLOSED")
                self.closing = True
                self._close(self.side, -open_now)
            else:
                self.entry_price = 0
        if self.position == 0 and all(order.dead() for order in self.orders):
            self.closing = self.drop_entry = self.limit_passed = False
            self.closes = []

    def _is_idle(self, order: OracleOrder, place: int, open_now: int) -> bool:
        if self.position == 0:
            return True
        if open_now < 0:
            return order.side != self.side
        return order.side == self.side or (order.role != "FLATTEN" and place < self.first)

    def _hold(self, open_now: int) -> None:
        stop = self._leg("STOP")
        if stop:
            quantity = stop.booked + open_now
            shown, trigger = stop.newest(), self.stop_price
            if shown and quantity < shown.quantity and not self._takes("STOP"):
                trigger = shown.stop  # it shrinks where it stands
            if not self.limit_passed and self._replace(stop, quantity, self._limit(trigger), trigger) == "never":
                self.closing = True
                assert shown is not None
                self.stop_price = shown.stop
                self._replace(stop, quantity, self._limit(shown.stop), shown.stop)
        elif any(order.role == "STOP" for order in self.orders[self.first :]):
            self.closing = True
        else:
            stop = self._new("STOP", -self.side, open_now, self._limit(self.stop_price), self.stop_price)
        self._targets(open_now)
        if self.closing:
            self._close(-self.side, open_now)
            if self.limit_passed and stop:
                self._cancel(stop)
        newest = stop.newest() if stop else None
        sure = stop and newest and stop.state() != "UNKNOWN" and newest.quantity - stop.booked >= open_now
        if sure:
            self.exposed = None
        elif self.exposed is None:
            self.exposed = self.now

    def _limit(self, trigger: int) -> int:
        return trigger - self.side * self.rules.limit_offset if self.rules.limit_offset else 0

    def _targets(self, open_now: int) -> None:
        rest = open_now
        for level in (2, 1, 0):
            own = [one for one in self.orders[self.first :] if one.role == "TARGET" and one.level == level]
            wanted = max(0, min(self.plan[level] - sum(one.booked for one in own), rest))
            rest -= wanted
            newest = own[-1] if own else None
            if newest and not newest.dead():
                if wanted == 0 or self._replace(newest, newest.booked + wanted, newest.terms[1], 0) == "never":
                    self._cancel(newest)
            elif wanted and not self.closing and (newest is None or newest.state() == "FILLED"):
                distance = self.rules.target_distance if level == 2 else self.rules.levels[level][0]
                price = self.entry_price + self.side * distance
                self._new("TARGET", -self.side, wanted, price, level=level)

    def _close(self, side: int, quantity: int) -> None:
        under_way = [one for one in self.orders if one.role == "FLATTEN" and one.side == side and not one.dead()]
        if under_way:
            close = under_way[0]
            wanted = close.booked + quantity
            if close.state() == "UNKNOWN" or (
                self._replace(close, wanted, 0, 0) == "never" and close.terms[0] > wanted
            ):
                self._cancel(close)
            return
        if self.closes and self.closes[-1][0] != side:
            self.closes = []
        if not self._takes("FLATTEN"):
            self.closes = self.closes[-1:]
            return
        if len(self.closes) > self.rules.repeats:
            self._fail("UNANSWERED")
            return
        if self.closes and self.now < self.closes[-1][1] + self.rules.answer * 2 ** (len(self.closes) - 1):
            return
        self._new("FLATTEN", side, quantity)
        self.closes.append((side, self.now))

    # ---- what goes out

    def _new(self, role: str, side: int, quantity: int, price: int = 0, stop: int = 0, level: int = 0) -> OracleOrder:
        order = OracleOrder(role, side, (quantity, price, stop), level)
        self.orders.append(order)
        self._send(order, "NEW", order.terms)
        return order

    def _cancel(self, order: OracleOrder) -> None:
        if not order.dead() and self._may(order, "CANCEL"):
            self._send(order, "CANCEL", order.terms)

    def _replace(self, order: OracleOrder, quantity: int, price: int, stop: int) -> str:
        last, terms = order.asked[-1], (quantity, price, stop)
        if order.dead() or (last.open and last.kind != "REPLACE") or (order.terms == terms and not last.open):
            return ""
        if order.refused_terms == terms:
            return "never"
        shown = order.newest()
        told = (shown.quantity, shown.price, shown.stop) if shown else (0, 0, 0)
        if (terms[1:] != told[1:] or quantity > told[0]) and not self._takes(order.role):
            if last.kind == "REPLACE" and not last.open and last.terms != ("done",):
                order.counts_from = len(order.asked) - 1
            return ""
        if self._may(order, "REPLACE"):
            order.terms = terms
            self._send(order, "REPLACE", terms)
        return ""

    def _may(self, order: OracleOrder, kind: str) -> bool:
        last, times, at = order.tries()
        if last != kind:
            return True
        refused, spent = not order.asked[-1].open, times > self.rules.repeats
        wait = self.rules.answer * (2 ** (times - 1) if refused else 1)
        if self.now - at < wait and not (refused and spent):
            return False
        if not spent:
            return True
        if order.asked[-1].open:
            order.silent = order.silent or not order.contradicted
        self._fail("UNANSWERED")
        return False

    def _send(self, order: OracleOrder, kind: str, terms: tuple[int, int, int]) -> None:
        seen = max((one.number for one in order.sane()), default=0)
        for earlier in order.asked:
            earlier.open = False
        order.asked.append(Asked(kind, self.now, seen, terms))
        self.sent.append((kind, self.orders.index(order) + 1, order.role, order.side, *terms))

    def _takes(self, role: str) -> bool:
        """Tell whether the market takes new terms of such an order now."""
        return self.phase == "OPEN" or (self.phase == "AUCTION" and role != "STOP")

    def _fail(self, why: str) -> None:
        self.fault = self.fault or why

    # ---- looking

    def _live(self, role: str) -> OracleOrder | None:
        return next((one for one in reversed(self.orders) if one.role == role and not one.dead()), None)

    def _leg(self, role: str) -> OracleOrder | None:
        own = [one for one in self.orders[self.first :] if one.role == role and not one.dead()]
        return own[-1] if own else None

    def state(self) -> str:
        """Return where the bracket stands."""
        living = [order for order in self.orders if not order.dead()]
        open_now = self.side * self.position
        if any(order.state() == "UNKNOWN" for order in living):
            return "UNKNOWN"
        if any(order.role == "FLATTEN" or (order.role != "ENTRY" and open_now <= 0) for order in living):
            return "CLOSING"
        if self.fault:
            return "HALT"
        if open_now != 0:
            return "PROTECTED" if self.exposed is None else "OPEN_UNPROTECTED"
        return "ENTRY_SENT" if living else "FLAT"
