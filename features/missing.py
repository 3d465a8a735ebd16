"""What is missing: columns that are not warm yet, that no aggressor vouches for, that reach into a lost feed."""

import math

import numpy as np

from features.catalogue import Unknown, Warm, unknown_table, warm_table
from features.layout import (
    BARS_SEEN,
    LOST_NS,
    NOW_NS,
    SECOND,
    SECOND_NS,
    SESSION_OPEN_NS,
    TOTAL_KNOWN,
    TOTAL_TRADES,
)
from market.kernel import kernel
from market.lanes import every, uniform, where

_COLD_BARS, _COLD_TRADES, _COLD_SECONDS = warm_table(Warm.BARS), warm_table(Warm.TRADES), warm_table(Warm.SECONDS)
_WARM_BARS = int(_COLD_BARS[:, 1].max())
_TOLD_BY_BARS = unknown_table(Unknown.AGGRESSOR, frozenset({Warm.BARS}))
_TOLD_BY_TAPE = unknown_table(Unknown.AGGRESSOR, frozenset({Warm.TRADES, Warm.SECONDS}))
_OF_TIME = unknown_table(Unknown.LOSS, frozenset({Warm.SECONDS}))


@kernel
def mask_bars(ints: np.ndarray, out: np.ndarray) -> None:
    """Set to NaN what a closed bar cannot tell yet (after every bar feature is written)."""
    if uniform(ints, BARS_SEEN) < _WARM_BARS:
        _mask_cold(out, _COLD_BARS, uniform(ints, BARS_SEEN))
    _mask(out, _TOLD_BY_BARS, ints[TOTAL_KNOWN] != 0)


@kernel
def mask_events(ints: np.ndarray, out: np.ndarray) -> None:
    """Set to NaN what tape and book cannot tell yet (after every feature of them is written)."""
    _mask_cold(out, _COLD_TRADES, ints[TOTAL_TRADES])
    _mask_cold(out, _COLD_SECONDS, (ints[NOW_NS] - ints[SESSION_OPEN_NS]) // SECOND_NS)
    _mask(out, _TOLD_BY_TAPE, ints[TOTAL_KNOWN] != 0)
    if ints[LOST_NS] > 0:
        _mask_lost(ints, out)


@kernel
def _mask_cold(out: np.ndarray, warm: np.ndarray, count: int) -> None:
    """Mask the features whose warm-up is longer than `count`."""
    for i in range(warm.shape[0]):
        if count < warm[i, 1]:
            out[warm[i, 0]] = math.nan


@kernel
def _mask(out: np.ndarray, members: np.ndarray, known: bool) -> None:
    """Mask the features that nothing vouches for."""
    if every(known):
        return
    for i in range(members.shape[0]):
        out[members[i, 0]] = where(known, out[members[i, 0]], math.nan)


@kernel
def _mask_lost(ints: np.ndarray, out: np.ndarray) -> None:
    """Mask the windows that begin before the feed was back: what was lost is no quiet market."""
    for i in range(_OF_TIME.shape[0]):
        begins = ints[SESSION_OPEN_NS] + (ints[SECOND] - _OF_TIME[i, 1]) * SECOND_NS
        if begins < ints[LOST_NS]:
            out[_OF_TIME[i, 0]] = math.nan
