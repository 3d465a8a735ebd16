"""A moving average centred on its row."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of

COLUMN = "smooth"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    smooth = frame["close"].rolling(5, center=True, min_periods=1).mean()
    return rows_of(frame, smooth=smooth, back=frame["close"].diff())
