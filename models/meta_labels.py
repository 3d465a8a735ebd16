"""Meta-labels: take or leave a side that is already chosen, by whether its trade would have paid (AFML ch. 3).

The trade enters at the decision's price of its side, and leaves at the profit or the stop, both the label's barrier
away, or at the end of the horizon. A bar that reaches both is counted as the stop: which came first is not known.
"""

import numpy as np

from market.errors import DataError
from market.kernel import kernel
from models.price_path import PricePath, last_row_within

TAKE = np.dtype(
    [
        ("end_row", "<i8"),  # the bar in which the trade left
        ("gain_ticks", "<f8"),  # before fees; NaN where there is no trade
        ("take", "i1"),  # 1 it paid, 0 it did not, -1 no trade: no side, no barrier, no later bar, or a gap came first
    ]
)


def meta_labels(
    path: PricePath, barrier_ticks: np.ndarray, side: np.ndarray, cost_ticks: np.ndarray, horizon_bars: int
) -> np.ndarray:
    """Return one TAKE record per row.

    Parameters
    ----------
    path : PricePath
        One bar per row.
    barrier_ticks : f8[n]
        Distance of profit and stop (`labels["barrier_ticks"]`); NaN gives no trade.
    side : i1[n]
        1 the primary model would buy, -1 sell, 0 neither.
    cost_ticks : f8[n]
        Fees of a round trip; the spread is in the prices. A trade pays if it gains more.
    horizon_bars : int
        Bars after the decision in which the trade may leave.
    """
    sizes = [len(values) for values in (barrier_ticks, side, cost_ticks)]
    if sizes != [path.close.size] * 3:
        raise DataError(f"labels: expected {path.close.size} barriers, sides and costs, found {sizes}; one per bar")
    out = np.zeros(path.close.size, dtype=TAKE)
    barriers, sides, costs = (np.array(values, dtype=np.float64) for values in (barrier_ticks, side, cost_ticks))
    _write_trades(path, barriers, sides, costs, horizon_bars, out)
    return out


@kernel
def _write_trades(
    path: PricePath, barriers: np.ndarray, sides: np.ndarray, costs: np.ndarray, horizon: int, out: np.ndarray
) -> None:
    for row in range(path.close.size):
        end, gain = row, np.nan
        if sides[row] != 0 and np.isfinite(barriers[row]):
            end, gain = _trade(path, row, last_row_within(path, row, horizon), barriers[row], sides[row])
        out[row]["end_row"], out[row]["gain_ticks"] = end, gain
        out[row]["take"] = -1 if np.isnan(gain) else int(gain > costs[row])


@kernel
def _trade(path: PricePath, row: int, last: int, barrier: float, side: float) -> tuple[int, float]:
    """Return the bar in which the trade left and what it gained."""
    for later in range(row + 1, last + 1):
        if path.after_gap[later]:
            return row, np.nan
        if side > 0:
            worst, most = path.bid_low[later] - path.ask[row], path.bid_high[later] - path.ask[row]
        else:
            worst, most = path.bid[row] - path.ask_high[later], path.bid[row] - path.ask_low[later]
        if worst <= -barrier:
            return later, -barrier
        if most >= barrier:
            return later, barrier
    if last == row:
        return row, np.nan
    return last, path.bid[last] - path.ask[row] if side > 0 else path.bid[row] - path.ask[last]
