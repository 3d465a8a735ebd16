"""Converted forests against the learners themselves, bit for bit, on rows made to hit every edge."""

import json

import lightgbm as lgb
import numpy as np
import pytest
import xgboost as xgb
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from forest.convert import from_lightgbm, from_sklearn, from_xgboost
from forest.flat import FlatForest, from_arrays, to_arrays
from forest.predict import predict_batch, predict_row
from market.errors import ConfigError

FEATURES = 9
EDGES = [0.0, -0.0, 1e-45, -1e-45, 1e-38, -1e-38, 9e-36, 1e-35, -1e-35, 1.1e-35, -1.1e-35, 3.4e38, -3.4e38]


def training_rows(seed, missing):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(1500, FEATURES)).astype(np.float32)
    rows[:, 1] = np.round(rows[:, 1])  # many exact zeros
    rows[:, 2] = np.abs(rows[:, 2]) * (rng.random(1500) > 0.5)
    label = (rows[:, 0] + rows[:, 1] * rows[:, 2] + rng.normal(size=1500) * 0.5 > 0.2).astype(np.float64)
    if missing:
        rows[rng.random(rows.shape) < 0.15] = np.nan
    return rows, label


def hard_rows(thresholds, seed, infinities=False, count=10_000):
    """Ordinary rows sprinkled with NaN, edges, and thresholds with both their float32 neighbours."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, FEATURES)).astype(np.float32)
    with np.errstate(over="ignore"):
        narrow = np.asarray(thresholds, dtype=np.float64).astype(np.float32)
    narrow = narrow[np.isfinite(narrow)]
    near = np.concatenate([narrow, np.nextafter(narrow, np.float32(-np.inf)), np.nextafter(narrow, np.float32(np.inf))])
    specials = np.concatenate(
        [np.array(EDGES, dtype=np.float32), np.array([np.inf, -np.inf], np.float32)[: 2 * infinities]]
    )
    where = rng.random(rows.shape)
    rows = np.where(where < 0.40, rng.choice(near[np.isfinite(near)], rows.shape), rows)
    rows = np.where((where >= 0.40) & (where < 0.55), rng.choice(specials, rows.shape), rows)
    rows = np.where((where >= 0.55) & (where < 0.65), np.float32(np.nan), rows)
    rows[::4] = np.where(np.isnan(rows[::4]), np.float32(0.25), rows[::4])  # the walk without missing values too
    return np.ascontiguousarray(rows, dtype=np.float32)


def assert_same_bits(forest: FlatForest, rows, expected):
    checked = from_arrays(to_arrays(forest))  # what a bundle would hand to the runner
    out = np.empty(len(rows))
    predict_batch(checked, rows, out)
    assert np.array_equal(out.view(np.int64), np.asarray(expected, dtype=np.float64).view(np.int64))
    one_by_one = np.array([predict_row(checked, row) for row in rows[:2000]])
    assert np.array_equal(one_by_one.view(np.int64), out[:2000].view(np.int64))


def train_lightgbm(rows, label, rounds=43, **parameters):
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5, **parameters}
    return lgb.train(parameters, lgb.Dataset(rows, label), rounds)


def lightgbm_thresholds(text):
    lines = [line[len("threshold=") :].split() for line in text.split("\n") if line.startswith("threshold=")]
    return [float(number) for line in lines for number in line]


@pytest.mark.parametrize(
    ("missing", "parameters", "kinds"),
    [
        (False, {}, {"none"}),
        (True, {"use_missing": False}, {"none"}),
        (True, {}, {"nan"}),
        (True, {"zero_as_missing": True}, {"zero"}),
    ],
)
def test_lightgbm_scores_equal_for_each_missing_type(missing, parameters, kinds):
    rows, label = training_rows(1, missing)
    booster = train_lightgbm(rows, label, **parameters)
    text = booster.model_to_string()
    decisions = {int(d) for line in text.split("\n") if line.startswith("decision_type=") for d in line[14:].split()}
    assert {("none", "zero", "nan")[(d >> 2) & 3] for d in decisions} >= kinds
    hard = hard_rows(lightgbm_thresholds(text), 2, infinities=True)
    assert_same_bits(from_lightgbm(text), hard, booster.predict(hard, raw_score=True))


@pytest.mark.parametrize("seed", range(4))
def test_lightgbm_scores_equal_when_thresholds_and_decisions_are_hostile(seed):
    """A real model whose every threshold and missing handling is replaced, read back by LightGBM itself."""
    rng = np.random.default_rng(seed)
    choices = [*EDGES, 1.0000000180025095e-35, -1.0000000180025095e-35, 1e300, -1e300, 0.1, -0.1, 1e-320]
    lines = train_lightgbm(*training_rows(3, True), rounds=21).model_to_string().split("\n")
    for i, line in enumerate(lines):
        key, _, values = line.partition("=")
        if key == "threshold":
            lines[i] = "threshold=" + " ".join(repr(float(rng.choice(choices))) for _ in values.split())
        if key == "decision_type":
            lines[i] = "decision_type=" + " ".join(str(rng.choice([0, 2, 4, 6, 8, 10])) for _ in values.split())
        if key == "tree_sizes":
            lines[i] = ""
    text = "\n".join(lines)
    booster = lgb.Booster(model_str=text)
    hard = hard_rows(choices, seed + 10, infinities=True)
    assert_same_bits(from_lightgbm(text), hard, booster.predict(hard, raw_score=True))


def test_lightgbm_cut_at_the_best_iteration_by_the_caller():
    rows, label = training_rows(4, True)
    booster = train_lightgbm(rows, label)
    hard = hard_rows([0.0], 5, count=500)
    forest = from_lightgbm(booster.model_to_string(num_iteration=11))
    assert_same_bits(forest, hard, booster.predict(hard, raw_score=True, num_iteration=11))


def test_lightgbm_that_found_no_split_predicts_its_constant():
    rows, label = training_rows(4, False)
    booster = train_lightgbm(rows, label, rounds=3, min_data_in_leaf=1400)
    hard = hard_rows([0.0], 6, count=100)
    assert_same_bits(from_lightgbm(booster.model_to_string()), hard, booster.predict(hard, raw_score=True))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "boosting=rf"),
        ({"linear_tree": True}, "linear"),
        ({"objective": "multiclass", "num_class": 3}, "num_class=3"),
    ],
)
def test_lightgbm_of_another_kind_is_refused(parameters, words):
    booster = train_lightgbm(*training_rows(4, False), rounds=3, **parameters)
    with pytest.raises(ConfigError, match=words):
        from_lightgbm(booster.model_to_string())


def test_lightgbm_with_categorical_splits_is_refused_with_the_tree_named():
    rng = np.random.default_rng(1)
    rows = np.column_stack([rng.integers(0, 6, 600), rng.normal(size=600)])
    data = lgb.Dataset(rows, np.isin(rows[:, 0], [1, 3, 4]).astype(float), categorical_feature=[0])
    booster = lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 2)
    with pytest.raises(ConfigError, match="categorical one in tree 0"):
        from_lightgbm(booster.model_to_string())


def test_text_that_is_no_lightgbm_model_is_refused():
    with pytest.raises(ConfigError, match="LightGBM model text"):
        from_lightgbm("tree\nversion=v4")


def train_xgboost(rows, label, rounds=43, **parameters):
    parameters = {"objective": "binary:logistic", "nthread": 1, "max_depth": 5, "seed": 1, **parameters}
    return xgb.train(parameters, xgb.DMatrix(rows, label), rounds)


def xgboost_thresholds(raw):
    trees = json.loads(raw)["learner"]["gradient_booster"]["model"]["trees"]
    return [t for tree in trees for t in tree["split_conditions"]]


@pytest.mark.parametrize(
    ("missing", "parameters"),
    [
        (False, {}),
        (True, {}),
        (True, {"base_score": 0.5}),
        (True, {"tree_method": "exact", "eta": 1.0}),
        (True, {"grow_policy": "lossguide", "max_leaves": 31, "max_depth": 0}),
        (True, {"num_parallel_tree": 3, "subsample": 0.6}),
    ],
)
def test_xgboost_margins_equal(missing, parameters):
    rows, label = training_rows(7, missing)
    booster = train_xgboost(rows, label, **parameters)
    raw = bytes(booster.save_raw("json"))
    hard = hard_rows(xgboost_thresholds(raw), 8)
    assert_same_bits(from_xgboost(raw), hard, booster.predict(xgb.DMatrix(hard), output_margin=True))


@pytest.mark.parametrize("seed", range(3))
def test_xgboost_margins_equal_when_thresholds_are_hostile(seed):
    rng = np.random.default_rng(seed)
    model = json.loads(bytes(train_xgboost(*training_rows(9, True), rounds=21).save_raw("json")))
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        for i, left in enumerate(tree["left_children"]):
            if left >= 0:
                tree["split_conditions"][i] = float(np.float32(rng.choice(EDGES)))
                tree["default_left"][i] = int(rng.integers(2))
    booster = xgb.Booster({"nthread": 1})
    booster.load_model(bytearray(json.dumps(model).encode()))
    raw = bytes(booster.save_raw("json"))
    hard = hard_rows(EDGES, seed + 20)
    assert_same_bits(from_xgboost(raw), hard, booster.predict(xgb.DMatrix(hard), output_margin=True))


def test_xgboost_base_margin_is_the_float32_logit_for_every_base_score():
    rows, label = np.zeros((1, FEATURES), np.float32), np.ones(1)
    for score in np.random.default_rng(1).uniform(0.01, 0.99, 60):
        booster = train_xgboost(rows, label, rounds=1, base_score=float(score))
        expected = booster.predict(xgb.DMatrix(rows), output_margin=True)
        assert predict_row(from_xgboost(bytes(booster.save_raw("json"))), rows[0]) == expected[0]


@pytest.mark.parametrize("written", ["5E-1", "[5E-1]", "0.5"])
def test_xgboost_base_score_is_read_in_each_spelling(written):
    booster = train_xgboost(*training_rows(7, True), rounds=2, base_score=0.5)
    model = json.loads(bytes(booster.save_raw("json")))
    model["learner"]["learner_model_param"]["base_score"] = written
    assert from_xgboost(json.dumps(model).encode()).base[0] == 0.0


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"booster": "dart"}, "found dart"),
        ({"objective": "reg:squarederror"}, "found reg:squarederror"),
    ],
)
def test_xgboost_of_another_kind_is_refused(parameters, words):
    booster = train_xgboost(*training_rows(7, True), rounds=2, **parameters)
    with pytest.raises(ConfigError, match=words):
        from_xgboost(bytes(booster.save_raw("json")))


def test_xgboost_with_categorical_splits_is_refused():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 5, 400)
    data = xgb.DMatrix(
        codes[:, None].astype(np.float32),
        np.isin(codes, [1, 3]).astype(float),
        feature_types=["c"],
        enable_categorical=True,
    )
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1, "max_cat_to_onehot": 1}, data, 1)
    with pytest.raises(ConfigError, match="categorical one in tree 0"):
        from_xgboost(bytes(booster.save_raw("json")))


@pytest.mark.parametrize("learner", [RandomForestClassifier, ExtraTreesClassifier])
@pytest.mark.parametrize("missing", [False, True])
def test_sklearn_probabilities_equal(learner, missing):
    rows, label = training_rows(11, missing)
    forest = learner(29, max_depth=9, random_state=3, n_jobs=1, class_weight="balanced").fit(rows, label)
    thresholds = np.concatenate([member.tree_.threshold for member in forest.estimators_])
    hard = hard_rows(thresholds, 12)
    if not missing:  # a forest trained without missing values refuses them
        hard = np.nan_to_num(hard, nan=0.0)
    assert_same_bits(from_sklearn(forest), hard, forest.predict_proba(hard)[:, 1])


def test_sklearn_split_between_missing_and_present_is_kept():
    rows = np.array([[np.nan], [np.nan], [1.0], [2.0]], dtype=np.float32)
    forest = RandomForestClassifier(8, bootstrap=False, random_state=1, n_jobs=1).fit(rows, [1, 1, 0, 0])
    hard = np.array([[np.nan], [3.4e38], [-3.4e38], [0.0]], dtype=np.float32)
    assert_same_bits(from_sklearn(forest), hard, forest.predict_proba(hard)[:, 1])


def test_sklearn_forest_of_three_classes_is_refused():
    rows, _ = training_rows(11, False)
    forest = RandomForestClassifier(2, n_jobs=1).fit(rows, np.arange(len(rows)) % 3)
    with pytest.raises(ConfigError, match="two classes"):
        from_sklearn(forest)
