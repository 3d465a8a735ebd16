"""Bounded indicators of closed bars and their flags: stochastic, RSI, directional index (signals.md §2, §3, §8.1)."""

import math

import numpy as np

from features.bars import newest
from features.catalogue import index_of
from features.layout import (
    ADX,
    ATR,
    ATR_20,
    BARS_SEEN,
    CLOSE_RING,
    EXTREME_WINDOWS,
    HIGHEST,
    HISTORY,
    LOWEST,
    MINUS_DM,
    PLUS_DM,
    STOCHASTIC_RING,
)
from features.windows import mean, ratio
from market.kernel import kernel
from market.lanes import uniform, where

_PLUS, _MINUS, _SIGN, _BIN = index_of("plus_di"), index_of("minus_di"), index_of("di_sign"), index_of("adx_bin")
_RSI, _RSI_LOW, _RSI_HIGH = index_of("rsi_14"), index_of("rsi_oversold"), index_of("rsi_overbought")
_K, _D, _SLOW = index_of("stochastic_k"), index_of("stochastic_d"), index_of("stochastic_slow")
_K_LOW, _K_HIGH = index_of("stochastic_oversold"), index_of("stochastic_overbought")
_ATR_14, _ATR_20, _ICHIMOKU = index_of("atr_14"), index_of("atr_20"), index_of("ichimoku_distance")

_NINE, _FOURTEEN = EXTREME_WINDOWS.index(9), EXTREME_WINDOWS.index(14)


@kernel
def update_oscillators(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write directional indices, the flags of the RSI, true ranges and the stochastic (after `trend.update_trend`)."""
    atr = floats[ATR]
    out[_ATR_14], out[_ATR_20] = atr, floats[ATR_20]
    out[_PLUS] = 100.0 * ratio(floats[PLUS_DM], atr, 0.0)
    out[_MINUS] = 100.0 * ratio(floats[MINUS_DM], atr, 0.0)
    out[_SIGN] = (floats[PLUS_DM] > floats[MINUS_DM]) - (floats[PLUS_DM] < floats[MINUS_DM])
    out[_BIN] = min(3, math.floor(floats[ADX] / 25.0))
    out[_RSI_LOW] = where(out[_RSI] < 30.0, 1.0, 0.0)
    out[_RSI_HIGH] = where(out[_RSI] > 70.0, 1.0, 0.0)
    last = newest(ints)
    middle = (floats[HIGHEST + _NINE] + floats[LOWEST + _NINE]) / 2.0
    out[_ICHIMOKU] = ratio(ints[CLOSE_RING + last] - middle, atr, math.nan)
    update_stochastic(floats, ints, out)


@kernel
def update_stochastic(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the stochastic of 14 bars, its means and its flags."""
    last = newest(ints)
    low, high = floats[LOWEST + _FOURTEEN], floats[HIGHEST + _FOURTEEN]
    place = 100.0 * ratio(ints[CLOSE_RING + last] - low, high - low, 0.5)
    at = (uniform(ints, BARS_SEEN) - 1) & (HISTORY - 1)
    floats[STOCHASTIC_RING + at] = floats[STOCHASTIC_RING + at + HISTORY] = place
    end = STOCHASTIC_RING + last + 1
    out[_K] = place
    out[_D] = mean(floats, end - 3, 3)
    out[_SLOW] = (mean(floats, end - 3, 3) + mean(floats, end - 4, 3) + mean(floats, end - 5, 3)) / 3.0
    out[_K_LOW] = where(place < 20.0, 1.0, 0.0)
    out[_K_HIGH] = where(place > 80.0, 1.0, 0.0)
