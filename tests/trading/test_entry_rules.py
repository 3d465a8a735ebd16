"""What the policy asks of an entry besides its score, and the exit with the end of a trend; on bars by hand.

The ladder rises two ticks a bar with a true range of 4, so EMA9 lies 8 ticks, two ATR, below the close.
"""

import numpy as np
import pytest

from features.layout import BARS_SEEN, CANDIDATE, HISTORY, REGIME, RETURN_RING
from market.types import Regime
from tests.factories import make_bar, make_session
from tests.trading.scenarios import WARM, build_warm, feed_trader, ladder
from trading.desk import find_live
from trading.entry_rules import entry_distances, hold_by_agreement
from trading.paper import Trader, end_session, paper_begin
from trading.policy import RiskLimits, StrategyParams
from trading.records import DECISION, HoldReason, OrderRole
from trading.strategy_params import ConcordanceParams, ManagedExits

ALONE = StrategyParams(require_agents=False)
MOVES = ["trail_high", "trail_low", "trail_against", "trail_decay", "trail_tightest_after"]


def _reasons(strategy: StrategyParams, bars: int = 1, mirrored: bool = False, **settings: object) -> list[int]:
    """Return the reasons of the decisions from the first that may be a signal."""
    trader = build_warm(mirrored, strategy=strategy, **settings)
    feed_trader(trader, [make_bar(WARM + k, ladder(WARM + k, mirrored)) for k in range(bars)])
    return [int(reason) for reason in trader.decisions["reason"][WARM:]]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, HoldReason.SIGNAL),
        # The model alone is sure by 0.6·0.8 + 0.4 = 0.88; 0.78 - 0.05 is the least.
        ({"min_confidence": 0.78}, HoldReason.SIGNAL),
        ({"min_confidence": 0.78, "confidence_shift": (0.3, 0.3, 0.0)}, HoldReason.SIGNAL),  # no more than 0.8
        ({"concordance": ConcordanceParams(required=True)}, HoldReason.DISCORD),  # without agents nothing agrees
        # The model says 0.9 or 0.1, so |M| is 0.8; of an up and a down trend each has its own bound.
        ({"least_lean": (0.81, 0.81, 0.0)}, HoldReason.AMBIGUOUS),
        ({"least_lean": (0.79, 0.79, 1.0)}, HoldReason.SIGNAL),
        ({"trend_entry_atr": 0.5}, HoldReason.NO_SETUP),
        ({"trend_entry_atr": 2.01}, HoldReason.SIGNAL),
        ({"trades_per_day": (0, 0, 10)}, HoldReason.REGIME_LIMIT),
        ({"trades_per_day": (10, 10, 0)}, HoldReason.SIGNAL),
        ({"risk_share": 1e-6}, HoldReason.SIZE_ZERO),
        ({"range_levels": True}, HoldReason.SIGNAL),  # of a range alone
    ],
)
def test_entry_needs_what_the_policy_asks(changes: dict[str, object], reason: HoldReason, mirrored: bool) -> None:
    strategy = StrategyParams(require_agents=False, **changes)  # type: ignore[arg-type]
    assert _reasons(strategy, mirrored=mirrored) == [reason]


@pytest.mark.parametrize(("side", "expected"), [(1, (0, 0)), (-1, (8, 12))])
def test_price_too_far_beyond_the_average_leaves_neither_stop_nor_target(side: int, expected: tuple[int, int]) -> None:
    strategy = StrategyParams(require_agents=False, trend_entry_atr=0.5)
    trader = build_warm(strategy=strategy)
    feed_trader(trader, [make_bar(WARM, ladder(WARM))])
    found = entry_distances(trader.core.features, strategy.record()[0], trader.decisions[-1], side, 1.5)
    assert found == expected


def test_unsure_decision_holds() -> None:
    # p = 0.7 is sure by 0.6·0.4 + 0.4 = 0.64; a trend asks for 0.70 - 0.05.
    strategy = StrategyParams(require_agents=False, min_confidence=0.70)
    trader = build_warm(strategy=strategy)
    trader.core.model.calibration_p[:] = 0.7
    feed_trader(trader, [make_bar(WARM, ladder(WARM))])
    assert trader.decisions["reason"][-1] == HoldReason.UNSURE
    assert trader.decisions["confidence"][-1] == pytest.approx(0.64)
    assert trader.decisions["side"][-1] == 0


