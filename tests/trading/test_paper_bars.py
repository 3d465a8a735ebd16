"""The whole path on a feed of bars: a trend that warms the features, then bars written for the situation."""

from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.costs import Costs
from market.types import Flag, Regime
from tests.factories import make_bar, make_session
from tests.trading.scenarios import COSTS, WARM, build_trader, build_warm, feed_trader, ladder, mirror, warm_original
from trading.core import Capacity
from trading.desk import REQUESTS, ROOM_ORDERS
from trading.paper import SessionResult, Trader, end_session, paper_begin
from trading.policy import RiskLimits, StrategyParams, VenueParams
from trading.records import HoldReason, OrderRole, OrderState, RefusalReason, TradingState

Prices = tuple[int, int, int, int]
ENTRY, STOP, TARGET, FLATTEN = OrderRole
ALONE = StrategyParams(require_agents=False)
FILLED_AT = 10_341  # open of bar 170 and one tick; stop 8 and target 12 ticks away (ATR14 is 4)
both_ways = pytest.mark.parametrize("mirrored", [False, True])


def _bars(trader: Trader, prices: list[Prices], mirrored: bool = False, start: int = WARM + 1, flags: int = 0) -> None:
    """Feed bars from a minute on."""
    shown = [mirror(bar) if mirrored else bar for bar in prices]
    feed_trader(trader, [make_bar(start + k, bar, flags=flags) for k, bar in enumerate(shown)])


def _signalled(mirrored: bool = False, **settings: object) -> Trader:
    """Return a trader whose last bar brought the first signal."""
    trader = build_warm(mirrored, **settings)
    feed_trader(trader, [make_bar(WARM, ladder(WARM, mirrored))])
    assert trader.decisions["reason"][-1] == HoldReason.SIGNAL
    return trader


def _reasons(trader: Trader) -> list[HoldReason]:
    return [HoldReason(code) for code in trader.decisions["reason"]]


@both_ways
def test_trend_ladder_wins_its_target_by_hand(mirrored: bool) -> None:
    trader = _signalled(mirrored)
    decision = trader.decisions[-1]
    side = -1 if mirrored else 1
    assert decision["sequence"] == 169
    assert decision["regime"] == (Regime.TREND_DOWN if mirrored else Regime.TREND_UP)
    assert (decision["side"], decision["stop_distance"], decision["target_distance"]) == (side, 8, 12)
    assert decision["score"] == pytest.approx(0.8 * side)
    assert decision["confidence"] == pytest.approx(0.6 * 0.8 + 0.4)
    assert np.isnan(decision["agent_score"])
    _bars(trader, [ladder(minute) for minute in range(170, 177)], mirrored)
    expected = [FILLED_AT, FILLED_AT + 12]
    assert trader.fills["price"].tolist() == ([20_000 - price for price in expected] if mirrored else expected)
    assert trader.fills["role"].tolist() == [ENTRY, TARGET]
    assert trader.fills["side"].tolist() == [side, -side]
    assert trader.equity[-1] == 12.0 - 0.50
    assert trader.orders["state"].tolist() == [OrderState.FILLED, OrderState.CANCELED, OrderState.FILLED]
    # Marked at the close of bar 170: one tick of profit, one fee.
    assert trader.equity[170] == 1.0 - 0.25


@both_ways
@pytest.mark.parametrize(
    ("bars", "role", "result"),
    [
        ([(10_340, 10_400, 10_300, 10_350)], STOP, -8),  # stop and target inside the bar of the entry
        ([ladder(170), (10_342, 10_400, 10_330, 10_350)], STOP, -8),  # and in a later one
        ([ladder(170), (10_320, 10_400, 10_310, 10_350)], STOP, -21),  # a gap through the stop
        ([ladder(170), (10_360, 10_361, 10_340, 10_350)], TARGET, 12),  # a gap through the target is no gift
        ([ladder(170), (10_342, 10_353, 10_340, 10_350), (10_350, 10_354, 10_340, 10_350)], TARGET, 12),
    ],
)
def test_exit_inside_a_bar_by_hand(bars: list[Prices], role: OrderRole, result: int, mirrored: bool) -> None:
    trader = _signalled(mirrored)
    _bars(trader, bars, mirrored)
    assert trader.fills["role"].tolist() == [ENTRY, role]
    assert trader.account["position"][0] == 0
    assert trader.equity[-1] == result - 0.50


