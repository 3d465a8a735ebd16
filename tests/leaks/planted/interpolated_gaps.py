"""Missing minutes interpolated between the prices on both sides."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of

COLUMN = "minute_before"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    thin = frame["close"].where(frame["volume"] > 60)
    return rows_of(frame, height=frame["high"] - frame["low"], minute_before=thin.interpolate())
