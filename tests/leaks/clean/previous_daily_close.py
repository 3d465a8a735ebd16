"""The close of the session before."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    daily = frame.groupby("session")["close"].last().shift(1).rename("daily")
    joined = frame.join(daily, on="session")
    return rows_of(frame, overnight=frame["close"] / joined["daily"] - 1)
