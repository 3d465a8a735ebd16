"""Shapley values of forests: against every coalition written out, and the sum they must have."""

from itertools import combinations
from math import comb

import lightgbm as lgb
import numpy as np
import pytest
import xgboost as xgb
from sklearn.ensemble import RandomForestClassifier

from forest.convert import from_lightgbm, from_sklearn, from_xgboost
from forest.flat import empty
from forest.predict import predict_row
from forest.shapley import shapley_values

COLUMNS = 5


@pytest.fixture(scope="module")
def forests():
    random = np.random.default_rng(3)
    rows = random.normal(size=(600, COLUMNS)).astype(np.float32)
    rows[random.random(rows.shape) < 0.1] = np.nan
    label = (np.nan_to_num(rows[:, 0]) + np.nan_to_num(rows[:, 1] * rows[:, 2]) > 0).astype(np.float64)
    settings = {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 8, "min_data_in_leaf": 5}
    booster = lgb.train(settings, lgb.Dataset(rows, label), num_boost_round=4)
    extreme = xgb.train({"objective": "binary:logistic", "nthread": 1, "max_depth": 4}, xgb.DMatrix(rows, label), 4)
    trees = RandomForestClassifier(4, max_depth=6, random_state=1, n_jobs=1).fit(rows, label)
    return {
        "lightgbm": from_lightgbm(booster.model_to_string()),
        "xgboost": from_xgboost(bytes(extreme.save_raw("json"))),
        "sklearn": from_sklearn(trees),
    }


def coalition_value(forest, row, background, chosen):
    """Mean score of the background with the chosen columns of the row."""
    mixed = background.copy()
    mixed[:, list(chosen)] = row[list(chosen)]
    return np.mean([predict_row(forest, one) for one in mixed])


def slow_values(forest, row, background):
    """Shapley's formula: what a column adds to each coalition of the others, weighted by the coalition's size."""
    out = np.zeros(COLUMNS)
    for column in range(COLUMNS):
        others = [other for other in range(COLUMNS) if other != column]
        for size in range(COLUMNS):
            for chosen in combinations(others, size):
                added = coalition_value(forest, row, background, (*chosen, column))
                added -= coalition_value(forest, row, background, chosen)
                out[column] += added / (COLUMNS * comb(COLUMNS - 1, size))
    return out


@pytest.mark.parametrize("learner", ["lightgbm", "xgboost", "sklearn"])
def test_values_are_those_of_every_coalition_written_out(forests, learner):
    random = np.random.default_rng(5)
    background = random.normal(size=(4, COLUMNS)).astype(np.float32)
    for missing in (False, True):
        row = random.normal(size=COLUMNS).astype(np.float32)
        row[1] = np.nan if missing else row[1]
        found = shapley_values(forests[learner], row, background)
        # XGBoost adds in float32, so its scores are no exact sums of leaves.
        assert found == pytest.approx(slow_values(forests[learner], row, background), abs=1e-6)
        usual = np.mean([predict_row(forests[learner], one) for one in background])
        assert found.sum() == pytest.approx(predict_row(forests[learner], row) - usual, abs=1e-6)
        assert np.abs(found).max() > 0.01


def test_a_row_like_its_background_is_moved_by_nothing(forests):
    row = np.ones(COLUMNS, dtype=np.float32)
    assert shapley_values(forests["lightgbm"], row, np.stack([row, row])).tolist() == [0.0] * COLUMNS


def test_without_trees_nothing_moves():
    assert shapley_values(empty(), np.ones(1, np.float32), np.zeros((2, 1), np.float32)).tolist() == [0.0]
