"""Exponential and Wilder averages of closed bars: EMA, ATR, RSI, directional index (signals.md §0, §3, §8.1)."""

import math

import numpy as np

from features.catalogue import index_of
from features.layout import (
    ADX,
    ATR,
    BARS_SEEN,
    CLOSE_RING,
    EMA,
    EMA_FAMILY,
    GAIN,
    HIGH_RING,
    HISTORY,
    LOSS,
    LOW_RING,
    MINUS_DM,
    PLUS_DM,
    SESSION_BARS,
)
from features.windows import ratio
from market.kernel import kernel

_RSI, _ADX, _DI = index_of("rsi_14"), index_of("adx_14"), index_of("di_diff")
_ATR_PCT = index_of("atr_pct")


@kernel
def wilder(floats: np.ndarray, at: int, value: float, seed: bool) -> None:
    """Move Wilder's average of 14 at `at` to include `value`; the first value seeds it."""
    floats[at] = value if seed else floats[at] + (value - floats[at]) / 14.0


@kernel
def update_averages(floats: np.ndarray, ints: np.ndarray) -> None:
    """Move every recursion by the last closed bar (to be called after `bars.store_bar`)."""
    seen = ints[BARS_SEEN]
    last = ((seen - 1) & (HISTORY - 1)) + HISTORY
    close, high, low = ints[CLOSE_RING + last], ints[HIGH_RING + last], ints[LOW_RING + last]
    for i in range(EMA_FAMILY.shape[0]):
        step = 2.0 / (EMA_FAMILY[i, 0] + 1.0)
        floats[EMA + i] = close if seen == 1 else floats[EMA + i] + step * (close - floats[EMA + i])
    previous = ints[CLOSE_RING + last - 1]
    if seen > 1:
        wilder(floats, GAIN, max(close - previous, 0), seen == 2)
        wilder(floats, LOSS, max(previous - close, 0), seen == 2)
    true_range, plus, minus = high - low, 0, 0
    if ints[SESSION_BARS] > 1:  # the first bar of a session carries no overnight shock
        true_range = max(true_range, abs(high - previous), abs(low - previous))
        up = max(high - ints[HIGH_RING + last - 1], 0)
        down = max(ints[LOW_RING + last - 1] - low, 0)
        plus = up if up > down else 0
        minus = down if down > up else 0
    wilder(floats, ATR, true_range, seen == 1)
    wilder(floats, PLUS_DM, plus, seen == 1)
    wilder(floats, MINUS_DM, minus, seen == 1)
    # The smoothed range cancels out of DX.
    both = floats[PLUS_DM] + floats[MINUS_DM]
    wilder(floats, ADX, 100.0 * ratio(abs(floats[PLUS_DM] - floats[MINUS_DM]), both, 0.0), seen == 1)


@kernel
def update_trend(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the recursive part of the technical group."""
    close = ints[CLOSE_RING + ((ints[BARS_SEEN] - 1) & (HISTORY - 1))]
    atr = floats[ATR]
    for i in range(EMA_FAMILY.shape[0]):
        out[EMA_FAMILY[i, 1]] = ratio(close - floats[EMA + i], atr, math.nan)
    gain, loss = floats[GAIN], floats[LOSS]
    if loss > 0.0:
        out[_RSI] = 100.0 - 100.0 / (1.0 + gain / loss)
    else:
        out[_RSI] = 100.0 if gain > 0.0 else 50.0
    out[_ADX] = floats[ADX]
    out[_DI] = 100.0 * ratio(floats[PLUS_DM] - floats[MINUS_DM], atr, 0.0)
    out[_ATR_PCT] = atr / close
