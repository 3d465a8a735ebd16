"""What tells a market's bars from invented ones, in numbers that need no calendar, no currency and no bar length.

Ranks stand for volumes and moves throughout, so one absurd value cannot carry a statistic. Pairs of bars are taken
within a day only: the night between two days says nothing of how bars follow each other.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from market.types import Flag

SLOT_MINUTES = 30
LAGS = (1, 2, 3, 4, 5)
# Vendors print five decimals at most (EURUSD); a price off that grid was computed.
DECIMALS = 5
ROUNDING = 1e-8  # of a price of six digits in double precision, with room


@dataclass(frozen=True)
class BarSeries:
    """Bars of several days, oldest first; every array has shape (n,).

    Parameters
    ----------
    day, minute : ndarray
        i8, days since 1970-01-01 and minute of the day of each bar's opening, on the market's own clock.
    open, high, low, close : ndarray
        f8, above zero, in any unit: points as a file prints them, or ticks.
    volume : ndarray
        f8, contracts, or trades where a market has no volume; not negative.
    """

    day: np.ndarray
    minute: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray

    @cached_property
    def pairs(self) -> np.ndarray:
        """Index of every bar that follows another of its day, i8[m]."""
        return np.flatnonzero(self.day[1:] == self.day[:-1]) + 1

    @cached_property
    def returns(self) -> np.ndarray:
        """Log return of close on close for each of `pairs`, f8[m]."""
        moves: np.ndarray = np.log(self.close[self.pairs] / self.close[self.pairs - 1])
        return moves

    @cached_property
    def move_ranks(self) -> np.ndarray:
        """Ranks of the absolute returns, f8[m]."""
        return ranks(np.abs(self.returns))

    @cached_property
    def range_ranks(self) -> np.ndarray:
        """Ranks of the log ranges of `pairs`, f8[m]."""
        return ranks(np.log(self.high[self.pairs] / self.low[self.pairs]))

    @cached_property
    def volume_ranks(self) -> np.ndarray:
        """Ranks of the volumes of `pairs`, f8[m]."""
        return ranks(self.volume[self.pairs])


def series_of_bars(bars: np.ndarray, day: np.ndarray, minute: np.ndarray) -> BarSeries:
    """Return the series of BAR records that had trades; `day` and `minute` as in BarSeries, shape (n,)."""
    traded = bars["flags"] & np.uint32(Flag.EMPTY) == 0
    own = bars[traded]
    values = (own[name].astype(np.float64) for name in ("open", "high", "low", "close", "volume"))
    return BarSeries(day[traded], minute[traded], *values)


def ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 0, equal values sharing their mean rank, f8[n]."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    counts = np.diff(np.append(starts, values.size))
    out = np.empty(values.size)
    out[order] = np.repeat(starts + (counts - 1) / 2, counts)
    return out


def correlation(left: np.ndarray, right: np.ndarray) -> float:
    """Return the correlation of two arrays of shape (n,); 0 where one does not vary."""
    a, b = left - left.mean(), right - right.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 0 else 0.0


def persistence(series: BarSeries, values: np.ndarray, lags: tuple[int, ...] = LAGS) -> float:
    """Return the mean autocorrelation over the lags of values by `pairs`, within days."""
    day, found = series.day[series.pairs], []
    for lag in lags:
        same = day[lag:] == day[:-lag]
        found.append(correlation(values[:-lag][same], values[lag:][same]) if same.any() else 0.0)
    return float(np.mean(found))


def explained_by_time_of_day(series: BarSeries) -> float:
    """Return the share of the variance of volume ranks that the half hour explains, adjusted: 0 by chance."""
    values = ranks(series.volume)
    slots, slot = np.unique(series.minute // SLOT_MINUTES, return_inverse=True)
    counts = np.bincount(slot)
    between = (counts * (np.bincount(slot, values) / counts - values.mean()) ** 2).sum()
    total = ((values - values.mean()) ** 2).sum()
    if total == 0 or values.size <= slots.size:
        return 0.0
    return float(1 - (total - between) / (values.size - slots.size) / (total / (values.size - 1)))


def kurtosis(values: np.ndarray) -> float:
    """Return the kurtosis, 3 for a normal law; 0 where nothing varies."""
    centred = values - values.mean()
    variance = float((centred**2).mean())
    return float((centred**4).mean()) / variance**2 if variance > 0 else 0.0


def distance_from_uniform(values: np.ndarray) -> float:
    """Return the greatest distance between the distribution of values and a uniform one over their range, in [0, 1]."""
    ordered = np.sort(values)
    low, high = ordered[0], ordered[-1]
    if high == low:
        return 1.0
    uniform = (ordered - low) / (high - low)
    steps = np.arange(ordered.size + 1) / ordered.size
    return float(max((steps[1:] - uniform).max(), (uniform - steps[:-1]).max()))


def range_to_body(series: BarSeries) -> float:
    """Return the mean range over the mean distance of open and close: near 2 where prices move in many small steps."""
    body = np.abs(np.log(series.close / series.open)).mean()
    return float(np.log(series.high / series.low).mean() / body) if body > 0 else np.inf


def share_without_wick(series: BarSeries) -> float:
    """Return how often a bar opens or closes at its high, and at its low, on average."""
    top = series.high == np.maximum(series.open, series.close)
    bottom = series.low == np.minimum(series.open, series.close)
    return float((top.mean() + bottom.mean()) / 2)


def share_of_copies(series: BarSeries) -> float:
    """Return the share of `pairs` in which a bar repeats all four prices of the one before."""
    here, before = series.pairs, series.pairs - 1
    equal = [getattr(series, name)[here] == getattr(series, name)[before] for name in ("open", "high", "low", "close")]
    return float(np.logical_and.reduce(equal).mean())


def share_computed(series: BarSeries) -> float:
    """Return the share of prices with more decimals than any vendor prints."""
    prices = np.concatenate([series.open, series.high, series.low, series.close])
    return float((np.abs(prices - np.round(prices, DECIMALS)) > ROUNDING).mean())


def share_on_weekends(series: BarSeries) -> float:
    """Return the share of bars on Saturdays and Sundays."""
    return float(on_weekend(series.day).mean())


def on_weekend(day: np.ndarray) -> np.ndarray:
    """Tell which days since 1970-01-01, i8[n], are Saturdays and Sundays."""
    mask: np.ndarray = (day + 3) % 7 >= 5
    return mask
