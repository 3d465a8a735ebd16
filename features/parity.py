"""The batch path against the live path: the same session through both, compared bit for bit.

Batch is one compiled loop over whole arrays, in the lanes of the processor where the feed is one of bars. Live takes
one record after another from outside, as the runner does, and is stopped, written to bytes and continued on the way.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from features.bars import return_deviation
from features.batch import compute_sessions
from features.layout import NOW_NS
from features.pipeline import (
    SessionFeatures,
    atr_ticks,
    begin_session,
    copy_last_bar,
    last_close,
    regime,
    snapshot,
    update_bar,
    update_event,
)
from features.schema import FeatureSchema
from features.state import FeatureState, new_state, state_from_bytes, state_to_bytes
from market.stream import Feed
from market.types import BAR

RESTARTS = 7  # in each session, the preload's too; evenly spread
_DECIDED = ("ts_ns", "regime", "close", "atr", "sigma")  # what a decision reads beside its row


@dataclass(frozen=True)
class Difference:
    """One cell that differs.

    Parameters
    ----------
    column : str
        A column of the schema, or one of ts_ns, regime, close, atr, sigma and the fields of the bar.
    ts_ns : int
        Time of the decision point.
    batch, live : float
        The values; NaN too where only one path has that decision point.
    """

    column: str
    ts_ns: int
    batch: float
    live: float


@dataclass(frozen=True)
class Parity:
    """What a comparison found.

    Parameters
    ----------
    columns : int
        Columns of the schema; the clock, the regime, the close, the ATR, σ of 30 and the bar are compared beside
        them.
    events : int
        Records of the session taken by both paths.
    decisions : int
        Decision points compared.
    differing : int
        Bits that differ; 0 where both paths are one.
    first : Difference, optional
        The earliest cell that differs.
    """

    columns: int
    events: int
    decisions: int
    differing: int
    first: Difference | None


def compare_session(schema: FeatureSchema, feed: Feed, day: date) -> Parity:
    """Compute a session in batch and as live does, and compare what every decision point saw.

    Raises
    ------
    ConfigError
        If the feed's bars are not those of the schema.
    LakeError
        If a partition of the session or its preload is missing or damaged.
    """
    (batch,) = compute_sessions(schema, feed, [day])
    state = new_state(schema)
    for earlier in feed.preload(day, schema.preload_sessions):
        state, _ = _live_session(state, feed, earlier, feed.load(earlier))
    records = feed.load(day)
    _, live = _live_session(state, feed, day, records)
    return compare(schema, batch, live, records.size)


def compare(schema: FeatureSchema, batch: SessionFeatures, live: SessionFeatures, events: int) -> Parity:
    """Compare two accounts of the same session; a decision point that one of them lacks differs in every bit."""
    names, ours, theirs = _cells(schema, batch), _values(batch), _values(live)
    common = min(len(batch.ts_ns), len(live.ts_ns))
    longer = batch if len(batch.ts_ns) >= len(live.ts_ns) else live
    differing, first = 0, None
    for name, one, other in zip(names, ours, theirs, strict=True):
        bits = np.bitwise_count(_as_bits(one[:common]) ^ _as_bits(other[:common]))
        differing += int(bits.sum()) + 8 * one.itemsize * abs(len(one) - len(other))
        at = int(np.argmax(bits != 0)) if bits.any() else common
        if at < len(longer.ts_ns) and (first is None or longer.ts_ns[at] < first.ts_ns):
            first = Difference(name, int(longer.ts_ns[at]), _at(one, at), _at(other, at))
    return Parity(len(schema.columns), events, len(longer.ts_ns), differing, first)


def _live_session(
    state: FeatureState, feed: Feed, day: date, records: np.ndarray
) -> tuple[FeatureState, SessionFeatures]:
    """Feed a session record by record; return the state as restored last, and what the decision points saw."""
    begin_session(state, feed.session(day)[0])
    take = update_bar if feed.kind == "bars" else update_event
    restarts = {records.size * part // (RESTARTS + 1) for part in range(1, RESTARTS + 1)}
    seen: list[tuple[np.ndarray, int, int, int, float, float, np.ndarray]] = []
    for index, record in enumerate(records):
        if index in restarts:
            state = state_from_bytes(state_to_bytes(state))
        if take(state, record) == 1:
            seen.append(_observe(state))
    return state, _stacked(seen, state.columns.size)


def _observe(state: FeatureState) -> tuple[np.ndarray, int, int, int, float, float, np.ndarray]:
    row, bar = np.empty(state.columns.size, dtype=np.float32), np.zeros(1, dtype=BAR)
    snapshot(state, row)
    copy_last_bar(state, bar, 0)
    sigma = return_deviation(state.floats, state.ints)
    return row, int(state.ints[NOW_NS]), regime(state), last_close(state), atr_ticks(state), sigma, bar


def _stacked(seen: list[tuple[np.ndarray, int, int, int, float, float, np.ndarray]], columns: int) -> SessionFeatures:
    rows, ts_ns, regimes, close, atr, sigma, bars = zip(*seen, strict=True) if seen else ((), (), (), (), (), (), ())
    return SessionFeatures(
        np.array(rows, dtype=np.float32).reshape(len(seen), columns), np.array(ts_ns, dtype=np.int64),
        np.array(regimes, dtype=np.uint8), np.array(close, dtype=np.int32), np.array(atr, dtype=np.float64),
        np.concatenate(bars) if seen else np.zeros(0, dtype=BAR), np.array(sigma, dtype=np.float64),
    )  # fmt: skip


def _cells(schema: FeatureSchema, seen: SessionFeatures) -> list[str]:
    return [*schema.columns, *_DECIDED, *(f"bar {name}" for name in seen.bars.dtype.names or ())]


def _values(seen: SessionFeatures) -> list[np.ndarray]:
    """Return one array for each name of `_cells`."""
    decided = [getattr(seen, name) for name in _DECIDED]
    return [*seen.rows.T, *decided, *(seen.bars[name] for name in seen.bars.dtype.names or ())]


def _as_bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values).view(f"u{values.itemsize}")


def _at(values: np.ndarray, index: int) -> float:
    return float(values[index]) if index < len(values) else float("nan")
