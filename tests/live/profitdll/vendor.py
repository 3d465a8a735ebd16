"""A small library with ProfitDLL's exports (`vendor.c`), and children that talk to it through the binding.

The library keeps a session per process and its thread may crash, so everything that connects runs in a child.
"""

import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from live.profitdll.connection import Connection, ConnectionParams, connect
from live.profitdll.credentials import Credentials, Secret
from market.home import Home
from tests.commands import CHECKOUT

SOURCE = Path(__file__).with_name("vendor.c")
CANARY = "kanarie7Qx"  # part of every secret in these tests
CREDENTIALS = Credentials(
    *(Secret(f"{CANARY}-{name}") for name in ("key", "user", "pass")), Secret(f"{CANARY}-routing")
)


_NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


def build_vendor() -> Path:
    """Return the library, built once for each state of its source; skip where there is no compiler."""
    if sys.platform != "linux":
        pytest.skip("vendor.c is for Linux")
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    name = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    built = Path(tempfile.gettempdir()) / f"pregao-vendor-{name}.so"
    if not built.exists():
        half = built.with_suffix(f".{os.getpid()}")
        flags = ["-O1", "-shared", "-fPIC", "-pthread", "-o", str(half), str(SOURCE)]
        subprocess.run([compiler, *flags], check=True)
        half.replace(built)
    return built


def run_child(body: str, home: Home, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the names of this module, `home`, and `library`; return how it ended."""
    script = (
        "import json, os, sys, time\nfrom pathlib import Path\nimport numpy as np\n"
        "from tests.live.profitdll.vendor import *\nfrom market.home import Home\n"
        f"home = Home(Path({str(home.root)!r}))\nlibrary = Path({str(build_vendor())!r})\n"
    )
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script + body],
        capture_output=True, text=True, encoding="utf-8", check=False, cwd=CHECKOUT, timeout=290,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **_NO_KEYRING, **environment},
    )  # fmt: skip


def answer_of(done: subprocess.CompletedProcess[str]) -> Any:
    """Return the last line of a child's output as JSON; the child must have ended well."""
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def open_connection(home: Home, library: Path, **params: Any) -> Connection:
    """Connect with small rings."""
    sizes = {"events": 1 << 12, "notices": 1 << 10, "history": 1 << 12, "patience_s": 10.0} | params
    return connect(home, ConnectionParams(library, **sizes), CREDENTIALS)


class Vendor:
    """The library's controls, which are no exports of ProfitDLL."""

    def __init__(self, library: Path) -> None:
        self._handle = ctypes.CDLL(str(library))
        self._handle.Said.restype = ctypes.c_char_p
        self._handle.Play.argtypes = [ctypes.c_char_p]

    def play(self, lines: str) -> None:
        """Let the library's thread play lines; return once they are played."""
        self._handle.Play(lines.encode())

    def clock(self) -> int:
        """Return the address of a clock that tells what the lines `clock` set."""
        return int(ctypes.cast(self._handle.FakeClock, ctypes.c_void_p).value or 0)

    def set_clock(self, ns: int) -> None:
        """Set what that clock tells, though no session was opened."""
        self._handle.SetClock(ctypes.c_int64(ns))

    def said(self) -> list[str]:
        """Return what the library was asked so far."""
        return self._handle.Said().decode().splitlines()


def end() -> None:
    """Leave without Python's clean-up, as the runner does: the library's thread may still be at work."""
    sys.stdout.flush()
    os._exit(0)
