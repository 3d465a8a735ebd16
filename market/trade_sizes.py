"""How much a trade holds, and which quantities cannot be: one rule for import and check."""

from typing import Any

import numpy as np

from market.instruments import FUTURES
from market.kernel import kernel

# Quantity per trade of a bar, against the median of its series: 131 times in real files, 1,044 in the known false one.
MOST_PER_TRADE = 300
FULL_OF_MINI = {"WDO": "DOL", "WIN": "IND"}
# One quantity in five is a multiple of 5 by chance, so twenty different ones are none (1e-14); the same one again says
# nothing of bars. Trades are mostly of one contract: hundreds of them say it too, of whatever few quantities.
ENOUGH_QUANTITIES, ENOUGH_TRADES = 20, 200


def full_contract(root: str, quantities: np.ndarray, trades: int = 0) -> str | None:
    """Return the full contract of a mini whose every quantity is a multiple of the full one's lot, else None.

    Parameters
    ----------
    root : str
        Of the instrument; anything but a mini has none.
    quantities : ndarray
        Contracts, those that occur, shape (n,).
    trades : int
        How many trades they are of; 0 where they are the volumes of bars.
    """
    full = FULL_OF_MINI.get(root)
    traded = np.unique(quantities[quantities > 0])
    if full is None or (traded.size < ENOUGH_QUANTITIES and trades < ENOUGH_TRADES):
        return None
    return full if (traded % FUTURES[full].lot == 0).all() else None


def more_trades_than_volume(volume: Any, trades: Any) -> Any:
    """Tell of one bar, or of bars, whether there are more trades than lot steps, though each has one at least.

    Parameters
    ----------
    volume, trades : number or ndarray
        Lot steps and trades, shape (n,); a volume of 0 tells nothing, and trades are 0 or NaN where nobody counts them.
    """
    return (volume > 0) & (trades > volume)


def lacks_volume(volume: Any, trades: Any, turnover: Any, moved: Any) -> Any:
    """Return a mask of the bars that have no volume beside trades, a turnover or a move of the price, bool[n].

    Parameters
    ----------
    volume, trades, turnover : ndarray
        Of bars, shape (n,); trades and turnover are 0 or NaN where the source does not tell them.
    moved : ndarray
        Whether high and low differ, bool[n].
    """
    return (volume == 0) & ((trades > 0) | (turnover > 0) | moved)


def usual_size(volume: np.ndarray, trades: np.ndarray) -> float:
    """Return the median quantity per trade of bars that tell both, shape (n,) each; 0 where none does."""
    told = (trades >= 1) & (volume > 0)
    return float(np.median(volume[told] / trades[told])) if told.any() else 0.0


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


# Of one bar, for kernels.
bar_beyond_its_trades, bar_has_more_trades = kernel(beyond_its_trades), kernel(more_trades_than_volume)
