"""From the desk's requests to the library: each is written down, then sent by address, or it is said why not."""

import numpy as np
from numba import types

from live.memory import caller, load_f8, load_i8, record_at, store_i8
from live.profitdll.abi import record_of
from live.profitdll.codes import RoutingResult
from live.profitdll.order_work import (
    CANCEL,
    CANCEL_AT,
    CHANGE,
    CHANGE_AT,
    DISK_FAILED,
    HANDLE,
    NO_DISK,
    NO_LIMIT,
    NO_ORDER,
    NO_ROUTING,
    NOT_UNSENT,
    NUMBER,
    PREVIOUS,
    SEND,
    SEND_AT,
    SYNC,
    TICK_SIZE,
    WRITE,
    Papers,
    loop_ns,
    place_of_order,
)
from live.profitdll.orders import NO_PRICE
from live.profitdll.table import STATE_ROUTING
from market.kernel import kernel
from trading.intents import CHECKED, INTENT, check_bytes
from trading.records import OrderRole, OrderType
from trading.requests import REQUEST, RequestKind

_SEND, _CANCEL, _CHANGE = (record_of(f"TConnector{name}") for name in ("SendOrder", "CancelOrder", "ChangeOrder"))
_NEW, _CANCELS, _ENTRY = int(RequestKind.NEW), int(RequestKind.CANCEL), int(OrderRole.ENTRY)
_STOP_TYPE = int(OrderType.STOP)
_BROKER_CONNECTED = int(RoutingResult.BROKER_CONNECTED)
_FIRST_CODE, _LAST_CODE = 0x80000001, 0x800000FF
_INTENT_BYTES, _REQUEST_BYTES, _REQUEST_AT = INTENT.itemsize, REQUEST.itemsize, 16
_write = caller(types.int64, types.int32, types.int64, types.int64)
_sync = caller(types.int32, types.int32)
_call_long = caller(types.int64, types.int64)
_call_short = caller(types.int32, types.int64)


@kernel
def serve(table: int, work: int, papers: Papers, place: int) -> None:
    """Write a request down and send it."""
    request, done = papers.desk.requests[place], papers.sent[place]
    done["order"], done["kind"] = request["order"], request["kind"]
    done["quantity"] = request["quantity"]
    done["price"], done["stop_price"] = request["price"], request["stop_price"]
    done["local_id"] = done["message_id"] = done["result"] = done["event"] = 0
    done["state"] = done["marked"] = 0
    done["code"] = -1
    enters = request["kind"] == _NEW and request["role"] == _ENTRY
    written = _write_down(table, work, papers, place, enters)
    done["unsent"] = _why_not(table, papers, place, enters and not written)
    if done["unsent"] == NOT_UNSENT:
        done["ts_ns"] = loop_ns(table, work)
        _send(work, request, papers.sent, place)


@kernel
def _why_not(table: int, papers: Papers, place: int, lost: bool) -> int:
    request = papers.desk.requests[place]
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
    line["number"], line["ts_ns"] = number, loop_ns(table, work)
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
    source, target = papers.desk.requests[place : place + 1].ctypes.data, papers.raw.ctypes.data + _REQUEST_AT
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
        done["local_id"] = 0 if was_refused(done["result"]) else done["result"]
        done["message_id"] = order["MessageID"]
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
def was_refused(result: int) -> bool:
    """Tell whether a call returned a code, which a long result carries with its sign or without."""
    return bool(result < 0 or _FIRST_CODE <= result <= _LAST_CODE)


@kernel
def _points(work: int, ticks: int) -> float:
    return ticks * load_f8(work + TICK_SIZE) if ticks > 0 else NO_PRICE


@kernel
def _local_id(sent: np.ndarray, before: int, order: int) -> int:
    """Return the library's id of an order that was sent, 0 where it was not."""
    place = place_of_order(sent, before, order)
    return int(sent[place]["local_id"]) if place >= 0 else 0
