"""Sizes and distances that follow confidence, hour, account and proven edge; signals.md §9 and §10 by hand."""

from dataclasses import replace

import numpy as np
import pytest

from market.types import Regime
from tests.factories import OPEN_NS, make_bar
from tests.trading.scenarios import WARM, build_warm, feed_trader, ladder
from trading.budget import new_budget, session_wins
from trading.policy import RiskLimits, StrategyParams
from trading.records import TERMS, HoldReason, OrderRole
from trading.strategy import bracket_distances, nearest_target, scale_quantity, size_position
from trading.strategy_options import LadderParams, SizingParams

HOUR_NS = 3_600_000_000_000
MIDNIGHT_NS = OPEN_NS - 9 * HOUR_NS  # of São Paulo
UP = int(Regime.TREND_UP)
CAPITAL = 100_000.0


def _policy(**settings: object) -> np.void:
    return StrategyParams(require_agents=False, **settings).record()[0]  # type: ignore[arg-type,no-any-return]


@pytest.mark.parametrize(
    ("sure", "expected"),
    [
        # 5/15, 6/12, 7/10 and 8/8 points of WDO, two ticks each.
        (1.0, (10, 30)),
        (0.80, (10, 30)),
        (0.79, (12, 24)),
        (0.70, (12, 24)),
        (0.69, (14, 20)),
        (0.60, (14, 20)),
        (0.59, (16, 16)),
        (0.0, (16, 16)),
    ],
)
def test_ladder_has_its_steps_by_confidence(sure: float, expected: tuple[int, int]) -> None:
    policy = _policy(distances="confidence", min_reward_risk=0.0)
    assert bracket_distances(policy, UP, 9.0, sure, OPEN_NS, np.nan) == expected


def test_ladder_keeps_the_least_reward_and_the_least_stop() -> None:
    policy = _policy(distances="confidence", min_stop_ticks=11)
    assert bracket_distances(policy, UP, 9.0, 0.9, OPEN_NS, np.nan) == (11, 30)
    assert bracket_distances(policy, UP, 9.0, 0.5, OPEN_NS, np.nan) == (16, 24)  # 1.5 x 16, not 16


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        # ATR 10: 20 and 30 ticks.
        (8.99, (20, 30)),
        (9.0, (24, 36)),
        (9.99, (24, 36)),
        (10.0, (20, 30)),
        (12.5, (16, 24)),
        (13.0, (20, 30)),
        (17.0, (26, 39)),
        (23.99, (26, 39)),
    ],
)
def test_distances_are_multiplied_by_the_hour_of_sao_paulo(hour: float, expected: tuple[int, int]) -> None:
    policy = _policy(hour_factors=((9, 10, 1.2), (12, 13, 0.8), (17, 24, 1.3)))
    assert bracket_distances(policy, UP, 10.0, 0.5, MIDNIGHT_NS + round(hour * HOUR_NS), np.nan) == expected


def test_hour_multiplies_tables_too_and_rounds_once() -> None:
    # 16 x 0.8 = 12.8 and 50 x 0.8 = 40.
    policy = _policy(distances="ticks", hour_factors=((9, 10, 0.8),))
    assert bracket_distances(policy, UP, np.nan, 0.5, OPEN_NS, np.nan) == (13, 40)
    # 2 x 1.3 x 1.1 = 2.86 and 3 x 1.3 x 1.1 = 4.29; rounded before the hour it would be 3 x 1.1 = 3.3.
    policy = _policy(hour_factors=((9, 10, 1.1),), min_stop_ticks=1, min_reward_risk=0.0)
    assert bracket_distances(policy, UP, 1.3, 0.5, OPEN_NS, np.nan) == (3, 4)


