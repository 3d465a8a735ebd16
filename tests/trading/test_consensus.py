"""Consensus and strategy: the numbers of signals.md §7 and §9 by hand."""

import numpy as np
import pytest

from market.types import Regime
from tests.factories import OPEN_NS
from trading.consensus import blend, combine_votes, concord, confidence
from trading.policy import RiskLimits, StrategyParams
from trading.records import TERMS, HoldReason
from trading.strategy import bracket_distances, choose_side, size_position
from trading.strategy_params import ConcordanceParams, ManagedExits

WEIGHTS = np.array(StrategyParams().agent_weights)
NAN = np.nan


def _votes(*cast: tuple[float, float] | None) -> np.ndarray:
    """Return the votes of order flow, liquidity, tape and footprint from scores and confidences."""
    return np.array([vote or (NAN, NAN) for vote in cast])


def test_agents_are_weighted_by_weight_and_confidence() -> None:
    # A = (0.3·0.6·0.4 + 0.25·0.36·0.3) / 0.55; the weights of the two that abstain are not in it.
    score, sure, deviation, number = combine_votes(WEIGHTS, _votes((0.4, 0.6), None, (0.3, 0.36), None))
    assert score == pytest.approx(0.099 / 0.55)
    assert sure == pytest.approx((0.3 * 0.6 + 0.25 * 0.36) / 0.55)
    assert deviation == pytest.approx(0.05)
    assert number == 2


def test_four_agents_by_hand() -> None:
    votes = _votes((1.0, 1.0), (-1.0, 0.5), (0.5, 0.4), (0.0, 0.0))
    score, sure, deviation, number = combine_votes(WEIGHTS, votes)
    assert score == pytest.approx(0.30 - 0.10 + 0.05)
    assert sure == pytest.approx(0.30 + 0.10 + 0.10)
    assert deviation == pytest.approx(np.sqrt((1 + 1 + 0.25 + 0) / 4 - 0.125**2))
    assert number == 4


def test_one_agent_alone_is_no_consensus() -> None:
    score, sure, deviation, number = combine_votes(WEIGHTS, _votes(None, None, (0.3, 0.36), None))
    assert np.isnan([score, sure, deviation]).all()
    assert number == 1


def test_agents_without_weight_are_no_consensus() -> None:
    said = combine_votes(np.array([0.0, 1.0, 0.0, 1.0]), _votes((1, 1), None, (0.5, 1), None))
    assert np.isnan(said[:3]).all()


@pytest.mark.parametrize(
    ("m", "a", "required", "expected"),
    [
        (0.5, 0.25, True, 0.35),
        (-0.5, 0.25, True, -0.05),
        (0.5, np.nan, True, np.nan),
        (0.5, np.nan, False, 0.5),
        (np.nan, 0.9, True, np.nan),
        (np.nan, 0.9, False, np.nan),
        (np.nan, np.nan, False, np.nan),
    ],
)
def test_score_blends_model_and_agents_and_is_never_the_agents_alone(
    m: float, a: float, required: bool, expected: float
) -> None:
    policy = StrategyParams(require_agents=required).record()[0]
    assert blend(policy, m, a) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("m", "a", "deviation", "quality", "expected"),
    [
        (1.0, 1.0, 0.0, 1.0, 1.0),
        (1.0, -1.0, 1.0, 1.0, 0.2),
        (0.4, 0.2, 0.1, 0.9, 0.3 * 0.9 + 0.3 * 0.3 + 0.2 * 0.9 + 0.2 * 0.9),
        (0.5, np.nan, np.nan, 1.0, 0.7),
        (-0.5, np.nan, np.nan, 0.5, 0.5),
        (np.nan, 0.5, 0.0, 1.0, 0.0),
    ],
)
def test_confidence_by_hand(m: float, a: float, deviation: float, quality: float, expected: float) -> None:
    assert confidence(m, a, deviation, quality) == pytest.approx(expected)


CONCORDANT = ConcordanceParams(required=True)
UP, DOWN, RANGE = Regime.TREND_UP, Regime.TREND_DOWN, Regime.RANGE


