"""Compiled inference over flat forests for one row, equal to the learner's own prediction to the bit.

Twelve trees are walked in lock step, so that their waits for memory overlap. Leaf values are then added in tree order,
in the arithmetic of the learner. A row without missing values, the only kind that is traded on, takes a walk that
does not ask for them, unless categories decide somewhere.
"""

import math

import numpy as np

from forest.flat import CATEGORICAL, CATEGORY_LIMIT, MISSING_RIGHT, SET_SHIFT, ZERO_IS_MISSING, FlatForest, ForestKind
from market.kernel import kernel

_XGBOOST = int(ForestKind.XGBOOST)
_SKLEARN = int(ForestKind.SKLEARN)
LIGHTGBM_ZERO = np.float32(1e-35)  # what is at most so far from 0.0
_LANES = 12


@kernel
def next_node(nodes: np.ndarray, at: np.uint64, row: np.ndarray) -> np.uint64:
    """Return the next node of a walk over a row without missing values; a leaf returns itself.

    Places are unsigned, for numba looks at every signed one whether it counts from the end.
    """
    node = nodes[at]
    return at + np.uint64(node.step) + np.uint64(row[node.feature] > node.threshold)


@kernel
def next_node_of_any(forest: FlatForest, at: np.uint64, row: np.ndarray) -> np.uint64:
    """Return the next node of a walk over any row; a leaf returns itself."""
    node, rule = forest.nodes[at], forest.rules[at]
    x = row[node.feature]
    right = x > node.threshold
    if x != x or (rule & ZERO_IS_MISSING and abs(x) <= LIGHTGBM_ZERO):
        right = (rule & MISSING_RIGHT) != 0
    elif rule & CATEGORICAL:
        right = not _is_chosen(forest, np.uint64(rule >> SET_SHIFT), x)
    return at + np.uint64(node.step) + np.uint64(right)


@kernel
def _is_chosen(forest: FlatForest, start: np.uint64, x: np.float32) -> bool:
    """Tell whether the category of a value is in the set that stands at a place of the rules."""
    # Both learners cut fractions off. For LightGBM -0.5 so is category 0, for XGBoost it is none.
    below = x < 0.0 if forest.header[0] == _XGBOOST else x <= -1.0
    if below or x >= CATEGORY_LIMIT:
        return False
    category = np.uint64(np.int64(x))
    word = category >> np.uint64(5)
    if word >= forest.rules[start]:
        return False
    bits = np.uint64(forest.rules[start + np.uint64(1) + word])
    return bool((bits >> (category & np.uint64(31))) & np.uint64(1))


@kernel
def leaf_of(forest: FlatForest, tree: int, row: np.ndarray) -> np.uint64:
    """Walk one tree with any row, and return the place of its leaf."""
    at = np.uint64(forest.roots[tree])
    while True:
        following = next_node_of_any(forest, at, row)
        if following == at:
            return at
        at = following


@kernel
def needs_rules(forest: FlatForest, row: np.ndarray) -> bool:
    """Tell whether a row has missing values, or the forest categories, so that walks must ask for them."""
    if forest.header[2] & CATEGORICAL:
        return True
    missing = 0
    for i in range(row.shape[0]):
        missing += row[i] != row[i]
    if forest.header[2]:
        for i in range(row.shape[0]):
            missing += abs(row[i]) <= LIGHTGBM_ZERO
    return missing > 0


@kernel
def add(kind: int, total: float, value: float) -> float:
    """Add a leaf's value to a running sum as the learner does."""
    if kind == _XGBOOST:
        return np.float64(np.float32(total) + np.float32(value))
    return total + value


@kernel
def predict_row(forest: FlatForest, row: np.ndarray) -> float:
    """Score one row.

    Parameters
    ----------
    forest : FlatForest
    row : np.ndarray
        Features, float32 `[F]`; NaN is missing.

    Returns
    -------
    float
        LightGBM's raw score, XGBoost's margin or a random forest's probability of class 1. NaN where the forest has
        no trees or the row is not `F` long.
    """
    roots, nodes, values = forest.roots, forest.nodes, forest.values
    trees = roots.shape[0] - 1
    if trees == 0 or row.shape[0] != forest.header[1]:
        return math.nan
    kind = forest.header[0]
    total = forest.base[0]
    full = 0 if needs_rules(forest, row) else trees - trees % _LANES
    for t in range(0, full, _LANES):
        a0, a1, a2, a3 = _root(roots, t), _root(roots, t + 1), _root(roots, t + 2), _root(roots, t + 3)
        a4, a5, a6, a7 = _root(roots, t + 4), _root(roots, t + 5), _root(roots, t + 6), _root(roots, t + 7)
        a8, a9, b0, b1 = _root(roots, t + 8), _root(roots, t + 9), _root(roots, t + 10), _root(roots, t + 11)
        before, now = np.uint64(1), np.uint64(0)
        while now != before:  # places only rise: where their sum stands still, all do
            before = now
            a0, a1, a2 = next_node(nodes, a0, row), next_node(nodes, a1, row), next_node(nodes, a2, row)
            a3, a4, a5 = next_node(nodes, a3, row), next_node(nodes, a4, row), next_node(nodes, a5, row)
            a6, a7, a8 = next_node(nodes, a6, row), next_node(nodes, a7, row), next_node(nodes, a8, row)
            a9, b0, b1 = next_node(nodes, a9, row), next_node(nodes, b0, row), next_node(nodes, b1, row)
            now = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + b0 + b1
        total = add(kind, add(kind, add(kind, total, values[a0]), values[a1]), values[a2])
        total = add(kind, add(kind, add(kind, total, values[a3]), values[a4]), values[a5])
        total = add(kind, add(kind, add(kind, total, values[a6]), values[a7]), values[a8])
        total = add(kind, add(kind, add(kind, total, values[a9]), values[b0]), values[b1])
    for t in range(full, trees):
        total = add(kind, total, values[leaf_of(forest, t, row)])
    return float(total / trees if kind == _SKLEARN else total)


@kernel
def _root(roots: np.ndarray, tree: int) -> np.uint64:
    return np.uint64(roots[tree])
