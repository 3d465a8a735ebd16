"""Situations with an answer on paper: denominators of zero, odd books, empty minutes, session changes, q95."""

import math
from dataclasses import replace

import numpy as np
import pytest

from features.catalogue import CATALOGUE, Need, Warm, index_of
from features.pipeline import (
    atr_ticks,
    begin_session,
    copy_last_bar,
    last_close,
    phase,
    regime,
    snapshot,
    update_event,
)
from features.schema import build_schema
from features.state import new_state
from market.types import BAR, EVENT, PRICE_KEYED, Flag, Kind, Phase, Side, TradeType
from tests.features.unknown_columns import REACH, SIDED

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


class Desk:
    """A pipeline in one session, fed by hand; times are seconds after the open."""

    def __init__(self, session: np.ndarray, preload: int = 0, **parameters: int) -> None:
        self.schema = replace(build_schema("full", frozenset(Need), MINUTE, preload), **parameters)
        self.state = new_state(self.schema)
        self.begin(session)

    def begin(self, session: np.ndarray) -> None:
        self.start = int(session["open_ns"][0])
        begin_session(self.state, session[0])

    def event(self, kind: Kind, at: float, **fields: int) -> int:
        record = np.zeros(1, dtype=EVENT)
        record["kind"], record["ts_event_ns"], record["instrument"] = kind, self.start + round(at * SECOND), 1
        for name, value in fields.items():
            record[name] = value
        return int(update_event(self.state, record[0]))

    def trade(self, at: float, price: int, quantity: int, side: int = 0, kind: TradeType = TradeType.UNKNOWN) -> int:
        return self.event(Kind.TRADE, at, price=price, quantity=quantity, side=side, trade_type=kind)

    def quote(self, at: float, side: Side, price: int, quantity: int) -> int:
        return self.event(Kind.QUOTE_SIDE, at, side=side, price=price, quantity=quantity)

    def clock(self, minute: int) -> int:
        return self.event(Kind.CLOCK, 60 * minute)

    def row(self) -> dict[str, float]:
        snapshot(self.state, np.empty(len(self.schema.columns), dtype=np.float32))
        return {feature.name: float(value) for feature, value in zip(CATALOGUE, self.state.scratch, strict=True)}

    def bar(self) -> np.void:
        out = np.zeros(1, dtype=BAR)
        copy_last_bar(self.state, out, 0)
        return out[0]


@pytest.fixture
def desk(session_maker) -> Desk:
    return Desk(session_maker(1))


@pytest.mark.parametrize("name", [f.name for f in CATALOGUE if f.needs == {Need.BARS} and f.zero_rule is not None])
def test_constant_price_and_volume_follow_the_zero_rule(run_bars, name):
    _, scratch = run_bars([(100, 100, 100, 100, 7, 0, 0)] * 220)
    feature = CATALOGUE[index_of(name)]
    assert scratch[-1, index_of(name)] == feature.zero_rule


def test_constant_price_has_no_distance_in_units_of_no_range(run_bars):
    state, scratch = run_bars([(100, 100, 100, 100, 0, 0, 0)] * 180)
    assert math.isnan(scratch[-1, index_of("ema9_distance")])
    assert scratch[-1, index_of("adx_14")] == 0.0
    assert atr_ticks(state) == 0.0
    assert scratch[-1, index_of("volume_ratio_20")] == 1.0
    assert math.isnan(scratch[-1, index_of("signed_volume")])
    assert math.isnan(scratch[-1, index_of("delta_z")])


@pytest.mark.parametrize("feature", [f for f in CATALOGUE if f.needs <= {Need.BARS} and f.name != "gap_open"],
                         ids=lambda f: f.name)  # fmt: skip
def test_first_value_comes_at_the_warm_up_and_not_before(run_bars, feature):
    rng = np.random.default_rng(3)
    close = 10_000 + np.cumsum(rng.integers(-3, 4, 180))
    bars = [
        (int(c), int(c) + 2, int(c) - 3, int(c) + 1, int(v), 0, 0)
        for c, v in zip(close, rng.integers(1, 99, 180), strict=True)
    ]
    _, scratch = run_bars(bars)
    values = np.isfinite(scratch[:, index_of(feature.name)])
    assert values.tolist() == [k + 1 >= feature.warm_up for k in range(180)]


