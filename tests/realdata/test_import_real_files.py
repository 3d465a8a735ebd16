"""Real exports: every B3 bar and tick file of the formats we read, and what their README says of them."""

import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest

from market.bars import bars_from_events
from market.calendar import to_local
from market.errors import FileRefused, UnknownSymbol
from market.importer import ImportResult, import_file
from market.instruments import B3
from market.lake import Lake
from market.types import Flag, Kind, Side

MINUTE_NS = 60_000_000_000
REHEADERED = "b3/profit_bars_reheadered"
BARS = [
    # file, contract, bar seconds, rows, rejected, price basis
    ("b3/mt5_bars/WDO.csv", "WDO", 300, 50_989, 26, "back_adjusted"),
    ("b3/mt5_bars/WDOK20_M1.csv", "WDOK20", 60, 3_769, 0, "raw"),
    ("b3/profit_bars/WDOFUT_F_0_15min.csv", "WDOFUT", 900, 12_763, 0, "back_adjusted"),
    (f"{REHEADERED}/WDO_1min.csv", "WDOFUT", 60, 27_096, 0, "back_adjusted"),
    (f"{REHEADERED}/WDOFUT_F_0_5min.export_2022-01-08.csv", "WDOFUT", 300, 34_063, 0, "back_adjusted"),
    (f"{REHEADERED}/WDOFUT_F_0_5min.export_2021-12-27.csv", "WDOFUT", 300, 33_062, 0, "back_adjusted"),
    (f"{REHEADERED}/WINJ20_1min.csv", "WINJ20", 60, 17_162, 0, "raw"),
    (f"{REHEADERED}/WINFUT_1min.csv", "WINFUT", 60, 24_519, 0, "back_adjusted"),
    (f"{REHEADERED}/WIN_5min_test.csv", "WIN$", 300, 45_818, 0, "back_adjusted"),
]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def all_bars(lake: Lake, contract: str, seconds: int) -> np.ndarray:
    return np.concatenate([lake.read_bars(contract, day, seconds) for day in lake.sessions(contract)])


@pytest.mark.parametrize(("file", "contract", "seconds", "rows", "rejected", "basis"), BARS)
def test_imports_a_real_bar_file(
    realdata: Path, lake: Lake, file: str, contract: str, seconds: int, rows: int, rejected: int, basis: str
) -> None:
    result = import_file(lake, realdata / file)
    assert (result.status, result.contracts[0], result.rows, result.rejected) == ("imported", contract, rows, rejected)
    partitions = lake.partitions()
    assert {(p.kind, p.bar_seconds, p.provenance.price_basis) for p in partitions} == {("bars", seconds, basis)}
    assert sum(p.rows for p in partitions) == rows
    assert lake.verify() == []
    assert import_file(lake, realdata / file).status == "unchanged"


@pytest.mark.parametrize("file", [row[0] for row in BARS if not row[0].endswith("/WDO.csv")])
def test_real_files_miss_no_session_between_their_first_and_last(realdata: Path, lake: Lake, file: str) -> None:
    contract = import_file(lake, realdata / file).contracts[0]
    days = lake.sessions(contract)
    assert days == B3.calendar("WDO").sessions(days[0], days[-1])


def test_wdo_rejects_are_its_two_saturdays_and_the_stray_bar(realdata: Path, lake: Lake) -> None:
    import_file(lake, realdata / "b3/mt5_bars/WDO.csv")
    lines = next((lake.folder / "quarantine").iterdir()).read_text().splitlines()[1:]
    days = [line.split(",")[2][:10] for line in lines]
    assert set(days) == {"2018.11.10", "2019.09.07", "2018.11.01"}
    assert days.count("2018.11.01") == 1


def test_wdo_misses_the_sessions_its_readme_lists(realdata: Path, lake: Lake) -> None:
    import_file(lake, realdata / "b3/mt5_bars/WDO.csv")
    missing = set(B3.calendar("WDO").sessions(date(2018, 1, 2), date(2019, 12, 30))) - set(lake.sessions("WDO"))
    assert len(missing) == 21
    assert {date(2018, 12, 3), date(2019, 1, 2), date(2019, 10, 15), date(2019, 12, 3)} <= missing


def test_every_full_session_of_wdo_ends_where_the_hours_table_says(realdata: Path, lake: Lake) -> None:
    """This is what hours.csv was measured with; a season off by a quarter of an hour shows here."""
    import_file(lake, realdata / "b3/mt5_bars/WDO.csv")
    short = {"2018-11-30", "2018-12-13", "2019-10-14"}  # truncated days
    late = [
        p.session
        for p in lake.partitions()
        if p.session not in short
        and not 0 <= p.last_ns - B3.session("WDO", date.fromisoformat(p.session))["close_ns"][0] <= 5 * MINUTE_NS
    ]
    assert late == []


def test_first_and_last_partial_session_are_marked(realdata: Path, lake: Lake) -> None:
    import_file(lake, realdata / f"{REHEADERED}/WINJ20_1min.csv")
    days = lake.sessions("WINJ20")
    marked = [day for day in days if (lake.read_bars("WINJ20", day, 60)["flags"] & Flag.PARTIAL).any()]
    assert marked == [date(2020, 2, 12)]
    assert len(lake.partitions()[0].gaps) >= 1


