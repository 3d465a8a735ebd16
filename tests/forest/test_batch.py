"""Batches of every length over trees of every size that the sieve's words make a difference to."""

import numpy as np
import pytest

from forest.batch import predict_batch
from forest.flat import MISSING_RIGHT, ForestKind, from_arrays, to_arrays
from forest.lay_out import Tree, flatten
from forest.predict import predict_row
from forest.sieve import MOST_LEAVES, TEST, lay_sieve


def ladder(leaves, mark=0):
    """Splits of the first column at 0, 1, 2 ...: leaf k, worth k, takes what is in (k - 1, k]; NaN takes an end."""
    splits = leaves - 1
    left = np.concatenate([splits + np.arange(splits), np.full(leaves, -1)])
    right = np.concatenate([np.arange(1, splits + 1), np.full(leaves, -1)])
    right[splits - 1 : splits] = splits + leaves - 1  # the last split has the last leaf on its right
    threshold = np.concatenate([np.arange(splits), np.zeros(leaves)]).astype(np.float32)
    marks = np.concatenate([np.full(splits, mark), np.zeros(leaves)]).astype(np.uint32)
    value = np.concatenate([np.zeros(splits), np.arange(leaves)]).astype(np.float64)
    return Tree(left, right, np.zeros(len(left), np.int64), threshold, marks, value)


def forest_of(*trees):
    return from_arrays(to_arrays(flatten(ForestKind.LIGHTGBM, 2, 0.0, trees)))


def scores(forest, column):
    rows = np.column_stack([column, np.zeros(len(column))]).astype(np.float32)
    out = np.full(len(rows), -1.0)
    predict_batch(forest, rows, out)
    return out


@pytest.mark.parametrize("leaves", [1, 2, 31, 32, 33, 63, 64, 65, 200])
@pytest.mark.parametrize("mark", [0, MISSING_RIGHT])
def test_each_leaf_takes_what_is_between_its_thresholds(leaves, mark):
    column = np.concatenate([np.arange(leaves), np.arange(leaves) - 0.5, [1e9, np.nan]])
    expected = [*range(leaves), *range(leaves), leaves - 1, (leaves - 1) * (mark == MISSING_RIGHT)]
    assert scores(forest_of(ladder(leaves, mark)), column).tolist() == expected


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 127, 255, 256, 257, 600])
@pytest.mark.parametrize("largest", [20, 64, 65])
def test_batch_of_any_length_is_scored_to_its_last_row(count, largest):
    """Large trees are walked among those that are not, and the sum keeps the order of the trees."""
    column = np.arange(count) % 70
    expected = np.minimum(column, 19) + np.minimum(column, largest - 1) + np.minimum(column, 39)
    assert scores(forest_of(ladder(20), ladder(largest), ladder(40)), column).tolist() == expected.tolist()


def test_leaves_are_added_in_the_order_of_the_trees():
    """(0.1 + 0.2) + 0.3 is 0.6000000000000001, 0.1 + (0.2 + 0.3) is 0.6."""
    values = [0.1, 0.2, 0.3]
    trees = [ladder(1), ladder(MOST_LEAVES + 1), ladder(3)]
    for tree, value in zip(trees, values, strict=True):
        tree.value[:] = value
    forest = forest_of(*trees)
    assert scores(forest, np.zeros(300)).tolist() == [0.6000000000000001] * 300
    assert predict_row(forest, np.zeros(2, np.float32)) == 0.6000000000000001


def test_sieve_of_a_tree_worked_on_paper():
    """x0 <= 0 ? leaf 0 : (x0 <= 1 ? leaf 1 : leaf 2): the first test strikes leaf 0, the second leaf 1."""
    sieve = lay_sieve(forest_of(ladder(3)))
    assert sieve.tests[:2].tolist() == [(0.0, 0b001, 0), (1.0, 0b010, 0)]
    assert sieve.tests[2:].tolist() == np.array([(np.inf, 0, 0)] * 2, dtype=TEST).tolist()
    assert (sieve.groups.tolist(), sieve.leaves.tolist()) == ([0, 4, 4, 4, 4], [0, 3])
    assert sieve.values.tolist() == [0.0, 1.0, 2.0]


def test_large_tree_has_no_tests():
    sieve = lay_sieve(forest_of(ladder(MOST_LEAVES + 1)))
    assert (len(sieve.tests), sieve.leaves.tolist()) == (0, [0, 0])
