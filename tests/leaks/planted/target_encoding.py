"""The mean label of each quarter of an hour, over the whole file."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of

COLUMN = "quarter_mean"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    moved = frame["close"].shift(-5) - frame["close"]
    quarter = frame["ts"] // 900_000_000_000 % 4
    return rows_of(frame, quarter_mean=moved.groupby(quarter).transform("mean"), quarter=quarter)
