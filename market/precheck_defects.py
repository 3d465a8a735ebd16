"""What the pre-check looks for, and from what size on it is a defect.

Each threshold stands with its source: a rule of the exchange, or the most that real files show (data/README.md), with
room. Sizes inside the room are a market's own; they are not reported.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

SECOND_NS = 1_000_000_000

# An opening call may run on past the open (to 09:03:10 on 2020-04-02); a quarter of an hour later it is over.
CALL_OVER_NS = 15 * 60 * SECOND_NS
# Receive time may lie before event time by the skew of two clocks: 1.27 s in a real recording; at 2 s entries stop.
EARLY_NS = 2 * SECOND_NS
# Past the auction tunnel (300 points of some 50,000: b3.md §2.1) no print can follow another; real ticks: 0.4 ‰.
SPIKE_PER_MILLE = 6
SPIKE_TICKS = 20
# Contracts in one trade. An order was limited to 2,000 (b3.md §2.1); the largest real print is 4,000.
MOST_QUANTITY = 100_000
# Trades whose type says nothing: an alert above 0.1 % of the day (b3.md §5).
UNTYPED_PER_MILLE = 1
# Contracts per trade of a bar, against the median of the series: 131 times in real files, 1,044 in the known false one.
MOST_PER_TRADE = 300
# Contracts of a bar without a count of trades, against the median: 31 times in real files.
MOST_VOLUME = 100
# Bars without movement in a row: 3 in real files, but for 253 at the price limits of March 2020, which are told.
LONG_RUN = 10


class Defect(IntEnum):
    """What can be wrong; the number is the row of its tally."""

    SEQUENCE_BACK = 0
    TIME_BACK = 1
    TIME_REPEATED = 2
    OUTSIDE_HOURS = 3
    RECEIVED_EARLY = 4
    UNKNOWN_KIND = 5
    UNKNOWN_SIDE = 6
    UNKNOWN_TRADE_TYPE = 7
    UNTYPED_TRADES = 8
    NO_PRICE = 9
    NO_QUANTITY = 10
    HUGE_QUANTITY = 11
    PRICE_SPIKE = 12
    TRADE_IN_HALT = 13
    TRADE_NUMBER_BACK = 14
    TRADE_NUMBER_REPEATED = 15
    BOOK_CROSSED = 16
    OFF_GRID = 17
    HIGH_BELOW_LOW = 18
    BODY_OUTSIDE_RANGE = 19
    HUGE_VOLUME = 20
    ZERO_RANGE_RUN = 21
    FROZEN_FEED = 22
    FLAT_FILLED = 23


# Defects whose worst value is the lowest.
LOWEST = frozenset({Defect.NO_PRICE, Defect.NO_QUANTITY})
IN_SECONDS = frozenset({Defect.TIME_BACK, Defect.OUTSIDE_HOURS, Defect.RECEIVED_EARLY, Defect.OFF_GRID})

# By count, the worst value, and the length of a run.
SENTENCES: Mapping[Defect, str] = MappingProxyType(
    {
        Defect.SEQUENCE_BACK: "{count} records do not follow the sequence before them, the worst by {worst}",
        Defect.TIME_BACK: "{count} times lie before the one above, the worst by {worst} s",
        Defect.TIME_REPEATED: "{count} bars have the time of the one above",
        Defect.OUTSIDE_HOURS: "{count} times lie outside the session's hours, the worst by {worst} s",
        Defect.RECEIVED_EARLY: "{count} records were received before they happened, the worst by {worst} s",
        Defect.UNKNOWN_KIND: "{count} events are of no known kind, as {worst}",
        Defect.UNKNOWN_SIDE: "{count} events have no known side, as {worst}",
        Defect.UNKNOWN_TRADE_TYPE: "{count} trades have a type the vendor does not list, as {worst}",
        Defect.UNTYPED_TRADES: "{count} trades have a type that says nothing, {worst} in a thousand",
        Defect.NO_PRICE: "{count} records lack a price above zero, the lowest is {worst} ticks",
        Defect.NO_QUANTITY: "{count} records lack a quantity above zero, the lowest is {worst}",
        Defect.HUGE_QUANTITY: "{count} trades are of an absurd quantity, up to {worst} contracts",
        Defect.PRICE_SPIKE: "{count} trades jump away from both their neighbours, the worst by {worst} ticks",
        Defect.TRADE_IN_HALT: "{count} trades happened while the market was not open, in phase {worst}",
        Defect.TRADE_NUMBER_BACK: "{count} trade numbers lie below the one before, the worst by {worst}",
        Defect.TRADE_NUMBER_REPEATED: "{count} trade numbers were there before, the highest is {worst}",
        Defect.BOOK_CROSSED: "{count} times the best bid stood at or above the best ask, the worst by {worst} ticks",
        Defect.OFF_GRID: "{count} bars are off the grid of the bar length, the worst by {worst} s",
        Defect.HIGH_BELOW_LOW: "{count} bars have a high below their low, the worst by {worst} ticks",
        Defect.BODY_OUTSIDE_RANGE: "{count} bars open or close outside their range, the worst by {worst} ticks",
        Defect.HUGE_VOLUME: "{count} bars are of an absurd volume, up to {worst} contracts",
        Defect.ZERO_RANGE_RUN: "{count} runs of {run} bars or more trade at one price, the longest is {worst}",
        Defect.FROZEN_FEED: "{count} runs of {run} bars or more repeat a bar, the longest is {worst}",
        Defect.FLAT_FILLED: "{count} runs of {run} bars or more are flat without volume, the longest is {worst}",
    }
)
