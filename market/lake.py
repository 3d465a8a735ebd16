"""The lake: one Parquet file per kind, contract and session, written once, and the manifest that makes it visible."""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from market.columns import from_parquet, to_parquet
from market.errors import FileRefused, LakeError
from market.instruments import instrument_of
from market.types import EVENT

MANIFEST = "manifest.json"
LOCK_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Provenance:
    """Where a partition comes from.

    Parameters
    ----------
    source : str
        Name of the file, or of the generator.
    source_sha256 : str
        Hash of the file's bytes.
    importer : str
        Reader and its version, as "mt5_bars/1".
    synthetic : bool
        True where no market made the numbers.
    price_basis : str
        "raw" or "back_adjusted".
    """

    source: str
    source_sha256: str
    importer: str
    synthetic: bool
    price_basis: str


@dataclass(frozen=True)
class Partition:
    """One file of the lake, as the manifest lists it.

    Parameters
    ----------
    kind : str
        "trades", "quotes" or "bars".
    root, contract : str
        WDO and WDOZ26.
    session : str
        Day, YYYY-MM-DD.
    bar_seconds : int
        Length of a bar; 0 for events.
    rows, bytes : int
        Records and file size.
    sha256 : str
        Hash of the file.
    first_ns, last_ns : int
        First and last instant covered, nanoseconds UTC.
    gaps : int
        Holes in the session.
    provenance : Provenance
        Where it comes from.
    """

    kind: str
    root: str
    contract: str
    session: str
    bar_seconds: int
    rows: int
    bytes: int
    sha256: str
    first_ns: int
    last_ns: int
    gaps: int
    provenance: Provenance

    @property
    def key(self) -> tuple[str, str, int, str]:
        """What no two partitions share."""
        return self.kind, self.contract, self.bar_seconds, self.session

    @property
    def path(self) -> str:
        """File below the lake's folder."""
        middle = f"{self.bar_seconds}/" if self.bar_seconds else ""
        return f"{self.kind}/{self.contract}/{middle}{self.session}.parquet"


def draft(
    kind: str, contract: str, day: date, provenance: Provenance, bar_seconds: int = 0, gaps: int = 0
) -> Partition:
    """Return a partition yet to be written; the lake fills rows, size, hash and times."""
    root = instrument_of(contract).root
    return Partition(kind, root, contract, day.isoformat(), bar_seconds, 0, 0, "", 0, 0, gaps, provenance)


