"""The compiled pieces of the synthetic market, one at a time, and the loop against its interpreted twin."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market import synthetic_book as book
from market import synthetic_kernel as kernel
from market.synthetic_microstructure import DEMONSTRATION, WIDE, Microstructure
from market.types import Kind, Side, events

CHECKOUT = Path(__file__).resolve().parents[2]
SHORT = """
import hashlib
import numpy as np
from market.synthetic import draw_units
from market.synthetic_book import STATE
from market.synthetic_kernel import Draws, Plan, simulate
from market.synthetic_levels import add_levels
from market.synthetic_microstructure import WIDE
from market.types import events

minutes = 8
draws = Draws(
    draw_units(5, 0, 3 * minutes).reshape(-1, 3), draw_units(5, 1, 2400 * minutes).reshape(-1, 2),
    draw_units(5, 2, 4000).reshape(-1, 2), draw_units(5, 3, 20_000),
)
plan = Plan(np.linspace(0.5, 1.5, minutes), 0.02, 1.0, 26_000, 10**18, 2400, 3600, 3)
everything = plan._replace(micro=WIDE, branching=0.6, halt_from=6000, halt_to=7200, reopening=-5)
for chosen in (plan, everything):
    state, out = np.zeros(1, STATE), events(20_000)
    rows = simulate(chosen, draws, state, out)
    assert rows > 200
    records = add_levels(out[:rows], 5, draw_units(5, 4, 8 * rows))
    print(hashlib.sha256(records.tobytes() + state.tobytes()).hexdigest())
"""


def new_state(**fields: float) -> np.ndarray:
    """A book of one tick around 26,000, shown as it is, with the given fields changed."""
    state = np.zeros(1, book.STATE)
    start = {"bid": 26_000, "ask": 26_001, "bid_slices": 2, "ask_slices": 2, "shown_bid": 26_000, "shown_ask": 26_001}
    for name, value in {**start, "last_move": 1, **fields}.items():
        state[name] = value
    return state


def draws_of(count: int, seed: int) -> kernel.Draws:
    """Draws for `count` orders, from numpy's own integers."""
    generator = np.random.default_rng(seed)
    units = [
        generator.integers(0, 2**53, size) for size in ((1, 3), (1, 2), (count, 2), (count * kernel.ROWS_PER_ORDER,))
    ]
    return kernel.Draws(*units)


