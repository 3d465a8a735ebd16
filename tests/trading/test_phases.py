"""Positions whose market closes, halts or calls an auction while they are open."""

import pytest

from market.types import Kind, Phase, Side
from tests.factories import make_book, make_event
from tests.trading.desks import START, blamed, states
from tests.trading.scenarios import WARM, build_warm, feed_trader, ladder_events
from tests.trading.stories import FLATTEN as CLOSE
from tests.trading.stories import STOP as LEG
from tests.trading.stories import TARGET as GOAL
from tests.trading.stories import Story, both_ways, new
from trading.bracket import flatten
from trading.exits import ExitParams
from trading.paper import Trader, end_session
from trading.records import OrderRole, OrderState, OrderType
from trading.requests import phase_takes

SIGNAL_AT = 60 * (WARM + 1)  # seconds: the close of the bar that brings the first signal
FILLED_AT = 10_340
ENTRY, STOP, TARGET, FLATTEN = OrderRole


def entered() -> Trader:
    """Return a trader that bought one at FILLED_AT, whose legs work."""
    trader = build_warm(events=True)
    book = make_book(SIGNAL_AT + 0.001, FILLED_AT - 1, FILLED_AT)
    feed_trader(trader, [*ladder_events(WARM), *book, make_event(Kind.EDIT, SIGNAL_AT + 0.1)])
    assert trader.fills["price"].tolist() == [FILLED_AT]
    return trader


def turn(trader: Trader, seconds: float, phase: Phase) -> None:
    """Let the market enter a phase, and half a second pass."""
    at = SIGNAL_AT + seconds
    feed_trader(trader, [make_event(Kind.STATE, at, level=phase), make_event(Kind.EDIT, at + 0.5)])


def closes(trader: Trader) -> list[str]:
    """Return the state of each close that was sent."""
    return [OrderState(code).name for code in trader.orders["state"][trader.orders["role"] == FLATTEN]]


def test_session_ends_flat_though_the_last_close_was_refused_a_moment_ago() -> None:
    trader = entered()
    mark = int(trader.account["mark"][0])
    flatten(trader.core.desk)
    turn(trader, 0.105, Phase.CLOSED)  # before the close arrives
    assert closes(trader) == ["REJECTED"]
    made = end_session(trader)
    assert made.account["position"][0] == 0
    assert made.fills["price"].tolist() == [FILLED_AT, mark - 1]
    assert made.fills["role"].tolist() == [ENTRY, FLATTEN]


def test_position_of_a_market_that_closes_for_a_minute_is_closed_as_it_opens_again() -> None:
    """The close ends the stop; no close is asked for before anything is taken again."""
    trader = entered()
    turn(trader, 1.0, Phase.CLOSED)
    for second in range(2, 60):
        feed_trader(trader, [make_event(Kind.EDIT, SIGNAL_AT + second)])
    assert closes(trader) == []
    feed_trader(trader, make_book(SIGNAL_AT + 59.9, FILLED_AT + 4, FILLED_AT + 5))
    turn(trader, 60.0, Phase.OPEN)
    assert closes(trader) == ["FILLED"]
    assert (trader.account["position"][0], trader.fills["price"][-1], trader.core.desk.bracket["fault"][0]) == (
        0,
        FILLED_AT + 4,
        0,
    )


# ---- the desk alone


def enter(story: Story, phase: Phase, seconds: float = 0.0) -> None:
    """Let the desk's market enter a phase and time pass."""
    story.desk.market["phase"] = phase
    story.wait(seconds)


@both_ways
@pytest.mark.parametrize("phase", [Phase.INHIBITED, Phase.CLOSED])
def test_closes_wait_for_a_phase_that_takes_them_and_their_tries_begin_anew(side: int, phase: Phase) -> None:
    story = Story(side).open()
    flatten(story.desk)
    story.take(refuse=True, reason="PHASE")
    story.wait(2.0)
    story.take(refuse=True, reason="PHASE")
    enter(story, phase, 600.0)
    assert (story.news(), blamed(story.desk)) == ([], "")
    enter(story, Phase.OPEN)
    assert story.take(refuse=True, reason="PHASE") == [new(6, "FLATTEN", 3)]
    story.wait(3.999)  # the second try of this phase, the one before it counted with it
    assert story.news() == []
    story.wait(0.001)
    assert story.take() == [new(7, "FLATTEN", 3)]
    assert blamed(story.desk) == ""


@both_ways
def test_auction_takes_a_close_but_no_stop(side: int) -> None:
    story = Story(side, exits=ExitParams(trail_after=6, trail_distance=5)).open()
    enter(story, Phase.AUCTION)
    story.wait(1.0, START + 9)
    story.wait(1.0, START + 5)
    enter(story, Phase.OPEN)
    assert story.news() == []  # what the auction named is no best price to follow
    enter(story, Phase.AUCTION)
    flatten(story.desk)
    assert story.news() == [new(CLOSE, "FLATTEN", 3)]


@both_ways
def test_stop_moves_once_the_auction_is_over_and_spends_no_tries_in_it(side: int) -> None:
    story = Story(side, exits=ExitParams(trail_after=6, trail_distance=5)).open()
    story.wait(1.0, START + 7)
    moved = ("REPLACE", LEG, "STOP", -1, 3, 0, START + 2)
    for _ in range(5):
        assert story.take(refuse=True, reason="PHASE") == [moved]
        enter(story, Phase.AUCTION, 60.0)
        assert (story.news(), blamed(story.desk)) == ([], "")
        enter(story, Phase.OPEN)
    assert story.take() == [moved]
    assert states(story.desk) == ["FILLED", "ACCEPTED", "ACCEPTED"]


@both_ways
def test_stop_that_may_not_move_shrinks_where_it_stands(side: int) -> None:
    story = Story(side, exits=ExitParams(trail_after=6, trail_distance=5)).open()
    story.wait(1.0, START + 7)
    story.take(refuse=True, reason="PHASE")
    enter(story, Phase.AUCTION, 2.0)
    story.fill(GOAL, 1, START + 12)
    assert story.take() == [("REPLACE", LEG, "STOP", -1, 2, 0, START - 8)]
    enter(story, Phase.OPEN)
    assert story.take() == [("REPLACE", LEG, "STOP", -1, 2, 0, START + 2)]


def test_unanswered_change_is_not_repeated_in_an_auction_and_stays_a_try() -> None:
    story = Story(Side.BUY, exits=ExitParams(trail_after=6, trail_distance=5)).open()
    story.wait(1.0, START + 7)
    for _ in range(3):
        assert len(story.news()) == 1
        enter(story, Phase.AUCTION, 60.0)
        assert story.news() == []
        enter(story, Phase.OPEN)
    assert (len(story.news()), blamed(story.desk)) == (1, "")
    story.wait(2.0)
    assert blamed(story.desk) == "UNANSWERED"


def test_phases_take_what_is_told_of_them() -> None:
    """By hand: nothing where it is closed or inhibited, stops in the open phase alone."""
    everything, all_but_stops, nothing = {1, 2, 4}, {1, 2}, set[int]()
    taken = {
        Phase.OPEN: everything, Phase.FROZEN: all_but_stops, Phase.INHIBITED: nothing, Phase.AUCTION: all_but_stops,
        Phase.CLOSED: nothing, Phase.PRE_CLOSING: all_but_stops, Phase.PRE_OPENING: all_but_stops,
    }  # fmt: skip
    assert {phase: {int(kind) for kind in OrderType if phase_takes(phase, kind)} for phase in Phase} == taken
