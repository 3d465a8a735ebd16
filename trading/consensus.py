"""From the model's probability and the agents' votes to one score and its confidence (signals.md §7)."""

import math

import numpy as np

from market.kernel import kernel
from market.types import Regime
from trading.agent_inputs import Agent
from trading.agents import footprint_vote, liquidity_vote, order_flow_vote, tape_vote
from trading.usual import Usual

MIN_VOTES = 2  # fewer agents are no consensus
SCORE, CONFIDENCE = range(2)  # columns of the votes
VOTERS = len(Agent)
_ORDER_FLOW, _LIQUIDITY, _TAPE, _FOOTPRINT = (int(agent) for agent in Agent)
_UP, _DOWN = int(Regime.TREND_UP), int(Regime.TREND_DOWN)


@kernel
def collect_votes(
    votes: np.ndarray, row: np.ndarray, inputs: np.ndarray, found: np.ndarray, gated: bool, usual: Usual
) -> None:
    """Ask every agent; write score and confidence of each into `votes`, float64 (4, 2), NaN where it abstains."""
    votes[_ORDER_FLOW, SCORE], votes[_ORDER_FLOW, CONFIDENCE] = order_flow_vote(row, inputs, found, gated)
    votes[_LIQUIDITY, SCORE], votes[_LIQUIDITY, CONFIDENCE] = liquidity_vote(row, inputs, found)
    votes[_TAPE, SCORE], votes[_TAPE, CONFIDENCE] = tape_vote(row, inputs, found)
    votes[_FOOTPRINT, SCORE], votes[_FOOTPRINT, CONFIDENCE] = footprint_vote(row, inputs, found, usual)


@kernel
def combine_votes(weights: np.ndarray, votes: np.ndarray) -> tuple[float, float, float, int]:
    """Return A = Σ w·c·s / Σ w over the agents that vote, their mean confidence, their deviation, and their number.

    Parameters
    ----------
    weights : ndarray of float64, shape (4,)
        In the order of `trading.agent_inputs.Agent`.
    votes : ndarray of float64, shape (4, 2)

    Returns
    -------
    tuple of float, float, float, int
        A in [-1, 1], Σ w·c / Σ w, the population deviation of the scores; NaN with fewer than two votes or no weight
        among them.
    """
    total, weighted, confident, scores, number = 0.0, 0.0, 0.0, 0.0, 0
    for agent in range(VOTERS):
        score, sure = votes[agent, SCORE], votes[agent, CONFIDENCE]
        if math.isnan(score):
            continue
        total += weights[agent]
        weighted += weights[agent] * sure * score
        confident += weights[agent] * sure
        scores += score
        number += 1
    if number < MIN_VOTES or total <= 0.0:
        return math.nan, math.nan, math.nan, number
    mean, squares = scores / number, 0.0
    for agent in range(VOTERS):
        if not math.isnan(votes[agent, SCORE]):
            squares += (votes[agent, SCORE] - mean) ** 2
    return weighted / total, confident / total, math.sqrt(squares / number), number


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


@kernel
def concord(
    policy: np.void, regime: int, strategy: int, model_score: float, agent_score: float, agents_sure: float
) -> bool:
    """Tell whether model and agents agree enough for the concordance filter.

    Parameters
    ----------
    policy : POLICY record
    regime : int
        Not UNDEFINED; in a trend only its own side agrees.
    strategy : int
        Strategy; each row has its least combined confidence.
    model_score, agent_score : float
        M and A; without A nothing agrees.
    agents_sure : float
        Mean confidence of the agents. That of the model is the probability of the side it takes, (1 + |M|)/2.
    """
    if math.isnan(model_score) or math.isnan(agent_score) or model_score * agent_score <= 0.0:
        return False
    if (regime == _UP and model_score < 0.0) or (regime == _DOWN and model_score > 0.0):
        return False
    model_sure = 0.5 * (1.0 + abs(model_score))
    apart, together = abs(model_score - agent_score) / 2.0, abs(model_score + agent_score) / 2.0
    combined = 0.6 * model_sure + 0.4 * agents_sure + 0.1 * (1.0 - apart)
    combined -= 0.05 * abs(abs(model_score) - abs(agent_score))
    if model_sure < policy["concordance_model"] or agents_sure < policy["concordance_agents"]:
        return False
    return bool(combined >= policy["concordance_combined"][strategy - 1] and together >= policy["concordance_strength"])
