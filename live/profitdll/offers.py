"""The offer book from inside the library's callbacks: single offers kept in order, told as quantities by price.

Each side is a list from the worst offer to the best, and positions count from its end. An edit replaces (profitdll.md,
open point 1). Where the library speaks of a place that is not there, the list is no longer the library's: the book is
cleared and nothing is told until it comes whole again.
"""

from typing import NamedTuple

from numba import types

from live.memory import caller, load_f8, load_i4, load_i8, load_u2, load_u4, record_at, store_i8
from live.profitdll.codes import BookAction, OfferBookFlags
from live.profitdll.events import begin_event, end_event
from live.profitdll.table import FREE_POINTER, OFFERS, OFFERS_LOST, OFFERS_STALE, count, now_ns
from live.profitdll.trades import ticks_of
from market.kernel import kernel
from market.types import EVENT, PRICE_KEYED, Kind

OFFERS_KEPT = 8192  # of each side
# Words of a book: how many offers each side has, whether the book is the library's, and the offers.
COUNTS, WHOLE, FIRST = 0, 16, 64
WIDTH = 16  # bytes of an offer: price in ticks, quantity
BOOK_BYTES = FIRST + 2 * OFFERS_KEPT * WIDTH

_ADD, _EDIT, _DELETE = int(BookAction.ADD), int(BookAction.EDIT), int(BookAction.DELETE)
_DELETE_FROM, _FULL = int(BookAction.DELETE_FROM), int(BookAction.FULL_BOOK)
_LAST_PACKET, _FIRST_PACKET = int(OfferBookFlags.OB_LAST_PACKET), int(OfferBookFlags.OB_FIRST_PACKET)
_SET, _GONE, _CLEAR, _BY_PRICE = int(Kind.LEVEL_SET), int(Kind.LEVEL_DELETE), int(Kind.BOOK_CLEAR), PRICE_KEYED
# Of an array: count and size in bytes, then entries whose last field is a text of its own length.
_HEADER, _TEXT_LENGTH, _TEXT = 8, 28, 30
_free = caller(types.int32, types.int64, types.int32)


class Change(NamedTuple):
    """What a callback told of one offer; `has_price` and `has_quantity` say what of it holds."""

    action: int
    position: int
    price: float
    quantity: int
    has_price: int
    has_quantity: int


@kernel
def take_offer(table: int, block: int, row: int, change: Change) -> None:
    """Take a change of one offer; row 0 buys, 1 sells."""
    book = load_i8(block + OFFERS)
    if book == 0 or load_i8(book + WHOLE) == 0:
        return
    if load_i8(block + OFFERS_STALE) != 0:  # after a gap nobody knows the book
        tell_book(table, block)
    size = load_i8(book + COUNTS + 8 * row)
    index = size - change.position if change.action == _ADD else size - 1 - change.position
    ticks = ticks_of(table, block, change.price) if change.has_price else 0
    if index < 0 or index > size or (change.action != _ADD and index == size) or not _fits(change, size, ticks):
        lose_book(table, block)
    elif change.action == _ADD:
        _move(book, row, index, size, 1)
        _put(book, row, index, ticks, change.quantity)
        store_i8(book + COUNTS + 8 * row, size + 1)
        tell_price(table, block, row, ticks)
    elif change.action == _EDIT:
        _edit(table, block, row, index, ticks, change.quantity if change.has_quantity else -1)
    elif change.action == _DELETE:
        price = _price(book, row, index)
        _move(book, row, index + 1, size, -1)
        store_i8(book + COUNTS + 8 * row, size - 1)
        tell_price(table, block, row, price)
    elif change.action == _DELETE_FROM:
        _delete_from(table, block, row, index, size)


@kernel
def _fits(change: Change, size: int, ticks: int) -> bool:
    """Tell whether a change can be made: an offer that comes has a price and a quantity, and there is room."""
    if change.action == _ADD:
        return bool(ticks > 0 and change.has_quantity and change.quantity > 0 and size < OFFERS_KEPT)
    return bool(not change.has_price or ticks > 0 or change.action != _EDIT)


@kernel
def _edit(table: int, block: int, row: int, index: int, ticks: int, quantity: int) -> None:
    book = load_i8(block + OFFERS)
    before = _price(book, row, index)
    _put(book, row, index, ticks if ticks > 0 else before, quantity if quantity >= 0 else _quantity(book, row, index))
    tell_price(table, block, row, before)
    if ticks > 0 and ticks != before:
        tell_price(table, block, row, ticks)


