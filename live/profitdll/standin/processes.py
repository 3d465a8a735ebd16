"""Whether a process lives."""

import os
import sys
from pathlib import Path

_STILL_ACTIVE, _QUERY = 259, 0x1000


def is_alive(pid: int) -> bool:
    """Tell whether a process of that id runs; one that waits to be reaped does not."""
    if sys.platform == "win32":
        return _is_alive_on_windows(pid)
    try:
        if Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
            return False
    except OSError:
        pass  # another system, or gone: the signal tells
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_alive_on_windows(pid: int) -> bool:
    if sys.platform != "win32":
        return False
    import ctypes

    kernel = ctypes.WinDLL("kernel32")
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(_QUERY, 0, pid)
    if not handle:
        return False
    code = ctypes.c_uint32()
    kernel.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(code))
    kernel.CloseHandle(ctypes.c_void_p(handle))
    return code.value == _STILL_ACTIVE
