"""From an order event in the library's thread to the compiled order loop, and from its wake to the call that sends."""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import types

from benchmarks import callback_peer
from benchmarks.callback_feed import Driven, address, feed_library, while_busy
from benchmarks.rows import Row, less_is_better
from live.memory import caller, load_acquire, load_i8, store_release
from live.profitdll.table import CLOCK, NOTICES_RING, POST_HANDLE, Table
from live.profitdll.wake import arm, hurry, post_now, wait
from live.ring import HEAD, TAIL, Ring
from market.kernel import kernel

_MONOTONIC, _ROOM, _LATE_NS = 1, 1 << 16, 150_000
_clock = caller(types.int32, types.int32, types.int64)
_send = caller(types.int64, types.int64)


@dataclass(frozen=True)
class Latencies:
    """Nanoseconds of every order event, and of those outside stalls that the canary saw too."""

    all: np.ndarray
    quiet: np.ndarray

    @property
    def size(self) -> int:
        """How many order events there were."""
        return int(self.all.size)


@kernel
def stamp_notices(table: int, stop: np.ndarray, seen: np.ndarray, buffer: np.ndarray) -> int:
    """Write down when each notice was seen, until told to stop."""
    ring, at, count = load_i8(table + NOTICES_RING), buffer.ctypes.data, 0
    position = load_i8(ring + HEAD)
    while stop[0] == 0:
        wait(table)
        while position < load_acquire(ring + HEAD):
            _clock(load_i8(table + CLOCK), _MONOTONIC, at)
            if count < seen.size:
                seen[count] = load_i8(at) * 1_000_000_000 + load_i8(at + 8)
            count += 1
            position += 1
            store_release(ring + TAIL, position)
    return count


@kernel
def send_at_wakes(table: int, send: int, order: int, times: int) -> int:
    """Wait and send, so many times."""
    for _ in range(times):
        wait(table)
        _send(send, order)
    return times


def order_latencies(table: Table, notices: Ring, work: Callable[[], Driven]) -> Latencies:
    """Return what order events took while some work raises them."""
    arm(table)
    notices.words[TAIL // 8] = notices.head
    stop, buffer, seen = np.ones(1, dtype=np.int64), np.zeros(2, dtype=np.int64), np.zeros(1 << 21, dtype=np.int64)
    stamp_notices(table.address, stop, seen, buffer)  # compiles
    stop[0] = 0
    stalls, library = np.zeros((_ROOM, 2), dtype=np.int64), feed_library()
    loop = threading.Thread(target=lambda: (hurry(), stamp_notices(table.address, stop, seen, buffer)))
    canary: list[int] = []
    watch = threading.Thread(target=lambda: canary.append(library.Watch(stalls.ctypes.data, _ROOM, _LATE_NS)))
    loop.start()
    watch.start()
    done = work()
    library.Unwatch()
    stop[0] = 1
    post_now(table)
    loop.join()
    watch.join()
    raised = done.raised[done.raised > 0]
    assert seen[raised.size - 1] > 0, "expected every order event to be seen"
    seen = seen[: raised.size]
    return Latencies(seen - raised, (seen - raised)[~_overlap(raised, seen, stalls[: canary[0]])])


def _overlap(begin: np.ndarray, end: np.ndarray, stalls: np.ndarray) -> np.ndarray:
    """Tell which intervals touch a stall; the stalls are in order and apart."""
    if not stalls.size:
        return np.zeros(begin.size, dtype=bool)
    following = np.searchsorted(stalls[:, 1], begin)
    inside = following < len(stalls)
    touches: np.ndarray = inside & (stalls[np.minimum(following, len(stalls) - 1), 0] <= end)
    return touches


def wake_row(table: Table, times: int) -> Row:
    """From a post in a C thread to the library's SendOrder, beside a Python thread that waits and calls ctypes."""
    library, order = feed_library(), ctypes.create_string_buffer(120)
    library.SendOrder.argtypes = [ctypes.c_void_p]
    arm(table)
    send_at_wakes(table.address, 0, 0, 0)  # compiles
    handle, place = table[POST_HANDLE], ctypes.addressof(order)
    send = address(library.SendOrder)
    ours = _wakes(lambda: (hurry(), send_at_wakes(table.address, send, place, times)), handle, times)
    few = max(times // 10, 20)
    peer = _wakes(callback_peer.waiting_thread(handle, library.SendOrder, place, few), handle, few)
    return less_is_better("wake to sent, Python busy, p50", "µs", ours, peer, "Python thread, ctypes")


def _wakes(serve: Callable[[], Any], handle: int, times: int) -> float:
    """Return the median microseconds from post to send."""
    library, posted = feed_library(), np.zeros(times, dtype=np.int64)
    library.Forget()
    loop = threading.Thread(target=serve)
    loop.start()
    while_busy(lambda: library.Post(handle, times, 1_000_000, posted.ctypes.data))
    loop.join()
    sent = np.array([library.SentAt(place) for place in range(times)])
    return float(np.median(sent - posted)) / 1e3
