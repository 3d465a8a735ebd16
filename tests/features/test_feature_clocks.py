"""Bars by trades and by contracts, and rows at each trade or change of the book."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from features.clock import BarLength, Decides, bar_length
from features.parity import compare_session
from features.pipeline import compute_session
from features.schema import FeatureSchema
from market.activity_bars import bars_by_rule, trade_rule, volume_rule
from market.bars import enters_bars
from market.errors import ConfigError, UsageError
from market.types import Flag, Kind
from tests.features.test_feature_parity import ListFeed

EPOCH = date(1970, 1, 1)
LENGTHS = {"trades": {"bar_trades": 40}, "contracts": {"bar_contracts": 300}}


@pytest.fixture(scope="module")
def unclocked(market) -> ListFeed:
    """The rough market without its clock."""
    days = [EPOCH + timedelta(days=int(hours["date"][0])) for hours in market.sessions]
    return ListFeed(days, market.sessions, [events[events["kind"] != Kind.CLOCK] for events in market.events], 0)


def with_length(schema: FeatureSchema, **lengths: object) -> FeatureSchema:
    return replace(schema, **{"bar_ns": 0, **lengths})


def entering(events: np.ndarray) -> np.ndarray:
    known = np.array([bool(enters_bars(kind)) for kind in events["trade_type"]])
    return (events["kind"] == Kind.TRADE) & known & (events["price"] > 0) & (events["quantity"] > 0)


@pytest.mark.parametrize(
    ("length", "rule"), [({"bar_trades": 40}, trade_rule(40)), ({"bar_contracts": 300}, volume_rule(300))]
)
def test_bars_of_activity_are_those_of_the_market(full_schema, unclocked, length, rule):
    """`market.activity_bars` also closes what a gap or the session's end left unfinished; features drop it."""
    seen = compute_session(with_length(full_schema, **length), unclocked, unclocked.days[3])
    bars = bars_by_rule(unclocked.records[3], rule)
    expected = bars[(bars["flags"] & Flag.PARTIAL) == 0]
    assert len(expected) > 50
    assert (bars["flags"] & Flag.PARTIAL).sum() > 1  # gaps lie between
    for name in expected.dtype.names:
        assert seen.bars[name].tolist() == expected[name].tolist(), name
    assert seen.ts_ns.tolist() == expected["ts_close_ns"].tolist()


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("decides", Decides)
def test_live_equals_batch_on_every_clock(full_schema, unclocked, length, decides):
    short = replace(unclocked, records=[events[:6_000] for events in unclocked.records])
    found = compare_session(with_length(full_schema, decides=decides, **length), short, short.days[3])
    assert (found.differing, found.first) == (0, None)
    assert found.decisions > (30 if decides is Decides.BAR else 1_000)


def test_a_clock_among_the_events_closes_no_bar_of_activity(full_schema, market, unclocked):
    schema = with_length(full_schema, bar_trades=40)
    clocked = replace(unclocked, records=market.events)
    with_clock, without = (compute_session(schema, feed, feed.days[3]) for feed in (clocked, unclocked))
    assert with_clock.rows.tobytes() == without.rows.tobytes()


def test_every_trade_is_a_row_that_later_events_do_not_change(full_schema, market):
    days = [EPOCH + timedelta(days=int(hours["date"][0])) for hours in market.sessions]
    feed = ListFeed(days, market.sessions, market.events, full_schema.bar_ns)
    schema = replace(full_schema, decides=Decides.TRADE)
    seen = compute_session(schema, feed, days[3])
    trades = np.flatnonzero(entering(market.events[3]))
    assert len(seen.ts_ns) == trades.size
    for place in (50, 777, trades.size - 1):
        cut = [*market.events[:3], market.events[3][: trades[place] + 1]]
        until = compute_session(schema, replace(feed, records=cut), days[3])
        assert until.rows[place].tobytes() == seen.rows[place].tobytes()
    by_bar = compute_session(full_schema, feed, days[3])
    last_bar = np.searchsorted(by_bar.ts_ns, market.events[3]["ts_event_ns"][trades[777]], side="right") - 1
    assert seen.bars[777].tobytes() == by_bar.bars[last_bar].tobytes()
    column = full_schema.columns.index("returns_5")
    assert seen.rows[777, column] == by_bar.rows[last_bar, column]


def test_every_change_of_the_book_is_a_row_of_that_book(full_schema, market):
    days = [EPOCH + timedelta(days=int(hours["date"][0])) for hours in market.sessions]
    feed = ListFeed(days, market.sessions, market.events, full_schema.bar_ns)
    seen = compute_session(replace(full_schema, decides=Decides.BOOK), feed, days[3])
    spread = seen.rows[:, full_schema.columns.index("spread")]
    events = market.events[3]
    at = np.flatnonzero(np.isin(events["kind"], [Kind.QUOTE_SIDE, Kind.LEVEL_SET, Kind.LEVEL_DELETE]))
    assert len(spread) == at.size
    rows, best, checked = iter(spread), {-1: 0, 1: 0}, 0
    for event in events:
        if event["kind"] in (Kind.BOOK_CLEAR, Kind.GAP):
            best = {-1: 0, 1: 0}
        elif event["kind"] in (Kind.LEVEL_SET, Kind.LEVEL_DELETE):
            next(rows)  # quotes are the better source, once there are any
        elif event["kind"] == Kind.QUOTE_SIDE:
            best[int(event["side"])] = int(event["price"])
            bid, ask, found = best[1], best[-1], next(rows)
            assert found == ask - bid if 0 < bid < ask else np.isnan(found)
            checked += 0 < bid < ask
    assert checked > 1_000


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", BarLength(bar_ns=90_000_000_000)),
        ("5min", BarLength(bar_ns=300_000_000_000)),
        ("500 trades", BarLength(bar_trades=500)),
        ("2000Contracts", BarLength(bar_contracts=2000)),
    ],
)
def test_length_of_a_bar_is_read_from_text(text, length):
    assert bar_length(text) == length


@pytest.mark.parametrize("text", ["", "60", "0s", "-5min", "1.5min", "5 hours", "trades"])
def test_other_lengths_are_refused(text):
    with pytest.raises(UsageError, match="expected one such as 90s"):
        bar_length(text)


@pytest.mark.parametrize("lengths", [{}, {"bar_ns": 60, "bar_trades": 5}, {"bar_trades": -1}])
def test_a_schema_has_one_length_of_a_bar(full_schema, lengths):
    with pytest.raises(ConfigError, match="one length of a bar"):
        with_length(full_schema, **lengths)


@pytest.mark.parametrize(
    "change", [*LENGTHS.values(), {"bar_trades": 41}, {"bar_trades": 40, "decides": Decides.TRADE}]
)
def test_clock_is_part_of_the_hash_and_of_the_text(full_schema, change):
    schema = with_length(full_schema, **change)
    others = [full_schema, *(with_length(full_schema, **one) for one in LENGTHS.values() if one != change)]
    assert schema.hash not in {other.hash for other in others}
    assert FeatureSchema.from_json(schema.to_json()) == schema
