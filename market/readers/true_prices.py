"""The prices that were traded, from the turnover of a series its vendor restated at each roll.

Turnover / (volume x point value) is the average price traded, whatever became of the prices beside it. Between two
rolls every price was divided by the same factor and rounded to a few decimals. So the ratio of average to typical price
tells, session by session, about which factor; where its level changes is a roll; and the one factor near it that brings
every price back to the tick grid is the vendor's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

ON_GRID_SHARE, INSIDE_SHARE = 0.99, 0.98  # of a session's prices and bars, for it to count as recovered
# Half a decimal was rounded away; the candidate next to the true factor may be half a step from it.
ROUNDED_BY, SCAN_STEP = 0.6, 0.1
REACH = 4.0  # standard errors around a span's ratio in which its factor is looked for
RIVAL_SHARE = 0.05  # another factor this close to the best one's share makes the choice a guess
MOST_SCANNED = 2_000  # distinct prices
MOST_COMPARED = 10_000_000  # prices times factors; real series need a quarter of it
FEW_SESSIONS, FEW_SESSIONS_FACTOR = 8, 2.0  # as on real files, where heavy bars weigh more than a median tells
MEDIAN_OF_NORMAL = 0.6745  # of the distance from the mean, in standard deviations
FINEST_DECIMALS = 6

Span = tuple[int, int]  # sessions from, to (not included)


@dataclass(frozen=True)
class _Series:
    """Restated bars of several sessions, in order of time.

    Parameters
    ----------
    prices : ndarray
        Open, high, low and close, points, f8[4, n].
    average : ndarray
        Average price traded, f8[n]; NaN where unknown.
    volume : ndarray
        Contracts, f8[n].
    starts : ndarray
        First bar of each session, and n at the end, i8[sessions + 1].
    tick_size : float
        Points.
    """

    prices: np.ndarray
    average: np.ndarray
    volume: np.ndarray
    starts: np.ndarray
    tick_size: float

    @property
    def sessions(self) -> int:
        return self.starts.size - 1

    @cached_property
    def quantum(self) -> float:
        """The step the vendor rounded to."""
        for decimals in range(FINEST_DECIMALS):
            scaled = self.prices * 10.0**decimals
            if np.abs(scaled - np.rint(scaled)).max() < 1e-4:
                return float(10.0**-decimals)
        return float(10.0**-FINEST_DECIMALS)

    def bars(self, span: Span) -> slice:
        return slice(int(self.starts[span[0]]), int(self.starts[span[1]]))

    def on_grid(self, factors: np.ndarray, prices: np.ndarray) -> np.ndarray:
        """Tell for each factor (rows) and price (columns) whether their product is a traded price."""
        product = factors[:, None] * prices
        off = np.abs(product - np.rint(product / self.tick_size) * self.tick_size)
        mask: np.ndarray = off <= ROUNDED_BY * self.quantum * factors[:, None] + 1e-6 * self.tick_size
        return mask


@dataclass(frozen=True)
class _Ratios:
    """Average over typical price by session, volume-weighted, and the standard error of each, f8[sessions]."""

    values: np.ndarray
    errors: np.ndarray

    def of(self, span: Span) -> tuple[float, float]:
        """Return the mean ratio of a span and its standard error."""
        weight = self.errors[span[0] : span[1]] ** -2.0
        return float(np.average(self.values[span[0] : span[1]], weights=weight)), float(weight.sum() ** -0.5)


def recover(
    prices: np.ndarray, average: np.ndarray, volume: np.ndarray, days: np.ndarray, tick_size: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return traded prices, and which rows have them.

    Rolls are taken to lie as far apart as contracts expire, a month at least, and to move the price by half a
    thousandth or more: levels nearer in time and size may be read as one.

    Parameters
    ----------
    prices : ndarray
        Open, high, low and close as restated, points, f8[4, n].
    average : ndarray
        Average price traded, points, f8[n]; NaN where unknown.
    volume : ndarray
        Contracts, f8[n].
    days : ndarray
        Session of each row, ascending, i8[n].
    tick_size : float
        Points.

    Returns
    -------
    ndarray
        Prices on the tick grid, f8[4, n]; as they were in rows without.
    ndarray
        bool[n], whole sessions: nearly all prices came back to the grid with the average inside low and high, and no
        other factor would do as well.
    """
    starts = np.append(np.flatnonzero(np.append(True, days[1:] != days[:-1])), days.size)
    series = _Series(prices, average, volume, starts, tick_size)
    sure = np.zeros(days.size, dtype=bool)
    if np.median(np.diff(starts)) < 2 or not (np.isfinite(average) & (volume > 0)).any():
        return prices, sure  # the scatter within sessions is what a factor's error is told from
    traded = prices.copy()
    ratios = _session_ratios(series)
    for span, factor in _fit_spans(series, ratios):
        bars = series.bars(span)
        traded[:, bars] = np.rint(factor * prices[:, bars] / tick_size) * tick_size
        if not _has_rival(series, ratios, span, factor):
            sure[bars] = np.repeat(_verified(series, span, factor), np.diff(starts[span[0] : span[1] + 1]))
    return np.where(sure, traded, prices), sure


