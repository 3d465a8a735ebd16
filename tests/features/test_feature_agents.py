"""Every input of the four rule agents is a column (signals.md §6.1 to §6.4, read by hand)."""

import pytest

from features.catalogue import CATALOGUE
from trading.agent_inputs import GATE_INPUTS, INPUTS_OF, OPTIONAL_OF

READ = {
    "order_flow": (
        "trade_flow_5", "trade_flow_10", "signed_flow_z_5", "signed_flow_z_10", "book_imbalance", "ofi_5", "ofi_60",
        "ofi_300", "returns_5",
    ),
    "liquidity": (
        "liquidity_score", "depth_imbalance5", "major_level_side", "major_level_size", "hidden_bid", "hidden_ask",
        "consumption", "bid_gap", "ask_gap",
    ),
    "tape": (
        "trade_flow_5", "trade_flow_10", "buy_intensity", "sell_intensity", "large_trade_ratio", "trade_velocity",
        "vwap_distance", "aggressive_buy_ratio", "aggressive_sell_ratio",
    ),
    "footprint": (
        "volume_profile_skew", "side_bias", "micro_dev", "volume_concentration", "returns_5", "volatility_ratio_5_20",
        "top_trader_ratio", "stacked_buy", "stacked_sell", "poc_distance", "value_area_position", "value_area_width",
    ),
}  # fmt: skip


@pytest.mark.parametrize("agent", READ)
def test_inputs_of_an_agent_are_columns(agent):
    assert set(READ[agent]) <= {feature.name for feature in CATALOGUE}


def test_agents_read_what_the_definitions_name():
    for agent, inputs in INPUTS_OF.items():
        optional = [name for group in OPTIONAL_OF.get(agent, ()) for name in group]
        gate = GATE_INPUTS if agent == "order_flow" else ()
        assert {*inputs, *optional, *gate} == set(READ[agent])
