"""The session's high, known from its first minute."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of

COLUMN = "below_high"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    high = frame.groupby("session")["high"].transform("max")
    low = frame.groupby("session")["low"].cummin()
    return rows_of(frame, below_high=high - frame["close"], above_low=frame["close"] - low)
