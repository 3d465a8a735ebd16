"""The flat records that every part of the project exchanges.

Prices are integer ticks, quantities integer lot steps, times int64 nanoseconds UTC. The same bytes lie in
the lake, the ring, the replay and the tests.
"""

from enum import IntEnum, IntFlag

import numpy as np

EVENT = np.dtype(
    [
        ("ts_event_ns", "<i8"),  # exchange time
        ("ts_recv_ns", "<i8"),  # receive time; equal to the exchange time where none was recorded
        ("sequence", "<i8"),  # order within the session, from 0
        ("trade_number", "<i8"),  # exchange trade number, 0 where the source has none
        ("quantity", "<i8"),  # lot steps
        ("price", "<i4"),  # ticks
        ("buyer", "<i4"),  # broker ids, 0 where not sent
        ("seller", "<i4"),
        ("instrument", "<i4"),
        ("kind", "u1"),  # Kind
        ("side", "i1"),  # Side: aggressor of a trade, or side of the book
        ("trade_type", "u1"),  # TradeType
        ("level", "u1"),  # book level from 0, PRICE_KEYED, or the Phase of a STATE event
        ("flags", "<u4"),  # Flag
    ]
)

BAR = np.dtype(
    [
        ("ts_open_ns", "<i8"),
        ("ts_close_ns", "<i8"),
        ("volume", "<i8"),  # lot steps
        ("buy_volume", "<i8"),  # aggressor volumes, 0 where the source has none (Flag.NO_AGGRESSOR)
        ("sell_volume", "<i8"),
        ("turnover", "<i8"),  # sum of ticks x lot steps; 0 where unknown
        ("open", "<i4"),
        ("high", "<i4"),
        ("low", "<i4"),
        ("close", "<i4"),
        ("trades", "<i4"),
        ("buy_trades", "<i4"),
        ("sell_trades", "<i4"),
        ("instrument", "<i4"),
        ("flags", "<u4"),
        ("reserved", "<u4"),
    ]
)

SESSION = np.dtype(
    [
        ("open_ns", "<i8"),
        ("close_ns", "<i8"),
        ("lunch_start_ns", "<i8"),  # 12:00 local
        ("lunch_end_ns", "<i8"),  # 13:00 local
        ("date", "<i4"),  # days since 1970-01-01, local calendar
        ("weekday", "<i4"),  # Monday is 0
    ]
)

PRICE_KEYED = 255  # level of a LEVEL_SET or LEVEL_DELETE that names its level by the price, not by the index


class Kind(IntEnum):
    """What an event says."""

    TRADE = 1
    LEVEL_SET = 2  # the price and quantity that now stand at a level
    LEVEL_DELETE = 3  # nothing stands at that level any more; no other level moves
    BOOK_CLEAR = 4
    QUOTE_SIDE = 5  # best price and quantity of one side; price 0 means that side is empty
    STATE = 6
    EDIT = 7
    GAP = 8
    CLOCK = 9  # a boundary of the decision clock, recorded where the decision path saw it


class Side(IntEnum):
    """A side, or the aggressor of a trade."""

    SELL = -1
    NONE = 0
    BUY = 1


class TradeType(IntEnum):
    """Nelogica's trade types that matter to us (b3.md §5)."""

    UNKNOWN = 0
    CROSS = 1
    BUY_AGGRESSION = 2
    SELL_AGGRESSION = 3
    AUCTION = 4
    RLP = 13


class Phase(IntEnum):
    """Market phase of a STATE event, as ProfitDLL numbers it."""

    OPEN = 0
    FROZEN = 2
    INHIBITED = 3
    AUCTION = 4
    CLOSED = 6
    PRE_CLOSING = 10
    PRE_OPENING = 13


class Flag(IntFlag):
    """Marks on events and bars."""

    INFERRED_AGGRESSOR = 1  # by the quote rule, not sent by the exchange
    SYNTHETIC = 2
    EMPTY = 4  # a bar without trades: open = high = low = close = previous close
    AFTER_GAP = 8  # data are missing just before this record
    NO_AGGRESSOR = 16  # the source cannot tell buys from sells
    BACK_ADJUSTED = 32  # price restated at a roll, rounded to the tick grid
    PARTIAL = 64  # the interval was cut by the start or end of the extract
    NO_TIME = 128  # only the order is known; the time is that of the session's open


class Regime(IntEnum):
    """The market regime (signals.md §8)."""

    UNDEFINED = 0
    TREND_UP = 1
    TREND_DOWN = 2
    RANGE = 3


def events(count: int) -> np.ndarray:
    """Return `count` zeroed EVENT records."""
    return np.zeros(count, dtype=EVENT)


def bars(count: int) -> np.ndarray:
    """Return `count` zeroed BAR records."""
    return np.zeros(count, dtype=BAR)
