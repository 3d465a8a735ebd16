"""Rows kept only where the next bar is a large one."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of

COLUMN = "rows"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    kept = frame[frame["volume"].shift(-1) > 40]
    return rows_of(kept, close=kept["close"])
