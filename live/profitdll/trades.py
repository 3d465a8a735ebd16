"""Trades from inside the library's callbacks: translated, checked, turned into ticks and nanoseconds UTC."""

import math

import numpy as np
from numba import types

from live.memory import caller, load_f8, load_i8, record_at, store_i8
from live.profitdll.abi import offset, record_of
from live.profitdll.codes import TradeCallbackFlags, TradeType
from live.profitdll.events import begin_event, end_event, miss
from live.profitdll.table import (
    HISTORY_EVENTS,
    HISTORY_LAST,
    HISTORY_RING,
    HISTORY_TO_UTC_NS,
    INSTRUMENT,
    LAST_DATE,
    LAST_DAYS,
    LAST_NUMBER,
    NUMBER_BACK,
    NUMBER_JUMPS,
    OFF_GRID,
    OTHER_DAY,
    OUT_OF_RANGE,
    SENTINELS,
    SESSION_DAYS,
    TICK_SIZE,
    TO_UTC_NS,
    TRADE_BUFFER,
    TRANSLATE,
    UNKNOWN_TICKER,
    UNTRANSLATED,
    count,
    find,
    now_ns,
)
from live.ring import claim, drop, publish
from market.kernel import kernel
from market.types import EVENT, Kind

TRADE = record_of("TConnectorTrade")
_TICKER, _EXCHANGE = (offset("TConnectorAssetIdentifier", field) for field in ("Ticker", "Exchange"))
_TRADE, _EDIT = int(Kind.TRADE), int(Kind.EDIT)
_IS_EDIT, _LAST_PACKET = int(TradeCallbackFlags.TC_IS_EDIT), int(TradeCallbackFlags.TC_LAST_PACKET)
_BOUGHT, _SOLD = int(TradeType.BUY_AGGRESSION), int(TradeType.SELL_AGGRESSION)
_MOST_TICKS, _MOST_QUANTITY = 1 << 30, 1 << 40
_SECOND_NS, _DAY_SECONDS = 1_000_000_000, 86_400
_translate = caller(types.int32, types.int64, types.int64)


@kernel
def block_of(table: int, asset: int) -> int:
    """Return the block of an asset's ticker, 0 where nothing of it was asked for, which is counted."""
    block = find(table, load_i8(asset + _TICKER), load_i8(asset + _EXCHANGE))
    if block == 0:
        count(table, UNKNOWN_TICKER)
    return block


@kernel
def ticks_of(table: int, block: int, price: float) -> int:
    """Return a price in ticks; 0 for none (a sentinel), -1 for one this market cannot have. Both are counted."""
    if not (price > 0.0):
        count(table, SENTINELS)
        return 0
    ticks = price / load_f8(block + TICK_SIZE)
    if not (ticks < _MOST_TICKS):
        count(table, OUT_OF_RANGE)
        return -1
    nearest = math.floor(ticks + 0.5)
    if abs(ticks - nearest) > 1e-6:
        count(table, OFF_GRID)
        return -1
    return int(nearest)


@kernel
def days_of(year: int, month: int, day: int) -> int:
    """Return days since 1970-01-01 of a date of the Gregorian calendar."""
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return int(era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468)


@kernel
def utc_ns(table: int, time: np.void, to_utc_ns: int) -> int:
    """Return a wall clock's time in nanoseconds UTC, 0 where it holds no date; days are counted at a new date only."""
    date = int(time["wYear"]) << 16 | int(time["wMonth"]) << 8 | int(time["wDay"])
    if date != load_i8(table + LAST_DATE):
        if time["wYear"] < 1970 or time["wMonth"] < 1 or time["wMonth"] > 12 or time["wDay"] < 1 or time["wDay"] > 31:
            return 0
        store_i8(table + LAST_DATE, date)
        store_i8(table + LAST_DAYS, days_of(int(time["wYear"]), int(time["wMonth"]), int(time["wDay"])))
    days = load_i8(table + LAST_DAYS)
    seconds = int(time["wHour"]) * 3600 + int(time["wMinute"]) * 60 + int(time["wSecond"])
    of_day = (days * _DAY_SECONDS + seconds) * _SECOND_NS + int(time["wMilliseconds"]) * 1_000_000
    return int(of_day + to_utc_ns)


