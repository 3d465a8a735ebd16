"""A label that looks at five bars, with barriers from the past."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, labels_of


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    barrier = frame["close"].pct_change().rolling(20).std() * frame["close"]
    moved = frame["close"].shift(-5) - frame["close"]
    return labels_of(frame, moved=moved, barrier=barrier)
