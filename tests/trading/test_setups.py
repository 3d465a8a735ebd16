"""Where regimes may be entered: levels and distances of signals.md §9 by hand, on bars through the features."""

import numpy as np
import pytest

from features.catalogue import index_of
from features.layout import HIGH_RING, MIRROR
from features.pipeline import begin_session, update_bar
from features.schema import FeatureSchema
from features.state import FeatureState, new_state
from tests.factories import MINUTE_NS, make_bar, make_session
from trading.setups import NO_LEVEL, extreme_at, find_level, near_average, range_distances

SCHEMA = FeatureSchema("test", ("returns_1",), MINUTE_NS, 0)
BASE = 10_000  # 0.2 % are 20 ticks


def _state(highs: dict[int, int], lows: dict[int, int], close: int, bars: int = 50, mirrored: bool = False):
    """Return the state after bars around BASE, 5 ticks high, but for some highs and lows; numbered from the last, 0."""
    state = new_state(SCHEMA)
    begin_session(state, make_session()[0])
    for minute in range(bars):
        ago = bars - 1 - minute
        end = close if ago == 0 else BASE
        high, low = highs.get(ago, max(end, BASE + 5)), lows.get(ago, min(end, BASE - 5))
        prices = (BASE, high, low, end)
        if mirrored:
            prices = (BASE, 2 * BASE - low, 2 * BASE - high, 2 * BASE - end)
        update_bar(state, make_bar(minute, prices)[0])
    return state


def _level(state: FeatureState, side: int, close: int) -> int:
    return find_level(state.ints, side, close)


def test_extreme_is_beaten_by_none_of_ten_bars_on_either_side() -> None:
    assert extreme_at(_state({20: 10_040}, {}, BASE).ints, 1, 20) == 10_040
    assert extreme_at(_state({20: 10_040, 30: 10_041}, {}, BASE).ints, 1, 20) == NO_LEVEL
    assert extreme_at(_state({20: 10_040, 31: 10_041}, {}, BASE).ints, 1, 20) == 10_040
    assert extreme_at(_state({20: 10_040, 10: 10_041}, {}, BASE).ints, 1, 20) == NO_LEVEL
    assert extreme_at(_state({20: 10_040, 9: 10_041}, {}, BASE).ints, 1, 20) == 10_040
    assert extreme_at(_state({}, {20: 9_960}, BASE).ints, -1, 20) == 9_960


@pytest.mark.parametrize(("ago", "known"), [(9, False), (10, True), (39, True), (40, False)])
def test_extreme_is_known_ten_bars_later_and_forgotten_with_the_fifty(ago: int, known: bool) -> None:
    state = _state({ago: 10_100}, {}, BASE)
    # Where the high is not known, those of the plain bars around are levels themselves.
    assert (_level(state, 1, BASE + 50) == 10_100) is known


def test_level_is_the_mean_of_the_extremes_near_the_nearest() -> None:
    state = _state({12: 10_100, 25: 10_111, 38: 10_160}, {}, BASE)
    assert _level(state, 1, 10_090) == 10_105  # 105.5 towards the close; 160 is 0.6 % away
    assert _level(state, 1, 10_112) == 10_160
    assert _level(state, 1, 10_161) == NO_LEVEL


def test_extremes_belong_to_a_level_within_a_fifth_of_a_per_cent_of_the_nearest() -> None:
    # 0.2 % of 10 500 are 21 ticks, of 9 500 are 19.
    assert _level(_state({12: 10_500, 25: 10_521}, {}, BASE), 1, 10_490) == 10_510
    assert _level(_state({12: 10_500, 25: 10_522}, {}, BASE), 1, 10_490) == 10_500
    assert _level(_state({}, {12: 9_500, 25: 9_481}, BASE), -1, 9_510) == 9_491
    assert _level(_state({}, {12: 9_500, 25: 9_480}, BASE), -1, 9_510) == 9_500


def test_nearest_extreme_is_so_by_a_single_tick() -> None:
    assert _level(_state({12: 10_101, 25: 10_100}, {}, BASE), 1, 10_090) == 10_100  # the mean is 10 100.5
    assert _level(_state({}, {12: 9_899, 25: 9_900}, BASE), -1, 9_910) == 9_900


def test_extreme_older_than_fifty_bars_belongs_to_no_level() -> None:
    assert _level(_state({12: 10_100, 39: 10_120}, {}, BASE, bars=90), 1, 10_090) == 10_110
    assert _level(_state({12: 10_100, 40: 10_120}, {}, BASE, bars=90), 1, 10_090) == 10_100


def test_level_of_two_equal_extremes_and_a_third_is_the_mean_of_all_three() -> None:
    assert _level(_state({12: 10_100, 25: 10_100, 38: 10_106}, {}, BASE), 1, 10_090) == 10_102


def test_price_stands_on_a_level() -> None:
    state = _state({12: 10_100}, {12: 9_900}, BASE)
    assert (_level(state, 1, 10_100), _level(state, -1, 9_900)) == (10_100, 9_900)
    # At the support: the stop is 0.2 % of it away. At the resistance there is nothing to win.
    on_support = _state(dict.fromkeys(range(50), 10_060), dict.fromkeys(range(50), BASE), BASE)
    assert range_distances(on_support, 1, 1.0) == (20, 20)
    on_resistance = _state(dict.fromkeys(range(50), BASE), dict.fromkeys(range(50), 9_990), BASE)
    assert range_distances(on_resistance, 1, 0.01) == (0, 0)


