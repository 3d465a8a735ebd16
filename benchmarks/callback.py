"""The vendor's callback: a C thread hands over trades, to machine code and to ctypes functions doing the same work.

The feed is a small C library of ours, built by the first compiler there is. Whole job: TranslateTrade, ticker, date to
nanoseconds, clock, one 64-byte event, published. Holds and latencies are taken while Python spins in another thread.
"""

import ctypes
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import callback_peer
from benchmarks.callback_capture import capture_rows
from benchmarks.callback_feed import Driven, address, drive, feed_library, some_trades, while_busy
from benchmarks.callback_orders import order_latencies, wake_row
from benchmarks.callback_work import on_bare, on_event
from benchmarks.rows import Row, less_is_better, more_is_better, rounded
from live.profitdll.callbacks import build_callbacks, compile_callback, signature
from live.profitdll.market import set_day, utc_offset_ns
from live.profitdll.notices import NOTICE
from live.profitdll.table import (
    BAR_NS,
    COUNT,
    EVENTS_RING,
    EXCHANGE,
    INSTRUMENT,
    KEY,
    LAST_CLOCK_NS,
    NEXT_CLOCK_NS,
    NOTICES_RING,
    STEP,
    STEP_STATE,
    TICK_SIZE,
    TRANSLATE,
    Table,
    key_of,
    table,
)  # fmt: skip
from live.ring import TAIL, Reader, Ring
from market.types import EVENT

DAY = date(2026, 11, 19)
TICK = 0.5
NO_READER = 1 << 62  # a tail that far ahead: the ring is never full


@dataclass(frozen=True)
class Sizes:
    """How long each piece of work is."""

    calls: int = 2_000_000
    peer_calls: int = 60_000
    rounds: int = 3
    held: int = 50_000  # calls at 10,000 a second
    decided: int = 400_000  # events of the day with decisions, as at 10,000 a second
    trees: int = 200
    seconds: float = 60.0  # of 20,000 events a second
    recorded: float = 20.0  # seconds of 200,000 events a second
    wakes: int = 2_000


@dataclass(frozen=True)
class Ready:
    """What the callbacks write into, and their addresses."""

    table: Table
    events: Ring
    notices: Ring
    built: dict[str, int]


def measure(sizes: Sizes = Sizes()) -> list[Row]:
    with _ready() as ready:
        return [
            *throughput_rows(ready, sizes),
            *held_rows(ready, sizes),
            *decision_rows(ready, sizes),
            *load_rows(ready, sizes),
            *capture_rows(ready.table, ready.built["trade"], sizes.recorded),
            wake_row(ready.table, sizes.wakes),
        ]


def throughput_rows(ready: Ready, sizes: Sizes) -> list[Row]:
    """Calls a second, flat out: the whole job, and the hand-over alone beside an empty ctypes function."""
    trades = some_trades()
    bare = compile_callback(on_bare, signature("TConnectorTradeCallback"), cache=False).address
    rows = []
    for work, ours, peer, name in (
        ("whole job, flat out", ready.built["trade"], _peer(ready), "ctypes, same job"),
        ("bare hand-over, flat out", bare, callback_peer.empty(), "ctypes, empty"),
    ):
        fast = slow = 0.0
        for _ in range(sizes.rounds):
            fast = max(fast, sizes.calls / drive(ours, trades, sizes.calls).seconds)
            slow = max(slow, sizes.peer_calls / drive(address(peer), trades, sizes.peer_calls).seconds)
        rows.append(more_is_better(work, "calls/s", fast, slow, name))
    return rows


