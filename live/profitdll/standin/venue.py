"""The venue process behind the stand-in: it outlives the library's process, as a broker does.

python -m live.profitdll.standin.venue MAP --contract WDOZ26 (--lake FOLDER --day DAY | --events FILE)
[--speed N | --stepped] [--faults FILE] [--settings FILE] [--owner PROCESS]
"""

import argparse
import datetime as dt
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from live.profitdll.standin.broker import Broker
from live.profitdll.standin.disorder import Disorder
from live.profitdll.standin.faults import Fault, Script, at_events, read_faults
from live.profitdll.standin.feed import (
    REPORTED,
    TIME_NS,
    new_served,
    serve,
    serve_history,
    tell_book,
    tell_daily,
    tell_number,
)
from live.profitdll.standin.history import History
from live.profitdll.standin.logins import Logins
from live.profitdll.standin.order_table import OrderTable
from live.profitdll.standin.outbox import Outbox, Timers
from live.profitdll.standin.positions import Positions
from live.profitdll.standin.processes import is_alive
from live.profitdll.standin.recorded import Recorded, from_file, from_lake
from live.profitdll.standin.rings import next_request, publish, request_done, store_row
from live.profitdll.standin.settings import Settings, read_settings
from live.profitdll.standin.wire import (
    WIRE_ASSET,
    WIRE_ORDER,
    WIRE_POSITION,
    EventKind,
    RequestKind,
    create,
    open_for_logins,
    put_text,
)
from market.errors import PregaoError
from market.lake import Lake
from trading.fills.events import advance, step_due
from trading.fills.venue import NEVER, new_venue, next_report, report_due
from trading.requests import REQUEST

_SUBSCRIPTIONS = ("trades_to", "depth_to", "depth_to")  # of ticker, depth and offers
_IDLE_S, _RESTING_S = 0.0002, 0.001  # between looks while something was done in the last second, and later
_LOOK_S = 0.5  # how often the library's process is looked for


