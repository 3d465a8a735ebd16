"""The order thread: one compiled loop that waits, writes what is asked to disk, and calls the library by address.

The gate has judged every request before it stands among the desk's (`trading.orders.send`). An entry waits until its
record is on disk; whatever closes or protects a position goes out at once, its record written but not waited for. What
the broker answers is told to the desk in the same loop, and what the desk then asks leaves at once. The loop holds no
GIL and calls no Python, so a busy process delays it no more than the scheduler does.
"""

import ctypes
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from live.memory import load_acquire, load_i8, store_i8, store_release
from live.profitdll.abi import new
from live.profitdll.accounts import Contract, fill_asset
from live.profitdll.connection import Connection
from live.profitdll.notices import NOTICE
from live.profitdll.order_notices import next_notice, next_stalled, take_notice, watch_dropped
from live.profitdll.order_reports import pass_time, tell_order, tell_refusal, why_refused
from live.profitdll.order_requests import serve
from live.profitdll.order_work import (
    CANCEL,
    CANCEL_AT,
    CHANGE,
    CHANGE_AT,
    CURSOR,
    DETAILS,
    DETAILS_AT,
    DISK_FAILED,
    DROPPED,
    FOREIGN,
    HANDLE,
    HEARD_TO,
    MARKED,
    NUMBER,
    OVERTAKEN,
    PREVIOUS,
    RESTING,
    SEND,
    SEND_AT,
    SENT,
    STEP,
    STOP,
    STRANGE,
    STRANGE_STATUS,
    SYNC,
    TICK_SIZE,
    TO_UTC_NS,
    UNREAD,
    WORDS,
    WRITE,
    Papers,
)
from live.profitdll.orders import STALL_S, Orders, tell_stall
from live.profitdll.step import ASKED, Step
from live.profitdll.table import TO_UTC_NS as TABLE_TO_UTC_NS
from live.profitdll.table import keep, read_clock
from live.profitdll.wake import arm, hurry, post_now, wait
from market.errors import NoAnswer
from market.kernel import kernel
from trading.desk import Desk
from trading.intents import INTENT, read_intents
from trading.requests import REPORT

_PASSING = 1  # tries to read an order that tell nothing yet: it may have been sent a moment ago


@kernel
def run_orders(table: int, work: int, papers: Papers) -> int:
    """Serve requests and take answers until told to stop; return how many were served. Table and work are addresses."""
    while load_acquire(work + STOP) == 0:
        store_release(work + RESTING, 1)
        wait(table)
        store_release(work + RESTING, 0)
        serve_asked(table, work, papers)
        watch_dropped(table, work, papers)
        while next_notice(table, work, papers):
            refused, reason = take_notice(work, papers)
            if refused >= 0:
                tell_refusal(table, work, papers, refused, reason)
                serve_asked(table, work, papers)
        tell_marked(table, work, papers)
        pass_time(table, work, papers)
        serve_asked(table, work, papers)
    return int(load_i8(work + CURSOR))


@kernel
def serve_asked(table: int, work: int, papers: Papers) -> None:
    """Serve what the desk has asked; one that was refused at once is told to it at once, and may make it ask more."""
    while load_i8(work + CURSOR) < load_acquire(load_i8(work + STEP) + ASKED):
        place = load_i8(work + CURSOR)
        serve(table, work, papers, place)
        store_release(work + CURSOR, place + 1)
        reason = why_refused(papers.sent, place)
        if reason != 0:
            tell_refusal(table, work, papers, place, reason)


@kernel
def tell_marked(table: int, work: int, papers: Papers) -> None:
    """Tell the desk of every order that something happened to."""
    if load_i8(work + MARKED) == 0:
        return
    store_i8(work + MARKED, 0)
    for place in range(load_i8(work + CURSOR)):
        if papers.sent[place]["marked"] == 1:
            tell_order(table, work, papers, place)
            serve_asked(table, work, papers)


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
        As `desk_step` built it: its header says which requests are whole, and holds the desk's lock.
    path : Path
        The file of intents; continued where there is one.
    """

    def __init__(
        self, connection: Connection, orders: Orders, traded: Contract, desk: Desk, step: Step, path: Path
    ) -> None:
        self.sent = np.zeros(desk.requests.size, dtype=SENT)
        self._work = np.zeros(WORDS, dtype=np.int64)
        self._table, self._desk, self._notices = connection.table, desk, connection.notices
        self._asked = ctypes.c_int64.from_address(step.state + ASKED)
        self._intent = np.zeros(1, dtype=INTENT)
        self._kept: list[object] = []
        self._clock = ctypes.create_string_buffer(16)  # the main thread's
        self._open(path)
        self._prepare(connection, orders, traded)
        self._work[STEP // 8] = step.state
        self._work[HEARD_TO // 8], self._work[DROPPED // 8] = connection.notices.head, connection.notices.dropped
        self._work[TO_UTC_NS // 8] = connection.table[TABLE_TO_UTC_NS]
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
    def idle(self) -> bool:
        """Whether every notice so far is heard and done with, and every request that followed is served."""
        heard = bool(self._work[HEARD_TO // 8] >= self._notices.head)  # first: it rests only when it is done with them
        rests = heard and bool(self._work[RESTING // 8])
        return rests and not self._work[MARKED // 8] and self.served == self._asked.value

    @property
    def disk_failed(self) -> bool:
        """Whether a write failed: nothing is entered any more."""
        return bool(self._work[DISK_FAILED // 8])

    @property
    def foreign(self) -> int:
        """How many events and refusals were of orders that are not the desk's."""
        return int(self._work[FOREIGN // 8])

    @property
    def overtaken(self) -> int:
        """How many details were older than what was told before."""
        return int(self._work[OVERTAKEN // 8])

    def alarms(self) -> list[str]:
        """Return what an operator must read of the broker's answers, one sentence each, the same while it lasts."""
        strange, status, unread = (int(self._work[word // 8]) for word in (STRANGE, STRANGE_STATUS, UNREAD))
        told, remedy = [], "read the orders at the broker"
        if strange:
            told.append(f"orders: expected statuses that say how they stand, found another, {status}; {remedy}")
        if unread > _PASSING and self._work[MARKED // 8]:
            told.append(f"orders: expected details of each one, found none; {remedy}")
        return told + self._stalled()

    def _stalled(self) -> list[str]:
        """Return one sentence for each request that went no further, by the clock that its time was taken from."""
        told, place, served = [], -1, self.served
        before_ns = read_clock(self._table.address, ctypes.addressof(self._clock)) - int(STALL_S * 1e9)
        while (place := next_stalled(self.sent, place + 1, served, before_ns)) >= 0:
            told.append(tell_stall(int(self.sent[place]["local_id"]), int(self.sent[place]["code"])))
        return told

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
        notice, report = np.zeros(1, dtype=NOTICE), np.zeros(1, dtype=REPORT)
        papers = Papers(self._desk, self.sent, self._intent, self._intent.view(np.uint8), notice, report)
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
        details = new("TConnectorOrderOut")
        self._kept.append(details)
        self._work[DETAILS_AT // 8] = ctypes.addressof(details)
        self._work[DETAILS // 8] = connection.library.address("GetOrderDetails")
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
