"""The rule agents: each reads the row and votes with a score, a confidence, or not at all (signals.md §6).

An agent whose input is missing or not finite abstains: its score is NaN. A vote of 0 is an opinion, a missing one is
none. All four are pure functions of the row, of the patterns found at the same moment, and of what was usual in
training.
"""

import math

import numpy as np

from market.elementary import tanh
from market.kernel import kernel
from trading.agent_inputs import GATE_INPUTS, INPUTS_OF, OPTIONAL_OF, PLACE, Agent, has_inputs, read_input
from trading.pattern_state import CONFIDENCE, SIGN
from trading.patterns import Pattern, sign
from trading.usual import LEVELS, Usual

Vote = tuple[float, float]  # score in [-1, 1] and confidence in [0, 1]
ABSTAINS = (math.nan, math.nan)
NO_OPINION = (0.0, 0.0)

PATTERN_SHARE = 0.3  # of the score, where patterns vote
LEAST_LIQUIDITY = 0.3
GATE = 0.3
WALL_FULL, WIDE_GAP, HEAVY_CONSUMPTION = 4.0, 2.0, 0.7
STACK, FAR_FROM_POC = 3.0, 4.0
SKEW, BIAS, TOP_SHARE, EXPANDING = 0.2, 0.3, 0.4, 1.5
SCALE_ALL = 1.7  # the sizes of all terms of the footprint agent


def _places(names: tuple[str, ...]) -> np.ndarray:
    return np.array([PLACE[name] for name in names], dtype=np.int64)


_ORDER_FLOW, _LIQUIDITY, _TAPE, _FOOTPRINT = (_places(INPUTS_OF[agent.name.lower()]) for agent in Agent)
_GATE = _places(GATE_INPUTS)
_IDS, _BOOK = (_places(names) for names in OPTIONAL_OF["footprint"])
_CONCENTRATION = LEVELS.index("volume_concentration")
_FLOW_PATTERNS = np.array([Pattern.DELTA_DIVERGENCE, Pattern.ABSORPTION, Pattern.SWEEP], dtype=np.int64)
_BY_PRIORITY = np.array(
    [Pattern.SWEEP, Pattern.TAPE_MOMENTUM, Pattern.ABSORPTION, Pattern.ICEBERG, Pattern.EXHAUSTION], dtype=np.int64
)
# Least confidence of the footprint agent where one of these speaks for its side.
_FLOORS = np.array([
    (Pattern.P_SHAPE, 0.65), (Pattern.B_SHAPE, 0.65), (Pattern.ABSORPTION_REVERSAL, 0.70), (Pattern.EXHAUSTION, 0.75),
    (Pattern.INITIATIVE, 0.65),
])  # fmt: skip
_ICEBERG, _ACCELERATION = int(Pattern.ICEBERG), int(Pattern.ACCELERATION)
_MOMENTUM, _SLOPES = int(Pattern.TAPE_MOMENTUM), int(Pattern.SLOPE_DIVERGENCE)


@kernel
def clip_one(value: float) -> float:
    """Return the value held within ±1."""
    return min(max(value, -1.0), 1.0)


@kernel
def pattern_vote(found: np.ndarray, place: int) -> float:
    """Return sign times confidence of a pattern, 0 where it is not there or unknown."""
    return found[place, SIGN] * found[place, CONFIDENCE] if abs(found[place, SIGN]) > 0.0 else 0.0


