"""Rows that fuzzing found to be taken wrongly, or to end the import in another error than a refusal; one test each."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from market.errors import DataError, FileRefused, UnknownSymbol
from market.importer import ImportResult, import_file
from market.lake import Lake
from market.readers import b3_trades
from market.readers.cells import LARGEST_NUMBER, NO_DAY, NS_PER_DAY, to_days, to_numbers
from market.readers.true_prices import recover
from tests.market.importer_samples import (
    ORDERS,
    SAMPLES,
    TRADES,
    Cells,
    lake_in,
    minutes,
    sheet_xml,
    text,
    workbook_parts,
    zipped,
)

Import = Callable[..., ImportResult]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return lake_in(tmp_path / "lake")


@pytest.fixture
def imported(lake: Lake, tmp_path: Path) -> Import:
    """Import the sample of a format after some bytes in it were replaced, once each."""

    def run(format_: str, *changes: tuple[str, str], named: str | None = None, **options: Any) -> ImportResult:
        sample = SAMPLES[format_]
        encoding = "utf-16" if sample.data.startswith(b"\xff\xfe") else "latin-1"
        told = sample.data.decode(encoding)
        for old, new in changes:
            assert old in told
            told = told.replace(old, new, 1)
        (tmp_path / (named or sample.name)).write_bytes(told.encode(encoding))
        return import_file(lake, tmp_path / (named or sample.name), **{"day": sample.day, **options})

    return run


def set_aside(lake: Lake) -> list[str]:
    """Return the reasons in the quarantine."""
    text = next((lake.folder / "quarantine").iterdir()).read_text(encoding="utf-8")
    return [line.split(",")[1] for line in text.splitlines()[1:]]


@pytest.mark.parametrize(
    ("format_", "old", "new"),
    [
        ("mt5_ticks", "<ASK>", "<BID>"),
        ("mt5_bars", "<HIGH>", "<OPEN>"),
        ("b3_trades", "AcaoAtualizacao", "PrecoNegocio"),
        ("book_sample", "bid_price_2", "bid_price_1"),
        ("joined_bars", "high_win", "open_win"),
    ],
)
def test_refuses_a_column_named_twice(imported: Import, format_: str, old: str, new: str) -> None:
    with pytest.raises(FileRefused, match=r"line 1: expected every column once, found .* twice|without|named"):
        imported(format_, (old, new))


def test_refuses_a_column_twice_though_none_is_missing(imported: Import) -> None:
    with pytest.raises(FileRefused, match="line 1: expected every column once, found 'SPREAD' twice"):
        imported("mt5_bars", ("<SPREAD>", "<SPREAD>\t<SPREAD>"))


def test_refuses_a_file_that_is_named_mt5_bars_and_has_no_heading_of_them(imported: Import) -> None:
    with pytest.raises(FileRefused, match="without DATE OPEN HIGH LOW CLOSE TICKVOL VOL"):
        imported("mt5_rates", format="mt5_bars")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("timestamp", "moment", "no column timestamp"),
        ("bid_price_1", "bid", "no column bid_price_1"),
        ("spread", "bid_price_900000000", "expected at most 255 levels a side, found level 900000000"),
    ],
)
def test_refuses_a_heading_that_is_no_book(imported: Import, old: str, new: str, found: str) -> None:
    """A level's number alone made a list of that many columns."""
    with pytest.raises(FileRefused, match=found):
        imported("book_sample", (old, new), format="book_sample")


def test_a_symbol_without_a_usable_poll_has_no_session(imported: Import, lake: Lake) -> None:
    row = "2025-08-11 10:00:00.000000,5471.0"
    result = imported("book_sample", (row, row.replace("10:00", "03:00")), ("WDOV25", "WINV25"))
    assert (result.rejected, result.contracts) == (1, ("WDOV25", "WDOU25"))


def test_a_series_without_a_sound_bar_has_no_session(lake: Lake, tmp_path: Path) -> None:
    """Where one series has enough sound bars for both, the other may have none."""
    rows = [SAMPLES["joined_bars"].data.decode().split("\n")[0]]
    for day in (1, 2, 3):
        for at in minutes(80, datetime(2020, 4, day, 10), 5):
            dollar = "0.0,0.0,0.0,0.0,30,401" if len(rows) in (7, 8) else ",,,,,"
            rows.append(f"{at:%Y-%m-%d %H:%M:%S},71000.0,71010.0,70990.0,71005.0,50,500,{dollar}")
    (tmp_path / "joined.csv").write_bytes(text(rows))
    result = import_file(lake, tmp_path / "joined.csv")
    assert (result.rows, result.rejected, result.contracts) == (240, 2, ("WIN",))


@pytest.mark.parametrize("price", ["0.00001", "0.1"])
def test_a_price_that_rounds_to_nothing_is_none(imported: Import, lake: Lake, price: str) -> None:
    imported("mt5_bars", ("5250.0\t5252.0\t5250.0\t5251.0", f"{price}\t5252.0\t{price}\t5251.0"))
    assert set_aside(lake) == ["a price of zero or below"]


