"""Situations of brokers, levels, profile and footprint with an answer on paper."""

import math
from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from features.catalogue import Need
from features.catalogue_events import EVENT_FEATURES
from features.layout import BROKERS, FOOT, PROFILE
from features.pipeline import begin_session, replay_events
from features.schema import build_schema
from features.state import new_state
from market.instruments import B3
from market.stream import with_clock
from market.synthetic import SyntheticMarket
from market.types import PRICE_KEYED, Flag, Kind, Side, TradeType
from tests.features.conftest import room
from tests.features.test_feature_situations import Desk

BROKER_COLUMNS = [f.name for f in EVENT_FEATURES if f.group == "brokers"]
DEPTH_COLUMNS = [f.name for f in EVENT_FEATURES if f.group == "depth"]
FOOT_COLUMNS = [f.name for f in EVENT_FEATURES if f.group == "footprint"]
PROFILE_COLUMNS = [f.name for f in EVENT_FEATURES if f.group == "profile"]


@pytest.fixture
def desk(session_maker) -> Desk:
    """A session whose clock was seen: a feed of events, not of bars."""
    desk = Desk(session_maker(1))
    desk.clock(0)
    return desk


def deal(desk: Desk, at: float, price: int, quantity: int, side: int, buyer: int = 0, seller: int = 0) -> None:
    desk.event(
        Kind.TRADE, at, price=price, quantity=quantity, side=side, buyer=buyer, seller=seller,
        trade_type=TradeType.UNKNOWN,
    )  # fmt: skip


def level(desk: Desk, at: float, side: Side, price: int, quantity: int, index: int = PRICE_KEYED) -> None:
    kind = Kind.LEVEL_SET if quantity else Kind.LEVEL_DELETE
    desk.event(kind, at, side=side, price=price, quantity=quantity, level=index)


def ladder(desk: Desk, at: float, bids: dict[int, int], asks: dict[int, int]) -> None:
    for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
        for price, quantity in levels.items():
            level(desk, at, side, price, quantity)


BIDS, ASKS = {100: 10, 99: 20, 97: 10, 96: 10, 95: 10}, {101: 30, 102: 10, 103: 10, 104: 10, 108: 80}


# --- brokers


def test_trades_without_both_brokers_do_not_count(desk):
    for k in range(300):
        named = k % 3 != 0
        deal(desk, k / 10, 500, 1 + k % 2, 1, 3 + k % 7 if named else 0, 90)
    row = desk.row()
    named = [k for k in range(300) if k % 3 != 0]
    last = [3 + k % 7 for k in named[-20:]]
    assert row["buyer_changed"] == pytest.approx(sum(a != b for a, b in pairwise(last)) / 19)
    assert row["seller_changed"] == 0.0
    assert row["top_buyers_count"] == pytest.approx(7 / 100)
    assert row["agent_turnover"] == 0.0


def test_feed_without_ids_leaves_the_brokers_missing_not_zero(desk):
    for k in range(600):
        deal(desk, k / 20, 500, 1, 1)
    row = desk.row()
    assert all(math.isnan(row[name]) for name in BROKER_COLUMNS)
    assert row["is_buyer_aggressor"] == 1.0


def test_turnover_of_two_hundreds_without_a_common_broker_is_whole(desk):
    for k in range(200):
        deal(desk, k / 10, 500, 1, 1, 3 if k < 100 else 8, 4 if k < 100 else 4 + 5 * (k % 2))
    assert desk.row()["agent_turnover"] == pytest.approx(1 - 1 / 4)  # 3, 4 before; 8, 4, 9 now


def test_ranks_are_frozen_at_the_open_and_ties_go_to_the_lowest_id(session_maker):
    desk = Desk(session_maker(1), preload=1)
    for k, (buyer, seller, lots) in enumerate([(9, 5, 50), (7, 5, 80), (8, 6, 50)]):
        deal(desk, k, 500, lots, 1, buyer, seller)
    desk.begin(session_maker(2))
    for k in range(200):
        deal(desk, k / 4, 500, 2, 1, (7, 8, 9, 11)[k % 4], (5, 12)[k % 2])
    row = desk.row()
    assert [row[f"top_buyer_{rank}_active"] for rank in range(3)] == [0.25, 0.25, 0.25]
    assert math.isnan(row["top_buyer_3_active"])
    for k in range(100):
        deal(desk, 51 + k / 20, 500, 1, 1, 8, 6)
    row = desk.row()
    assert [row[f"top_buyer_{rank}_active"] for rank in range(3)] == [0.0, 1.0, 0.0]  # 7, then 8 before 9
    assert [row[f"top_seller_{rank}_active"] for rank in range(2)] == [0.0, 1.0]  # 5, then 6


