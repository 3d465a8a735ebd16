"""From raw scores to probabilities, and how far probabilities are from the truth.

A calibration is a table of knots. The trading path reads it by linear interpolation, clipped at the ends, so a
`Calibration` is judged here in exactly the form that trades.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from market.errors import DataError, NotEnoughData

P_MIN, P_MAX = 0.02, 0.98  # no table of this size earns more certainty
SAMPLES_MIN = 50
ISOTONIC_ABOVE = 2000  # below this many samples isotonic regression fits the noise
_CROSS_BLOCKS = 5


class Method(StrEnum):
    """How the knots were found."""

    PLATT = "platt"
    ISOTONIC = "isotonic"
    CONSTANT = "constant"  # the score says nothing, or the wrong thing: the base rate everywhere


@dataclass(frozen=True)
class Calibration:
    """Knots of a non-decreasing map from score to P(up).

    Parameters
    ----------
    x : f8[knots]
        Scores, strictly increasing.
    p : f8[knots]
        Probabilities, non-decreasing, in [0.02, 0.98].
    """

    x: np.ndarray
    p: np.ndarray
    method: Method

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """Return P(up) of raw scores, f8[n]."""
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


def fit_calibration(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, knots: int = 129) -> Calibration:
    """Fit knots on out-of-fold raw scores.

    A logistic (Platt) curve is the rule. Isotonic regression replaces it only above 2000 samples and only if its
    tabulated form has the lower weighted Brier score, cross-validated over five blocks in time order. A curve that
    would fall with the score becomes the base rate: a learner that is wrong out of fold is not turned around.

    Parameters
    ----------
    scores : f8[n]
        Raw scores of rows the learner has not seen, in time order.
    labels : i8[n]
        1 up, 0 down.
    weights : f8[n]
        Non-negative; scaled here to a mean of 1, for the penalty of the logistic fit counts them.

    Raises
    ------
    NotEnoughData
        Fewer than 50 samples, or one class.
    DataError
        Lengths differ or a score is not finite.
    """
    if not len(scores) == len(labels) == len(weights) or not np.isfinite(scores).all():
        raise DataError("calibration: expected equally many finite scores, labels and weights")
    if len(scores) < SAMPLES_MIN or np.min(labels) == np.max(labels):
        raise NotEnoughData(
            f"calibration: expected {SAMPLES_MIN} out-of-fold samples of both classes, found {len(scores)} with "
            f"{int(np.sum(labels))} up; add sessions or raise splits.validation_fraction"
        )
    score, label, weight = (np.asarray(values, dtype=np.float64) for values in (scores, labels, weights))
    weight = weight / weight.mean()
    x = _knots_over(score, knots)
    if len(score) > ISOTONIC_ABOVE:
        crossed = [_cross_brier(fit, score, label, weight, x) for fit in (_fit_isotonic, _fit_platt)]
        if crossed[0] < crossed[1]:
            return _fit_isotonic(score, label, weight, x)
    return _fit_platt(score, label, weight, x)


def _knots_over(scores: np.ndarray, knots: int) -> np.ndarray:
    low, high = float(scores.min()), float(scores.max())
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, knots)


def _fit_platt(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, x: np.ndarray) -> Calibration:
    from sklearn.linear_model import LogisticRegression

    base = float(np.average(labels, weights=weights))
    center, spread = float(scores.mean()), float(scores.std())
    if spread <= 1e-12 * max(1.0, abs(center)) or base in (0.0, 1.0):
        return _tabulate(x, np.full(len(x), base), Method.CONSTANT)
    # C so large that the curve is the maximum likelihood one; scores are standardised for the solver.
    curve = LogisticRegression(C=1e6, tol=1e-8, max_iter=1000)
    curve.fit(((scores - center) / spread)[:, None], labels, sample_weight=weights)
    if curve.coef_[0, 0] <= 0:
        return _tabulate(x, np.full(len(x), base), Method.CONSTANT)
    return _tabulate(x, curve.predict_proba(((x - center) / spread)[:, None])[:, 1], Method.PLATT)


def _fit_isotonic(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, x: np.ndarray) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    steps = IsotonicRegression(out_of_bounds="clip").fit(scores, labels, sample_weight=weights)
    return _tabulate(x, steps.predict(x), Method.ISOTONIC)


def _tabulate(x: np.ndarray, p: np.ndarray, method: Method) -> Calibration:
    return Calibration(x, np.clip(np.maximum.accumulate(p), P_MIN, P_MAX), method)


def _cross_brier(fit: _Fit, scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, x: np.ndarray) -> float:
    """Return the weighted Brier score over blocks in time order, each judged by a fit on the others."""
    loss = 0.0
    for block in np.array_split(np.arange(len(scores)), _CROSS_BLOCKS):
        rest = np.ones(len(scores), dtype=bool)
        rest[block] = False
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
