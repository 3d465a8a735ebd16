"""Exponential and Wilder averages of closed bars: EMA, ATR, RSI, directional index (signals.md §0, §3, §8.1)."""

import math

import numpy as np

from features.catalogue import index_of
from features.layout import (
    ADX,
    ATR,
    ATR_20,
    BARS_SEEN,
    CLOSE_RING,
    EMA,
    EMA_FAMILY,
    GAIN,
    HIGH_RING,
    HISTORY,
    LOSS,
    LOW_RING,
    MACD_BEFORE,
    MACD_FAST,
    MACD_HISTOGRAM,
    MACD_SIGNAL,
    MINUS_DM,
    PLUS_DM,
    SESSION_BARS,
)
from features.windows import ratio
from market.kernel import kernel
from market.lanes import uniform, where

_RSI, _ADX, _DI = index_of("rsi_14"), index_of("adx_14"), index_of("di_diff")
_ATR_PCT = index_of("atr_pct")
_EMA_26 = EMA + [int(n) for n in EMA_FAMILY[:, 0]].index(26)


@kernel
def wilder(floats: np.ndarray, at: int, value: float, seed: bool, n: float = 14.0) -> None:
    """Move Wilder's average of `n` at `at` to include `value`; the first value seeds it."""
    floats[at] = value if seed else floats[at] + (value - floats[at]) / n


@kernel
def move_ema(floats: np.ndarray, at: int, value: float, seed: bool, n: float) -> None:
    """Move the exponential average of `n` at `at` to include `value`; the first value seeds it."""
    floats[at] = value if seed else floats[at] + 2.0 / (n + 1.0) * (value - floats[at])


@kernel
def update_averages(floats: np.ndarray, ints: np.ndarray) -> None:
    """Move every recursion by the last closed bar (to be called after `bars.store_bar`)."""
    seen = uniform(ints, BARS_SEEN)
    last = ((seen - 1) & (HISTORY - 1)) + HISTORY
    close, high, low = ints[CLOSE_RING + last], ints[HIGH_RING + last], ints[LOW_RING + last]
    for i in range(EMA_FAMILY.shape[0]):
        move_ema(floats, EMA + i, close, seen == 1, EMA_FAMILY[i, 0])
    move_ema(floats, MACD_FAST, close, seen == 1, 12.0)
    line = floats[MACD_FAST] - floats[_EMA_26]
    move_ema(floats, MACD_SIGNAL, line, seen == 1, 9.0)
    histogram = floats[MACD_HISTOGRAM]  # a cross comes from the other side, not from 0
    floats[MACD_BEFORE] = where(histogram != 0.0, histogram, floats[MACD_BEFORE])
    floats[MACD_HISTOGRAM] = line - floats[MACD_SIGNAL]
    previous = ints[CLOSE_RING + last - 1]
    if seen > 1:
        wilder(floats, GAIN, max(close - previous, 0), seen == 2)
        wilder(floats, LOSS, max(previous - close, 0), seen == 2)
    later = ints[SESSION_BARS] > 1  # the first bar of a session carries no overnight shock
    true_range = where(later, max(high - low, abs(high - previous), abs(low - previous)), high - low)
    up = max(high - ints[HIGH_RING + last - 1], 0)
    down = max(ints[LOW_RING + last - 1] - low, 0)
    plus, minus = where(later & (up > down), up, 0), where(later & (down > up), down, 0)
    wilder(floats, ATR, true_range, seen == 1)
    wilder(floats, ATR_20, true_range, seen == 1, 20.0)
    wilder(floats, PLUS_DM, plus, seen == 1)
    wilder(floats, MINUS_DM, minus, seen == 1)
    # The smoothed range cancels out of DX.
    both = floats[PLUS_DM] + floats[MINUS_DM]
    wilder(floats, ADX, 100.0 * ratio(abs(floats[PLUS_DM] - floats[MINUS_DM]), both, 0.0), seen == 1)


@kernel
def update_trend(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the recursive part of the technical group."""
    close = ints[CLOSE_RING + ((uniform(ints, BARS_SEEN) - 1) & (HISTORY - 1))]
    atr = floats[ATR]
    for i in range(EMA_FAMILY.shape[0]):
        out[EMA_FAMILY[i, 1]] = ratio(close - floats[EMA + i], atr, math.nan)
    gain, loss = floats[GAIN], floats[LOSS]
    out[_RSI] = where(loss > 0.0, 100.0 - 100.0 / (1.0 + gain / loss), where(gain > 0.0, 100.0, 50.0))
    out[_ADX] = floats[ADX]
    out[_DI] = 100.0 * ratio(floats[PLUS_DM] - floats[MINUS_DM], atr, 0.0)
    out[_ATR_PCT] = atr / close
