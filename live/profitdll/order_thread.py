"""The order thread: one compiled loop that waits, writes what is asked to disk, and calls the library by address.

The gate has judged every request before it stands among the desk's (`trading.orders.send`). An entry waits until its
record is on disk; whatever closes or protects a position goes out at once, its record written but not waited for. The
loop holds no GIL and calls no Python, so a busy process delays it no more than the scheduler does.
"""

import ctypes
import os
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import types

from live.memory import caller, load_acquire, load_f8, load_i8, record_at, store_i8, store_release
from live.profitdll.abi import record_of
from live.profitdll.accounts import Contract, fill_asset
from live.profitdll.codes import RoutingResult
from live.profitdll.connection import Connection
from live.profitdll.orders import NO_PRICE, Orders
from live.profitdll.step import Step
from live.profitdll.table import STATE_ROUTING, keep, now_ns
from live.profitdll.wake import arm, hurry, post_now, wait
from market.errors import NoAnswer
from market.kernel import kernel
from trading.desk import Desk
from trading.intents import CHECKED, INTENT, check_bytes, read_intents
from trading.records import OrderRole, OrderType
from trading.requests import REQUEST, RequestKind

SENT = np.dtype(
    [
        ("order", "<i8"),  # client order id
        ("local_id", "<i8"),  # the library's; 0 where nothing was sent
        ("message_id", "<i8"),  # by which results are told
        ("ts_ns", "<i8"),  # when the call was made
        ("result", "<i8"),  # what the call returned
        ("kind", "u1"),  # RequestKind
        ("unsent", "u1"),  # Unsent
        ("reserved", "u1", (6,)),
    ]
)
NOT_UNSENT, NO_DISK, NO_ROUTING, NO_ORDER, NO_LIMIT = range(5)  # why a request was not sent

(
    STOP, ASKED, CURSOR, DISK_FAILED, HANDLE, WRITE, SYNC, SEND, CANCEL, CHANGE, SEND_AT, CANCEL_AT, CHANGE_AT,
    TICK_SIZE, NUMBER, PREVIOUS,
) = range(0, 16 * 8, 8)  # fmt: skip

_SEND, _CANCEL, _CHANGE = (record_of(f"TConnector{name}") for name in ("SendOrder", "CancelOrder", "ChangeOrder"))
_NEW, _CANCELS, _ENTRY = int(RequestKind.NEW), int(RequestKind.CANCEL), int(OrderRole.ENTRY)
_STOP_TYPE = int(OrderType.STOP)
_BROKER_CONNECTED = int(RoutingResult.BROKER_CONNECTED)
_INTENT_BYTES, _REQUEST_BYTES, _REQUEST_AT = INTENT.itemsize, REQUEST.itemsize, 16
_write = caller(types.int64, types.int32, types.int64, types.int64)
_sync = caller(types.int32, types.int32)
_call_long = caller(types.int64, types.int64)
_call_short = caller(types.int32, types.int64)


class Papers(NamedTuple):
    """What the loop reads and writes.

    Attributes
    ----------
    requests : ndarray of REQUEST
        The desk's.
    sent : ndarray of SENT, as long as `requests`
    intent : ndarray of INTENT, length 1
        The record at hand.
    raw : ndarray of uint8
        Its bytes.
    """

    requests: np.ndarray
    sent: np.ndarray
    intent: np.ndarray
    raw: np.ndarray


@kernel
def run_orders(table: int, work: int, papers: Papers) -> int:
    """Serve requests until told to stop; return how many were served. Table and work are addresses."""
    while load_acquire(work + STOP) == 0:
        wait(table)
        while load_i8(work + CURSOR) < load_acquire(load_i8(work + ASKED)):
            place = load_i8(work + CURSOR)
            serve(table, work, papers, place)
            store_release(work + CURSOR, place + 1)
    return int(load_i8(work + CURSOR))


@kernel
def serve(table: int, work: int, papers: Papers, place: int) -> None:
    """Write a request down and send it."""
    request, done = papers.requests[place], papers.sent[place]
    done["order"], done["kind"] = request["order"], request["kind"]
    done["local_id"] = done["message_id"] = done["result"] = 0
    enters = request["kind"] == _NEW and request["role"] == _ENTRY
    written = _write_down(table, work, papers, place, enters)
    done["unsent"] = _why_not(table, papers, place, enters and not written)
    if done["unsent"] == NOT_UNSENT:
        done["ts_ns"] = now_ns(table)
        _send(work, request, papers.sent, place)


