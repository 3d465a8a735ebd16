"""Who took the initiative in closed bars: imbalance of volume and trades (signals.md §2).

Until a session has shown an aggressor all of these are unknown, not balanced.
"""

import math

import numpy as np

from features.bars import newest
from features.catalogue import family, index_of
from features.layout import (
    ATR,
    BARS_SEEN,
    BUY_RING,
    BUY_TRADES,
    BUY_VOLUME,
    CLOSE_RING,
    HISTORY,
    IMBALANCE_RING,
    LAST_BAR,
    RETURN_RING,
    RUN,
    SELL_RING,
    SELL_TRADES,
    SELL_VOLUME,
    TOTAL_KNOWN,
    TRADE_IMBALANCE_RING,
    TRADE_SIZE_RING,
    TRADES,
    VOLUME,
)
from features.windows import deviation, mean, prior_z, ratio
from market.kernel import kernel

_BUY, _BUY_MEAN = index_of("buy_pressure"), family("buy_pressure_mean_{}")
_BUY_DEVIATION = family("buy_pressure_deviation_{}")
_IMBALANCE, _SIZE = index_of("imbalance"), index_of("imbalance_size")
_MEAN, _SIGMA, _Z = family("imbalance_mean_{}"), family("imbalance_sigma_{}"), family("imbalance_z_{}")
_TRADES, _TRADES_SIZE = index_of("trade_imbalance"), index_of("trade_imbalance_size")
_TRADES_MEAN, _TRADE_SIZE = family("trade_imbalance_mean_{}"), family("trade_size_ratio_{}")
_VOLATILITY = family("imbalance_volatility_{}")
_GAP_BUY, _GAP_SELL, _GAP_DIFF = family("vw_buy_{}"), family("vw_sell_{}"), family("vw_diff_{}")
_RUN, _RUN_MAX = index_of("run_length"), 20
_SET = np.concatenate(
    [np.array([_BUY, _IMBALANCE, _SIZE, _TRADES, _TRADES_SIZE, _RUN])]
    + [
        members[:, 1]
        for members in (
            _BUY_MEAN, _BUY_DEVIATION, _MEAN, _SIGMA, _Z, _TRADES_MEAN, _VOLATILITY, _GAP_BUY, _GAP_SELL, _GAP_DIFF,
        )
    ]
)  # fmt: skip


@kernel
def store_imbalances(floats: np.ndarray, ints: np.ndarray) -> None:
    """Append what the last bar's aggressors did to the windows."""
    buy, sell = ints[LAST_BAR + BUY_VOLUME], ints[LAST_BAR + SELL_VOLUME]
    buys, sells = ints[LAST_BAR + BUY_TRADES], ints[LAST_BAR + SELL_TRADES]
    at = (ints[BARS_SEEN] - 1) & (HISTORY - 1)
    for copy in (at, at + HISTORY):
        floats[IMBALANCE_RING + copy] = ratio(buy - sell, buy + sell, 0.0)
        floats[TRADE_IMBALANCE_RING + copy] = ratio(buys - sells, buys + sells, 0.0)
        floats[TRADE_SIZE_RING + copy] = ratio(ints[LAST_BAR + VOLUME], ints[LAST_BAR + TRADES], 0.0)
    if buys == sells:
        ints[RUN] = 0
    elif buys > sells:
        ints[RUN] = min(max(ints[RUN], 0) + 1, _RUN_MAX)
    else:
        ints[RUN] = max(min(ints[RUN], 0) - 1, -_RUN_MAX)


@kernel
def update_pressure(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the pressure group, trade sizes, and volatility weighted by imbalance."""
    store_imbalances(floats, ints)
    last = newest(ints)
    imbalance, trades = IMBALANCE_RING + last, TRADE_IMBALANCE_RING + last
    out[_IMBALANCE], out[_SIZE] = floats[imbalance], abs(floats[imbalance])
    out[_TRADES], out[_TRADES_SIZE] = floats[trades], abs(floats[trades])
    out[_RUN] = ints[RUN]
    out[_BUY] = 0.5 * (1.0 + floats[imbalance])
    for i in range(_MEAN.shape[0]):
        n = _MEAN[i, 0]
        start = imbalance + 1 - n
        centre = mean(floats, start, n)
        out[_MEAN[i, 1]] = centre
        out[_SIGMA[i, 1]] = deviation(floats, start, n)
        out[_Z[i, 1]] = prior_z(floats, imbalance, n, math.nan)
        out[_BUY_MEAN[i, 1]] = 0.5 * (1.0 + centre)  # Ib = (1 + Im)/2, also without an aggressor
        out[_BUY_DEVIATION[i, 1]] = 0.5 * (floats[imbalance] - centre)
        out[_TRADES_MEAN[i, 1]] = mean(floats, trades + 1 - n, n)
        out[_TRADE_SIZE[i, 1]] = trade_size_ratio(floats, TRADE_SIZE_RING + last, n)
        sizes = 0.0
        for k in range(start, imbalance + 1):
            sizes += abs(floats[k])
        weight = ratio(abs(floats[imbalance]), sizes / n, 1.0)
        out[_VOLATILITY[i, 1]] = deviation(floats, RETURN_RING + last + 1 - n, n) * weight


@kernel
def trade_size_ratio(floats: np.ndarray, last: int, n: int) -> float:
    """Return the last bar's mean trade size against that of the window's bars that traded; 1 without trades."""
    total, count = 0.0, 0
    for k in range(last + 1 - n, last + 1):
        total += floats[k]
        count += floats[k] > 0.0
    return floats[last] * count / total if floats[last] > 0.0 else 1.0


@kernel
def update_gaps(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the distances to the mean prices of buyers and sellers; then forget what no aggressor vouches for."""
    last = newest(ints)
    for i in range(_GAP_BUY.shape[0]):
        buy = mean_price_gap(ints, BUY_RING, last, _GAP_BUY[i, 0])
        sell = mean_price_gap(ints, SELL_RING, last, _GAP_BUY[i, 0])
        out[_GAP_BUY[i, 1]] = ratio(buy, floats[ATR], 0.0)
        out[_GAP_SELL[i, 1]] = ratio(sell, floats[ATR], 0.0)
        out[_GAP_DIFF[i, 1]] = ratio(sell - buy, floats[ATR], 0.0)
    if ints[TOTAL_KNOWN] == 0:
        for i in range(_SET.size):
            out[_SET[i]] = math.nan


@kernel
def mean_price_gap(ints: np.ndarray, ring: int, last: int, n: int) -> float:
    """Return how far the close lies above the mean close weighted by a side's volume, ticks; 0 without volume."""
    close = ints[CLOSE_RING + last]
    moment = total = 0  # integers, hence exact
    for k in range(last + 1 - n, last + 1):
        moment += (close - ints[CLOSE_RING + k]) * ints[ring + k]
        total += ints[ring + k]
    return ratio(moment, total, 0.0)
