"""From the broker's answers to the desk: what the library tells of our orders becomes cumulative REPORTs.

A notice says only that something happened to an order; what, its details say, which are read by the thread that also
sends. So no event can come to it before it knows the order's id, and of many events it reads the last. Reports are
joined (`trading.orders`): twice, late or in another order they end in one state.

Reports are numbered here, in the order in which details were read. An EventID only tells what is older than was
reported already: such details add fills and ends, as any report does, but say nothing of how the order works. Nothing
public says that EventIDs grow, so nothing is left out because of one.
"""

import math

import numpy as np
from numba import types

from live.lock import lock, unlock
from live.memory import caller, load_f8, load_i8, record_at, store_i8
from live.profitdll.abi import record_of
from live.profitdll.order_codes import OrderStatus
from live.profitdll.order_details import STATES
from live.profitdll.order_requests import was_refused
from live.profitdll.order_work import (
    DETAILS,
    DETAILS_AT,
    MARKED,
    NO_LIMIT,
    NO_ORDER,
    NOT_UNSENT,
    OVERTAKEN,
    REPORTS,
    STEP,
    STRANGE,
    STRANGE_STATUS,
    TICK_SIZE,
    TO_UTC_NS,
    UNREAD,
    Papers,
    add_one,
    loop_ns,
    place_of_order,
)
from live.profitdll.result import NlCode
from live.profitdll.step import EVENT_NS, HEARD, KEEPS_TIME, LOCK, desk_time, let_out
from live.profitdll.trades import days_of
from market.kernel import kernel
from trading.broker import broker_report, broker_time
from trading.desk import is_dead
from trading.records import OrderState, OrderType
from trading.requests import Refusal, RequestKind

_DETAILS = record_of("TConnectorOrderOut")
_NEW = int(RequestKind.NEW)
_MARKET_TYPE, _STOP_TYPE = int(OrderType.MARKET), int(OrderType.STOP)
_ACCEPTED, _PARTIALLY_FILLED = int(OrderState.ACCEPTED), int(OrderState.PARTIALLY_FILLED)
_REJECTED, _UNKNOWN = int(OrderState.REJECTED), int(OrderState.UNKNOWN)
_PRICE, _NOT_WORKING, _UNDELIVERED = int(Refusal.PRICE), int(Refusal.NOT_WORKING), int(Refusal.UNDELIVERED)
_NOT_CREATED = int(OrderStatus.ORDER_NOT_CREATED)
_INVALID_ARGS, _NOT_FOUND, _TIMEOUT = int(NlCode.INVALID_ARGS), int(NlCode.NOT_FOUND), int(NlCode.TIMEOUT)
_NOTHING, _UNREAD = 0, -1
_MOST, _MOST_TICKS, _MOST_WORTH = 1 << 30, 1 << 30, 1 << 62
_DAY_SECONDS, _SECOND_NS = 86_400, 1_000_000_000
_get_details = caller(types.int32, types.int64)


def _states() -> np.ndarray:
    """Return what each status means to the desk: UNKNOWN moves nothing, and what is only on its way tells nothing."""
    on_the_way = (OrderState.PENDING_NEW, OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE)
    states = np.full(256, _UNKNOWN, dtype=np.uint8)
    for status, state in STATES.items():
        states[status] = _NOTHING if state in on_the_way else state
    states.setflags(write=False)
    return states


_STATES = _states()


@kernel
def describe(details: np.void, tick_size: float, report: np.void) -> int:
    """Write an order's fills and terms into a report.

    Returns
    -------
    int
        OrderState to report; 0 where the details tell nothing, UNKNOWN where nobody knows what they mean.
    """
    state, filled, quantity = int(_STATES[details["OrderStatus"]]), details["TradedQuantity"], details["Quantity"]
    if state == _UNKNOWN or not (0 <= filled < _MOST and 0 < quantity < _MOST):
        return _UNKNOWN
    report["filled"], report["quantity"] = filled, quantity
    worth = details["AveragePrice"] * filled / tick_size
    report["notional"] = np.int64(math.floor(worth + 0.5)) if 0.0 < worth < _MOST_WORTH else 0
    report["price"] = _ticks(details["Price"], tick_size)
    report["stop_price"] = _ticks(details["StopPrice"], tick_size)
    if filled > 0 and state in (_NOTHING, _ACCEPTED):
        return _PARTIALLY_FILLED
    return state


