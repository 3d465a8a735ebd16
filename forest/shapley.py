"""How much each column moved a forest's score away from that of usual rows: exact Shapley values.

The game is the interventional one of Lundberg et al., "From local explanations to global understanding with explainable
AI for trees" (2020): a coalition of columns takes its values from the row, all others from a row of the background, and
the values are averaged over the background. A tree is walked once per background row: where both rows go the same way
nothing is decided; where they part, the walk follows both, and a leaf that is reached with `a` columns of the row and
`b` of the background is worth ``(a-1)! b! / (a+b)!`` of its value to each of the former, and ``-a! (b-1)! / (a+b)!`` to
each of the latter. So the values add up to the row's score less the background's mean score.
"""

from math import factorial
from typing import NamedTuple

import numpy as np

from forest.flat import FlatForest, ForestKind
from forest.predict import next_node_of_any
from market.kernel import kernel


class _Walk(NamedTuple):
    """A forest seen by two rows: the column each node reads, and where each row goes on from it."""

    column: list[int]
    by_row: list[int]
    by_background: list[int]
    values: list[float]


def shapley_values(forest: FlatForest, row: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return what each column adds to a row's raw score, f8[F].

    Parameters
    ----------
    forest : FlatForest
    row : ndarray of float32, shape (F,)
        NaN is missing, as in `predict_row`.
    background : ndarray of float32, shape (n, F)
        Usual rows, at least one.

    Returns
    -------
    ndarray
        Adds up to `predict_row` of the row less its mean over the background, but for rounding. Zeros where the forest
        has no trees.
    """
    out = np.zeros(len(row))
    roots = forest.roots[:-1].tolist()
    column, values, mine = forest.nodes["feature"].tolist(), forest.values.tolist(), _next_nodes(forest, row)
    for usual in background:
        walk = _Walk(column, mine, _next_nodes(forest, usual), values)
        for root in roots:
            _share_leaves(walk, root, [], [], out)
    scale = len(background) * (max(len(roots), 1) if forest.header[0] == ForestKind.SKLEARN else 1)
    return out / scale


def _next_nodes(forest: FlatForest, row: np.ndarray) -> list[int]:
    """Return where a row goes on from every node; a leaf returns itself."""
    out = np.zeros(len(forest.nodes), dtype=np.int64)
    _write_next_nodes(forest, np.array(row, dtype=np.float32), out)
    return [int(place) for place in out]


@kernel
def _write_next_nodes(forest: FlatForest, row: np.ndarray, out: np.ndarray) -> None:
    for at in range(out.shape[0]):
        out[at] = next_node_of_any(forest, np.uint64(at), row)


def _share_leaves(walk: _Walk, at: int, mine: list[int], theirs: list[int], out: np.ndarray) -> None:
    """Share the leaves below a node that is reached by `mine` columns of the row and `theirs` of the background."""
    by_row, by_background, column = walk.by_row[at], walk.by_background[at], walk.column[at]
    if by_row == at:
        _share_leaf(walk.values[at], mine, theirs, out)
    elif by_row == by_background or column in mine:
        _share_leaves(walk, by_row, mine, theirs, out)
    elif column in theirs:
        _share_leaves(walk, by_background, mine, theirs, out)
    else:
        _share_leaves(walk, by_row, [*mine, column], theirs, out)
        _share_leaves(walk, by_background, mine, [*theirs, column], out)


def _share_leaf(value: float, mine: list[int], theirs: list[int], out: np.ndarray) -> None:
    a, b = len(mine), len(theirs)
    if a:
        out[mine] += value * factorial(a - 1) * factorial(b) / factorial(a + b)
    if b:
        out[theirs] -= value * factorial(a) * factorial(b - 1) / factorial(a + b)
