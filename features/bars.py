"""Features of closed bars: volatility, returns, volume, ratios of means (signals.md §1 A1, A2, A4, A5, §2)."""

import math

import numpy as np

from features.catalogue import family, index_of, table
from features.layout import (
    BARS_SEEN,
    BUY_VOLUME,
    CLOSE,
    CLOSE_MEAN,
    CLOSE_RING,
    CLOSE_SIGMA,
    CLOSE_WINDOWS,
    DELTA_RING,
    EXTREME_WINDOWS,
    FIRST_OPEN,
    GAP_OPEN,
    GARMAN_MEAN,
    GARMAN_RING,
    HIGH,
    HIGH_RING,
    HIGHEST,
    HISTORY,
    LAST_BAR,
    LOG_CLOSE_RING,
    LOG_VOLUME_RING,
    LOW,
    LOW_RING,
    LOWEST,
    OPEN,
    RANGE_MEAN,
    RANGE_RING,
    RANGE_WINDOWS,
    RETURN_MEAN,
    RETURN_RING,
    RETURN_SIGMA,
    RETURN_WINDOWS,
    SELL_VOLUME,
    SESSION_BARS,
    SUM_DELTA,
    SUM_VOLUME,
    VOLUME,
    VOLUME_MEAN,
    VOLUME_RING,
    VOLUME_WINDOWS,
)
from features.statistics import add_sums, of_windows, summed, summed_deviation, update_statistics
from features.windows import clip, deviation, ratio
from market.elementary import log
from market.kernel import kernel
from market.lanes import every, uniform, where

DEVIATION_BARS = 30  # of the deviation that tells a volatile minute (signals.md §8.2)
_LN2 = 0.6931471805599453  # log 2
_VOLATILITY = of_windows("volatility_{}", RETURN_SIGMA, RETURN_WINDOWS)
_VOLATILITY_RATIO = of_windows("volatility_ratio_{}_{}", RETURN_SIGMA, RETURN_WINDOWS)
_PARKINSON = of_windows("parkinson_{}", RANGE_MEAN, RANGE_WINDOWS)
_GARMAN_20 = GARMAN_MEAN + RANGE_WINDOWS.index(20)
_RETURNS = family("returns_{}")
_VOLUME_RATIO = of_windows("volume_ratio_{}", VOLUME_MEAN, VOLUME_WINDOWS)
_VOLUME_Z = family("volume_zscore_{}")
_MEAN_RATIO = of_windows("ma_{}_{}_ratio", CLOSE_MEAN, CLOSE_WINDOWS)
_MOMENTUM = family("momentum_{}_{}")
_MOMENTUM_SIGMA = of_windows("momentum_{}_{}", RETURN_SIGMA, RETURN_WINDOWS)
_SHARPE = family("sharpe_{}")
_SHARPE_PLACE = [RETURN_WINDOWS.index(n) for n in _SHARPE[:, 0].tolist()]
_SHARPE_AT = table([[place, n, at] for place, (n, at) in zip(_SHARPE_PLACE, _SHARPE.tolist(), strict=True)])
_POSITION = family("price_position_{}")
_POSITION_AT = table([[EXTREME_WINDOWS.index(n), at] for n, at in _POSITION.tolist()])
_CLOSE_20 = CLOSE_WINDOWS.index(20)
_VOLUME_10, _VOLUME_20 = (VOLUME_MEAN + VOLUME_WINDOWS.index(n) for n in (10, 20))
_GK, _BANDS = index_of("volatility_gk"), index_of("bb_position")
_GAP, _SESSION_RETURN = index_of("gap_open"), index_of("ret_session")
_SIGNED_VOLUME, _DELTA_Z = index_of("signed_volume"), index_of("delta_z")


@kernel
def store_bar(floats: np.ndarray, ints: np.ndarray) -> None:
    """Append the last bar to the windows and count it."""
    opening, high, low, close = (
        ints[LAST_BAR + OPEN], ints[LAST_BAR + HIGH], ints[LAST_BAR + LOW], ints[LAST_BAR + CLOSE],
    )  # fmt: skip
    at = uniform(ints, BARS_SEEN) & (HISTORY - 1)
    add_sums(ints)
    previous = ints[CLOSE_RING + ((uniform(ints, BARS_SEEN) - 1) & (HISTORY - 1))]
    if not every(ints[SESSION_BARS] > 0):
        previous = _open_session(floats, ints, previous)
    change = log(close / previous)
    spread, body = log(high / low), log(close / opening)
    spread, body = spread * spread, body * body
    floats[LOG_CLOSE_RING + at] = floats[LOG_CLOSE_RING + at + HISTORY] = log(close)
    floats[LOG_VOLUME_RING + at] = log(ints[LAST_BAR + VOLUME] + 1)
    for copy in (at, at + HISTORY):
        floats[RETURN_RING + copy] = change
        floats[RANGE_RING + copy] = spread
        floats[GARMAN_RING + copy] = 0.5 * spread - (2.0 * _LN2 - 1.0) * body
        ints[HIGH_RING + copy] = high
        ints[LOW_RING + copy] = low
        ints[CLOSE_RING + copy] = close
        ints[VOLUME_RING + copy] = ints[LAST_BAR + VOLUME]
        ints[DELTA_RING + copy] = ints[LAST_BAR + BUY_VOLUME] - ints[LAST_BAR + SELL_VOLUME]
    ints[BARS_SEEN] += 1
    ints[SESSION_BARS] += 1
    update_statistics(floats, ints, newest(ints))


