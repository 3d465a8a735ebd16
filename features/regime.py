"""The market regime by ADX and the order of three EMAs, with hysteresis and confirmation (signals.md §8.1).

Beside it stand, as columns, its five states (§8.3), and what another detector sees: the slope of the logarithm with its
R², and how much the market keeps within a range (§8.2).
"""

import math

import numpy as np

from features.bars import newest
from features.catalogue import index_of
from features.layout import (
    ADX,
    BARS_SEEN,
    CANDIDATE,
    CANDIDATE_BARS,
    CLOSE_RING,
    EMA,
    EMA_FAMILY,
    EXTREME_WINDOWS,
    HIGHEST,
    LOG_CLOSE_RING,
    LOWEST,
    REGIME,
    RETURN_RING,
    RETURN_SIGMA,
    RETURN_WINDOWS,
)
from features.windows import ratio
from market.kernel import kernel
from market.lanes import uniform, where
from market.types import Regime

ENTER = 25.0  # ADX above which a trend may begin
LEAVE = 22.0  # ADX below which a trend ends
CONFIRMATION = 3  # bars in a row that must agree before the regime changes
WARM_UP = 168  # closed bars
STRONG = 35.0  # ADX above which a trend is strong
SLOPE_BARS, SLOPE, CONSISTENCY = 20, 0.2, 0.6  # of a trend by slope
RANGE_BARS, INNER, EDGE, TOUCHES = 50, 5, 20, 10.0  # of the range score; a fifth and a twentieth of the range

_UNDEFINED, _UP, _DOWN, _RANGE = int(Regime.UNDEFINED), int(Regime.TREND_UP), int(Regime.TREND_DOWN), int(Regime.RANGE)
_LENGTHS = [int(n) for n in EMA_FAMILY[:, 0]]
_FAST, _MIDDLE, _SLOW = EMA + _LENGTHS.index(9), EMA + _LENGTHS.index(20), EMA + _LENGTHS.index(50)

_SLOPE, _CONSISTENCY, _SLOPE_TREND = index_of("slope_20"), index_of("slope_consistency_20"), index_of("slope_trend")
_SPREAD = SLOPE_BARS * (SLOPE_BARS**2 - 1) / 12  # Σ of the squared distances of the places from their middle
_SLOPE_SIGMA = RETURN_SIGMA + RETURN_WINDOWS.index(SLOPE_BARS)
_RANGE_PLACE = EXTREME_WINDOWS.index(RANGE_BARS)
_RANGE_SCORE, _STRENGTH = index_of("range_score_50"), index_of("trend_strength")


@kernel
def classify(current: int, adx: float, fast: float, middle: float, slow: float) -> int:
    """Return the regime one bar alone speaks for, given the regime in force."""
    may_begin, was_up, was_down = adx > ENTER, current == _UP, current == _DOWN
    trending = may_begin | ((was_up | was_down) & (adx >= LEAVE))
    # Between the two thresholds a trend may last, but no other may begin.
    up = (fast > middle) & (middle > slow) & (may_begin | was_up)
    down = (fast < middle) & (middle < slow) & (may_begin | was_down)
    trend = where(up, _UP, where(down, _DOWN, _UNDEFINED))
    return where(trending, trend, where(adx < ENTER, _RANGE, _UNDEFINED))


@kernel
def update_regime(floats: np.ndarray, ints: np.ndarray, out: np.ndarray) -> None:
    """Move the regime by the last closed bar, and write its columns (to be called after `trend.update_averages`)."""
    _move(floats, ints)
    out[_STRENGTH] = strength(ints[REGIME], floats[ADX])
    last = newest(ints)
    _write_slope(floats, ints, last, out)
    out[_RANGE_SCORE] = _range_score(floats, ints, last)


@kernel
def strength(regime: int, adx: float) -> int:
    """Return the five states: 2 and 1 for a strong trend up and another, -1 and -2 down, 0 for a market without one."""
    size = where(adx > STRONG, 2, 1)
    return where(regime == _UP, size, where(regime == _DOWN, -size, 0))


@kernel
def _move(floats: np.ndarray, ints: np.ndarray) -> None:
    if uniform(ints, BARS_SEEN) < WARM_UP:
        return
    now, before = ints[REGIME], ints[CANDIDATE]
    spoken = classify(now, floats[ADX], floats[_FAST], floats[_MIDDLE], floats[_SLOW])
    agrees = spoken == now
    bars = where(spoken == before, ints[CANDIDATE_BARS] + 1, 1)
    turns = (bars >= CONFIRMATION) & (spoken != now)
    ints[CANDIDATE] = where(agrees, before, spoken)
    ints[CANDIDATE_BARS] = where(agrees | turns, 0, bars)
    ints[REGIME] = where(turns, spoken, now)


@kernel
def _write_slope(floats: np.ndarray, ints: np.ndarray, last: int, out: np.ndarray) -> None:
    """Fit a line to the logarithm of the last closes, and say what it is worth."""
    first, middle = last - SLOPE_BARS + 1, 0.5 * (SLOPE_BARS - 1)
    start, total = floats[LOG_CLOSE_RING + first], 0.0
    for k in range(SLOPE_BARS):
        total += floats[LOG_CLOSE_RING + first + k] - start
    centre, along, squares = total / SLOPE_BARS, 0.0, 0.0
    for k in range(SLOPE_BARS):
        rise = floats[LOG_CLOSE_RING + first + k] - start - centre
        along += (k - middle) * rise
        squares += rise * rise
    slope, agreeing = along / _SPREAD, 0
    for k in range(SLOPE_BARS):
        agreeing += floats[RETURN_RING + first + k] * slope > 0.0
    fit = ratio(along * along, _SPREAD * squares, 0.0)
    out[_SLOPE] = ratio(slope * fit, floats[_SLOPE_SIGMA], 0.0)
    out[_CONSISTENCY] = agreeing / SLOPE_BARS
    trending = (abs(out[_SLOPE]) > SLOPE) & (out[_CONSISTENCY] >= CONSISTENCY)
    out[_SLOPE_TREND] = where(trending, math.copysign(1.0, slope), 0.0)


@kernel
def _range_score(floats: np.ndarray, ints: np.ndarray, last: int) -> float:
    """Return how much the closes keep to the middle of their range while they touch its ends, 0 to 1."""
    first = last - RANGE_BARS + 1
    low = int(floats[LOWEST + _RANGE_PLACE])
    height = int(floats[HIGHEST + _RANGE_PLACE]) - low
    inside, touches = 0, 0
    for k in range(RANGE_BARS):
        above = ints[CLOSE_RING + first + k] - low
        inside += (height <= INNER * above) & (INNER * above <= (INNER - 1) * height)
        touches += (EDGE * above <= height) | (EDGE * above >= (EDGE - 1) * height)
    return where(height == 0, 0.5, 0.5 * inside / RANGE_BARS + 0.5 * min(touches / TOUCHES, 1.0))
