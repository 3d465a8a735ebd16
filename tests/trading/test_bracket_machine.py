"""Whatever an honest venue does, in whatever order its word arrives, the desk keeps the invariants at every step."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.trading.desks import (
    MOST,
    START,
    Request,
    Venue,
    blamed,
    build_desk,
    pass_time,
    position,
    send_entry,
    sent,
    stands,
    states,
    tell,
)
from trading.bracket import cancel_entry, flatten
from trading.core import mark_desk
from trading.exits import ExitParams
from trading.records import BracketState, RefusalReason, TradingState

LIVE = {"PENDING_NEW", "ACCEPTED", "PARTIALLY_FILLED", "PENDING_CANCEL", "PENDING_REPLACE", "UNKNOWN"}
PROTECT_NS = 500_000_000
EXITS = [
    ExitParams(),
    ExitParams(level_distance=(4, 8), level_percent=(50, 30), cost=1, trail_distance=6, breakeven=4),
    ExitParams(limit_offset=3, trail_after=5, trail_distance=4),
]


class Bracket(RuleBasedStateMachine):
    """A desk before a venue that is slow, refuses now and then, and repeats itself, but does not lie."""

    @initialize(exits=st.sampled_from(EXITS), side=st.sampled_from([-1, 1]), quantity=st.integers(1, MOST))
    def begin(self, exits: ExitParams, side: int, quantity: int) -> None:
        self.desk, self.venue = build_desk(exits), Venue()
        self.limit_offset = exits.limit_offset
        self.taken = self.checked = 0
        self.exposed_since: int | None = None
        self.old: list[tuple[int, Any]] = []
        send_entry(self.desk, side, quantity)

    # ---- what may happen

    @precondition(lambda self: stands(self.desk) is BracketState.FLAT)
    @rule(side=st.sampled_from([-1, 1]), quantity=st.integers(1, MOST))
    def enter(self, side: int, quantity: int) -> None:
        send_entry(self.desk, side, quantity)

    @rule(
        refuse=st.integers(0, 19), count=st.integers(1, 6), prompt=st.booleans(),
        reason=st.sampled_from(["NONE", "TRIGGERED"]),
    )  # fmt: skip
    def venue_takes(self, refuse: int, count: int, prompt: bool, reason: str) -> None:
        for request in sent(self.desk, self.taken)[:count]:
            self.taken += 1
            self.venue.take(request, refuse == 19, reason)
        if prompt:
            self.word_arrives(len(self.venue.outbox))

    @rule(data=st.data(), whole=st.booleans(), move=st.integers(-3, 3), prompt=st.booleans())
    def venue_fills(self, data: st.DataObject, whole: bool, move: int, prompt: bool) -> None:
        working = [number for number, order in self.venue.orders.items() if order.works()]
        if working:
            number = data.draw(st.sampled_from(working))
            left = self.venue.orders[number].terms[0] - self.venue.orders[number].filled
            self.venue.fill(number, left if whole else data.draw(st.integers(1, left)), START + move)
        if prompt:
            self.word_arrives(len(self.venue.outbox))

    @rule(count=st.integers(1, 8))
    def word_arrives(self, count: int) -> None:
        for _ in range(min(count, len(self.venue.outbox))):
            self._hear(0)

    @rule(data=st.data(), again=st.booleans())
    def word_arrives_out_of_order(self, data: st.DataObject, again: bool) -> None:
        if again and self.old:
            tell(self.desk, *data.draw(st.sampled_from(self.old)))
        elif self.venue.outbox:
            self._hear(data.draw(st.integers(0, len(self.venue.outbox) - 1)))

    def _hear(self, place: int) -> None:
        word = self.venue.outbox.pop(place)
        self.old.append(word)
        tell(self.desk, *word)
        self.requests_keep_what_is_promised()

    @rule(seconds=st.sampled_from([0.001, 0.02, 0.3, 1.0, 2.5]), mark=st.integers(START - 15, START + 15))
    def time_passes(self, seconds: float, mark: int) -> None:
        pass_time(self.desk, seconds, mark)

    @rule(what=st.integers(0, 9))
    def desk_ends(self, what: int) -> None:
        if what == 9:
            flatten(self.desk)
        elif what == 8:
            cancel_entry(self.desk)

    @rule()
    def all_comes_to_rest(self) -> None:
        """The venue answers everything at once: what is known is then what is true."""
        for _ in range(60):
            for request in sent(self.desk, self.taken):
                self.taken += 1
                self.venue.take(request)
            if not self.venue.outbox:
                break
            self.word_arrives(len(self.venue.outbox))
        truth = sum(order.side * order.filled for order in self.venue.orders.values())
        assert position(self.desk) == truth
        assert stands(self.desk) is not BracketState.UNKNOWN or blamed(self.desk)

    def teardown(self) -> None:
        """At the end of each run a loss reaches its limit: flat and halted."""
        if not hasattr(self, "desk"):
            return
        self.desk.limits["daily_loss_fraction"] = -1.0
        mark_desk(self.desk, int(self.desk.account[0]["mark"]))
        self.requests_keep_what_is_promised()
        self.all_comes_to_rest()
        for _ in range(3):
            for number in [n for n, order in self.venue.orders.items() if order.works() and order.role == "FLATTEN"]:
                order = self.venue.orders[number]
                self.venue.fill(number, order.terms[0] - order.filled, START)
            self.all_comes_to_rest()
        self.desk.limits["daily_loss_fraction"] = 0.5
        assert self.desk.budget[0]["trading_state"] == TradingState.HALTED
        assert position(self.desk) == 0 or blamed(self.desk) == RefusalReason.UNANSWERED.name or self._refused_close()

    def _refused_close(self) -> bool:
        """Tell whether a close was refused and waits for its next try."""
        last = [order for order in self.venue.orders.values() if order.role == "FLATTEN"]
        return bool(last) and last[-1].state in ("REJECTED", "CANCELED")

    # ---- what must hold

    @invariant()
    def each_order_is_sent_once(self) -> None:
        new = [request[1] for request in sent(self.desk) if request[0] == "NEW"]
        assert len(set(new)) == len(new)
        alive = [role for role, state in self._orders() if state in LIVE]
        assert alive.count("ENTRY") <= 1

    @invariant()
    def position_is_the_sum_of_fills_and_inside_its_limit(self) -> None:
        held = position(self.desk)
        if blamed(self.desk) != "OVERCLOSED":
            assert abs(held + int(self.desk.account[0]["pending"])) <= MOST

    @invariant()
    def requests_keep_what_is_promised(self) -> None:
        """Judge what was sent since the last look, at the position that it was sent at."""
        fresh = sent(self.desk, self.checked)
        self.checked += len(fresh)
        held = position(self.desk)
        side = int(self.desk.bracket[0]["side"])
        for place, (kind, number, role, way, quantity, _, _) in enumerate(fresh):
            filled = int(self.desk.orders["filled"][number - 1])
            if role == "ENTRY":
                assert kind != "NEW" or held == 0
            elif kind != "CANCEL":
                # An exit never asks for more than is open, and only towards flat.
                assert way * held < 0
                assert quantity - filled <= abs(held)
            elif role == "STOP" and held * side > 0 and number > int(self.desk.bracket[0]["first"]):
                assert self._limit_was_passed(fresh[:place])

    def _limit_was_passed(self, before: list[Request]) -> bool:
        closes = any(role == "FLATTEN" and state in LIVE for role, state in self._orders())
        return self.limit_offset > 0 and (closes or any(request[2] == "FLATTEN" for request in before))

    @invariant()
    def nothing_outlives_its_position(self) -> None:
        """Once a position is closed, the cancel of whatever is left of it has been asked for."""
        asked = {request[1] for request in sent(self.desk) if request[0] == "CANCEL"}
        if position(self.desk) == 0:
            left = [n + 1 for n, (role, state) in enumerate(self._orders()) if role != "ENTRY" and state in LIVE]
            assert set(left) <= asked

    @invariant()
    def one_close_at_a_time(self) -> None:
        orders = self.desk.orders[: len(states(self.desk))]
        for way in (-1, 1):
            closing = [
                state
                for (role, state), order in zip(self._orders(), orders, strict=True)
                if role == "FLATTEN" and order["side"] == way and state in LIVE
            ]
            assert len(closing) <= 1

    @invariant()
    def nothing_stays_unprotected_without_a_close(self) -> None:
        now, held = int(self.desk.market[0]["now_ns"]), position(self.desk)
        if held == 0 or self._protected(abs(held)):
            self.exposed_since = None
            return
        if self.exposed_since is None:
            self.exposed_since = now
        closing = stands(self.desk) in (BracketState.CLOSING, BracketState.UNKNOWN) or blamed(self.desk)
        if now - self.exposed_since > PROTECT_NS and not closing:
            assert self._refused_close() or any(role == "FLATTEN" for role, _ in self._orders())

    def _protected(self, held: int) -> bool:
        """Tell whether a report that arrived says that a stop works for all that is open."""
        for number, order in self.venue.orders.items():
            heard = [said for told, said in self.old if told == number and order.role == "STOP"]
            if heard:
                newest = max(heard, key=lambda said: said.number)
                if newest.state in LIVE and newest.quantity - newest.filled >= held:
                    return True
        return False

    @invariant()
    def only_double_fills_overclose(self) -> None:
        if blamed(self.desk) == "OVERCLOSED":
            filled = [role for (role, _), done in zip(self._orders(), self.desk.orders["filled"], strict=False) if done]
            assert len([role for role in filled if role != "ENTRY"]) >= 2
            assert self.desk.account[0]["trading_state"] == TradingState.HALTED
        assert blamed(self.desk) in ("", "OVERCLOSED", "UNANSWERED")

    def _orders(self) -> list[tuple[str, str]]:
        roles = {1: "ENTRY", 2: "STOP", 3: "TARGET", 4: "FLATTEN"}
        found = states(self.desk)
        return [(roles[int(role)], state) for role, state in zip(self.desk.orders["role"], found, strict=False)]


Bracket.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
test_desk_keeps_its_promises = Bracket.TestCase
