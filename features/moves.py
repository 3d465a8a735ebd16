"""Moves of closed bars in units of their range and volatility (signals.md §2: momentum, acceleration, volatility)."""

import math

import numpy as np

from features.bars import log_return, newest
from features.catalogue import family, index_of, table
from features.layout import (
    ATR,
    CLOSE,
    CLOSE_RING,
    GARMAN_MEAN,
    HIGH,
    LAST_BAR,
    LOW,
    RANGE_WINDOWS,
    RETURN_RING,
    RETURN_SIGMA,
    RETURN_WINDOWS,
)
from features.statistics import of_windows
from features.windows import ratio
from market.kernel import kernel
from market.lanes import where

_MOMENTUM, _ACCELERATION = family("mom_{}"), family("acceleration_{}")
_ACCELERATION_SIGMA = table([[RETURN_SIGMA + RETURN_WINDOWS.index(2 * n)] for n in _ACCELERATION[:, 0].tolist()])
_GARMAN_KLASS = of_windows("garman_klass_{}", GARMAN_MEAN, RANGE_WINDOWS)
_UP, _DOWN, _UP_DOWN = family("up_volatility_{}"), family("down_volatility_{}"), family("up_down_ratio_{}")
_CHANGE, _RANGE = index_of("change"), index_of("range_pct")
_RATIO_MAX = 10.0


@kernel
def update_moves(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write momentum, acceleration, and the change and range of the last bar."""
    last = newest(ints)
    close = CLOSE_RING + last
    for i in range(_MOMENTUM.shape[0]):
        out[_MOMENTUM[i, 1]] = ratio(ints[close] - ints[close - _MOMENTUM[i, 0]], floats[ATR], math.nan)
    for i in range(_ACCELERATION.shape[0]):
        n = _ACCELERATION[i, 0]
        recent, before = log_return(floats, ints, n, 0), log_return(floats, ints, 2 * n, n)
        out[_ACCELERATION[i, 1]] = ratio(recent - before, floats[_ACCELERATION_SIGMA[i, 0]], 0.0)
    out[_CHANGE] = ints[close] - ints[close - 1]
    out[_RANGE] = 100.0 * (ints[LAST_BAR + HIGH] - ints[LAST_BAR + LOW]) / ints[LAST_BAR + CLOSE]


@kernel
def update_sided_volatility(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write Garman-Klass of every window and the volatility of rises and falls."""
    end = newest(ints) + 1
    for i in range(_GARMAN_KLASS.shape[0]):
        out[_GARMAN_KLASS[i, 1]] = math.sqrt(max(0.0, floats[_GARMAN_KLASS[i, 0]]))
    for i in range(_UP.shape[0]):
        n = _UP[i, 0]
        up = down = 0.0
        for k in range(RETURN_RING + end - n, RETURN_RING + end):
            square = floats[k] * floats[k]
            up += where(floats[k] > 0.0, square, 0.0)
            down += where(floats[k] < 0.0, square, 0.0)
        up, down = math.sqrt(up / n), math.sqrt(down / n)
        out[_UP[i, 1]], out[_DOWN[i, 1]] = up, down
        out[_UP_DOWN[i, 1]] = min(_RATIO_MAX, ratio(up, down, 1.0))
