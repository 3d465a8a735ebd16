"""The bracket where two things go wrong at once: by hand, long and mirrored short."""

from tests.trading.desks import START, blamed, send_entry, stands, states
from tests.trading.stories import ENTRY, FLATTEN, STOP, TARGET, Story, both_ways, new
from trading.bracket import flatten
from trading.desk import LOST
from trading.exits import ExitParams
from trading.records import BracketState as B
from trading.records import RefusalReason


@both_ways
def test_position_with_neither_stop_nor_close_is_unprotected_though_its_entry_works(side: int) -> None:
    story = Story(side)
    story.take()
    story.fill(ENTRY, 1, START)
    story.take(refuse=True)  # stop and target
    assert [request[:2] for request in story.take(refuse=True)] == [("NEW", FLATTEN), ("CANCEL", ENTRY)]
    assert states(story.desk) == ["PARTIALLY_FILLED", "REJECTED", "REJECTED", "REJECTED"]
    assert stands(story.desk) is B.OPEN_UNPROTECTED


@both_ways
def test_nothing_is_entered_before_every_order_of_the_last_trade_is_dead(side: int) -> None:
    story = Story(side).open()
    story.fill(TARGET, 3, START + 12)
    assert (story.held(), states(story.desk)[1]) == (0, "PENDING_CANCEL")
    send_entry(story.desk, side, 3)
    assert [request[:2] for request in story.take()] == [("CANCEL", STOP)]
    assert (stands(story.desk), story.desk.orders["reason"][3]) == (B.FLAT, RefusalReason.UNRESOLVED_ENTRY)
    send_entry(story.desk, side, 3)
    assert [request[:3] for request in story.take()] == [("NEW", 5, "ENTRY")]


def test_stop_that_the_gate_refuses_leaves_the_close_at_market() -> None:
    story = Story(1)
    story.take()
    story.venue.fill(ENTRY, 3, 5)  # eight ticks below is no price
    story.hear()
    assert [request[2] for request in story.news()] == ["FLATTEN"]
    assert states(story.desk)[1] == "REJECTED"


@both_ways
def test_leg_without_room_is_not_written_elsewhere_and_halts(side: int) -> None:
    story = Story(side)
    story.take()
    story.desk = story.desk._replace(orders=story.desk.orders[:1])
    entry = story.desk.orders[0].copy()
    story.fill(ENTRY, 3, START)
    assert (story.news(), blamed(story.desk), story.held()) == ([], "OUTPUT_FULL", 3)
    assert story.desk.counts[LOST] == 2  # stop and close, which are asked for in vain
    assert states(story.desk) == ["FILLED"]
    for name in ("price", "stop_price", "level", "role", "quantity", "reason"):
        assert story.desk.orders[0][name] == entry[name]


@both_ways
def test_target_that_filled_before_it_could_grow_is_followed_by_one_for_the_rest(side: int) -> None:
    story = Story(side, quantity=4, exits=ExitParams(level_distance=(4, 8), level_percent=(25, 25)))
    story.take()
    story.fill(ENTRY, 1, START)
    story.take()
    story.fill(ENTRY, 1, START)
    assert [request[:2] for request in story.news()] == [("REPLACE", STOP), ("REPLACE", TARGET)]
    story.fill(TARGET, 1, START + 12)
    assert story.news() == [new(4, "TARGET", 1, START + 12)]


@both_ways
def test_cancel_of_an_earlier_leg_is_asked_again_beside_the_next_position(side: int) -> None:
    story = Story(side)
    story.take()
    story.fill(ENTRY, 1, START)
    story.take()
    story.fill(STOP, 1, START - 8)
    story.news()
    story.venue.say(TARGET, "CANCEL", True)
    story.fill(ENTRY, 2, START - 10)
    story.take()
    story.wait(2.0)
    assert [request[:2] for request in story.news()] == [("CANCEL", TARGET)]


@both_ways
def test_offset_is_cancelled_once_the_entry_itself_has_brought_the_position_back(side: int) -> None:
    story = Story(side, quantity=3)
    story.take()
    story.fill(ENTRY, 1, START)
    story.take()
    for leg, price in ((STOP, -8), (TARGET, 12)):
        story.venue.fill(leg, 1, story.mirrored(START + price))
    story.hear()
    story.news()
    story.fill(ENTRY, 1, START)
    assert (story.held(), [request[:3] for request in story.news()]) == (0, [("CANCEL", 4, "FLATTEN")])


@both_ways
def test_stop_that_was_given_up_is_not_changed_any_more(side: int) -> None:
    story = Story(side, exits=ExitParams(limit_offset=4)).open()
    story.wait(1.0, START - 13)
    story.wait(0.1, START - 13)
    story.venue.take(("NEW", FLATTEN, "FLATTEN", -side, 3, 0, 0))
    story.venue.say(STOP, "CANCEL", True)
    story.hear()
    story.news()
    story.fill(FLATTEN, 1, START - 14)
    assert [request[:2] for request in story.news()] == [("REPLACE", TARGET)]


def test_close_belongs_to_the_decision_of_its_entry() -> None:
    story = Story(1)
    story.take()
    flatten(story.desk)
    story.fill(ENTRY, 1, START)
    assert story.desk.orders["decision"][:3].tolist() == [7, 7, 7]


@both_ways
def test_stop_that_is_told_of_in_contradictions_protects_nothing(side: int) -> None:
    story = Story(side).open()
    story.venue.say(STOP, notional=1)
    story.hear()
    assert (blamed(story.desk), story.news()) == ("CONTRADICTION", [])
    story.wait(0.5)
    assert story.news() == [new(FLATTEN, "FLATTEN", 3)]


@both_ways
def test_close_that_still_works_beside_a_newer_stop_is_a_close(side: int) -> None:
    story = Story(side)
    story.take()
    story.fill(ENTRY, 1, START)
    story.take()
    flatten(story.desk)
    story.venue.take(story.news()[-1])
    story.fill(STOP, 1, START - 8)
    story.fill(ENTRY, 2, START)
    assert states(story.desk)[3:] == ["PENDING_CANCEL", "PENDING_NEW"]
    assert stands(story.desk) is B.CLOSING


def test_target_without_room_leaves_the_stop_as_it_is_and_halts() -> None:
    story = Story(1)
    story.take()
    story.desk = story.desk._replace(orders=story.desk.orders[:2])
    story.fill(ENTRY, 3, START)
    assert story.news() == [new(STOP, "STOP", 3, trigger=START - 8)]
    assert blamed(story.desk) == "OUTPUT_FULL"
    assert story.desk.orders[["price", "stop_price", "level"]][1].tolist() == (0, START - 8, 0)
