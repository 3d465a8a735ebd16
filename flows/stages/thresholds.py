"""The threshold of |D| for one regime, from what each candidate earned on the validation sessions."""

from collections.abc import Sequence

import numpy as np

from flows.parameters import ThresholdParams


def choose_threshold(earned: Sequence[np.ndarray], params: ThresholdParams) -> float:
    """Return the threshold that surely earned most, else the strictest of the grid.

    A few sessions of round trips are mostly luck, and the best of several totals is the luckiest one. So each total
    is lowered by its standard error first, and a threshold counts only with enough round trips and something left.

    Parameters
    ----------
    earned : sequence of ndarray
        R$ after costs of each round trip, per threshold in the order of the grid.
    params : ThresholdParams
    """
    lower = [_lower_total(trips, params.min_round_trips) for trips in earned]
    best = int(np.argmax(lower))
    return float(params.grid[best]) if lower[best] > 0 else float(max(params.grid))


def _lower_total(trips: np.ndarray, least: int) -> float:
    """Return the sum less its standard error, √n·s; minus infinity with fewer round trips than the least."""
    if len(trips) < least:
        return -np.inf
    return float(trips.sum() - np.sqrt(len(trips)) * trips.std(ddof=1))