@dataclass(frozen=True)
class Lake:
    """Market data under one folder. What the manifest does not list is not there.

    Parameters
    ----------
    folder : Path
        Made at the first commit.
    """

    folder: Path

    def partitions(self, kind: str | None = None, contract: str | None = None) -> list[Partition]:
        """Return the partitions, ordered by kind, contract, bar length and session."""
        return [
            p
            for p in self._manifest()
            if (kind is None or p.kind == kind) and (contract is None or p.contract == contract)
        ]

    def contracts(self) -> list[str]:
        """Return every contract that has data."""
        return sorted({p.contract for p in self._manifest()})

    def sessions(self, contract: str) -> list[date]:
        """Return every session of a contract that has data of any kind."""
        return [date.fromisoformat(day) for day in sorted({p.session for p in self.partitions(None, contract)})]

    def source_imported(self, sha256: str) -> bool:
        """Tell whether a file with these bytes gave any partition."""
        return any(p.provenance.source_sha256 == sha256 for p in self._manifest())

    def data_hash(self) -> str:
        """Return a hash over every partition's place and content."""
        lines = "".join(f"{p.path} {p.sha256}\n" for p in self._manifest())
        return hashlib.sha256(lines.encode()).hexdigest()

    def read_events(self, contract: str, day: date) -> np.ndarray:
        """Return a session's trades and quotes, EVENT, ordered by sequence; raises LakeError where there are none."""
        found = [p for p in self.partitions(None, contract) if p.session == day.isoformat() and not p.bar_seconds]
        if not found:
            raise self._missing("trades or quotes", contract, day)
        merged = np.concatenate([self._read(p) for p in found]) if len(found) > 1 else self._read(found[0])
        return merged[np.argsort(merged["sequence"], kind="stable")] if len(found) > 1 else merged

    def read_bars(self, contract: str, day: date, bar_seconds: int) -> np.ndarray:
        """Return a session's bars, BAR, oldest first; raises LakeError where there are none."""
        found = [
            p
            for p in self.partitions("bars", contract)
            if p.session == day.isoformat() and p.bar_seconds == bar_seconds
        ]
        if not found:
            raise self._missing(f"bars of {bar_seconds} s", contract, day)
        return self._read(found[0])

    def commit(self, writes: Iterable[tuple[Partition, np.ndarray]]) -> list[Partition]:
        """Add partitions, all or nothing, and return those that were not there before.

        A partition already there with the same content is kept.

        Raises
        ------
        FileRefused
            Where one is already there with other content; nothing is changed then.
        LakeError
            Where another process holds the lake for too long.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / "lake.lock", timeout=LOCK_TIMEOUT_S):
                return self._commit_locked(writes)
        except Timeout as error:
            raise LakeError(
                f"{self.folder}: expected the lake to be free within {LOCK_TIMEOUT_S:.0f} s, found another process "
                "writing; wait for it to end, then run the command again"
            ) from error

    def verify(self) -> list[str]:
        """Return one sentence for every partition whose file is missing or no longer what was written."""
        problems = []
        for partition in self._manifest():
            path = self.folder / partition.path
            if not path.is_file():
                problems.append(f"{partition.path}: expected a file, found none; restore it or import its source again")
            elif (found := _sha256(path.read_bytes())) != partition.sha256:
                problems.append(
                    f"{partition.path}: expected sha256 {partition.sha256[:12]}, found {found[:12]}; "
                    "restore it or import its source again"
                )
        return problems

    def _commit_locked(self, writes: Iterable[tuple[Partition, np.ndarray]]) -> list[Partition]:
        present = {p.key: p for p in self._manifest()}
        added: dict[tuple[str, str, int, str], Partition] = {}
        try:
            for partition, records in writes:
                data = to_parquet(records)
                filled = _filled(partition, records, data)
                known = present.get(filled.key) or added.get(filled.key)
                if known is not None:
                    self._refuse_other_content(known, filled)
                    continue
                added[filled.key] = filled
                self._write_temporary(filled, data)
            for partition in added.values():
                self._temporary(partition).replace(self.folder / partition.path)
        finally:
            for partition in added.values():
                self._temporary(partition).unlink(missing_ok=True)
        if added:
            self._write_manifest(sorted([*present.values(), *added.values()], key=lambda p: p.key))
        return list(added.values())

    def _refuse_other_content(self, known: Partition, offered: Partition) -> None:
        if known.sha256 == offered.sha256:
            return
        raise FileRefused(
            offered.provenance.source,
            f"the {known.kind} of {known.contract} on {known.session} that the lake already holds "
            f"({known.rows} rows from {known.provenance.source})",
            f"other content ({offered.rows} rows)",
            "nothing was changed; a vendor restates a continuous series at each roll, so import this file under "
            "another symbol or into an empty lake",
        )

    def _read(self, partition: Partition) -> np.ndarray:
        path = self.folder / partition.path
        try:
            data = path.read_bytes()
        except OSError as error:
            raise LakeError(
                f"{path}: expected the file the manifest lists, found none that can be read; "
                "restore it, or delete the lake and import its source again"
            ) from error
        if (found := _sha256(data)) != partition.sha256:
            raise LakeError(
                f"{path}: expected the content the manifest lists ({partition.sha256[:12]}), found another "
                f"({found[:12]}); restore it, or delete the lake and import its source again"
            )
        records = from_parquet(data, str(path))
        if records.size != partition.rows:
            raise LakeError(
                f"{path}: expected {partition.rows} rows, found {records.size}; "
                "restore it, or delete the lake and import its source again"
            )
        return records

    def _missing(self, what: str, contract: str, day: date) -> LakeError:
        return LakeError(
            f"{self.folder}: expected {what} of {contract} on {day}, found none; "
            "import them, or see `pregao lake ls` for what is there"
        )

    def _temporary(self, partition: Partition) -> Path:
        return (self.folder / partition.path).with_suffix(".partial")

    def _write_temporary(self, partition: Partition, data: bytes) -> None:
        path = self._temporary(partition)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _write_manifest(self, partitions: Sequence[Partition]) -> None:
        rows = ",\n".join(json.dumps(asdict(p), sort_keys=True) for p in partitions)
        temporary = self.folder / f"{MANIFEST}.partial"
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(f'{{"partitions": [\n{rows}\n]}}\n')
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.folder / MANIFEST)

    def _manifest(self) -> tuple[Partition, ...]:
        path = self.folder / MANIFEST
        try:
            stat = path.stat()
        except FileNotFoundError:
            return ()
        return _parsed_manifest(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _filled(partition: Partition, records: np.ndarray, data: bytes) -> Partition:
    first, last = ("ts_event_ns", "ts_event_ns") if records.dtype == EVENT else ("ts_open_ns", "ts_close_ns")
    return replace(
        partition,
        rows=records.size,
        bytes=len(data),
        sha256=_sha256(data),
        first_ns=int(records[first].min()),
        last_ns=int(records[last].max()),
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@lru_cache(maxsize=8)
def _parsed_manifest(path: Path, _mtime_ns: int, _size: int, _inode: int) -> tuple[Partition, ...]:
    try:
        listed: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["partitions"]
        return tuple(Partition(**{**row, "provenance": Provenance(**row["provenance"])}) for row in listed)
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"{path}: expected a manifest of this lake, found a damaged file ({type(error).__name__}); "
            "restore it from a backup, or delete the lake and import the sources again"
        ) from error