@kernel
def _ticks(price: float, tick_size: float) -> int:
    """Return a price in ticks, 0 for none."""
    ticks = price / tick_size
    return math.floor(ticks + 0.5) if 0.0 < ticks < _MOST_TICKS else 0


@kernel
def wall_ns(time: np.void, to_utc_ns: int) -> int:
    """Return the exchange's wall clock in nanoseconds UTC, 0 where it holds no date."""
    if time["wYear"] < 1970 or not (1 <= time["wMonth"] <= 12 and 1 <= time["wDay"] <= 31):
        return 0
    days = days_of(int(time["wYear"]), int(time["wMonth"]), int(time["wDay"]))
    seconds = int(time["wHour"]) * 3600 + int(time["wMinute"]) * 60 + int(time["wSecond"])
    return int((days * _DAY_SECONDS + seconds) * _SECOND_NS + int(time["wMilliseconds"]) * 1_000_000 + to_utc_ns)


@kernel
def tell_order(table: int, work: int, papers: Papers, made: int) -> None:
    """Tell the desk how an order stands, by the place of the request that made it; what cannot be read stays marked."""
    done, report = papers.sent[made], papers.report[0]
    state = _look_up(table, work, papers, made)
    if state == _UNREAD:
        store_i8(work + MARKED, 1)
        add_one(work, UNREAD)
        return
    done["marked"] = 0
    if state in (_UNKNOWN, _NOTHING):
        return
    if state == _REJECTED:
        report["kind"] = _NEW
        if record_at(load_i8(work + DETAILS_AT), _DETAILS)["OrderStatus"] == _NOT_CREATED:
            report["reason"] = _UNDELIVERED
    _tell(table, work, papers, made, state)


@kernel
def tell_refusal(table: int, work: int, papers: Papers, place: int, reason: int) -> None:
    """Tell the desk that a request was refused, by its place.

    An order whose state nobody knows is not told of: the desk asks again, and in the end halts.
    """
    done, report = papers.sent[place], papers.report[0]
    made = place if done["kind"] == _NEW else place_of_order(papers.sent, place, done["order"])
    if made < 0:
        return
    told, state = int(papers.sent[made]["state"]), _look_up(table, work, papers, made)
    if state in (_UNREAD, _UNKNOWN):
        _recall(papers, made)
    if state in (_UNREAD, _UNKNOWN, _NOTHING):
        state = _REJECTED if done["kind"] == _NEW and told == 0 else told
        if state == _NOTHING or is_dead(told):
            return
    report["number"] = add_one(work, REPORTS)
    report["kind"], report["reason"] = done["kind"], reason
    report["refused"] = 0 if done["kind"] == _NEW or is_dead(state) else 1
    _tell(table, work, papers, made, state)


@kernel
def why_refused(sent: np.ndarray, place: int) -> int:
    """Return the Refusal of a request that was not sent or that the library did not take; NONE where it was taken.

    A new order whose call ran out of time may be there all the same, so that nothing is said of it.
    """
    done = sent[place]
    if done["unsent"] != NOT_UNSENT:
        return _PRICE if done["unsent"] == NO_LIMIT else _NOT_WORKING if done["unsent"] == NO_ORDER else _UNDELIVERED
    code = np.int64(np.int32(done["result"]))
    if not was_refused(done["result"]) or (done["kind"] == _NEW and code == _TIMEOUT):
        return 0
    return _PRICE if code == _INVALID_ARGS else _NOT_WORKING if code == _NOT_FOUND else _UNDELIVERED


@kernel
def pass_time(table: int, work: int, papers: Papers) -> None:
    """Let time pass at the desk where it does between events."""
    step = load_i8(work + STEP)
    if load_i8(step + KEEPS_TIME) == 0:
        return
    lock(step + LOCK)
    broker_time(papers.desk, _desk_time(table, work))
    let_out(step, papers.desk)
    unlock(step + LOCK)


