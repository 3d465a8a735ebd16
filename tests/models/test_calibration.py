"""Calibration: curves with a known answer, the shape every table has, and measures worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from market.errors import DataError, NotEnoughData
from models.calibration import Method, brier, expected_calibration_error, fit_calibration, reliability
from tests.factories import make_spans


def fitted(scores, labels, weights, knots=129, overlap=0):
    """Fit on rows whose labels do not overlap, or do."""
    return fit_calibration(scores, labels, weights, make_spans(len(labels), overlap), knots)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def exact_sample(p_of, scores):
    """Each score once up and once down, weighted by its true probability: the fit has an exact answer."""
    p = p_of(scores)
    labels = np.tile([1, 0], len(scores))
    return np.repeat(scores, 2), labels, np.column_stack([p, 1 - p]).ravel()


def shuffled(p_of, scores):
    """An exact sample in which every block of time has every score."""
    return exact_sample(p_of, np.random.default_rng(2).permutation(scores))


def log_odds(p):
    return np.log(np.asarray(p) / (1 - np.asarray(p)))


SPREAD = sigmoid(np.linspace(-2, 1.5, 200))


def test_platt_recovers_the_logistic_curve_the_sample_was_made_from():
    found = fitted(*shuffled(lambda p: sigmoid(0.3 + 1.7 * log_odds(p)), SPREAD))
    assert found.x[[0, -1]] == pytest.approx([sigmoid(-2), sigmoid(1.5)])
    assert found.p == pytest.approx(np.clip(sigmoid(0.3 + 1.7 * log_odds(found.x)), 0.02, 0.98), abs=1e-4)


def bent(p):
    """Log odds 3·ln p − 0.3·ln(1 − p) + 1.5: steep where p is small, flat where it is large."""
    return sigmoid(3.0 * np.log(p) - 0.3 * np.log(1 - p) + 1.5)


def test_beta_recovers_the_curve_no_logistic_one_can_follow():
    found = fitted(*shuffled(bent, np.linspace(0.05, 0.95, 400)))
    assert found.method == Method.BETA
    assert found.p == pytest.approx(np.clip(bent(found.x), 0.02, 0.98), abs=1e-3)


def test_labels_that_overlap_every_other_leave_the_rule():
    """Where no block can be judged, a logistic curve is taken although a beta curve would fit far better."""
    assert fitted(*shuffled(bent, np.linspace(0.05, 0.95, 400)), overlap=800).method == Method.PLATT


@pytest.mark.parametrize("seed", range(3))
def test_beta_is_the_logistic_regression_on_both_logarithms(seed):
    """Kull et al. (2017), section 4: maps of the family are found by regression on ln p and −ln(1 − p)."""
    random = np.random.default_rng(seed)
    p = random.uniform(0.03, 0.97, 1900)
    labels = (random.random(1900) < bent(p)).astype(np.int64)
    weights = random.uniform(0.5, 2.0, 1900)
    found = fitted(p, labels, weights)
    assert found.method == Method.BETA
    columns = np.column_stack([np.log(p), -np.log(1 - p)])
    curve = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(columns, labels, sample_weight=weights)
    assert curve.coef_.min() > 0
    at = np.column_stack([np.log(found.x), -np.log(1 - found.x)])
    assert found.p == pytest.approx(np.clip(curve.predict_proba(at)[:, 1], 0.02, 0.98), abs=1e-3)


def test_beta_leaves_out_a_logarithm_that_would_turn_the_curve_down():
    """Log odds −½·ln p − 2·ln(1 − p) − 2 fall near 0: a would be −½, so the curve is that of b alone, and rises."""

    def truth(p):
        return sigmoid(-0.5 * np.log(p) - 2.0 * np.log(1 - p) - 2.0)

    scores, labels, weights = shuffled(truth, np.linspace(0.02, 0.95, 300))
    found = fitted(scores, labels, weights)
    assert found.method == Method.BETA
    alone = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    alone.fit(-np.log(1 - scores)[:, None], labels, sample_weight=weights)
    expected = np.clip(alone.predict_proba(-np.log(1 - found.x)[:, None])[:, 1], 0.02, 0.98)
    assert found.p == pytest.approx(expected, abs=1e-3)
    assert np.all(np.diff(found.p) >= 0)


def test_learners_that_are_sure_are_read_as_nearly_so():
    scores = np.tile([0.0, 0.0, 0.0, 1.0, 1.0, 1.0], 20)
    labels = np.tile([0, 0, 1, 1, 1, 0], 20)
    found = fitted(scores, labels, np.ones(120))
    assert found.probability(np.array([0.0, 1.0])) == pytest.approx([1 / 3, 2 / 3], abs=1e-3)


def test_the_scale_of_the_weights_changes_nothing():
    scores, labels, weights = shuffled(lambda p: sigmoid(0.3 + 1.7 * log_odds(p)), SPREAD[::5])
    halved = fitted(scores, labels, weights / 1024)
    assert halved.p.tolist() == fitted(scores, labels, weights).p.tolist()


def steps_of(x):
    return np.where(x < 0.4, 0.3, np.where(x < 0.8, 0.4, 0.9))


def shuffled_sample(p_of, count):
    return shuffled(p_of, np.linspace(0.01, 0.99, count // 2))


def test_isotonic_is_taken_where_steps_fit_better_and_samples_are_many():
    found = fitted(*shuffled_sample(steps_of, 6000))
    assert found.method == Method.ISOTONIC
    assert found.probability(np.array([0.1, 0.6, 0.95])) == pytest.approx([0.3, 0.4, 0.9], abs=0.01)


def test_isotonic_is_not_taken_below_the_sample_limit():
    assert fitted(*shuffled_sample(steps_of, 2000)).method != Method.ISOTONIC


def test_isotonic_is_not_taken_where_the_curve_is_logistic():
    random = np.random.default_rng(4)
    scores = sigmoid(random.normal(size=3000))
    labels = (random.random(3000) < scores).astype(np.int64)
    assert fitted(scores, labels, np.ones(3000)).method != Method.ISOTONIC


def test_learner_that_is_wrong_out_of_fold_becomes_the_base_rate():
    scores, labels, weights = shuffled(lambda p: sigmoid(-2 * log_odds(p)), sigmoid(np.linspace(-1, 3, 100)))
    found = fitted(scores, labels, weights)
    assert found.method == Method.CONSTANT
    assert found.p == pytest.approx(np.full(129, np.average(labels, weights=weights)))


def test_learner_with_a_single_score_becomes_the_base_rate():
    found = fitted(np.full(100, 0.25), np.arange(100) % 4 == 0, np.ones(100))
    assert found.method == Method.CONSTANT
    assert found.probability(np.array([0.0, 0.25, 1.0])) == pytest.approx([0.25] * 3)
    assert np.all(np.diff(found.x) > 0)


def test_probability_is_clipped_at_the_ends_of_the_table():
    found = fitted(*shuffled(lambda p: sigmoid(8 * log_odds(p)), sigmoid(np.linspace(-2, 2, 400))))
    assert found.probability(np.array([0.0, 1.0])).tolist() == [0.02, 0.98]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(50, 400), st.floats(-3, 3), st.sampled_from([2, 33, 129]))
def test_every_table_rises_and_stays_in_range(seed, count, slope, knots):
    random = np.random.default_rng(seed)
    scores = random.random(count)
    labels = (random.random(count) < sigmoid(slope * (scores - 0.5))).astype(np.int64)
    labels[:2] = [0, 1]
    found = fitted(scores, labels, random.uniform(0.1, 2, count), knots)
    assert found.x.shape == found.p.shape == (knots,)
    assert np.all(np.diff(found.x) > 0)
    assert np.all(np.diff(found.p) >= 0)
    assert found.p.min() >= 0.02
    assert found.p.max() <= 0.98


def test_same_sample_gives_the_same_bytes():
    sample = shuffled_sample(steps_of, 6000)
    assert fitted(*sample).p.tobytes() == fitted(*sample).p.tobytes()


@pytest.mark.parametrize("labels", [np.arange(49) % 2, np.ones(500, dtype=int), np.zeros(500, dtype=int)])
def test_too_little_to_calibrate_on_is_refused(labels):
    with pytest.raises(NotEnoughData, match="validation_fraction"):
        fitted(np.linspace(0, 1, len(labels)), labels, np.ones(len(labels)))


@pytest.mark.parametrize("score", [math.nan, -0.01, 1.01])
def test_score_that_is_no_probability_is_refused(score):
    scores = np.linspace(0, 1, 100)
    scores[7] = score
    with pytest.raises(DataError, match="finite"):
        fitted(scores, np.arange(100) % 2, np.ones(100))


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
