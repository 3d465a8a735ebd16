"""What the event patterns need to remember, and what they found at the last decision.

Nearly all is asked of the feature state, whatever columns a model sees. Only the last trades with their times, and
since when the best prices stand, are kept here.
"""

import math
from typing import NamedTuple

import numpy as np

from features.bars import newest
from features.catalogue import index_of
from features.layout import (
    ASK,
    BID,
    CLOSE,
    DELTA_RING,
    EVENT_FEED,
    HIGH,
    HIGH_FIELD,
    LAST_BAR,
    LOW,
    LOW_FIELD,
    NOW_NS,
    OPEN,
    SECOND,
    SUM_DELTA,
    SUM_VOLUME,
    TOTAL_TRADES,
    TOTAL_VOLUME,
)
from features.seconds import recorded, window_sum
from features.state import FeatureState
from features.statistics import summed, summed_deviation
from market.kernel import kernel
from market.types import Kind
from trading.patterns import (
    PATTERNS,
    PRICE,
    QUANTITY,
    SIDE,
    TRADE_WIDTH,
    TS,
    UNKNOWN,
    Found,
    Pattern,
    find_absorption,
    find_absorption_reversal,
    find_acceleration,
    find_delta_divergence,
    find_exhaustion,
    find_extreme_delta,
    find_iceberg,
    find_initiative,
    find_shape,
    find_slope_divergence,
    find_sweep,
    find_tape_momentum,
)
from trading.usual import Usual, usual_delta

RECENT = 20  # trades kept
EVALUATED, BUYS, SELLS = range(3)  # columns of the hits
SIGN, CONFIDENCE = range(2)  # columns of what was found
_BID, _BID_SINCE, _ASK, _ASK_SINCE = range(4)
_HALF = 15  # seconds of each half of an exhaustion
_DELTA_BARS, _DELTA_DEVIATION = 10, 50
_ROOT = math.sqrt(_DELTA_BARS)  # bars apart from each other: the deviation of a sum grows by its root

_TRADE = int(Kind.TRADE)
_ABSORPTION, _CUMULATIVE = index_of("absorption"), index_of("cumulative_signed_volume")
_HIDDEN_BID, _HIDDEN_ASK = index_of("hidden_bid"), index_of("hidden_ask")
_VELOCITY, _FLOW_5, _FLOW_10 = index_of("trade_velocity"), index_of("trade_flow_5"), index_of("trade_flow_10")
_MOVE, _MOVE_SIGMA = index_of("returns_10"), index_of("volatility_50")
_DELTA, _DELTA_Z = index_of("bar_delta"), index_of("delta_z")
_P_SHAPE, _B_SHAPE = index_of("p_shape"), index_of("b_shape")
_SHORT, _MEDIUM = index_of("tape_slope_10"), index_of("tape_slope_60")


class PatternState(NamedTuple):
    """The memory of the patterns.

    Attributes
    ----------
    recent : ndarray of int64, shape (2·RECENT, 4)
        Time, price, quantity and aggressor of the last trades; each is written twice, so that the last n are a slice.
    best : ndarray of int64, shape (4,)
        Best bid and since when it stands, best ask and since when.
    seen : ndarray of int64, length 1
        Trades of the session so far.
    found : ndarray of float64, shape (PATTERNS, 2)
        Sign and confidence of each pattern at the last decision; NaN where unknown.
    hits : ndarray of int64, shape (PATTERNS, 3)
        Decisions of the session at which the pattern was known, those it spoke for buying at, and for selling.
    """

    recent: np.ndarray
    best: np.ndarray
    seen: np.ndarray
    found: np.ndarray
    hits: np.ndarray


def new_patterns() -> PatternState:
    """Return the memory before any event."""
    return PatternState(
        recent=np.zeros((2 * RECENT, TRADE_WIDTH), dtype=np.int64),
        best=np.zeros(4, dtype=np.int64),
        seen=np.zeros(1, dtype=np.int64),
        found=np.full((PATTERNS, 2), math.nan),
        hits=np.zeros((PATTERNS, 3), dtype=np.int64),
    )


@kernel
def begin_patterns(patterns: PatternState) -> None:
    """Start a session: nothing seen, nothing counted."""
    patterns.best[:] = 0
    patterns.seen[0] = 0
    patterns.found[:] = math.nan
    patterns.hits[:] = 0


@kernel
def watch_event(patterns: PatternState, ints: np.ndarray, event: np.void) -> None:
    """Remember an event that the features have just taken; `ints` are theirs."""
    best = patterns.best
    if ints[BID] != best[_BID]:
        best[_BID], best[_BID_SINCE] = ints[BID], ints[NOW_NS]
    if ints[ASK] != best[_ASK]:
        best[_ASK], best[_ASK_SINCE] = ints[ASK], ints[NOW_NS]
    if event["kind"] != _TRADE or ints[TOTAL_TRADES] == patterns.seen[0]:
        return
    at = patterns.seen[0] % RECENT
    for copy in (at, at + RECENT):
        trade = patterns.recent[copy]
        trade[TS], trade[PRICE] = ints[NOW_NS], event["price"]
        trade[QUANTITY], trade[SIDE] = event["quantity"], event["side"]
    patterns.seen[0] += 1


@kernel
def recent_trades(patterns: PatternState) -> tuple[int, int]:
    """Return where among `recent` the last trades begin and end, oldest first, at most RECENT."""
    seen = patterns.seen[0]
    end = (seen - 1) % RECENT + RECENT + 1
    return end - min(seen, RECENT), end


