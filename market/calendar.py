"""Sessions and their hours, from dated tables (b3.md §2, §3), and the exchange's clock."""

import csv
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np

from market.errors import DataError
from market.types import SESSION

EXCHANGE_ZONE = ZoneInfo("America/Sao_Paulo")
FIRST_DAY = date(2013, 1, 1)
LAST_DAY = date(2027, 12, 31)

_EPOCH_DAY = date(1970, 1, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LUNCH = time(12), time(13)


@dataclass(frozen=True)
class _Hours:
    open: time
    close: time


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


def is_session(day: date) -> bool:
    """Tell whether futures trade on a day; raises DataError outside the table (2013-2027)."""
    _refuse_outside_table(day)
    return day.weekday() < 5 and day not in _closures()


def sessions(first: date, last: date) -> list[date]:
    """Return the sessions from `first` to `last`, both included; raises DataError outside the table."""
    days = (first + timedelta(days=k) for k in range((last - first).days + 1))
    return [day for day in days if is_session(day)]


def next_session(day: date) -> date:
    """Return `day` itself where it is a session, else the first session after it."""
    while not is_session(day):
        day += timedelta(days=1)
    return day


def previous_session(day: date) -> date:
    """Return the last session strictly before `day`."""
    day -= timedelta(days=1)
    while not is_session(day):
        day -= timedelta(days=1)
    return day


def session(root: str, day: date) -> np.ndarray:
    """Return the SESSION record of a root on a day, as an array of length 1.

    Raises
    ------
    DataError
        Where the day is not a session, lies outside the table, or the root has no hours.
    """
    if not is_session(day):
        why = _closures().get(day, "a weekend")
        raise DataError(f"{day}: expected a session, found {why}; see `pregao calendar` for the sessions around it")
    hours = _hours_on(root, day)
    record = np.zeros(1, dtype=SESSION)
    record["open_ns"], record["close_ns"] = _at(day, hours.open), _at(day, hours.close)
    record["lunch_start_ns"], record["lunch_end_ns"] = (_at(day, moment) for moment in _LUNCH)
    record["date"], record["weekday"] = (day - _EPOCH_DAY).days, day.weekday()
    return record


def day_of(record: np.ndarray | np.void) -> date:
    """Return the day of a SESSION record, or of an array of length 1."""
    return _EPOCH_DAY + timedelta(days=int(np.ravel(record["date"])[0]))


def _at(day: date, moment: time) -> int:
    return to_ns(datetime.combine(day, moment))


def _refuse_outside_table(day: date) -> None:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise DataError(
            f"{day}: expected a day from {FIRST_DAY} to {LAST_DAY}, found one outside the calendar; "
            "extend market/tables/closures.csv and hours.csv"
        )


@cache
def _closures() -> Mapping[date, str]:
    return {date.fromisoformat(row["date"]): row["reason"] for row in read_table("closures.csv")}


@cache
def _grid(root: str) -> tuple[tuple[date, ...], tuple[_Hours, ...]]:
    rows = [row for row in read_table("hours.csv") if root in row["roots"].split()]
    if not rows:
        raise DataError(f"{root!r}: expected a root with session hours, found none; add it to market/tables/hours.csv")
    hours = tuple(_Hours(time.fromisoformat(row["open"]), time.fromisoformat(row["close"])) for row in rows)
    return tuple(date.fromisoformat(row["first_day"]) for row in rows), hours


@cache
def _exceptions(root: str) -> Mapping[date, dict[str, str]]:
    return {
        date.fromisoformat(row["date"]): row for row in read_table("exceptions.csv") if root in row["roots"].split()
    }


def _hours_on(root: str, day: date) -> _Hours:
    first_days, hours = _grid(root)
    regular = hours[bisect_right(first_days, day) - 1]
    row = _exceptions(root).get(day)
    if row is None:
        return regular
    opens = time.fromisoformat(row["open"]) if row["open"] else regular.open
    closes = time.fromisoformat(row["close"]) if row["close"] else regular.close
    return _Hours(opens, closes)
