"""Bars from columns are the bars from events, to the bit."""

import bisect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.bar_columns import bars_from_columns, first_at, trade_columns
from market.bars import bars_from_events
from market.errors import DataError
from market.types import Flag
from tests.factories import make_session
from tests.tapes import entering, make_tape, tapes

SECOND_NS = 1_000_000_000


@given(tapes, st.sampled_from([1, 3, 60, 600]), st.booleans())
@settings(deadline=None, max_examples=200)
def test_columns_give_the_bars_of_the_events(told: list[tuple[int, ...]], seconds: int, wide: bool) -> None:
    events, session = make_tape(told), make_session(minutes=10)
    columns = trade_columns(events)
    if wide:
        columns = columns._replace(quantity=columns.quantity.astype(np.int64))
    wanted = bars_from_events(events, session, seconds * SECOND_NS)
    assert bars_from_columns(columns, session, seconds * SECOND_NS).tobytes() == wanted.tobytes()


def test_columns_of_many_trades_give_the_bars_of_the_events() -> None:
    rng = np.random.default_rng(20260601)
    count = 20_000
    told = np.zeros((count, 5), dtype=np.int64)
    told[:, 0] = rng.exponential(0.03, count) * SECOND_NS
    told[:, 1], told[:, 2], told[:, 3] = (
        rng.integers(90, 110, count),
        rng.integers(1, 9, count),
        rng.integers(0, 9, count),
    )
    events, session = make_tape(told.tolist()), make_session(minutes=10)
    bars = bars_from_columns(trade_columns(events), session, 60 * SECOND_NS)
    assert bars.tobytes() == bars_from_events(events, session, 60 * SECOND_NS).tobytes()
    assert bars.size == 10
    inside = entering(events)["ts_event_ns"] < session["close_ns"][0]
    assert bars["volume"].sum() == entering(events)["quantity"][inside].sum()


def test_a_gap_marks_an_empty_bar_of_columns() -> None:
    told = [(2 * SECOND_NS, 100, 1, 0, 0), (60 * SECOND_NS, 0, 0, 9, 0), (60 * SECOND_NS, 101, 1, 1, 0)]
    bars = bars_from_columns(trade_columns(make_tape(told)), make_session(), 60 * SECOND_NS)
    assert [int(flag) for flag in bars["flags"][:3]] == [0, Flag.EMPTY | Flag.AFTER_GAP, 0]


def test_a_gap_at_a_boundary_of_columns_belongs_to_the_bar_that_begins() -> None:
    told = [(SECOND_NS, 100, 1, 0, 0), (60 * SECOND_NS, 0, 0, 9, 0)]
    bars = bars_from_columns(trade_columns(make_tape(told)), make_session(), 60 * SECOND_NS)
    assert [int(flag) for flag in bars["flags"][:2]] == [0, Flag.EMPTY | Flag.AFTER_GAP]


def test_a_late_trade_stays_in_the_bar_that_forms() -> None:
    """The second trade closes the first minute; the third bears a time inside it."""
    told = [(2 * SECOND_NS, 100, 1, 0, 0), (60 * SECOND_NS, 105, 1, 0, 0), (-5 * SECOND_NS, 90, 1, 1, 0)]
    bars = bars_from_columns(trade_columns(make_tape(told)), make_session(), 60 * SECOND_NS)
    assert list(bars["low"][:2]) == [100, 90]
    assert list(bars["trades"][:2]) == [1, 2]


@given(st.lists(st.integers(0, 50), max_size=70).map(sorted), st.data())
@settings(deadline=None, max_examples=200)
def test_finds_the_first_place_from_a_start(ascending: list[int], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(ascending)))
    value = data.draw(st.integers(-1, 51))
    found = first_at(np.array(ascending, dtype=np.int64), start, value)
    assert found == bisect.bisect_left(ascending, value, lo=start)


def test_refuses_a_quantity_that_columns_cannot_hold() -> None:
    events = make_tape([(0, 100, 2**31, 0, 0)])
    with pytest.raises(DataError, match="2147483648"):
        trade_columns(events)
