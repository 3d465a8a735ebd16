"""Forests of LightGBM, XGBoost and scikit-learn, brought to the flat layout without changing one decision.

The three learners differ in the comparison (``<=`` or ``<``), in the width of a threshold and in what a missing
value does. All of it is settled here, once, so that the compiled walk knows a single rule: for a float32 value x,
left iff ``x <= threshold``. A float64 threshold t becomes the largest float32 not above t, and XGBoost's ``x < t``
becomes ``x <=`` the float32 just below t; both are exact for float32 rows. Where categories decide, those of a set go
left; XGBoost's sets name who goes right, so there the children change places.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forest.flat import CATEGORICAL, MISSING_RIGHT, ZERO_IS_MISSING, FlatForest, ForestKind
from forest.lay_out import Tree, flatten, need
from market.kernel import kernel

# LightGBM takes |x| <= 1e-35f for zero, both in zero_as_missing and when it reads a row.
_ZERO = np.float32(1e-35)
_LIGHTGBM_CATEGORICAL, _LIGHTGBM_DEFAULT_LEFT = 1, 2
_MISSING_NONE, _MISSING_ZERO = 0, 1


def from_lightgbm(model_text: str) -> FlatForest:
    """Convert a LightGBM binary model.

    Parameters
    ----------
    model_text : str
        ``Booster.model_to_string()``, which ends at the best iteration where training stopped early.

    Returns
    -------
    FlatForest
        Predicts ``Booster.predict(rows, raw_score=True)`` to the bit.

    Raises
    ------
    ConfigError
        If the model is not a binary one, averages its trees, has linear leaves, or categories of 2**24 and more.
    """
    head, *blocks = model_text.split("\nend of trees")[0].split("\nTree=")
    header = _key_values(head)
    need("num_class" in header, "a LightGBM model text", model_text[:40], "pass Booster.model_to_string()")
    one = header["num_class"] == header["num_tree_per_iteration"] == "1"
    need(one, "one tree per iteration", f"num_class={header['num_class']}", "train a binary model")
    need("average_output" not in head.split("\n"), "boosted trees", "boosting=rf", "train with boosting=gbdt")
    trees = [_lightgbm_tree(_key_values(block), index) for index, block in enumerate(blocks)]
    return flatten(ForestKind.LIGHTGBM, int(header["max_feature_idx"]) + 1, 0.0, trees)


def from_xgboost(model_json: bytes) -> FlatForest:
    """Convert an XGBoost ``binary:logistic`` tree model.

    Parameters
    ----------
    model_json : bytes
        ``Booster.save_raw("json")``.

    Returns
    -------
    FlatForest
        Predicts ``Booster.predict(DMatrix(rows), output_margin=True)`` to the bit. Where training stopped early it ends
        at the best iteration, as ``XGBClassifier`` does, also if the booster was not cut there.

    Raises
    ------
    ConfigError
        If the booster is not ``gbtree``, or the objective another.
    """
    learner = json.loads(model_json)["learner"]
    objective, booster = learner["objective"]["name"], learner["gradient_booster"]["name"]
    need(objective == "binary:logistic", "objective binary:logistic", objective, "train with that objective")
    need(booster == "gbtree", "booster gbtree", booster, "train with booster=gbtree")
    model, parameters = learner["gradient_booster"]["model"], learner["learner_model_param"]
    wanted = _best_trees(learner.get("attributes", {}), model["iteration_indptr"])
    trees = [_xgboost_tree(tree, index) for index, tree in enumerate(model["trees"][:wanted])]
    base = _base_margin(_base_score(parameters["base_score"]))
    return flatten(ForestKind.XGBOOST, int(parameters["num_feature"]), float(base), trees)


def from_sklearn(estimator: Any) -> FlatForest:
    """Convert a fitted scikit-learn ``RandomForestClassifier`` (or ``ExtraTreesClassifier``) of two classes.

    The estimator is only read through its public attributes, so this package needs no scikit-learn.

    Returns
    -------
    FlatForest
        Predicts ``predict_proba(rows)[:, 1]``, computed with ``n_jobs=1``, to the bit.

    Raises
    ------
    ConfigError
        If the estimator is not a forest of two classes and one output.
    """
    classes = len(np.atleast_1d(estimator.classes_))
    need(estimator.n_outputs_ == 1 and classes == 2, "one output of two classes", classes, "train a binary model")
    trees = [_sklearn_tree(member.tree_) for member in estimator.estimators_]
    return flatten(ForestKind.SKLEARN, int(estimator.n_features_in_), 0.0, trees)


def _key_values(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.split("\n") if "=" in line)


def _floor_to_float32(thresholds: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        narrow = thresholds.astype(np.float32)
    return np.where(narrow > thresholds, np.nextafter(narrow, np.float32(-np.inf)), narrow)


def _lightgbm_tree(block: Mapping[str, str], index: int) -> Tree:
    """Splits keep their numbers, leaf number ~k of LightGBM becomes node `splits + k`."""
    need(block.get("is_linear", "0") == "0", "constant leaves", "linear ones", "train with linear_tree=false")
    leaves = int(block["num_leaves"])
    splits = leaves - 1
    decision = _numbers(block, "decision_type", np.int64, splits)
    children = {
        side: np.concatenate([np.where(raw < 0, splits + ~raw, raw), np.full(leaves, -1)])
        for side, raw in ((s, _numbers(block, f"{s}_child", np.int64, splits)) for s in ("left", "right"))
    }
    exact = _numbers(block, "threshold", np.float64, splits)
    threshold, marks = _lightgbm_split(exact, decision)
    return Tree(
        left=children["left"],
        right=children["right"],
        feature=np.concatenate([_numbers(block, "split_feature", np.int64, splits), np.zeros(leaves, np.int64)]),
        threshold=np.concatenate([threshold, np.zeros(leaves, np.float32)]),
        marks=np.concatenate([marks, np.zeros(leaves, np.uint32)]),
        value=np.concatenate([np.zeros(splits), _numbers(block, "leaf_value", np.float64, leaves)]),
        sets={node: _lightgbm_set(block, int(exact[node])) for node in np.flatnonzero(marks & CATEGORICAL).tolist()},
    )


def _lightgbm_split(exact: np.ndarray, decision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the float32 thresholds and the marks.

    LightGBM reads every value of magnitude up to 1e-35 as 0.0, so a threshold inside that band is moved to the edge
    that puts the whole band on the side of 0.0. With missing type None a NaN is read as 0.0, which gives it a fixed
    side too. A categorical split sends it right, whatever its missing type.
    """
    zero_left = exact >= 0.0
    threshold = _floor_to_float32(exact)
    in_band = np.abs(threshold) <= _ZERO
    threshold = np.where(in_band & zero_left, _ZERO, threshold)
    threshold = np.where(in_band & ~zero_left, np.nextafter(-_ZERO, np.float32(-np.inf)), threshold)
    categorical, missing = (decision & _LIGHTGBM_CATEGORICAL) != 0, (decision >> 2) & 3
    missing_left = np.where(missing == _MISSING_NONE, zero_left, (decision & _LIGHTGBM_DEFAULT_LEFT) != 0)
    numeric = np.where(missing_left, 0, MISSING_RIGHT) | np.where(missing == _MISSING_ZERO, ZERO_IS_MISSING, 0)
    marks = np.where(categorical, CATEGORICAL | MISSING_RIGHT, numeric)
    return np.where(categorical, 0.0, threshold).astype(np.float32), marks.astype(np.uint32)


