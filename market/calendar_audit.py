"""Whether data and calendar agree: days outside it, sessions missing, first and last trades off its hours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from market.calendar import FIRST_DAY, LAST_DAY, ROUND_THE_CLOCK, Calendar
from market.gaps import missing_sessions
from market.lake import Lake
from market.lake_manifest import Cause, Partition
from market.lake_quarantine import SetAside, rows_set_aside
from market.readers.screen import BEYOND_CALENDAR, NOT_A_SESSION, OUTSIDE_HOURS
from market.wording import count_of

TOLERANCE_NS = 5 * 60 * 1_000_000_000
_DAY_SECONDS = 86_400
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class Outside:
    """Data on a day without a session.

    Parameters
    ----------
    source : str
        The vendor's file.
    day : date or None
        None where rows that were set aside name none.
    rows : int
        How many rows.
    reason : str
        Why there is no session.
    acknowledged : bool
        Whether the rows were set aside and the user's calendar.csv says that the day is closed.
    """

    source: str
    day: date | None
    rows: int
    reason: str
    acknowledged: bool


@dataclass(frozen=True)
class OffHours:
    """A session whose first or last trade lies more than five minutes off its hours.

    Parameters
    ----------
    source : str
        The vendor's file.
    contract : str
        Whose session.
    day : date or None
        Which.
    reason : str
        What was found and what the table says.
    """

    source: str
    contract: str
    day: date | None
    reason: str


@dataclass(frozen=True)
class Missing:
    """A session that was lost between the first and the last of a series."""

    kind: str
    contract: str
    bar_seconds: int
    day: date


@dataclass(frozen=True)
class Audit:
    """What came out, and how many sessions of contracts were looked at."""

    sessions: int
    outside: tuple[Outside, ...]
    missing: tuple[Missing, ...]
    off_hours: tuple[OffHours, ...]

    @property
    def unexplained(self) -> tuple[Outside, ...]:
        """The data outside the calendar that the user has not acknowledged."""
        return tuple(one for one in self.outside if not one.acknowledged)


def audit_calendar(lake: Lake) -> Audit:
    """Hold everything a lake recorded or set aside against its calendars."""
    partitions, aside = lake.partitions(), rows_set_aside(lake)
    return Audit(
        sessions=len({(p.contract, p.session) for p in partitions}),
        outside=(*_listed_outside(lake, partitions), *_set_aside_outside(lake, aside)),
        missing=tuple(_missing(lake, partitions)),
        off_hours=(*_off_hours(lake, partitions), *_set_aside_off_hours(aside)),
    )


def _listed_outside(lake: Lake, partitions: list[Partition]) -> Iterator[Outside]:
    for p in partitions:
        calendar = lake.instruments.calendar(p.contract)
        if not calendar.is_session(p.day):
            yield Outside(p.provenance.source, p.day, p.rows, _why_closed(calendar, p.day), False)


def _set_aside_outside(lake: Lake, aside: list[SetAside]) -> Iterator[Outside]:
    for one in aside:
        if one.reason in (NOT_A_SESSION, BEYOND_CALENDAR):
            calendar = lake.instruments.calendar(one.source.contracts[0])
            override = lake.instruments.special.get(one.day) if one.day else None
            known = override is not None and override.closed
            yield Outside(one.source.name, one.day, one.rows, _why_closed(calendar, one.day), known)


def _why_closed(calendar: Calendar, day: date | None) -> str:
    if day is None:
        return "the rows name no day"
    if not FIRST_DAY <= day <= LAST_DAY:
        return "beyond the calendar's tables"
    if calendar.is_session(day):
        return "a session by the calendar of today; import the file again"
    return calendar.reason_of(day) or "a weekend"


def _missing(lake: Lake, partitions: list[Partition]) -> Iterator[Missing]:
    for series, group in groupby(partitions, key=lambda p: p.series):
        kind, contract, bar_seconds = series
        absent = missing_sessions(group, lake.instruments.calendar(contract), lake.instruments.rests(contract))
        yield from (Missing(kind, contract, bar_seconds, day) for day, cause in absent if cause is Cause.FEED_LOSS)


def _off_hours(lake: Lake, partitions: list[Partition]) -> Iterator[OffHours]:
    for p in partitions:
        calendar = lake.instruments.calendar(p.contract)
        tells_hours = p.kind == "trades" or (p.kind == "bars" and p.bar_seconds < _DAY_SECONDS)
        if tells_hours and calendar.name not in ROUND_THE_CLOCK and calendar.is_session(p.day):
            reasons = [*_late_first(p, calendar), *_early_last(p, calendar)]
            if reasons:
                yield OffHours(p.provenance.source, p.contract, p.day, ", ".join(reasons))


def _late_first(p: Partition, calendar: Calendar) -> Iterator[str]:
    opens = int(calendar.session(p.day)["open_ns"][0])
    if p.first_ns - opens > TOLERANCE_NS and not _cut_at(p, opens):
        yield f"first trade {_clock(calendar, p.first_ns)}, the table opens {_clock(calendar, opens)}"


def _early_last(p: Partition, calendar: Calendar) -> Iterator[str]:
    closes = int(calendar.session(p.day)["close_ns"][0])
    if closes - p.last_ns > TOLERANCE_NS and not _cut_at(p, closes):
        yield f"last trade {_clock(calendar, p.last_ns)}, the table closes {_clock(calendar, closes)}"


def _cut_at(p: Partition, edge_ns: int) -> bool:
    """Tell whether the export itself began or ended inside the session, so that it says nothing of the hours."""
    return any(gap.cause == Cause.TRUNCATED and edge_ns in (gap.first_ns, gap.last_ns) for gap in p.gaps)


def _set_aside_off_hours(aside: list[SetAside]) -> Iterator[OffHours]:
    for one in aside:
        if one.reason == OUTSIDE_HOURS:
            yield OffHours(
                one.source.name, one.source.contracts[0], one.day, f"{count_of(one.rows, 'row')} {one.reason}"
            )


def _clock(calendar: Calendar, ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // _NS_PER_S, calendar.zone):%H:%M}"
