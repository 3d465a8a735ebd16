"""Trades of the past, one request at a time."""

import datetime as dt
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from live.profitdll.standin.feed import local_ms, serve_history
from live.profitdll.standin.wire import EventKind, get_text
from market.types import EVENT, Kind

if TYPE_CHECKING:
    from live.profitdll.standin.venue import VenueProcess

_DAY_MS = 86_400_000
_LAST_PACKET = 2
_CHUNK = 16_384


@dataclass
class _Request:
    asset: int
    ticker: str
    start_ms: int
    end_ms: int


class History:
    """Requests for history, served in the order they came; one that is stuck blocks the rest."""

    def __init__(self, venue: "VenueProcess") -> None:
        self._venue = venue
        self._waiting: deque[_Request] = deque()
        self._events = np.zeros(0, dtype=EVENT)
        self._place = 0
        self._running: _Request | None = None
        self._primed: set[str] = set()
        self.stuck_ms = 0

    def forget(self) -> None:
        """Forget every request, as at a new login."""
        self._waiting.clear()
        self._running = None
        self._primed.clear()

    def ask(self, request: np.ndarray) -> None:
        """Take a request."""
        ticker = get_text(request["text"][0][0])
        asset = int(request["asset"][0])
        if asset < 0:
            payload = np.zeros(64, dtype="<u2")
            payload[:32], payload[32:36] = request["text"][0][0][:32], request["text"][0][1][:4]
            self._venue.outbox.say(EventKind.INVALID_TICKER, payload)
            return
        self._waiting.append(_Request(asset, ticker, int(request["start_ms"][0]), int(request["end_ms"][0])))

    def go_on(self) -> bool:
        """Send more of the running request, or begin the next; return whether anything was done."""
        if self.stuck_ms < 0 or (self._running is None and not self._waiting):
            return False
        if self._running is None:
            self._begin(self._waiting.popleft())
            return True
        venue, running = self._venue, self._running
        before = self._place
        end = min(before + _CHUNK, self._events.size)
        if before < self._events.size:
            self._place = serve_history(venue.wire, venue.feed[0], self._events, before, end, running.asset)
            return self._place > before
        if self.stuck_ms > 0:
            self._progress(99)
            wait, self.stuck_ms = self.stuck_ms, -1
            venue.timers.after(wait, self._release)
            return True
        self._finish(running)
        return True

    def _release(self) -> None:
        self.stuck_ms = 0

    def _begin(self, request: _Request) -> None:
        self._running, self._place = request, 0
        self._events = self._select(request)
        self._progress(0)

    def _finish(self, running: _Request) -> None:
        if self._events.size:
            last = self._events[-1]
            instrument = self._venue.recorded.instrument
            price = int(last["price"]) * instrument.tick_size
            self._venue.outbox.say(
                EventKind.HISTORY, asset=running.asset, flags=_LAST_PACKET, price=price,
                quantity=int(last["quantity"]), number=int(last["trade_number"]), type=int(last["trade_type"]),
                volume=price * int(last["quantity"]) * instrument.point_value,
                time_ms=local_ms(self._venue.feed[0], int(last["ts_event_ns"])),
                a=int(last["buyer"]), b=int(last["seller"]),
            )  # fmt: skip
        self._progress(99)
        self._progress(100)
        self._running = None

    def _progress(self, done: int) -> None:
        assert self._running is not None
        self._venue.outbox.say(EventKind.PROGRESS, asset=self._running.asset, number=done)

    def _select(self, request: _Request) -> np.ndarray:
        """Return the trades of a request but for what the venue's rules take away; the end is exclusive by day."""
        recorded = self._venue.recorded
        if request.asset > 1:
            return np.zeros(0, dtype=EVENT)  # an expired contract
        end_ms = request.end_ms // _DAY_MS * _DAY_MS if request.end_ms - request.start_ms >= _DAY_MS else request.end_ms
        found = []
        for day in [*recorded.earlier, recorded.day]:
            midnight = (day - dt.date(1970, 1, 1)).days * _DAY_MS
            if midnight >= end_ms or midnight + _DAY_MS <= request.start_ms:
                continue
            past = recorded.events[: int(self._venue.feed["cursor"][0])]
            events = past if day == recorded.day else recorded.load(day)
            at = (events["ts_event_ns"] + recorded.offset_ns) // 1_000_000
            found.append(events[(events["kind"] == Kind.TRADE) & (at >= request.start_ms) & (at < end_ms)])
        trades = np.concatenate(found) if found else np.zeros(0, dtype=EVENT)
        return self._tail(trades, request.ticker)

    def _tail(self, trades: np.ndarray, ticker: str) -> np.ndarray:
        """Cut the first history of a ticker and session to its tail."""
        rows = self._venue.settings.first_history_rows
        if rows and ticker not in self._primed:
            self._primed.add(ticker)
            return trades[-rows:]
        return trades
