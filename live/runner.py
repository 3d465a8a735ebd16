"""The runner: one login, one contract, one session. The library's thread decides; this one records what it did.

What the decision path saw goes into a capture part, what it did into a journal. Neither is read by what decides.
"""

import contextlib
import datetime as dt
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from features.feature import Need
from features.schema import FeatureSchema
from live.attendant import Attendant
from live.journal_writer import JournalWriter
from live.profitdll.connection import ConnectionParams, connect
from live.profitdll.settings import ProfitSettings
from live.profitdll.standin.session import StandinSession
from live.profitdll.step import Step, desk_step, paper_step
from live.profitdll.table import CLOCK
from live.profitdll.today import TodaySession
from live.recorder import Outcome, Recorder
from live.recording import Recording
from live.routing import Routing
from live.swap import Swap
from market.calendar import EXCHANGE_ZONE
from market.capture import CaptureHead
from market.errors import SafetyRefusal, UsageError
from market.home import Home
from market.stream import Feed as Fed
from registry.installed import Named, Opened, open_account
from registry.serving import swap_requests
from trading.broker import broker_events
from trading.budget import new_budget
from trading.journal import VENDOR_FEED
from trading.paper import Trader, begin_session, paper_end, paper_events
from trading.records import Stage

_TOLD_EVERY_S = 10.0


class Feed(StrEnum):
    """Who brings the events."""

    PROFITDLL = VENDOR_FEED  # the running session
    STANDIN = "standin"  # a recorded one


class Orders(StrEnum):
    """Where orders go."""

    NONE = "none"
    VENUE = "venue"  # in the process
    ROUTED = "routed"  # through the library, to a simulator


@dataclass(frozen=True)
class Plan:
    """How a session is run.

    Parameters
    ----------
    mode : str
        As journal and answer name it.
    feed : Feed
    orders : Orders
    settings : ProfitSettings
    journal : Path, optional
        By default among the journals of the home.
    """

    mode: str
    feed: Feed
    orders: Orders
    settings: ProfitSettings
    journal: Path | None = None

    @property
    def at_broker(self) -> bool:
        """Whether orders leave for a broker; the stand-in is none."""
        return self.orders is Orders.ROUTED and self.feed is Feed.PROFITDLL


@dataclass(frozen=True)
class Ran:
    """What was done, where the orders went, the capture part if there is one, events that found no room in the ring.

    `unfinished` is what a person has to see to.
    """

    outcome: Outcome
    broker: str
    capture: str | None
    dropped: int
    unfinished: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of the answer as plain values."""
        told = asdict(self)
        del told["unfinished"]  # machines read `ok` and `reason`
        return {**told.pop("outcome"), **told}


def run(home: Home, named: Named, plan: Plan) -> Ran:
    """Run one session to its end, or until SIGINT or SIGTERM.

    Raises
    ------
    UsageError
        If the bundle cannot decide on a live feed, or nothing is configured to log in with.
    SafetyRefusal
        If the account is not one for paper orders, or a second runner is there.
    BrokerError
        If the login fails or the library refuses.
    PregaoError
        As `registry.installed.open_account` and `trading.paper.begin_session`.
    """
    named, answered = replace(named, at_broker=plan.at_broker), swap_requests(home)
    account, day = _open(home, named, plan)
    desk, routed = account.desks[0], plan.orders is Orders.ROUTED
    trader, feed = desk.seat
    path = plan.journal or home.journal / f"{plan.mode}-{feed.contract}-{day}-{os.getpid()}.bin"
    path = path.absolute()  # the connection goes to a folder of its own
    head = CaptureHead(feed.contract, day, feed.bar_ns, _is_synthetic(feed, day))
    with contextlib.ExitStack() as kept:
        source = _source(home, named, plan, feed, day)
        kept.enter_context(source)
        sys.stderr.write(f"{feed.contract} {day}: getting ready; on a machine's first run this takes minutes\n")
        begin_session(trader, feed, day)
        params = ConnectionParams(source.library, routed, plan.settings.patience_s)
        connection = connect(home, params, source.credentials)
        kept.callback(connection.close)
        if source.clock:
            connection.table[CLOCK] = source.clock
        recording = kept.enter_context(Recording(source.capture, head, connection.events))
        path.parent.mkdir(parents=True, exist_ok=True)
        recorder = Recorder(kept.enter_context(JournalWriter(path)))
        recorder.begin(plan.mode, str(plan.feed), day, account.digest)
        for sentence in (*account.refused, *account.instead):
            recorder.alarm(sentence, day)
        attendant = Attendant(connection, desk.seat, day, recorder, recording)
        kept.push(attendant.abandon)
        kept.callback(connection.close)  # first of all, whatever happens: the rest writes what has come
        catch_up(trader, plan.orders, recording.earlier)
        step, routing = _step(trader, plan), None
        if source.account is not None:
            routing = Routing(connection, source.account, source.credentials, plan.settings.patience_s)
            routing.start(desk.seat, step, source.intents)
            kept.callback(routing.stop)
            attendant.alarms.append(routing.alarms)
        attendant.begin(step, book_of(trader.schema, plan.settings.book), late=source.late)
        attendant.alarms.append(Swap(home, desk, step, named, answered, attendant.change).attend)
        idle = routing.idle if routing else lambda: True
        with _stopped_by_signals() as stopped:
            for _ in _shown(source.play(idle), source.total, f"{feed.contract} {day}"):
                attendant.attend()
                if stopped:
                    break
        attendant.attend()
        if routing:
            routing.stop()
        followed = not stopped and connection.has_market()
        connection.close()
        if not stopped:
            attendant.finish()
        leave(trader, plan.orders, stopped=bool(stopped))
        attendant.end()
        if followed:
            recorder.close(day)
        done, dropped = recorder.outcome(account, 1), connection.events.dropped
        capture = None if recording.is_empty else str(recording.path)
        return Ran(done, _broker_of(plan), capture, dropped, attendant.unfinished)


def _open(home: Home, named: Named, plan: Plan) -> tuple[Opened, dt.date]:
    """Return the account and the session: the recorded one named, by default the last; of a live feed that of today."""
    recorded = plan.feed is Feed.STANDIN
    if not recorded and (named.first or named.last):
        raise UsageError("--from, --to: expected neither with a live feed, found one; they name a recorded session")
    budget = new_budget(Stage.SHADOW, live=True) if plan.orders is Orders.NONE else new_budget()
    account = open_account(home, named, budget)
    if len(account.desks) != 1:
        raise UsageError(f"{account.contract}: expected one contract in a run, found {len(account.desks)}; name one")
    feed = account.desks[0].feed
    if feed.kind != "events":
        raise UsageError(
            f"{feed.contract}: expected a model that decides on events, as the feed brings them, found one of a "
            "vendor's bars; train one on trades"
        )
    if recorded and (named.first or named.last) and len(account.days) != 1:
        raise UsageError(
            f"{feed.contract}: expected one session from --from to --to, found {len(account.days)}; name the same day"
        )
    return account, account.days[-1] if recorded else _running_day(feed)


def _running_day(feed: Fed) -> dt.date:
    """Return the date of today, on which the contract must trade still."""
    day = today()
    last = feed.last_trade_session(day)
    if last is not None and last < day:
        raise UsageError(
            f"{feed.contract}: expected a contract that trades on {day}, found one whose last session was {last}; "
            "collect sessions of the front contract, then name it with --contract"
        )
    return day


def today() -> dt.date:
    """Return the date at the exchange."""
    return dt.datetime.now(EXCHANGE_ZONE).date()


def _source(home: Home, named: Named, plan: Plan, feed: Fed, day: dt.date) -> StandinSession | TodaySession:
    routed = plan.orders is Orders.ROUTED
    if plan.feed is Feed.STANDIN:
        return StandinSession(home, feed.contract, day, named.venue, routing=routed)
    return TodaySession(plan.settings, feed.session(day)[0], home.state, routing=routed)


def _is_synthetic(feed: Fed, day: dt.date) -> bool:
    """Tell whether no market made the recorded session of a day; a session that is not there is the market's."""
    own = (part for part in feed.lake.partitions("trades", feed.contract) if part.session == day.isoformat())
    return any(part.provenance.synthetic for part in own)


