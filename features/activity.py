"""Volume of closed bars against the bars before (signals.md §2: volume ratio, momentum, concentration)."""

import math

import numpy as np

from features.bars import newest
from features.catalogue import family
from features.layout import (
    BARS_SEEN,
    HISTORY,
    LOG_VOLUME_RING,
    SUM_VOLUME,
    SUM_VOLUME_SQUARES,
    VOLUME_MEAN,
    VOLUME_RING,
    VOLUME_WINDOWS,
)
from features.statistics import EXACT_BELOW, of_windows, summed
from features.windows import ratio
from market.kernel import kernel
from market.lanes import every, uniform, where

_RELATIVE = of_windows("relative_volume_{}", VOLUME_MEAN, VOLUME_WINDOWS)
_MOMENTUM, _CONCENTRATION = family("volume_momentum_{}"), family("bar_concentration_{}")


@kernel
def update_activity(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the volume group of single bars; NaN concentration where nothing traded."""
    last, volume = uniform(ints, BARS_SEEN) - 1, ints[VOLUME_RING + newest(ints)]
    for i in range(_RELATIVE.shape[0]):
        out[_RELATIVE[i, 1]] = ratio(volume, floats[_RELATIVE[i, 0]], 1.0)
    now = floats[LOG_VOLUME_RING + (last & (HISTORY - 1))]
    for i in range(_MOMENTUM.shape[0]):
        out[_MOMENTUM[i, 1]] = now - floats[LOG_VOLUME_RING + ((last - _MOMENTUM[i, 0]) & (HISTORY - 1))]
    for i in range(_CONCENTRATION.shape[0]):
        out[_CONCENTRATION[i, 1]] = concentration(ints, _CONCENTRATION[i, 0])


@kernel
def concentration(ints: np.ndarray, n: int) -> float:
    """Return the sum of squares of the last `n` volumes over the square of their sum; NaN without volume."""
    total = float(summed(ints, SUM_VOLUME, n, 0))
    exact = ratio(summed(ints, SUM_VOLUME_SQUARES, n, 0), total * total, math.nan)
    if every(total < EXACT_BELOW):
        return exact
    squares, last = 0.0, VOLUME_RING + newest(ints)
    for k in range(last + 1 - n, last + 1):
        squares += float(ints[k]) * ints[k]
    return where(total < EXACT_BELOW, exact, squares / (total * total))
