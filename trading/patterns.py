"""Event patterns (signals.md §5): pure functions from what the market did to a sign and a confidence.

Each returns the side it speaks for, 1 or -1, and its confidence in [0, 1]; `NOTHING` where it is not there, and
`UNKNOWN` (NaN) where what it asks about is not known. A pattern is neither good nor bad news by itself: what an agent
makes of it stands in `trading.agents`. Prices and distances are ticks.
"""

import math
from enum import IntEnum

import numpy as np

from market.kernel import kernel


class Pattern(IntEnum):
    """Place of each pattern in what was found, in its hits, and its bit in a decision."""

    SWEEP = 0
    ICEBERG = 1
    ABSORPTION = 2
    EXHAUSTION = 3
    DELTA_DIVERGENCE = 4
    EXTREME_DELTA = 5  # a warning: no agent votes by it
    ACCELERATION = 6
    TAPE_MOMENTUM = 7
    INITIATIVE = 8
    ABSORPTION_REVERSAL = 9
    P_SHAPE = 10
    B_SHAPE = 11
    SLOPE_DIVERGENCE = 12


PATTERNS = len(Pattern)
Found = tuple[float, float]
NOTHING = (0.0, 0.0)
UNKNOWN = (math.nan, math.nan)

SWEEP_NS = 1_000_000_000
SWEEP_FRESH_NS = 10_000_000_000
SWEEP_LEVELS, SWEEP_FULL = 3, 5
ICEBERG_HIDDEN, ICEBERG_FULL = 2.0, 4.0
ICEBERG_STANDS_NS = 5_000_000_000
ABSORPTION_CONFIDENCE = 0.7
EXHAUSTION_FADE, EXHAUSTION_RUN, EXHAUSTION_CONFIDENCE = 0.5, 3, 0.6
DIVERGENCE_CONFIDENCE = 0.6
VELOCITY, VELOCITY_FULL = 2.0, 5.0
MOMENTUM_TRADES, MOMENTUM_SHARE = 15, 0.7
DELTA_Z, INITIATIVE_TICKS, REVERSAL_RANGE = 2.0, 3, 2
INITIATIVE_CONFIDENCE, REVERSAL_CONFIDENCE, SHAPE_CONFIDENCE = 0.65, 0.70, 0.65
SLOPE_CONFIDENCE = 0.7

TS, PRICE, QUANTITY, SIDE = range(4)  # columns of a trade
TRADE_WIDTH = 4


@kernel
def sign(value: float) -> float:
    """Return -1, 0 or 1; 0 for NaN."""
    if value > 0.0:
        return 1.0
    return -1.0 if value < 0.0 else 0.0


@kernel
def find_sweep(trades: np.ndarray, now_ns: int) -> Found:
    """Find the aggressors of one side that within a second took three ticks or three levels.

    Parameters
    ----------
    trades : ndarray of int64, shape (n, 4)
        The last trades, oldest first: time, price, quantity, aggressor. Another aggressor, or an unknown one, ends a
        run. The levels taken are the prices that each went beyond all before it, or the ticks between first and last.
    now_ns : int
        A sweep that ended more than ten seconds before is over.
    """
    most, side = 0, 0
    count = trades.shape[0]
    for first in range(count):
        aggressor, start = trades[first, SIDE], trades[first, PRICE]
        if aggressor == 0:
            continue
        levels, reach = 1, 0
        for k in range(first, count):
            if trades[k, SIDE] != aggressor or trades[k, TS] - trades[first, TS] > SWEEP_NS:
                break
            ahead = aggressor * (trades[k, PRICE] - start)
            if ahead > reach:
                levels, reach = levels + 1, ahead
            taken = max(levels, reach)
            if now_ns - trades[k, TS] <= SWEEP_FRESH_NS and taken >= max(most, SWEEP_LEVELS):
                most, side = taken, aggressor
    return (float(side), min(1.0, most / SWEEP_FULL)) if most > 0 else NOTHING


@kernel
def find_iceberg(hidden_bid: float, hidden_ask: float, bid_stands_ns: int, ask_stands_ns: int) -> Found:
    """Find more lots traded at a best price that has stood for five seconds than it ever showed.

    Parameters
    ----------
    hidden_bid, hidden_ask : float
        In mean best sizes.
    bid_stands_ns, ask_stands_ns : int
        How long the best price has stood; negative where the side is empty.
    """
    if math.isnan(hidden_bid) or math.isnan(hidden_ask):
        return UNKNOWN
    bid = hidden_bid if bid_stands_ns >= ICEBERG_STANDS_NS else 0.0
    ask = hidden_ask if ask_stands_ns >= ICEBERG_STANDS_NS else 0.0
    hidden = max(bid, ask)
    if hidden < ICEBERG_HIDDEN or bid == ask:
        return NOTHING
    return (1.0 if bid > ask else -1.0), min(1.0, hidden / ICEBERG_FULL)