def test_ladder_may_begin_with_a_stop_of_a_tick() -> None:
    ladder = LadderParams(stop_ticks=(1, 2, 3, 4), target_ticks=(5, 6, 7, 8))
    policy = _policy(distances="confidence", ladder=ladder, min_stop_ticks=1)
    assert bracket_distances(policy, UP, 9.0, 0.9, OPEN_NS, np.nan) == (1, 5)
    assert bracket_distances(policy, UP, 9.0, 0.1, OPEN_NS, np.nan) == (4, 8)


@pytest.mark.parametrize(
    ("atr", "expected"),
    # Twice and three times the range: 8.94 and 13.41; 9.0 and 13.5; 9.48 and 14.22; 9.5 and 14.25; 11.66 and 17.49.
    [(4.47, (9, 13)), (4.5, (9, 14)), (4.74, (9, 14)), (4.75, (10, 14)), (5.83, (12, 17))],
)
def test_distances_are_rounded_to_the_nearest_tick_and_halves_up(atr: float, expected: tuple[int, int]) -> None:
    assert bracket_distances(_policy(min_reward_risk=0.0), UP, atr, 0.5, OPEN_NS, np.nan) == expected


def test_target_is_a_tick_away_at_least() -> None:
    policy = _policy(distances="ticks", min_reward_risk=0.0, target_ticks=(1, 1, 1))
    assert bracket_distances(policy, UP, np.nan, 0.5, OPEN_NS, np.nan) == (16, 1)
    policy = _policy(min_reward_risk=0.0, target_atr=(0.01,) * 3)
    assert bracket_distances(policy, UP, 10.0, 0.5, OPEN_NS, np.nan) == (20, 1)


@pytest.mark.parametrize(("stop", "expected"), [(1, 2), (7, 11), (8, 12)])
def test_nearest_target_pays_for_the_risk_in_whole_ticks(stop: int, expected: int) -> None:
    assert nearest_target(RiskLimits(min_reward_risk=1.5).record()[0], stop) == expected


def test_target_obeys_the_limits_where_the_policy_asks_for_less() -> None:
    # The range is 4: a stop of 7 ticks and a target of 4, but no less than 1.5 stops.
    strategy = StrategyParams(require_agents=False, stop_atr=(1.75,) * 3, target_atr=(1.0,) * 3, min_reward_risk=0.0)
    trader = build_warm(strategy=strategy, limits=RiskLimits(min_reward_risk=1.5))
    feed_trader(trader, [make_bar(WARM, ladder(WARM))])
    decision = trader.decisions[-1]
    assert (decision["reason"], decision["refusal"]) == (HoldReason.SIGNAL, 0)
    assert (decision["stop_distance"], decision["target_distance"]) == (7, 11)


@pytest.mark.parametrize(
    ("cap", "expected"),
    [
        (1.0, 5),  # R$ 1000 / (40 x R$ 5)
        (0.01, 5),
        (0.0099, 4),  # R$ 990
        (0.004, 2),
        (0.0019, 0),
        (0.0, 0),
    ],
)
def test_stop_never_loses_more_than_the_cap(cap: float, expected: int) -> None:
    terms = np.zeros(1, dtype=TERMS)
    terms["tick_value"], terms["lot"] = 5.0, 1
    assert size_position(RiskLimits(max_position=10).record()[0], terms[0], 40, 1.0, cap) == expected


def test_cap_is_a_part_of_the_edge_where_kelly_is_asked() -> None:
    params = StrategyParams(edge=(0.2, 0.04, 0.0))
    assert params.kelly_cap == (1.0, 1.0, 1.0)
    quarter = replace(params, sizing=SizingParams(kelly_fraction=0.25))
    assert quarter.kelly_cap == pytest.approx((0.05, 0.01, 0.0))
    assert quarter.record()[0]["kelly_cap"].tolist() == list(quarter.kelly_cap)


def _budget(fall: float = 0.0, outcomes: str = "") -> np.ndarray:
    """Return a budget that has fallen from a peak of R$ 20 000, with the session's trades as W and L in order."""
    budget = new_budget()
    budget["peak"], budget["equity"] = 20_000.0, 20_000.0 - fall
    budget["closed_today"] = len(outcomes)
    budget["outcomes"] = int("0" + "".join("1" if one == "W" else "0" for one in outcomes), 2)
    return budget


