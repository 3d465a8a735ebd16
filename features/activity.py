"""Volume of closed bars against the bars before (signals.md §2: volume ratio, momentum, concentration)."""

import numpy as np

from features.bars import newest
from features.catalogue import family
from features.layout import VOLUME_RING
from features.windows import mean, ratio
from market.elementary import log
from market.kernel import kernel

_RELATIVE, _MOMENTUM = family("relative_volume_{}"), family("volume_momentum_{}")
_CONCENTRATION = family("bar_concentration_{}")


@kernel
def update_activity(ints: np.ndarray, out: np.ndarray) -> None:
    """Write the volume group of single bars; NaN concentration where nothing traded."""
    last = VOLUME_RING + newest(ints)
    for i in range(_RELATIVE.shape[0]):
        n = _RELATIVE[i, 0]
        out[_RELATIVE[i, 1]] = ratio(ints[last], mean(ints, last + 1 - n, n), 1.0)
    for i in range(_MOMENTUM.shape[0]):
        out[_MOMENTUM[i, 1]] = log((ints[last] + 1) / (ints[last - _MOMENTUM[i, 0]] + 1))
    for i in range(_CONCENTRATION.shape[0]):
        total = squares = 0.0
        for k in range(last + 1 - _CONCENTRATION[i, 0], last + 1):
            total += ints[k]
            squares += float(ints[k]) * ints[k]
        out[_CONCENTRATION[i, 1]] = ratio(squares, total * total, np.nan)
