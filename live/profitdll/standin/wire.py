"""The file that library and venue share (wire.h), as numpy records."""

from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np

MAGIC, VERSION = 0x4F414750, 1
EVENTS, REQUESTS = 65_536, 1_024  # slots of the rings
ORDERS, POSITIONS, ACCOUNTS, ASSETS, KINDS = 4_096, 64, 16, 16, 64
PATH_VARIABLE = "PREGAO_STANDIN"

WIRE_EVENT = np.dtype(
    [
        ("session", "<u4"),
        ("kind", "<u2"),
        ("side", "u1"),
        ("type", "u1"),
        ("time_ms", "<i8"),
        ("price", "<f8"),
        ("volume", "<f8"),
        ("quantity", "<i8"),
        ("number", "<i8"),
        ("asset", "<i4"),
        ("a", "<i4"),
        ("b", "<i4"),
        ("flags", "<u2"),
        ("extra", "<u2"),
    ]
)
WIRE_REQUEST = np.dtype(
    [
        ("session", "<u4"),
        ("kind", "<u2"),
        ("side", "u1"),
        ("type", "u1"),
        ("account", "<i4"),
        ("asset", "<i4"),
        ("local_id", "<i8"),
        ("message_id", "<i8"),
        ("price", "<f8"),
        ("stop_price", "<f8"),
        ("quantity", "<i8"),
        ("start_ms", "<i8"),
        ("end_ms", "<i8"),
        ("row", "<i8"),
        ("text", "<u2", (4, 54)),
    ]
)
WIRE_ORDER = np.dtype(
    [
        ("sequence", "<u4"),
        ("session", "<u4"),
        ("local_id", "<i8"),
        ("message_id", "<i8"),
        ("row", "<i4"),
        ("account", "<i4"),
        ("asset", "<i4"),
        ("reserved", "<i4"),
        ("quantity", "<i8"),
        ("traded", "<i8"),
        ("leaves", "<i8"),
        ("price", "<f8"),
        ("stop_price", "<f8"),
        ("average_price", "<f8"),
        ("date_ms", "<i8"),
        ("update_ms", "<i8"),
        ("close_ms", "<i8"),
        ("event_id", "<i8"),
        ("side", "u1"),
        ("type", "u1"),
        ("status", "u1"),
        ("validity", "u1"),
        ("pad", "u1", (4,)),
        ("cl_ord_id", "<u2", (40,)),
        ("text", "<u2", (88,)),
    ]
)
WIRE_RESULT = np.dtype([("local_id", "<i8"), ("cl_ord_id", "<u2", (40,)), ("text", "<u2", (84,))])
WIRE_DAILY = np.dtype([("value", "<f8", (10,)), ("count", "<i4", (8,)), ("reserved", "<i8", (2,))])
WIRE_POSITION = np.dtype(
    [
        ("sequence", "<u4"),
        ("account", "<i4"),
        ("asset", "<i4"),
        ("side", "u1"),
        ("pad", "u1", (3,)),
        ("open_quantity", "<i8"),
        ("open_average", "<f8"),
        ("sell_average", "<f8"),
        ("sell_quantity", "<i8"),
        ("buy_average", "<f8"),
        ("buy_quantity", "<i8"),
        ("event_id", "<i8"),
        ("reserved", "<i8", (7,)),
    ]
)
WIRE_ACCOUNT = np.dtype(
    [
        ("sequence", "<u4"),
        ("broker", "<i4"),
        ("visible", "<u4"),
        ("flags", "<u4"),
        ("account", "<u2", (48,)),
        ("broker_name", "<u2", (64,)),
        ("owner", "<u2", (64,)),
        ("reserved", "u1", (144,)),
    ]
)
WIRE_ASSET = np.dtype(
    [
        ("sequence", "<u4"),
        ("dated", "<u4"),
        ("tick", "<f8"),
        ("point_value", "<f8"),
        ("last_close", "<f8"),
        ("ticker", "<u2", (32,)),
        ("exchange", "<u2", (4,)),
        ("reserved", "u1", (24,)),
    ]
)
WIRE_HEADER = np.dtype(
    [
        ("magic", "<u4"),
        ("version", "<u4"),
        ("size", "<u8"),
        ("policy", "<u4"),
        ("phase", "<u4"),
        ("today_ms", "<i8"),
        ("clock_ms", "<i8"),
        ("market_state", "<u4"),
        ("routing_state", "<u4"),
        ("accounts", "<u4"),
        ("assets", "<u4"),
        ("orders", "<u4"),
        ("positions", "<u4"),
        ("busy", "<u4"),
        ("pad0", "<u4"),
        ("hang_ms", "<u4", (KINDS,)),
        ("pad1", "u1", (184,)),
        ("session", "<u4"),
        ("pid", "<u4"),
        ("next_local_id", "<i8"),
        ("next_message_id", "<i8"),
        ("forbidden_calls", "<u8"),
        ("late_translations", "<u8"),
        ("dispatched", "<u8"),
        ("beats", "<u8"),
        ("pad2", "u1", (8,)),
        ("event_head", "<u8"),
        ("pad3", "u1", (56,)),
        ("event_tail", "<u8"),
        ("pad4", "u1", (56,)),
        ("request_head", "<u8"),
        ("pad5", "u1", (56,)),
        ("request_tail", "<u8"),
        ("pad6", "u1", (56,)),
        ("released", "<i8"),
        ("stop", "<u4"),
        ("pad7", "<u4"),
        ("served", "<i8"),
        ("ready", "<u4"),
        ("logins", "<u4"),
        ("due_ns", "<i8"),
        ("rests", "<u8"),
        ("pad8", "u1", (16,)),
        ("until_ns", "<i8"),
        ("pad9", "u1", (120,)),
    ]
)
WIRE_FILE = np.dtype(
    [
        ("header", WIRE_HEADER),
        ("events", WIRE_EVENT, (EVENTS,)),
        ("requests", WIRE_REQUEST, (REQUESTS,)),
        ("orders", WIRE_ORDER, (ORDERS,)),
        ("positions", WIRE_POSITION, (POSITIONS,)),
        ("accounts", WIRE_ACCOUNT, (ACCOUNTS,)),
        ("assets", WIRE_ASSET, (ASSETS,)),
    ]
)


