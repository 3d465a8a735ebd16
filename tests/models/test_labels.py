"""Labels: paths worked by hand, a slow twin, and what a label may never look at."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import ConfigError, DataError, NotEnoughData
from market.quote_bars import QUOTE_BAR
from market.types import Flag, bars
from models.forward_labels import forward_labels
from models.labels import (
    LABEL,
    BarrierParams,
    Touch,
    check_shares,
    triple_barrier,
)
from models.meta_labels import meta_labels
from models.price_path import PricePath, bar_volatility, price_path

BASE = 1000
NO_HOLES = np.zeros((0, 2), dtype=np.int64)


def path_of(moves, session=None, gaps=(), spread=0.0):
    """Build a path from (high, low, close) distances of the mid to 1000; a bar closes every 10 ns."""
    count = len(moves)
    high, low, close = (np.array([BASE + move[k] for move in moves], dtype=np.float64) for k in range(3))
    numbers = np.array(session if session is not None else [7] * count, dtype=np.int64)
    after_gap, half = np.isin(np.arange(count), gaps), spread / 2
    bids, asks = (close - half, high - half, low - half), (close + half, high + half, low + half)
    sides = (bids[0], asks[0], *bids[1:], *asks[1:])
    return PricePath(10 * np.arange(count, dtype=np.int64), close.astype(np.int32), numbers, after_gap, *sides)


def mirrored(moves):
    return [(-low, -high, -close) for high, low, close in moves]


def first_label(moves, params, sigma=0.0, cost=0.0, **shape):
    return triple_barrier(path_of(moves, **shape), np.full(len(moves), sigma), np.full(len(moves), cost), params)[0]


# σ 0.005 over 4 bars at a price of 1000 is a barrier of 0.005 · 2 · 1000 = 10 ticks; σ 0 leaves min_ticks, 4.
PARAMS = BarrierParams(horizon_bars=4, sigma_multiple=1.0, min_ticks=4, volatility_window=2)
FLAT = (0, 0, 0)
HAND_WORKED = [
    ("touches the barrier on the second bar", [FLAT, (3, 0, 1), (4, 0, 2), FLAT, FLAT], 0.0, (1, 2, Touch.UPPER, 4.0)),
    ("one tick short of the barrier", [FLAT, (3, 0, 3), (3, -3, 0), FLAT, FLAT], 0.0, (0, 4, Touch.VERTICAL, 0.0)),
    ("both in one bar that closes up", [FLAT, (5, -4, 2), (9, 0, 9), FLAT, FLAT], 0.0, (1, 1, Touch.UPPER, 2.0)),
    ("both in one bar that closes flat", [FLAT, (5, -5, 0), (9, 0, 9), FLAT, FLAT], 0.0, (0, 1, Touch.VERTICAL, 0.0)),
    ("the first of two touches counts", [FLAT, (4, 0, 0), (0, -9, -9), FLAT, FLAT], 0.0, (1, 1, Touch.UPPER, 4.0)),
    ("σ moves the barrier out", [FLAT, (9, 0, 9), (10, 0, 8), FLAT, FLAT], 0.005, (1, 2, Touch.UPPER, 10.0)),
    ("time ends it above the cost", [FLAT, FLAT, FLAT, FLAT, (6, 0, 5)], 0.005, (1, 4, Touch.VERTICAL, 5.0)),
    ("time ends it at the cost", [FLAT, FLAT, FLAT, FLAT, (6, 0, 4)], 0.005, (0, 4, Touch.VERTICAL, 4.0)),
    ("a touch past the horizon is not seen", [FLAT] * 5 + [(50, 0, 50)], 0.0, (0, 4, Touch.VERTICAL, 0.0)),
    ("the decision bar's own range is not used", [(50, 0, 0)] + [FLAT] * 4, 0.0, (0, 4, Touch.VERTICAL, 0.0)),
]


@pytest.mark.parametrize(
    ("moves", "sigma", "expected"), [case[1:] for case in HAND_WORKED], ids=[c[0] for c in HAND_WORKED]
)
@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_paths_worked_by_hand_and_mirrored(moves, sigma, expected, side):
    label, end_row, touch, ret = expected
    if side < 0 and touch in (Touch.UPPER, Touch.LOWER):
        touch = Touch.LOWER if touch == Touch.UPPER else Touch.UPPER
    found = first_label(moves if side > 0 else mirrored(moves), PARAMS, sigma)
    assert (found["label"], found["end_row"], found["touch"]) == (side * label, end_row, touch)
    assert found["ret_ticks"] == pytest.approx(side * ret)
    assert (found["start_ns"], found["end_ns"]) == (0, 10 * end_row)


def test_session_end_cuts_the_horizon_short():
    moves = [FLAT, FLAT, (3, 0, 3), (90, 90, 90), (90, 90, 90)]
    found = triple_barrier(path_of(moves, session=[1, 1, 1, 2, 2]), np.zeros(5), np.zeros(5), PARAMS)
    assert found["end_row"].tolist() == [2, 2, 2, 4, 4]
    assert found["touch"].tolist() == [Touch.VERTICAL, Touch.VERTICAL, Touch.NONE, Touch.VERTICAL, Touch.NONE]
    assert found["label"].tolist() == [0, 0, 0, 0, 0]


def test_gap_before_the_touch_drops_the_label():
    found = first_label([FLAT, (3, 0, 0), (9, 0, 9), FLAT, FLAT], PARAMS, gaps=[2])
    assert (found["label"], found["touch"], found["end_row"]) == (0, Touch.NONE, 0)
    assert math.isnan(found["ret_ticks"])


def test_gap_after_the_touch_is_harmless():
    assert first_label([FLAT, (9, 0, 9), FLAT, FLAT, FLAT], PARAMS, gaps=[2])["label"] == 1


def test_gap_at_the_decision_bar_itself_is_harmless():
    assert first_label([FLAT, (9, 0, 9), FLAT, FLAT, FLAT], PARAMS, gaps=[0])["label"] == 1


@pytest.mark.parametrize("sigma", [math.nan, math.inf])
def test_unknown_volatility_gives_no_label(sigma):
    found = first_label([FLAT, (9, 0, 9), FLAT, FLAT, FLAT], PARAMS, sigma)
    assert (found["label"], found["touch"]) == (0, Touch.NONE)
    assert math.isnan(found["barrier_ticks"])


@st.composite
def random_paths(draw):
    """Mids that wander, quotes of one to three ticks around them, a few gaps and session ends."""
    count = draw(st.integers(1, 40))
    close, moves, sessions, session = 0, [], [], 0
    for _ in range(count):
        close += draw(st.integers(-6, 6))
        moves.append((close + draw(st.integers(0, 5)), close - draw(st.integers(0, 5)), close))
        session += draw(st.sampled_from([0, 0, 0, 0, 0, 1]))
        sessions.append(session)
    gaps = draw(st.sets(st.integers(0, count - 1), max_size=3))
    sigma = draw(st.lists(st.sampled_from([math.nan, 0.0, 0.002, 0.005]), min_size=count, max_size=count))
    cost = draw(st.lists(st.sampled_from([0.0, 0.5, 2.0, 3.25]), min_size=count, max_size=count))
    multiple, least = draw(st.sampled_from([1.0, 2.0])), draw(st.sampled_from([1.0, 2.5, 4.0]))
    params = BarrierParams(draw(st.integers(1, 9)), 1.0, multiple, least, 2)
    path = path_of(moves, sessions, sorted(gaps))
    widths = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=count, max_size=count))
    for row, (below, above) in enumerate(widths):
        for name in ("bid", "bid_high", "bid_low"):
            getattr(path, name)[row] -= below
        for name in ("ask", "ask_high", "ask_low"):
            getattr(path, name)[row] += above
    return path, np.array(sigma), np.array(cost), params


def later_rows(path, row, horizon):
    """The bars a label of `row` may look at, and whether each is reached without a gap."""
    later = [j for j in range(row + 1, len(path.close)) if path.session[j] == path.session[row]]
    return later[:horizon]


def slow_label(path, sigma, cost, params, row):
    """The rules of the docstring, one row at a time, over plain numbers: (label, end row, touch, return)."""
    none = (0, row, Touch.NONE, None)
    later = later_rows(path, row, params.horizon_bars)
    if math.isnan(sigma) or not later:
        return none
    least = max(params.cost_multiple * cost, params.min_ticks)
    barrier = max(params.sigma_multiple * sigma * math.sqrt(params.horizon_bars) * int(path.close[row]), least)
    bought, sold = path.ask[row], path.bid[row]
    for j in later:
        if path.after_gap[j]:
            return none
        long_wins, short_wins = path.bid_high[j] >= bought + barrier, path.ask_low[j] <= sold - barrier
        long_gain, short_gain = path.bid[j] - bought, sold - path.ask[j]
        if long_wins and short_wins:
            if long_gain > 0:
                return 1, j, Touch.UPPER, long_gain
            if short_gain > 0:
                return -1, j, Touch.LOWER, -short_gain
            return 0, j, Touch.VERTICAL, (path.bid[j] + path.ask[j] - bought - sold) / 2
        if long_wins:
            return 1, j, Touch.UPPER, barrier
        if short_wins:
            return -1, j, Touch.LOWER, -barrier
    if long_gain > least:
        return 1, j, Touch.VERTICAL, long_gain
    if short_gain > least:
        return -1, j, Touch.VERTICAL, -short_gain
    return 0, j, Touch.VERTICAL, (path.bid[j] + path.ask[j] - bought - sold) / 2


@settings(max_examples=150, deadline=None)
@given(random_paths())
def test_every_row_equals_the_slow_twin(drawn):
    path, sigma, cost, params = drawn
    found = triple_barrier(path, sigma, cost, params)
    slow = [slow_label(path, float(sigma[row]), float(cost[row]), params, row) for row in range(len(sigma))]
    assert [(one["label"], one["end_row"], one["touch"]) for one in found] == [one[:3] for one in slow]
    returns = [math.nan if one[3] is None else one[3] for one in slow]
    assert found["ret_ticks"] == pytest.approx(returns, nan_ok=True)


def spans_of_rows(found):
    return [(row, int(end)) for row, end in enumerate(found["end_row"])]


@settings(max_examples=100, deadline=None)
@given(random_paths(), st.integers(1, 9), st.sampled_from([-1, 0, 1]))
def test_no_label_of_any_kind_spans_a_gap_or_the_close(drawn, horizon, side):
    """A roll changes the contract between sessions, so what stays in its session spans none."""
    path, sigma, cost, params = drawn
    labels = triple_barrier(path, sigma, cost, params)
    sides, free = np.full(len(sigma), side), np.zeros(len(sigma))
    kinds = [labels, forward_labels(path, horizon), meta_labels(path, labels["barrier_ticks"], sides, free, horizon)]
    for found in kinds:
        for row, end in spans_of_rows(found):
            assert path.session[end] == path.session[row]
            assert not path.after_gap[row + 1 : end + 1].any()


# A quote of two ticks around a mid that rises: the bid must gain the barrier on the ask, so the mid moves 4 + 2.
def test_long_wins_where_the_bid_has_risen_above_the_ask_it_paid():
    found = first_label([FLAT, (5, 0, 5), FLAT, FLAT, FLAT], PARAMS, spread=2)
    assert found["touch"] == Touch.VERTICAL
    found = first_label([FLAT, (6, 0, 5), FLAT, FLAT, FLAT], PARAMS, spread=2)
    assert (found["label"], found["touch"], found["ret_ticks"]) == (1, Touch.UPPER, 4)


def test_short_wins_where_the_ask_has_fallen_below_the_bid_it_got():
    found = first_label([FLAT, (0, -5, -5), FLAT, FLAT, FLAT], PARAMS, spread=2)
    assert found["touch"] == Touch.VERTICAL
    found = first_label([FLAT, (0, -6, -5), FLAT, FLAT, FLAT], PARAMS, spread=2)
    assert (found["label"], found["touch"], found["ret_ticks"]) == (-1, Touch.LOWER, -4)


@pytest.mark.parametrize(("close", "label", "ret"), [(7, 1, 5.0), (6, 0, 6.0), (-6, 0, -6.0), (-7, -1, -5.0)])
def test_time_ends_it_at_what_the_side_gained_after_the_spread(close, label, ret):
    wide = BarrierParams(horizon_bars=4, sigma_multiple=1.0, min_ticks=4, volatility_window=2)
    path = [FLAT, FLAT, FLAT, FLAT, (max(close, 0), min(close, 0), close)]
    found = first_label(path, wide, 0.005, spread=2)  # barriers 10 away
    assert (found["label"], found["touch"], found["ret_ticks"]) == (label, Touch.VERTICAL, ret)


@settings(max_examples=60, deadline=None)
@given(random_paths(), st.integers(0, 39), st.integers(0, 2**32 - 1))
def test_prices_after_a_labels_end_do_not_change_it(drawn, cut, seed):
    path, sigma, cost, params = drawn
    cut = min(cut, len(sigma) - 1)
    before = triple_barrier(path, sigma, cost, params)
    prices = [path.close, path.bid, path.ask, path.bid_high, path.bid_low, path.ask_high, path.ask_low]
    noise = np.random.default_rng(seed).integers(500, 1500, size=(len(prices), len(sigma) - cut - 1))
    for one, poison in zip(prices, noise, strict=True):
        one[cut + 1 :] = poison
    after = triple_barrier(path, sigma, cost, params)
    settled = (before["end_row"] <= cut) & (before["touch"] != Touch.NONE)
    assert before[settled].tobytes() == after[settled].tobytes()


@settings(max_examples=60, deadline=None)
@given(random_paths(), st.integers(2, 6))
def test_volatility_equals_the_slow_twin(drawn, window):
    path = drawn[0]
    found = bar_volatility(path, window)
    returns = []
    for row in range(len(path.close)):
        if row and path.session[row] == path.session[row - 1] and not path.after_gap[row]:
            returns.append(math.log(int(path.close[row]) / int(path.close[row - 1])))
        if len(returns) < window:
            assert math.isnan(found[row])
        else:
            assert found[row] == pytest.approx(statistics.stdev(returns[-window:]), rel=1e-9, abs=1e-12)


def test_wider_barriers_leave_more_rows_undecided_and_never_fall_below_the_cost():
    steps = np.random.default_rng(5).normal(0, 3, 4000).round().astype(np.int64)
    moves = [(close + 2, close - 2, close) for close in np.cumsum(steps) % 400]
    path = path_of(moves)
    sigma = bar_volatility(path, 20)
    sweep = [
        triple_barrier(path, sigma, np.zeros(len(sigma)), BarrierParams(15, multiple, 1.0, 4, 20))
        for multiple in (0.25, 1.0, 2.0, 4.0)
    ]
    undecided = [
        check_shares(labels).undecided if k < 3 else np.mean(labels["label"] == 0) for k, labels in enumerate(sweep)
    ]
    assert undecided == sorted(undecided)
    assert undecided[0] < undecided[-1]
    assert min(np.nanmin(labels["barrier_ticks"]) for labels in sweep) >= 4


def labels_with(down, undecided, up, without=0):
    labels = np.zeros(down + undecided + up + without, dtype=LABEL)
    labels["label"] = [-1] * down + [0] * undecided + [1] * up + [0] * without
    labels["touch"][: down + undecided + up] = Touch.VERTICAL
    return labels


def test_class_shares_count_only_rows_with_a_label():
    shares = check_shares(labels_with(30, 20, 50, without=400))
    assert (shares.down, shares.undecided, shares.up, shares.without_label) == (0.3, 0.2, 0.5, 400)


@pytest.mark.parametrize("counts", [(5, 0, 95), (4, 46, 50), (50, 46, 4), (4, 92, 4), (0, 100, 0)])
def test_one_sided_labels_are_refused(counts):
    with pytest.raises(DataError, match="sigma_multiple"):
        check_shares(labels_with(*counts))


@pytest.mark.parametrize("counts", [(10, 0, 90), (5, 90, 5), (5, 45, 50)])
def test_shares_at_the_limit_are_accepted(counts):
    assert check_shares(labels_with(*counts)).up == counts[2] / 100


def test_shares_without_any_label_are_refused():
    with pytest.raises(NotEnoughData, match="none of 8"):
        check_shares(labels_with(0, 0, 0, without=8))


def vendor_bars(count):
    records = bars(count)
    records["ts_close_ns"] = 60 * np.arange(1, count + 1)
    for name in ("open", "high", "low", "close"):
        records[name] = BASE
    return records


def test_path_takes_gap_marks_from_the_bar_flags():
    records = vendor_bars(3)
    records["flags"][1] = Flag.AFTER_GAP | Flag.EMPTY
    path = price_path(records, np.array([4, 4, 5]), NO_HOLES, None, 0)
    assert path.after_gap.tolist() == [False, True, False]
    assert path.ts_ns.tolist() == [60, 120, 180]


@pytest.mark.parametrize(
    ("first", "last", "after"),
    [(120, 180, [2]), (119, 181, [1, 2, 3]), (130, 140, [2]), (300, 400, []), (290, 400, [4]), (-50, 0, [])],
)
def test_bars_that_reach_into_a_hole_of_the_tape_are_after_a_gap(first, last, after):
    records = vendor_bars(5)  # [0, 60) to [240, 300)
    records["ts_open_ns"] = records["ts_close_ns"] - 60
    holes = np.array([[-100, -90], [first, last], [500, 600]], dtype=np.int64)
    path = price_path(records, np.full(5, 4), holes, None, 0)
    assert np.flatnonzero(path.after_gap).tolist() == after


def test_no_label_spans_a_hole_of_the_tape():
    records = vendor_bars(8)
    records["ts_open_ns"] = records["ts_close_ns"] - 60
    records["close"][5:] = records["high"][5:] = BASE + 100  # the jump over the hole, at 310
    records["low"][5:] = BASE + 100
    path = price_path(records, np.full(8, 4), np.array([[150, 310]], dtype=np.int64), None, 0)
    labels = triple_barrier(path, np.full(8, 1e-9), np.zeros(8), BarrierParams(3, 1.0, 1.0, 4, 2))
    assert labels["touch"].tolist() == [*[Touch.NONE] * 5, Touch.VERTICAL, Touch.VERTICAL, Touch.NONE]
    assert labels["end_row"][5:7].tolist() == [7, 7]


def test_sides_are_the_quotes_and_half_the_stated_spread_where_there_was_none():
    records, quotes = vendor_bars(2), np.zeros(2, dtype=QUOTE_BAR)
    records["high"], records["low"] = BASE + 4, BASE - 4
    quotes[1] = (997, 999, 1001, 990, 1003, 995)
    path = price_path(records, np.array([4, 4]), NO_HOLES, quotes, 3.0)
    assert (path.bid.tolist(), path.ask.tolist()) == ([998.5, 997], [1001.5, 999])
    assert (path.bid_high.tolist(), path.bid_low.tolist()) == ([1002.5, 1001], [994.5, 990])
    assert (path.ask_high.tolist(), path.ask_low.tolist()) == ([1005.5, 1003], [997.5, 995])
    with pytest.raises(DataError, match="1 quotes for 2 bars"):
        price_path(records, np.array([4, 4]), NO_HOLES, quotes[:1], 3.0)


def break_order(records, session):
    records["ts_close_ns"][2] = 60


def break_time(records, session):
    records["ts_close_ns"][2] = records["ts_close_ns"][1]


def break_session(records, session):
    session[1] = 9


def break_price(records, session):
    records["low"][1] = 0


@pytest.mark.parametrize("damage", [break_order, break_time, break_session, break_price])
def test_contradictory_bars_are_refused(damage):
    records, session = vendor_bars(3), np.array([4, 4, 4])
    damage(records, session)
    with pytest.raises(DataError):
        price_path(records, session, NO_HOLES, None, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"horizon_bars": 0},
        {"sigma_multiple": math.nan},
        {"cost_multiple": 0.99},
        {"min_ticks": 0},
        {"volatility_window": 1},
        {"spread_ticks": -1},
    ],
)
def test_impossible_barriers_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"params\.yaml"):
        BarrierParams(**wrong)


@pytest.mark.parametrize(("multiple", "cost", "barrier"), [(1.0, 3.9, 4.0), (1.0, 4.1, 4.1), (2.0, 3.0, 6.0)])
def test_barriers_pay_their_share_of_the_cost_of_a_round_trip(multiple, cost, barrier):
    params = BarrierParams(horizon_bars=4, cost_multiple=multiple, min_ticks=4, volatility_window=2)
    found = first_label([FLAT, FLAT, FLAT, FLAT, (9, 0, 9)], params, cost=cost)
    assert (found["touch"], found["barrier_ticks"], found["ret_ticks"]) == (Touch.UPPER, barrier, barrier)


@pytest.mark.parametrize(("cost", "label"), [(4.9, 1), (5.0, 0)])
def test_time_ends_it_undecided_where_the_move_does_not_pay_its_costs(cost, label):
    found = first_label([FLAT, FLAT, FLAT, FLAT, (6, 0, 5)], PARAMS, 0.005, cost)
    assert (found["label"], found["touch"], found["ret_ticks"]) == (label, Touch.VERTICAL, 5.0)


def test_costs_are_one_per_bar():
    with pytest.raises(DataError, match=r"expected 2 volatilities and costs, found \[2, 1\]"):
        triple_barrier(path_of([FLAT, FLAT]), np.zeros(2), np.zeros(1), PARAMS)
