"""The one table that compiled callbacks and Python share: addresses, states, counters, and a block per ticker.

The library hands its callbacks no pointer of ours, so the table's address is a symbol the callbacks are linked to. It
is allocated once in a process and never freed: the library's thread may outlive everything else.
"""

import ctypes
import sys
from enum import IntEnum
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types

from live.memory import caller, load_i8, load_u2, store_i8, typed_intrinsic
from live.profitdll.abi import STRUCTURES
from market.kernel import kernel

SYMBOL = "pregao_profitdll_table"
WINDOWS = sys.platform == "win32"
TICKERS = 16  # blocks
LEVELS = 10  # of each side of the depth
_REALTIME = 0

# Words of the head. What belongs to the library's thread and what Python writes are never the same word.
(
    TRANSLATE, DEPTH_COUNT, DEPTH_GROUP, FREE_POINTER, THEORETICAL,  # the library's functions
    CLOCK, CLOCK_BUFFER, TRADE_BUFFER, GROUP_BUFFER, EVENTS_RING, HISTORY_RING, NOTICES_RING,
    POST, POST_HANDLE, POST_BUFFER, WAIT,  # what wakes the order thread
    TO_UTC_NS, HISTORY_TO_UTC_NS,  # from the exchange's wall clock
    STATE_LOGIN, STATE_ROUTING, STATE_MARKET, STATE_ACTIVATION,  # last value of each, NEVER before one came
    STATES_SEEN, HEALTH, CALLS, UNKNOWN_TICKER, UNTRANSLATED, SENTINELS, OFF_GRID, OUT_OF_RANGE, NOT_FINITE,
    HISTORY_LAST, HISTORY_PROGRESS, LAST_DATE, LAST_DAYS, OFFERS_LOST, COUNT,
    TAKE,  # what takes a post away
    SESSION_DAYS, OTHER_DAY,
) = range(0, 40 * 8, 8)  # fmt: skip
HEAD_WORDS = 64

# Words of a ticker's block.
(
    KEY, EXCHANGE, INSTRUMENT, TICK_SIZE, MISSED, EVENTS, HISTORY_EVENTS, LAST_RECEIVED_NS, LAST_NUMBER, NUMBER_JUMPS,
    NUMBER_BACK, NEXT_CLOCK_NS, LAST_CLOCK_NS, BAR_NS, STEP, STEP_STATE, BURST, DIRTY, DEPTH_EVENTS,
    THEORETICAL_PRICE, THEORETICAL_QUANTITY, SETTLEMENT, DAILY_VOLUME, DAILY_QUANTITY, DAILY_TRADES, PHASE, OFFERS,
    OFFERS_STALE,
) = range(0, 28 * 8, 8)  # fmt: skip
SIDES = 2  # BURST and DIRTY hold one byte per side
DEPTH = 32 * 8  # per side and level: price in ticks, quantity
BLOCK_WORDS = 32 + SIDES * LEVELS * 2
NEVER = -1

_call_clock = caller(types.void, types.int64) if WINDOWS else caller(types.int32, types.int32, types.int64)
FILETIME_EPOCH = 116_444_736_000_000_000  # 1970-01-01 in units of 100 ns since 1601


class Counter(IntEnum):
    """What the callbacks count, by its place in the table."""

    CALLS = CALLS
    UNKNOWN_TICKER = UNKNOWN_TICKER  # of no subscription of ours
    UNTRANSLATED = UNTRANSLATED  # TranslateTrade failed
    SENTINELS = SENTINELS  # price not above zero, or no date
    OFF_GRID = OFF_GRID  # a price between two ticks
    OUT_OF_RANGE = OUT_OF_RANGE  # quantity or price no market has
    OTHER_DAY = OTHER_DAY  # trades of another day than the session's
    NOT_FINITE = NOT_FINITE  # theoretical levels of an auction
    OFFERS_LOST = OFFERS_LOST  # offers that could not be placed in a book


