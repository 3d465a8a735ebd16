"""The rule agents: each reads the row and votes with a score, a confidence, or not at all (signals.md §6).

An agent whose input is missing abstains. Two of the four stand here, order flow and tape. What liquidity and footprint
read are columns by now, where a feed carries levels and trades with their aggressors; until they stand here too, their
weight is shared among those that vote.
"""

import math
from collections.abc import Sequence
from enum import IntEnum
from types import MappingProxyType

import numpy as np

from market.elementary import tanh
from market.errors import ConfigError
from market.kernel import kernel

AGENT_INPUTS = (
    "trade_flow_5", "trade_flow_10", "signed_flow_z_5", "signed_flow_z_10", "book_imbalance", "ofi_5",
    "buy_intensity", "sell_intensity", "large_trade_ratio", "trade_velocity", "vwap_distance",
    "aggressive_buy_ratio", "aggressive_sell_ratio",
)  # fmt: skip
INPUTS_OF = MappingProxyType(
    {"order_flow": AGENT_INPUTS[:6], "tape": AGENT_INPUTS[:2] + AGENT_INPUTS[6:]}
)  # what each agent reads
AGENTS = tuple(INPUTS_OF)


class Agent(IntEnum):
    """Place of each agent in the policy's weights."""

    ORDER_FLOW = 0
    LIQUIDITY = 1
    TAPE = 2
    FOOTPRINT = 3


def available_agents(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the agents whose every input is among the columns."""
    return tuple(agent for agent, needed in INPUTS_OF.items() if set(needed) <= set(columns))


def resolve_inputs(columns: Sequence[str], agents: Sequence[str]) -> np.ndarray:
    """Return the column of each agent input, int64 (len(AGENT_INPUTS),), -1 for those of agents that are off.

    Parameters
    ----------
    columns : sequence of str
        The schema's columns.
    agents : sequence of str
        Which of `AGENTS` vote; none for a feed of bars.

    Raises
    ------
    ConfigError
        For an unknown agent, or one whose input the schema lacks.
    """
    places = {name: index for index, name in enumerate(columns)}
    out = np.full(len(AGENT_INPUTS), -1, dtype=np.int64)
    for agent in agents:
        if agent not in AGENTS:
            raise ConfigError(f"agents: expected names among {', '.join(AGENTS)}, found {agent!r}; correct the list")
        needed = INPUTS_OF[agent]
        missing = [name for name in needed if name not in places]
        if missing:
            raise ConfigError(
                f"agent {agent}: expected {', '.join(needed)} among the schema's columns, found no "
                f"{', '.join(missing)}; take the set 'full' on a feed of events, or leave the agent out"
            )
        for name in needed:
            out[AGENT_INPUTS.index(name)] = places[name]
    return out


@kernel
def read_input(row: np.ndarray, inputs: np.ndarray, index: int) -> float:
    """Return one agent input; NaN where it is missing or its agent is off."""
    column = inputs[index]
    if column < 0:
        return math.nan
    return float(row[column])


@kernel
def sign(value: float) -> float:
    """Return -1, 0 or 1."""
    if value > 0.0:
        return 1.0
    return -1.0 if value < 0.0 else 0.0


@kernel
def order_flow_vote(row: np.ndarray, inputs: np.ndarray) -> tuple[float, float, bool]:
    """Vote by what aggressors do and the best quotes show (signals.md §6.1).

    Without the votes of patterns (divergence, absorption, sweep), so s = s₀; those come with the pattern detectors.

    Returns
    -------
    tuple of float, float, bool
        Score in [-1, 1], confidence in [0, 1], and whether the agent votes; NaN and False where an input is missing.
    """
    flow = 0.6 * read_input(row, inputs, 0) + 0.4 * read_input(row, inputs, 1)
    unusual = tanh(0.5 * (0.6 * read_input(row, inputs, 2) + 0.4 * read_input(row, inputs, 3)))
    book = 0.5 * read_input(row, inputs, 4) + 0.5 * tanh(read_input(row, inputs, 5) / 3.0)
    score = 0.4 * flow + 0.3 * unusual + 0.3 * book
    if not math.isfinite(score):
        return math.nan, math.nan, False
    score = min(max(score, -1.0), 1.0)
    return score, min(1.5 * abs(score), 1.0), True


@kernel
def tape_vote(row: np.ndarray, inputs: np.ndarray) -> tuple[float, float, bool]:
    """Vote by the pace, size and side of the last minute's trades (signals.md §6.3).

    Without the mixture of the strongest pattern, which comes with the pattern detectors.

    Returns
    -------
    tuple of float, float, bool
        As `order_flow_vote`; confidence is at most 0.95.
    """
    flow = 0.6 * read_input(row, inputs, 0) + 0.4 * read_input(row, inputs, 1)
    intensity = min(max(read_input(row, inputs, 6) - read_input(row, inputs, 7), -1.0), 1.0)
    large, velocity = read_input(row, inputs, 8), read_input(row, inputs, 9)
    distance = read_input(row, inputs, 10)
    aggression = read_input(row, inputs, 11) - read_input(row, inputs, 12)
    if not math.isfinite(flow + intensity + large + velocity + distance + aggression):
        return math.nan, math.nan, False
    score = 0.30 * flow + 0.25 * intensity + 0.20 * aggression
    if large > 0.3:
        score += 0.20 * sign(flow)
    if velocity > 1.5:
        score += 0.15 * sign(flow)
    if abs(distance) > 0.002:
        score += 0.10 * sign(distance)
    score = min(max(score, -1.0), 1.0)
    return score, min(1.2 * abs(score), 0.95), True
