"""Trades of past sessions from ProfitDLL: which days are wanted, what brings them, and whether they are whole."""

import datetime as dt
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.commands import CHECKOUT
from flows.sources.delivery import Delivery
from market.capture import CaptureHead, read_capture
from market.capture_filing import DOWNLOADED, file_capture
from market.completeness import DayRecord, judge_trades
from market.errors import BrokerError, DataError, NoAnswer, PregaoError
from market.home import Home
from market.importer import ImportResult
from market.lake import EVENT_KINDS, Lake
from market.roll import front_contract, last_trade_session

DAYS_BACK = 30  # calendar days the vendor keeps
# A session is asked for only when it is surely over.
SETTLED_AFTER = dt.timedelta(minutes=30)
# Two requests at most, each as long as the process waits for one, and its login. Then a call of the library hangs.
_LIMIT_S = 2_000.0
_TOLD = 500  # characters of what a process said before it died


@dataclass
class Downloads:
    """The process that asks the vendor, started at the first request and anew where it ended.

    Parameters
    ----------
    home : Home
    library : Path
        The vendor's file.
    today : date
    options : sequence of str
        Further ones of `live.profitdll.download`.
    limit_s : float
        How long an answer may take before the process is killed.
    """

    home: Home
    library: Path
    today: dt.date
    options: Sequence[str] = ()
    limit_s: float = _LIMIT_S
    refusal: str = ""  # why no process can bring anything
    _process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    @property
    def folder(self) -> Path:
        """Where parts lie until they are filed."""
        return self.home.state / "fetched" / "profitdll"

    def ask(self, contract: str, day: dt.date) -> dict[str, Any]:
        """Return the process' answer for a day; empty where `refusal` says that there can be none.

        Raises
        ------
        NoAnswer
            Where the process ended, or had to be ended, and another may fare better.
        """
        if self.refusal:
            return {}
        process = self._running()
        killer = threading.Timer(self.limit_s, process.kill)
        killer.start()
        try:
            found = self._exchange(process, f"{contract} {day}\n")
        finally:
            killer.cancel()
        if "ended" not in found:
            return found
        self.close()
        if found.get("again", True):
            raise NoAnswer(f"{contract} on {day}: {found['ended']}")
        self.refusal = found["ended"]
        return {}

    def close(self) -> None:
        """End the process and wait for it, so that its login is free."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        try:
            process.stdin.close()
            process.wait(self.limit_s)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "live.profitdll.download", str(self.home.root), str(self.folder)]
            command += ["--library", str(self.library), "--today", str(self.today), *self.options]
            with self._said.open("w", encoding="utf-8") as said:
                self._process = subprocess.Popen(
                    command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said,
                    text=True, encoding="utf-8",
                )  # fmt: skip
        return self._process

    def _exchange(self, process: "subprocess.Popen[str]", line: str) -> dict[str, Any]:
        """Send a line and return the next object; a vendor's library may print lines of its own."""
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except OSError:
            pass  # it has ended, and may have said why
        for told in process.stdout:
            if told.startswith("{"):
                return dict(json.loads(told))
        said = self._said.read_text(encoding="utf-8", errors="replace").strip()[-_TOLD:]
        return {"ended": f"expected an answer of the process that asks the vendor, found its end: {said or 'no word'}"}

    @property
    def _said(self) -> Path:
        return self.folder / "said.txt"


@dataclass
class ProfitDll:
    """Past sessions of the front contracts, one request a day.

    Of an expired contract the vendor keeps nothing: its sessions have to be fetched before it expires. Days of which
    the lake holds ticks, or a recorded part waits, are left alone, for a session has one origin.

    Parameters
    ----------
    downloads : Downloads
    roots : tuple of str
    sessions : int
        How far back, within the 30 days that the vendor keeps.
    now : callable
        The time, with a zone.
    """

    downloads: Downloads
    roots: tuple[str, ...]
    sessions: int
    now: Callable[[], dt.datetime]
    name: str = "profitdll"

    def deliveries(self, lake: Lake) -> Iterator[Delivery]:
        """Yield every session of the span that the lake does not hold."""
        asked = [one for root in self.roots for one in self._wanted(lake, root) if not self._is_held(lake, *one)]
        for contract, day in asked:
            one = _Day(self.downloads, lake, contract, day, is_last=(contract, day) == asked[-1])
            yield Delivery(f"{contract} on {day}", one.fetch, settle=one.settle, take=one.take)

    def _wanted(self, lake: Lake, root: str) -> list[tuple[str, dt.date]]:
        """Return front contract and day of every session that is over, as far as the contract still trades."""
        calendar, now = lake.instruments.calendar(root), self.now()
        today = now.astimezone(calendar.zone).date()
        days = calendar.sessions(today - dt.timedelta(days=DAYS_BACK), today)
        closes = [int(calendar.session(day)["close_ns"][0]) / 1e9 for day in days]
        over = [day for day, close in zip(days, closes, strict=True) if close + SETTLED_AFTER.seconds < now.timestamp()]
        fronts = [(front_contract(root, day, lake.instruments), day) for day in over[-self.sessions :]]
        return [(one, day) for one, day in fronts if last_trade_session(one, lake.instruments) >= today]

    def _is_held(self, lake: Lake, contract: str, day: dt.date) -> bool:
        held = any(p.kind in EVENT_KINDS and p.day == day for p in lake.partitions(None, contract))
        return held or (self.downloads.home.capture / CaptureHead(contract, day).name).exists()


@dataclass
class _Day:
    """One contract's session on its way from the vendor to the lake."""

    downloads: Downloads
    lake: Lake
    contract: str
    day: dt.date
    is_last: bool

    @property
    def part(self) -> Path:
        """Where the process writes it."""
        return self.downloads.folder / CaptureHead(self.contract, self.day).name

    def fetch(self) -> Path:
        """Return the part, which is whole; one that a run left behind is taken as it is.

        Raises
        ------
        DataError
            Where the vendor did not bring the day whole. It can be asked for again.
        NoAnswer
            As `Downloads.ask`.
        """
        try:
            if self._judge(None):
                found = self.downloads.ask(self.contract, self.day)
                self._refuse(found.get("refused", ""))
                if found:
                    told = found["told"]
                    self._refuse(self._judge(DayRecord(*told) if told else None))
        finally:
            if self.is_last:
                self.downloads.close()
        return self.part

    def take(self, lake: Lake, path: Path) -> ImportResult:
        """File the part."""
        if self.downloads.refusal and not path.exists():
            raise BrokerError(self.downloads.refusal)
        return file_capture(lake, path, DOWNLOADED)

    def settle(self, refusal: str | None) -> str:
        """Remove the part: it is in the lake, or the lake has the session from elsewhere."""
        self.part.unlink(missing_ok=True)
        return ""

    def _judge(self, told: DayRecord | None) -> str:
        """Return why the part is not all of its session; empty where it is. What is not whole goes."""
        if not self.part.exists():
            return "it was not brought"
        try:
            events = read_capture(self.part).events
            reasons = judge_trades(events, self.lake.instruments.session(self.contract, self.day), told).reasons
        except PregaoError as error:
            reasons = (str(error),)
        if reasons:
            self.part.unlink()
        return "; ".join(reasons)

    def _refuse(self, reason: str) -> None:
        if reason:
            raise DataError(
                f"{self.contract} on {self.day}: expected all of the session from the vendor, found it not whole: "
                f"{reason}; it is asked for again at the next run"
            )
