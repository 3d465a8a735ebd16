"""Has a number that each session has one of moved, judged by how it varies from session to session?"""

import math
from dataclasses import dataclass

import numpy as np

SESSIONS_MIN = 8
_MOST_CORRELATED = 0.9


@dataclass(frozen=True)
class Shift:
    """How far the mean of some sessions lies from that of the reference.

    Parameters
    ----------
    reference, current : float
        Means over sessions.
    deviations : float
        Their difference in standard errors; NaN where it cannot be told.
    p_value : float
        Two-sided; 1 where it cannot be told.
    """

    reference: float
    current: float
    deviations: float
    p_value: float


def session_shift(reference: np.ndarray, current: np.ndarray) -> Shift:
    """Compare some sessions with those of the reference by a t test whose sample is sessions.

    The error of a mean counts the correlation of neighbouring sessions (lag one, as of an autoregression, from 0 to
    0.9), and the degrees of freedom are those of as many independent sessions as the reference is worth.

    Parameters
    ----------
    reference, current : f8[sessions]
        In time order; NaN is left out.

    Returns
    -------
    Shift
        Untold, with a p-value of 1, where the reference has fewer than eight sessions or the current ones none.
    """
    before, now = (values[np.isfinite(values)] for values in (reference, current))
    if len(before) < SESSIONS_MIN or not len(now):
        return Shift(_mean(before), _mean(now), math.nan, 1.0)
    correlation = lag_one(before)
    variance = float(np.var(before, ddof=1))
    worth = len(before) / inflation(len(before), correlation)
    error = math.sqrt(variance * (1 / worth + inflation(len(now), correlation) / len(now)))
    difference = float(now.mean() - before.mean())
    # Rounding is no difference, and where the reference never varies every difference is one.
    if abs(difference) <= 1e-12 * max(1.0, abs(float(before.mean()))):
        return Shift(_mean(before), _mean(now), 0.0, 1.0)
    deviations = difference / error if error > 0 else math.copysign(math.inf, difference)
    return Shift(_mean(before), _mean(now), deviations, _two_sided(deviations, max(worth - 1, 1.0)))


def lag_one(values: np.ndarray) -> float:
    """Return the correlation of neighbours, from 0 to 0.9; 0 where nothing varies."""
    away = values - values.mean()
    total = float(np.sum(away**2))
    found = float(np.sum(away[1:] * away[:-1])) / total if total > 0 else 0.0
    return min(max(found, 0.0), _MOST_CORRELATED)


def inflation(count: int, correlation: float) -> float:
    """Return by what factor the variance of a mean of so many exceeds that of as many independent ones, at least 1."""
    lags = np.arange(1, count)
    return 1.0 + 2.0 * float(np.sum((1 - lags / count) * correlation**lags))


def _two_sided(deviations: float, freedom: float) -> float:
    from scipy.stats import t

    return float(2 * t.sf(abs(deviations), freedom))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan
