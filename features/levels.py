"""The levels of the book within the feature state, and the lots they show."""

import numpy as np

from features.layout import BOOK_HEADER, BOOK_NS, BOOK_STACKS, DEPTH_COUNTS, DEPTHS, LEVELS
from features.quotes import clear_book, follow_level
from market.book import COUNTS, HEADER_COUNT, LEVEL_WIDTH, Book, apply, best, place_of
from market.kernel import kernel
from market.types import Side

SHOWN = 5  # levels a side that features see
_BUY, _SELL = int(Side.BUY), int(Side.SELL)
_STACKS_END, _HEADER_END = BOOK_STACKS + 2 * LEVELS * LEVEL_WIDTH, BOOK_HEADER + HEADER_COUNT
_LEADING = 32  # cells of the depth histogram for each power of two: five bits after the leading one


@kernel
def book_of(ints: np.ndarray) -> Book:
    """Return the book that lies in the state; a view, nothing is copied."""
    return Book(ints[BOOK_STACKS:_STACKS_END], ints[BOOK_HEADER:_HEADER_END])


@kernel
def take_level(ints: np.ndarray, event: np.void, now_ns: int) -> None:
    """Take a LEVEL_SET or LEVEL_DELETE."""
    book, side = book_of(ints), int(event["side"])
    apply(book, event)
    ints[BOOK_NS] = now_ns
    price, quantity = best(book, side)
    follow_level(ints, now_ns, side, price, quantity)


@kernel
def forget_book(ints: np.ndarray, event: np.void) -> None:
    """Take a BOOK_CLEAR or GAP: what the book was before says nothing about now."""
    apply(book_of(ints), event)
    clear_book(ints)


@kernel
def is_two_sided(book: Book) -> bool:
    """Tell whether levels stand on both sides, the bid below the ask."""
    if book.header[COUNTS] == 0 or book.header[COUNTS + 1] == 0:
        return False
    bid, ask = best(book, _BUY)[0], best(book, _SELL)[0]
    return bool(0 < bid < ask)


@kernel
def side_lots(book: Book, row: int) -> int:
    """Return the lots of the best five levels of bid (row 0) or ask (row 1)."""
    count, lots = book.header[COUNTS + row], 0
    for slot in range(max(count - SHOWN, 0), count):
        lots += book.stacks[place_of(book.stacks, row, slot) + 1]
    return int(lots)


@kernel
def visible_lots(ints: np.ndarray) -> int:
    """Return the lots of the best five levels of both sides; 0 where the book is empty, one-sided or crossed."""
    if ints[BOOK_HEADER + COUNTS] == 0:
        return 0
    book = book_of(ints)
    return side_lots(book, 0) + side_lots(book, 1) if is_two_sided(book) else 0


@kernel
def count_depth(ints: np.ndarray) -> None:
    """Count the visible lots of this moment, for the median of later sessions."""
    lots = visible_lots(ints)
    if lots > 0:
        ints[DEPTH_COUNTS + cell_of(lots)] += 1


@kernel
def cell_of(lots: int) -> int:
    """Return the cell of a histogram whose cells widen with the number: exact below 64, then to 1 part in 32."""
    shift = 0
    while lots >> shift >= 2 * _LEADING:
        shift += 1
    return min(shift * _LEADING + (lots >> shift), DEPTHS - 1)


@kernel
def lots_of(cell: int) -> int:
    """Return the least number of a cell."""
    shift = max(cell // _LEADING - 1, 0)
    return (cell - shift * _LEADING) << shift


@kernel
def median_depth(ints: np.ndarray) -> int:
    """Return the median of the counted depths, as the least of its cell; 0 without any."""
    count = below = 0
    for cell in range(DEPTHS):
        count += ints[DEPTH_COUNTS + cell]
    for cell in range(DEPTHS):
        below += ints[DEPTH_COUNTS + cell]
        if below > 0 and 2 * below >= count:
            return lots_of(cell)
    return 0
