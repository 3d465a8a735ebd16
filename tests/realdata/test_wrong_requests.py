"""Real files under a symbol, a day or a unit that is not theirs."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from market.errors import FileRefused
from market.importer import import_file
from market.lake import Lake

PROFIT = "b3/profit_bars/WDOFUT_F_0_15min.csv"
WORKBOOK = "b3/book/exemplo_times_in_trade.xlsx"
TICKS = "b3/mt5_ticks/DOLK20.csv"


def fifty_times(cells: list[str]) -> list[str]:
    turnover = 50 * float(cells[7].replace(",", "."))
    return [*cells[:7], f"{turnover:.2f}".replace(".", ","), cells[8]]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.mark.parametrize(
    ("file", "symbol", "stated"),
    [
        (PROFIT, "WINFUT", "WDOFUT"),
        (WORKBOOK, "WDOV25", "WINV25"),
        ("b3/book/book_data_processed_sample.csv", "DOLU25", "WDOU25"),
        ("b3/profit_bars_reheadered/WINJ20_1min.csv", "WINM20", "WINJ20"),
        ("b3/profit_bars/PETR4_B_0_1min.csv", "WINFUT", "PETR4"),
    ],
)
def test_a_symbol_that_the_file_contradicts_is_refused(
    realdata: Path, lake: Lake, file: str, symbol: str, stated: str
) -> None:
    with pytest.raises(FileRefused, match=f"expected rows of {symbol}, as --symbol asks, found '{stated}' in the file"):
        import_file(lake, realdata / file, symbol=symbol, day=date(2025, 8, 29))
    assert not lake.folder.exists()


def test_a_name_that_is_wrong_is_told_of(realdata: Path, lake: Lake) -> None:
    result = import_file(lake, realdata / "b3/mt5_bars/WDOK20_M1.csv", symbol="DOLK20")
    assert result.reason == "the file's name says WDOK20: filed as DOLK20, as --symbol asks"


@pytest.mark.parametrize(("year", "session"), [(2018, "2018-04-02"), (2019, "2019-04-02")])
def test_ticks_of_another_year_are_refused(realdata: Path, lake: Lake, tmp_path: Path, year: int, session: str) -> None:
    path = tmp_path / "DOLK20.csv"
    path.write_bytes((realdata / TICKS).read_bytes().replace(b"2020.04.02", f"{year}.04.02".encode()))
    found = r"its last session, 2020-04-30, found \d+ in a session, the first on "
    with pytest.raises(FileRefused, match=found + session):
        import_file(lake, path)


@pytest.mark.parametrize("year", [2019, 2022, 2023, 2024])
def test_a_workbook_of_another_year_is_refused(realdata: Path, lake: Lake, year: int) -> None:
    with pytest.raises(FileRefused, match=rf"of WINV25 .*, found .* on {year}-08-30"):
        import_file(lake, realdata / WORKBOOK, day=date(year, 8, 30))


@pytest.mark.parametrize(
    ("change", "found"),  # the session nearest to 1 is the oldest, which was restated by some percent
    [
        (fifty_times, r"48\.\d+"),
        (lambda cells: ["WINFUT", *cells[1:]], r"48\.\d+"),
        (lambda cells: ["DOLFUT", *cells[1:]], r"0\.2\d*"),
    ],
    ids=["fifty times the turnover", "filed as WIN", "filed as DOL"],
)
def test_a_turnover_of_another_instrument_is_refused(
    realdata: Path, lake: Lake, tmp_path: Path, change: Callable[[list[str]], list[str]], found: str
) -> None:
    rows = [";".join(change(row.split(";"))) for row in (realdata / PROFIT).read_text().splitlines()]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(rows) + "\n")
    with pytest.raises(FileRefused, match=rf"found {found} times that in the session nearest to it"):
        import_file(lake, path)
    assert not lake.folder.exists()
