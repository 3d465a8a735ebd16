"""Meta-labels and the baseline's labels: worked by hand and against slow twins."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import DataError
from models.forward_labels import forward_labels
from models.labels import Touch
from models.meta_labels import meta_labels
from tests.models.test_labels import FLAT, later_rows, path_of, random_paths


def trade(moves, side, cost=0.0, barrier=4.0, horizon=4, **shape):
    count = len(moves)
    path = path_of(moves, **shape)
    found = meta_labels(path, np.full(count, barrier), np.full(count, side), np.full(count, cost), horizon)[0]
    return int(found["take"]), float(found["gain_ticks"]), int(found["end_row"])


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([FLAT, (6, 0, 6), FLAT, FLAT, FLAT], (1, 4, 1)),  # the bid is 4 above the ask paid
        ([FLAT, (5, 0, 5), FLAT, FLAT, FLAT], (0, -2, 4)),  # one tick short; then the spread is lost
        ([FLAT, (0, -2, 0), FLAT, FLAT, FLAT], (0, -4, 1)),  # the bid is 4 below the ask paid
        ([FLAT, (9, -2, 9), FLAT, FLAT, FLAT], (0, -4, 1)),  # both in one bar: the stop
        ([FLAT, FLAT, FLAT, FLAT, (5, 0, 5)], (1, 3, 4)),
    ],
)
def test_trade_of_each_side_worked_by_hand_with_a_spread_of_two(moves, expected, side):
    turned = moves if side > 0 else [(-low, -high, -close) for high, low, close in moves]
    assert trade(turned, side, spread=2) == expected


def test_trade_pays_only_if_it_gains_more_than_its_cost():
    moves = [FLAT, FLAT, FLAT, FLAT, (3, 0, 3)]
    assert trade(moves, 1, cost=2.9)[0] == 1
    assert trade(moves, 1, cost=3.0)[0] == 0


@pytest.mark.parametrize(
    ("side", "barrier", "shape"),
    [(0, 4.0, {}), (1, math.nan, {}), (1, 4.0, {"gaps": [1]}), (1, 4.0, {"session": [1, 2]})],
)
def test_without_side_barrier_or_bars_there_is_no_trade(side, barrier, shape):
    take, gain, end = trade([FLAT, (9, 0, 9)], side, barrier=barrier, **shape)
    assert (take, end) == (-1, 0)
    assert math.isnan(gain)


def slow_trade(path, row, side, barrier, horizon):
    """(gain, end row) of one trade, over plain numbers."""
    later = later_rows(path, row, horizon)
    if side == 0 or not later:
        return math.nan, row
    enter = path.ask if side > 0 else path.bid
    leave = (path.bid, path.bid_low, path.bid_high) if side > 0 else (path.ask, path.ask_high, path.ask_low)
    for j in later:
        if path.after_gap[j]:
            return math.nan, row
        close, worst, most = (side * (prices[j] - enter[row]) for prices in leave)
        if worst <= -barrier:
            return -barrier, j
        if most >= barrier:
            return barrier, j
    return close, later[-1]


@settings(max_examples=150, deadline=None)
@given(random_paths(), st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_every_trade_equals_the_slow_twin(drawn, seed, horizon):
    path, count = drawn[0], len(drawn[0].close)
    random = np.random.default_rng(seed)
    sides, barriers, costs = random.integers(-1, 2, count), random.integers(1, 8, count), random.integers(0, 5, count)
    found = meta_labels(path, barriers.astype(float), sides, costs.astype(float), horizon)
    slow = [slow_trade(path, row, sides[row], float(barriers[row]), horizon) for row in range(count)]
    assert found["gain_ticks"] == pytest.approx([gain for gain, _ in slow], nan_ok=True)
    assert found["end_row"].tolist() == [end for _, end in slow]
    paid = [-1 if math.isnan(gain) else int(gain > cost) for (gain, _), cost in zip(slow, costs, strict=True)]
    assert found["take"].tolist() == paid


def test_sides_that_are_not_one_per_bar_are_refused():
    path, two = path_of([FLAT, FLAT]), np.zeros(2)
    with pytest.raises(DataError, match=r"2 barriers, sides and costs, found \[2, 1, 2\]"):
        meta_labels(path, two, np.zeros(1), two, 3)


def test_baseline_asks_only_whether_the_close_is_higher_later():
    closes = [0, 1, 0, 0, 2, 5]
    found = forward_labels(path_of([(close, close, close) for close in closes]), horizon_bars=2)
    assert found["label"].tolist() == [-1, -1, 1, 1, 0, 0]  # no move is not above zero
    assert found["end_row"].tolist() == [2, 3, 4, 5, 4, 5]
    assert found["ret_ticks"][:4].tolist() == [0, -1, 2, 5]
    assert np.isnan(found["ret_ticks"][4:]).all()
    assert found["touch"].tolist() == [Touch.VERTICAL] * 4 + [Touch.NONE] * 2


@settings(max_examples=100, deadline=None)
@given(random_paths(), st.integers(1, 50))
def test_baseline_equals_the_slow_twin(drawn, horizon):
    path = drawn[0]
    found = forward_labels(path, horizon)
    for row, one in enumerate(found):
        later = later_rows(path, row, horizon)
        whole = len(later) == horizon and not any(path.after_gap[j] for j in later)
        move = int(path.close[later[-1]]) - int(path.close[row]) if whole else 0
        assert (one["label"], one["end_row"]) == ((1 if move > 0 else -1, later[-1]) if whole else (0, row))
