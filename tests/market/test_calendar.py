"""The session dates against two other libraries, the hours against b3.md §2 and what real files measure."""

from datetime import UTC, date, datetime, timedelta

import bizdays
import exchange_calendars
import numpy as np
import pytest

from market import calendar
from market.errors import ConfigError, DataError
from market.instruments import B3

FUTURES = calendar.shipped_calendar("b3_dollar")


def clock(ns: int) -> str:
    return calendar.to_local(ns).strftime("%H:%M")


def test_sessions_equal_exchange_calendars_in_every_year_of_the_table() -> None:
    theirs = exchange_calendars.get_calendar("BVMF", start="2013-01-01", end="2027-12-31").sessions
    assert FUTURES.sessions(date(2013, 1, 1), date(2027, 12, 31)) == [day.date() for day in theirs]


def test_sessions_equal_bizdays_where_it_reaches() -> None:
    """Its calendar ends with 2024 or 2026, by version."""
    library = bizdays.Calendar.load("B3")
    last = min(library.enddate, date(2026, 12, 31))
    assert last >= date(2024, 12, 31)
    theirs = library.seq("2019-01-01", last.isoformat())
    assert [f"{day:%Y-%m-%d}" for day in theirs] == [f"{day}" for day in FUTURES.sessions(date(2019, 1, 1), last)]


def test_table_reaches_a_quarter_beyond_today() -> None:
    """A reminder: extend closures.csv when the exchange publishes its next list."""
    assert calendar.LAST_DAY - datetime.now(UTC).date() > timedelta(days=90)


@pytest.mark.parametrize("day", ["2012-12-28", "2028-01-03"])
def test_refuses_a_day_outside_the_table(day: str) -> None:
    with pytest.raises(DataError, match="2013-01-01 to 2027-12-31"):
        FUTURES.is_session(date.fromisoformat(day))


@pytest.mark.parametrize(
    ("day", "why"), [("2026-11-21", "weekend"), ("2026-12-25", "Christmas"), ("2025-03-03", "Carnival Monday")]
)
def test_refuses_hours_of_a_day_without_a_session_and_says_why(day: str, why: str) -> None:
    with pytest.raises(DataError, match=why):
        B3.session("WDO", date.fromisoformat(day))


@pytest.mark.parametrize(
    ("root", "day", "opens", "closes"),
    [
        ("WDO", "2018-03-09", "09:00", "18:15"),
        ("WDO", "2018-03-12", "09:00", "18:00"),
        ("WIN", "2018-03-12", "09:00", "17:55"),
        ("WDO", "2018-11-05", "09:00", "18:15"),
        ("WIN", "2018-11-30", "09:00", "18:25"),
        ("WIN", "2020-02-13", "09:00", "18:10"),
        ("WIN", "2020-03-09", "09:00", "17:55"),
        ("DOL", "2020-04-02", "09:00", "18:00"),
        ("WIN", "2020-11-03", "09:00", "18:25"),
        ("WDO", "2021-11-05", "09:00", "18:00"),
        ("WDO", "2021-11-08", "09:00", "18:30"),
        ("WDO", "2022-03-14", "09:00", "18:00"),
        ("IND", "2023-11-03", "09:00", "17:55"),
        ("IND", "2023-11-06", "09:00", "18:25"),
        ("WDO", "2024-03-11", "09:00", "18:30"),
        ("WIN", "2026-07-01", "09:00", "18:25"),
        ("WDO", "2025-03-05", "13:00", "18:30"),
        ("WIN", "2026-02-18", "13:00", "18:25"),
        ("WDO", "2021-02-17", "13:00", "18:30"),
    ],
)
def test_hours_of_a_session(root: str, day: str, opens: str, closes: str) -> None:
    record = B3.session(root, date.fromisoformat(day))[0]
    assert (clock(record["open_ns"]), clock(record["close_ns"])) == (opens, closes)
    assert (clock(record["lunch_start_ns"]), clock(record["lunch_end_ns"])) == ("12:00", "13:00")


def test_every_ash_wednesday_opens_at_one() -> None:
    theirs = exchange_calendars.get_calendar("BVMF", start="2016-01-01", end="2027-12-31").late_opens
    ash_wednesdays = [date(2013, 2, 13), date(2014, 3, 5), date(2015, 2, 18), *(day.date() for day in theirs)]
    assert len(ash_wednesdays) == 15
    late = [day for day in FUTURES.sessions(date(2013, 1, 1), date(2027, 12, 31)) if opens(day) == "13:00"]
    assert late == ash_wednesdays


def opens(day: date) -> str:
    return clock(B3.session("WDO", day)["open_ns"][0])


def test_summer_time_of_brazil_moves_the_open_in_utc() -> None:
    in_summer = B3.session("WDO", date(2018, 12, 3))["open_ns"][0]
    after_it = B3.session("WDO", date(2019, 3, 7))["open_ns"][0]
    assert datetime.fromtimestamp(in_summer / 1e9, UTC).hour == 11
    assert datetime.fromtimestamp(after_it / 1e9, UTC).hour == 12


def test_record_carries_day_and_weekday() -> None:
    record = B3.session("WDO", date(2020, 4, 2))
    assert record.shape == (1,)
    assert record["date"][0] == np.datetime64("2020-04-02").astype(int)
    assert record["weekday"][0] == 3
    assert calendar.day_of(record) == calendar.day_of(record[0]) == date(2020, 4, 2)


def test_wall_clock_survives_the_way_to_utc_and_back() -> None:
    local = datetime(2020, 4, 2, 9, 3, 9, 658_000)
    ns = calendar.to_ns(local)
    assert ns == 1_585_828_989_658_000_000
    assert calendar.to_local(ns).replace(tzinfo=None) == local
    assert calendar.to_ns(datetime(2020, 4, 2, 12, 3, 9, 658_000, tzinfo=UTC)) == ns


def test_refuses_a_calendar_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match=r"b3_dollar, b3_index, b3_stocks, always, forex"):
        calendar.shipped_calendar("nyse")


def test_every_row_of_hours_says_where_it_comes_from() -> None:
    assert all(
        row["source"] for name in ("hours.csv", "exceptions.csv", "costs.csv") for row in calendar.read_table(name)
    )
