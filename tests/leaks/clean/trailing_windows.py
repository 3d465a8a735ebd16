"""Trailing windows, shifted forwards."""

import numpy as np

from flows.leaks.cells import Cells
from tests.leaks.frames import frame_of, rows_of


def compute(bars: np.ndarray) -> Cells:
    frame = frame_of(bars)
    returns = frame["close"].pct_change()
    volatility = returns.groupby(frame["session"]).transform(lambda r: r.rolling(10).std())
    smooth, previous = frame["close"].rolling(5).mean(), frame["volume"].shift(1)
    return rows_of(frame, returns=returns, volatility=volatility, smooth=smooth, previous=previous)
