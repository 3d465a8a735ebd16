"""Ticks of past sessions from a MetaTrader 5 terminal on the same Windows machine, through its Python package.

The package answers with the broker's wall clock as if it were UTC, and takes the ends of a range in the same way.
"""

import csv
import datetime as dt
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from flows.sources.delivery import Delivery
from market.completeness import judge
from market.errors import UsageError
from market.lake import Lake
from market.roll import front_contract, last_trade_session

HEADER = ("<DATE>", "<TIME>", "<BID>", "<ASK>", "<LAST>", "<VOLUME>", "<FLAGS>")
# An export is fetched only when its session is surely over and the terminal has had time to store it.
SETTLED_AFTER = dt.timedelta(minutes=30)


class Terminal(Protocol):
    """What we use of the `MetaTrader5` module."""

    COPY_TICKS_ALL: int

    def initialize(self) -> bool:
        """Connect to the terminal."""
        ...

    def shutdown(self) -> None:
        """Let go of it."""
        ...

    def last_error(self) -> tuple[int, str]:
        """Return code and text of the last failure."""
        ...

    def symbol_select(self, symbol: str, enable: bool) -> bool:
        """Put a symbol into the market watch; without it nothing is answered."""
        ...

    def copy_ticks_range(self, symbol: str, date_from: dt.datetime, date_to: dt.datetime, flags: int) -> Any:
        """Return the ticks of a span as a structured array, or None."""
        ...


@dataclass(frozen=True)
class MetaTrader:
    """The last sessions of some futures.

    Parameters
    ----------
    terminal : Terminal
        The `MetaTrader5` module.
    roots : tuple of str
        Futures whose front contract and the one after it are fetched: a model is warm in a contract only with
        sessions of that contract from before it became the front.
    sessions : int
        How far back.
    folder : Path
        Where fetched files lie until they are imported.
    now : callable
        The time, with a zone.
    """

    terminal: Terminal
    roots: tuple[str, ...]
    sessions: int
    folder: Path
    now: Callable[[], dt.datetime]
    name: str = "metatrader"

    def deliveries(self, lake: Lake) -> Iterator[Delivery]:
        """Yield every session of the span that the lake does not hold whole."""
        for root in self.roots:
            for day in self._days(lake, root):
                for contract in contracts_on(lake, root, day):
                    if not _held(lake, contract, day):
                        yield Delivery(f"{contract} on {day}", partial(self._fetch, contract, day), contract)

    def _days(self, lake: Lake, root: str) -> list[dt.date]:
        calendar, now = lake.instruments.calendar(root), self.now()
        last = now.astimezone(calendar.zone).date()
        days = calendar.sessions(last - dt.timedelta(days=2 * self.sessions + 15), last)
        closes = [int(calendar.session(day)["close_ns"][0]) / 1e9 for day in days]
        over = [day for day, close in zip(days, closes, strict=True) if close + SETTLED_AFTER.seconds < now.timestamp()]
        return over[-self.sessions :]

    def _fetch(self, contract: str, day: dt.date) -> Path:
        start = dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)
        if not self.terminal.initialize():
            raise self._refusal("a running terminal")
        try:
            self.terminal.symbol_select(contract, True)
            end = start + dt.timedelta(days=1)
            ticks = self.terminal.copy_ticks_range(contract, start, end, self.terminal.COPY_TICKS_ALL)
        finally:
            self.terminal.shutdown()
        if ticks is None or not len(ticks):
            raise self._refusal(f"ticks of {contract} on {day}")
        return write_ticks(self.folder / f"{contract}_{day}.csv", ticks)

    def _refusal(self, wanted: str) -> UsageError:
        code, text = self.terminal.last_error()
        return UsageError(
            f"MetaTrader 5: expected {wanted}, found none ({code}: {text}); open the terminal, log in, show the symbol "
            "in its market watch, and run the command again"
        )


def load_terminal() -> Terminal:
    """Return the `MetaTrader5` module; raises UsageError where it is not installed."""
    try:
        module: Terminal = importlib.import_module("MetaTrader5")
    except ImportError:
        raise UsageError(
            "source metatrader: expected the Python package MetaTrader5, found it not installed; it exists for Windows "
            "only: `pip install MetaTrader5` there, or put exported files into the inbox"
        ) from None
    return module


def contracts_on(lake: Lake, root: str, day: dt.date) -> tuple[str, str]:
    """Return the front contract of a day and the one that follows it."""
    front = front_contract(root, day, lake.instruments)
    return front, front_contract(root, last_trade_session(front, lake.instruments), lake.instruments)


def write_ticks(path: Path, ticks: np.ndarray) -> Path:
    """Write a terminal's ticks as its own export would be, and return the file.

    Parameters
    ----------
    ticks : ndarray
        Fields bid, ask, last, volume, volume_real, time_msc and flags.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="ascii", newline="") as file:
        rows = csv.writer(file, delimiter="\t", lineterminator="\r\n")
        rows.writerow(HEADER)
        for tick in ticks:
            moment = np.datetime64(int(tick["time_msc"]), "ms").item()
            volume = float(tick["volume_real"]) or float(tick["volume"])
            rows.writerow(
                (f"{moment:%Y.%m.%d}", f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}", repr(float(tick["bid"])),
                 repr(float(tick["ask"])), repr(float(tick["last"])), f"{volume:.8f}", int(tick["flags"]))
            )  # fmt: skip
    return path


def _held(lake: Lake, contract: str, day: dt.date) -> bool:
    trades = [p for p in lake.partitions("trades", contract) if p.day == day]
    session = lake.instruments.session(contract, day)
    return any(judge(partition, session).complete for partition in trades)