@kernel
def _delete_from(table: int, block: int, row: int, index: int, size: int) -> None:
    """Take out an offer and all better ones."""
    book = load_i8(block + OFFERS)
    store_i8(book + COUNTS + 8 * row, index)
    told = 0
    for place in range(index, size):
        price = _price(book, row, place)
        if price != told:
            tell_price(table, block, row, price)
            told = price


@kernel
def take_offers(table: int, block: int, sells: int, buys: int) -> None:
    """Take the whole book from the library's arrays, which may come in packets, and give the arrays back."""
    book, last = load_i8(block + OFFERS) if block != 0 else 0, True
    for row in range(2):
        array = buys if row == 0 else sells
        if array == 0:
            continue
        if book != 0:
            last = _take_array(table, block, row, array) and last
        _free(load_i8(table + FREE_POINTER), array, load_i4(array + 4))
    if book != 0 and last:
        store_i8(book + WHOLE, 1)
        tell_book(table, block)


@kernel
def _take_array(table: int, block: int, row: int, array: int) -> bool:
    """Append an array's offers to a side; return whether it was the side's last packet."""
    book, at = load_i8(block + OFFERS), array + _HEADER
    entries, end = load_i4(array), array + load_i4(array + 4)
    flags = load_u4(end - 4)
    if flags & _FIRST_PACKET:
        store_i8(book + COUNTS + 8 * row, 0)
    for _ in range(entries):
        if at + _TEXT > end:
            break
        ticks, size = ticks_of(table, block, load_f8(at)), load_i8(book + COUNTS + 8 * row)
        if ticks > 0 and size < OFFERS_KEPT:
            _put(book, row, size, ticks, load_i8(at + 8))
            store_i8(book + COUNTS + 8 * row, size + 1)
        else:
            count(table, OFFERS_LOST)
        at += _TEXT + load_u2(at + _TEXT_LENGTH)
    return bool(flags & _LAST_PACKET)


@kernel
def tell_book(table: int, block: int) -> None:
    """Tell the whole book anew."""
    store_i8(block + OFFERS_STALE, 0)
    clear_book(table, block)
    for row in range(2):
        _tell_side(table, block, row)


@kernel
def lose_book(table: int, block: int) -> None:
    """Stop telling a book that is no longer the library's."""
    count(table, OFFERS_LOST)
    store_i8(load_i8(block + OFFERS) + WHOLE, 0)
    clear_book(table, block)


@kernel
def clear_book(table: int, block: int) -> None:
    """Tell that nothing stands any more."""
    received_ns = now_ns(table)
    at = begin_event(table, block, received_ns, received_ns, _CLEAR)
    if at != 0:
        end_event(table, block, at, True)


@kernel
def _tell_side(table: int, block: int, row: int) -> None:
    book, told = load_i8(block + OFFERS), 0
    for place in range(load_i8(book + COUNTS + 8 * row)):
        price = _price(book, row, place)
        if price != told:
            tell_price(table, block, row, price)
            told = price


@kernel
def tell_price(table: int, block: int, row: int, price: int) -> None:
    """Tell what stands at a price: the sum over a side's offers, from the best on until a worse price."""
    book, quantity = load_i8(block + OFFERS), 0
    sign = 1 if row == 0 else -1
    for place in range(load_i8(book + COUNTS + 8 * row) - 1, -1, -1):
        here = _price(book, row, place)
        if here == price:
            quantity += _quantity(book, row, place)
        elif (price - here) * sign > 0:
            break
    received_ns = now_ns(table)
    at = begin_event(table, block, received_ns, received_ns, _SET if quantity > 0 else _GONE)
    if at != 0:
        event = record_at(at, EVENT)
        event["price"], event["quantity"], event["side"], event["level"] = price, quantity, sign, _BY_PRICE
        end_event(table, block, at, True)


@kernel
def _place(book: int, row: int, index: int) -> int:
    return int(book + FIRST + WIDTH * (row * OFFERS_KEPT + index))


@kernel
def _price(book: int, row: int, index: int) -> int:
    return int(load_i8(_place(book, row, index)))


@kernel
def _quantity(book: int, row: int, index: int) -> int:
    return int(load_i8(_place(book, row, index) + 8))


@kernel
def _put(book: int, row: int, index: int, price: int, quantity: int) -> None:
    at = _place(book, row, index)
    store_i8(at, price)
    store_i8(at + 8, quantity)


@kernel
def _move(book: int, row: int, first: int, last: int, by: int) -> None:
    """Move the offers from `first` to before `last` by one place towards the best (1) or the worst (-1)."""
    for step in range(last - first):
        place = last - 1 - step if by > 0 else first + step
        _put(book, row, place + by, _price(book, row, place), _quantity(book, row, place))