@typed_intrinsic
def table_address(typing: Any) -> Any:
    """Return the table's address: the symbol is bound when the code is built, and reads 0 where it was missing."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        module = builder.module
        name = module.globals.get(SYMBOL) or ir.GlobalVariable(module, ir.IntType(8), SYMBOL)
        name.linkage = "external"
        return builder.ptrtoint(name, ir.IntType(64))

    return types.int64(), generate


@kernel
def now_ns(table: int) -> int:
    """Return the system's time, nanoseconds UTC; for the library's thread alone, whose buffer it is."""
    return read_clock(table, load_i8(table + CLOCK_BUFFER))


@kernel
def read_clock(table: int, buffer: int) -> int:
    """Return the system's time by way of sixteen bytes that no other thread uses meanwhile."""
    clock = load_i8(table + CLOCK)
    if WINDOWS:
        _call_clock(clock, buffer)
        return int((load_i8(buffer) - FILETIME_EPOCH) * 100)
    _call_clock(clock, _REALTIME, buffer)
    return int(load_i8(buffer) * 1_000_000_000 + load_i8(buffer + 8))


@kernel
def count(table: int, place: int) -> None:
    """Add one to a counter."""
    store_i8(table + place, load_i8(table + place) + 1)


@kernel
def pack(text: int) -> int:
    """Return up to eight ASCII units as one number; -1 for what is longer, not ASCII or not there."""
    if text == 0:
        return -1
    key = 0
    for place in range(9):
        unit = int(load_u2(text + 2 * place))
        if unit == 0:
            return key
        if place == 8 or unit > 127:
            return -1
        key |= unit << (8 * place)
    return -1


@kernel
def find(table: int, ticker: int, exchange: int) -> int:
    """Return the block of a ticker and an exchange, each an address of 16-bit units; 0 where there is none."""
    key, letter = pack(ticker), pack(exchange)
    for place in range(load_i8(table + COUNT)):
        block = table + 8 * HEAD_WORDS + 8 * BLOCK_WORDS * place
        if load_i8(block + KEY) == key and load_i8(block + EXCHANGE) == letter:
            return int(block)
    return 0


def key_of(text: str) -> int:
    """Return what `pack` returns for a text, -1 where it cannot be told by a key."""
    plain = text.encode("ascii", errors="replace")
    if len(text) > 8 or not text.isascii():
        return -1
    return int.from_bytes(plain, "little")


class Table:
    """The table of this process, with the buffers it points to. Made by `table`, never freed."""

    def __init__(self) -> None:
        self.words = np.zeros(HEAD_WORDS + BLOCK_WORDS * TICKERS, dtype=np.int64)
        self._trade = ctypes.create_string_buffer(ctypes.sizeof(STRUCTURES["TConnectorTrade"]))
        self._group = ctypes.create_string_buffer(ctypes.sizeof(STRUCTURES["TConnectorPriceGroup"]))
        self._clock = ctypes.create_string_buffer(16)
        self._wake = (ctypes.c_uint64 * 3)(1, 0, 0)  # what is posted, room for what is read, what is polled
        self[CLOCK], self[CLOCK_BUFFER] = _clock_address(), ctypes.addressof(self._clock)
        self[TRADE_BUFFER], self[GROUP_BUFFER] = ctypes.addressof(self._trade), ctypes.addressof(self._group)
        for state in (STATE_LOGIN, STATE_ROUTING, STATE_MARKET, STATE_ACTIVATION):
            self[state] = NEVER
        keep(self)
        llvmlite.binding.add_symbol(SYMBOL, self.address)

    def __getitem__(self, place: int) -> int:
        return int(self.words[place // 8])

    def __setitem__(self, place: int, value: int) -> None:
        self.words[place // 8] = value

    @property
    def address(self) -> int:
        """Where the table lies."""
        return int(self.words.ctypes.data)

    @property
    def wake_buffer(self) -> int:
        """Where what is posted lies."""
        return ctypes.addressof(self._wake)

    def block(self, place: int) -> np.ndarray:
        """Return the words of a ticker's block, a view."""
        first = HEAD_WORDS + BLOCK_WORDS * place
        return self.words[first : first + BLOCK_WORDS]


_kept: list[Table] = []


def table() -> Table:
    """Return this process's table, made at the first call: what is compiled is linked to its address."""
    if not _kept:
        _kept.append(Table())
    return _kept[0]


def keep(what: object) -> None:
    """Hold an object for as long as the process lives, its end included: the library's thread may still use it."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(what))


def _clock_address() -> int:
    if sys.platform == "win32":
        function = ctypes.WinDLL("kernel32").GetSystemTimePreciseAsFileTime
    else:
        function = ctypes.CDLL(None).clock_gettime
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)
