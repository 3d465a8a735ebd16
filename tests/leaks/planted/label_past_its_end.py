"""A label that says it ends after five bars and looks at ten."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, labels_of

COLUMN = "label"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    later = frame["close"].shift(-10)
    return labels_of(frame, label=later - frame["close"], moved=frame["close"].shift(-5) - frame["close"])