@kernel
def _open_session(floats: np.ndarray, ints: np.ndarray, previous: int) -> int:
    """Tell the gap before a session's first bar; return the price from which the bar's change is measured."""
    first, opening = ints[SESSION_BARS] == 0, ints[LAST_BAR + OPEN]
    gap = log(opening / previous) if uniform(ints, BARS_SEEN) > 0 else math.nan
    ints[FIRST_OPEN] = where(first, opening, ints[FIRST_OPEN])
    floats[GAP_OPEN] = where(first, gap, floats[GAP_OPEN])
    return int(where(first, opening, previous))


@kernel
def newest(ints: np.ndarray) -> int:
    """Return the place of the last closed bar in a ring; the n bars before it lie to its left."""
    return ((uniform(ints, BARS_SEEN) - 1) & (HISTORY - 1)) + HISTORY


@kernel
def return_deviation(floats: np.ndarray, ints: np.ndarray) -> float:
    """Return the population deviation of the returns of the last 30 bars; NaN before there are so many."""
    if uniform(ints, BARS_SEEN) < DEVIATION_BARS:
        return math.nan
    return deviation(floats, RETURN_RING + newest(ints) + 1 - DEVIATION_BARS, DEVIATION_BARS)


@kernel
def update_volatility(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the volatility group."""
    for i in range(_VOLATILITY.shape[0]):
        out[_VOLATILITY[i, 1]] = floats[_VOLATILITY[i, 0]]
    for i in range(_VOLATILITY_RATIO.shape[0]):
        short, long = floats[_VOLATILITY_RATIO[i, 0]], floats[_VOLATILITY_RATIO[i, 1]]
        out[_VOLATILITY_RATIO[i, 2]] = ratio(short, long, 1.0)
    for i in range(_PARKINSON.shape[0]):
        out[_PARKINSON[i, 1]] = math.sqrt(floats[_PARKINSON[i, 0]] / (4.0 * _LN2))
    out[_GK] = math.sqrt(max(0.0, floats[_GARMAN_20]))
    distance = ints[CLOSE_RING + newest(ints)] - floats[CLOSE_MEAN + _CLOSE_20]
    out[_BANDS] = ratio(distance, 2.0 * floats[CLOSE_SIGMA + _CLOSE_20], 0.0)


@kernel
def log_return(floats: np.ndarray, ints: np.ndarray, since: int, until: int) -> float:
    """Return ln of the close `until` bars before the last over that of `since` bars before it; 0 where equal."""
    last = LOG_CLOSE_RING + newest(ints)
    return float(floats[last - until] - floats[last - since])


@kernel
def update_returns(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the returns group."""
    for i in range(_RETURNS.shape[0]):
        out[_RETURNS[i, 1]] = log_return(floats, ints, _RETURNS[i, 0], 0)
    out[_GAP] = floats[GAP_OPEN]
    out[_SESSION_RETURN] = log(ints[CLOSE_RING + newest(ints)] / ints[FIRST_OPEN])


@kernel
def update_volume(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the volume group and the two features of aggressor volume in bars."""
    last = newest(ints)
    volume = ints[VOLUME_RING + last]
    for i in range(_VOLUME_RATIO.shape[0]):
        out[_VOLUME_RATIO[i, 1]] = ratio(floats[_VOLUME_10], floats[_VOLUME_RATIO[i, 0]], 1.0)
    for i in range(_VOLUME_Z.shape[0]):
        n = _VOLUME_Z[i, 0]
        total = summed(ints, SUM_VOLUME, n, 1)
        sigma = summed_deviation(ints, SUM_VOLUME, n, 1, total, VOLUME_RING + last - 1)
        out[_VOLUME_Z[i, 1]] = clip(ratio(volume - total / n, sigma, 0.0), 10.0)
    delta, traded = ints[DELTA_RING + last], summed(ints, SUM_VOLUME, 50, 1)
    sigma = summed_deviation(ints, SUM_DELTA, 50, 1, traded, DELTA_RING + last - 1)
    out[_SIGNED_VOLUME] = ratio(delta, floats[_VOLUME_20], 0.0)
    out[_DELTA_Z] = ratio(delta - summed(ints, SUM_DELTA, 50, 1) / 50, sigma, math.nan)


@kernel
def update_means(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Write the windowed part of the technical group."""
    close = ints[CLOSE_RING + newest(ints)]
    for i in range(_MEAN_RATIO.shape[0]):
        out[_MEAN_RATIO[i, 2]] = floats[_MEAN_RATIO[i, 0]] / floats[_MEAN_RATIO[i, 1]] - 1.0
    for i in range(_MOMENTUM.shape[0]):
        short, long = _MOMENTUM[i, 0], _MOMENTUM[i, 1]
        recent = log_return(floats, ints, short, 0) / short
        before = log_return(floats, ints, long, short) / (long - short)
        out[_MOMENTUM[i, 2]] = clip(ratio(recent - before, floats[_MOMENTUM_SIGMA[i, 1]], 0.0), 10.0)
    for i in range(_SHARPE_AT.shape[0]):
        at = _SHARPE_AT[i, 0]
        value = ratio(floats[RETURN_MEAN + at], floats[RETURN_SIGMA + at], 0.0) * math.sqrt(_SHARPE_AT[i, 1])
        out[_SHARPE_AT[i, 2]] = clip(value, 10.0)
    for i in range(_POSITION_AT.shape[0]):
        low, high = floats[LOWEST + _POSITION_AT[i, 0]], floats[HIGHEST + _POSITION_AT[i, 0]]
        out[_POSITION_AT[i, 1]] = ratio(close - low, high - low, 0.5)
