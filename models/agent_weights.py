"""Weights of agents and model from what each would have earned, in retraining only (signals.md §7).

The multiplicative update: a part that was right after costs gains weight, one that was wrong loses it, the more the
stronger it spoke. Nothing is updated while trading; the result is frozen into the bundle's policy.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from market.errors import ConfigError
from trading.policy import StrategyParams

RATE = 0.5
FLOOR, CAP = 0.05, 0.60  # of an agent's share
PARTS_FLOOR = 0.2  # of the shares of model and agents
LEAST_DECISIONS = 200
HALVINGS = 100  # of the interval in which a scale is looked for


@dataclass(frozen=True)
class Outcomes:
    """What closed decisions said and what became of them; n decisions in any order.

    Parameters
    ----------
    agents : f8[n, 4]
        Score of each agent in [-1, 1]; NaN where it abstained.
    model_score, agent_score : f8[n]
        M and A; NaN where there was none.
    ret_ticks : f8[n]
        Return over the horizon; NaN where it is not known yet.
    cost_ticks : f8[n]
        Of a round trip in the decision's session.
    """

    agents: np.ndarray
    model_score: np.ndarray
    agent_score: np.ndarray
    ret_ticks: np.ndarray
    cost_ticks: np.ndarray


def adapt_weights(strategy: StrategyParams, outcomes: Outcomes) -> StrategyParams:
    """Return the strategy with the weights its parts have earned, itself with fewer than 200 closed decisions.

    Closed is a decision of known return at which model and agents both spoke.
    """
    parts = np.stack([outcomes.model_score, outcomes.agent_score], axis=1)
    closed = np.isfinite(parts).all(axis=1) & np.isfinite(outcomes.ret_ticks)
    if closed.sum() < LEAST_DECISIONS:
        return strategy
    ret, cost = outcomes.ret_ticks[closed], outcomes.cost_ticks[closed]
    earned = [mean_gain(scores, ret, cost) for scores in outcomes.agents[closed].T]
    first, second, third, fourth = move_weights(strategy.agent_weights, earned, FLOOR, CAP)
    earned = [mean_gain(scores, ret, cost) for scores in parts[closed].T]
    model, _ = move_weights((strategy.model_weight, strategy.agents_weight), earned, PARTS_FLOOR, 1.0 - PARTS_FLOOR)
    weights = (first, second, third, fourth)
    return replace(strategy, agent_weights=weights, model_weight=model, agents_weight=1.0 - model)


def average_weights(strategy: StrategyParams, folds: Sequence[StrategyParams]) -> StrategyParams:
    """Return the strategy with the mean of the folds' weights."""
    first, second, third, fourth = (float(share) for share in np.mean([fold.agent_weights for fold in folds], axis=0))
    model = float(np.mean([fold.model_weight for fold in folds]))
    weights = (first, second, third, fourth)
    return replace(strategy, agent_weights=weights, model_weight=model, agents_weight=1.0 - model)


def mean_gain(scores: np.ndarray, ret_ticks: np.ndarray, cost_ticks: np.ndarray) -> float:
    """Return the mean of g = clip(s·(ret - sign(s)·cost)/σ, -1, 1) where there is a score; NaN where there is none.

    σ is the deviation of the returns; where they do not differ nothing is gained or lost.
    """
    said, sigma = np.isfinite(scores), float(ret_ticks.std())
    if not said.any() or sigma == 0.0:
        return math.nan
    after = ret_ticks[said] - np.sign(scores[said]) * cost_ticks[said]
    return float(np.clip(scores[said] * after / sigma, -1.0, 1.0).mean())


def move_weights(weights: Sequence[float], mean_gains: Sequence[float], floor: float, cap: float) -> list[float]:
    """Return w·exp(η·g) normalised, each share within [floor, cap].

    A part without a gain (NaN) is moved by nothing; one below the floor starts there. A share beyond a bound stands
    at it, and the others stay in proportion to each other.

    Raises
    ------
    ConfigError
        If no shares of so many parts can lie within the bounds.
    """
    count = len(weights)
    if not (count * floor <= 1.0 <= count * cap):
        raise ConfigError(f"agent weights: expected bounds that {count} shares can keep, found {floor} and {cap}")
    grown = [
        max(weight, floor) * math.exp(RATE * (0.0 if math.isnan(gain) else gain))
        for weight, gain in zip(weights, mean_gains, strict=True)
    ]
    return [float(share) for share in _within(np.array(grown) / sum(grown), floor, cap)]


def _within(shares: np.ndarray, floor: float, cap: float) -> np.ndarray:
    """Return clip(t·share, floor, cap), with t such that they add to 1; t lies below 1/(least share)."""
    low, high = 0.0, 1.0 / shares.min()
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if np.clip(middle * shares, floor, cap).sum() < 1.0:
            low = middle
        else:
            high = middle
    found = np.clip(high * shares, floor, cap)
    return np.asarray(found / found.sum())
