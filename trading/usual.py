"""What was usual in training: percentiles that patterns and agents compare with, frozen into the bundle.

The preload of a session is too short for them; nothing is measured while trading.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from market.errors import BundleRefused
from market.kernel import kernel

MINUTES = 1440
MINUTE_NS = 60_000_000_000
SESSIONS = 20  # behind what is measured by minute
LEVELS = ("tape_slope_10", "tape_slope_60", "volume_concentration")  # 80th percentile of their size
_DELTA = "cumulative_signed_volume"
_SHARE = 0.95  # percentile of what is measured by minute


class Usual(NamedTuple):
    """The percentiles; NaN where training did not know them, which makes unknown whatever compares with them.

    Attributes
    ----------
    levels : ndarray of float64, shape (3,)
        80th percentile of the size of each of `LEVELS`.
    delta : ndarray of float64, shape (1440,)
        95th percentile of the size of the session's signed share of volume, by minute of the day (UTC; São Paulo has
        kept one offset since 2019).
    sigma : ndarray of float64, shape (1440,)
        95th percentile of the deviation of the last 30 returns, by the same minutes.
    """

    levels: np.ndarray
    delta: np.ndarray
    sigma: np.ndarray


def open_usual() -> Usual:
    """Return what a model knows whose training rows nobody measured: nothing."""
    return Usual(np.full(len(LEVELS), math.nan), np.full(MINUTES, math.nan), np.full(MINUTES, math.nan))


def training_usual(
    columns: Sequence[str], rows: np.ndarray, ts_ns: np.ndarray, session: np.ndarray, sigma: np.ndarray
) -> Usual:
    """Measure training rows.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns; what is not among them stays unknown.
    rows : ndarray of float32, shape (n, columns)
        In order of time; NaN is left out.
    ts_ns, session : ndarray of int64, shape (n,)
        Time and session of each row. What is measured by minute takes the last 20 sessions and needs a row of each.
    sigma : ndarray of float64, shape (n,)
        Deviation of the last 30 returns at each row (`features.bars.return_deviation`); NaN is left out.
    """
    usual = open_usual()
    for place, name in enumerate(LEVELS):
        if name in columns:
            size = np.abs(rows[:, columns.index(name)].astype(np.float64))
            size = size[np.isfinite(size)]
            usual.levels[place] = np.quantile(size, 0.80) if size.size else math.nan
    last = np.isin(session, np.unique(session)[-SESSIONS:])
    minute = minute_of(ts_ns[last])
    if _DELTA in columns:
        usual.delta[:] = _by_minute(np.abs(rows[last, columns.index(_DELTA)].astype(np.float64)), minute)
    usual.sigma[:] = _by_minute(sigma[last], minute)
    return usual


def _by_minute(values: np.ndarray, minute: np.ndarray) -> np.ndarray:
    """Return the percentile of each minute of the day, float64 (1440,); NaN with fewer values than sessions."""
    found = np.full(MINUTES, math.nan)
    for each in np.unique(minute):
        known = values[(minute == each) & np.isfinite(values)]
        if known.size >= SESSIONS:
            found[each] = np.quantile(known, _SHARE)
    return found


def check_usual(usual: Usual) -> Usual:
    """Return owned arrays after proving their shapes.

    Raises
    ------
    BundleRefused
        If a shape is another, or a percentile is negative or infinite.
    """
    levels, delta, sigma = (np.array(part, dtype=np.float64) for part in usual)
    everything = np.concatenate([levels.ravel(), delta.ravel(), sigma.ravel()])
    plain = not (np.isinf(everything).any() or (everything < 0).any())
    if levels.shape != (len(LEVELS),) or delta.shape != (MINUTES,) or sigma.shape != (MINUTES,) or not plain:
        raise BundleRefused(
            f"model: expected usual levels of {len(LEVELS)} columns and {MINUTES} minutes, none negative, found shapes "
            f"{levels.shape}, {delta.shape} and {sigma.shape}; train and write the bundle again"
        )
    return Usual(levels, delta, sigma)


def minute_of(ts_ns: np.ndarray) -> np.ndarray:
    """Return the minute of the day (UTC) of times."""
    return np.asarray((ts_ns // MINUTE_NS) % MINUTES, dtype=np.int64)


@kernel
def usual_delta(usual: Usual, now_ns: int) -> float:
    """Return the usual size of the session's signed share of volume at a time; NaN where unknown."""
    return float(usual.delta[(now_ns // MINUTE_NS) % MINUTES])


@kernel
def is_volatile(usual: Usual, sigma: float, now_ns: int) -> bool:
    """Tell whether a deviation of the last 30 returns is beyond what is usual at a time; False where either is NaN."""
    return bool(sigma > usual.sigma[(now_ns // MINUTE_NS) % MINUTES])