def test_session_change_keeps_bar_windows_and_measures_the_gap_alone(run_bars):
    quiet = [(1000, 1001, 999, 1000, 10, 5, 5)] * 90
    _, scratch = run_bars(quiet, [(1100, 1103, 1098, 1102, 10, 5, 5)])
    value = {name: scratch[-1, index_of(name)] for name in ("gap_open", "ret_session", "returns_1", "volatility_10")}
    assert value["gap_open"] == pytest.approx(math.log(1.1))
    assert value["ret_session"] == pytest.approx(math.log(1102 / 1100))
    assert value["returns_1"] == pytest.approx(math.log(1.102))
    ten = np.array([0.0] * 9 + [math.log(1102 / 1100)])
    assert value["volatility_10"] == pytest.approx(ten.std())
    assert scratch[-1, index_of("atr_pct")] * 1102 == pytest.approx(2 + (5 - 2) / 14)
    assert np.isnan(scratch[:90, index_of("gap_open")]).all()


def test_no_bar_before_the_first_price_then_empty_bars(desk):
    assert desk.clock(1) == 0
    desk.trade(61, 500, 3, 1)
    assert desk.clock(2) == 1
    assert desk.clock(3) == 1
    bar = desk.bar()
    assert [int(bar[n]) for n in ("open", "high", "low", "close", "volume", "trades")] == [500] * 4 + [0, 0]
    assert bar["flags"] == Flag.EMPTY
    assert bar["ts_open_ns"] == desk.start + 2 * MINUTE
    assert last_close(desk.state) == 500


def test_opening_print_belongs_to_the_first_bar(desk):
    desk.trade(-5, 498, 40, 0, TradeType.AUCTION)
    assert desk.clock(0) == 0
    desk.trade(1, 500, 2, -1)
    assert desk.clock(1) == 1
    bar = desk.bar()
    assert [int(bar[n]) for n in ("open", "low", "close", "volume", "sell_volume", "trades")] == [
        498,
        498,
        500,
        42,
        2,
        2,
    ]


def test_crosses_enter_neither_bars_nor_flow_and_rlp_only_bars(desk):
    desk.trade(1, 500, 10, 1, TradeType.BUY_AGGRESSION)
    desk.trade(2, 900, 99, 1, TradeType.CROSS)
    desk.trade(3, 501, 30, 0, TradeType.RLP)
    desk.clock(1)
    bar, row = desk.bar(), desk.row()
    assert [int(bar[n]) for n in ("high", "volume", "buy_volume", "trades", "turnover")] == [
        501,
        40,
        10,
        2,
        500 * 10 + 501 * 30,
    ]
    assert row["aggressive_buy_ratio"] == 1.0
    assert row["vwap_distance"] == pytest.approx(math.log(501 / 500.75))


def test_gap_marks_the_next_bar_only(desk):
    desk.trade(1, 500, 1, 1)
    desk.clock(1)
    desk.event(Kind.GAP, 70)
    desk.trade(80, 500, 1, 1)
    desk.clock(2)
    assert desk.bar()["flags"] == Flag.AFTER_GAP
    desk.trade(130, 500, 1, 1)
    desk.clock(3)
    assert desk.bar()["flags"] == 0


def test_phase_is_remembered_until_the_next_session(desk, session_maker):
    desk.event(Kind.STATE, 1, level=Phase.AUCTION)
    assert phase(desk.state) == Phase.AUCTION
    desk.begin(session_maker(2))
    assert phase(desk.state) == Phase.OPEN


def test_quotes_on_paper(desk):
    desk.quote(59.0, Side.BUY, 100, 30)
    desk.quote(59.1, Side.SELL, 102, 10)
    desk.quote(59.2, Side.BUY, 101, 20)  # better bid: +20
    desk.quote(59.3, Side.BUY, 101, 50)  # same price: +50 - 20
    desk.quote(59.4, Side.SELL, 103, 40)  # worse ask: +10
    desk.clock(1)
    row = desk.row()
    assert row["spread"] == 2.0
    assert row["book_imbalance"] == pytest.approx(10 / 90)
    assert row["micro_dev"] == pytest.approx((101 * 40 + 103 * 50) / 90 - 102)
    mean_size = (40 + 30 + 60 + 90) / 4 / 2
    assert row["ofi_5"] == pytest.approx((20 + 30 + 10) / mean_size)


