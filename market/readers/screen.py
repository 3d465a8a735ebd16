"""Which rows of a file are set aside, and why."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike

from market.calendar import Calendar
from market.errors import DataError
from market.readers.cells import NO_DAY, NS_PER_DAY

LATE_NS = 5 * 60 * 1_000_000_000
OUTSIDE_HOURS = "outside the session's hours"
NOT_A_SESSION = "not a session of the exchange"

_EPOCH_DAY = date(1970, 1, 1)


@dataclass(frozen=True)
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

    @property
    def kept(self) -> np.ndarray:
        """Mask of the rows that stay, shape (n,)."""
        mask: np.ndarray = self.codes == 0
        return mask

    def rejected(self, reason: str) -> np.ndarray:
        """Mask of the rows set aside for a reason, shape (n,)."""
        mask: np.ndarray = self.codes == self.reasons.index(reason) + 1
        return mask

    def rejects(self, misshapen: Iterable[int] = ()) -> list[Reject]:
        """Return what was set aside in line order, with the lines that were no rows at all."""
        found = [Reject(line, "another number of columns") for line in misshapen]
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
    """

    is_session: np.ndarray
    offset_ns: np.ndarray
    open_ns: np.ndarray
    close_ns: np.ndarray


def hours_of_days(calendar: Calendar, clock: ZoneInfo, days: np.ndarray) -> DayHours:
    """Return the hours of the session of each day (days since 1970-01-01 on the clock of the file, i8[n])."""
    unique, inverse = np.unique(days, return_inverse=True)
    rows = np.array([_hours_of_day(calendar, clock, int(day)) for day in unique], dtype=np.int64)
    rows = rows.reshape(-1, 4)[inverse]
    return DayHours(rows[:, 0].astype(bool), rows[:, 1], rows[:, 2], rows[:, 3])


def to_date(day: int) -> date:
    """Return the date of days since 1970-01-01."""
    return _EPOCH_DAY + timedelta(days=int(day))


def _hours_of_day(calendar: Calendar, clock: ZoneInfo, day: int) -> tuple[int, int, int, int]:
    if day == NO_DAY:
        return 0, 0, 0, 0
    local = to_date(day)
    noon = datetime.combine(local, time(12), tzinfo=clock)
    offset = day * NS_PER_DAY + NS_PER_DAY // 2 - int(noon.astimezone(UTC).timestamp()) * 1_000_000_000
    try:
        record = calendar.session(local)[0]
    except DataError:
        return 0, offset, 0, 0
    return 1, offset, int(record["open_ns"]), int(record["close_ns"])
