"""Rings of flat records in a mapped file: one producer that never waits, readers in any process.

The file is a page of cursors and then the records. HEAD counts what was ever written, TAIL what the keeping reader has
taken. The producer writes a record and then moves HEAD (release); a reader reads HEAD (acquire) and then the records.
Where the ring is full the producer counts what it drops and goes on: the reader that keeps is late, not the feed.
"""

import mmap
import os
from pathlib import Path

import numpy as np

from live.memory import load_acquire, load_i8, store_i8, store_release
from market.errors import DataError, UsageError
from market.kernel import kernel

_MAGIC = 0x31474E494F474550  # "PEGOING1"
PAGE = 4096
_MAGIC_AT, _SIZE_AT, _CAPACITY_AT, _MASK_AT = 0, 8, 16, 24
HEAD, TAIL, DROPPED = 64, 128, 192  # each on a cache line of its own: producer and reader write different ones


@kernel
def place_of(ring: int, sequence: int) -> int:
    """Return where the record of a sequence lies."""
    return int(ring + PAGE + (sequence & load_i8(ring + _MASK_AT)) * load_i8(ring + _SIZE_AT))


@kernel
def claim(ring: int, room: int) -> int:
    """Return where the next record goes, or 0 where the ring has no room for that many records."""
    head = load_i8(ring + HEAD)
    if head + room - load_acquire(ring + TAIL) > load_i8(ring + _CAPACITY_AT):
        return 0
    return place_of(ring, head)


@kernel
def is_overwritten(ring: int, sequence: int) -> bool:
    """Tell whether the producer may have come to the record of a sequence again; what was read of it then is torn."""
    return bool(load_acquire(ring + HEAD) - sequence >= load_i8(ring + _CAPACITY_AT))


@kernel
def head_of(ring: int) -> int:
    """Return how many records were written, which is the sequence of the next one."""
    return int(load_i8(ring + HEAD))


@kernel
def publish(ring: int) -> None:
    """Let readers see the record that was written where `claim` said."""
    store_release(ring + HEAD, load_i8(ring + HEAD) + 1)


@kernel
def drop(ring: int) -> None:
    """Count a record that found no room."""
    store_i8(ring + DROPPED, load_i8(ring + DROPPED) + 1)


class Ring:
    """One mapped ring of records.

    Parameters
    ----------
    path : Path
        The file; made anew by `create`, opened by `attach`.
    record : numpy.dtype
        What it holds.
    capacity : int
        Records, a power of two; 0 to take what the file says.
    """

    def __init__(self, path: Path, record: np.dtype, capacity: int = 0) -> None:
        self.path, self.record = path, record
        flags = os.O_RDWR | getattr(os, "O_BINARY", 0)
        handle = os.open(path, flags | (os.O_CREAT | os.O_TRUNC if capacity else 0), 0o600)
        try:
            if capacity:
                os.ftruncate(handle, PAGE + capacity * record.itemsize)
            self._map = mmap.mmap(handle, 0)
        finally:
            os.close(handle)
        self._bytes = np.frombuffer(self._map, dtype=np.uint8)
        self.words = self._bytes[:PAGE].view(np.int64)
        if capacity:
            self._bytes[PAGE::PAGE] = 0  # a page that was never touched would hold the feed up at its first record
            self.words[[_SIZE_AT // 8, _CAPACITY_AT // 8, _MASK_AT // 8]] = record.itemsize, capacity, capacity - 1
            self.words[_MAGIC_AT // 8] = _MAGIC
        self._check()
        self.capacity = int(self.words[_CAPACITY_AT // 8])
        self.records = self._bytes[PAGE:].view(record)

    @classmethod
    def create(cls, path: Path, record: np.dtype, capacity: int) -> "Ring":
        """Make an empty ring, over what the file held.

        Raises
        ------
        UsageError
            If the capacity is no power of two.
        """
        if capacity < 2 or capacity & (capacity - 1):
            raise UsageError(f"ring {path}: expected a capacity that is a power of two, found {capacity}; correct it")
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(path, record, capacity)

    @classmethod
    def attach(cls, path: Path, record: np.dtype) -> "Ring":
        """Open a ring that another made.

        Raises
        ------
        DataError
            If the file is no ring of these records.
        """
        if not path.is_file() or path.stat().st_size < PAGE:
            raise DataError(f"{path}: expected a ring, found none; start the runner that writes it")
        return cls(path, record)

    @property
    def address(self) -> int:
        """Where the ring lies in this process."""
        return int(self._bytes.ctypes.data)

    @property
    def head(self) -> int:
        """How many records were written."""
        return int(self.words[HEAD // 8])

    @property
    def dropped(self) -> int:
        """How many records found no room."""
        return int(self.words[DROPPED // 8])

    def _check(self) -> None:
        size, capacity = int(self.words[_SIZE_AT // 8]), int(self.words[_CAPACITY_AT // 8])
        expected = PAGE + capacity * self.record.itemsize
        if self.words[0] != _MAGIC or size != self.record.itemsize or self._bytes.size != expected:
            raise DataError(
                f"{self.path}: expected a ring of {self.record.itemsize}-byte records, found another file; "
                "start the runner that writes it"
            )


class Reader:
    """Reads a ring from where it begins.

    Parameters
    ----------
    ring : Ring
    keeps : bool
        Whether the producer may not overwrite what this reader has not taken; one reader of a ring does.
    """

    def __init__(self, ring: Ring, *, keeps: bool = False) -> None:
        self._ring, self._keeps = ring, keeps
        self.position = int(ring.words[TAIL // 8]) if keeps else ring.head
        self.missed = 0  # records that were overwritten before this reader came to them

    def take(self, most: int = 1 << 16) -> np.ndarray:
        """Return copies of what was written since the last call, oldest first, at most so many."""
        ring = self._ring
        head = ring.head
        oldest = max(self.position, head - ring.capacity)
        found = self._copy(oldest, min(head, oldest + most))
        if not self._keeps:
            # What the producer came to while we copied may be torn.
            safe = ring.head - ring.capacity + 1
            found = found[max(safe - oldest, 0) :] if safe > oldest else found
            self.missed += max(oldest, min(safe, oldest + most)) - self.position
        self.position = min(head, oldest + most)
        if self._keeps:
            ring.words[TAIL // 8] = self.position
        return found

    def _copy(self, first: int, last: int) -> np.ndarray:
        """Return the records of these sequences; they may wrap around the end."""
        ring = self._ring
        begin, end = first & (ring.capacity - 1), last & (ring.capacity - 1)
        if last - first == 0:
            return ring.records[:0].copy()
        if begin < end:
            return ring.records[begin:end].copy()
        return np.concatenate((ring.records[begin:], ring.records[:end]))
