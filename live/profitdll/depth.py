"""Price depth, tiny book and market phase from inside the library's callbacks.

The library's notice of a change carries no price: the levels are read from the library, from the changed one on, and
those that differ from what was last told become events. So our levels are the library's, whatever its notices left out.
A burst (prepare … flush) is read once, at its end.
"""

import math

from numba import types

from live.memory import caller, load_i8, load_u1, record_at, store_i8, store_u1
from live.profitdll.abi import record_of
from live.profitdll.codes import DepthUpdateType, PriceGroupFlags
from live.profitdll.events import begin_event, end_event, mark_from, miss
from live.profitdll.table import (
    BURST,
    DEPTH,
    DEPTH_COUNT,
    DEPTH_EVENTS,
    DEPTH_GROUP,
    DIRTY,
    GROUP_BUFFER,
    LEVELS,
    NOT_FINITE,
    PHASE,
    count,
    now_ns,
)
from live.profitdll.trades import block_of, ticks_of
from market.kernel import kernel
from market.types import EVENT, Kind

GROUP = record_of("TConnectorPriceGroup")
_SET, _DELETE, _STATE, _QUOTE = int(Kind.LEVEL_SET), int(Kind.LEVEL_DELETE), int(Kind.STATE), int(Kind.QUOTE_SIDE)
_PREPARE, _FLUSH = int(DepthUpdateType.PREPARE), int(DepthUpdateType.FLUSH)
_EDITED, _THEORETICAL = int(DepthUpdateType.EDIT), int(DepthUpdateType.THEORIC_PRICE)
_FULL = int(DepthUpdateType.FULL_BOOK)
_IS_THEORETICAL = int(PriceGroupFlags.PG_IS_THEORIC)
_side_count = caller(types.int32, types.int64, types.uint8)
_group = caller(types.int32, types.int64, types.uint8, types.int32, types.int64)


@kernel
def take_depth(table: int, asset: int, side: int, position: int, update: int) -> None:
    """Take one notice of the price depth. A burst and a whole book are of both sides, whichever side they name."""
    block = block_of(table, asset)
    if block == 0:
        return
    count(block, DEPTH_EVENTS)
    both = side > 1 or update in (_PREPARE, _FLUSH, _FULL)
    for row in range(2):
        if side == row or both:
            _take_side(table, block, asset, row, position, update)


@kernel
def _take_side(table: int, block: int, asset: int, row: int, position: int, update: int) -> None:
    burst, dirty = block + BURST + row, block + DIRTY + row
    if update == _PREPARE:
        store_u1(burst, 1)
        return
    first, marked = LEVELS, load_u1(dirty)
    if update == _FLUSH:
        store_u1(burst, 0)
    else:
        first = 0 if update in (_FULL, _THEORETICAL) else max(min(position, LEVELS), 0)
    if load_u1(burst) != 0:
        mark_from(block, row, first)
        return
    store_u1(dirty, 0)
    if marked == 0 and update == _EDITED:
        _read_side(table, block, asset, row, first, first + 1)
    else:
        _read_side(table, block, asset, row, first if marked == 0 else min(first, marked - 1), LEVELS)


@kernel
def _read_side(table: int, block: int, asset: int, row: int, first: int, last: int) -> None:
    """Read levels from the library and let out those that changed."""
    received_ns = now_ns(table)
    there = _side_count(load_i8(table + DEPTH_COUNT), asset, row)
    if there < 0:
        mark_from(block, row, first)
        return
    for level in range(first, min(last, LEVELS)):
        price = quantity = 0
        if level < there:
            price, quantity = _read_level(table, block, asset, row, level)
            if price < 0:
                continue
        _tell_level(table, block, row, level, price, quantity, received_ns)


@kernel
def _read_level(table: int, block: int, asset: int, row: int, level: int) -> tuple[int, int]:
    """Return price in ticks and quantity of a level; a price below 0 where it says nothing."""
    at = load_i8(table + GROUP_BUFFER)
    store_u1(at, 0)
    if _group(load_i8(table + DEPTH_GROUP), asset, row, level, at) != 0:
        mark_from(block, row, level)  # gone meanwhile: the next notice reads it again
        return -1, 0
    found = record_at(at, GROUP)
    if found["PriceGroupFlags"] & _IS_THEORETICAL or not math.isfinite(found["Price"]):
        count(table, NOT_FINITE)
        return -1, 0
    ticks, quantity = ticks_of(table, block, found["Price"]), int(found["Quantity"])
    if ticks <= 0 or quantity <= 0:
        return -1, 0
    return ticks, quantity


@kernel
def _tell_level(table: int, block: int, row: int, level: int, price: int, quantity: int, received_ns: int) -> None:
    known = block + DEPTH + 16 * (row * LEVELS + level)
    if load_i8(known) == price and load_i8(known + 8) == quantity:
        return
    if quantity == 0 and load_i8(known) < 0:  # after a gap no level is known that could be deleted
        store_i8(known, 0)
        store_i8(known + 8, 0)
        return
    at = begin_event(table, block, received_ns, received_ns, _DELETE if quantity == 0 else _SET)
    if at == 0:
        return
    store_i8(known, price)
    store_i8(known + 8, quantity)
    event = record_at(at, EVENT)
    event["price"], event["quantity"] = price, quantity
    event["side"], event["level"] = 1 if row == 0 else -1, level
    end_event(table, block, at, True)


@kernel
def take_quote(table: int, asset: int, price: float, quantity: int, side: int) -> None:
    """Take one side of the best quote; a price of 0 says the side is empty."""
    received_ns = now_ns(table)
    block = block_of(table, asset)
    if block == 0:
        return
    ticks = 0 if quantity <= 0 or price == 0.0 else ticks_of(table, block, price)
    if ticks < 0:
        miss(block)
        return
    at = begin_event(table, block, received_ns, received_ns, _QUOTE)
    if at != 0:
        event = record_at(at, EVENT)
        event["price"], event["quantity"] = ticks, quantity if ticks > 0 else 0
        event["side"] = 1 if side == 0 else -1
        end_event(table, block, at, True)


@kernel
def take_phase(table: int, asset: int, phase: int) -> None:
    """Take a change of the market's phase."""
    received_ns = now_ns(table)
    block = block_of(table, asset)
    if block == 0:
        return
    store_i8(block + PHASE, phase)
    at = begin_event(table, block, received_ns, received_ns, _STATE)
    if at != 0:
        record_at(at, EVENT)["level"] = phase & 255
        end_event(table, block, at, True)
