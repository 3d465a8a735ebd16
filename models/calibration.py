"""From what a blend of learners says to probabilities, and how far probabilities are from the truth.

A calibration is a table of knots. The trading path reads it by linear interpolation, clipped at the ends, so a
`Calibration` is judged here in exactly the form that trades.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from market.errors import DataError, NotEnoughData
from models.blocks import held_out_blocks
from models.spans import Split

P_MIN, P_MAX = 0.02, 0.98  # no table of this size earns more certainty
_SURE = 1e-6  # a blend nearer to 0 or 1 is read as this far from it, so that its logarithms are finite
SAMPLES_MIN = 50
ISOTONIC_ABOVE = 2000  # below this many samples isotonic regression fits the noise


class Method(StrEnum):
    """How the knots were found."""

    PLATT = "platt"
    BETA = "beta"
    ISOTONIC = "isotonic"
    CONSTANT = "constant"  # the score says nothing, or the wrong thing: the base rate everywhere


@dataclass(frozen=True)
class Calibration:
    """Knots of a non-decreasing map from a blend of learners to P(up).

    Parameters
    ----------
    x : f8[knots]
        Blended probabilities, strictly increasing.
    p : f8[knots]
        Probabilities, non-decreasing, in [0.02, 0.98].
    """

    x: np.ndarray
    p: np.ndarray
    method: Method

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """Return P(up) of blended probabilities, f8[n]."""
        return np.asarray(np.interp(scores, self.x, self.p))


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin of a reliability table; means are NaN where the bin is empty."""

    low: float
    high: float
    count: int
    mean_p: float
    share_up: float


_Fit = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Calibration]


def fit_calibration(
    scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, spans: np.ndarray, knots: int = 129
) -> Calibration:
    """Fit knots on out-of-fold blends.

    A logistic curve over the blend's log odds (Platt) is the rule. Another curve replaces it only if its tabulated form
    has the lower weighted Brier score, cross-validated over five blocks in time order (`models.blocks`): beta
    calibration, which bends near 0 and near 1 on its own (Kull, Silva Filho, Flach 2017), and above 2000 samples
    isotonic regression. A curve that would fall becomes the base rate: a learner that is wrong out of fold is not
    turned around.

    Parameters
    ----------
    scores : f8[n]
        Blended probabilities of rows the learners have not seen, in [0, 1], in time order.
    labels : i8[n]
        1 up, 0 down.
    weights : f8[n]
        Non-negative; scaled here to a mean of 1, for the penalty of the logistic fits counts them.
    spans : SPAN[n]
        The labels' intervals.

    Raises
    ------
    NotEnoughData
        Fewer than 50 samples, or one class.
    DataError
        Lengths differ or a score is no probability.
    """
    whole = len(scores) == len(labels) == len(weights) == len(spans) and np.isfinite(scores).all()
    if not whole or np.any(np.asarray(scores) < 0) or np.any(np.asarray(scores) > 1):
        raise DataError("calibration: expected equally many finite scores within 0 and 1, labels, weights and spans")
    if len(scores) < SAMPLES_MIN or np.min(labels) == np.max(labels):
        raise NotEnoughData(
            f"calibration: expected {SAMPLES_MIN} out-of-fold samples of both classes, found {len(scores)} with "
            f"{int(np.sum(labels))} up; add sessions or raise splits.validation_fraction"
        )
    score, label, weight = (np.asarray(values, dtype=np.float64) for values in (scores, labels, weights))
    weight = weight / weight.mean()
    x = _knots_over(score, knots)
    curves: list[_Fit] = [_fit_platt, _fit_beta]
    if len(score) > ISOTONIC_ABOVE:
        curves.append(_fit_isotonic)
    blocks = held_out_blocks(spans)
    # The first of equals; without blocks all are, for nothing is shown to be better than the rule.
    best = min(curves, key=lambda fit: _cross_brier(fit, score, label, weight, x, blocks))
    return best(score, label, weight, x)


def _knots_over(scores: np.ndarray, knots: int) -> np.ndarray:
    low, high = float(scores.min()), float(scores.max())
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, knots)


def _fit_platt(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, x: np.ndarray) -> Calibration:
    found = _logistic(_log_odds(scores), labels, weights)
    return _tabulate_curve(x, _log_odds(x), found, labels, weights, Method.PLATT)


