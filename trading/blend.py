"""A blend of learners: each member's probability of up, weighted and added, for each regime.

A member's raw score becomes a probability by its own link (the logistic function for the boosters, none for a random
forest, whose score is one already). The weights of a regime add the probabilities up, in the order LightGBM, XGBoost,
random forest; the regime's calibration then reads the sum. Training asks the same kernels, so both agree to the bit.

All members of all regimes lie in one set of arrays, one behind the other, because the arrays of a model are handed over
with every event: nine forests would be forty-five.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from forest.batch import predict_batch
from forest.flat import FlatForest, ForestKind
from forest.predict import predict_row
from market.elementary import exp
from market.errors import BundleRefused
from market.kernel import kernel

REGIMES, MEMBERS = 3, 3  # trend up, trend down, range; LightGBM, XGBoost, random forest, as ForestKind counts them
_SKLEARN = int(ForestKind.SKLEARN)
_SUM_ERROR = 1e-9


class Blend(NamedTuple):
    """The members of one regime; one of weight 0 has no trees, and a regime without a model has no other."""

    members: tuple[FlatForest, FlatForest, FlatForest]
    weights: np.ndarray  # f8[3], each at least 0; they add to 1, or to 0 where there is no model


class Blends(NamedTuple):
    """Arrays of every member; seat s = 3·regime + member, and what is counted within a forest stays so."""

    weights: np.ndarray  # f8[3, 3], a row per regime
    headers: np.ndarray  # i8[9, 3]
    bases: np.ndarray  # f8[9]
    first_root: np.ndarray  # i8[10]: where a seat's roots begin, and their number
    first_node: np.ndarray  # i8[10]: the same of nodes and values
    first_rule: np.ndarray  # i8[10]: the same of rules
    roots: np.ndarray  # i8
    nodes: np.ndarray  # NODE
    rules: np.ndarray  # u4
    values: np.ndarray  # f8


@kernel
def _probability(kind: int, score: float) -> float:
    """Return the probability of up that a member's raw score stands for."""
    if kind == _SKLEARN:
        return score
    return 1.0 / (1.0 + exp(-score))


def member_probabilities(forest: FlatForest, rows: np.ndarray, out: np.ndarray) -> None:
    """Write what one member gives to many rows, f8[n]; NaN where it has no trees."""
    predict_batch(forest, rows, out)
    _link(forest.header[0], out)


@kernel
def _link(kind: int, scores: np.ndarray) -> None:
    """Put the probability in the place of each raw score."""
    for i in range(scores.shape[0]):
        scores[i] = _probability(kind, scores[i])


@kernel
def blend_rows(weights: np.ndarray, members: np.ndarray, out: np.ndarray) -> None:
    """Write the weighted sum of the members' probabilities, f8[n]; `members` is f8[n, 3].

    A member of weight 0 is not looked at; NaN where all are.
    """
    for i in range(out.shape[0]):
        total, heard = 0.0, False
        for k in range(weights.shape[0]):
            if weights[k] > 0.0:
                total += weights[k] * members[i, k]
                heard = True
        out[i] = total if heard else np.nan


@kernel
def blend_row(blends: Blends, regime: int, row: np.ndarray) -> float:
    """Return the blended probability of up of one row, by the members of a regime (0, 1, 2); NaN without any."""
    total, heard = 0.0, False
    for k in range(MEMBERS):
        weight = blends.weights[regime, k]
        if weight > 0.0:
            total += weight * member_row(blends, MEMBERS * regime + k, row)
            heard = True
    return total if heard else np.nan


@kernel
def member_row(blends: Blends, seat: int, row: np.ndarray) -> float:
    """Return the probability of up that one member gives to a row; NaN where it has no trees."""
    roots, nodes, rules = blends.first_root, blends.first_node, blends.first_rule
    forest = FlatForest(
        blends.headers[seat],
        blends.bases[seat : seat + 1],
        blends.roots[roots[seat] : roots[seat + 1]],
        blends.nodes[nodes[seat] : nodes[seat + 1]],
        blends.rules[rules[seat] : rules[seat + 1]],
        blends.values[nodes[seat] : nodes[seat + 1]],
    )
    return _probability(forest.header[0], predict_row(forest, row))


def pack_blends(regimes: Sequence[Blend]) -> Blends:
    """Return the arrays of three regimes' blends."""
    forests = [forest for blend in regimes for forest in blend.members]
    return Blends(
        weights=np.array([blend.weights for blend in regimes], dtype=np.float64),
        headers=np.array([forest.header for forest in forests], dtype=np.int64),
        bases=np.concatenate([forest.base for forest in forests]),
        first_root=np.cumsum([0, *(len(forest.roots) for forest in forests)]),
        first_node=np.cumsum([0, *(len(forest.nodes) for forest in forests)]),
        first_rule=np.cumsum([0, *(len(forest.rules) for forest in forests)]),
        roots=np.concatenate([forest.roots for forest in forests]),
        nodes=np.concatenate([forest.nodes for forest in forests]),
        rules=np.concatenate([forest.rules for forest in forests]),
        values=np.concatenate([forest.values for forest in forests]),
    )


def unpack_blends(blends: Blends) -> list[Blend]:
    """Return what `pack_blends` was given; the forests look into its arrays."""
    forests = [_seat(blends, seat) for seat in range(REGIMES * MEMBERS)]
    return [
        Blend((forests[at], forests[at + 1], forests[at + 2]), weights)
        for at, weights in zip(range(0, len(forests), MEMBERS), blends.weights, strict=True)
    ]


def _seat(blends: Blends, seat: int) -> FlatForest:
    roots = slice(blends.first_root[seat], blends.first_root[seat + 1])
    nodes = slice(blends.first_node[seat], blends.first_node[seat + 1])
    rules = slice(blends.first_rule[seat], blends.first_rule[seat + 1])
    return FlatForest(
        blends.headers[seat], blends.bases[seat : seat + 1], blends.roots[roots], blends.nodes[nodes],
        blends.rules[rules], blends.values[nodes],
    )  # fmt: skip


def check_blends(blends: Blends, columns: int) -> Blends:
    """Return the arrays, owned, after proving that every seat holds what its weight says.

    The inside of each forest was proved where it was read (`forest.flat.from_arrays`).

    Raises
    ------
    BundleRefused
        If weights are none, a member has the wrong learner or columns, or a stored member has no weight.
    """
    for blend in unpack_blends(blends):
        weights, total = blend.weights, float(blend.weights.sum())
        plain = weights.shape == (MEMBERS,) and bool((weights >= 0.0).all())
        _expect(plain and (total == 0.0 or abs(total - 1.0) < _SUM_ERROR), "weights that add to 1", weights.tolist())
        for kind, forest, weight in zip(ForestKind, blend.members, weights, strict=True):
            trees, header = len(forest.roots) - 1, forest.header
            _expect((trees > 0) == (weight > 0.0), "trees where there is weight, and nowhere else", (trees, weight))
            fits = trees == 0 or (header[0] == kind and header[1] == columns)
            _expect(fits, f"{kind.name} of {columns} features in its seat", header.tolist())
    return pack_blends(unpack_blends(blends))


def _expect(holds: bool, expected: str, found: object) -> None:
    if not holds:
        raise BundleRefused(f"model: expected {expected}, found {found}; train and write the bundle again")
