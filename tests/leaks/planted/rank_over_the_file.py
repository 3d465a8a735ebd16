"""The rank of a volume among all volumes of the file."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of

COLUMN = "volume_rank"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    return rows_of(frame, volume_rank=frame["volume"].rank(pct=True), body=frame["close"] - frame["open"])
