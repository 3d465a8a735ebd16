"""The return that is to be predicted, among the features."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of

COLUMN = "next_return"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    close = frame["close"]
    return rows_of(frame, back=close.pct_change(), next_return=close.pct_change(5).shift(-5))