@kernel
def find_patterns(patterns: PatternState, state: FeatureState, usual: Usual) -> None:
    """Look for every pattern at a decision, after the features' snapshot, and count what is found."""
    ints, out = state.ints, state.scratch
    opening, close = ints[LAST_BAR + OPEN], ints[LAST_BAR + CLOSE]
    height = ints[LAST_BAR + HIGH] - ints[LAST_BAR + LOW]
    flow = 0.6 * out[_FLOW_5] + 0.4 * out[_FLOW_10]
    move_sigma = out[_MOVE_SIGMA] * _ROOT
    delta, delta_sigma = _ten_bar_delta(ints, out[_DELTA])
    first, end = recent_trades(patterns)
    trades = patterns.recent[first:end]
    _record(patterns, _SWEEP, find_sweep(trades, ints[NOW_NS]) if ints[EVENT_FEED] == 1 else UNKNOWN)
    _record(patterns, _ICEBERG, _iceberg(patterns, ints, out[_HIDDEN_BID], out[_HIDDEN_ASK]))
    _record(patterns, _ABSORBED, find_absorption(out[_ABSORPTION]))
    _record(patterns, _EXHAUSTION, _exhaustion(ints))
    _record(patterns, _DIVERGENCE, find_delta_divergence(out[_MOVE], move_sigma, delta, delta_sigma))
    _record(patterns, _EXTREME, find_extreme_delta(out[_CUMULATIVE], usual_delta(usual, ints[NOW_NS])))
    _record(patterns, _ACCELERATION, find_acceleration(out[_VELOCITY], flow))
    _record(patterns, _MOMENTUM, find_tape_momentum(trades))
    _record(patterns, _INITIATIVE, find_initiative(out[_DELTA_Z], close - opening))
    _record(patterns, _REVERSAL, find_absorption_reversal(out[_DELTA_Z], out[_DELTA], height))
    _record(patterns, _P, find_shape(out[_P_SHAPE], -1.0))
    _record(patterns, _B, find_shape(out[_B_SHAPE], 1.0))
    slopes = find_slope_divergence(out[_SHORT], out[_MEDIUM], usual.levels[0], usual.levels[1])
    _record(patterns, _SLOPES, slopes)


(
    _SWEEP, _ICEBERG, _ABSORBED, _EXHAUSTION, _DIVERGENCE, _EXTREME, _ACCELERATION, _MOMENTUM, _INITIATIVE, _REVERSAL,
    _P, _B, _SLOPES,
) = (int(pattern) for pattern in Pattern)  # fmt: skip


@kernel
def _record(patterns: PatternState, place: int, found: Found) -> None:
    """Write what was found and count it."""
    patterns.found[place, SIGN], patterns.found[place, CONFIDENCE] = found
    if math.isnan(found[0]):
        return
    patterns.hits[place, EVALUATED] += 1
    patterns.hits[place, BUYS] += found[0] > 0.0
    patterns.hits[place, SELLS] += found[0] < 0.0


@kernel
def _iceberg(patterns: PatternState, ints: np.ndarray, hidden_bid: float, hidden_ask: float) -> Found:
    best, now = patterns.best, ints[NOW_NS]
    bid_stands = now - best[_BID_SINCE] if best[_BID] > 0 else -1
    ask_stands = now - best[_ASK_SINCE] if best[_ASK] > 0 else -1
    return find_iceberg(hidden_bid, hidden_ask, bid_stands, ask_stands)


@kernel
def _exhaustion(ints: np.ndarray) -> Found:
    """Ask for exhaustion by whole seconds, as the tape's columns do; unknown in a session's first half minute."""
    second = ints[SECOND]
    if ints[EVENT_FEED] == 0 or second < 2 * _HALF:
        return UNKNOWN
    volume, trades = window_sum(ints, TOTAL_VOLUME, _HALF), window_sum(ints, TOTAL_TRADES, _HALF)
    volume_before = window_sum(ints, TOTAL_VOLUME, 2 * _HALF) - volume
    trades_before = window_sum(ints, TOTAL_TRADES, 2 * _HALF) - trades
    return find_exhaustion(volume, volume_before, trades, trades_before, _run(ints, second - 2 * _HALF))


@kernel
def _run(ints: np.ndarray, start: int) -> int:
    """Return the range of the trades of 15 seconds after a second, negative where the low came last, 0 if at once."""
    high, low, high_at, low_at = 0, 0, 0, 0
    for second in range(start + 1, start + 1 + _HALF):
        top, bottom = recorded(ints, HIGH_FIELD, second), recorded(ints, LOW_FIELD, second)
        if bottom == 0:
            continue
        if top >= high:
            high, high_at = top, second
        if low == 0 or bottom <= low:
            low, low_at = bottom, second
    if high_at == low_at:
        return 0
    return int(high - low) if high_at > low_at else int(low - high)


@kernel
def _ten_bar_delta(ints: np.ndarray, known: float) -> tuple[float, float]:
    """Return the delta of ten bars and the deviation of such a sum, NaN where the last bar's delta is unknown."""
    if math.isnan(known):
        return math.nan, math.nan
    bound = summed(ints, SUM_VOLUME, _DELTA_DEVIATION, 0)
    sigma = summed_deviation(ints, SUM_DELTA, _DELTA_DEVIATION, 0, bound, DELTA_RING + newest(ints))
    return float(summed(ints, SUM_DELTA, _DELTA_BARS, 0)), sigma * _ROOT
