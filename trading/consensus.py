"""From the model's probability and the agents' votes to one score and its confidence (signals.md §7)."""

import math

import numpy as np

from market.kernel import kernel
from trading.agents import Agent, order_flow_vote, tape_vote

MIN_VOTES = 2  # fewer agents are no consensus
_ORDER_FLOW, _TAPE = int(Agent.ORDER_FLOW), int(Agent.TAPE)


@kernel
def combine_votes(weights: np.ndarray, row: np.ndarray, inputs: np.ndarray) -> tuple[float, float, int]:
    """Return A = Σ w·c·s / Σ w over the agents that vote, the deviation of their scores, and their number.

    Parameters
    ----------
    weights : ndarray of float64, shape (4,)
        In the order of `trading.agents.Agent`.
    row : ndarray of float32
    inputs : ndarray of int64
        From `trading.agents.resolve_inputs`.

    Returns
    -------
    tuple of float, float, int
        The first two are NaN with fewer than two votes or no weight among them.
    """
    total, weighted, scores, squares, votes = 0.0, 0.0, 0.0, 0.0, 0
    for agent in (_ORDER_FLOW, _TAPE):
        score, confidence, voted = order_flow_vote(row, inputs) if agent == _ORDER_FLOW else tape_vote(row, inputs)
        if voted:
            total += weights[agent]
            weighted += weights[agent] * confidence * score
            scores += score
            squares += score * score
            votes += 1
    if votes < MIN_VOTES or total <= 0.0:
        return math.nan, math.nan, votes
    mean = scores / votes
    return weighted / total, math.sqrt(max(squares / votes - mean * mean, 0.0)), votes


@kernel
def blend(policy: np.void, model_score: float, agent_score: float) -> float:
    """Return D = w_M·M + w_A·A.

    NaN without a model. Without an agent vote NaN where the policy asks for agents, else M: the policy "model alone".
    """
    if math.isnan(agent_score):
        return math.nan if policy["require_agents"] else model_score
    return float(policy["model_weight"] * model_score + policy["agents_weight"] * agent_score)


@kernel
def confidence(model_score: float, agent_score: float, deviation: float, quality: float) -> float:
    """Return how far the parts agree, in [0, 1].

    Parameters
    ----------
    model_score, agent_score : float
        M and A. Without A the terms that compare it leave and the rest is rescaled: 0.6·|M| + 0.4·quality.
    deviation : float
        Of the agents' scores.
    quality : float
        Share of model inputs that are finite.
    """
    if math.isnan(model_score):
        return 0.0
    if math.isnan(agent_score):
        return 0.6 * abs(model_score) + 0.4 * quality
    apart = abs(model_score - agent_score) / 2.0
    together = abs(model_score + agent_score) / 2.0
    return 0.3 * (1.0 - apart) + 0.3 * together + 0.2 * (1.0 - min(1.0, deviation)) + 0.2 * quality