@pytest.mark.parametrize(("row", "least"), [(1, 0.75), (2, 0.75), (3, 0.8), (4, 0.8)])
def test_decision_is_sure_enough_at_the_very_least(row: int, least: float) -> None:
    policy = StrategyParams(require_agents=False, min_confidence=0.8).record()[0]
    decision = np.zeros(1, dtype=DECISION)[0]
    decision["regime"], decision["strategy"] = Regime.RANGE, row
    for confidence, reason in ((least, HoldReason.SIGNAL), (least - 1e-9, HoldReason.UNSURE)):
        decision["confidence"] = confidence
        assert hold_by_agreement(policy, decision) == reason


@pytest.mark.parametrize("regime", [Regime.TREND_UP, Regime.TREND_DOWN, Regime.RANGE])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_model_of_two_minds_holds_by_the_bound_of_its_regime(regime: Regime, side: float) -> None:
    bounds = [1.0, 1.0, 1.0]
    bounds[regime - 1] = 0.5
    policy = StrategyParams(require_agents=False, least_lean=tuple(bounds)).record()[0]  # type: ignore[arg-type]
    decision = np.zeros(1, dtype=DECISION)[0]
    decision["regime"], decision["strategy"] = regime, 1
    for lean, reason in ((0.5, HoldReason.SIGNAL), (np.nextafter(0.5, 0.0), HoldReason.AMBIGUOUS)):
        decision["model_score"] = side * lean
        assert hold_by_agreement(policy, decision) == reason


def _entries(trader: Trader) -> list[int]:
    return np.flatnonzero(trader.decisions["side"]).tolist()


def _traded(strategy: StrategyParams, bars: int) -> Trader:
    trader = build_warm(strategy=strategy)
    feed_trader(trader, [make_bar(WARM + k, ladder(WARM + k)) for k in range(bars)])
    return trader


def test_regime_takes_no_more_entries_than_it_may() -> None:
    strategy = StrategyParams(require_agents=False, cooldown_bars=0, max_hold_bars=1, trades_per_day=(2, 10, 10))
    trader = _traded(strategy, 20)
    assert len(_entries(trader)) == 2
    assert (trader.orders["role"] == OrderRole.ENTRY).sum() == 2
    after = trader.decisions["reason"][_entries(trader)[-1] + 1 :]
    assert set(after.tolist()) == {HoldReason.IN_POSITION, HoldReason.REGIME_LIMIT}


@pytest.mark.parametrize(("seconds", "apart"), [(60, 2), (120, 2), (121, 3), (300, 5)])
def test_entries_are_so_many_seconds_apart(seconds: int, apart: int) -> None:
    # Held for one bar, an entry could follow the last one after two.
    strategy = StrategyParams(require_agents=False, cooldown_bars=0, cooldown_seconds=seconds, max_hold_bars=1)
    first, second, *_ = _entries(_traded(strategy, 20))
    assert second - first == apart


@pytest.mark.parametrize(
    ("bars", "seconds", "apart"), [(0, 0, 2), (0, 121, 3), (0, 300, 5), (1, 0, 2), (2, 0, 3), (4, 0, 5)]
)
def test_first_decision_of_a_session_may_be_an_entry_that_the_next_one_waits_for(
    bars: int, seconds: int, apart: int
) -> None:
    """Held for one bar; warm from the session before. `cooldown_bars` is how many decisions lie between at least."""
    strategy = StrategyParams(require_agents=False, cooldown_bars=bars, cooldown_seconds=seconds, max_hold_bars=1)
    trader = build_warm(strategy=strategy)
    end_session(trader)
    paper_begin(trader.core, trader.venue, make_session(540)[0], False)
    feed_trader(trader, [make_bar(k, ladder(WARM + k)) for k in range(20)])
    assert _entries(trader)[:2] == [0, apart]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("least", "leaves"), [(0, False), (1, True), (8, True), (9, False), (60, False)])