def held_rows(ready: Ready, sizes: Sizes) -> list[Row]:
    """How long a call holds the feed at 10,000 trades a second while Python spins."""
    trades, peer = some_trades(), _peer(ready)
    ours = _held(ready.built["trade"], trades, sizes.held)
    beside = _held(address(peer), trades, sizes.held // 10)
    work = "held, ring only, Python busy"
    return [
        less_is_better(f"{work}, p{share}", "ns", _share(ours, share), _share(beside, share), "ctypes, same job")
        for share in (50, 99, 99.9)
    ]


def decision_rows(ready: Ready, sizes: Sizes) -> list[Row]:
    """How long a call holds the feed with the decision path in it: a day of trades, levels and closed bars."""
    from benchmarks.core import begin, ready_trader
    from benchmarks.feature_work import MINUTE_NS, clocked_day, one_session
    from live.profitdll.step import paper_step
    from market.types import Kind

    clocked = clocked_day(sizes.decided)
    trader = ready_trader(clocked, sizes.trees)
    begin(trader)
    step, block, session = paper_step(trader), ready.table.block(0), one_session()[0]
    events = np.ascontiguousarray(clocked[clocked["kind"] != Kind.CLOCK])
    block[NEXT_CLOCK_NS // 8], block[LAST_CLOCK_NS // 8] = session["open_ns"] + MINUTE_NS, session["close_ns"]
    block[BAR_NS // 8], block[STEP_STATE // 8], block[STEP // 8] = MINUTE_NS, step.state, step.address
    entry = compile_callback(on_event, signature("TConnectorTradeCallback"), cache=False).address
    held = _held(entry, events, events.size)
    block[STEP // 8] = block[BAR_NS // 8] = 0
    made = trader.decisions
    assert np.isfinite(made["probability"]).mean() > 0.5, "expected most decisions to reach their forest"
    deciding = np.searchsorted(events["ts_event_ns"], made["ts_ns"])
    deciding = deciding[deciding < events.size]
    work = f"held, with the decision path, Python busy, {len(made)} decisions in {events.size:,} events"
    return [
        *(Row(f"{work}, p{share}", "ns", _share(held, share)) for share in (50, 99)),
        *(Row(f"held at a decision, Python busy, p{share}", "ns", _share(held[deciding], share)) for share in (50, 99)),
    ]


def load_rows(ready: Ready, sizes: Sizes) -> list[Row]:
    """20,000 trades a second with a reader that keeps, and order events among them, while Python spins."""
    count = int(sizes.seconds * 20_000)
    ready.events.words[TAIL // 8] = ready.events.head
    reader, seen, stop = Reader(ready.events, keeps=True), [0, 0], threading.Event()
    dropped = ready.events.dropped

    def read() -> None:
        expected = reader.position
        while not stop.wait(0.005) or reader.position < ready.events.head:
            taken = reader.take()
            seen[0] += taken.size
            seen[1] += int((np.diff(taken["trade_number"]) % 1024 != 1).sum()) + (reader.position != expected + seen[0])

    thread = threading.Thread(target=read)
    thread.start()
    order = ready.built["order"]
    late = order_latencies(ready.table, ready.notices, lambda: while_busy(
        lambda: drive(ready.built["trade"], some_trades(), count, 50_000, order=(order, 20))
    ))  # fmt: skip
    stop.set()
    thread.join()
    lost = count - seen[0] + seen[1] + ready.events.dropped - dropped
    ready.events.words[TAIL // 8] = NO_READER
    told, quiet = f"of {late.size:,} order events among 20,000 events/s for {sizes.seconds:g} s", late.quiet / 1e3
    return [
        Row(f"lost of {count:,} events at 20,000/s", "events", float(lost)),
        *(Row(f"latency {told}, p{share}", "µs", _share(quiet, share)) for share in (50, 99.9)),
        Row("order events in stalls of the machine that a canary saw too", "events", float(late.size - quiet.size)),
    ]


def _held(callback: int, trades: np.ndarray, count: int) -> np.ndarray:
    done: Driven = while_busy(lambda: drive(callback, trades, count, 100_000, times=True))
    return done.held


def _share(held: np.ndarray, share: float) -> float:
    return rounded(float(np.percentile(held, share)))


def _peer(ready: Ready) -> Any:
    translate = feed_library().TranslateTrade
    translate.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    return callback_peer.whole_job(translate, ready.events, {"WDOZ26": (1, TICK)}, utc_offset_ns(DAY))


@contextmanager
def _ready() -> Iterator[Ready]:
    """Set the table up as a connection does, for one ticker and without a library behind it."""
    with tempfile.TemporaryDirectory() as folder:
        here, root = table(), Path(folder)
        events = Ring.create(root / "events.ring", EVENT, 1 << 16)
        notices = Ring.create(root / "notices.ring", NOTICE, 1 << 14)
        here[EVENTS_RING], here[NOTICES_RING] = events.address, notices.address
        here[TRANSLATE] = address(feed_library().TranslateTrade)
        set_day(here, DAY)
        events.words[TAIL // 8] = NO_READER
        block = here.block(0)
        block[:] = 0
        block[KEY // 8], block[EXCHANGE // 8], block[INSTRUMENT // 8] = key_of("WDOZ26"), key_of("F"), 1
        block.view(np.float64)[TICK_SIZE // 8] = TICK
        here[COUNT] = 1
        yield Ready(here, events, notices, build_callbacks())
        here[COUNT] = 0
