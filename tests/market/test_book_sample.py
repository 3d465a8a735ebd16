"""Polled books, written by hand, against the events they say."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from market.book import COUNTS, apply_all, best, new_book
from market.errors import FileRefused
from market.importer import ImportResult, import_file
from market.lake import Lake
from market.lake_manifest import Cause
from market.readers import book_sample
from market.readers.intake import Intake, Request
from market.readers.source import Block, Source, open_source
from market.types import Kind

WriteFile = Callable[..., Path]
Levels = list[tuple[float, int]]
DAY = date(2025, 8, 11)
OPEN_NS = 1_754_913_600 * 1_000_000_000  # 09:00 in São Paulo
HEADER = (
    "timestamp,"
    + ",".join(f"{side}_{what}_{k}" for side in ("bid", "ask") for k in (1, 2, 3) for what in ("price", "vol"))
    + ",spread,symbol"
)


def poll(clock: str, bids: Levels, asks: Levels, symbol: str = "WDOU25", day: str = "2025-08-11") -> str:
    cells = [f"{price},{lots}" for side in (bids, asks) for price, lots in [*side, *[(0, 0)] * (3 - len(side))]]
    return ",".join([f"{day} {clock}", *cells, "0.5", symbol])


@pytest.fixture
def imported(lake: Lake, write: WriteFile) -> Callable[..., ImportResult]:
    def run(*rows: str) -> ImportResult:
        return import_file(lake, write("book.csv", [HEADER, *rows], end="\n"))

    return run


def told(records: np.ndarray) -> list[tuple[str, int, int, int, int]]:
    return [
        (Kind(int(e["kind"])).name, int(e["side"]), int(e["level"]), int(e["price"]), int(e["quantity"]))
        for e in records
    ]


def test_a_side_is_told_only_when_it_changes(lake: Lake, imported: Callable[..., ImportResult]) -> None:
    result = imported(
        poll("10:00:00.000001", [(5471.0, 404)], [(5471.5, 86)]),
        poll("10:00:00.050000", [(5471.0, 404)], [(5471.5, 86)]),
        poll("10:00:00.100000", [(5471.0, 404)], [(5471.5, 20)]),
        poll("10:00:00", [(5471.0, 404)], [(5471.5, 20)]),
        *[poll(f"10:00:00.{200 + k}", [(5470.5, 9)], [(5471.5, 20)]) for k in range(100)],
    )
    assert (result.format, result.rows, result.rejected) == ("book_sample", 103, 1)
    assert "100 of 103 rows repeat" in result.reason
    assert "1 row a time before that of the row above" in result.reason
    records = lake.read_events("WDOU25", DAY)
    assert told(records) == [
        ("QUOTE_SIDE", 1, 0, 10_942, 404),
        ("QUOTE_SIDE", -1, 0, 10_943, 86),
        ("QUOTE_SIDE", -1, 0, 10_943, 20),
        ("QUOTE_SIDE", 1, 0, 10_941, 9),
    ]
    assert list(records["sequence"]) == [0, 1, 2, 3]
    assert records["ts_event_ns"][0] == OPEN_NS + 3_600_000_001_000
    assert [p.kind for p in lake.partitions()] == ["quotes"]


def test_locked_and_crossed_rows_are_kept_and_counted(lake: Lake, imported: Callable[..., ImportResult]) -> None:
    result = imported(
        poll("10:00:00.1", [(5471.0, 4)], [(5471.0, 8)]),
        poll("10:00:00.2", [(5471.0, 4)], [(5471.0, 8)]),
        poll("10:00:00.3", [(5471.5, 4)], [(5471.0, 8)]),
    )
    assert "2 rows are locked (bid = ask) and kept" in result.reason
    assert "1 row is crossed (bid > ask) and kept" in result.reason
    assert len(lake.read_events("WDOU25", DAY)) == 3


def test_a_side_may_empty(lake: Lake, imported: Callable[..., ImportResult]) -> None:
    imported(poll("10:00:00.1", [(5471.0, 4)], [(5471.5, 8)]), poll("10:00:00.2", [(5471.0, 4)], []))
    assert told(lake.read_events("WDOU25", DAY))[-1] == ("QUOTE_SIDE", -1, 0, 0, 0)


def test_deeper_levels_make_a_book_beside_the_quotes(lake: Lake, imported: Callable[..., ImportResult]) -> None:
    imported(
        poll("10:00:00.1", [(5471.0, 4), (5470.5, 5), (5470.0, 6)], [(5471.5, 8)]),
        poll("10:00:00.2", [(5470.5, 5)], [(5471.5, 8), (5472.0, 1)]),
    )
    assert {p.kind: p.rows for p in lake.partitions()} == {"quotes": 3, "book": 8}
    records = lake.read_events("WDOU25", DAY)
    assert told(records)[5:] == [
        ("LEVEL_SET", -1, 0, 10_943, 8),
        ("LEVEL_DELETE", 1, 2, 0, 0),
        ("LEVEL_DELETE", 1, 1, 0, 0),
        ("QUOTE_SIDE", 1, 0, 10_941, 5),
        ("LEVEL_SET", 1, 0, 10_941, 5),
        ("LEVEL_SET", -1, 1, 10_944, 1),
    ]
    book = new_book(8)
    apply_all(book, records)
    assert (best(book, 1), best(book, -1)) == ((10_941, 5), (10_943, 8))
    assert list(book.header[COUNTS : COUNTS + 2]) == [1, 2]


def test_a_stopped_recorder_is_a_gap_and_the_book_is_told_anew(
    lake: Lake, imported: Callable[..., ImportResult]
) -> None:
    imported(poll("10:00:00.0", [(5471.0, 4)], [(5471.5, 8)]), poll("10:00:02.5", [(5471.0, 4)], [(5471.5, 8)]))
    assert [row[0] for row in told(lake.read_events("WDOU25", DAY))] == [
        *["QUOTE_SIDE"] * 2, "GAP", *["QUOTE_SIDE"] * 2,
    ]  # fmt: skip
    losses = [gap for gap in lake.partitions()[0].gaps if gap.cause == Cause.FEED_LOSS]
    assert [(gap.first_ns - OPEN_NS, gap.last_ns - OPEN_NS) for gap in losses] == [(3600 * 10**9, 3602_500_000_000)]


@dataclass(frozen=True)
class CutSource(Source):
    """A file that comes in blocks of five lines."""

    def blocks(self) -> Iterator[Block]:
        for block in super().blocks():
            lines = block.text.splitlines(keepends=True)
            for k in range(0, len(lines), 5):
                yield Block(b"".join(lines[k : k + 5]), block.first_line + k)


def test_sessions_and_symbols_stand_alone_wherever_blocks_end(lake: Lake, write: WriteFile) -> None:
    rows = []
    for day in ("2025-08-11", "2025-08-12"):
        for k in range(6):
            rows.append(poll(f"10:00:00.{k}", [(5471.0, 1 + k // 3)], [(5471.5, 8)], "WDOU25", day))
            rows.append(poll(f"10:00:00.{k}", [(5491.0, 7)], [(5491.5, 8)], "WDOV25", day))
    whole = open_source(write("book.csv", [HEADER, *rows], end="\n"))
    source = CutSource(whole.path, whole.size, whole.modified_ns, whole.head, whole.workbook)
    intake = Intake(source, "book_sample")
    lake.commit(book_sample.read(source, Request(lake), intake))
    assert (intake.rows, intake.rejects) == (24, [])
    assert {(p.contract, p.session): p.rows for p in lake.partitions()} == {
        ("WDOU25", "2025-08-11"): 3,
        ("WDOU25", "2025-08-12"): 3,
        ("WDOV25", "2025-08-11"): 2,
        ("WDOV25", "2025-08-12"): 2,
    }


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (poll("10:00:01", [(5471.3, 4)], [(5471.5, 8)]), "a price off the tick grid"),
        (poll("10:00:01", [(5471.0, 0)], [(5471.5, 8)]), "a price without a volume"),
        (poll("10:00:01", [(-1.0, 4)], [(5471.5, 8)]), "a price or volume below zero"),
        (poll("25:00:01", [(5471.0, 4)], [(5471.5, 8)]), "a date or time that cannot be read"),
        (poll("22:00:01", [(5471.0, 4)], [(5471.5, 8)]), "outside the session's hours"),
        (poll("10:00:01", [(5471.0, 4)], [(5471.5, 8)], day="2025-08-10"), "not a session of the exchange"),
        (poll("10:00:01", [(5471.0, 4)], [(5471.5, 8)]).replace("5471.5", ""), "a cell that is empty or not a number"),
        (poll("10:00:01", [(5471.0, 4)], [(5471.5, 8)], symbol=""), "a row without a symbol"),
        ("2025-08-11 10:00:01,5471.0", "another number of columns"),
    ],
)
def test_sets_aside_what_no_book_can_say(
    lake: Lake, imported: Callable[..., ImportResult], bad: str, reason: str
) -> None:
    good = [poll(f"10:00:00.{k:03}", [(5471.0, 4)], [(5471.5, 8)]) for k in range(100)]
    result = imported(*good, bad, poll("10:00:01.5", [(5471.0, 4)], [(5471.5, 8)]))
    assert (result.rows, result.rejected) == (101, 1)
    assert reason in result.reason


def test_refuses_levels_without_their_volumes(lake: Lake, write: WriteFile) -> None:
    path = write("book.csv", [HEADER.replace("ask_vol_3", "note"), poll("10:00:00", [(5471.0, 4)], [])], end="\n")
    with pytest.raises(FileRefused, match="no column ask_vol_3"):
        import_file(lake, path)


def test_a_file_without_symbols_goes_by_its_name_or_the_users(lake: Lake, write: WriteFile) -> None:
    row = poll("10:00:00", [(5471.0, 4)], [(5471.5, 8)]).removesuffix(",WDOU25")
    path = write("WDOU25_book.csv", [HEADER.removesuffix(",symbol"), row], end="\n")
    assert import_file(lake, path).contracts == ("WDOU25",)
    assert import_file(lake, path, symbol="wdov25").contracts == ("WDOV25",)


def test_states_its_clock_and_price_basis() -> None:
    assert "wall clock" in book_sample.FORMAT.clock
    assert book_sample.FORMAT.price_basis.startswith("raw")
