"""The decision clock among the events, and a contract's sessions as a feed."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from market.bars import bars_from_events
from market.errors import LakeError
from market.instruments import B3
from market.lake import Lake
from market.lake_manifest import Cause, Gap, Provenance
from market.stream import Feed, with_clock
from market.types import BAR, EVENT, Flag, Kind

MINUTE_NS = 60_000_000_000
Build = Callable[[list[tuple[float, int, int, int]]], np.ndarray]


def test_clock_stands_before_the_first_event_at_or_after_its_time(trades: Build, wdo_session: np.ndarray) -> None:
    events = trades([(59.999, 1, 1, 0), (60, 2, 1, 0), (130, 3, 1, 0)])
    kinds = with_clock(events, wdo_session, MINUTE_NS)["kind"][:6]
    trade, clock = Kind.TRADE, Kind.CLOCK
    assert list(kinds) == [trade, clock, trade, clock, trade, clock]


def test_clock_strikes_at_every_boundary_up_to_the_close(trades: Build, wdo_session: np.ndarray) -> None:
    out = with_clock(trades([(1, 1, 1, 0)]), wdo_session, MINUTE_NS)
    clocks = out[out["kind"] == Kind.CLOCK]
    first, last = wdo_session["open_ns"][0] + MINUTE_NS, wdo_session["close_ns"][0]
    assert list(clocks["ts_event_ns"]) == list(range(first, last + 1, MINUTE_NS))
    assert out[out["kind"] != Kind.CLOCK].tobytes() == trades([(1, 1, 1, 0)]).tobytes()
    assert set(clocks["instrument"]) == {1}


def test_an_event_that_arrives_late_does_not_turn_the_clock_back(trades: Build, wdo_session: np.ndarray) -> None:
    out = with_clock(trades([(61, 1, 1, 0), (59, 2, 1, 0)]), wdo_session, MINUTE_NS)
    assert [(int(e["kind"]), int(e["price"])) for e in out[:3]] == [(Kind.CLOCK, 0), (Kind.TRADE, 1), (Kind.TRADE, 2)]


def test_a_session_without_events_has_its_clock(wdo_session: np.ndarray) -> None:
    assert with_clock(np.zeros(0, dtype=EVENT), wdo_session, MINUTE_NS).size == 540


def one_session(day: date, first_minute: int, last_minute: int) -> np.ndarray:
    bars = np.zeros(last_minute - first_minute, dtype=BAR)
    bars["ts_open_ns"] = B3.session("WDO", day)["open_ns"][0] + np.arange(first_minute, last_minute) * MINUTE_NS
    bars["ts_close_ns"] = bars["ts_open_ns"] + MINUTE_NS
    bars["open"] = bars["high"] = bars["low"] = bars["close"] = 100
    return bars


@pytest.fixture
def days() -> list[date]:
    return B3.calendar("WDO").sessions(date(2020, 4, 1), date(2020, 4, 9))


@pytest.fixture
def feed(lake: Lake, provenance: Provenance, days: list[date]) -> Feed:
    """Seven sessions of bars; the third ends an hour early, the fourth has a bar after the close."""
    spans = {2: (0, 480), 3: (0, 543)}
    lake.commit(
        (lake.draft("bars", "WDOK20", day, provenance, 60), one_session(day, *spans.get(k, (3, 540))))
        for k, day in enumerate(days)
    )
    return Feed(lake, "WDOK20", MINUTE_NS, "bars")


def test_feed_lists_its_sessions(feed: Feed, days: list[date]) -> None:
    assert feed.sessions() == days


def test_preload_takes_the_last_whole_sessions_before_a_day(feed: Feed, days: list[date]) -> None:
    assert feed.preload(days[6], 3) == [days[3], days[4], days[5]]
    assert feed.preload(days[4], 3) == [days[0], days[1], days[3]]
    assert feed.preload(days[1], 5) == [days[0]]
    assert feed.preload(days[0], 5) == []
    assert feed.preload(days[6], 0) == []


def test_feed_leaves_out_bars_that_open_after_the_close(feed: Feed, days: list[date]) -> None:
    bars = feed.load(days[3])
    assert bars.size == 540
    assert bars["ts_close_ns"][-1] == feed.session(days[3])["close_ns"][0]


def test_minutes_a_file_leaves_out_are_those_of_its_ticks(
    lake: Lake, provenance: Provenance, trades: Build, wdo_session: np.ndarray
) -> None:
    day = date(2020, 4, 2)
    events = trades([(1, 5, 1, 1), (70, 6, 2, -1), (300, 8, 1, 1), (301, 7, 1, 1), (620, 9, 1, 1)])
    whole = bars_from_events(events, wdo_session, MINUTE_NS)
    told = whole[whole["flags"] & np.uint32(Flag.EMPTY) == 0]
    assert told.size == 4 < whole.size
    lake.commit([(lake.draft("bars", "WDOK20", day, provenance, 60), told)])
    loaded = Feed(lake, "WDOK20", MINUTE_NS, "bars").load(day)
    assert loaded.tobytes() == whole[: loaded.size].tobytes()
    assert loaded[-1] == told[-1]


def test_nothing_is_decided_in_a_hole(lake: Lake, provenance: Provenance) -> None:
    day = date(2020, 4, 2)
    bars = one_session(day, 0, 9)[[0, 1, 4, 5, 8]]
    bars["close"] = [100, 101, 102, 103, 104]
    bars["flags"] = [0, 0, int(Flag.AFTER_GAP), 0, int(Flag.BACK_ADJUSTED)]
    lake.commit([(lake.draft("bars", "WDOK20", day, provenance, 60), bars)])
    loaded = Feed(lake, "WDOK20", MINUTE_NS, "bars").load(day)
    empty, hole = int(Flag.EMPTY), int(Flag.EMPTY | Flag.AFTER_GAP)
    assert loaded["flags"].tolist() == [0, 0, hole, hole, int(Flag.AFTER_GAP), 0, empty, empty, int(Flag.BACK_ADJUSTED)]
    assert loaded["close"].tolist() == [100, 101, 101, 101, 102, 103, 103, 103, 104]
    assert (np.diff(loaded["ts_open_ns"]) == MINUTE_NS).all()


def test_holes_are_what_no_label_may_span(lake: Lake, provenance: Provenance) -> None:
    day = date(2020, 4, 2)
    open_ns = int(B3.session("WDO", day)["open_ns"][0])
    causes = (Cause.AUCTION, Cause.NO_TRADE, Cause.FEED_LOSS, Cause.AUCTION, Cause.HOLIDAY, Cause.TRUNCATED)
    gaps = [Gap(open_ns + k * MINUTE_NS, open_ns + (k + 1) * MINUTE_NS, cause) for k, cause in enumerate(causes)]
    lake.commit([(lake.draft("bars", "WDOK20", day, provenance, 60, gaps), one_session(day, 0, 9))])
    holes = Feed(lake, "WDOK20", MINUTE_NS, "bars").holes()
    assert ((holes - open_ns) // MINUTE_NS).tolist() == [[2, 3], [3, 4], [5, 6]]
    assert Feed(lake, "WDOK20", MINUTE_NS, "events").holes().shape == (0, 2)


def test_events_come_with_their_clock(lake: Lake, provenance: Provenance, trades: Build) -> None:
    day = date(2020, 4, 2)
    lake.commit([(lake.draft("trades", "WDOK20", day, provenance), trades([(1, 5, 1, 1), (70, 6, 1, -1)]))])
    feed = Feed(lake, "WDOK20", MINUTE_NS, "events")
    assert feed.sessions() == [day]
    assert list(feed.load(day)["kind"][:4]) == [Kind.TRADE, Kind.CLOCK, Kind.TRADE, Kind.CLOCK]


def test_a_feed_of_the_wrong_bar_length_finds_nothing(lake: Lake, feed: Feed, days: list[date]) -> None:
    five = Feed(lake, "WDOK20", 5 * MINUTE_NS, "bars")
    assert five.sessions() == []
    with pytest.raises(LakeError, match="bars of 300 s of WDOK20 on 2020-04-01"):
        five.load(days[0])