def test_share_and_lean_of_the_top_traders(session_maker):
    desk = Desk(session_maker(1), preload=1)
    for broker in range(1, 7):
        deal(desk, broker, 500, 100 - broker, 1, broker, 50)
    desk.begin(session_maker(2))
    for k in range(500):
        deal(desk, k / 10, 500, 1, 1, 1, 77)
    row = desk.row()
    assert row["top_trader_ratio"] == 0.5
    assert row["side_bias"] == 1.0


def test_more_brokers_than_the_table_holds_do_not_hang_it(desk):
    for k in range(2 * BROKERS):
        deal(desk, k / 20, 500, 1, 1, 1 + k, 2_000_000_000 - k)
    assert desk.row()["top_buyers_count"] == 1.0


def test_session_change_forgets_the_last_trades_but_not_the_ranks(desk, session_maker):
    for k in range(600):
        deal(desk, k / 20, 500, 1, 1, 3, 8)
    assert desk.row()["top_trader_ratio"] != desk.row()["top_trader_ratio"]  # nothing ranks in the first session
    desk.begin(session_maker(2))
    assert all(math.isnan(desk.row()[name]) for name in BROKER_COLUMNS)
    for k in range(500):
        deal(desk, k / 20, 500, 1, 1, 3, 9)
    assert desk.row()["top_trader_ratio"] == 0.5


# --- levels


def test_levels_on_paper(desk):
    deal(desk, 55, 100, 7, -1)
    ladder(desk, 59, BIDS, ASKS)
    row = desk.row()
    assert row["depth_imbalance5"] == pytest.approx((60 - 140) / 200)
    assert row["weighted_mid_dev"] == pytest.approx((100 * 140 + 101 * 60) / 200 - 100.5)
    bids, asks = (sum(q / (k + 1) for k, q in enumerate(side.values())) for side in (BIDS, ASKS))
    assert row["book_pressure"] == pytest.approx((bids - asks) / (bids + asks))
    assert [row[name] for name in ("bid_levels", "ask_levels", "bid_gap", "ask_gap")] == [4, 4, 1, 3]
    assert row["major_level_side"] == 0.0  # 108 is more than 0.2 % away
    assert row["consumption"] == pytest.approx(7 / 100)


def test_major_level_is_the_nearest_large_one(desk):
    shift = 10_000
    ladder(desk, 59, {p + shift: q for p, q in BIDS.items()}, {p + shift: q for p, q in ASKS.items()})
    row = desk.row()
    assert [row[f"major_level_{name}"] for name in ("side", "distance", "size")] == [-1, 7.5, 80 / 20]
    level(desk, 59.1, Side.BUY, shift + 99, 90)
    row = desk.row()
    assert [row[f"major_level_{name}"] for name in ("side", "distance")] == [1, 1.5]


@pytest.mark.parametrize(
    ("bids", "asks"),
    [({100: 5}, {}), ({}, {101: 5}), ({101: 5}, {101: 5}), ({103: 5}, {101: 5}), ({}, {})],
    ids=["bids", "asks", "locked", "crossed", "empty"],
)
def test_book_that_is_not_sound_has_no_depth(desk, bids, asks):
    ladder(desk, 59, bids, asks)
    assert all(math.isnan(desk.row()[name]) for name in DEPTH_COLUMNS)


@pytest.mark.parametrize("kind", [Kind.GAP, Kind.BOOK_CLEAR])
def test_lost_book_has_no_depth_until_it_is_told_whole(desk, kind):
    ladder(desk, 58, BIDS, ASKS)
    desk.event(kind, 59)
    assert math.isnan(desk.row()["depth_imbalance5"])
    ladder(desk, 59.1, BIDS, ASKS)
    assert math.isfinite(desk.row()["depth_imbalance5"]) == (kind == Kind.BOOK_CLEAR)
    desk.event(Kind.BOOK_CLEAR, 59.2)
    ladder(desk, 59.3, BIDS, ASKS)
    assert math.isfinite(desk.row()["depth_imbalance5"])


