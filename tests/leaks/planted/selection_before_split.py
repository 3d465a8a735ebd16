"""A column chosen by its correlation with the label over the whole file."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import fit_of, frame_of, trains, with_moves

COLUMN = "score"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    rows = with_moves(frame)
    return fit_of(score=rows["volume"].corr(rows["moved"]), mean=trains(rows)["volume"].mean())
