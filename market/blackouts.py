"""Windows in which nothing is entered, as scheduled news: a dated table, shipped without dates, and the user's own."""

import csv
import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from importlib.resources import files

import numpy as np

from market.calendar import to_ns
from market.errors import ConfigError

COLUMNS = ("date", "start", "end", "roots", "reason", "source")


@dataclass(frozen=True)
class Blackout:
    """One window of one day.

    Parameters
    ----------
    day : date
        In São Paulo, as both times.
    start, end : time
        First moment, and the first moment after it.
    roots : frozenset of str
        Instruments it holds for; empty for all.
    reason : str
        As a person reads it.
    """

    day: date
    start: time
    end: time
    roots: frozenset[str]
    reason: str


def shipped_blackouts(known: Collection[str]) -> tuple[Blackout, ...]:
    """Return the windows of market/tables/blackouts.csv."""
    text = files("market").joinpath("tables", "blackouts.csv").read_text(encoding="utf-8")
    return read_blackouts(text, "market/tables/blackouts.csv", known)


def read_blackouts(text: str, where: str, known: Collection[str]) -> tuple[Blackout, ...]:
    """Return the windows of a CSV with date, start, end, roots (spaces between them), reason and source.

    Parameters
    ----------
    text : str
    where : str
        What messages call the table.
    known : collection of str
        Every root there is.

    Raises
    ------
    ConfigError
        For a column, date or time that is not as expected, a window that ends before it begins, no reason or source, or
        a root that is not known.
    """
    table = csv.DictReader(text.splitlines())
    if text.strip() and not set(COLUMNS) <= set(table.fieldnames or ()):
        raise ConfigError(
            f"{where}, line 1: expected the columns {','.join(COLUMNS)}, found {text.splitlines()[0]!r}; "
            "correct the line"
        )
    found = []
    for row in table:
        window = _window(row)
        if window is None:
            raise ConfigError(
                f"{where}, line {table.line_num}: expected {','.join(COLUMNS)} with a start before the end, a reason "
                f"and a source, found {','.join(map(str, row.values()))}; correct the line"
            )
        for root in sorted(window.roots - set(known)):
            near = difflib.get_close_matches(root, known, n=1, cutoff=0.0)[0]
            raise ConfigError(
                f"{where}, line {table.line_num}: expected roots of instruments that are known, found {root!r}; "
                f"write {near}, the nearest one, or declare the instrument in pregao.toml"
            )
        found.append(window)
    return tuple(found)


def windows_of(blackouts: Iterable[Blackout], root: str, day: date) -> np.ndarray:
    """Return the windows of an instrument on a day.

    Returns
    -------
    ndarray of int64, shape (windows, 2)
        Start (included) and end (not included), nanoseconds UTC, ascending; what overlaps or touches is one window.
    """
    spans = sorted(
        (to_ns(datetime.combine(day, one.start)), to_ns(datetime.combine(day, one.end)))
        for one in blackouts
        if one.day == day and (not one.roots or root in one.roots)
    )
    return np.array(_joined(spans), dtype=np.int64).reshape(-1, 2)


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _window(row: dict[str, str]) -> Blackout | None:
    """Return the window of a row, None where it cannot be one."""
    try:
        start, end = time.fromisoformat(row["start"]), time.fromisoformat(row["end"])
        roots = frozenset(row["roots"].upper().split())
        window = Blackout(date.fromisoformat(row["date"]), start, end, roots, row["reason"])
        legible = start < end and bool(row["reason"]) and bool(row["source"])
    except (ValueError, TypeError, AttributeError):
        return None
    return window if legible else None
