"""Compiled inference over flat forests, equal to the learner's own prediction to the bit.

Eight trees (one row) or eight rows (one tree) are walked in lock step, so that their cache misses overlap. Leaf
values are then added in tree order, in the arithmetic of the learner. A row without missing values, the only kind
that is traded on, takes a walk that does not ask for them.
"""

import math

import numpy as np

from forest.flat import FEATURE_MASK, MISSING_RIGHT, ZERO_IS_MISSING, FlatForest, ForestKind
from market.kernel import kernel

_XGBOOST = int(ForestKind.XGBOOST)
_SKLEARN = int(ForestKind.SKLEARN)
_ZERO = np.float32(1e-35)  # LightGBM's zero
_LANES = 8
_BLOCK = 256  # rows that stay in the cache while the trees pass over them


@kernel
def _child(nodes: np.ndarray, root: np.int64, at: np.int64, row: np.ndarray) -> np.int64:
    """Return the next node of a walk over a row without missing values; a leaf returns itself."""
    node = nodes[root + at]
    right = row[np.int64(node.feature) & FEATURE_MASK] > node.threshold
    return np.int64(node.left) + np.int64(right)


@kernel
def _child_or_missing(nodes: np.ndarray, root: np.int64, at: np.int64, row: np.ndarray) -> np.int64:
    """Return the next node of a walk over any row; a leaf returns itself."""
    node = nodes[root + at]
    feature = np.int64(node.feature)
    x = row[feature & FEATURE_MASK]
    right = x > node.threshold
    if x != x or (feature & ZERO_IS_MISSING and abs(x) <= _ZERO):
        right = (feature & MISSING_RIGHT) != 0
    return np.int64(node.left) + np.int64(right)


@kernel
def _leaf(nodes: np.ndarray, root: np.int64, row: np.ndarray) -> np.int64:
    """Walk one tree and return the place of its leaf in the whole forest."""
    at = np.int64(0)
    while True:
        following = _child_or_missing(nodes, root, at, row)
        if following == at:
            return root + at
        at = following


@kernel
def _has_missing(forest: FlatForest, row: np.ndarray) -> bool:
    missing = 0
    for i in range(row.shape[0]):
        missing += row[i] != row[i]
    if forest.header[2]:
        for i in range(row.shape[0]):
            missing += abs(row[i]) <= _ZERO
    return missing > 0


@kernel
def _add(kind: int, total: float, value: float) -> float:
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
    full = 0 if _has_missing(forest, row) else trees - trees % _LANES
    for t in range(0, full, _LANES):
        r0, r1, r2, r3 = roots[t], roots[t + 1], roots[t + 2], roots[t + 3]
        r4, r5, r6, r7 = roots[t + 4], roots[t + 5], roots[t + 6], roots[t + 7]
        a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = np.int64(0)
        moved = np.int64(1)
        while moved:
            b0, b1 = _child(nodes, r0, a0, row), _child(nodes, r1, a1, row)
            b2, b3 = _child(nodes, r2, a2, row), _child(nodes, r3, a3, row)
            b4, b5 = _child(nodes, r4, a4, row), _child(nodes, r5, a5, row)
            b6, b7 = _child(nodes, r6, a6, row), _child(nodes, r7, a7, row)
            moved = (a0 ^ b0) | (a1 ^ b1) | (a2 ^ b2) | (a3 ^ b3) | (a4 ^ b4) | (a5 ^ b5) | (a6 ^ b6) | (a7 ^ b7)
            a0, a1, a2, a3, a4, a5, a6, a7 = b0, b1, b2, b3, b4, b5, b6, b7
        total = _add(kind, _add(kind, total, values[r0 + a0]), values[r1 + a1])
        total = _add(kind, _add(kind, total, values[r2 + a2]), values[r3 + a3])
        total = _add(kind, _add(kind, total, values[r4 + a4]), values[r5 + a5])
        total = _add(kind, _add(kind, total, values[r6 + a6]), values[r7 + a7])
    for t in range(full, trees):
        total = _add(kind, total, values[_leaf(nodes, roots[t], row)])
    return float(total / trees if kind == _SKLEARN else total)


@kernel
def _add_tree(forest: FlatForest, tree: int, missing: bool, rows: np.ndarray, out: np.ndarray) -> None:
    """Add one tree's leaf value to the running sum of every row; `missing` says that some row needs the full walk."""
    nodes, values, root, kind = forest.nodes, forest.values, forest.roots[tree], forest.header[0]
    full = 0 if missing else rows.shape[0] - rows.shape[0] % _LANES
    for i in range(0, full, _LANES):
        a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = np.int64(0)
        moved = np.int64(1)
        while moved:
            b0, b1 = _child(nodes, root, a0, rows[i]), _child(nodes, root, a1, rows[i + 1])
            b2, b3 = _child(nodes, root, a2, rows[i + 2]), _child(nodes, root, a3, rows[i + 3])
            b4, b5 = _child(nodes, root, a4, rows[i + 4]), _child(nodes, root, a5, rows[i + 5])
            b6, b7 = _child(nodes, root, a6, rows[i + 6]), _child(nodes, root, a7, rows[i + 7])
            moved = (a0 ^ b0) | (a1 ^ b1) | (a2 ^ b2) | (a3 ^ b3) | (a4 ^ b4) | (a5 ^ b5) | (a6 ^ b6) | (a7 ^ b7)
            a0, a1, a2, a3, a4, a5, a6, a7 = b0, b1, b2, b3, b4, b5, b6, b7
        out[i], out[i + 1] = _add(kind, out[i], values[root + a0]), _add(kind, out[i + 1], values[root + a1])
        out[i + 2], out[i + 3] = _add(kind, out[i + 2], values[root + a2]), _add(kind, out[i + 3], values[root + a3])
        out[i + 4], out[i + 5] = _add(kind, out[i + 4], values[root + a4]), _add(kind, out[i + 5], values[root + a5])
        out[i + 6], out[i + 7] = _add(kind, out[i + 6], values[root + a6]), _add(kind, out[i + 7], values[root + a7])
    for i in range(full, rows.shape[0]):
        out[i] = _add(kind, out[i], values[_leaf(nodes, root, rows[i])])


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
        missing = False
        for i in range(start, stop):
            missing |= _has_missing(forest, rows[i])
        for tree in range(trees):
            _add_tree(forest, tree, missing, rows[start:stop], out[start:stop])
    if forest.header[0] == _SKLEARN:
        for i in range(count):
            out[i] /= trees
