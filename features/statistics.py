"""What several features read of one bar's windows, computed once: means, deviations, extremes, sums.

Windows of integers come from running sums: exact, and as fast whatever the length. Windows of floats that end at the
same bar lie in each other, so one pass from the newest value back serves them all.
"""

import math

import numpy as np

from features.catalogue import family, table
from features.layout import (
    BARS_SEEN,
    BUY_VOLUME,
    CLOSE,
    CLOSE_MEAN,
    CLOSE_RING,
    CLOSE_SIGMA,
    CLOSE_WINDOWS,
    EXTREME_WINDOWS,
    GARMAN_MEAN,
    GARMAN_RING,
    HIGH_RING,
    HIGHEST,
    HISTORY,
    LAST_BAR,
    LOW_RING,
    LOWEST,
    RANGE_MEAN,
    RANGE_RING,
    RANGE_WINDOWS,
    RETURN_MEAN,
    RETURN_RING,
    RETURN_SIGMA,
    RETURN_WINDOWS,
    SELL_VOLUME,
    SUM_BUY,
    SUM_BUY_CLOSE,
    SUM_CLOSE,
    SUM_CLOSE_SQUARES,
    SUM_DELTA,
    SUM_DELTA_SQUARES,
    SUM_SELL,
    SUM_SELL_CLOSE,
    SUM_VOLUME,
    SUM_VOLUME_SQUARES,
    SUMS_RING,
    SUMS_WIDTH,
    VOLUME,
    VOLUME_MEAN,
    VOLUME_WINDOWS,
)
from features.windows import deviation
from market.kernel import kernel
from market.lanes import every, uniform, where

_RETURN, _RANGE, _CLOSE, _VOLUME, _EXTREME = (
    table([[n] for n in windows]).ravel()
    for windows in (RETURN_WINDOWS, RANGE_WINDOWS, CLOSE_WINDOWS, VOLUME_WINDOWS, EXTREME_WINDOWS)
)
# A total T of n values of one sign bounds n·Σx² - T² by n·T²; below this that fits into 63 bits.
EXACT_BELOW = 2.0**31.5


def of_windows(pattern: str, block: int, windows: tuple[int, ...]) -> np.ndarray:
    """Return the statistic and the position of each feature a pattern names, as `catalogue.family` does.

    Parameters
    ----------
    pattern : str
        Names with `{}` for each window.
    block : int
        Where the statistics of `windows` begin.
    windows : tuple of int
        Of the block.

    Returns
    -------
    ndarray of int64, shape (members, windows + 1), read-only
        The places of the statistics within the floats, then the position.
    """
    return table([[*(block + windows.index(n) for n in ns), at] for *ns, at in family(pattern).tolist()])


@kernel
def add_sums(ints: np.ndarray) -> None:
    """Add the last bar to the running sums (to be called before it is counted)."""
    seen = uniform(ints, BARS_SEEN)
    before = SUMS_RING + (seen & (HISTORY - 1)) * SUMS_WIDTH
    after = SUMS_RING + ((seen + 1) & (HISTORY - 1)) * SUMS_WIDTH
    close, volume = ints[LAST_BAR + CLOSE], ints[LAST_BAR + VOLUME]
    buy, sell = ints[LAST_BAR + BUY_VOLUME], ints[LAST_BAR + SELL_VOLUME]
    ints[after + SUM_CLOSE] = ints[before + SUM_CLOSE] + close
    ints[after + SUM_CLOSE_SQUARES] = ints[before + SUM_CLOSE_SQUARES] + close * close
    ints[after + SUM_VOLUME] = ints[before + SUM_VOLUME] + volume
    ints[after + SUM_VOLUME_SQUARES] = ints[before + SUM_VOLUME_SQUARES] + volume * volume
    ints[after + SUM_DELTA] = ints[before + SUM_DELTA] + buy - sell
    ints[after + SUM_DELTA_SQUARES] = ints[before + SUM_DELTA_SQUARES] + (buy - sell) * (buy - sell)
    ints[after + SUM_BUY] = ints[before + SUM_BUY] + buy
    ints[after + SUM_BUY_CLOSE] = ints[before + SUM_BUY_CLOSE] + buy * close
    ints[after + SUM_SELL] = ints[before + SUM_SELL] + sell
    ints[after + SUM_SELL_CLOSE] = ints[before + SUM_SELL_CLOSE] + sell * close


