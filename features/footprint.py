"""Aggressor volume by price within the last bar (signals.md §4 footprint)."""

import math

import numpy as np

from features.catalogue import index_of
from features.layout import (
    BUY_VOLUME,
    FOOT,
    FOOT_BUYS,
    FOOT_SELLS,
    HIGH,
    LARGE_SIZE,
    LAST_BAR,
    LOW,
    SELL_VOLUME,
)
from features.windows import ratio
from market.kernel import kernel

_DELTA, _DIAGONAL = index_of("bar_delta"), index_of("diagonal_imbalance")
_STACKED_BUY, _STACKED_SELL = index_of("stacked_buy"), index_of("stacked_sell")
_HIGH, _LOW = index_of("unfinished_high"), index_of("unfinished_low")
_POSITION, _P_SHAPE, _B_SHAPE = index_of("bar_poc_position"), index_of("p_shape"), index_of("b_shape")
_MASK = FOOT - 1
_TIMES = 3  # a price is out of balance where one side took so many times what the other took one tick away


@kernel
def take_footprint(ints: np.ndarray, price: int, quantity: int, side: int) -> None:
    """Add a trade of a known aggressor to the forming bar's footprint."""
    ints[(FOOT_BUYS if side > 0 else FOOT_SELLS) + (price & _MASK)] += quantity


@kernel
def forget_footprint(ints: np.ndarray) -> None:
    """Clear the forming bar's footprint, whatever its range."""
    ints[FOOT_BUYS : FOOT_BUYS + FOOT] = 0
    ints[FOOT_SELLS : FOOT_SELLS + FOOT] = 0


@kernel
def update_footprint(ints: np.ndarray, out: np.ndarray) -> None:
    """Write the footprint group at the close of a bar, and clear the footprint for the next one.

    NaN for a bar of more ticks than are kept.
    """
    low, high = ints[LAST_BAR + LOW], ints[LAST_BAR + HIGH]
    for slot in (_DIAGONAL, _STACKED_BUY, _STACKED_SELL, _HIGH, _LOW, _POSITION, _P_SHAPE, _B_SHAPE):
        out[slot] = math.nan
    out[_DELTA] = ints[LAST_BAR + BUY_VOLUME] - ints[LAST_BAR + SELL_VOLUME]
    if high - low < FOOT:
        _measure_imbalance(ints, low, high, out)
        _measure_shape(ints, low, high, out)
        out[_HIGH] = 1.0 if _bought(ints, high) > 0 and _sold(ints, high) > 0 else 0.0
        out[_LOW] = 1.0 if _bought(ints, low) > 0 and _sold(ints, low) > 0 else 0.0
    for price in range(low, min(high, low + FOOT - 1) + 1):
        ints[FOOT_BUYS + (price & _MASK)] = ints[FOOT_SELLS + (price & _MASK)] = 0


@kernel
def _bought(ints: np.ndarray, price: int) -> int:
    return int(ints[FOOT_BUYS + (price & _MASK)])


@kernel
def _sold(ints: np.ndarray, price: int) -> int:
    return int(ints[FOOT_SELLS + (price & _MASK)])


@kernel
def _measure_imbalance(ints: np.ndarray, low: int, high: int, out: np.ndarray) -> None:
    """Write the diagonal imbalances: beyond the bar's own prices nothing traded."""
    large = ints[LARGE_SIZE]
    buys = sells = buy_run = sell_run = most_buys = most_sells = 0
    for price in range(low, high + 1):
        bought, sold = _bought(ints, price), _sold(ints, price)
        sold_below = _sold(ints, price - 1) if price > low else 0
        bought_above = _bought(ints, price + 1) if price < high else 0
        is_buy = bought > 0 and bought >= _TIMES * sold_below
        is_sell = sold > 0 and sold >= _TIMES * bought_above
        buys += is_buy
        sells += is_sell
        buy_run = buy_run + 1 if is_buy and bought >= large else 0
        sell_run = sell_run + 1 if is_sell and sold >= large else 0
        most_buys, most_sells = max(most_buys, buy_run), max(most_sells, sell_run)
    out[_DIAGONAL] = ratio(buys - sells, buys + sells, 0.0)
    if large > 0:
        out[_STACKED_BUY], out[_STACKED_SELL] = most_buys, most_sells


@kernel
def _measure_shape(ints: np.ndarray, low: int, high: int, out: np.ndarray) -> None:
    """Write where in the bar the volume lies."""
    poc, most, total, below, above = low, 0, 0, 0, 0
    for price in range(low, high + 1):
        lots = _bought(ints, price) + _sold(ints, price)
        total += lots
        if 2 * price < low + high:
            below += lots
        elif 2 * price > low + high:
            above += lots
        if lots > most:
            poc, most = price, lots
    if total == 0:
        out[_POSITION], out[_P_SHAPE], out[_B_SHAPE] = 0.5, 0.0, 0.0
        return
    out[_POSITION] = ratio(poc - low, high - low, 0.5)
    out[_P_SHAPE] = 1.0 if 3 * (poc - low) > 2 * (high - low) and 10 * below < 3 * total else 0.0
    out[_B_SHAPE] = 1.0 if 3 * (high - poc) > 2 * (high - low) and 10 * above < 3 * total else 0.0
