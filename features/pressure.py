"""Who took the initiative in closed bars: imbalance of volume and trades (signals.md §2).

Until a session has shown an aggressor `features.missing` makes all of these unknown, not balanced.
"""

import math

import numpy as np

from features.bars import newest
from features.catalogue import family, index_of, table
from features.layout import (
    ATR,
    BARS_SEEN,
    BUY_TRADES,
    BUY_VOLUME,
    CLOSE_RING,
    HISTORY,
    IMBALANCE_MEAN,
    IMBALANCE_RING,
    IMBALANCE_SIGMA,
    IMBALANCE_WINDOWS,
    LAST_BAR,
    PRIOR_MEAN,
    PRIOR_SIGMA,
    RETURN_SIGMA,
    RETURN_WINDOWS,
    RUN,
    SELL_TRADES,
    SELL_VOLUME,
    SUM_BUY,
    SUM_SELL,
    TRADE_IMBALANCE_RING,
    TRADE_SIZE_RING,
    TRADES,
    VOLUME,
)
from features.statistics import nested_moments, of_windows, summed
from features.windows import ratio
from market.kernel import kernel
from market.lanes import uniform, where

_BUY, _BUY_MEAN = index_of("buy_pressure"), family("buy_pressure_mean_{}")
_BUY_DEVIATION = family("buy_pressure_deviation_{}")
_IMBALANCE, _SIZE = index_of("imbalance"), index_of("imbalance_size")
_MEAN, _SIGMA, _Z = family("imbalance_mean_{}"), family("imbalance_sigma_{}"), family("imbalance_z_{}")
_TRADES, _TRADES_SIZE = index_of("trade_imbalance"), index_of("trade_imbalance_size")
_TRADES_MEAN, _TRADE_SIZE = family("trade_imbalance_mean_{}"), family("trade_size_ratio_{}")
_VOLATILITY = of_windows("imbalance_volatility_{}", RETURN_SIGMA, RETURN_WINDOWS)
_GAP_BUY, _GAP_SELL, _GAP_DIFF = family("vw_buy_{}"), family("vw_sell_{}"), family("vw_diff_{}")
_WINDOWS = table([[n] for n in IMBALANCE_WINDOWS]).ravel()  # those of every family here
_RUN, _RUN_MAX = index_of("run_length"), 20


@kernel
def store_imbalances(floats: np.ndarray, ints: np.ndarray) -> None:
    """Append what the last bar's aggressors did to the windows."""
    buy, sell = ints[LAST_BAR + BUY_VOLUME], ints[LAST_BAR + SELL_VOLUME]
    buys, sells = ints[LAST_BAR + BUY_TRADES], ints[LAST_BAR + SELL_TRADES]
    at = (uniform(ints, BARS_SEEN) - 1) & (HISTORY - 1)
    for copy in (at, at + HISTORY):
        floats[IMBALANCE_RING + copy] = ratio(buy - sell, buy + sell, 0.0)
        floats[TRADE_IMBALANCE_RING + copy] = ratio(buys - sells, buys + sells, 0.0)
        floats[TRADE_SIZE_RING + copy] = ratio(ints[LAST_BAR + VOLUME], ints[LAST_BAR + TRADES], 0.0)
    longer_up = min(max(ints[RUN], 0) + 1, _RUN_MAX)
    longer_down = max(min(ints[RUN], 0) - 1, -_RUN_MAX)
    ints[RUN] = where(buys == sells, 0, where(buys > sells, longer_up, longer_down))


@kernel
def update_pressure(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the pressure group, trade sizes, and volatility weighted by imbalance."""
    store_imbalances(floats, ints)
    last = newest(ints)
    write_sizes(floats, last, out)
    imbalance, trades = IMBALANCE_RING + last, TRADE_IMBALANCE_RING + last
    out[_IMBALANCE], out[_SIZE] = floats[imbalance], abs(floats[imbalance])
    out[_TRADES], out[_TRADES_SIZE] = floats[trades], abs(floats[trades])
    out[_RUN] = ints[RUN]
    buy, sell = ints[LAST_BAR + BUY_VOLUME], ints[LAST_BAR + SELL_VOLUME]
    out[_BUY] = ratio(buy, buy + sell, 0.5)  # the same bits as the share of a minute's tape
    nested_moments(floats, imbalance, _WINDOWS, IMBALANCE_MEAN, IMBALANCE_SIGMA)
    nested_moments(floats, imbalance - 1, _WINDOWS, PRIOR_MEAN, PRIOR_SIGMA)
    for i in range(_WINDOWS.size):
        centre = floats[IMBALANCE_MEAN + i]
        out[_MEAN[i, 1]], out[_SIGMA[i, 1]] = centre, floats[IMBALANCE_SIGMA + i]
        out[_Z[i, 1]] = ratio(floats[imbalance] - floats[PRIOR_MEAN + i], floats[PRIOR_SIGMA + i], math.nan)
        out[_BUY_MEAN[i, 1]] = 0.5 * (1.0 + centre)  # Ib = (1 + Im)/2, also without an aggressor
        out[_BUY_DEVIATION[i, 1]] = 0.5 * (floats[imbalance] - centre)


@kernel
def write_sizes(floats: np.ndarray, last: int, out: np.ndarray) -> None:
    """Write what needs sums of trade imbalances, of imbalances' sizes and of trade sizes, in one pass."""
    signed = sizes = traded = 0.0
    traded_bars, end = 0, last + 1
    size, imbalance = floats[TRADE_SIZE_RING + last], abs(floats[IMBALANCE_RING + last])
    for i in range(_WINDOWS.size):
        n = _WINDOWS[i]
        start = last + 1 - n
        for k in range(start, end):
            signed += floats[TRADE_IMBALANCE_RING + k]
            sizes += abs(floats[IMBALANCE_RING + k])
            traded += floats[TRADE_SIZE_RING + k]
            traded_bars += floats[TRADE_SIZE_RING + k] > 0.0
        end = start
        out[_TRADES_MEAN[i, 1]] = signed / n
        out[_TRADE_SIZE[i, 1]] = where(size > 0.0, size * traded_bars / traded, 1.0)
        out[_VOLATILITY[i, 1]] = floats[_VOLATILITY[i, 0]] * ratio(imbalance, sizes / n, 1.0)


@kernel
def update_gaps(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the distances to the mean prices of buyers and sellers (after `update_pressure`)."""
    close = ints[CLOSE_RING + newest(ints)]
    for i in range(_GAP_BUY.shape[0]):
        buy = mean_price_gap(ints, SUM_BUY, close, _GAP_BUY[i, 0])
        sell = mean_price_gap(ints, SUM_SELL, close, _GAP_BUY[i, 0])
        out[_GAP_BUY[i, 1]] = ratio(buy, floats[ATR], 0.0)
        out[_GAP_SELL[i, 1]] = ratio(sell, floats[ATR], 0.0)
        out[_GAP_DIFF[i, 1]] = ratio(sell - buy, floats[ATR], 0.0)


@kernel
def mean_price_gap(ints: np.ndarray, side: int, close: int, n: int) -> float:
    """Return how far the close lies above the mean close weighted by a side's volume, ticks; 0 without volume."""
    volume = summed(ints, side, n, 0)
    return ratio(close * volume - summed(ints, side + 1, n, 0), volume, 0.0)
