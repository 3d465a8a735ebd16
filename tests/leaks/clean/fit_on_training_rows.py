"""Scaler, selection and threshold from rows whose labels ended before the embargo."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import fit_of, frame_of, trains, with_moves


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    rows = trains(with_moves(frame))
    body = (rows["close"] - rows["open"]).abs()
    score = rows["volume"].corr(rows["moved"])
    return fit_of(scale=rows["close"].std(), score=score, threshold=body.quantile(0.9), rows=len(rows))
