"""The future-poison test: what was known by a time must not change when everything after it does.

Every check has the same form. A computation gives rows, and each row says until when it may look: a feature until its
own moment, a label until its end, a fitted model until its test span. The data after a cut are then spoilt, and every
row that may not look past the cut must come out equal to the bit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from flows.leaks.poison import Poison

Data = TypeVar("Data")
ROWS = "rows"  # the column of a leak that makes rows appear or vanish


@dataclass(frozen=True)
class Cells:
    """Computed rows.

    Parameters
    ----------
    ts_ns : i8[n]
        The moment each row stands for; no two are equal.
    until_ns : i8[n]
        Nothing after it may matter to the row.
    columns : mapping of str to ndarray, shape (n,)
        What was computed, of any plain type; NaN equals NaN of the same bits.
    """

    ts_ns: np.ndarray
    until_ns: np.ndarray
    columns: Mapping[str, np.ndarray]

    def known_by(self, cut_ns: int) -> "Cells":
        """Return the rows that may not look past the cut."""
        known = self.until_ns <= cut_ns
        columns = {name: values[known] for name, values in self.columns.items()}
        return Cells(self.ts_ns[known], self.until_ns[known], columns)


@dataclass(frozen=True, order=True)
class Leak:
    """The first cell of a column that the future reached.

    Parameters
    ----------
    at_ns : int
        Moment of its row.
    what : str
        What was computed, and what was done to the data after the cut.
    source : str
        Where the column is defined, as ``features/catalogue.py:96``.
    """

    at_ns: int
    what: str
    column: str
    source: str


@dataclass(frozen=True)
class Trial(Generic[Data]):
    """A computation, its data, and how the data after a cut are spoilt.

    Parameters
    ----------
    spoil : callable
        Takes the data, the cut in nanoseconds and the poison; what is known at the cut stays.
    source : callable
        Says where a column is defined.
    """

    what: str
    compute: Callable[[Data], Cells]
    data: Data
    spoil: Callable[[Data, int, Poison], Data]
    source: Callable[[str], str]
    poisons: Sequence[Poison] = tuple(Poison)


@dataclass(frozen=True)
class Found:
    """How many comparisons were made, and the leaks: one per column, the first cell of each, earliest first."""

    checked: int = 0
    leaks: tuple[Leak, ...] = field(default=())

    def __add__(self, other: "Found") -> "Found":
        return Found(self.checked + other.checked, self.leaks + other.leaks)


def find_leaks(trial: Trial[Data], cuts: int) -> Found:
    """Spoil the data after some cuts, evenly spread over the times that rows may look until, and compare.

    Parameters
    ----------
    trial : Trial
    cuts : int
        How many, at least 1; fewer where there are fewer times.
    """
    before = trial.compute(trial.data)
    first: dict[str, Leak] = {}
    times = _spread(before.until_ns, cuts)
    for cut_ns in times:
        for poison in trial.poisons:
            after = trial.compute(trial.spoil(trial.data, cut_ns, poison))
            for column, at_ns in first_changes(before.known_by(cut_ns), after.known_by(cut_ns)).items():
                leak = Leak(at_ns, f"{trial.what}, later data {poison}", column, trial.source(column))
                first[column] = min(leak, first.get(column, leak))
    return Found(len(times) * len(trial.poisons), tuple(sorted(first.values())))


def first_changes(before: Cells, after: Cells) -> dict[str, int]:
    """Return the moment of the first cell that differs, for each column that has one."""
    alone = np.setxor1d(before.ts_ns, after.ts_ns)
    if alone.size:
        return {ROWS: int(alone[0])}
    changed = {}
    for name, values in before.columns.items():
        other = after.columns.get(name)
        differs = np.ones(len(values), dtype=bool) if other is None else _differing(values, other)
        if differs.any():
            changed[name] = int(before.ts_ns[differs].min())
    return changed


def _differing(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return which entries differ in any bit, bool[n]."""
    if one.dtype != other.dtype:
        return np.ones(len(one), dtype=bool)
    a, b = (np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1) for values in (one, other))
    return np.asarray((a != b).any(axis=1))


def _spread(until_ns: np.ndarray, cuts: int) -> list[int]:
    """Return so many of the distinct times, the last one among them; a row that is never known (max) has none."""
    times = np.unique(until_ns[until_ns < np.iinfo(np.int64).max])
    chosen = np.unique(np.linspace(0, len(times) - 1, min(cuts, len(times)) + 1).astype(np.int64)[1:])
    return [int(time) for time in times[chosen]]
