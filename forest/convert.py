"""Forests of LightGBM, XGBoost and scikit-learn, brought to the flat layout without changing one decision.

The three learners differ in the comparison (``<=`` or ``<``), in the width of a threshold and in what a missing
value does. All of it is settled here, once, so that the compiled walk knows a single rule: for a float32 value x,
left iff ``x <= threshold``. A float64 threshold t becomes the largest float32 not above t, and XGBoost's ``x < t``
becomes ``x <=`` the float32 just below t; both are exact for float32 rows.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forest.flat import MAX_FEATURES, MAX_TREE_NODES, MISSING_RIGHT, NODE, ZERO_IS_MISSING, FlatForest, ForestKind
from market.errors import ConfigError
from market.kernel import kernel

# LightGBM takes |x| <= 1e-35f for zero, both in zero_as_missing and when it reads a row.
_ZERO = np.float32(1e-35)
_LIGHTGBM_CATEGORICAL, _LIGHTGBM_DEFAULT_LEFT = 1, 2
_MISSING_NONE, _MISSING_ZERO, _MISSING_NAN = 0, 1, 2


@dataclass(frozen=True)
class _Tree:
    """One tree in its learner's numbering; node 0 is the root, a leaf has left = -1."""

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray  # f4
    missing_right: np.ndarray
    zero_is_missing: np.ndarray
    value: np.ndarray  # f8, read at leaves only


def from_lightgbm(model_text: str) -> FlatForest:
    """Convert a LightGBM binary model.

    Parameters
    ----------
    model_text : str
        ``Booster.model_to_string()``, cut at the best iteration by the caller where training stopped early.

    Returns
    -------
    FlatForest
        Predicts ``Booster.predict(rows, raw_score=True)`` to the bit.

    Raises
    ------
    ConfigError
        If the model is not a binary one, averages its trees, or has categorical splits or linear leaves.
    """
    head, *blocks = model_text.split("\nend of trees")[0].split("\nTree=")
    header = _key_values(head)
    _need("num_class" in header, "a LightGBM model text", model_text[:40], "pass Booster.model_to_string()")
    one = header["num_class"] == header["num_tree_per_iteration"] == "1"
    _need(one, "one tree per iteration", f"num_class={header['num_class']}", "train a binary model")
    _need("average_output" not in head.split("\n"), "boosted trees", "boosting=rf", "train with boosting=gbdt")
    trees = [_lightgbm_tree(_key_values(block), index) for index, block in enumerate(blocks)]
    return _flatten(ForestKind.LIGHTGBM, int(header["max_feature_idx"]) + 1, 0.0, trees)


def from_xgboost(model_json: bytes) -> FlatForest:
    """Convert an XGBoost ``binary:logistic`` tree model.

    Parameters
    ----------
    model_json : bytes
        ``Booster.save_raw("json")``, sliced to the best iteration by the caller where training stopped early.

    Returns
    -------
    FlatForest
        Predicts ``Booster.predict(DMatrix(rows), output_margin=True)`` to the bit.

    Raises
    ------
    ConfigError
        If the booster is not ``gbtree``, the objective another, or a split categorical.
    """
    learner = json.loads(model_json)["learner"]
    objective, booster = learner["objective"]["name"], learner["gradient_booster"]["name"]
    _need(objective == "binary:logistic", "objective binary:logistic", objective, "train with that objective")
    _need(booster == "gbtree", "booster gbtree", booster, "train with booster=gbtree")
    model, parameters = learner["gradient_booster"]["model"], learner["learner_model_param"]
    trees = [_xgboost_tree(tree, index) for index, tree in enumerate(model["trees"])]
    base = _base_margin(_base_score(parameters["base_score"]))
    return _flatten(ForestKind.XGBOOST, int(parameters["num_feature"]), float(base), trees)


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
    _need(estimator.n_outputs_ == 1 and classes == 2, "one output of two classes", classes, "train a binary model")
    trees = [_sklearn_tree(member.tree_) for member in estimator.estimators_]
    return _flatten(ForestKind.SKLEARN, int(estimator.n_features_in_), 0.0, trees)


