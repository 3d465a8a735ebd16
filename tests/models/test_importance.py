"""Importance: merged by hand, ranked by shuffling, and the same every time."""

import math

import numpy as np
import pytest
from sklearn import inspection
from sklearn.linear_model import LogisticRegression

from forest.flat import ForestKind, empty
from market.errors import DataError, NotEnoughData
from market.types import Regime
from models.importance import log_loss, merged_importance, permutation_importance
from models.learners import Fitted, Member


def learner_of(importance, rows):
    forest = Member(None, empty(), np.array(importance, dtype=float))
    return Fitted(Regime.RANGE, {ForestKind.SKLEARN: forest}, np.array([0.0, 0.0, 1.0]), rows)


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
    ("probability", "up", "expected"),
    [
        ([0.5, 0.5], [0, 1], math.log(2.0)),
        ([0.8, 0.1], [1, 0], -(math.log(0.8) + math.log(0.9)) / 2),
        ([0.0], [1], -math.log(1e-15)),
    ],
)
def test_log_loss_worked_on_paper(probability, up, expected):
    assert log_loss(np.array(probability), np.array(up)) == pytest.approx(expected)


def test_log_loss_of_nothing_is_nan():
    assert math.isnan(log_loss(np.zeros(0), np.zeros(0)))


@pytest.fixture(scope="module")
def held_out():
    """A logistic model of columns 1 and 3, and a thousand rows of it in 50 sessions; it does not read 0, 2 and 4."""
    random = np.random.default_rng(8)
    rows = random.normal(size=(1000, 5)).astype(np.float32)
    model = LogisticRegression().fit(rows[:, [1, 3]], rows[:, 1] + 0.5 * rows[:, 3] + random.normal(size=1000) > 0)
    up = (rows[:, 1] + 0.5 * rows[:, 3] + random.normal(size=1000) > 0).astype(np.int64)
    return model, rows, up, np.repeat(np.arange(50), 20)


def probability_of(model):
    return lambda rows: model.predict_proba(rows[:, [1, 3]])[:, 1]


def test_shuffling_ranks_the_planted_columns(held_out):
    model, rows, up, session = held_out
    losses = permutation_importance(probability_of(model), rows, up, session, seed=1)
    assert losses.argsort()[::-1][:2].tolist() == [1, 3]
    assert losses[[0, 2, 4]].tolist() == [0.0, 0.0, 0.0]


def test_sessions_of_one_row_are_shuffled_as_scikit_learn_does(held_out):
    model, rows, up, _ = held_out
    read = rows[:, [1, 3]]
    ours = permutation_importance(lambda asked: model.predict_proba(asked)[:, 1], read, up, np.arange(1000), 1, 40)
    theirs = inspection.permutation_importance(model, read, up, scoring="neg_log_loss", n_repeats=40, random_state=2)
    assert ours == pytest.approx(theirs.importances_mean, rel=0.05)


def test_whole_sessions_change_places(held_out):
    """A model that only looks at what stays together within a session loses nothing."""
    _, rows, up, session = held_out
    seen = []
    permutation_importance(lambda asked: seen.append(asked[:, 1].copy()) or np.full(1000, 0.5), rows, up, session, 1)
    blocks = {block.tobytes() for block in rows[:, 1].reshape(50, 20)}
    assert len(seen) == 1 + 5 * 3
    assert all({block.tobytes() for block in column.reshape(50, 20)} == blocks for column in seen)
    assert sum(column.tobytes() != rows[:, 1].tobytes() for column in seen) == 3


def test_shuffling_is_seeded_and_leaves_the_rows_alone(held_out):
    model, rows, up, session = held_out
    before = rows.tobytes()
    found = [permutation_importance(probability_of(model), rows, up, session, seed, 2).tobytes() for seed in (3, 3, 4)]
    assert found[0] == found[1] != found[2]
    assert rows.tobytes() == before


def test_rows_without_labels_are_refused(held_out):
    model, rows, up, session = held_out
    with pytest.raises(DataError, match="999 and 1000 for 1000"):
        permutation_importance(probability_of(model), rows, up[1:], session, seed=1)
