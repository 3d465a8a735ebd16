"""The one flat layout of every tree ensemble the project trades with.

A forest is seven arrays and nothing else, whoever trained it, so compiled code takes one type and a bundle stores
no objects. A node takes eight bytes and says how far on its left child stands; the right child is the next. A leaf
is no step away from itself and has an infinite threshold: walking on from a leaf stays there. What only few rows and
forests need, missing values and categories, stands apart, so that the walk of the others does not load it.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from market.errors import BundleRefused

NODE = np.dtype(
    [
        ("threshold", "<f4"),  # a finite value x goes left iff x <= threshold; 0 where categories decide
        ("feature", "<u2"),  # column of the row
        ("step", "<u2"),  # from this node to its left child; 0 at a leaf
    ]
)
MISSING_RIGHT = 1  # a missing value goes right, not left
ZERO_IS_MISSING = 2  # zero counts as missing here (LightGBM's zero_as_missing)
CATEGORICAL = 4  # a value goes left iff it is one of a set
SET_SHIFT = 3  # a rule without its three marks is the place of the set
MAX_FEATURES = 0xFFFF + 1
MAX_TREE_NODES = 0xFFFF + 1
CATEGORY_LIMIT = 1 << 24  # categories are below: the whole numbers that float32 counts without a gap


class ForestKind(IntEnum):
    """Which learner's arithmetic sums the leaves."""

    LIGHTGBM = 1  # float64 sum in tree order: the raw score
    XGBOOST = 2  # float32 sum in tree order from the base margin: the margin
    SKLEARN = 3  # float64 sum in tree order divided by the number of trees: probability of class 1


class FlatForest(NamedTuple):
    """Arrays of a forest; `F` features, `T` trees, `N` nodes in all, `C` words of sets."""

    header: np.ndarray  # i8[3]: ForestKind, F, which of ZERO_IS_MISSING and CATEGORICAL occur
    base: np.ndarray  # f8[1]: what the sum starts from
    roots: np.ndarray  # i8[T + 1]: first node of each tree, then N
    nodes: np.ndarray  # NODE[N]
    rules: np.ndarray  # u4[N + C]: marks of each node and the place in here of its set; then the sets, each its
    # count of words and the words, in which category c is bit c % 32 of word c // 32
    values: np.ndarray  # f8[N]: value of a leaf, 0 at a split


_DTYPES = {
    "header": np.dtype("<i8"),
    "base": np.dtype("<f8"),
    "roots": np.dtype("<i8"),
    "nodes": NODE,
    "rules": np.dtype("<u4"),
    "values": np.dtype("<f8"),
}


def empty() -> FlatForest:
    """Return the forest without trees, whose prediction is NaN."""
    return FlatForest(
        np.array([ForestKind.LIGHTGBM, 1, 0], dtype="<i8"),
        np.zeros(1, dtype="<f8"),
        np.zeros(1, dtype="<i8"),
        np.zeros(0, dtype=NODE),
        np.zeros(0, dtype="<u4"),
        np.zeros(0, dtype="<f8"),
    )


def to_arrays(forest: FlatForest) -> dict[str, np.ndarray]:
    """Return the arrays of a forest by name, as a bundle stores them."""
    return dict(forest._asdict())


def from_arrays(arrays: Mapping[str, np.ndarray]) -> FlatForest:
    """Build a forest from stored arrays, after proving that compiled code can walk it safely.

    Every index is checked here, because kernels check none: roots, children, features and sets stay inside
    their arrays, every walk ends at a leaf, and every leaf value is finite.

    Raises
    ------
    BundleRefused
        If a name, dtype, shape, index or value is not what the layout asks for.
    """
    _expect(set(arrays) == set(_DTYPES), f"arrays {sorted(_DTYPES)}", sorted(arrays), "the forest")
    for name, dtype in _DTYPES.items():
        found = (arrays[name].dtype, arrays[name].ndim)
        _expect(found == (dtype, 1), f"{dtype} in one dimension", found, name)
    forest = FlatForest(**{name: np.array(arrays[name], dtype=dtype) for name, dtype in _DTYPES.items()})
    _check_header(forest)
    _check_roots(forest)
    _check_rules(forest)
    if len(forest.nodes):
        _check_nodes(forest)
        _check_values(forest)
    return forest


def _expect(holds: bool, expected: str, found: object, where: str) -> None:
    if not holds:
        raise BundleRefused(f"forest, {where}: expected {expected}, found {found}; train and write the bundle again")


