"""Calibration: curves with a known answer, the shape every table has, and measures worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import DataError, NotEnoughData
from models.calibration import Method, brier, expected_calibration_error, fit_calibration, reliability


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def exact_sample(p_of, scores):
    """Each score once up and once down, weighted by its true probability: the fit has an exact answer."""
    p = p_of(scores)
    labels = np.tile([1, 0], len(scores))
    return np.repeat(scores, 2), labels, np.column_stack([p, 1 - p]).ravel()


def test_platt_recovers_the_logistic_curve_the_sample_was_made_from():
    found = fit_calibration(*exact_sample(lambda x: sigmoid(0.3 + 1.7 * x), np.linspace(-2, 1.5, 200)))
    assert found.method == Method.PLATT
    assert found.x[[0, -1]].tolist() == [-2, 1.5]
    assert found.p == pytest.approx(np.clip(sigmoid(0.3 + 1.7 * found.x), 0.02, 0.98), abs=1e-4)


def test_the_scale_of_the_weights_changes_nothing():
    scores, labels, weights = exact_sample(lambda x: sigmoid(0.3 + 1.7 * x), np.linspace(-2, 1.5, 40))
    halved = fit_calibration(scores, labels, weights / 1024)
    assert halved.p.tolist() == fit_calibration(scores, labels, weights).p.tolist()


def test_large_and_distant_scores_are_no_trouble():
    scores = 1e6 + 1e3 * np.linspace(-2, 2, 200)
    found = fit_calibration(*exact_sample(lambda x: sigmoid((x - 1e6) / 1e3), scores))
    assert found.probability(np.array([1e6, 1e6 + 1e3])) == pytest.approx([0.5, sigmoid(1)], abs=1e-3)


def steps_of(x):
    return np.where(x < -0.2, 0.3, np.where(x < 0.6, 0.4, 0.9))


def shuffled_sample(p_of, count):
    scores = np.random.default_rng(2).permutation(np.linspace(-1, 1, count // 2))
    return exact_sample(p_of, scores)


def test_isotonic_is_taken_where_steps_fit_better_and_samples_are_many():
    found = fit_calibration(*shuffled_sample(steps_of, 6000))
    assert found.method == Method.ISOTONIC
    assert found.probability(np.array([-0.8, 0.2, 0.9])) == pytest.approx([0.3, 0.4, 0.9], abs=0.01)


def test_isotonic_is_not_taken_below_the_sample_limit():
    assert fit_calibration(*shuffled_sample(steps_of, 2000)).method == Method.PLATT


def test_isotonic_is_not_taken_where_the_curve_is_logistic():
    random = np.random.default_rng(4)
    scores = random.normal(size=3000)
    labels = (random.random(3000) < sigmoid(scores)).astype(np.int64)
    assert fit_calibration(scores, labels, np.ones(3000)).method == Method.PLATT


def test_learner_that_is_wrong_out_of_fold_becomes_the_base_rate():
    scores, labels, weights = exact_sample(lambda x: sigmoid(-2 * x), np.linspace(-1, 3, 100))
    found = fit_calibration(scores, labels, weights)
    assert found.method == Method.CONSTANT
    assert found.p == pytest.approx(np.full(129, np.average(labels, weights=weights)))


def test_learner_with_a_single_score_becomes_the_base_rate():
    found = fit_calibration(np.full(100, 0.25), np.arange(100) % 4 == 0, np.ones(100))
    assert found.method == Method.CONSTANT
    assert found.probability(np.array([-9, 0.25, 9])) == pytest.approx([0.25] * 3)
    assert np.all(np.diff(found.x) > 0)


def test_probability_is_clipped_at_the_ends_of_the_table():
    found = fit_calibration(*exact_sample(lambda x: sigmoid(8 * x), np.linspace(-2, 2, 400)))
    assert found.probability(np.array([-50.0, 50.0])).tolist() == [0.02, 0.98]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(50, 400), st.floats(-3, 3), st.sampled_from([2, 33, 129]))
def test_every_table_rises_and_stays_in_range(seed, count, slope, knots):
    random = np.random.default_rng(seed)
    scores = random.normal(size=count)
    labels = (random.random(count) < sigmoid(slope * scores)).astype(np.int64)
    labels[:2] = [0, 1]
    found = fit_calibration(scores, labels, random.uniform(0.1, 2, count), knots)
    assert found.x.shape == found.p.shape == (knots,)
    assert np.all(np.diff(found.x) > 0)
    assert np.all(np.diff(found.p) >= 0)
    assert found.p.min() >= 0.02
    assert found.p.max() <= 0.98


def test_same_sample_gives_the_same_bytes():
    sample = shuffled_sample(steps_of, 6000)
    assert fit_calibration(*sample).p.tobytes() == fit_calibration(*sample).p.tobytes()


@pytest.mark.parametrize("labels", [np.arange(49) % 2, np.ones(500, dtype=int), np.zeros(500, dtype=int)])
def test_too_little_to_calibrate_on_is_refused(labels):
    with pytest.raises(NotEnoughData, match="validation_fraction"):
        fit_calibration(np.linspace(0, 1, len(labels)), labels, np.ones(len(labels)))


def test_missing_score_is_refused():
    scores = np.linspace(0, 1, 100)
    scores[7] = math.nan
    with pytest.raises(DataError, match="finite"):
        fit_calibration(scores, np.arange(100) % 2, np.ones(100))


# Four rows in [0.1, 0.2) say 0.15 and one is up: off by 0.10. Six in [0.8, 0.9) say 0.85 and three are up: 0.35.
P = np.array([0.15] * 4 + [0.85] * 6)
Y = np.array([1, 0, 0, 0] + [1, 1, 1, 0, 0, 0])


def test_calibration_error_worked_by_hand():
    assert expected_calibration_error(P, Y) == pytest.approx(0.4 * 0.10 + 0.6 * 0.35)


def test_calibration_error_of_one_bin_is_the_gap_of_the_means():
    assert expected_calibration_error(P, Y, bins=1) == pytest.approx(0.57 - 0.4)


def test_reliability_table_worked_by_hand():
    table = reliability(P, Y)
    assert [row.count for row in table] == [0, 4, 0, 0, 0, 0, 0, 0, 6, 0]
    assert (table[1].low, table[1].high) == pytest.approx((0.1, 0.2))
    assert (table[1].mean_p, table[1].share_up) == pytest.approx((0.15, 0.25))
    assert (table[8].mean_p, table[8].share_up) == pytest.approx((0.85, 0.5))
    assert math.isnan(table[0].mean_p)


def test_bin_edges_belong_to_the_bin_above_and_one_to_the_last():
    table = reliability(np.array([0.0, 0.5, 1.0]), np.array([0, 1, 1]), bins=2)
    assert [row.count for row in table] == [1, 2]


@pytest.mark.parametrize(
    ("p", "y", "expected"), [([1, 0], [1, 0], 0.0), ([0.5, 0.5], [1, 0], 0.25), ([0.9, 0.2, 0.4], [1, 1, 0], 0.27)]
)
def test_brier_worked_by_hand(p, y, expected):
    assert brier(np.array(p), np.array(y)) == pytest.approx(expected)
