"""Live equals batch to the bit, a killed process continues as if it had not been, and nothing looks ahead."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue import Need
from features.pipeline import begin_session, compute_session, replay, snapshot, update_event
from features.schema import build_schema
from features.state import new_state, state_from_bytes, state_to_bytes
from market.bars import bars_from_events
from market.errors import ConfigError
from market.types import Flag, Kind

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class ListFeed:
    """Sessions held in memory, with the interface of market.stream.Feed."""

    days: list[date]
    hours: list[np.ndarray]
    records: list[np.ndarray]
    bar_ns: int
    kind: str = "events"
    contract: str = "WDOZ26"

    def session(self, day: date) -> np.ndarray:
        return self.hours[self.days.index(day)]

    def load(self, day: date) -> np.ndarray:
        return self.records[self.days.index(day)]

    def preload(self, day: date, n: int) -> list[date]:
        at = self.days.index(day)
        return self.days[max(0, at - n) : at]


@pytest.fixture(scope="module")
def feed(market, full_schema) -> ListFeed:
    days = [EPOCH + timedelta(days=int(hours["date"][0])) for hours in market.sessions]
    return ListFeed(days, market.sessions, market.events, full_schema.bar_ns)


def preloaded(schema, market, sessions):
    state = new_state(schema)
    row = np.empty(len(schema.columns), dtype=np.float32)
    for k in sessions:
        begin_session(state, market.sessions[k][0])
        for event in market.events[k]:
            if update_event(state, event):
                snapshot(state, row)
    return state


def test_session_equals_the_events_fed_one_by_one(feed, market, full_schema, stream):
    batch = compute_session(full_schema, feed, feed.days[3])
    state = preloaded(full_schema, market, [1, 2])
    begin_session(state, market.sessions[3][0])
    live = stream(state, market.events[3])
    assert batch.rows.tobytes() == live.rows.tobytes()
    assert batch.bars.tobytes() == live.bars.tobytes()
    assert batch.ts_ns.tolist() == live.ts_ns.tolist()


def test_snapshots_between_decisions_change_nothing(feed, market, full_schema):
    quiet, watched = new_state(full_schema), new_state(full_schema)
    row = np.empty(len(full_schema.columns), dtype=np.float32)
    for state in (quiet, watched):
        begin_session(state, market.sessions[0][0])
    for i, event in enumerate(market.events[0][:3000]):
        update_event(quiet, event)
        update_event(watched, event)
        if i % 7 == 0:
            snapshot(watched, row)
    snapshot(quiet, row)
    snapshot(watched, row)
    assert state_to_bytes(quiet) == state_to_bytes(watched)


def test_bars_equal_those_of_the_lake(feed, market, full_schema):
    for k, day in enumerate(feed.days):
        seen = replay(new_state(full_schema), feed, day)
        wanted = bars_from_events(market.events[k], market.sessions[k], full_schema.bar_ns)
        assert seen.bars.tobytes() == wanted.tobytes()
        assert np.any(wanted["flags"] & Flag.EMPTY)


def test_later_sessions_do_not_depend_on_anything_before_the_preload(feed, full_schema):
    whole = compute_session(full_schema, feed, feed.days[3])
    cut = ListFeed(feed.days[1:], feed.hours[1:], feed.records[1:], feed.bar_ns)
    assert whole.rows.tobytes() == compute_session(full_schema, cut, feed.days[3]).rows.tobytes()


@pytest.mark.nightly
@settings(max_examples=25, deadline=None)
@given(cut=st.integers(0, 9_000), hours_seed=st.integers(0, 3))
def test_interrupted_anywhere_and_resumed_is_bit_identical(market, full_schema, cut, hours_seed):
    events = market.events[hours_seed]
    straight = new_state(full_schema)
    begin_session(straight, market.sessions[hours_seed][0])
    resumed = state_from_bytes(state_to_bytes(straight))
    row = np.empty(len(full_schema.columns), dtype=np.float32)
    for i, event in enumerate(events):
        if i == cut:
            resumed = state_from_bytes(state_to_bytes(resumed))
        assert update_event(straight, event) == update_event(resumed, event)
        if event["kind"] == Kind.CLOCK:
            snapshot(straight, row)
            snapshot(resumed, row)
    assert state_to_bytes(straight) == state_to_bytes(resumed)


@pytest.mark.parametrize("minute", [1, 20, 44, 70])
def test_poisoned_future_changes_no_past_row(market, full_schema, feed, minute):
    events = market.events[3].copy()
    cut = int(np.flatnonzero(events["kind"] == Kind.CLOCK)[minute - 1]) + 1
    future = ~(events["kind"] == Kind.CLOCK)
    future[:cut] = False
    events["price"][future] = 777
    events["quantity"][future] = 9_999
    events["side"][future] *= -1
    poisoned = ListFeed(feed.days, feed.hours, [*feed.records[:3], events], feed.bar_ns)
    true, false = (compute_session(full_schema, f, feed.days[3]) for f in (feed, poisoned))
    past = true.ts_ns <= events["ts_event_ns"][cut - 1]
    assert past.sum() >= minute - 1
    assert true.rows[past].tobytes() == false.rows[past].tobytes()
    assert true.regime[past].tobytes() == false.regime[past].tobytes()
    later = slice(int(past.sum()) + 2, None)
    assert true.rows[later].tobytes() != false.rows[later].tobytes()


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(1, 9_000))
def test_truncated_session_gives_the_same_rows(market, full_schema, feed, cut):
    short = ListFeed(feed.days, feed.hours, [*feed.records[:3], market.events[3][:cut]], feed.bar_ns)
    whole, part = (compute_session(full_schema, f, feed.days[3]) for f in (feed, short))
    count = part.rows.shape[0]
    assert part.rows.tobytes() == whole.rows[:count].tobytes()
    assert count == int((market.events[3][:cut]["kind"] == Kind.CLOCK).sum())


def test_bars_feed_gives_the_bar_columns_of_the_event_feed(feed, market, full_schema):
    schema = build_schema("full", frozenset({Need.BARS, Need.CALENDAR}), full_schema.bar_ns, 2)
    bars = [bars_from_events(e, h, feed.bar_ns) for e, h in zip(market.events, market.sessions, strict=True)]
    by_bars = compute_session(schema, ListFeed(feed.days, feed.hours, bars, feed.bar_ns, "bars"), feed.days[3])
    by_events = compute_session(schema, feed, feed.days[3])
    for part, wanted in zip(by_bars, by_events, strict=True):
        assert part.tobytes() == wanted.tobytes()
    warm = [feature.warm_up <= sum(part.size for part in bars[1:]) for feature in schema.features]
    assert np.isfinite(by_bars.rows[-1][warm]).all()


def test_a_feed_of_bars_says_nothing_about_the_tape(feed, market, full_schema):
    bars = [bars_from_events(e, h, feed.bar_ns) for e, h in zip(market.events, market.sessions, strict=True)]
    seen = compute_session(full_schema, ListFeed(feed.days, feed.hours, bars, feed.bar_ns, "bars"), feed.days[3])
    for feature, column in zip(full_schema.features, seen.rows.T, strict=True):
        if feature.group in ("tape", "book"):
            assert np.isnan(column).all(), feature.name


def test_refuses_a_feed_of_another_bar_length(feed, full_schema):
    other = ListFeed(feed.days, feed.hours, feed.records, 300_000_000_000)
    with pytest.raises(ConfigError, match="300000000000"):
        compute_session(full_schema, other, feed.days[3])


def test_decision_columns_of_a_session_agree_with_its_bars(feed, full_schema):
    seen = compute_session(full_schema, feed, feed.days[3])
    assert seen.close.tolist() == seen.bars["close"].tolist()
    assert seen.ts_ns.tolist() == seen.bars["ts_close_ns"].tolist()
    assert np.isfinite(seen.atr).all()
    np.testing.assert_allclose(seen.atr / seen.close, seen.rows[:, full_schema.columns.index("atr_pct")], rtol=1e-6)


def test_five_minute_bars_still_count_minutes(session_maker, event_maker):
    hours = session_maker(1)
    schema = build_schema("full", frozenset(Need), 300_000_000_000, 0)
    events = event_maker(hours, 9)
    clocks = events["kind"] == Kind.CLOCK
    aligned = (events["ts_event_ns"] - hours["open_ns"]) % schema.bar_ns == 0
    seen = replay(
        new_state(schema),
        ListFeed([EPOCH], [hours], [events[~clocks | aligned]], schema.bar_ns),
        EPOCH,
    )
    wanted = bars_from_events(events[~clocks], hours, schema.bar_ns)
    assert seen.bars.tobytes() == wanted.tobytes()
    opening = seen.rows[:, schema.columns.index("is_opening_30min")]
    assert opening.tolist() == [1.0] * 5 + [0.0] * 10
