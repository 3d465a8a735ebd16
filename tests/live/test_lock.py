"""The lock of a desk: no two compiled threads are inside at once, and a copy is of one moment."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from live.desk_reader import DeskReader
from live.lock import lock, unlock
from live.memory import load_acquire, store_release, swap
from market.instruments import B3
from market.kernel import kernel
from trading.core import new_desk
from trading.desk import DECISIONS, FILLS, ORDERS, Desk
from trading.policy import RiskLimits

TIMES = 2_000_000


@kernel
def meet(word: int) -> None:
    """Wait for another thread."""
    if not swap(word, 0, 1):
        swap(word, 1, 2)
    while load_acquire(word) != 2:
        pass


@kernel
def count_up(word: int, counter: int, times: int) -> None:
    """Add one so many times, in steps that lose what another thread adds between them."""
    if times > 1:
        meet(counter + 64)
    for _ in range(times):
        lock(word)
        store_release(counter, load_acquire(counter) + 1)
        unlock(word)


def at_once(one: Callable[[], Any], other: Callable[[], Any]) -> None:
    with ThreadPoolExecutor(2) as threads:
        for running in [threads.submit(one), threads.submit(other)]:
            running.result(60)


def test_two_threads_lose_no_increment() -> None:
    words = np.zeros(24, dtype=np.int64)
    word, counter = words.ctypes.data, words.ctypes.data + 64
    count_up(word, counter, 0)  # compiles
    at_once(*[lambda: count_up(word, counter, TIMES)] * 2)
    assert words[8] == 2 * TIMES
    assert words[0] == 0


def test_a_word_is_swapped_only_where_it_is_as_expected() -> None:
    word = np.full(1, 7, dtype=np.int64)
    tell = kernel(lambda address, expected, value: swap(address, expected, value))
    assert not tell(word.ctypes.data, 6, 1)
    assert word[0] == 7
    assert tell(word.ctypes.data, 7, 1)
    assert word[0] == 1


def test_who_comes_while_the_lock_is_held_waits() -> None:
    words = np.zeros(24, dtype=np.int64)
    word, counter = words.ctypes.data, words.ctypes.data + 64
    count_up(word, counter, 0)
    lock(word)
    waiting = threading.Thread(target=count_up, args=(word, counter, 1))
    waiting.start()
    time.sleep(0.05)  # long enough to rest between tries
    assert words[8] == 0
    unlock(word)
    waiting.join(10)
    assert words[8] == 1


@kernel
def write_on(desk: Desk, word: int, stop: np.ndarray) -> None:
    """Record decision after decision, each with an order and a fill, until told to stop or there is no more room."""
    while stop[0] == 0 and desk.counts[DECISIONS] < desk.decisions.size:
        lock(word)
        place = desk.counts[DECISIONS]
        desk.counts[DECISIONS] += 1
        desk.counts[FILLS] += 1
        desk.counts[ORDERS] = 3
        desk.decisions[place]["sequence"] = place
        desk.fills[place]["order"] = place
        for order in range(3):  # what is half done is told apart
            desk.orders[order]["id"] = place
        desk.account[0]["last_order_id"] = place
        desk.budget[0]["messages"] = place
        unlock(word)
        for _ in range(10_000):  # as a feed that leaves room between its events
            swap(word, 2, 2)


def test_copies_are_of_one_moment_and_only_grow() -> None:
    size = 5_000
    desk = new_desk(RiskLimits(capital_reais=1e6), B3.of("WDOZ26"))
    desk = desk._replace(decisions=np.zeros(size, desk.decisions.dtype), fills=np.zeros(size, desk.fills.dtype))
    word, stop = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
    copies: list[int] = []
    copy = DeskReader(desk, word.ctypes.data)
    assert len(copy.take().decisions) == 0
    write_on(desk, word.ctypes.data, stop)  # compiles
    stop[0] = 0

    def take() -> None:
        while not copies or copies[-1] < size:
            taken = copy.take()
            newest = len(taken.decisions) - 1
            told = {newest, int(taken.account["last_order_id"][0]), int(taken.budget["messages"][0])}
            if newest >= 0:
                assert len(taken.fills) == newest + 1
                assert told | set(taken.orders["id"].tolist()) == {newest}
            copies.append(newest + 1)

    at_once(take, lambda: write_on(desk, word.ctypes.data, stop))
    assert copies == sorted(copies)
    assert len(set(copies)) > 3
    np.testing.assert_array_equal(copy.take().decisions["sequence"], np.arange(size))
    np.testing.assert_array_equal(copy.take().fills["order"], np.arange(size))
