"""The threshold of |D| for one regime, and how much its trades are worth, from what each earned in validation."""

import math
from collections.abc import Sequence

import numpy as np

from flows.parameters import ThresholdParams

_NORMAL_95 = 1.6448536269514722


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


def kelly_edge(earned: np.ndarray, params: ThresholdParams) -> float:
    """Return Kelly's fraction f = p - (1 - p)/b, in [0, 1], with the lower end of a 90 % interval of p.

    p is the share of round trips that won (Wilson's interval), b what they won on average over what the others lost.

    Parameters
    ----------
    earned : ndarray
        R$ after costs of each round trip.
    params : ThresholdParams
        Fewer round trips than its least prove nothing: 0.
    """
    won, lost = earned[earned > 0], earned[earned <= 0]
    if len(earned) < params.min_round_trips or not len(won):
        return 0.0
    share = _lower_share(len(won), len(earned))
    payoff = float(won.mean() / -lost.mean()) if len(lost) and lost.mean() < 0 else math.inf
    return max(0.0, share - (1.0 - share) / payoff)


def _lower_share(won: int, count: int) -> float:
    """Return the lower end of Wilson's 90 % interval of a share."""
    squared = _NORMAL_95**2 / count
    share = won / count
    middle = share + squared / 2
    spread = math.sqrt(squared * (share * (1.0 - share) + squared / 4))
    return (middle - spread) / (1.0 + squared)


def _lower_total(trips: np.ndarray, least: int) -> float:
    """Return the sum less its standard error, √n·s; minus infinity with fewer round trips than the least."""
    if len(trips) < least:
        return -np.inf
    return float(trips.sum() - np.sqrt(len(trips)) * trips.std(ddof=1))
