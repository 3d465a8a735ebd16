"""What a planted leak and its clean twin are made of: bars as a frame, and rows as the test takes them."""

import numpy as np
import pandas as pd

from flows.leaks.cells import Cells
from market.types import BAR

MINUTE_NS = 60_000_000_000
DAY_NS = 1440 * MINUTE_NS
OPEN_NS = 1_780_315_200_000_000_000  # 2026-06-01 09:00 in São Paulo
SESSIONS, MINUTES, HORIZON = 5, 60, 5
TEST_OPENS_NS = OPEN_NS + 3 * DAY_NS  # a fit trains on what ended before
EMBARGO_NS = DAY_NS


def make_bars() -> np.ndarray:
    """Return five sessions of an hour; a fifth of the minutes is missing, and the contract rolls after the third."""
    rng = np.random.default_rng(7)
    minutes = [OPEN_NS + s * DAY_NS + m * MINUTE_NS for s in range(SESSIONS) for m in range(MINUTES)]
    kept = np.array(minutes)[np.sort(rng.choice(len(minutes), 4 * len(minutes) // 5, replace=False))]
    bars = np.zeros(len(kept), dtype=BAR)
    bars["ts_open_ns"], bars["ts_close_ns"] = kept, kept + MINUTE_NS
    bars["instrument"] = np.where(kept < TEST_OPENS_NS, 1, 2)
    bars["close"] = 10_000 + np.cumsum(rng.integers(-6, 7, len(kept))) + 150 * (bars["instrument"] - 1)
    bars["open"] = bars["close"] + rng.integers(-3, 4, len(kept))
    bars["high"] = np.maximum(bars["open"], bars["close"]) + rng.integers(0, 5, len(kept))
    bars["low"] = np.minimum(bars["open"], bars["close"]) - rng.integers(0, 5, len(kept))
    bars["volume"] = rng.integers(10, 200, len(kept))
    bars["buy_volume"] = bars["volume"] // 3
    return bars


def frame_of(bars: np.ndarray) -> pd.DataFrame:
    """Return bars by the time of their close, with their session."""
    frame = pd.DataFrame({name: bars[name].astype(float) for name in ("open", "high", "low", "close", "volume")})
    frame["instrument"] = bars["instrument"].astype(int)
    frame["ts"] = bars["ts_close_ns"]
    frame["session"] = (frame["ts"] - OPEN_NS) // DAY_NS
    return frame.set_index(pd.to_datetime(frame["ts"]))


def rows_of(frame: pd.DataFrame, **columns: pd.Series) -> Cells:
    """Return columns that may look until the close of their bar."""
    ts_ns = frame["ts"].to_numpy()
    return Cells(ts_ns, ts_ns, {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()})


def labels_of(frame: pd.DataFrame, **columns: np.ndarray) -> Cells:
    """Return columns that may look `HORIZON` bars ahead, of the rows that have so many."""
    ts_ns = frame["ts"].to_numpy()
    whole = max(0, len(frame) - HORIZON)
    return Cells(ts_ns[:whole], ts_ns[HORIZON:], {name: np.asarray(v)[:whole] for name, v in columns.items()})


def fit_of(**columns: float) -> Cells:
    """Return what was fitted for the test span, which may look until the embargo before it."""
    moment = np.array([TEST_OPENS_NS - EMBARGO_NS])
    return Cells(moment, moment, {name: np.array([value], dtype=np.float64) for name, value in columns.items()})


def with_moves(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with the move over the next bars as `moved`, and when it ends as `end`."""
    return frame.assign(moved=frame["close"].shift(-HORIZON) - frame["close"], end=frame["ts"].shift(-HORIZON)).dropna()


def trains(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose label ended before the embargo."""
    return frame[frame["end"] < TEST_OPENS_NS - EMBARGO_NS]
