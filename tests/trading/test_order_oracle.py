"""The order and bracket machines against their twins, over drawn sequences of whatever a venue may do."""

import random

import pytest

from market.types import Phase
from tests.factories import OPEN_NS
from tests.trading.desks import (
    SECOND_NS,
    START,
    Venue,
    blamed,
    build_desk,
    position,
    send_entry,
    sent,
    stands,
    states,
    tell,
)
from tests.trading.oracle_bracket import Oracle, Rules
from trading.bracket import cancel_entry, flatten, tick
from trading.desk import REQUESTS, Desk
from trading.exits import ExitParams

PLANS = [
    Rules(),
    Rules(
        levels=((4, 50), (8, 30)),
        cost=1,
        trail_distance=6,
        trail_percent=80,
        trail_after=2,
        trail_high=120,
        trail_low=90,
        trail_against=70,
        trail_tightest_after=9,
    ),
    Rules(
        levels=((3, 25), (6, 25)),
        limit_offset=3,
        breakeven=5,
        trail_after=7,
        trail_distance=4,
        trail_percent=95,
        trail_farthest=5,
        trail_high=150,
        trail_decay=7,
    ),
    Rules(limit_offset=5, limit_wait=0, repeats=1, breakeven=3, cost=1),
]
# How often each thing happens: at a venue in a hurry, and at one where most positions live for a while.
HASTY = {"request": 30, "fill": 18, "hear": 40, "time": 22, "flatten": 1, "cancel": 1, "lie": 1, "phase": 3}
CALM = {"request": 40, "fill": 4, "hear": 60, "time": 24, "flatten": 0.5, "cancel": 0.5, "lie": 0.2, "phase": 1}


def params(rules: Rules) -> ExitParams:
    distances = [distance for distance, _ in rules.levels] + [0] * (2 - len(rules.levels))
    percents = [percent for _, percent in rules.levels] + [0] * (2 - len(rules.levels))
    return ExitParams(
        level_distance=(distances[0], distances[1]), level_percent=(percents[0], percents[1]),
        limit_offset=rules.limit_offset, cost=rules.cost, breakeven=rules.breakeven, trail_after=rules.trail_after,
        trail_distance=rules.trail_distance, trail_nearest=rules.trail_nearest, trail_percent=rules.trail_percent,
        trail_farthest=rules.trail_farthest, trail_high=rules.trail_high, trail_low=rules.trail_low,
        trail_against=rules.trail_against, trail_decay=rules.trail_decay,
        trail_tightest_after=rules.trail_tightest_after,
        limit_ms=rules.limit_wait // 1_000_000, repeats=rules.repeats,
    )  # fmt: skip


