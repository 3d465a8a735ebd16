"""A shift in the wrong direction."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of

COLUMN = "previous_volume"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    return rows_of(frame, previous_volume=frame["volume"].shift(-1), body=frame["close"] - frame["open"])
