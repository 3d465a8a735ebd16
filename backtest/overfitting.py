"""How likely the best of many configurations is best by luck: the probability of backtest overfitting.

Combinatorially symmetric cross-validation of D. Bailey, J. Borwein, M. López de Prado, Q. Zhu, "The Probability of
Backtest Overfitting" (2015): cut the sessions into blocks, take every half of the blocks as in sample, choose the
configuration with the best Sharpe ratio there, and look where it ranks in the other half.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from backtest.sharpe import sharpe
from market.errors import ConfigError

MOST_BLOCKS = 16  # as the paper's own example
_SESSIONS_PER_BLOCK = 2
# Below this share of the largest value a deviation is rounding, not risk.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Overfitting:
    """What the splits found.

    Parameters
    ----------
    probability : float
        Share in [0, 1] of the splits whose choice ended in the lower half, the middle included.
    logits : np.ndarray
        float64 [splits], ln(w / (1 - w)) with w the choice's rank out of sample over configurations plus one.
    """

    probability: float
    logits: np.ndarray


def even_blocks(sessions: int) -> int:
    """Return into how many blocks so many sessions are cut: even, at most 16, of two sessions or more; 0 if too few."""
    blocks = min(MOST_BLOCKS, 2 * (sessions // (2 * _SESSIONS_PER_BLOCK)))
    return blocks if blocks >= 4 else 0


def measure_overfitting(results: np.ndarray, blocks: int) -> Overfitting:
    """Try every half of the blocks as the one to choose in.

    A configuration whose result never varies ranks by its sign: above all others, in their middle at 0, or below.

    Parameters
    ----------
    results : np.ndarray
        float64 [sessions, configurations], what each earned; two configurations at least.
    blocks : int
        Even, at least 2 and at most the sessions; blocks differ by a session at most.

    Raises
    ------
    ConfigError
        If there is nothing to split or to choose from.
    """
    sessions, configurations = results.shape
    if configurations < 2 or blocks < 2 or blocks % 2 or blocks > sessions:
        raise ConfigError(
            "overfitting: expected two configurations and an even number of blocks, at most one per session, found "
            f"{configurations} configurations, {blocks} blocks and {sessions} sessions; try more, or cut less finely"
        )
    halves = np.zeros((math.comb(blocks, blocks // 2), blocks))
    for row, chosen in enumerate(combinations(range(blocks), blocks // 2)):
        halves[row, list(chosen)] = 1.0
    parts = np.array_split(results, blocks)
    best = np.argmax(_ratios(halves, parts), axis=1)
    outside = _ratios(1.0 - halves, parts)
    own = outside[np.arange(len(best)), best][:, None]
    # Equal ratios share their middle rank.
    rank = (outside < own).sum(axis=1) + ((outside == own).sum(axis=1) + 1) / 2
    logits = np.log(rank / (configurations + 1 - rank))
    return Overfitting(float(np.mean(logits <= 0.0)), logits)


def ratio_variance(results: np.ndarray) -> float:
    """Return the variance (ddof=1) across configurations of the annualised Sharpe ratio; one that never traded has 0.

    Parameters
    ----------
    results : np.ndarray
        float64 [sessions, configurations]; any unit of money. With one configuration there is no variance: 0.
    """
    ratios = np.nan_to_num([sharpe(column) for column in results.T], nan=0.0)
    return float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0


def _ratios(halves: np.ndarray, parts: list[np.ndarray]) -> np.ndarray:
    """Return mean over deviation in each half of each configuration, float64 [halves, configurations]."""
    count = halves @ np.array([[float(len(part))] for part in parts])
    mean = halves @ np.array([part.sum(axis=0) for part in parts]) / count
    square = halves @ np.array([(part**2).sum(axis=0) for part in parts]) / count
    deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
    still = deviation <= _ROUNDING * np.sqrt(square)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(still, np.sign(mean) * np.inf, mean / deviation)
    return np.asarray(np.where(mean == 0.0, 0.0, ratios))
