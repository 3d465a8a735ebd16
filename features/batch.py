"""Many sessions of a feed of bars: as many side by side as the processor has lanes, through the kernels of live.

Each lane is a state of its own, which begins its sessions at its own bars; all lanes count bars together, from the
first of their preload. So each has the bits of `pipeline.compute_session`, however many lanes there are.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from features.bars import return_deviation
from features.layout import BAR_INTS, NOW_NS, REGIME
from features.minutes import update_minutes
from features.missing import mask_bars
from features.pipeline import (
    SessionFeatures,
    atr_ticks,
    compute_session,
    move_bar_features,
    require_bars_of,
    take_bar,
    take_hours,
)
from features.schema import FeatureSchema
from features.state import FeatureState, new_state
from market.kernel import kernel
from market.lanes import LANES, LaneArray, memory_of, turn
from market.stream import Feed
from market.types import BAR

_ATR, _SIGMA = range(2)


class Turn(NamedTuple):
    """A session to replay: its hours (SESSION, length 1) and its bars (BAR)."""

    hours: np.ndarray
    bars: np.ndarray


class _Seen(NamedTuple):
    """What is written of each lane's last session, shapes (lanes, bars) and, for rows, a third axis of columns."""

    rows: np.ndarray
    regime: np.ndarray
    atr: np.ndarray
    sigma: np.ndarray


class _Moment(NamedTuple):
    """What the lanes see at a decision point, before each gets its own: a row, and beside it ATR and deviation."""

    columns: np.ndarray  # float32, as many as fill whole squares of lanes
    rows: np.ndarray  # the same, shape (lanes, columns)
    beside: np.ndarray


def compute_sessions(
    schema: FeatureSchema, feed: Feed, days: Sequence[date], lanes: int = LANES
) -> Iterator[SessionFeatures]:
    """Yield the features of sessions, each to the bit as `compute_session` has them.

    Parameters
    ----------
    schema, feed
        As in `compute_session`.
    days : sequence of date
        In any order; neighbours share their preload, which is then read once.
    lanes : int
        How many are computed side by side where the feed is one of bars.

    Raises
    ------
    ConfigError
        If the feed's bars are not those of the schema.
    LakeError
        If a partition of a session or its preload is missing or damaged.
    """
    if feed.kind != "bars" or lanes == 1:
        yield from (compute_session(schema, feed, day) for day in days)
        return
    require_bars_of(schema, feed)
    for first in range(0, len(days), lanes):
        replays = [[*feed.preload(day, schema.preload_sessions), day] for day in days[first : first + lanes]]
        turns = {day: Turn(feed.session(day), feed.load(day)) for day in sorted(set(chain(*replays)))}
        yield from replay_side_by_side(schema, [[turns[day] for day in replay] for replay in replays], lanes)


def replay_side_by_side(
    schema: FeatureSchema, replays: Sequence[Sequence[Turn]], lanes: int
) -> Iterator[SessionFeatures]:
    """Run the sessions of each lane through a fresh state, and yield what the last of each saw.

    Parameters
    ----------
    schema : FeatureSchema
        Of all lanes.
    replays : sequence of sequences of Turn
        For each lane its sessions, oldest first; at most `lanes` of them.
    lanes : int
        2, 4 or 8.
    """
    sizes = [[turn.bars.size for turn in replay] for replay in replays]
    most = max(map(sum, sizes))
    kept = np.array([sum(counts[:-1]) for counts in sizes] + [most] * (lanes - len(replays)), dtype=np.int64)
    bars = _side_by_side(replays, lanes, most)
    state, now = _lanes_of(schema, lanes), _moment(schema, lanes)
    seen = _room(schema, lanes, max(counts[-1] for counts in sizes))
    done = 0
    for begins, lane, hours in _beginnings(replays, sizes):
        _replay(state, bars, done, begins, kept, now, seen)
        _begin(state, lane, hours[0])
        done = begins
    _replay(state, bars, done, bars.shape[1], kept, now, seen)
    for lane in range(len(replays)):
        own = bars[lane, kept[lane] :][: sizes[lane][-1]]
        if kept[lane] > 0:  # a copy, which does not hold the preload
            own = _bytes_of(own).copy().view(BAR)[:, 0]
        rows, regime, atr, sigma = (part[lane, : own.size] for part in seen)
        yield SessionFeatures(rows, own["ts_close_ns"].copy(), regime, own["close"].copy(), atr, own, sigma)