@pytest.mark.parametrize(
    ("regime", "m", "a", "sure", "agrees"),
    [
        # c_M = 0.7; combined = 0.42 + 0.4·0.6 + 0.1·0.95 - 0.05·0.1 = 0.75; |M + A|/2 = 0.35.
        (UP, 0.4, 0.3, 0.6, True),
        (DOWN, 0.4, 0.3, 0.6, False),  # no buy in a trend down
        (DOWN, -0.4, -0.3, 0.6, True),
        (UP, -0.4, -0.3, 0.6, False),  # no sale in a trend up
        (RANGE, -0.4, -0.3, 0.6, True),
        (RANGE, 0.4, -0.3, 0.6, False),  # opposite sides
        # combined = 0.57 + 0.36 + 0.1·0.5 - 0.05·0.8 = 0.94 and |M + A|/2 = 0.4: the sides alone differ.
        (RANGE, 0.9, -0.1, 0.9, False),
        (RANGE, 0.9, 0.0, 0.9, False),  # no side
        (RANGE, 0.4, 0.0, 0.6, False),
        (RANGE, 0.19, 0.9, 0.6, False),  # c_M = 0.595
        (RANGE, 0.4, 0.3, 0.54, False),  # the agents are not sure
        (RANGE, 0.3, 0.28, 0.6, False),  # |M + A|/2 = 0.29
        (RANGE, NAN, 0.3, 0.6, False),
        (RANGE, 0.4, NAN, NAN, False),
    ],
)
def test_concordance_by_hand(regime: Regime, m: float, a: float, sure: float, agrees: bool) -> None:
    policy = StrategyParams(concordance=CONCORDANT).record()[0]
    assert concord(policy, int(regime), int(regime), m, a, sure) is agrees


@pytest.mark.parametrize(("regime", "agrees"), [(UP, True), (RANGE, False)])
def test_concordance_asks_more_of_a_range(regime: Regime, agrees: bool) -> None:
    # c_M = 0.65: combined = 0.39 + 0.4·0.55 + 0.1·(1 - 0.1) - 0.05·0.2 = 0.69, between the two.
    strict = ConcordanceParams(required=True, combined=(0.68, 0.68, 0.70))
    policy = StrategyParams(concordance=strict).record()[0]
    assert concord(policy, int(regime), int(regime), 0.3, 0.5, 0.55) is agrees


@pytest.mark.parametrize(
    ("regime", "score", "side", "reason"),
    [
        (UP, 0.30, 1, HoldReason.SIGNAL),
        (UP, 0.29, 1, HoldReason.BELOW_THRESHOLD),
        (UP, -0.9, -1, HoldReason.AGAINST_REGIME),
        (DOWN, -0.40, -1, HoldReason.SIGNAL),
        (DOWN, 0.90, 1, HoldReason.AGAINST_REGIME),
        (RANGE, 0.50, 1, HoldReason.SIGNAL),
        (RANGE, -0.50, -1, HoldReason.SIGNAL),
        (RANGE, -0.49, -1, HoldReason.BELOW_THRESHOLD),
    ],
)
def test_side_needs_the_regime_s_threshold_and_direction(
    regime: Regime, score: float, side: int, reason: HoldReason
) -> None:
    policy = StrategyParams(theta=(0.30, 0.40, 0.50)).record()[0]
    assert choose_side(policy, int(regime), int(regime), score) == (side, reason)


def test_score_of_zero_is_no_side_even_without_a_threshold() -> None:
    policy = StrategyParams(theta=(0.0, 0.0, 0.0)).record()[0]
    assert choose_side(policy, int(RANGE), int(RANGE), 0.0)[1] == HoldReason.BELOW_THRESHOLD


def test_policy_can_leave_ranges_alone_and_trade_against_trends() -> None:
    policy = StrategyParams(trade_range=False, with_trend_only=False).record()[0]
    assert choose_side(policy, int(RANGE), int(RANGE), 0.9)[1] == HoldReason.RANGE_OFF
    assert choose_side(policy, int(UP), int(UP), -0.9) == (-1, HoldReason.SIGNAL)


@pytest.mark.parametrize(
    ("regime", "atr", "expected"),
    [
        (UP, 4.0, (8, 12)),
        (RANGE, 4.0, (6, 9)),
        (UP, 3.25, (7, 11)),  # 6.5 and 9.75 ticks, but no less than 1.5 stops: 10.5
        (UP, 0.1, (4, 6)),
        (DOWN, 10.0, (20, 30)),
    ],
)
def test_bracket_is_a_multiple_of_the_true_range_in_whole_ticks(
    regime: Regime, atr: float, expected: tuple[int, int]
) -> None:
    assert bracket_distances(StrategyParams().record()[0], int(regime), atr, 0.5, OPEN_NS, np.nan) == expected