SCALED = SizingParams(drawdown_multiplier=0.5, losses_multiplier=0.7)


@pytest.mark.parametrize(
    ("fall", "outcomes", "quantity", "expected"),
    [
        (0.0, "", 10, 10),
        (6_000.0, "", 10, 10),  # 5 % of capital plus peak, R$ 120 000, and no more
        (6_000.01, "", 10, 5),
        (6_000.01, "", 3, 1),
        (6_000.01, "", 1, 0),
        (0.0, "LL", 10, 10),
        (0.0, "LLL", 10, 7),
        (0.0, "LWLL", 10, 10),  # 3 lost, 1 won
        (0.0, "LWLLL", 10, 7),
        (0.0, "LLL", 1, 0),
        (6_000.01, "LLL", 20, 7),  # 20 x 0.5 x 0.7
    ],
)
def test_contracts_follow_drawdown_and_losses(fall: float, outcomes: str, quantity: int, expected: int) -> None:
    policy = _policy(sizing=SCALED)
    assert scale_quantity(policy, _budget(fall, outcomes)[0], CAPITAL, 1, quantity) == expected


def test_contracts_left_are_whole_lots() -> None:
    assert scale_quantity(_policy(sizing=SCALED), _budget(6_000.01)[0], CAPITAL, 5, 15) == 5
    assert scale_quantity(_policy(sizing=SCALED), _budget(6_000.01)[0], CAPITAL, 5, 5) == 0


def test_as_shipped_contracts_follow_nothing() -> None:
    assert scale_quantity(_policy(), _budget(11_000.0, "LLLLL")[0], CAPITAL, 1, 3) == 3


def test_wins_of_a_session_are_counted_up_to_what_is_remembered() -> None:
    assert session_wins(_budget(outcomes="")[0]) == (0, 0)
    assert session_wins(_budget(outcomes="WLLWL")[0]) == (2, 3)
    longest = _budget(outcomes="W" * 62)
    longest["closed_today"] = 70
    assert session_wins(longest[0]) == (62, 0)


@pytest.mark.parametrize(
    ("sizing", "edge", "reason", "quantity"),
    [
        (SizingParams(), 0.0, HoldReason.SIGNAL, 4),
        (SCALED, 0.0, HoldReason.SIGNAL, 2),  # the drawdown halves it
        (replace(SCALED, drawdown_multiplier=0.2), 0.0, HoldReason.SIZE_ZERO, 0),
        (SizingParams(kelly_fraction=0.1), 0.0, HoldReason.SIZE_ZERO, 0),  # nothing is proven
        # WIN: R$ 0.20 a point, R$ 1 a tick; the stop of 8 ticks loses R$ 8 a contract, a cap of R$ 20 takes two.
        (SizingParams(kelly_fraction=0.1), 0.002, HoldReason.SIGNAL, 2),
    ],
)
def test_entry_takes_the_contracts_that_are_left(
    sizing: SizingParams, edge: float, reason: HoldReason, quantity: int
) -> None:
    strategy = StrategyParams(require_agents=False, sizing=sizing, edge=(edge, 0.0, 0.0))
    limits = RiskLimits(max_position=4, max_order_quantity=4, max_order_reais=1e6, max_exposure_reais=1e6)
    trader = build_warm(strategy=strategy, limits=limits)
    trader.budget["peak"] = 6_000.0  # nothing was won since: a fall of 5.66 %
    feed_trader(trader, [make_bar(WARM, ladder(WARM))])
    decision = trader.decisions[-1]
    assert (decision["reason"], decision["quantity"]) == (reason, quantity)
    entries = trader.orders[trader.orders["role"] == OrderRole.ENTRY]
    assert entries["quantity"].tolist() == ([quantity] if quantity else [])
