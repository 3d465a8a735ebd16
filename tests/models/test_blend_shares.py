"""Weights of a blend: closed forms on paper, another optimiser, and a lead that keeps what is not earned."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from market.errors import DataError
from market.types import Regime
from models.blend import fit_blend, lowest_brier
from tests.factories import make_spans

ONES = np.ones(4)


def shares_of(regime, members, labels, weights, overlap=0):
    """Fit on rows whose labels do not overlap, or do."""
    return fit_blend(regime, members, labels, weights, make_spans(len(labels), overlap))


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
    shares = shares_of(regime, members, labels, np.ones(4000))
    assert shares[:2] == pytest.approx([0.5, 0.5], abs=0.1)
    assert shares[2] < 0.15
    assert shares.sum() == pytest.approx(1.0)
    assert shares[lead] < 1


def test_lead_keeps_everything_where_the_others_say_the_same():
    members, labels = drawn(2000, 4)
    same = np.repeat(members[:, :1], 3, axis=1)
    assert shares_of(Regime.TREND_UP, same, labels, np.ones(2000)).tolist() == [0, 1, 0]


def test_lead_keeps_everything_where_the_others_are_noise():
    kept = 0
    for seed in range(20):
        members, labels = drawn(1000, seed)
        members[:, 1:] = np.random.default_rng(seed + 100).uniform(0.0, 1.0, (1000, 2))
        kept += shares_of(Regime.TREND_DOWN, members, labels, np.ones(1000)).tolist() == [1, 0, 0]
    assert kept >= 16  # the gain must exceed its standard error, which chance does about once in six


def test_an_improvement_that_is_in_one_block_only_earns_nothing():
    """Without the held-out blocks the second learner would get half: it is right in the last fifth, wrong before."""
    labels = np.arange(500) % 2
    right = np.where(labels == 1, 0.9, 0.1)
    members = np.column_stack([np.full(500, 0.5), np.where(np.arange(500) < 400, 1 - right, right), np.full(500, 0.5)])
    assert shares_of(Regime.TREND_DOWN, members, labels, np.ones(500)).tolist() == [1, 0, 0]


@pytest.mark.parametrize(("rows", "shares"), [(49, [1, 0, 0]), (50, [0, 1, 0])])
def test_few_rows_leave_the_lead_alone(rows, shares):
    """The second learner is right always, and the lead nearly never; fifty rows are asked for to say so."""
    labels = np.arange(rows) % 2
    members = np.column_stack([np.full(rows, 0.5), labels, 1.0 - labels])
    assert shares_of(Regime.TREND_DOWN, members, labels, np.ones(rows)) == pytest.approx(shares, abs=1e-12)


def test_labels_that_overlap_every_other_leave_the_lead_alone():
    labels = np.arange(50) % 2
    members = np.column_stack([np.full(50, 0.5), labels, 1.0 - labels])
    assert shares_of(Regime.TREND_DOWN, members, labels, np.ones(50), overlap=50).tolist() == [1, 0, 0]
    assert shares_of(Regime.TREND_DOWN, members, labels, np.ones(50), overlap=2)[1] == pytest.approx(1.0)


def test_weights_count_in_the_gain_and_in_the_shares():
    """Half go up, with three times the weight, so 0.75 is best: half of the lead's 0.6 and half of the others' 0.9.

    Counted alike, any step away from 0.6 loses, in the blocks as in the shares.
    """
    labels = np.arange(500) % 2
    members = np.tile([0.6, 0.9, 0.9], (500, 1))
    shares = shares_of(Regime.TREND_DOWN, members, labels, np.where(labels == 1, 3.0, 1.0))
    assert shares[0] == pytest.approx(0.5)
    assert shares.sum() == pytest.approx(1.0)


def test_share_below_one_in_twenty_goes_to_the_others():
    """Errors of 0.1, 0.1 and √0.12 whose signs are orthogonal: shares by 1/error² are 0.48, 0.48 and 0.04."""
    signs = np.tile(np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1]]).T, (50, 1))
    labels = np.zeros(200, dtype=np.int64)
    members = signs * np.sqrt([0.01, 0.01, 0.12])
    assert lowest_brier(members, labels, np.ones(200)) == pytest.approx([0.48, 0.48, 0.04])
    assert shares_of(Regime.TREND_DOWN, members, labels, np.ones(200)) == pytest.approx([0.5, 0.5, 0.0])


@pytest.mark.parametrize(("loss", "kept"), [(0.078, True), (0.070, False)])
def test_gain_must_exceed_the_standard_error_of_five_blocks(loss, kept):
    """Four blocks gain 0.05, one loses: mean (0.2 - l)/5, error (0.05 + l)·√0.2/√5 with ddof 1, 0.894 of it with 0.

    At a loss of 0.078 that is 0.0244 against 0.0256 (0.0229 with ddof 0), at 0.070 0.0260 against 0.0240. The others
    err by 0.4 everywhere, to the same side as the lead, so that the best blend is always they alone.
    """
    lead = np.repeat(np.sqrt(0.16 + np.array([0.05, 0.05, -loss, 0.05, 0.05])), 20)
    members = np.column_stack([lead, np.full(100, 0.4), np.full(100, 0.4)])
    found = shares_of(Regime.TREND_DOWN, members, np.zeros(100, dtype=np.int64), np.ones(100))
    assert found[0] == pytest.approx(float(kept), abs=1e-12)


def test_a_share_too_small_to_pay_for_its_time_is_given_to_the_others():
    random = np.random.default_rng(0)
    p = random.uniform(0.1, 0.9, 20000)
    labels = (random.random(20000) < p).astype(np.int64)
    far = np.clip(p + random.normal(scale=0.08, size=20000), 0.01, 0.99)
    shares = shares_of(Regime.RANGE, np.column_stack([p, random.uniform(0, 1, 20000), far]), labels, np.ones(20000))
    assert shares[1] == 0.0
    assert shares.sum() == pytest.approx(1.0)
    assert all(share == 0.0 or share >= 0.05 for share in shares)


def test_same_rows_give_the_same_bytes():
    members, labels = drawn(3000, 5)
    first, second = (shares_of(Regime.RANGE, members.copy(), labels, np.ones(3000)) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_probabilities_that_are_missing_or_too_few_are_refused():
    members, labels = drawn(100, 6)
    with pytest.raises(DataError, match="3 probabilities a row"):
        shares_of(Regime.RANGE, members[:, :2], labels, np.ones(100))
    members[7, 1] = np.nan
    with pytest.raises(DataError, match="every learner"):
        shares_of(Regime.RANGE, members, labels, np.ones(100))