def _side_by_side(replays: Sequence[Sequence[Turn]], lanes: int, most: int) -> np.ndarray:
    """Return the bars of each lane, BAR, shape (lanes, most); behind its end a lane repeats its last bar."""
    bars = np.empty((lanes, most), dtype=BAR)
    room = _bytes_of(bars)  # copied field by field, records take ten times as long
    for lane in range(lanes):
        filled = 0
        for session in replays[min(lane, len(replays) - 1)]:
            room[lane, filled : filled + session.bars.size] = _bytes_of(session.bars)
            filled += session.bars.size
        room[lane, filled:] = room[lane, filled - 1 : filled] if filled else 0
    bars["reserved"] = 0
    return bars


def _bytes_of(bars: np.ndarray) -> np.ndarray:
    """Return BAR records as bytes, on a last axis of their own."""
    return bars.view(np.uint8).reshape(*bars.shape, BAR.itemsize)


def _beginnings(replays: Sequence[Sequence[Turn]], sizes: list[list[int]]) -> list[tuple[int, int, np.ndarray]]:
    """Return the bar before which a session begins, its lane and its hours, in the order of the bars."""
    found = [
        (sum(sizes[lane][:place]), lane, turn.hours)
        for lane, replay in enumerate(replays)
        for place, turn in enumerate(replay)
    ]
    return sorted(found, key=lambda one: one[0])


def _lanes_of(schema: FeatureSchema, lanes: int) -> FeatureState:
    """Return the part of a fresh state that a feed of bars needs, in every lane."""
    state = new_state(schema)
    return FeatureState(
        _in_lanes(state.floats, lanes), _in_lanes(state.ints[:BAR_INTS], lanes), state.columns,
        _in_lanes(state.scratch, lanes),
    )  # fmt: skip


def _moment(schema: FeatureSchema, lanes: int) -> _Moment:
    whole = -(-len(schema.columns) // lanes) * lanes
    row, rows = np.zeros(whole, dtype=np.float32), np.zeros((lanes, whole), dtype=np.float32)
    return _Moment(_in_lanes(row, lanes), rows, _in_lanes(np.zeros(2), lanes))


def _room(schema: FeatureSchema, lanes: int, count: int) -> _Seen:
    rows = np.empty((lanes, count, len(schema.columns)), dtype=np.float32)
    return _Seen(rows, np.empty((lanes, count), dtype=np.uint8), np.empty((lanes, count)), np.empty((lanes, count)))


def _in_lanes(values: np.ndarray, lanes: int) -> Any:
    """Return a `LaneArray`, which kernels take for an array."""
    return LaneArray(values, lanes)


@kernel
def _begin(state: FeatureState, lane: int, session: np.void) -> None:
    take_hours(memory_of(state.ints)[:, lane], session, memory_of(state.scratch)[:, lane])


@kernel
def _replay(
    state: FeatureState, bars: np.ndarray, first: int, end: int, kept: np.ndarray, now: _Moment, seen: _Seen
) -> None:
    """Take the bars of all lanes from `first` to before `end`; write what is seen from a lane's `kept` bar on."""
    ints, looks = memory_of(state.ints), False
    for lane in range(kept.size):
        looks |= kept[lane] < end
    for i in range(first, end):
        for lane in range(bars.shape[0]):
            take_bar(ints[:, lane], bars[lane, i])
        move_bar_features(state.floats, state.ints, state.scratch)
        mask_bars(state.ints, state.scratch)
        if looks:
            _look(state, now)
            _write(ints, kept, now, i, seen)


@kernel
def _look(state: FeatureState, now: _Moment) -> None:
    """Complete the columns of the present moment, in all lanes."""
    update_minutes(state.ints, state.ints[NOW_NS], state.scratch)
    for column in range(state.columns.size):
        now.columns[column] = state.scratch[state.columns[column]]
    for column in range(0, now.rows.shape[1], now.rows.shape[0]):
        turn(now.columns, column, now.rows)
    now.beside[_ATR], now.beside[_SIGMA] = atr_ticks(state), return_deviation(state.floats, state.ints)


@kernel
def _write(ints: np.ndarray, kept: np.ndarray, now: _Moment, i: int, seen: _Seen) -> None:
    """Write the decision point of each lane that keeps its `i`-th bar."""
    beside = memory_of(now.beside)
    for lane in range(kept.size):
        at = i - kept[lane]
        if not 0 <= at < seen.regime.shape[1]:
            continue
        for column in range(seen.rows.shape[2]):
            seen.rows[lane, at, column] = now.rows[lane, column]
        seen.regime[lane, at] = ints[REGIME, lane]
        seen.atr[lane, at], seen.sigma[lane, at] = beside[_ATR, lane], beside[_SIGMA, lane]
