"""Volume against the median of the whole session."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of

COLUMN = "volume_ratio"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    median = frame.groupby("session")["volume"].transform("median")
    return rows_of(frame, volume_ratio=frame["volume"] / median, volume=frame["volume"])
