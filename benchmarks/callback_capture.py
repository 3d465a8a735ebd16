"""From the ring to the capture part on disk: whether the recorder keeps up with ten times what a market sends."""

import tempfile
import threading
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.callback_feed import drive, some_trades, while_busy
from benchmarks.rows import Row, rounded
from live.profitdll.connection import ConnectionParams
from live.profitdll.table import EVENTS_RING, Table
from live.recording import Recording
from live.ring import Ring
from market.capture import CaptureHead, read_capture
from market.types import EVENT

PER_SECOND, LOOK_S = 200_000, 0.005
HEAD = CaptureHead("WDOZ26", date(2026, 11, 19))


def capture_rows(here: Table, trade: int, seconds: float) -> list[Row]:
    """200,000 trades a second from the callback to a part that is synced once a second, while Python spins.

    Parameters
    ----------
    here : Table
        Set up for the trades of one ticker.
    trade : int
        Address of the trade callback.
    seconds : float
        How long.
    """
    count, stop, behind = int(seconds * PER_SECOND), threading.Event(), [0]
    usual = here[EVENTS_RING]
    with tempfile.TemporaryDirectory() as folder:
        ring = Ring.create(Path(folder) / "events.ring", EVENT, ConnectionParams(Path()).events)
        here[EVENTS_RING] = ring.address
        with Recording(Path(folder), HEAD, ring) as recording:
            recorder = threading.Thread(target=lambda: _record(ring, recording, stop, behind))
            recorder.start()
            while_busy(lambda: drive(trade, some_trades(), count, 1_000_000_000 // PER_SECOND))
            stop.set()
            recorder.join()
        here[EVENTS_RING] = usual
        events = read_capture(recording.path).events
    jumps = int((np.diff(events["trade_number"]) % some_trades().size != 1).sum())
    lost = count - events.size + ring.dropped + jumps
    work = f"of {count:,} events at 200,000/s to disk, Python busy"
    return [
        Row(f"capture: lost {work}", "events", float(lost)),
        Row(f"capture: recorder behind by at most, {work}", "ms", rounded(behind[0] / PER_SECOND * 1e3)),
    ]


def _record(ring: Ring, recording: Recording, stop: threading.Event, behind: list[int]) -> None:
    """Take what comes, as a runner does, until told to stop and all is written."""
    while not stop.wait(LOOK_S) or recording.taken < ring.head:
        behind[0] = max(behind[0], ring.head - recording.taken)
        recording.take()