def test_mirrored_market_mirrors_every_decision_and_earns_the_same() -> None:
    strategy = StrategyParams(require_agents=False, cooldown_bars=0)
    rng = np.random.default_rng(5)
    moves = rng.integers(-6, 8, size=(60, 2))
    bars, price = [], 10_340
    for move, wick in moves:
        bars.append((price, max(price, price + move) + abs(wick), min(price, price + move) - abs(wick), price + move))
        price += move
    straight, mirrored = (_signalled(way, strategy=strategy) for way in (False, True))
    _bars(straight, bars)
    _bars(mirrored, bars, mirrored=True)
    assert straight.fills.size > 8
    for name in ("reason", "stop_distance", "target_distance", "quantity"):
        assert straight.decisions[name].tolist() == mirrored.decisions[name].tolist()
    assert straight.decisions["side"].tolist() == (-mirrored.decisions["side"]).tolist()
    assert straight.fills["price"].tolist() == (20_000 - mirrored.fills["price"]).tolist()
    assert straight.equity.tolist() == mirrored.equity.tolist()


def test_doubling_the_costs_lowers_the_result_by_exactly_the_costs() -> None:
    results = []
    for costs in (COSTS, Costs(0.25, 0.25)):
        trader = _signalled(costs=costs)
        _bars(trader, [ladder(minute) for minute in range(170, 177)])
        results.append(trader.equity[-1])
    assert results[0] - results[1] == 2 * 0.25


def test_features_hold_before_they_are_warm_and_until_the_regime_is_known() -> None:
    reasons = _reasons(build_warm())
    # returns_1 wants 2 bars, ATR14 84, the regime 168 and three bars in a row.
    assert reasons == [HoldReason.NOT_WARM] * 83 + [HoldReason.REGIME_UNDEFINED] * 86


def test_nothing_is_entered_in_a_position_or_during_the_cooldown() -> None:
    trader = _signalled(strategy=StrategyParams(require_agents=False, cooldown_bars=4))
    _bars(trader, [ladder(170), (10_342, 10_343, 10_300, 10_342), *[(10_342, 10_343, 10_341, 10_342)] * 4])
    expected = [HoldReason.SIGNAL, HoldReason.IN_POSITION, *[HoldReason.COOLDOWN] * 3, HoldReason.SIGNAL]
    assert _reasons(trader)[169:175] == expected


def test_session_has_no_more_entries_than_allowed() -> None:
    strategy = StrategyParams(require_agents=False, cooldown_bars=0)
    trader = _signalled(strategy=strategy, limits=RiskLimits(max_trades_per_day=2))
    _bars(trader, [(10_342, 10_343, 10_300, 10_342)] * 4)
    assert _reasons(trader)[169:] == [HoldReason.SIGNAL] * 2 + [HoldReason.DAILY_LIMIT] * 3
    assert trader.budget["trades_today"][0] == 2


def test_gap_in_the_data_holds_for_the_bar_after_it() -> None:
    trader = build_warm()
    feed_trader(trader, [make_bar(WARM, ladder(WARM), flags=int(Flag.AFTER_GAP))])
    _bars(trader, [ladder(170)])
    assert _reasons(trader)[-2:] == [HoldReason.AFTER_GAP, HoldReason.SIGNAL]


@pytest.mark.parametrize(
    ("strategy", "probability", "reason"),
    [
        (ALONE, 0.64, HoldReason.BELOW_THRESHOLD),
        (ALONE, 0.10, HoldReason.AGAINST_REGIME),
        (StrategyParams(), 0.90, HoldReason.NO_AGENTS),
    ],
)
def test_score_that_the_policy_does_not_trade_holds(
    strategy: StrategyParams, probability: float, reason: HoldReason
) -> None:
    trader = build_trader(probability=probability, strategy=strategy)
    feed_trader(trader, [make_bar(minute, ladder(minute)) for minute in range(171)])
    assert _reasons(trader)[-1] is reason
    assert trader.orders.size == 0


def test_stop_too_dear_for_one_contract_is_no_trade() -> None:
    trader = build_warm(limits=RiskLimits(capital_reais=799.0))  # 1 % is R$ 7.99, the stop of 8 ticks R$ 8
    feed_trader(trader, [make_bar(WARM, ladder(WARM))])
    assert _reasons(trader)[-1] is HoldReason.SIZE_ZERO


