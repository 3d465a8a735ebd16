"""From a capture part to the lake: the same events, in the same order, with both their times."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from market.capture import Capture, read_capture
from market.errors import DataError, FileRefused
from market.gaps import edge_gaps, event_gaps, session_context
from market.importer import ImportResult
from market.lake import Lake
from market.lake_commit import sha256_of
from market.lake_manifest import Gap, Partition, Provenance, SourceFile, SourceKey
from market.stream import with_clock
from market.types import Kind
from market.wording import count_of

FORMAT = "capture"
CLOCK = "nanoseconds UTC: the exchange's time as the vendor tells it, and our own on receipt"
_VERSION = 1
_KINDS = {
    "trades": (Kind.TRADE, Kind.EDIT),
    "quotes": (Kind.QUOTE_SIDE, Kind.STATE, Kind.GAP),
    "book": (Kind.LEVEL_SET, Kind.LEVEL_DELETE, Kind.BOOK_CLEAR),
}


def file_capture(lake: Lake, path: Path) -> ImportResult:
    """File a part in the lake, all or nothing; filing it again changes nothing.

    Raises
    ------
    FileRefused
        Where the part is empty, does not replay as it was decided on, or the lake holds the session otherwise.
    DataError
        Where the part is damaged.
    UnknownSymbol
        Where no instrument answers to its contract.
    """
    part = read_capture(path)
    _refuse_unlike_its_replay(lake, path, part)
    key = SourceKey(sha256_of(path.read_bytes()), path.name, FORMAT, "", "")
    entry = SourceFile(
        *key[:4], int(part.received.size), 0, (part.head.contract,), 1, ("raw",), _told(part), key.session
    )
    added = lake.commit(_writes(lake, part, key), lambda: entry, str(path))
    return ImportResult(
        path=str(path),
        status="imported" if added else "unchanged",
        format=FORMAT,
        rows=entry.rows,
        rejected=0,
        reason=entry.reason,
        contracts=entry.contracts,
        sessions=1,
        clock=CLOCK,
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


def _told(part: Capture) -> str:
    """Return what there is to say of a part."""
    gaps = part.events[part.events["kind"] == Kind.GAP]
    told = [f"{count_of(gaps.size, 'gap')} noted by the recorder"] if gaps.size else []
    if dropped := int(gaps["quantity"].sum()):
        told.append(f"{count_of(dropped, 'event')} dropped")
    if part.torn_bytes:
        told.append(f"{count_of(part.torn_bytes, 'byte')} of an unfinished block left out")
    return "; ".join(told)


def _writes(lake: Lake, part: Capture, key: SourceKey) -> Iterator[tuple[Partition, np.ndarray]]:
    head, received = part.head, part.received
    context = session_context(lake.instruments, head.contract, head.day, 0, begins_export=True, ends_export=True)
    origin = Provenance(key.name, key.sha256, f"{FORMAT}/{_VERSION}", head.synthetic, "raw")
    traded = bool((received["kind"] == Kind.TRADE).any())
    span = int(received["ts_event_ns"].min()), int(received["ts_event_ns"].max())
    gaps: tuple[Gap, ...] = event_gaps(received, context) if traded else edge_gaps(*span, context)
    for kind, kinds in _KINDS.items():
        records = received[np.isin(received["kind"], kinds)]
        if records.size:
            yield lake.draft(kind, head.contract, head.day, origin, gaps=gaps), records
