"""The deeper levels of the synthetic book, laid behind quotes that are there already.

Each side is a ladder of prices behind its best, one tick apart. Some prices are empty; the first few that are not are
the levels 0, 1, 2 and on. After each quote of a side, that side's levels follow at the same instant:

- LEVEL_SET says the whole of a level: the price and the quantity that now stand at that index. Where the price moves,
  every level that is no longer what was sent last is sent again; nothing shifts by itself.
- LEVEL_DELETE says that a side has no level at that index. The side is that much shallower; deeper ones were deleted
  before.

A consumer keeps one array of prices and quantities per side, writes what a LEVEL_SET says at its index, and clears
both sides at a GAP. The order of the events is such that this array is sound after each of them: prices strictly
ordered, no hole, the bid below the ask. When a side's events are through, its level 0 is its quote.
"""

from typing import NamedTuple

import numpy as np

from market.kernel import kernel
from market.types import Flag, Kind, Side, events

LADDER = 7  # prices behind and including the best
EMPTY_16 = 1  # a price behind the best is empty this often, in 1/16
CHURN_4 = 3  # of four quotes, so many come with a change of one deeper price

_QUOTE, _GAP = int(Kind.QUOTE_SIDE), int(Kind.GAP)
_SET, _DELETE = int(Kind.LEVEL_SET), int(Kind.LEVEL_DELETE)
_BUY, _SYNTHETIC = int(Side.BUY), int(Flag.SYNTHETIC)


class Ladder(NamedTuple):
    """Both sides of the book and what was sent of them; rows are bid and ask, i8 throughout.

    Shapes: ``sizes`` (2, LADDER), lots by ticks behind the best, 0 where empty; ``best`` (2,), 0 before the first
    quote; ``price`` and ``lots`` (2, levels), as they are now; ``sent_price`` and ``sent_lots`` likewise;
    ``listed`` and ``sent_listed`` (2,), how many levels those are.
    """

    sizes: np.ndarray
    best: np.ndarray
    price: np.ndarray
    lots: np.ndarray
    listed: np.ndarray
    sent_price: np.ndarray
    sent_lots: np.ndarray
    sent_listed: np.ndarray


def add_levels(records: np.ndarray, levels: int, draws: np.ndarray) -> np.ndarray:
    """Return the events with the levels of the book among them.

    Parameters
    ----------
    records : ndarray
        EVENT in order; kept as they are, but for the sequence, which is left to the caller.
    levels : int
        Levels a side, 2 to LADDER.
    draws : ndarray
        i8[LADDER * quotes] in [0, 2**53).
    """
    quotes = int(np.count_nonzero(records["kind"] == _QUOTE))
    out = events(len(records) + levels * quotes)
    rows = follow_quotes(records, draws, new_ladder(levels), out)
    return out[:rows].copy()


def new_ladder(levels: int) -> Ladder:
    """Return the book before the first quote."""
    wide = [np.zeros((2, levels), np.int64) for _ in range(4)]
    return Ladder(
        np.zeros((2, LADDER), np.int64), np.zeros(2, np.int64), wide[0], wide[1], np.zeros(2, np.int64),
        wide[2], wide[3], np.zeros(2, np.int64),
    )  # fmt: skip


@kernel
def draw_size(draw: int, depth: int) -> int:
    """Return the lots at a price `depth` ticks behind the best, 0 where it is empty; larger the deeper."""
    if ((draw >> 7) & 15) < EMPTY_16:
        return 0
    return int((2 + (draw & 7)) * (6 + 2 * min(depth, 4)) + ((draw >> 3) & 15))


@kernel
def move_best(sizes: np.ndarray, away: int, draws: np.ndarray) -> None:
    """Move one side's ladder `away` ticks from the other side (towards it where negative); draw the prices it gains."""
    for step in range(LADDER):
        depth = step if away > 0 else LADDER - 1 - step
        source = depth + away
        if 0 <= source < LADDER:
            sizes[depth] = sizes[source]
        else:
            sizes[depth] = draw_size(draws[depth], depth)


