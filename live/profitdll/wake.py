"""What the library's thread wakes the order thread with: a primitive of the system, posted and awaited by machine code.

Linux has eventfd, Windows an event that resets itself. Neither side holds the GIL: after a wake nothing waits for it.
Who waits wakes after a while without a post too, for time passes in a quiet market.
"""

import ctypes
import os
import sys
import threading

from numba import types

from live.memory import caller, load_i8
from live.profitdll.table import POST, POST_BUFFER, POST_HANDLE, TAKE, WAIT, WINDOWS, Table
from market.kernel import kernel

PATIENCE_MS = 50
_TIME_CRITICAL, _READABLE = 15, 1
_poll = caller(types.int32, types.int64, types.uint64, types.int32)
_read = caller(types.int64, types.int32, types.int64, types.int64)
_wait_windows = caller(types.uint32, types.int64, types.uint32)


@kernel
def wait(table: int) -> None:
    """Sleep until somebody posts, or for a while; a post before it counts."""
    function, buffer = load_i8(table + WAIT), load_i8(table + POST_BUFFER)
    if WINDOWS:
        _wait_windows(function, load_i8(table + POST_HANDLE), PATIENCE_MS)
    elif _poll(function, buffer + 16, 1, PATIENCE_MS) > 0:
        _read(load_i8(table + TAKE), load_i8(table + POST_HANDLE), buffer + 8, 8)


def arm(table: Table) -> None:
    """Make the primitive and let callbacks post it."""
    handle = _handle()
    table[POST_BUFFER], table[POST_HANDLE] = table.wake_buffer, handle
    ctypes.c_uint64.from_address(table.wake_buffer + 16).value = handle | _READABLE << 32  # a pollfd
    table[WAIT], table[TAKE], table[POST] = _addresses()


def post_now(table: Table) -> None:
    """Wake the order thread from Python."""
    if sys.platform == "win32":
        ctypes.WinDLL("kernel32").SetEvent(ctypes.c_void_p(table[POST_HANDLE]))
    else:
        os.eventfd_write(table[POST_HANDLE], 1)


def hurry() -> bool:
    """Let this thread go before others of the system; return whether the system allowed it."""
    if sys.platform == "win32":
        kernel32 = ctypes.WinDLL("kernel32")
        kernel32.GetCurrentThread.restype = ctypes.c_void_p
        return bool(kernel32.SetThreadPriority(ctypes.c_void_p(kernel32.GetCurrentThread()), _TIME_CRITICAL))
    try:
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_RR, os.sched_param(1))
    except OSError:
        return False
    return True


def _handle() -> int:
    if sys.platform == "win32":
        create = ctypes.WinDLL("kernel32").CreateEventW
        create.restype = ctypes.c_void_p
        return int(create(None, 0, 0, None) or 0)
    return os.eventfd(0, os.EFD_CLOEXEC)


def _addresses() -> tuple[int, int, int]:
    """Return the addresses of waiting, of taking a post away where waiting leaves it, and of posting."""
    if sys.platform == "win32":
        kernel32 = ctypes.WinDLL("kernel32")
        return _address(kernel32.WaitForSingleObject), 0, _address(kernel32.SetEvent)
    libc = ctypes.CDLL(None)
    return _address(libc.poll), _address(libc.read), _address(libc.write)


def _address(function: object) -> int:
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)  # type: ignore[arg-type]
