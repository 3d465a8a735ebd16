"""Training rows drawn from the whole file."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import fit_of, frame_of, trains, with_moves

COLUMN = "mean_close"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    rows = with_moves(frame).sample(frac=0.5, random_state=1)
    return fit_of(mean_close=rows["close"].mean(), first=trains(with_moves(frame))["close"].iloc[0])
