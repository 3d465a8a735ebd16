"""The model's arrays: calibration, the choice of the forest, and what is refused."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.schema import FeatureSchema
from forest.flat import empty
from market.errors import BundleRefused
from market.types import Regime
from tests.factories import MINUTE_NS, blend_alone, make_constant_forest, make_model, make_stump
from trading.agent_inputs import AGENT_INPUTS
from trading.blend import pack_blends
from trading.model import Model, calibrate, check_model, score_probability

SCHEMA = FeatureSchema("test", ("returns_1", "adx_14"), MINUTE_NS, 0)
finite = st.floats(-50, 50)


@settings(deadline=None)
@given(st.lists(finite, min_size=2, max_size=9, unique=True), st.data(), finite)
def test_calibration_is_numpy_s_interpolation_to_the_bit(knots: list[float], data: st.DataObject, score: float) -> None:
    x = np.sort(np.array(knots))
    if any(b - a < 1e-6 for a, b in pairwise(x)):
        return
    p = np.sort(np.array(data.draw(st.lists(st.floats(0, 1), min_size=len(x), max_size=len(x)))))
    assert calibrate(x, p, score) == np.interp(score, x, p)


@pytest.mark.parametrize(
    ("score", "expected"), [(-9.0, 0.1), (0.0, 0.1), (0.5, 0.3), (1.0, 0.5), (3.0, 0.9), (9.0, 0.9)]
)
def test_calibration_is_linear_inside_and_clipped_outside(score: float, expected: float) -> None:
    x, p = np.array([0.0, 1.0, 3.0]), np.array([0.1, 0.5, 0.9])
    assert calibrate(x, p, score) == pytest.approx(expected)


def test_calibration_of_a_missing_score_is_missing() -> None:
    assert np.isnan(calibrate(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.nan))


def test_each_regime_asks_its_own_blend_and_its_own_calibration() -> None:
    up, down, range_ = (make_constant_forest(2, score) for score in (0.2, 0.4, 0.6))
    x = np.tile([0.0, 1.0], (3, 1))
    p = np.array([[0.0, 1.0], [0.0, 0.5], [1.0, 1.0]])
    blends = pack_blends([blend_alone(forest) for forest in (up, down, range_)])
    model = check_model(make_model(SCHEMA, up)._replace(blends=blends, calibration_x=x, calibration_p=p), 2)
    row = np.zeros(2, dtype=np.float32)
    asked = [
        score_probability(model, int(regime), row) for regime in (Regime.TREND_UP, Regime.TREND_DOWN, Regime.RANGE)
    ]
    assert asked == pytest.approx([0.2, 0.2, 1.0])
    assert np.isnan(score_probability(model, int(Regime.UNDEFINED), row))


def test_row_decides_the_branch() -> None:
    model = check_model(make_model(SCHEMA, make_stump(2, 1, 25.0, 0.3, 0.8)), 2)
    low, high = np.array([9.0, 25.0], dtype=np.float32), np.array([9.0, 25.5], dtype=np.float32)
    assert score_probability(model, 1, low) == pytest.approx(0.3)
    assert score_probability(model, 1, high) == pytest.approx(0.8)


def test_regime_without_a_forest_has_no_probability() -> None:
    blends = pack_blends([blend_alone(forest) for forest in (make_constant_forest(2, 0.5), empty(), empty())])
    model = check_model(make_model(SCHEMA, make_constant_forest(2, 0.5))._replace(blends=blends), 2)
    assert np.isnan(score_probability(model, int(Regime.RANGE), np.zeros(2, dtype=np.float32)))


def _bad(model: Model, **parts: np.ndarray) -> Model:
    return model._replace(**parts)


@pytest.mark.parametrize(
    "parts",
    [
        {"calibration_x": np.tile([1.0, 0.0, 2.0], (3, 1))},
        {"calibration_x": np.tile([0.0, np.nan, 2.0], (3, 1))},
        {"calibration_x": np.zeros((2, 3))},
        {"calibration_p": np.full((3, 3), 1.01)},
        {"calibration_p": np.full((3, 3), np.nan)},
        {"agent_inputs": np.full(len(AGENT_INPUTS), 2)},
        {"agent_inputs": np.full(len(AGENT_INPUTS), -2)},
        {"agent_inputs": np.zeros(3, dtype=np.int64)},
    ],
)
def test_arrays_that_kernels_could_not_index_are_refused(parts: dict[str, np.ndarray]) -> None:
    with pytest.raises(BundleRefused, match="expected"):
        check_model(_bad(make_model(SCHEMA, make_constant_forest(2, 0.5)), **parts), 2)


def test_checked_model_owns_its_arrays() -> None:
    model = make_model(SCHEMA, make_constant_forest(2, 0.5))
    checked = check_model(model, 2)
    model.calibration_p[:] = 0.0
    model.blends.values[:] = 9.0
    model.blends.weights[:] = 0.5
    assert score_probability(checked, 1, np.zeros(2, dtype=np.float32)) == pytest.approx(0.5)
