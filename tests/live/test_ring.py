"""The ring of records: written by compiled code, read in this process and in another one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from live.memory import store_i8
from live.ring import HEAD, PAGE, TAIL, Reader, Ring, claim, drop, publish
from market.errors import DataError, UsageError
from market.kernel import kernel
from market.types import EVENT
from tests.commands import CHECKOUT

_SEQUENCE = int(EVENT.fields["sequence"][1])  # type: ignore[index]


@kernel
def write(ring: int, first: int, count: int) -> int:
    """Write so many records, each with its number; return how many found room."""
    written = 0
    for number in range(first, first + count):
        at = claim(ring, 1)
        if at == 0:
            drop(ring)
            continue
        store_i8(at + _SEQUENCE, number)
        publish(ring)
        written += 1
    return written


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return Ring.create(tmp_path / "a.ring", EVENT, 16)


def test_reader_that_keeps_gets_every_record_around_the_end(ring: Ring) -> None:
    reader, got = Reader(ring, keeps=True), []
    for first, count in ((0, 10), (10, 10), (20, 16), (36, 1)):
        assert write(ring.address, first, count) == count
        got += reader.take()["sequence"].tolist()
    assert got == list(range(37))
    assert (ring.head, ring.dropped, reader.missed) == (37, 0, 0)
    assert reader.take().size == 0


def test_full_ring_drops_and_never_overwrites_what_is_kept(ring: Ring) -> None:
    reader = Reader(ring, keeps=True)
    assert write(ring.address, 0, 40) == 16
    assert ring.dropped == 24
    assert reader.take(5)["sequence"].tolist() == [0, 1, 2, 3, 4]
    assert write(ring.address, 100, 9) == 5
    assert reader.take()["sequence"].tolist() == [*range(5, 16), *range(100, 105)]


def test_reader_that_only_looks_counts_what_it_missed(ring: Ring) -> None:
    keeper, looker = Reader(ring, keeps=True), Reader(ring)
    write(ring.address, 0, 10)
    assert looker.take(4)["sequence"].tolist() == [0, 1, 2, 3]
    keeper.take()
    write(ring.address, 10, 14)
    keeper.take()
    write(ring.address, 24, 4)  # 28 in all: of the 24 unread ones the ring holds the last 16
    found = looker.take()["sequence"].tolist()
    assert found == list(range(28 - len(found), 28))
    assert looker.missed == 24 - len(found)
    assert len(found) in (15, 16)  # the slot the producer writes next may be torn


def test_keeping_reader_goes_on_where_an_earlier_one_stopped(ring: Ring) -> None:
    write(ring.address, 0, 10)
    Reader(ring, keeps=True).take(4)
    assert Reader(Ring.attach(ring.path, EVENT), keeps=True).take()["sequence"].tolist() == list(range(4, 10))


def test_another_process_reads_what_is_written_meanwhile_in_order(tmp_path: Path) -> None:
    ring, count = Ring.create(tmp_path / "b.ring", EVENT, 1 << 12), 300_000
    child = subprocess.Popen(
        [sys.executable, "-c", f"""
from pathlib import Path
import numpy as np
from live.ring import Reader, Ring
from market.types import EVENT
reader = Reader(Ring.attach(Path({str(ring.path)!r}), EVENT), keeps=True)
print("ready", flush=True)
got = np.zeros(0, dtype=np.int64)
while got.size < {count}:
    got = np.append(got, reader.take()["sequence"])
print(int((got == np.arange({count})).all()))
"""],
        stdout=subprocess.PIPE, text=True, cwd=CHECKOUT,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    at = 0
    while at < count:
        room = ring.capacity - (ring.head - int(ring.words[TAIL // 8]))
        at += write(ring.address, at, min(room, count - at))
    assert child.communicate(timeout=60)[0] == "1\n"
    assert ring.dropped == 0
    assert ring.path.stat().st_size == PAGE + 64 * ring.capacity  # the reader's end takes nothing away


@pytest.mark.parametrize("capacity", [0, 1, 3, 1000])
def test_capacity_is_a_power_of_two(tmp_path: Path, capacity: int) -> None:
    with pytest.raises(UsageError, match="a power of two"):
        Ring.create(tmp_path / "c.ring", EVENT, capacity)


def test_file_that_is_no_ring_of_these_records_is_refused(tmp_path: Path, ring: Ring) -> None:
    with pytest.raises(DataError, match="found none"):
        Ring.attach(tmp_path / "none.ring", EVENT)
    (tmp_path / "other").write_bytes(bytes(PAGE + 64 * 16))
    with pytest.raises(DataError, match="64-byte records, found another file"):
        Ring.attach(tmp_path / "other", EVENT)
    with pytest.raises(DataError, match="8-byte records"):
        Ring.attach(ring.path, np.dtype("<i8"))
    assert int(ring.words[HEAD // 8]) == 0
