"""MT5 and Profit bar files, written by hand, against the bars they say."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from market.calendar import to_ns
from market.importer import import_file
from market.instruments import B3
from market.lake import Lake
from market.types import Flag

WriteFile = Callable[..., Path]
Rows = Callable[..., list[str]]
DAY = date(2020, 4, 2)
RAW = "WDOK20;02/04/2020;09:02:00;5.250,00;5.252,50;5.250,00;5.251,00;210.040,00;4"
PROFIT = [RAW, RAW.replace("09:02", "09:01"), RAW.replace("09:02", "09:00")]


def first_bar(lake: Lake, contract: str, seconds: int = 60, day: date = DAY) -> np.void:
    return lake.read_bars(contract, day, seconds)[0]


def numbers(bar: np.void) -> tuple[int, ...]:
    return tuple(int(bar[name]) for name in ("open", "high", "low", "close", "volume", "trades", "turnover"))


def test_reads_mt5_bars_as_ticks_contracts_and_trades(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    result = import_file(lake, write("WDOK20_M1.csv", mt5_rows()))
    assert (result.status, result.format, result.rows, result.rejected) == ("imported", "mt5_bars", 540, 0)
    assert (result.contracts[0], result.sessions) == ("WDOK20", 1)
    bar = first_bar(lake, "WDOK20")
    assert numbers(bar) == (10_500, 10_504, 10_500, 10_502, 100, 10, 0)
    assert bar["ts_open_ns"] == to_ns(datetime(2020, 4, 2, 9))
    assert bar["ts_close_ns"] - bar["ts_open_ns"] == 60_000_000_000
    assert bar["flags"] == Flag.NO_AGGRESSOR
    partition = lake.partitions()[0]
    assert (partition.gaps, partition.provenance.price_basis, partition.provenance.synthetic) == ((), "raw", False)
    assert (partition.provenance.source, partition.provenance.importer) == ("WDOK20_M1.csv", "mt5_bars/2")


@pytest.mark.parametrize(
    ("lines", "encoding"),
    [
        (PROFIT, "utf-8"),
        (["Ativo;Data;Hora;Abertura;Máximo;Mínimo;Fechamento;Volume;Quantidade", *PROFIT], "latin-1"),
        (["Ativo;Data;Hora;Abertura;Máximo;Mínimo;Fechamento;Volume;Quantidade", *PROFIT], "utf-8"),
        (["asset;date;time;open;high;low;close;business;volume", *PROFIT], "utf-8"),
        (
            ["Ativo,Data,Hora,Abertura,Máximo,Mínimo,Fechamento,Volume,Quantidade"]
            + [row.replace(".", "").replace(",", ".").replace(";", ",") for row in PROFIT],
            "utf-8",
        ),
        (  # decimals of the turnover lost: cents
            ["Ativo,Data,Hora,Abertura,Máximo,Mínimo,Fechamento,Volume,Quantidade"]
            + [
                row.replace(".", "").replace("210040,00", "21004000").replace(",", ".").replace(";", ",")
                for row in PROFIT
            ],
            "utf-8",
        ),
    ],
    ids=["own", "latin-1", "utf-8", "renamed", "commas", "cents"],
)
def test_reads_every_shape_of_profit_bars(lake: Lake, write: WriteFile, lines: list[str], encoding: str) -> None:
    result = import_file(lake, write("x.csv", lines, encoding, "\n"))
    assert (result.format, result.rows, result.contracts[0]) == ("profit_bars", 3, "WDOK20")
    bars = lake.read_bars("WDOK20", DAY, 60)
    # R$ 210,040 / (4 contracts x R$ 10) = 5251.0 points = 10,502 ticks on average
    assert {numbers(bar) for bar in bars} == {(10_500, 10_505, 10_500, 10_502, 4, 0, 4 * 10_502)}
    assert list(np.diff(bars["ts_open_ns"])) == [60_000_000_000] * 2
    assert lake.partitions()[0].provenance.price_basis == "raw"


def test_a_lone_volume_is_contracts(lake: Lake, write: WriteFile) -> None:
    rows = ["Ativo,Data,Hora,Abertura,Máximo,Mínimo,Fechamento,Volume"]
    rows += [f"WINJ20,02/04/2020,{hour:02}:00:00,70000.0,70010.0,69990.0,70005.0,1156" for hour in (9, 10, 11)]
    import_file(lake, write("x.csv", rows))
    assert numbers(first_bar(lake, "WINJ20", 3600)) == (14_000, 14_002, 13_998, 14_001, 1156, 0, 0)


def test_dots_group_thousands_where_no_comma_tells(lake: Lake, write: WriteFile) -> None:
    rows = [f"WINJ20;02/04/2020;{hour}:00:00;70.000;70.010;69.990;70.005;16.184.000;1.156" for hour in (12, 11, 10)]
    import_file(lake, write("x.csv", rows))
    assert numbers(first_bar(lake, "WINJ20", 3600))[:5] == (14_000, 14_002, 13_998, 14_001, 1156)


@pytest.mark.parametrize(
    ("rows", "symbol", "basis"),
    [
        (PROFIT, "WDOFUT", "raw"),
        ([row.replace("5.251,00;", "5.251,23;") for row in PROFIT], "WDOFUT", "back_adjusted"),  # off the grid
        ([row.replace("210.040,00", "211.508,00") for row in PROFIT], "WDOFUT", "back_adjusted"),  # traded 0.7 % higher
        (PROFIT, "WDO$", "back_adjusted"),  # by definition of the symbol
        (PROFIT, "WDO$D", "back_adjusted"),
        (PROFIT, "WDO$N", "raw"),
    ],
)
def test_tells_raw_from_back_adjusted_prices(
    lake: Lake, write: WriteFile, rows: list[str], symbol: str, basis: str
) -> None:
    import_file(lake, write("x.csv", [row.replace("WDOK20", symbol) for row in rows]))
    bar = first_bar(lake, symbol)
    assert lake.partitions()[0].provenance.price_basis == basis
    assert bool(bar["flags"] & Flag.BACK_ADJUSTED) is (basis == "back_adjusted")
    assert bar["close"] == 10_502  # 5251.23 is nearest to 5251.0
    assert bool(bar["turnover"] == 0) is (basis == "back_adjusted")


def test_flags_the_bar_after_a_hole_and_names_the_causes(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    rows = mt5_rows()
    import_file(lake, write("WDOK20.csv", [rows[0], *rows[4:101], *rows[111:536]]))  # from 09:03, without 10:40-10:49
    bars = lake.read_bars("WDOK20", DAY, 60)
    assert list(np.flatnonzero(bars["flags"] & Flag.AFTER_GAP)) == [97]  # an opening call leaves nothing out
    assert [gap.cause for gap in lake.partitions()[0].gaps] == ["auction", "feed loss", "feed loss"]  # last 17:55-17:59
    assert not (bars["flags"] & Flag.PARTIAL).any()


def test_flags_the_first_and_last_session_where_the_extract_cuts_them(
    lake: Lake, write: WriteFile, mt5_rows: Rows
) -> None:
    days = [date(2020, 4, day) for day in (1, 2, 3)]
    rows = mt5_rows(420, days[0], "11:00") + mt5_rows(400, days[1])[1:] + mt5_rows(300, days[2])[1:]
    import_file(lake, write("WDOK20.csv", rows))
    partial = [bool((lake.read_bars("WDOK20", day, 60)["flags"] & Flag.PARTIAL).all()) for day in days]
    assert partial == [True, False, True]  # the middle session is short, but not cut by the extract
    causes = [[gap.cause for gap in p.gaps] for p in lake.partitions()]
    assert causes == [["truncated export"], ["feed loss"], ["truncated export"]]


def test_brazilian_summer_time_is_told_from_the_date(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    import_file(lake, write("WDO.csv", mt5_rows(550, date(2018, 12, 3))))
    assert (
        first_bar(lake, "WDO", day=date(2018, 12, 3))["ts_open_ns"]
        == B3.session("WDO", date(2018, 12, 3))["open_ns"][0]
    )
    assert datetime.fromisoformat("2018-12-03T11:00:00+00:00").timestamp() * 1e9 == lake.partitions()[0].first_ns


BAD_ROWS = [
    ("2020.04.02\t10:00:00\t5250.0\t5249.0\t5250.0\t5250.0\t1\t1\t5", "a high below the low"),
    ("2020.04.02\t10:00:00\t5250.0\t5252.0\t5250.0\t5255.0\t1\t1\t5", "an open or close outside high and low"),
    ("2020.04.02\t10:00:00\t0.0\t5252.0\t0.0\t5250.0\t1\t1\t5", "a price of zero or below"),
    ("2020.04.02\t10:00:00\t5250.0\t5252.0\t5250.0\t5250.0\t1\t-5\t5", "a volume below zero"),
    ("2020.04.02\t10:00:00\t5250.0\t5252.0\t5250.0\t5250.0\t1\t1.5\t5", "a volume that is not whole contracts"),
    ("2020.04.02\t10:00:00\t5250.0\tx\t5250.0\t5250.0\t1\t1\t5", "a cell that is empty or not a number"),
    ("2020.04.02\t10:00:00\t5250.0\t\t5250.0\t5250.0\t1\t1\t5", "a cell that is empty or not a number"),
    ("2020.04.02\t10:00:00\t5250.0\tinf\t5250.0\t5250.0\t1\t1\t5", "a cell that is empty or not a number"),
    ("2020.04.31\t10:00:00\t5250.0\t5252.0\t5250.0\t5250.0\t1\t1\t5", "a date or time that cannot be read"),
    ("2020.04.02\t25:00:00\t5250.0\t5252.0\t5250.0\t5250.0\t1\t1\t5", "a date or time that cannot be read"),
    ("2020.04.04\t10:00:00\t5250.0\t5252.0\t5250.0\t5250.0\t1\t1\t5", "not a session of the exchange"),
    (
        "2031.04.04\t10:00:00\t5250.0\t5252.0\t5250.0\t5250.0\t1\t1\t5",
        "beyond the calendar (it covers 2013-01-01 to 2027-12-31)",
    ),
    ("2020.04.02\t08:59:00\t5250.0\t5252.0\t5250.0\t5250.0\t1\t1\t5", "outside the session's hours"),
    ("2020.04.02\t18:05:00\t5250.0\t5252.0\t5250.0\t5250.0\t1\t1\t5", "outside the session's hours"),
    ("2020.04.02\t10:00:30\t5250.0\t5252.0\t5250.0\t5250.0\t1\t1\t5", "a time off the bar length's grid"),
    ("2020.04.02\t09:30:00\t5250.0\t5252.0\t5250.0\t5250.0\t1\t1\t5", "a second bar at the same time"),
    ("2020.04.02\t10:00:00\t5250.0", "another number of columns"),
]


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS)
def test_sets_a_bad_row_aside_and_keeps_the_rest(
    lake: Lake, write: WriteFile, mt5_rows: Rows, row: str, reason: str
) -> None:
    rows = mt5_rows()
    del rows[61]  # 10:00, so that only the row's own fault counts
    path = write("WDOK20.csv", [*rows[:45], row, *rows[45:]])
    result = import_file(lake, path)
    assert (result.rows, result.rejected) == (539, 1)
    assert lake.read_bars("WDOK20", DAY, 60).size == 539
    quarantine = next((lake.folder / "quarantine").iterdir())
    assert quarantine.read_text().splitlines() == ["line,reason,text", f"46,{reason},{row}"]
    assert result.reason == f"1 row {reason}: set aside in quarantine/{quarantine.name}"


def test_line_numbers_hold_across_blank_lines(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    rows = mt5_rows()
    bad = rows[300].replace("2020.04.02", "2020.04.04")
    result = import_file(lake, write("WDOK20.csv", [*rows[:10], "", "", *rows[10:300], bad, *rows[301:], ""]))
    assert (result.rows, result.rejected) == (539, 1)
    assert next((lake.folder / "quarantine").iterdir()).read_text().splitlines()[1].startswith("303,")


def test_a_bar_within_five_minutes_after_the_close_stays(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    assert import_file(lake, write("WDOK20.csv", mt5_rows(545))).rejected == 0
