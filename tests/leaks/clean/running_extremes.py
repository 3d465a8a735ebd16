"""The session's high and low so far, and the median so far."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    by_session = frame.groupby("session")
    median = by_session["volume"].transform(lambda v: v.expanding().median())
    high, low = by_session["high"].cummax(), by_session["low"].cummin()
    return rows_of(frame, high=high, low=low, volume_ratio=frame["volume"] / median)
