"""Features of closed bars: volatility, returns, volume, ratios of means (signals.md §1 A1, A2, A4, A5, §2)."""

import math

import numpy as np

from features.catalogue import family, index_of
from features.layout import (
    BARS_SEEN,
    BUY_RING,
    BUY_VOLUME,
    CLOSE,
    CLOSE_RING,
    DELTA_RING,
    FIRST_OPEN,
    GAP_OPEN,
    GARMAN_RING,
    HIGH,
    HIGH_RING,
    HISTORY,
    LAST_BAR,
    LOW,
    LOW_RING,
    OPEN,
    RANGE_RING,
    RETURN_RING,
    SELL_RING,
    SELL_VOLUME,
    SESSION_BARS,
    TOTAL_KNOWN,
    VOLUME,
    VOLUME_RING,
)
from features.windows import clip, deviation, highest, lowest, mean, prior_z, ratio
from market.elementary import log
from market.kernel import kernel

_LN2 = 0.6931471805599453  # log 2
_VOLATILITY = family("volatility_{}")
_VOLATILITY_RATIO = family("volatility_ratio_{}_{}")
_PARKINSON = family("parkinson_{}")
_RETURNS = family("returns_{}")
_VOLUME_RATIO = family("volume_ratio_{}")
_VOLUME_Z = family("volume_zscore_{}")
_MEAN_RATIO = family("ma_{}_{}_ratio")
_MOMENTUM = family("momentum_{}_{}")
_SHARPE = family("sharpe_{}")
_POSITION = family("price_position_{}")
_GK, _BANDS = index_of("volatility_gk"), index_of("bb_position")
_GAP, _SESSION_RETURN = index_of("gap_open"), index_of("ret_session")
_SIGNED_VOLUME, _DELTA_Z = index_of("signed_volume"), index_of("delta_z")


@kernel
def store_bar(floats: np.ndarray, ints: np.ndarray) -> None:
    """Append the last bar to the windows and count it."""
    opening, high, low, close = (
        ints[LAST_BAR + OPEN], ints[LAST_BAR + HIGH], ints[LAST_BAR + LOW], ints[LAST_BAR + CLOSE],
    )  # fmt: skip
    at = ints[BARS_SEEN] & (HISTORY - 1)
    previous = ints[CLOSE_RING + ((ints[BARS_SEEN] - 1) & (HISTORY - 1))]
    if ints[SESSION_BARS] == 0:
        ints[FIRST_OPEN] = opening
        floats[GAP_OPEN] = log(opening / previous) if ints[BARS_SEEN] > 0 else math.nan
        previous = opening
    spread = log(high / low) ** 2
    body = log(close / opening) ** 2
    for copy in (at, at + HISTORY):
        floats[RETURN_RING + copy] = log(close / previous)
        floats[RANGE_RING + copy] = spread
        floats[GARMAN_RING + copy] = 0.5 * spread - (2.0 * _LN2 - 1.0) * body
        ints[HIGH_RING + copy] = high
        ints[LOW_RING + copy] = low
        ints[CLOSE_RING + copy] = close
        ints[VOLUME_RING + copy] = ints[LAST_BAR + VOLUME]
        ints[BUY_RING + copy] = ints[LAST_BAR + BUY_VOLUME]
        ints[SELL_RING + copy] = ints[LAST_BAR + SELL_VOLUME]
        ints[DELTA_RING + copy] = ints[LAST_BAR + BUY_VOLUME] - ints[LAST_BAR + SELL_VOLUME]
    ints[BARS_SEEN] += 1
    ints[SESSION_BARS] += 1


@kernel
def newest(ints: np.ndarray) -> int:
    """Return the place of the last closed bar in a ring; the n bars before it lie to its left."""
    return int((ints[BARS_SEEN] - 1) & (HISTORY - 1)) + HISTORY


