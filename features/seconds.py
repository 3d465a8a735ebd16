"""Sliding time windows: the session's totals remembered at every whole second since the open.

A second s is recorded before the first event at or after s, as bars are cut, so a total stands there for what lies
before s. A window of τ seconds is the difference between a total now and the one τ seconds before the end of the
second in progress. At a CLOCK of s the second before s is in progress still: the window is [s − τ, s) to the
nanosecond. At any other event it holds the second of the event so far and the τ − 1 before. Everything is integer, so
there is no drift, and memory does not grow with the trade rate.
"""

import math

import numpy as np

from features.layout import (
    DEPTH_FIELD,
    FLOW_FAMILY,
    FLOW_SQUARES,
    FLOW_SUM,
    HIGH_FIELD,
    LOW_FIELD,
    NEXT_SECOND_NS,
    SAMPLES,
    SECOND,
    SECOND_HIGH,
    SECOND_LOW,
    SECOND_NS,
    SECOND_RING,
    SECOND_WIDTH,
    SECONDS,
    SESSION_CLOSE_NS,
    SPREAD_FIELD,
    SPREAD_SAMPLES,
    SPREAD_SQUARES,
    SPREAD_SUM,
    TOTAL_COUNT,
    TOTAL_SIGNED,
    TOTALS,
)
from features.levels import visible_lots
from features.quotes import spread_at
from market.kernel import kernel


@kernel
def advance_seconds(ints: np.ndarray, now_ns: int) -> None:
    """Record every whole second of the session before `now_ns`."""
    until = min(now_ns, ints[SESSION_CLOSE_NS] + 1)
    while ints[NEXT_SECOND_NS] < until:
        record_second(ints)


@kernel
def record_second(ints: np.ndarray) -> None:
    """Remember the totals and what the second left; take the one-second samples of flow and spread."""
    second = ints[SECOND]
    at = SECOND_RING + (second & (SECONDS - 1)) * SECOND_WIDTH
    for field in range(TOTAL_COUNT):
        ints[at + field] = ints[TOTALS + field]
    for i in range(FLOW_FAMILY.shape[0]):
        new = _flow_at(ints, second, FLOW_FAMILY[i, 0])
        old = _flow_at(ints, second - SAMPLES, FLOW_FAMILY[i, 0])
        ints[FLOW_SUM + i] += new - old
        ints[FLOW_SQUARES + i] += new * new - old * old
    new = spread_at(ints, ints[NEXT_SECOND_NS])
    old = recorded(ints, SPREAD_FIELD, second - SAMPLES)
    ints[at + SPREAD_FIELD] = new
    ints[SPREAD_SUM] += new - old
    ints[SPREAD_SQUARES] += new * new - old * old
    ints[SPREAD_SAMPLES] += (new > 0) - (old > 0)
    ints[at + DEPTH_FIELD] = visible_lots(ints)
    ints[at + HIGH_FIELD], ints[at + LOW_FIELD] = ints[SECOND_HIGH], ints[SECOND_LOW]
    ints[SECOND_HIGH] = ints[SECOND_LOW] = 0
    ints[SECOND] = second + 1
    ints[NEXT_SECOND_NS] += SECOND_NS


@kernel
def recorded(ints: np.ndarray, field: int, second: int) -> int:
    """Return a field as it stood before the events of a whole second; 0 before the open."""
    if second < 0:
        return 0
    return int(ints[SECOND_RING + (second & (SECONDS - 1)) * SECOND_WIDTH + field])


@kernel
def window_sum(ints: np.ndarray, total: int, seconds: int) -> int:
    """Return how much a total grew in the second in progress and the `seconds` − 1 before it."""
    return int(ints[total]) - recorded(ints, total - TOTALS, ints[SECOND] - seconds)


@kernel
def z_of_sums(value: float, total: int, squares: int, count: int) -> float:
    """Return the z-score of a value against `count` integers of known sum and sum of squares; 0 if all were equal."""
    centre = total / count
    variance = squares / count - centre * centre
    if count * squares == total * total or variance <= 0.0:
        return 0.0
    return (value - centre) / math.sqrt(variance)


@kernel
def _flow_at(ints: np.ndarray, second: int, seconds: int) -> int:
    """Return Σ a·q over the `seconds` seconds before a recorded whole second."""
    field = TOTAL_SIGNED - TOTALS
    return recorded(ints, field, second) - recorded(ints, field, second - seconds)
