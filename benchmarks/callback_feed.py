"""The C feed of the callback's benchmark: built, loaded, and driven while Python spins."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from live.profitdll.abi import new, record_of
from live.profitdll.accounts import fill_asset
from market.errors import UsageError

SOURCE = Path(__file__).with_name("callback_feed.c")
TRADE = record_of("TConnectorTrade")


class _Drive(ctypes.Structure):
    _fields_ = (
        ("trade", ctypes.c_void_p), ("order", ctypes.c_void_p), ("asset", ctypes.c_void_p), ("trades", ctypes.c_void_p),
        ("length", ctypes.c_int64), ("count", ctypes.c_int64), ("gap_ns", ctypes.c_int64), ("every", ctypes.c_int64),
        ("held", ctypes.c_void_p), ("raised", ctypes.c_void_p),
    )  # fmt: skip


@dataclass(frozen=True)
class Driven:
    """What a run measured: seconds, nanoseconds each call held the feed, and when orders were raised."""

    seconds: float
    held: np.ndarray
    raised: np.ndarray


@cache
def feed_library() -> Any:
    """Return the library, built once for each state of its source.

    Raises
    ------
    UsageError
        If there is no compiler.
    """
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        raise UsageError("bench callback: expected Linux and a C compiler, found none; install gcc or set CC")
    built = Path(tempfile.mkdtemp()) / f"feed-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-pthread", "-o", str(built), str(SOURCE)], check=True)
    library = ctypes.CDLL(str(built))
    for name in ("Run", "Watch", "SendOrder", "SentAt"):
        getattr(library, name).restype = ctypes.c_int64
    library.Post.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    library.SentAt.argtypes = [ctypes.c_int64]
    library.Watch.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
    return library


def address(function: Any) -> int:
    """Return a function's address."""
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


def drive(
    callback: int,
    trades: np.ndarray,
    count: int,
    gap_ns: int = 0,
    *,
    order: tuple[int, int] = (0, 0),
    times: bool = False,
) -> Driven:
    """Call a trade callback so many times from a C thread; `order` is an order callback and how often it comes."""
    raises, every = order
    kept: list[object] = []
    asset = fill_asset(new("TConnectorAssetIdentifier"), "WDOZ26", kept)
    held = np.zeros(count if times else 0, dtype=np.int32)
    raised = np.zeros(count // every + 1 if every else 0, dtype=np.int64)
    given = _Drive(
        callback, raises, ctypes.addressof(asset), trades.ctypes.data, trades.size, count, gap_ns, every,
        held.ctypes.data if times else 0, raised.ctypes.data if every else 0,
    )  # fmt: skip
    nanoseconds = feed_library().Run(ctypes.byref(given))
    return Driven(nanoseconds / 1e9, held, raised)


def while_busy(work: Any) -> Any:
    """Run a function that leaves the GIL on a thread, and spin in Python until it ends; return what it returned."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    while thread.is_alive():
        sum(range(200))
    return found[0]


def some_trades(count: int = 1024) -> np.ndarray:
    """Return trades of one morning, one millisecond after the other."""
    made = np.zeros(count, dtype=TRADE)
    number = np.arange(count)
    made["TradeDate"]["wYear"], made["TradeDate"]["wMonth"], made["TradeDate"]["wDay"] = 2026, 11, 19
    made["TradeDate"]["wHour"], made["TradeDate"]["wMilliseconds"] = 10, number % 1000
    made["TradeDate"]["wSecond"] = number // 1000 % 60
    made["TradeNumber"], made["Price"] = number + 1, 5400.0 + 0.5 * (number % 40)
    made["Quantity"], made["TradeType"] = number % 9 + 1, 2 + number % 2
    made["BuyAgent"], made["SellAgent"] = 308, 85
    return made
