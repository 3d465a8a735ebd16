"""Statistics over contiguous windows of a flat array (signals.md §0: population)."""

import math

import numpy as np

from market.kernel import kernel
from market.lanes import where


@kernel
def mean(values: np.ndarray, start: int, n: int) -> float:
    """Return the mean of `n` values from `start`."""
    even = odd = 0.0  # side by side: one sum alone waits for itself
    for i in range(start, start + n - 1, 2):
        even += values[i]
        odd += values[i + 1]
    return (even + odd + (values[start + n - 1] if n & 1 else 0.0)) / n


@kernel
def deviation(values: np.ndarray, start: int, n: int) -> float:
    """Return the population standard deviation of `n` values from `start`; exactly 0 when all are equal."""
    first = values[start]
    total = 0.0
    for i in range(start, start + n):
        total += values[i] - first
    centre = total / n
    squares = 0.0
    for i in range(start, start + n):
        distance = (values[i] - first) - centre
        squares += distance * distance
    return math.sqrt(squares / n)


@kernel
def ratio(numerator: float, denominator: float, zero: float) -> float:
    """Return the quotient, or `zero` when the denominator is 0."""
    return where(denominator != 0.0, numerator / denominator, zero)


@kernel
def clip(value: float, bound: float) -> float:
    """Return the value held within ±bound; NaN stays NaN."""
    return where(value == value, min(max(value, -bound), bound), value)