@pytest.mark.parametrize(("age", "valid"), [(2.0, True), (2.000000001, False)])
def test_depth_is_fresh_for_two_seconds_after_a_level_or_a_quote(desk, age, valid):
    ladder(desk, 30, BIDS, ASKS)
    desk.quote(60 - age, Side.BUY, 100, 10)
    desk.clock(1)
    deal(desk, 60, 100, 1, 1)
    assert math.isfinite(desk.row()["depth_imbalance5"]) == valid


@pytest.mark.parametrize(("max_age_ns", "valid"), [(5_000_000_000, True), (4_999_999_999, False)])
def test_the_schema_tells_how_old_a_book_may_be(session_maker, max_age_ns, valid):
    desk = Desk(session_maker(1), book_max_age_ns=max_age_ns)
    ladder(desk, 30, BIDS, ASKS)
    desk.quote(55, Side.BUY, 100, 10)
    desk.quote(55, Side.SELL, 101, 30)
    desk.clock(1)
    row = desk.row()
    assert [math.isfinite(row[name]) for name in ("depth_imbalance5", "spread", "micro_dev")] == [valid] * 3


def test_best_levels_stand_in_for_quotes_until_one_comes(desk):
    ladder(desk, 59, BIDS, ASKS)
    row = desk.row()
    assert row["spread"] == 1.0
    assert row["book_imbalance"] == pytest.approx(-20 / 40)
    level(desk, 59.2, Side.BUY, 100, 0)
    assert desk.row()["spread"] == 2.0
    level(desk, 59.2, Side.BUY, 97, 12)  # a deeper level moves neither side, but the book is alive
    assert desk.row()["spread"] == 2.0
    desk.quote(59.3, Side.BUY, 98, 4)
    desk.quote(59.3, Side.SELL, 101, 4)
    assert desk.row()["spread"] == 3.0
    level(desk, 59.4, Side.SELL, 101, 0)
    row = desk.row()
    assert row["spread"] == 3.0  # quotes win
    assert row["weighted_mid_dev"] == pytest.approx((99 * 110 + 102 * 52) / 162 - 100.5)  # and levels give the depth


def test_levels_beside_quotes_change_no_column_but_those_of_the_depth():
    schema = build_schema("full", frozenset(Need), 60_000_000_000, 0)
    rows = []
    for levels in (1, 5):
        market = SyntheticMarket(first=date(2026, 6, 1), sessions=1, levels=levels, trades_per_session=2_000)
        session = B3.session(market.symbol, market.days()[0])
        state, seen = new_state(schema), room(600, len(schema.columns))
        begin_session(state, session[0])
        count = replay_events(state, with_clock(market.session_events(0), session, schema.bar_ns), seen)
        rows.append(seen.rows[:count])
    for feature, one, five in zip(schema.features, rows[0].T, rows[1].T, strict=True):
        assert (one.tobytes() == five.tobytes()) == (feature.group != "depth" or feature.name == "liquidity_score")


def test_liquidity_is_against_the_median_of_the_preload(session_maker):
    desk = Desk(session_maker(1), preload=1)
    for minute, bid in enumerate((10, 30, 50), 1):
        deal(desk, 60 * minute - 30, 100, 1, 1)
        ladder(desk, 60 * minute - 1, {100: bid}, {101: bid})
        desk.clock(minute)
        assert math.isnan(desk.row()["liquidity_score"])
    desk.begin(session_maker(2))
    desk.clock(0)
    ladder(desk, 10, {100: 15}, {103: 15})
    assert desk.row()["liquidity_score"] == pytest.approx(0.7 * 30 / 60 + 0.3 * (1 - 2 / 4))


def test_replenishment_counts_what_came_back(desk):
    ladder(desk, 40, {100: 50}, {101: 50})
    deal(desk, 55, 101, 20, 1)
    level(desk, 55.1, Side.SELL, 101, 30)
    level(desk, 58, Side.SELL, 101, 45)
    level(desk, 59.5, Side.BUY, 100, 50)
    desk.clock(1)
    row = desk.row()
    assert row["replenishment"] == pytest.approx((95 - 100 + 20) / 20)
    assert row["consumption"] == pytest.approx(20 / (95 / 2))


