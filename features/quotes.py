"""The best bid and ask: what events do to them, and when they are valid (signals.md §0)."""

import numpy as np

from features.layout import (
    ASK,
    ASK_SIZE,
    BID,
    BID_SIZE,
    BOOK_MAX_AGE_NS,
    QUOTE_NS,
    TOTAL_BEST_SIZES,
    TOTAL_OFI,
    TOTAL_QUOTES,
)
from market.kernel import kernel
from market.types import Side

_BUY = int(Side.BUY)


@kernel
def take_quote(ints: np.ndarray, now_ns: int, side: int, price: int, quantity: int) -> None:
    """Set one side of the best quotes; price 0 empties it.

    The order flow of a side counts only between two occupied states: a side that appears or vanishes is a
    gap in what we see, not a flow.
    """
    if side == _BUY:
        before, size = ints[BID], ints[BID_SIZE]
        ints[BID], ints[BID_SIZE] = price, quantity
        sign, better, worse = 1, price >= before, price <= before
    else:
        before, size = ints[ASK], ints[ASK_SIZE]
        ints[ASK], ints[ASK_SIZE] = price, quantity
        sign, better, worse = -1, price <= before, price >= before
    if before > 0 and price > 0:
        ints[TOTAL_OFI] += sign * ((quantity if better else 0) - (size if worse else 0))
    if ints[BID] > 0 and ints[ASK] > 0:
        ints[TOTAL_BEST_SIZES] += ints[BID_SIZE] + ints[ASK_SIZE]
        ints[TOTAL_QUOTES] += 1
    ints[QUOTE_NS] = now_ns


@kernel
def clear_book(ints: np.ndarray) -> None:
    """Empty both sides."""
    ints[BID] = ints[BID_SIZE] = ints[ASK] = ints[ASK_SIZE] = 0


@kernel
def spread_at(ints: np.ndarray, now_ns: int) -> int:
    """Return the spread in ticks, or 0 where the book is empty, one-sided, crossed or older than 2 s."""
    bid, ask = ints[BID], ints[ASK]
    fresh = now_ns - ints[QUOTE_NS] <= BOOK_MAX_AGE_NS
    return int(ask - bid) if bid > 0 and ask > bid and fresh else 0
