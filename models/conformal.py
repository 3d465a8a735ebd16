"""Conformal abstention: a model decides only where its prediction set does not hold both classes.

How far a probability p leaned away from what happened, −y·(2p − 1) with y = ±1, is the nonconformity of a row. A class
is in the set of a new row where its nonconformity is at most a quantile of those of calibration rows of the same regime
(split conformal prediction, Mondrian by regime: Vovk, Gammerman, Shafer 2005). If rows are exchangeable, the label lies
outside its set in at most the share of rows asked for. A model that errs less leaves some sets empty; an empty set is
read as the class leaned to. Rows of a market are not exchangeable, so the level follows what happens: α moves by
γ·(error asked for − error seen) with each outcome (adaptive conformal inference, Gibbs and Candès 2021, eq. 2), and the
share of errors tends to what was asked for whatever the market does.

The calibration rows are those that also weighed the learners and fitted the calibration, so their nonconformity is
a little too small and a fresh bound a little too bold. Out of fold nothing is shared, and there the level makes it up;
of the final model, whose rows are the folds' test rows, it is the level they have reached that does
(docs/decisions/0010 has the measure).
"""

import math
from dataclasses import dataclass

import numpy as np

from market.errors import ConfigError, DataError


@dataclass(frozen=True)
class ConformalParams:
    """How often a label may lie outside its prediction set.

    Parameters
    ----------
    error : float
        Share of rows, in (0, 1).
    rate : float
        γ: by how much one outcome moves the level; 0 keeps it.
    """

    error: float = 0.40
    rate: float = 0.005

    def __post_init__(self) -> None:
        """Raise ConfigError for values out of range."""
        if not (0.0 < self.error < 1.0 and 0.0 <= self.rate < 1.0):
            raise ConfigError(
                "conformal: expected error in (0, 1) and rate in [0, 1), found "
                f"{self.error} and {self.rate}; correct params.yaml"
            )


@dataclass(frozen=True)
class Outcomes:
    """Rows of one regime whose labels are known: when they were decided at, when the label ended, and who was right.

    Parameters
    ----------
    p : f8[n]
        Calibrated probability of up.
    up : i8[n]
        1 up, 0 down.
    start_ns, end_ns : i8[n]
        The label's interval; it ends after it starts.
    """

    p: np.ndarray
    up: np.ndarray
    start_ns: np.ndarray
    end_ns: np.ndarray

    def __post_init__(self) -> None:
        """Raise DataError for labels that are known when they are asked for."""
        if np.any(self.end_ns <= self.start_ns):
            raise DataError("conformal: expected labels that end after they start; rebuild the labels")


@dataclass(frozen=True)
class Followed:
    """What the sets of rows would have been, in the order of the rows, and the level after their last outcome."""

    decided: np.ndarray  # bool: the set does not hold both classes
    outside: np.ndarray  # bool: the label lay outside it
    level: float


def nonconformity(p: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Return how far each probability of up leaned away from the label (1 up, 0 down), f8[n] in [-1, 1]."""
    return np.asarray((1.0 - 2.0 * up) * (2.0 * p - 1.0))


def quantile(scores: np.ndarray, level: float) -> float:
    """Return the ⌈(n + 1)(1 − α)⌉-th smallest of n sorted scores; infinite where there is none such.

    With level α a new score of the same kind is above it with a chance of at most α.
    """
    # A product that is a whole number but for its last bits is that number.
    place = math.ceil((len(scores) + 1) * (1.0 - level) - 1e-9)
    if place > len(scores):
        return math.inf
    return float(scores[place - 1]) if place >= 1 else -math.inf


def least_lean(scores: np.ndarray, level: float) -> float:
    """Return the least |2p − 1| whose set does not hold both classes, in [0, 1]; 1 where every set does."""
    bound = quantile(np.sort(scores), level)
    # The class leaned away from is in the set where lean <= bound.
    return min(math.nextafter(bound, math.inf), 1.0) if bound >= 0 else 0.0


def follow(outcomes: Outcomes, scores: np.ndarray, level: float, params: ConformalParams) -> Followed:
    """Walk through rows in time order; an outcome moves the level once its label has ended, not before.

    Parameters
    ----------
    outcomes : Outcomes
        In any order.
    scores : f8[m]
        Nonconformity of calibration rows.
    level : float
        α before the first row.
    """
    ordered, known = np.sort(scores), np.argsort(outcomes.end_ns, kind="stable")
    seen, lean = nonconformity(outcomes.p, outcomes.up), np.abs(2.0 * outcomes.p - 1.0)
    decided, outside = np.zeros((2, len(seen)), dtype=np.bool_)
    done = 0
    for row in np.argsort(outcomes.start_ns, kind="stable"):
        while outcomes.end_ns[known[done]] <= outcomes.start_ns[row]:
            level += params.rate * (params.error - outside[known[done]])
            done += 1
        bound = quantile(ordered, level)
        decided[row] = lean[row] > bound
        outside[row] = seen[row] > bound
    level += params.rate * float((params.error - outside[known[done:]]).sum())
    return Followed(decided, outside, level)
