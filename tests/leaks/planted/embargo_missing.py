"""Training labels that end right before the test span."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import TEST_OPENS_NS, fit_of, frame_of, with_moves

COLUMN = "mean_body"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    rows = with_moves(frame)
    rows = rows[rows["end"] < TEST_OPENS_NS]
    body = rows["close"] - rows["open"]
    return fit_of(mean_body=body.mean(), first=body.iloc[0])