def test_hidden_lots_are_those_beyond_what_was_shown(desk):
    desk.quote(58, Side.BUY, 100, 10)
    desk.quote(58, Side.SELL, 102, 10)
    deal(desk, 59, 100, 25, -1)
    deal(desk, 59.1, 102, 8, 1)
    desk.quote(59.2, Side.BUY, 100, 14)  # the same price: the stay goes on
    desk.clock(1)
    row = desk.row()
    assert row["hidden_bid"] == pytest.approx((25 - 10) / ((20 + 24) / 2 / 2))
    assert row["hidden_ask"] == 0.0
    desk.quote(60.1, Side.BUY, 99, 10)
    assert desk.row()["hidden_bid"] == 0.0


# --- prints


def test_slope_of_a_line_is_its_step(desk):
    for k in range(60):
        deal(desk, k / 2, 500 + 3 * k, 1, 1)
    row = desk.row()
    assert [row[f"tape_slope_{n}"] for n in (10, 30, 60)] == [3.0] * 3


@pytest.mark.parametrize(("side", "sign"), [(1, -1.0), (-1, 1.0)])
def test_absorption_is_against_those_who_moved_nothing(desk, side, sign):
    for second in range(1, 295):
        deal(desk, second, 500 + second % 2, 2, side if second % 4 else -side)
    for k in range(8):
        deal(desk, 296 + k / 2, 500 + k % 2, 9, side)
    desk.clock(5)
    assert desk.row()["absorption"] == sign
    deal(desk, 300.5, 505, 1, side)
    assert desk.row()["absorption"] == 0.0


# --- profile and footprint


def bar_of(desk: Desk, minute: int, trades: list[tuple[int, int, int]]) -> dict[str, float]:
    for k, (price, quantity, side) in enumerate(trades):
        deal(desk, 60 * (minute - 1) + 1 + k, price, quantity, side)
    desk.clock(minute)
    return desk.row()


def test_profile_on_paper(desk):
    trades = [(500, 10, 1), (501, 30, -1), (502, 30, 1), (503, 15, 1), (505, 15, -1), (499, 90, 0)]
    row = bar_of(desk, 1, trades)
    assert row["poc_distance"] == 499 - 501  # the lower of two equals; what has no aggressor does not count
    assert row["value_area_width"] == 3.0  # 500 to 502 holds 70 of 100 as well as 501 to 503: the lower
    assert row["value_area_position"] == pytest.approx((499 - 500) / 2)
    assert row["volume_profile_skew"] == pytest.approx((60 - 10) / 100)
    assert row["volume_concentration"] == pytest.approx(0.1**2 + 2 * 0.3**2 + 2 * 0.15**2)


def test_concentration_forgets_the_bar_before_the_last_thirty(desk):
    row = bar_of(desk, 1, [(400, 77, 1)])
    for minute in range(2, 31):
        row = bar_of(desk, minute, [(500 + minute, 1, 1)])
    assert row["volume_concentration"] == pytest.approx((77**2 + 29) / (77 + 29) ** 2)
    assert bar_of(desk, 31, [(600, 1, 1)])["volume_concentration"] == pytest.approx(1 / 30)


def test_footprint_on_paper(session_maker):
    desk = Desk(session_maker(1), preload=1)
    for k in range(100):
        deal(desk, k / 10, 500, 6, 1)
    desk.begin(session_maker(2))
    # Bought 500: 1, 501: 9, 502: 9, 503: 6, 504: 5; sold 500: 3, 501: 3, 502: 2, 504: 2.
    bought, sold = {500: 1, 501: 9, 502: 9, 503: 6, 504: 5}, {500: 3, 501: 3, 502: 2, 504: 2}
    row = bar_of(desk, 1, [(p, q, 1) for p, q in bought.items()] + [(p, q, -1) for p, q in sold.items()])
    assert row["bar_delta"] == 30 - 10
    # Bought against sold a tick below: 1/-, 9/3, 9/3, 6/2, 5/0 all pass. Sold against bought above: only 504.
    assert row["diagonal_imbalance"] == pytest.approx((5 - 1) / 6)
    assert row["stacked_buy"] == 3.0  # 501, 502, 503: at 500 and 504 fewer than the 6 of a large trade
    assert row["stacked_sell"] == 0.0
    assert [row["unfinished_high"], row["unfinished_low"]] == [1.0, 1.0]
    assert row["bar_poc_position"] == pytest.approx(1 / 4)  # 501 and 502 hold 12 and 11
    assert [row["p_shape"], row["b_shape"]] == [0.0, 1.0 if (6 + 7) / 40 < 0.3 else 0.0]


