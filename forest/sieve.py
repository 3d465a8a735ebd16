"""Small trees as lists of tests, so that many rows pass one tree at a time without a walk.

The leaves of a tree are numbered from left to right, a bit each. A row for which a split's test holds goes right,
and so strikes out every leaf on the left of that split. After all tests, in any order, the first leaf that is left is
the one that a walk ends at (Lucchese et al., QuickScorer, SIGIR 2015). A tree of up to 64 leaves has two words of 32
bits; its tests stand in four groups, by word and by what they do with a missing value.
"""

from typing import NamedTuple

import numpy as np

from forest.flat import CATEGORICAL, MISSING_RIGHT, ZERO_IS_MISSING, FlatForest
from market.kernel import kernel

TEST = np.dtype(
    [
        ("threshold", "<f4"),  # holds iff x > threshold
        ("struck", "<u4"),  # leaves of the group's word
        ("column", "<i4"),  # of the row; F more where zero is missing
    ]
)
GROUPS = 4  # of a tree: low word, missing left; low, right; high, left; high, right
TOGETHER = 4  # tests that are taken at once; groups are filled up with tests that strike nothing
MOST_LEAVES = 64


class Sieve(NamedTuple):
    """Tests of a forest of `T` trees; `L` leaves in all of the trees that have tests."""

    tests: np.ndarray  # TEST[M]
    groups: np.ndarray  # i8[4 T + 1]: first test of each group, then M
    leaves: np.ndarray  # i8[T + 1]: first leaf of each tree, then L; a tree without leaves here is to be walked
    values: np.ndarray  # f8[L]


def lay_sieve(forest: FlatForest) -> Sieve:
    """Return the tests of a forest's trees, but for those of more than 64 leaves or with categories."""
    trees, nodes = len(forest.roots) - 1, forest.nodes
    tree = np.repeat(np.arange(trees), np.diff(forest.roots))
    rules = forest.rules[: len(nodes)]
    first, count = np.zeros(len(nodes), np.int64), np.ones(len(nodes), np.int64)
    _number_leaves(nodes["step"], first, count)
    by_category = np.bincount(tree, (rules & CATEGORICAL) != 0, minlength=trees) > 0
    sizes = count[forest.roots[:-1]]
    sizes = np.where((sizes > MOST_LEAVES) | by_category, 0, sizes)
    kept, leaves = sizes[tree] > 0, np.concatenate([[0], np.cumsum(sizes)])
    ends = kept & (nodes["step"] == 0)
    values = np.zeros(leaves[-1])
    values[leaves[tree[ends]] + first[ends]] = forest.values[ends]
    splits = np.flatnonzero(kept & (nodes["step"] > 0))
    on_left = count[splits + nodes["step"][splits]]
    struck = _bits(on_left) << first[splits].astype(np.uint64)
    tests, groups = _grouped(forest, splits, struck, tree[splits] * GROUPS)
    return Sieve(tests, groups, leaves, values)


@kernel
def _number_leaves(step: np.ndarray, first: np.ndarray, count: np.ndarray) -> None:
    """Fill in how many leaves stand below each node, and the number of the first in its tree; children stand later."""
    for at in range(step.shape[0] - 1, -1, -1):
        if step[at]:
            left = at + np.int64(step[at])
            count[at] = count[left] + count[left + 1]
    for at in range(step.shape[0]):
        if step[at]:
            left = at + np.int64(step[at])
            first[left], first[left + 1] = first[at], first[at] + count[left]


def _bits(count: np.ndarray) -> np.ndarray:
    """Return numbers whose lowest `count` bits are set; 1 to 63."""
    return (np.uint64(1) << count.astype(np.uint64)) - np.uint64(1)


def _grouped(
    forest: FlatForest, splits: np.ndarray, struck: np.ndarray, group: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the tests of the splits in their groups, and where each group begins; `group` is the first of the tree."""
    rules = forest.rules[splits]
    group = group + ((rules & MISSING_RIGHT) != 0)
    column = forest.nodes["feature"][splits] + forest.header[1] * ((rules & ZERO_IS_MISSING) != 0)
    words = np.concatenate([struck & np.uint64(0xFFFFFFFF), struck >> np.uint64(32)])
    strikes = np.flatnonzero(words)
    group = np.concatenate([group, group + GROUPS // 2])[strikes]
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=GROUPS * (len(forest.roots) - 1))
    groups = np.concatenate([[0], np.cumsum(-(-sizes // TOGETHER) * TOGETHER)])
    place = groups[group[order]] + np.arange(len(order)) - (np.cumsum(sizes) - sizes)[group[order]]
    tests = np.zeros(groups[-1], dtype=TEST)
    tests["threshold"] = np.inf
    split = splits[strikes[order] % len(splits)] if len(splits) else splits
    tests["threshold"][place] = forest.nodes["threshold"][split]
    tests["column"][place] = np.tile(column, 2)[strikes[order]]
    tests["struck"][place] = words[strikes[order]]
    return tests, groups
