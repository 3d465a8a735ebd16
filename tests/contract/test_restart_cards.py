"""Cards of restarts: orders and position are the venue's, and the next login finds them."""

import pytest

from tests.contract.cards import DEATH, FAULT, standin_only
from tests.contract.conftest import Open, Told
from tests.contract.recording import Recording
from trading.records import OrderState

DAY_ORDERS = [[OrderState.FILLED, 2, 2], [OrderState.ACCEPTED, 3, 0]]  # state, quantity, traded


@pytest.fixture(scope="module")
def lives(opened: Open) -> list[Told]:
    """Three processes after each other: one is killed, one dies of a crash in a callback, one ends well."""
    made = Recording()
    made.trade()
    made.moment("open")
    made.moment("crash", "crash")
    made.faults.append({"fault": "orders_hidden", "login": 2, "ms": 1000})
    play = opened(made)
    return [play.run("restart_steps", steps) for steps in ("LEAVE", "FIND", "AGAIN")]


@standin_only(DEATH)
def test_r01_killed(lives: list[Told]) -> None:
    """A process that is killed leaves its working order and its position at the venue, and the next login of the same
    home finds both: the order under another local id and the same permanent one."""
    left, (killed, found) = lives[0]["leave"], (lives[0], lives[1]["find"])
    assert killed.code == -9
    assert [[state, quantity, traded] for _, _, state, quantity, traded, *_ in found["orders"]] == DAY_ORDERS
    assert found["orders"][1][5:] == [4990.0, 1]
    assert found["position"] == [2, 5000.5]
    assert not {one[1] for one in found["orders"]} & set(left)
    assert all(one[0] for one in found["orders"])


@standin_only(FAULT)
def test_r02_empty_list(lives: list[Told]) -> None:
    """An empty list of orders is no proof that there are none: before it was asked for nothing is loaded, and for a
    while after a login it may be told loaded and be empty. It is told again when it is whole; the position is known
    meanwhile."""
    found = lives[1]["find"]
    assert (found["unasked"], found["loaded"]) == ([], False)
    assert (found["said_loaded"], found["empty"]) == (True, [])
    assert found["position"][0] == 2
    assert len(found["orders"]) == 2


@standin_only(FAULT)
def test_r03_crash_in_a_callback(lives: list[Told]) -> None:
    """A crash inside a callback ends the process and leaves orders and position at the venue; the next login finds them
    and cancels the order by its permanent id."""
    crashed, found = lives[1], lives[2]["find_again"]
    assert "crash" not in crashed.answers
    assert crashed.code == -11
    assert [[state, quantity, traded] for _, _, state, quantity, traded, *_ in found["orders"]] == DAY_ORDERS
    assert [one[0] for one in found["orders"]] == [one[0] for one in crashed["find"]["orders"]]
    assert found["position"] == 2
    assert (found["end"]["state"], found["end"]["traded"]) == (OrderState.CANCELED, 0)
    assert found["end"]["permanent_id"] == found["sought"]


@standin_only(DEATH)
def test_r04_proper_end(lives: list[Told]) -> None:
    """A session that is ended says goodbye to market, routing and login, and the process ends well."""
    assert lives[2].code == 0
    states = lives[2]["finish"]
    assert (states["market"], states["routing"]) == (0, 0)
