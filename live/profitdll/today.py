"""The running session as the vendor's library brings it: where it lies, who logs in, and until when."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import numpy as np

from live.profitdll.credentials import find_credentials
from live.profitdll.library import checked_file
from live.profitdll.settings import ProfitSettings
from market.errors import UsageError

_AFTER_CLOSE_NS = 5 * 60 * 1_000_000_000  # the closing call, last corrections
_ROUND_S = 0.005


class TodaySession:
    """A session of the vendor's library; the same as `standin.session.StandinSession` to the runner.

    Parameters
    ----------
    settings : ProfitSettings
    session : SESSION record
    state : Path
        Folder below which capture parts and intents lie.
    routing : bool
        Whether orders are to be sent.

    Raises
    ------
    UsageError
        If no library or account is configured, or the session is over.
    SafetyRefusal
        If the account is no simulator's.
    LoginRefused
        If a credential is missing.
    LibraryRefused
        If the library's file is none, or another system's.
    """

    clock = 0  # the system's

    def __init__(self, settings: ProfitSettings, session: np.void, state: Path, *, routing: bool) -> None:
        self.library, self.capture = settings.library_path(), state / "capture"
        self.intents = state / "intents" / f"{np.datetime64(int(session['date']), 'D')}.bin"
        self.account = settings.simulator() if routing else None
        self.total = 0  # nobody knows how many events will come
        self._open_ns = int(session["open_ns"])
        self._end_ns = int(session["close_ns"]) + _AFTER_CLOSE_NS
        if time.time_ns() >= self._end_ns:
            raise UsageError("session of today: expected one that is not over, found it closed; start again tomorrow")
        self.credentials = find_credentials(routing=routing)
        checked_file(self.library)  # before minutes are spent on compiling

    @property
    def late(self) -> bool:
        """Whether the session has begun by now, which it may while we compile and log in."""
        return time.time_ns() > self._open_ns

    def play(self, idle: Callable[[], bool]) -> Iterator[int]:
        """Yield now and then until the session is over; events come by themselves, so `idle` does not matter."""
        while time.time_ns() < self._end_ns:
            yield 0
            time.sleep(_ROUND_S)

    def __enter__(self) -> "TodaySession":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing to do: the connection ends by itself."""