def _check_header(forest: FlatForest) -> None:
    _expect(len(forest.header) == 3, "3 numbers", len(forest.header), "header")
    kind, features = int(forest.header[0]), int(forest.header[1])
    _expect(kind in list(ForestKind), f"one of {[int(k) for k in ForestKind]}", kind, "header, kind")
    _expect(1 <= features <= MAX_FEATURES, f"1 to {MAX_FEATURES} features", features, "header, features")
    _expect(len(forest.base) == 1 and bool(np.isfinite(forest.base).all()), "1 finite number", forest.base, "base")
    _expect(_fits_kind(kind, forest.base), "a float32 number", forest.base, "base")


def _check_roots(forest: FlatForest) -> None:
    roots, total = forest.roots, len(forest.nodes)
    _expect(len(roots) >= 1 and roots[0] == 0 and roots[-1] == total, f"offsets from 0 to {total}", roots, "roots")
    # Compared, not subtracted: a difference of two hostile offsets could wrap around.
    rising = bool((roots[1:] > roots[:-1]).all() and (roots >= 0).all() and (roots <= total).all())
    _expect(rising, "rising offsets, no tree without a node", roots, "roots")
    largest = int(np.diff(roots).max(initial=0))
    _expect(largest <= MAX_TREE_NODES, f"at most {MAX_TREE_NODES} nodes in a tree", largest, "roots")


def _check_nodes(forest: FlatForest) -> None:
    nodes, sizes = forest.nodes, np.diff(forest.roots)
    place = np.arange(len(nodes)) - np.repeat(forest.roots[:-1], sizes)
    step = nodes["step"].astype(np.int64)
    leaf = step == 0
    # A child always stands after its parent, so every walk ends.
    bad = ~leaf & (place + step + 1 >= np.repeat(sizes, sizes))
    _expect(not bad.any(), "children inside the tree", _first(bad), "nodes, first wrong node")
    children = (np.arange(len(nodes)) + step)[~leaf]
    parents = np.bincount(np.concatenate([children, children + 1]), minlength=len(nodes))
    wrong = parents != (place > 0)
    _expect(not wrong.any(), "one parent for each node but a root", _first(wrong), "nodes, first wrong node")
    features = int(forest.header[1])
    wrong = np.isnan(nodes["threshold"]) | (nodes["feature"] >= features)
    _expect(not wrong.any(), f"a number and a feature below {features}", _first(wrong), "nodes, first wrong node")
    wrong = leaf & ((nodes["threshold"] != np.inf) | (nodes["feature"] != 0))
    _expect(not wrong.any(), "leaves without a test", _first(wrong), "nodes, first wrong node")


def _check_rules(forest: FlatForest) -> None:
    count, words = len(forest.nodes), forest.rules.astype(np.int64)
    _expect(len(words) >= count, f"{count} rules or more", len(words), "rules")
    rules, places = words[:count], words[:count] >> SET_SHIFT
    rare = int(np.bitwise_or.reduce(rules)) & (ZERO_IS_MISSING | CATEGORICAL)
    _expect(forest.header[2] == rare, str(rare), forest.header[2], "header, what occurs of zeros and categories")
    wrong = (forest.nodes["step"] == 0) & (rules != 0)
    _expect(not wrong.any(), "leaves without a rule", _first(wrong), "rules, first wrong node")
    chosen = (rules & CATEGORICAL) != 0
    wrong = np.where(chosen, (rules & ZERO_IS_MISSING) != 0, places != 0)
    _expect(not wrong.any(), "a set where categories decide, zeros elsewhere", _first(wrong), "rules, first wrong node")
    outside = chosen & ((places < count) | (places >= len(words)))
    _expect(not outside.any(), "sets after the rules", _first(outside), "rules, first wrong node")
    outside[chosen] = places[chosen] + words[places[chosen]] >= len(words)
    _expect(not outside.any(), "sets inside the rules", _first(outside), "rules, first wrong node")


def _check_values(forest: FlatForest) -> None:
    _expect(len(forest.values) == len(forest.nodes), f"{len(forest.nodes)} numbers", len(forest.values), "values")
    _expect(bool(np.isfinite(forest.values).all()), "finite numbers", "others", "values")
    _expect(_fits_kind(int(forest.header[0]), forest.values), "float32 numbers", "wider ones", "values")


def _fits_kind(kind: int, values: np.ndarray) -> bool:
    """Tell whether the numbers lose nothing in the arithmetic of their kind."""
    if kind != ForestKind.XGBOOST:
        return True
    with np.errstate(over="ignore"):
        return bool((values.astype(np.float32) == values).all())


def _first(wrong: np.ndarray) -> int:
    return int(np.argmax(wrong)) if len(wrong) else 0
