"""What a file says of its symbol, its content and its name, against what the user asks for."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from market.errors import FileRefused, PregaoError, UsageError
from market.importer import import_file
from market.lake import Lake
from tests.market.importer_samples import DECLARED, ORDERS, SAMPLES, TRADES, Cells, workbook_parts, zipped

WriteFile = Callable[..., Path]
Rows = Callable[..., list[str]]
AUGUST = date(2025, 8, 29)


def profit(symbol: str, *days: str) -> list[str]:
    """Return hourly Profit bars of WDO's price and turnover, four contracts each."""
    return [
        f"{symbol};{day};{hour:02}:00:00;5250,00;5252,50;5250,00;5251,00;210040,00;4"
        for day in days
        for hour in (9, 10)
    ]


def refusal(lake: Lake, path: Path, symbol: str, day: date | None = None) -> str:
    with pytest.raises(FileRefused) as caught:
        import_file(lake, path, symbol=symbol, day=day)
    assert not lake.folder.exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("stated", "asked"),
    [
        ("WDOFUT", "WINFUT"),
        ("WDOFUT", "DOLFUT"),
        ("WDOK20", "WDOM20"),
        ("WDOK20", "WDOK21"),
        ("WDOK20", "DOLK20"),
        ("WDOK20", "WIN$"),
        ("PETR4", "WDOFUT"),
        ("WDOFUT", "BTCUSDT"),
    ],
)
def test_refuses_a_symbol_that_the_content_contradicts(
    tmp_path: Path, write: WriteFile, stated: str, asked: str
) -> None:
    path = write(f"{asked}.csv", profit(stated, "02/04/2020"))  # the name agrees with the user: it does not count
    told = refusal(Lake(tmp_path / "lake", DECLARED), path, asked)
    assert told == (
        f"{path}: expected rows of {asked}, as --symbol asks, found '{stated}' in the file itself; leave --symbol out "
        f"to file it as what it says, or export {asked} itself"
    )


@pytest.mark.parametrize(
    ("stated", "asked", "reason"),
    [
        ("WDOK20", " wdok20 ", ""),
        ("wdok20", "WDOK20", ""),
        ("WDOK20", "WDOFUT", "the file itself says WDOK20: filed as WDOFUT, as --symbol asks"),
        ("WDOFUT", "WDO", "the file itself says WDOFUT: filed as WDO, as --symbol asks"),
    ],
)
def test_a_symbol_that_the_content_does_not_contradict_is_followed_and_told(
    lake: Lake, write: WriteFile, stated: str, asked: str, reason: str
) -> None:
    result = import_file(lake, write("x.csv", profit(stated, "02/04/2020")), symbol=asked)
    assert (result.contracts, result.reason) == ((asked.strip().upper(),), reason)


@pytest.mark.parametrize("series", ["WDO$", "WDO$D", "WDO@", "WDO@D"])
def test_a_series_that_is_restated_is_never_one_contract(lake: Lake, write: WriteFile, series: str) -> None:
    told = refusal(lake, write("x.csv", profit(series, "02/04/2020")), "WDOK20")
    assert f"found '{series}' in the file itself, a series that is restated at each roll; leave --symbol out" in told


@pytest.mark.parametrize("series", ["WDOFUT", "WDO", "WDO$N"])
def test_a_series_is_one_contract_between_its_rolls(lake: Lake, write: WriteFile, series: str) -> None:
    # WDOK20 leads from 2020-03-31, WDOM20 from 2020-04-30.
    result = import_file(lake, write("x.csv", profit(series, "01/04/2020", "28/04/2020")), symbol="WDOK20")
    assert result.contracts == ("WDOK20",)
    assert result.reason == f"the file itself says {series}: filed as WDOK20, as --symbol asks"


@pytest.mark.parametrize("day", ["30/03/2020", "31/03/2020", "29/04/2020", "30/04/2020"])
def test_a_series_is_not_surely_one_contract_next_to_a_roll(lake: Lake, write: WriteFile, day: str) -> None:
    days = sorted(["02/04/2020", day], key=lambda text: text[3:5] + text[:2])
    told = refusal(lake, write("x.csv", profit("WDOFUT", *days)), "WDOK20")
    iso = "-".join(reversed(day.split("/")))
    assert (
        f"expected sessions of WDOFUT in which WDOK20 was surely the front contract, found one on {iso}; leave "
        "--symbol out to file it as WDOFUT, or export WDOK20 itself"
    ) in told


@pytest.mark.parametrize(
    ("name", "asked", "reason"),
    [
        ("WDOK20_M1.csv", "DOLK20", "the file's name says WDOK20: filed as DOLK20, as --symbol asks"),
        ("WDOM20.csv", "WDOK20", "the file's name says WDOM20: filed as WDOK20, as --symbol asks"),
        ("WDO$N_M1.csv", "WDOK20", "the file's name says WDO$N: filed as WDOK20, as --symbol asks"),
        ("WDOK20.csv", "WDOK20", ""),
        ("WDO.csv", "WDOK20", ""),
        ("export.csv", "WDOK20", ""),
    ],
)
def test_a_name_that_says_otherwise_is_told_of_and_not_believed(
    lake: Lake, write: WriteFile, mt5_rows: Rows, name: str, asked: str, reason: str
) -> None:
    result = import_file(lake, write(name, mt5_rows()), symbol=asked)
    assert (result.contracts, result.reason) == ((asked,), reason)


