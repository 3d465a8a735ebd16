"""The venue's orders as the library is told of them: one row each, and events, as the faults let them out."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from live.profitdll.standin.outbox import Outbox, Timers
from live.profitdll.standin.rings import store_row
from live.profitdll.standin.wire import ORDERS, WIRE_ORDER, WIRE_RESULT, EventKind, Wire, get_text, put_text

_IDS_PER_SESSION = 10_000  # no local id of one session means anything in another


class Status(IntEnum):
    """Where an order stands, as the vendor numbers it."""

    NEW = 0
    PARTIALLY_FILLED = 1
    FILLED = 2
    CANCELED = 4
    REPLACED = 5
    REJECTED = 8
    EXPIRED = 12
    PARTIALLY_FILLED_CANCELED = 15
    PARTIALLY_FILLED_EXPIRED = 17
    HADES_CREATED = 201
    CLIENT_CREATED = 203
    ORDER_NOT_CREATED = 204
    CANCELED_BY_ADMIN = 205


DEAD = {
    Status.FILLED, Status.CANCELED, Status.REJECTED, Status.EXPIRED, Status.PARTIALLY_FILLED_CANCELED,
    Status.PARTIALLY_FILLED_EXPIRED, Status.ORDER_NOT_CREATED, Status.CANCELED_BY_ADMIN,
}  # fmt: skip


class Result(IntEnum):
    """How far a message got, as the vendor numbers it."""

    STARTING = 0
    NOT_CONNECTED = 1
    SENT_TO_HADES_PROXY = 2
    SENT_TO_HADES = 4
    SENT_TO_BROKER = 6
    SENT_TO_MARKET = 8
    REJECTED_MARKET = 9
    ACCEPTED = 10


@dataclass
class OrderFaults:
    """How many order events the faults in force still concern."""

    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    storm: int = 0
    late_ms: int = 0


class OrderTable:
    """Rows of orders, and what is said of them."""

    def __init__(self, wire: Wire, outbox: Outbox, timers: Timers, clock_ms: Callable[[], int]) -> None:
        self._wire, self._outbox, self._timers, self._clock_ms = wire, outbox, timers, clock_ms
        self.faults = OrderFaults()
        self._held: np.ndarray | None = None
        self._events = 0

    @property
    def count(self) -> int:
        """Orders so far."""
        return int(self._wire.header["orders"][0])

    def row(self, place: int) -> np.ndarray:
        """Return a copy of a row, WIRE_ORDER, length 1."""
        return self._wire.orders[place : place + 1].copy()

    def new(self, request: np.ndarray, session: int) -> int:
        """Take a new order as the client made it; return its row, -1 where there is no room."""
        place = self.count
        if place >= ORDERS:
            return -1
        order = np.zeros(1, dtype=WIRE_ORDER)
        for name in ("local_id", "message_id", "account", "asset", "side", "type", "quantity", "price", "stop_price"):
            order[name] = request[name]
        order["session"], order["row"], order["status"] = session, place, Status.CLIENT_CREATED
        order["leaves"], order["date_ms"], order["average_price"] = order["quantity"], self._clock_ms(), 0.0
        self._store(order)
        self._wire.header["orders"] = place + 1
        return place

    def change(self, place: int, **fields: float | str) -> None:
        """Write fields of a row and tell of it."""
        order = self.row(place)
        for name, value in fields.items():
            if isinstance(value, str):
                put_text(order[name][0], value)
            else:
                order[name] = value
        if int(order["status"][0]) in DEAD:
            order["close_ms"] = self._clock_ms()
        self._store(order)
        self._let_out(order)

    def repeat(self, place: int, status: Status) -> None:
        """Tell of an order in a state that it passes through, and leave the row as it is."""
        order = self.row(place)
        order["status"] = status
        self._stamp(order)
        self._let_out(order)

    def result(self, place: int, message: int, code: int, broker: int, text: str = "") -> None:
        """Tell how far a message about an order got."""
        told = np.zeros(1, dtype=WIRE_RESULT)
        order = self.row(place)
        told["local_id"] = order["local_id"]
        told["cl_ord_id"] = order["cl_ord_id"]
        put_text(told["text"][0], text)
        self._outbox.say(EventKind.RESULT, told, flags=code, number=message, a=broker)

    def find(self, cl_ord_id: str, local_id: int, session: int) -> int:
        """Return the row that either id names in a session, -1 where none does."""
        for place in range(self.count):
            order = self._wire.orders[place]
            if cl_ord_id and get_text(order["cl_ord_id"]) == cl_ord_id:
                return place
            if not cl_ord_id and order["local_id"] == local_id and order["session"] == session:
                return place
        return -1

    def adopt(self, session: int) -> None:
        """Give the orders of earlier sessions ids of a new one, as a library does that loads them."""
        for place in range(self.count):
            order = self.row(place)
            order["session"], order["local_id"] = session, session * _IDS_PER_SESSION + place + 1
            self._store(order)
        self._wire.header["next_local_id"] = session * _IDS_PER_SESSION + self.count + 1
        self._held = None

    def _stamp(self, order: np.ndarray) -> None:
        self._events += 1
        order["event_id"], order["update_ms"] = self._events, self._clock_ms()

    def _store(self, order: np.ndarray) -> None:
        self._stamp(order)
        store_row(self._wire.orders, int(order["row"][0]), order.copy()[0])

    def _let_out(self, order: np.ndarray) -> None:
        """Tell of an order as the faults in force allow."""
        faults = self.faults
        if faults.lost > 0:
            faults.lost -= 1
            return
        if faults.late_ms > 0:
            self._timers.after(faults.late_ms, lambda: self._say(order))
            return
        if faults.reordered > 0 and self._held is None:
            self._held = order
            return
        copies = max(faults.storm, 2 if faults.duplicated > 0 else 1)
        faults.storm, faults.duplicated = 0, max(faults.duplicated - 1, 0)
        for _ in range(copies):
            self._say(order)
        if self._held is not None:
            faults.reordered -= 1
            held, self._held = self._held, None
            self._say(held)

    def _say(self, order: np.ndarray) -> None:
        self._outbox.say(EventKind.ORDER, order, asset=int(order["asset"][0]))
