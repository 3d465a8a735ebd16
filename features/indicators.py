"""Bands and averages of closes as distances in units of the average true range (signals.md §2, §3)."""

import math

import numpy as np

from features.bars import newest
from features.catalogue import family, index_of
from features.layout import (
    ATR,
    BARS_SEEN,
    CLOSE_MEAN,
    CLOSE_RING,
    CLOSE_SIGMA,
    CLOSE_WINDOWS,
    EMA,
    EMA_FAMILY,
    HISTORY,
    MACD_BEFORE,
    MACD_FAST,
    MACD_HISTOGRAM,
    MACD_SIGNAL,
    WIDTH_20_RING,
    WIDTH_50_RING,
)
from features.statistics import of_windows
from features.windows import mean, ratio
from market.kernel import kernel
from market.lanes import uniform, where

_SIMPLE = of_windows("sma{}_distance", CLOSE_MEAN, CLOSE_WINDOWS)
_TEN, _TWENTY, _FIFTY = (CLOSE_WINDOWS.index(n) for n in (10, 20, 50))
_WIDTH_10, _WIDTH_20, _WIDTH_50 = (index_of(f"bb_width_{n}") for n in (10, 20, 50))
_UPPER_20, _UPPER_50 = index_of("bb_upper_20"), index_of("bb_upper_50")
_LOWER_20, _LOWER_50 = index_of("bb_lower_20"), index_of("bb_lower_50")
_CLIPPED_20, _CLIPPED_50, _PERCENT_20 = index_of("bb_clipped_20"), index_of("bb_clipped_50"), index_of("bb_percent_20")
_SQUEEZE_20, _SQUEEZE_50 = index_of("bb_squeeze_20"), index_of("bb_squeeze_50")
_ALIGNMENT = index_of("ema_alignment")
_EMA_GAP = family("ema{}_minus_ema{}")
_LINE, _SIGNAL, _HISTOGRAM = index_of("macd_line"), index_of("macd_signal"), index_of("macd_histogram")
_CROSS_UP, _CROSS_DOWN = index_of("macd_cross_up"), index_of("macd_cross_down")
_LENGTHS = [int(n) for n in EMA_FAMILY[:, 0]]
_EMA_9, _EMA_20, _EMA_26, _EMA_50 = (EMA + _LENGTHS.index(n) for n in (9, 20, 26, 50))
_EMA_PAIRS = np.array([[EMA + _LENGTHS.index(a), EMA + _LENGTHS.index(b), at] for a, b, at in _EMA_GAP.tolist()])


@kernel
def update_indicators(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write bands, simple averages, distances between exponential ones, and the MACD."""
    close, atr = ints[CLOSE_RING + newest(ints)], floats[ATR]
    for i in range(_SIMPLE.shape[0]):
        out[_SIMPLE[i, 1]] = ratio(close - floats[_SIMPLE[i, 0]], atr, math.nan)
    update_bands(floats, ints, out)
    fast, middle, slow = floats[_EMA_9], floats[_EMA_20], floats[_EMA_50]
    out[_ALIGNMENT] = ((fast > middle) + (middle > slow) + (close > fast)) / 3.0
    for i in range(_EMA_PAIRS.shape[0]):
        out[_EMA_PAIRS[i, 2]] = ratio(floats[_EMA_PAIRS[i, 0]] - floats[_EMA_PAIRS[i, 1]], atr, math.nan)
    now, before = floats[MACD_HISTOGRAM], floats[MACD_BEFORE]
    out[_LINE] = ratio(floats[MACD_FAST] - floats[_EMA_26], atr, math.nan)
    out[_SIGNAL] = ratio(floats[MACD_SIGNAL], atr, math.nan)
    out[_HISTOGRAM] = ratio(now, atr, math.nan)
    out[_CROSS_UP] = where((before < 0.0) & (now > 0.0), 1.0, 0.0)
    out[_CROSS_DOWN] = where((before > 0.0) & (now < 0.0), 1.0, 0.0)


@kernel
def update_bands(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the Bollinger bands of 10, 20 and 50 closes."""
    newest_bar = newest(ints)
    close, atr = ints[CLOSE_RING + newest_bar], floats[ATR]
    out[_WIDTH_10] = 4.0 * floats[CLOSE_SIGMA + _TEN] / floats[CLOSE_MEAN + _TEN]
    middle, sigma = floats[CLOSE_MEAN + _TWENTY], floats[CLOSE_SIGMA + _TWENTY]
    out[_WIDTH_20] = 4.0 * sigma / middle
    out[_UPPER_20] = ratio(close - middle - 2.0 * sigma, atr, math.nan)
    out[_LOWER_20] = ratio(close - middle + 2.0 * sigma, atr, math.nan)
    out[_PERCENT_20] = ratio(close - middle + 2.0 * sigma, 4.0 * sigma, 0.5)
    out[_CLIPPED_20] = min(1.0, max(0.0, out[_PERCENT_20]))
    middle, sigma = floats[CLOSE_MEAN + _FIFTY], floats[CLOSE_SIGMA + _FIFTY]
    out[_WIDTH_50] = 4.0 * sigma / middle
    out[_UPPER_50] = ratio(close - middle - 2.0 * sigma, atr, math.nan)
    out[_LOWER_50] = ratio(close - middle + 2.0 * sigma, atr, math.nan)
    out[_CLIPPED_50] = min(1.0, max(0.0, ratio(close - middle + 2.0 * sigma, 4.0 * sigma, 0.5)))
    at = (uniform(ints, BARS_SEEN) - 1) & (HISTORY - 1)
    for copy in (at, at + HISTORY):
        floats[WIDTH_20_RING + copy], floats[WIDTH_50_RING + copy] = out[_WIDTH_20], out[_WIDTH_50]
    start = newest_bar - 49
    out[_SQUEEZE_20] = where(out[_WIDTH_20] < mean(floats, WIDTH_20_RING + start, 50), 1.0, 0.0)
    out[_SQUEEZE_50] = where(out[_WIDTH_50] < mean(floats, WIDTH_50_RING + start, 50), 1.0, 0.0)