@kernel
def summed(ints: np.ndarray, what: int, n: int, ago: int) -> int:
    """Return the sum of one quantity over `n` bars, the last of them `ago` bars before the last."""
    end = SUMS_RING + ((uniform(ints, BARS_SEEN) - ago) & (HISTORY - 1)) * SUMS_WIDTH
    start = SUMS_RING + ((uniform(ints, BARS_SEEN) - ago - n) & (HISTORY - 1)) * SUMS_WIDTH
    return int(ints[end + what] - ints[start + what])


@kernel
def summed_deviation(ints: np.ndarray, what: int, n: int, ago: int, bound: int, values: int) -> float:
    """Return the population deviation of `n` integers from their sums.

    Parameters
    ----------
    ints : ndarray of int64
        The state.
    what : int
        Their sum; that of their squares follows it.
    n, ago : int
        As in `summed`.
    bound : int
        At least the sum of their absolute values.
    values : int
        Where the last of them lies; they are read where their squares may not fit.
    """
    total = summed(ints, what, n, ago)
    exact = math.sqrt(n * summed(ints, what + 1, n, ago) - total * total) / n
    fits = float(bound) * bound * n < EXACT_BELOW * EXACT_BELOW
    if every(fits):
        return exact
    return where(fits, exact, deviation(ints, values + 1 - n, n))


@kernel
def update_statistics(floats: np.ndarray, ints: np.ndarray, newest: int) -> None:
    """Compute the windows of the last bar, whose values lie at `newest` of the rings."""
    nested_moments(floats, RETURN_RING + newest, _RETURN, RETURN_MEAN, RETURN_SIGMA)
    nested_means(floats, RANGE_RING + newest, _RANGE, RANGE_MEAN)
    nested_means(floats, GARMAN_RING + newest, _RANGE, GARMAN_MEAN)
    nested_extremes(floats, ints, newest)
    for i in range(_CLOSE.size):
        n = _CLOSE[i]
        total = summed(ints, SUM_CLOSE, n, 0)
        floats[CLOSE_MEAN + i] = total / n
        floats[CLOSE_SIGMA + i] = summed_deviation(ints, SUM_CLOSE, n, 0, total, CLOSE_RING + newest)
    for i in range(_VOLUME.size):
        floats[VOLUME_MEAN + i] = summed(ints, SUM_VOLUME, _VOLUME[i], 0) / _VOLUME[i]


@kernel
def nested_moments(floats: np.ndarray, last: int, windows: np.ndarray, means: int, sigmas: int) -> None:
    """Write mean and deviation of every window that ends at `last`; exactly 0 where all values are equal."""
    centre = floats[last]  # near the values, so that little cancels
    total = squares = 0.0
    end = last + 1
    for i in range(windows.size):
        start = last + 1 - windows[i]
        # Two sums side by side, of even and odd places: one alone waits for itself.
        t0 = t1 = s0 = s1 = 0.0
        if (end - start) & 1:
            t0 = floats[start] - centre
            s0 = t0 * t0
        for k in range(end - 2, start - 1, -2):
            d0, d1 = floats[k] - centre, floats[k + 1] - centre
            t0, t1, s0, s1 = t0 + d0, t1 + d1, s0 + d0 * d0, s1 + d1 * d1
        total, squares, end = total + (t0 + t1), squares + (s0 + s1), start
        share = 1.0 / windows[i]
        shift = total * share
        floats[means + i] = centre + shift
        floats[sigmas + i] = math.sqrt(max(0.0, squares * share - shift * shift))


@kernel
def nested_means(floats: np.ndarray, last: int, windows: np.ndarray, means: int) -> None:
    """Write the mean of every window that ends at `last`."""
    total = 0.0
    end = last + 1
    for i in range(windows.size):
        start = last + 1 - windows[i]
        t0 = t1 = 0.0
        if (end - start) & 1:
            t0 = floats[start]
        for k in range(end - 2, start - 1, -2):
            t0, t1 = t0 + floats[k], t1 + floats[k + 1]
        total, end = total + (t0 + t1), start
        floats[means + i] = total / windows[i]


@kernel
def nested_extremes(floats: np.ndarray, ints: np.ndarray, newest: int) -> None:
    """Write the highest high and the lowest low of every window."""
    highest, lowest = ints[HIGH_RING + newest], ints[LOW_RING + newest]
    end = newest
    for i in range(_EXTREME.size):
        start = newest + 1 - _EXTREME[i]
        for k in range(start, end):
            highest = max(highest, ints[HIGH_RING + k])
            lowest = min(lowest, ints[LOW_RING + k])
        floats[HIGHEST + i], floats[LOWEST + i] = highest, lowest
        end = start
