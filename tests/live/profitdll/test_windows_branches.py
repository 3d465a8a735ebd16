"""The branches for Windows, run here with a kernel32 of C functions that write down what they were given."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands import CHECKOUT

# What is compiled for Windows must not come into the cache of this system, so the child has one of its own.
AS_ON_WINDOWS = """
import ctypes, json, os, sys
from pathlib import Path
import numba, numpy, filelock, keyring, mmap, subprocess, threading
import llvmlite.binding, live.memory, market.kernel

heard = []
I4, U4, I8, P = ctypes.c_int32, ctypes.c_uint32, ctypes.c_int64, ctypes.c_void_p

def exported(name, result, arguments, does):
    kind = ctypes.CFUNCTYPE(result, *arguments)
    function = kind(lambda *given: (heard.append([name, *given]), does(*given))[1])
    kept.append(function)
    return function

def tell_time(buffer):
    # 2026-11-20 12:00:00.0000005 UTC: date -u -d ... +%s is 1795176000; 11644473600 s lie between 1601 and 1970
    I8.from_address(buffer).value = (1_795_176_000 + 11_644_473_600) * 10_000_000 + 5

def tell_code(handle, code):
    U4.from_address(code).value = 259 if handle == 71 else 1
    return 1

kept = []

class Kernel32:
    GetSystemTimePreciseAsFileTime = exported("time", None, (P,), tell_time)
    CreateEventW = exported("create", P, (P, I4, I4, P), lambda *_: 0x1_0000_0040)
    SetEvent = exported("set", I4, (P,), lambda handle: 1)
    WaitForSingleObject = exported("wait", U4, (P, U4), lambda handle, limit: 0)
    GetCurrentThread = exported("thread", P, (), lambda: 2**64 - 2)
    Sleep = exported("sleep", None, (U4,), lambda milliseconds: None)
    SetThreadPriority = exported("priority", I4, (P, I4), lambda thread, priority: 1)
    OpenProcess = exported("open", P, (U4, I4, U4), lambda access, inherit, pid: {7: 71, 8: 81}.get(pid, 0))
    GetExitCodeProcess = exported("code", I4, (P, P), tell_code)
    CloseHandle = exported("close", I4, (P,), lambda handle: 1)

class Runtime:
    _write = exported("write", I4, (I4, P, U4), lambda *_: 0)
    _commit = exported("commit", I4, (I4,), lambda *_: 0)

loaded = []
ctypes.WinDLL = lambda name: (loaded.append(name), Kernel32)[1]
sys.platform = "win32"

def answer(found):
    print(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)

def address(function):
    return ctypes.cast(function, P).value
"""


def on_windows(body: str, tmp_path: Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", AS_ON_WINDOWS + body],
        capture_output=True, text=True, check=False, cwd=CHECKOUT,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_clock_and_wake_are_those_of_windows(tmp_path: Path) -> None:
    found = on_windows("""
from live.profitdll.notices import post
from live.profitdll.table import now_ns, table
from live.profitdll.wake import arm, hurry, post_now, wait
here = table()
now = now_ns(here.address)
post(here.address)  # nobody waits yet
heard.clear()
arm(here)
post(here.address)
wait(here.address)
post_now(here)
answer([now, hurry(), [[one[0], *one[1:]] for one in heard], sorted(set(loaded))])
""", tmp_path)  # fmt: skip
    now_ns, hurried, heard, loaded = found
    assert now_ns == 1_795_176_000_000_000_500
    handle = 0x1_0000_0040  # beyond 32 bits: a handle is as wide as an address
    assert heard == [
        ["create", None, 0, 0, None],  # resets itself, not signalled
        ["set", handle],
        ["wait", handle, 50],
        ["set", handle],
        ["thread"],
        ["priority", 2**64 - 2, 15],
    ]
    assert hurried is True
    assert loaded == ["kernel32"]


def test_files_and_processes_are_those_of_windows(tmp_path: Path) -> None:
    files, named, alive, heard = on_windows("""
from live.profitdll import order_thread
from live.profitdll.standin.processes import is_alive
from market.durable import sync_folder
ctypes.CDLL = lambda name: (loaded.append(name), Runtime)[1]
files = [*order_thread._file_functions()] == [address(Runtime._write), address(Runtime._commit)]
os.name = "nt"
sync_folder("no folder can be opened here")
answer([files, loaded[-1], [is_alive(7), is_alive(8), is_alive(9)], [one for one in heard if one[0] != "code"]])
""", tmp_path)  # fmt: skip
    assert files is True
    assert named == "ucrtbase"
    assert alive == [True, False, False]  # one that runs, one that has ended, one that nobody knows
    assert heard == [
        ["open", 0x1000, 0, 7],
        ["close", 71],
        ["open", 0x1000, 0, 8],
        ["close", 81],
        ["open", 0x1000, 0, 9],
    ]


@pytest.mark.parametrize("text", ["WDOZ26", "Ação €", "😀"])
def test_wide_strings_are_what_windows_calls_them(text: str) -> None:
    from live.profitdll.abi import units

    assert units(text) == text.encode("utf-16-le") + b"\0\0"
