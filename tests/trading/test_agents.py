"""The rule agents against their formulas written out once more."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import ConfigError
from trading.agents import AGENT_INPUTS, available_agents, order_flow_vote, resolve_inputs, tape_vote

INPUTS = np.arange(len(AGENT_INPUTS))
SIGNED = ("trade_flow_5", "trade_flow_10", "signed_flow_z_5", "signed_flow_z_10", "book_imbalance", "ofi_5")
QUIET = dict.fromkeys(AGENT_INPUTS, 0.0) | {
    "trade_velocity": 1.0,
    "aggressive_buy_ratio": 0.5,
    "aggressive_sell_ratio": 0.5,
}
fraction = st.floats(-1, 1, width=32)
values = st.fixed_dictionaries(
    {
        name: fraction if name in SIGNED or name == "vwap_distance" else st.floats(0, 3, width=32)
        for name in AGENT_INPUTS
    }
)


def _row(changes: dict[str, float]) -> np.ndarray:
    return np.array([(QUIET | changes)[name] for name in AGENT_INPUTS], dtype=np.float32)


def _clip(value: float) -> float:
    return max(-1.0, min(1.0, value))


def _order_flow(x: dict[str, float]) -> float:
    f1 = 0.6 * x["trade_flow_5"] + 0.4 * x["trade_flow_10"]
    f2 = math.tanh((0.6 * x["signed_flow_z_5"] + 0.4 * x["signed_flow_z_10"]) / 2)
    f3 = (x["book_imbalance"] + math.tanh(x["ofi_5"] / 3)) / 2
    return _clip(0.4 * f1 + 0.3 * f2 + 0.3 * f3)


def _tape(x: dict[str, float]) -> float:
    flow = 0.6 * x["trade_flow_5"] + 0.4 * x["trade_flow_10"]
    terms = [
        0.30 * flow,
        0.25 * _clip(x["buy_intensity"] - x["sell_intensity"]),
        0.20 * np.sign(flow) * (x["large_trade_ratio"] > 0.3),
        0.15 * np.sign(flow) * (x["trade_velocity"] > 1.5),
        0.10 * np.sign(x["vwap_distance"]) * (abs(x["vwap_distance"]) > 0.002),
        0.20 * (x["aggressive_buy_ratio"] - x["aggressive_sell_ratio"]),
    ]
    return _clip(sum(terms))


@settings(deadline=None)
@given(values)
def test_votes_follow_their_formulas(x: dict[str, float]) -> None:
    for vote, formula, factor, most in ((order_flow_vote, _order_flow, 1.5, 1.0), (tape_vote, _tape, 1.2, 0.95)):
        score, confidence, voted = vote(_row(x), INPUTS)
        assert voted
        assert score == pytest.approx(formula(x), abs=1e-12)
        assert confidence == pytest.approx(min(factor * abs(formula(x)), most), abs=1e-12)


@settings(deadline=None)
@given(values)
def test_mirrored_market_mirrors_the_votes(x: dict[str, float]) -> None:
    mirrored = x | {name: -x[name] for name in (*SIGNED, "vwap_distance")}
    for a, b in (("buy_intensity", "sell_intensity"), ("aggressive_buy_ratio", "aggressive_sell_ratio")):
        mirrored |= {a: x[b], b: x[a]}
    for vote in (order_flow_vote, tape_vote):
        score, confidence, _ = vote(_row(x), INPUTS)
        other, other_confidence, _ = vote(_row(mirrored), INPUTS)
        assert other == pytest.approx(-score, abs=1e-15)
        assert other_confidence == pytest.approx(confidence, abs=1e-15)


@pytest.mark.parametrize("name", AGENT_INPUTS)
def test_agent_abstains_when_one_of_its_inputs_is_missing_and_only_then(name: str) -> None:
    row = _row({name: math.nan})
    voted = {"order_flow": order_flow_vote(row, INPUTS)[2], "tape": tape_vote(row, INPUTS)[2]}
    reads = {"order_flow": AGENT_INPUTS[:6], "tape": AGENT_INPUTS[:2] + AGENT_INPUTS[6:]}
    assert voted == {agent: name not in names for agent, names in reads.items()}


def test_quiet_market_gets_a_vote_of_zero_not_an_abstention() -> None:
    assert order_flow_vote(_row({}), INPUTS) == (0.0, 0.0, True)
    assert tape_vote(_row({}), INPUTS) == (0.0, 0.0, True)


@pytest.mark.parametrize(
    ("changes", "score"),
    [
        ({"trade_flow_5": 1.0, "trade_flow_10": 1.0}, 0.30),
        ({"buy_intensity": 9.0}, 0.25),
        ({"trade_flow_5": 1.0, "large_trade_ratio": 0.31}, 0.18 + 0.20),
        ({"trade_flow_5": 1.0, "large_trade_ratio": 0.30 - 1e-6}, 0.18),
        ({"trade_flow_5": -1.0, "trade_velocity": 2.0}, -0.18 - 0.15),
        ({"vwap_distance": -0.003}, -0.10),
        ({"vwap_distance": -0.001}, 0.0),
    ],
)
def test_tape_terms_by_hand(changes: dict[str, float], score: float) -> None:
    assert tape_vote(_row(changes), INPUTS)[0] == pytest.approx(score, abs=1e-6)


def test_inputs_are_found_by_name_wherever_the_schema_puts_them() -> None:
    columns = ("adx_14", *reversed(AGENT_INPUTS))
    inputs = resolve_inputs(columns, ("order_flow", "tape"))
    assert [columns[i] for i in inputs] == list(AGENT_INPUTS)


def test_inputs_of_agents_that_are_off_are_marked_and_abstain() -> None:
    inputs = resolve_inputs(AGENT_INPUTS, ("order_flow",))
    assert inputs.tolist() == [0, 1, 2, 3, 4, 5, -1, -1, -1, -1, -1, -1, -1]
    assert order_flow_vote(_row({}), inputs)[2]
    assert not tape_vote(_row({}), inputs)[2]
    assert (resolve_inputs(("adx_14",), ()) == -1).all()


def test_agent_without_its_inputs_is_refused_with_their_names() -> None:
    with pytest.raises(ConfigError, match="found no large_trade_ratio"):
        resolve_inputs([name for name in AGENT_INPUTS if name != "large_trade_ratio"], ("tape",))
    with pytest.raises(ConfigError, match="found 'liquidity'"):
        resolve_inputs(AGENT_INPUTS, ("liquidity",))


def test_agent_is_available_where_every_input_is_a_column() -> None:
    assert available_agents(("adx_14", *AGENT_INPUTS)) == ("order_flow", "tape")
    assert available_agents([name for name in AGENT_INPUTS if name != "ofi_5"]) == ("tape",)
    assert available_agents([name for name in AGENT_INPUTS if name != "trade_flow_5"]) == ()