@kernel
def order_flow_vote(row: np.ndarray, inputs: np.ndarray, found: np.ndarray, gated: bool) -> Vote:
    """Vote by what aggressors do, what the best quotes show, and divergence, absorption and sweep (§6.1).

    Parameters
    ----------
    row : ndarray of float32
    inputs : ndarray of int64
        From `trading.agent_inputs.resolve_inputs`.
    found : ndarray of float64, shape (PATTERNS, 2)
    gated : bool
        No opinion unless the order flow of 1 and of 5 minutes and the price of 5 minutes say the same.
    """
    if not has_inputs(row, inputs, _ORDER_FLOW) or (gated and not has_inputs(row, inputs, _GATE)):
        return ABSTAINS
    flow = 0.6 * read_input(row, inputs, _ORDER_FLOW[0]) + 0.4 * read_input(row, inputs, _ORDER_FLOW[1])
    unusual = 0.6 * read_input(row, inputs, _ORDER_FLOW[2]) + 0.4 * read_input(row, inputs, _ORDER_FLOW[3])
    book = 0.5 * read_input(row, inputs, _ORDER_FLOW[4]) + 0.5 * tanh(read_input(row, inputs, _ORDER_FLOW[5]) / 3.0)
    base = 0.4 * flow + 0.3 * tanh(0.5 * unusual) + 0.3 * book
    votes, number = 0.0, 0
    for i in range(_FLOW_PATTERNS.size):
        vote = pattern_vote(found, _FLOW_PATTERNS[i])
        votes += vote
        number += vote != 0.0
    score = clip_one((1.0 - PATTERN_SHARE) * base + PATTERN_SHARE * votes / max(1, number))
    if gated and sign(score) != gate_side(row, inputs):
        return NO_OPINION
    return score, min(1.5 * abs(score), 1.0)


@kernel
def gate_side(row: np.ndarray, inputs: np.ndarray) -> float:
    """Return the side that the order flow of 60 and of 300 s and the price of 300 s all take, 0 where they differ."""
    short, long = read_input(row, inputs, _GATE[0]), read_input(row, inputs, _GATE[1])
    side = sign(read_input(row, inputs, _GATE[2]))
    return side if side * short > GATE and side * long > GATE else 0.0


@kernel
def liquidity_vote(row: np.ndarray, inputs: np.ndarray, found: np.ndarray) -> Vote:
    """Vote by the depth of the book, its walls, and what trades beyond what it shows (§6.2); see `order_flow_vote`."""
    if not has_inputs(row, inputs, _LIQUIDITY):
        return ABSTAINS
    if read_input(row, inputs, _LIQUIDITY[0]) < LEAST_LIQUIDITY:
        return NO_OPINION
    imbalance, wall = read_input(row, inputs, _LIQUIDITY[1]), sign(read_input(row, inputs, _LIQUIDITY[2]))
    significance = min(read_input(row, inputs, _LIQUIDITY[3]) / WALL_FULL, 1.0)
    hidden = tanh(read_input(row, inputs, _LIQUIDITY[4]) - read_input(row, inputs, _LIQUIDITY[5]))
    score = clip_one(0.6 * imbalance + 0.2 * wall * significance + 0.2 * hidden)
    confidence = min(0.9, 0.5 + 0.3 * abs(imbalance))
    if read_input(row, inputs, _LIQUIDITY[6]) > HEAVY_CONSUMPTION:
        confidence *= 1.1
    if found[_ICEBERG, SIGN] * score < 0.0:
        confidence *= 0.8
    for side in range(7, 9):
        if read_input(row, inputs, _LIQUIDITY[side]) > WIDE_GAP:
            confidence *= 0.9
    return score, min(confidence, 1.0)


@kernel
def tape_vote(row: np.ndarray, inputs: np.ndarray, found: np.ndarray) -> Vote:
    """Vote by the pace, size and side of the last minute's trades and the patterns on the tape (§6.3).

    Of the patterns the first by priority has 0.4 of their share, acceleration 0.3, momentum 0.3. Acceleration raises
    the confidence by half the velocity, slopes that diverge lower it by 0.7; it is at most 0.95.
    """
    if not has_inputs(row, inputs, _TAPE):
        return ABSTAINS
    flow = 0.6 * read_input(row, inputs, _TAPE[0]) + 0.4 * read_input(row, inputs, _TAPE[1])
    velocity, distance = read_input(row, inputs, _TAPE[5]), read_input(row, inputs, _TAPE[6])
    base = 0.30 * flow + 0.25 * clip_one(read_input(row, inputs, _TAPE[2]) - read_input(row, inputs, _TAPE[3]))
    base += 0.20 * (read_input(row, inputs, _TAPE[7]) - read_input(row, inputs, _TAPE[8]))
    if read_input(row, inputs, _TAPE[4]) > 0.3:
        base += 0.20 * sign(flow)
    if velocity > 1.5:
        base += 0.15 * sign(flow)
    if abs(distance) > 0.002:
        base += 0.10 * sign(distance)
    strongest = 0.0
    for i in range(_BY_PRIORITY.size):
        if strongest == 0.0:
            strongest = pattern_vote(found, _BY_PRIORITY[i])
    votes = 0.4 * strongest + 0.3 * pattern_vote(found, _ACCELERATION) + 0.3 * pattern_vote(found, _MOMENTUM)
    score = clip_one((1.0 - PATTERN_SHARE) * clip_one(base) + PATTERN_SHARE * votes)
    confidence = 1.2 * abs(score)
    if abs(found[_ACCELERATION, SIGN]) > 0.0:
        confidence *= velocity / 2.0
    if abs(found[_SLOPES, SIGN]) > 0.0:
        confidence *= found[_SLOPES, CONFIDENCE]
    return score, min(confidence, 0.95)


