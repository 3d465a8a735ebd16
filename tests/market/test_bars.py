"""Bars from events: worked cases, a slow twin, and the clock."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market.bars import bars_from_events
from market.stream import with_clock
from market.types import BAR, EVENT, Flag, Kind, Side, TradeType

MINUTE_NS = 60_000_000_000
Build = Callable[[list[tuple[float, int, int, int]]], np.ndarray]


def naive_bars(events: np.ndarray, session: np.ndarray, bar_ns: int) -> list[tuple[int, ...]]:
    """Open, high, low, close, volume, buys, sells, trades of each bar, from plain lists."""
    opens, closes = int(session["open_ns"][0]), int(session["close_ns"][0])
    enters = (TradeType.UNKNOWN, TradeType.BUY_AGGRESSION, TradeType.SELL_AGGRESSION, TradeType.AUCTION, TradeType.RLP)
    count = (closes - opens) // bar_ns
    intervals: list[list[np.void]] = [[] for _ in range(count)]
    latest = 0
    for event in events:
        late = max((int(event["ts_event_ns"]) - opens) // bar_ns, 0)
        latest = max(latest, late)
        if event["kind"] == Kind.TRADE and event["trade_type"] in enters and latest < count:
            intervals[latest].append(event)
    out: list[tuple[int, ...]] = []
    for trades in intervals:
        prices = [int(trade["price"]) for trade in trades]
        if prices:
            sums = [sum(int(t["quantity"]) for t in trades if side in (None, t["side"])) for side in (None, 1, -1)]
            out.append((prices[0], max(prices), min(prices), prices[-1], *sums, len(prices)))
        elif out:
            out.append((out[-1][3],) * 4 + (0, 0, 0, 0))
    return out


def told(bars: np.ndarray) -> list[tuple[int, ...]]:
    names = ("open", "high", "low", "close", "volume", "buy_volume", "sell_volume", "trades")
    return [tuple(int(bar[name]) for name in names) for bar in bars]


def test_closes_bars_by_the_clock_and_keeps_an_empty_minute(trades: Build, wdo_session: np.ndarray) -> None:
    events = trades([(61, 100, 5, 1), (90, 103, 2, -1), (119.999, 101, 1, 0), (180, 99, 4, 1)])
    bars = bars_from_events(events, wdo_session, MINUTE_NS)
    assert told(bars[:3]) == [(100, 103, 100, 101, 8, 5, 2, 3), (101,) * 4 + (0, 0, 0, 0), (99, 99, 99, 99, 4, 4, 0, 1)]
    assert bars["ts_open_ns"][0] == wdo_session["open_ns"][0] + MINUTE_NS  # none before the first price
    assert bars["ts_close_ns"][-1] == wdo_session["close_ns"][0]
    assert bars.size == 539
    assert bars["turnover"][0] == 100 * 5 + 103 * 2 + 101
    assert bars["flags"][1] == Flag.EMPTY
    assert bars["flags"][0] == 0


def test_prints_before_the_open_belong_to_the_first_bar(trades: Build, wdo_session: np.ndarray) -> None:
    bars = bars_from_events(trades([(-30, 50, 1, 0), (0, 60, 1, 0)]), wdo_session, MINUTE_NS)
    assert told(bars[:1]) == [(50, 60, 50, 60, 2, 0, 0, 2)]
    assert bars["flags"][0] == Flag.NO_AGGRESSOR


def test_trades_after_the_close_enter_no_bar(trades: Build, wdo_session: np.ndarray) -> None:
    bars = bars_from_events(trades([(32_399, 50, 1, 1), (32_400, 90, 1, 1)]), wdo_session, MINUTE_NS)
    assert told(bars) == [(50, 50, 50, 50, 1, 1, 0, 1)]


@pytest.mark.parametrize("trade_type", [TradeType.CROSS, 5, 12, 32])
def test_crosses_and_other_types_stay_out(trades: Build, wdo_session: np.ndarray, trade_type: int) -> None:
    events = trades([(1, 100, 5, 1), (2, 500, 9, 0)])
    events["trade_type"][1] = trade_type
    assert told(bars_from_events(events, wdo_session, MINUTE_NS)[:1]) == [(100, 100, 100, 100, 5, 5, 0, 1)]


def test_a_gap_marks_the_bar_it_falls_in(trades: Build, wdo_session: np.ndarray) -> None:
    events = trades([(1, 100, 5, 1), (61, 0, 0, 0), (121, 101, 1, 1)])
    events["kind"][1] = Kind.GAP
    flags = bars_from_events(events, wdo_session, MINUTE_NS)["flags"]
    assert [int(flag) for flag in flags[:3]] == [0, Flag.EMPTY | Flag.AFTER_GAP, 0]


def test_no_events_give_no_bars(wdo_session: np.ndarray) -> None:
    assert bars_from_events(np.zeros(0, dtype=EVENT), wdo_session, MINUTE_NS).dtype == BAR
    assert bars_from_events(np.zeros(0, dtype=EVENT), wdo_session, MINUTE_NS).size == 0


moments = st.floats(-100, 33_000).map(lambda seconds: round(seconds, 3))
drawn = st.lists(st.tuples(moments, st.integers(90, 110), st.integers(1, 9), st.sampled_from([-1, 0, 1])), max_size=40)


@given(drawn, st.sampled_from([1, 5, 7, 15, 60]), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_equals_the_slow_twin_also_out_of_order(
    trades: Build, wdo_session: np.ndarray, minutes: list[tuple[float, int, int, int]], length: int, random: object
) -> None:
    ordered = sorted(minutes, key=lambda row: row[0])
    if len(ordered) > 3:
        ordered[1], ordered[2] = ordered[2], ordered[1]  # a late arrival
    events = trades(ordered)
    bars = bars_from_events(events, wdo_session, length * MINUTE_NS)
    assert told(bars) == naive_bars(events, wdo_session, length * MINUTE_NS)
    clocked = with_clock(events, wdo_session, length * MINUTE_NS)
    assert bars_from_events(clocked, wdo_session, length * MINUTE_NS).tobytes() == bars.tobytes()


def test_a_later_trade_changes_no_closed_bar(trades: Build, wdo_session: np.ndarray) -> None:
    rng = np.random.default_rng(20260601)
    moments = np.sort(rng.uniform(0, 3600, 200))
    prices, sides = rng.integers(90, 110, 200), rng.integers(-1, 2, 200)
    rows = [(float(t), int(p), 1, int(a)) for t, p, a in zip(moments, prices, sides, strict=True)]
    whole = bars_from_events(trades(rows), wdo_session, MINUTE_NS)
    for cut in (50, 100, 150):
        closed = int(rows[cut][0] // 60) - int(rows[0][0] // 60)
        part = bars_from_events(trades(rows[:cut]), wdo_session, MINUTE_NS)
        assert part[:closed].tobytes() == whole[:closed].tobytes()


def test_side_of_a_trade_is_its_aggressor(trades: Build, wdo_session: np.ndarray) -> None:
    bar = bars_from_events(trades([(1, 100, 5, Side.BUY), (2, 100, 3, Side.SELL)]), wdo_session, MINUTE_NS)[0]
    assert (bar["buy_trades"], bar["sell_trades"], bar["instrument"]) == (1, 1, 1)