def test_target_of_a_range_may_be_a_single_tick() -> None:
    state = _state(dict.fromkeys(range(50), BASE + 1), dict.fromkeys(range(50), 9_995), BASE)
    assert range_distances(state, 1, 0.04) == (25, 1)  # 5 to the level and 0.2 % of 9 995
    assert range_distances(state, 1, 0.05) == (0, 0)  # 1.25 ticks


@pytest.mark.parametrize(
    ("close", "support", "resistance", "expected"),
    [
        # Stop: 12 to the level and 0.2 % of 9 980, rounded up (20); the resistance is further than that.
        (9_992, 9_980, 10_060, (32, 32)),
        # The resistance, 8 away, is nearer than the stop.
        (9_992, 9_980, 10_000, (32, 8)),
        # 21 from the level are more than 0.2 % of 10 001.
        (10_001, 9_980, 10_060, (0, 0)),
        (10_000, 9_980, 10_060, (40, 40)),
    ],
)
@pytest.mark.parametrize("mirrored", [False, True])
def test_range_is_entered_near_its_level(
    close: int, support: int, resistance: int, expected: tuple[int, int], mirrored: bool
) -> None:
    flat = dict.fromkeys(range(50), resistance)
    low = dict.fromkeys(range(50), support)
    state = _state(flat, low, close, mirrored=mirrored)
    stop, target = range_distances(state, -1 if mirrored else 1, 0.2)
    # Mirrored, the level is a resistance of another price: a tick of the stop's 0.2 % may differ.
    assert (target > 0, stop > 0) == (expected[1] > 0, expected[0] > 0)
    assert stop == pytest.approx(expected[0], abs=1 if mirrored else 0)
    assert target == pytest.approx(expected[1], abs=1 if mirrored else 0)


@pytest.mark.parametrize(
    ("resistance", "least", "expected"),
    [
        (10_060, 1.0, (32, 32)),
        (10_000, 0.25, (32, 8)),  # 8 away, a quarter of the stop: as near as the limit allows
        (10_000, 0.26, (0, 0)),
        # 1.5 stops are 48 ticks, 1.49 are 47.68; the resistance lies 60, 49, 48 or 47 away.
        (10_052, 1.5, (32, 48)),
        (10_041, 1.49, (32, 48)),
        (10_040, 1.5, (32, 48)),
        (10_039, 1.5, (0, 0)),
    ],
)
def test_target_of_a_range_pays_for_the_risk_and_lies_within_the_range(
    resistance: int, least: float, expected: tuple[int, int]
) -> None:
    state = _state(dict.fromkeys(range(50), resistance), dict.fromkeys(range(50), 9_980), 9_992)
    assert range_distances(state, 1, least) == expected


def test_range_without_an_opposite_level_has_the_target_that_pays_for_the_risk() -> None:
    state = _state({}, dict.fromkeys(range(50), 9_980), 9_992)
    state.ints[HIGH_RING : HIGH_RING + MIRROR] = np.arange(MIRROR) + 10_100  # each higher than the last
    assert find_level(state.ints, 1, 9_992) == NO_LEVEL
    assert range_distances(state, 1, 1.5) == (32, 48)


def test_range_is_not_entered_against_a_steep_move_or_before_fifty_bars() -> None:
    highs, lows = dict.fromkeys(range(50), 10060), dict.fromkeys(range(50), 9980)
    state = _state(highs, lows, 9_992)
    return_20 = index_of("returns_20")
    assert range_distances(state, 1, 0.2) == (32, 32)
    # The slope is the mean return of 20 bars: steeper than 0.05 % a bar down for a buy, up for a sale.
    for fall, entered in ((0.0099, True), (0.0100, False), (0.0101, False)):
        state.scratch[return_20] = -fall
        assert range_distances(state, 1, 0.2) == ((32, 32) if entered else (0, 0))
    state.scratch[return_20] = 0.5
    assert range_distances(state, 1, 0.2) == (32, 32)
    sale = _state(highs, lows, 10_050)
    for rise, entered in ((0.0099, True), (0.0100, False), (-0.5, True)):
        sale.scratch[return_20] = rise
        assert (range_distances(sale, -1, 0.2) != (0, 0)) is entered
    state.scratch[return_20] = np.nan
    assert range_distances(state, 1, 0.2) == (0, 0)
    assert range_distances(_state(highs, lows, 9_992, bars=49), 1, 0.2) == (0, 0)


def test_trend_is_entered_near_its_average() -> None:
    state = _state({}, {}, BASE + 4, bars=90)
    # EMA9 is 0.2·4 = 0.8 above the base, so 3.2 ticks below the close; the true range is 10.
    for side, beyond, near in ((1, 0.33, True), (1, 0.31, False), (-1, 0.0, True)):
        assert near_average(state, side, beyond) is near
    for side in (1, -1):
        state.scratch[index_of("ema9_distance")] = 0.5 * side
        assert near_average(state, side, 0.5)
        assert not near_average(state, side, 0.499)
