"""Every kind of model against its own library on a hundred thousand hard rows, bit for bit."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from forest.convert import from_lightgbm, from_sklearn, from_xgboost
from tests.forest.hard_rows import (
    FEATURES,
    assert_same_bits,
    hard_rows,
    lightgbm_splits,
    sklearn_splits,
    train_lightgbm,
    train_xgboost,
    training_rows,
    xgboost_matrix,
    xgboost_splits,
)

pytestmark = pytest.mark.nightly
COUNT, ROUNDS = 100_000, 200
GROUPS = {"min_data_per_group": 5, "cat_smooth": 1.0}


@pytest.mark.parametrize("categories", [False, True])
@pytest.mark.parametrize(
    ("missing", "parameters"),
    [(False, {}), (True, {}), (True, {"use_missing": False}), (True, {"zero_as_missing": True})],
)
def test_lightgbm(missing, parameters, categories):
    rows, label = training_rows(1, missing, categories)
    named = [FEATURES - 1] if categories else "auto"
    booster = train_lightgbm(rows, label, ROUNDS, named, **GROUPS, **parameters)
    text = booster.model_to_string()
    hard = hard_rows(lightgbm_splits(text), 2, infinities=True, count=COUNT, categories=categories)
    assert_same_bits(from_lightgbm(text), hard, booster.predict(hard, raw_score=True))


@pytest.mark.parametrize("categories", [False, True])
@pytest.mark.parametrize(
    ("missing", "parameters"),
    [
        (False, {}),
        (True, {"max_depth": 6}),
        (True, {"grow_policy": "lossguide", "max_leaves": 31, "max_depth": 0}),
        (True, {"max_depth": 9, "max_cat_to_onehot": 1}),
    ],
)
def test_xgboost(missing, parameters, categories):
    rows, label = training_rows(7, missing, categories)
    booster = train_xgboost(rows, label, ROUNDS, categories, **parameters)
    raw = bytes(booster.save_raw("json"))
    hard = hard_rows(xgboost_splits(raw), 3, count=COUNT, categories=categories)
    expected = booster.predict(xgboost_matrix(hard, categories), output_margin=True)
    assert_same_bits(from_xgboost(raw), hard, expected)


@pytest.mark.parametrize("missing", [False, True])
def test_sklearn(missing):
    rows, label = training_rows(11, missing)
    forest = RandomForestClassifier(ROUNDS, max_depth=10, random_state=3, n_jobs=1).fit(rows, label)
    hard = hard_rows(sklearn_splits(forest), 12, count=COUNT)
    if not missing:
        hard = np.nan_to_num(hard, nan=0.0)
    assert_same_bits(from_sklearn(forest), hard, forest.predict_proba(hard)[:, 1])
