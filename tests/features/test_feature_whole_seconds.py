"""Windows of time on feeds that stamp whole seconds: a trade on a boundary lies after it, as in bars."""

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from features.catalogue import index_of
from features.clock import Decides
from features.parity import compare_session
from features.pipeline import begin_session, compute_session, snapshot, update_event
from features.state import new_state
from market.stream import with_clock
from market.types import Kind, Side
from tests.features.book_moments import watch
from tests.features.conftest import Market
from tests.features.test_feature_event_twins import TWINS as EVENT_TWINS
from tests.features.test_feature_event_twins import expected as expected_of_events
from tests.features.test_feature_parity import ListFeed
from tests.features.test_feature_situations import MINUTE, SECOND, Desk
from tests.features.test_feature_twins import TWINS, expected

OF_TIME = [name for twins in (TWINS, EVENT_TWINS) for name, (unit, _, _) in twins.items() if unit == "seconds"]


@pytest.fixture
def desk(session_maker) -> Desk:
    return Desk(session_maker(1))


def tick_minutes(desk: Desk, minutes: int) -> dict[str, float]:
    """One lot is bought each second, a thousand are sold first thing each minute; return the row at the last close."""
    for second in range(60 * minutes):
        if second > 0 and second % 60 == 0:
            desk.clock(second // 60)
        if second % 60 == 0:
            desk.trade(second, 500, 1000, -1)
        else:
            desk.trade(second, 500, 1, 1)
    desk.clock(minutes)
    return desk.row()


def test_window_at_a_close_holds_the_trade_on_its_first_instant(desk):
    row = tick_minutes(desk, 6)
    assert desk.bar()["trades"] == 60
    assert row["trade_intensity"] * 60 == 60
    assert row["aggressive_buy_ratio"] == pytest.approx(59 / 1059)
    assert row["aggressive_sell_ratio"] == pytest.approx(1000 / 1059)
    assert row["trade_flow_5"] == row["trade_flow_10"] == 1.0  # the thousand lie at the other end of the minute
    assert row["trade_velocity"] == 1.0
    assert row["buy_intensity"] == pytest.approx(1.0 / (300 / 300))
    desk.trade(360, 500, 1000, -1)
    assert desk.row()["trade_flow_5"] == pytest.approx((4 - 1000) / 1004)  # between bars: 356 to 360


def test_window_at_a_close_leaves_out_the_trade_on_the_close(desk):
    """A window of 60 s is (s − 60, s] to whom takes in what carries the time of the close."""
    for at, quantity in ((239, 5), (240, 7), (299, 11)):
        desk.trade(at, 500, quantity, 1)
    desk.trade(299.5, 500, 1, -1)
    desk.clock(5)
    row = desk.row()
    assert row["aggressive_buy_ratio"] == pytest.approx((7 + 11) / (7 + 11 + 1))
    assert row["trade_intensity"] == pytest.approx(3 / 60)


def test_between_bars_a_window_holds_the_second_of_the_event_and_those_before(desk):
    for at in range(120, 131):
        desk.trade(at, 500, 1 << (at - 120), 1 if at % 2 else -1)
    lots = {at: (1 << (at - 120)) * (1 if at % 2 else -1) for at in range(120, 131)}
    five = [lots[at] for at in range(126, 131)]
    assert desk.row()["trade_flow_5"] == pytest.approx(sum(five) / sum(map(abs, five)))
    desk.trade(130.9, 500, 3, 1)
    assert desk.row()["trade_flow_5"] == pytest.approx((sum(five) + 3) / (sum(map(abs, five)) + 3))
    desk.trade(131, 500, 1, 1)
    assert desk.row()["trade_flow_5"] == pytest.approx((sum(five[1:]) + 4) / (sum(map(abs, five[1:])) + 4))


def test_flow_of_the_book_on_whole_seconds(desk):
    desk.quote(58, Side.BUY, 500, 10)
    desk.quote(58, Side.SELL, 501, 10)
    desk.quote(59, Side.BUY, 500, 16)  # in [59, 60): six lots more
    desk.clock(1)
    row = desk.row()
    assert row["ofi_1"] == pytest.approx(6 / 13)  # of sixteen and ten lots, the mean is 13
    desk.quote(60, Side.BUY, 500, 12)
    assert desk.row()["ofi_1"] == pytest.approx(-4 / 11)  # the second of the event alone
    desk.quote(61, Side.BUY, 500, 13)
    desk.quote(119, Side.BUY, 500, 14)
    desk.clock(2)
    assert desk.row()["ofi_60"] == pytest.approx((-4 + 1 + 1) / ((22 + 23 + 24) / 3 / 2))


def test_what_traded_before_the_open_is_in_no_window_and_what_traded_on_it_is(desk):
    desk.trade(-1, 500, 100, 1)
    desk.trade(0, 500, 5, -1)
    desk.trade(30, 500, 5, 1)
    desk.clock(1)
    row = desk.row()
    assert row["trade_intensity"] * 60 == 2
    assert row["aggressive_buy_ratio"] == 0.5
    assert desk.bar()["volume"] == 110


def test_a_trade_told_after_the_close_of_its_second_enters_the_next_window_as_the_next_bar(desk):
    desk.trade(10, 500, 5, 1)
    desk.clock(1)
    desk.trade(59.5, 500, 5, -1)
    desk.clock(2)
    assert desk.bar()["volume"] == 5
    assert desk.row()["aggressive_buy_ratio"] == 0.0


def test_prices_that_stood_ten_seconds_ago_are_of_the_window_at_a_close(desk):
    for second in range(1, 600):
        desk.trade(second, 505 if second == 590 else 500, 9 if second >= 590 else 1, 1)
    desk.clock(10)
    assert desk.row()["absorption"] == 0.0  # five ticks within [590, 600)
    for second in range(600, 660):
        desk.trade(second, 505 if second == 649 else 500, 9 if second >= 650 else 1, 1)
    desk.clock(11)
    assert desk.row()["absorption"] == -1.0


@pytest.mark.parametrize("told_before", [False, True])
def test_a_loss_within_a_second_takes_that_second(desk, told_before):
    """A feed of whole seconds says of a loss only in which one it ended."""
    for second in range(120, 126):
        desk.trade(second - 0.5, 500, 1, 1)
    if told_before:
        desk.trade(125, 500, 1, 1)
    desk.event(Kind.GAP, 125)
    known = []
    for second in range(125, 135):
        desk.trade(second + 0.5, 500, 1, 1)
        if math.isfinite(desk.row()["trade_flow_5"]):
            known.append(second + 1)
    assert known[0] == 131


def in_whole_seconds(market: Market) -> Market:
    """The same market from a feed that stamps seconds."""
    events = []
    for session, fine in zip(market.sessions, market.events, strict=True):
        coarse = fine[fine["kind"] != Kind.CLOCK].copy()
        coarse["ts_event_ns"] = coarse["ts_event_ns"] // SECOND * SECOND
        events.append(with_clock(coarse, session, MINUTE))
    return Market(market.sessions, events)


@pytest.fixture(scope="module")
def second_market(market) -> Market:
    return in_whole_seconds(market)


@pytest.fixture(scope="module")
def second_feed(second_market) -> ListFeed:
    days = [date(1970, 1, 1) + timedelta(days=int(hours["date"][0])) for hours in second_market.sessions]
    return ListFeed(days, second_market.sessions, second_market.events, MINUTE)


@pytest.fixture(scope="module")
def seen(second_market, full_schema):
    return watch(full_schema, second_market)


@pytest.mark.parametrize("name", OF_TIME)
def test_columns_of_time_equal_their_twin_on_whole_seconds(name, seen):
    find = expected if name in TWINS else expected_of_events
    wanted = np.array([find(moment, name) for moment, _ in seen])
    values = np.array([scratch[index_of(name)] for _, scratch in seen])
    np.testing.assert_allclose(values, wanted, rtol=1e-9, atol=1e-11)
    assert np.isfinite(wanted).sum() >= 5


@pytest.mark.parametrize("decides", Decides)
def test_live_equals_batch_on_whole_seconds(full_schema, second_feed, decides):
    short = replace(second_feed, records=[events[:6_000] for events in second_feed.records])
    found = compare_session(replace(full_schema, decides=decides), short, short.days[3])
    assert (found.differing, found.first) == (0, None)
    assert found.decisions > (20 if decides is Decides.BAR else 1_000)


def test_buy_pressure_of_a_minute_is_the_ratio_of_its_aggressors(full_schema, second_market):
    """The bar counts its own trades, the window the session's totals: the same minute, to the bit."""
    state, row, pairs = new_state(full_schema), np.empty(len(full_schema.columns), dtype=np.float32), []
    for session, events in zip(second_market.sessions, second_market.events, strict=True):
        begin_session(state, session[0])
        for event in events[events["kind"] != Kind.GAP]:  # where the feed was lost only the bar tells
            if update_event(state, event):
                snapshot(state, row)
                pairs.append([state.scratch[index_of(name)] for name in ("buy_pressure", "aggressive_buy_ratio")])
    bars, windows = np.array(pairs).T
    assert np.unique(bars[np.isfinite(bars)]).size > 100
    assert bars.tobytes() == windows.tobytes()


def test_truncated_session_gives_the_same_rows_on_whole_seconds(full_schema, second_feed):
    short = replace(second_feed, records=[*second_feed.records[:3], second_feed.records[3][:5_000]])
    whole, part = (compute_session(full_schema, feed, feed.days[3]) for feed in (second_feed, short))
    assert part.rows.tobytes() == whole.rows[: len(part.rows)].tobytes()
    assert len(part.rows) > 15
