"""Weights of a blend: closed forms on paper, another optimiser, and a lead that keeps what is not earned."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from market.errors import DataError
from market.types import Regime
from models.blend import fit_blend, lowest_brier

ONES = np.ones(4)


def test_shares_of_two_learners_on_paper():
    """Labels 1, 0; the first says 0.8, 0.8, the second 0.2, 0.2: any blend says 0.8 - 0.6s, best is 0.5 at s = ½."""
    members, labels = np.array([[0.8, 0.2], [0.8, 0.2]]), np.array([1, 0])
    assert lowest_brier(members, labels, np.ones(2)) == pytest.approx([0.5, 0.5])
    # Three times the weight on the row that went up: the best constant is 0.75, so 0.8 - 0.6s = 0.75.
    assert lowest_brier(members, labels, np.array([3.0, 1.0])) == pytest.approx([11 / 12, 1 / 12])


def test_the_nearest_corner_is_taken_where_no_mixture_is_better():
    """Both say too little: 0.6 and 0.5 where everything went up; the first alone is nearest, with an exact zero."""
    shares = lowest_brier(np.tile([0.6, 0.5], (4, 1)), np.ones(4, dtype=np.int64), ONES)
    assert shares.tolist() == [1.0, 0.0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 200))
def test_no_other_optimiser_finds_a_better_blend(seed, count):
    random = np.random.default_rng(seed)
    members, labels = random.uniform(0.02, 0.98, (count, 3)), random.integers(0, 2, count)
    weights = random.uniform(0.1, 2.0, count)
    shares = lowest_brier(members, labels, weights)
    assert shares.min() >= 0
    assert shares.sum() == pytest.approx(1.0, abs=1e-12)

    def loss(s):
        return float(np.average((members @ s - labels) ** 2, weights=weights))

    found = minimize(
        loss, np.full(3, 1 / 3), bounds=[(0, 1)] * 3, constraints={"type": "eq", "fun": lambda s: s.sum() - 1},
        method="SLSQP", options={"ftol": 1e-12},
    )  # fmt: skip
    assert loss(shares) <= found.fun + 1e-9
    corners = [loss(corner) for corner in np.eye(3)]
    assert loss(shares) <= min(corners) + 1e-12


def drawn(count, seed):
    """Labels from a true probability, which learner 0 sees through noise of its own and learner 1 through another."""
    random = np.random.default_rng(seed)
    truth = random.normal(size=count)
    labels = (random.random(count) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    seen = [1 / (1 + np.exp(-(truth + random.normal(size=count)) / 2)) for _ in range(2)]
    return np.column_stack([*seen, random.uniform(0.3, 0.7, count)]), labels


@pytest.mark.parametrize(("regime", "lead"), [(Regime.TREND_DOWN, 0), (Regime.TREND_UP, 1)])
def test_learners_with_noise_of_their_own_share(regime, lead):
    members, labels = drawn(4000, 3)
    shares = fit_blend(regime, members, labels, np.ones(4000))
    assert shares[:2] == pytest.approx([0.5, 0.5], abs=0.1)
    assert shares[2] < 0.15
    assert shares.sum() == pytest.approx(1.0)
    assert shares[lead] < 1


def test_lead_keeps_everything_where_the_others_say_the_same():
    members, labels = drawn(2000, 4)
    same = np.repeat(members[:, :1], 3, axis=1)
    assert fit_blend(Regime.TREND_UP, same, labels, np.ones(2000)).tolist() == [0, 1, 0]


def test_lead_keeps_everything_where_the_others_are_noise():
    kept = 0
    for seed in range(20):
        members, labels = drawn(1000, seed)
        members[:, 1:] = np.random.default_rng(seed + 100).uniform(0.0, 1.0, (1000, 2))
        kept += fit_blend(Regime.TREND_DOWN, members, labels, np.ones(1000)).tolist() == [1, 0, 0]
    assert kept >= 16  # the gain must exceed its standard error, which chance does about once in six


def test_an_improvement_that_is_in_one_block_only_earns_nothing():
    """Without the held-out blocks the second learner would get half: it is right in the last fifth, wrong before."""
    labels = np.arange(500) % 2
    right = np.where(labels == 1, 0.9, 0.1)
    members = np.column_stack([np.full(500, 0.5), np.where(np.arange(500) < 400, 1 - right, right), np.full(500, 0.5)])
    assert fit_blend(Regime.TREND_DOWN, members, labels, np.ones(500)).tolist() == [1, 0, 0]


def test_few_rows_leave_the_lead_alone():
    members, labels = drawn(49, 3)
    assert fit_blend(Regime.RANGE, members, labels, np.ones(49)).tolist() == [0, 0, 1]


def test_a_share_too_small_to_pay_for_its_time_is_given_to_the_others():
    random = np.random.default_rng(0)
    p = random.uniform(0.1, 0.9, 20000)
    labels = (random.random(20000) < p).astype(np.int64)
    far = np.clip(p + random.normal(scale=0.08, size=20000), 0.01, 0.99)
    shares = fit_blend(Regime.RANGE, np.column_stack([p, random.uniform(0, 1, 20000), far]), labels, np.ones(20000))
    assert shares[1] == 0.0
    assert shares.sum() == pytest.approx(1.0)
    assert all(share == 0.0 or share >= 0.05 for share in shares)


def test_same_rows_give_the_same_bytes():
    members, labels = drawn(3000, 5)
    first, second = (fit_blend(Regime.RANGE, members.copy(), labels, np.ones(3000)) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_probabilities_that_are_missing_or_too_few_are_refused():
    members, labels = drawn(100, 6)
    with pytest.raises(DataError, match="3 probabilities a row"):
        fit_blend(Regime.RANGE, members[:, :2], labels, np.ones(100))
    members[7, 1] = np.nan
    with pytest.raises(DataError, match="every learner"):
        fit_blend(Regime.RANGE, members, labels, np.ones(100))
