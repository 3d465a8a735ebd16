"""What live rows look like beside those of training: a dead input stops decisions, a drifting one raises an alarm.

A monitor takes the row of every decision. Over its last rows it knows of each column how often it is NaN, how much it
varies, and how often it fires (is finite and not zero). A band holds what these were in training.

How long a column has stood still is counted from the first row of the preload on, through every change of session: so
sessions of a hundred bars tell a dead input too, and what stops decisions in one depends on its preload and on itself
alone. What is missing until the preload is whole (large trades, brokers, usual depth) has the session only. How long a
column may stand still, training tells: some are constant for a session, and a patience of more rows than
preload and session hold never ends: such a column cannot stop decisions.
"""

import math
from typing import NamedTuple

import numpy as np

from features.catalogue import Need
from features.schema import FeatureSchema
from market.errors import BundleRefused, NotEnoughData
from market.kernel import kernel

NAN_RATE, VARIANCE, FIRING_RATE = range(3)
STATISTICS = 3
WINDOW = 200  # rows of a model's monitor
DEAD_AFTER = 200  # rows that changed while the column did not; more where training has longer stands
STAND_MARGIN = 3  # times the longest stand of training; docs/decisions/0004 has what less would have held
NEVER = np.iinfo(np.int64).max
RATE_MARGIN = 0.05
# A variance moves by this factor between calm and rough markets that training did not hold.
VARIANCE_MARGIN = 4.0

_SEEN, _FOLLOWED = range(2)


class Monitor(NamedTuple):
    """The memory of a monitor; w rows, c columns.

    Attributes
    ----------
    rows : ndarray of float32, shape (w, c)
        The last w rows, a ring.
    counts : ndarray of int64, shape (2,)
        Rows seen since the monitor was new, and rows followed since `forget_runs`.
    last : ndarray of float32, shape (c,)
        The last row followed.
    runs : ndarray of int32, shape (c,)
        Rows in which the market moved since the column last changed.
    nans, fired : ndarray of int32, shape (c,)
        NaN values, and finite ones that are not zero, among the last w rows.
    anchors, sums, squares : ndarray of float64, shape (c,)
        A value of the column, and the sums of differences from it and of their squares over the finite values.
    market : ndarray of int32, shape (c,)
        1 for columns that only the market moves, 0 for the others; the clock alone is no change.
    """

    rows: np.ndarray
    counts: np.ndarray
    last: np.ndarray
    runs: np.ndarray
    nans: np.ndarray
    fired: np.ndarray
    anchors: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    market: np.ndarray


class Band(NamedTuple):
    """What is usual; c columns.

    Attributes
    ----------
    low, high : ndarray of float64, shape (3, c)
        Bounds of NAN_RATE, VARIANCE and FIRING_RATE, both included.
    dead_after : ndarray of int64, shape (c,)
        Rows in which the market moves and the column does not, at which it is dead; NEVER where nothing tells.
    """

    low: np.ndarray
    high: np.ndarray
    dead_after: np.ndarray


def open_band(columns: int) -> Band:
    """Return the band of a model whose training rows nobody measured: nothing is unusual, nothing is dead."""
    infinite = np.full((STATISTICS, columns), math.inf)
    return Band(-infinite, infinite, np.full(columns, NEVER))


def check_band(band: Band, columns: int) -> Band:
    """Return a band's arrays, owned and contiguous, after proving that they are those of so many columns.

    Raises
    ------
    BundleRefused
        If a shape is another, a bound is missing, or a column would be dead at once.
    """
    low, high = (np.array(part, dtype=np.float64, order="C") for part in (band.low, band.high))
    dead_after = np.array(band.dead_after, dtype=np.int64)
    shapes = (low.shape, high.shape, dead_after.shape)
    bounded = not (np.isnan(low).any() or np.isnan(high).any()) and bool((dead_after >= 1).all())
    if shapes != ((STATISTICS, columns), (STATISTICS, columns), (columns,)) or not bounded:
        raise BundleRefused(
            f"monitor band: expected bounds of {STATISTICS} statistics of {columns} columns, and a patience of at "
            f"least one row, found {shapes}; train and write the bundle again"
        )
    return Band(low, high, dead_after)


def new_monitor(schema: FeatureSchema, window: int) -> Monitor:
    """Return a monitor over the last `window` rows of a schema."""
    columns = len(schema.columns)
    market = [bool(feature.needs - {Need.CALENDAR}) for feature in schema.features]
    return Monitor(
        rows=np.zeros((window, columns), dtype=np.float32),
        counts=np.zeros(2, dtype=np.int64),
        last=np.zeros(columns, dtype=np.float32),
        runs=np.zeros(columns, dtype=np.int32),
        nans=np.zeros(columns, dtype=np.int32),
        fired=np.zeros(columns, dtype=np.int32),
        anchors=np.zeros(columns),
        sums=np.zeros(columns),
        squares=np.zeros(columns),
        market=np.array(market, dtype=np.int32),
    )


