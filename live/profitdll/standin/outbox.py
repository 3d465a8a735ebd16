"""What the venue tells beside the market: states, accounts, orders, positions; never lost, in the order it was said."""

import heapq
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from live.profitdll.standin.rings import publish
from live.profitdll.standin.wire import WIRE_EVENT, EventKind, Wire


class Timers:
    """What is to be done at a time of the wall clock."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    def after(self, ms: float, action: Callable[[], None]) -> None:
        """Do something so many milliseconds from now."""
        self._number += 1
        heapq.heappush(self._waiting, (time.monotonic() + ms / 1000, self._number, action))

    def run(self) -> bool:
        """Do what is due; return whether there was anything."""
        done = False
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            heapq.heappop(self._waiting)[2]()
            done = True
        return done

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()


class Outbox:
    """Events to the library that is logged in; where the ring is full they wait."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._waiting: deque[tuple[np.ndarray, np.ndarray]] = deque()
        self.session = 0

    def begin(self, session: int) -> None:
        """Speak to a new session; what was not said to the last one is forgotten."""
        self.session = session
        self._waiting.clear()

    def say(self, kind: EventKind, payload: np.ndarray | None = None, **fields: float) -> None:
        """Send an event with its payload, a record padded to whole slots."""
        if self.session == 0:
            return
        event = np.zeros(1, dtype=WIRE_EVENT)
        event["session"], event["kind"] = self.session, kind
        for name, value in fields.items():
            event[name] = value
        told = np.zeros(0, dtype="u1") if payload is None else np.ascontiguousarray(payload).view("u1").reshape(-1)
        slots = np.zeros(-(-told.size // WIRE_EVENT.itemsize), dtype=WIRE_EVENT)
        slots.view("u1")[: told.size] = told
        self._waiting.append((event, slots))
        self.flush()

    def flush(self) -> bool:
        """Send what waits; return whether nothing waits any more."""
        while self._waiting:
            event, slots = self._waiting[0]
            if not publish(self._wire, event[0], slots):
                return False
            self._waiting.popleft()
        return True