@kernel
def footprint_vote(row: np.ndarray, inputs: np.ndarray, found: np.ndarray, usual: Usual) -> Vote:
    """Vote by where in the bar and the session lots traded, and who traded them (§6.4); see `order_flow_vote`.

    Terms whose columns the feed lacks leave, and the rest is scaled to the sizes of all. A pattern that speaks for the
    agent's side gives its confidence a floor.
    """
    with_ids, with_book = inputs[_IDS[0]] >= 0, inputs[_BOOK[0]] >= 0
    known = has_inputs(row, inputs, _FOOTPRINT) and not math.isnan(usual.levels[_CONCENTRATION])
    if not known or (with_ids and not has_inputs(row, inputs, _IDS)):
        return ABSTAINS
    if with_book and not has_inputs(row, inputs, _BOOK):
        return ABSTAINS
    score, scale = _volume_terms(row, inputs), 0.7
    if with_ids:
        score, scale = score + _broker_terms(row, inputs), scale + 0.7
    if with_book:
        scale += 0.3
        if read_input(row, inputs, _FOOTPRINT[1]) > usual.levels[_CONCENTRATION]:
            score += 0.3 * sign(read_input(row, inputs, _BOOK[0]))
    score = clip_one(score * SCALE_ALL / scale)
    confidence = min(1.3 * abs(score), 0.9)
    for i in range(_FLOORS.shape[0]):
        if found[int(_FLOORS[i, 0]), SIGN] * score > 0.0:
            confidence = max(confidence, _FLOORS[i, 1])
    return score, confidence


@kernel
def _broker_terms(row: np.ndarray, inputs: np.ndarray) -> float:
    """Return the terms of the largest brokers, of sizes 0.4 and 0.3."""
    skew = read_input(row, inputs, _FOOTPRINT[0])
    bias, top = read_input(row, inputs, _IDS[0]), read_input(row, inputs, _IDS[1])
    score = 0.3 * bias if top > TOP_SHARE else 0.0
    if skew > SKEW and bias > BIAS:
        return score + 0.4
    return score - 0.4 if skew < -SKEW and bias < -BIAS else score


@kernel
def _volume_terms(row: np.ndarray, inputs: np.ndarray) -> float:
    """Return the terms of returns, stacks and value area, of sizes 0.2, 0.3 and 0.2."""
    score = 0.0
    if read_input(row, inputs, _FOOTPRINT[3]) > EXPANDING:
        score += 0.2 * sign(read_input(row, inputs, _FOOTPRINT[2]))
    if read_input(row, inputs, _FOOTPRINT[4]) >= STACK:
        score += 0.3
    if read_input(row, inputs, _FOOTPRINT[5]) >= STACK:
        score -= 0.3
    distance = read_input(row, inputs, _FOOTPRINT[6])
    position, width = read_input(row, inputs, _FOOTPRINT[7]), read_input(row, inputs, _FOOTPRINT[8])
    # An area of one tick has no position: outside is then every other price.
    outside = position < 0.0 or position > 1.0 or (width <= 1.0 and distance != 0.0)
    if outside and abs(distance) > FAR_FROM_POC:
        score -= 0.2 * sign(distance)
    return score
