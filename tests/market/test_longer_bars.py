"""Shorter bars sum up to longer ones, to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.bars import bars_from_events
from market.errors import DataError
from market.longer_bars import longer_bars
from market.types import BAR, Flag
from tests.factories import MINUTE_NS, OPEN_NS, SECOND_NS, make_bar, make_session
from tests.tapes import make_tape, tapes


@given(tapes, st.sampled_from([(1, 60), (7, 21), (20, 60), (60, 240), (60, 600), (60, 60)]))
@settings(deadline=None, max_examples=200)
def test_bars_of_bars_are_the_bars_of_the_trades(told: list[tuple[int, ...]], seconds: tuple[int, int]) -> None:
    events, session, (short, long) = make_tape(told), make_session(minutes=10), seconds
    shorter = bars_from_events(events, session, short * SECOND_NS)
    wanted = bars_from_events(events, session, long * SECOND_NS)
    assert longer_bars(shorter, session, long * SECOND_NS).tobytes() == wanted.tobytes()


def test_vendor_bars_sum_up_and_keep_their_marks() -> None:
    bars = np.concatenate(
        [
            make_bar(0, (100, 103, 99, 102), 10, Flag.NO_AGGRESSOR),
            make_bar(1, (102, 102, 95, 96), 20, Flag.NO_AGGRESSOR | Flag.AFTER_GAP),
            make_bar(4, (97, 98, 97, 98), 30, Flag.NO_AGGRESSOR | Flag.PARTIAL | Flag.BACK_ADJUSTED),
        ]
    )
    (bar,) = longer_bars(bars, make_session(), 5 * MINUTE_NS)
    assert [int(bar[name]) for name in ("open", "high", "low", "close", "volume", "trades")] == [
        100, 103, 95, 98, 60, 60
    ]  # fmt: skip
    assert bar["flags"] == Flag.NO_AGGRESSOR | Flag.AFTER_GAP | Flag.PARTIAL | Flag.BACK_ADJUSTED
    assert (bar["ts_open_ns"], bar["ts_close_ns"]) == (OPEN_NS, OPEN_NS + 5 * MINUTE_NS)


def test_an_interval_without_a_record_has_no_bar() -> None:
    bars = np.concatenate([make_bar(minute, (100, 100, 100, 100)) for minute in (0, 12)])
    longer = longer_bars(bars, make_session(), 5 * MINUTE_NS)
    assert list((longer["ts_open_ns"] - OPEN_NS) // MINUTE_NS) == [0, 10]


def test_bars_after_the_last_whole_interval_enter_none() -> None:
    bars = np.concatenate([make_bar(minute, (100, 100, 100, 100), 7) for minute in range(13)])
    longer = longer_bars(bars, make_session(minutes=12), 5 * MINUTE_NS)
    assert list(longer["volume"]) == [35, 35]


def test_no_bars_give_none() -> None:
    assert longer_bars(np.zeros(0, dtype=BAR), make_session(), MINUTE_NS).size == 0


def test_refuses_a_bar_that_lies_in_two_intervals() -> None:
    with pytest.raises(DataError, match="expected shorter bars that end inside them"):
        longer_bars(make_bar(0, (100, 100, 100, 100)), make_session(), 90 * SECOND_NS // 2)