def test_bracket_is_a_table_of_ticks_where_the_policy_says_so() -> None:
    policy = StrategyParams(distances="ticks", min_reward_risk=0.0, target_ticks=(50, 50, 3)).record()[0]
    assert bracket_distances(policy, int(UP), np.nan, 0.5, OPEN_NS, np.nan) == (16, 50)
    assert bracket_distances(policy, int(RANGE), 1000.0, 0.5, OPEN_NS, np.nan) == (10, 3)


@pytest.mark.parametrize(
    ("stop", "tick_value", "most", "lot", "expected"),
    [
        (40, 5.0, 10, 1, 5),  # R$ 1000 / (40 x R$ 5)
        (40, 5.0, 3, 1, 3),
        (41, 5.0, 10, 1, 4),
        (200, 5.0, 10, 1, 1),
        (201, 5.0, 10, 1, 0),
        (20, 5.0, 9, 5, 5),
        (20, 5.0, 4, 5, 0),
        (200, 1.0, 10, 1, 5),
    ],
)
def test_size_never_risks_more_than_allowed(stop: int, tick_value: float, most: int, lot: int, expected: int) -> None:
    terms = np.zeros(1, dtype=TERMS)
    terms["tick_value"], terms["lot"] = tick_value, lot
    assert size_position(RiskLimits(max_position=most).record()[0], terms[0], stop, 1.0, 1.0) == expected


@pytest.mark.parametrize(("share", "expected"), [(1.0, 5), (0.96, 4), (0.8, 4), (0.64, 3), (0.19, 0)])
def test_size_takes_its_share_of_the_risk(share: float, expected: int) -> None:
    terms = np.zeros(1, dtype=TERMS)
    terms["tick_value"], terms["lot"] = 5.0, 1
    assert size_position(RiskLimits(max_position=10).record()[0], terms[0], 40, share, 1.0) == expected


def test_share_of_the_risk_is_multiplied_by_the_regime_s_and_never_beyond_the_limit() -> None:
    assert StrategyParams().size_share == pytest.approx((1.0, 1.0, 0.8, 0.5))
    assert StrategyParams(risk_share=0.5).size_share == pytest.approx((0.6, 0.6, 0.4, 0.25))


def test_least_confidence_is_shifted_by_regime_and_held_within_its_band() -> None:
    assert StrategyParams().least_confidence == (0.0, 0.0, 0.0, 0.0)
    assert StrategyParams(min_confidence=0.60).least_confidence == pytest.approx((0.55, 0.55, 0.65, 0.7))
    assert StrategyParams(min_confidence=0.52).least_confidence == pytest.approx((0.5, 0.5, 0.57, 0.62))
    assert StrategyParams(min_confidence=0.78).least_confidence == pytest.approx((0.73, 0.73, 0.8, 0.8))


def test_exits_are_in_the_policy_where_they_are_managed_and_nothing_where_they_are_not() -> None:
    fixed, managed = StrategyParams().record()[0], StrategyParams(exits=ManagedExits(managed=True)).record()[0]
    for name in (
        "partial_ticks", "partial_shares", "trail_activation_ticks", "trail_distance_ticks", "trail_tightening",
        "breakeven_ticks",
    ):  # fmt: skip
        assert not fixed[name].any()
    # signals.md §9: 8, 15, 25 and 3, 5, 8 points of WDO, two ticks each; §10: trailing in ticks.
    assert managed["partial_ticks"].tolist() == [[16, 30, 50], [16, 30, 50], [6, 10, 16], [20, 36, 60]]
    assert managed["partial_shares"].tolist() == [
        [0.25, 0.25, 0.5],
        [0.25, 0.25, 0.5],
        [0.5, 0.3, 0.2],
        [0.4, 0.4, 0.2],
    ]
    assert managed["trail_activation_ticks"].tolist() == [8, 8, 3, 10]
    assert managed["trail_distance_ticks"].tolist() == [8, 8, 3, 12]
    assert managed["trail_tightening"].tolist() == [0.95, 0.95, 0.8, 1.0]
    assert managed["breakeven_ticks"].tolist() == [16, 16, 8, 30]
