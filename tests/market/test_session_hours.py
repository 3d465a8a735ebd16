"""The session of a row, for any pair of clocks, against the slow way: search the sessions around its instant."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.calendar import Calendar, shipped_calendar, to_ns
from market.errors import DataError
from market.readers.cells import NO_DAY, NS_PER_DAY
from market.readers.screen import hours_of_days

EPOCH = date(1970, 1, 1)
CLOCKS = ("America/Sao_Paulo", "Europe/Athens", "Europe/Berlin", "UTC", "Asia/Kolkata", "Asia/Tokyo")


def session_around(calendar: Calendar, ns: int, near: date) -> tuple[date, int, int] | None:
    for day in (near + timedelta(days=k) for k in (-2, -1, 0, 1, 2)):
        try:
            record = calendar.session(day)[0]
        except DataError:
            continue
        if record["open_ns"] <= ns < record["close_ns"]:
            return day, int(record["open_ns"]), int(record["close_ns"])
    return None


@pytest.mark.parametrize("name", ["b3_dollar", "b3_index", "forex", "always"])
@given(
    clock=st.sampled_from(CLOCKS),
    moments=st.lists(st.datetimes(datetime(2018, 1, 3), datetime(2020, 12, 30)), min_size=1, max_size=8),
)
def test_a_row_within_hours_has_the_session_that_contains_it(name: str, clock: str, moments: list[datetime]) -> None:
    calendar, zone = shipped_calendar(name), ZoneInfo(clock)
    days = np.array([(moment.date() - EPOCH).days for moment in moments])
    times = np.array([((m.hour * 60 + m.minute) * 60 + m.second) * 1_000_000_000 for m in moments])
    hours = hours_of_days(calendar, zone, days, times)
    utc = days * NS_PER_DAY + times - hours.offset_ns
    for k, moment in enumerate(moments):
        assert utc[k] == to_ns(moment.replace(microsecond=0, tzinfo=zone))
        found = session_around(calendar, int(utc[k]), moment.date())
        if found is not None:
            assert hours.is_session[k]
            assert (EPOCH + timedelta(days=int(hours.day[k])), hours.open_ns[k], hours.close_ns[k]) == found
        elif hours.is_session[k]:
            assert not hours.open_ns[k] <= utc[k] < hours.close_ns[k]


def test_days_alone_are_looked_up_at_noon() -> None:
    calendar = shipped_calendar("b3_dollar")
    days = np.array([(date(2019, 1, 3) - EPOCH).days, NO_DAY, (date(2019, 1, 5) - EPOCH).days])
    hours = hours_of_days(calendar, calendar.zone, days)
    assert list(hours.is_session) == [True, False, False]
    assert hours.open_ns[0] == calendar.session(date(2019, 1, 3))["open_ns"][0]
    assert list(hours.day) == list(days)
    assert hours.offset_ns[0] == -2 * 3600 * 1_000_000_000  # summer time


def test_a_day_of_no_calendar_has_no_session() -> None:
    days = np.array([(date(year, 1, 4) - EPOCH).days for year in (1, 1950, 2031, 9999)])
    assert not hours_of_days(shipped_calendar("forex"), ZoneInfo("Europe/Berlin"), days).is_session.any()
