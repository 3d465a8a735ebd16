"""Many rows at once, each with the bits of `forest.predict.predict_row`.

Rows are turned, so that a column of many rows lies together, and a test of a small tree is one comparison of the
processor for several of them. Large trees, and those with categories, are walked by eight rows in lock step. Leaf
values are added tree by tree in order, so both kinds may stand in one forest.
"""

import math

import numpy as np
from numba.cpython.unsafe.numbers import trailing_zeros

from forest.flat import ZERO_IS_MISSING, FlatForest, ForestKind
from forest.predict import LIGHTGBM_ZERO, add, leaf_of, needs_rules, next_node
from forest.sieve import GROUPS, TOGETHER, Sieve, lay_sieve
from market.kernel import inlined_kernel, kernel

_SKLEARN = int(ForestKind.SKLEARN)
_ROWS = 64  # that the trees pass over while they stay in the nearest cache
_PARTS = 4  # times so many where trees are large and should be read seldom
_LANES = 8
_ALL = np.uint32(0xFFFFFFFF)


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
    trees = len(forest.roots) - 1
    if trees == 0 or rows.shape[1] != forest.header[1]:
        out[:] = math.nan
        return
    sieve = lay_sieve(forest)
    walked = bool((np.diff(sieve.leaves) == 0).any())
    columns = rows.shape[1] * (1 + bool(forest.header[2] & ZERO_IS_MISSING))
    turned = np.zeros((_PARTS if walked else 1, columns, _ROWS), dtype=np.float32)
    _score(forest, sieve, rows, turned, np.zeros((2, _ROWS), dtype=np.uint32), out[: len(rows)])


@kernel
def _score(
    forest: FlatForest, sieve: Sieve, rows: np.ndarray, turned: np.ndarray, left: np.ndarray, out: np.ndarray
) -> None:
    """Score rows; `turned`, f4[parts, columns, 64], and `left`, u4[2, 64], are room to work in."""
    trees, block = forest.roots.shape[0] - 1, turned.shape[0] * _ROWS
    for start in range(0, out.shape[0], block):
        stop = min(start + block, out.shape[0])
        given, sums = rows[start:stop], out[start:stop]
        sums[:] = forest.base[0]
        _turn(forest, given, turned)
        rules = turned.shape[0] > 1 and _some_need_rules(forest, given)
        for tree in range(trees):
            if sieve.leaves[tree] == sieve.leaves[tree + 1]:
                _walk(forest, tree, rules, given, sums)
                continue
            for part in range(0, stop - start, _ROWS):
                _strike_leaves(sieve, tree, turned[part // _ROWS], left)
                _add_first_leaf(forest, sieve, tree, left, sums[part : part + _ROWS])
    if forest.header[0] == _SKLEARN:
        for i in range(out.shape[0]):
            out[i] /= trees


@kernel
def _turn(forest: FlatForest, rows: np.ndarray, turned: np.ndarray) -> None:
    """Lay columns of 64 rows together; behind them once more, with NaN for zero, where that is asked for."""
    features, zeros = rows.shape[1], (forest.header[2] & ZERO_IS_MISSING) != 0
    for i in range(rows.shape[0]):
        part, place = i // _ROWS, i % _ROWS
        for j in range(features):
            turned[part, j, place] = rows[i, j]
        if zeros:
            for j in range(features):
                x = rows[i, j]
                turned[part, features + j, place] = math.nan if abs(x) <= LIGHTGBM_ZERO else x


@kernel
def _some_need_rules(forest: FlatForest, rows: np.ndarray) -> bool:
    rules = False
    for i in range(rows.shape[0]):
        rules |= needs_rules(forest, rows[i])
    return rules


@inlined_kernel
def _strike_leaves(sieve: Sieve, tree: int, columns: np.ndarray, left: np.ndarray) -> None:
    """Leave in `left` the bits of the leaves that no test of the tree struck out, for 64 rows."""
    for word in range(2):
        leaves, group = left[word], tree * GROUPS + 2 * word
        leaves[:] = _ALL
        for at in range(sieve.groups[group], sieve.groups[group + 1], TOGETHER):
            _strike_above(sieve.tests, at, columns, leaves)
        for at in range(sieve.groups[group + 1], sieve.groups[group + 2], TOGETHER):
            _strike_above_or_missing(sieve.tests, at, columns, leaves)


@inlined_kernel
def _strike_above(tests: np.ndarray, at: int, columns: np.ndarray, leaves: np.ndarray) -> None:
    a, b, c, d = tests[at], tests[at + 1], tests[at + 2], tests[at + 3]
    xa, xb = columns[np.uint64(a.column)], columns[np.uint64(b.column)]
    xc, xd = columns[np.uint64(c.column)], columns[np.uint64(d.column)]
    ta, tb, tc, td, none = a.threshold, b.threshold, c.threshold, d.threshold, np.uint32(0)
    sa, sb, sc, sd = a.struck, b.struck, c.struck, d.struck
    for i in range(_ROWS):
        ab = (sa if xa[i] > ta else none) | (sb if xb[i] > tb else none)
        cd = (sc if xc[i] > tc else none) | (sd if xd[i] > td else none)
        leaves[i] &= ~(ab | cd)


@inlined_kernel
def _strike_above_or_missing(tests: np.ndarray, at: int, columns: np.ndarray, leaves: np.ndarray) -> None:
    a, b, c, d = tests[at], tests[at + 1], tests[at + 2], tests[at + 3]
    xa, xb = columns[np.uint64(a.column)], columns[np.uint64(b.column)]
    xc, xd = columns[np.uint64(c.column)], columns[np.uint64(d.column)]
    ta, tb, tc, td, none = a.threshold, b.threshold, c.threshold, d.threshold, np.uint32(0)
    sa, sb, sc, sd = a.struck, b.struck, c.struck, d.struck
    for i in range(_ROWS):
        ab = (none if xa[i] <= ta else sa) | (none if xb[i] <= tb else sb)
        cd = (none if xc[i] <= tc else sc) | (none if xd[i] <= td else sd)
        leaves[i] &= ~(ab | cd)


@inlined_kernel
def _add_first_leaf(forest: FlatForest, sieve: Sieve, tree: int, left: np.ndarray, sums: np.ndarray) -> None:
    """Add the value of the first leaf that is left to the sum of each row."""
    kind, first = forest.header[0], np.uint64(sieve.leaves[tree])
    for i in range(sums.shape[0]):
        bits = np.uint64(left[0, i]) | np.uint64(left[1, i]) << np.uint64(32)
        sums[i] = add(kind, sums[i], sieve.values[first + np.uint64(trailing_zeros(bits))])


@kernel
def _walk(forest: FlatForest, tree: int, rules: bool, rows: np.ndarray, out: np.ndarray) -> None:
    """Add one tree's leaf value to the running sum of every row; `rules` says that some row needs the full walk."""
    nodes, values, kind, root = forest.nodes, forest.values, forest.header[0], np.uint64(forest.roots[tree])
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
