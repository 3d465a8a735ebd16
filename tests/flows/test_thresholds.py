"""The threshold of one regime, what surely earned most, else the strictest; and the edge that is proven."""

import numpy as np
import pytest

from flows.parameters import ThresholdParams
from flows.stages.thresholds import choose_threshold, kelly_edge
from market.errors import ConfigError

PARAMS = ThresholdParams(grid=(0.1, 0.2, 0.4), min_round_trips=4)


def _trips(*reais: float) -> np.ndarray:
    return np.array(reais, dtype=np.float64)


def test_threshold_with_the_best_lower_bound_is_chosen() -> None:
    # Of 4 trips: sum 24, deviation 28.1, 24 - 2 x 28.1 < 0; sum 20, deviation 2.31, 20 - 2 x 2.31 = 15.4.
    lucky, steady = _trips(45, -16, -13, 8), _trips(3, 7, 3, 7)
    assert lucky.sum() > steady.sum()
    assert choose_threshold([lucky, steady, _trips(1, 1, 1, 1)], PARAMS) == 0.2


def test_looser_threshold_wins_where_it_earns_more_just_as_surely() -> None:
    assert choose_threshold([_trips(*[5, 6] * 8), _trips(*[5, 6] * 4), _trips(5, 6, 5, 6)], PARAMS) == 0.1


@pytest.mark.parametrize(
    "earned",
    [
        [_trips(9, 9, 9), _trips(8, 9), _trips()],
        [_trips(-1, -2, -1, -2), _trips(-3, -1, -1, -1), _trips(-9, -9, -9, -9)],
        [_trips(10, -9, 9, -9), _trips(5, -4, 6, -5), _trips(4, -5, 3, -1)],
        [_trips()] * 3,
    ],
    ids=["too few round trips", "all lost", "earned by luck", "never traded"],
)
def test_strictest_stands_where_nothing_surely_earned(earned: list[np.ndarray]) -> None:
    assert choose_threshold(earned, PARAMS) == 0.4


def test_strictest_is_the_largest_whatever_the_order_of_the_grid() -> None:
    assert choose_threshold([_trips()] * 3, ThresholdParams(grid=(0.4, 0.1, 0.2))) == 0.4


@pytest.mark.parametrize("values", [{"grid": ()}, {"min_round_trips": 1}])
def test_grid_without_values_and_a_least_without_a_deviation_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="thresholds: expected a grid"):
        ThresholdParams(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("earned", "expected"),
    [
        # 12 of 20 won R$ 30 against 20. z² = 2.7055, so p is at least (0.6 + 0.0676 - 0.1925)/1.1353 = 0.4186, and
        # f = 0.4186 - 0.5814/1.5.
        (_trips(*[40, 20] * 6, *[-10, -30] * 4), 0.0309),
        # A win of 28 for each 20: f = 0.4186 - 0.5814/1.4 is a hair above 0, of 27 it is below.
        (_trips(*[28] * 12, *[-20] * 8), 0.0032),
        (_trips(*[27] * 12, *[-20] * 8), 0.0),
        # 4 of 4: p is at least 4/(4 + 2.7055), nothing was lost.
        (_trips(5, 5, 5, 5), 0.5965),
        # (0.5 + 0.3382 - 0.5324)/1.6764, and what broke even lost nothing.
        (_trips(5, 5, 0, 0), 0.1824),
        (_trips(5, 5, 5), 0.0),  # too few to prove anything
        (_trips(-5, -5, -5, -5), 0.0),
        (_trips(), 0.0),
    ],
)
def test_edge_is_kelly_s_fraction_at_the_lower_end_of_the_share_won(earned: np.ndarray, expected: float) -> None:
    assert kelly_edge(earned, PARAMS) == pytest.approx(expected, abs=5e-5)
