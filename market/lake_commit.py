"""Adding partitions to a lake, all or nothing: temporary files, then renames, then the manifest."""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import sleep

import numpy as np

from market.columns import to_parquet
from market.errors import FileRefused, LakeError
from market.instruments import Instrument
from market.lake_manifest import Manifest, Partition, SourceFile
from market.overlap import Overlap, Relation, compare, describe_difference
from market.types import EVENT
from market.wording import count_of

MANIFEST = "manifest.json"
REPLACE_TRIES, REPLACE_WAIT_S = 250, 0.02
_ANEW = "into an empty lake (another PREGAO_HOME)"

Key = tuple[str, str, int, str]
Export = tuple[tuple[str, str, int], str]  # a series and the hash of the file it came from


@dataclass
class Commit:
    """One change of a lake, made under its lock.

    Parameters
    ----------
    folder : Path
        The lake's folder.
    manifest : Manifest
        What it lists now.
    read : callable
        Returns the records of a listed partition.
    path : str
        The vendor's file as the user named it; empty where there is none.
    """

    folder: Path
    manifest: Manifest
    read: Callable[[Partition], np.ndarray]
    path: str = ""
    _present: dict[Key, Partition] = field(init=False)
    _added: dict[Key, Partition] = field(init=False, default_factory=dict)
    _replaced: dict[Key, Partition] = field(init=False, default_factory=dict)
    _agreeing: set[Export] = field(init=False, default_factory=set)
    _recovered: set[Export] = field(init=False, default_factory=set)
    _differing: list[tuple[Partition, Partition, Overlap]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._present = {p.key: p for p in self.manifest.partitions}

    def run(
        self,
        writes: Iterable[tuple[Partition, np.ndarray]],
        source: Callable[[], SourceFile] | None,
        instruments: Mapping[str, Instrument],
    ) -> list[Partition]:
        """Write everything or nothing, and return the partitions that are new or hold more than before.

        Raises
        ------
        FileRefused
            Where a session is there with other content, or prices cannot be shown to have the basis of those there.
        """
        try:
            for partition, records in writes:
                self._take(partition, records)
            self._refuse_differences()
            self._leave_restated()
            self._refuse_unproved_basis()
            files = () if source is None else (source(),)
            for partition in self._added.values():
                self._temporary(partition).replace(self.folder / partition.path)
        finally:
            for partition in self._added.values():
                self._temporary(partition).unlink(missing_ok=True)
        if self._added or files:
            used = {root: one for root, one in instruments.items() if any(p.root == root for p in self._added.values())}
            gone = self._replaced.keys() - self._added.keys()
            self._write_manifest(self.manifest.with_changes(self._added.values(), files, used, gone))
            self._remove_replaced()
        return list(self._added.values())

    def _take(self, partition: Partition, records: np.ndarray) -> None:
        data = to_parquet(records)
        offered = _filled(partition, records, data)
        if offered.key in self._added:
            raise FileRefused(
                self._told(offered),
                f"the rows of {offered.contract} on {offered.session} in one place",
                "them in two, with other sessions between",
                "export it again in the order of time",
            )
        known = self._present.get(offered.key)
        if known is not None and known.sha256 == offered.sha256:
            self._agreeing.add(_export(known))
            if not is_as_written(self.folder, known):
                self._added[known.key] = known
                self._write_temporary(known, data)
            return
        if known is not None and _recovers(offered, known):
            self._recovered.add(_export(known))
        elif known is not None:
            overlap = compare(self.read(known), records, known.truncated, offered.truncated)
            if overlap.relation is Relation.DIFFERS:
                self._differing.append((known, offered, overlap))
                return
            self._agreeing.add(_export(known))
            if overlap.relation is not Relation.EXTENDS:
                return
        if known is not None:
            self._replaced[known.key] = known
            offered = replace(offered, revision=known.revision + 1)
        self._added[offered.key] = offered
        self._write_temporary(offered, data)

    def _refuse_differences(self) -> None:
        if not self._differing:
            return
        known, offered, _ = self._differing[0]
        last = max(held.session for held, *_ in self._differing)
        more = f" and {count_of(len(self._differing) - 1, 'more session')} up to {last}" if last > known.session else ""
        raise FileRefused(
            self._told(offered),
            f"the {known.kind} of {known.contract} on {known.session}{more} as the lake holds them "
            f"({self._origin(known)})",
            describe_difference([overlap for *_, overlap in self._differing]),
            f"nothing was changed; {self._way_out(known, offered)}",
        )

    def _way_out(self, known: Partition, offered: Partition) -> str:
        """Return what a user can do where a file differs from what is held."""
        bases = {known.provenance.price_basis, offered.provenance.price_basis}
        if "back_adjusted" not in bases:
            return f"find out which of the two is wrong and export it again, or import this one {_ANEW}"
        if _recovers(known, offered):
            return f"the lake holds the prices recovered from this very file: leave it so, or import this one {_ANEW}"
        held = {
            p.provenance.source: None
            for p in self._present.values()
            if p.series == known.series and p.provenance.price_basis == "back_adjusted"
        }
        rule = "a vendor restates a continuous series at each roll, so where each file tells the turnover, import"
        if len(held) > 1:
            others = [name for name in held if name != offered.provenance.source]
            return f"{rule} {', '.join(others)} and this one, all with --true-prices, {_ANEW}"
        first = f"{next(iter(held))} again with --true-prices, then " if held else ""
        return f"{rule} {first}this one with --true-prices; else this one {_ANEW}"

    def _leave_restated(self) -> None:
        """Take leave of every session that an export now recovered told as restated: one series, one level."""
        for key, held in list(self._present.items()):
            if _export(held) in self._recovered and held.provenance.price_basis == "back_adjusted":
                self._replaced[key] = self._present.pop(key)

    def _told(self, offered: Partition) -> str:
        return self.path or offered.provenance.source

    def _origin(self, held: Partition) -> str:
        """Return where a held session comes from: the file, and what the lake holds of it."""
        days = [p.session for p in self._present.values() if _export(p) == _export(held)]
        return f"from {held.provenance.source}, which told {min(days)} to {max(days)}"

    def _refuse_unproved_basis(self) -> None:
        """Refuse an export beside another where either was restated, unless a session both hold is equal.

        Prices that were restated have the level of the day they were exported; a later roll moves what comes after.
        """
        restated = restated_exports(self._added.values()) | restated_exports(self._present.values())
        proved = {series for series, _ in self._agreeing - self._recovered}
        for offered in self._added.values():
            if offered.series in proved:
                continue
            other = next(
                (
                    held
                    for held in self._present.values()
                    if held.series == offered.series
                    and _export(held) != _export(offered)
                    and {_export(held), _export(offered)} & restated
                ),
                None,
            )
            if other is not None:
                anew = f" {_ANEW}" if _export(offered) in self._recovered else ""
                raise FileRefused(
                    self._told(offered),
                    f"a session in common with what the lake holds ({self._origin(other)}), "
                    "to show that both have the same price basis",
                    f"prices of {offered.contract}, back-adjusted there or here, that overlap nowhere",
                    "export a span that reaches into what the lake holds, or import both with --true-prices" + anew,
                )

    def _temporary(self, partition: Partition) -> Path:
        return (self.folder / partition.path).with_suffix(".partial")

    def _write_temporary(self, partition: Partition, data: bytes) -> None:
        path = self._temporary(partition)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, data)

    def _write_manifest(self, manifest: Manifest) -> None:
        temporary = self.folder / f"{MANIFEST}.partial"
        write_durably(temporary, manifest.to_json().encode())
        try:
            _replace_patiently(temporary, self.folder / MANIFEST)
        except LakeError:
            for path in [temporary, *(self.folder / partition.path for partition in self._added.values())]:
                path.unlink(missing_ok=True)
            raise

    def _remove_replaced(self) -> None:
        """Delete what no manifest lists any more; a reader that still holds it open keeps it until the next change."""
        for partition in self._replaced.values():
            for revision in range(partition.revision + 1):
                with suppress(PermissionError):
                    (self.folder / replace(partition, revision=revision).path).unlink(missing_ok=True)