@pytest.mark.parametrize(
    ("format_name", "asked", "stated"),
    [
        ("times_trades_workbook", "WDOV25", "WINV25"),
        ("times_trades_workbook", "WINZ25", "WINV25"),
        ("book_sample", "DOLU25", "WDOV25"),
        ("binance_stream", "EURUSD", "BTCUSDT"),
    ],
)
def test_every_format_that_tells_its_symbol_is_believed(
    tmp_path: Path, format_name: str, asked: str, stated: str
) -> None:
    sample = SAMPLES[format_name]
    path = tmp_path / sample.name
    path.write_bytes(sample.data)
    told = refusal(Lake(tmp_path / "lake", DECLARED), path, asked, sample.day)
    assert f"expected rows of {asked}, as --symbol asks, found '{stated}' in the file itself" in told


def test_a_tape_that_names_its_symbol_is_believed(lake: Lake, write: WriteFile) -> None:
    rows = [
        "Ativo;Data;Hora;Compradora;Preço;Quantidade;Vendedora;Agressor",
        "WDOQ26;13/07/2026;10:00:00.120;3 - XP;5.159,50;2;85 - BTG;Comprador",
    ]
    assert "found 'WDOQ26' in the file itself" in refusal(lake, write("x.csv", rows), "WDOU26")
    assert import_file(lake, write("x.csv", rows), symbol="WDOQ26").contracts == ("WDOQ26",)


def polled(*symbols: str) -> list[str]:
    rows = [f"2025-08-11 10:00:0{k},5471.0,4,5471.5,8,{symbol}" for k, symbol in enumerate(symbols)]
    return ["timestamp,bid_price_1,bid_vol_1,ask_price_1,ask_vol_1,symbol", *rows]


def test_a_symbol_for_polls_of_two_is_refused_and_one_for_nameless_polls_is_taken(lake: Lake, write: WriteFile) -> None:
    both = write("both.csv", polled("WDOU25", "WDOV25"))
    assert "found 'WDOV25' in the file itself" in refusal(lake, both, "WDOU25")
    result = import_file(lake, write("part.csv", polled("", "WDOU25", "")), symbol="WDOU25")
    assert (result.contracts, result.rows, result.rejected) == (("WDOU25",), 3, 0)


def titled(orders: str, trades: str) -> bytes:
    def under(title: str, cells: Cells) -> Cells:
        return [[title, *cells[0][1:]], *cells[1:]]

    return zipped(workbook_parts(under(orders, ORDERS), under(trades, TRADES)))


def test_the_titles_of_a_workbook_tell_one_symbol(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "tape.xlsx"
    path.write_bytes(titled("WINV25", "WDOV25"))
    with pytest.raises(FileRefused, match=r"the same symbol in the titles of .*, found WINV25 and WDOV25; export both"):
        import_file(lake, path, day=AUGUST)
    path.write_bytes(titled("Ofertas do dia", "PETR4"))
    assert "found 'PETR4' in the file itself" in refusal(lake, path, "WINV25", AUGUST)
    path.write_bytes(titled("Ofertas do dia", "winv25"))
    assert import_file(lake, path, day=AUGUST).contracts == ("WINV25",)


def test_a_title_that_is_no_symbol_leaves_it_to_the_user(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "tape.xlsx"
    path.write_bytes(titled("Ofertas", "Negócios"))
    assert import_file(lake, path, symbol="WINV25", day=AUGUST).contracts == ("WINV25",)


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_symbol_is_wrong_use(lake: Lake, write: WriteFile, mt5_rows: Rows, blank: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"--symbol: expected a symbol (as WDOZ26), found {blank!r}")):
        import_file(lake, write("WDOK20.csv", mt5_rows()), symbol=blank)


@pytest.mark.parametrize("format_name", ["mt5_bars", "binance_stream", "joined_bars"])
def test_a_workbook_read_as_text_is_told_as_what_it_is(lake: Lake, tmp_path: Path, format_name: str) -> None:
    path = tmp_path / "tape.xlsx"
    path.write_bytes(SAMPLES["times_trades_workbook"].data)
    with pytest.raises(PregaoError) as caught:
        import_file(lake, path, format=format_name, day=AUGUST)
    assert str(caught.value) == (
        f"{path}: expected text to read as {format_name}, found a workbook with the sheets ofertas, negocios; leave "
        "--as out, or name another"
    )


def test_text_read_as_a_workbook_is_told_as_what_it_is(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    with pytest.raises(FileRefused, match=r"expected a workbook \(.xlsx\) to read as .*, found a first line '<DATE>"):
        import_file(lake, write("WDOK20.csv", mt5_rows()), format="times_trades_workbook", day=AUGUST)


@pytest.mark.parametrize("format_name", SAMPLES)
def test_options_without_a_use_are_told_of(tmp_path: Path, format_name: str) -> None:
    sample = SAMPLES[format_name]
    path = tmp_path / sample.name
    path.write_bytes(sample.data)
    lake = Lake(tmp_path / "lake", DECLARED)
    plain = import_file(lake, path, day=sample.day).reason
    result = import_file(lake, path, day=AUGUST, true_prices=True)
    is_bars, is_workbook = "bars" in result.format or result.format in ("mt5_saveas", "mt5_rates"), bool(sample.day)
    assert ("--session 2025-08-29 was not used: the file tells its dates" in result.reason) is not is_workbook
    assert ("--true-prices was not used: " in result.reason) is not is_bars
    assert "was not used" not in plain
