"""The book of one instrument, kept from its events: by level, by price, or best quotes only.

A feed names the levels of its depth in one of two ways, and never mixes them:

- by index: LEVEL_SET says what stands at that index, LEVEL_DELETE that nothing does; no other level moves;
- by price (`level` is PRICE_KEYED): LEVEL_SET says what stands at that price, LEVEL_DELETE that nothing does.

Each side is a stack with its best level on top, so what happens near the best moves few others, and the level of index
i lies i below the top. A level is held as its quantity and its key, which is `side * price` and so rises towards the
best on both sides; price-keyed stacks are sorted by it. Key 0 is an index of which nothing was said.

BOOK_CLEAR empties the book and says that what follows is the whole of it. A GAP empties it too, but changes by price
mean nothing until the next BOOK_CLEAR: they would leave out every level that did not change since.
"""

from typing import NamedTuple

import numpy as np

from market.kernel import kernel
from market.types import PRICE_KEYED, Kind, Side

CAPACITY = 16_384  # levels a side; the whole depth of a liquid crypto contract is some thousands

# Positions in Book.header: bid and ask where there are two, price and quantity where there are four.
COUNTS, QUOTES, UPDATED_NS, UNKNOWN, DROPPED = 0, 2, 6, 7, 8
HEADER_COUNT = 9
LEVEL_WIDTH = 2  # cells of a level: its key, then its quantity

_LEVEL_SET, _LEVEL_DELETE, _QUOTE_SIDE = int(Kind.LEVEL_SET), int(Kind.LEVEL_DELETE), int(Kind.QUOTE_SIDE)
_BOOK_CLEAR, _GAP, _BUY, _PRICE_KEYED = int(Kind.BOOK_CLEAR), int(Kind.GAP), int(Side.BUY), PRICE_KEYED


class Book(NamedTuple):
    """Both sides.

    Attributes
    ----------
    stacks : ndarray of int64, shape (2 * capacity * 2,)
        Levels of bid, then of ask, each side times price in ticks and then lot steps. It is flat, so that a slice of
        larger memory can be a book: reshaping in compiled code may raise, and so needs the interpreter.
    header : ndarray of int64, shape (9,)
        COUNTS: levels on each stack. QUOTES: the best quotes, for a feed without depth; 0 where there is none.
        UPDATED_NS: exchange time of the last event of the book. UNKNOWN: 1 from a GAP to the next BOOK_CLEAR.
        DROPPED: levels lost because a side was full; the worst goes, so the best `capacity` were right when it went.
    """

    stacks: np.ndarray
    header: np.ndarray


def new_book(capacity: int = CAPACITY) -> Book:
    """Return an empty book of at most `capacity` levels a side."""
    return Book(np.zeros(2 * capacity * LEVEL_WIDTH, dtype=np.int64), np.zeros(HEADER_COUNT, dtype=np.int64))


@kernel
def apply(book: Book, event: np.void) -> None:
    """Take one EVENT; kinds that say nothing of the book change nothing.

    Parameters
    ----------
    book : Book
        Changed in place.
    event : EVENT record
        The next one, in order of sequence.
    """
    kind = event["kind"]
    if kind in (_LEVEL_SET, _LEVEL_DELETE):
        row, quantity = _row(int(event["side"])), int(event["quantity"]) if kind == _LEVEL_SET else 0
        key = int(event["side"]) * int(event["price"])
        if event["level"] != _PRICE_KEYED:
            _set_index(book, row, int(event["level"]), key, quantity)
        elif book.header[UNKNOWN] == 0:
            _set_price(book, row, key, quantity)
    elif kind == _QUOTE_SIDE:
        at = QUOTES + 2 * _row(int(event["side"]))
        book.header[at], book.header[at + 1] = event["price"], event["quantity"]
    elif kind in (_BOOK_CLEAR, _GAP):
        book.header[COUNTS:UPDATED_NS] = 0
        book.header[UNKNOWN] = 1 if kind == _GAP else 0
    else:
        return
    book.header[UPDATED_NS] = max(book.header[UPDATED_NS], event["ts_event_ns"])


@kernel
def apply_all(book: Book, events: np.ndarray) -> None:
    """Take EVENT records in order."""
    for index in range(events.size):
        apply(book, events[index])


@kernel
def best(book: Book, side: int) -> tuple[int, int]:
    """Return price (ticks) and quantity (lot steps) of a side's best level, 0 and 0 where it is empty.

    It is the depth's; the quotes' where the book holds no depth.
    """
    header, row = book.header, _row(side)
    if header[COUNTS] + header[COUNTS + 1] == 0:
        return header[QUOTES + 2 * row], header[QUOTES + 2 * row + 1]
    top = header[COUNTS + row] - 1
    if top < 0:
        return 0, 0
    at = place_of(book.stacks, row, top)
    return side * book.stacks[at], book.stacks[at + 1]


