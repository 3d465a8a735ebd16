"""Every other shape a bar file comes in, written by hand, against the bars it says."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from market.errors import FileRefused, UnknownSymbol
from market.importer import FORMATS, import_file
from market.instruments import B3, Declaration, declare
from market.lake import Lake
from market.lake_manifest import Cause
from market.types import Flag

WriteFile = Callable[..., Path]
DAY = date(2020, 4, 2)
MINUTE_NS = 60_000_000_000
RATES = "time,open,high,low,close,tick_volume,spread,real_volume"
JOINED = (
    "time,open_win,high_win,low_win,close_win,tick_volume_win,spread_win,real_volume_win,ma20high_win,"
    "open_wdo,high_wdo,low_wdo,close_wdo,tick_volume_wdo,spread_wdo,real_volume_wdo,me9close_wdo"
)


def ns(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) * 1_000_000_000


def facts(bar: np.void) -> tuple[int, ...]:
    return tuple(int(bar[name]) for name in ("open", "high", "low", "close", "volume", "trades"))


def declared_lake(folder: Path, symbol: str, declaration: Declaration) -> Lake:
    return Lake(folder / "lake", declared={symbol: declare(symbol, declaration)})


def test_every_format_says_its_clock_and_price_basis() -> None:
    names = [known.name for known in FORMATS]
    assert len(set(names)) == len(names)
    assert all(known.clock and known.price_basis for known in FORMATS)


def test_reads_a_chart_saved_as_utf16(lake: Lake, write: WriteFile) -> None:
    rows = [f"2020.04.02 09:{k:02},5250.000000,5252.000000,5249.500000,5251.000000,30,4{k:02}" for k in range(0, 60, 5)]
    result = import_file(lake, write("WDOK20M5.csv", rows, "utf-16"))
    assert (result.format, result.contracts, result.rows, result.rejected) == ("mt5_saveas", ("WDOK20",), 12, 0)
    bars = lake.read_bars("WDOK20", DAY, 300)
    assert facts(bars[0]) == (10_500, 10_504, 10_499, 10_502, 400, 30)
    assert bars["ts_open_ns"][0] == ns(2020, 4, 2, 12)  # 09:00 in São Paulo
    assert list(np.unique(np.diff(bars["ts_open_ns"]))) == [5 * MINUTE_NS]


def test_reads_a_daily_chart_as_whole_sessions_of_the_series_its_name_begins_with(lake: Lake, write: WriteFile) -> None:
    rows = [f"2018.10.{day},3700.123000,3721.500000,3688.000000,3705.500000,463173,1400224" for day in (29, 30, 31)]
    result = import_file(lake, write("WDO$Daily.csv", rows, "utf-16"))
    assert (result.contracts, result.sessions) == (("WDO$",), 3)
    bar = lake.read_bars("WDO$", date(2018, 10, 31), 86_400)[0]
    assert facts(bar) == (7_400, 7_443, 7_376, 7_411, 1_400_224, 463_173)  # 3700.123 is nearest to 3700.0
    # 09:00 to 18:00 on 2018-10-31
    assert (bar["ts_open_ns"], bar["ts_close_ns"]) == (ns(2018, 10, 31, 12), ns(2018, 10, 31, 21))
    assert {(p.bar_seconds, p.gaps, p.provenance.price_basis) for p in lake.partitions()} == {
        (86_400, (), "back_adjusted")
    }


@pytest.mark.parametrize(
    ("stem", "symbol"),
    [("WDO$Daily", "WDO$"), ("WIN$NDaily", "WIN$N"), ("WIN$DM5", "WIN$D"), ("WDO@M15", "WDO@"), ("WDO$", "WDO$")],
)
def test_a_period_behind_the_symbol_is_none_of_it(stem: str, symbol: str) -> None:
    assert B3.in_name(stem) == symbol


def test_rates_count_seconds_of_the_brokers_wall_clock(lake: Lake, write: WriteFile) -> None:
    """09:00 to 18:00 in São Paulo, written as if it were UTC."""
    first = ns(2020, 4, 2, 9) // 1_000_000_000
    rows = [f"{first + 300 * k},5250.0,5252.0,5249.5,5251.0,30,1,{400 + k}" for k in range(108)]
    result = import_file(lake, write("WDOK20_M5.csv", [RATES, *rows], end="\r\r\n"))
    assert (result.format, result.rows, result.rejected) == ("mt5_rates", 108, 0)
    bars = lake.read_bars("WDOK20", DAY, 300)
    assert facts(bars[0]) == (10_500, 10_504, 10_499, 10_502, 400, 30)
    assert bars["ts_open_ns"][0] == B3.session("WDO", DAY)["open_ns"][0]


def test_the_last_bar_of_a_frame_may_be_unfinished(lake: Lake, write: WriteFile) -> None:
    first = ns(2020, 4, 2, 9) // 1_000_000_000
    days = [
        f"{first + 86_400 * day + 300 * k},5250.0,5252.0,5249.5,5251.0,30,1,{400 + k}"
        for day in (0, 1)
        for k in range(108)
    ]
    import_file(lake, write("WDOK20_M5.csv", [RATES, *days]))
    whole, last = lake.partitions()
    assert (whole.truncated, last.truncated) == (False, True)
    assert [(gap.first_ns, gap.cause) for gap in last.gaps] == [(ns(2020, 4, 3, 20, 55), Cause.TRUNCATED)]
    flags = [lake.read(partition)["flags"] for partition in (whole, last)]
    assert [(flag & Flag.PARTIAL > 0).all() for flag in flags] == [False, True]


def test_a_later_frame_finishes_the_session_of_an_earlier_one(lake: Lake, write: WriteFile) -> None:
    first = ns(2020, 4, 2, 9) // 1_000_000_000
    rows = [f"{first + 300 * k},5250.0,5252.0,5249.5,5251.0,30,1,{400 + k}" for k in range(108)]
    unfinished = rows[60].replace("460", "12").replace("5252.0", "5251.0")
    import_file(lake, write("WDOK20_early.csv", [RATES, *rows[:60], unfinished]))
    import_file(lake, write("WDOK20_late.csv", [RATES, *rows]))
    assert lake.read_bars("WDOK20", DAY, 300)["volume"][60] == 460


def joined_rows(count: int) -> list[str]:
    start = datetime(2021, 5, 3, 9)
    return [
        f"{start + timedelta(minutes=k)},119640.0,119655.0,119615.0,119645.0,25.0,1.0,{90 + k}.0,119755.0,"
        f"5451.5,5452.0,5448.5,5449.5,40.0,1.0,{11 + k}.0,5448.0"
        for k in range(count)
    ]


def test_joined_bars_are_two_contracts_and_an_empty_side_is_no_reject(lake: Lake, write: WriteFile) -> None:
    rows = joined_rows(120)
    left = ",".join([rows[7].split(",")[0], *[""] * 8, *rows[7].split(",")[9:]])
    right = ",".join([*rows[9].split(",")[:9], *[""] * 8])
    result = import_file(lake, write("any.csv", [JOINED, *rows[:7], left, rows[8], right, *rows[10:]], end="\n"))
    assert (result.format, result.contracts) == ("joined_bars", ("WIN", "WDO"))
    assert (result.rows, result.rejected) == (119 + 119, 0)
    day = date(2021, 5, 3)
    win, wdo = lake.read_bars("WIN", day, 60), lake.read_bars("WDO", day, 60)
    assert facts(win[0]) == (23_928, 23_931, 23_923, 23_929, 90, 25)
    assert facts(wdo[0]) == (10_903, 10_904, 10_897, 10_899, 11, 40)
    assert [int(np.flatnonzero(bars["flags"] & Flag.AFTER_GAP)[0]) for bars in (win, wdo)] == [7, 9]


def test_a_symbol_for_both_sides_of_joined_bars_is_refused(lake: Lake, write: WriteFile) -> None:
    path = write("any.csv", [JOINED, *joined_rows(30)])
    with pytest.raises(FileRefused, match=r"expected no --symbol for a file of 2 series .*found --symbol WINM21"):
        import_file(lake, path, symbol="WINM21")
    assert not lake.folder.exists()


def test_a_side_without_its_volume_is_refused(lake: Lake, write: WriteFile) -> None:
    path = write("any.csv", [JOINED.replace("real_volume_wdo", "volume_wdo"), *joined_rows(30)])
    with pytest.raises(FileRefused, match="found none named real_volume_wdo"):
        import_file(lake, path)


def test_daily_profit_bars_have_no_time_and_print_their_turnover_with_an_exponent(lake: Lake, write: WriteFile) -> None:
    # R$ 2.1004E8 / (4,000 contracts x R$ 10) = 5251.0
    rows = [f"WDOK20;0{day}/04/2020;5250,00;5252,50;5249,00;5250,00;2,1004E8;4000" for day in (3, 2, 1)]
    result = import_file(lake, write("x.csv", rows))
    assert (result.format, result.rows, result.sessions) == ("profit_bars", 3, 3)
    bar = lake.read_bars("WDOK20", DAY, 86_400)[0]
    assert facts(bar) == (10_500, 10_505, 10_498, 10_500, 4_000, 0)
    assert bar["turnover"] == 4_000 * 10_502
    assert (bar["ts_open_ns"], bar["ts_close_ns"]) == (ns(2020, 4, 2, 12), ns(2020, 4, 2, 21))


def test_daily_profit_bars_may_have_a_header(lake: Lake, write: WriteFile) -> None:
    rows = [f"WDOK20;0{day}/04/2020;5250,00;5252,50;5249,00;5250,00;210040000,00;4.001" for day in (3, 2)]
    path = write("x.csv", ["Ativo;Data;Abertura;Máximo;Mínimo;Fechamento;Volume;Quantidade", *rows], "latin-1")
    import_file(lake, path)
    assert lake.read_bars("WDOK20", DAY, 86_400)["volume"][0] == 4_001


def test_daily_mt5_bars_have_no_time(lake: Lake, write: WriteFile) -> None:
    header = "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
    rows = [f"2020.04.0{day}\t5250.0\t5252.0\t5249.5\t5251.0\t300\t4001\t5" for day in (1, 2, 3)]
    import_file(lake, write("WDOK20.csv", [header, *rows]))
    assert facts(lake.read_bars("WDOK20", DAY, 86_400)[0]) == (10_500, 10_504, 10_499, 10_502, 4_001, 300)


def test_daily_bars_on_no_session_are_set_aside(lake: Lake, write: WriteFile) -> None:
    days = [date(2019, 1, 2) + timedelta(days=k) for k in range(200)]
    traded = [*B3.calendar("WDO").sessions(days[0], days[-1]), date(2019, 1, 5)]  # and one Saturday
    rows = [f"{day:%Y.%m.%d},3700.000000,3721.500000,3688.000000,3705.500000,463173,1400224" for day in sorted(traded)]
    result = import_file(lake, write("WDO$Daily.csv", rows, "utf-16"))
    assert (result.rejected, result.sessions) == (1, len(traded) - 1)


@pytest.mark.parametrize("days", [7, 30])
def test_refuses_bars_longer_than_a_day(lake: Lake, write: WriteFile, days: int) -> None:
    dates = [date(2019, 1, 7) + timedelta(days=days * k) for k in range(10)]
    rows = [f"{day:%Y.%m.%d},3700.000000,3721.500000,3688.000000,3705.500000,463173,1400224" for day in dates]
    with pytest.raises(FileRefused, match=f"of a day at most, found a step of {days}.0 days"):
        import_file(lake, write("WDO$Weekly.csv", rows, "utf-16"))


EURUSD = Declaration(0.00001, 1.0, 1.0, "USD", "forex", "Europe/Athens")
PLAIN = "date\ttime\topen\thigh\tlow\tclose\ttickvolume\tvolume\tspread"


def test_reads_plain_headings_and_a_volume_of_zero(tmp_path: Path, write: WriteFile) -> None:
    lake = declared_lake(tmp_path, "EURUSD", EURUSD)
    rows = [f"2018.06.01\t00:{k:02}:00\t1.16879\t1.16906\t1.16852\t1.16855\t8\t0\t47" for k in range(60)]
    result = import_file(lake, write("EURUSD_M1.csv", [PLAIN, *rows]))
    assert (result.format, result.rows, result.rejected) == ("mt5_bars", 60, 0)
    bar = lake.read_bars("EURUSD", date(2018, 6, 1), 60)[0]
    assert facts(bar) == (116_879, 116_906, 116_852, 116_855, 0, 8)
    assert bar["ts_open_ns"] == ns(2018, 5, 31, 21)  # midnight in Athens, summer time
    assert not bar["flags"] & Flag.EMPTY


def test_daily_bars_of_a_market_that_never_sleeps_last_its_day(tmp_path: Path, write: WriteFile) -> None:
    lake = declared_lake(tmp_path, "EURUSD", EURUSD)
    rows = [f"2018.06.0{day},1.16879,1.16906,1.16852,1.16855,8,0" for day in (4, 5, 6)]
    import_file(lake, write("EURUSDDaily.csv", rows, "utf-16"), symbol="EURUSD")
    bar = lake.read_bars("EURUSD", date(2018, 6, 5), 86_400)[0]
    assert (bar["ts_open_ns"], bar["ts_close_ns"]) == (ns(2018, 6, 4, 21), ns(2018, 6, 5, 21))


def test_a_bar_near_midnight_belongs_to_the_session_that_contains_it(tmp_path: Path, write: WriteFile) -> None:
    """23:00 in Berlin is midnight in Athens, where the week of currencies turns its days."""
    lake = declared_lake(tmp_path, "USDBRL", Declaration(0.0001, 1.0, 1.0, "BRL", "forex", "Europe/Berlin"))
    header = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
    moments = [datetime(2019, 1, 2, 22, 30) + timedelta(minutes=5 * k) for k in range(12)]
    rows = [f"{moment:%Y.%m.%d\t%H:%M:%S}\t3.8860\t3.8865\t3.8809\t3.8815\t328\t0\t100" for moment in moments]
    import_file(lake, write("USDBRL.csv", [header, *rows]))
    before, after = lake.read_bars("USDBRL", date(2019, 1, 2), 300), lake.read_bars("USDBRL", date(2019, 1, 3), 300)
    assert (before.size, after.size) == (6, 6)
    assert after["ts_open_ns"][0] == ns(2019, 1, 2, 22)


def test_a_share_is_read_once_it_is_declared(tmp_path: Path, lake: Lake, write: WriteFile) -> None:
    header = "Ativo;Data;Hora;Abertura;Máximo;Mínimo;Fechamento;Volume;Quantidade"
    rows = [f"PETR4;23/12/2022;1{hour}:00:00;25,19;25,21;25,12;25,20;2.189.437,00;86.900" for hour in (2, 1)]
    path = write("PETR4_B_0_60min.csv", [header, *rows], "latin-1")
    with pytest.raises(UnknownSymbol, match=r"declare it in pregao.toml under \[instruments.PETR4\] with tick_size"):
        import_file(lake, path)
    told = declared_lake(tmp_path, "PETR4", Declaration(0.01, 1.0, 1.0, "BRL", "b3_stocks"))
    import_file(told, path)
    bar = told.read_bars("PETR4", date(2022, 12, 23), 3600)[0]
    assert facts(bar) == (2_519, 2_521, 2_512, 2_520, 86_900, 0)
    assert bar["turnover"] == 218_943_700


def test_an_undeclared_pair_is_refused_with_what_to_declare(lake: Lake, write: WriteFile) -> None:
    rows = [f"2018.06.01\t00:{k:02}:00\t1.16879\t1.16906\t1.16852\t1.16855\t8\t0\t47" for k in range(60)]
    with pytest.raises(UnknownSymbol, match=r"or declare it in pregao.toml under \[instruments.EURUSD\]"):
        import_file(lake, write("EURUSD_M1.csv", [PLAIN, *rows]))
