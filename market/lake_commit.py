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

MANIFEST = "manifest.json"
REPLACE_TRIES, REPLACE_WAIT_S = 250, 0.02

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
    """

    folder: Path
    manifest: Manifest
    read: Callable[[Partition], np.ndarray]
    _present: dict[Key, Partition] = field(init=False)
    _added: dict[Key, Partition] = field(init=False, default_factory=dict)
    _agreeing: set[tuple[str, str, int]] = field(init=False, default_factory=set)
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
            self._refuse_unproved_basis()
            files = () if source is None else (source(),)
            for partition in self._added.values():
                self._temporary(partition).replace(self.folder / partition.path)
        finally:
            for partition in self._added.values():
                self._temporary(partition).unlink(missing_ok=True)
        if self._added or files:
            used = {root: one for root, one in instruments.items() if any(p.root == root for p in self._added.values())}
            self._write_manifest(self.manifest.with_changes(self._added.values(), files, used))
            self._remove_replaced()
        return list(self._added.values())

    def _take(self, partition: Partition, records: np.ndarray) -> None:
        data = to_parquet(records)
        offered = _filled(partition, records, data)
        if offered.key in self._added:
            raise FileRefused(
                offered.provenance.source,
                f"the rows of {offered.contract} on {offered.session} in one place",
                "them in two, with other sessions between",
                "export it again in the order of time",
            )
        known = self._present.get(offered.key)
        if known is not None:
            overlap = compare(self.read(known), records, known.truncated, offered.truncated)
            if overlap.relation is Relation.DIFFERS:
                self._differing.append((known, offered, overlap))
                return
            self._agreeing.add(known.series)
            if known.sha256 == offered.sha256 or overlap.relation is not Relation.EXTENDS:
                return
            offered = replace(offered, revision=known.revision + 1)
        self._added[offered.key] = offered
        self._write_temporary(offered, data)

    def _refuse_differences(self) -> None:
        if not self._differing:
            return
        known, offered, _ = self._differing[0]
        more = f" and {len(self._differing) - 1} more sessions" if len(self._differing) > 1 else ""
        raise FileRefused(
            offered.provenance.source,
            f"the {known.kind} of {known.contract} on {known.session}{more} as the lake holds them "
            f"(from {known.provenance.source})",
            describe_difference([overlap for *_, overlap in self._differing]),
            "nothing was changed; a vendor restates a continuous series at each roll, so import both files with "
            "--true-prices where they tell the turnover, or this one under another symbol or into an empty lake",
        )

    def _refuse_unproved_basis(self) -> None:
        """Refuse an export beside another where either was restated, unless a session both hold is equal.

        Prices that were restated have the level of the day they were exported; a later roll moves what comes after.
        """
        restated = _restated_exports(self._added.values()) | _restated_exports(self._present.values())
        for offered in self._added.values():
            if offered.series in self._agreeing:
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
                raise FileRefused(
                    offered.provenance.source,
                    f"a session in common with {other.provenance.source}, to show that both have the same price basis",
                    f"prices of {offered.contract}, back-adjusted there or here, that overlap nowhere",
                    "export a span that reaches into what the lake holds, or import both with --true-prices",
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
        for partition in self._added.values():
            for revision in range(partition.revision):
                with suppress(PermissionError):
                    (self.folder / replace(partition, revision=revision).path).unlink(missing_ok=True)


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


def _restated_exports(partitions: Iterable[Partition]) -> set[Export]:
    """Return the exports that a vendor restated: from their first session on.

    A piece further inside is a splice: what follows it has the level of what precedes it.
    """
    first: dict[Export, Partition] = {}
    for partition in sorted(partitions, key=lambda p: p.session):
        first.setdefault(_export(partition), partition)
    return {export for export, partition in first.items() if partition.provenance.price_basis == "back_adjusted"}