@kernel
def _why_not(table: int, papers: Papers, place: int, lost: bool) -> int:
    request = papers.requests[place]
    if lost:
        return NO_DISK
    if load_i8(table + STATE_ROUTING) != _BROKER_CONNECTED:
        return NO_ROUTING
    if request["kind"] != _NEW and _local_id(papers.sent, place, request["order"]) <= 0:
        return NO_ORDER
    if request["kind"] != _CANCELS and request["type"] == _STOP_TYPE and request["price"] <= 0:
        return NO_LIMIT
    return NOT_UNSENT


@kernel
def _write_down(table: int, work: int, papers: Papers, place: int, waits: bool) -> bool:
    """Append the request to the file; return whether it is there, on disk where it waits. A failure is for good."""
    if load_i8(work + DISK_FAILED) != 0:
        return False
    line, raw = papers.intent[0], papers.raw
    number = load_i8(work + NUMBER) + 1
    line["number"], line["ts_ns"] = number, now_ns(table)
    _copy_request(papers, place)
    line["previous"] = np.uint64(load_i8(work + PREVIOUS))
    line["check"] = check_bytes(raw[:CHECKED])
    handle = load_i8(work + HANDLE)
    there = bool(_write(load_i8(work + WRITE), handle, raw.ctypes.data, _INTENT_BYTES) == _INTENT_BYTES)
    if there and waits:
        there = bool(_sync(load_i8(work + SYNC), handle) == 0)
    store_i8(work + NUMBER, number)
    store_i8(work + PREVIOUS, np.int64(line["check"]))
    store_i8(work + DISK_FAILED, 0 if there else 1)
    return there


@kernel
def _copy_request(papers: Papers, place: int) -> None:
    """Copy a request into the record at hand, byte for byte."""
    source, target = papers.requests[place : place + 1].ctypes.data, papers.raw.ctypes.data + _REQUEST_AT
    for word in range(0, _REQUEST_BYTES, 8):
        store_i8(target + word, load_i8(source + word))


@kernel
def _send(work: int, request: np.void, sent: np.ndarray, place: int) -> None:
    """Fill the structure of the request's kind and call the library."""
    done = sent[place]
    if request["kind"] == _NEW:
        at = load_i8(work + SEND_AT)
        order = record_at(at, _SEND)
        order["OrderType"], order["OrderSide"] = request["type"], 1 if request["side"] > 0 else 2
        order["Quantity"], order["MessageID"] = request["quantity"], -1
        order["Price"] = _points(work, request["price"])
        order["StopPrice"] = _points(work, request["stop_price"])
        done["result"] = _call_long(load_i8(work + SEND), at)
        done["local_id"], done["message_id"] = done["result"], order["MessageID"]
        return
    done["local_id"] = _local_id(sent, place, request["order"])
    if request["kind"] == _CANCELS:
        at = load_i8(work + CANCEL_AT)
        cancel = record_at(at, _CANCEL)
        cancel["OrderID"]["LocalOrderID"], cancel["MessageID"] = done["local_id"], -1
        done["result"] = _call_short(load_i8(work + CANCEL), at)
        done["message_id"] = cancel["MessageID"]
        return
    at = load_i8(work + CHANGE_AT)
    change = record_at(at, _CHANGE)
    change["OrderID"]["LocalOrderID"], change["MessageID"] = done["local_id"], -1
    change["Quantity"], change["Price"] = request["quantity"], _points(work, request["price"])
    change["StopPrice"] = _points(work, request["stop_price"])
    done["result"] = _call_short(load_i8(work + CHANGE), at)
    done["message_id"] = change["MessageID"]


@kernel
def _points(work: int, ticks: int) -> float:
    return ticks * load_f8(work + TICK_SIZE) if ticks > 0 else NO_PRICE


@kernel
def _local_id(sent: np.ndarray, before: int, order: int) -> int:
    """Return the library's id of an order that was sent, 0 where it was not."""
    for place in range(before - 1, -1, -1):
        if sent[place]["order"] == order and sent[place]["kind"] == _NEW:
            return int(sent[place]["local_id"])
    return 0


