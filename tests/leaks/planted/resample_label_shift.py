"""Five-minute bars labelled by their start: each row sees the close of a bar still open."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of

COLUMN = "five_close"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    five = frame["close"].resample("5min", label="left", closed="left").last()
    return rows_of(frame, five_close=five.reindex(frame.index, method="ffill"), close=frame["close"])