@kernel
def _look_up(table: int, work: int, papers: Papers, made: int) -> int:
    """Read the details of an order into the report at hand.

    Returns
    -------
    int
        As `describe`; -1 where they could not be read.
    """
    done, report = papers.sent[made], papers.report[0]
    report["order"], report["instrument"] = done["order"], papers.desk.terms[0]["instrument"]
    report["kind"] = report["refused"] = report["reason"] = report["number"] = 0
    report["ts_ns"] = papers.desk.market[0]["now_ns"]
    if not _read(work, done["local_id"]):
        return _UNREAD
    details = record_at(load_i8(work + DETAILS_AT), _DETAILS)
    state = describe(details, load_f8(work + TICK_SIZE), report)
    if state == _UNKNOWN:
        store_i8(work + STRANGE_STATUS, details["OrderStatus"])
        add_one(work, STRANGE)
        return state
    _complete_terms(papers, made)
    if state == _NOTHING:
        return state
    updated_ns = wall_ns(details["LastUpdate"], load_i8(work + TO_UTC_NS))
    if updated_ns > 0:
        report["ts_ns"] = updated_ns
    if details["EventID"] >= done["event"]:
        report["number"], done["event"] = add_one(work, REPORTS), details["EventID"]
    else:
        add_one(work, OVERTAKEN)
    return state


@kernel
def _read(work: int, local_id: int) -> bool:
    """Ask the library for the details of an order, without its texts; return whether it knows it."""
    if local_id <= 0:
        return False
    at = load_i8(work + DETAILS_AT)
    details = record_at(at, _DETAILS)
    details["OrderID"]["LocalOrderID"], details["OrderID"]["ClOrderID"] = local_id, 0
    details["AssetID"]["TickerLength"] = details["AssetID"]["ExchangeLength"] = details["TextMessageLength"] = 0
    result = _get_details(load_i8(work + DETAILS), at)
    return bool(result == 0 and details["OrderID"]["LocalOrderID"] == local_id)


@kernel
def _complete_terms(papers: Papers, made: int) -> None:
    """Put what the order's type has no price for to 0, and what is not told to what is known.

    A market order reads back as a limit away from its price, and a stop that was triggered may lose its trigger.
    """
    done, report, kind = papers.sent[made], papers.report[0], papers.desk.requests[made]["type"]
    if kind == _MARKET_TYPE:
        report["price"] = 0
    elif report["price"] == 0:
        report["price"] = done["price"]
    if kind != _STOP_TYPE:
        report["stop_price"] = 0
    elif report["stop_price"] == 0:
        report["stop_price"] = done["stop_price"]


@kernel
def _recall(papers: Papers, made: int) -> None:
    """Write into the report at hand how an order was last reported to work; its fills are known."""
    done, report = papers.sent[made], papers.report[0]
    report["filled"] = report["notional"] = 0
    report["quantity"], report["price"] = done["quantity"], done["price"]
    report["stop_price"] = done["stop_price"]


@kernel
def _tell(table: int, work: int, papers: Papers, made: int, state: int) -> None:
    """Give the desk the report at hand; what it asks for then is let out."""
    done, report, step = papers.sent[made], papers.report[0], load_i8(work + STEP)
    report["state"] = state
    if report["number"] > 0:
        done["quantity"], done["price"], done["stop_price"] = report["quantity"], report["price"], report["stop_price"]
    if report["number"] > 0 or is_dead(state):
        done["state"] = state
    lock(step + LOCK)
    broker_report(papers.desk, report, _desk_time(table, work))
    store_i8(step + HEARD, 1)
    let_out(step, papers.desk)
    unlock(step + LOCK)


@kernel
def _desk_time(table: int, work: int) -> int:
    """Return the desk's time: that of the last event, and what has passed since it came where time passes."""
    step = load_i8(work + STEP)
    if load_i8(step + KEEPS_TIME) == 0:
        return int(load_i8(step + EVENT_NS))
    return int(desk_time(step, loop_ns(table, work)))