def digest_of_short_session(**environment: str) -> str:
    found = subprocess.run(
        [sys.executable, "-c", SHORT],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()


def test_compiled_session_equals_the_interpreted_one() -> None:
    """No fused or reordered arithmetic: the bytes are those of plain Python floats."""
    interpreted = digest_of_short_session(NUMBA_DISABLE_JIT="1")
    assert digest_of_short_session() == interpreted
    assert [len(line) for line in interpreted.split()] == [64, 64]


def test_session_that_does_not_fit_is_reported_and_writes_nothing_beyond() -> None:
    draws = draws_of(2000, seed=1)._replace(
        minutes=np.zeros((5, 3), np.int64), steps=np.random.default_rng(2).integers(0, 2**53, (6000, 2))
    )
    plan = kernel.Plan(np.ones(5), 0.2, 0.0, 26_000, 10**18, 0, 0, 3)
    out = events(300)
    assert kernel.simulate(plan, draws, np.zeros(1, book.STATE), out[:200]) == -1
    assert not out[200:].tobytes().strip(b"\0")
    few = draws._replace(orders=draws.orders[:3])
    assert kernel.simulate(plan, few, np.zeros(1, book.STATE), events(5000)) == -1


@pytest.mark.parametrize(
    ("slices", "rest", "lean", "eaten", "expected"),
    [(2, 0, 0.0, 0.0, 24), (2, 5, 1.0, 0.0, 43), (2, 5, -1.0, 0.0, 14), (2, 0, 0.0, 10.5, 13), (1, 0, 0.0, 500.0, 1)],
)
def test_shown_lots_lean_and_are_eaten_down_to_one(
    slices: int, rest: int, lean: float, eaten: float, expected: int
) -> None:
    """12 lots a slice, half as much again at full lean: 29 · 1.5 = 43.5, 29 · 0.5 = 14.5."""
    assert book.shown_lots(slices, rest, lean, eaten) == expected


@settings(max_examples=200, deadline=None)
@given(
    bid=st.integers(25_990, 26_010), spread=st.integers(1, 3), lean=st.floats(-1, 1), slices=st.integers(1, 6),
    refresh=st.booleans(),
)  # fmt: skip
def test_published_sides_never_cross_on_the_way(bid: int, spread: int, lean: float, slices: int, refresh: bool) -> None:
    state = new_state(bid=bid, ask=bid + spread, lean=lean, bid_slices=slices)
    out = events(4)
    book.publish(state[0], out, refresh)
    shown = {int(Side.BUY): 26_000, int(Side.SELL): 26_001}
    for record in out[: int(state["rows"][0])]:
        assert record["kind"] == Kind.QUOTE_SIDE
        shown[int(record["side"])] = int(record["price"])
        assert shown[Side.BUY] < shown[Side.SELL]
    assert shown == {Side.BUY: bid, Side.SELL: bid + spread}


def test_unchanged_quote_is_shown_again_only_on_a_refresh() -> None:
    state, out = new_state(), events(8)
    book.publish(state[0], out, False)
    first = int(state["rows"][0])
    book.publish(state[0], out, False)
    assert int(state["rows"][0]) == first
    book.publish(state[0], out, True)
    assert int(state["rows"][0]) == first + 2


@pytest.mark.parametrize(
    ("slices", "up", "bid", "ask"),
    [(1, True, 26_000, 26_002), (1, False, 25_999, 26_001), (2, True, 26_000, 26_001), (2, False, 26_000, 26_001)],
)
def test_price_moves_exactly_when_a_queue_empties(slices: int, up: bool, bid: int, ask: int) -> None:
    state = new_state(bid_slices=slices, ask_slices=slices)
    book.race_queues(state[0], up, 63 << 10)  # takes a slice, no empty level behind
    assert (int(state["bid"][0]), int(state["ask"][0])) == (bid, ask)
    assert min(state["bid_slices"][0], state["ask_slices"][0]) >= 1


@pytest.mark.parametrize(("last_move", "bits", "bid", "ask"), [
    (1, 0, 26_001, 26_002), (1, 1023, 26_000, 26_001), (-1, 0, 26_000, 26_001), (-1, 1023, 26_001, 26_002),
])  # fmt: skip
def test_wide_spread_closes_behind_the_last_move_or_against_it(last_move: int, bits: int, bid: int, ask: int) -> None:
    state = new_state(ask=26_002, last_move=last_move)
    book.narrow_spread(state[0], DEMONSTRATION.follow_1024, bits)
    assert (int(state["bid"][0]), int(state["ask"][0])) == (bid, ask)


@pytest.mark.parametrize("micro", [DEMONSTRATION, WIDE])
@pytest.mark.parametrize(("lean", "last_sign"), [(0.0, 1), (0.9, 1), (0.9, -1), (-0.9, -1)])
def test_persistent_orders_move_a_null_market_nowhere_on_average(
    lean: float, last_sign: int, micro: Microstructure
) -> None:
    """The sign is predictable, the move is not: its mean is within four standard errors of zero."""
    count = 20_000
    draws, out = draws_of(count, seed=11), events(count * kernel.ROWS_PER_ORDER)
    state = new_state(lean=lean)
    moves, signs = np.empty(count), np.empty(count)
    for order in range(count):
        state["bid"], state["ask"], state["last_sign"] = 26_000, 26_001, last_sign
        kernel.execute_order(state[0], micro, out, draws)
        moves[order] = (state["bid"][0] + state["ask"][0]) / 2 - 26_000.5
        signs[order] = state["last_sign"][0]
    assert abs(moves.mean()) < 4 * moves.std() / np.sqrt(count)
    assert np.mean(moves != 0) > 0.1
    assert np.sign(signs.mean()) == np.sign(lean + 0.3 * last_sign)


@pytest.mark.parametrize(("tilt", "low", "high"), [(0.0, -0.05, 0.05), (0.5, 0.3, 1.0), (-0.5, -1.0, -0.3)])
def test_race_drifts_as_far_as_it_is_tilted(tilt: float, low: float, high: float) -> None:
    generator = np.random.default_rng(3)
    uniform, bits = generator.random(40_000), generator.integers(0, 2**53, 40_000)
    state = new_state()
    turns, last = [], 26_000
    for draw, word in zip(uniform, bits, strict=True):
        book.step_queues(state[0], DEMONSTRATION, 0.5, tilt, draw, word)
        if state["ask"][0] - state["bid"][0] == 1 and state["bid"][0] != last:
            turns.append(np.sign(state["bid"][0] - last))
            last = state["bid"][0]
    assert low < np.mean(turns) < high


def test_regimes_last_tens_of_minutes_and_lean_follows_them() -> None:
    generator = np.random.default_rng(4)
    state = new_state(anchor=52_001)
    regimes, leans = np.empty(50_000), np.empty(50_000)
    for minute, row in enumerate(generator.integers(0, 2**53, (50_000, 3))):
        kernel.move_latent(state[0], DEMONSTRATION.volatility_move, row)
        regimes[minute], leans[minute] = state["regime"][0], state["lean"][0]
    runs = len(regimes) / (1 + np.count_nonzero(np.diff(regimes)))
    assert 20 < runs < 35
    assert np.abs(leans).max() <= 1
    mean = {regime: leans[regimes == regime].mean() for regime in range(3)}
    assert abs(mean[kernel.RANGE]) < 0.1
    assert mean[kernel.TREND_UP] > 0.7
    assert mean[kernel.TREND_DOWN] < -0.7


@pytest.mark.parametrize(("bid", "sign"), [(26_100, -1), (25_900, 1)])
def test_range_leans_back_to_its_anchor(bid: int, sign: int) -> None:
    state = new_state(bid=bid, ask=bid + 1, anchor=52_001)
    calm = np.array([2**53 - 1, 2**53 - 1, 2**52], np.int64)
    for _ in range(20):
        kernel.move_latent(state[0], DEMONSTRATION.volatility_move, calm)
    assert state["regime"][0] == kernel.RANGE
    assert sign * state["lean"][0] == pytest.approx(0.5, abs=0.01)


def test_counterparties_stand_on_the_right_side_of_a_trade() -> None:
    out = events(4)
    state = new_state(aggressor=777)
    for side in (Side.BUY, Side.SELL, Side.NONE):
        kernel.print_trade(state[0], out, 26_000, int(side), 2, 5 << 10)
    assert out["buyer"][:3].tolist()[0] == 777
    assert out["seller"][:3].tolist()[1] == 777
    assert out["buyer"][2] == out["seller"][2] != 777
    assert hashlib.sha256(out[3:].tobytes()).digest() == hashlib.sha256(bytes(64)).digest()


# A wide spread, self-exciting orders


def test_resting_spread_of_two_ticks_moves_the_middle_nowhere_on_average() -> None:
    """Races and closings of a spread that may rest: the middle is a martingale, and the spread is 1, 2 or rarely 3."""
    generator = np.random.default_rng(8)
    uniform, bits = generator.random(60_000), generator.integers(0, 2**53, 60_000)
    state = new_state()
    middle, spread = np.empty(60_000), np.empty(60_000, int)
    for step, (draw, word) in enumerate(zip(uniform, bits, strict=True)):
        book.step_queues(state[0], WIDE, 0.1, 0.0, draw, word)
        middle[step] = (state["bid"][0] + state["ask"][0]) / 2
        spread[step] = state["ask"][0] - state["bid"][0]
    moves = np.diff(middle)
    assert abs(moves.mean()) < 4 * moves.std() / np.sqrt(moves.size)
    later = moves[1:][moves[:-1] != 0] * np.sign(moves[:-1][moves[:-1] != 0])
    assert abs(later.mean()) < 4 * later.std() / np.sqrt(later.size)
    shares = np.bincount(spread, minlength=4) / spread.size
    assert shares[1] > 0.2
    assert shares[2] > 0.4
    assert 0 < shares[3] < 0.1


def test_order_trades_inside_a_wide_spread_and_leaves_the_quote_as_it_was() -> None:
    """Every order that does not sweep and finds three ticks is one print one tick better than the touch."""
    micro = WIDE._replace(inside_1024=1024, impact=0.0)
    draws, out = draws_of(400, seed=2), events(20_000)
    state = new_state(ask=26_003)
    while int(state["orders"][0]) < 400:
        kernel.execute_order(state[0], micro, out, draws)
    trades = out[(out["kind"] == Kind.TRADE) & (out["side"] != 0)]
    assert set(trades["price"][trades["side"] == Side.BUY]) == {26_002}
    assert set(trades["price"][trades["side"] == Side.SELL]) == {26_001}
    assert len(trades) > 300
    assert (int(state["bid"][0]), int(state["ask"][0]), float(state["ask_eaten"][0])) == (26_000, 26_003, 0.0)


def test_no_order_trades_inside_a_spread_of_one_tick() -> None:
    micro = WIDE._replace(inside_1024=1024, impact=0.0)
    draws, out, state = draws_of(200, seed=2), events(20_000), new_state()
    while int(state["orders"][0]) < 200:
        kernel.execute_order(state[0], micro, out, draws)
    assert set(out["price"][out["kind"] == Kind.TRADE]) == {26_000, 26_001}


def arrivals(branching: float, steps: int) -> np.ndarray:
    state = new_state()
    uniform = np.random.default_rng(12).random(steps)
    return np.array([kernel.order_arrives(state[0], branching, 0.04, draw) for draw in uniform])


def test_exciting_orders_come_as_often_and_in_bursts() -> None:
    """Over windows far longer than the kernel, variance over mean is 1 / (1 - n)² for a Hawkes process: 6.25 at 0.6.

    The other arrivals are every second event of a Bernoulli process, whose ratio is near one half.
    """
    counts = {n: arrivals(n, 1_000_000).reshape(-1, 2000).sum(axis=1) for n in (0.0, 0.6)}
    for found in counts.values():
        assert found.mean() == pytest.approx(40, rel=0.05)
    assert counts[0.0].var() / counts[0.0].mean() == pytest.approx(0.5, abs=0.1)
    assert counts[0.6].var() / counts[0.6].mean() == pytest.approx(6.25, rel=0.25)


def test_excitation_is_the_sum_over_earlier_orders() -> None:
    """Oracle: each order adds to the chance of every later step n (1 - k) / k · kᵗ, which sums to n."""
    state, uniform = new_state(), np.random.default_rng(3).random(3000)
    came: list[int] = []
    for step, draw in enumerate(uniform):
        jump = 0.6 * 0.025 / 0.975
        chance = 0.5 * 0.1 * 0.4 + sum(jump * 0.975 ** (step - earlier) for earlier in came[-400:])
        arrived = kernel.order_arrives(state[0], 0.6, 0.1, draw)
        assert arrived == (draw < chance)
        if arrived:
            came.append(step)
    assert len(came) > 100
