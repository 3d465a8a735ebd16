"""Sharpe ratios against numbers worked on paper and numbers the papers print."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.metrics import daily_returns, deflated_sharpe, probabilistic_sharpe, sharpe
from backtest.sharpe import Moments, expected_maximum, moments, probability_above


def test_daily_returns_are_on_the_starting_capital():
    assert daily_returns(np.array([500.0, -250.0, 0.0]), 100_000.0).tolist() == [0.005, -0.0025, 0.0]


def test_sharpe_is_mean_over_sample_deviation_times_root_of_252():
    # mean 0.02, sample deviation 0.01
    assert sharpe(np.array([0.01, 0.02, 0.03])) == pytest.approx(2.0 * math.sqrt(252))


def test_moments_of_a_small_sample():
    # mean 1; deviations -1 -1 -1 3: variance 12/4, third moment 24/4, fourth 84/4; sample deviation 2
    shape = moments(np.array([0.0, 0.0, 0.0, 4.0]))
    assert shape.days == 4
    assert shape.sharpe == pytest.approx(0.5)
    assert shape.skewness == pytest.approx(6.0 / 3.0**1.5)
    assert shape.kurtosis == pytest.approx(21.0 / 9.0)


@pytest.mark.parametrize(
    "daily", [[], [0.01], [0.0, 0.0, 0.0], [0.1, 0.1, 0.1], [0.1 + 0.2, 0.3, 0.3]], ids=repr
)  # 0.1 + 0.2 differs from 0.3 by rounding alone
def test_without_days_or_variance_every_ratio_is_nan(daily):
    returns = np.array(daily, dtype=np.float64)
    assert math.isnan(sharpe(returns))
    assert math.isnan(probabilistic_sharpe(returns))
    assert math.isnan(deflated_sharpe(returns, 10, 0.5))


@pytest.mark.parametrize(
    ("skewness", "kurtosis", "printed"), [(-2.448, 10.164, 0.913), (0.0, 3.0, 0.982)], ids=["hedge fund", "normal"]
)
def test_probabilistic_sharpe_as_printed_in_the_efficient_frontier_paper(skewness, kurtosis, printed):
    """Bailey and López de Prado (2012): 24 monthly returns with a ratio of 0.458."""
    assert probability_above(Moments(0.458, 24, skewness, kurtosis), 0.0) == pytest.approx(printed, abs=5e-4)


@pytest.mark.parametrize(
    ("trials", "skewness", "kurtosis", "printed"),
    [(100, -3.0, 10.0, 0.9004), (46, -3.0, 10.0, 0.9505), (88, 0.0, 3.0, 0.9505)],
    ids=["100 trials", "46 trials", "88 trials, normal"],
)
def test_deflated_sharpe_as_printed_in_its_paper(trials, skewness, kurtosis, printed):
    """Bailey and López de Prado (2014): 2.5 a year over 1250 days, trials with variance 1/2, 250 days a year."""
    shape = Moments(2.5 / math.sqrt(250), 1250, skewness, kurtosis)
    assert probability_above(shape, expected_maximum(trials, 0.5 / 250)) == pytest.approx(printed, abs=5e-5)


def test_threshold_of_the_deflated_sharpe_as_printed_in_its_paper():
    assert expected_maximum(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)


@pytest.mark.parametrize(("trials", "mean_of_maximum"), [(10, 1.53875), (100, 2.50759), (1000, 3.24144)])
def test_expected_maximum_is_near_the_order_statistic_of_the_normal(trials, mean_of_maximum):
    assert expected_maximum(trials, 1.0) == pytest.approx(mean_of_maximum, rel=0.025)


def test_one_trial_leaves_the_probabilistic_sharpe():
    daily = np.random.default_rng(2).normal(0.001, 0.01, 300)
    assert deflated_sharpe(daily, 1, 0.7) == probabilistic_sharpe(daily)


def test_deflated_sharpe_takes_the_variance_of_annualised_ratios():
    """The same threshold, handed to the probabilistic ratio as an annualised benchmark."""
    daily = np.random.default_rng(2).normal(0.001, 0.01, 300)
    benchmark = expected_maximum(50, 0.6)
    assert deflated_sharpe(daily, 50, 0.6) == pytest.approx(probabilistic_sharpe(daily, benchmark))


def test_more_trials_lower_the_deflated_sharpe():
    daily = np.random.default_rng(4).normal(0.001, 0.01, 300)
    falling = [deflated_sharpe(daily, trials, 0.5) for trials in (1, 2, 10, 100, 1000)]
    assert falling == sorted(falling, reverse=True)
    assert len(set(falling)) == 5


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-500, 500), min_size=3, max_size=30), st.sampled_from((0.001, 0.5, 100.0)))
def test_ratios_do_not_depend_on_the_unit_of_money(ticks, unit):
    daily = np.array(ticks, dtype=np.float64)
    here, there = (
        (sharpe(daily), probabilistic_sharpe(daily)),
        (sharpe(daily * unit), probabilistic_sharpe(daily * unit)),
    )
    assert here == pytest.approx(there, nan_ok=True)
    assert math.isnan(here[0]) == (len(set(ticks)) == 1)