@pytest.mark.parametrize(
    ("format_", "old", "new"),
    [
        ("mt5_ticks", "\t5256.0\t5.00", "\t0.00001\t5.00"),
        ("b3_trades", ";5461,500;4;", ";0,00001;4;"),
        ("profit_trades", ";5.159,50;", ";0,00001;"),
    ],
)
def test_a_trade_at_a_price_that_rounds_to_nothing_is_none(
    imported: Import, lake: Lake, format_: str, old: str, new: str
) -> None:
    imported(format_, (old, new))
    assert set_aside(lake) == ["a price off the tick grid"]


def test_a_level_that_rounds_to_no_price_is_none(imported: Import, lake: Lake) -> None:
    imported("book_sample", (",5471.0,", ",0.00001,"))
    assert set_aside(lake) == ['"a price without a volume']  # up to its comma


@pytest.mark.parametrize("cell", ["3e9", "1e400", "inf"])
def test_a_number_of_trades_beyond_32_bits_is_none(imported: Import, lake: Lake, cell: str) -> None:
    """It was stored as a number below zero."""
    imported("mt5_bars", ("\t10\t101\t", f"\t{cell}\t101\t"))
    assert set_aside(lake) == ["a volume beyond any market"]


def test_a_turnover_beyond_64_bits_is_none(imported: Import, lake: Lake) -> None:
    imported("profit_bars", ("210.040,00", "9" * 30))
    assert set_aside(lake) == ["a volume beyond any market"]


def test_a_cell_of_a_tick_that_is_no_number_is_not_taken_as_unchanged(imported: Import, lake: Lake) -> None:
    imported("mt5_ticks", ("\t5255.0\t5257.0", "\t52S5.0\t5257.0"))
    assert set_aside(lake) == ["a cell that is not a number"]


@pytest.mark.parametrize("text", ["2604.10.18", "1435.09.16", "9999.12.31", "0001.01.01"])
def test_a_date_of_another_age_is_no_day(text: str) -> None:
    """2^64 ns are 584 years, so 2604-10-18 at 08:34 was taken as 2020-04-02 at 09:00."""
    assert to_days(pa.array([text]), "%Y.%m.%d").tolist() == [NO_DAY]


def test_numbers_are_cut_to_what_every_screen_sets_aside() -> None:
    numbers = to_numbers(pa.array(["1e400", "-inf", None, "1.5"]))
    np.testing.assert_array_equal(numbers, [LARGEST_NUMBER, -LARGEST_NUMBER, np.nan, 1.5])
    np.testing.assert_array_equal(to_numbers(pa.array(["-1e400", "x"])), [-LARGEST_NUMBER, np.nan])


@pytest.mark.parametrize("symbol", ["WDOF28", "WINZ27"])
def test_an_expiry_beyond_the_calendar_names_the_file(imported: Import, symbol: str) -> None:
    changes = [("2020.04.02", "2027.04.05")] * 90 + [("2020.04.03", "2027.04.06")] * 30
    if symbol == "WINZ27":
        assert imported("mt5_bars", *changes, named="WDOZ27.csv").contracts == ("WDOZ27",)
        return
    with pytest.raises(DataError, match=r"WDOF28\.csv: 2028-01-01"):
        imported("mt5_bars", *changes, named="WDOF28.csv")


def test_refuses_rows_that_say_nothing(imported: Import, lake: Lake, tmp_path: Path) -> None:
    rows = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\n2020.04.02\t09:00:00.000\t0.0\t0.0\t0.0\t0.0\n"
    (tmp_path / "DOLK20.csv").write_text(rows)
    with pytest.raises(FileRefused, match=r"DOLK20\.csv: expected bars, trades or quotes, found none in its rows"):
        import_file(lake, tmp_path / "DOLK20.csv")


def test_a_long_symbol_is_quoted_short(imported: Import) -> None:
    with pytest.raises(UnknownSymbol) as caught:
        imported("book_sample", ("WDOU25", "W" * 5_000))
    assert len(str(caught.value)) < 600


def message(**data: object) -> str:
    at = 1_723_161_630_000
    told: Mapping[str, object] = {"s": "BTCUSDT", "T": at, "E": at, "X": "MARKET", "m": True, "p": "61800.3", "q": "1"}
    return f"{at * 1_000_000} " + json.dumps({"stream": "btcusdt@trade", "data": {**told, **data}})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (message(t=2**63), "a field 't' that is not a whole number"),
        ("9999999999999999999 {}", "no receive time in nanoseconds"),
        ("1723161630000000000 " + "[" * 100_000, "a message of another shape"),
    ],
    ids=["number beyond 64 bits", "time beyond 64 bits", "deep"],
)
def test_a_message_no_recorder_wrote_is_set_aside(imported: Import, lake: Lake, line: str, reason: str) -> None:
    last = SAMPLES["binance_stream"].data.decode().split("\n")[-2]
    imported("binance_stream", (last, f"{line}\n{last}"))
    assert set_aside(lake) == [reason]


