"""The sweep: cases worked by hand, a slow twin that goes bar by bar, and what must hold whatever the market does."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from backtest.metrics import max_drawdown
from backtest.sweep import TRADE, Ending, Path, Signals, SweepTerms, equity, prepare, sweep, trades
from market.errors import ConfigError, UsageError
from market.types import BAR

FREE = SweepTerms(tick_value=1.0, fee_per_side=0.0, slippage_ticks=0, through_ticks=0)
PAID = SweepTerms(
    tick_value=5.0, fee_per_side=0.75, quantity=2, slippage_ticks=1, through_ticks=1, min_stop_ticks=3, capital=10_000
)
Prices = list[tuple[int, int, int, int]]


def bars_of(prices: Prices) -> np.ndarray:
    bars = np.zeros(len(prices), dtype=BAR)
    for place, name in enumerate(("open", "high", "low", "close")):
        bars[name] = [one[place] for one in prices]
    return bars


def path_of(prices: Prices, side: dict[int, int], leave: tuple[int, ...] = (), ends: tuple[int, ...] = ()) -> Path:
    signals, marks = np.zeros(len(prices), dtype=np.int8), np.zeros((2, len(prices)), dtype=bool)
    signals[list(side)] = list(side.values())
    marks[0, list(leave)] = marks[1, list(ends)] = True
    return prepare(Signals(bars_of(prices), signals, *marks, np.ones(len(prices))))


def told(path: Path, stop: float, target: float, terms: SweepTerms = FREE) -> list[tuple[int, ...]]:
    return [tuple(int(value) for value in trade) for trade in trades(path, stop, target, terms).tolist()]


QUIET = (100, 102, 98, 100)
BY_HAND = {
    "filled at the next open, stopped at the level": (
        [QUIET, (101, 103, 99, 100), (100, 100, 95, 96), QUIET], {0: 1}, (1, 2, 101, 97, 1, Ending.STOP),
    ),
    "stopped in the bar of the entry": (
        [QUIET, (101, 103, 97, 100), QUIET, QUIET], {0: 1}, (1, 1, 101, 97, 1, Ending.STOP),
    ),
    "a gap beyond the stop fills at the open": (
        [QUIET, (101, 103, 99, 100), (90, 92, 89, 91), QUIET], {0: 1}, (1, 2, 101, 90, 1, Ending.STOP),
    ),
    "target": (
        [QUIET, (101, 103, 99, 100), (100, 109, 99, 108), QUIET], {0: 1}, (1, 2, 101, 109, 1, Ending.TARGET),
    ),
    "a gap beyond the target fills at the open": (
        [QUIET, (101, 103, 99, 100), (112, 113, 111, 112), QUIET], {0: 1}, (1, 2, 101, 112, 1, Ending.TARGET),
    ),
    "stop before target in one bar": (
        [QUIET, (101, 103, 99, 100), (100, 120, 80, 100), QUIET], {0: 1}, (1, 2, 101, 97, 1, Ending.STOP),
    ),
    "a short's stop above": (
        [QUIET, (101, 103, 99, 100), (104, 106, 103, 104), QUIET], {0: -1}, (1, 2, 101, 105, -1, Ending.STOP),
    ),
    "a short's target below, at the open of a gap": (
        [QUIET, (101, 103, 99, 100), (90, 91, 89, 90), QUIET], {0: -1}, (1, 2, 101, 90, -1, Ending.TARGET),
    ),
    "the last bar closes at its close": (
        [QUIET, (101, 103, 99, 100), (100, 102, 99, 102)], {0: 1}, (1, 2, 101, 102, 1, Ending.LEFT),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_worked_by_hand(name: str) -> None:
    prices, side, expected = BY_HAND[name]
    assert told(path_of(prices, side), 4, 8) == [tuple(map(int, expected))]


def test_leaving_is_decided_at_a_close_and_filled_at_the_next_open() -> None:
    prices = [QUIET, (101, 103, 99, 100), (100, 102, 99, 101), (99, 101, 98, 100), QUIET]
    assert told(path_of(prices, {0: 1}, leave=(2,)), 40, 80) == [(1, 3, 101, 99, 1, Ending.LEFT)]


def test_a_session_ends_flat_and_its_last_bar_enters_nothing() -> None:
    prices = [QUIET, (101, 103, 99, 100), (100, 103, 99, 102), (150, 152, 149, 151), (151, 153, 150, 152)]
    found = told(path_of(prices, {0: 1, 2: 1, 3: 1}, ends=(2,)), 40, 80)
    assert found == [(1, 2, 101, 102, 1, Ending.LEFT), (4, 4, 151, 152, 1, Ending.LEFT)]


def test_the_bar_that_ends_a_position_enters_none_and_the_next_one_may() -> None:
    prices = [QUIET, (101, 103, 97, 100), (100, 102, 99, 101), (101, 104, 100, 103), QUIET]
    assert told(path_of(prices, {0: 1, 1: 1}), 4, 8) == [(1, 1, 101, 97, 1, Ending.STOP)]
    assert told(path_of(prices, {0: 1, 2: -1}), 4, 8)[1][:3] == (3, 4, 101)


def test_slippage_is_paid_at_market_and_a_target_must_be_traded_through() -> None:
    terms = replace(FREE, slippage_ticks=2, through_ticks=1)
    touched = [QUIET, (101, 103, 100, 101), (102, 111, 101, 110), (110, 112, 109, 111), QUIET]
    assert told(path_of(touched, {0: 1}), 6, 8, terms) == [(1, 3, 103, 111, 1, Ending.TARGET)]
    assert told(path_of(touched, {0: -1}, leave=(1,)), 40, 80, terms) == [(1, 2, 99, 104, -1, Ending.LEFT)]


def test_money_and_drawdown_worked_by_hand() -> None:
    """Two contracts at R$ 5 a tick and R$ 0.75 a side: a loss, a dip, a gain."""
    prices = [QUIET, (100, 101, 90, 95), QUIET, (100, 104, 98, 98), (98, 112, 98, 111), QUIET]
    found = sweep(path_of(prices, {0: 1, 2: 1}), np.array([4.0]), np.array([8.0]), PAID)[0]
    # Bought at 101, stopped at 97: -4 ticks = R$ -40, fees R$ 3. Bought at 101, sold at 109: +8 ticks, fees R$ 3.
    assert (found["net"], found["fees"], found["round_trips"]) == (40.0 - 6.0, 6.0, 2)
    assert (found["stopped"], found["reached"], found["won"]) == (1, 1, 1)
    # Deepest at the close of bar 3: -43 so far, the fee of the entry R$ 1.50, 3 ticks below the entry.
    assert found["max_drawdown"] == pytest.approx((43 + 1.5 + 30) / 10_000)


@dataclass
class Held:
    side: int
    opened: int
    opened_at: int
    stop: int
    target: int


def twin(asked: Signals, stop: float, target: float, terms: SweepTerms) -> tuple[list[tuple[int, ...]], list[float]]:
    """Go bar by bar, as a person with the rules beside the chart would."""
    done: list[tuple[int, ...]] = []
    curve, held, cash, order, leaving = [], None, 0.0, 0, False
    ends = asked.ends.copy()
    ends[-1] = True
    value, fee = terms.tick_value * terms.quantity, float(terms.fee_per_side) * terms.quantity

    for i in range(asked.side.size):
        opened, high, low, close = (int(asked.bars[name][i]) for name in ("open", "high", "low", "close"))
        busy = False

        def end(price: int, why: Ending, i: int = i) -> None:
            nonlocal held, cash, busy
            assert held is not None
            cash += held.side * (price - held.opened_at) * value - fee
            done.append((held.opened, i, held.opened_at, price, held.side, int(why)))
            held, busy = None, True

        if leaving and held:
            end(opened - held.side * terms.slippage_ticks, Ending.LEFT)
            busy = False  # decided a bar earlier
        if order:
            at, unit = opened + order * terms.slippage_ticks, float(asked.unit[i - 1])
            near = max(math.floor(stop * unit + 0.5), terms.min_stop_ticks)
            far = max(math.floor(target * unit + 0.5), 1)
            held = Held(order, i, at, at - order * near, at + order * far)
            cash -= fee
        order, leaving = 0, False
        if held:
            up = held.side > 0
            if low <= held.stop if up else high >= held.stop:
                end(min(held.stop, opened) if up else max(held.stop, opened), Ending.STOP)
            elif high >= held.target + terms.through_ticks if up else low <= held.target - terms.through_ticks:
                end(max(held.target, opened) if up else min(held.target, opened), Ending.TARGET)
        if held and ends[i]:
            end(close - held.side * terms.slippage_ticks, Ending.LEFT)
        if held:
            leaving = bool(asked.leave[i])
        elif not (busy or ends[i] or asked.leave[i]) and math.isfinite(asked.unit[i]):
            order = int(asked.side[i])
        curve.append(cash + (held.side * (close - held.opened_at) * value if held else 0.0))
    return done, curve


def drawn(seed: int, count: int = 400) -> Signals:
    """A market with gaps and long tails, short sessions, signals of both sides close together."""
    rng = np.random.default_rng(seed)
    close = 1_000 + np.cumsum(rng.integers(-5, 6, count))
    opened = np.append(1_000, close[:-1]) + rng.choice([0, 0, 0, -9, 9, 1], count)
    high = np.maximum(opened, close) + rng.geometric(0.4, count) - 1
    low = np.minimum(opened, close) - rng.geometric(0.4, count) + 1
    bars = bars_of(list(zip(opened.tolist(), high.tolist(), low.tolist(), close.tolist(), strict=True)))
    unit = np.where(rng.random(count) < 0.1, np.nan, rng.uniform(0.5, 4.0, count))
    side = rng.choice([0, 0, 1, -1], count).astype(np.int8)
    return Signals(bars, side, rng.random(count) < 0.1, rng.random(count) < 0.05, unit)


@pytest.mark.parametrize("terms", [FREE, PAID], ids=["free", "paid"])
@pytest.mark.parametrize("seed", range(8))
def test_equal_to_the_slow_twin(seed: int, terms: SweepTerms) -> None:
    asked = drawn(seed)
    path = prepare(asked)
    stops, targets = (part.ravel() for part in np.meshgrid([0.5, 1.0, 2.5, 20.0], [0.4, 1.5, 3.0, 30.0]))
    found = sweep(path, stops, targets, terms)
    assert found["round_trips"].min() > 5
    for run in found:
        made, curve = twin(asked, run["stop"], run["target"], terms)
        assert told(path, run["stop"], run["target"], terms) == made
        ours = equity(path, np.array(made, dtype=TRADE), terms)
        np.testing.assert_allclose(ours, curve, rtol=0, atol=1e-9)
        assert run["net"] == pytest.approx(curve[-1], abs=1e-9)
        assert run["max_drawdown"] == pytest.approx(max_drawdown(np.array(curve), terms.capital), abs=1e-12)
        endings = [one[5] for one in made]
        assert [run["stopped"], run["reached"]] == [endings.count(Ending.STOP), endings.count(Ending.TARGET)]


def test_a_mirrored_market_earns_the_same() -> None:
    asked = drawn(3)
    bars = asked.bars.copy()
    for name, other in (("open", "open"), ("high", "low"), ("low", "high"), ("close", "close")):
        bars[name] = -asked.bars[other]
    mirrored = asked._replace(bars=bars, side=-asked.side)
    pair = np.array([1.5]), np.array([2.5])
    assert sweep(prepare(asked), *pair, PAID).tolist() == sweep(prepare(mirrored), *pair, PAID).tolist()


def test_doubled_costs_lower_the_profit_by_exactly_the_costs() -> None:
    path, pair = prepare(drawn(4)), (np.array([1.0, 3.0]), np.array([2.0, 1.0]))
    once, twice = (sweep(path, *pair, replace(PAID, fee_per_side=fee)) for fee in (0.75, 1.5))
    np.testing.assert_array_equal(twice["net"], once["net"] - once["fees"])


def test_each_position_pays_what_its_own_session_costs() -> None:
    """The loss and the gain worked by hand above, in two sessions: R$ 0.75 a side in the first, R$ 2 in the second."""
    prices = [QUIET, (100, 101, 90, 95), QUIET, (100, 104, 98, 98), (98, 112, 98, 111), QUIET]
    path, fees = path_of(prices, {0: 1, 2: 1}, ends=(1,)), np.array([0.75, 0.75, 2.0, 2.0, 2.0, 2.0])
    terms = replace(PAID, fee_per_side=fees)
    found = sweep(path, np.array([4.0]), np.array([8.0]), terms)[0]
    # Two contracts, two sides: R$ 3 and R$ 8 of fees; -40 and +80 of ticks.
    assert (found["net"], found["fees"], found["round_trips"]) == (40.0 - 11.0, 11.0, 2)
    assert found["max_drawdown"] == pytest.approx((43 + 4 + 30) / 10_000)
    curve = equity(path, trades(path, 4, 8, terms), terms)
    assert curve.tolist() == [0.0, -43.0, -43.0, -43.0 - 4.0 - 30.0, 29.0, 29.0]


def test_later_bars_change_nothing_earlier() -> None:
    asked = drawn(5)
    made = trades(prepare(asked), 1.0, 2.0, PAID)
    shorter = trades(prepare(Signals(*(part[:200] for part in asked))), 1.0, 2.0, PAID)
    before = made[made["closed"] < 199]
    assert before.size > 10
    assert shorter[: before.size].tolist() == before.tolist()


def test_what_cannot_be_run_is_refused() -> None:
    one = np.zeros(1, dtype=bool)
    with pytest.raises(UsageError, match=r"one signal for each of 2 bars, found \[1\]"):
        prepare(Signals(bars_of([QUIET, QUIET]), one.astype(np.int8), one, one, np.ones(1)))
    with pytest.raises(UsageError, match=r"stops and targets above 0, found \[0\.0\]"):
        sweep(prepare(drawn(0)), np.array([0.0]), np.array([1.0]), FREE)
    with pytest.raises(ConfigError, match="slippage_ticks: expected at least 0, found -1"):
        replace(FREE, slippage_ticks=-1)


@pytest.mark.parametrize("workers", [2, 3, 50])
def test_threads_change_nothing(workers: int) -> None:
    path, pairs = prepare(drawn(6)), (np.linspace(0.5, 4.0, 7), np.linspace(4.0, 0.5, 7))
    assert sweep(path, *pairs, PAID, workers).tobytes() == sweep(path, *pairs, PAID).tobytes()


def test_a_path_without_signals_earns_nothing() -> None:
    found = sweep(path_of([QUIET] * 3, {}), np.array([1.0]), np.array([1.0]), PAID)
    assert found[["net", "max_drawdown", "round_trips"]].tolist() == [(0.0, 0.0, 0)]
