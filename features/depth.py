"""Features of the five best levels a side (signals.md §4 Book)."""

import math

import numpy as np

from features.catalogue import index_of
from features.layout import BOOK_MAX_AGE, BOOK_NS, DEPTH_FIELD, SECOND, TOTAL_KNOWN, USUAL_DEPTH
from features.levels import SHOWN, book_of, is_two_sided, side_lots
from features.seconds import recorded, window_sum
from features.windows import ratio
from market.book import COUNTS, Book, best, place_of
from market.kernel import kernel
from market.types import Side

_BUY, _SELL = int(Side.BUY), int(Side.SELL)
_WEIGHTED, _IMBALANCE = index_of("weighted_mid_dev"), index_of("depth_imbalance5")
_PRESSURE, _LIQUIDITY = index_of("book_pressure"), index_of("liquidity_score")
_LEVELS = np.array([index_of("bid_levels"), index_of("ask_levels")])
_GAPS = np.array([index_of("bid_gap"), index_of("ask_gap")])
_MAJOR_SIDE, _MAJOR_DISTANCE = index_of("major_level_side"), index_of("major_level_distance")
_MAJOR_SIZE = index_of("major_level_size")
_CONSUMPTION, _REPLENISHMENT = index_of("consumption"), index_of("replenishment")
_ALL = np.array([
    _WEIGHTED, _IMBALANCE, _PRESSURE, _LIQUIDITY, *_LEVELS, *_GAPS, _MAJOR_SIDE, _MAJOR_DISTANCE, _MAJOR_SIZE,
    _CONSUMPTION, _REPLENISHMENT,
])  # fmt: skip
_MAJOR = 2  # a level is major that holds more than this many times the mean
_NEAR = 500  # and lies within one part in so many of the mid
_SECONDS = 10


@kernel
def measure_depth(ints: np.ndarray, now_ns: int, out: np.ndarray) -> None:
    """Write the depth group for a time; all NaN where the levels are not valid."""
    for i in range(_ALL.size):
        out[_ALL[i]] = math.nan
    book = book_of(ints)
    if now_ns - ints[BOOK_NS] > ints[BOOK_MAX_AGE] or not is_two_sided(book):
        return
    bid, ask = best(book, _BUY)[0], best(book, _SELL)[0]
    bids, asks = side_lots(book, 0), side_lots(book, 1)
    total = bids + asks
    out[_WEIGHTED] = (bid * asks + ask * bids) / total - (bid + ask) / 2.0
    out[_IMBALANCE] = (bids - asks) / total
    _measure_major(book, bid + ask, total, _measure_shape(book, out), out)
    if ints[USUAL_DEPTH] > 0:
        out[_LIQUIDITY] = 0.7 * min(total / ints[USUAL_DEPTH], 1.0) + 0.3 * max(0.0, 1.0 - (ask - bid - 1) / 4.0)
    taken = window_sum(ints, TOTAL_KNOWN, _SECONDS)
    out[_CONSUMPTION] = taken / (total / 2.0)
    before = recorded(ints, DEPTH_FIELD, ints[SECOND] - _SECONDS)
    if before > 0:
        out[_REPLENISHMENT] = ratio(max(0, total - before + taken), taken, 0.0)


@kernel
def _measure_shape(book: Book, out: np.ndarray) -> int:
    """Write the pressure of the levels, how many are near, and the empty ticks between; return how many there are."""
    difference = weight = 0.0
    levels = 0
    for row in range(2):
        count = book.header[COUNTS + row]
        near, gap, before = 0, 0, 0
        best_key = book.stacks[place_of(book.stacks, row, count - 1)]
        for level in range(min(SHOWN, count)):
            at = place_of(book.stacks, row, count - 1 - level)
            key, lots = book.stacks[at], book.stacks[at + 1]
            if lots == 0:  # an index of which nothing was said
                continue
            levels += 1
            near += 0 <= best_key - key < SHOWN
            gap = max(gap, before - key - 1) if level > 0 else 0
            before = key
            difference += (lots if row == 0 else -lots) / (level + 1)
            weight += lots / (level + 1)
        out[_LEVELS[row]], out[_GAPS[row]] = near, gap
    out[_PRESSURE] = difference / weight
    return levels


@kernel
def _measure_major(book: Book, twice_mid: int, total: int, levels: int, out: np.ndarray) -> None:
    """Write side, distance and size of the nearest level that holds much more than the others, 0 where none does."""
    side, distance, size = 0, 0, 0
    for row in range(2):
        count = book.header[COUNTS + row]
        for slot in range(max(count - SHOWN, 0), count):
            at = place_of(book.stacks, row, slot)
            lots, price = book.stacks[at + 1], abs(book.stacks[at])
            away = abs(2 * price - twice_mid)
            if lots * levels <= _MAJOR * total or _NEAR * away > twice_mid:
                continue
            if side == 0 or away < distance or (away == distance and lots > size):
                side, distance, size = (_BUY if row == 0 else _SELL), away, lots
    out[_MAJOR_SIDE], out[_MAJOR_DISTANCE] = side, distance / 2.0
    out[_MAJOR_SIZE] = size * levels / total
