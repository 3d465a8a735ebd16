"""Splits on categories against the learners themselves: known, unseen, negative, huge and fractional ones, and NaN."""

import json

import numpy as np
import pytest

from forest.convert import from_lightgbm, from_xgboost
from forest.flat import CATEGORICAL
from market.errors import ConfigError
from tests.forest.hard_rows import (
    FEATURES,
    assert_same_bits,
    hard_rows,
    lightgbm_splits,
    train_lightgbm,
    train_xgboost,
    training_rows,
    xgboost_matrix,
    xgboost_splits,
)

LIGHTGBM = {"categories": [FEATURES - 1], "min_data_per_group": 5, "cat_smooth": 1.0}


def categorical_share(forest):
    count = len(forest.nodes)
    return np.count_nonzero(forest.rules[:count] & CATEGORICAL) / np.count_nonzero(forest.nodes["step"])


@pytest.mark.parametrize(
    ("missing", "parameters"),
    [(False, {}), (True, {}), (True, {"zero_as_missing": True}), (True, {"max_cat_to_onehot": 100})],
)
def test_lightgbm_scores_equal(missing, parameters):
    rows, label = training_rows(1, missing, categories=True)
    booster = train_lightgbm(rows, label, **LIGHTGBM, **parameters)
    text = booster.model_to_string()
    forest = from_lightgbm(text)
    assert 0.05 < categorical_share(forest) < 0.95
    hard = hard_rows(lightgbm_splits(text), 2, infinities=True, categories=True)
    assert_same_bits(forest, hard, booster.predict(hard, raw_score=True))


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("onehot", [1, 100])
def test_xgboost_margins_equal(missing, onehot):
    rows, label = training_rows(1, missing, categories=True)
    booster = train_xgboost(rows, label, categories=True, max_cat_to_onehot=onehot)
    raw = bytes(booster.save_raw("json"))
    forest = from_xgboost(raw)
    assert 0.05 < categorical_share(forest) < 0.95
    hard = hard_rows(xgboost_splits(raw), 3, categories=True)
    assert_same_bits(forest, hard, booster.predict(xgboost_matrix(hard, categories=True), output_margin=True))


def test_xgboost_default_direction_of_a_categorical_split_is_kept():
    """A real model whose every default direction is turned, read back by XGBoost itself."""
    rows, label = training_rows(1, True, categories=True)
    booster = train_xgboost(rows, label, categories=True, max_cat_to_onehot=1)
    model = json.loads(bytes(booster.save_raw("json")))
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        tree["default_left"] = [1 - left for left in tree["default_left"]]
    booster.load_model(bytearray(json.dumps(model).encode()))
    raw = bytes(booster.save_raw("json"))
    hard = hard_rows(xgboost_splits(raw), 4, categories=True, count=3000)
    expected = booster.predict(xgboost_matrix(hard, categories=True), output_margin=True)
    assert_same_bits(from_xgboost(raw), hard, expected)


def test_category_beyond_what_float32_counts_is_refused():
    model = json.loads(bytes(train_xgboost(*training_rows(1, False, True), 3, categories=True).save_raw("json")))
    tree = next(t for t in model["learner"]["gradient_booster"]["model"]["trees"] if t["categories"])
    tree["categories"][-1] = 1 << 24
    with pytest.raises(ConfigError, match="categories from 0 and below 16777216"):
        from_xgboost(json.dumps(model).encode())
