"""From the ring to the capture part: every record, to the bit, in order, and what is known after a restart."""

from datetime import date
from pathlib import Path

import numpy as np

from live.recording import SYNC_S, Recording
from live.ring import TAIL, Ring
from market.capture import CaptureHead, read_capture
from market.types import EVENT, Kind

HEAD = CaptureHead("WINQ26", date(2026, 6, 1), 60_000_000_000)


def put(ring: Ring, events: np.ndarray) -> None:
    """Write records as a callback does."""
    for event in events:
        ring.records[ring.head & (ring.capacity - 1)] = event
        ring.words[8] += 1


def some(first: int, count: int) -> np.ndarray:
    events = np.zeros(count, dtype=EVENT)
    events["sequence"] = np.arange(first, first + count)
    events["ts_recv_ns"], events["price"], events["kind"] = events["sequence"] * 7 + 3, 130_000, Kind.TRADE
    return events


def test_part_holds_the_records_of_the_ring_in_order(tmp_path: Path) -> None:
    ring, expected = Ring.create(tmp_path / "ring", EVENT, 8), some(0, 20)
    with Recording(tmp_path / "parts", HEAD, ring) as recording:
        for first in range(0, 20, 5):
            put(ring, expected[first : first + 5])
            recording.take()
            assert int(ring.words[TAIL // 8]) == first + 5  # the ring has room again
    part = read_capture(recording.path)
    assert part.events.tobytes() == expected.tobytes()
    assert (part.head, recording.taken, part.torn_bytes) == (HEAD, 20, 0)


def test_what_is_in_the_ring_at_the_end_is_written(tmp_path: Path) -> None:
    ring = Ring.create(tmp_path / "ring", EVENT, 8)
    with Recording(tmp_path / "parts", HEAD, ring) as recording:
        put(ring, some(0, 3))
    assert read_capture(recording.path).events.tobytes() == some(0, 3).tobytes()


def test_a_second_process_knows_what_was_recorded_and_goes_on(tmp_path: Path) -> None:
    first = some(0, 3)
    first["kind"][1], first["ts_event_ns"][1], first["sequence"][2] = Kind.CLOCK, 120_000_000_000, 5
    for events, expected in ((first, (0, 0)), (some(6, 2), (6, 120_000_000_000))):
        ring = Ring.create(tmp_path / "ring", EVENT, 8)
        with Recording(tmp_path / "parts", HEAD, ring) as recording:
            assert (recording.next_sequence, recording.clock_ns) == expected
            put(ring, events)
    assert recording.earlier.tobytes() == first.tobytes()
    assert read_capture(recording.path).events.tobytes() == np.concatenate([first, some(6, 2)]).tobytes()


def test_part_without_an_event_is_removed(tmp_path: Path) -> None:
    with Recording(tmp_path / "parts", HEAD, Ring.create(tmp_path / "ring", EVENT, 8)) as recording:
        assert recording.path.exists()
    assert not recording.path.exists()


def test_disk_is_awaited_about_once_a_second(tmp_path: Path) -> None:
    now, synced = [0.0], []
    ring = Ring.create(tmp_path / "ring", EVENT, 8)
    recording = Recording(tmp_path / "parts", HEAD, ring, clock=lambda: now[0])
    recording._writer.sync = lambda: synced.append(now[0])  # type: ignore[method-assign]
    for tenth in range(1, 36):
        now[0] = tenth / 10
        recording.take()
    assert SYNC_S == 1.0
    assert synced == [1.1, 2.2, 3.3]
    recording.close()
