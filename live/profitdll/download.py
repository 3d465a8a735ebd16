"""Trades of past days for the collect flow, by a process of its own: one login, one day after the other.

python -m live.profitdll.download HOME FOLDER --library FILE --today DAY

Lines on standard input ask, as "WDOZ26 2026-11-20". Each is answered by one JSON object in a line: `part`, the file in
FOLDER that holds the day, with how many trades it has and what the exchange says of the day where it does; `refused`,
why this day was not brought; or `ended`, why the process ends, and whether starting `again` may help. What the vendor
brought is not judged here. Where standard input ends the session does, and so does the process, at once where an answer
is still owed: nobody waits for it, and the login is needed elsewhere.
"""

import argparse
import contextlib
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from live.capture_writer import CaptureWriter
from live.profitdll.connection import ConnectionParams, connect
from live.profitdll.credentials import find_credentials
from live.profitdll.history import History
from live.profitdll.market import Market
from live.profitdll.table import DAILY_QUANTITY, DAILY_TRADES
from market.capture import CaptureHead
from market.errors import (
    DataError,
    NoAnswer,
    NotConnected,
    PregaoError,
    RequestRefused,
    UsageError,
)
from market.home import Home

UNFINISHED = "unfinished"  # in the folder of parts: the part that is being written
_BLOCK = 1 << 16
_ABOUT_THE_DAY = (DataError, RequestRefused, UsageError)  # the next day may go well
_PASSING = (NoAnswer, NotConnected)  # what another process may not meet


class Download:
    """Brings days of trades and writes each into a part of its own.

    Parameters
    ----------
    history : History
    market : Market
    folder : Path
        Takes the parts.
    today : date
    synthetic : bool
        Whether a stand-in tells what no market made.
    """

    def __init__(self, history: History, market: Market, folder: Path, today: date, *, synthetic: bool) -> None:
        self._history, self._market, self._folder = history, market, folder
        self._today, self._synthetic = today, synthetic

    def bring(self, contract: str, day: date) -> dict[str, Any]:
        """Return the answer to one request; raises what `History.day` and `Market.subscribe` raise."""
        started = time.monotonic()
        if contract not in self._market.subscriptions:
            self._market.subscribe(contract)
        trades = self._history.day(contract, day)
        part = write_part(self._folder, CaptureHead(contract, day, synthetic=self._synthetic), trades)
        told = self._record(contract) if day == self._today else None
        return {"part": part.name, "trades": int(trades.size), "seconds": time.monotonic() - started, "told": told}

    def _record(self, contract: str) -> list[int] | None:
        """Return trades and quantity of the running or last session as the exchange tells them, None before it does."""
        made = self._market.subscriptions[contract]
        told = [made.word(DAILY_TRADES), made.word(DAILY_QUANTITY)]
        return told if told[0] > 0 else None


def write_part(folder: Path, head: CaptureHead, events: np.ndarray) -> Path:
    """Write a part that is whole or not there, and return its path."""
    (folder / UNFINISHED / head.name).unlink(missing_ok=True)
    with CaptureWriter(folder / UNFINISHED, head) as written:
        for first in range(0, events.size, _BLOCK):
            written.append(events[first : first + _BLOCK])
        written.sync()
    return written.path.replace(folder / head.name)


def serve(download: Download, lines: Iterator[str], say: Callable[[dict[str, Any]], None]) -> None:
    """Answer every line; raises PregaoError where none after it can be answered."""
    for line in lines:
        contract, day = line.split()
        try:
            found = download.bring(contract, date.fromisoformat(day))
        except _ABOUT_THE_DAY as error:
            found = {"refused": str(error)}
        say(found)


class Asked:
    """The lines of a stream, read on a thread of its own, so that its end is noticed at once."""

    def __init__(self, stream: TextIO) -> None:
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._stream, self._owed = stream, threading.Semaphore(0)
        threading.Thread(target=self._read, daemon=True).start()

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines.get, "")

    def answered(self) -> None:
        """Take note that one line more is about to be answered."""
        self._owed.acquire()

    def _read(self) -> None:
        for line in self._stream:
            self._owed.release()
            self._lines.put(line)
        if self._owed.acquire(blocking=False):
            os._exit(1)
        self._lines.put("")


def main() -> None:
    """Serve standard input to its end, and leave as a process must that had the vendor's threads in it."""
    options = _options()
    asked = Asked(sys.stdin)

    def say(found: dict[str, Any]) -> None:
        asked.answered()
        _say(found)

    code = 0
    try:
        _run(options, iter(asked), say)
    except PregaoError as error:
        _say({"ended": str(error), "again": isinstance(error, _PASSING)})
        code = error.exit_code
    sys.stderr.flush()
    os._exit(code)


def _say(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def _run(options: argparse.Namespace, lines: Iterator[str], say: Callable[[dict[str, Any]], None]) -> None:
    params = ConnectionParams(options.library.resolve(), patience_s=options.login_s)
    folder, today = options.folder.resolve(), date.fromisoformat(options.today)  # the connection leaves this folder
    connection = connect(Home(options.home.resolve()), params, find_credentials(routing=False))
    try:
        market = Market(connection, today)
        history = History(connection, market, today, options.idle_s, options.patience_s)
        synthetic = bool(os.environ.get("PREGAO_STANDIN"))
        serve(Download(history, market, folder, today, synthetic=synthetic), lines, say)
    finally:
        with contextlib.suppress(NoAnswer):  # the process ends anyway, and with it the session
            connection.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m live.profitdll.download")
    parser.add_argument("home", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--today", required=True)
    parser.add_argument("--idle-s", type=float, default=5.0)
    parser.add_argument("--patience-s", type=float, default=900.0)
    parser.add_argument("--login-s", type=float, default=90.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
