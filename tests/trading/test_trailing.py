"""How far behind the price the stop follows, reckoned on paper, long and mirrored short (signals.md §10)."""

from dataclasses import replace

import numpy as np
import pytest

from features.catalogue import index_of
from features.state import new_state
from market.types import Side
from tests.factories import make_bar, make_session
from tests.trading.desks import START
from tests.trading.scenarios import SCHEMA, WARM, build_warm, feed_trader, ladder, mirror
from tests.trading.stories import Story, both_ways
from trading.exits import ExitParams
from trading.paper import paper_begin
from trading.records import MARKET
from trading.trailing import watch_moves

TEN_MINUTES = 600.0
TEN = ExitParams(trail_after=1, trail_distance=10, trail_high=120, trail_low=90, trail_against=70)


def path(side: int, exits: ExitParams, steps: list[tuple[float, int, int, int]]) -> list[int | None]:
    """Return where the stop goes at each step of seconds, ticks of profit, deviation and momentum, from START."""
    story, found = Story(side, exits=exits).open(), []
    for seconds, profit, volatility, momentum in steps:
        story.desk.market["volatility"], story.desk.market["momentum"] = volatility, side * momentum
        story.wait(seconds, START + profit)
        asked = [request[6] for request in story.take()]
        found.append(asked[0] - START if asked else None)
    return found


@both_ways
@pytest.mark.parametrize(
    ("distance", "volatility", "momentum", "behind"),
    [
        (10, 0, 0, 10),
        (10, 0, 1, 10),
        (10, 1, 1, 12),
        (10, -1, 0, 9),
        (10, 0, -1, 7),
        (10, 1, -1, 8),  # 10 x 1.2 x 0.7 = 8.40
        (10, -1, -1, 6),  # 10 x 0.9 x 0.7 = 6.30
        (14, 1, 0, 15),  # 16.80 is too far
        (15, 0, 0, 15),
        (4, 0, -1, 3),  # 2.80 is too near
        (3, -1, 0, 3),
        (5, -1, 0, 5),  # 4.50, a half, goes up
    ],
)
def test_distance_follows_deviation_and_momentum_within_three_to_fifteen(
    side: int, distance: int, volatility: int, momentum: int, behind: int
) -> None:
    exits = replace(TEN, trail_distance=distance)
    assert path(side, exits, [(1.0, 30, volatility, momentum)]) == [30 - behind]


@both_ways
def test_path_of_a_trend_is_as_on_paper(side: int) -> None:
    exits = replace(TEN, trail_after=8, trail_distance=8, trail_percent=95)
    steps = [
        (1.0, 7, 0, 0),
        (1.0, 8, 0, 0),  # 8.00 behind
        (1.0, 9, 1, 0),  # 7.60 x 1.2 = 9.12: no nearer than it stands
        (1.0, 10, 0, 0),  # 7.22
        (1.0, 10, 0, -1),  # no new best price
        (1.0, 9, 0, -1),
        (1.0, 11, 0, -1),  # 6.85 x 0.7 = 4.79
        (0.9, 20, 0, 0),  # too soon
        (0.2, 20, 0, 0),  # that one is not new any more
        (1.0, 21, -1, 0),  # the price at 20 took its part all the same: 6.17 x 0.9 = 5.55
    ]
    assert path(side, exits, steps) == [None, 0, None, 3, None, None, 6, None, None, 15]


@both_ways
@pytest.mark.parametrize(
    ("decay", "seconds", "behind"),
    [
        (1, 5 * TEN_MINUTES, 10),  # 9.50
        (1, 6 * TEN_MINUTES - 1, 10),
        (1, 6 * TEN_MINUTES, 9),  # 9.40
        (10, TEN_MINUTES - 1, 10),
        (10, TEN_MINUTES, 9),
        (10, 2 * TEN_MINUTES, 8),  # of the first distance, not of what was left
        (60, 2 * TEN_MINUTES, 3),
        (0, 100 * TEN_MINUTES, 10),
    ],
)
def test_each_ten_minutes_take_their_part_of_the_distance(side: int, decay: int, seconds: float, behind: int) -> None:
    assert path(side, replace(TEN, trail_decay=decay), [(seconds, 30, 0, 0)]) == [30 - behind]


@both_ways
def test_time_counts_from_the_fill_of_this_position(side: int) -> None:
    steps = [(TEN_MINUTES, 30, 0, 0), (TEN_MINUTES, 40, 0, 0)]
    assert path(side, replace(TEN, trail_decay=10), steps) == [21, 32]


@both_ways
def test_profit_beyond_the_bound_makes_it_the_tightest(side: int) -> None:
    exits = replace(TEN, trail_tightest_after=40)
    assert path(side, exits, [(1.0, 40, 1, 0), (1.0, 41, 1, 0), (1.0, 60, 1, 0)]) == [28, 38, 57]


@both_ways
def test_stop_stands_at_the_entry_s_price_before_it_follows(side: int) -> None:
    steps = [(1.0, 3, 0, 0), (1.0, 5, 0, 0), (1.0, 6, 0, 0), (1.0, 9, 0, 0)]
    later = replace(TEN, trail_after=3, trail_distance=7)
    assert path(side, later, steps) == [-4, -2, -1, 2]
    assert path(side, replace(later, breakeven=6), steps) == [None, None, 0, 2]


@pytest.mark.parametrize(
    ("deviations", "volatility"), [(1.51, 1), (1.5, 0), (0.67, 0), (0.66, -1), (np.nan, 0), (np.inf, 1), (0.0, -1)]
)
@pytest.mark.parametrize(("value", "momentum"), [(0.01, 1), (0.0, 0), (-0.01, -1), (np.nan, 0)])
def test_deviation_is_high_beyond_one_and_a_half_times_and_low_below_its_reciprocal(
    deviations: float, volatility: int, value: float, momentum: int
) -> None:
    state, market = new_state(SCHEMA), np.zeros(1, dtype=MARKET)
    state.scratch[index_of("volatility_ratio_5_20")], state.scratch[index_of("momentum_5_20")] = deviations, value
    watch_moves(market[0], state)
    assert market[["volatility", "momentum"]][0].item() == (volatility, momentum)


@pytest.mark.parametrize("mirrored", [False, True])
def test_each_closed_bar_tells_what_the_last_ones_were_like(mirrored: bool) -> None:
    """A steady ladder, then a leap of 200 ticks: its deviation and momentum grow at once."""
    trader = build_warm(mirrored)
    base = ladder(WARM)[0]
    leap = (base, base + 201, base - 1, base + 200)
    feed_trader(trader, [make_bar(WARM, mirror(leap) if mirrored else leap)])
    market = trader.core.desk.market
    assert market[["volatility", "momentum"]][0].item() == (1, -1 if mirrored else 1)
    paper_begin(trader.core, trader.venue, make_session()[0], False)
    assert market[["volatility", "momentum"]][0].item() == (0, 0)


def test_position_without_those_factors_follows_as_far_whatever_the_market_is_like() -> None:
    plain = ExitParams(trail_after=1, trail_distance=10)
    assert path(Side.BUY, plain, [(6 * TEN_MINUTES, 30, 1, -1), (1.0, 90, -1, -1)]) == [20, 80]
