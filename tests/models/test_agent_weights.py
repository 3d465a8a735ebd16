"""Weights of agents and model from what they would have earned: the update of signals.md §7 by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from market.errors import ConfigError
from models.agent_weights import LEAST_DECISIONS, Outcomes, adapt_weights, average_weights, mean_gain, move_weights
from trading.policy import StrategyParams

NAN = math.nan


def test_gain_is_the_score_times_what_is_left_after_costs_in_deviations() -> None:
    ret = np.array([3.0, -3.0, 3.0, -3.0])  # deviation 3
    # Long on a rise of 3 that costs 1: 0.5·2/3. Short on a rise: -0.5·(3 + 1)/3. Long on a fall: 1·(-4)/3, held at -1.
    one = np.ones(4)
    assert mean_gain(np.array([0.5, NAN, NAN, NAN]), ret, one) == pytest.approx(1 / 3)
    assert mean_gain(np.array([NAN, NAN, -0.5, NAN]), ret, one) == pytest.approx(-2 / 3)
    assert mean_gain(np.array([NAN, 1.0, NAN, NAN]), ret, one) == -1.0
    assert mean_gain(np.array([0.5, 1.0, -0.5, 0.0]), ret, one) == pytest.approx((1 / 3 - 1 - 2 / 3 + 0) / 4)
    # Each decision pays what its own session costs: 0.5·(3 - 1)/3 and, dearer, 0.5·(3 - 2)/3.
    assert mean_gain(np.array([0.5, NAN, 0.5, NAN]), ret, np.array([1.0, 9.0, 2.0, 9.0])) == pytest.approx(1 / 4)


def test_gain_of_the_silent_and_of_a_market_that_stands_still_is_unknown() -> None:
    assert math.isnan(mean_gain(np.full(3, NAN), np.array([1.0, 2.0, 3.0]), np.zeros(3)))
    assert math.isnan(mean_gain(np.ones(3), np.full(3, 2.0), np.zeros(3)))


def test_weights_move_by_the_exponential_of_half_their_gain() -> None:
    grown = [0.30 * math.exp(0.1), 0.20 * math.exp(-0.05), 0.25, 0.25 * math.exp(0.05)]
    expected = [w / sum(grown) for w in grown]
    assert move_weights([0.30, 0.20, 0.25, 0.25], [0.2, -0.1, NAN, 0.1], 0.05, 0.60) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([0.7, 0.1, 0.1, 0.1], [0.6, 0.4 / 3, 0.4 / 3, 0.4 / 3]),
        ([0.01, 0.33, 0.33, 0.33], [0.05, 0.95 / 3, 0.95 / 3, 0.95 / 3]),
        ([0.9, 0.09, 0.01, 0.0], [0.6, 0.036 / 0.19, 0.02 / 0.19, 0.02 / 0.19]),  # the last two start at 0.05
        ([0.0, 0.0, 0.0, 1.0], [0.4 / 3, 0.4 / 3, 0.4 / 3, 0.6]),
    ],
)
def test_shares_stand_at_their_bounds_and_the_rest_keeps_its_proportions(
    weights: list[float], expected: list[float]
) -> None:
    assert move_weights(weights, [0.0] * 4, 0.05, 0.60) == pytest.approx(expected)


def test_update_stays_within_its_bounds_and_keeps_the_order_of_gains() -> None:
    rng = np.random.default_rng(3)
    for _ in range(300):
        weights, gains = rng.dirichlet(np.ones(4)), rng.uniform(-1, 1, 4)
        found = np.array(move_weights(weights.tolist(), gains.tolist(), 0.05, 0.60))
        assert found.sum() == pytest.approx(1.0)
        assert ((found >= 0.05 - 1e-9) & (found <= 0.60 + 1e-9)).all()
        grown = np.maximum(weights, 0.05) * np.exp(0.5 * gains)
        assert (np.diff(found[np.argsort(grown)]) >= -1e-9).all()


def test_bounds_that_no_shares_can_keep_are_refused() -> None:
    with pytest.raises(ConfigError, match="bounds that 4 shares can keep"):
        move_weights([0.25] * 4, [0.0] * 4, 0.3, 0.6)


def _outcomes(count: int) -> Outcomes:
    """The model is always right, the first agent too, the second always wrong, the third silent, the fourth at 0."""
    ret = np.where(np.arange(count) % 2 == 0, 5.0, -5.0)
    side = np.sign(ret)
    agents = np.stack([side, -side, np.full(count, NAN), np.zeros(count)], axis=1)
    return Outcomes(agents, 0.5 * side, -0.5 * side, ret, np.ones(count))


def test_strategy_gains_the_weights_its_parts_have_earned() -> None:
    adapted = adapt_weights(StrategyParams(), _outcomes(LEAST_DECISIONS))
    # Gains 4/5, -1 (6/5 held), none and 0; of the parts 0.4 and -0.6.
    grown = [0.30 * math.exp(0.4), 0.20 * math.exp(-0.5), 0.25, 0.25]
    assert adapted.agent_weights == pytest.approx([w / sum(grown) for w in grown])
    model, agents = 0.4 * math.exp(0.2), 0.6 * math.exp(-0.3)
    assert adapted.model_weight == pytest.approx(model / (model + agents))
    assert adapted.model_weight + adapted.agents_weight == pytest.approx(1.0)


def test_too_few_closed_decisions_change_nothing() -> None:
    strategy = StrategyParams()
    assert adapt_weights(strategy, _outcomes(LEAST_DECISIONS - 1)) is strategy
    unclosed = _outcomes(LEAST_DECISIONS)
    unclosed.ret_ticks[7] = NAN
    assert adapt_weights(strategy, unclosed) is strategy
    alone = _outcomes(LEAST_DECISIONS)
    alone.agent_score[7] = NAN
    assert adapt_weights(strategy, alone) is strategy


def test_parts_keep_a_fifth_each() -> None:
    strategy = StrategyParams(model_weight=0.2, agents_weight=0.8)
    outcomes = _outcomes(LEAST_DECISIONS)
    worse = replace(outcomes, model_score=outcomes.agent_score, agent_score=outcomes.model_score)
    assert adapt_weights(strategy, worse).model_weight == pytest.approx(0.2)


def test_final_weights_are_the_mean_of_the_folds() -> None:
    one = StrategyParams(model_weight=0.8, agents_weight=0.2, agent_weights=(0.4, 0.2, 0.2, 0.2))
    two = StrategyParams(model_weight=0.6, agents_weight=0.4, agent_weights=(0.2, 0.2, 0.2, 0.4))
    found = average_weights(StrategyParams(cooldown_bars=3), [one, two])
    assert found.agent_weights == pytest.approx((0.3, 0.2, 0.2, 0.3))
    assert (found.model_weight, found.cooldown_bars) == (pytest.approx(0.7), 3)