def book_of(schema: FeatureSchema, book: str) -> str:
    """Return the book that a model is fed: that of the settings where it reads levels, else none.

    Raises
    ------
    UsageError
        If it reads levels and the settings name none.
    """
    reads = any(Need.BOOK_DEPTH in feature.needs for feature in schema.features)
    if reads and book == "none":
        raise UsageError('[profitdll] book: expected "depth" or "offers" for a model that reads levels, found "none"')
    return book if reads else "none"


def _step(trader: Trader, plan: Plan) -> Step:
    if plan.orders is Orders.VENUE:
        return paper_step(trader)
    return desk_step(trader.core, keeps_time=plan.feed is Feed.PROFITDLL)


def catch_up(trader: Trader, orders: Orders, earlier: np.ndarray) -> None:
    """Bring the desk where an earlier process of the session left it: what it saw is all that it was."""
    if not earlier.size:
        return
    if orders is Orders.ROUTED:
        raise SafetyRefusal(
            f"session: expected one that no runner has traded, found {earlier.size} recorded events; its orders are "
            "at the broker, and recovery after a restart is not built: see to them by hand"
        )
    if orders is Orders.VENUE:
        paper_events(trader.core, trader.venue, earlier)
    else:
        broker_events(trader.core, earlier)


def leave(trader: Trader, orders: Orders, *, stopped: bool) -> None:
    """End the session on paper; one that was stopped keeps its position for the process that takes it up."""
    if orders is Orders.VENUE and not stopped:
        paper_end(trader.core, trader.venue)


def _broker_of(plan: Plan) -> str:
    return str(plan.feed) if plan.orders is Orders.ROUTED else str(plan.orders)


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[list[int]]:
    """Yield a list that the first SIGINT or SIGTERM is put into; a second one ends the process as usual."""
    stopped: list[int] = []
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for one, handler in before.items():
            signal.signal(one, handler)

    def stop(number: int, frame: object) -> None:
        stopped.append(number)
        restore()

    for one in before:
        signal.signal(one, stop)
    try:
        yield stopped
    finally:
        restore()


def _shown(rounds: Iterator[int], total: int, what: str) -> Iterator[int]:
    """Yield the rounds, and say now and then on standard error how far a session of known length is."""
    said_s = time.monotonic()
    for done in rounds:
        yield done
        if total and time.monotonic() - said_s > _TOLD_EVERY_S:
            said_s = time.monotonic()
            sys.stderr.write(f"{what}: {done} of {total} events\n")
