"""The market regime by ADX and the order of three EMAs, with hysteresis and confirmation (signals.md §8.1)."""

import numpy as np

from features.layout import ADX, BARS_SEEN, CANDIDATE, CANDIDATE_BARS, EMA, EMA_FAMILY, REGIME
from market.kernel import kernel
from market.types import Regime

ENTER = 25.0  # ADX above which a trend may begin
LEAVE = 22.0  # ADX below which a trend ends
CONFIRMATION = 3  # bars in a row that must agree before the regime changes
WARM_UP = 168  # closed bars

_UNDEFINED, _UP, _DOWN, _RANGE = int(Regime.UNDEFINED), int(Regime.TREND_UP), int(Regime.TREND_DOWN), int(Regime.RANGE)
_LENGTHS = [int(n) for n in EMA_FAMILY[:, 0]]
_FAST, _MIDDLE, _SLOW = EMA + _LENGTHS.index(9), EMA + _LENGTHS.index(20), EMA + _LENGTHS.index(50)


@kernel
def classify(current: int, adx: float, fast: float, middle: float, slow: float) -> int:
    """Return the regime one bar alone speaks for, given the regime in force."""
    in_trend = current in (_UP, _DOWN)
    if adx > ENTER or (in_trend and adx >= LEAVE):
        if fast > middle > slow:
            return _UP
        if fast < middle < slow:
            return _DOWN
        return _UNDEFINED
    return _RANGE if adx < ENTER else _UNDEFINED


@kernel
def update_regime(floats: np.ndarray, ints: np.ndarray) -> None:
    """Move the regime by the last closed bar (to be called after `trend.update_averages`)."""
    if ints[BARS_SEEN] < WARM_UP:
        return
    spoken = classify(ints[REGIME], floats[ADX], floats[_FAST], floats[_MIDDLE], floats[_SLOW])
    if spoken == ints[REGIME]:
        ints[CANDIDATE_BARS] = 0
        return
    ints[CANDIDATE_BARS] = ints[CANDIDATE_BARS] + 1 if spoken == ints[CANDIDATE] else 1
    ints[CANDIDATE] = spoken
    if ints[CANDIDATE_BARS] >= CONFIRMATION:
        ints[REGIME] = spoken
        ints[CANDIDATE_BARS] = 0
