"""Features: the compiled update per tick and per bar, from Python, in batch, by group, and at the start.

A tick is one trade that names both brokers or one level of the book; the day holds as many of each.
Peers are TA-Lib and pandas in batch, and TA-Lib's streaming functions.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numba.core import event as numba_events

from benchmarks.feature_groups import GROUPS
from benchmarks.feature_work import (
    MINUTE_NS,
    ROLLING,
    clocked_day,
    drawn_bars,
    one_session,
    pandas_columns,
    talib_stream,
)
from benchmarks.rows import Row, less_is_better, race, rounded, seconds_of
from benchmarks.talib_columns import TALIB, their_columns
from benchmarks.tapes import DAY_NS
from cli.environment import CHECKOUT
from features.batch import Turn, replay_side_by_side
from features.catalogue import Need
from features.from_python import as_words, row_after
from features.pipeline import SessionFeatures, begin_session, replay_bars, replay_events, snapshot, update_event
from features.schema import FeatureSchema, build_schema
from features.state import FeatureState, new_state
from market.kernel import kernel
from market.lanes import INSTRUCTIONS, LANES
from market.types import BAR, EVENT

PRELOAD = 5
FROM_PYTHON = "book65"
COLD = (
    "import sys; sys.path.insert(0, '.');"
    "from benchmarks.features import first_update; first_update()"
)  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """Records of each piece of work."""

    ticks: int = 1_000_000
    bars: int = 100_000
    calls: int = 20_000
    passes: int = 10  # of the ticks, one after the other, through one state
    rounds: int = 5


def measure(sizes: Sizes = Sizes()) -> list[Row]:
    events, bars = clocked_day(sizes.ticks), drawn_bars(sizes.bars)
    rows = [
        *tape_rows(events, sizes),
        bar_row(bars, sizes),
        call_row(events, sizes),
        stream_row(events, bars, sizes),
        *batch_rows(bars, sizes),
        *group_rows(events, bars, sizes),
        cold_row(),
    ]
    return [*rows, compilation_row(events, bars, sizes)]


def tape_rows(events: np.ndarray, sizes: Sizes) -> list[Row]:
    """One day with a decision at each minute; the same day again and again in one pass; a row after every tick."""
    columns = len(_schema("full").columns)
    seconds, _ = race(lambda: _run_events(events), _nothing, rounds=sizes.rounds)
    passes = seconds_of(lambda: _run_many(events, sizes.passes))
    every, _ = race(lambda: _run_every(events), _nothing, rounds=sizes.rounds)
    total = sizes.passes * events.size
    return [
        _ns(f"full, {columns} columns, per tick", seconds, events.size),
        _ns(f"full, {total:,} ticks in one pass, per tick", passes, total),
        _ns("full, a row after every tick", every, events.size),
    ]


def bar_row(bars: np.ndarray, sizes: Sizes) -> Row:
    """A closed bar with its row, in the compiled loop."""
    seconds, _ = race(lambda: _run_bars(bars, _schema("full")), _nothing, rounds=sizes.rounds)
    return Row("full, per bar", "us", rounded(seconds / bars.size * 1e6))


def call_row(events: np.ndarray, sizes: Sizes) -> Row:
    """One event and its row from Python, in a session after its preload."""
    state, row = _preloaded(_schema(FROM_PYTHON), events), np.empty(len(_schema(FROM_PYTHON).columns), dtype=np.float32)
    records = list(as_words(events[: sizes.calls]))

    def run() -> None:
        begin_session(state, one_session()[0])  # time goes back to the first event, or the book would be stale
        for record in records:
            row_after(*state, record, row)

    seconds, _ = race(run, _nothing, rounds=sizes.rounds)
    return Row(f"{FROM_PYTHON}, update and row from Python", "us", rounded(seconds / len(records) * 1e6))


def stream_row(events: np.ndarray, bars: np.ndarray, sizes: Sizes) -> Row:
    """The update of one feature: ours is a bar and its row over the number of columns."""
    columns, calls = len(_schema("full").columns), list(talib_stream(bars).values())
    short = bars[: min(len(bars), 20_000)]

    def theirs() -> None:
        for _ in range(200):
            for call in calls:
                call()

    seconds, other = race(lambda: _run_bars(short, _schema("full")), theirs, rounds=sizes.rounds)
    return less_is_better(
        "one feature, one bar", "ns", seconds / short.size / columns * 1e9, other / 200 / len(calls) * 1e9,
        f"mean of {len(calls)} functions of TA-Lib's stream",
    )  # fmt: skip


def batch_rows(bars: np.ndarray, sizes: Sizes) -> list[Row]:
    """A column of a row: ours computes all columns of a bar at once; each peer those it has, from whole arrays.

    Ours has the bars as sessions side by side, one to each lane, and then as one session.
    """
    whole = replace(_schema("bars118"), columns=_bar_columns())
    same = replace(whole, columns=tuple(TALIB))
    lanes = f"{LANES} sessions side by side ({INSTRUCTIONS})"
    talib, rolled = (lambda: their_columns(bars)), pandas_columns(bars)
    of_talib = (talib, len(same.columns), "TA-Lib, the same columns")
    of_pandas = (rolled, len(ROLLING), f"pandas, {len(ROLLING)} of them")
    return [
        _batch_row(lanes, _run_batch, bars, same, sizes, of_talib),
        _batch_row(lanes, _run_batch, bars, whole, sizes, of_pandas),
        _batch_row("one session", _run_bars, bars, same, sizes, of_talib),
    ]


def _batch_row(
    how: str,
    run: Callable[[np.ndarray, FeatureSchema], None],
    bars: np.ndarray,
    schema: FeatureSchema,
    sizes: Sizes,
    peer: tuple[Callable[[], object], int, str],
) -> Row:
    """Race a batch against a peer: its work, how many columns that has, and its name."""
    columns, (work, their_count, name) = len(schema.columns), peer
    ours, theirs = race(lambda: run(bars, schema), work, rounds=sizes.rounds)
    return less_is_better(
        f"batch of {columns} bar columns, {how}, per column and row", "ns", ours / bars.size / columns * 1e9,
        theirs / bars.size / their_count * 1e9, name,
    )  # fmt: skip


def group_rows(events: np.ndarray, bars: np.ndarray, sizes: Sizes) -> list[Row]:
    """The kernels of each group alone, over a state that has seen the day."""
    state = _preloaded(_schema("full"), events)
    replay_bars(state, bars[:1_000], _room(1_000, state.columns.size))
    begin_session(state, one_session()[0])  # the bars ran ahead of the events
    replay_events(state, events[:50_000], _room(1_000, state.columns.size))
    times = max(1, sizes.calls)
    rows = []
    for name, repeat in GROUPS.items():
        seconds, _ = race(lambda repeat=repeat: repeat(state, times), _nothing, rounds=sizes.rounds)  # type: ignore[misc]
        rows.append(_ns(f"group {name}, once", seconds, times))
    return rows


def cold_row() -> Row:
    """A process of its own, from its start to its first row, with the compiled code in the cache."""

    def start() -> None:
        subprocess.run([sys.executable, "-c", COLD], cwd=CHECKOUT, check=True, capture_output=True)

    start()  # fills the cache
    return Row("cold start with a warm cache", "s", rounded(min(seconds_of(start) for _ in range(3))))


def compilation_row(events: np.ndarray, bars: np.ndarray, sizes: Sizes) -> Row:
    """Compilations while everything runs once more; anything above 0 would stall a session."""
    with numba_events.install_recorder("numba:compile") as recorder:
        _run_events(events[: sizes.calls])
        _run_bars(bars[: sizes.calls], _schema("full"))
        _run_batch(bars[: sizes.calls], _schema("full"))
        call_row(events, replace(sizes, calls=10, rounds=1))
    return Row("compilations after the warm-up", "count", float(len(recorder.buffer)))


def first_update() -> float:
    """Compute one row, from the import on; return the seconds it took."""
    started = time.perf_counter()
    state, event = _begun(_schema("full")), np.zeros(1, dtype=EVENT)
    update_event(state, event[0])
    snapshot(state, np.empty(state.columns.size, dtype=np.float32))
    return time.perf_counter() - started


def _schema(set_name: str) -> FeatureSchema:
    return build_schema(set_name, frozenset(Need), MINUTE_NS, PRELOAD)


def _bar_columns() -> tuple[str, ...]:
    return build_schema("full", frozenset({Need.BARS, Need.CALENDAR}), MINUTE_NS, PRELOAD).columns


def _begun(schema: FeatureSchema) -> FeatureState:
    state = new_state(schema)
    begin_session(state, one_session()[0])
    return state


def _preloaded(schema: FeatureSchema, events: np.ndarray) -> FeatureState:
    """Return a state that has seen the day's beginning as each of its preload sessions."""
    state = new_state(schema)
    for _ in range(PRELOAD):
        begin_session(state, one_session()[0])
        replay_events(state, events[:50_000], _room(1_000, len(schema.columns)))
    return state


