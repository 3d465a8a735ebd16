"""A lock in one word of memory, for compiled threads that share a desk: taken by spinning, held for microseconds.

Who holds it may have been put aside by the system, so a thread that waits long sleeps between its tries: one that goes
before all others of its processor would else wait for ever.
"""

import ctypes
import sys

import llvmlite.binding
from numba import types

from live.memory import load_acquire, store_release, swap
from market.kernel import kernel

_SPINS, _REST = 4_000, 1 if sys.platform == "win32" else 50  # milliseconds or microseconds
_SYMBOL = "pregao_rest"


def _rest_address() -> int:
    if sys.platform == "win32":
        function = ctypes.WinDLL("kernel32").Sleep
    else:
        function = ctypes.CDLL(None).usleep
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


llvmlite.binding.add_symbol(
    _SYMBOL, _rest_address()
)  # before anything that calls it is compiled or read from the cache
_rest = types.ExternalFunction(_SYMBOL, types.int32(types.uint32))


@kernel
def lock(address: int) -> None:
    """Take the lock whose word, 0 where it is free, lies at an address; it is not taken twice by one thread."""
    while not swap(address, 0, 1):
        spins = 0
        while load_acquire(address) != 0:
            spins += 1
            if spins > _SPINS:
                _rest(_REST)


@kernel
def unlock(address: int) -> None:
    """Give the lock back; everything written under it is there for the next one who takes it."""
    store_release(address, 0)
