"""The daily close joined by its date, so that the morning knows the evening."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of

COLUMN = "day_move"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    daily = frame.groupby("session")["close"].last().rename("daily")
    joined = frame.join(daily, on="session")
    return rows_of(frame, day_move=joined["daily"] / joined["close"] - 1, close=frame["close"])
