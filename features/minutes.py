"""Features of the calendar at the time of the row, from the session's hours and event time (signals.md §1 A7)."""

import math

import numpy as np

from features.catalogue import index_of
from features.layout import LUNCH_END_NS, LUNCH_START_NS, SESSION_CLOSE_NS, SESSION_OPEN_NS, WEEKDAY
from market.elementary import cos, sin
from market.kernel import kernel
from market.lanes import where

_TIME, _SIN, _COS = index_of("time_normalized"), index_of("minute_sin"), index_of("hour_cos")
_DAY, _LUNCH = index_of("day_of_week"), index_of("is_lunch_hour")
_OPENING, _CLOSING = index_of("is_opening_30min"), index_of("is_closing_30min")
_HALF_HOUR_NS = 30 * 60 * 1_000_000_000


@kernel
def update_minutes(ints: np.ndarray, now_ns: int, out: np.ndarray) -> None:
    """Write the calendar group for a time."""
    elapsed = now_ns - ints[SESSION_OPEN_NS]
    length = ints[SESSION_CLOSE_NS] - ints[SESSION_OPEN_NS]
    share = elapsed / length
    out[_TIME] = share
    out[_SIN] = sin(2.0 * math.pi * share)
    out[_COS] = cos(2.0 * math.pi * share)
    out[_DAY] = ints[WEEKDAY] / 4.0
    out[_OPENING] = where(elapsed < _HALF_HOUR_NS, 1.0, 0.0)
    out[_CLOSING] = where(elapsed >= length - _HALF_HOUR_NS, 1.0, 0.0)
    out[_LUNCH] = where((now_ns >= ints[LUNCH_START_NS]) & (now_ns < ints[LUNCH_END_NS]), 1.0, 0.0)
