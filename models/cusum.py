"""Page's cumulative sum: has the level of a series fallen for good?"""

import numpy as np

_LARGEST = 3.0  # deviations that one value may count: no single day condemns a model


def falling_sum(values: np.ndarray, mean: float, deviation: float, slack: float) -> np.ndarray:
    """Return the one-sided cumulative sum against a fall, f8[n], in deviations, at least 0 (Page 1954).

    ``s = max(0, s + (mean − value) / deviation − slack)``, with a value of more than three deviations counted as three.

    Parameters
    ----------
    values : f8[n]
        In time order.
    mean, deviation : float
        Of the reference; the deviation is positive.
    slack : float
        Deviations by which a value may fall short before it counts: half the fall to be found.
    """
    short = np.clip((mean - values) / deviation, -_LARGEST, _LARGEST) - slack
    sums = np.empty(len(short))
    total = 0.0
    for place, one in enumerate(short):
        total = sums[place] = max(0.0, total + float(one))
    return sums
