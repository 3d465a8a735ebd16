"""Training rows chosen by their start: the labels of the last ones end in the test span."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import TEST_OPENS_NS, fit_of, frame_of, with_moves

COLUMN = "label_sum"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    rows = with_moves(frame)
    rows = rows[rows["ts"] < TEST_OPENS_NS]
    return fit_of(label_sum=rows["moved"].sum(), first=rows["close"].iloc[0])
