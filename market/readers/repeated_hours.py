"""The hour that a file's clock shows twice, when it is set back: which of its two passes a row is from.

The file's order tells it. Oldest first, rows go through the hour, step back within it, and go through it again, even
where some of either pass are missing; newest first the same holds from the end. Where the hour's rows are no one run
between an earlier and a later row, or step back never or more than once, either pass may be meant. So it may where the
second run begins with a copy of the first one's end: two exports that overlap were joined.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from market.errors import FileRefused
from market.readers.cells import NO_DAY, NS_PER_DAY, NS_PER_S
from market.readers.source import Source
from market.readers.tick_rows import TickTable, joined

NS_PER_HOUR = 3600 * NS_PER_S
MOST_HOURS = 24 * 365 * 200  # years no calendar has are left in UTC
MOST_IN_TWO_HOURS = 2_000_000  # rows, which are held together


@dataclass(frozen=True)
class FileOrder:
    """What is known of rows that stand in the order of their file.

    Parameters
    ----------
    values : ndarray
        What a row tells beside its time, f8[k, n].
    ties : bool
        Whether rows of one time may follow each other, as ticks do and bars do not.
    """

    values: np.ndarray
    ties: bool


def times_shown(clock: ZoneInfo, hour: int) -> int:
    """Return how often a clock shows an hour (counted from 1970-01-01 00:00 on it): 0, 1 or 2 times."""
    if not 0 <= hour < MOST_HOURS:
        return 1
    moment = (datetime(1970, 1, 1) + timedelta(hours=hour)).replace(tzinfo=clock)
    if moment.astimezone(UTC).astimezone(clock).replace(tzinfo=None) != moment.replace(tzinfo=None):
        return 0
    return 2 if moment.utcoffset() != moment.replace(fold=1).utcoffset() else 1


def second_pass(
    wall_ns: np.ndarray, legible: np.ndarray, repeated: np.ndarray, order: FileOrder
) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks of the rows of second passes, and of those that may be of either, shape (n,).

    Parameters
    ----------
    wall_ns : ndarray
        Times on the file's clock, ns since 1970-01-01 00:00 on it, i8[n], in the file's order.
    legible, repeated : ndarray
        Masks of the times that could be read, and of those in an hour that is shown twice, shape (n,).
    order : FileOrder
        What else the rows tell.
    """
    rows = np.flatnonzero(legible)
    if np.sign(np.diff(wall_ns[rows])).sum() < 0:
        rows = rows[::-1]
    wall, hours = wall_ns[rows], wall_ns[rows] // NS_PER_HOUR
    second, untold = np.zeros(wall_ns.size, dtype=bool), repeated.copy()
    for hour in np.unique(hours[repeated[rows]]):
        run = np.flatnonzero(hours == hour)
        around = hours[max(run[0] - 1, 0)] <= hour <= hours[min(run[-1] + 1, hours.size - 1)]
        steps = np.diff(wall[run])
        back = np.flatnonzero(steps < 0 if order.ties else steps <= 0)
        if not around or run[-1] - run[0] >= run.size or back.size != 1:
            continue
        before, after = np.split(run, back + 1)
        overlap = before[wall[before] >= wall[after[0]]]
        if _are_copies(wall, order.values[:, rows], overlap, after[: overlap.size]):
            continue
        second[rows[after]], untold[rows[run]] = True, False
    return second, untold


def _are_copies(wall: np.ndarray, values: np.ndarray, one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(wall[one], wall[other]) and np.array_equal(values[:, one], values[:, other], equal_nan=True)


def with_whole_hours(source: Source, clock: ZoneInfo, blocks: Iterable[TickTable]) -> Iterator[TickTable]:
    """Yield the blocks of a file, joined where one would end within an hour that the clock shows twice.

    Raises
    ------
    FileRefused
        Where more rows than may be held follow each other within such an hour.
    """
    held: list[TickTable] = []
    for block in blocks:
        held.append(block)
        if not _ends_in_repeated_hour(block, clock):
            yield joined(held)
            held = []
        elif (rows := sum(one.lines.size for one in held)) > MOST_IN_TWO_HOURS:
            raise FileRefused(
                source.path,
                f"at most {MOST_IN_TWO_HOURS:,} rows around an hour that the file's clock shows twice",
                f"{rows:,}",
                "export it on a clock without daylight saving, or split it there",
            )
    if held:
        yield joined(held)


def _ends_in_repeated_hour(block: TickTable, clock: ZoneInfo) -> bool:
    legible = np.flatnonzero((block.day != NO_DAY) & (block.time_ns != NO_DAY))
    if not legible.size:
        return False
    last = legible[-1]
    return times_shown(clock, int((block.day[last] * NS_PER_DAY + block.time_ns[last]) // NS_PER_HOUR)) == 2
