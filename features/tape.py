"""Trades: the bar they form, the totals they move, the features of flow and tape (signals.md §1 A3, A4, §4)."""

import math

import numpy as np

from features.catalogue import family, index_of
from features.layout import (
    BUY_TRADES,
    BUY_VOLUME,
    CLOSE,
    COUNTED,
    COUNTED_RING,
    COUNTED_WIDTH,
    FLAGS,
    FLOW_FAMILY,
    FLOW_SQUARES,
    FLOW_SUM,
    FORMING,
    HIGH,
    INSTRUMENT,
    LARGE_SIZE,
    LAST_PRICE,
    LOW,
    OPEN,
    SAMPLES,
    SELL_TRADES,
    SELL_VOLUME,
    SIZE_COUNTS,
    SIZES,
    TOTAL_BUY_TRADES,
    TOTAL_KNOWN,
    TOTAL_LARGE,
    TOTAL_SELL_TRADES,
    TOTAL_SIGNED,
    TOTAL_TRADES,
    TOTAL_TURNOVER,
    TOTAL_VOLUME,
    TOTALS,
    TRADES,
    TURNOVER,
    VOLUME,
)
from features.seconds import window_sum, z_of_sums
from features.windows import ratio
from market.elementary import log
from market.kernel import kernel
from market.types import Flag

_INHERITED = int(Flag.INFERRED_AGGRESSOR | Flag.SYNTHETIC | Flag.BACK_ADJUSTED)

_IMBALANCE = family("order_flow_imbalance_{}")
_FLOW = family("trade_flow_{}")
_CUMULATIVE, _VWAP_RETURN = index_of("cumulative_signed_volume"), index_of("volume_weighted_return")
_VWAP_DISTANCE = index_of("vwap_distance")
_INTENSITY, _INTENSITY_RATIO = index_of("trade_intensity"), index_of("trade_intensity_ratio")
_BUY_INTENSITY, _SELL_INTENSITY = index_of("buy_intensity"), index_of("sell_intensity")
_BUY_RATIO, _SELL_RATIO = index_of("aggressive_buy_ratio"), index_of("aggressive_sell_ratio")
_LARGE, _VELOCITY = index_of("large_trade_ratio"), index_of("trade_velocity")


@kernel
def take_trade(ints: np.ndarray, price: int, quantity: int, side: int) -> None:
    """Move the session's totals by one trade."""
    ints[LAST_PRICE] = price
    ints[TOTAL_TRADES] += 1
    ints[TOTAL_VOLUME] += quantity
    ints[TOTAL_SIGNED] += side * quantity
    ints[TOTAL_KNOWN] += abs(side) * quantity
    ints[TOTAL_TURNOVER] += price * quantity
    ints[TOTAL_BUY_TRADES] += side > 0
    ints[TOTAL_SELL_TRADES] += side < 0
    if ints[LARGE_SIZE] > 0 and quantity >= ints[LARGE_SIZE]:
        ints[TOTAL_LARGE] += quantity
    ints[SIZE_COUNTS + min(quantity, SIZES - 1)] += 1
    at = COUNTED_RING + (ints[TOTAL_TRADES] & (COUNTED - 1)) * COUNTED_WIDTH
    for field in range(COUNTED_WIDTH):
        ints[at + field] = ints[TOTALS + field]


@kernel
def extend_bar(ints: np.ndarray, price: int, quantity: int, side: int, instrument: int, flags: int) -> None:
    """Move the forming bar by one trade."""
    if ints[FORMING + TRADES] == 0:
        ints[FORMING + OPEN] = ints[FORMING + HIGH] = ints[FORMING + LOW] = price
    ints[FORMING + HIGH] = max(ints[FORMING + HIGH], price)
    ints[FORMING + LOW] = min(ints[FORMING + LOW], price)
    ints[FORMING + CLOSE] = price
    ints[FORMING + VOLUME] += quantity
    ints[FORMING + TURNOVER] += price * quantity
    ints[FORMING + TRADES] += 1
    if side > 0:
        ints[FORMING + BUY_VOLUME] += quantity
        ints[FORMING + BUY_TRADES] += 1
    elif side < 0:
        ints[FORMING + SELL_VOLUME] += quantity
        ints[FORMING + SELL_TRADES] += 1
    ints[FORMING + INSTRUMENT] = instrument
    ints[FORMING + FLAGS] |= flags & _INHERITED


