"""Which rows of a file are set aside, and why."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike

from market.calendar import FIRST_DAY, LAST_DAY, Calendar
from market.errors import DataError
from market.readers.cells import NO_DAY, NS_PER_DAY, NS_PER_S

NS_PER_HOUR = 3600 * NS_PER_S
LATE_NS = 5 * 60 * NS_PER_S
MOST_HOURS = 24 * 365 * 200  # years no calendar has are left in UTC
OUTSIDE_HOURS = "outside the session's hours"
NOT_A_SESSION = "not a session of the exchange"
SKIPPED = "a time that the clock of this file does not show: daylight saving begins there"
REPEATED = "a time that the clock of this file shows twice: daylight saving ends there, so export it on another clock"
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
        Masks, shape (n,): of times that the file's clock does not show, or shows twice, on a night it is changed.
    """

    is_session: np.ndarray
    offset_ns: np.ndarray
    open_ns: np.ndarray
    close_ns: np.ndarray
    day: np.ndarray
    skipped: np.ndarray
    repeated: np.ndarray

    @property
    def in_calendar(self) -> np.ndarray:
        """Mask of the rows whose day the calendar's tables cover, shape (n,)."""
        first, last = ((day - _EPOCH_DAY).days for day in (FIRST_DAY, LAST_DAY))
        mask: np.ndarray = (self.day >= first) & (self.day <= last)
        return mask


def hours_of_days(calendar: Calendar, clock: ZoneInfo, days: np.ndarray, time_ns: np.ndarray | None = None) -> DayHours:
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
    """
    legible = days != NO_DAY
    wall_ns = np.where(legible, days, 0) * NS_PER_DAY + (NS_PER_DAY // 2 if time_ns is None else time_ns)
    # Offsets change on the hour, at most.
    hours, at_hour = np.unique(wall_ns // NS_PER_HOUR, return_inverse=True)
    offsets = np.array([_offsets(calendar, clock, int(hour)) for hour in hours], dtype=np.int64).reshape(-1, 3)
    offset_ns, shown_ns, times = offsets[at_hour].T
    own_days = np.where(legible, (wall_ns - offset_ns + shown_ns) // NS_PER_DAY, NO_DAY)
    unique, at_day = np.unique(own_days, return_inverse=True)
    rows = np.array([_hours_of_day(calendar, int(day)) for day in unique], dtype=np.int64).reshape(-1, 3)[at_day]
    skipped, repeated = legible & (times == 0), legible & (times == 2)
    return DayHours(rows[:, 0].astype(bool), offset_ns, rows[:, 1], rows[:, 2], own_days, skipped, repeated)


def to_date(day: int) -> date:
    """Return the date of days since 1970-01-01."""
    return _EPOCH_DAY + timedelta(days=int(day))


def _offsets(calendar: Calendar, clock: ZoneInfo, hour: int) -> tuple[int, int, int]:
    """Return how far the clocks of file and calendar are ahead of UTC, ns, and how often the hour comes."""
    if not 0 <= hour < MOST_HOURS:
        return 0, 0, 1
    moment = (datetime(1970, 1, 1) + timedelta(hours=hour)).replace(tzinfo=clock)
    there_and_back = moment.astimezone(UTC).astimezone(clock)
    twice = moment.utcoffset() != moment.replace(fold=1).utcoffset()
    times = 0 if there_and_back.replace(tzinfo=None) != moment.replace(tzinfo=None) else 2 if twice else 1
    ahead = moment.utcoffset(), moment.astimezone(calendar.zone).utcoffset()
    file_ns, calendar_ns = (round((offset or timedelta()).total_seconds()) * NS_PER_S for offset in ahead)
    return file_ns, calendar_ns, times


def _hours_of_day(calendar: Calendar, day: int) -> tuple[int, int, int]:
    if day == NO_DAY:
        return 0, 0, 0
    try:
        record = calendar.session(to_date(day))[0]
    except DataError:
        return 0, 0, 0
    return 1, int(record["open_ns"]), int(record["close_ns"])
