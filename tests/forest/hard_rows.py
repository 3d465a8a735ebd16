"""Rows made to hit every edge of a trained model, and the learners that are trained for it."""

import json

import lightgbm as lgb
import numpy as np
import xgboost as xgb

from forest.batch import predict_batch
from forest.flat import FlatForest, from_arrays, to_arrays
from forest.predict import predict_row

FEATURES = 9
CATEGORIES = 70  # of the last column, where it holds categories
EDGES = [0.0, -0.0, 1e-45, -1e-45, 1e-38, -1e-38, 9e-36, 1e-35, -1e-35, 1.1e-35, -1.1e-35, 3.4e38, -3.4e38]
ODD_CATEGORIES = [
    -1.0,
    -0.5,
    -1e-45,
    0.5,
    2.999,
    31.0,
    32.0,
    63.999,
    69.5,
    70.0,
    1e6,
    16777215.0,
    16777216.0,
    3e9,
    -3e9,
]
INFINITIES = [np.inf, -np.inf]


def training_rows(seed, missing, categories=False):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(1500, FEATURES)).astype(np.float32)
    rows[:, 1] = np.round(rows[:, 1])  # many exact zeros
    rows[:, 2] = np.abs(rows[:, 2]) * (rng.random(1500) > 0.5)
    score = rows[:, 0] + rows[:, 1] * rows[:, 2] + rng.normal(size=1500) * 0.5
    if categories:
        rows[:, -1] = rng.integers(0, CATEGORIES, 1500)
        score += rng.normal(size=CATEGORIES)[rows[:, -1].astype(int)]
    if missing:
        rows[rng.random(rows.shape) < 0.15] = np.nan
    return rows, (score > 0.2).astype(np.float64)


def hard_rows(splits, seed, infinities=False, count=10_000, categories=False):
    """Every threshold in its own column with both float32 neighbours, then rows sprinkled with them, edges and NaN."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, FEATURES)).astype(np.float32)
    splits = np.asarray(splits, dtype=np.float64).reshape(-1, 2)
    with np.errstate(over="ignore"):
        narrow = splits[:, 1].astype(np.float32)
    near = np.concatenate([narrow, np.nextafter(narrow, np.float32(-np.inf)), np.nextafter(narrow, np.float32(np.inf))])
    column = np.tile(splits[:, 0].astype(np.int64), 3)[np.isfinite(near)]
    near = near[np.isfinite(near)]
    specials = np.array(EDGES + INFINITIES * infinities, dtype=np.float32)
    where = rng.random(rows.shape)
    rows = np.where(where < 0.40, rng.choice(near, rows.shape), rows)
    rows = np.where((where >= 0.40) & (where < 0.55), rng.choice(specials, rows.shape), rows)
    if categories:
        known = rng.integers(0, CATEGORIES, count)
        rows[:, -1] = np.where(rng.random(count) < 0.3, rng.choice(np.float32(ODD_CATEGORIES), count), known)
    rows = np.where((where >= 0.55) & (where < 0.65), np.float32(np.nan), rows)
    hit = np.arange(min(count, len(near)))
    rows[hit, column[hit]] = near[hit]
    rows[::4] = np.where(np.isnan(rows[::4]), np.float32(0.25), rows[::4])  # the walk without missing values too
    return np.ascontiguousarray(rows, dtype=np.float32)


def assert_same_bits(forest: FlatForest, rows, expected):
    checked = from_arrays(to_arrays(forest))  # what a bundle would hand to the runner
    out = np.empty(len(rows))
    predict_batch(checked, rows, out)
    assert np.array_equal(out.view(np.int64), np.asarray(expected, dtype=np.float64).view(np.int64))
    some = slice(None, None, max(1, len(rows) // 2000))
    one_by_one = np.array([predict_row(checked, row) for row in rows[some]])
    assert np.array_equal(one_by_one.view(np.int64), out[some].view(np.int64))


def train_lightgbm(rows, label, rounds=43, categories="auto", **parameters):
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5, **parameters}
    return lgb.train(parameters, lgb.Dataset(rows, label, categorical_feature=categories), rounds)


def lightgbm_splits(text):
    lines = [line.split("=", 1) for line in text.split("\n") if "=" in line]
    found = {
        name: [float(n) for k, v in lines if k == name for n in v.split()] for name in ("split_feature", "threshold")
    }
    return np.column_stack([found["split_feature"], found["threshold"]])


def train_xgboost(rows, label, rounds=43, categories=False, **parameters):
    parameters = {"objective": "binary:logistic", "nthread": 1, "max_depth": 5, "seed": 1, **parameters}
    return xgb.train(parameters, xgboost_matrix(rows, categories, label), rounds)


def xgboost_matrix(rows, categories=False, label=None):
    kinds = ["q"] * (FEATURES - 1) + ["c"] if categories else None
    return xgb.DMatrix(rows, label, feature_types=kinds, enable_categorical=categories, nthread=1)


def xgboost_splits(raw):
    trees = json.loads(raw)["learner"]["gradient_booster"]["model"]["trees"]
    return np.concatenate([np.column_stack([t["split_indices"], t["split_conditions"]]) for t in trees])


def sklearn_splits(forest):
    trees = [member.tree_ for member in forest.estimators_]
    return np.concatenate([np.column_stack([tree.feature, tree.threshold])[tree.feature >= 0] for tree in trees])
