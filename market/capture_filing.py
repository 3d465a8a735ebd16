"""From a capture part to the lake: the same events, in the same order, with both their times.

A part is recorded or downloaded. A downloaded one has no receive time of ours, and the lake says so. A session has one
origin: orders of arrival of two recorders cannot be merged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from market.capture import Capture, read_capture
from market.completeness import missing_numbers, proved_silent
from market.errors import DataError, FileRefused
from market.gaps import edge_gaps, event_gaps, session_context
from market.importer import ImportResult
from market.lake import EVENT_KINDS, Lake
from market.lake_commit import sha256_of
from market.lake_manifest import Gap, Partition, Provenance, SourceFile, SourceKey
from market.stream import with_clock
from market.types import Kind
from market.wording import count_of


@dataclass(frozen=True)
class Origin:
    """How a part came about, as the lake tells it.

    Parameters
    ----------
    format : str
        With a version behind it what the provenance names as importer.
    clock : str
        What its times are.
    """

    format: str
    clock: str

    @property
    def importer(self) -> str:
        """What the provenance names."""
        return f"{self.format}/{_VERSION}"


_VERSION = 1
RECORDED = Origin("capture", "nanoseconds UTC: the exchange's time as the vendor tells it, and our own on receipt")
DOWNLOADED = Origin(
    "vendor_history",
    "nanoseconds UTC: the exchange's time to the millisecond as the vendor tells it afterwards; no receive time, the "
    "exchange's stands in its place",
)
_KINDS = {
    "trades": (Kind.TRADE, Kind.EDIT),
    "quotes": (Kind.QUOTE_SIDE, Kind.STATE, Kind.GAP),
    "book": (Kind.LEVEL_SET, Kind.LEVEL_DELETE, Kind.BOOK_CLEAR),
}


def file_capture(lake: Lake, path: Path, origin: Origin = RECORDED) -> ImportResult:
    """File a part in the lake, all or nothing; filing it again changes nothing.

    Raises
    ------
    FileRefused
        Where the part is empty, does not replay as it was decided on, or the lake holds the session otherwise or from
        another origin.
    DataError
        Where the part is damaged.
    UnknownSymbol
        Where no instrument answers to its contract.
    """
    part = read_capture(path)
    _refuse_unlike_its_replay(lake, path, part)
    _refuse_beside_another(lake, path, part, origin)
    key = SourceKey(sha256_of(path.read_bytes()), path.name, origin.format, "", "")
    entry = SourceFile(
        *key[:4], int(part.received.size), 0, (part.head.contract,), 1, ("raw",), _told(part, origin), key.session
    )
    added = lake.commit(_writes(lake, part, key, origin), lambda: entry, str(path))
    return ImportResult(
        path=str(path),
        status="imported" if added else "unchanged",
        format=origin.format,
        rows=entry.rows,
        rejected=0,
        reason=entry.reason,
        contracts=entry.contracts,
        sessions=1,
        clock=origin.clock,
        price_basis=entry.price_basis,
    )


def refuse_other_events(lake: Lake, path: Path) -> None:
    """Raise DataError where the lake does not hold a part's events to the bit: then the part has to be kept."""
    part = read_capture(path)
    held = lake.read_events(part.head.contract, part.head.day)
    if held.tobytes() != part.received.tobytes():
        raise DataError(
            f"{path}: expected the lake to hold its {part.received.size} events to the bit, found {held.size} others; "
            "the part is kept: see `pregao lake ls` for where the session came from"
        )


def _refuse_unlike_its_replay(lake: Lake, path: Path, part: Capture) -> None:
    """Refuse a part that is no session, or whose decision clock a replay of its events would not give."""
    received, head = part.received, part.head
    if not received.size:
        raise FileRefused(str(path), "events of a session", "none", "delete it")
    if (np.diff(received["sequence"]) <= 0).any():
        raise FileRefused(str(path), "events in the order of their sequence", "another order", "keep it for inquiry")
    clocks = part.events[part.events["kind"] == Kind.CLOCK]
    if not head.bar_ns or not clocks.size:
        return
    # The runner may have begun after the open or ended before the close: its clock is then a part of the replay's.
    replayed = with_clock(received, lake.instruments.session(head.contract, head.day), head.bar_ns)
    lasted = replayed["ts_event_ns"] >= clocks["ts_event_ns"][0]
    lasted &= (replayed["kind"] != Kind.CLOCK) | (replayed["ts_event_ns"] <= clocks["ts_event_ns"][-1])
    expected = replayed[lasted | (replayed["kind"] != Kind.CLOCK)]
    if expected.tobytes() != part.events.tobytes():
        raise FileRefused(
            str(path),
            "a decision clock that stands where a replay of the events puts it",
            "another",
            "the session was not decided as a replay would decide it: keep the part and report it",
        )


def _refuse_beside_another(lake: Lake, path: Path, part: Capture, origin: Origin) -> None:
    """Refuse a part of a session that the lake holds from elsewhere: the sequences of the two would be mixed."""
    day = part.head.day.isoformat()
    for held in lake.partitions(None, part.head.contract):
        made = held.provenance
        if held.kind in EVENT_KINDS and held.session == day and made.importer != origin.importer:
            raise FileRefused(
                str(path),
                f"a session of which the lake holds nothing, or what is {origin.importer} too",
                f"its {held.kind} from {made.source} ({made.importer})",
                "the lake is left as it is, for the orders of two records cannot be merged",
            )


def _told(part: Capture, origin: Origin) -> str:
    """Return what there is to say of a part."""
    gaps = part.events[part.events["kind"] == Kind.GAP]
    told = [f"{count_of(gaps.size, 'gap')} noted by the recorder"] if gaps.size else []
    if dropped := int(gaps["quantity"].sum()):
        told.append(f"{count_of(dropped, 'event')} dropped")
    trades = part.events[part.events["kind"] == Kind.TRADE]
    if origin is DOWNLOADED and (missing := int(missing_numbers(trades).sum())):
        told.append(f"{count_of(missing, 'trade number')} missing")
    if part.torn_bytes:
        told.append(f"{count_of(part.torn_bytes, 'byte')} of an unfinished block left out")
    return "; ".join(told)


def _writes(lake: Lake, part: Capture, key: SourceKey, origin: Origin) -> Iterator[tuple[Partition, np.ndarray]]:
    head, received = part.head, part.received
    context = session_context(lake.instruments, head.contract, head.day, 0, begins_export=True, ends_export=True)
    made = Provenance(key.name, key.sha256, origin.importer, head.synthetic, "raw")
    traded = bool((received["kind"] == Kind.TRADE).any())
    span = int(received["ts_event_ns"].min()), int(received["ts_event_ns"].max())
    gaps: tuple[Gap, ...] = event_gaps(received, context) if traded else edge_gaps(*span, context)
    if origin is DOWNLOADED:  # of what was recorded quotes may be lost where no trade was
        gaps = proved_silent(gaps, received[received["kind"] == Kind.TRADE])
    for kind, kinds in _KINDS.items():
        records = received[np.isin(received["kind"], kinds)]
        if records.size:
            yield lake.draft(kind, head.contract, head.day, made, gaps=gaps), records