@pytest.mark.parametrize(
    "quotes",
    [
        pytest.param([(Side.BUY, 100)], id="only-bids"),
        pytest.param([(Side.BUY, 100), (Side.SELL, 0)], id="asks-emptied"),
        pytest.param([(Side.BUY, 100), (Side.SELL, 100)], id="locked"),
        pytest.param([(Side.BUY, 105), (Side.SELL, 100)], id="crossed"),
    ],
)
def test_book_that_is_not_valid_has_no_features(desk, quotes):
    for side, price in quotes:
        desk.quote(59.5, side, price, 10)
    desk.clock(1)
    row = desk.row()
    assert all(math.isnan(row[f.name]) for f in CATALOGUE if f.group == "book")


@pytest.mark.parametrize(("age", "valid"), [(2.0, True), (2.000000001, False)])
def test_book_is_valid_for_two_seconds(desk, age, valid):
    desk.quote(60 - age, Side.BUY, 100, 10)
    desk.quote(60 - age, Side.SELL, 101, 10)
    desk.clock(1)
    assert math.isfinite(desk.row()["spread"]) == valid


def test_cleared_book_is_empty_until_both_sides_return(desk):
    desk.quote(59, Side.BUY, 100, 10)
    desk.quote(59, Side.SELL, 101, 10)
    desk.event(Kind.BOOK_CLEAR, 59.5)
    assert math.isnan(desk.row()["spread"])
    desk.quote(59.6, Side.SELL, 103, 10)
    assert math.isnan(desk.row()["spread"])
    desk.quote(59.7, Side.BUY, 100, 10)
    desk.clock(1)
    assert desk.row()["spread"] == 3.0


def test_quotes_without_sizes_give_the_spread_alone(desk):
    desk.quote(59, Side.BUY, 100, 0)
    desk.quote(59, Side.SELL, 101, 0)
    desk.clock(1)
    row = desk.row()
    assert row["spread"] == 1.0
    assert all(math.isnan(row[name]) for name in ("micro_dev", "book_imbalance", "ofi_5", "ofi_60"))


def test_time_windows_begin_on_whole_seconds_between_bars(desk):
    desk.trade(1, 500, 1, 1)
    desk.clock(1)
    desk.trade(69.9, 500, 10, 1)  # before the window that begins at 70: out
    desk.trade(70.0, 500, 4, 1)
    desk.trade(74.5, 500, 1, -1)
    assert desk.row()["trade_flow_5"] == pytest.approx((4 - 1) / 5)
    assert desk.row()["trade_flow_10"] == pytest.approx((14 - 1) / 15)


OF_AGGRESSORS = [f.name for f in CATALOGUE if {"a", "Vb", "Vs", "Nb", "Ns"} & set(f.inputs)]
OF_BARS = {f.name for f in CATALOGUE if f.warm_unit is Warm.BARS}


