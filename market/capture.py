"""Capture parts: all that a runner received of one contract in one session, as it received it.

A part is a head and then blocks of EVENT records, in the order of arrival. All numbers are little endian::

    magic 8 bytes | contract 16 bytes | date i32 | synthetic u32 | bar ns i64 | CRC32C u32    the head
    count u32 | CRC32C of count u32 | CRC32C of the records u32 | records                      each block

CLOCK events stand where the decision path saw them, GAP events where it may have missed something; the quantity of a
GAP is how many events were dropped, 0 where nobody can know. A runner that is killed leaves a *torn tail*, a block that
was never finished: reading stops before it. Anything else that does not fit is damage and is refused. The writer is
`live.capture_writer`; the collect flow files parts of sessions that are over (`market.capture_filing`).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import crc32c
import numpy as np

from market.errors import DataError
from market.types import EVENT, Kind

MAGIC = b"PREGAOC1"
SUFFIX = ".capture"
_FIELDS = struct.Struct("<8s16siIq")
_CHECK = struct.Struct("<I")
_BLOCK = struct.Struct("<III")
HEAD_BYTES = _FIELDS.size + _CHECK.size
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class CaptureHead:
    """What a part holds.

    Parameters
    ----------
    contract : str
        The symbol, at most 16 ASCII characters.
    day : date
        Its session.
    bar_ns : int
        Length of the bars that its CLOCK events end, nanoseconds; 0 where nothing decided on it by the clock.
    synthetic : bool
        True where no market made the numbers.
    """

    contract: str
    day: date
    bar_ns: int = 0
    synthetic: bool = False

    @property
    def name(self) -> str:
        """File name of the part."""
        return f"{self.contract}-{self.day.isoformat()}{SUFFIX}"

    def encode(self) -> bytes:
        """Return the head's bytes."""
        day = self.day.toordinal() - _EPOCH
        fields = _FIELDS.pack(MAGIC, self.contract.encode("ascii"), day, self.synthetic, self.bar_ns)
        return fields + _CHECK.pack(crc32c.crc32c(fields))


@dataclass(frozen=True)
class Capture:
    """A part as read.

    Attributes
    ----------
    head : CaptureHead
    events : ndarray
        EVENT, in the order of arrival.
    end : int
        Byte after the last whole block; a writer continues here.
    torn_bytes : int
        Bytes of a block that was never finished.
    """

    head: CaptureHead
    events: np.ndarray
    end: int
    torn_bytes: int

    @property
    def received(self) -> np.ndarray:
        """What came from the market: the events without the decision clock."""
        received: np.ndarray = self.events[self.events["kind"] != Kind.CLOCK]
        return received


def encode_block(events: np.ndarray) -> bytes:
    """Return one block of EVENT records, at least one."""
    records, count = events.tobytes(), _CHECK.pack(events.size)
    return count + _CHECK.pack(crc32c.crc32c(count)) + _CHECK.pack(crc32c.crc32c(records)) + records


def read_capture(path: Path) -> Capture:
    """Read a part up to its torn tail.

    Raises
    ------
    DataError
        If it is no part, or damaged anywhere but in a torn tail; the message names the byte.
    OSError
        If the file cannot be read.
    """
    data = path.read_bytes()
    head = _read_head(path, data)
    found = list(_blocks(path, data))
    events = np.empty(sum(block.size for _, block in found), dtype=EVENT)
    done = 0
    for _, block in found:
        events[done : done + block.size] = block
        done += block.size
    end = found[-1][0] if found else HEAD_BYTES
    return Capture(head, events, end, len(data) - end)


def read_head(path: Path) -> CaptureHead:
    """Return what a part says it holds; raises as `read_capture`."""
    with path.open("rb") as file:
        return _read_head(path, file.read(HEAD_BYTES))


def _read_head(path: Path, data: bytes) -> CaptureHead:
    if len(data) < HEAD_BYTES or not data.startswith(MAGIC):
        raise _damage(path, 0, f"the mark {MAGIC!r} and a whole head", repr(data[:8]))
    _, contract, day, synthetic, bar_ns = _FIELDS.unpack_from(data)
    if _CHECK.unpack_from(data, _FIELDS.size)[0] != crc32c.crc32c(data[: _FIELDS.size]):
        raise _damage(path, 0, "a head that matches its checksum", "another")
    return CaptureHead(contract.rstrip(b"\0").decode("ascii"), date.fromordinal(day + _EPOCH), bar_ns, bool(synthetic))


def _blocks(path: Path, data: bytes) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the byte after each whole block, and its records."""
    at = HEAD_BYTES
    while len(data) - at >= _BLOCK.size and any(memoryview(data)[at : at + _BLOCK.size]):
        count, head_check, check = _BLOCK.unpack_from(data, at)
        if head_check != crc32c.crc32c(data[at : at + _CHECK.size]):
            raise _damage(path, at, "a block whose count matches its checksum", "another")
        first, last = at + _BLOCK.size, at + _BLOCK.size + count * EVENT.itemsize
        if last > len(data):
            return
        if check != crc32c.crc32c(memoryview(data)[first:last]):
            if last == len(data):
                return  # its length was written, its records were not
            raise _damage(path, at, "records that match their checksum", "others")
        yield last, np.frombuffer(data, dtype=EVENT, count=count, offset=first)
        at = last
    if any(memoryview(data)[at + _BLOCK.size :]):
        raise _damage(path, at, "a block", "zeros and then something")


def _damage(path: Path, at: int, expected: str, found: str) -> DataError:
    return DataError(
        f"{path}, byte {at}: expected {expected}, found {found}; the part is damaged: restore it from a backup, or "
        "fetch the session from a vendor"
    )
