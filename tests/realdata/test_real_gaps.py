"""Every hole that data/README.md names in the real bar files (D1, D5, D6), and its cause."""

import csv
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from market.calendar import to_local
from market.gaps import bar_gaps, missing_sessions, session_context
from market.importer import import_file
from market.instruments import B3, Declaration, declare
from market.lake import Lake
from market.lake_manifest import Cause
from market.types import BAR, Flag

REHEADERED = "b3/profit_bars_reheadered"
Told = tuple[str, str, str]


def gaps_of(lake: Lake, cause: Cause | None = None) -> list[Told]:
    """Return session, span and cause of every gap, or of those with one cause."""
    return [
        (p.session, f"{to_local(gap.first_ns):%H:%M}-{to_local(gap.last_ns):%H:%M}", str(gap.cause))
        for p in lake.partitions()
        for gap in p.gaps
        if cause is None or gap.cause == cause
    ]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_truncated_days_and_the_long_hole_of_wdo_are_feed_loss(realdata: Path, lake: Lake) -> None:
    """D1: they lie inside the file, so its export did not cut them."""
    import_file(lake, realdata / "b3/mt5_bars/WDO.csv")
    lost = {told[:2] for told in gaps_of(lake, Cause.FEED_LOSS)}
    assert {
        ("2018-09-28", "11:00-16:35"),
        ("2018-10-03", "09:00-10:40"),
        ("2018-11-30", "09:20-18:30"),  # four bars
        ("2018-12-13", "09:00-11:40"),
        ("2018-12-13", "16:10-18:15"),
        ("2019-10-14", "14:45-18:00"),
        ("2019-12-04", "09:00-11:05"),
    } <= lost
    assert gaps_of(lake, Cause.TRUNCATED) == []
    mornings = [("2018-02-14", "09:00-13:00", "holiday"), ("2019-03-06", "09:00-13:00", "holiday")]
    assert gaps_of(lake, Cause.HOLIDAY) == mornings


def test_missing_sessions_of_wdo_are_the_21_of_its_readme(realdata: Path, lake: Lake) -> None:
    import_file(lake, realdata / "b3/mt5_bars/WDO.csv")
    absent = missing_sessions(lake.partitions(), B3.calendar("WDO"))
    december = [3, 4, 5, 6, 7, 10, 11, 12, 14, 17, 18, 19, 20, 21, 26, 27, 28]
    lost = [date(2018, 12, day) for day in december]
    lost += [date(2019, 1, 2), date(2019, 10, 15), date(2019, 12, 2), date(2019, 12, 3)]
    assert [day for day, cause in absent if cause == Cause.FEED_LOSS] == lost
    holidays = [day for day, cause in absent if cause == Cause.HOLIDAY]
    assert {date(2018, 2, 12), date(2018, 12, 24), date(2019, 11, 15)} <= set(holidays)


def test_halts_of_the_crash_are_halts(realdata: Path, lake: Lake) -> None:
    """D5: holes on 9, 11, 12 (three), 16, 18, 24 and 25 March 2020 are real, and nothing in the file was lost."""
    import_file(lake, realdata / f"{REHEADERED}/WINJ20_1min.csv")
    assert [told[:2] for told in gaps_of(lake, Cause.HALT)] == [
        ("2020-03-09", "15:41-15:50"),
        ("2020-03-11", "15:53-16:02"),
        ("2020-03-11", "16:42-16:49"),
        ("2020-03-12", "13:03-13:09"),
        ("2020-03-12", "13:34-13:39"),
        ("2020-03-12", "14:06-14:16"),
        ("2020-03-16", "10:57-11:06"),
        ("2020-03-18", "13:59-14:10"),
        ("2020-03-24", "12:50-12:59"),
        ("2020-03-25", "15:21-15:26"),
    ]
    assert gaps_of(lake, Cause.FEED_LOSS) == []
    assert gaps_of(lake, Cause.HOLIDAY) == [("2020-02-26", "09:00-13:00", "holiday")]
    assert gaps_of(lake, Cause.TRUNCATED) == [("2020-02-12", "09:00-10:43", "truncated export")]
    bars = lake.read_bars("WINJ20", date(2020, 3, 9), 60)
    after = [f"{to_local(int(ns)):%H:%M}" for ns in bars["ts_open_ns"][(bars["flags"] & Flag.AFTER_GAP) != 0]]
    assert after == ["09:24", "15:50"]  # a tunnel's auction at 09:22, and the halt; not the opening call


def test_holes_of_win_have_their_causes(realdata: Path, lake: Lake) -> None:
    """D6; the calls of 2025-05-12 and 2025-07-10 lasted longer than one bar."""
    import_file(lake, realdata / f"{REHEADERED}/WIN_5min_test.csv")
    assert gaps_of(lake) == [
        ("2025-03-05", "09:00-13:00", "holiday"),
        ("2025-05-12", "09:00-09:05", "auction"),
        ("2025-06-03", "09:05-09:55", "feed loss"),  # the bar of 09:00 is there
        ("2025-07-10", "09:00-09:10", "auction"),
        ("2025-08-21", "09:20-10:25", "feed loss"),  # the bar of 09:15 is there
        ("2026-02-18", "09:00-13:00", "holiday"),
        ("2026-07-31", "09:00-12:30", "feed loss"),
        ("2026-08-18", "17:30-18:25", "truncated export"),
    ]


