"""Bars of trades, volume and imbalance: worked cases, the slow twin, and flows that break the book's rule."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.activity_bars import (
    Measure,
    bars_by_rule,
    end_bar,
    take_event,
    trade_imbalance_rule,
    trade_rule,
    volume_imbalance_rule,
    volume_rule,
)
from market.errors import UsageError
from market.types import BAR, Flag, Kind
from tests.tapes import entering, make_tape, naive_activity_bars, tapes

BUY, SELL, UNKNOWN, AUCTION, RLP, CROSS, EDIT, GAP = 0, 1, 2, 3, 4, 5, 8, 9
SECOND_NS = 1_000_000_000
RULES: dict[Measure, Callable[[int], np.ndarray]] = {
    Measure.TRADES: trade_rule,
    Measure.VOLUME: volume_rule,
    Measure.TRADE_IMBALANCE: lambda first: trade_imbalance_rule(first, 3),
    Measure.VOLUME_IMBALANCE: lambda first: volume_imbalance_rule(first, 4, 3),
}
measures = st.sampled_from(list(Measure))


def slow_bars(events: np.ndarray, measure: Measure, first: int) -> np.ndarray:
    quantity = 4 if measure == Measure.VOLUME_IMBALANCE else 1
    return naive_activity_bars(events, measure, first, quantity, 3)


def tape(*prints: int, quantity: int = 1) -> np.ndarray:
    """Return one event a second, of rising price."""
    return make_tape([(SECOND_NS, 100 + k, quantity, what, 0) for k, what in enumerate(prints)])


def flow(buys: np.ndarray, seed: int = 20260601) -> np.ndarray:
    """Return one trade for each chance that it is a buy."""
    rng = np.random.default_rng(seed)
    events = np.zeros(buys.size, dtype=tape(BUY).dtype)
    events["kind"], events["trade_type"], events["price"] = Kind.TRADE, 2, 100
    events["side"] = np.where(rng.random(buys.size) < buys, 1, -1)
    events["quantity"] = rng.integers(1, 10, buys.size)
    return events


def test_a_tick_bar_holds_its_number_of_trades_and_the_rest_is_partial() -> None:
    events = tape(BUY, SELL, UNKNOWN, RLP, AUCTION)
    bars = bars_by_rule(events, trade_rule(2))
    assert list(bars["trades"]) == [2, 2, 1]
    assert list(bars["open"]) == [100, 102, 104]
    assert list(bars["close"]) == [101, 103, 104]
    assert list(bars["ts_open_ns"]) == list(events["ts_event_ns"][[0, 2, 4]])
    assert list(bars["ts_close_ns"]) == list(events["ts_event_ns"][[1, 3, 4]])
    assert list(bars["flags"]) == [0, Flag.NO_AGGRESSOR, Flag.NO_AGGRESSOR | Flag.PARTIAL]


def test_a_session_that_ends_with_a_bar_has_no_partial_one() -> None:
    assert list(bars_by_rule(tape(BUY, BUY, SELL, SELL), trade_rule(2))["flags"]) == [0, 0]
    assert list(bars_by_rule(tape(BUY, BUY, SELL), trade_rule(1))["trades"]) == [1, 1, 1]


def test_a_trade_that_overshoots_the_volume_is_not_split() -> None:
    events = tape(BUY, SELL, BUY, BUY)
    events["quantity"] = [4, 9, 30, 1]
    bars = bars_by_rule(events, volume_rule(10))
    assert list(bars["volume"]) == [13, 30, 1]
    assert list(bars["buy_volume"]) == [4, 30, 1]
    assert list(bars["flags"]) == [0, 0, Flag.PARTIAL]


def test_crosses_and_edits_stay_out() -> None:
    bars = bars_by_rule(tape(BUY, CROSS, EDIT, SELL), trade_rule(2))
    assert (bars.size, list(bars["high"])) == (1, [103])


def test_an_imbalance_bar_closes_at_the_deviation_of_a_balanced_flow() -> None:
    """T₀ = 4, so 2 to start with; buy and sell cancel, and prints without aggressor only add to the bar."""
    bars = bars_by_rule(tape(BUY, AUCTION, SELL, SELL, RLP, SELL, BUY), trade_imbalance_rule(4))
    assert list(bars["trades"]) == [6, 1]
    assert (bars["buy_trades"][0], bars["sell_trades"][0]) == (1, 3)


def test_an_imbalance_bar_expects_what_earlier_bars_taught() -> None:
    """T₀ = 4 and a memory of one bar: weights 1 and 0.4.

    Sixteen trades by turns reach the longest bar, so E[T] = 16, and E[b] is close to where
    y = 0.6 (0.6 y + 0.4) - 0.4, which is -0.25. The next bar so needs 4 in place of 2.
    """
    rule = trade_imbalance_rule(4, memory_bars=1)
    bars = bars_by_rule(tape(*[BUY, SELL] * 8, *[SELL] * 4), rule)
    assert list(bars["trades"]) == [16, 4]
    assert list(bars["flags"]) == [0, 0]
    assert rule["trades"] == 4


def test_a_volume_imbalance_bar_weighs_trades_by_their_lots() -> None:
    """T₀ = 4 trades of 3 lots: √(4·9) = 6 lots. Twelve bought at once close a bar alone.

    Then E[v²] = 9 + 0.4·(144 - 9) = 63 and E[b·v] = 4.8 at E[T] = 1, so √(4·63) = 15.9 lots close the next one.
    """
    events = tape(BUY, SELL, BUY, SELL, SELL)
    events["quantity"] = [12, 9, 1, 7, 1]
    bars = bars_by_rule(events, volume_imbalance_rule(4, 3, memory_bars=1))
    assert list(bars["trades"]) == [1, 4]
    assert list(bars["flags"]) == [0, 0]


def test_no_aggressor_closes_no_imbalance_bar() -> None:
    bars = bars_by_rule(tape(*[UNKNOWN] * 500), trade_imbalance_rule(4))
    assert list(bars["trades"]) == [500]
    assert bars["flags"][0] == Flag.NO_AGGRESSOR | Flag.PARTIAL


def test_trades_without_aggressor_teach_an_imbalance_nothing() -> None:
    events = flow(np.full(5_000, 0.7))
    among = np.repeat(events, 2)
    among["side"][::2], among["trade_type"][::2] = 0, 4
    bars, wanted = bars_by_rule(among, trade_imbalance_rule(50)), bars_by_rule(events, trade_imbalance_rule(50))
    assert list(bars["buy_trades"] + bars["sell_trades"]) == list(wanted["trades"])
    assert list(bars["trades"]) == list(2 * wanted["trades"])


@pytest.mark.parametrize("measure", Measure)
def test_a_gap_cuts_the_forming_bar_and_marks_the_next(measure: Measure) -> None:
    bars = bars_by_rule(tape(BUY, GAP, GAP, CROSS, BUY, SELL), RULES[measure](9))
    assert list(bars["trades"]) == [1, 2]
    assert list(bars["flags"]) == [Flag.PARTIAL, Flag.PARTIAL | Flag.AFTER_GAP]


def test_a_gap_between_two_bars_cuts_nothing() -> None:
    bars = bars_by_rule(tape(BUY, BUY, GAP, BUY, BUY, BUY, BUY), trade_rule(2))
    assert list(bars["flags"]) == [0, Flag.AFTER_GAP, 0]


@pytest.mark.parametrize("measure", Measure)
def test_no_events_give_no_activity_bars(measure: Measure) -> None:
    for events in (tape(), tape(CROSS, GAP)):
        bars = bars_by_rule(events, RULES[measure](2))
        assert (bars.dtype, bars.size) == (BAR, 0)


@given(tapes, measures, st.integers(1, 12))
@settings(deadline=None, max_examples=300)
def test_activity_bars_equal_the_slow_twin(told: list[tuple[int, ...]], measure: Measure, first: int) -> None:
    events = make_tape(told)
    assert bars_by_rule(events, RULES[measure](first)).tobytes() == slow_bars(events, measure, first).tobytes()


@given(tapes, measures, st.integers(1, 12))
@settings(deadline=None, max_examples=100)
def test_every_trade_that_enters_is_in_one_bar(told: list[tuple[int, ...]], measure: Measure, first: int) -> None:
    events = make_tape(told)
    bars, trades = bars_by_rule(events, RULES[measure](first)), entering(events)
    assert bars["trades"].sum() == trades.size
    assert bars["volume"].sum() == trades["quantity"].sum()
    assert bars["turnover"].sum() == (trades["quantity"] * trades["price"]).sum()
    assert bars["buy_volume"].sum() == trades["quantity"][trades["side"] > 0].sum()
    assert bars["sell_trades"].sum() == np.count_nonzero(trades["side"] < 0)
    lasts = np.cumsum(bars["trades"]) - 1
    assert list(bars["close"]) == list(trades["price"][lasts])
    assert list(bars["ts_close_ns"]) == list(trades["ts_event_ns"][lasts])


@given(tapes, measures, st.integers(1, 12))
@settings(deadline=None, max_examples=60)
def test_a_stream_closes_the_bars_of_the_batch(told: list[tuple[int, ...]], measure: Measure, first: int) -> None:
    """Each bar is known at its own last trade, or at the gap that cuts it: nothing later changes it."""
    events, rule, streamed = make_tape(told), RULES[measure](first), []
    bar = np.zeros(1, dtype=BAR)
    for event in events:
        if take_event(rule[0], bar[0], event):
            streamed.append(bar.copy())
            bar[:] = 0
    if end_bar(rule[0], bar[0]):
        streamed.append(bar)
    whole = bars_by_rule(events, RULES[measure](first))
    assert np.concatenate([np.zeros(0, dtype=BAR), *streamed]).tobytes() == whole.tobytes()


def test_a_rule_carries_its_expectations_to_the_next_session_but_no_trade() -> None:
    morning = tape(*[BUY, SELL] * 8, SELL)  # as above, and one sell that the session leaves over
    carried = trade_imbalance_rule(4, memory_bars=1)
    assert list(bars_by_rule(morning, carried)["flags"]) == [0, Flag.PARTIAL]
    sells = tape(*[SELL] * 9)
    assert bars_by_rule(sells, trade_imbalance_rule(4, memory_bars=1))["trades"][0] == 2
    assert list(bars_by_rule(sells, carried)["trades"]) == [9]  # 16 · |0.6 · -0.25 - 0.4| = 8.8


FLOWS = {
    "balanced": np.full(100_000, 0.5),
    "leaning": np.full(100_000, 0.55),
    "one-sided": np.full(100_000, 0.8),
    "only buys": np.full(100_000, 1.0),
    "one-sided, then balanced": np.concatenate([np.full(20_000, 0.9), np.full(80_000, 0.5)]),
}


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("rule", [trade_imbalance_rule(100), volume_imbalance_rule(100, 5)])
def test_imbalance_bars_neither_explode_nor_collapse(name: str, rule: np.ndarray) -> None:
    lengths = bars_by_rule(flow(FLOWS[name]), rule.copy())["trades"][:-1]
    assert lengths.max() <= 400
    assert lengths.min() >= 100**0.5 / 2  # a volume bar of large lots may be shorter than √T₀ trades
    assert np.mean(lengths == 400) < 0.03
    last = lengths[-100:].mean()
    assert (last == 10) if name == "only buys" and rule["measure"] == Measure.TRADE_IMBALANCE else 50 < last < 250


def test_a_balanced_flow_gives_bars_of_the_expected_length() -> None:
    """Wald: a walk of ±1 leaves ±√T₀ after T₀ steps on average."""
    lengths = bars_by_rule(flow(FLOWS["balanced"]), trade_imbalance_rule(100))["trades"][:-1]
    assert lengths.mean() == pytest.approx(100, abs=4 * lengths.std() / lengths.size**0.5)


def test_a_burst_of_buying_is_sampled_more_often() -> None:
    calm, burst = np.full(20_000, 0.5), np.full(1_000, 0.95)
    lengths = bars_by_rule(flow(np.concatenate([calm, burst])), trade_imbalance_rule(100))["trades"][:-1]
    inside = lengths[np.cumsum(lengths) > 20_100]
    assert inside.mean() < lengths.mean() / 2


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: trade_rule(0), "trades"),
        (lambda: volume_rule(-5), "quantity"),
        (lambda: trade_imbalance_rule(0), "expected_trades"),
        (lambda: volume_imbalance_rule(100, 0), "expected_quantity"),
        (lambda: trade_imbalance_rule(100, 0), "memory_bars"),
    ],
)
def test_refuses_a_rule_that_could_never_be_met(build: Callable[[], np.ndarray], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        build()