def _session_ratios(series: _Series) -> _Ratios:
    typical = series.prices[1:].mean(axis=0)
    ratio = series.average / typical
    priced = np.isfinite(ratio)
    weight, ratio = np.where(priced, series.volume, 0.0), np.where(priced, ratio, 0.0)
    first = series.starts[:-1]
    total = np.maximum(np.add.reduceat(weight, first), 1e-9)
    mean = np.add.reduceat(weight * ratio, first) / total
    of_one_bar = float(np.median(np.abs(ratio - np.repeat(mean, np.diff(series.starts)))[priced])) / MEDIAN_OF_NORMAL
    of_one_bar = max(of_one_bar, 0.5 * series.quantum / float(typical.mean()))
    errors = of_one_bar * np.sqrt(np.add.reduceat(weight**2, first)) / total
    errors = np.where(errors > 0, errors, 1.0)
    return _Ratios(mean, errors * max(_unexplained(mean, errors), 1.0))


def _unexplained(values: np.ndarray, errors: np.ndarray) -> float:
    """Return how much farther apart neighbouring sessions lie than their errors say; the few rolls do not count."""
    if values.size < FEW_SESSIONS:
        return FEW_SESSIONS_FACTOR
    apart = np.abs(np.diff(values)) / np.hypot(errors[1:], errors[:-1])
    return float(np.median(apart)) / MEDIAN_OF_NORMAL


def _fit_spans(series: _Series, ratios: _Ratios) -> list[tuple[Span, float]]:
    """Return the spans between rolls and their factors."""
    spans = _change_points(ratios)
    factors = [_factor(series, ratios, span) for span in spans]
    for _ in range(series.sessions):
        moved = _settle_ends(series, ratios, spans, factors)
        if moved == spans:
            break
        factors = [
            factor if span in spans else _factor(series, ratios, span)
            for span, factor in zip(moved, factors, strict=True)
        ]
        spans = moved
    return list(zip(spans, factors, strict=True))


def _change_points(ratios: _Ratios) -> list[Span]:
    """Return spans of one level each: least squares with a price for each further span (optimal partitioning)."""
    values, weight = ratios.values - ratios.values[0], ratios.errors**-2.0
    count = values.size
    weights, sums, squares = (
        np.append(0.0, np.cumsum(terms)) for terms in (weight, weight * values, weight * values**2)
    )
    price = 3.0 * np.log(max(count, 2)) + 2.0
    best, previous = np.zeros(count + 1), np.zeros(count + 1, dtype=np.int64)
    for end in range(1, count + 1):
        start = np.arange(end)
        cost = squares[end] - squares[start] - (sums[end] - sums[start]) ** 2 / (weights[end] - weights[start])
        total = best[start] + cost + price
        previous[end] = int(np.argmin(total))
        best[end] = total[previous[end]]
    spans, end = [], count
    while end:
        spans.append((int(previous[end]), end))
        end = int(previous[end])
    return spans[::-1]


def _factor(series: _Series, ratios: _Ratios, span: Span) -> float:
    """Return the factor near a span's ratio that brings most prices to the grid, the nearest where several do."""
    candidates, share, near = _scan(series, ratios, span)
    good = candidates[share >= share.max() - 1e-9]
    factor = float(good[np.argmin(np.abs(good - near))])
    prices = _distinct(series, span)
    for _ in range(3):  # a candidate is a step away from the best one at most
        landed = prices[series.on_grid(np.array([factor]), prices)[0]]
        if landed.size:
            traded = np.rint(factor * landed / series.tick_size) * series.tick_size
            factor = float(np.sum(traded * landed) / np.sum(landed**2))
    return factor


