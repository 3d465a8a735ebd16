"""Statistics over contiguous windows of a flat array (signals.md §0: population, two passes)."""

import math

import numpy as np

from market.kernel import kernel


@kernel
def mean(values: np.ndarray, start: int, n: int) -> float:
    """Return the mean of `n` values from `start`."""
    total = 0.0
    for i in range(start, start + n):
        total += values[i]
    return total / n


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
def lowest(values: np.ndarray, start: int, n: int) -> float:
    """Return the least of `n` values from `start`."""
    least = values[start]
    for i in range(start + 1, start + n):
        least = min(least, values[i])
    return float(least)


@kernel
def highest(values: np.ndarray, start: int, n: int) -> float:
    """Return the greatest of `n` values from `start`."""
    greatest = values[start]
    for i in range(start + 1, start + n):
        greatest = max(greatest, values[i])
    return float(greatest)


@kernel
def prior_z(values: np.ndarray, last: int, n: int, zero: float) -> float:
    """Return the z-score of `values[last]` against the `n` values before it; `zero` when those are all equal."""
    scale = deviation(values, last - n, n)
    return (values[last] - mean(values, last - n, n)) / scale if scale > 0.0 else zero


@kernel
def ratio(numerator: float, denominator: float, zero: float) -> float:
    """Return the quotient, or `zero` when the denominator is 0."""
    return numerator / denominator if denominator != 0.0 else zero


@kernel
def clip(value: float, bound: float) -> float:
    """Return the value held within ±bound; NaN stays NaN."""
    return min(max(value, -bound), bound) if value == value else value
