"""The lake: one Parquet file per kind, contract and session, written once, and the manifest that makes it visible."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property, lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from filelock import FileLock, Timeout

from market import calendar
from market.blackouts import Blackout, read_blackouts, shipped_blackouts
from market.columns import columns_from_parquet, from_parquet
from market.errors import RESTORE, ConfigError, LakeError
from market.instruments import Instrument, Instruments
from market.lake_commit import MANIFEST, Commit, is_as_written, sha256_of
from market.lake_manifest import Gap, Manifest, Partition, Provenance, SourceFile, SourceKey, read_manifest
from market.roll import expiry
from market.wording import to_toml

T = TypeVar("T")

LOCK_TIMEOUT_S = 120.0
BLACKOUTS = "blackouts.csv"  # windows in which nothing is entered: date, start, end, roots, reason, source
OVERRIDES = "calendar.csv"  # days that differ from the shipped calendar: date, status, open, close, reason, source
EVENT_KINDS = ("trades", "quotes", "book")


@dataclass(frozen=True)
class Lake:
    """Market data under one folder. What the manifest does not list is not there.

    Parameters
    ----------
    folder : Path
        Made at the first commit.
    declared : mapping of str to Instrument
        Instruments that may be imported beside the futures; those imported already the lake knows by itself.
    """

    folder: Path
    declared: Mapping[str, Instrument] = field(default_factory=dict, compare=False)

    @cached_property
    def instruments(self) -> Instruments:
        """Every instrument of this lake, by the calendar with its overrides.

        Raises
        ------
        ConfigError
            Where one is declared otherwise than when its data were imported, or the overrides cannot be read.
        """
        held = self._manifest().instruments
        for root, instrument in self.declared.items():
            if held.get(root, instrument) != instrument:
                before, now = asdict(held[root]), asdict(instrument)
                was, found = (
                    ", ".join(f"{key} = {to_toml(one[key])}" for key in now if before[key] != now[key])
                    for one in (before, now)
                )
                raise ConfigError(
                    f"[instruments.{root}]: expected the declaration its data in {self.folder} were imported with "
                    f"({was}), found {found}; restore it, or import into an empty lake"
                )
        return Instruments({**held, **self.declared}, self._overrides())

    @cached_property
    def blackouts(self) -> tuple[Blackout, ...]:
        """Every window in which nothing is entered: the shipped ones and the user's own; raises ConfigError."""
        known, own = self.instruments.roots, self._own_text(BLACKOUTS)
        return (*shipped_blackouts(known), *read_blackouts(own, str(self.folder / BLACKOUTS), known))

    def partitions(self, kind: str | None = None, contract: str | None = None) -> list[Partition]:
        """Return the partitions, ordered by kind, contract, bar length and session."""
        return [
            p
            for p in self._manifest().partitions
            if (kind is None or p.kind == kind) and (contract is None or p.contract == contract)
        ]

    def contracts(self) -> list[str]:
        """Return every contract that has data."""
        return sorted({p.contract for p in self._manifest().partitions})

    def sessions(self, contract: str) -> list[date]:
        """Return every session of a contract that has data of any kind."""
        return [date.fromisoformat(day) for day in sorted({p.session for p in self.partitions(None, contract)})]

    @property
    def calendar_sha256(self) -> str:
        """Hash of the user's special days; empty where there are none."""
        path = self.folder / OVERRIDES
        return sha256_of(path.read_bytes()) if path.is_file() else ""

    def source(self, key: SourceKey) -> SourceFile | None:
        """Return what is known of an import."""
        return next((source for source in self._manifest().sources if source.key == key), None)

    def data_hash(self) -> str:
        """Return a hash over every partition's place and content."""
        lines = "".join(f"{p.path} {p.sha256}\n" for p in self._manifest().partitions)
        return hashlib.sha256(lines.encode()).hexdigest()

    def read_events(self, contract: str, day: date) -> np.ndarray:
        """Return a session's trades, quotes and book, EVENT, by sequence; raises LakeError where it has none."""
        found = [p for p in self.partitions(None, contract) if p.session == day.isoformat() and p.kind in EVENT_KINDS]
        if not found:
            raise self._missing("trades or quotes", contract, day)
        return self.read_merged(found)

    def read_merged(self, partitions: Sequence[Partition]) -> np.ndarray:
        """Return the events of one session's partitions, at least one, EVENT, by sequence; raises as `read`."""
        if len(partitions) == 1:
            return self.read(partitions[0])
        while True:
            listed = self._listed(partitions)
            merged = np.concatenate([self.read(p) for p in listed])
            if self._listed(partitions) == listed:  # an import replaces the kinds of a session together
                break
        ordered: np.ndarray = merged[np.argsort(merged["sequence"], kind="stable")]
        return ordered

    def read_bars(self, contract: str, day: date, bar_seconds: int) -> np.ndarray:
        """Return a session's bars, BAR, oldest first; raises LakeError where there are none."""
        wanted = ("bars", contract, bar_seconds, day.isoformat())
        found = next((p for p in self._manifest().partitions if p.key == wanted), None)
        if found is None:
            raise self._missing(f"bars of {bar_seconds} s", contract, day)
        return self.read(found)

    def read(self, partition: Partition) -> np.ndarray:
        """Return the records of a partition, or those of the longer record that has replaced it.

        Raises
        ------
        LakeError
            Where they are not those that were written.
        """
        return self._current(partition, self._read)

    def read_columns(self, partition: Partition, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return some columns of a partition, contiguous and read-only; the others are not decoded.

        Where a longer record has replaced the partition, the columns are those of that one. Hashing takes longer than
        reading a column, so a process hashes a file at its first read, and again once the file's time, size or place on
        the disk has changed. `read` hashes at every read.

        Raises
        ------
        LakeError
            Where the file is not the one that was written, or has no such column.
        """
        return self._current(partition, partial(self._read_columns, names=names))

    def commit(
        self,
        writes: Iterable[tuple[Partition, np.ndarray]],
        source: Callable[[], SourceFile] | None = None,
        path: str = "",
    ) -> list[Partition]:
        """Add partitions, all or nothing, and return those that were not there before or hold more now.

        Parameters
        ----------
        writes : iterable of (Partition, ndarray)
            Drafts and their records; taken one by one, so a generator keeps memory at one session.
        source : callable, optional
            Called once after the last of them; what it returns is listed as imported.
        path : str
            The vendor's file as the user named it, for what is said where it is refused.

        Raises
        ------
        FileRefused
            Where a session is there with other content; nothing is changed then.
        LakeError
            Where another process holds the lake for too long.
        """
        remaining = iter(writes)
        first = list(islice(remaining, 1))  # a refusal of the whole file leaves no folder behind
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / "lake.lock", timeout=LOCK_TIMEOUT_S):
                return Commit(self.folder, self._manifest(), self.read, path).run(
                    chain(first, remaining), source, self.declared
                )
        except Timeout as error:
            raise LakeError(
                f"{self.folder}: expected the lake to be free within {LOCK_TIMEOUT_S:.0f} s, found another process "
                "writing; wait for it to end, then run the command again"
            ) from error

    def draft(
        self,
        kind: str,
        contract: str,
        day: date,
        provenance: Provenance,
        bar_seconds: int = 0,
        gaps: Sequence[Gap] = (),
    ) -> Partition:
        """Return a partition yet to be written; the commit fills rows, size, hash and times."""
        symbol = self.instruments.parse(contract, day)
        expires = expiry(contract, self.instruments, day).isoformat() if symbol.dated else ""
        return Partition(
            kind, symbol.root, contract, expires, day.isoformat(), bar_seconds, 0, 0, "", 0, 0, tuple(gaps), provenance
        )

    def verify(self) -> list[str]:
        """Return one sentence for every partition whose file is missing or no longer what was written."""
        told = ((partition, self._problem(partition)) for partition in self._manifest().partitions)
        return [problem for one, problem in told if problem and self._listed([one]) == [one]]  # not replaced meanwhile

    def is_whole(self, source_sha256: str) -> bool:
        """Tell whether everything that came from a file is there as it was written."""
        own = (p for p in self._manifest().partitions if p.provenance.source_sha256 == source_sha256)
        return all(is_as_written(self.folder, partition) for partition in own)

    def _current(self, partition: Partition, read: Callable[[Partition], T]) -> T:
        """Read a partition; where an import has replaced it since it was listed, read what is listed now."""
        while True:
            try:
                return read(partition)
            except LakeError:
                (listed,) = self._listed([partition])
                if listed == partition:
                    raise
                partition = listed

    def _listed(self, partitions: Sequence[Partition]) -> list[Partition]:
        """Return the partitions as the manifest lists them now."""
        by_key = self._manifest().by_key
        return [by_key.get(p.key, p) for p in partitions]

    def _read(self, partition: Partition) -> np.ndarray:
        path = self.folder / partition.path
        with _file_there(path):
            data = path.read_bytes()
        _refuse_other_content(path, sha256_of(data), partition)
        records = from_parquet(data, str(path))
        _refuse_other_rows(path, records.size, partition)
        return records

    def _read_columns(self, partition: Partition, names: Sequence[str]) -> dict[str, np.ndarray]:
        path = self.folder / partition.path
        with _file_there(path):
            stat = path.stat()
            found = _hash_once(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)
        _refuse_other_content(path, found, partition)
        columns = columns_from_parquet(path, names)
        for values in columns.values():
            _refuse_other_rows(path, values.size, partition)
        return columns

    def _problem(self, partition: Partition) -> str:
        path, remedy = self.folder / partition.path, f"{RESTORE} ({partition.provenance.source})"
        try:
            found = sha256_of(path.read_bytes())
        except OSError:
            return f"{partition.path}: expected a file, found none that can be read; {remedy}"
        if found == partition.sha256:
            return ""
        return f"{partition.path}: expected sha256 {partition.sha256[:12]}, found {found[:12]}; {remedy}"

    def _overrides(self) -> dict[date, calendar.SpecialDay]:
        return calendar.read_overrides(self._own_text(OVERRIDES), str(self.folder / OVERRIDES))

    def _own_text(self, name: str) -> str:
        """Return a file the user wrote; empty where there is none."""
        path = self.folder / name
        if not path.is_file():
            return ""
        try:
            return path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: expected text in UTF-8, found {error}; save it as UTF-8") from error

    def _missing(self, what: str, contract: str, day: date) -> LakeError:
        return LakeError(
            f"{self.folder}: expected {what} of {contract} on {day}, found none; "
            "import them, or see `pregao lake ls` for what is there"
        )

    def _manifest(self) -> Manifest:
        return read_manifest(self.folder / MANIFEST)


@contextmanager
def _file_there(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LakeError(
            f"{path}: expected the file the manifest lists, found none that can be read; {RESTORE}"
        ) from error


@lru_cache(maxsize=1 << 16)
def _hash_once(path: Path, _mtime_ns: int, _size: int, _inode: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_other_content(path: Path, found: str, partition: Partition) -> None:
    if found != partition.sha256:
        raise LakeError(
            f"{path}: expected the content the manifest lists ({partition.sha256[:12]}), found another "
            f"({found[:12]}); {RESTORE}"
        )


def _refuse_other_rows(path: Path, found: int, partition: Partition) -> None:
    if found != partition.rows:
        raise LakeError(f"{path}: expected {partition.rows} rows, found {found}; {RESTORE}")
