"""Splits in time: whole sessions, purged by each label's end, with an embargo.

A label is the closed interval [start_ns, end_ns]. A training row stays only if its interval keeps clear of every
test span (first start to last end of a run of test rows) by more than the embargo, on both sides. That rule is
the whole defence, and it is one function: `clear_of`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, groupby
from math import comb

import numpy as np

from market.errors import ConfigError, DataError, NotEnoughData

Split = tuple[np.ndarray, np.ndarray]  # row indices to train on, row indices to test on


def clear_of(start_ns: np.ndarray, end_ns: np.ndarray, span_ns: tuple[int, int], embargo_ns: int) -> np.ndarray:
    """Return which intervals lie more than `embargo_ns` before or after the closed span, bool[n]."""
    return (end_ns < span_ns[0] - embargo_ns) | (start_ns > span_ns[1] + embargo_ns)


@dataclass(frozen=True)
class _Rows:
    """The rows being split, and the sessions they fall in, oldest first."""

    start_ns: np.ndarray
    end_ns: np.ndarray
    session: np.ndarray
    sessions: np.ndarray

    def of(self, sessions: np.ndarray) -> np.ndarray:
        return np.isin(self.session, sessions)

    def purge(self, train: np.ndarray, test: np.ndarray, embargo_ns: int) -> np.ndarray:
        span = int(self.start_ns[test].min()), int(self.end_ns[test].max())
        return np.asarray(train & clear_of(self.start_ns, self.end_ns, span, embargo_ns))


def _read(start_ns: np.ndarray, end_ns: np.ndarray, session: np.ndarray) -> _Rows:
    starts, ends, numbers = (np.asarray(values, dtype=np.int64) for values in (start_ns, end_ns, session))
    if not len(starts) == len(ends) == len(numbers):
        raise DataError(f"splits: expected equal lengths, found {len(starts)}, {len(ends)} and {len(numbers)}")
    if np.any(ends < starts):
        raise DataError(f"splits: label {int(np.argmax(ends < starts))} ends before it starts; rebuild the labels")
    order = np.lexsort((starts, numbers))
    if np.any(np.diff(starts[order]) < 0):
        raise DataError(
            "splits: expected session numbers that ascend with time, found a later session that starts earlier"
        )
    return _Rows(starts, ends, numbers, np.unique(numbers))


def _indices(train: np.ndarray, test: np.ndarray, where: str) -> Split:
    if not train.any():
        raise NotEnoughData(f"splits: no training row of {where} is left after purge and embargo; add sessions")
    return np.flatnonzero(train), np.flatnonzero(test)


@dataclass(frozen=True)
class WalkForward:
    """Train on the past, test on the next block of sessions, move on.

    ``list(splitter.split(...))`` is what scikit-learn takes as ``cv``.

    Parameters
    ----------
    folds : int
        Test blocks, as equal in sessions as they can be.
    train_sessions_min : int
        Sessions before the first test block.
    embargo_ns : int
        Least time between a training label's end and the test span.
    anchored : bool
        Train on everything before the block, else on the last `train_sessions_min` sessions before it.
    """

    folds: int
    train_sessions_min: int
    embargo_ns: int
    anchored: bool = True

    def __post_init__(self) -> None:
        if self.folds < 1 or self.train_sessions_min < 1 or self.embargo_ns < 0:
            raise ConfigError(f"splits: expected folds >= 1, train_sessions_min >= 1 and embargo_ns >= 0, found {self}")

    def get_n_splits(self) -> int:
        """Return the number of folds."""
        return self.folds

    def split(self, start_ns: np.ndarray, end_ns: np.ndarray, session_index: np.ndarray) -> Iterator[Split]:
        """Yield (train, test) row indices per fold, oldest first.

        Parameters
        ----------
        start_ns, end_ns, session_index : i8[n]
            Label intervals and the session of each row; session numbers ascend with time, rows may be in any order.

        Raises
        ------
        NotEnoughData
            Fewer than `train_sessions_min + folds` sessions, or a fold without training rows after the purge.
        DataError
            Intervals or session numbers that contradict each other.
        """
        rows = _read(start_ns, end_ns, session_index)
        needed = self.train_sessions_min + self.folds
        if len(rows.sessions) < needed:
            raise NotEnoughData(
                f"splits: expected at least {needed} sessions ({self.train_sessions_min} to train on and {self.folds} "
                f"folds), found {len(rows.sessions)}; collect more or lower splits.folds"
            )
        for fold, block in enumerate(np.array_split(rows.sessions[self.train_sessions_min :], self.folds)):
            past = rows.sessions[rows.sessions < block[0]]
            test = rows.of(block)
            train = rows.of(past if self.anchored else past[-self.train_sessions_min :])
            yield _indices(rows.purge(train, test, self.embargo_ns), test, f"fold {fold}")


@dataclass(frozen=True)
class CombinatorialPurged:
    """Test on every choice of `test_groups` out of `groups` blocks of sessions (AFML ch. 12).

    With one test group this is the purged k-fold (ch. 7). Training rows may be later than test rows, so it
    measures stability; the number a gate reads comes from `WalkForward`.
    """

    groups: int
    test_groups: int
    embargo_ns: int

    def __post_init__(self) -> None:
        if not 1 <= self.test_groups < self.groups or self.embargo_ns < 0:
            raise ConfigError(f"splits: expected 1 <= test_groups < groups and embargo_ns >= 0, found {self}")

    def get_n_splits(self) -> int:
        """Return the number of choices."""
        return comb(self.groups, self.test_groups)

    def split(self, start_ns: np.ndarray, end_ns: np.ndarray, session_index: np.ndarray) -> Iterator[Split]:
        """Yield (train, test) row indices per choice, in lexicographic order; arguments and errors as `WalkForward`."""
        rows = _read(start_ns, end_ns, session_index)
        if len(rows.sessions) < self.groups:
            raise NotEnoughData(f"splits: expected at least {self.groups} sessions, found {len(rows.sessions)}")
        blocks = np.array_split(rows.sessions, self.groups)
        for chosen in combinations(range(self.groups), self.test_groups):
            test = rows.of(np.concatenate([blocks[block] for block in chosen]))
            train = ~test
            for run in _runs(chosen):
                train = rows.purge(train, rows.of(np.concatenate([blocks[block] for block in run])), self.embargo_ns)
            yield _indices(train, test, f"choice {chosen}")


def _runs(chosen: tuple[int, ...]) -> list[list[int]]:
    """Group neighbouring block numbers: each run is one test span."""
    return [[block for _, block in run] for _, run in groupby(enumerate(chosen), lambda pair: pair[1] - pair[0])]


def split_off_validation(
    start_ns: np.ndarray, end_ns: np.ndarray, session_index: np.ndarray, fraction: float, embargo_ns: int
) -> Split:
    """Return (fit, validation) row indices: the last `fraction` of the sessions validates, purged as a test span.

    Calibration and thresholds are fitted on the validation part, which the learner has not seen.
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"splits: expected a validation fraction between 0 and 1, found {fraction}")
    rows = _read(start_ns, end_ns, session_index)
    held = max(1, round(fraction * len(rows.sessions)))
    if held >= len(rows.sessions):
        raise NotEnoughData(f"splits: {len(rows.sessions)} sessions leave none to fit on; add sessions")
    validation = rows.of(rows.sessions[-held:])
    return _indices(rows.purge(~validation, validation, embargo_ns), validation, "the fitting part")
