"""Converted forests against the learners themselves, bit for bit, on rows made to hit every edge."""

import json

import lightgbm as lgb
import numpy as np
import pytest
import xgboost as xgb
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from forest.convert import from_lightgbm, from_sklearn, from_xgboost
from forest.predict import predict_row
from market.errors import ConfigError
from tests.forest.hard_rows import (
    EDGES,
    FEATURES,
    assert_same_bits,
    hard_rows,
    lightgbm_splits,
    sklearn_splits,
    train_lightgbm,
    train_xgboost,
    training_rows,
    xgboost_splits,
)

ANYWHERE = [(0, 0.0)]


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
    hard = hard_rows(lightgbm_splits(text), 2, infinities=True)
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
    hard = hard_rows([(0, edge) for edge in choices], seed + 10, infinities=True)
    assert_same_bits(from_lightgbm(text), hard, booster.predict(hard, raw_score=True))


def test_lightgbm_cut_at_the_best_iteration_by_the_caller():
    rows, label = training_rows(4, True)
    booster = train_lightgbm(rows, label)
    hard = hard_rows(ANYWHERE, 5, count=500)
    forest = from_lightgbm(booster.model_to_string(num_iteration=11))
    assert_same_bits(forest, hard, booster.predict(hard, raw_score=True, num_iteration=11))


def test_lightgbm_that_found_no_split_predicts_its_constant():
    rows, label = training_rows(4, False)
    booster = train_lightgbm(rows, label, rounds=3, min_data_in_leaf=1400)
    hard = hard_rows(ANYWHERE, 6, count=100)
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


def test_text_that_is_no_lightgbm_model_is_refused():
    with pytest.raises(ConfigError, match="LightGBM model text"):
        from_lightgbm("tree\nversion=v4")


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
    hard = hard_rows(
        xgboost_splits(raw), 8, infinities=True
    )  # a DMatrix refuses infinities, prediction in place does not
    assert_same_bits(from_xgboost(raw), hard, booster.inplace_predict(hard, predict_type="margin"))


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
    hard = hard_rows([(0, edge) for edge in EDGES], seed + 20)
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


def stopped_early():
    rows, label = training_rows(7, True)
    watched = xgb.DMatrix(rows[1000:], label[1000:])
    parameters = {"objective": "binary:logistic", "nthread": 1, "eta": 1.0, "num_parallel_tree": 2, "subsample": 0.7}
    given = {"evals": [(watched, "later")], "early_stopping_rounds": 3, "verbose_eval": False}
    return xgb.train(parameters, xgb.DMatrix(rows[:1000], label[:1000]), 60, **given)


def test_xgboost_that_stopped_early_ends_at_its_best_iteration():
    booster = stopped_early()
    best = booster.best_iteration + 1
    assert 0 < best < booster.num_boosted_rounds()
    hard = hard_rows(ANYWHERE, 5, count=500)
    expected = booster.predict(xgb.DMatrix(hard), output_margin=True, iteration_range=(0, best))
    for given in (booster, booster[:best]):
        assert_same_bits(from_xgboost(bytes(given.save_raw("json"))), hard, expected)


def test_lightgbm_that_stopped_early_ends_at_its_best_iteration():
    rows, label = training_rows(4, True)
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "learning_rate": 0.5}
    first = lgb.Dataset(rows[:1000], label[:1000])
    stop = [lgb.early_stopping(3, verbose=False)]
    later = lgb.Dataset(rows[1000:], label[1000:], reference=first)
    booster = lgb.train(parameters, first, 60, valid_sets=[later], callbacks=stop)
    assert 0 < booster.best_iteration < 60
    hard = hard_rows(ANYWHERE, 5, count=500)
    assert_same_bits(from_lightgbm(booster.model_to_string()), hard, booster.predict(hard, raw_score=True))


@pytest.mark.parametrize("learner", [RandomForestClassifier, ExtraTreesClassifier])
@pytest.mark.parametrize("missing", [False, True])
def test_sklearn_probabilities_equal(learner, missing):
    rows, label = training_rows(11, missing)
    forest = learner(29, max_depth=9, random_state=3, n_jobs=1, class_weight="balanced").fit(rows, label)
    hard = hard_rows(sklearn_splits(forest), 12)
    if not missing:  # a forest trained without missing values refuses them
        hard = np.nan_to_num(hard, nan=0.0)
    assert_same_bits(from_sklearn(forest), hard, forest.predict_proba(hard)[:, 1])


def test_sklearn_trees_asked_directly_take_infinities():
    """`predict_proba` refuses infinities, its trees do not; their mean is taken as it takes it."""
    rows, label = training_rows(11, True)
    forest = RandomForestClassifier(29, max_depth=9, random_state=3, n_jobs=1).fit(rows, label)
    hard = hard_rows(sklearn_splits(forest), 12, infinities=True)
    total = np.zeros(len(hard))
    for member in forest.estimators_:
        total += member.tree_.predict(hard)[:, 1]
    assert_same_bits(from_sklearn(forest), hard, total / 29)


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
