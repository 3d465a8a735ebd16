"""The last prints: their slope, who was the aggressor, and what the other side absorbed (signals.md §1 A6, §4, §5)."""

import numpy as np

from features.catalogue import family, index_of
from features.layout import (
    HIGH_FIELD,
    LOW_FIELD,
    PRINT_RING,
    PRINTS,
    SECOND,
    SECOND_HIGH,
    SECOND_LOW,
    TOTAL_KNOWN,
    TOTAL_SIGNED,
    TOTAL_TRADES,
)
from features.seconds import recorded, window_sum
from features.windows import ratio
from market.kernel import kernel

_SLOPE = family("tape_slope_{}")
_AGGRESSOR, _ABSORPTION = index_of("is_buyer_aggressor"), index_of("absorption")
_AGGRESSOR_TRADES = 20
_SHORT, _LONG = 10, 300  # seconds


@kernel
def take_print(ints: np.ndarray, price: int, side: int) -> None:
    """Remember a trade that was just counted."""
    at = PRINT_RING + 2 * (ints[TOTAL_TRADES] & (PRINTS - 1))
    ints[at], ints[at + 1] = price, side
    ints[SECOND_HIGH] = max(ints[SECOND_HIGH], price)
    ints[SECOND_LOW] = min(ints[SECOND_LOW], price) if ints[SECOND_LOW] > 0 else price


@kernel
def measure_prints(ints: np.ndarray, out: np.ndarray) -> None:
    """Write the columns of the last prints."""
    for i in range(_SLOPE.shape[0]):
        out[_SLOPE[i, 1]] = _slope(ints, _SLOPE[i, 0])
    buys = sells = 0
    for back in range(_AGGRESSOR_TRADES):
        side = ints[PRINT_RING + 2 * ((ints[TOTAL_TRADES] - back) & (PRINTS - 1)) + 1]
        buys += side > 0
        sells += side < 0
    out[_AGGRESSOR] = ratio(buys, buys + sells, 0.5)
    out[_ABSORPTION] = _absorption(ints)


@kernel
def _slope(ints: np.ndarray, n: int) -> float:
    """Return the least-squares slope of the last `n` prices; sums of integers, so exact until the division."""
    total = weighted = 0
    for k in range(n):
        price = ints[PRINT_RING + 2 * ((ints[TOTAL_TRADES] - n + 1 + k) & (PRINTS - 1))]
        total += price
        weighted += k * price
    return (12 * weighted - 6 * (n - 1) * total) / (n * (n * n - 1))


@kernel
def _absorption(ints: np.ndarray) -> float:
    """Return −1 where buyers, 1 where sellers traded much and moved nothing, 0 else."""
    if _price_range(ints) > 1:
        return 0.0
    known, signed = window_sum(ints, TOTAL_KNOWN, _SHORT), window_sum(ints, TOTAL_SIGNED, _SHORT)
    known_long, signed_long = window_sum(ints, TOTAL_KNOWN, _LONG), window_sum(ints, TOTAL_SIGNED, _LONG)
    # Twice the bought lots are known + signed; "at least 1.5 times the mean of 10 s" in integers.
    ratio_of_spans = _LONG // _SHORT
    bought = known + signed > 0 and 2 * ratio_of_spans * (known + signed) >= 3 * (known_long + signed_long)
    sold = known - signed > 0 and 2 * ratio_of_spans * (known - signed) >= 3 * (known_long - signed_long)
    return float(int(sold) - int(bought))


@kernel
def _price_range(ints: np.ndarray) -> int:
    """Return highest less lowest price of the trades of the last 10 s, 0 without trades."""
    high, low = ints[SECOND_HIGH], ints[SECOND_LOW]
    for second in range(ints[SECOND] - _SHORT + 1, ints[SECOND]):
        top, bottom = recorded(ints, HIGH_FIELD, second), recorded(ints, LOW_FIELD, second)
        if bottom > 0:
            high = max(high, top)
            low = min(low, bottom) if low > 0 else bottom
    return int(high - low)
