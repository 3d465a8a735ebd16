"""Which rows of a file are set aside, and why."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike

from market.calendar import FIRST_DAY, LAST_DAY, Calendar
from market.errors import DataError
from market.readers.cells import NO_DAY, NS_PER_DAY, NS_PER_S
from market.readers.repeated_hours import MOST_HOURS, NS_PER_HOUR, FileOrder, second_pass, times_shown

LATE_NS = 5 * 60 * NS_PER_S
OUTSIDE_HOURS = "outside the session's hours"
NOT_A_SESSION = "not a session of the exchange"
SKIPPED = "a time that the clock of this file does not show: daylight saving begins there"
REPEATED = (
    "a time that the clock of this file shows twice, and the order of the rows does not tell which is meant: daylight "
    "saving ends there, so export it on another clock"
)
BEYOND_CALENDAR = f"beyond the calendar (it covers {FIRST_DAY} to {LAST_DAY})"
MISSHAPEN = "another number of columns"

_EPOCH_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Reject:
    """A row set aside."""

    line: int
    reason: str


@dataclass
class Screen:
    """Collects, row by row, the first reason to set it aside.

    Parameters
    ----------
    lines : ndarray
        Line of each row, i8[n].
    """

    lines: np.ndarray
    codes: np.ndarray = field(init=False)
    reasons: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.codes = np.zeros(self.lines.size, dtype=np.uint8)

    def reject(self, rows: ArrayLike, reason: str) -> None:
        """Set rows aside (mask of shape (n,)) unless they already were."""
        self.reasons.append(reason)
        self.codes[np.asarray(rows, dtype=bool) & (self.codes == 0)] = len(self.reasons)

    def reject_other_days(self, hours: "DayHours") -> None:
        """Set aside the rows of days without a session."""
        self.reject(~hours.in_calendar, BEYOND_CALENDAR)
        self.reject(~hours.is_session, NOT_A_SESSION)
        self.reject(hours.skipped, SKIPPED)
        self.reject(hours.repeated, REPEATED)

    @property
    def kept(self) -> np.ndarray:
        """Mask of the rows that stay, shape (n,)."""
        mask: np.ndarray = self.codes == 0
        return mask

    def rejected(self, reason: str) -> np.ndarray:
        """Mask of the rows set aside for a reason, shape (n,)."""
        mask: np.ndarray = self.codes == self.reasons.index(reason) + 1
        return mask

    def counts(self) -> Counter[str]:
        """Return how many rows were set aside, by reason."""
        codes, counts = np.unique(self.codes[self.codes > 0], return_counts=True)
        return Counter({self.reasons[code - 1]: int(count) for code, count in zip(codes, counts, strict=True)})

    def rejects(self, misshapen: Iterable[int] = ()) -> list[Reject]:
        """Return what was set aside in line order, with the lines that were no rows at all."""
        found = [Reject(line, MISSHAPEN) for line in misshapen]
        aside = np.flatnonzero(self.codes)
        found += [Reject(int(self.lines[row]), self.reasons[self.codes[row] - 1]) for row in aside]
        return sorted(found, key=lambda reject: reject.line)


@dataclass(frozen=True)
class DayHours:
    """Hours of each row's session, by row.

    Parameters
    ----------
    is_session : ndarray
        Mask, shape (n,).
    offset_ns : ndarray
        What to subtract from the file's wall clock to get UTC, i8[n].
    open_ns, close_ns : ndarray
        UTC, i8[n]; 0 where there is no session.
    day : ndarray
        The session's day, days since 1970-01-01 on the calendar's clock, i8[n]; NO_DAY where the row has no day.
    skipped, repeated : ndarray
        Masks, shape (n,): of times that the file's clock does not show on a night it is changed, and of those that it
        shows twice, where the order of the rows does not tell which is meant.
    """

    is_session: np.ndarray
    offset_ns: np.ndarray
    open_ns: np.ndarray
    close_ns: np.ndarray
    day: np.ndarray
    skipped: np.ndarray
    repeated: np.ndarray

    def at(self, rows: np.ndarray) -> "DayHours":
        """Return the hours of some rows (indices or mask)."""
        return DayHours(*(getattr(self, column.name)[rows] for column in fields(DayHours)))

    @property
    def in_calendar(self) -> np.ndarray:
        """Mask of the rows whose day the calendar's tables cover, shape (n,)."""
        first, last = ((day - _EPOCH_DAY).days for day in (FIRST_DAY, LAST_DAY))
        mask: np.ndarray = (self.day >= first) & (self.day <= last)
        return mask


