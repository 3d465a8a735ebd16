"""Warm-up rows filled from later ones."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of

COLUMN = "volatility"


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    returns = frame["close"].pct_change()
    rolled = returns.groupby(frame["session"]).transform(lambda r: r.rolling(10).std())
    return rows_of(frame, volatility=rolled.bfill(), returns=returns)
