"""Files that are not what they should be, large or strange, and the sentence that answers each in time and memory."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from market.errors import PregaoError
from market.importer import FORMATS, import_file
from market.lake_audit import audit
from market.readers.intake import Format
from tests.market.importer_samples import SAMPLES, lake_in, sheet_xml, text, workbook_parts, zipped
from tests.market.importer_samples import mt5_bars as mt5_bar_rows

# One file took 5.9 s and 433 MB on one host, 3.6 s and less than 400 MB on another: a bomb takes many times that.
MOST_MEMORY_KB, LONGEST_S = 512 << 10, 8.0
GIB = 1 << 30

Build = Callable[[Path], None]

# Runs in a process of its own, so that the peak of memory is its own too; that of getrusage begins with its parent's.
_CHILD = """
import json, sys, time
from pathlib import Path
from market.errors import PregaoError
from market.importer import import_file
from tests.market.importer_samples import lake_in
began = time.process_time()
try:
    told = "imported " + import_file(lake_in(Path(sys.argv[2])), sys.argv[1]).reason
except PregaoError as error:
    told = str(error)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps([told, time.process_time() - began, int(status["VmHWM"].split()[0])]))
"""


def answer(path: Path, folder: Path) -> str:
    """Import a file in a process of its own and return what it was told; checks the time and the memory."""
    run = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path), str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    told, seconds, peak_kb = json.loads(run.stdout)
    assert seconds < LONGEST_S
    assert peak_kb < MOST_MEMORY_KB
    assert path.name in told
    assert told.isprintable()
    return str(told)


def sparse(head: bytes = b"") -> Build:
    def build(path: Path) -> None:
        path.write_bytes(head)
        os.truncate(path, 2 * GIB)

    return build


def packed(head: bytes, filler: bytes, size: int) -> Build:
    def build(path: Path) -> None:
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(head)
            for _ in range(size >> 20):
                file.write(filler * ((1 << 20) // len(filler)))

    return build


def content(data: bytes) -> Build:
    return lambda path: path.write_bytes(data) and None


def repeated(head: bytes, filler: bytes, size: int) -> Build:
    def build(path: Path) -> None:
        with path.open("wb") as file:
            file.write(head)
            for _ in range(size >> 20):
                file.write(filler * ((1 << 20) // len(filler)))

    return build


def bomb_of_cells(count: int) -> bytes:
    """Return a workbook in which a row of cells without a place is followed by as many rows."""
    cells, rows = "<c><v>1</v></c>" * count, "<row><c><v>1</v></c></row>" * count
    sheet = sheet_xml([]).replace("<sheetData>", f"<sheetData><row>{cells}</row>{rows}")
    return zipped({**workbook_parts(), "xl/worksheets/sheet1.xml": sheet.encode()})


HEAD = SAMPLES["mt5_bars"].data
TICKS = SAMPLES["mt5_ticks"].data
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
LONG_HEAD = text([mt5_bar_rows()[0], *mt5_bar_rows()[1:] * 20])  # beyond what is looked at first


@on_linux
@pytest.mark.parametrize(
    ("name", "build", "found"),
    [
        ("WDO.csv", content(b""), "an empty file"),
        ("WDO.csv", sparse(), "bytes that are none (NUL)"),
        ("WDOK20.csv", sparse(HEAD), "bytes that are none (NUL)"),
        ("WDOK20.csv", sparse(LONG_HEAD), "bytes that are none (NUL)"),
        ("WDOK20.csv", sparse(HEAD.decode().encode("utf-16")), "bytes that are none (NUL)"),
        ("WDOK20.csv", sparse(LONG_HEAD.decode().encode("utf-16")), "bytes that are none (NUL)"),
        ("DOLK20.csv", sparse((TICKS * 20).decode().encode("utf-16")), "bytes that are none (NUL)"),
        ("WDOK20.csv", sparse(b"PK\3\4"), "a zip that can be unpacked"),
        ("WDOK20.csv", sparse(b"\x1f\x8b\x08"), "a file that can be read to its end"),
    ],
    ids=range(9),
)
def test_empty_and_sparse_files(tmp_path: Path, name: str, build: Build, found: str) -> None:
    build(tmp_path / name)
    assert found in answer(tmp_path / name, tmp_path / "lake")


@on_linux
@pytest.mark.parametrize(
    ("name", "build", "found"),
    [
        ("WDO.gz", packed(b"", b"\0", GIB), "bytes that are none (NUL)"),
        ("WDO.gz", packed(b"", b"\n", GIB), "an empty file"),
        ("WDOK20.gz", packed(HEAD, b"\n", GIB), "hardly anything but blank lines"),
        ("WDOK20.gz", packed(HEAD, b"\t" * 8 + b"\n", GIB), "a file of bars of at most"),
        ("DOLK20.gz", packed(TICKS, b"\n", GIB), "hardly anything but blank lines"),
        ("btcusdt.gz", packed(SAMPLES["binance_stream"].data, b"\n", GIB), "hardly anything but blank lines"),
        ("btcusdt.gz", packed(SAMPLES["binance_stream"].data, b"x\n", 64 << 20), "rows unusable"),
        ("DOLK20.gz", packed(TICKS, b"1\t\t\t\t\t\t\n", 64 << 20), "rows unusable"),
        ("WDOK20.csv", repeated(HEAD, b"1\t1\t\t\t\t\t\t\t\n", 100 << 20), "and 3,000,000 rows"),
        ("DOLK20.csv", repeated(TICKS, b"x\n\n", 64 << 20), "rows of another shape among"),
        ("WDO.csv", repeated(b"", b"x", 256 << 20), "one of mt5_ticks"),
        ("DOLK20.csv", repeated(TICKS, b"x", 256 << 20), "none that ends within"),
        ("tape.xlsx", content(zipped({**workbook_parts(), "xl/media/x.bin": bytes(65 << 20)})), "bytes unpacked"),
        ("tape.xlsx", content(bomb_of_cells(500_000)), "cells up to column Z"),
    ],
    ids=range(14),
)
def test_bombs(tmp_path: Path, name: str, build: Build, found: str) -> None:
    build(tmp_path / name)
    assert found in answer(tmp_path / name, tmp_path / "lake")


def told(folder: Path, name: str, data: bytes) -> str:
    """Import a file of these bytes and return the sentence it is refused with; checks that nothing was written."""
    path, lake = folder / name, lake_in(folder / "lake")
    path.write_bytes(data)
    with pytest.raises(PregaoError) as caught:
        import_file(lake, path)
    assert name in str(caught.value)
    assert str(caught.value).isprintable()
    assert audit(lake) == []
    assert lake.partitions() == []
    return str(caught.value)


PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de")
PARQUET = b"PAR1\x15\x04\x15\x00\x15\x02\x00\x00PAR1"


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("WDO.png", PNG, "bytes that are none (NUL)"),
        ("WDO.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< >>\nendobj\n", "a first line '%PDF-1.7'"),
        ("WDO.zip", zipped({"a.csv": HEAD, "b.csv": HEAD}), "found 2 with"),
        ("WDO.zip", zipped({}), "bytes that are none (NUL)"),
        ("WDO.parquet", PARQUET, "bytes that are none (NUL)"),
        ("WDO.py", b'"""A script."""\nimport os\n', "a first line"),
        ("WDO.csv", b"\x1b[2J\x1b[31mred\n", r"'\x1b[2J\x1b[31mred'"),
    ],
)
def test_another_type_of_file(tmp_path: Path, name: str, data: bytes, found: str) -> None:
    assert found in told(tmp_path, name, data)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b"2020.04.0", b"2021.08.0", "up to its last one, 2020-04-30, found one on 2021-08-03"),
        (b"2020.04.0", b"2012.04.0", "beyond the calendar (it covers 2013-01-01 to 2027-12-31)"),
        (b"2020.04.0", b"2604.10.0", "without two times to tell the length from"),
        (b"2020.04.0", b"1120.04.0", "without two times to tell the length from"),
        (b"\t5250.0\t", b"\t5250,0\t", "a cell that is empty or not a number"),
        (b"2020.04.02\t09", b"2018.11.04\t00", "not a session of the exchange"),
        (b"2020.04.02\t09", b"2019.02.16\t23", "not a session of the exchange"),
    ],
)
def test_another_year_another_decimal_sign_and_nights_the_clock_is_changed(
    tmp_path: Path, old: bytes, new: bytes, found: str
) -> None:
    assert found in told(tmp_path, "WDOK20.csv", HEAD.replace(old, new))


@pytest.mark.parametrize("year", [2003, 2031])
def test_years_the_calendar_does_not_cover_are_no_weekends(tmp_path: Path, year: int) -> None:
    """A fortnight, as a recorder on every day of the week writes it: a year without a table has no sessions."""
    days = [date(year, 5, 4) + timedelta(days=k) for k in range(14)]
    head, *session = mt5_bar_rows()
    rows = [head, *(f"{day:%Y.%m.%d}{row[10:]}" for day in days for row in session)]
    said = told(tmp_path, "WDOFUT.csv", text(rows))
    assert "line 2: expected at most 1% of" in said
    assert "beyond the calendar (it covers 2013-01-01 to 2027-12-31)" in said
    assert "weekend" not in said


def test_mixed_symbols(tmp_path: Path) -> None:
    mixed = SAMPLES["profit_bars"].data.replace(b"WDOK20;02/04/2020;09:0", b"WINJ20;02/04/2020;09:0")
    assert "expected one symbol in a file, found 2 (WDOK20, WINJ20)" in told(tmp_path, "x.csv", mixed)


def test_trades_with_three_decimals_are_off_the_grid(tmp_path: Path) -> None:
    ticks = TICKS.replace(b"5256.5\t", b"5256.512\t")
    assert "a price off the tick grid" in told(tmp_path, "DOLK20.csv", ticks)


def test_bars_with_three_decimals_are_restated(tmp_path: Path) -> None:
    (tmp_path / "WDO$.csv").write_bytes(HEAD.replace(b"5250.0\t", b"5250.123\t"))
    assert import_file(lake_in(tmp_path / "lake"), tmp_path / "WDO$.csv").price_basis == ("back_adjusted",)


def test_a_night_the_clock_is_put_back_keeps_one_bar_a_time(tmp_path: Path) -> None:
    """In Helsinki 03:00 to 03:59 came twice on 2019-10-27, a Sunday without sessions; the days around it are whole."""
    rows = [mt5_bar_rows()[0]]
    for day, hours in (("25", range(9, 24)), ("28", range(24))):
        rows += [f"2019.10.{day}\t{hour:02}:00:00\t1.11\t1.12\t1.10\t1.11\t5\t100\t1" for hour in hours]
    (tmp_path / "EURUSD.csv").write_bytes(text(rows))
    lake = lake_in(tmp_path / "lake")
    assert import_file(lake, tmp_path / "EURUSD.csv").rejected == 0
    first = {p.session: p.first_ns % 86_400_000_000_000 // 3_600_000_000_000 for p in lake.partitions()}
    assert first["2019-10-25"] == 6  # 09:00, three hours ahead of UTC; two after the night


@on_linux
@pytest.mark.parametrize("named", FORMATS, ids=lambda one: one.name)
def test_a_pipe_is_refused_at_once(tmp_path: Path, named: Format) -> None:
    os.mkfifo(tmp_path / "WDO.csv")
    with pytest.raises(PregaoError, match=r"WDO\.csv: expected a file, found a pipe or a device"):
        import_file(lake_in(tmp_path / "lake"), tmp_path / "WDO.csv", format=named.name)


@on_linux
def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "dangling.csv").symlink_to(tmp_path / "none.csv")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    lake = lake_in(tmp_path / "lake")
    with pytest.raises(PregaoError, match=r"dangling\.csv: expected a file, found nothing there"):
        import_file(lake, tmp_path / "dangling.csv")
    with pytest.raises(PregaoError, match=r"loop\.csv: expected a file that can be read, found Too many levels"):
        import_file(lake, tmp_path / "loop.csv")
    with pytest.raises(PregaoError, match="found File name too long"):
        import_file(lake, tmp_path / f"{'W' * 300}.csv")


@on_linux
def test_a_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PregaoError, match="/dev/zero: expected a file, found a pipe or a device"):
        import_file(lake_in(tmp_path / "lake"), "/dev/zero")
