"""Tapes drawn at random, and the bars that a slow twin cuts from one by reading it again and again."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from market.activity_bars import Measure
from market.types import BAR, EVENT, Flag, Kind, Side, TradeType
from tests.factories import OPEN_NS, WDO

MARKS = Flag.INFERRED_AGGRESSOR | Flag.SYNTHETIC | Flag.BACK_ADJUSTED
PRINTS = [  # kind, trade type, side
    (Kind.TRADE, TradeType.BUY_AGGRESSION, Side.BUY),
    (Kind.TRADE, TradeType.SELL_AGGRESSION, Side.SELL),
    (Kind.TRADE, TradeType.UNKNOWN, Side.NONE),
    (Kind.TRADE, TradeType.AUCTION, Side.NONE),
    (Kind.TRADE, TradeType.RLP, Side.NONE),
    (Kind.TRADE, TradeType.CROSS, Side.NONE),
    (Kind.TRADE, 32, Side.BUY),
    (Kind.QUOTE_SIDE, 0, Side.SELL),
    (Kind.EDIT, TradeType.BUY_AGGRESSION, Side.BUY),
    (Kind.GAP, 0, Side.NONE),
]
ENTERING = (0, 2, 3, 4, 13)
Row = tuple[int, int, int, int, int]


class Trade(NamedTuple):
    ts_ns: int
    price: int
    quantity: int
    side: int
    flags: int
    instrument: int


# Mostly aggressors, in runs of equal times and now and then late; one event in fifteen is a gap.
rows = st.tuples(
    st.sampled_from([0, 0, 1, 7, 400, -3]).map(lambda tenths: tenths * 100_000_000),
    st.integers(90, 110),
    st.integers(1, 9),
    st.sampled_from([0, 0, 0, 1, 1, 1, *range(2, len(PRINTS))]),
    st.sampled_from([0, 0, int(Flag.INFERRED_AGGRESSOR), int(Flag.SYNTHETIC | Flag.AFTER_GAP)]),
)
tapes = st.lists(rows, max_size=150)


def make_tape(told: Sequence[Row], start_ns: int = OPEN_NS - 1_000_000_000) -> np.ndarray:
    """Return EVENT from (nanoseconds since the event before, price, quantity, place in PRINTS, flags)."""
    out = np.zeros(len(told), dtype=EVENT)
    now = start_ns
    for k, (step, price, quantity, what, flags) in enumerate(told):
        now += step
        kind, trade_type, side = PRINTS[what]
        out[k]["ts_event_ns"] = out[k]["ts_recv_ns"] = now
        out[k]["sequence"], out[k]["price"], out[k]["quantity"] = k, price, quantity
        out[k]["kind"], out[k]["trade_type"], out[k]["side"], out[k]["flags"] = kind, trade_type, side, flags
        out[k]["instrument"] = WDO
    return out


def entering(events: np.ndarray) -> np.ndarray:
    """Return the trades that enter bars."""
    return events[(events["kind"] == Kind.TRADE) & np.isin(events["trade_type"], ENTERING)]


def naive_activity_bars(
    events: np.ndarray, measure: Measure, first: int, quantity: int = 1, memory_bars: int = 20
) -> np.ndarray:
    """Cut one session; `first` is the trades, the lots or the expected trades of a bar."""
    bars: list[np.void] = []
    signs: list[tuple[int, int]] = []  # size and side of every trade with an aggressor so far
    lengths: list[int] = []  # of the bars that were completed
    for after_gap, trades in _between_gaps(events):
        while trades:
            level = _expected(signs, lengths, first, quantity, memory_bars)
            length = next((n for n in range(1, len(trades) + 1) if _ends(trades[:n], measure, first, level)), 0)
            taken, trades = trades[: length or len(trades)], trades[length or len(trades) :]
            sized = [(_size(t, measure), t.side) for t in taken if t.side]
            signs += sized
            if length:
                lengths.append(len(sized))
            bars.append(_bar_of(taken, (0 if length else Flag.PARTIAL) | (Flag.AFTER_GAP if after_gap else 0)))
            after_gap = False
    return np.array(bars, dtype=BAR) if bars else np.zeros(0, dtype=BAR)


def _between_gaps(events: np.ndarray) -> Iterator[tuple[bool, list[Trade]]]:
    trades: list[Trade] = []
    after_gap = False
    for event in events:
        if event["kind"] == Kind.GAP:
            if trades:
                yield after_gap, trades
            trades, after_gap = [], True
        elif event["kind"] == Kind.TRADE and event["trade_type"] in ENTERING:
            names = ("ts_event_ns", "price", "quantity", "side", "flags", "instrument")
            trades.append(Trade(*(int(event[name]) for name in names)))
    yield after_gap, trades


def _ends(trades: list[Trade], measure: Measure, first: int, level: float) -> bool:
    if measure == Measure.TRADES:
        return len(trades) == first
    if measure == Measure.VOLUME:
        return sum(t.quantity for t in trades) >= first
    if not trades[-1].side:
        return False
    imbalance = sum(_size(t, measure) * t.side for t in trades)
    return abs(imbalance) >= level or sum(1 for t in trades if t.side) == 4 * first


def _size(trade: Trade, measure: Measure) -> int:
    return trade.quantity if measure == Measure.VOLUME_IMBALANCE else 1


def _expected(signs: list[tuple[int, int]], lengths: list[int], first: int, quantity: int, memory_bars: int) -> float:
    trade_weight, bar_weight = 2 / (memory_bars * first + 1), 2 / (memory_bars + 1)
    length = _average(float(first), [float(n) for n in lengths], bar_weight)
    signed = _average(0.0, [float(size * side) for size, side in signs], trade_weight)
    square = _average(float(quantity**2), [float(size) ** 2 for size, _ in signs], trade_weight)
    return max(length * abs(signed), math.sqrt(first * square))


def _average(start: float, values: list[float], weight: float) -> float:
    for value in values:
        start += weight * (value - start)
    return start


def _bar_of(trades: list[Trade], flags: int) -> np.void:
    bar = np.zeros(1, dtype=BAR)[0]
    prices = [t.price for t in trades]
    bar["open"], bar["high"], bar["low"], bar["close"] = prices[0], max(prices), min(prices), prices[-1]
    bar["ts_open_ns"], bar["ts_close_ns"] = trades[0].ts_ns, trades[-1].ts_ns
    bar["turnover"] = sum(t.price * t.quantity for t in trades)
    bar["instrument"] = trades[-1].instrument
    for count, volume, sides in (
        ("trades", "volume", (-1, 0, 1)),
        ("buy_trades", "buy_volume", (1,)),
        ("sell_trades", "sell_volume", (-1,)),
    ):
        chosen = [t.quantity for t in trades if t.side in sides]
        bar[count], bar[volume] = len(chosen), sum(chosen)
    for trade in trades:
        flags |= trade.flags & MARKS
    bar["flags"] = flags | (0 if any(t.side for t in trades) else Flag.NO_AGGRESSOR)
    return bar
