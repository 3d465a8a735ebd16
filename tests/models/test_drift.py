"""Drift: measures worked by hand, a published multiple-testing example, and who counts as drifted."""

import math

import numpy as np
import pytest

from market.errors import ConfigError, DataError, NotEnoughData
from models.drift import DriftLimits, benjamini_hochberg, drift_table, ks, psi

SMALL = np.array([1.0, 2.0, 3.0, 4.0])  # the median, and only edge of two bins, is 2.5


def test_psi_of_two_bins_worked_by_hand():
    expected = (0.25 - 0.5) * math.log(0.25 / 0.5) + (0.75 - 0.5) * math.log(0.75 / 0.5)
    assert psi(SMALL, np.array([1.0, 3.0, 4.0, 5.0]), bins=2) == pytest.approx(expected)


def test_psi_of_an_emptied_bin_uses_the_floor():
    expected = (1e-4 - 0.5) * math.log(1e-4 / 0.5) + 0.5 * math.log(1 / 0.5)
    assert psi(SMALL, np.array([3.0, 4.0, 9.0]), bins=2) == pytest.approx(expected)


def test_psi_of_the_same_values_is_zero():
    values = np.random.default_rng(1).normal(size=999)
    assert psi(values, values[::-1]) == 0


def test_psi_leaves_missing_values_out():
    assert psi(np.array([*SMALL, math.nan]), np.array([math.inf, 1.0, 3.0, 4.0, 5.0]), bins=2) == psi(
        SMALL, np.array([1.0, 3.0, 4.0, 5.0]), bins=2
    )


@pytest.mark.parametrize("now", [4.9, 5.1])
def test_psi_sees_a_constant_move_either_way(now):
    still = np.full(50, 5.0)
    assert psi(still, still) == 0
    assert psi(still, np.full(50, now)) == pytest.approx(2 * (1 - 1e-4) * math.log(1e4))


def test_psi_of_a_mostly_constant_flag_counts_its_shares():
    before, now = np.repeat([0.0, 1.0], [95, 5]), np.repeat([0.0, 1.0], [60, 40])
    assert psi(before, now) == pytest.approx((0.6 - 0.95) * math.log(0.6 / 0.95) + 0.35 * math.log(0.4 / 0.05))


def test_ks_worked_by_hand():
    statistic, p_value = ks(SMALL, SMALL + 2)
    assert statistic == 0.5
    assert 0 < p_value < 1


def test_ks_of_far_apart_samples_is_one():
    statistic, p_value = ks(np.arange(200.0), np.arange(200.0) + 1000)
    assert statistic == 1
    assert p_value < 1e-50


@pytest.mark.parametrize("measure", [psi, ks])
def test_side_without_a_value_is_refused(measure):
    with pytest.raises(NotEnoughData, match="current"):
        measure(SMALL, np.full(3, math.nan))


def test_published_example_of_benjamini_and_hochberg_rejects_four():
    """The fifteen p-values of their 1995 paper, section 3; the rule at 0.05 rejects the first four."""
    published = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    order = np.random.default_rng(6).permutation(15)
    found = benjamini_hochberg(np.array(published)[order], 0.05)
    assert sorted(order[found].tolist()) == [0, 1, 2, 3]


def test_a_small_p_value_carries_larger_ones_below_their_line():
    # Lines at 0.05: 0.0167, 0.0333, 0.05. The second misses its own line but the third meets its.
    assert benjamini_hochberg(np.array([0.01, 0.04, 0.045]), 0.05).tolist() == [True, True, True]
    assert benjamini_hochberg(np.array([0.02, 0.04, 0.06]), 0.05).tolist() == [False, False, False]


COLUMNS = ("still", "moved", "wider", "hair")


def market_rows(count, seed, moved):
    """Reference and current rows: one shifts by σ, one doubles its spread, one moves by a hair."""
    rows = np.random.default_rng(seed).normal(size=(count, 4))
    if moved:
        rows = rows * [1, 1, 3, 1] + [0, 1, 0, 0.05]
    return rows.astype(np.float32)


def test_moved_features_drift_and_a_hair_on_many_rows_does_not():
    table = drift_table(COLUMNS, market_rows(20_000, 1, False), market_rows(20_000, 2, True), DriftLimits())
    assert [row.name for row in table if row.drifted] == ["moved", "wider"]
    hair = table[3]
    assert hair.p_value < 1e-4
    assert hair.psi < 0.02


def test_large_effect_on_a_handful_of_rows_does_not_drift():
    table = drift_table(("x",), np.arange(12.0)[:, None], np.array([[0.0], [1.0], [8.0]]), DriftLimits())
    assert table[0].psi > 0.25
    assert not table[0].drifted


def test_same_market_twice_does_not_drift():
    table = drift_table(COLUMNS, market_rows(4000, 3, False), market_rows(4000, 4, False), DriftLimits())
    assert not any(row.drifted for row in table)


def test_row_budget_takes_rows_from_the_whole_span():
    rows = np.arange(100_000.0)[:, None]
    table = drift_table(("x",), rows, rows, DriftLimits(sample_rows=100))
    assert (table[0].psi, table[0].ks) == (0, 0)
    half = drift_table(("x",), rows, rows[:50_000], DriftLimits(sample_rows=100))
    assert half[0].ks == pytest.approx(0.5, abs=0.02)


def test_rows_of_another_shape_are_refused():
    with pytest.raises(DataError, match="4 columns"):
        drift_table(COLUMNS, market_rows(50, 1, False), market_rows(50, 1, False)[:, :3], DriftLimits())


def test_column_that_died_is_named():
    current = market_rows(50, 1, False)
    current[:, 2] = math.nan
    with pytest.raises(NotEnoughData, match="wider"):
        drift_table(COLUMNS, market_rows(50, 1, False), current, DriftLimits())


@pytest.mark.parametrize("wrong", [{"psi_limit": 0}, {"false_discovery_rate": 1}, {"bins": 1}, {"sample_rows": 1}])
def test_impossible_limits_are_refused(wrong):
    with pytest.raises(ConfigError):
        DriftLimits(**wrong)
