"""Features of the best quotes (signals.md §4 Book)."""

import math

import numpy as np

from features.catalogue import family, index_of
from features.layout import (
    ASK,
    ASK_SHOWN,
    ASK_SIZE,
    ASK_TAKEN,
    BID,
    BID_SHOWN,
    BID_SIZE,
    BID_TAKEN,
    SPREAD_SAMPLES,
    SPREAD_SQUARES,
    SPREAD_SUM,
    SPREADS_NEEDED,
    TOTAL_BEST_SIZES,
    TOTAL_OFI,
    TOTAL_QUOTES,
)
from features.quotes import spread_at
from features.seconds import window_sum, z_of_sums
from features.windows import ratio
from market.kernel import kernel

_SPREAD, _SPREAD_Z = index_of("spread"), index_of("spread_z")
_MICRO, _IMBALANCE = index_of("micro_dev"), index_of("book_imbalance")
_OFI = family("ofi_{}")
_HIDDEN_BID, _HIDDEN_ASK = index_of("hidden_bid"), index_of("hidden_ask")


@kernel
def measure_book(ints: np.ndarray, now_ns: int, out: np.ndarray) -> None:
    """Write the book group for a time; all NaN where the book is not valid, sizes NaN where not sent."""
    for slot in (_SPREAD, _SPREAD_Z, _MICRO, _IMBALANCE, _HIDDEN_BID, _HIDDEN_ASK):
        out[slot] = math.nan
    for i in range(_OFI.shape[0]):
        out[_OFI[i, 1]] = math.nan
    spread = spread_at(ints, now_ns)
    if spread == 0:
        return
    out[_SPREAD] = spread
    if ints[SPREAD_SAMPLES] >= SPREADS_NEEDED:
        out[_SPREAD_Z] = z_of_sums(spread, ints[SPREAD_SUM], ints[SPREAD_SQUARES], ints[SPREAD_SAMPLES])
    bids, asks = ints[BID_SIZE], ints[ASK_SIZE]
    if bids == 0 or asks == 0:
        return
    out[_MICRO] = (ints[BID] * asks + ints[ASK] * bids) / (bids + asks) - (ints[BID] + ints[ASK]) / 2.0
    out[_IMBALANCE] = (bids - asks) / (bids + asks)
    for i in range(_OFI.shape[0]):
        out[_OFI[i, 1]] = ratio(window_sum(ints, TOTAL_OFI, _OFI[i, 0]), _mean_size(ints, _OFI[i, 0]), 0.0)
    usual = _mean_size(ints, 60)
    out[_HIDDEN_BID] = ratio(max(0, ints[BID_TAKEN] - ints[BID_SHOWN]), usual, math.nan)
    out[_HIDDEN_ASK] = ratio(max(0, ints[ASK_TAKEN] - ints[ASK_SHOWN]), usual, math.nan)


@kernel
def _mean_size(ints: np.ndarray, seconds: int) -> float:
    """Return the mean lots of a best quote over the events of the last seconds; 0 where there was none."""
    return ratio(window_sum(ints, TOTAL_BEST_SIZES, seconds), 2.0 * window_sum(ints, TOTAL_QUOTES, seconds), 0.0)
