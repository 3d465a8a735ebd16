"""The book as our orders meet it: what we take stays taken until the feed states that level again."""

from features.layout import BOOK_MAX_AGE_NS
from market.book import COUNTS, QUOTES, Book, is_valid, place_of
from market.kernel import kernel

UNKNOWN_QUEUE = -1
LEVELS = 32  # an order walks no more of them; what is left then fills as if nothing more were displayed


@kernel
def can_trade(book: Book, now_ns: int) -> bool:
    """Tell whether both sides stand, do not cross, and are not too old."""
    return bool(is_valid(book, now_ns, BOOK_MAX_AGE_NS))


@kernel
def _row(side: int) -> int:
    return 0 if side > 0 else 1


@kernel
def _has_depth(book: Book) -> bool:
    return bool(book.header[COUNTS] + book.header[COUNTS + 1] > 0)


@kernel
def level_count(book: Book, side: int) -> int:
    """Return how many levels of a side can be walked: one where the feed has best quotes only."""
    if not _has_depth(book):
        return 1
    return min(int(book.header[COUNTS + _row(side)]), LEVELS)


@kernel
def level_at(book: Book, side: int, level: int) -> tuple[int, int]:
    """Return price and quantity of a level, the best first; price 0 where nothing was said of it."""
    row = _row(side)
    if not _has_depth(book):
        return int(book.header[QUOTES + 2 * row]), int(book.header[QUOTES + 2 * row + 1])
    slot = book.header[COUNTS + row] - 1 - level
    at = place_of(book.stacks, row, slot)
    return int(side * book.stacks[at]), int(book.stacks[at + 1])


@kernel
def take_level(book: Book, side: int, level: int, quantity: int) -> None:
    """Take a quantity out of a level."""
    row = _row(side)
    if not _has_depth(book):
        book.header[QUOTES + 2 * row + 1] -= quantity
    else:
        book.stacks[place_of(book.stacks, row, book.header[COUNTS + row] - 1 - level) + 1] -= quantity


@kernel
def queue_at(book: Book, side: int, price: int) -> int:
    """Return the quantity displayed at a price: what stands before an order that comes to rest there.

    Zero better than the best and between two levels; UNKNOWN_QUEUE beyond the last level shown and where a level has
    no size.
    """
    for level in range(level_count(book, side)):
        shown, quantity = level_at(book, side, level)
        if shown <= 0:
            continue
        if shown == price:
            return quantity if quantity > 0 else UNKNOWN_QUEUE
        if side * (price - shown) > 0:
            return 0
    return UNKNOWN_QUEUE
