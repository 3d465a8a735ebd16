"""Compiled inference over flat forests, equal to the learner's own prediction to the bit.

Eight trees are walked in lock step, so that their waits for memory overlap. Leaf values are then added in tree order,
in the arithmetic of the learner. A row without missing values, the only kind that is traded on, takes a walk that
does not ask for them, unless categories decide somewhere.
"""

import math

import numpy as np

from forest.flat import CATEGORICAL, CATEGORY_LIMIT, MISSING_RIGHT, SET_SHIFT, ZERO_IS_MISSING, FlatForest, ForestKind
from market.kernel import kernel

_XGBOOST = int(ForestKind.XGBOOST)
_SKLEARN = int(ForestKind.SKLEARN)
_ZERO = np.float32(1e-35)  # LightGBM's zero
_LANES = 8
_BLOCK = 256  # rows that stay in the cache while the trees pass over them


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
    if x != x or (rule & ZERO_IS_MISSING and abs(x) <= _ZERO):
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
            missing += abs(row[i]) <= _ZERO
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
        before, now = np.uint64(1), np.uint64(0)
        while now != before:  # places only rise: where their sum stands still, all do
            before = now
            a0, a1, a2 = next_node(nodes, a0, row), next_node(nodes, a1, row), next_node(nodes, a2, row)
            a3, a4, a5 = next_node(nodes, a3, row), next_node(nodes, a4, row), next_node(nodes, a5, row)
            a6, a7 = next_node(nodes, a6, row), next_node(nodes, a7, row)
            now = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7
        total = add(kind, add(kind, total, values[a0]), values[a1])
        total = add(kind, add(kind, total, values[a2]), values[a3])
        total = add(kind, add(kind, total, values[a4]), values[a5])
        total = add(kind, add(kind, total, values[a6]), values[a7])
    for t in range(full, trees):
        total = add(kind, total, values[leaf_of(forest, t, row)])
    return float(total / trees if kind == _SKLEARN else total)


@kernel
def _root(roots: np.ndarray, tree: int) -> np.uint64:
    return np.uint64(roots[tree])


@kernel
def _add_tree(forest: FlatForest, tree: int, rules: bool, rows: np.ndarray, out: np.ndarray) -> None:
    """Add one tree's leaf value to the running sum of every row; `rules` says that some row needs the full walk."""
    nodes, values, kind, root = forest.nodes, forest.values, forest.header[0], _root(forest.roots, tree)
    full = 0 if rules else rows.shape[0] - rows.shape[0] % _LANES
    for i in range(0, full, _LANES):
        r0, r1, r2, r3, r4, r5, r6, r7 = (
            rows[i], rows[i + 1], rows[i + 2], rows[i + 3], rows[i + 4], rows[i + 5], rows[i + 6], rows[i + 7],
        )  # fmt: skip
        a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = root
        before, now = np.uint64(1), np.uint64(0)
        while now != before:
            before = now
            a0, a1, a2 = next_node(nodes, a0, r0), next_node(nodes, a1, r1), next_node(nodes, a2, r2)
            a3, a4, a5 = next_node(nodes, a3, r3), next_node(nodes, a4, r4), next_node(nodes, a5, r5)
            a6, a7 = next_node(nodes, a6, r6), next_node(nodes, a7, r7)
            now = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7
        out[i], out[i + 1] = add(kind, out[i], values[a0]), add(kind, out[i + 1], values[a1])
        out[i + 2], out[i + 3] = add(kind, out[i + 2], values[a2]), add(kind, out[i + 3], values[a3])
        out[i + 4], out[i + 5] = add(kind, out[i + 4], values[a4]), add(kind, out[i + 5], values[a5])
        out[i + 6], out[i + 7] = add(kind, out[i + 6], values[a6]), add(kind, out[i + 7], values[a7])
    for i in range(full, rows.shape[0]):
        out[i] = add(kind, out[i], values[leaf_of(forest, tree, rows[i])])


@kernel
def predict_batch(forest: FlatForest, rows: np.ndarray, out: np.ndarray) -> None:
    """Score many rows; each result equals `predict_row` to the bit.

    Parameters
    ----------
    forest : FlatForest
    rows : np.ndarray
        Features, float32 `[n, F]`; NaN is missing.
    out : np.ndarray
        Receives the scores, float64 `[n]`; NaN as in `predict_row`.
    """
    trees = forest.roots.shape[0] - 1
    if trees == 0 or rows.shape[1] != forest.header[1]:
        out[:] = math.nan
        return
    count = min(rows.shape[0], out.shape[0])
    out[:count] = forest.base[0]
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        rules = False
        for i in range(start, stop):
            rules |= needs_rules(forest, rows[i])
        for tree in range(trees):
            _add_tree(forest, tree, rules, rows[start:stop], out[start:stop])
    if forest.header[0] == _SKLEARN:
        for i in range(count):
            out[i] /= trees