def _run_events(events: np.ndarray) -> None:
    schema = _schema("full")
    replay_events(_begun(schema), events, _room(DAY_NS // MINUTE_NS, len(schema.columns)))


def _run_many(events: np.ndarray, passes: int) -> None:
    """Take the day again and again, each a day later, through one state without a break."""
    state, session = new_state(_schema("full")), one_session()
    seen, later = _room(DAY_NS // MINUTE_NS, state.columns.size), events.copy()
    for _ in range(passes):
        begin_session(state, session[0])
        replay_events(state, later, seen)
        for record in (session, later):
            for name in record.dtype.names or ():
                if name.endswith("_ns"):
                    record[name] += 24 * 60 * MINUTE_NS


def _run_every(events: np.ndarray) -> None:
    state = _begun(_schema("full"))
    _row_after_each(state, events, np.empty(state.columns.size, dtype=np.float32))


def _run_bars(bars: np.ndarray, schema: FeatureSchema) -> None:
    replay_bars(_begun(schema), bars, _room(bars.size, len(schema.columns)))


def _run_batch(bars: np.ndarray, schema: FeatureSchema) -> None:
    if LANES == 1:
        _run_bars(bars, schema)
        return
    replays = [[Turn(one_session(), part)] for part in np.array_split(bars, LANES)]
    list(replay_side_by_side(schema, replays, LANES))


def _room(count: int, columns: int) -> SessionFeatures:
    return SessionFeatures(
        np.empty((count, columns), dtype=np.float32), np.empty(count, dtype=np.int64), np.empty(count, dtype=np.uint8),
        np.empty(count, dtype=np.int32), np.empty(count), np.zeros(count, dtype=BAR), np.empty(count),
    )  # fmt: skip


def _ns(work: str, seconds: float, count: int) -> Row:
    return Row(work, "ns", rounded(seconds / count * 1e9))


def _nothing() -> None:
    """Stand in for the peer where there is none."""


@kernel
def _row_after_each(state: FeatureState, events: np.ndarray, row: np.ndarray) -> None:
    for i in range(events.size):
        update_event(state, events[i])
        snapshot(state, row)
