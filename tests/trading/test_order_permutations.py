"""Six reports in each of their 720 orders end in one state, in twenty situations, worked by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from tests.trading.desks import START, Venue, blamed, build_desk, position, send_entry, sent, stands, states, tell
from tests.trading.oracle_orders import DEAD, Said
from trading.bracket import cancel_entry, flatten
from trading.core import Capacity
from trading.desk import REQUESTS, Desk
from trading.exits import ExitParams
from trading.records import OrderState

THREE_LEVELS = ExitParams(level_distance=(4, 8), level_percent=(34, 33))
STOPPED, REACHED = START - 8, START + 12


class Scene:
    """A desk that bought three, with its venue; what the venue says from `keep` on is what comes in any order."""

    def __init__(self, exits: ExitParams | None = None) -> None:
        self.desk: Desk = build_desk(exits, Capacity(1, 24, 64, 128))
        self.venue, self.taken = Venue(), 0
        send_entry(self.desk, 1, 3)

    def take(self, refuse: bool = False) -> None:
        """Let the venue take what was sent."""
        requests = sent(self.desk, self.taken)
        self.taken += len(requests)
        for request in requests:
            self.venue.take(request, refuse)

    def hear(self) -> None:
        """Let the desk hear everything."""
        while self.venue.outbox:
            tell(self.desk, *self.venue.outbox.pop(0))

    def opened(self, quantity: int = 3) -> "Scene":
        """Fill some of the entry; the legs are sent and not yet taken."""
        self.take()
        self.venue.fill(1, quantity, START)
        self.hear()
        return self

    def settle(self) -> None:
        """Let all that follows happen, in good order."""
        while self.taken < self.desk.counts[REQUESTS] or self.venue.outbox:
            self.take()
            self.hear()

    def outcome(self) -> dict[str, Any]:
        """Return all that is known in the end, but the size that a dead order had when it died."""
        orders, account = self.desk.orders[: len(states(self.desk))], self.desk.account[0]
        working = orders[~np.isin(orders["state"], [OrderState[name] for name in DEAD])]
        return {
            "states": states(self.desk), "filled": orders["filled"].tolist(), "position": position(self.desk),
            "terms": working[["id", "quantity", "price", "stop_price"]].tolist(), "fees": float(account["fees"]),
            "cash": int(account["cash_ticks"]), "stands": stands(self.desk).name, "blamed": blamed(self.desk),
        }  # fmt: skip


def fills_in_parts(scene: Scene) -> None:
    scene.take()
    for _ in range(3):
        scene.venue.fill(1, 1, START)


def part_then_cancelled(scene: Scene) -> None:
    scene.take()
    scene.venue.fill(1, 1, START)
    scene.venue.take(("CANCEL", 1, "ENTRY", 1, 3, 0, 0))


def rejected(scene: Scene) -> None:
    scene.take(refuse=True)


def expired(scene: Scene) -> None:
    scene.take()
    scene.venue.orders[1].state = "EXPIRED"
    scene.venue.say(1)


def cancel_in_vain(scene: Scene) -> None:
    cancel_entry(scene.desk)
    scene.take()
    scene.venue.outbox.pop()
    scene.venue.orders[1].state = "ACCEPTED"
    scene.venue.say(1, "CANCEL", True)
    scene.venue.fill(1, 3, START)


def cancel_meets_fill(scene: Scene) -> None:
    cancel_entry(scene.desk)
    requests = sent(scene.desk)
    scene.taken = 2
    scene.venue.take(requests[0])
    scene.venue.fill(1, 2, START)
    scene.venue.take(requests[1])


def stopped_in_parts(scene: Scene) -> None:
    scene.opened().take()
    for _ in range(3):
        scene.venue.fill(2, 1, STOPPED)


def target_in_parts(scene: Scene) -> None:
    scene.opened().take()
    for quantity in (2, 1):
        scene.venue.fill(3, quantity, REACHED)


def both_filled(scene: Scene) -> None:
    scene.opened().take()
    scene.venue.fill(2, 3, STOPPED)
    scene.venue.fill(3, 3, REACHED)


def legs_share(scene: Scene) -> None:
    scene.opened().take()
    scene.venue.fill(2, 1, STOPPED)
    scene.venue.fill(3, 2, REACHED)


def flatten_in_parts(scene: Scene) -> None:
    flatten(scene.opened().desk)
    scene.take()
    scene.venue.fill(4, 1, START)
    scene.venue.fill(4, 2, START)


def flatten_and_stop_share(scene: Scene) -> None:
    flatten(scene.opened().desk)
    scene.take()
    scene.venue.fill(4, 2, START)
    scene.venue.fill(2, 1, STOPPED)


def flatten_and_stop_both(scene: Scene) -> None:
    flatten(scene.opened().desk)
    scene.take()
    scene.venue.fill(4, 3, START)
    scene.venue.fill(2, 3, STOPPED)


def flatten_refused(scene: Scene) -> None:
    flatten(scene.opened().desk)
    requests = sent(scene.desk, scene.taken)
    scene.taken += 3
    scene.venue.take(requests[0])
    scene.venue.take(requests[1])
    scene.venue.take(requests[2], refuse=True)


def two_levels_done(scene: Scene) -> None:
    scene.opened().take()
    scene.venue.fill(5, 1, START + 4)
    scene.venue.fill(4, 1, START + 8)


def stop_rejected(scene: Scene) -> None:
    scene.opened()
    requests = sent(scene.desk, scene.taken)
    scene.taken += 2
    scene.venue.take(requests[0], refuse=True)
    scene.venue.take(requests[1])


def more_fills_come(scene: Scene) -> None:
    scene.opened(1).take()
    scene.venue.fill(1, 1, START)
    scene.venue.fill(1, 1, START)


def late_fill_after_cancel(scene: Scene) -> None:
    part_then_cancelled(scene)
    scene.venue.orders[1].filled, scene.venue.orders[1].notional = 2, 2 * START
    scene.venue.say(1, state="PARTIALLY_FILLED")


def order_of_someone_else(scene: Scene) -> None:
    fills_in_parts(scene)
    scene.venue.outbox.append((999, Said(99, "ACCEPTED", 0, 0, 1, 0, 0)))


def another_instrument(scene: Scene) -> None:
    fills_in_parts(scene)
    scene.venue.say(1, instrument=9)


@dataclass(frozen=True)
class Case:
    """What happens, and what it must come to."""

    happens: Callable[[Scene], None]
    states: list[str]
    position: int
    won: int  # ticks, the open position at its entry's price
    stands: str
    blamed: str = ""
    exits: ExitParams | None = None


F, C, A, R = "FILLED", "CANCELED", "ACCEPTED", "REJECTED"
CASES = [
    Case(fills_in_parts, [F, A, A], 3, 0, "PROTECTED"),
    Case(part_then_cancelled, [C, A, A], 1, 0, "PROTECTED"),
    Case(rejected, [R], 0, 0, "FLAT"),
    Case(expired, ["EXPIRED"], 0, 0, "FLAT"),
    Case(cancel_in_vain, [F, A, A], 3, 0, "PROTECTED"),
    Case(cancel_meets_fill, [C, A, A], 2, 0, "PROTECTED"),
    Case(stopped_in_parts, [F, F, C], 0, -24, "FLAT"),
    Case(target_in_parts, [F, C, F], 0, 36, "FLAT"),
    Case(both_filled, [F, F, F, A], -3, 12, "CLOSING", "OVERCLOSED"),
    Case(legs_share, [F, C, C], 0, 16, "FLAT"),
    Case(flatten_in_parts, [F, C, C, F], 0, 0, "FLAT"),
    Case(flatten_and_stop_share, [F, C, C, C], 0, -8, "FLAT"),
    Case(flatten_and_stop_both, [F, F, C, F, A], -3, -24, "CLOSING", "OVERCLOSED"),
    Case(flatten_refused, [F, A, A, R], 3, 0, "PROTECTED"),
    Case(two_levels_done, [F, A, A, F, F], 1, 12, "PROTECTED", "", THREE_LEVELS),
    Case(stop_rejected, [F, R, A, A], 3, 0, "CLOSING"),
    Case(more_fills_come, [F, A, A], 3, 0, "PROTECTED"),
    Case(late_fill_after_cancel, ["UNKNOWN", A, A], 2, 0, "UNKNOWN", "CONTRADICTION"),
    Case(order_of_someone_else, [F, A, A], 3, 0, "HALT", "UNKNOWN_ORDER"),
    Case(another_instrument, ["UNKNOWN", A, A], 3, 0, "UNKNOWN", "CONTRADICTION"),
]


def in_every_order(case: Case) -> list[dict[str, Any]]:
    """Return the outcome of each order of six reports, some of them twice."""
    scene = Scene(case.exits)
    case.happens(scene)
    reports, scene.venue.outbox = scene.venue.outbox, []
    assert 0 < len(reports) <= 6
    six = (reports * 6)[:6]
    before = [part.copy() for part in scene.desk]
    taken, resting = scene.taken, {n: (o.terms, o.filled, o.notional, o.state) for n, o in scene.venue.orders.items()}
    outcomes = []
    for order in permutations(range(6)):
        for part, saved in zip(scene.desk, before, strict=True):
            part[:] = saved
        scene.taken, scene.venue.outbox = taken, []
        scene.venue.orders = {n: scene.venue.orders[n] for n in resting}
        for number, (terms, filled, notional, state) in resting.items():
            one = scene.venue.orders[number]
            one.terms, one.filled, one.notional, one.state = terms, filled, notional, state
        for place in order:
            tell(scene.desk, *six[place])
        scene.settle()
        outcomes.append(scene.outcome())
    return outcomes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.happens.__name__)
def test_reports_in_every_order_end_in_one_state(case: Case) -> None:
    outcomes = in_every_order(case)
    assert len(outcomes) == 720
    first = outcomes[0]
    assert all(other == first for other in outcomes)
    assert (first["states"], first["position"]) == (case.states, case.position)
    assert first["cash"] + first["position"] * START == case.won
    assert (first["stands"], first["blamed"]) == (case.stands, case.blamed)


def test_there_are_twenty_situations() -> None:
    assert len(CASES) == 20
