"""The calendar against every real file that can be imported: D1 of their README, and the hours of shares."""

from collections import defaultdict
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from cli.environment import CHECKOUT
from market.calendar import shipped_calendar
from market.home import Home
from tests.commands import run_pregao

FILES = [
    "b3/mt5_bars/WDO.csv",
    "b3/mt5_ticks/DOLK20.csv",
    "b3/profit_bars/PETR4_B_0_1min.csv",
    "b3/profit_bars/WDOFUT_F_0_15min.csv",
    "b3/profit_bars_reheadered/WDO_1min.csv",
    "b3/profit_bars_reheadered/WDOFUT_F_0_5min.export_2022-01-08.csv",
    "b3/profit_bars_reheadered/WDOFUT_F_0_5min.export_2021-12-27.csv",
    "b3/profit_bars_reheadered/WINJ20_1min.csv",
    "b3/profit_bars_reheadered/WINFUT_1min.csv",
    "b3/profit_bars_reheadered/WIN_5min_test.csv",
    "b3/mt5_saveas_utf16/WDOJ19M5.csv",
    "b3/mt5_saveas_utf16/WDO$Daily.csv",
    "b3/profit_bars/WDOFUT_F_0_Diário.csv",
    "b3/mt5_python_rates/WIN_M5.csv",
    "b3/mt5_python_rates/WDO_M5.csv",
    "b3/joined_bars/WIN_WDO_M1_2021-05.csv",
    "b3/book/book_data_processed_sample.csv",
    "b3/public_trades/test_sample.txt",
    "crypto/binance_usdm_ws/btcusdt_20240808.gz",
    "fx/mt5_bars/EURUSD_M1.csv",
    "fx/mt5_bars/USDBRL.csv",
]
# D1: the sessions WDO.csv misses, and its days that are no sessions.
MISSING = {
    "2018-12": [3, 4, 5, 6, 7, 10, 11, 12, 14, 17, 18, 19, 20, 21, 26, 27, 28],
    "2019-01": [2],
    "2019-10": [15],
    "2019-12": [2, 3],
}
SATURDAYS = ["2018-11-10", "2019-09-07"]


@pytest.fixture(scope="module")
def audit(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the answer of one audit of all files, with the instruments of the shipped example."""
    home = Home(tmp_path_factory.mktemp("home"))
    example = str(CHECKOUT / "deploy" / "pregao.toml")
    files = [str(realdata / name) for name in FILES]
    done = run_pregao(home, "calendar", "audit", *files, "--json", PREGAO_CONFIG=example)
    return done.code, done.answer


@pytest.mark.nightly
def test_no_session_is_outside_the_calendar_but_the_two_saturdays(audit: tuple[int, dict[str, Any]]) -> None:
    code, said = audit
    assert [(one["source"], one["date"]) for one in said["outside"]] == [("WDO.csv", day) for day in SATURDAYS]
    assert (code, said["refused"]) == (1, [])
    assert all(day in said["reason"] for day in SATURDAYS)


@pytest.mark.nightly
def test_no_session_is_missing_but_those_listed(audit: tuple[int, dict[str, Any]]) -> None:
    """Also the README's fourth check: every other futures file has no missing and no extra session in its range."""
    expected = [f"{month}-{day:02}" for month, days in MISSING.items() for day in days]
    assert len(expected) == 21
    missing = [(one["contract"], one["date"]) for one in audit[1]["missing"]]
    assert missing == [("WDO", day) for day in expected]


@pytest.mark.nightly
def test_hours_of_futures_are_off_only_where_the_file_is_short(audit: tuple[int, dict[str, Any]]) -> None:
    """D1 and D6 list these days as cut, but 2025-07-10, whose first bar is at 09:10 and whose end is whole.

    The 18:30 bar of WIN on 2026-06-10 lies five minutes after its close.
    """
    found = [(one["contract"], one["date"]) for one in audit[1]["off_hours"] if one["contract"] != "PETR4"]
    assert ("WIN", "2026-06-10") in found
    assert [one for one in found if one != ("WIN", "2026-06-10")] == [
        ("WDO", "2018-10-03"), ("WDO", "2018-11-30"), ("WDO", "2018-12-13"), ("WDO", "2019-10-14"),
        ("WDO", "2019-12-04"), ("WDO", "2018-11-01"), ("WIN$", "2025-07-10"), ("WIN$", "2026-07-31"),
    ]  # fmt: skip


def test_hours_of_shares_hold_every_bar_but_one_after_the_market(realdata: Path) -> None:
    """The opening call lasts some minutes, the closing call's print stands in the last bar before it."""
    text = (realdata / "b3/profit_bars/PETR4_B_0_1min.csv").read_text(encoding="latin-1")
    days: dict[date, list[time]] = defaultdict(list)
    for line in text.splitlines()[1:]:
        _, day, moment, *_ = line.split(";")
        days[datetime.strptime(day, "%d/%m/%Y").date()].append(time.fromisoformat(moment))
    shares, outside = shipped_calendar("b3_stocks"), []
    for day, moments in days.items():
        hours = shares.hours_on(day)
        outside += [(day, moment) for moment in moments if not hours.open <= moment < hours.close]
    assert list(reversed(days)) == shares.sessions(min(days), max(days))
    assert outside == [(date(2022, 12, 16), time(18, 30))]  # an option expiry: after-market on that day only
    assert {max(m for m in moments if m < time(18)) for moments in days.values()} == {
        time(17, 54), time(17, 49), time(17, 44)
    }  # fmt: skip
    assert time(10, 0) <= min(min(moments) for moments in days.values()) <= time(10, 5)
