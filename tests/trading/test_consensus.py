"""Consensus and strategy: the numbers of signals.md §7 and §9 by hand."""

import numpy as np
import pytest

from market.types import Regime
from trading.agents import AGENT_INPUTS
from trading.consensus import blend, combine_votes, confidence
from trading.policy import RiskLimits, StrategyParams
from trading.records import TERMS, HoldReason
from trading.strategy import bracket_distances, choose_side, size_position

INPUTS = np.arange(len(AGENT_INPUTS))
WEIGHTS = np.array(StrategyParams().agent_weights)


def _row(**changes: float) -> np.ndarray:
    return np.array([changes.get(name, 0.0) for name in AGENT_INPUTS], dtype=np.float32)


def test_agents_are_weighted_by_weight_and_confidence() -> None:
    # Order flow: s = 0.4, c = 0.6. Tape: s = 0.30, c = 0.36. A = (0.3·0.6·0.4 + 0.25·0.36·0.3) / 0.55.
    score, deviation, votes = combine_votes(WEIGHTS, _row(trade_flow_5=1, trade_flow_10=1), INPUTS)
    assert score == pytest.approx(0.099 / 0.55)
    assert deviation == pytest.approx(0.05)
    assert votes == 2


def test_one_agent_alone_is_no_consensus() -> None:
    score, deviation, votes = combine_votes(WEIGHTS, _row(book_imbalance=np.nan), INPUTS)
    assert np.isnan(score)
    assert np.isnan(deviation)
    assert votes == 1


def test_agents_without_weight_are_no_consensus() -> None:
    assert np.isnan(combine_votes(np.array([0.0, 1.0, 0.0, 1.0]), _row(), INPUTS)[0])


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


UP, DOWN, RANGE = Regime.TREND_UP, Regime.TREND_DOWN, Regime.RANGE


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
    assert choose_side(policy, int(regime), score) == (side, reason)


def test_score_of_zero_is_no_side_even_without_a_threshold() -> None:
    policy = StrategyParams(theta=(0.0, 0.0, 0.0)).record()[0]
    assert choose_side(policy, int(RANGE), 0.0)[1] == HoldReason.BELOW_THRESHOLD


def test_policy_can_leave_ranges_alone_and_trade_against_trends() -> None:
    policy = StrategyParams(trade_range=False, with_trend_only=False).record()[0]
    assert choose_side(policy, int(RANGE), 0.9)[1] == HoldReason.RANGE_OFF
    assert choose_side(policy, int(UP), -0.9) == (-1, HoldReason.SIGNAL)


@pytest.mark.parametrize(
    ("regime", "atr", "expected"),
    [(UP, 4.0, (8, 12)), (RANGE, 4.0, (6, 9)), (UP, 3.25, (7, 10)), (UP, 0.1, (4, 1)), (DOWN, 10.0, (20, 30))],
)
def test_bracket_is_a_multiple_of_the_true_range_in_whole_ticks(
    regime: Regime, atr: float, expected: tuple[int, int]
) -> None:
    assert bracket_distances(StrategyParams().record()[0], int(regime), atr) == expected


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
    assert size_position(RiskLimits(max_position=most).record()[0], terms[0], stop) == expected
