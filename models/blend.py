"""The weights with which the learners of a regime are blended, from predictions on rows they have not seen."""

import math
from collections.abc import Sequence

import numpy as np

from forest.flat import ForestKind
from market.errors import DataError
from market.types import Regime
from models.blocks import held_out_blocks
from models.learners import alone
from models.spans import Split

LEAST_SHARE = 0.05  # a member with less is not worth the time it takes in every decision
SAMPLES_MIN = 50


def fit_blend(
    regime: Regime, members: np.ndarray, labels: np.ndarray, weights: np.ndarray, spans: np.ndarray
) -> np.ndarray:
    """Return the share of each learner in a regime, f8[3] by `ForestKind`; they add to 1.

    The lead keeps everything unless the blend has the lower Brier score (weighted) where it was not fitted: over five
    blocks in time order (`models.blocks`), the mean gain must exceed its standard error.

    Parameters
    ----------
    members : f8[n, 3]
        Probabilities of up by each learner, on rows it has not seen, in time order.
    labels : i8[n]
        1 up, 0 down.
    weights : f8[n]
        Positive.
    spans : SPAN[n]
        The labels' intervals.

    Raises
    ------
    DataError
        Lengths differ, or a probability is not finite.
    """
    if members.shape != (len(labels), len(ForestKind)) or not len(weights) == len(spans) == len(labels):
        raise DataError(f"blend: expected 3 probabilities a row, found {members.shape} for {len(labels)} labels")
    if not np.isfinite(members).all():
        raise DataError("blend: expected a probability of every learner for every row, found others; train all three")
    lead = alone(regime)
    blocks = held_out_blocks(spans) if len(labels) >= SAMPLES_MIN else []
    if not blocks or _gain(lead, members, labels, weights, blocks) <= 0:
        return lead
    shares = lowest_brier(members, labels, weights)
    shares[shares < LEAST_SHARE] = 0.0
    return np.asarray(shares / shares.sum())


def lowest_brier(members: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the shares, not negative and adding to 1, whose blend has the least weighted squared error, f8[k].

    As shares add to 1, the error of the blend is the blend of the errors, E·s. Non-negative least squares of E·s = 0
    and Σs = 1 together finds the best shares up to their scale: of all s in one direction it takes t·s with the least
    t²·|E·s|² + (t − 1)², which is the smaller the smaller |E·s|² is.
    """
    from scipy.optimize import nnls

    errors = (members - labels[:, None]) * np.sqrt(weights / weights.sum())[:, None]
    count = members.shape[1]
    found, _ = nnls(np.vstack([errors, np.ones(count)]), np.append(np.zeros(len(labels)), 1.0))
    return np.asarray(found / found.sum())


def _gain(
    lead: np.ndarray, members: np.ndarray, labels: np.ndarray, weights: np.ndarray, blocks: Sequence[Split]
) -> float:
    """Return by how much blending lowers the squared error of held-out blocks, less its standard error."""
    gains = np.zeros(len(blocks))
    for number, (rest, block) in enumerate(blocks):
        shares = lowest_brier(members[rest], labels[rest], weights[rest])
        errors = [(members[block] @ one - labels[block]) ** 2 for one in (lead, shares)]
        gains[number] = np.average(errors[0] - errors[1], weights=weights[block])
    return float(gains.mean() - gains.std(ddof=1) / math.sqrt(len(blocks)))