class VenueProcess:
    """One venue.

    Parameters
    ----------
    path : Path
        The file that the library maps; made anew.
    recorded : Recorded
        What is served.
    settings : Settings
    faults : list of Fault
    speed : float
        Times real time; 0 is as fast as possible.
    stepped : bool
        Serve only as many events as the header's `released` says, and let orders act no later than its `until_ns`.
    """

    def __init__(
        self, path: Path, recorded: Recorded, settings: Settings, faults: list[Fault], speed: float, stepped: bool
    ) -> None:
        self.wire, self.recorded, self.settings = create(path), recorded, settings
        self.speed, self.stepped = speed, stepped
        self.timers, self.outbox = Timers(), Outbox(self.wire)
        self.served = new_served(recorded.events)
        self.feed = self.served.feed
        self.now_ns = int(recorded.events["ts_event_ns"][0])
        table = OrderTable(self.wire, self.outbox, self.timers, self.clock_ms)
        positions = Positions(self.wire, self.outbox)
        self.broker = Broker(self.wire, settings, table, positions, recorded.instrument)
        self.script = Script(at_events(faults, recorded.events["ts_event_ns"]))
        self.logins = Logins(self)
        self.disorder = Disorder(self)
        self.history = History(self)
        self.requests_taken = 0
        self._heard = False
        self._paced_from: tuple[float, int] | None = None
        self._looked, self._beats, self._busy_at, self._owner_seen = 0.0, -1, 0.0, 0.0
        self._describe()
        self._compile()
        open_for_logins(self.wire)
        self.wire.header["ready"] = 1

    def _describe(self) -> None:
        """Write what stands before the first login: the file's head, assets, the feed's constants."""
        header, feed, recorded = self.wire.header, self.feed, self.recorded
        header["policy"] = self.settings.refuse_in_callback + 2 * self.settings.refuse_stop_change
        header["policy"] += 4 * self.settings.zero_flat_args
        header["today_ms"], header["next_local_id"], header["next_message_id"] = recorded.midnight_ms, 1, 1
        header["released"] = 0 if self.stepped else recorded.events.size
        header["due_ns"] = header["until_ns"] = NEVER
        feed["offset_ns"], feed["tick"] = recorded.offset_ns, recorded.instrument.tick_size
        feed["point_value"] = recorded.instrument.point_value
        names = [(recorded.contract, 1), (f"{recorded.instrument.root}FUT", 0)]
        for place, (ticker, dated) in enumerate([*names, *((name, 1) for name in self.settings.expired)]):
            row = np.zeros(1, dtype=WIRE_ASSET)
            row["dated"], row["tick"], row["point_value"] = dated, feed["tick"], feed["point_value"]
            put_text(row["ticker"][0], ticker)
            put_text(row["exchange"][0], "F")
            store_row(self.wire.assets, place, row[0])
            header["assets"] = place + 1
        self.logins.write_accounts()

    def _compile(self) -> None:
        """Compile what the first requests would wait for, with cursors and records of its own."""
        wire = self.wire._replace(cursors=np.zeros_like(self.wire.cursors))
        served, model = new_served(self.recorded.events), new_venue(self.settings.venue)
        requests, feed = np.zeros(1, dtype=REQUEST), served.feed[0]
        requests["ts_ns"] = self.now_ns
        serve(wire, served, model, requests, 0)
        tell_daily(wire, feed, served.payload, 0)
        tell_number(wire, feed, int(EventKind.TICKER_STATE), 0, 0, self.now_ns)
        tell_book(wire, feed, served.shown, 0, served.level)
        serve_history(wire, feed, self.recorded.events, 0, 0, 0)
        publish(wire, served.held[0], served.held[:0])
        next_request(wire)
        request_done(wire)
        for dtype in (WIRE_ORDER, WIRE_POSITION):
            store_row(np.zeros(1, dtype=dtype), 0, np.zeros(1, dtype=dtype)[0])
        advance(model, requests, 1)
        step_due(model, requests, 1)
        if report_due(model) != NEVER:
            next_report(model)

    def clock_ms(self) -> int:
        """Return the exchange's wall clock, milliseconds since 1970."""
        return int((self.now_ns + self.recorded.offset_ns) // 1_000_000)

    def run(self, owner: int = 0) -> None:
        """Serve until the header's `stop` is set, or a process is gone that is told as the owner."""
        while not self.wire.header["stop"][0] and not self._is_left(owner):
            self.disorder.begin_due()
            busy = self._take_requests() or self.timers.run()
            busy = self.history.go_on() or busy
            self.outbox.flush()
            busy = self._serve() or busy
            busy = self._let_model_act() or busy
            self.wire.header["clock_ms"] = self.clock_ms()
            self._busy_at = time.monotonic() if busy else self._busy_at
            if not busy:
                self._look_for_library()
                self.wire.header["rests"] += 1
                self._rest()

    def _rest(self) -> None:
        """Give the processor away; a session that is stepped soon goes on, and so does not sleep."""
        if time.monotonic() - self._busy_at >= 1:
            time.sleep(_RESTING_S)
        else:
            time.sleep(0 if self.stepped else _IDLE_S)

    def _is_left(self, owner: int) -> bool:
        """Tell whether the owner is gone; looked for now and then."""
        if owner == 0 or time.monotonic() - self._owner_seen < _LOOK_S:
            return False
        self._owner_seen = time.monotonic()
        return not is_alive(owner)

    def _serve(self) -> bool:
        """Serve events as far as they are due; return whether anything was done."""
        feed, events = self.feed[0], self.recorded.events
        begun = int(feed["cursor"])
        feed["limit"] = min(int(self.wire.header["released"][0]), events.size)
        feed["stop_at"] = self.disorder.next_event()
        waits = not (self.stepped or self._heard)  # the session waits for its first listener
        if waits:
            return False
        feed["until_ns"] = self._until_ns()
        if self.disorder.holds_market or begun >= feed["limit"]:
            return False
        broker = self.broker
        while serve(self.wire, self.served, broker.model, broker.requests, broker.sent) == REPORTED:
            self._follow(int(feed["cursor"]))
            self._move_clock(report_due(broker.model))
            broker.hear()
        self._follow(int(feed["cursor"]))
        return int(feed["cursor"]) > begun

    def _follow(self, served: int) -> None:
        """Say how many events are served; the clock stands where the last of them put it."""
        if served > 0:
            self._move_clock(int(self.recorded.events["ts_event_ns"][served - 1]))
        self._tell_due()
        self.wire.header["served"] = served

    def _tell_due(self) -> None:
        """Say when orders next do something to whoever steps the venue."""
        broker = self.broker
        if self.stepped and broker.sent:
            step = step_due(broker.model, broker.requests, broker.sent)
            self.wire.header["due_ns"] = min(step, report_due(broker.model))

    def _until_ns(self) -> int:
        """Return the time of the recorded session up to which events are due."""
        if self.speed == 0 or self.stepped or self.disorder.storms:
            return NEVER
        if self._paced_from is None:
            self._paced_from = (time.monotonic(), self.now_ns)
        wall, start = self._paced_from
        now = start + int((time.monotonic() - wall) * self.speed * 1e9)
        self._move_clock(now)
        return now

    def _move_clock(self, ts_ns: int) -> None:
        self.now_ns = max(self.now_ns, ts_ns)
        self.broker.now_ns = self.now_ns

    def _let_model_act(self) -> bool:
        """Let orders do what is due; where no event brings the time forward it moves to what is due next."""
        broker, waits = self.broker, self.feed["cursor"][0] >= self.feed["limit"][0]
        done, until_ns = False, max(self.now_ns, int(self.wire.header["until_ns"][0]) if waits else 0)
        while True:
            step, told = step_due(broker.model, broker.requests, broker.sent), report_due(broker.model)
            due = min(step, told)
            self.wire.header["due_ns"] = due
            if due == NEVER or due > until_ns:
                return done
            self._move_clock(due)
            if told <= step:
                broker.hear()
            else:
                advance(broker.model, broker.requests, broker.sent)
            done = True

    def _take_requests(self) -> bool:
        done = False
        while (place := next_request(self.wire)) >= 0:
            request = self.wire.requests[place : place + 1].copy()
            request_done(self.wire)
            self.requests_taken += 1
            self.disorder.begin_due()
            self._take(request)
            done = True
        return done

    def _take(self, request: np.ndarray) -> None:
        kind = int(request["kind"][0])
        if kind == RequestKind.LOGIN:
            self.logins.take(request)
        elif kind == RequestKind.FINALIZE:
            self.forget_library()
        elif kind in (RequestKind.SUBSCRIBE, RequestKind.UNSUBSCRIBE):
            self._subscribe(request, kind == RequestKind.SUBSCRIBE)
        elif kind == RequestKind.HISTORY:
            self.history.ask(request)
        elif kind == RequestKind.ACCOUNTS:
            self.logins.announce_accounts()
        elif kind == RequestKind.ORDERS:
            self.logins.load_orders(int(request["account"][0]))
        else:
            if kind in (RequestKind.SEND, RequestKind.ZERO):
                self.disorder.begin_at("order", self.broker.orders_taken + 1)
            self.broker.take(request)

    def _subscribe(self, request: np.ndarray, on: bool) -> None:
        """Begin or end a subscription; what stands is told at once."""
        asset, what = int(request["asset"][0]), int(request["type"][0])
        if on and (asset < 0 or self.disorder.refuses_ticker()):
            payload = request["text"][0].reshape(-1)[: 54 + 10].copy()
            payload[32:] = 0
            payload[32:36] = request["text"][0][1][:4]
            self.outbox.say(EventKind.INVALID_TICKER, payload, asset=0)
            return
        if asset < 0 or asset > 1:
            return
        feed, field = self.feed[0], _SUBSCRIPTIONS[what]
        told, self._heard = int(feed[field]), True
        feed[field] = told | (1 << asset) if on else told & ~(1 << asset)
        if on and what == 0:
            tell_daily(self.wire, feed, self.served.payload, self.clock_ms())
            tell_number(self.wire, feed, int(EventKind.TICKER_STATE), int(self.wire.header["phase"][0]), 0, self.now_ns)
        elif on:
            self.tell_books(1 << asset)

    def tell_books(self, assets: int) -> None:
        """Tell the whole depth anew to assets, named as bits."""
        self.served.level[TIME_NS] = self.now_ns
        for asset in range(2):
            if assets >> asset & 1:
                tell_book(self.wire, self.feed[0], self.served.shown, asset, self.served.level)

    def _look_for_library(self) -> None:
        """Forget a library whose thread stands still and whose process is gone."""
        if time.monotonic() - self._looked < _LOOK_S or self.outbox.session == 0:
            return
        header, before = self.wire.header, self._beats
        self._looked = time.monotonic()
        self._beats = int(header["beats"][0]) + int(header["dispatched"][0])
        if self._beats == before and not is_alive(int(header["pid"][0])):
            self.forget_library()

    def forget_library(self) -> None:
        """Tell nobody anything until the next login; orders and positions live on."""
        self.feed["trades_to"] = self.feed["depth_to"] = self.feed["session"] = 0
        self.outbox.begin(0)
        self.history.forget()


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("map", type=Path, help="file that the library is told by PREGAO_STANDIN")
    parser.add_argument("--contract", required=True)
    parser.add_argument("--lake", type=Path)
    parser.add_argument("--day", type=dt.date.fromisoformat)
    parser.add_argument("--events", type=Path, help="EVENT records in a .npy file")
    parser.add_argument("--speed", type=float, default=1.0, help="times real time; 0 is as fast as possible")
    parser.add_argument("--stepped", action="store_true")
    parser.add_argument("--faults", type=Path)
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--owner", type=int, default=0, help="process without which there is nothing to serve")
    told = parser.parse_args(given)
    if (told.events is None) == (told.lake is None) or (told.lake is not None and told.day is None):
        parser.error("expected --events, or --lake with --day")
    return told


def main(given: list[str] | None = None) -> int:
    """Serve until stopped; return the exit code."""
    told = _arguments(given)
    try:
        recorded = (
            from_file(told.events, told.contract)
            if told.events
            else from_lake(Lake(told.lake), told.contract, told.day)
        )
        venue = VenueProcess(
            told.map, recorded, read_settings(told.settings), read_faults(told.faults), told.speed, told.stepped
        )
    except PregaoError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"venue {os.getpid()} serves {recorded.contract} {recorded.day}: {recorded.events.size} events\n")
    sys.stdout.flush()
    if told.owner:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the owner's, who ends in order
    try:
        venue.run(told.owner)
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