@kernel
def _copy(into: np.ndarray, row: np.ndarray) -> None:
    """Copy a row; assigning a slice would check lengths, and to tell of them needs text and the host's logarithm."""
    for j in range(row.size):
        into[j] = row[j]


@kernel
def observe(monitor: Monitor, row: np.ndarray) -> None:
    """Take the row of a decision, float32 in schema order."""
    window = monitor.rows.shape[0]
    seen = monitor.counts[_SEEN]
    at = seen % window
    follow(monitor, row)
    if seen == 0:
        for j in range(row.size):
            if math.isfinite(row[j]):
                monitor.anchors[j] = row[j]
    oldest = monitor.rows[at]
    if seen >= window:
        _count(monitor.nans, monitor.fired, oldest, -1)
        _sum(monitor.sums, monitor.squares, monitor.anchors, oldest, -1.0)
    _count(monitor.nans, monitor.fired, row, 1)
    _sum(monitor.sums, monitor.squares, monitor.anchors, row, 1.0)
    _copy(oldest, row)
    monitor.counts[_SEEN] = seen + 1
    if at == window - 1:
        _sum_again(monitor)


@kernel
def follow(monitor: Monitor, row: np.ndarray) -> None:
    """Count how long each column stands still, and nothing else: all that a row of the preload is for."""
    if monitor.counts[_FOLLOWED] > 0:
        _count_unchanged(monitor.runs, monitor.market, monitor.last, row)
    _copy(monitor.last, row)
    monitor.counts[_FOLLOWED] += 1


@kernel
def follow_all(monitor: Monitor, rows: np.ndarray) -> None:
    """Follow rows in order of time, float32, shape (n, c)."""
    for i in range(rows.shape[0]):
        follow(monitor, rows[i])


@kernel
def forget_runs(monitor: Monitor) -> None:
    """Forget how long each column has stood still, before the preload of a session tells it anew."""
    monitor.runs[:] = 0
    monitor.counts[_FOLLOWED] = 0


@kernel
def dead_column(monitor: Monitor, band: Band) -> int:
    """Return the first column that stands still while the market moves, -1 where none does.

    Any but -1 stops decisions: a model whose input is dead decides on something that is not there.
    """
    for j in range(monitor.runs.size):
        if monitor.runs[j] >= band.dead_after[j]:
            return j
    return -1


@kernel
def measure(monitor: Monitor, statistic: int, column: int) -> float:
    """Return a statistic of a column over the last rows; NaN where it is not known.

    Rates are shares of the rows, 0 to 1. The variance is that of the finite values around their mean (n in the
    denominator).
    """
    rows = min(monitor.counts[_SEEN], monitor.rows.shape[0])
    finite = rows - monitor.nans[column]
    if statistic == VARIANCE:
        if finite < 2:
            return math.nan
        mean = monitor.sums[column] / finite
        return float(max(0.0, monitor.squares[column] / finite - mean * mean))
    counted = monitor.nans[column] if statistic == NAN_RATE else monitor.fired[column]
    return float(counted / rows) if rows > 0 else math.nan


class Unusual(NamedTuple):
    """A column outside its band: which statistic, what it is now, and the bounds."""

    column: str
    statistic: str
    value: float
    low: float
    high: float


def unusual_columns(schema: FeatureSchema, monitor: Monitor, band: Band) -> list[Unusual]:
    """Return every column outside its band, with each statistic that is.

    Before the window is full nothing is unusual. A variance of fewer than two finite values is unknown, and usual.
    """
    if monitor.counts[_SEEN] < len(monitor.rows):
        return []
    low, high = band.low.tolist(), band.high.tolist()
    measured = [
        Unusual(name, said, measure(monitor, statistic, j), low[statistic][j], high[statistic][j])
        for statistic, said in enumerate(("nan_rate", "variance", "firing_rate"))
        for j, name in enumerate(schema.columns)
    ]
    return [one for one in measured if one.value < one.low or one.value > one.high]


