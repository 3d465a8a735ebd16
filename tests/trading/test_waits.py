"""When the next wait of a bracket ends, which is when `tick` is to be called on a quiet feed; by hand."""

from market.types import Side
from tests.trading.desks import START, blamed, send_entry, stands
from tests.trading.stories import ENTRY, STOP, TARGET, Story, both_ways, new
from trading.bracket import cancel_entry, flatten
from trading.core import unlock
from trading.desk import UNDUE
from trading.exits import ExitParams
from trading.records import BracketState as B
from trading.records import RefusalReason
from trading.risk import refusal


def due(story: Story) -> float | None:
    """Return seconds until the next wait ends, None where there is none."""
    at, now = int(story.desk.bracket["due_ns"][0]), int(story.desk.market["now_ns"][0])
    return None if at == UNDUE else (at - now) / 1e9


def test_new_order_is_waited_for_two_seconds_and_a_working_one_not_at_all() -> None:
    story = Story(Side.BUY)
    assert due(story) == 2.0
    story.wait(0.5)
    assert due(story) == 1.5
    story.take()
    assert due(story) is None


def test_position_waits_half_a_second_for_its_stop_and_then_for_nothing() -> None:
    story = Story(Side.BUY)
    story.take()
    story.fill(ENTRY, 3, START)
    assert due(story) == 0.5
    story.take()
    assert due(story) is None


def test_unanswered_cancel_waits_two_seconds_each_time_until_nothing_is_asked_any_more() -> None:
    story = Story(Side.BUY)
    story.take()
    cancel_entry(story.desk)
    for _ in range(4):
        assert due(story) == 2.0
        story.wait(2.0)
    assert (due(story), blamed(story.desk)) == (None, "UNANSWERED")


def test_refused_cancel_waits_twice_as_long_each_time_and_the_fourth_refusal_halts_at_once() -> None:
    story = Story(Side.BUY)
    story.take()
    cancel_entry(story.desk)
    for seconds in (2.0, 4.0, 8.0):
        assert len(story.take(refuse=True)) == 1
        assert due(story) == seconds
        story.wait(seconds - 0.001)
        assert (story.news(), blamed(story.desk)) == ([], "")
        story.wait(0.001)
    assert len(story.take(refuse=True)) == 1
    assert blamed(story.desk) == "UNANSWERED"


def test_close_that_died_waits_for_the_next_one() -> None:
    story = Story(Side.BUY).open()
    flatten(story.desk)
    story.wait(0.4)
    story.take(refuse=True)
    assert due(story) == 1.6
    for seconds in (4.0, 8.0):
        story.wait(due(story) or 0.0)
        assert [request[2] for request in story.take(refuse=True)] == ["FLATTEN"]
        assert (due(story), blamed(story.desk)) == (seconds, "")
    story.wait(8.0)
    story.take(refuse=True)
    assert (stands(story.desk), blamed(story.desk)) == (B.HALT, "UNANSWERED")


def test_passed_limit_and_moved_stop_wait_for_what_they_may() -> None:
    story = Story(Side.BUY, exits=ExitParams(limit_offset=4, trail_after=2, trail_distance=5)).open()
    story.wait(1.0, START + 9)
    story.take()
    assert due(story) == 1.0
    story.wait(0.25, START - 2)
    assert due(story) == 0.1
    story.wait(0.05, START + 1)
    assert due(story) == 0.7
    # Flat, nothing is waited for, though the stop moved less than a second ago.
    story.fill(STOP, 3, START)
    story.take()
    assert due(story) is None


@both_ways
def test_next_position_begins_its_own_waits(side: int) -> None:
    story = Story(side, exits=ExitParams(limit_offset=4))
    story.take()
    story.fill(ENTRY, 3, START)
    assert [request[2] for request in story.news()] == ["STOP", "TARGET"]
    story.venue.take(("NEW", TARGET, "TARGET", -side, 3, story.mirrored(START + 12), 0))
    story.fill(TARGET, 3, START + 12)  # before a word of the stop
    story.venue.take(("NEW", STOP, "STOP", -side, 3, 0, story.mirrored(START - 8)))
    story.take()
    story.wait(0.4)
    assert story.desk.account["entry_price"][0] == 0
    send_entry(story.desk, side, 3)
    story.take()
    story.fill(4, 3, START)
    story.news()
    story.wait(0.499)
    assert story.news() == []
    story.wait(0.001)
    assert story.news() == [new(7, "FLATTEN", 3)]


@both_ways
def test_next_position_waits_anew_at_its_stop_s_limit(side: int) -> None:
    story = Story(side, exits=ExitParams(limit_offset=4)).open()
    story.wait(1.0, START - 13)
    story.fill(STOP, 3, START - 12)
    story.take()
    send_entry(story.desk, side, 3)
    story.take()
    story.fill(4, 3, START)
    story.take()
    story.wait(1.0, START - 13)
    assert story.news() == []
    story.wait(0.1, START - 13)
    assert [request[2] for request in story.news()] == ["FLATTEN", "STOP"]


@both_ways
def test_next_position_may_move_its_stop_at_once(side: int) -> None:
    story = Story(side, exits=ExitParams(trail_after=2, trail_distance=50, trail_farthest=50)).open()
    story.wait(1.0, START + 45)
    assert [request[6] for request in story.take()] == [START - 5]
    story.fill(STOP, 3, START - 5)
    story.take()
    send_entry(story.desk, side, 3)
    story.take()
    story.fill(4, 3, START)
    story.take()
    story.wait(0.1, START + 46)
    assert [request[6] for request in story.take()] == [START - 4]


@both_ways
def test_stop_of_what_the_entry_fills_on_is_kept_though_that_of_its_first_part_was_given_up(side: int) -> None:
    story = Story(side, exits=ExitParams(limit_offset=4))
    story.take()
    story.fill(ENTRY, 1, START)
    story.take()
    story.wait(1.0, START - 13)
    story.wait(0.1, START - 13)
    assert [request[:2] for request in story.news()] == [("CANCEL", ENTRY), ("NEW", 4), ("CANCEL", STOP)]
    story.venue.take(("NEW", 4, "FLATTEN", -side, 1, 0, 0))
    story.fill(4, 1, START - 14)
    story.news()
    story.fill(ENTRY, 2, START - 14)
    assert [request[:3] for request in story.take()] == [("NEW", 5, "STOP"), ("NEW", 6, "FLATTEN")]
    story.wait(1.0, START - 14)
    assert ("CANCEL", 5) not in [request[:2] for request in story.news()]


def test_request_that_was_repeated_in_vain_is_asked_again_once_a_person_unlocks_the_desk() -> None:
    story = Story(1)
    for _ in range(12):
        story.wait(1.0)
    assert [request[0] for request in story.news()] == ["NEW"] + ["CANCEL"] * 4
    story.wait(9.0)
    assert (story.news(), blamed(story.desk)) == ([], "UNANSWERED")
    unlock(story.desk)
    assert [request[:2] for request in story.news()] == [("CANCEL", ENTRY)]
    assert (stands(story.desk), blamed(story.desk)) == (B.UNKNOWN, "")
    story.desk.account[0]["pending"] = 0
    assert refusal(story.desk, story.desk.requests[0], 0) == RefusalReason.UNRESOLVED_ENTRY
