"""What the library tells beside the market: states, accounts, orders, results. Short copies in a ring of their own.

The ring is large and its reader keeps it: a notice is never lost, and the count of those dropped proves it. Nothing
here decides anything; the reader asks the library for details from its own thread.
"""

from enum import IntEnum

import numpy as np
from numba import types

from live.memory import caller, load_i8, load_u2, record_at, store_i8, store_u2
from live.profitdll.abi import offset
from live.profitdll.codes import ConnStateType, MarketDataResult
from live.profitdll.events import miss_unknown
from live.profitdll.table import (
    BLOCK_WORDS,
    COUNT,
    HEAD_WORDS,
    NOTICES_RING,
    POST,
    POST_BUFFER,
    POST_HANDLE,
    STATE_LOGIN,
    STATES_SEEN,
    WINDOWS,
    count,
    now_ns,
)
from live.ring import claim, drop, head_of, publish
from market.kernel import kernel

TEXT, LONG_TEXT = 40, 64  # units

NOTICE = np.dtype(
    [
        ("sequence", "<i8"),
        ("ts_recv_ns", "<i8"),
        ("order", "<i8"),  # the library's local order id; 0 where it tells none
        ("message", "<i8"),  # message id of a RESULT, event id of a POSITION
        ("kind", "<i4"),  # NoticeKind
        ("code", "<i4"),  # state, result code or progress
        ("broker", "<i4"),  # or what a STATE speaks of
        ("cut", "<i4"),  # 1 where a text was longer than its field
        ("text", "<u2", (TEXT,)),  # ClOrdID, account or ticker
        ("long_text", "<u2", (LONG_TEXT,)),  # the broker's message or name
    ]
)


class NoticeKind(IntEnum):
    """What a notice tells."""

    STATE = 1
    ACCOUNT = 2
    INVALID_TICKER = 3
    ORDER = 4  # something happened to an order
    RESULT = 5  # how far a request got
    POSITION = 6  # a position changed
    HEALTH = 7
    PROGRESS = 8  # of a history request
    ORDERS_LOADED = 9  # past orders of an account are there
    ACCOUNTS = 10  # the accounts of a broker changed


_BYTES = NOTICE.itemsize
_TEXT_AT, _LONG_AT = int(NOTICE.fields["text"][1]), int(NOTICE.fields["long_text"][1])  # type: ignore[index]
_MARKET, _CONNECTED = int(ConnStateType.MARKET_DATA), int(MarketDataResult.CONNECTED)
_LOCAL_ID, _PERMANENT_ID = (offset("TConnectorOrderIdentifier", field) for field in ("LocalOrderID", "ClOrderID"))
_STATE = int(NoticeKind.STATE)
_post_linux = caller(types.int64, types.int32, types.int64, types.int64)
_post_windows = caller(types.int32, types.int64)


@kernel
def begin_notice(table: int, kind: int, code: int, broker: int) -> int:
    """Return the address of a fresh notice; 0 where the ring is full, which is counted."""
    ring = load_i8(table + NOTICES_RING)
    at = claim(ring, 1)
    if at == 0:
        drop(ring)
        return 0
    for word in range(0, _BYTES, 8):
        store_i8(at + word, 0)
    notice = record_at(at, NOTICE)
    notice["sequence"], notice["ts_recv_ns"] = head_of(ring), now_ns(table)
    notice["kind"], notice["code"], notice["broker"] = kind, code, broker
    return at


@kernel
def end_notice(table: int) -> None:
    """Let a notice out and wake the order thread."""
    publish(load_i8(table + NOTICES_RING))
    post(table)


@kernel
def post(table: int) -> None:
    """Wake the order thread, where there is one; it costs a system call and never waits."""
    function = load_i8(table + POST)
    if function == 0:
        return
    if WINDOWS:
        _post_windows(function, load_i8(table + POST_HANDLE))
    else:
        _post_linux(function, load_i8(table + POST_HANDLE), load_i8(table + POST_BUFFER), 8)


@kernel
def write_text(at: int, place: int, room: int, text: int) -> None:
    """Copy 16-bit units up to the NUL into a field of a notice; what is cut is marked."""
    if text == 0:
        return
    for unit in range(room):
        value = load_u2(text + 2 * unit)
        if value == 0:
            return
        store_u2(at + place + 2 * unit, value)
    if load_u2(text + 2 * room) != 0:
        record_at(at, NOTICE)["cut"] = 1


@kernel
def tell(table: int, kind: int, code: int, broker: int, text: int, long_text: int) -> None:
    """Let out a notice with two texts, each an address or 0."""
    at = begin_notice(table, kind, code, broker)
    if at != 0:
        write_text(at, _TEXT_AT, TEXT, text)
        write_text(at, _LONG_AT, LONG_TEXT, long_text)
        end_notice(table)


@kernel
def tell_order(table: int, kind: int, code: int, broker: int, order: int, message: int, text: int) -> None:
    """Let out a notice of an order, told by the address of its identifier; the text is the broker's, or 0."""
    at = begin_notice(table, kind, code, broker)
    if at != 0:
        notice = record_at(at, NOTICE)
        notice["order"], notice["message"] = load_i8(order + _LOCAL_ID), message
        write_text(at, _TEXT_AT, TEXT, load_i8(order + _PERMANENT_ID))
        write_text(at, _LONG_AT, LONG_TEXT, text)
        end_notice(table)


@kernel
def take_state(table: int, what: int, value: int) -> None:
    """Keep the last value of a state; market data that goes away leaves a gap in every ticker."""
    if 0 <= what <= 3:
        place = table + STATE_LOGIN + 8 * what
        if what == _MARKET and load_i8(place) >= _CONNECTED > value:
            for ticker in range(load_i8(table + COUNT)):
                miss_unknown(table + 8 * HEAD_WORDS + 8 * BLOCK_WORDS * ticker)
        store_i8(place, value)
    count(table, STATES_SEEN)
    tell(table, _STATE, value, what, 0, 0)


def text_of(field: np.ndarray) -> str:
    """Return the text of a notice's field."""
    units = field.tolist()
    length = units.index(0) if 0 in units else len(units)
    return field[:length].astype("<u2").tobytes().decode("utf-16-le", errors="replace")
