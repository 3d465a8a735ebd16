"""Where the policy lets a regime be entered (signals.md §9): near EMA9 in a trend, at the ends of a range.

Prices and distances are ticks.
"""

import math

import numpy as np

from features.bars import newest
from features.catalogue import index_of
from features.layout import BARS_SEEN, CLOSE, HIGH_RING, LAST_BAR, LOW_RING
from features.state import FeatureState
from market.kernel import kernel

LEVEL_BARS = 50  # in which extremes are looked for
SIDE_BARS = 10  # on both sides of an extreme, so that it is known only so many bars later
NEAR = 0.002  # of a level: what belongs to it, what is near it, and how far beyond it the stop lies
STEEP = 0.0005  # mean return of 20 bars against which no level is entered
NO_LEVEL = 0
_SLOPE_BARS = 20
_EMA, _RETURN = index_of("ema9_distance"), index_of("returns_20")


@kernel
def near_average(state: FeatureState, side: int, beyond_atr: float) -> bool:
    """Tell whether the close lies no further beyond EMA9, on the side of the trade, than so many ATR14."""
    return bool(side * state.scratch[_EMA] <= beyond_atr)


@kernel
def range_distances(state: FeatureState, side: int, least_reward: float) -> tuple[int, int]:
    """Return stop and target of an entry at a level of a range, (0, 0) where there is none to enter at.

    A buy needs a support within 0.2 % of the close and no steep fall, a sale a resistance and no steep rise. The stop
    lies 0.2 % beyond the level. The target is as far as the stop, or as the least reward asks, and never beyond the
    opposite level: where that one is nearer than the least reward, the range is too narrow to be entered.

    Parameters
    ----------
    state : FeatureState
    side : int
    least_reward : float
        Target over stop that the limits ask for.
    """
    ints, close = state.ints, int(state.ints[LAST_BAR + CLOSE])
    if ints[BARS_SEEN] < LEVEL_BARS or not side * state.scratch[_RETURN] / _SLOPE_BARS > -STEEP:
        return 0, 0
    level = find_level(ints, -side, close)
    if level == NO_LEVEL or abs(close - level) > NEAR * close:
        return 0, 0
    stop = side * (close - level) + math.ceil(NEAR * level)
    opposite = find_level(ints, side, close)
    least = max(1, math.ceil(least_reward * stop))
    target = max(stop, least)
    if opposite != NO_LEVEL:
        target = min(target, side * (opposite - close))
    return (int(stop), int(target)) if target >= least else (0, 0)


@kernel
def find_level(ints: np.ndarray, side: int, close: int) -> int:
    """Return the nearest level above (side 1) or below (-1) the close, NO_LEVEL where there is none.

    A level is the mean of the extremes within 0.2 % of the one nearest the close; halves are rounded towards it.
    """
    nearest = NO_LEVEL
    for ago in range(SIDE_BARS, LEVEL_BARS - SIDE_BARS):
        extreme = extreme_at(ints, side, ago)
        if extreme == NO_LEVEL or side * (extreme - close) < 0:
            continue
        if nearest == NO_LEVEL or side * (nearest - extreme) > 0:
            nearest = extreme
    if nearest == NO_LEVEL:
        return NO_LEVEL
    away = count = 0
    for ago in range(SIDE_BARS, LEVEL_BARS - SIDE_BARS):
        extreme = extreme_at(ints, side, ago)
        if extreme != NO_LEVEL and 0 <= side * (extreme - nearest) <= NEAR * nearest:
            away += side * (extreme - nearest)
            count += 1
    # Rounding down what lies beyond the nearest one rounds the level towards the close on both sides.
    return int(nearest + side * (away // count))


@kernel
def extreme_at(ints: np.ndarray, side: int, ago: int) -> int:
    """Return the high (side 1) or low (-1) of a bar that none of the ten on either side goes beyond, else NO_LEVEL."""
    ring = HIGH_RING if side > 0 else LOW_RING
    at = ring + newest(ints) - ago
    price = ints[at]
    for k in range(at - SIDE_BARS, at + SIDE_BARS + 1):
        if side * (ints[k] - price) > 0:
            return NO_LEVEL
    return int(price)