@kernel
def update_volatility(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the volatility group."""
    last = newest(ints)
    end = RETURN_RING + last + 1
    for i in range(_VOLATILITY.shape[0]):
        n = _VOLATILITY[i, 0]
        out[_VOLATILITY[i, 1]] = deviation(floats, end - n, n)
    for i in range(_VOLATILITY_RATIO.shape[0]):
        short, long = _VOLATILITY_RATIO[i, 0], _VOLATILITY_RATIO[i, 1]
        out[_VOLATILITY_RATIO[i, 2]] = ratio(
            deviation(floats, end - short, short), deviation(floats, end - long, long), 1.0
        )
    for i in range(_PARKINSON.shape[0]):
        n = _PARKINSON[i, 0]
        out[_PARKINSON[i, 1]] = math.sqrt(mean(floats, RANGE_RING + last + 1 - n, n) / (4.0 * _LN2))
    out[_GK] = math.sqrt(max(0.0, mean(floats, GARMAN_RING + last + 1 - 20, 20)))
    start = CLOSE_RING + last + 1 - 20
    out[_BANDS] = ratio(ints[CLOSE_RING + last] - mean(ints, start, 20), 2.0 * deviation(ints, start, 20), 0.0)


@kernel
def update_returns(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the returns group."""
    last = CLOSE_RING + newest(ints)
    for i in range(_RETURNS.shape[0]):
        out[_RETURNS[i, 1]] = log(ints[last] / ints[last - _RETURNS[i, 0]])
    out[_GAP] = floats[GAP_OPEN]
    out[_SESSION_RETURN] = log(ints[last] / ints[FIRST_OPEN])


@kernel
def update_volume(ints: np.ndarray, out: np.ndarray) -> None:
    """Write the volume group and the two features of aggressor volume in bars."""
    last = newest(ints)
    end = VOLUME_RING + last + 1
    for i in range(_VOLUME_RATIO.shape[0]):
        n = _VOLUME_RATIO[i, 0]
        out[_VOLUME_RATIO[i, 1]] = ratio(mean(ints, end - 10, 10), mean(ints, end - n, n), 1.0)
    for i in range(_VOLUME_Z.shape[0]):
        out[_VOLUME_Z[i, 1]] = clip(prior_z(ints, end - 1, _VOLUME_Z[i, 0], 0.0), 10.0)
    # Without a single known aggressor the deltas are not zero but unknown.
    known = ints[TOTAL_KNOWN] > 0
    delta = DELTA_RING + last
    out[_SIGNED_VOLUME] = ratio(ints[delta], mean(ints, end - 20, 20), 0.0) if known else math.nan
    out[_DELTA_Z] = prior_z(ints, delta, 50, math.nan) if known else math.nan


@kernel
def update_means(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the windowed part of the technical group."""
    last = newest(ints)
    close = CLOSE_RING + last
    returns = RETURN_RING + last + 1
    for i in range(_MEAN_RATIO.shape[0]):
        short, long = _MEAN_RATIO[i, 0], _MEAN_RATIO[i, 1]
        out[_MEAN_RATIO[i, 2]] = mean(ints, close + 1 - short, short) / mean(ints, close + 1 - long, long) - 1.0
    for i in range(_MOMENTUM.shape[0]):
        short, long = _MOMENTUM[i, 0], _MOMENTUM[i, 1]
        recent = log(ints[close] / ints[close - short]) / short
        before = log(ints[close - short] / ints[close - long]) / (long - short)
        out[_MOMENTUM[i, 2]] = clip(ratio(recent - before, deviation(floats, returns - long, long), 0.0), 10.0)
    for i in range(_SHARPE.shape[0]):
        n = _SHARPE[i, 0]
        value = ratio(mean(floats, returns - n, n), deviation(floats, returns - n, n), 0.0) * math.sqrt(n)
        out[_SHARPE[i, 1]] = clip(value, 10.0)
    for i in range(_POSITION.shape[0]):
        first = last + 1 - _POSITION[i, 0]
        low, high = lowest(ints, LOW_RING + first, _POSITION[i, 0]), highest(ints, HIGH_RING + first, _POSITION[i, 0])
        out[_POSITION[i, 1]] = ratio(ints[close] - low, high - low, 0.5)