def is_as_written(folder: Path, partition: Partition) -> bool:
    """Tell whether a partition's file is there and still what was written."""
    try:
        return sha256_of((folder / partition.path).read_bytes()) == partition.sha256
    except OSError:
        return False


def write_durably(path: Path, data: bytes) -> None:
    """Write a file and wait for the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _replace_patiently(temporary: Path, path: Path) -> None:
    """Put a new manifest in place; on Windows that fails as long as a reader has the old one open, milliseconds."""
    for _ in range(REPLACE_TRIES):
        try:
            temporary.replace(path)
            return
        except PermissionError:
            sleep(REPLACE_WAIT_S)
    raise LakeError(
        f"{path}: expected to replace it within {REPLACE_TRIES * REPLACE_WAIT_S:.0f} s, found it held open by another "
        "program; nothing was changed: close what shows or scans it, then run the command again"
    )


def sha256_of(data: bytes) -> str:
    """Return the hash of a partition's bytes."""
    return hashlib.sha256(data).hexdigest()


def _filled(partition: Partition, records: np.ndarray, data: bytes) -> Partition:
    first, last = ("ts_event_ns", "ts_event_ns") if records.dtype == EVENT else ("ts_open_ns", "ts_close_ns")
    return replace(
        partition,
        rows=records.size,
        bytes=len(data),
        sha256=sha256_of(data),
        first_ns=int(records[first].min()),
        last_ns=int(records[last].max()),
    )


def _export(partition: Partition) -> Export:
    return partition.series, partition.provenance.source_sha256


def _recovers(new: Partition, old: Partition) -> bool:
    """Tell whether one partition holds the traded prices of what its own file told as restated in the other."""
    bases = new.provenance.price_basis, old.provenance.price_basis
    return bases == ("recovered", "back_adjusted") and _export(new) == _export(old)


def restated_exports(partitions: Iterable[Partition]) -> set[Export]:
    """Return the exports that a vendor restated: from their first session on.

    A piece further inside is a splice: what follows it has the level of what precedes it.
    """
    first: dict[Export, Partition] = {}
    for partition in sorted(partitions, key=lambda p: p.session):
        first.setdefault(_export(partition), partition)
    return {export for export, partition in first.items() if partition.provenance.price_basis == "back_adjusted"}
