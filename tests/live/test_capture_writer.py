"""The writer of capture parts goes on where a killed one stopped."""

import datetime as dt
from pathlib import Path

import pytest

from live.capture_writer import CaptureWriter
from market.capture import CaptureHead, read_capture
from market.errors import DataError, SafetyRefusal
from tests.factories import make_trade, stack

HEAD = CaptureHead("WDOQ26", dt.date(2026, 6, 1), 60_000_000_000)
TRADES = stack([make_trade(second, 5_000 + second) for second in range(6)])


def test_blocks_are_read_back_in_their_order(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "capture", HEAD) as written:
        assert not written.resumed
        written.append(TRADES[:2])
        written.append(TRADES[2:])
        written.sync()
    part = read_capture(tmp_path / "capture" / "WDOQ26-2026-06-01.capture")
    assert part.head == HEAD
    assert part.events.tobytes() == TRADES.tobytes()


@pytest.mark.parametrize("torn", [1, 100])
def test_a_torn_tail_is_cut_and_the_sequence_goes_on(tmp_path: Path, torn: int) -> None:
    with CaptureWriter(tmp_path, HEAD) as written:
        written.append(TRADES[:2])
        written.append(TRADES[2:4])
    size = written.path.stat().st_size
    with written.path.open("r+b") as file:
        file.truncate(size - torn)
    with CaptureWriter(tmp_path, HEAD) as again:
        assert (again.resumed, again.next_sequence) == (True, 2)
        again.append(TRADES[4:])
    assert read_capture(again.path).events["sequence"].tolist() == [0, 1, 4, 5]


def test_a_part_of_another_clock_is_not_continued(tmp_path: Path) -> None:
    CaptureWriter(tmp_path, HEAD).close()
    with pytest.raises(SafetyRefusal, match="move it away"):
        CaptureWriter(tmp_path, CaptureHead("WDOQ26", HEAD.day, 0))


def test_a_damaged_part_is_not_continued(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path, HEAD) as written:
        written.append(TRADES)
        written.append(TRADES)
    data = bytearray(written.path.read_bytes())
    data[60] ^= 1
    written.path.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        CaptureWriter(tmp_path, HEAD)
    assert written.path.read_bytes() == data  # left as it is, for inquiry
