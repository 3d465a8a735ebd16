"""Records and models built by hand, for tests. Times are given in seconds after the open of one fixed session."""

from collections.abc import Sequence

import numpy as np

from features.monitor import open_band
from features.schema import FeatureSchema
from forest.flat import FlatForest, ForestKind, empty, from_arrays
from market.types import BAR, EVENT, SESSION, Kind, Side, TradeType
from models.spans import spans_of
from trading.agent_inputs import resolve_inputs
from trading.blend import Blend, pack_blends
from trading.model import Model
from trading.policy import StrategyParams
from trading.usual import Usual, open_usual

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
OPEN_NS = 1_780_315_200 * SECOND_NS  # 2026-06-01 09:00 in São Paulo
WDO, WIN = 1, 3  # instrument ids


def make_session(minutes: int = 540) -> np.ndarray:
    """Return a SESSION of so many minutes, length 1."""
    session = np.zeros(1, dtype=SESSION)
    session["open_ns"] = OPEN_NS
    session["close_ns"] = OPEN_NS + minutes * MINUTE_NS
    session["lunch_start_ns"], session["lunch_end_ns"] = OPEN_NS + 180 * MINUTE_NS, OPEN_NS + 240 * MINUTE_NS
    session["date"] = OPEN_NS // (86_400 * SECOND_NS)
    return session


def make_event(kind: Kind, seconds: float, **fields: int) -> np.ndarray:
    """Return an EVENT of any kind, length 1; further fields by name."""
    event = np.zeros(1, dtype=EVENT)
    event["kind"] = kind
    event["ts_event_ns"] = event["ts_recv_ns"] = OPEN_NS + round(seconds * SECOND_NS)
    event["instrument"] = WIN
    for name, value in fields.items():
        event[name] = value
    return event


def make_trade(seconds: float, price: int, quantity: int = 1, side: Side = Side.BUY, **fields: int) -> np.ndarray:
    """Return a trade with an aggressor."""
    sent = {Side.BUY: TradeType.BUY_AGGRESSION, Side.SELL: TradeType.SELL_AGGRESSION, Side.NONE: TradeType.UNKNOWN}
    values = {"price": price, "quantity": quantity, "side": side, "trade_type": sent[side]} | fields
    return make_event(Kind.TRADE, seconds, **values)


def make_quote(seconds: float, side: Side, price: int, quantity: int = 10) -> np.ndarray:
    """Return one side of the best quotes; price 0 empties it."""
    return make_event(Kind.QUOTE_SIDE, seconds, side=side, price=price, quantity=quantity)


def make_clock(seconds: float) -> np.ndarray:
    """Return a boundary of the decision clock."""
    return make_event(Kind.CLOCK, seconds)


def make_book(seconds: float, bid: int, ask: int, quantity: int = 10) -> list[np.ndarray]:
    """Return both sides of the best quotes."""
    return [make_quote(seconds, Side.BUY, bid, quantity), make_quote(seconds, Side.SELL, ask, quantity)]


def make_bar(minute: int, prices: tuple[int, int, int, int], volume: int = 100, flags: int = 0) -> np.ndarray:
    """Return the BAR of a minute, counted from 0, with open, high, low and close in ticks."""
    bar = np.zeros(1, dtype=BAR)
    bar["ts_open_ns"], bar["ts_close_ns"] = OPEN_NS + minute * MINUTE_NS, OPEN_NS + (minute + 1) * MINUTE_NS
    bar["open"], bar["high"], bar["low"], bar["close"] = prices
    bar["volume"], bar["trades"], bar["flags"], bar["instrument"] = volume, volume, flags, WIN
    return bar


def stack(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return events in sequence order, numbered."""
    out = np.concatenate(parts)
    out["sequence"] = np.arange(len(out))
    return out


def make_constant_forest(columns: int, score: float) -> FlatForest:
    """Return a forest that gives every row the same probability."""
    return _make_forest(columns, np.array([(np.inf, 0, 0)]), [score])


def make_stump(columns: int, column: int, threshold: float, low: float, high: float) -> FlatForest:
    """Return one split: `low` where the column is at most the threshold, else `high`."""
    return _make_forest(columns, np.array([(threshold, column, 1), (np.inf, 0, 0), (np.inf, 0, 0)]), [0.0, low, high])


def make_steps(columns: int, column: int, thresholds: Sequence[float], scores: Sequence[float]) -> FlatForest:
    """Return splits of a column: the first score up to the first threshold, and so on, the last above all of them."""
    nodes: list[tuple[float, int, int]] = []
    values: list[float] = []
    for threshold, score in zip(thresholds, scores[:-1], strict=True):
        nodes += [(threshold, column, 1), (np.inf, 0, 0)]
        values += [0.0, score]
    nodes.append((np.inf, 0, 0))
    return _make_forest(columns, np.array(nodes), [*values, scores[-1]])


def _make_forest(columns: int, nodes: np.ndarray, values: list[float]) -> FlatForest:
    flat = empty()
    packed = np.array([tuple(node) for node in nodes], dtype=flat.nodes.dtype)
    return from_arrays(
        {
            "header": np.array([ForestKind.SKLEARN, columns, 0], dtype="<i8"),
            "base": np.zeros(1),
            "roots": np.array([0, len(packed)], dtype="<i8"),
            "nodes": packed,
            "rules": np.zeros(len(packed), dtype="<u4"),
            "values": np.array(values),
        }
    )


def make_model(
    schema: FeatureSchema,
    forest: FlatForest,
    agents: tuple[str, ...] = (),
    strategy: StrategyParams | None = None,
    usual: Usual | None = None,
) -> Model:
    """Return a model with one forest in every regime and p = score, from 0 to 1."""
    line = np.tile(np.linspace(0.0, 1.0, 3), (3, 1))
    strategy = strategy or StrategyParams(require_agents=bool(agents))
    inputs = resolve_inputs(schema.columns, agents, strategy.order_flow_gate)
    band, policy = open_band(len(schema.columns)), strategy.record()
    blends = pack_blends([blend_alone(forest)] * 3)
    return Model(blends, line, line.copy(), inputs, policy, band, usual or open_usual())


def blend_alone(forest: FlatForest) -> Blend:
    """Return a blend in which a forest of any learner decides alone, or none where it has no trees."""
    kind, trees = int(forest.header[0]), len(forest.roots) - 1
    lightgbm, xgboost, sklearn = (forest if kind == seat else empty() for seat in ForestKind)
    return Blend((lightgbm, xgboost, sklearn), np.array([float(kind == seat and trees > 0) for seat in ForestKind]))


def make_spans(count: int, overlap: int = 0) -> np.ndarray:
    """SPAN of labels one after the other in one session; with an overlap, each reaches into so many of the next."""
    start = 2 * np.arange(count)
    return spans_of(start, start + 1 + 2 * overlap, np.zeros(count, dtype=np.int64))
