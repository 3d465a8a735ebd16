"""The best bid and ask: what events do to them, and when they are valid (signals.md §0).

A feed may send best quotes, levels of the book, or both. Once a session has sent a quote, the best quotes are those it
sends, and levels move only the depth; until then, and in a session without quotes, they are the best levels.
"""

import numpy as np

from features.layout import (
    ASK,
    ASK_SHOWN,
    ASK_SIZE,
    ASK_TAKEN,
    BID,
    BID_SHOWN,
    BID_SIZE,
    BID_TAKEN,
    BOOK_MAX_AGE,
    BOOK_NS,
    QUOTE_NS,
    QUOTED,
    TOTAL_BEST_SIZES,
    TOTAL_OFI,
    TOTAL_QUOTES,
)
from market.kernel import kernel
from market.types import Side

_BUY = int(Side.BUY)


@kernel
def take_quote(ints: np.ndarray, now_ns: int, side: int, price: int, quantity: int) -> None:
    """Take one side of the best quotes; price 0 empties it."""
    ints[QUOTED] = 1
    ints[BOOK_NS] = now_ns
    set_best(ints, now_ns, side, price, quantity)


@kernel
def follow_level(ints: np.ndarray, now_ns: int, side: int, price: int, quantity: int) -> None:
    """Take the best level of a side after an event of the book, where the session sends no quotes."""
    if ints[QUOTED] == 1:
        return
    at, size = (BID, BID_SIZE) if side == _BUY else (ASK, ASK_SIZE)
    if price != ints[at] or quantity != ints[size]:
        set_best(ints, now_ns, side, price, quantity)
    ints[QUOTE_NS] = now_ns


@kernel
def set_best(ints: np.ndarray, now_ns: int, side: int, price: int, quantity: int) -> None:
    """Set one side of the best quotes.

    The order flow of a side counts only between two occupied states: a side that appears or vanishes is a
    gap in what we see, not a flow.
    """
    if side == _BUY:
        before, size = ints[BID], ints[BID_SIZE]
        ints[BID], ints[BID_SIZE] = price, quantity
        sign, better, worse = 1, price >= before, price <= before
        shown, taken = BID_SHOWN, BID_TAKEN
    else:
        before, size = ints[ASK], ints[ASK_SIZE]
        ints[ASK], ints[ASK_SIZE] = price, quantity
        sign, better, worse = -1, price <= before, price >= before
        shown, taken = ASK_SHOWN, ASK_TAKEN
    if price != before:
        ints[shown], ints[taken] = quantity, 0
    if before > 0 and price > 0:
        ints[TOTAL_OFI] += sign * ((quantity if better else 0) - (size if worse else 0))
    if ints[BID] > 0 and ints[ASK] > 0:
        ints[TOTAL_BEST_SIZES] += ints[BID_SIZE] + ints[ASK_SIZE]
        ints[TOTAL_QUOTES] += 1
    ints[QUOTE_NS] = now_ns


@kernel
def take_best(ints: np.ndarray, price: int, quantity: int, side: int) -> None:
    """Count what an aggressor took at the best price of the other side."""
    if side < 0 and price == ints[BID]:
        ints[BID_TAKEN] += quantity
    elif side > 0 and price == ints[ASK]:
        ints[ASK_TAKEN] += quantity


@kernel
def clear_book(ints: np.ndarray) -> None:
    """Empty both sides."""
    ints[BID] = ints[BID_SIZE] = ints[ASK] = ints[ASK_SIZE] = 0
    ints[BID_SHOWN] = ints[BID_TAKEN] = ints[ASK_SHOWN] = ints[ASK_TAKEN] = 0


@kernel
def spread_at(ints: np.ndarray, now_ns: int) -> int:
    """Return the spread in ticks, or 0 where the book is empty, one-sided, crossed or too old."""
    bid, ask = ints[BID], ints[ASK]
    fresh = now_ns - ints[QUOTE_NS] <= ints[BOOK_MAX_AGE]
    return int(ask - bid) if bid > 0 and ask > bid and fresh else 0
