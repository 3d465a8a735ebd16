"""Small models of drawn data and settings against their own libraries, bit for bit."""

import numpy as np
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
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

SEEDS = st.integers(0, 2**31 - 1)
COUNT = 1000


@settings(max_examples=15, deadline=None)
@given(
    SEEDS,
    st.booleans(),
    st.fixed_dictionaries(
        {
            "num_leaves": st.integers(2, 80),
            "use_missing": st.booleans(),
            "zero_as_missing": st.booleans(),
            "learning_rate": st.floats(0.01, 1.0),
            "max_cat_to_onehot": st.sampled_from([1, 200]),
        }
    ),
)
def test_lightgbm(seed, categories, parameters):
    rows, label = training_rows(seed, True, categories)
    booster = train_lightgbm(rows[:300], label[:300], 9, [FEATURES - 1] if categories else "auto", **parameters)
    text = booster.model_to_string()
    hard = hard_rows([*lightgbm_splits(text), (0, 0.0)], seed, infinities=True, count=COUNT, categories=categories)
    assert_same_bits(from_lightgbm(text), hard, booster.predict(hard, raw_score=True))


@settings(max_examples=15, deadline=None)
@given(
    SEEDS,
    st.booleans(),
    st.fixed_dictionaries(
        {
            "max_depth": st.integers(1, 9),
            "eta": st.floats(0.01, 1.0),
            "base_score": st.floats(0.01, 0.99),
            "min_child_weight": st.sampled_from([0.0, 1.0]),
            "max_cat_to_onehot": st.sampled_from([1, 200]),
        }
    ),
)
def test_xgboost(seed, categories, parameters):
    rows, label = training_rows(seed, True, categories)
    booster: xgb.Booster = train_xgboost(rows[:300], label[:300], 9, categories, **parameters)
    raw = bytes(booster.save_raw("json"))
    hard = hard_rows(xgboost_splits(raw), seed, count=COUNT, categories=categories)
    expected = booster.predict(xgboost_matrix(hard, categories), output_margin=True)
    assert_same_bits(from_xgboost(raw), hard, expected)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.booleans(), st.integers(1, 12), st.sampled_from([None, "balanced"]))
def test_sklearn(seed, missing, depth, weight):
    rows, label = training_rows(seed, missing)
    forest = RandomForestClassifier(9, max_depth=depth, random_state=1, class_weight=weight, n_jobs=1)
    forest.fit(rows[:300], label[:300])
    hard = hard_rows(sklearn_splits(forest), seed, count=COUNT)
    hard = hard if missing else np.nan_to_num(hard, nan=0.0)
    assert_same_bits(from_sklearn(forest), hard, forest.predict_proba(hard)[:, 1])