def test_trade_of_a_trend_ends_with_it_where_it_earns_enough(least: int, leaves: bool, mirrored: bool) -> None:
    """The entry fills a tick beyond the next open; the close nine ticks further is the first out of the trend."""
    strategy = StrategyParams(
        require_agents=False, regime_exit_ticks=least, stop_atr=(9.0,) * 3, target_atr=(20.0,) * 3
    )
    trader = build_warm(mirrored, strategy=strategy)
    feed_trader(trader, [make_bar(WARM + k, ladder(WARM + k, mirrored)) for k in range(2)])
    entry, side = int(trader.account[0]["entry_price"]), -1 if mirrored else 1
    close = entry + 9 * side
    prices = (close, max(close, close - side), min(close, close - side), close)
    trader.core.features.ints[REGIME] = trader.core.features.ints[CANDIDATE] = Regime.UNDEFINED
    trader.core.features.ints[BARS_SEEN] = 0  # cold again: no regime
    feed_trader(trader, [make_bar(WARM + 2, prices)])
    assert trader.decisions["regime"][-1] == Regime.UNDEFINED
    assert (find_live(trader.core.desk, OrderRole.FLATTEN, 0) >= 0) is leaves


@pytest.mark.parametrize("mirrored", [False, True])
def test_managed_position_leaves_in_parts_at_the_distances_of_its_regime(mirrored: bool) -> None:
    """Four contracts at 25, 25 and 50 per cent: one, one and two, 16, 30 and 50 ticks from the first fill."""
    strategy = StrategyParams(require_agents=False, exits=ManagedExits(managed=True))
    limits = RiskLimits(max_position=4, max_order_quantity=4, max_order_reais=1e6, max_exposure_reais=1e6)
    trader = build_warm(mirrored, strategy=strategy, limits=limits)
    feed_trader(trader, [make_bar(WARM + k, ladder(WARM + k, mirrored)) for k in range(2)])
    entry, side = int(trader.account[0]["entry_price"]), -1 if mirrored else 1
    assert trader.account[0]["position"] == 4 * side
    targets = trader.orders[trader.orders["role"] == OrderRole.TARGET]
    found = sorted((side * (int(one["price"]) - entry), int(one["quantity"])) for one in targets)
    assert found == [(16, 1), (30, 1), (50, 2)]
    exits = trader.core.desk.exits[0]
    assert exits[["breakeven", "trail_after", "trail_distance", "trail_percent"]].item() == (16, 8, 8, 95)
    assert exits[MOVES].item() == (120, 90, 70, 1, 40)


def test_unmanaged_position_has_one_target_and_a_stop_that_stays() -> None:
    trader = build_warm(strategy=ALONE)
    feed_trader(trader, [make_bar(WARM + k, ladder(WARM + k)) for k in range(2)])
    assert (trader.orders["role"] == OrderRole.TARGET).sum() == 1
    assert trader.core.desk.exits[0][["breakeven", "trail_after", "trail_distance"]].item() == (0, 0, 0)
    assert trader.core.desk.exits[0][MOVES].item() == (100, 100, 100, 0, 0)


@pytest.mark.parametrize("mirrored", [False, True])
def test_target_is_as_far_as_one_deviation_over_the_time_it_may_be_held(mirrored: bool) -> None:
    """Returns of one in a thousand up and down: over 16 bars 0.004 of the close, 41.35 ticks; mirrored 38.65."""
    trader = build_warm(mirrored)
    state, decision, side = trader.core.features, np.zeros(1, dtype=DECISION), -1 if mirrored else 1
    state.floats[RETURN_RING : RETURN_RING + 2 * HISTORY] = 0.001 * (-1.0) ** np.arange(2 * HISTORY)
    decision["regime"] = decision["strategy"] = Regime.TREND_DOWN if mirrored else Regime.TREND_UP
    found = []
    for sigmas in (0.0, 1.0, 0.1, 2.0):
        policy = StrategyParams(max_hold_bars=16, min_target_sigma=sigmas).record()
        found.append(entry_distances(state, policy[0], decision[0], side, 1.5)[1])
    assert found == ([12, 39, 12, 78] if mirrored else [12, 42, 12, 83])
    state.floats[RETURN_RING : RETURN_RING + 2 * HISTORY] = np.nan
    unknown = StrategyParams(min_target_sigma=1.0).record()
    assert entry_distances(state, unknown[0], decision[0], side, 1.5)[1] == 12
