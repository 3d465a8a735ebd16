"""Distances of counts: worked by hand, and equal to scipy's where every value has a bin of its own."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from market.errors import NotEnoughData
from models.histograms import (
    BINS,
    LEVELS,
    count_values,
    ks,
    location_and_spread,
    normal_scores,
    psi,
    quantile_edges,
    wasserstein,
)

SMALL = np.array([1.0, 2.0, 3.0, 4.0])  # the median, and only edge of two bins, is 2.5


def psi_of(before, now, levels=LEVELS):
    edges = quantile_edges(before, levels)
    return float(psi(count_values(before, edges), count_values(now, edges)))


def test_psi_of_two_bins_worked_by_hand():
    expected = (0.25 - 0.5) * math.log(0.25 / 0.5) + (0.75 - 0.5) * math.log(0.75 / 0.5)
    assert psi_of(SMALL, np.array([1.0, 3.0, 4.0, 5.0]), levels=[0.5]) == pytest.approx(expected)


def test_psi_of_an_emptied_bin_uses_the_floor():
    expected = (1e-4 - 0.5) * math.log(1e-4 / 0.5) + 0.5 * math.log(1 / 0.5)
    assert psi_of(SMALL, np.array([3.0, 4.0, 9.0]), levels=[0.5]) == pytest.approx(expected)


def test_psi_of_the_same_values_is_zero():
    values = np.random.default_rng(1).normal(size=999)
    assert psi_of(values, values[::-1]) == 0


def test_missing_values_are_left_out():
    holed = np.array([math.inf, 1.0, 3.0, math.nan, 4.0, 5.0])
    assert psi_of(np.array([*SMALL, math.nan]), holed, levels=[0.5]) == psi_of(
        SMALL, np.array([1.0, 3.0, 4.0, 5.0]), levels=[0.5]
    )


@pytest.mark.parametrize("now", [4.9, 5.1])
def test_psi_sees_a_constant_move_either_way(now):
    still = np.full(50, 5.0)
    assert psi_of(still, still) == 0
    assert psi_of(still, np.full(50, now)) == pytest.approx(2 * (1 - 1e-4) * math.log(1e4))


def test_psi_of_a_mostly_constant_flag_counts_its_shares():
    before, now = np.repeat([0.0, 1.0], [95, 5]), np.repeat([0.0, 1.0], [60, 40])
    assert psi_of(before, now) == pytest.approx((0.6 - 0.95) * math.log(0.6 / 0.95) + 0.35 * math.log(0.4 / 0.05))


def test_side_without_a_value_is_told_apart_from_zero():
    edges = quantile_edges(SMALL)
    none = count_values(np.full(3, math.nan), edges)
    assert math.isnan(psi(count_values(SMALL, edges), none))
    assert math.isnan(ks(count_values(SMALL, edges), none))
    with pytest.raises(NotEnoughData, match="found none of 3"):
        quantile_edges(np.full(3, math.nan))


@pytest.mark.parametrize("seed", range(5))
def test_distances_equal_scipy_where_each_value_has_its_own_bin(seed):
    rng = np.random.default_rng(seed)
    atoms = np.sort(rng.normal(size=BINS))
    before, now = (rng.choice(atoms, size=size, p=rng.dirichlet(np.ones(BINS))) for size in (300, 170))
    counted = [count_values(values, atoms[1:]) for values in (before, now)]
    assert ks(*counted) == pytest.approx(ks_2samp(before, now).statistic)
    assert wasserstein(*counted, atoms) == pytest.approx(wasserstein_distance(before, now))


def test_distances_of_many_columns_are_those_of_each():
    rng = np.random.default_rng(3)
    before, now = rng.integers(1, 50, (2, 4, 7, BINS))
    centres = np.sort(rng.normal(size=(7, BINS)), axis=1)
    for place in np.ndindex(4, 7):
        assert psi(before, now)[place] == psi(before[place], now[place])
        assert wasserstein(before, now, centres)[place] == wasserstein(before[place], now[place], centres[place[1]])


def test_normal_scores_are_those_of_the_middle_ranks():
    scores = normal_scores(np.array([1, 2, 1]))
    low = NormalDist().inv_cdf(0.125)
    assert scores == pytest.approx([low, 0.0, -low])
    location, spread = location_and_spread(np.array([0, 1, 1]), scores)
    assert (location, spread) == pytest.approx((-low / 2, -low / 2))