@kernel
def find_absorption(absorption: float) -> Found:
    """Take the column of that name: -1 where buyers, 1 where sellers were absorbed."""
    if math.isnan(absorption):
        return UNKNOWN
    return (sign(absorption), ABSORPTION_CONFIDENCE) if absorption != 0.0 else NOTHING


@kernel
def find_exhaustion(volume: int, volume_before: int, trades: int, trades_before: int, run: int) -> Found:
    """Find a run whose volume and trades have both fallen below half.

    Parameters
    ----------
    volume, trades : int
        Of the last 15 seconds.
    volume_before, trades_before : int
        Of the 15 seconds before.
    run : int
        Signed range of those: its high less its low, positive where the high came last.
    """
    faded = volume < EXHAUSTION_FADE * volume_before and trades < EXHAUSTION_FADE * trades_before
    if not faded or abs(run) < EXHAUSTION_RUN:
        return NOTHING
    return -sign(run), EXHAUSTION_CONFIDENCE


@kernel
def find_delta_divergence(move: float, move_sigma: float, delta: float, delta_sigma: float) -> Found:
    """Find price and delta of ten bars on opposite sides, each beyond its deviation."""
    if not math.isfinite(move + move_sigma + delta + delta_sigma):
        return UNKNOWN
    if abs(move) <= move_sigma or abs(delta) <= delta_sigma or sign(move) == sign(delta):
        return NOTHING
    return sign(delta), DIVERGENCE_CONFIDENCE


@kernel
def find_extreme_delta(cumulative: float, usual: float) -> Found:
    """Find a session's share of signed volume beyond what is usual at this minute; its confidence is 0: no vote."""
    if not math.isfinite(cumulative + usual):
        return UNKNOWN
    return (sign(cumulative), 0.0) if abs(cumulative) > usual else NOTHING


@kernel
def find_acceleration(velocity: float, flow: float) -> Found:
    """Find trades coming more than twice as fast as over five minutes, on the side of the flow."""
    if not math.isfinite(velocity + flow):
        return UNKNOWN
    if velocity <= VELOCITY or flow == 0.0:
        return NOTHING
    return sign(flow), min(1.0, velocity / VELOCITY_FULL)


@kernel
def find_tape_momentum(trades: np.ndarray) -> Found:
    """Find seven of ten price steps of the last 15 trades going one way, and more aggressors of that side.

    Trades at the price before are no step. At least half of the 14 must be steps: the share of fewer says nothing.
    """
    count = trades.shape[0]
    if count < MOMENTUM_TRADES:
        return UNKNOWN
    up = down = buys = sells = 0
    for k in range(count - MOMENTUM_TRADES, count):
        buys += trades[k, SIDE] > 0
        sells += trades[k, SIDE] < 0
        if k > count - MOMENTUM_TRADES:
            up += trades[k, PRICE] > trades[k - 1, PRICE]
            down += trades[k, PRICE] < trades[k - 1, PRICE]
    steps = up + down
    if 2 * steps < MOMENTUM_TRADES - 1 or max(up, down) < MOMENTUM_SHARE * steps:
        return NOTHING
    if (up > down and buys > sells) or (down > up and sells > buys):
        return (1.0 if up > down else -1.0), max(up, down) / steps
    return NOTHING


@kernel
def find_initiative(delta_z: float, rise: int) -> Found:
    """Find a bar of unusual delta that moved three ticks its way; `rise` is close less open."""
    if math.isnan(delta_z):
        return UNKNOWN
    if abs(delta_z) > DELTA_Z and sign(delta_z) * rise >= INITIATIVE_TICKS:
        return sign(delta_z), INITIATIVE_CONFIDENCE
    return NOTHING


@kernel
def find_absorption_reversal(delta_z: float, delta: float, height: int) -> Found:
    """Find a bar of unusual delta no more than two ticks high; `height` is high less low."""
    if math.isnan(delta_z) or math.isnan(delta):
        return UNKNOWN
    if abs(delta_z) > DELTA_Z and height <= REVERSAL_RANGE and delta != 0.0:
        return -sign(delta), REVERSAL_CONFIDENCE
    return NOTHING


@kernel
def find_shape(flag: float, side: float) -> Found:
    """Take the column of a shape: volume at a bar's top (P: buyers end, side -1), or at its bottom (b: side 1)."""
    if math.isnan(flag):
        return UNKNOWN
    return (side, SHAPE_CONFIDENCE) if flag > 0.0 else NOTHING


@kernel
def find_slope_divergence(short: float, medium: float, short_usual: float, medium_usual: float) -> Found:
    """Find the slopes of 10 and 60 trades opposite and each beyond its 80th percentile; the side is the short one's."""
    if not math.isfinite(short + medium + short_usual + medium_usual):
        return UNKNOWN
    if abs(short) <= short_usual or abs(medium) <= medium_usual or sign(short) == sign(medium):
        return NOTHING
    return sign(short), SLOPE_CONFIDENCE
