"""What the lake says of itself: partitions with their gaps and provenance, sources, and instruments."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from market.errors import RESTORE, LakeError
from market.instruments import Instrument


class Cause(StrEnum):
    """Why data are missing in a session."""

    NO_TRADE = "no trade"
    FEED_LOSS = "feed loss"
    AUCTION = "auction"
    HALT = "halt"
    HOLIDAY = "holiday"
    TRUNCATED = "truncated export"


@dataclass(frozen=True)
class Gap:
    """A hole in a session, nanoseconds UTC, and its cause."""

    first_ns: int
    last_ns: int
    cause: str


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
        "raw", "recovered" (raw again, by the turnover) or "back_adjusted".
    """

    source: str
    source_sha256: str
    importer: str
    synthetic: bool
    price_basis: str


@dataclass(frozen=True)
class Partition:
    """One file of the lake.

    Parameters
    ----------
    kind : str
        "trades", "quotes" (with phases and gaps), "book" (levels) or "bars".
    root, contract : str
        WDO and WDOZ26.
    expiry : str
        Expiry of a dated contract, YYYY-MM-DD, because two digits do not name a year; empty for anything else.
    session : str
        Day, YYYY-MM-DD.
    bar_seconds : int
        Length of a bar (86,400: daily); 0 for events.
    rows, bytes : int
        Records and file size.
    sha256 : str
        Hash of the file.
    first_ns, last_ns : int
        First and last instant covered, nanoseconds UTC.
    gaps : tuple of Gap
        Holes in the session, in order of time.
    provenance : Provenance
        Where it comes from.
    revision : int
        How often a longer record of the session, or its recovered prices, replaced it; each has a file of its own.
    """

    kind: str
    root: str
    contract: str
    expiry: str
    session: str
    bar_seconds: int
    rows: int
    bytes: int
    sha256: str
    first_ns: int
    last_ns: int
    gaps: tuple[Gap, ...]
    provenance: Provenance
    revision: int = 0

    @property
    def key(self) -> tuple[str, str, int, str]:
        """What no two partitions share."""
        return self.kind, self.contract, self.bar_seconds, self.session

    @property
    def series(self) -> tuple[str, str, int]:
        """What its neighbours in time share."""
        return self.kind, self.contract, self.bar_seconds

    @property
    def day(self) -> date:
        """The session's day."""
        return date.fromisoformat(self.session)

    @property
    def truncated(self) -> bool:
        """Whether its export began or ended inside the session."""
        return any(gap.cause == Cause.TRUNCATED for gap in self.gaps)

    @property
    def path(self) -> str:
        """File below the lake's folder."""
        middle = f"{self.bar_seconds}/" if self.bar_seconds else ""
        again = f".{self.revision}" if self.revision else ""
        return f"{self.kind}/{self.contract}/{middle}{self.session}{again}.parquet"


class SourceKey(NamedTuple):
    """What no two imports share: a file, and what it was taken for; one of the same key replaces the one before."""

    sha256: str
    name: str
    format: str
    symbol: str
    session: str


@dataclass(frozen=True)
class SourceFile:
    """A vendor's file that was imported.

    Parameters
    ----------
    sha256, name, format : str
        Its bytes, its name and what it was read as.
    symbol : str
        What the user said it is; empty where the file told.
    rows, rejected : int
        Rows used and set aside.
    contracts : tuple of str
        Symbols it was filed under.
    sessions : int
        How many it holds.
    price_basis : tuple of str
        Of its partitions.
    reason : str
        What was said of it.
    session : str
        The day the user said it is of, YYYY-MM-DD; empty where the file told.
    true_prices : bool
        Whether traded prices were recovered from its turnover.
    calendar_sha256 : str
        Hash of the user's calendar it was read by; empty where there was none.
    """

    sha256: str
    name: str
    format: str
    symbol: str
    rows: int
    rejected: int
    contracts: tuple[str, ...]
    sessions: int
    price_basis: tuple[str, ...]
    reason: str
    session: str = ""
    true_prices: bool = False
    calendar_sha256: str = ""

    @property
    def key(self) -> SourceKey:
        """What no two imports share."""
        return SourceKey(self.sha256, self.name, self.format, self.symbol, self.session)


@dataclass(frozen=True)
class Manifest:
    """Everything a lake lists; what is not listed is not there."""

    partitions: tuple[Partition, ...] = ()
    sources: tuple[SourceFile, ...] = ()
    instruments: Mapping[str, Instrument] = field(default_factory=dict)

    @cached_property
    def by_key(self) -> dict[tuple[str, str, int, str], Partition]:
        """Every partition by its key."""
        return {p.key: p for p in self.partitions}

    def with_changes(
        self,
        partitions: Iterable[Partition],
        sources: Iterable[SourceFile],
        instruments: Mapping[str, Instrument],
        gone: Collection[tuple[str, str, int, str]] = (),
    ) -> "Manifest":
        """Return a manifest in which the given entries stand instead of those of the same key, without those gone."""
        listed = {p.key: p for p in (*self.partitions, *partitions) if p.key not in gone}
        files = {source.key: source for source in (*self.sources, *sources)}
        return replace(
            self,
            partitions=tuple(listed[key] for key in sorted(listed)),
            sources=tuple(files[key] for key in sorted(files)),
            instruments={**self.instruments, **instruments},
        )

    def to_json(self) -> str:
        """Return the file's text, one entry a line, so that two versions can be compared."""
        blocks = [
            _block("partitions", [asdict(p) for p in self.partitions]),
            _block("sources", [asdict(s) for s in self.sources]),
            _block("instruments", [asdict(self.instruments[root]) for root in sorted(self.instruments)]),
        ]
        return "{" + ",\n".join(blocks) + "}\n"


def _block(name: str, rows: list[dict[str, Any]]) -> str:
    lines = ",\n".join(json.dumps(row, sort_keys=True) for row in rows)
    return f'"{name}": [\n{lines}\n]'


def read_manifest(path: Path) -> Manifest:
    """Return the manifest at `path`, an empty one where there is none; raises LakeError for a damaged file."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return Manifest()
    return _parse(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)


@lru_cache(maxsize=8)
def _parse(path: Path, _mtime_ns: int, _size: int, _inode: int) -> Manifest:
    try:
        listed: dict[str, list[dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
        instruments = [Instrument(**row) for row in listed["instruments"]]
        return Manifest(
            tuple(_partition(row) for row in listed["partitions"]),
            tuple(_source(row) for row in listed["sources"]),
            {instrument.root: instrument for instrument in instruments},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"{path}: expected a manifest of this lake, found a damaged file ({type(error).__name__}); {RESTORE}"
        ) from error


def _source(row: dict[str, Any]) -> SourceFile:
    return SourceFile(**{**row, "contracts": tuple(row["contracts"]), "price_basis": tuple(row["price_basis"])})


def _partition(row: dict[str, Any]) -> Partition:
    gaps = tuple(Gap(**gap) for gap in row["gaps"])
    return Partition(**{**row, "gaps": gaps, "provenance": Provenance(**row["provenance"])})
