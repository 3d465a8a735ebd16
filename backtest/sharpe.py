"""Sharpe ratio, and what is left of it after luck and the number of trials.

Formulae: D. Bailey, M. López de Prado, "The Sharpe Ratio Efficient Frontier" (2012) for the probabilistic,
"The Deflated Sharpe Ratio" (2014) for the deflated form. Inside, ratios are per day; `sharpe` is annualised.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

DAYS_PER_YEAR = 252
EULER_MASCHERONI = 0.5772156649015329
# Below this share of the mean's size a standard deviation is rounding, not risk.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Moments:
    """The shape of daily returns: Sharpe ratio per day, number of days, skewness, kurtosis (normal: 3)."""

    sharpe: float
    days: int
    skewness: float
    kurtosis: float


def moments(daily: np.ndarray) -> Moments:
    """Measure daily returns; ratio, skewness and kurtosis are NaN with fewer than two days or without variance.

    The ratio uses the sample standard deviation (ddof=1); skewness and kurtosis are population moments.
    """
    days = len(daily)
    if days < 2:
        return Moments(math.nan, days, math.nan, math.nan)
    mean = float(np.mean(daily))
    away = daily - mean
    variance = float(np.mean(away**2))
    if not variance > (_ROUNDING * float(np.max(np.abs(daily)))) ** 2:
        return Moments(math.nan, days, math.nan, math.nan)
    deviation = math.sqrt(variance)
    return Moments(
        sharpe=mean / (deviation * math.sqrt(days / (days - 1))),
        days=days,
        skewness=float(np.mean(away**3)) / deviation**3,
        kurtosis=float(np.mean(away**4)) / variance**2,
    )


def daily_returns(session_pnl: np.ndarray, capital: float) -> np.ndarray:
    """Return P&L per session as a fraction of the starting capital; profits are not reinvested."""
    return np.asarray(session_pnl, dtype=np.float64) / capital


def sharpe(daily: np.ndarray) -> float:
    """Return mean / standard deviation (ddof=1) x √252; NaN with fewer than two days or without variance."""
    return moments(daily).sharpe * math.sqrt(DAYS_PER_YEAR)


def probability_above(shape: Moments, benchmark: float) -> float:
    """Return the probability that the true ratio exceeds `benchmark` (both per day); NaN where undefined."""
    spread = 1.0 - shape.skewness * shape.sharpe + (shape.kurtosis - 1.0) / 4.0 * shape.sharpe**2
    if not spread > 0.0:
        return math.nan
    return NormalDist().cdf((shape.sharpe - benchmark) * math.sqrt(shape.days - 1) / math.sqrt(spread))


def probabilistic_sharpe(daily: np.ndarray, benchmark: float = 0.0) -> float:
    """Return the probability in [0, 1] that the true annualised Sharpe ratio exceeds `benchmark` (annualised)."""
    return probability_above(moments(daily), benchmark / math.sqrt(DAYS_PER_YEAR))


def expected_maximum(trials: int, variance: float) -> float:
    """Return the best ratio to expect among `trials` without skill, whose ratios vary by `variance`."""
    if trials < 2:
        return 0.0
    normal = NormalDist()
    first = normal.inv_cdf(1.0 - 1.0 / trials)
    second = normal.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - EULER_MASCHERONI) * first + EULER_MASCHERONI * second)


def deflated_sharpe(daily: np.ndarray, trials: int, variance_of_trial_sharpes: float) -> float:
    """Return the probability in [0, 1] that the true ratio exceeds what luck gives the best of all trials.

    Parameters
    ----------
    daily : np.ndarray
        Daily returns of the chosen trial.
    trials : int
        Every trial ever run, the chosen one included. One trial leaves the probabilistic Sharpe ratio.
    variance_of_trial_sharpes : float
        Variance across trials of the annualised ratio, as `sharpe` returns it.
    """
    return probability_above(moments(daily), expected_maximum(trials, variance_of_trial_sharpes / DAYS_PER_YEAR))