@kernel
def take_live_trade(table: int, asset: int, trade: int, flags: int) -> None:
    """Take one trade of the running session."""
    received_ns = now_ns(table)
    block = block_of(table, asset)
    if block == 0:
        return
    if not _translated(table, trade):
        miss(block)
        return
    found = record_at(load_i8(table + TRADE_BUFFER), TRADE)
    event_ns, ticks = (
        utc_ns(table, found["TradeDate"], load_i8(table + TO_UTC_NS)),
        ticks_of(table, block, found["Price"]),
    )
    worth = _judge(table, event_ns, ticks, found["Quantity"])
    if worth <= 0:
        if worth < 0:
            miss(block)
        return
    if load_i8(table + LAST_DAYS) != load_i8(table + SESSION_DAYS):
        count(table, OTHER_DAY)  # a later one would close every bar up to the session's end
        return
    _follow_number(block, int(found["TradeNumber"]), flags)
    at = begin_event(table, block, event_ns, received_ns, _EDIT if flags & _IS_EDIT else _TRADE)
    if at != 0:
        _write(at, found, ticks)
        end_event(table, block, at, True)


@kernel
def take_past_trade(table: int, asset: int, trade: int, flags: int) -> None:
    """Take one trade of the history that was asked for; its ring has no clock, no step and no gap."""
    ring = load_i8(table + HISTORY_RING)
    if flags & _LAST_PACKET:
        count(table, HISTORY_LAST)
    block = block_of(table, asset)
    if block == 0 or not _translated(table, trade):
        return
    found = record_at(load_i8(table + TRADE_BUFFER), TRADE)
    event_ns = utc_ns(table, found["TradeDate"], load_i8(table + HISTORY_TO_UTC_NS))
    ticks = ticks_of(table, block, found["Price"])
    if _judge(table, event_ns, ticks, found["Quantity"]) <= 0:
        return
    at = claim(ring, 1)
    if at == 0:
        drop(ring)
        return
    event = record_at(at, EVENT)
    event["ts_event_ns"] = event["ts_recv_ns"] = event_ns
    event["sequence"], event["instrument"] = load_i8(block + HISTORY_EVENTS), load_i8(block + INSTRUMENT)
    event["kind"], event["level"], event["flags"] = _EDIT if flags & _IS_EDIT else _TRADE, 0, 0
    _write(at, found, ticks)
    count(block, HISTORY_EVENTS)
    publish(ring)


@kernel
def _translated(table: int, trade: int) -> bool:
    """Let the library write the trade into our buffer; the trade's pointer dies with the callback."""
    if _translate(load_i8(table + TRANSLATE), trade, load_i8(table + TRADE_BUFFER)) == 0:
        return True
    count(table, UNTRANSLATED)
    return False


@kernel
def _judge(table: int, event_ns: int, ticks: int, quantity: int) -> int:
    """Return 1 for a trade, 0 for a sentinel, which means nothing, and -1 for one that cannot be read."""
    if ticks > 0 and event_ns == 0:
        count(table, SENTINELS)
        return 0
    if ticks > 0 and (quantity <= 0 or quantity > _MOST_QUANTITY):
        count(table, OUT_OF_RANGE)
        return -1
    return min(ticks, 1)


@kernel
def _follow_number(block: int, number: int, flags: int) -> None:
    """Count where trade numbers jump or go back; whether that is a loss only the day's record can tell."""
    last = load_i8(block + LAST_NUMBER)
    if flags & _IS_EDIT:
        return
    if last != 0 and number <= last:
        count(block, NUMBER_BACK)
        return
    if last != 0 and number > last + 1:
        count(block, NUMBER_JUMPS)
    store_i8(block + LAST_NUMBER, number)


@kernel
def _write(at: int, found: np.void, ticks: int) -> None:
    event, kind = record_at(at, EVENT), found["TradeType"]
    event["price"], event["quantity"] = ticks, found["Quantity"]
    event["trade_number"] = found["TradeNumber"]
    event["buyer"], event["seller"] = found["BuyAgent"], found["SellAgent"]
    event["trade_type"] = kind
    event["side"] = 1 if kind == _BOUGHT else (-1 if kind == _SOLD else 0)
