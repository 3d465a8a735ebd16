"""Conformal abstention: quantiles by hand, coverage where it is promised, and a level that follows a market."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import ConfigError, DataError
from models.conformal import ConformalParams, Outcomes, follow, least_lean, nonconformity, quantile

TENTHS = np.arange(1, 10) / 10  # nine scores, so (n + 1)(1 − α) is whole at α = 0.1, 0.2 ...


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (0.1, 0.9), (0.2, 0.8), (0.25, 0.8), (0.9, 0.1), (0.05, math.inf), (-3, math.inf), (1.0, -math.inf),
        (0.7, 0.3),  # 10·(1 - 0.7) is 3 and a last bit
    ],
)  # fmt: skip
def test_quantile_by_hand(level, expected):
    assert quantile(TENTHS, level) == expected


@pytest.mark.parametrize(
    ("scores", "level", "expected"),
    [
        (TENTHS, 0.2, 0.8),  # a lean of more than 0.8 leaves the other class out
        (-TENTHS[::-1], 0.2, 0.0),  # the quantile is -0.2: no set holds both, however small the lean
        (TENTHS, 0.05, 1.0),  # too few rows for so little error
        (TENTHS, 1.5, 0.0),
    ],
)
def test_least_lean_by_hand(scores, level, expected):
    assert least_lean(scores, level) == pytest.approx(expected, abs=1e-12)


def test_a_lean_that_equals_the_quantile_is_not_enough():
    assert least_lean(np.full(9, 0.25), 0.5) > 0.25


def made(p, up, delay=1):
    """Rows a nanosecond apart, whose labels end `delay` later."""
    start = np.arange(len(p))
    return Outcomes(np.asarray(p), np.asarray(up), start, start + delay)


def drawn(count, seed, turned=0.0):
    """Probabilities that are true, or, for a share of rows, say the opposite of what is true."""
    random = np.random.default_rng(seed)
    p = random.uniform(0.1, 0.9, count)
    truth = np.where(random.random(count) < turned, 1 - p, p)
    return p, (random.random(count) < truth).astype(np.int64)


def test_nonconformity_by_hand():
    """p = 0.9 and down: leaned 0.8 to the wrong side; p = 0.3 and down: 0.4 to the right one."""
    assert nonconformity(np.array([0.9, 0.3]), np.zeros(2)) == pytest.approx([0.8, -0.4])


@pytest.mark.parametrize("error", [0.1, 0.25, 0.4])
def test_labels_of_exchangeable_rows_are_covered_as_promised(error):
    """Over calibration and test alike the share outside is at most the error, and above it less 1/(n + 1)."""
    still, outside = ConformalParams(error, 0.0), []
    for seed in range(200):
        p, up = drawn(240, seed)
        scores = nonconformity(p[:199], up[:199])
        outside.append(follow(made(p[199:], up[199:]), scores, error, still).outside.mean())
    spread = 3 * np.std(outside) / math.sqrt(len(outside))
    assert error - 1 / 200 - spread <= np.mean(outside) <= error + spread


def test_rows_that_decide_are_those_the_bundle_s_bound_lets_through():
    p, up = drawn(3000, 1)
    scores = nonconformity(p[:1000], up[:1000])
    for error in (0.1, 0.2, 0.25):
        decided = follow(made(p[1000:], up[1000:]), scores, error, ConformalParams(error, 0.0)).decided
        assert decided.tolist() == (np.abs(2 * p[1000:] - 1) >= least_lean(scores, error)).tolist()
        assert 0 < decided.mean() < 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.floats(0.01, 0.2), st.floats(0.05, 0.6), st.integers(1, 30))
def test_error_of_any_sequence_stays_within_the_bound_of_gibbs_and_candes(seed, count, rate, error, delay):
    """Proposition 4.1 for labels known at once; each outcome still open can add one step of the level more."""
    random = np.random.default_rng(seed)
    p, up = random.random(count), random.integers(0, 2, count)
    adversary = np.where(p > 0.5, 0, 1)  # always the class the model leans away from, half of the time
    up = np.where(random.random(count) < 0.5, adversary, up)
    scores = random.uniform(-1, 1, 50)
    found = follow(made(p, up, delay), scores, error, ConformalParams(error, rate))
    bound = (max(error, 1 - error) + rate * delay) / (rate * count)
    assert abs(found.outside.mean() - error) <= bound + 1e-9
    assert found.level == pytest.approx(error + rate * np.sum(error - found.outside))


def test_level_that_follows_a_shift_keeps_the_error_where_a_fixed_one_does_not():
    """Calibrated on true probabilities; then four rows in ten say the opposite of the truth."""
    p, up = drawn(1000, 2)
    scores = nonconformity(p, up)
    later = made(*drawn(6000, 3, turned=0.4), delay=15)
    fixed = follow(later, scores, 0.2, ConformalParams(0.2, 0.0))
    moved = follow(later, scores, 0.2, ConformalParams(0.2, 0.01))
    assert fixed.outside[2000:].mean() > 0.28
    assert moved.outside[2000:].mean() == pytest.approx(0.2, abs=0.02)
    assert moved.decided.mean() < fixed.decided.mean()  # by abstaining more often
    assert moved.level < 0.2


def test_an_outcome_counts_only_once_its_label_has_ended():
    """Two wrong rows, decided at 0 and 1; the label of the first ends at 10, so a row at 9 does not know of it."""
    start, end = np.array([0, 1, 9, 10]), np.array([10, 30, 31, 32])
    wrong = Outcomes(np.full(4, 0.9), np.zeros(4, dtype=np.int64), start, end)
    scores = np.linspace(-0.99, 0.99, 99)  # α = 0.5 gives 0; each hundredth of the level moves it by 0.02
    found = follow(wrong, scores, 0.5, ConformalParams(0.5, 0.9))
    # Until the first outcome the level is 0.5 and the label outside; then 0.5 - 0.45 = 0.05, and 0.8 is within 0.9.
    assert found.outside.tolist() == [True, True, True, False]
    assert found.level == pytest.approx(0.5 - 3 * 0.45 + 0.45)


def test_outcomes_are_known_in_the_order_in_which_labels_end():
    """Two wrong rows; the label of the second ends first, at 5, and a row at 10 knows of it alone."""
    wrong = Outcomes(np.full(3, 0.9), np.zeros(3, dtype=np.int64), np.array([0, 1, 10]), np.array([20, 5, 30]))
    found = follow(wrong, np.linspace(-0.99, 0.99, 99), 0.5, ConformalParams(0.5, 0.9))
    assert found.outside.tolist() == [True, True, False]  # 0.5 - 0.45 = 0.05, and 0.8 is within 0.9


def test_a_row_at_the_bound_abstains_and_its_label_is_inside():
    """All scores 0.5, so the bound is 0.5; of 0.75 both the lean and, where it is wrong, the nonconformity are 0.5."""
    found = follow(made([0.75, 0.75], [0, 1]), np.full(9, 0.5), 0.5, ConformalParams(0.5, 0.0))
    assert found.decided.tolist() == [False, False]
    assert found.outside.tolist() == [False, False]


def test_order_of_the_rows_does_not_matter():
    p, up = drawn(400, 5)
    whole, order = made(p, up, 7), np.random.default_rng(0).permutation(400)
    mixed = Outcomes(p[order], up[order], whole.start_ns[order], whole.end_ns[order])
    scores = nonconformity(p, up)[:100]
    first, second = (follow(rows, scores, 0.3, ConformalParams(0.3, 0.02)) for rows in (whole, mixed))
    assert first.outside[order].tolist() == second.outside.tolist()
    assert first.level == pytest.approx(second.level)


def test_no_rows_leave_the_level():
    none = made(np.zeros(0), np.zeros(0, dtype=np.int64))
    assert follow(none, TENTHS, 0.3, ConformalParams(0.3, 0.1)).level == 0.3


@pytest.mark.parametrize(("error", "rate"), [(0.0, 0.1), (1.0, 0.1), (0.4, -0.1), (0.4, 1.0), (math.nan, 0.1)])
def test_impossible_parameters_are_refused(error, rate):
    with pytest.raises(ConfigError, match=r"params\.yaml"):
        ConformalParams(error, rate)


def test_label_known_when_it_is_asked_for_is_refused():
    with pytest.raises(DataError, match="end after they start"):
        made([0.5], [1], delay=0)
