"""A recorded session traded through the stand-in in lockstep: no event before everything of the last one is done."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import date
from types import TracebackType
from typing import Any

import numba
import numpy as np
from numba import types

from live.memory import load_i8, store_i8
from live.profitdll.accounts import AccountParams
from live.profitdll.connection import hold
from live.profitdll.credentials import Credentials, Secret
from live.profitdll.standin.build import build
from live.profitdll.standin.launch import launch
from live.profitdll.standin.settings import Settings
from live.profitdll.standin.wire import (
    DUE_NS,
    EVENT_HEAD,
    EVENT_TAIL,
    PATH_VARIABLE,
    RELEASED,
    REQUEST_HEAD,
    RESTS,
    SERVED,
    UNTIL_NS,
)
from live.profitdll.table import FILETIME_EPOCH, WINDOWS, keep
from market.errors import NoAnswer, PregaoError
from market.home import Home
from market.lake import Lake
from trading.fills.venue import NEVER
from trading.policy import VenueParams

_PATIENCE_S = 30.0  # for one event and all that follows from it
_SETTINGS = Settings()


class StandinSession:
    """A venue that serves one session, and the hand that leads it. Used as a context: the venue ends with it.

    Parameters
    ----------
    home : Home
        Its lake holds the session; library and venue's files go below its state.
    contract : str
        Dated.
    day : date
    venue : VenueParams
        How the market answers orders.
    routing : bool
        Whether orders are to be sent.

    Attributes
    ----------
    library : Path
        To load.
    credentials : Credentials
        The stand-in's own.
    account : AccountParams, optional
        Its simulator's, where orders are to be sent.
    capture : Path
        Where its part goes: beside the venue's files, which are made anew at every start.
    intents : Path
        Where requests are written down.
    total : int
        Events that are served.
    clock : int
        Address of a function that tells the session's time as the system's clock does.

    Raises
    ------
    SecondSession
        If another session of the home is led.
    UsageError
        If no compiler is there to build the library.
    LakeError
        If the lake does not hold the session, or it is damaged.
    PregaoError
        If the venue does not start.
    """

    late = False  # it waits for us

    def __init__(self, home: Home, contract: str, day: date, venue: VenueParams, *, routing: bool) -> None:
        simulator = _SETTINGS.accounts[-1]
        login = [Secret(getattr(_SETTINGS, name)) for name in ("key", "user", "password", "routing_password")]
        self.credentials = Credentials(*login)
        params = AccountParams(simulator.broker, simulator.account, simulator.broker_name)
        self.account = params if routing else None
        self._times = np.maximum.accumulate(Lake(home.lake).read_events(contract, day)["ts_event_ns"])
        self.total = self._times.size
        self.library = build(home.state / "standin")
        self._lock = hold(home.state / "standin" / "session.lock")  # whose files would else be taken away below
        self.capture = home.state / "standin" / f"{contract}-{day}"
        self.capture.mkdir(parents=True, exist_ok=True)
        for left in self.capture.iterdir():
            left.unlink()
        self.intents = self.capture / "intents.bin"
        self._now = self._times[:1].copy()
        self.clock = _clock(self._now)
        source = ("--contract", contract, "--lake", str(home.lake), "--day", day.isoformat())
        told: Mapping[str, Any] = {"venue": asdict(venue)}
        self._launched = launch(self.capture, source, ("--stepped", "--owner", str(os.getpid())), settings=told)
        self._words = self._launched.wire.cursors
        os.environ[PATH_VARIABLE] = str(self._launched.map_path)

    def play(self, idle: Callable[[], bool]) -> Iterator[int]:
        """Serve event after event; yield how many are served, once everything is done that follows from the last one.

        Parameters
        ----------
        idle : callable
            Tells whether the order thread has served every request and taken every answer.

        Raises
        ------
        NoAnswer
            If something stands still, or the venue has ended.
        """
        words, calm = self._words, -1
        words[UNTIL_NS] = 0
        for place, ts_ns in enumerate(self._times.tolist(), start=1):
            calm = self._settle(ts_ns, calm, idle)
            self._now[0] = ts_ns
            words[RELEASED] = place
            self._await(lambda served=place: words[SERVED] >= served and self._is_told() and idle())  # type: ignore[misc]
            yield place
        self._settle(NEVER - 1, calm, idle)

    def stop(self) -> str:
        """Stop the venue; return what it failed with, empty where it served to the end."""
        said = self._launched.stop()
        self._lock.release()
        return said

    def __enter__(self) -> "StandinSession":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        said = self.stop()
        if said and error is None:
            raise PregaoError(f"venue: expected it to serve to the end, found {said.strip()}; start again")

    def _settle(self, until_ns: int, calm: int, idle: Callable[[], bool]) -> int:
        """Let orders do what is due up to a time, and the desk what follows; return how many requests there were.

        Parameters
        ----------
        until_ns : int
        calm : int
            Requests there were when nothing was left to do.
        idle : callable
        """
        words = self._words
        while True:
            asked, told, due_ns = int(words[REQUEST_HEAD]), int(words[EVENT_HEAD]), int(words[DUE_NS])
            if asked == calm and due_ns > until_ns:
                return calm
            if asked == calm:
                words[UNTIL_NS] = due_ns  # one thing at a time: what the desk asks after it is asked at its time
            rested = int(words[RESTS]) + 2  # a whole round of the venue that found nothing to do
            self._await(lambda rested=rested: words[RESTS] >= rested and self._is_told() and idle())  # type: ignore[misc]
            if (asked, told) == (int(words[REQUEST_HEAD]), int(words[EVENT_HEAD])):
                calm = asked

    def _is_told(self) -> bool:
        return bool(self._words[EVENT_HEAD] == self._words[EVENT_TAIL])

    def _await(self, there: Callable[[], bool]) -> None:
        deadline = 0.0
        while not there():
            _give_way()
            deadline = deadline or time.monotonic() + _PATIENCE_S
            if time.monotonic() > deadline or self._launched.process.poll() is not None:
                raise NoAnswer(
                    f"stand-in: expected event {self._words[RELEASED]} to be done within {_PATIENCE_S:g} s, found "
                    f"{self._words[SERVED]} served; start again"
                )


def _give_way() -> None:
    """Let whoever waits for this processor go first."""
    if sys.platform == "win32":
        time.sleep(0)
    else:
        os.sched_yield()


def _clock(now: np.ndarray) -> int:
    """Return the address of a function that tells the time in `now`, ns, as the system tells its own."""
    at = int(now.ctypes.data)
    keep(now)

    def tell(which: int, buffer: int) -> int:
        store_i8(buffer, load_i8(at) // 1_000_000_000)
        store_i8(buffer + 8, load_i8(at) % 1_000_000_000)
        return 0

    def tell_file_time(buffer: int) -> None:
        store_i8(buffer, load_i8(at) // 100 + FILETIME_EPOCH)

    told = (types.void(types.int64), tell_file_time) if WINDOWS else (types.int32(types.int32, types.int64), tell)
    made = numba.cfunc(told[0], error_model="numpy", _nrt=False)(told[1])
    keep(made)
    return int(made.address)
