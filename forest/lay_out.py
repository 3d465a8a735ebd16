"""Trees in their learners' own numbering, laid out flat.

Each node is placed breadth first, so that the two children of a split stand side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from forest.flat import (
    CATEGORICAL,
    CATEGORY_LIMIT,
    MAX_FEATURES,
    MAX_TREE_NODES,
    NODE,
    SET_SHIFT,
    ZERO_IS_MISSING,
    FlatForest,
    ForestKind,
)
from market.errors import ConfigError

_MOST_RULES = 1 << (32 - SET_SHIFT)


@dataclass(frozen=True)
class Tree:
    """One tree in its learner's numbering; node 0 is the root, a leaf has left = -1."""

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray  # f4
    marks: np.ndarray  # u4: MISSING_RIGHT, ZERO_IS_MISSING, CATEGORICAL
    value: np.ndarray  # f8, read at leaves only
    sets: dict[int, np.ndarray] = field(default_factory=dict)  # categories that go left, by node


def need(holds: bool, expected: str, found: object, remedy: str) -> None:
    """Refuse a model that is not what the conversion reads.

    Raises
    ------
    ConfigError
        If it does not hold.
    """
    if not holds:
        raise ConfigError(f"model conversion: expected {expected}, found {found}; {remedy}")


def flatten(kind: ForestKind, features: int, base: float, trees: Sequence[Tree]) -> FlatForest:
    """Lay trees out as one forest.

    Raises
    ------
    ConfigError
        If there is no tree, or one does not fit the layout.
    """
    need(len(trees) > 0, "at least one tree", 0, "train for at least one round")
    need(1 <= features <= MAX_FEATURES, f"1 to {MAX_FEATURES} features", features, "use fewer columns")
    orders = [_breadth_first(tree) for tree in trees]
    sizes = [len(order) for order, _ in orders]
    need(max(sizes) <= MAX_TREE_NODES, f"at most {MAX_TREE_NODES} nodes in a tree", max(sizes), "limit the depth")
    laid = [(tree, order) for tree, (order, _) in zip(trees, orders, strict=True)]
    rules = np.concatenate([tree.marks[order] for tree, order in laid]).astype("<u4")
    return FlatForest(
        np.array([kind, features, np.bitwise_or.reduce(rules) & (ZERO_IS_MISSING | CATEGORICAL)], dtype="<i8"),
        np.array([base], dtype="<f8"),
        np.concatenate([[0], np.cumsum(sizes)]).astype("<i8"),
        np.concatenate([_nodes(tree, *order) for tree, order in zip(trees, orders, strict=True)]),
        _with_sets(rules, [tree.sets[node] for tree, order in laid for node in order.tolist() if node in tree.sets]),
        np.concatenate([np.where(tree.left[order] < 0, tree.value[order], 0.0) for tree, order in laid]),
    )


def _nodes(tree: Tree, order: np.ndarray, left: np.ndarray) -> np.ndarray:
    is_leaf = tree.left[order] < 0
    nodes = np.zeros(len(order), dtype=NODE)
    nodes["step"] = np.where(is_leaf, 0, left - np.arange(len(order)))
    nodes["threshold"] = np.where(is_leaf, np.float32(np.inf), tree.threshold[order])
    need(not np.isnan(nodes["threshold"]).any(), "thresholds that are numbers", "NaN", "check the training rows")
    nodes["feature"] = np.where(is_leaf, 0, tree.feature[order])
    return nodes


def _with_sets(rules: np.ndarray, sets: Sequence[np.ndarray]) -> np.ndarray:
    """Append the sets to the rules, and tell each categorical node, in turn, where its own stands."""
    words = [_words(chosen) for chosen in sets]
    lengths = np.array([len(each) + 1 for each in words], dtype=np.int64)
    places = len(rules) + np.cumsum(lengths) - lengths
    total = len(rules) + int(lengths.sum())
    need(total <= _MOST_RULES, f"at most {_MOST_RULES} nodes and words of sets", total, "use fewer categories")
    rules[(rules & CATEGORICAL) != 0] |= (places << SET_SHIFT).astype("<u4")
    return np.concatenate([rules, *(np.concatenate([[len(each)], each]) for each in words)]).astype("<u4")


def _words(chosen: np.ndarray) -> np.ndarray:
    """Return the bits of a set of categories."""
    categories = np.asarray(chosen, dtype=np.int64)
    largest = int(categories.max(initial=0))
    inside = int(categories.min(initial=0)) >= 0 and largest < CATEGORY_LIMIT
    need(inside, f"categories from 0 and below {CATEGORY_LIMIT}", largest, "number them from 0")
    words = np.zeros(largest // 32 + 1, dtype=np.uint32)
    np.bitwise_or.at(words, categories // 32, np.uint32(1) << (categories % 32).astype(np.uint32))
    return words


def _breadth_first(tree: Tree) -> tuple[np.ndarray, np.ndarray]:
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