def test_signal_the_gate_refuses_is_told_by_its_decision_and_leaves_no_order() -> None:
    trader = _signalled(limits=RiskLimits(stop_max_ticks=7), capacity=Capacity(orders=ROOM_ORDERS))
    _bars(trader, [ladder(minute) for minute in range(170, 200)])
    refused = trader.decisions[WARM:]
    assert refused["reason"].tolist() == [HoldReason.SIGNAL] * 31
    assert refused["refusal"].tolist() == [RefusalReason.STOP_DISTANCE] * 31
    assert (trader.orders.size, trader.fills.size, trader.core.desk.counts[REQUESTS]) == (0, 0, 0)
    account = trader.account[0]
    assert (trader.budget["trades_today"][0], account["pending"], account["last_order_id"]) == (0, 0, 0)
    assert trader.core.desk.bracket["live"][0] == 0
    # The next entry takes the place and the number that none has had.
    trader.core.desk.limits["stop_max_ticks"] = 100
    _bars(trader, [ladder(200), ladder(201)], start=200)
    assert trader.orders["id"].tolist() == [1, 2, 3]
    assert trader.decisions["refusal"][-2:].tolist() == [0, 0]
    assert trader.account["position"][0] == 1


def test_entry_that_no_bar_fills_is_cancelled() -> None:
    trader = _signalled()
    _bars(trader, [(10_340,) * 4], flags=int(Flag.EMPTY))
    assert trader.orders["state"].tolist() == [OrderState.CANCELED]
    assert _reasons(trader)[-1] is HoldReason.IN_POSITION
    _bars(trader, [ladder(171)], start=171)
    assert trader.fills.size == 0


@both_ways
def test_position_held_long_enough_is_flattened_at_the_next_open(mirrored: bool) -> None:
    strategy = StrategyParams(require_agents=False, max_hold_bars=3)
    trader = _signalled(mirrored, strategy=strategy)
    _bars(trader, [(10_341, 10_343, 10_339, 10_341)] * 3 + [(10_345, 10_346, 10_344, 10_345)], mirrored)
    assert trader.fills["role"].tolist() == [ENTRY, FLATTEN]
    assert abs(int(trader.fills["price"][1]) - 10_000) == 344  # the open, one tick adverse
    assert trader.equity[-1] == 2.0 - 0.50  # in at 10 341 and one tick
    assert trader.orders["state"].tolist() == [
        OrderState.FILLED, OrderState.CANCELED, OrderState.CANCELED, OrderState.FILLED,
    ]  # fmt: skip


def test_no_entry_near_the_close_and_flat_before_it() -> None:
    trader = _signalled(minutes=240)  # last entry before bar 180 closes, flat from bar 210 on
    quiet = (10_341, 10_343, 10_339, 10_341)
    _bars(trader, [quiet] * 40)
    assert trader.account["position"][0] == 1
    _bars(trader, [quiet], start=210)
    assert trader.fills["role"].tolist() == [ENTRY, FLATTEN]
    assert trader.fills["ts_ns"][1] == make_session()["open_ns"][0] + 210 * 60_000_000_000
    late = build_warm(minutes=230)
    feed_trader(late, [make_bar(WARM, ladder(WARM))])
    assert _reasons(late)[-1] is HoldReason.PAST_LAST_ENTRY


@both_ways
def test_session_that_ends_with_a_position_closes_it_one_tick_adverse(mirrored: bool) -> None:
    trader = _signalled(mirrored, venue=VenueParams(slippage_ticks=0))
    _bars(trader, [ladder(170)], mirrored)  # in at 10 340, marked at 10 342
    result = end_session(trader)
    assert result.fills["role"].tolist() == [ENTRY, FLATTEN]
    assert result.equity[-1] == 1.0 - 0.50
    assert result.account["position"][0] == 0
    assert set(result.orders["state"]) == {OrderState.FILLED, OrderState.CANCELED}


def test_entry_still_working_at_the_end_expires() -> None:
    result = end_session(_signalled())
    assert result.orders["state"].tolist() == [OrderState.EXPIRED]
    assert result.fills.size == 0


def test_session_without_a_bar_ends_with_nothing() -> None:
    result = end_session(build_trader())
    sizes = [len(part) for part in (result.decisions, result.orders, result.fills, result.equity, result.ts_ns)]
    assert sizes == [0] * 5
    assert result.account["equity"][0] == 0.0


def _next_session(trader: Trader) -> None:
    end_session(trader)
    session = make_session()
    session["date"] += 1
    paper_begin(trader.core, trader.venue, session[0], False)


