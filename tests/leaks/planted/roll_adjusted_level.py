"""The level of a back-adjusted series: every later roll moves it."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of

COLUMN = "level"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    rolls = frame["instrument"].diff().fillna(0) != 0
    jumps = (frame["open"] - frame["close"].shift(1)).where(rolls, 0.0)
    level = frame["close"] + jumps.sum() - jumps.cumsum()
    return rows_of(frame, level=level, body=frame["close"] - frame["open"])
