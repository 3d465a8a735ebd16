"""What the trend rule of a sweep asks for at each close."""

import numpy as np

from features.pipeline import SessionFeatures
from flows.bracket_sweep import MINUTE_NS, signals_of
from market.types import BAR
from trading.policy import RiskLimits

CLOSE_NS = 1_000 * MINUTE_NS
NONE, UP, DOWN, RANGE = range(4)


def seen(regimes: list[int], first: int = 0) -> SessionFeatures:
    count = len(regimes)
    ts_ns = (first + 1 + np.arange(count)) * MINUTE_NS
    bars = np.zeros(count, dtype=BAR)
    bars["close"] = 100 + np.arange(count)
    bars["open"] = bars["high"] = bars["low"] = bars["close"]
    atr = np.full(count, 2.5)
    codes = np.array(regimes, dtype=np.uint8)
    return SessionFeatures(np.zeros((count, 0)), ts_ns, codes, bars["close"], atr, bars, atr)


def asked(regimes: list[int], first: int = 0) -> tuple[list[int], list[int]]:
    """Return the bars that enter, signed, and those that leave."""
    made = signals_of([seen(regimes, first)], [CLOSE_NS], "atr", RiskLimits())
    return (np.arange(len(regimes)) * made.side)[made.side != 0].tolist(), np.flatnonzero(made.leave).tolist()


def test_a_trend_is_entered_when_it_begins_and_left_when_it_ends() -> None:
    assert asked([NONE, RANGE, UP, UP, RANGE, DOWN, DOWN, NONE, RANGE]) == ([2, -5], [4, 7])


def test_one_trend_after_the_other_is_left_first_and_entered_a_bar_later() -> None:
    assert asked([RANGE, UP, DOWN, DOWN, DOWN, RANGE, RANGE]) == ([1, -3], [2, 5])
    assert asked([RANGE, UP, DOWN, UP, UP, RANGE]) == ([1, 4], [2, 3, 5])


def test_nothing_is_entered_in_the_last_hour_nor_held_in_the_last_half() -> None:
    minutes = 1_000 - 61
    assert asked([RANGE, UP, RANGE, RANGE], minutes - 2)[0] == [1]
    assert asked([RANGE, UP, RANGE, RANGE], minutes - 1)[0] == []
    assert asked([RANGE] * 4, 1_000 - 33)[1] == [2, 3]
    assert signals_of([seen([RANGE, UP]), seen([UP])], [CLOSE_NS] * 2, "atr", RiskLimits()).ends.tolist() == [0, 1, 1]


def test_a_unit_of_ticks_is_one_tick() -> None:
    one = [seen([RANGE, UP, UP])]
    assert signals_of(one, [CLOSE_NS], "ticks", RiskLimits()).unit.tolist() == [1.0] * 3
    assert signals_of(one, [CLOSE_NS], "atr", RiskLimits()).unit.tolist() == [2.5] * 3