def hours_of_days(
    calendar: Calendar,
    clock: ZoneInfo,
    days: np.ndarray,
    time_ns: np.ndarray | None = None,
    order: FileOrder | None = None,
) -> DayHours:
    """Return the hours of the session each row belongs to.

    A row belongs to the day that the calendar's clock shows at its time, which near midnight is not that of the file.

    Parameters
    ----------
    calendar : Calendar
        Whose sessions.
    clock : ZoneInfo
        The file's.
    days : ndarray
        Days since 1970-01-01 on the file's clock, i8[n]; NO_DAY where illegible.
    time_ns : ndarray, optional
        Nanoseconds of those days, i8[n]; noon where left out.
    order : FileOrder, optional
        Where given, the rows stand in the order of the file.
    """
    legible = days != NO_DAY
    wall_ns = np.where(legible, days, 0) * NS_PER_DAY + (NS_PER_DAY // 2 if time_ns is None else time_ns)
    # Offsets change on the hour, at most.
    hours, at_hour = np.unique(wall_ns // NS_PER_HOUR, return_inverse=True)
    times = np.array([times_shown(clock, int(hour)) for hour in hours], dtype=np.int64)[at_hour]
    skipped, repeated = legible & (times == 0), legible & (times == 2)
    offset_ns, shown_ns = _ahead(calendar, clock, hours, fold=0)[:, at_hour]
    if order is not None and repeated.any():
        second, repeated = second_pass(wall_ns, legible, repeated, order)
        offset_ns, shown_ns = np.where(
            second, _ahead(calendar, clock, hours, fold=1)[:, at_hour], (offset_ns, shown_ns)
        )
    own_days = np.where(legible, (wall_ns - offset_ns + shown_ns) // NS_PER_DAY, NO_DAY)
    unique, at_day = np.unique(own_days, return_inverse=True)
    rows = np.array([_hours_of_day(calendar, int(day)) for day in unique], dtype=np.int64).reshape(-1, 3)[at_day]
    return DayHours(rows[:, 0].astype(bool), offset_ns, rows[:, 1], rows[:, 2], own_days, skipped, repeated)


def to_date(day: int) -> date:
    """Return the date of days since 1970-01-01."""
    return _EPOCH_DAY + timedelta(days=int(day))


def _ahead(calendar: Calendar, clock: ZoneInfo, hours: np.ndarray, fold: int) -> np.ndarray:
    """Return how far the clocks of file and calendar are ahead of UTC at hours of the file's clock, ns, i8[2, n]."""
    ahead = np.zeros((2, hours.size), dtype=np.int64)
    for k in np.flatnonzero((hours >= 0) & (hours < MOST_HOURS)):
        moment = (datetime(1970, 1, 1) + timedelta(hours=int(hours[k]))).replace(tzinfo=clock, fold=fold)
        offsets = moment.utcoffset(), moment.astimezone(calendar.zone).utcoffset()
        ahead[:, k] = [round((offset or timedelta()).total_seconds()) * NS_PER_S for offset in offsets]
    return ahead


def _hours_of_day(calendar: Calendar, day: int) -> tuple[int, int, int]:
    if day == NO_DAY:
        return 0, 0, 0
    try:
        record = calendar.session(to_date(day))[0]
    except DataError:
        return 0, 0, 0
    return 1, int(record["open_ns"]), int(record["close_ns"])
