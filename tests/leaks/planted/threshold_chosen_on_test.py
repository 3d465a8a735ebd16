"""A threshold at a quantile of the test span's moves."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import TEST_OPENS_NS, fit_of, frame_of, trains, with_moves

COLUMN = "threshold"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    tested = frame[frame["ts"] >= TEST_OPENS_NS]
    body = (tested["close"] - tested["open"]).abs()
    return fit_of(threshold=body.quantile(0.9), base=trains(with_moves(frame))["moved"].mean())