def _scan(series: _Series, ratios: _Ratios, span: Span) -> tuple[np.ndarray, np.ndarray, float]:
    """Return candidate factors, the share of a span's prices each brings to the grid, and the span's mean ratio.

    The mean ratio is the only candidate, of share 0, where it is too uncertain to tell any.
    """
    prices = _distinct(series, span)
    level = float(prices.mean())
    near, error = ratios.of(span)
    reach = REACH * error + 0.1 * series.tick_size / level
    step = SCAN_STEP * series.quantum / level
    steps = np.ceil(reach / step)
    if not (2 * steps + 1) * prices.size <= MOST_COMPARED:  # so vague a ratio tells no factor
        return np.array([near]), np.zeros(1), near
    candidates = near + np.arange(-steps, steps + 1) * step
    return candidates, series.on_grid(candidates, prices).mean(axis=1), near


def _has_rival(series: _Series, ratios: _Ratios, span: Span, factor: float) -> bool:
    """Tell whether a factor that moves prices by another tick would bring as many of them to the grid."""
    candidates, share, _ = _scan(series, ratios, span)
    a_tick_off = np.abs(candidates - factor) > 0.5 * series.tick_size / float(
        series.prices[:, series.bars(span)].mean()
    )
    return candidates.size == 1 or bool((share[a_tick_off] > share.max() - RIVAL_SHARE).any())


def _distinct(series: _Series, span: Span) -> np.ndarray:
    prices = np.unique(series.prices[:, series.bars(span)])
    return prices[:: max(prices.size // MOST_SCANNED, 1)]


def _settle_ends(series: _Series, ratios: _Ratios, spans: Sequence[Span], factors: Sequence[float]) -> list[Span]:
    """Move each roll to the session from which the next factor brings more prices to the grid than the one before."""
    ends = [span[1] for span in spans]
    for k in range(len(spans) - 1):
        first, last = ends[k - 1] if k else 0, ends[k + 1]
        misfit = np.stack([_misfit(series, ratios, (first, last), factor) for factor in factors[k : k + 2]])
        before, after = np.cumsum(misfit[0]), np.cumsum(misfit[1][::-1])[::-1]
        cost = before[:-1] + after[1:]
        best = np.flatnonzero(cost <= cost.min() + 1e-9) + first + 1
        ends[k] = int(best[np.argmin(np.abs(best - ends[k]))])
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _misfit(series: _Series, ratios: _Ratios, span: Span, factor: float) -> np.ndarray:
    """Return by session the share of prices a factor leaves off the grid, and then how far its ratio lies from it."""
    prices = series.prices[:, series.bars(span)]
    landed = series.on_grid(np.array([factor]), prices.ravel()).reshape(prices.shape).mean(axis=0)
    starts = series.starts[span[0] : span[1] + 1]
    share = np.add.reduceat(landed, starts[:-1] - starts[0]) / np.diff(starts)
    away = np.abs(ratios.values[span[0] : span[1]] - factor) / ratios.errors[span[0] : span[1]]
    return np.asarray(1.0 - share + 0.01 * np.minimum(away, 10.0))


def _verified(series: _Series, span: Span, factor: float) -> np.ndarray:
    """Tell by session whether its prices came back to the grid, with the average price inside low and high."""
    bars = series.bars(span)
    prices, average = series.prices[:, bars], series.average[bars]
    landed = series.on_grid(np.array([factor]), prices.ravel()).reshape(prices.shape).mean(axis=0)
    margin = series.quantum
    outside = (average < factor * prices[2] - margin) | (average > factor * prices[1] + margin)
    starts = series.starts[span[0] : span[1] + 1]
    first, count = starts[:-1] - starts[0], np.diff(starts)
    on_grid = np.add.reduceat(landed, first) >= ON_GRID_SHARE * count
    priced = np.add.reduceat(np.isfinite(average).astype(np.int64), first)
    inside = np.add.reduceat(outside.astype(np.int64), first) <= (1.0 - INSIDE_SHARE) * priced
    return np.asarray(on_grid & inside & (priced > 0))
