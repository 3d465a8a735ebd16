"""What follows where the venue refuses to change an order that works: by hand, long and mirrored short."""

import pytest

from market.types import Side
from tests.trading.desks import START, blamed, sent, stands, states
from tests.trading.stories import ENTRY, FLATTEN, STOP, TARGET, Story, both_ways, new
from trading.bracket import flatten
from trading.exits import ExitParams
from trading.records import BracketState as B
from trading.requests import Refusal, is_permanent

FOLLOWS = ExitParams(trail_after=6, trail_distance=5)


def test_refusals_for_what_is_asked_are_for_good_and_those_for_the_moment_are_not() -> None:
    permanent = {Refusal.QUANTITY, Refusal.PRICE, Refusal.BAND, Refusal.TRIGGERED, Refusal.DUPLICATE, Refusal.EXCHANGE}
    assert {refusal for refusal in Refusal if is_permanent(refusal)} == permanent


def moved(side: int, exits: ExitParams = FOLLOWS) -> Story:
    """Return a position whose stop was just asked to follow the price."""
    story = Story(side, exits=exits).open()
    story.wait(1.0, START + 7)
    return story


@both_ways
@pytest.mark.parametrize("limit_offset", [0, 4])
def test_stop_that_may_not_follow_is_kept_and_the_position_closed_at_once(side: int, limit_offset: int) -> None:
    story = moved(side, ExitParams(trail_after=6, trail_distance=5, limit_offset=limit_offset))
    limit = START + 2 - limit_offset if limit_offset else 0
    assert story.take(refuse=True, reason="TRIGGERED") == [("REPLACE", STOP, "STOP", -1, 3, limit, START + 2)]
    assert story.take() == [new(FLATTEN, "FLATTEN", 3)]
    assert (stands(story.desk), states(story.desk)[1:3]) == (B.CLOSING, ["ACCEPTED", "ACCEPTED"])
    for _ in range(10):
        story.wait(1.0, START + 9)
    assert story.news() == []  # neither that move nor another one
    story.fill(FLATTEN, 3, START + 1)
    assert [request[:2] for request in story.take()] == [("CANCEL", STOP), ("CANCEL", TARGET)]
    assert (story.won(), stands(story.desk), blamed(story.desk)) == (3, B.FLAT, "")


@both_ways
def test_part_of_a_close_makes_the_stop_smaller_where_it_stood(side: int) -> None:
    story = moved(side)
    story.take(refuse=True, reason="TRIGGERED")
    story.take()
    story.fill(FLATTEN, 1, START + 1)
    assert story.take()[0] == ("REPLACE", STOP, "STOP", -1, 2, 0, START - 8)


@both_ways
def test_stop_refused_as_it_moves_and_shrinks_at_once_shrinks_in_the_same_call(side: int) -> None:
    story = Story(side, exits=FOLLOWS).open()
    story.venue.fill(TARGET, 1, story.mirrored(START + 12))
    story.desk.bracket["stop_price"] = story.mirrored(START + 2)
    story.hear()
    assert story.take(refuse=True, reason="TRIGGERED") == [("REPLACE", STOP, "STOP", -1, 2, 0, START + 2)]
    assert story.news() == [("REPLACE", STOP, "STOP", -1, 2, 0, START - 8), new(FLATTEN, "FLATTEN", 2)]


@pytest.mark.parametrize("reason", ["NONE", "PHASE"])
def test_change_refused_for_the_moment_is_repeated_three_times_and_then_halts(reason: str) -> None:
    story = moved(Side.BUY)
    times = 0
    for _ in range(40):
        times += len(story.take(refuse=True, reason=reason))
        story.wait(0.5)
    assert times == 4
    assert (stands(story.desk), blamed(story.desk)) == (B.HALT, "UNANSWERED")
    assert states(story.desk) == ["FILLED", "ACCEPTED", "ACCEPTED"]


def test_refused_change_of_a_cancel_is_no_refused_change_of_terms() -> None:
    story = Story(Side.BUY, exits=FOLLOWS).open()
    story.fill(TARGET, 3, START + 12)
    assert [request[:2] for request in story.take(refuse=True, reason="PRICE")] == [("CANCEL", STOP)]
    story.wait(2.0)
    assert [request[:2] for request in story.take()] == [("CANCEL", STOP)]
    assert (stands(story.desk), blamed(story.desk)) == (B.FLAT, "")


@both_ways
def test_target_that_may_not_change_is_cancelled_and_not_sent_again(side: int) -> None:
    story = Story(side)
    story.take()
    story.fill(ENTRY, 1, START)
    story.take()
    story.fill(ENTRY, 2, START)
    growing = sent(story.desk, story.read)
    story.venue.take(growing[0])
    story.venue.take(growing[1], refuse=True, reason="BAND")
    story.hear()
    assert [request[:2] for request in story.news()] == [("REPLACE", STOP), ("REPLACE", TARGET), ("CANCEL", TARGET)]
    story.venue.take(("CANCEL", TARGET, "", 0, 0, 0, 0))
    story.hear()
    story.wait(3.0)
    assert (story.news(), stands(story.desk)) == ([], B.PROTECTED)


def closing_less(side: int) -> Story:
    """Return a close of three of which the stop has just taken one."""
    story = Story(side).open()
    flatten(story.desk)
    story.take()
    story.fill(STOP, 1, START - 8)
    return story


@both_ways
def test_close_that_may_not_shrink_is_cancelled_and_sent_anew_once_dead(side: int) -> None:
    story = closing_less(side)
    shrinking = sent(story.desk, story.read)
    assert [request[:3] for request in story.news()] == [("REPLACE", TARGET, "TARGET"), ("REPLACE", FLATTEN, "FLATTEN")]
    story.venue.take(shrinking[1], refuse=True, reason="PRICE")
    story.hear()
    assert [request[:2] for request in story.take()] == [("CANCEL", FLATTEN)]
    assert states(story.desk)[3] == "CANCELED"
    story.wait(2.0)
    assert story.news()[-1] == new(5, "FLATTEN", 2)


@both_ways
def test_close_that_may_not_grow_is_left_and_the_rest_closed_after_it(side: int) -> None:
    story = Story(side)
    story.take()
    story.fill(ENTRY, 1, START)
    story.take()
    flatten(story.desk)
    story.venue.take(sent(story.desk, story.read)[-1])
    story.hear()
    story.news()
    story.fill(ENTRY, 2, START)
    story.take(refuse=True, reason="QUANTITY")
    assert ("CANCEL", FLATTEN) not in [request[:2] for request in story.news()]
    story.fill(FLATTEN, 1, START)
    assert story.news()[-1] == new(5, "FLATTEN", 2)


@both_ways
def test_close_is_tried_again_where_nothing_works_any_more(side: int) -> None:
    story = Story(side, quantity=1)
    story.take()
    story.fill(ENTRY, 1, START)
    story.take(refuse=True)
    assert story.take(refuse=True) == [new(FLATTEN, "FLATTEN", 1)]
    assert (story.held(), states(story.desk)) == (1, ["FILLED", "REJECTED", "REJECTED", "REJECTED"])
    story.wait(1.999)
    assert story.news() == []
    story.wait(0.001)
    assert story.news() == [new(5, "FLATTEN", 1)]