def _lightgbm_set(block: Mapping[str, str], number: int) -> np.ndarray:
    """Return the categories that go left at the split whose threshold is this number."""
    bounds = _numbers(block, "cat_boundaries", np.int64, int(block["num_cat"]) + 1)
    words = _numbers(block, "cat_threshold", np.uint32, int(bounds[-1]))[bounds[number] : bounds[number + 1]]
    return np.flatnonzero(np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little"))


def _numbers(block: Mapping[str, str], key: str, dtype: type, count: int) -> np.ndarray:
    found: np.ndarray = np.array(block.get(key, "").split(), dtype=dtype)
    need(len(found) == count, f"{count} values of {key}", len(found), "export the model again")
    return found


def _best_trees(attributes: Mapping[str, str], ends: Sequence[int]) -> int:
    """Return how many trees stand up to the best iteration, or all; `ends` has the first tree of each, and the end."""
    rounds = len(ends) - 1
    return int(ends[min(int(attributes.get("best_iteration", rounds)) + 1, rounds)])


def _xgboost_tree(tree: Mapping[str, Any], index: int) -> Tree:
    left, right = (np.array(tree[f"{side}_children"], dtype=np.int64) for side in ("left", "right"))
    condition = np.array(tree["split_conditions"], dtype=np.float32)
    need(bool(np.isfinite(condition).all()), "finite thresholds", f"others in tree {index}", "check the training rows")
    default_left = np.array(tree["default_left"], dtype=np.int64) != 0
    sets = _xgboost_sets(tree)
    categorical = np.isin(np.arange(len(left)), list(sets))
    marks = np.where(default_left == categorical, MISSING_RIGHT, 0) | np.where(categorical, CATEGORICAL, 0)
    return Tree(
        left=np.where(categorical, right, left),
        right=np.where(categorical, left, right),
        feature=np.array(tree["split_indices"], dtype=np.int64),
        threshold=np.where(categorical, np.float32(0.0), np.nextafter(condition, np.float32(-np.inf))),
        marks=np.where(left < 0, 0, marks).astype(np.uint32),
        value=condition.astype(np.float64),
        sets=sets,
    )


def _xgboost_sets(tree: Mapping[str, Any]) -> dict[int, np.ndarray]:
    """Return the categories that XGBoost sends right, by node."""
    starts, sizes = tree["categories_segments"], tree["categories_sizes"]
    return {
        node: np.array(tree["categories"][start : start + size], dtype=np.int64)
        for node, start, size in zip(tree["categories_nodes"], starts, sizes, strict=True)
    }


def _base_score(text: str) -> np.float32:
    """Read the learner's base score, a probability, from ``0.5`` or ``[5E-1]``."""
    scores = str(text).strip("[] ").split(",")
    need(len(scores) == 1, "one base score", text, "train a binary model")
    score = np.float32(scores[0])
    need(0.0 < float(score) < 1.0, "a base score between 0 and 1", text, "train with such a base_score")
    return score


@kernel
def _base_margin(score: np.float32) -> float:
    """XGBoost's own logit: all in float32 and with the C library's logf, which NumPy's logarithm does not equal.

    Not ours (`market.elementary`), for the margin must equal the one XGBoost itself finds on the host that trained. It
    is asked once, at conversion; scoring reads the stored bits.
    """
    return -math.log(np.float32(1.0) / score - np.float32(1.0))


def _sklearn_tree(tree: Any) -> Tree:
    left = np.asarray(tree.children_left, dtype=np.int64)
    return Tree(
        left=left,
        right=np.asarray(tree.children_right, dtype=np.int64),
        feature=np.asarray(tree.feature, dtype=np.int64),
        threshold=_floor_to_float32(np.asarray(tree.threshold, dtype=np.float64)),
        marks=np.where((np.asarray(tree.missing_go_to_left) == 0) & (left >= 0), MISSING_RIGHT, 0).astype(np.uint32),
        value=np.asarray(tree.value, dtype=np.float64)[:, 0, 1],
    )