def test_closing_calls_of_a_share_are_calls(realdata: Path, tmp_path: Path) -> None:
    """It ends with a call every day: ten minutes at the rebalancing and the expiry of options, once fifteen."""
    lake = Lake(tmp_path / "lake", {"PETR4": declare("PETR4", Declaration(0.01, 1.0, 1.0, "BRL", "b3_stocks"))})
    import_file(lake, realdata / "b3/profit_bars/PETR4_B_0_1min.csv")
    assert gaps_of(lake, Cause.FEED_LOSS) == []
    closing = {told[0]: told[1] for told in gaps_of(lake, Cause.AUCTION) if told[1].endswith("18:00")}
    longer = {"2022-11-30": "17:50-18:00", "2022-12-06": "17:45-18:00", "2022-12-16": "17:50-18:00"}
    assert closing == {p.session: longer.get(p.session, "17:55-18:00") for p in lake.partitions()}


def test_hours_in_which_a_currency_rests_are_no_loss(realdata: Path, tmp_path: Path) -> None:
    """The broker quotes from 09:05 to 18:00 of São Paulo, whatever the summer times; some days it fails to."""
    declared = declare("USDBRL", Declaration(0.0001, 1.0, 1.0, "BRL", "forex", "Europe/Berlin"))
    lake = Lake(tmp_path / "lake", {"USDBRL": declared})
    import_file(lake, realdata / "fx/mt5_bars/USDBRL.csv")
    assert [told[:2] for told in gaps_of(lake, Cause.FEED_LOSS)] == [
        ("2019-01-07", "09:05-09:25"),
        ("2019-03-06", "09:05-13:05"),  # Ash Wednesday
        ("2019-04-19", "11:30-18:00"),  # Good Friday, with one bar
        ("2019-06-24", "09:05-09:10"),
        ("2019-07-18", "09:30-09:40"),
        ("2019-11-15", "12:25-18:00"),  # the Republic's day, with one bar
    ]
    assert gaps_of(lake, Cause.TRUNCATED) == []


@pytest.mark.parametrize("export", ["2022-01-08", "2021-12-27"])
def test_two_holes_of_wdofut_are_feed_loss(realdata: Path, lake: Lake, export: str) -> None:
    """D6: 2021-10-11; the dollar ran 0.7 % before 16:00 on 2021-03-02 and 0.5 % across the auction."""
    import_file(lake, realdata / f"{REHEADERED}/WDOFUT_F_0_5min.export_{export}.csv")
    assert gaps_of(lake, Cause.FEED_LOSS) == [
        ("2021-10-11", "14:00-14:35", "feed loss"),
        ("2021-10-11", "14:40-15:05", "feed loss"),
    ]
    assert ("2021-03-02", "16:00-16:05", "auction") in gaps_of(lake)


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("b3/mt5_bars/WDO.csv", {"auction": 5, "feed loss": 16, "holiday": 2, "no trade": 2}),
        ("b3/mt5_bars/WDOK20_M1.csv", {"auction": 4}),
        ("b3/profit_bars/WDOFUT_F_0_15min.csv", {"feed loss": 2, "holiday": 1, "truncated export": 1}),
        (f"{REHEADERED}/WDO_1min.csv", {"auction": 2, "truncated export": 1}),
        (f"{REHEADERED}/WINFUT_1min.csv", {"auction": 5, "truncated export": 1}),
    ],
)
def test_causes_in_every_other_file(realdata: Path, lake: Lake, file: str, counts: dict[str, int]) -> None:
    import_file(lake, realdata / file, symbol="DOLK20" if "WDOK20" in file else None)  # its name is wrong
    assert Counter(told[2] for told in gaps_of(lake)) == counts


def test_last_five_minutes_of_joined_bars_are_outside_the_hours_of_win(realdata: Path) -> None:
    """Where WDO goes on to 18:00, WIN closes at 17:55: its empty cells there are no gap."""
    with (realdata / "b3/joined_bars/WIN_WDO_M1_2021-05.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["time"].startswith("2021-05-14")]
    for symbol, first, last in (("WIN", "09:00", "17:54"), ("WDO", "09:00", "17:59")):
        told = [row["time"] for row in rows if row[f"close_{symbol.lower()}"]]
        assert (told[0][11:16], told[-1][11:16]) == (first, last)
        context = session_context(B3, symbol, date(2021, 5, 14), 0, False, False)
        bars = np.zeros(len(told), dtype=BAR)
        bars["ts_open_ns"] = (np.array(told, dtype="datetime64[ns]").astype(np.int64)) + 3 * 3_600_000_000_000
        bars["open"] = bars["high"] = bars["low"] = bars["close"] = bars["trades"] = 1_000
        assert bar_gaps(bars, context, 60_000_000_000) == ()