def _need(holds: bool, expected: str, found: object, remedy: str) -> None:
    if not holds:
        raise ConfigError(f"model conversion: expected {expected}, found {found}; {remedy}")


def _key_values(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.split("\n") if "=" in line)


def _floor_to_float32(thresholds: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        narrow = thresholds.astype(np.float32)
    return np.where(narrow > thresholds, np.nextafter(narrow, np.float32(-np.inf)), narrow)


def _lightgbm_tree(block: Mapping[str, str], index: int) -> _Tree:
    """Splits keep their numbers, leaf number ~k of LightGBM becomes node `splits + k`."""
    _need(block["num_cat"] == "0", "numeric splits only", f"a categorical one in tree {index}", "train without them")
    _need(block.get("is_linear", "0") == "0", "constant leaves", "linear ones", "train with linear_tree=false")
    leaves = int(block["num_leaves"])
    splits = leaves - 1
    decision = _numbers(block, "decision_type", np.int64, splits)
    children = {
        side: np.concatenate([np.where(raw < 0, splits + ~raw, raw), np.full(leaves, -1)])
        for side, raw in ((s, _numbers(block, f"{s}_child", np.int64, splits)) for s in ("left", "right"))
    }
    threshold, missing_right = _lightgbm_split(_numbers(block, "threshold", np.float64, splits), decision)
    missing = (decision >> 2) & 3
    return _Tree(
        left=children["left"],
        right=children["right"],
        feature=np.concatenate([_numbers(block, "split_feature", np.int64, splits), np.zeros(leaves, np.int64)]),
        threshold=np.concatenate([threshold, np.zeros(leaves, np.float32)]),
        missing_right=np.concatenate([missing_right, np.zeros(leaves, np.bool_)]),
        zero_is_missing=np.concatenate([missing == _MISSING_ZERO, np.zeros(leaves, np.bool_)]),
        value=np.concatenate([np.zeros(splits), _numbers(block, "leaf_value", np.float64, leaves)]),
    )


def _lightgbm_split(exact: np.ndarray, decision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the float32 thresholds and whether a missing value goes right.

    LightGBM reads every value of magnitude up to 1e-35 as 0.0, so a threshold inside that band is moved to the edge
    that puts the whole band on the side of 0.0. With missing type None a NaN is read as 0.0, which gives it a fixed
    side too.
    """
    zero_left = exact >= 0.0
    threshold = _floor_to_float32(exact)
    in_band = np.abs(threshold) <= _ZERO
    threshold = np.where(in_band & zero_left, _ZERO, threshold)
    threshold = np.where(in_band & ~zero_left, np.nextafter(-_ZERO, np.float32(-np.inf)), threshold)
    default_left = (decision & _LIGHTGBM_DEFAULT_LEFT) != 0
    missing_left = np.where(((decision >> 2) & 3) == _MISSING_NONE, zero_left, default_left)
    return threshold.astype(np.float32), ~missing_left


def _numbers(block: Mapping[str, str], key: str, dtype: type, count: int) -> np.ndarray:
    found: np.ndarray = np.array(block.get(key, "").split(), dtype=dtype)
    _need(len(found) == count, f"{count} values of {key}", len(found), "export the model again")
    return found


def _xgboost_tree(tree: Mapping[str, Any], index: int) -> _Tree:
    categorical = any(tree.get("split_type", ())) or any(tree.get("categories", ()))
    _need(not categorical, "numeric splits only", f"a categorical one in tree {index}", "train without them")
    left = np.array(tree["left_children"], dtype=np.int64)
    condition = np.array(tree["split_conditions"], dtype=np.float32)
    _need(bool(np.isfinite(condition).all()), "finite thresholds", f"others in tree {index}", "check the training rows")
    return _Tree(
        left=left,
        right=np.array(tree["right_children"], dtype=np.int64),
        feature=np.array(tree["split_indices"], dtype=np.int64),
        threshold=np.nextafter(condition, np.float32(-np.inf)),
        missing_right=np.array(tree["default_left"], dtype=np.int64) == 0,
        zero_is_missing=np.zeros(len(left), np.bool_),
        value=condition.astype(np.float64),
    )


def _base_score(text: str) -> np.float32:
    """Read the learner's base score, a probability, from ``0.5`` or ``[5E-1]``."""
    scores = str(text).strip("[] ").split(",")
    _need(len(scores) == 1, "one base score", text, "train a binary model")
    score = np.float32(scores[0])
    _need(0.0 < float(score) < 1.0, "a base score between 0 and 1", text, "train with such a base_score")
    return score


@kernel
def _base_margin(score: np.float32) -> float:
    """XGBoost's own logit: all in float32 and with the C library's logf, which NumPy's logarithm does not equal.

    Not ours (`market.elementary`), for the margin must equal the one XGBoost itself finds on the host that trained. It
    is asked once, at conversion; scoring reads the stored bits.
    """
    return -math.log(np.float32(1.0) / score - np.float32(1.0))


def _sklearn_tree(tree: Any) -> _Tree:
    left = np.asarray(tree.children_left, dtype=np.int64)
    return _Tree(
        left=left,
        right=np.asarray(tree.children_right, dtype=np.int64),
        feature=np.asarray(tree.feature, dtype=np.int64),
        threshold=_floor_to_float32(np.asarray(tree.threshold, dtype=np.float64)),
        missing_right=np.asarray(tree.missing_go_to_left) == 0,
        zero_is_missing=np.zeros(len(left), np.bool_),
        value=np.asarray(tree.value, dtype=np.float64)[:, 0, 1],
    )


def _flatten(kind: ForestKind, features: int, base: float, trees: Sequence[_Tree]) -> FlatForest:
    _need(len(trees) > 0, "at least one tree", 0, "train for at least one round")
    _need(1 <= features <= MAX_FEATURES, f"1 to {MAX_FEATURES} features", features, "use fewer columns")
    laid = [_lay_out(tree) for tree in trees]
    sizes = [len(nodes) for nodes, _ in laid]
    _need(max(sizes) <= MAX_TREE_NODES, f"at most {MAX_TREE_NODES} nodes in a tree", max(sizes), "limit the depth")
    nodes = np.concatenate([nodes for nodes, _ in laid])
    zero_is_missing = int(bool((nodes["feature"] & ZERO_IS_MISSING).any()))
    return FlatForest(
        np.array([kind, features, zero_is_missing], dtype="<i8"),
        np.array([base], dtype="<f8"),
        np.concatenate([[0], np.cumsum(sizes)]).astype("<i8"),
        nodes,
        np.concatenate([values for _, values in laid]),
    )


def _lay_out(tree: _Tree) -> tuple[np.ndarray, np.ndarray]:
    """Order a tree's nodes breadth first, so that the two children of a split stand side by side."""
    source, left = _breadth_first(tree)
    is_leaf = tree.left[source] < 0
    nodes = np.zeros(len(source), dtype=NODE)
    nodes["left"] = np.where(is_leaf, np.arange(len(source)), left) & (MAX_TREE_NODES - 1)
    nodes["threshold"] = np.where(is_leaf, np.float32(np.inf), tree.threshold[source])
    _need(not np.isnan(nodes["threshold"]).any(), "thresholds that are numbers", "NaN", "check the training rows")
    marks = tree.missing_right[source] * MISSING_RIGHT + tree.zero_is_missing[source] * ZERO_IS_MISSING
    nodes["feature"] = np.where(is_leaf, 0, tree.feature[source] + marks)
    return nodes, np.where(is_leaf, tree.value[source], 0.0)


def _breadth_first(tree: _Tree) -> tuple[np.ndarray, np.ndarray]:
    """Return, per new place, the node that goes there and the place of its left child (0 for a leaf)."""
    order, lefts = [], []
    level, placed = np.zeros(1, dtype=np.int64), 1
    while len(level):
        splits = tree.left[level] >= 0
        before: np.ndarray = np.cumsum(splits) - splits
        order.append(level)
        lefts.append(np.where(splits, placed + 2 * before, 0))
        placed += 2 * int(splits.sum())
        level = np.stack([tree.left[level[splits]], tree.right[level[splits]]], axis=1).ravel()
    return np.concatenate(order), np.concatenate(lefts)