class Pair:
    """A desk, its twin and one venue that deals with both."""

    def __init__(self, seed: int, lies: bool = True) -> None:
        self.draw = random.Random(seed)
        self.rules = PLANS[seed % len(PLANS)]
        self.desk: Desk = build_desk(params(self.rules))
        self.twin = Oracle(self.rules, OPEN_NS, START)
        self.venue, self.taken, self.price, self.lies = Venue(), 0, START, lies
        self.often = CALM if seed // len(PLANS) % 2 else HASTY

    def step(self) -> str:
        """Let one thing happen to both; return which."""
        if stands(self.desk).name == "FLAT":
            self._enter_phase(Phase.OPEN)  # in no other one the gate lets an entry pass
            side, quantity = self.draw.choice((-1, 1)), self.draw.choice((1, 1, 2, 3, 4, 7))
            send_entry(self.desk, side, quantity)
            self.twin.enter(side, quantity)
            return "enter"
        what = self.draw.choices(list(self.often), list(self.often.values()))[0]
        getattr(self, f"_{what}")()
        return what

    def _request(self) -> None:
        """The venue takes, refuses or never sees the next request."""
        if self.taken == self.desk.counts[REQUESTS]:
            return self._time()
        request = sent(self.desk, self.taken)[0]
        self.taken += 1
        if self.draw.random() < (0.97 if self.often is HASTY else 0.998):
            reason = self.draw.choice(("NONE", "PHASE", "TRIGGERED", "PRICE"))
            self.venue.take(request, self.draw.random() < 0.04, reason)
        return None

    def _fill(self) -> None:
        working = [number for number, order in self.venue.orders.items() if order.works()]
        if not working:
            return self._request()
        number = self.draw.choice(working)
        order = self.venue.orders[number]
        left = order.terms[0] - order.filled
        self.venue.fill(number, self.draw.choice((left, left, self.draw.randint(1, left))), self.price)
        return None

    def _hear(self) -> None:
        """A report arrives: mostly the oldest, and sometimes it will come again."""
        if not self.venue.outbox:
            return self._request()
        at = 0 if self.draw.random() < 0.8 else self.draw.randrange(len(self.venue.outbox))
        number, said = self.venue.outbox[at] if self.draw.random() < 0.1 else self.venue.outbox.pop(at)
        tell(self.desk, number, said)
        self.twin.report(number, said)
        return None

    def _time(self) -> None:
        self.price += self.draw.randint(-4, 4)
        waits = (0.001, 0.05, 0.2, 0.6, 2.5) if self.often is HASTY else (0.01, 0.05, 0.3, 0.3, 1.5)
        if self.draw.random() < 0.02:
            waits = (400.0,)
        if self.draw.random() < 0.1:
            self.twin.volatility, self.twin.momentum = self.draw.choice((-1, 0, 1)), self.draw.choice((-1, 0, 1))
            self.desk.market["volatility"], self.desk.market["momentum"] = self.twin.volatility, self.twin.momentum
        start = self.twin.now
        now = start + round(self.draw.choice(waits) * SECOND_NS)
        self.desk.account["mark"] = self.price
        self._tick(start)
        due, asked = int(self.desk.bracket[0]["due_ns"]), self.desk.counts[REQUESTS]
        if due > start + 1:  # nothing happens before it is due
            self._tick(self.draw.randint(start, min(now, due - 1)))
            assert (self.desk.counts[REQUESTS], self.desk.bracket[0]["due_ns"]) == (asked, due)
        self._tick(now)

    def _tick(self, now: int) -> None:
        tick(self.desk, now)
        self.twin.tick(now, self.price)

    def _phase(self) -> None:
        """The market enters another phase, mostly the open one."""
        self._enter_phase(self.draw.choice((Phase.OPEN, Phase.OPEN, Phase.AUCTION, Phase.INHIBITED)))

    def _enter_phase(self, phase: Phase) -> None:
        self.desk.market["phase"], self.twin.phase = phase, phase.name

    def _flatten(self) -> None:
        flatten(self.desk)
        self.twin.flatten()

    def _cancel(self) -> None:
        cancel_entry(self.desk)
        self.twin.cancel_entry()

    def _lie(self) -> None:
        """The venue tells what cannot be."""
        gone = [number for number, order in self.venue.orders.items() if not order.works()]
        if not self.lies or not gone:
            return
        number, kind = self.draw.choice(gone), self.draw.randrange(4)
        order = self.venue.orders[number]
        if kind == 0:
            order.filled, order.notional = order.filled + 1, order.notional + self.price
            order.terms = (max(order.terms[0], order.filled), *order.terms[1:])
            self.venue.say(number, state="PARTIALLY_FILLED")
        elif kind == 1:
            self.venue.say(number, state="EXPIRED" if order.state != "EXPIRED" else "CANCELED")
        elif kind == 2:
            self.venue.say(number, instrument=9)
        else:
            said = self.venue.outbox[-1][1] if self.venue.outbox else None
            if said is not None:
                tell(self.desk, 10_000, said)
                self.twin.report(10_000, said)

    def compare(self) -> None:
        desk, twin = self.desk, self.twin
        assert sent(desk) == twin.sent
        assert states(desk) == [order.state() for order in twin.orders]
        assert desk.orders["filled"][: len(twin.orders)].tolist() == [order.booked for order in twin.orders]
        assert (position(desk), int(desk.account[0]["cash_ticks"])) == (twin.position, twin.cash)
        assert (stands(desk).name, blamed(desk)) == (twin.state(), twin.fault)


def run(seed: int, steps: int = 60) -> None:
    pair = Pair(seed, lies=seed % 3 == 0)
    trail = []
    for _ in range(steps):
        trail.append(pair.step())
        try:
            pair.compare()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, after {trail}") from error


@pytest.mark.parametrize("block", range(4))
def test_desk_does_what_its_twin_does(block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        run(seed)


@pytest.mark.nightly
@pytest.mark.parametrize("block", range(20))
def test_desk_does_what_its_twin_does_twenty_thousand_times(block: int) -> None:
    for seed in range(1000 + block * 1000, 2000 + block * 1000):
        run(seed)
