"""What is wrong with a lake's files: everything the manifest lists is there as written, and nothing else is."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from market.errors import RESTORE
from market.lake import BLACKOUTS, OVERRIDES, Lake
from market.lake_commit import MANIFEST
from market.lake_quarantine import QUARANTINE

LEFT_OVER = "left over by an interrupted import; importing that file again clears it up, else delete it"
_OWN = frozenset({MANIFEST, BLACKOUTS, OVERRIDES, "lake.lock"})


def audit(lake: Lake) -> list[str]:
    """Return one sentence for every fault: a file missing, altered, of other rows, unlisted, or left over.

    Run it while nothing is imported: an import in progress looks like one that was interrupted.
    """
    return [*lake.verify(), *_other_rows(lake), *_unlisted(lake)]


def _other_rows(lake: Lake) -> list[str]:
    counted = ((partition, _rows(lake.folder / partition.path)) for partition in lake.partitions())
    return [
        f"{partition.path}: expected {partition.rows} rows, found {rows}; {RESTORE} ({partition.provenance.source})"
        for partition, rows in counted
        if rows not in (None, partition.rows)
    ]


def _rows(path: Path) -> int | None:
    """Return the rows of a Parquet file, None where it cannot be read: its hash then says so."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError):
        return None


def _unlisted(lake: Lake) -> list[str]:
    known = {partition.path for partition in lake.partitions()} | _OWN
    found = sorted(path.relative_to(lake.folder) for path in lake.folder.rglob("*") if path.is_file())
    others = [path for path in found if path.as_posix() not in known and path.parts[0] != QUARANTINE]
    return [
        f"{path.as_posix()}: {LEFT_OVER}"
        if path.suffix == ".partial"
        else f"{path.as_posix()}: expected only what the manifest lists, found another file; import again what was "
        "interrupted, else move it out of the lake"
        for path in others
    ]
