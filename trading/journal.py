"""The trading journal: an append-only file whose damage cannot go unseen.

The file is eight bytes of magic, then records. All numbers are little endian::

    length u32 | kind u8 | head CRC32C u32 | previous 8 bytes | body CRC32C u32 | payload

The body CRC covers kind, payload and previous; the head CRC covers length, kind and previous, so that a flipped bit in
a length is not mistaken for a record cut short. `previous` is the link of the record before it, the first eight bytes
of the SHA-256 of its bytes, which makes the records a chain: none can be swapped, dropped or inserted.

A process killed while writing leaves a *torn tail*: the file ends inside its last record, or in zeros that a file
system gave it before the data arrived. Reading stops there and says where. Anything else that does not fit is damage
and is refused. The writer is `live.journal_writer`.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import crc32c
import numpy as np

from market.errors import SafetyRefusal

MAGIC = b"PREGAOJ2"
GENESIS = hashlib.sha256(MAGIC).digest()[:8]  # the link before the first record
MAX_PAYLOAD = 1 << 24
_HEAD = struct.Struct("<IBI8sI")
HEAD_BYTES = _HEAD.size
VENDOR_FEED = "profitdll"  # the feed of a SESSION record that the market itself brought


class Kind(IntEnum):
    """What a record holds. Zero is no kind, so a run of zeros is no record."""

    SESSION = 1  # JSON: which session, on which feed, and the bundle that decides from here on
    DECISION = 2  # bytes of trading.records.DECISION
    ORDER = 3  # bytes of trading.records.ORDER
    FILL = 4  # bytes of trading.records.FILL
    NOTE = 5  # JSON: anything an operator should read later
    CLOSE = 6  # JSON: the running session was followed to its close


_JSON_KINDS = (Kind.SESSION, Kind.NOTE, Kind.CLOSE)


@dataclass(frozen=True)
class Record:
    """One record as read; `offset` is where it starts in the file."""

    kind: Kind
    payload: bytes
    offset: int

    def rows(self, dtype: np.dtype) -> np.ndarray:
        """Return the payload as read-only records of `dtype`.

        Raises
        ------
        SafetyRefusal
            If the payload is not a whole number of them.
        """
        if self.kind in _JSON_KINDS or len(self.payload) % dtype.itemsize:
            found = f"{len(self.payload)} bytes of {self.kind.name}"
            raise SafetyRefusal(
                f"journal, byte {self.offset}: expected records of {dtype.itemsize} bytes, found {found}; "
                "read the journal with the version that wrote it"
            )
        return np.frombuffer(self.payload, dtype=dtype)

    def fields(self) -> dict[str, Any]:
        """Return the object of a SESSION, NOTE or CLOSE record."""
        return dict(json.loads(self.payload))


@dataclass(frozen=True)
class Scan:
    """What a journal holds.

    Attributes
    ----------
    records : tuple of Record
    end : int
        Byte after the last whole record; a writer continues here.
    torn_bytes : int
        Bytes of a record that was never finished, from `end` to the end of the file.
    link : bytes
        What the next record names as its previous one.
    """

    records: tuple[Record, ...]
    end: int
    torn_bytes: int
    link: bytes


def json_payload(fields: Mapping[str, Any]) -> bytes:
    """Return the payload of a SESSION, NOTE or CLOSE record; the same fields give the same bytes."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def encode(kind: Kind, payload: bytes, previous: bytes) -> bytes:
    """Return one record; `previous` is `GENESIS` or the `link` of the record before."""
    if len(payload) > MAX_PAYLOAD:
        raise SafetyRefusal(f"journal: expected a payload up to {MAX_PAYLOAD} bytes, found {len(payload)}; split it")
    head, body = _checks(len(payload), kind, previous, payload)
    return _HEAD.pack(len(payload), kind, head, previous, body) + payload


def link(record: bytes) -> bytes:
    """Return what the record after `record` names as its previous one."""
    return hashlib.sha256(record).digest()[:8]


def read(path: Path) -> list[Record]:
    """Return the whole records of a journal; a torn tail is left out (see `scan`).

    Raises
    ------
    SafetyRefusal
        If the journal is damaged; the message names the byte.
    """
    return list(scan(path).records)


def scan(path: Path) -> Scan:
    """Verify a journal from its first byte to its last.

    Raises
    ------
    SafetyRefusal
        If the journal is damaged anywhere but in a torn tail.
    """
    data = path.read_bytes()
    if len(data) < len(MAGIC) and (MAGIC.startswith(data) or not any(data)):
        return Scan((), 0, len(data), GENESIS)
    if not any(data):  # the file system gave the file its length, the data never arrived
        return Scan((), 0, len(data), GENESIS)
    if not data.startswith(MAGIC):
        raise _damage(path, 0, f"the mark {MAGIC!r}", repr(data[:8]))
    return _scan_records(path, data)


def _scan_records(path: Path, data: bytes) -> Scan:
    records: list[Record] = []
    at, previous = len(MAGIC), GENESIS
    while at < len(data) and not _is_torn(data, at):
        length, kind, head, named, body = _HEAD.unpack_from(data, at)
        expected_head, _ = _checks(length, kind, named, b"")
        if head != expected_head:
            raise _damage(path, at, "a head that matches its checksum", "another")
        if named != previous:
            raise _damage(path, at, f"a record that follows {previous.hex()}", f"one that follows {named.hex()}")
        if at + HEAD_BYTES + length > len(data):
            break
        payload = data[at + HEAD_BYTES : at + HEAD_BYTES + length]
        if body != _checks(length, kind, named, payload)[1]:
            raise _damage(path, at, "a payload that matches its checksum", "another")
        if kind not in Kind.__members__.values():
            raise _damage(path, at, "a known record kind", str(kind))
        records.append(Record(Kind(kind), payload, at))
        following = at + HEAD_BYTES + length
        previous, at = link(data[at:following]), following
    return Scan(tuple(records), at, len(data) - at, previous)


def _is_torn(data: bytes, at: int) -> bool:
    """Tell whether what follows is shorter than a head, or zeros to the end."""
    return len(data) - at < HEAD_BYTES or not any(memoryview(data)[at:])


def _checks(length: int, kind: int, previous: bytes, payload: bytes) -> tuple[int, int]:
    head = crc32c.crc32c(struct.pack("<IB", length, kind) + previous)
    body = crc32c.crc32c(previous, crc32c.crc32c(payload, crc32c.crc32c(bytes([kind]))))
    return head, body


def _damage(path: Path, at: int, expected: str, found: str) -> SafetyRefusal:
    return SafetyRefusal(
        f"{path}, byte {at}: expected {expected}, found {found}; the journal is damaged: keep the file, restore it "
        "from a backup, and reconcile with the broker before trading"
    )