def warm_desk(desk: Desk, side: int) -> None:
    """Two hundred quiet minutes of trades and quotes; nothing is cold after them."""
    for second in range(0, 12_000, 2):
        desk.trade(second + 0.5, 500 + second // 60 % 7, 2, side * (1 - second % 4), TradeType.RLP)
        desk.quote(second + 0.6, Side.BUY, 499, 5 + second % 3)
        desk.quote(second + 0.6, Side.SELL, 507, 5)
        for at, price in ((Side.BUY, 499), (Side.SELL, 507)):
            desk.event(Kind.LEVEL_SET, second + 0.7, side=at, price=price, quantity=9, level=PRICE_KEYED)
        if second % 60 == 58:
            desk.clock(second // 60 + 1)


@pytest.fixture
def long_desk(session_maker) -> Desk:
    """A session of 210 minutes after one that knew its large trades."""
    desk = Desk(session_maker(1), preload=1)
    for k in range(20):
        desk.trade(k, 500, 2, 1)
    desk.begin(session_maker(2, 210))
    return desk


def test_session_that_shows_no_aggressor_is_unknown_not_balanced(long_desk):
    warm_desk(long_desk, 0)
    row = long_desk.row()
    assert {name for name in OF_AGGRESSORS if not math.isnan(row[name])} == set()
    assert set(OF_AGGRESSORS) - OF_BARS == SIDED
    assert row["trade_intensity"] == pytest.approx(30 / 60)
    assert math.isfinite(row["vwap_distance"])
    assert long_desk.bar()["flags"] == Flag.NO_AGGRESSOR


def test_first_aggressor_makes_the_tape_known_and_the_next_close_the_bars(long_desk):
    warm_desk(long_desk, 0)
    long_desk.trade(12_000.4, 500, 2, 1)
    row = long_desk.row()
    missing = {name for name in OF_AGGRESSORS if math.isnan(row[name])}
    assert missing == set(OF_AGGRESSORS) & OF_BARS
    assert (row["order_flow_imbalance_10"], row["is_buyer_aggressor"], row["trade_flow_5"]) == (1.0, 1.0, 1.0)
    long_desk.quote(12_059, Side.BUY, 499, 5)
    long_desk.clock(201)
    row = long_desk.row()
    constant = {"delta_z", "imbalance_z_5", "imbalance_z_10", "imbalance_z_20"}  # nothing known before: no deviation
    assert {name for name in OF_AGGRESSORS if math.isnan(row[name])} == constant


def test_a_window_without_a_known_aggressor_follows_the_zero_rule_once_the_session_showed_one(desk):
    desk.trade(0.2, 500, 2, 1)
    for second in range(1, 60):
        desk.trade(second + 0.5, 500, 2, 0)
    desk.clock(1)
    row = desk.row()
    assert row["trade_flow_5"] == row["order_flow_imbalance_10"] == 0.0
    assert row["aggressive_buy_ratio"] == 1.0
    desk.clock(2)
    assert desk.row()["aggressive_buy_ratio"] == desk.row()["aggressive_sell_ratio"] == 0.5


@pytest.mark.parametrize("lost_at", [7_200.0, 7_200.4])
def test_windows_of_time_are_missing_until_they_lie_after_a_loss(long_desk, lost_at):
    """The second in which the feed is back is lost too, on its first instant as in its middle."""
    first: dict[str, int] = {}
    warm = {}
    for second in range(9_100):
        if second == 7_200:
            warm = long_desk.row()
        if second == round(lost_at):
            long_desk.event(Kind.GAP, lost_at)
            long_desk.event(Kind.BOOK_CLEAR, lost_at)
        long_desk.trade(second + 0.5, 500 + second % 2, 2, 1 - second % 2 * 2)
        long_desk.quote(second + 0.6, Side.BUY, 499, 5)
        long_desk.quote(second + 0.6, Side.SELL, 507, 5)
        for at, price in ((Side.BUY, 499), (Side.SELL, 507)):
            long_desk.event(Kind.LEVEL_SET, second + 0.7, side=at, price=price, quantity=9, level=PRICE_KEYED)
        if second >= 7_200:
            row = long_desk.row()
            for name in REACH:
                if math.isfinite(row[name]):
                    first.setdefault(name, second)
    assert all(math.isfinite(warm[name]) for name in REACH)
    # At second + 0.7 the window of n seconds begins at second + 1 - n.
    wanted = {name: math.floor(lost_at) + seconds for name, seconds in REACH.items()}
    assert first == wanted


def test_a_loss_leaves_what_is_counted_in_trades_and_bars(long_desk):
    warm_desk(long_desk, 1)
    before = long_desk.row()
    long_desk.event(Kind.GAP, 12_000)
    after = long_desk.row()
    book = {f.name for f in CATALOGUE if f.group in ("book", "depth")}
    changed = {name for name, value in before.items() if math.isfinite(value) and value != after[name]}
    assert changed == set(REACH) | {name for name in book if math.isfinite(before[name])}


def test_a_loss_is_forgotten_with_its_session(desk, session_maker):
    desk.event(Kind.GAP, 3_000)
    desk.begin(session_maker(2))
    desk.trade(1, 500, 1, 1)
    desk.clock(1)
    assert desk.row()["trade_intensity"] == pytest.approx(1 / 60)


def test_calendar_between_bars_is_that_of_the_event(desk):
    desk.trade(1, 500, 1, 1)
    assert math.isnan(desk.row()["time_normalized"])
    desk.clock(1)
    desk.trade(29 * 60 + 59, 500, 1, 1)
    assert desk.row()["is_opening_30min"] == 1.0
    desk.trade(30 * 60 + 15, 500, 1, 1)
    row = desk.row()
    assert (row["is_opening_30min"], row["is_lunch_hour"]) == (0.0, 1.0)
    assert row["time_normalized"] == pytest.approx(30.25 / 75)
    assert row["minute_sin"] == pytest.approx(math.sin(2 * math.pi * 30.25 / 75))
    desk.trade(35 * 60, 500, 1, 1)
    assert desk.row()["is_lunch_hour"] == 0.0


def test_steady_tape_has_zero_z_and_unit_velocity(desk):
    for second in range(1, 1860):
        desk.trade(second, 500, 3, 1)
        if second % 60 == 59:
            desk.clock(second // 60 + 1)
    row = desk.row()
    assert row["trade_velocity"] == pytest.approx(1.0, abs=0.05)
    assert row["trade_intensity_ratio"] == pytest.approx(1.0, abs=0.05)
    assert row["buy_intensity"] == pytest.approx(1.0, abs=0.11)
    assert row["sell_intensity"] == 0.0


def test_large_trades_wait_for_the_preload_and_freeze_at_the_open(session_maker):
    desk = Desk(session_maker(1), preload=2)
    for day in (1, 2):
        if day == 2:
            desk.begin(session_maker(day))
        for k in range(100):
            desk.trade(k / 10, 500, 1 if k < 95 else 50, 1)
        desk.clock(1)
        assert math.isnan(desk.row()["large_trade_ratio"])
    # 95 % of the trades are of one lot: a trade of one lot already counts as large.
    desk.begin(session_maker(3))
    desk.trade(1, 500, 1, 1)
    for k in range(9):
        desk.trade(2 + k, 500, 400, 1)
    desk.clock(1)
    assert desk.row()["large_trade_ratio"] == 1.0
    # With the nine trades of 400 in the past, 95 % are no longer of one lot: 50 is the percentile.
    desk.begin(session_maker(4))
    desk.trade(1, 500, 10, 1)
    desk.trade(2, 500, 50, 1)
    desk.clock(1)
    assert desk.row()["large_trade_ratio"] == pytest.approx(50 / 60)


def test_session_change_forgets_tape_book_and_vwap(desk, session_maker):
    for k in range(120):
        desk.trade(k / 4, 500, 5, 1)
    desk.quote(59, Side.BUY, 499, 5)
    desk.quote(59, Side.SELL, 501, 5)
    desk.clock(1)
    assert desk.row()["cumulative_signed_volume"] == 1.0
    desk.begin(session_maker(2))
    desk.clock(1)
    row = desk.row()
    assert all(math.isnan(row[f.name]) for f in CATALOGUE if f.group in ("flow", "book"))
    assert row["trade_intensity"] == 0.0


def test_worthless_prints_are_ignored(desk):
    desk.trade(1, 0, 5, 1)
    desk.trade(2, -3, 5, 1)
    desk.trade(3, 500, 0, 1)
    assert desk.clock(1) == 0


def test_an_absurd_time_does_not_hang_the_session(desk):
    desk.trade(1, 500, 5, 1)
    desk.trade(1e9, 501, 5, 1)
    assert desk.clock(1) == 1
    assert regime(desk.state) == 0


def test_snapshot_counts_what_is_not_finite(desk):
    desk.trade(1, 500, 5, 1)
    desk.clock(1)
    row = np.empty(len(desk.schema.columns), dtype=np.float32)
    missing = snapshot(desk.state, row)
    assert missing == np.count_nonzero(~np.isfinite(row))
    assert 0 < missing < row.size
    wanted = desk.state.scratch[desk.state.columns].astype(np.float32)
    np.testing.assert_array_equal(row, wanted)


def test_bar_delta_needs_one_known_aggressor_in_the_session_not_in_every_bar(desk):
    known = []
    for minute in range(1, 55):
        desk.trade(60 * minute - 30, 500, 1 + minute % 7, 1 if minute > 2 and minute % 3 else 0)
        desk.clock(minute)
        row = desk.row()
        known.append((math.isfinite(row["signed_volume"]), math.isfinite(row["delta_z"])))
    assert known == [(minute >= 20, minute >= 51) for minute in range(1, 55)]
    desk.trade(54 * 60 + 1, 500, 1, 0)
    desk.clock(55)
    assert desk.bar()["flags"] == Flag.NO_AGGRESSOR
    assert math.isfinite(desk.row()["delta_z"])


@pytest.mark.parametrize("feature", [f for f in CATALOGUE if f.group == "tape"], ids=lambda f: f.name)
def test_silent_half_hour_follows_the_zero_rule_of_the_tape(desk, feature):
    desk.trade(0, 500, 5, 1)
    for minute in range(1, 32):
        desk.clock(minute)
    wanted = math.nan if feature.zero_rule is None else feature.zero_rule
    wanted = 0.0 if feature.name == "trade_intensity" else wanted
    assert desk.row()[feature.name] == pytest.approx(wanted, nan_ok=True)


def test_unmoving_spread_has_zero_z(desk):
    for second in range(660):
        desk.quote(second + 0.5, Side.BUY, 100, 10)
        desk.quote(second + 0.5, Side.SELL, 102, 10)
        if second % 60 == 59:
            desk.clock(second // 60 + 1)
    assert desk.row()["spread_z"] == 0.0
