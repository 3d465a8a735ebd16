"""The numbers behind the suites: one row a session, found by the compiled pre-check and the lake's own gaps."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from flows.checks import MINUTE_NS, Found, SessionRow
from market.calendar import Calendar
from market.lake_manifest import Cause, Gap, Partition
from market.precheck import Finding, check_bars, check_events
from market.precheck_defects import CALL_OVER_NS, LOWEST
from market.realism import Realism
from market.types import Flag, Kind

_TOLD_CAUSES = {
    Cause.FEED_LOSS: "feed_loss",
    Cause.TRUNCATED: "truncated_export",
    Cause.HALT: "halt",
}
_MISSING = {Cause.FEED_LOSS: "missing_session", Cause.TRUNCATED: "between_exports"}


def event_row(
    day: dt.date, events: np.ndarray, states: np.ndarray, session: np.ndarray, closing_call_ns: int = 0
) -> SessionRow:
    """Check one session of trades, quotes or book.

    Parameters
    ----------
    events : ndarray
        EVENT of one kind of partition, by sequence.
    states : ndarray
        STATE events of the session's other partitions: they tell trades when the market was not open.
    session : ndarray
        SESSION, length 1.
    closing_call_ns : int
        How long before the close a closing call may begin.
    """
    if states.size:
        both = np.concatenate([events, states])
        events = both[np.argsort(both["sequence"], kind="stable")]
    found = check_events(events, session, closing_call_ns)
    return SessionRow(day, events.size - states.size, _by_name(found, events["ts_event_ns"]))


def states_of(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return the STATE events among the records of other partitions."""
    found = [part[part["kind"] == Kind.STATE] for part in parts]
    return np.concatenate(found) if found else np.zeros(0)


def bar_row(day: dt.date, bars: np.ndarray, session: np.ndarray, usual: np.ndarray) -> SessionRow:
    """Check one session of bars; `usual` as market.precheck.usual_volumes tells of the whole series."""
    return SessionRow(day, bars.size, _by_name(check_bars(bars, session, usual), bars["ts_open_ns"]))


def series_rows(
    partitions: Sequence[Partition],
    missing: Sequence[tuple[dt.date, Cause]],
    calendar: Calendar,
    adjusted: Mapping[dt.date, int],
    verdict: Realism,
    others: Mapping[dt.date, Mapping[str, Found]] = MappingProxyType({}),
) -> list[SessionRow]:
    """Return one row for every session of the calendar from the first of a series to its last.

    Parameters
    ----------
    partitions : sequence of Partition
        Of one series.
    missing : sequence of (date, Cause)
        What `market.gaps.missing_sessions` tells of them.
    adjusted : mapping of date to int
        How many records of a session carry restated prices.
    verdict : Realism
        Of the partitions that are filed as real.
    others : mapping of date to mapping of str to Found
        What else a session is told for, by name of the check.
    """
    rows = [SessionRow(day, 0, {_MISSING[cause]: Found(1)}) for day, cause in missing if cause in _MISSING]
    for partition in partitions:
        day = partition.day
        found = dict(_gaps_found(partition.gaps)) | _edges_found(partition, calendar.session(day))
        found |= others.get(day, {})
        if count := adjusted.get(day, 0):
            found["back_adjusted"] = Found(count)
        if verdict.real is False and not partition.provenance.synthetic:
            found["generated"] = Found(1)
        rows.append(SessionRow(day, partition.rows, found))
    return sorted(rows, key=lambda row: row.day)


def restated(records: np.ndarray) -> int:
    """Return how many records carry prices that were restated at a roll."""
    return int(np.count_nonzero(records["flags"] & np.uint32(Flag.BACK_ADJUSTED)))


def _by_name(findings: Iterable[Finding], times: np.ndarray) -> dict[str, Found]:
    return {
        one.defect.name.lower(): Found(
            one.count, -one.worst if one.defect in LOWEST else one.worst, int(times[one.first])
        )
        for one in findings
    }


def _gaps_found(gaps: Sequence[Gap]) -> Iterable[tuple[str, Found]]:
    for cause, name in _TOLD_CAUSES.items():
        own = [gap for gap in gaps if gap.cause == cause]
        if own:
            yield name, Found(len(own), sum(gap.last_ns - gap.first_ns for gap in own), own[0].first_ns)


def _edges_found(partition: Partition, session: np.ndarray) -> dict[str, Found]:
    """Return how far inside its hours a session begins and ends with no gap that says why."""
    opens, closes = int(session["open_ns"][0]), int(session["close_ns"][0])
    edges = [(opens, partition.first_ns), (partition.last_ns, closes)]
    bare = [first_last for first_last in edges if _uncovered(partition.gaps, *first_last) > CALL_OVER_NS]
    if not bare:
        return {}
    return {"unexplained_edge": Found(len(bare), sum(_uncovered(partition.gaps, *edge) for edge in bare), bare[0][0])}


def _uncovered(gaps: Sequence[Gap], first_ns: int, last_ns: int) -> int:
    """Return how much of a span no gap covers, nanoseconds."""
    covered = (min(gap.last_ns, last_ns) - max(gap.first_ns, first_ns) for gap in gaps)
    return last_ns - first_ns - sum(max(part, 0) for part in covered)


def minutes_by_cause(gaps: Iterable[Gap]) -> dict[str, tuple[int, float]]:
    """Return how often and how many minutes data are missing, by cause."""
    out: dict[str, tuple[int, float]] = {}
    for gap in gaps:
        count, minutes = out.get(gap.cause, (0, 0.0))
        out[gap.cause] = count + 1, minutes + (gap.last_ns - gap.first_ns) / MINUTE_NS
    return out