@pytest.mark.parametrize(("heavy", "shape"), [(504, "p_shape"), (501, "b_shape")])
def test_shape_of_a_bar_is_where_its_volume_lies(desk, heavy, shape):
    row = bar_of(desk, 1, [(500, 1, 1), (505, 1, 1), (heavy, 20, -1)])
    assert {name for name in ("p_shape", "b_shape") if row[name] == 1.0} == {shape}
    row = bar_of(desk, 2, [(500, 15, 1), (505, 15, 1), (heavy, 20, -1)])  # too much in the other half
    assert [row["p_shape"], row["b_shape"]] == [0.0, 0.0]
    assert row["bar_poc_position"] == pytest.approx((heavy - 500) / 5)


def test_empty_minute_has_a_footprint_in_balance(desk):
    bar_of(desk, 1, [(500, 5, 1), (501, 5, -1)])
    row = bar_of(desk, 2, [])
    assert {name: row[name] for name in FOOT_COLUMNS if not name.startswith("stacked")} == {
        "bar_delta": 0.0, "diagonal_imbalance": 0.0, "unfinished_high": 0.0, "unfinished_low": 0.0,
        "bar_poc_position": 0.5, "p_shape": 0.0, "b_shape": 0.0,
    }  # fmt: skip
    assert math.isfinite(row["poc_distance"])


def test_bar_without_a_price_range_has_its_volume_in_the_middle(desk):
    row = bar_of(desk, 1, [(500, 5, 1), (500, 7, -1)])
    assert row["bar_poc_position"] == 0.5
    assert [row["p_shape"], row["b_shape"]] == [0.0, 0.0]
    assert row["value_area_position"] == 0.5
    assert row["value_area_width"] == 1.0


def test_tape_that_knows_no_aggressor_has_neither_profile_nor_footprint(desk):
    row = bar_of(desk, 1, [(500, 5, 0), (501, 5, 0)])
    assert all(math.isnan(row[name]) for name in (*FOOT_COLUMNS, *PROFILE_COLUMNS))


def test_bar_too_wide_for_a_footprint_has_none_and_leaves_none_behind(desk):
    row = bar_of(desk, 1, [(500, 5, 1), (500 + FOOT, 5, -1)])
    assert math.isfinite(row["bar_delta"])
    assert math.isnan(row["diagonal_imbalance"])
    assert math.isnan(row["volume_concentration"])
    assert math.isfinite(row["poc_distance"])
    row = bar_of(desk, 2, [(500, 5, 1)])
    assert row["diagonal_imbalance"] == 1.0
    for minute in range(3, 32):
        row = bar_of(desk, minute, [(500, 5, 1)])
    assert row["volume_concentration"] == 1.0


def test_session_too_wide_for_a_profile_has_none(desk):
    row = bar_of(desk, 1, [(500, 5, 1), (500 + PROFILE, 5, -1)])
    assert all(math.isnan(row[name]) for name in PROFILE_COLUMNS)


def test_session_change_forgets_profile_and_levels(desk, session_maker):
    bar_of(desk, 1, [(500, 50, 1)])
    ladder(desk, 61, BIDS, ASKS)
    desk.begin(session_maker(2))
    row = bar_of(desk, 1, [(700, 5, 1)])
    assert row["poc_distance"] == 0.0
    assert row["volume_concentration"] == 1.0
    assert math.isnan(row["depth_imbalance5"])


def test_an_event_without_a_time_enters_nothing(desk):
    before = desk.state.ints.copy()
    desk.event(Kind.TRADE, 0, price=500, quantity=5, side=1, flags=Flag.NO_TIME, buyer=3, seller=8)
    desk.event(Kind.LEVEL_SET, 0, price=500, quantity=5, side=1, level=0, flags=Flag.NO_TIME)
    np.testing.assert_array_equal(desk.state.ints, before)
    assert desk.clock(1) == 0


def test_crosses_enter_neither_brokers_nor_profile(desk):
    bar_of(desk, 1, [(500, 5, 1)])
    for k in range(30):
        desk.event(Kind.TRADE, 61 + k, price=900, quantity=99, side=1, trade_type=TradeType.CROSS, buyer=3, seller=8)
    desk.clock(2)
    row = desk.row()
    assert math.isnan(row["buyer_changed"])
    assert row["poc_distance"] == 0.0
