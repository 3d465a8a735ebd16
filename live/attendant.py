"""What the main thread does while the library's thread decides: record, journal, hear notices, raise alarms."""

import contextlib
import time
from collections.abc import Callable
from datetime import date
from types import TracebackType

import numpy as np

from live.desk_reader import DeskReader, Records
from live.profitdll.connection import Connection
from live.profitdll.market import Market
from live.profitdll.step import Step
from live.recorder import Change, Recorder, Written, left_open
from live.recording import Recording
from market.errors import PregaoError
from trading.desk import ORDERS, is_dead
from trading.desks import Seat
from trading.records import RefusalReason, TradingState

Hear = Callable[[np.ndarray], None]
Alarms = Callable[[], list[str]]


class Attendant:
    """Follows one desk through one session.

    Parameters
    ----------
    connection : Connection
    seat : Seat
        Its session has begun.
    day : date
    recorder : Recorder
        Of the journal.
    recording : Recording
        Of the capture part.

    Attributes
    ----------
    market : Market
    hears : list of callable
        What is given every notice of the library.
    alarms : list of callable
        What is asked for sentences that an operator must read; each sentence is told once.
    """

    def __init__(self, connection: Connection, seat: Seat, day: date, recorder: Recorder, recording: Recording) -> None:
        self._connection, self._seat, self._day = connection, seat, day
        self._recorder, self._recording = recorder, recording
        self._session, self._written = seat.feed.session(day)[0], Written()
        self._copy: DeskReader | None = None
        self._shown: Records | None = None
        self._told: set[str] = set()
        self._there = {"market data": True, "routing": True}  # whoever got so far is connected
        self.market = Market(connection, day, seat.feed.lake.instruments)
        self.hears: list[Hear] = [self.market.hear]
        self.alarms: list[Alarms] = [self._market_alarms, self._lost, self._halted]

    def begin(self, step: Step, book: str, *, late: bool) -> None:
        """Let the step decide on every event from the first one on, and ask for them.

        What the desk has done until now is in the journal of the earlier process that did it.

        Parameters
        ----------
        step : Step
        book : str
            "depth", "offers" or "none".
        late : bool
            Whether the session has begun without us.

        Raises
        ------
        UsageError, BrokerError
            As `Market.prepare` and `Market.ask`.
        """
        symbol, market, recording = self._seat.feed.contract, self.market, self._recording
        asked = market.prepare(symbol, depth=book == "depth", offers=book == "offers")
        market.keep_clock(symbol, self._session, self._seat.feed.bar_ns)
        if late or recording.earlier.size:
            market.go_on(symbol, recording.next_sequence, recording.clock_ns)
        market.decide(symbol, step.address, step.state)
        trader = self._seat.trader
        self._written = Written(len(trader.decisions), len(trader.fills), trader.orders.tobytes())
        self._copy = DeskReader(trader.core.desk, step.lock)
        for sentence in self._stale():
            self._tell(sentence)
        self._connection.reader.take()  # how the login came about, which the market would take for a loss
        market.ask(asked)

    def attend(self) -> None:
        """Take what is new; raises LoginRefused where the vendor has taken back the login."""
        self._recording.take()
        if self._copy is not None:
            self._shown = self._copy.take()
            self._recorder.take(self._shown, self._written)
        notices = self._connection.reader.take()
        if notices.size:
            for hear in self.hears:
                hear(notices)
            self._connection.check()
        self._watch_connection()
        for alarms in self.alarms:
            for sentence in alarms():
                self._tell(sentence)

    def change(self, digest: str, counts: np.ndarray) -> None:
        """Let the journal say which bundle decides from where the desk's counts stood."""
        self._written.change = Change(digest, counts)

    def finish(self) -> None:
        """Let the last bars of a session that is over close; the library calls no more."""
        self._recording.take()  # room for them
        self.market.end_clock(self._seat.feed.contract)

    @property
    def working(self) -> int:
        """How many orders of the desk may still fill: nobody looks after them once the run is over."""
        desk = self._seat.trader.core.desk
        return sum(not is_dead(int(state)) for state in desk.orders["state"][: desk.counts[ORDERS]])

    @property
    def unfinished(self) -> str:
        """What a person has to see to once the run is over: what is open, or a halt; empty for nothing."""
        account, budget = self._seat.trader.account[0], self._seat.trader.budget[0]
        return left_open(abs(int(account["position"])), self.working) or " ".join(halts(account, budget))

    def end(self) -> None:
        """Write what is left, once the library calls no more and the desk is done."""
        trader, recorder = self._seat.trader, self._recorder
        self._recording.take()
        recorder.take(trader, self._written)
        recorder.events += self._recording.taken
        recorder.note_inputs(trader, self._day)
        recorder.note_risk(trader.budget[0], self._day)
        for sentence in self._lost():
            self._tell(sentence)
        recorder.sync()

    def abandon(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Where a run fails, write what the desk did until then, and say what it leaves open."""
        if error is None:
            return
        with contextlib.suppress(PregaoError, OSError):  # the error at hand is the one to tell
            self.end()
        position = int(self._seat.trader.account[0]["position"])
        if told := left_open(position, self.working):
            with contextlib.suppress(PregaoError, OSError):
                self._tell(told)

    def _market_alarms(self) -> list[str]:
        open_ns, close_ns = int(self._session["open_ns"]), int(self._session["close_ns"])
        return self.market.alarms(open_ns <= time.time_ns() < close_ns)

    def _lost(self) -> list[str]:
        rings = {"events": self._connection.events, "notices": self._connection.notices}
        return [
            f"{name}: expected room in the ring, found it full; free the machine: what was lost is a gap"
            for name, ring in rings.items()
            if ring.dropped
        ]

    def _watch_connection(self) -> None:
        """Say each time that a connection goes or comes back."""
        routing = self._connection.has_routing() or not self._connection.params.routing
        for name, there in (("market data", self._connection.has_market()), ("routing", routing)):
            if there != self._there[name]:
                self._there[name] = there
                lost = "expected a connection, found it lost; the library tries again: check the network"
                self._recorder.alarm(f"{name}: {'connected again' if there else lost}", self._day)

    def _stale(self) -> list[str]:
        """Return what there is to say of a preload that ends before the last session."""
        feed, n = self._seat.feed, self._seat.trader.schema.preload_sessions
        before = feed.lake.instruments.calendar(feed.contract).previous_session(self._day)
        found = feed.preload(self._day, n)
        if n == 0 or found[-1:] == [before]:
            return []
        last = f"{found[-1]} as the last" if found else "none"
        return [
            f"lake: expected {feed.contract} on {before}, whole, for features to begin with, found {last}; they begin "
            "with what is there: run `pregao collect`"
        ]

    def _halted(self) -> list[str]:
        return halts(self._shown.account[0], self._shown.budget[0]) if self._shown is not None else []

    def _tell(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self._recorder.alarm(sentence, self._day)


def halts(desk: np.void, account: np.void) -> list[str]:
    """Return what an operator must read of a halted desk (an ACCOUNT) and of the whole account (a BUDGET)."""
    return [
        f"{what}: expected to trade, found it halted for {RefusalReason(one['halt_reason']).name}; nothing is entered "
        "any more: see to its orders and position"
        for what, one in (("desk", desk), ("account", account))
        if one["trading_state"] == TradingState.HALTED
    ]
