"""Importance: merged by hand, ranked by shuffling, and the same every time."""

import numpy as np
import pytest

from forest.flat import empty
from market.errors import DataError, NotEnoughData
from market.types import Regime
from models.importance import area_under_curve, merged_importance, permutation_importance
from models.learners import Fitted, ForestParams, LearnerParams, fit


def learner_of(importance, rows):
    return Fitted(Regime.RANGE, None, empty(), np.array(importance, dtype=float), rows)


def test_regimes_merge_by_their_rows():
    merged = merged_importance([learner_of([1, 0, 0], 300), learner_of([0, 0.5, 0.5], 100)])
    assert merged.tolist() == [0.75, 0.125, 0.125]


def test_learner_that_split_on_nothing_takes_no_share():
    assert merged_importance([learner_of([0, 0], 900), learner_of([0.25, 0.75], 100)]).tolist() == [0.25, 0.75]
    assert merged_importance([learner_of([0, 0], 900)]).tolist() == [0, 0]


def test_no_learner_has_no_importance():
    with pytest.raises(NotEnoughData):
        merged_importance([])


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ([1, 2, 3, 4], [0, 1, 0, 1], 3 / 4),
        ([1, 2], [1, 0], 0.0),
        ([5, 5, 5], [0, 1, 1], 0.5),
        ([1, 1, 2], [0, 1, 1], 3 / 4),
    ],
)
def test_area_under_curve_counts_ordered_pairs(scores, labels, expected):
    assert area_under_curve(np.array(scores), np.array(labels)) == pytest.approx(expected)


def test_area_under_curve_needs_both_classes():
    with pytest.raises(NotEnoughData):
        area_under_curve(np.array([1.0, 2.0]), np.array([1, 1]))


@pytest.fixture(scope="module")
def held_out():
    random = np.random.default_rng(8)
    rows = random.normal(size=(2400, 5)).astype(np.float32)
    rows[:, 4] = 1.5  # constant: no tree can use it
    labels = (rows[:, 1] + 0.5 * rows[:, 3] + 0.4 * random.normal(size=2400) > 0).astype(np.int64)
    params = LearnerParams(forest=ForestParams(trees=25, min_rows_per_leaf=20))
    fitted = fit(Regime.RANGE, rows[:1600], labels[:1600], np.ones(1600), params)
    return fitted.flat, rows[1600:], labels[1600:]


def test_shuffling_ranks_the_planted_columns(held_out):
    losses = permutation_importance(*held_out, seed=1)
    assert losses.argsort()[::-1][:2].tolist() == [1, 3]
    assert losses[1] > 0.2
    assert np.abs(losses[[0, 2]]).max() < 0.02
    assert losses[4] == 0


def test_shuffling_is_seeded_and_leaves_the_rows_alone(held_out):
    flat, rows, labels = held_out
    before = rows.tobytes()
    found = [permutation_importance(flat, rows, labels, seed, repeats=2).tobytes() for seed in (3, 3, 4)]
    assert found[0] == found[1] != found[2]
    assert rows.tobytes() == before


def test_rows_without_labels_are_refused(held_out):
    flat, rows, labels = held_out
    with pytest.raises(DataError, match="799 for 800"):
        permutation_importance(flat, rows, labels[1:], seed=1)
