"""Whether a result comes from everywhere or from one stretch: the folds beside each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backtest.sharpe import sharpe


@dataclass(frozen=True)
class FoldResult:
    """What one fold earned out of sample: R$ after costs, and the annualised ratio, None where it cannot be told."""

    sessions: int
    net: float
    sharpe: float | None


@dataclass(frozen=True)
class Stability:
    """All folds, and what they have in common.

    Parameters
    ----------
    folds : tuple of FoldResult
        In time order.
    gaining : float
        Share of the folds that earned anything, in [0, 1].
    without_best : float
        R$ of all folds but the best: what is left if that one was luck.
    """

    folds: tuple[FoldResult, ...]
    gaining: float
    without_best: float


def measure_stability(session_pnl: np.ndarray, sizes: Sequence[int]) -> Stability:
    """Cut R$ per session into consecutive folds and compare them.

    Parameters
    ----------
    session_pnl : np.ndarray
        float64 [sessions], in time order.
    sizes : sequence of int
        Sessions of each fold, at least one fold; they add up to all.
    """
    parts = np.split(session_pnl, np.cumsum(sizes)[:-1])
    nets = [float(part.sum()) for part in parts]
    ratios = [sharpe(part) for part in parts]
    folds = tuple(
        FoldResult(len(part), net, ratio if math.isfinite(ratio) else None)
        for part, net, ratio in zip(parts, nets, ratios, strict=True)
    )
    return Stability(folds, sum(net > 0 for net in nets) / len(nets), sum(nets) - max(nets))
