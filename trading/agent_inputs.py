"""What each rule agent reads of the row, and the check that a schema has it before anything trades (signals.md §6)."""

from collections.abc import Sequence
from enum import IntEnum
from types import MappingProxyType

import numpy as np

from market.errors import ConfigError
from market.kernel import kernel


class Agent(IntEnum):
    """Place of each agent in the policy's weights, and in the votes."""

    ORDER_FLOW = 0
    LIQUIDITY = 1
    TAPE = 2
    FOOTPRINT = 3


_FLOW = ("trade_flow_5", "trade_flow_10")
INPUTS_OF = MappingProxyType(
    {
        "order_flow": (*_FLOW, "signed_flow_z_5", "signed_flow_z_10", "book_imbalance", "ofi_5"),
        "liquidity": (
            "liquidity_score", "depth_imbalance5", "major_level_side", "major_level_size", "hidden_bid", "hidden_ask",
            "consumption", "bid_gap", "ask_gap",
        ),
        "tape": (
            *_FLOW, "buy_intensity", "sell_intensity", "large_trade_ratio", "trade_velocity", "vwap_distance",
            "aggressive_buy_ratio", "aggressive_sell_ratio",
        ),
        "footprint": (
            "volume_profile_skew", "volume_concentration", "returns_5", "volatility_ratio_5_20", "stacked_buy",
            "stacked_sell", "poc_distance", "value_area_position", "value_area_width",
        ),
    }
)  # fmt: skip
AGENTS = tuple(INPUTS_OF)
# Terms that leave an agent where the feed lacks their columns, each with all of them.
OPTIONAL_OF = MappingProxyType({"footprint": (("side_bias", "top_trader_ratio"), ("micro_dev",))})
GATE_INPUTS = ("ofi_60", "ofi_300", "returns_5")  # of the order flow agent, where the policy gates it

AGENT_INPUTS = tuple(
    dict.fromkeys(
        [name for names in INPUTS_OF.values() for name in names]
        + [name for groups in OPTIONAL_OF.values() for group in groups for name in group]
        + list(GATE_INPUTS)
    )
)
PLACE = MappingProxyType({name: place for place, name in enumerate(AGENT_INPUTS)})


def available_agents(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the agents whose every input is among the columns."""
    return tuple(agent for agent, needed in INPUTS_OF.items() if set(needed) <= set(columns))


def resolve_inputs(columns: Sequence[str], agents: Sequence[str], gated: bool = False) -> np.ndarray:
    """Return the column of each agent input, int64 (len(AGENT_INPUTS),), -1 for those that are off.

    Parameters
    ----------
    columns : sequence of str
        The schema's columns.
    agents : sequence of str
        Which of `AGENTS` vote; none for a feed of bars.
    gated : bool
        Whether the policy gates the order flow agent.

    Raises
    ------
    ConfigError
        For an unknown agent, or one whose input the schema lacks.
    """
    places = {name: index for index, name in enumerate(columns)}
    wanted: list[str] = []
    for agent in agents:
        if agent not in AGENTS:
            raise ConfigError(f"agents: expected names among {', '.join(AGENTS)}, found {agent!r}; correct the list")
        needed = INPUTS_OF[agent] + (GATE_INPUTS if gated and agent == "order_flow" else ())
        missing = [name for name in needed if name not in places]
        if missing:
            raise ConfigError(
                f"agent {agent}: expected {', '.join(needed)} among the schema's columns, found no "
                f"{', '.join(missing)}; take the set 'full' on a feed that sends them, or leave out the agent or gate"
            )
        wanted += needed
        wanted += [name for group in OPTIONAL_OF.get(agent, ()) if set(group) <= set(columns) for name in group]
    out = np.full(len(AGENT_INPUTS), -1, dtype=np.int64)
    for name in wanted:
        out[PLACE[name]] = places[name]
    return out


@kernel
def read_input(row: np.ndarray, inputs: np.ndarray, place: int) -> float:
    """Return one agent input; NaN where it is missing or off."""
    column = inputs[place]
    return float(row[column]) if column >= 0 else np.nan


@kernel
def has_inputs(row: np.ndarray, inputs: np.ndarray, places: np.ndarray) -> bool:
    """Tell whether every input at the given places is on and finite."""
    total = 0.0
    for i in range(places.size):
        total += read_input(row, inputs, places[i])
    return bool(np.isfinite(total))