def test_a_message_of_an_earlier_session_is_not_filed_in_a_later_one(imported: Import, lake: Lake) -> None:
    lines = SAMPLES["binance_stream"].data.decode().split("\n")
    imported("binance_stream", (lines[5] + "\n", ""), (lines[-2], f"{lines[-2]}\n{lines[5]}"))
    assert set_aside(lake) == ["a receive time in a session before that of the line above"]


def test_a_stream_that_cannot_be_shown_is_named_in_escapes(imported: Import) -> None:
    result = imported("binance_stream", ("btcusdt@bookTicker", "btcusdt@\\ud800\\n"))
    assert r"1 row of stream btcusdt@\ud800\n left out" in result.reason


def test_a_factor_too_uncertain_to_scan_is_not_told() -> None:
    """One absurd turnover made the scan ask for petabytes."""
    prices = np.full((4, 40), 5000.25)
    average = np.where(np.arange(40) % 2, 1e15, 1.0)
    days = np.repeat([18_354, 18_355], 20)
    told, sure = recover(prices, average, np.full(40, 100.0), days, 0.5)
    assert not sure.any()
    np.testing.assert_array_equal(told, prices)


def test_spans_of_a_day_reach_over_all_its_rows() -> None:
    spans = {2: (50, 60)}
    day, wall = np.array([2, 1, 2, NO_DAY, 1]), np.array([40, 7, 55, 3, 9])
    b3_trades._widen(spans, day, wall)
    assert spans == {1: (7, 9), 2: (40, 60)}
    assert max(last for _, last in spans.values()) < NS_PER_DAY


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        (b"<worksheet><sheetData><row r='1'><c r='A1'", "a sheet ofertas that can be read"),
        (b"2027.12.31", "a sheet ofertas that can be read"),
        (b"<worksheet><row>" + b"<c><v>1</v></c>" * 27 + b"</row>", "cells up to column Z and line 99,999"),
        (b"<worksheet>" + b"<row/>" * 100_000, "cells up to column Z and line 99,999"),
        (b"<worksheet><x:row>" + b"<x:c/>" * 27, "cells up to column Z and line 99,999"),
    ],
    ids=["cut", "no sheet", "27 cells", "100,000 lines", "27 cells in a name space"],
)
def test_refuses_a_sheet_that_cannot_be_held(lake: Lake, tmp_path: Path, inside: bytes, found: str) -> None:
    """Cells that tell no place follow one another to any width, and the rectangle they span is held whole."""
    (tmp_path / "tape.xlsx").write_bytes(zipped({**workbook_parts(), "xl/worksheets/sheet1.xml": inside}))
    with pytest.raises(FileRefused, match=found):
        import_file(lake, tmp_path / "tape.xlsx", day=SAMPLES["times_trades_workbook"].day)


def test_refuses_texts_that_grow_in_memory(lake: Lake, tmp_path: Path) -> None:
    """A shared text is held once for every cell that shows it."""
    shared = b"<sst><si><t>" + b"x" * (8 << 20) + b"</t></si></sst>"
    (tmp_path / "tape.xlsx").write_bytes(zipped({**workbook_parts(), "xl/sharedStrings.xml": shared}))
    with pytest.raises(FileRefused, match="expected cells whose texts take at most 268,435,456 bytes"):
        import_file(lake, tmp_path / "tape.xlsx", day=SAMPLES["times_trades_workbook"].day)


def test_a_book_ends_before_the_level_that_means_by_price(lake: Lake, tmp_path: Path) -> None:
    deep: Cells = [*ORDERS[:2], *[["BTG", 1, 140_030 - 5 * k, 140_040 + 5 * k, 1, "UBS"] for k in range(300)]]
    (tmp_path / "tape.xlsx").write_bytes(zipped(workbook_parts(deep, TRADES)))
    import_file(lake, tmp_path / "tape.xlsx", day=SAMPLES["times_trades_workbook"].day)
    book = lake.read(lake.partitions("book")[0])
    assert (book.size, book["level"].max()) == (510, 254)
    assert sheet_xml(deep).count("<row") == 302


@pytest.mark.parametrize("place", [30, -22, -10, -6])
def test_refuses_a_zip_with_a_broken_part(lake: Lake, tmp_path: Path, place: int) -> None:
    """Where a directory points outside the file, the standard library raises OSError or ValueError."""
    data = bytearray(zipped({"WDOK20.csv": SAMPLES["mt5_bars"].data}))
    data[place : place + 4 or None] = b"\xff\xff\xff\xff"
    (tmp_path / "WDOK20.zip").write_bytes(data)
    with pytest.raises(FileRefused, match=r"WDOK20\.zip"):
        import_file(lake, tmp_path / "WDOK20.zip")
