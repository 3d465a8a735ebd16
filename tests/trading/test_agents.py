"""The rule agents: by hand, against a twin on random rows, mirrored, and with anything missing."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from market.errors import ConfigError
from tests.trading import agent_twins as twins
from trading.agent_inputs import AGENT_INPUTS, AGENTS, GATE_INPUTS, INPUTS_OF, PLACE, available_agents, resolve_inputs
from trading.agents import footprint_vote, liquidity_vote, order_flow_vote, tape_vote
from trading.consensus import collect_votes, combine_votes
from trading.patterns import PATTERNS, Pattern
from trading.usual import Usual, open_usual

ALL = np.arange(len(AGENT_INPUTS))
NAMED = {
    "order_flow": twins.ORDER_FLOW, "liquidity": twins.LIQUIDITY, "tape": twins.TAPE, "footprint": twins.FOOTPRINT
}  # fmt: skip
USUAL = open_usual()._replace(levels=np.array([0.3, 0.1, 0.05]))
QUIET = dict.fromkeys(AGENT_INPUTS, 0.0) | {
    "trade_velocity": 1.0, "aggressive_buy_ratio": 0.5, "aggressive_sell_ratio": 0.5, "liquidity_score": 1.0,
    "value_area_position": 0.5, "value_area_width": 40.0, "volatility_ratio_5_20": 1.0,
}  # fmt: skip
TWISTED = ("hidden_bid", "hidden_ask"), ("bid_gap", "ask_gap"), ("buy_intensity", "sell_intensity"), (
    "aggressive_buy_ratio", "aggressive_sell_ratio"), ("stacked_buy", "stacked_sell")  # fmt: skip
SIGNED = (
    "trade_flow_5", "trade_flow_10", "signed_flow_z_5", "signed_flow_z_10", "book_imbalance", "ofi_5", "ofi_60",
    "ofi_300", "returns_5", "depth_imbalance5", "major_level_side", "vwap_distance", "volume_profile_skew", "side_bias",
    "micro_dev", "poc_distance",
)  # fmt: skip
# From (low, high) of each input, wide enough that every threshold is crossed often.
SPANS = {
    "signed_flow_z_5": (-4, 4), "signed_flow_z_10": (-4, 4), "ofi_5": (-9, 9), "liquidity_score": (0, 1),
    "major_level_size": (0, 8), "hidden_bid": (0, 4), "hidden_ask": (0, 4), "consumption": (0, 2), "bid_gap": (0, 5),
    "ask_gap": (0, 5), "buy_intensity": (0, 3), "sell_intensity": (0, 3), "large_trade_ratio": (0, 1),
    "trade_velocity": (0, 5), "vwap_distance": (-0.005, 0.005), "aggressive_buy_ratio": (0, 1),
    "aggressive_sell_ratio": (0, 1), "volume_concentration": (0, 0.1), "volatility_ratio_5_20": (0, 3),
    "stacked_buy": (0, 6), "stacked_sell": (0, 6), "poc_distance": (-12, 12), "value_area_position": (-1, 2),
    "value_area_width": (1, 4), "top_trader_ratio": (0, 1),
}  # fmt: skip
WHOLE = ("bid_gap", "ask_gap", "stacked_buy", "stacked_sell", "poc_distance", "value_area_width", "major_level_side")


def row_of(values: dict[str, float]) -> np.ndarray:
    return np.array([(QUIET | values)[name] for name in AGENT_INPUTS], dtype=np.float32)


def found_of(patterns: dict[str, tuple[float, float]]) -> np.ndarray:
    found = np.zeros((PATTERNS, 2))
    for name, said in patterns.items():
        found[Pattern[name]] = said
    return found


def random_row(rng: np.random.Generator) -> np.ndarray:
    values = np.array([rng.uniform(*SPANS.get(name, (-1, 1))) for name in AGENT_INPUTS])
    for name in WHOLE:
        values[PLACE[name]] = np.round(values[PLACE[name]])
    return values.astype(np.float32)


def random_patterns(rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    return {
        pattern.name: (
            float(rng.choice([-1.0, 1.0])),
            0.7 if pattern is Pattern.SLOPE_DIVERGENCE else rng.uniform(0.1, 1),
        )
        for pattern in Pattern
        if rng.uniform() < 0.2
    }


def same(found: tuple[float, float], expected: twins.Vote) -> bool:
    if expected is None:
        return math.isnan(found[0]) and math.isnan(found[1])
    return abs(found[0] - expected[0]) < 1e-12 and abs(found[1] - expected[1]) < 1e-12


def test_agents_and_consensus_equal_their_twins_on_random_rows() -> None:
    rng = np.random.default_rng(5)
    no_ids, no_book = ALL.copy(), ALL.copy()
    no_ids[[PLACE[name] for name in twins.IDS]] = -1
    no_book[PLACE["micro_dev"]] = -1
    votes, weights, decided = np.empty((4, 2)), np.array([0.30, 0.20, 0.25, 0.25]), 0
    for number in range(20_000):
        row, patterns, gated = random_row(rng), random_patterns(rng), bool(number % 2)
        broken = rng.uniform(size=len(row)) < 0.01
        row[broken] = rng.choice([np.nan, np.inf, -np.inf], size=broken.sum())
        inputs = (ALL, no_ids, no_book)[number % 3]
        x, found = dict(zip(AGENT_INPUTS, map(float, row), strict=True)), found_of(patterns)
        collect_votes(votes, row, inputs, found, gated, USUAL)
        expected = [
            twins.order_flow(x, patterns, gated),
            twins.liquidity(x, patterns),
            twins.tape(x, patterns),
            twins.footprint(x, patterns, 0.05, inputs is not no_ids, inputs is not no_book),
        ]
        for agent, vote in enumerate(expected):
            assert same((votes[agent, 0], votes[agent, 1]), vote), (AGENTS[agent], x, patterns)
        a = combine_votes(weights, votes)
        assert a == pytest.approx(twins.consensus(expected, weights.tolist()), abs=1e-12, nan_ok=True)
        decided += not math.isnan(a[0])
    assert 15_000 < decided < 20_000


def test_mirrored_market_negates_every_score_and_keeps_every_confidence() -> None:
    rng = np.random.default_rng(6)
    votes, other = np.empty((4, 2)), np.empty((4, 2))
    for number in range(4000):
        row, patterns = random_row(rng), random_patterns(rng)
        flipped = row.copy()
        for name in SIGNED:
            flipped[PLACE[name]] = -row[PLACE[name]]
        for one, two in TWISTED:
            flipped[PLACE[one]], flipped[PLACE[two]] = row[PLACE[two]], row[PLACE[one]]
        flipped[PLACE["value_area_position"]] = 1 - row[PLACE["value_area_position"]]
        found = found_of(patterns)
        collect_votes(votes, row, ALL, found, bool(number % 2), USUAL)
        collect_votes(other, flipped, ALL, found * [-1.0, 1.0], bool(number % 2), USUAL)
        assert other[:, 0] == pytest.approx(-votes[:, 0], abs=1e-12)
        assert other[:, 1] == pytest.approx(votes[:, 1], abs=1e-12)
        assert (np.abs(votes[:, 0]) <= 1).all()
        assert ((votes[:, 1] >= 0) & (votes[:, 1] <= 1)).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", AGENT_INPUTS)
def test_agents_that_read_a_broken_input_abstain_and_no_other_does(name: str, bad: float) -> None:
    votes = np.empty((4, 2))
    collect_votes(votes, row_of({name: bad}), ALL, found_of({}), True, USUAL)
    reads = {agent: list(names) for agent, names in NAMED.items()}
    reads["order_flow"] = twins.ORDER_FLOW + twins.GATE
    reads["footprint"] = [*twins.FOOTPRINT, *twins.IDS, "micro_dev"]
    assert [math.isnan(vote) for vote in votes[:, 0]] == [name in reads[agent] for agent in AGENTS]


def test_quiet_market_gets_votes_of_zero_not_abstentions() -> None:
    votes = np.empty((4, 2))
    collect_votes(votes, row_of({}), ALL, found_of({}), False, USUAL)
    assert votes[:, 0].tolist() == [0.0] * 4
    assert votes[:, 1].tolist() == [0.0, 0.5, 0.0, 0.0]  # a balanced book is known to be balanced


Case = tuple[dict[str, float], dict[str, tuple[float, float]], float, float]
SWEPT, FADED = {"SWEEP": (1.0, 0.6)}, {"ABSORPTION": (-1.0, 0.7)}
BOUGHT = {"trade_flow_5": 1.0, "trade_flow_10": 1.0}


@pytest.mark.parametrize(
    ("values", "patterns", "score", "confidence"),
    [
        (BOUGHT, {}, 0.7 * 0.4, 0.42),
        ({"book_imbalance": -1.0}, {}, -0.7 * 0.15, 0.1575),
        ({}, SWEPT, 0.3 * 0.6, 0.27),
        (BOUGHT, SWEPT | FADED, 0.28 + 0.3 * (0.6 - 0.7) / 2, 1.5 * 0.265),
        (BOUGHT, {"EXTREME_DELTA": (-1.0, 0.0), "ICEBERG": (-1.0, 1.0)}, 0.28, 0.42),  # not its patterns
    ],
)
def test_order_flow_by_hand(
    values: dict[str, float], patterns: dict[str, tuple[float, float]], score: float, confidence: float
) -> None:
    found = order_flow_vote(row_of(values), ALL, found_of(patterns), False)
    assert found == pytest.approx((score, confidence), abs=1e-7)


@pytest.mark.parametrize(
    ("short", "long", "move", "score"),
    [(0.31, 0.31, 0.001, 0.28), (0.29, 0.31, 0.001, 0.0), (0.31, 0.29, 0.001, 0.0), (0.31, 0.31, -0.001, 0.0),
     (-0.31, -0.31, -0.001, 0.0), (0.31, 0.31, 0.0, 0.0)],
)  # fmt: skip
def test_gate_lets_order_flow_speak_with_flow_and_price_only(
    short: float, long: float, move: float, score: float
) -> None:
    row = row_of(BOUGHT | {"ofi_60": short, "ofi_300": long, "returns_5": move})
    assert order_flow_vote(row, ALL, found_of({}), True)[0] == pytest.approx(score, abs=1e-7)


DEEP = {"depth_imbalance5": 0.5}


@pytest.mark.parametrize(
    ("values", "patterns", "score", "confidence"),
    [
        (DEEP, {}, 0.3, 0.65),
        (DEEP | {"liquidity_score": 0.29}, {}, 0.0, 0.0),
        (DEEP | {"major_level_side": -1.0, "major_level_size": 2.0}, {}, 0.3 - 0.1, 0.65),
        (DEEP | {"major_level_side": 1.0, "major_level_size": 9.0}, {}, 0.5, 0.65),
        (DEEP | {"hidden_ask": 20.0}, {}, 0.1, 0.65),
        (DEEP | {"consumption": 0.71}, {}, 0.3, 0.65 * 1.1),
        (DEEP | {"consumption": 0.7 - 1e-6}, {}, 0.3, 0.65),
        (DEEP, {"ICEBERG": (-1.0, 1.0)}, 0.3, 0.65 * 0.8),
        (DEEP, {"ICEBERG": (1.0, 1.0)}, 0.3, 0.65),
        (DEEP | {"bid_gap": 3.0, "ask_gap": 3.0}, {}, 0.3, 0.65 * 0.81),
        (DEEP | {"bid_gap": 2.0, "ask_gap": 3.0}, {}, 0.3, 0.65 * 0.9),
        ({"depth_imbalance5": 1.0}, {}, 0.6, 0.8),
    ],
)
def test_liquidity_by_hand(
    values: dict[str, float], patterns: dict[str, tuple[float, float]], score: float, confidence: float
) -> None:
    assert liquidity_vote(row_of(values), ALL, found_of(patterns)) == pytest.approx((score, confidence), abs=1e-6)


@pytest.mark.parametrize(
    ("values", "patterns", "score", "confidence"),
    [
        (BOUGHT, {}, 0.7 * 0.30, 1.2 * 0.21),
        ({"buy_intensity": 9.0}, {}, 0.7 * 0.25, 1.2 * 0.175),
        ({"trade_flow_5": 1.0, "large_trade_ratio": 0.31}, {}, 0.7 * (0.18 + 0.20), 1.2 * 0.266),
        ({"trade_flow_5": 1.0, "large_trade_ratio": 0.30 - 1e-6}, {}, 0.7 * 0.18, 1.2 * 0.126),
        ({"trade_flow_5": -1.0, "trade_velocity": 1.6}, {}, 0.7 * -0.33, 1.2 * 0.231),
        ({"trade_flow_5": -1.0, "trade_velocity": 1.5}, {}, 0.7 * -0.18, 1.2 * 0.126),
        ({"vwap_distance": -0.003}, {}, -0.07, 0.084),
        ({"vwap_distance": -0.001}, {}, 0.0, 0.0),
        ({"aggressive_buy_ratio": 1.0, "aggressive_sell_ratio": 0.0}, {}, 0.14, 0.168),
        # Of several patterns the first by priority speaks; momentum speaks for itself besides.
        ({}, SWEPT | FADED, 0.3 * 0.4 * 0.6, 1.2 * 0.072),
        ({}, FADED | {"TAPE_MOMENTUM": (1.0, 0.8)}, 0.3 * (0.4 * 0.8 + 0.3 * 0.8), 1.2 * 0.168),
        ({}, {"EXHAUSTION": (-1.0, 0.6), "ICEBERG": (1.0, 0.5)}, 0.3 * 0.4 * 0.5, 1.2 * 0.06),
        ({"trade_velocity": 3.0} | BOUGHT, {"ACCELERATION": (1.0, 0.6)}, 0.7 * 0.45 + 0.3 * 0.18, 1.2 * 0.369 * 1.5),
        (BOUGHT, {"SLOPE_DIVERGENCE": (-1.0, 0.7)}, 0.21, 1.2 * 0.21 * 0.7),
        (BOUGHT | {"buy_intensity": 9.0, "large_trade_ratio": 0.9, "trade_velocity": 2.0, "vwap_distance": 0.01,
                   "aggressive_buy_ratio": 1.0, "aggressive_sell_ratio": 0.0}, {"SWEEP": (1.0, 1.0)}, 0.82, 0.95),
    ],
)  # fmt: skip
def test_tape_by_hand(
    values: dict[str, float], patterns: dict[str, tuple[float, float]], score: float, confidence: float
) -> None:
    assert tape_vote(row_of(values), ALL, found_of(patterns)) == pytest.approx((score, confidence), abs=1e-6)


OUTSIDE = {"poc_distance": 5.0, "value_area_position": 1.1}


@pytest.mark.parametrize(
    ("values", "patterns", "score", "confidence"),
    [
        ({"volume_profile_skew": 0.21, "side_bias": 0.31}, {}, 0.4, 0.52),
        ({"volume_profile_skew": 0.19, "side_bias": 0.31}, {}, 0.0, 0.0),
        ({"volume_profile_skew": -0.21, "side_bias": -0.31}, {}, -0.4, 0.52),
        ({"side_bias": 0.5, "top_trader_ratio": 0.41}, {}, 0.15, 0.195),
        ({"side_bias": 0.5, "top_trader_ratio": 0.39}, {}, 0.0, 0.0),
        ({"micro_dev": 0.1, "volume_concentration": 0.051}, {}, 0.3, 0.39),
        ({"micro_dev": 0.1, "volume_concentration": 0.049}, {}, 0.0, 0.0),
        ({"returns_5": -1e-4, "volatility_ratio_5_20": 1.51}, {}, -0.2, 0.26),
        ({"stacked_buy": 3.0}, {}, 0.3, 0.39),
        ({"stacked_buy": 2.0, "stacked_sell": 4.0}, {}, -0.3, 0.39),
        ({"stacked_buy": 3.0, "stacked_sell": 4.0}, {}, 0.0, 0.0),
        (OUTSIDE, {}, -0.2, 0.26),
        (OUTSIDE | {"poc_distance": 4.0}, {}, 0.0, 0.0),
        (OUTSIDE | {"value_area_position": 1.0}, {}, 0.0, 0.0),
        ({"poc_distance": -5.0, "value_area_position": 0.5, "value_area_width": 1.0}, {}, 0.2, 0.26),
        ({"stacked_buy": 3.0}, {"B_SHAPE": (1.0, 0.65)}, 0.3, 0.65),
        ({"stacked_buy": 3.0}, {"P_SHAPE": (-1.0, 0.65)}, 0.3, 0.39),
        ({"stacked_buy": 3.0}, {"B_SHAPE": (1.0, 0.65), "EXHAUSTION": (1.0, 0.6)}, 0.3, 0.75),
        ({}, {"INITIATIVE": (1.0, 0.65)}, 0.0, 0.0),
    ],
)
def test_footprint_by_hand(
    values: dict[str, float], patterns: dict[str, tuple[float, float]], score: float, confidence: float
) -> None:
    assert footprint_vote(row_of(values), ALL, found_of(patterns), USUAL) == pytest.approx(
        (score, confidence), abs=1e-6
    )


def test_footprint_without_brokers_scales_the_rest_to_the_size_of_all() -> None:
    columns = [name for name in AGENT_INPUTS if name not in twins.IDS]
    inputs = resolve_inputs(columns, ("footprint",))
    row = np.array([(QUIET | {"stacked_buy": 3.0})[name] for name in columns], dtype=np.float32)
    # 1.7 in all, 1.0 without brokers.
    assert footprint_vote(row, inputs, found_of({}), USUAL)[0] == pytest.approx(0.3 * 1.7)


def test_footprint_abstains_where_training_knew_no_usual_concentration() -> None:
    unknown: Usual = open_usual()
    assert math.isnan(footprint_vote(row_of({}), ALL, found_of({}), unknown)[0])


@pytest.mark.parametrize(
    ("vote", "grows"),
    [
        (lambda row: order_flow_vote(row, ALL, found_of({}), False)[0], ("trade_flow_5", "book_imbalance", "ofi_5")),
        (lambda row: liquidity_vote(row, ALL, found_of({}))[0], ("depth_imbalance5", "hidden_bid")),
        (lambda row: tape_vote(row, ALL, found_of({}))[0], ("trade_flow_10", "buy_intensity", "aggressive_buy_ratio")),
        (lambda row: footprint_vote(row, ALL, found_of({}), USUAL)[0], ("side_bias", "stacked_buy")),
    ],
)
def test_more_buying_never_lowers_a_score(vote: Callable[[np.ndarray], float], grows: tuple[str, ...]) -> None:
    for name in grows:
        scores = [vote(row_of({name: x, "top_trader_ratio": 1.0})) for x in np.linspace(0, 5, 60)]
        assert (np.diff(scores) >= -1e-12).all()
        assert scores[-1] > scores[0]


def test_each_agent_reads_what_the_text_names() -> None:
    assert {agent: sorted(names) for agent, names in INPUTS_OF.items()} == {a: sorted(n) for a, n in NAMED.items()}
    assert sorted(GATE_INPUTS) == sorted(twins.GATE)


def test_inputs_are_found_by_name_wherever_the_schema_puts_them() -> None:
    columns = ("adx_14", *reversed(AGENT_INPUTS))
    inputs = resolve_inputs(columns, AGENTS, gated=True)
    assert [columns[i] for i in inputs] == list(AGENT_INPUTS)


def test_inputs_of_agents_that_are_off_are_marked_and_abstain() -> None:
    inputs, votes = resolve_inputs(AGENT_INPUTS, ("tape",)), np.empty((4, 2))
    assert {AGENT_INPUTS[i] for i in inputs if i >= 0} == set(twins.TAPE)
    collect_votes(votes, row_of({}), inputs, found_of({}), False, USUAL)
    assert np.isnan(votes[:, 0]).tolist() == [True, True, False, True]
    assert (resolve_inputs(("adx_14",), ()) == -1).all()


@pytest.mark.parametrize("agent", AGENTS)
def test_agent_without_one_of_its_inputs_is_refused_before_anything_trades(agent: str) -> None:
    for name in NAMED[agent]:
        with pytest.raises(ConfigError, match=f"agent {agent}: .* found no {name};"):
            resolve_inputs([column for column in AGENT_INPUTS if column != name], (agent,))


def test_gate_without_its_inputs_and_an_unknown_agent_are_refused() -> None:
    columns = [name for name in AGENT_INPUTS if name != "ofi_300"]
    assert resolve_inputs(columns, ("order_flow",))[PLACE["ofi_60"]] == -1
    with pytest.raises(ConfigError, match="found no ofi_300"):
        resolve_inputs(columns, ("order_flow",), gated=True)
    with pytest.raises(ConfigError, match="found 'astrology'"):
        resolve_inputs(AGENT_INPUTS, ("astrology",))


def test_agent_is_available_where_every_input_is_a_column() -> None:
    assert available_agents(("adx_14", *AGENT_INPUTS)) == AGENTS
    assert available_agents([name for name in AGENT_INPUTS if name not in twins.IDS]) == AGENTS
    assert available_agents([name for name in AGENT_INPUTS if name != "ofi_5"]) == ("liquidity", "tape", "footprint")
    assert available_agents([name for name in AGENT_INPUTS if name != "trade_flow_5"]) == ("liquidity", "footprint")
