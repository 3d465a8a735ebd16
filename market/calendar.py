"""Sessions and their hours: one calendar per market, from dated tables (b3.md §2, §3), and the exchange's clock."""

import csv
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np

from market.errors import ConfigError, DataError
from market.types import SESSION
from market.wording import to_toml

EXCHANGE_ZONE = ZoneInfo("America/Sao_Paulo")
FIRST_DAY = date(2013, 1, 1)
LAST_DAY = date(2027, 12, 31)

# How long before the close a closing call may begin. A share's lasts five minutes; on days of expiry and of rebalancing
# ten, and PETR4's of 2022-12-06 fifteen. Futures have none (b3.md §2).
CLOSING_CALL_NS: Mapping[str, int] = {"b3_stocks": 15 * 60_000_000_000}

_EPOCH_DAY = date(1970, 1, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LUNCH = time(12), time(13)
_MIDNIGHT = time(0)
_OVERRIDE_COLUMNS = ("date", "status", "open", "close", "reason", "source")


@dataclass(frozen=True)
class Hours:
    """Opening and closing wall-clock time of a session; a close at 00:00 ends the day."""

    open: time
    close: time


@dataclass(frozen=True)
class SpecialDay:
    """A day that differs from the rule of its calendar.

    Parameters
    ----------
    closed : bool
        Whether there is no session.
    open, close : time or None
        What replaces the regular hours where there is one.
    reason : str
        Why, as a person reads it.
    """

    closed: bool
    open: time | None
    close: time | None
    reason: str


@dataclass(frozen=True, eq=False)
class Calendar:
    """The sessions of one market.

    Parameters
    ----------
    name : str
        As in market/tables/hours.csv, or one of ROUND_THE_CLOCK.
    zone : ZoneInfo
        Clock of its hours.
    weekdays : frozenset of int
        Days of the week with sessions, Monday is 0.
    first_days : tuple of date
        From when each of `hours` holds, ascending.
    hours : tuple of Hours
        Regular hours, by season.
    special : mapping of date to SpecialDay
        Holidays, late opens, longer sessions, and the user's overrides.
    """

    name: str
    zone: ZoneInfo
    weekdays: frozenset[int]
    first_days: tuple[date, ...]
    hours: tuple[Hours, ...]
    special: Mapping[date, SpecialDay]

    def is_session(self, day: date) -> bool:
        """Tell whether a day has a session; raises DataError outside the tables (2013-2027)."""
        _refuse_outside_table(day)
        found = self.special.get(day)
        return not found.closed if found else day.weekday() in self.weekdays

    def sessions(self, first: date, last: date) -> list[date]:
        """Return the sessions from `first` to `last`, both included; raises DataError outside the tables."""
        days = (first + timedelta(days=k) for k in range((last - first).days + 1))
        return [day for day in days if self.is_session(day)]

    def next_session(self, day: date) -> date:
        """Return `day` itself where it is a session, else the first session after it."""
        while not self.is_session(day):
            day += timedelta(days=1)
        return day

    def previous_session(self, day: date) -> date:
        """Return the last session strictly before `day`."""
        day -= timedelta(days=1)
        while not self.is_session(day):
            day -= timedelta(days=1)
        return day

    def session(self, day: date) -> np.ndarray:
        """Return the SESSION record of a day, as an array of length 1.

        Raises
        ------
        DataError
            Where the day is not a session or lies outside the tables.
        """
        if not self.is_session(day):
            raise DataError(
                f"{day}: expected a session, found {self.reason_of(day) or 'a weekend'}; "
                "see `pregao calendar` for the sessions around it"
            )
        record = np.zeros(1, dtype=SESSION)
        record["open_ns"], record["close_ns"] = self._span(day, self.hours_on(day))
        record["lunch_start_ns"], record["lunch_end_ns"] = (self._at(day, moment) for moment in _LUNCH)
        record["date"], record["weekday"] = (day - _EPOCH_DAY).days, day.weekday()
        return record

    def reason_of(self, day: date) -> str:
        """Return why a day differs from the rule of its calendar; empty where it does not."""
        found = self.special.get(day)
        return found.reason if found else ""

    def regular_hours(self, day: date) -> Hours:
        """Return what the season's rule says of a day, its exceptions left aside."""
        return self.hours[max(bisect_right(self.first_days, day) - 1, 0)]

    def regular_span(self, day: date) -> tuple[int, int]:
        """Return open and close of a day by the season's rule, nanoseconds UTC."""
        return self._span(day, self.regular_hours(day))

    def hours_on(self, day: date) -> Hours:
        """Return the hours of a day that has a session."""
        regular = self.regular_hours(day)
        found = self.special.get(day)
        return Hours(found.open or regular.open, found.close or regular.close) if found else regular

    def with_special_days(self, days: Mapping[date, SpecialDay]) -> "Calendar":
        """Return this calendar with days that differ from it."""
        return replace(self, special={**self.special, **days})

    def _span(self, day: date, hours: Hours) -> tuple[int, int]:
        return self._at(day, hours.open), self._at(day + timedelta(days=hours.close == _MIDNIGHT), hours.close)

    def _at(self, day: date, moment: time) -> int:
        return to_ns(datetime.combine(day, moment, tzinfo=self.zone))


@cache
def shipped_calendar(name: str) -> Calendar:
    """Return a calendar as the project ships it; raises ConfigError for a name without one."""
    if name in ROUND_THE_CLOCK:
        return ROUND_THE_CLOCK[name]
    rows = [row for row in read_table("hours.csv") if row["calendar"] == name]
    if not rows:
        known = ", ".join([*dict.fromkeys(row["calendar"] for row in read_table("hours.csv")), *ROUND_THE_CLOCK])
        raise ConfigError(f"calendar: expected one of {known}, found {to_toml(name)}; name one of them")
    closures = {
        date.fromisoformat(row["date"]): SpecialDay(True, None, None, row["reason"])
        for row in read_table("closures.csv")
    }
    exceptions = special_days(row for row in read_table("exceptions.csv") if name in row["calendars"].split())
    return Calendar(
        name=name,
        zone=EXCHANGE_ZONE,
        weekdays=frozenset(range(5)),
        first_days=tuple(date.fromisoformat(row["first_day"]) for row in rows),
        hours=tuple(Hours(time.fromisoformat(row["open"]), time.fromisoformat(row["close"])) for row in rows),
        special={**closures, **exceptions},
    )


def special_days(rows: Iterable[Mapping[str, str]]) -> dict[date, SpecialDay]:
    """Return the days of table rows with date, open, close, reason and, where the day may be shut, status."""
    return {
        date.fromisoformat(row["date"]): SpecialDay(
            row.get("status") == "closed", _moment(row["open"]), _moment(row["close"]), row["reason"]
        )
        for row in rows
    }


def read_overrides(text: str, where: str) -> dict[date, SpecialDay]:
    """Return the user's special days: CSV with date, status (open or closed), open, close, reason and source.

    Raises
    ------
    ConfigError
        For a column, date, time or status that is not as expected, hours that end before they begin, or a day named
        twice.
    """
    table = csv.DictReader(text.splitlines())
    if text.strip() and not set(_OVERRIDE_COLUMNS) <= set(table.fieldnames or ()):
        raise ConfigError(
            f"{where}, line 1: expected the columns {','.join(_OVERRIDE_COLUMNS)}, found {text.splitlines()[0]!r}; "
            "correct the line"
        )
    found: dict[date, SpecialDay] = {}
    for row in table:
        try:
            ((day, special),) = special_days([row]).items()
            legible = row["status"] in ("open", "closed") and bool(row["source"]) and _in_order(special)
        except (ValueError, TypeError):
            legible = False
        if not legible:
            raise ConfigError(
                f"{where}, line {table.line_num}: expected {','.join(_OVERRIDE_COLUMNS)} with a status of open or "
                f"closed, an open before the close and a source, found {','.join(map(str, row.values()))}; correct the "
                "line"
            )
        if day in found:
            raise ConfigError(f"{where}, line {table.line_num}: expected each day once, found {day} again; delete one")
        found[day] = special
    return found


def read_table(name: str) -> list[dict[str, str]]:
    """Return the rows of a table in market/tables."""
    text = files("market").joinpath("tables", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def to_ns(local: datetime) -> int:
    """Return nanoseconds UTC of a São Paulo wall-clock time; a datetime with a zone keeps its own."""
    aware = local if local.tzinfo is not None else local.replace(tzinfo=EXCHANGE_ZONE)
    gap = aware.astimezone(UTC) - _EPOCH
    return ((gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds) * 1_000


def to_local(ns: int) -> datetime:
    """Return the São Paulo wall-clock time of nanoseconds UTC, cut to microseconds."""
    return (_EPOCH + timedelta(microseconds=int(ns) // 1_000)).astimezone(EXCHANGE_ZONE)


def _in_order(day: SpecialDay) -> bool:
    return day.open is None or day.close in (None, _MIDNIGHT) or day.open < day.close


def _moment(text: str) -> time | None:
    return time.fromisoformat(text) if text else None


def _refuse_outside_table(day: date) -> None:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise DataError(
            f"{day}: expected a day from {FIRST_DAY} to {LAST_DAY}, found one outside the calendar; "
            "name a day inside it, or extend market/tables/closures.csv and hours.csv"
        )


def _round_the_clock(name: str, zone: str, weekdays: int) -> Calendar:
    midnight = Hours(_MIDNIGHT, _MIDNIGHT)
    return Calendar(name, ZoneInfo(zone), frozenset(range(weekdays)), (FIRST_DAY,), (midnight,), {})


# Markets of one rule, which need no table. The week of currencies begins and ends at 17:00 in New York, midnight
# in eastern Europe.
ROUND_THE_CLOCK: Mapping[str, Calendar] = {
    name: _round_the_clock(name, zone, weekdays)
    for name, zone, weekdays in (("always", "UTC", 7), ("forex", "Europe/Athens", 5))
}