class EventKind(IntEnum):
    """Of events."""

    STATE = 1
    TRADE = 2
    DEPTH = 3
    TINY_BOOK = 4
    DAILY = 5
    TICKER_STATE = 6
    THEORETICAL = 7
    INVALID_TICKER = 8
    ACCOUNT = 9
    ORDER = 10
    RESULT = 11
    POSITION = 12
    ORDERS_LOADED = 13
    HISTORY = 14
    PROGRESS = 15
    STALL = 16
    CRASH = 17


class RequestKind(IntEnum):
    """Of requests, and of the accessors that can be told to hang."""

    LOGIN = 1
    FINALIZE = 2
    SUBSCRIBE = 3
    UNSUBSCRIBE = 4
    HISTORY = 5
    ACCOUNTS = 6
    ORDERS = 7
    SEND = 8
    CHANGE = 9
    CANCEL = 10
    CANCEL_ASSET = 11
    CANCEL_ALL = 12
    ZERO = 13
    READ_ORDER = 32
    READ_POSITION = 33


class Policy(IntEnum):
    """Bits of the header's `policy`."""

    REFUSE_IN_CALLBACK = 1
    REFUSE_STOP_CHANGE = 2
    ZERO_FLAT_ARGS = 4


class Wire(NamedTuple):
    """The mapped file.

    Attributes
    ----------
    header : ndarray of WIRE_HEADER, length 1
    cursors : ndarray of int64
        The header as words; HEAD and TAIL name the cursors among them.
    events : ndarray of WIRE_EVENT, shape (EVENTS,)
    requests : ndarray of WIRE_REQUEST, shape (REQUESTS,)
    orders, positions, accounts, assets : ndarray
        The tables.
    """

    header: np.ndarray
    cursors: np.ndarray
    events: np.ndarray
    requests: np.ndarray
    orders: np.ndarray
    positions: np.ndarray
    accounts: np.ndarray
    assets: np.ndarray


def _word(field: str) -> int:
    fields = WIRE_HEADER.fields
    assert fields is not None
    return int(fields[field][1]) // 8


EVENT_HEAD, EVENT_TAIL = _word("event_head"), _word("event_tail")
REQUEST_HEAD, REQUEST_TAIL = _word("request_head"), _word("request_tail")
RELEASED, SERVED, DUE_NS, RESTS, UNTIL_NS = map(_word, ("released", "served", "due_ns", "rests", "until_ns"))


def create(path: Path) -> Wire:
    """Write an empty file at `path` and map it; the header's magic is written last, by `open_for_logins`."""
    with path.open("wb") as file:
        file.truncate(WIRE_FILE.itemsize)
    return attach(path)


def attach(path: Path) -> Wire:
    """Map an existing file.

    Raises
    ------
    ValueError
        If the file is too short.
    """
    mapped = np.memmap(path, dtype=WIRE_FILE, mode="r+", shape=(1,))
    fields = [mapped[name].reshape(-1) for name in ("events", "requests", "orders", "positions", "accounts", "assets")]
    header = np.asarray(mapped["header"])
    cursors = np.asarray(mapped.view(np.uint8)[: WIRE_HEADER.itemsize]).view(np.int64)
    return Wire(header, cursors, *(np.asarray(field) for field in fields))


def open_for_logins(wire: Wire) -> None:
    """Let libraries log in: everything else of the file stands."""
    wire.header["version"], wire.header["size"] = VERSION, WIRE_FILE.itemsize
    wire.header["magic"] = MAGIC


def put_text(out: np.ndarray, text: str) -> None:
    """Write a text as 16-bit units, cut to the room, with its terminator."""
    units = np.frombuffer(text.encode("utf-16-le"), dtype="<u2")[: out.size - 1]
    out[:] = 0
    out[: units.size] = units


def get_text(units: np.ndarray) -> str:
    """Read a terminated text of 16-bit units."""
    found = np.flatnonzero(units == 0)
    return units[: found[0] if found.size else units.size].tobytes().decode("utf-16-le", "replace")