def test_daily_loss_flattens_and_locks_until_the_next_session() -> None:
    limits = RiskLimits(capital_reais=1000.0)  # a session may lose R$ 20
    trader = _signalled(strategy=StrategyParams(require_agents=False, cooldown_bars=0), limits=limits)
    _bars(trader, [ladder(170), (10_319, 10_321, 10_318, 10_320), (10_320, 10_322, 10_319, 10_321)])
    assert trader.equity[-1] == 10_319 - FILLED_AT - 0.50  # R$ 22.50 lost through the gap
    assert _reasons(trader)[-2:] == [HoldReason.TRADING_STATE] * 2
    assert trader.budget["halt_reason"][0] == RefusalReason.DAILY_LOSS
    _next_session(trader)
    assert trader.budget["trading_state"][0] == TradingState.ACTIVE
    assert trader.budget["session_equity"][0] == -22.50


def test_drawdown_locks_beyond_the_session() -> None:
    limits = RiskLimits(capital_reais=1000.0, drawdown_alert=0.01, drawdown_stop=0.02)
    trader = _signalled(limits=limits)
    _bars(trader, [ladder(170), (10_319, 10_321, 10_318, 10_320)])
    assert trader.budget["drawdown_alert"][0] == 1
    _next_session(trader)
    assert trader.budget["trading_state"][0] == TradingState.HALTED
    assert trader.budget["halt_reason"][0] == RefusalReason.DRAWDOWN


def test_full_decision_record_halts_flattens_and_writes_nothing_beyond() -> None:
    trader = _signalled(capacity=Capacity(decisions=171))
    _bars(trader, [ladder(170)])
    assert trader.account["position"][0] == 1
    before = trader.core.desk.decisions.tobytes()
    _bars(trader, [(10_342, 10_344, 10_340, 10_342)] * 2, start=171)
    assert trader.core.desk.decisions.tobytes() == before
    assert trader.core.desk.equity.size == trader.decisions.size == 171
    assert trader.account["halt_reason"][0] == RefusalReason.OUTPUT_FULL
    assert trader.fills["role"].tolist() == [ENTRY, FLATTEN]


def test_full_order_record_takes_no_entry_that_could_not_be_protected() -> None:
    strategy = StrategyParams(require_agents=False, cooldown_bars=0)
    trader = _signalled(strategy=strategy, capacity=Capacity(orders=15))
    _bars(trader, [(10_342, 10_343, 10_300, 10_342)])
    assert trader.decisions["reason"][-1] == HoldReason.SIGNAL
    assert trader.decisions["refusal"][-1] == RefusalReason.OUTPUT_FULL
    assert trader.orders.size == 3
    assert trader.account["halt_reason"][0] == RefusalReason.OUTPUT_FULL


def _ledger(result: SessionResult, tick_value: float) -> float:
    """Return R$ by pairing nothing and summing everything: valid because the session ends flat."""
    fills = result.fills
    ticks = -sum(int(f["side"]) * int(f["quantity"]) * int(f["price"]) for f in fills)
    return ticks * tick_value - float(fills["fee"].sum())


steps = st.lists(st.tuples(st.integers(-25, 27), st.integers(0, 9), st.integers(0, 9), st.integers(-9, 9)), max_size=40)
DONE = {OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED, OrderState.REJECTED}


@settings(deadline=None, max_examples=60)
@given(steps, st.integers(1, 3))
def test_no_market_breaks_the_limits_or_the_books(walk: list[tuple[int, int, int, int]], most: int) -> None:
    trader = deepcopy(warm_original(False))
    trader.core.desk.limits["max_position"] = most
    position, seen, price = 0, 0, 10_340
    for place, (move, above, below, gap) in enumerate(walk):
        opening, close = price + gap, price + gap + move
        bar = (opening, max(opening, close) + above, min(opening, close) - below, close)
        price = close
        _bars(trader, [bar], start=WARM + place)
        for fill in trader.fills[seen:]:
            before, position = position, position + int(fill["side"]) * int(fill["quantity"])
            assert abs(position) <= most
            assert before * position >= 0
            assert (abs(position) > abs(before)) == (fill["role"] == ENTRY)
        seen = trader.fills.size
        assert trader.account["position"][0] == position
    result = end_session(trader)
    assert result.account["position"][0] == 0
    assert result.account["equity"][0] == pytest.approx(_ledger(result, 1.0))
    assert set(result.orders["state"]) <= DONE
    for order in result.orders:
        own = result.fills[result.fills["order"] == order["id"]]
        assert own["quantity"].sum() == order["filled"] <= order["quantity"]
    assert all(a <= b for a, b in pairwise(result.fills["ts_ns"]))
