"""Targets in parts and the stop that follows, by hand, long and mirrored short."""

import pytest

from market.types import Side
from tests.trading.desks import START, stands
from tests.trading.stories import ENTRY, Story, both_ways, new
from trading.exits import ExitParams
from trading.records import BracketState as B

LEVELS = ExitParams(level_distance=(4, 8), level_percent=(34, 33), cost=1, trail_distance=5)


@both_ways
def test_levels_sum_to_the_position_and_move_the_stop_when_they_are_done(side: int) -> None:
    story = Story(side, exits=LEVELS)
    story.take()
    story.fill(ENTRY, 3, START)
    assert story.take() == [
        new(2, "STOP", 3, trigger=START - 8),
        new(3, "TARGET", 1, START + 12),
        new(4, "TARGET", 1, START + 8),
        new(5, "TARGET", 1, START + 4),
    ]
    story.fill(5, 1, START + 4)
    assert story.take() == [("REPLACE", 2, "STOP", -1, 2, 0, START - 8)]
    story.wait(0.1, START + 5)
    assert story.take() == [("REPLACE", 2, "STOP", -1, 2, 0, START + 1)]  # the entry's price and the costs
    story.fill(4, 1, START + 8)
    assert story.take() == [("REPLACE", 2, "STOP", -1, 1, 0, START + 1)]
    story.wait(1.0, START + 9)
    assert story.take() == [("REPLACE", 2, "STOP", -1, 1, 0, START + 4)]  # five behind the best price
    story.fill(2, 1, START + 4)
    assert [request[:2] for request in story.take()] == [("CANCEL", 3)]
    assert (story.won(), stands(story.desk)) == (4 + 8 + 4, B.FLAT)


@both_ways
def test_stop_follows_only_a_new_best_price_by_a_tick_and_a_second(side: int) -> None:
    story = Story(side, exits=ExitParams(breakeven=3, trail_after=6, trail_distance=5)).open()
    steps = [
        (1.0, START + 2, None),
        (1.0, START + 3, START),  # breakeven first
        (0.5, START + 6, None),  # too soon
        (0.6, START + 6, None),  # no new best price
        (0.1, START + 7, START + 2),
        (5.0, START + 4, None),  # never back
        (5.0, START + 7, None),
        (1.0, START + 8, START + 3),
    ]
    for seconds, mark, trigger in steps:
        story.wait(seconds, mark)
        assert [request[6] for request in story.take()] == ([] if trigger is None else [trigger])


def test_distance_shrinks_at_each_best_price_and_not_below_the_nearest() -> None:
    exits = ExitParams(trail_after=1, trail_distance=10, trail_nearest=4, trail_percent=50)
    story = Story(Side.BUY, exits=exits).open()
    # 10, then 5, then 4 ticks behind.
    triggers = []
    for mark in (START + 10, START + 20, START + 30, START + 40):
        story.wait(1.0, mark)
        triggers += [request[6] for request in story.take()]
    assert triggers == [START, START + 15, START + 26, START + 36]


@both_ways
def test_stop_goes_to_the_entry_s_price_at_the_least_profit_there_is(side: int) -> None:
    story = Story(side, exits=ExitParams(breakeven=1)).open()
    story.wait(1.0, START)
    assert story.take() == []
    story.wait(1.0, START + 1)
    assert [request[6] for request in story.take()] == [START]


@both_ways
def test_stop_follows_from_the_very_profit_that_is_named(side: int) -> None:
    story = Story(side, exits=ExitParams(trail_after=6, trail_distance=5)).open()
    story.wait(1.0, START + 5)
    assert story.take() == []
    story.wait(1.0, START + 6)
    assert [request[6] for request in story.take()] == [START + 1]


@both_ways
def test_stop_may_follow_a_single_tick_behind(side: int) -> None:
    story = Story(side, exits=ExitParams(trail_after=1, trail_distance=1, trail_nearest=1)).open()
    for mark in (START + 2, START + 5):
        story.wait(1.0, mark)
        assert [request[6] for request in story.take()] == [mark - 1]


@both_ways
@pytest.mark.parametrize(("distance", "percent", "behind"), [(9, 61, 5), (12, 46, 6)])
def test_distance_is_the_nearest_whole_tick(distance: int, percent: int, behind: int, side: int) -> None:
    """What the first new best price leaves: 5.49 and 5.52 ticks."""
    exits = ExitParams(trail_after=1, trail_distance=distance, trail_percent=percent)
    story = Story(side, exits=exits).open()
    for mark, trigger in ((START + 20, START + 20 - distance), (START + 40, START + 40 - behind)):
        story.wait(1.0, mark)
        assert [request[6] for request in story.take()] == [trigger]


def test_level_that_is_told_twice_is_done_once() -> None:
    story = Story(Side.BUY, exits=LEVELS)
    story.take()
    story.fill(ENTRY, 3, START)
    story.take()
    story.venue.fill(5, 1, START + 4)
    story.venue.outbox *= 2
    story.hear()
    story.take()
    story.wait(1.0, START + 9)
    assert [request[6] for request in story.take()] == [START + 1]  # after the first level it does not follow


def test_stop_at_the_entry_s_price_waits_until_the_market_is_beyond_it() -> None:
    story = Story(Side.BUY, exits=LEVELS)
    story.take()
    story.fill(ENTRY, 3, START)
    story.take()
    story.fill(5, 1, START + 4)
    story.take()
    story.wait(1.0, START + 1)
    assert story.news() == []
    story.wait(1.0, START + 2)
    assert [request[6] for request in story.news()] == [START + 1]


@both_ways
def test_single_contract_has_the_last_target_alone(side: int) -> None:
    story = Story(side, quantity=1, exits=LEVELS)
    story.take()
    story.fill(ENTRY, 1, START)
    assert story.news() == [new(2, "STOP", 1, trigger=START - 8), new(3, "TARGET", 1, START + 12)]


@both_ways
def test_without_a_last_price_the_stop_stays_where_it_is(side: int) -> None:
    story = Story(side, exits=ExitParams(trail_after=1, trail_distance=5, limit_offset=4)).open()
    story.desk.account["mark"] = 0
    for _ in range(3):
        story.wait(1.0)
    assert story.news() == []


def test_stop_that_may_not_follow_stays_at_the_entry_s_price_after_two_levels() -> None:
    story = Story(Side.BUY, exits=ExitParams(level_distance=(4, 8), level_percent=(34, 33))).open()
    story.fill(5, 1, START + 4)
    story.fill(4, 1, START + 8)
    story.take()
    story.take()  # the stop's second change waits for the first
    triggers = []
    for mark in (START + 9, START + 10, START + 11):
        story.wait(1.0, mark)
        triggers += [request[6] for request in story.take()]
    assert triggers == [START]
