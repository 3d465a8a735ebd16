"""Aggressor volume by price over the session and its last bars (signals.md §4 Volume profile)."""

import math

import numpy as np

from features.catalogue import index_of
from features.layout import (
    BAR_LOWS,
    BAR_TICKS,
    BAR_VOLUMES,
    CLOSE,
    FOOT,
    FOOT_BUYS,
    FOOT_SELLS,
    HIGH,
    LAST_BAR,
    LOW,
    POC,
    PROFILE,
    PROFILE_BARS,
    PROFILE_HIGH,
    PROFILE_LOTS,
    PROFILE_LOW,
    PROFILE_RING,
    SESSION_BARS,
    WINDOW_LOST,
    WINDOW_LOTS,
    WINDOW_RING,
    WINDOW_SQUARES,
)
from features.windows import ratio
from market.kernel import kernel

_POC, _SKEW = index_of("poc_distance"), index_of("volume_profile_skew")
_WIDTH, _POSITION = index_of("value_area_width"), index_of("value_area_position")
_CONCENTRATION = index_of("volume_concentration")
_MASK = PROFILE - 1
_TOO_WIDE = -1


@kernel
def take_profile(ints: np.ndarray, price: int, quantity: int) -> None:
    """Add a trade of a known aggressor to the session's profile."""
    if ints[PROFILE_LOTS] == 0:
        ints[PROFILE_LOW] = ints[PROFILE_HIGH] = ints[POC] = price
    ints[PROFILE_LOTS] += quantity
    ints[PROFILE_LOW] = min(ints[PROFILE_LOW], price)
    ints[PROFILE_HIGH] = max(ints[PROFILE_HIGH], price)
    at = PROFILE_RING + (price & _MASK)
    ints[at] += quantity
    most = ints[PROFILE_RING + (ints[POC] & _MASK)]
    if ints[at] > most or (ints[at] == most and price < ints[POC]):
        ints[POC] = price


@kernel
def update_profile(ints: np.ndarray, out: np.ndarray) -> None:
    """Write the profile group at the close of a bar (before its footprint is cleared)."""
    out[_POC] = out[_SKEW] = out[_WIDTH] = out[_POSITION] = out[_CONCENTRATION] = math.nan
    _append_bar(ints)
    # Beyond the ring's ticks two prices would share a cell.
    if ints[PROFILE_LOTS] == 0 or ints[PROFILE_HIGH] - ints[PROFILE_LOW] >= PROFILE:
        return
    close = ints[LAST_BAR + CLOSE]
    out[_POC] = close - ints[POC]
    below = 0
    for price in range(ints[PROFILE_LOW], ints[POC]):
        below += ints[PROFILE_RING + (price & _MASK)]
    above = ints[PROFILE_LOTS] - below - ints[PROFILE_RING + (ints[POC] & _MASK)]
    out[_SKEW] = (above - below) / ints[PROFILE_LOTS]
    low, high = _value_area(ints, ints[PROFILE_LOTS] - below)
    out[_WIDTH] = high - low + 1
    out[_POSITION] = ratio(close - low, high - low, 0.5)
    if ints[WINDOW_LOST] == 0:
        lots = float(ints[WINDOW_LOTS])
        out[_CONCENTRATION] = ratio(ints[WINDOW_SQUARES], lots * lots, math.nan)


@kernel
def _value_area(ints: np.ndarray, from_poc: int) -> tuple[int, int]:
    """Return the smallest range around the point of control with 70 % of the lots; `from_poc` are those not below."""
    poc, wanted = ints[POC], 7 * ints[PROFILE_LOTS]
    inside, high = from_poc, ints[PROFILE_HIGH]
    best_low, best_high = ints[PROFILE_LOW], ints[PROFILE_HIGH]
    for low in range(poc, ints[PROFILE_LOW] - 1, -1):
        if low < poc:
            inside += ints[PROFILE_RING + (low & _MASK)]
        while high > poc and 10 * (inside - ints[PROFILE_RING + (high & _MASK)]) >= wanted:
            inside -= ints[PROFILE_RING + (high & _MASK)]
            high -= 1
        if 10 * inside >= wanted and high - low <= best_high - best_low:
            best_low, best_high = low, high
    return best_low, best_high


@kernel
def _append_bar(ints: np.ndarray) -> None:
    """Let the last bar into the window of bars, and the oldest out."""
    slot = (ints[SESSION_BARS] - 1) % PROFILE_BARS
    volumes = BAR_VOLUMES + slot * FOOT
    if ints[BAR_TICKS + slot] == _TOO_WIDE:
        ints[WINDOW_LOST] -= 1
    for tick in range(max(ints[BAR_TICKS + slot], 0)):
        _add_to_window(ints, ints[BAR_LOWS + slot] + tick, -ints[volumes + tick])
    low, ticks = ints[LAST_BAR + LOW], ints[LAST_BAR + HIGH] - ints[LAST_BAR + LOW] + 1
    ints[BAR_LOWS + slot], ints[BAR_TICKS + slot] = low, ticks
    if ticks > FOOT:
        ints[BAR_TICKS + slot] = _TOO_WIDE
        ints[WINDOW_LOST] += 1
        return
    for tick in range(ticks):
        cell = (low + tick) & (FOOT - 1)
        ints[volumes + tick] = ints[FOOT_BUYS + cell] + ints[FOOT_SELLS + cell]
        _add_to_window(ints, low + tick, ints[volumes + tick])


@kernel
def _add_to_window(ints: np.ndarray, price: int, lots: int) -> None:
    """Add lots at a price, or take them away where negative; the sum of squares follows exactly."""
    at = WINDOW_RING + (price & _MASK)
    ints[WINDOW_SQUARES] += lots * (2 * ints[at] + lots)
    ints[at] += lots
    ints[WINDOW_LOTS] += lots
