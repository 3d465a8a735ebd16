"""Shapley values of models whose values can be worked on paper, and of trees against every order of the columns."""

from itertools import permutations

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.ensemble import RandomForestClassifier

from models.attribution import attribute, sample_shapley

ROWS = np.random.default_rng(1).normal(size=(300, 4)).astype(np.float32)
UP = (ROWS[:, 0] + ROWS[:, 0] * ROWS[:, 2] > 0).astype(np.int64)


def exact(answer, row: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Average what each column adds over every order and every background row."""
    added = np.zeros(len(row))
    orders = list(permutations(range(len(row))))
    for start in background:
        for order in orders:
            walked, before = start.copy(), answer(start[None])[0]
            for column in order:
                walked[column] = row[column]
                after = answer(walked[None])[0]
                added[column] += (after - before) / len(orders) / len(background)
                before = after
    return added


def test_of_a_sum_each_column_adds_its_own_difference() -> None:
    row, start = np.array([[3.0, 5.0, 7.0]]), np.array([[1.0, 1.0, 1.0]])
    found = sample_shapley(lambda rows: 2.0 * rows[:, 0] - rows[:, 1], row, start, seed=0)
    assert found.tolist() == [[4.0, -4.0, 0.0]]


def test_of_a_product_the_two_columns_share() -> None:
    row, start = np.array([[2.0, 3.0]]), np.array([[0.0, 0.0]])
    found = sample_shapley(lambda rows: rows[:, 0] * rows[:, 1], row, start, seed=0, orders=2000)
    assert found[0].sum() == pytest.approx(6.0)
    assert found[0, 0] == pytest.approx(3.0, abs=0.3)


def test_forest_is_near_the_average_over_every_order() -> None:
    forest = RandomForestClassifier(5, max_depth=3, random_state=0, n_jobs=1).fit(ROWS, UP)
    background = ROWS[:3]
    found = attribute(forest, ROWS[10:11], background, seed=2)[0]
    wanted = exact(lambda rows: forest.predict_proba(rows)[:, 1], ROWS[10], background)
    many = sample_shapley(lambda rows: forest.predict_proba(rows)[:, 1], ROWS[10:11], background, 3, orders=250)[0]
    assert many == pytest.approx(wanted, abs=0.05)
    assert found == pytest.approx(wanted, abs=0.15)


def test_boosters_add_up_to_their_log_odds() -> None:
    settings = {"objective": "binary", "num_threads": 1, "verbose": -1, "num_leaves": 4}
    light = lightgbm.train(settings, lightgbm.Dataset(ROWS, UP), num_boost_round=10)
    extreme = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1, "max_depth": 2}, xgboost.DMatrix(ROWS, UP), num_boost_round=10
    )
    odds = {"light": light.predict(ROWS, raw_score=True),
            "extreme": extreme.predict(xgboost.DMatrix(ROWS), output_margin=True)}  # fmt: skip
    for name, model in (("light", light), ("extreme", extreme)):
        found = attribute(model, ROWS, ROWS, seed=0)
        assert found.shape == ROWS.shape
        rest = odds[name] - found.sum(axis=1)
        assert np.ptp(rest) < 1e-4  # the average answer, the same for every row
        assert np.abs(found[:, 0]).mean() > 5 * np.abs(found[:, [1, 3]]).mean()


def test_walks_begin_anywhere_in_the_background():
    """Of a sum each column adds its distance from the background's mean: 1 - 2 and 1 - 0."""
    background = np.array([[0.0, 0.0], [4.0, 0.0]])
    found = sample_shapley(lambda rows: rows.sum(axis=1), np.ones((1, 2)), background, seed=3, orders=2000)
    assert found[0] == pytest.approx([-1.0, 1.0], abs=0.2)
