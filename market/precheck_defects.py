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
# How far a bar reaches beyond its own body and both its neighbours: in real files at most 8.1 ‰ (15 minutes of WDO).
BAR_SPIKE_PER_MILLE = 40
# Contracts in one trade. An order was limited to 2,000 (b3.md §2.1); the largest real print is 4,000.
MOST_QUANTITY = 100_000
# Trades whose type says nothing: an alert above 0.1 % of the day (b3.md §5).
UNTYPED_PER_MILLE = 1
# Quantity of a bar without a count of trades, against the median: 31 times in futures, 248 in a share's closing call.
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
    BOOK_LOCKED = 17
    OFF_GRID = 18
    HIGH_BELOW_LOW = 19
    BODY_OUTSIDE_RANGE = 20
    HUGE_VOLUME = 21
    UNUSUAL_VOLUME = 22
    ZERO_RANGE_RUN = 23
    FROZEN_FEED = 24
    FLAT_FILLED = 25
    BAR_SPIKE = 26
    TRADES_BEYOND_VOLUME = 27


# Defects whose worst value is the lowest.
LOWEST = frozenset({Defect.NO_PRICE, Defect.NO_QUANTITY})
IN_LOT_STEPS = frozenset({Defect.HUGE_QUANTITY, Defect.HUGE_VOLUME, Defect.UNUSUAL_VOLUME})
# What happens in a sound market too; everything else cannot be.
POSSIBLE = frozenset({Defect.BOOK_LOCKED, Defect.UNUSUAL_VOLUME, Defect.ZERO_RANGE_RUN, Defect.TRADES_BEYOND_VOLUME})
IN_SECONDS = frozenset({Defect.TIME_BACK, Defect.OUTSIDE_HOURS, Defect.RECEIVED_EARLY, Defect.OFF_GRID})

# By count, the worst value, what quantities count, and the length of a run. A count stands after its noun, so that one
# form serves one and many.
SENTENCES: Mapping[Defect, str] = MappingProxyType(
    {
        Defect.SEQUENCE_BACK: "records that do not follow the sequence before them: {count}, the worst by {worst}",
        Defect.TIME_BACK: "times before the one above: {count}, the worst by {worst} s",
        Defect.TIME_REPEATED: "bars with the time of the one above: {count}",
        Defect.OUTSIDE_HOURS: "times outside the session's hours: {count}, the worst by {worst} s",
        Defect.RECEIVED_EARLY: "records received before they happened: {count}, the worst by {worst} s",
        Defect.UNKNOWN_KIND: "events of no known kind: {count}, as {worst}",
        Defect.UNKNOWN_SIDE: "events without a known side: {count}, as {worst}",
        Defect.UNKNOWN_TRADE_TYPE: "trades of a type the vendor does not list: {count}, as {worst}",
        Defect.UNTYPED_TRADES: "trades whose type says nothing: {count}, {worst} in a thousand",
        Defect.NO_PRICE: "records without a price above zero: {count}, the lowest {worst} ticks",
        Defect.NO_QUANTITY: "records without a quantity above zero: {count}, the lowest {worst}",
        Defect.HUGE_QUANTITY: "trades of an absurd quantity: {count}, up to {worst} {unit}",
        Defect.PRICE_SPIKE: "trades that jump away from both their neighbours: {count}, the worst by {worst} ticks",
        Defect.TRADE_IN_HALT: "trades while the market was not open: {count}, in phase {worst}",
        Defect.TRADE_NUMBER_BACK: "trade numbers below the one before: {count}, the worst by {worst}",
        Defect.TRADE_NUMBER_REPEATED: "trade numbers that were there before: {count}, the highest {worst}",
        Defect.BOOK_CROSSED: "times the best bid stood above the best ask: {count}, the worst by {worst} ticks",
        Defect.BOOK_LOCKED: "times the best bid stood at the best ask: {count}",
        Defect.OFF_GRID: "bars off the grid of the bar length: {count}, the worst by {worst} s",
        Defect.HIGH_BELOW_LOW: "bars with a high below their low: {count}, the worst by {worst} ticks",
        Defect.BODY_OUTSIDE_RANGE: "bars that open or close outside their range: {count}, the worst by {worst} ticks",
        Defect.HUGE_VOLUME: "bars of a volume that so few trades cannot have made: {count}, up to {worst} {unit}",
        Defect.UNUSUAL_VOLUME: "bars of an unusually large volume: {count}, up to {worst} {unit}",
        Defect.ZERO_RANGE_RUN: "runs of {run} bars or more at one price: {count}, the longest {worst}",
        Defect.FROZEN_FEED: "runs of {run} bars or more that repeat a bar: {count}, the longest {worst}",
        Defect.BAR_SPIKE: "bars that reach far beyond what is around: {count}, the worst by {worst} ticks",
        Defect.TRADES_BEYOND_VOLUME: "bars with more trades than contracts: {count}, up to {worst} trades",
        Defect.FLAT_FILLED: "runs of {run} bars or more, flat and without volume: {count}, the longest {worst}",
    }
)