def _fit_beta(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, x: np.ndarray) -> Calibration:
    """Fit log odds = a·ln p − b·ln(1 − p) + c with a, b ≥ 0: a coefficient that would be negative is left out."""
    columns = _log_parts(scores)
    found = _logistic(columns, labels, weights)
    if found is not None and np.any(found[:2] < 0):
        kept = np.arange(2) != int(np.argmin(found[:2]))
        alone = _logistic(columns[:, kept], labels, weights)
        found = None if alone is None else np.append(np.where(kept, alone[0], 0.0), alone[1])
    return _tabulate_curve(x, _log_parts(x), found, labels, weights, Method.BETA)


def _log_parts(p: np.ndarray) -> np.ndarray:
    """Return ln p and −ln(1 − p), f8[n, 2]; their sum is the log odds."""
    inside = np.clip(p, _SURE, 1.0 - _SURE)
    return np.column_stack([np.log(inside), -np.log1p(-inside)])


def _log_odds(p: np.ndarray) -> np.ndarray:
    return np.asarray(_log_parts(p).sum(axis=1, keepdims=True))


def _logistic(columns: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    """Return slopes and intercept of the logistic curve of most likelihood; None where no column differs."""
    from sklearn.linear_model import LogisticRegression

    center, spread = columns.mean(axis=0), columns.std(axis=0)
    if np.any(spread <= 1e-9 * np.maximum(1.0, np.abs(center))) or len(np.unique(labels[weights > 0])) < 2:
        return None
    # C so large that the penalty is nothing; columns are standardised for the solver.
    curve = LogisticRegression(C=1e6, tol=1e-8, max_iter=1000)
    curve.fit((columns - center) / spread, labels, sample_weight=weights)
    slopes = curve.coef_[0] / spread
    return np.append(slopes, curve.intercept_[0] - slopes @ center)


def _tabulate_curve(
    x: np.ndarray, at: np.ndarray, found: np.ndarray | None, labels: np.ndarray, weights: np.ndarray, method: Method
) -> Calibration:
    """Return the curve at the knots, or the base rate everywhere where there is none or it would not rise."""
    if found is None or np.any(found[:-1] < 0) or not np.any(found[:-1] > 0):
        return _tabulate(x, np.full(len(x), np.average(labels, weights=weights)), Method.CONSTANT)
    return _tabulate(x, 1.0 / (1.0 + np.exp(-(at @ found[:-1] + found[-1]))), method)


def _fit_isotonic(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, x: np.ndarray) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    steps = IsotonicRegression(out_of_bounds="clip").fit(scores, labels, sample_weight=weights)
    return _tabulate(x, steps.predict(x), Method.ISOTONIC)


def _tabulate(x: np.ndarray, p: np.ndarray, method: Method) -> Calibration:
    return Calibration(x, np.clip(np.maximum.accumulate(p), P_MIN, P_MAX), method)


def _cross_brier(
    fit: _Fit, scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, x: np.ndarray, blocks: Sequence[Split]
) -> float:
    """Return the weighted Brier score over blocks in time order, each judged by a fit on the others."""
    loss = 0.0
    for rest, block in blocks:
        p = fit(scores[rest], labels[rest], weights[rest], x).probability(scores[block])
        loss += float(np.sum(weights[block] * (p - labels[block]) ** 2))
    return loss / float(weights.sum())


def brier(p: np.ndarray, y: np.ndarray) -> float:
    """Return the mean squared distance of probabilities from outcomes (0 or 1)."""
    return float(np.mean((np.asarray(p) - np.asarray(y)) ** 2))


def reliability(p: np.ndarray, y: np.ndarray, bins: int = 10) -> list[ReliabilityBin]:
    """Return the reliability table over equal bins [low, high) of [0, 1]; the last bin includes 1."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, bins - 1)
    table = []
    for index in range(bins):
        inside = place == index
        count = int(inside.sum())
        mean_p, share_up = (float(np.mean(np.asarray(v)[inside])) if count else np.nan for v in (p, y))
        table.append(ReliabilityBin(float(edges[index]), float(edges[index + 1]), count, mean_p, share_up))
    return table


def expected_calibration_error(p: np.ndarray, y: np.ndarray, bins: int = 10) -> float:
    """Return ECE in [0, 1]: |mean p − share up| per bin of `reliability`, weighted by its rows (Naeini et al. 2015)."""
    table = [row for row in reliability(p, y, bins) if row.count]
    return sum(row.count * abs(row.mean_p - row.share_up) for row in table) / len(p)