class OrderThread:
    """The thread of one desk's requests.

    Parameters
    ----------
    connection : Connection
        With routing.
    orders : Orders
        Whose account and password go into every request.
    traded : Contract
        The desk's.
    desk : Desk
    step : Step
        As `desk_step` built it: its count says which requests are whole.
    path : Path
        The file of intents; continued where there is one.
    """

    def __init__(
        self, connection: Connection, orders: Orders, traded: Contract, desk: Desk, step: Step, path: Path
    ) -> None:
        self.sent = np.zeros(desk.requests.size, dtype=SENT)
        self._work = np.zeros(16, dtype=np.int64)
        self._table, self._requests = connection.table, desk.requests
        self._intent = np.zeros(1, dtype=INTENT)
        self._kept: list[object] = []
        self._open(path)
        self._prepare(connection, orders, traded)
        self._work[ASKED // 8] = step.state
        arm(connection.table)
        keep(self)
        self._work[STOP // 8] = 1
        self._run()  # compiles, and returns because it is told to stop
        self._work[STOP // 8] = 0
        self._thread = threading.Thread(target=self._hurry, name="orders", daemon=True)

    @property
    def served(self) -> int:
        """How many of the desk's requests were served, sent or not."""
        return int(self._work[CURSOR // 8])

    @property
    def disk_failed(self) -> bool:
        """Whether a write failed: nothing is entered any more."""
        return bool(self._work[DISK_FAILED // 8])

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self, patience_s: float = 5.0) -> None:
        """Stop after the request at hand.

        Raises
        ------
        NoAnswer
            If a call into the library does not come back in time.
        """
        self._work[STOP // 8] = 1
        post_now(self._table)
        self._thread.join(patience_s)
        if self._thread.is_alive():
            raise NoAnswer(f"order thread: expected an end within {patience_s:g} s, found a call that hangs; "
                           "end the process")  # fmt: skip
        os.close(int(self._work[HANDLE // 8]))

    def _hurry(self) -> None:
        hurry()
        self._run()

    def _run(self) -> None:
        papers = Papers(self._requests, self.sent, self._intent, self._intent.view(np.uint8))
        run_orders(self._table.address, int(self._work.ctypes.data), papers)

    def _open(self, path: Path) -> None:
        """Continue a file of intents after its last whole record."""
        path.parent.mkdir(parents=True, exist_ok=True)
        known = read_intents(path) if path.exists() else np.zeros(0, dtype=INTENT)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        os.ftruncate(handle, known.nbytes)
        os.lseek(handle, 0, os.SEEK_END)
        self._work[HANDLE // 8], self._work[NUMBER // 8] = handle, known.size
        self._work.view(np.uint64)[PREVIOUS // 8] = known["check"][-1] if known.size else 0

    def _prepare(self, connection: Connection, orders: Orders, traded: Contract) -> None:
        """Fill everything of the structures that is the same in each request."""
        places = {"SendOrder": (SEND_AT, SEND, ""), "CancelOrder": (CANCEL_AT, CANCEL, "SendCancelOrderV2"),
                  "ChangeOrder": (CHANGE_AT, CHANGE, "SendChangeOrderV2")}  # fmt: skip
        for name, (at, function, export) in places.items():
            request = orders.prepare(f"TConnector{name}", self._kept)
            if name == "SendOrder":
                fill_asset(request.AssetID, traded.symbol, self._kept)
            self._kept.append(request)
            self._work[at // 8] = ctypes.addressof(request)
            self._work[function // 8] = connection.library.address(export or name)
        self._work.view(np.float64)[TICK_SIZE // 8] = traded.instrument.tick_size
        self._work[WRITE // 8], self._work[SYNC // 8] = _file_functions()


def _file_functions() -> tuple[int, int]:
    """Return the addresses of writing to a file handle of Python's and of waiting for the disk."""
    if sys.platform == "win32":
        runtime = ctypes.CDLL("ucrtbase")  # Python's own: a file handle belongs to the runtime that made it
        return _address(runtime._write), _address(runtime._commit)
    libc = ctypes.CDLL(None)
    return _address(libc.write), _address(libc.fdatasync)


def _address(function: Any) -> int:
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)