@kernel
def churn_size(sizes: np.ndarray, draw: int) -> None:
    """Let orders join or leave at one price behind the best; it may empty, or fill again."""
    if (draw & 3) >= CHURN_4:
        return
    depth = 1 + (draw >> 2) % (LADDER - 1)
    drawn = draw_size(draw >> 10, depth)
    sizes[depth] = drawn if drawn == 0 or sizes[depth] == 0 else (3 * sizes[depth] + drawn) // 4


@kernel
def take_best(book: Ladder, side: int, price: int, lots: int, draws: np.ndarray) -> None:
    """Lay one side's ladder behind a new quote, and list its levels."""
    row = 0 if side == _BUY else 1
    away = (book.best[row] - price) * side if book.best[row] > 0 else LADDER
    if away != 0:
        move_best(book.sizes[row], away, draws)
    churn_size(book.sizes[row], draws[0] >> 20)
    book.best[row], book.sizes[row, 0] = price, lots
    count = 0
    for depth in range(LADDER):
        if book.sizes[row, depth] > 0 and count < book.price.shape[1]:
            book.price[row, count], book.lots[row, count] = price - side * depth, book.sizes[row, depth]
            count += 1
    book.listed[row] = count


@kernel
def send_level(book: Ladder, side: int, level: int, quote: np.void, row: np.void) -> int:
    """Write one level, or that it is gone, if this differs from what was sent; return the rows written."""
    line = 0 if side == _BUY else 1
    present = level < book.listed[line]
    price, lots = (book.price[line, level], book.lots[line, level]) if present else (0, 0)
    if price == book.sent_price[line, level] and lots == book.sent_lots[line, level]:
        return 0
    row["kind"] = _SET if present else _DELETE
    row["side"], row["level"], row["price"], row["quantity"] = side, level, price, lots
    row["ts_event_ns"], row["instrument"], row["flags"] = quote["ts_event_ns"], quote["instrument"], _SYNTHETIC
    book.sent_price[line, level], book.sent_lots[line, level] = price, lots
    return 1


@kernel
def send_side(book: Ladder, side: int, quote: np.void, out: np.ndarray) -> int:
    """Write what changed on one side; return the rows written.

    What is gone goes first, from the deepest. Then the levels whose price goes away from the other side, from the
    deepest, so that each finds the next one already further; then those that come nearer, from the best, and what is
    added behind them.
    """
    line = 0 if side == _BUY else 1
    count, sent = book.listed[line], book.sent_listed[line]
    rows = 0
    for level in range(sent - 1, count - 1, -1):
        rows += send_level(book, side, level, quote, out[rows])
    for level in range(min(count, sent) - 1, -1, -1):
        if (book.sent_price[line, level] - book.price[line, level]) * side > 0:
            rows += send_level(book, side, level, quote, out[rows])
    for level in range(count):
        rows += send_level(book, side, level, quote, out[rows])
    book.sent_listed[line] = count
    return rows


@kernel
def forget_book(book: Ladder) -> None:
    """Begin anew: what was sent before a gap says nothing."""
    book.best[:] = 0
    book.sent_listed[:] = 0
    book.sent_price[:] = 0
    book.sent_lots[:] = 0


@kernel
def follow_quotes(records: np.ndarray, draws: np.ndarray, book: Ladder, out: np.ndarray) -> int:
    """Copy the events to `out`, each quote followed by the levels it changes; return the rows."""
    rows, quotes = 0, 0
    for index in range(records.size):
        event = records[index]
        out[rows] = event
        rows += 1
        if event["kind"] == _GAP:
            forget_book(book)
        elif event["kind"] == _QUOTE:
            side = int(event["side"])
            take_best(book, side, event["price"], event["quantity"], draws[quotes * LADDER : (quotes + 1) * LADDER])
            rows += send_side(book, side, event, out[rows:])
            quotes += 1
    return rows