@kernel
def place_of(stacks: np.ndarray, row: int, slot: int) -> int:
    """Return where the key of a level of bid (row 0) or ask (row 1) stands, its quantity next; slot 0 is the worst."""
    return LEVEL_WIDTH * (row * capacity_of(stacks) + slot)


@kernel
def capacity_of(stacks: np.ndarray) -> int:
    """Return how many levels a side has room for."""
    return int(stacks.shape[0]) >> 2  # two sides of two cells


@kernel
def levels(book: Book, side: int, out: np.ndarray) -> int:
    """Write a side's best levels; return how many rows were written.

    Parameters
    ----------
    book : Book
        Read only.
    side : int
        Side.
    out : ndarray of int64, shape (levels, 2)
        Price (ticks) and quantity (lot steps), best first; rows without a level are 0.
    """
    header, row = book.header, _row(side)
    out[:] = 0
    if header[COUNTS] + header[COUNTS + 1] == 0:
        out[0, 0], out[0, 1] = best(book, side)
        return 1 if out[0, 0] > 0 else 0
    count = min(int(header[COUNTS + row]), int(out.shape[0]))
    for level in range(count):
        at = place_of(book.stacks, row, header[COUNTS + row] - 1 - level)
        out[level, 0], out[level, 1] = side * book.stacks[at], book.stacks[at + 1]
    return count


@kernel
def is_valid(book: Book, now_ns: int, max_age_ns: int) -> bool:
    """Tell whether a feature may read the book: both sides there, the bid below the ask, and not too old.

    Parameters
    ----------
    book : Book
        Read only.
    now_ns : int
        Exchange time of the event at hand.
    max_age_ns : int
        How old the last event of the book may be.
    """
    bid, ask = best(book, 1)[0], best(book, -1)[0]
    return bid > 0 and ask > 0 and bid < ask and now_ns - book.header[UPDATED_NS] <= max_age_ns


@kernel
def _row(side: int) -> int:
    return 0 if side == _BUY else 1


@kernel
def _set_index(book: Book, row: int, level: int, key: int, quantity: int) -> None:
    """Put a level at an index, or empty it (quantity 0); the stack ends at its last level that is not empty."""
    stacks, header, at = book.stacks, book.header, COUNTS + row
    if level >= capacity_of(stacks) or (level >= header[at] and quantity == 0):
        header[DROPPED] += 1 if quantity != 0 else 0
        return
    while level >= header[at]:
        _open(stacks, header, row, 0)
    here = place_of(stacks, row, header[at] - 1 - level)
    stacks[here], stacks[here + 1] = key if quantity != 0 else 0, quantity
    while header[at] > 0 and stacks[place_of(stacks, row, 0) + 1] == 0:
        _close(stacks, header, row, 0)


@kernel
def _set_price(book: Book, row: int, key: int, quantity: int) -> None:
    """Put a quantity at a price, or empty it (quantity 0)."""
    stacks, header = book.stacks, book.header
    count = header[COUNTS + row]
    slot = _search(stacks, row, count, key)
    here = place_of(stacks, row, slot)
    if slot < count and stacks[here] == key:
        if quantity != 0:
            stacks[here + 1] = quantity
        else:
            _close(stacks, header, row, slot)
        return
    if quantity == 0:
        return
    if count == capacity_of(stacks):
        header[DROPPED] += 1
        if slot == 0:
            return
        _close(stacks, header, row, 0)
        slot -= 1
    _open(stacks, header, row, slot)
    here = place_of(stacks, row, slot)
    stacks[here], stacks[here + 1] = key, quantity


@kernel
def _search(stacks: np.ndarray, row: int, count: int, key: int) -> int:
    """Return the first slot whose key is not below `key`, looking from the top, where most changes happen."""
    step, high = 1, count
    while high - step >= 0 and stacks[place_of(stacks, row, high - step)] >= key:
        high -= step
        step *= 2
    low = max(high - step + 1, 0)
    while low < high:
        middle = (low + high) // 2
        if stacks[place_of(stacks, row, middle)] < key:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _open(stacks: np.ndarray, header: np.ndarray, row: int, slot: int) -> None:
    """Put an empty level at a slot; those above it move up."""
    first = place_of(stacks, row, slot)
    for k in range(place_of(stacks, row, header[COUNTS + row]) + 1, first + 1, -1):
        stacks[k] = stacks[k - LEVEL_WIDTH]
    stacks[first], stacks[first + 1] = 0, 0
    header[COUNTS + row] += 1


@kernel
def _close(stacks: np.ndarray, header: np.ndarray, row: int, slot: int) -> None:
    """Take out the level at a slot; those above it move down."""
    for k in range(place_of(stacks, row, slot + 1), place_of(stacks, row, header[COUNTS + row])):
        stacks[k - LEVEL_WIDTH] = stacks[k]
    header[COUNTS + row] -= 1