@kernel
def large_size(ints: np.ndarray) -> int:
    """Return the smallest size that at least 95 % of the trades so far do not exceed; 0 without trades."""
    count = 0
    for size in range(SIZES):
        count += ints[SIZE_COUNTS + size]
    below = 0
    for size in range(SIZES):
        below += ints[SIZE_COUNTS + size]
        if below > 0 and 100 * below >= 95 * count:
            return int(size)
    return 0


@kernel
def counted_sum(ints: np.ndarray, total: int, n: int) -> int:
    """Return how much one of the first totals grew within the last `n` trades."""
    at = COUNTED_RING + ((ints[TOTAL_TRADES] - n) & (COUNTED - 1)) * COUNTED_WIDTH
    return int(ints[total] - ints[at + total - TOTALS])


@kernel
def measure_flow(ints: np.ndarray, out: np.ndarray) -> None:
    """Write the flow group, but for the two features of bars."""
    for i in range(_IMBALANCE.shape[0]):
        n = _IMBALANCE[i, 0]
        out[_IMBALANCE[i, 1]] = ratio(counted_sum(ints, TOTAL_SIGNED, n), counted_sum(ints, TOTAL_KNOWN, n), 0.0)
    price = ints[LAST_PRICE]
    out[_CUMULATIVE] = ints[TOTAL_SIGNED] / ints[TOTAL_VOLUME]
    recent = counted_sum(ints, TOTAL_TURNOVER, 100) / counted_sum(ints, TOTAL_VOLUME, 100)
    out[_VWAP_RETURN] = log(price / recent)
    out[_VWAP_DISTANCE] = log(price / (ints[TOTAL_TURNOVER] / ints[TOTAL_VOLUME]))


@kernel
def measure_tape(ints: np.ndarray, out: np.ndarray) -> None:
    """Write the tape group: windows that begin on a whole second and end now."""
    trades_60 = window_sum(ints, TOTAL_TRADES, 60)
    trades_300 = window_sum(ints, TOTAL_TRADES, 300)
    out[_INTENSITY] = trades_60 / 60.0
    out[_INTENSITY_RATIO] = min(10.0, ratio(trades_60, window_sum(ints, TOTAL_TRADES, 1800) / 30.0, 1.0))
    out[_VELOCITY] = ratio(trades_60 / 60.0, trades_300 / 300.0, 1.0)
    for i in range(_FLOW.shape[0]):
        seconds = _FLOW[i, 0]
        known = window_sum(ints, TOTAL_KNOWN, seconds)
        out[_FLOW[i, 1]] = ratio(window_sum(ints, TOTAL_SIGNED, seconds), known, 0.0)
    for i in range(FLOW_FAMILY.shape[0]):
        flow = window_sum(ints, TOTAL_SIGNED, FLOW_FAMILY[i, 0])
        out[FLOW_FAMILY[i, 1]] = z_of_sums(flow, ints[FLOW_SUM + i], ints[FLOW_SQUARES + i], SAMPLES)
    per_second = trades_300 / 300.0
    out[_BUY_INTENSITY] = ratio(window_sum(ints, TOTAL_BUY_TRADES, 10) / 10.0, per_second, math.nan)
    out[_SELL_INTENSITY] = ratio(window_sum(ints, TOTAL_SELL_TRADES, 10) / 10.0, per_second, math.nan)
    signed, known = window_sum(ints, TOTAL_SIGNED, 60), window_sum(ints, TOTAL_KNOWN, 60)
    out[_BUY_RATIO] = ratio((known + signed) / 2.0, known, 0.5)
    out[_SELL_RATIO] = ratio((known - signed) / 2.0, known, 0.5)
    large = ratio(window_sum(ints, TOTAL_LARGE, 60), window_sum(ints, TOTAL_VOLUME, 60), math.nan)
    out[_LARGE] = large if ints[LARGE_SIZE] > 0 else math.nan
