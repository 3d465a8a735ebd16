"""How much a trade holds, and which volumes so few trades cannot have made: one rule for import and check."""

from typing import Any

import numpy as np

from market.kernel import kernel

# Quantity per trade of a bar, against the median of its series: 131 times in real files, 1,044 in the known false one.
MOST_PER_TRADE = 300


def usual_size(volume: np.ndarray, trades: np.ndarray) -> float:
    """Return the median quantity per trade of bars that tell both, shape (n,) each; 0 where none does."""
    told = (trades >= 1) & (volume > 0)
    return float(np.median(volume[told] / trades[told])) if told.any() else 0.0


@kernel
def beyond_its_trades(volume: Any, trades: Any, usual: float) -> Any:
    """Tell whether the volume of a bar is impossible beside its number of trades; never where none are counted.

    Parameters
    ----------
    volume, trades : number or ndarray
        Of one bar, or of bars, shape (n,); trades are 0 or NaN where the source does not count them.
    usual : float
        What `usual_size` tells of the series; 0 where unknown.
    """
    return (trades >= 1) & (usual > 0) & (volume > MOST_PER_TRADE * usual * trades)
