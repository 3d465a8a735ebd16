"""Fewer points, the same picture."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.strokes import group_bars, session_starts, thin


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.integers(0, 10**6))
def test_a_thinned_line_keeps_its_ends_its_extremes_and_its_order(count, seed):
    line = np.random.default_rng(seed).normal(size=count)
    kept = thin(line, 100)
    assert len(kept) <= max(102, min(count, 100))
    assert (np.diff(kept) > 0).all()
    assert (kept[0], kept[-1]) == (0, count - 1)
    assert (line[kept].min(), line[kept].max()) == (line.min(), line.max())


def test_a_short_line_is_kept_whole():
    assert thin(np.arange(100.0), 100).tolist() == list(range(100))


def test_every_narrow_spike_survives():
    line = np.zeros(10_000)
    line[[17, 5003, 9998]] = [5.0, -7.0, 3.0]
    assert {17, 5003, 9998} <= set(thin(line, 200).tolist())


def test_sessions_start_where_the_key_changes():
    assert session_starts(np.array([4, 4, 5, 7, 7, 7])).tolist() == [0, 2, 3]
    assert session_starts(np.zeros(0)).tolist() == []


def test_few_bars_are_left_alone(walk):
    grouped, span = group_bars(walk, 1200)
    assert span == 1
    assert np.array_equal(grouped, walk)


def test_groups_hold_the_prices_of_their_bars_and_never_cross_a_session(walk):
    grouped, span = group_bars(walk, 180)
    assert span == 7
    # 400 bars in sevens are 58 groups, the last of one bar; three sessions
    assert len(grouped) == 3 * 58
    position = 0
    for session in range(3):
        bars = walk[session * 400 : (session + 1) * 400]
        for start in range(0, 400, 7):
            part, group = bars[start : start + 7], grouped[position]
            assert (group["open"], group["close"]) == (part["open"][0], part["close"][-1])
            assert (group["high"], group["low"]) == (max(part["high"]), min(part["low"]))
            assert (group["ts_open_ns"], group["ts_close_ns"]) == (part["ts_open_ns"][0], part["ts_close_ns"][-1])
            position += 1
