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
SESSIONS = 20  # behind the delta of a minute
LEVELS = ("tape_slope_10", "tape_slope_60", "volume_concentration")  # 80th percentile of their size
_DELTA = "cumulative_signed_volume"  # 95th percentile of its size, by minute


class Usual(NamedTuple):
    """The percentiles; NaN where training did not know them, which makes unknown whatever compares with them.

    Attributes
    ----------
    levels : ndarray of float64, shape (3,)
        80th percentile of the size of each of `LEVELS`.
    delta : ndarray of float64, shape (1440,)
        95th percentile of the size of the session's signed share of volume, by minute of the day (UTC; São Paulo has
        kept one offset since 2019).
    """

    levels: np.ndarray
    delta: np.ndarray


def open_usual() -> Usual:
    """Return what a model knows whose training rows nobody measured: nothing."""
    return Usual(np.full(len(LEVELS), math.nan), np.full(MINUTES, math.nan))


def training_usual(columns: Sequence[str], rows: np.ndarray, ts_ns: np.ndarray, session: np.ndarray) -> Usual:
    """Measure training rows.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns; what is not among them stays unknown.
    rows : ndarray of float32, shape (n, columns)
        In order of time; NaN is left out.
    ts_ns, session : ndarray of int64, shape (n,)
        Time and session of each row. The delta of a minute takes the last 20 sessions and needs a row of each.
    """
    usual = open_usual()
    for place, name in enumerate(LEVELS):
        if name in columns:
            size = np.abs(rows[:, columns.index(name)].astype(np.float64))
            size = size[np.isfinite(size)]
            usual.levels[place] = np.quantile(size, 0.80) if size.size else math.nan
    if _DELTA in columns:
        last = np.isin(session, np.unique(session)[-SESSIONS:])
        size, minute = np.abs(rows[last, columns.index(_DELTA)].astype(np.float64)), minute_of(ts_ns[last])
        for each in np.unique(minute):
            values = size[(minute == each) & np.isfinite(size)]
            if values.size >= SESSIONS:
                usual.delta[each] = np.quantile(values, 0.95)
    return usual


def check_usual(usual: Usual) -> Usual:
    """Return owned arrays after proving their shapes.

    Raises
    ------
    BundleRefused
        If a shape is another, or a percentile is negative or infinite.
    """
    levels, delta = (np.array(part, dtype=np.float64) for part in usual)
    everything = np.concatenate([levels.ravel(), delta.ravel()])
    plain = not (np.isinf(everything).any() or (everything < 0).any())
    if levels.shape != (len(LEVELS),) or delta.shape != (MINUTES,) or not plain:
        raise BundleRefused(
            f"model: expected usual levels of {len(LEVELS)} columns and {MINUTES} minutes, none negative, found shapes "
            f"{levels.shape} and {delta.shape}; train and write the bundle again"
        )
    return Usual(levels, delta)


def minute_of(ts_ns: np.ndarray) -> np.ndarray:
    """Return the minute of the day (UTC) of times."""
    return np.asarray((ts_ns // MINUTE_NS) % MINUTES, dtype=np.int64)


@kernel
def usual_delta(usual: Usual, now_ns: int) -> float:
    """Return the usual size of the session's signed share of volume at a time; NaN where unknown."""
    return float(usual.delta[(now_ns // MINUTE_NS) % MINUTES])
