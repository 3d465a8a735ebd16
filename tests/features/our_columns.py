"""Every column of the catalogue after each bar of one long session, as TA-Lib has them."""

import numpy as np

from benchmarks.talib_columns import Values
from features.catalogue import CATALOGUE
from features.pipeline import begin_session, snapshot, update_bar
from features.schema import FeatureSchema
from features.state import new_state
from market.types import BAR, SESSION

MINUTE = 60_000_000_000


def our_columns(schema: FeatureSchema, bars: np.ndarray) -> dict[str, Values]:
    """Return every column of the catalogue after each bar, the bars taken as one long session."""
    session = np.zeros(1, dtype=SESSION)
    session["open_ns"], session["close_ns"] = 0, len(bars) * MINUTE
    state, seen, row = new_state(schema), [], np.empty(len(schema.columns), dtype=np.float32)
    begin_session(state, session[0])
    for k, record in enumerate(bars):
        bar = np.array([record], dtype=BAR)
        bar["ts_open_ns"], bar["ts_close_ns"] = k * MINUTE, (k + 1) * MINUTE
        update_bar(state, bar[0])
        snapshot(state, row)
        seen.append(state.scratch.copy())
    return {feature.name: values for feature, values in zip(CATALOGUE, np.array(seen).T, strict=True)}
