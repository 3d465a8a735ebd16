"""Five-minute bars labelled by their end: each row sees closed ones only."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    five = frame["close"].resample("5min", label="right", closed="right").last()
    return rows_of(frame, five_close=five.reindex(frame.index, method="ffill"))
