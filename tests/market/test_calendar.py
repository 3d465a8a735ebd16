"""The session dates against two other libraries, the hours against b3.md §2 and what real files measure."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

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


def test_sessions_equal_bizdays_to_its_end() -> None:
    """Its version 1.0.19 reaches the end of 2026; an earlier one ends in 2024 and fails here."""
    theirs = bizdays.Calendar.load("B3").seq("2019-01-01", "2026-12-31")
    ours = FUTURES.sessions(date(2019, 1, 1), date(2026, 12, 31))
    assert [f"{day:%Y-%m-%d}" for day in theirs] == [f"{day}" for day in ours]


def easter(year: int) -> date:
    """The anonymous Gregorian algorithm."""
    a, b, c = year % 19, year // 100, year % 100
    d = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    e = (32 + 2 * (b % 4) + 2 * (c // 4) - d - c % 4) % 7
    months = d + e - 7 * ((a + 11 * d + 22 * e) // 451) + 114
    return date(year, months // 31, months % 31 + 1)


def closed_by_the_text(year: int) -> set[date]:
    """What b3.md §3 says in words."""
    around_easter = [easter(year) + timedelta(days=k) for k in (-48, -47, -2, 60)]
    fixed = [(1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (12, 24), (12, 25)]
    sao_paulo = [(1, 25)] if year <= 2021 else []
    sao_paulo += [(7, 9)] if year <= 2021 and year != 2020 else []
    awareness = [(11, 20)] if year == 2019 or year >= 2024 else []
    year_end = date(year, 12, 31)
    last_weekday = year_end - timedelta(days=max(year_end.weekday() - 4, 0))
    return {*around_easter, *(date(year, m, d) for m, d in [*fixed, *sao_paulo, *awareness]), last_weekday}


@pytest.mark.parametrize("year", range(2019, 2028))
def test_sessions_of_a_year_follow_the_rule_as_written(year: int) -> None:
    days = [date(year, 1, 1) + timedelta(days=k) for k in range(366)]
    expected = [d for d in days if d.year == year and d.weekday() < 5 and d not in closed_by_the_text(year)]
    assert FUTURES.sessions(date(year, 1, 1), date(year, 12, 31)) == expected


def test_there_are_as_many_sessions_as_counted() -> None:
    """b3.md §3: 2,239 from 2019 to 2027."""
    assert len(FUTURES.sessions(date(2019, 1, 1), date(2027, 12, 31))) == 2_239


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


def test_wall_clock_survives_the_way_to_utc_and_back() -> None:
    local = datetime(2020, 4, 2, 9, 3, 9, 658_000)
    ns = calendar.to_ns(local)
    assert ns == 1_585_828_989_658_000_000
    assert calendar.to_local(ns).replace(tzinfo=None) == local
    assert calendar.to_ns(datetime(2020, 4, 2, 12, 3, 9, 658_000, tzinfo=UTC)) == ns


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2016-06-01", "10:00", "17:00"),
        ("2017-11-01", "10:00", "18:00"),
        ("2018-03-12", "10:00", "17:00"),
        ("2020-03-06", "10:00", "18:00"),
        ("2020-03-09", "10:00", "17:00"),
        ("2021-03-12", "10:00", "18:00"),
        ("2022-11-24", "10:00", "18:00"),
        ("2024-03-11", "10:00", "17:00"),
        ("2024-11-04", "10:00", "18:00"),
        ("2025-03-05", "13:00", "18:00"),
        ("2025-03-10", "10:00", "17:00"),
        ("2025-11-03", "10:00", "18:00"),
    ],
)
def test_hours_of_shares_move_with_new_york(day: str, opens: str, closes: str) -> None:
    record = calendar.shipped_calendar("b3_stocks").session(date.fromisoformat(day))[0]
    assert (clock(record["open_ns"]), clock(record["close_ns"])) == (opens, closes)


@pytest.mark.parametrize("year", range(2019, 2028))
def test_shares_close_at_six_exactly_while_new_york_has_winter_time(year: int) -> None:
    """So that both exchanges are open together."""
    new_york, shares = ZoneInfo("America/New_York"), calendar.shipped_calendar("b3_stocks")
    for day in shares.sessions(date(year, 1, 1), date(year, 12, 31)):
        summer = bool(datetime.combine(day, time(12), tzinfo=new_york).dst())
        assert shares.hours_on(day).close == (time(17) if summer else time(18)), day


def test_shares_have_the_sessions_of_the_futures() -> None:
    span = date(2013, 1, 1), date(2027, 12, 31)
    assert calendar.shipped_calendar("b3_stocks").sessions(*span) == FUTURES.sessions(*span)


@pytest.mark.parametrize(
    ("name", "day", "opens", "closes"),
    [
        ("always", "2026-12-25", "2026-12-25T00:00", "2026-12-26T00:00"),
        ("always", "2024-08-10", "2024-08-10T00:00", "2024-08-11T00:00"),  # a Saturday
        ("forex", "2018-06-04", "2018-06-03T21:00", "2018-06-04T21:00"),  # Athens is three hours ahead in summer
        ("forex", "2026-12-25", "2026-12-24T22:00", "2026-12-25T22:00"),
    ],
)
def test_markets_round_the_clock_last_a_day_of_their_zone(name: str, day: str, opens: str, closes: str) -> None:
    record = calendar.shipped_calendar(name).session(date.fromisoformat(day))[0]
    found = [datetime.fromtimestamp(record[edge] / 1e9, UTC) for edge in ("open_ns", "close_ns")]
    assert [f"{moment:%Y-%m-%dT%H:%M}" for moment in found] == [opens, closes]


def test_currencies_rest_at_the_weekend() -> None:
    week = calendar.shipped_calendar("forex").sessions(date(2026, 11, 16), date(2026, 11, 22))
    assert week == [date(2026, 11, day) for day in range(16, 21)]


OVERRIDES = """date,status,open,close,reason,source
2026-11-27,closed,,,Power failure,B3 notice
2026-11-26,open,10:30,17:00,Match of the national team,B3 notice
2026-12-24,open,,,Unusual session,B3 notice
"""


def test_overrides_close_open_and_move_days() -> None:
    own = FUTURES.with_special_days(calendar.read_overrides(OVERRIDES, "calendar.csv"))
    assert [own.is_session(date(2026, *day)) for day in ((11, 26), (11, 27), (12, 24))] == [True, False, True]
    assert own.hours_on(date(2026, 11, 26)) == calendar.Hours(time(10, 30), time(17))
    assert own.hours_on(date(2026, 12, 24)) == calendar.Hours(time(9), time(18, 30))
    assert own.reason_of(date(2026, 11, 27)) == "Power failure"
    assert FUTURES.is_session(date(2026, 11, 27))  # the shipped calendar stays


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("2026-13-01,closed,,,No month,x", 3),
        ("2026-11-27,shut,,,No status,x", 3),
        ("2026-11-27,open,9h,,No time,x", 3),
        ("2026-11-27,closed,,,No source,", 3),
        ("2026-11-27,closed", 3),
        ("2026-11-27,open,18:00,09:00,Hours exchanged,x", 3),
        ("2026-11-27,open,09:00,09:00,No time at all,x", 3),
    ],
)
def test_malformed_override_is_refused_with_its_line(line: str, number: int) -> None:
    text = f"date,status,open,close,reason,source\n2026-11-26,closed,,,Right,x\n{line}\n"
    with pytest.raises(ConfigError, match=rf"here\.csv, line {number}: expected date,status,open,close,reason,source"):
        calendar.read_overrides(text, "here.csv")


def test_override_file_without_its_columns_is_refused() -> None:
    for text in ("day;status\n2026-11-27;closed\n", "date,status\n", OVERRIDES.split("\n", 1)[1]):
        with pytest.raises(ConfigError, match="line 1: expected the columns date,status,open,close,reason,source"):
            calendar.read_overrides(text, "here.csv")
    assert calendar.read_overrides("", "here.csv") == {}


def test_day_named_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"here\.csv, line 5: expected each day once, found 2026-11-26 again"):
        calendar.read_overrides(f"{OVERRIDES}2026-11-26,closed,,,Shut after all,x\n", "here.csv")


def test_session_that_ends_at_midnight_is_in_order() -> None:
    text = f"{OVERRIDES}2026-11-25,open,09:00,00:00,Late trading,x\n"
    assert calendar.read_overrides(text, "here.csv")[date(2026, 11, 25)].close == time(0)


def test_refuses_a_calendar_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match=r"b3_dollar, b3_index, b3_stocks, always, forex"):
        calendar.shipped_calendar("nyse")


def test_every_row_of_hours_says_where_it_comes_from() -> None:
    assert all(
        row["source"] for name in ("hours.csv", "exceptions.csv", "costs.csv") for row in calendar.read_table(name)
    )
