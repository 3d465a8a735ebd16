"""What a user may hand the importer, and the one sentence that answers each."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from market.errors import NotAFile, PregaoError, UnknownSymbol, UsageError
from market.importer import import_file
from market.lake import Lake
from market.readers.source import open_source

WriteFile = Callable[..., Path]
Rows = Callable[..., list[str]]
PROFIT = [f"WDOK20;02/04/2020;{hour:02}:00:00;5250,00;5252,50;5250,00;5251,00;210040,00;4" for hour in (12, 11, 10)]


def refused(lake: Lake, path: Path, code: int = 1, **options: str) -> str:
    """Return the sentence of a refusal, having checked that it is one and that nothing was written."""
    before = sorted(lake.folder.rglob("*")) if lake.folder.exists() else []
    with pytest.raises(PregaoError) as caught:
        import_file(lake, path, **options)
    assert caught.value.exit_code == code
    assert (sorted(lake.folder.rglob("*")) if lake.folder.exists() else []) == before
    message = str(caught.value)
    assert path.name in message
    assert "expected" in message
    assert "found" in message
    assert "\n" not in message
    return message


def shifted(rows: list[str], hours: int) -> list[str]:
    out = [rows[0]]
    for row in rows[1:]:
        day, clock, rest = row.split("\t", 2)
        moment = datetime.strptime(f"{day} {clock}", "%Y.%m.%d %H:%M:%S") + timedelta(hours=hours)
        out.append(f"{moment:%Y.%m.%d}\t{moment:%H:%M:%S}\t{rest}")
    return out


def test_refuses_a_missing_file(lake: Lake, tmp_path: Path) -> None:
    assert "nothing there; check the path" in refused(lake, tmp_path / "WDO.csv", 2)


def test_refuses_a_folder(lake: Lake, tmp_path: Path) -> None:
    assert "found a folder" in refused(lake, tmp_path, 2)


@pytest.mark.parametrize("content", [b"", b"\r\n", b"  \n\n"])
def test_refuses_an_empty_file(lake: Lake, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "WDO.csv").write_bytes(content)
    assert "an empty file" in refused(lake, tmp_path / "WDO.csv")


def test_refuses_a_header_without_rows(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    assert "a header and no rows" in refused(lake, write("WDO.csv", mt5_rows(0)))


class Locked(type(Path())):
    """A file that may not be read, also where the tests run as root."""

    def open(self, *_: object, **__: object) -> NoReturn:
        raise PermissionError(13, "Permission denied")


def test_refuses_a_file_that_may_not_be_read(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(NotAFile, match=r"WDO\.csv: expected a file this user may read, found no permission"):
        open_source(Locked(tmp_path / "WDO.csv"))


@pytest.mark.parametrize("mark", [",", ";", " ", "|"])
def test_refuses_mt5_bars_with_another_separator(lake: Lake, write: WriteFile, mt5_rows: Rows, mark: str) -> None:
    message = refused(lake, write("WDOK20.csv", [row.replace("\t", mark) for row in mt5_rows()]))
    assert f"line 1: expected a tab between the columns of an MT5 export, found {mark!r}" in message


@pytest.mark.parametrize("mark", [",", "\t", "|"])
def test_refuses_profit_bars_with_another_separator(lake: Lake, write: WriteFile, mark: str) -> None:
    message = refused(lake, write("x.csv", [row.replace(";", mark) for row in PROFIT]))
    assert "line 1: expected" in message
    assert repr(mark) in message


def test_refuses_rows_that_do_not_follow_their_header(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    rows = mt5_rows()
    message = refused(lake, write("WDOK20.csv", [rows[0], *(row.replace("\t", ";") for row in rows[1:])]))
    assert "expected rows of 9 columns" in message
    assert "540 rows of another shape" in message


@pytest.mark.parametrize("keep", [-1, -2, -3, -5, -20, -40])
def test_refuses_a_file_cut_anywhere_in_its_last_row(lake: Lake, write: WriteFile, mt5_rows: Rows, keep: int) -> None:
    path = write("WDOK20.csv", mt5_rows())
    path.write_bytes(path.read_bytes()[:keep])
    message = refused(lake, path)
    assert "line 541: expected a line end after the last row" in message
    assert "where you know the row is whole, add a line break at the end of the file" in message


def test_refuses_a_last_row_with_fewer_columns(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    rows = mt5_rows()
    message = refused(lake, write("WDOK20.csv", [*rows[:-1], rows[-1][:30]]))
    assert "line 541: expected 9 columns in the last row" in message
    assert "the file was cut; export it again" in message


def test_quotes_little_of_a_very_long_line(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    rows = mt5_rows()
    garbage = [row.replace("525", "x" * 900) for row in rows[1:20]]
    message = refused(lake, write("WDOK20.csv", [rows[0], *garbage, *rows[20:]]))
    assert len(message) < 500
    assert message.count("x") < 90


def test_refuses_a_symbol_no_instrument_answers_to(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    inside = write("x.csv", [row.replace("WDOK20", "PETR4") for row in PROFIT])
    assert "'PETR4': expected a contract of WDO, DOL, WIN, IND" in refused(lake, inside, 2)
    assert "expected a file name that begins with a symbol" in refused(lake, write("bars.csv", mt5_rows()), 2)
    assert "'ABEV3'" in refused(lake, write("WDO.csv", mt5_rows()), 2, symbol="ABEV3")
    with pytest.raises(UnknownSymbol):
        import_file(lake, inside)


def test_refuses_two_symbols_in_one_file(lake: Lake, write: WriteFile) -> None:
    path = write("x.csv", [PROFIT[0].replace("WDOK20", "WINJ20"), *PROFIT[1:]])
    assert "expected one symbol in a file, found 2 (WINJ20, WDOK20)" in refused(lake, path)


@pytest.mark.parametrize("hours", [-5, -3, -1, 1, 3])
def test_refuses_bars_on_another_clock_and_says_by_how_much(
    lake: Lake, write: WriteFile, mt5_rows: Rows, hours: int
) -> None:
    message = refused(lake, write("WDOK20.csv", shifted(mt5_rows(), hours)))
    assert "outside the session's hours" in message
    assert f"these times would fit if moved by {-hours:+d} h" in message


def test_names_the_first_line_outside_the_session(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    message = refused(lake, write("WDOK20.csv", shifted(mt5_rows(), 3)))  # 12:00 to 21:00; 18:05 is line 367
    assert "line 367: expected at most 1% of 540 rows unusable, found 175" in message


def test_refuses_what_is_no_market_data(lake: Lake, write: WriteFile) -> None:
    message = refused(lake, write("WDO.csv", ["a,b,c", "1,2,3"]))
    assert "expected one of mt5_ticks, mt5_bars, " in message
    assert "found a first line 'a,b,c'" in message


def test_refuses_missing_columns(lake: Lake, write: WriteFile) -> None:
    rows = ["<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>", "2020.04.02\t09:00:00\t1\t1\t1\t1\t1"]
    assert "without VOL" in refused(lake, write("WDO.csv", rows))
    profit = ["Ativo;Data;Hora;Abertura;Fechamento", "WDOK20;02/04/2020;09:00:00;1,0;1,0"]
    assert "without high, low, volume" in refused(lake, write("x.csv", profit))


def test_reads_a_file_as_the_format_named(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    path = write("WDOK20.csv", mt5_rows())
    assert "expected ';' (or ',') between the columns of a Profit export" in refused(lake, path, format="profit_bars")
    with pytest.raises(UsageError, match=r"--as: expected a format, found 'mt5_bar'; did you mean 'mt5_bars'"):
        import_file(lake, path, format="mt5_bar")
    assert import_file(lake, path, format="mt5_bars").status == "imported"


def test_more_than_one_bad_row_in_a_hundred_refuses_the_file(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    rows = mt5_rows()
    for k in range(5):  # 5 of 540 rows: 0.93 %
        rows[100 + k] = rows[100 + k].replace("2020.04.02", "2020.04.04")
    assert import_file(lake, write("WDOK20.csv", rows)).rejected == 5
    rows[200] = rows[200].replace("2020.04.02", "2020.04.04")
    message = refused(lake, write("WDOM20.csv", rows))
    assert "line 101: expected at most 1% of 540 rows unusable, found 6, most of them not a session" in message


def test_the_same_file_twice_changes_nothing(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    path = write("WDOK20.csv", mt5_rows())
    first, before = import_file(lake, path), lake.data_hash()
    again = import_file(lake, path)
    assert (first.status, again.status) == ("imported", "unchanged")
    assert (again.rows, again.sessions, again.contracts) == (first.rows, first.sessions, first.contracts)
    assert lake.data_hash() == before


def test_the_same_rows_in_another_file_are_kept(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    days = [date(2020, 4, 1), date(2020, 4, 2), date(2020, 4, 3)]
    first, second, third = (mt5_rows(540, day) for day in days)
    import_file(lake, write("WDOK20_a.csv", first + second[1:]))
    longer = import_file(lake, write("WDOK20_b.csv", second + third[1:]))
    assert (longer.status, longer.sessions) == ("imported", 2)
    assert import_file(lake, write("WDOK20_c.csv", second)).status == "unchanged"
    assert lake.sessions("WDOK20") == days
    assert [p.provenance.source for p in lake.partitions()] == ["WDOK20_a.csv"] * 2 + ["WDOK20_b.csv"]


def test_refuses_a_restated_export_and_leaves_no_quarantine(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    rows = mt5_rows()
    import_file(lake, write("WDOFUT.csv", rows))
    restated = [rows[0], *(row.replace("525", "526") for row in rows[1:])]
    restated[50] = restated[50].replace("2020.04.02", "2020.04.04")
    message = refused(lake, write("WDOFUT_later.csv", restated))
    assert "the bars of WDOFUT on 2020-04-02 as the lake holds them (from WDOFUT.csv, which" in message
    assert message.startswith(str(lake.folder.parent / "WDOFUT_later.csv"))  # as it was named, not its bare name
    assert "nothing was changed; find out which of the two is wrong and export it again" in message


def test_a_symbol_given_by_the_user_wins(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    path = write("WDOK20.csv", mt5_rows())
    assert import_file(lake, path, symbol="dolk20").contracts[0] == "DOLK20"
    assert import_file(lake, path).contracts[0] == "WDOK20"
    assert lake.contracts() == ["DOLK20", "WDOK20"]
