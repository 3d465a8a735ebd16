"""The test whose sample is sessions: its error from a covariance matrix, its rejections on sessions that remember."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import t

from models.session_shift import inflation, lag_one, session_shift


@pytest.mark.parametrize(("count", "correlation"), [(1, 0.5), (4, 0.0), (4, 0.5), (30, 0.8)])
def test_inflation_is_that_of_the_covariance_matrix(count, correlation):
    covariance = correlation ** np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    assert inflation(count, correlation) == pytest.approx(covariance.mean() * count)


def test_correlation_of_neighbours_worked_by_hand():
    # Away from the mean: -1, -1, 1, 1; neighbours 1 - 1 + 1 of 4.
    assert lag_one(np.array([1.0, 1.0, 3.0, 3.0])) == 0.25
    assert lag_one(np.array([1.0, 3.0, 1.0, 3.0])) == 0  # what alternates is taken as independent
    assert lag_one(np.ones(5)) == 0


def test_independent_sessions_are_compared_as_a_new_mean_with_a_sample():
    before = np.array([1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0])
    shift = session_shift(before, np.array([3.0, 4.0]))
    expected = (3.5 - 1.5) / math.sqrt(np.var(before, ddof=1) * (1 / 8 + 1 / 2))
    assert shift.deviations == pytest.approx(expected)
    assert shift.p_value == pytest.approx(2 * t.sf(expected, 7))
    assert (shift.reference, shift.current) == (1.5, 3.5)


def test_correlation_of_neighbours_is_nine_tenths_at_most():
    assert lag_one(np.arange(1000.0)) == 0.9


def test_sessions_that_remember_have_the_freedom_of_as_many_independent_ones():
    """Pairs of equal sessions correlate; what twelve of them are worth comes from the covariance matrix."""
    before = np.tile([1.0, 1.0, 3.0, 3.0], 3)
    correlation = lag_one(before)
    assert correlation > 0
    covariance = correlation ** np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
    worth = 1 / covariance.mean()
    shift = session_shift(before, np.array([5.0]))
    assert shift.deviations == pytest.approx(3.0 / math.sqrt(np.var(before, ddof=1) * (1 / worth + 1)))
    assert shift.p_value == pytest.approx(2 * t.sf(shift.deviations, worth - 1))


def test_missing_sessions_are_left_out():
    before = np.array([1.0, 2.0, 1.0, 2.0, math.nan, 1.0, 2.0, 1.0, 2.0])
    holed = session_shift(before, np.array([math.nan, 3.0]))
    assert holed == session_shift(before[np.isfinite(before)], np.array([3.0]))


@pytest.mark.parametrize(("before", "now"), [(np.ones(7), np.ones(3)), (np.ones(9), np.full(3, math.nan))])
def test_too_little_tells_nothing(before, now):
    shift = session_shift(before, now)
    assert math.isnan(shift.deviations)
    assert shift.p_value == 1


def test_reference_that_never_varies_is_left_by_any_difference():
    assert session_shift(np.full(9, 0.3), np.full(3, 0.3)).p_value == 1
    assert session_shift(np.full(9, 0.3), np.array([0.3, 0.3, 0.6])).p_value == 0


def test_sessions_that_remember_are_not_rejected_more_often_than_said():
    rng = np.random.default_rng(4)
    paths = lfilter([1], [1, -0.5], rng.normal(size=(600, 80)), axis=1)[:, 20:]
    rejected = np.mean([session_shift(path[:54], path[54:58]).p_value <= 0.05 for path in paths])
    naive = np.mean([abs(p[54:58].mean() - p[:54].mean()) > 2 * p[:54].std() / 2 for p in paths])
    assert rejected <= 0.08
    assert naive > 0.14  # what four independent sessions would allow once in twenty times
