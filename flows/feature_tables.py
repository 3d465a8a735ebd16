"""Feature tables of single sessions, on the disk under what they were computed from.

A file is named by its session and by a hash of its inputs: the partitions of the session and its preload, their hours,
and the code. A table whose name is there is not computed again, and one that is cut short never gets its name.
"""

import datetime as dt
import hashlib
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

import features
import market
from features.batch import compute_sessions
from features.schema import FeatureSchema
from flows.progress import steps
from flows.stages.artifacts import write_table, write_text
from flows.stages.dataset import Dataset
from market.home import Home
from market.lake import EVENT_KINDS
from market.lanes import LANES
from market.stream import Feed

WORKERS = 2
WORTH_WORKERS = 16  # sessions: below, two more processes start as slowly as they save


@dataclass(frozen=True)
class Built:
    """What became of a session's table."""

    session: str
    rows: int
    status: Literal["built", "unchanged"]


@dataclass(frozen=True)
class _Job:
    """One table to compute, in any process."""

    schema: FeatureSchema
    feed: Feed
    day: dt.date
    path: Path


def build_tables(home: Home, schema: FeatureSchema, dataset: Dataset) -> list[Built]:
    """Compute the tables of all sessions whose inputs changed; one that was interrupted goes on where it stopped.

    A table that was damaged since is computed again.

    Raises
    ------
    LakeError
        If a partition is missing or damaged.
    """
    folder = folder_of(home, schema, dataset.feed.contract)
    days = dataset.feed.sessions()
    jobs = [_Job(schema, dataset.feed, day, folder / _name(dataset.feed, schema, day)) for day in days]
    write_text(folder / "schema.json", schema.to_json())
    missing = [job for job in jobs if not _is_whole(job.path)]
    built = set(_paths_built(missing))
    _remove_superseded(folder, {job.path for job in jobs})
    return [
        Built(str(job.day), pq.read_metadata(job.path).num_rows, "built" if job.path in built else "unchanged")
        for job in jobs
    ]


def _is_whole(path: Path) -> bool:
    """Tell whether a table is there and each of its pages is as it was written."""
    try:
        pq.read_table(path, page_checksum_verification=True)
    except (pa.ArrowInvalid, OSError):
        return False
    return True


def folder_of(home: Home, schema: FeatureSchema, contract: str) -> Path:
    """Return where the tables of a series under a schema lie."""
    return home.artifacts / "feature-tables" / contract / schema.hash[:16]


def _paths_built(jobs: list[_Job]) -> Iterator[Path]:
    """Yield the table of each job once it is on the disk, with two processes where there is work for them."""
    side_by_side = LANES if jobs and jobs[0].feed.kind == "bars" else 1
    groups = [jobs[first : first + side_by_side] for first in range(0, len(jobs), side_by_side)]
    if len(jobs) < WORTH_WORKERS:
        for group in steps(groups, "features"):
            yield from _build(group)
        return
    # A fresh process: a forked one would take the locks of this one's threads with it.
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        done = pool.map(_build, groups)
        for _ in steps(groups, "features"):
            yield from next(done)


def _build(jobs: list[_Job]) -> list[Path]:
    """Write the tables of sessions that are computed together."""
    computed = compute_sessions(jobs[0].schema, jobs[0].feed, [job.day for job in jobs])
    for job, seen in zip(jobs, computed, strict=True):
        keys = {f"_{name}": getattr(seen, name) for name in ("ts_ns", "regime", "close", "atr")}
        write_table(job.path, {**keys, **dict(zip(job.schema.columns, seen.rows.T, strict=True))})
    return [job.path for job in jobs]


def _name(feed: Feed, schema: FeatureSchema, day: dt.date) -> str:
    """Return the file name of a session's table: the session, and the hash of everything the table depends on."""
    kinds, seconds = (EVENT_KINDS, 0) if feed.kind == "events" else (("bars",), feed.bar_ns // 1_000_000_000)
    digest = hashlib.sha256(_code_hash().encode())
    for one in (*feed.preload(day, schema.preload_sessions), day):
        digest.update(feed.session(one).tobytes())
        for p in feed.lake.partitions(contract=feed.contract):
            if p.session == one.isoformat() and p.kind in kinds and p.bar_seconds == seconds:
                digest.update(f"{p.kind} {p.sha256}\n".encode())
    return f"{day}.{digest.hexdigest()[:16]}.parquet"


@cache
def _code_hash() -> str:
    """Return a hash over the sources of the kernels: a mended kernel makes its old tables wrong, with the same data."""
    digest = hashlib.sha256()
    for package in (market, features):
        for source in sorted(Path(package.__path__[0]).glob("*.py")):
            digest.update(source.read_bytes())
    return digest.hexdigest()


def _remove_superseded(folder: Path, kept: set[Path]) -> None:
    """Remove the tables of other inputs, and what an interrupted build left half written."""
    for path in (*folder.glob("*.parquet"), *folder.glob("*.part")):
        if path not in kept:
            path.unlink()
