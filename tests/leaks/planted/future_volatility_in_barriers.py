"""Barriers as wide as the volatility of the whole session they are drawn in."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, labels_of

COLUMN = "barrier"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    returns = frame["close"].pct_change()
    barrier = returns.groupby(frame["session"]).transform("std") * frame["close"]
    moved = frame["close"].shift(-5) - frame["close"]
    return labels_of(frame, moved=moved, barrier=barrier)