def test_true_prices_come_back_from_the_turnover(realdata: Path, lake: Lake) -> None:
    """WINJ20's volume is in cents: turnover / volume must lie between low and high (data/README.md, D4)."""
    import_file(lake, realdata / f"{REHEADERED}/WINJ20_1min.csv")
    bars = all_bars(lake, "WINJ20", 60)
    average = bars["turnover"] / bars["volume"]
    assert ((average >= bars["low"] - 0.01) & (average <= bars["high"] + 0.01)).mean() > 0.999


def test_thousands_dots_without_a_comma_are_read(realdata: Path, lake: Lake) -> None:
    import_file(lake, realdata / f"{REHEADERED}/WDO_1min.csv")
    bars = lake.read_bars("WDOFUT", date(2022, 1, 14), 60)
    assert [int(bar["volume"]) for bar in bars[-4:]] == [775, 567, 478, 1156]  # oldest first
    assert bars["close"][-1] == 11_107  # 5553.5


def test_a_restated_export_does_not_mix_with_the_older_one(realdata: Path, lake: Lake) -> None:
    import_file(lake, realdata / f"{REHEADERED}/WDOFUT_F_0_5min.export_2021-12-27.csv")
    before = lake.data_hash()
    with pytest.raises(FileRefused, match="restates a continuous series"):
        import_file(lake, realdata / f"{REHEADERED}/WDOFUT_F_0_5min.export_2022-01-08.csv")
    assert lake.data_hash() == before


@pytest.fixture
def ticks(realdata: Path, lake: Lake) -> ImportResult:
    return import_file(lake, realdata / "b3/mt5_ticks/DOLK20.csv")


def test_ticks_rebuild_the_minutes_of_another_file(realdata: Path, lake: Lake, ticks: ImportResult) -> None:
    """WDOK20_M1.csv is really DOLK20 (data/README.md, D2); the cut ticks cover its minutes to 13:59."""
    day = date(2020, 4, 2)
    import_file(lake, realdata / "b3/mt5_bars/WDOK20_M1.csv", symbol="DOLK20")
    theirs = lake.read_bars("DOLK20", day, 60)
    ours = bars_from_events(lake.read_events("DOLK20", day), B3.session("DOL", day), MINUTE_NS)
    until = B3.session("DOL", day)["open_ns"][0] + 5 * 60 * MINUTE_NS
    theirs = theirs[theirs["ts_open_ns"] < until]
    ours = ours[(ours["ts_open_ns"] < until) & (ours["flags"] & Flag.EMPTY == 0)]
    assert theirs.size == 297
    for name in ("ts_open_ns", "open", "high", "low", "close", "volume", "trades"):
        assert list(ours[name]) == list(theirs[name]), name


def test_ticks_keep_every_trade_and_classify_most(realdata: Path, lake: Lake, ticks: ImportResult) -> None:
    assert (ticks.rows, ticks.rejected, ticks.contracts[0]) == (42_307, 0, "DOLK20")
    path = realdata / "b3/mt5_ticks/DOLK20.csv"
    cells = pyarrow.csv.read_csv(path, parse_options=pyarrow.csv.ParseOptions(delimiter="\t"))
    theirs = [volume for volume in cells["<VOLUME>"].to_pylist() if volume]
    events = lake.read_events("DOLK20", date(2020, 4, 2))
    trades = events[events["kind"] == Kind.TRADE]
    assert list(trades["quantity"]) == theirs
    share = {side: np.mean(trades["side"] == side) for side in Side}
    assert share[Side.BUY] + share[Side.SELL] == pytest.approx(0.87, abs=0.02)
    assert abs(share[Side.BUY] - share[Side.SELL]) < 0.05
    opening = trades[trades["ts_event_ns"] <= trades["ts_event_ns"][0]]
    assert not opening["side"].any()  # crossed quotes of the call


def test_a_trade_costs_at_most_six_and_a_half_bytes(lake: Lake, ticks: ImportResult) -> None:
    trades = lake.partitions("trades")[0]
    assert trades.bytes / trades.rows <= 6.5
    assert [gap.cause for gap in trades.gaps] == ["auction", "truncated export"]  # the afternoon was cut off
    assert to_local(trades.last_ns).hour == 13


@pytest.mark.parametrize("file", ["b3/mt5_ticks/DOLK20.csv", f"{REHEADERED}/WIN_5min_test.csv"])
def test_reading_is_fast(realdata: Path, lake: Lake, file: str) -> None:
    """Three seconds leave room for a busy machine; alone it takes a tenth and a half of one."""
    started = time.perf_counter()
    import_file(lake, realdata / file)
    assert time.perf_counter() - started < 3.0


def test_refuses_real_files_that_are_not_ours(realdata: Path, lake: Lake) -> None:
    with pytest.raises(UnknownSymbol, match="PETR4"):
        import_file(lake, realdata / "b3/profit_bars/PETR4_B_0_1min.csv")
    with pytest.raises(FileRefused, match="daily bars"):
        import_file(lake, realdata / "b3/profit_bars/WDOFUT_F_0_Diário.csv")
    assert not lake.folder.exists()


def test_bars_after_a_contracts_last_session_are_refused(realdata: Path, lake: Lake) -> None:
    with pytest.raises(FileRefused, match="sessions of WDOF20 up to its last one, 2019-12-30"):
        import_file(lake, realdata / "b3/mt5_bars/WDOK20_M1.csv", symbol="WDOF20")
    assert lake.partitions() == []