def training_band(schema: FeatureSchema, rows: np.ndarray, window: int) -> Band:
    """Return the band of training rows: the extremes over every window of them, with a margin.

    A column is dead after STAND_MARGIN times the longest stand of its finite values in training, DEAD_AFTER at least.
    One of the calendar never is: no feed moves it, and a short session lengthens its stand.

    Parameters
    ----------
    schema : FeatureSchema
        Names the columns.
    rows : ndarray of float32, shape (n, columns)
        In order of time, as `features.pipeline` computed them.
    window : int
        Rows of the live monitor's window.

    Raises
    ------
    NotEnoughData
        If the rows do not fill one window.
    """
    if len(rows) < window:
        raise NotEnoughData(
            f"monitor band: expected at least the {window} rows of one window, found {len(rows)}; train on more"
        )
    columns = rows.shape[1]
    low, high = np.full((STATISTICS, columns), math.inf), np.full((STATISTICS, columns), -math.inf)
    longest = np.zeros(columns, dtype=np.int64)
    monitor = new_monitor(schema, window)
    _extremes(monitor, np.ascontiguousarray(rows, dtype=np.float32), low, high, longest)
    rates = [NAN_RATE, FIRING_RATE]
    low[rates], high[rates] = low[rates] - RATE_MARGIN, high[rates] + RATE_MARGIN
    low[VARIANCE], high[VARIANCE] = low[VARIANCE] / VARIANCE_MARGIN, high[VARIANCE] * VARIANCE_MARGIN
    unknown = low > high  # a variance that no window of training knows cannot be unusual
    low[unknown], high[unknown] = -math.inf, math.inf
    patience = np.maximum(DEAD_AFTER, STAND_MARGIN * longest)
    return Band(low, high, np.where(monitor.market == 1, patience, NEVER))


def unwatched_columns(schema: FeatureSchema, band: Band, rows: int) -> tuple[str, ...]:
    """Return the columns that only the market moves and that `rows` of preload and session are too few to find dead."""
    from_market = new_monitor(schema, 1).market == 1
    return tuple(np.array(schema.columns)[from_market & (band.dead_after > rows)].tolist())


@kernel
def _extremes(monitor: Monitor, rows: np.ndarray, low: np.ndarray, high: np.ndarray, longest: np.ndarray) -> None:
    """Widen the bounds by every full window, and find the longest stand of each column's finite values."""
    window, columns = monitor.rows.shape
    for i in range(rows.shape[0]):
        observe(monitor, rows[i])
        for j in range(columns):
            if math.isfinite(rows[i, j]):
                longest[j] = max(longest[j], monitor.runs[j])
            if i + 1 < window:
                continue
            for statistic in range(STATISTICS):
                value = measure(monitor, statistic, j)
                if not math.isnan(value):
                    low[statistic, j] = min(low[statistic, j], value)
                    high[statistic, j] = max(high[statistic, j], value)


# The loops below run at every decision over every column. They have no branch and few arrays each, and the counts are
# as wide as the values, so that LLVM makes vectors of them.


@kernel
def _count_unchanged(runs: np.ndarray, market: np.ndarray, before: np.ndarray, row: np.ndarray) -> None:
    """Lengthen the run of every column that stood still while the market moved another."""
    moved = 0
    for j in range(row.size):
        moved |= market[j] & (1 - _same(before[j], row[j]))
    for j in range(row.size):
        runs[j] = (runs[j] + moved) * _same(before[j], row[j])


@kernel
def _same(one: float, other: float) -> int:
    """Tell whether two values are equal, 1 or 0; NaN is equal to NaN."""
    return int((one == other) | (math.isnan(one) & math.isnan(other)))


@kernel
def _count(nans: np.ndarray, fired: np.ndarray, row: np.ndarray, sign: int) -> None:
    """Count the values of a row in, or out."""
    for j in range(row.size):
        finite = math.isfinite(row[j])
        nans[j] += sign * (1 - int(finite))
        fired[j] += sign * int(finite & (row[j] != 0.0))


@kernel
def _sum(sums: np.ndarray, squares: np.ndarray, anchors: np.ndarray, row: np.ndarray, sign: float) -> None:
    """Add the finite values of a row to the sums, or take them out."""
    for j in range(row.size):
        distance = row[j] - anchors[j] if math.isfinite(row[j]) else 0.0
        sums[j] += sign * distance
        squares[j] += sign * distance * distance


@kernel
def _sum_again(monitor: Monitor) -> None:
    """Compute the sums afresh, once a window: what rounding left in them does not grow, and the anchor stays near."""
    window, columns = monitor.rows.shape
    for j in range(columns):
        monitor.anchors[j] += monitor.sums[j] / max(1, window - monitor.nans[j])
    monitor.sums[:] = 0.0
    monitor.squares[:] = 0.0
    for i in range(window):
        _sum(monitor.sums, monitor.squares, monitor.anchors, monitor.rows[i], 1.0)
