"""Splits that test every block of sessions, some with later sessions in training (AFML ch. 7 and 12).

They measure how stable a result is over many test histories; the number a gate reads comes from `WalkForward`, which
never trains on what comes after a test. Purge and embargo are the rule of `models.spans`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from math import comb
from typing import Any

import numpy as np

from market.errors import ConfigError, DataError, NotEnoughData
from models.spans import Rows, Split, as_indices, read_rows


@dataclass(frozen=True)
class CombinatorialPurged:
    """Test on every choice of `test_groups` out of `groups` blocks of sessions.

    There are C(N, k) choices, and their tests make up φ = k/N · C(N, k) whole histories, the paths.

    Parameters
    ----------
    groups : int
        Blocks N, as equal in sessions as they can be.
    test_groups : int
        Blocks k tested together; 1 is the purged k-fold.
    embargo_ns : int
        Least time between a training label and a test span, on both sides.
    """

    groups: int
    test_groups: int
    embargo_ns: int

    def __post_init__(self) -> None:
        if not 1 <= self.test_groups < self.groups or self.embargo_ns < 0:
            raise ConfigError(f"splits: expected 1 <= test_groups < groups and embargo_ns >= 0, found {self}")

    def get_n_splits(self, X: Any = None, y: Any = None, groups: np.ndarray | None = None) -> int:
        """Return the number of choices; the arguments are scikit-learn's and not looked at."""
        return comb(self.groups, self.test_groups)

    @property
    def n_paths(self) -> int:
        """The number of paths."""
        return comb(self.groups - 1, self.test_groups - 1)

    def split(self, X: Any = None, y: Any = None, groups: np.ndarray | None = None) -> Iterator[Split]:
        """Yield (train, test) row indices per choice, in lexicographic order; arguments and errors as `WalkForward`."""
        rows = read_rows(groups, X)
        blocks = self._blocks(rows)
        for chosen in self._choices():
            test = rows.of(np.concatenate([blocks[block] for block in chosen]))
            train = ~test
            for run in _runs(chosen):
                train = rows.purge(train, rows.of(np.concatenate([blocks[block] for block in run])), self.embargo_ns)
            yield as_indices(train, test, f"choice {chosen}")

    def paths(self) -> np.ndarray:
        """Return which choice tests each block in each path, i8[paths, groups].

        A block is tested by as many choices as there are paths; the i-th of them, in the order of `split`, stands in
        path i. So every choice's test of a block is used once.
        """
        table = np.zeros((self.n_paths, self.groups), dtype=np.int64)
        tested = [0] * self.groups
        for number, chosen in enumerate(self._choices()):
            for block in chosen:
                table[tested[block], block] = number
                tested[block] += 1
        return table

    def stitch(self, groups: np.ndarray, predicted: Sequence[np.ndarray]) -> np.ndarray:
        """Return one whole test history per path, f8[paths, n].

        Parameters
        ----------
        groups : SPAN[n]
            As `split` took them.
        predicted : sequence of f8[tested rows]
            Of each choice, one value per test row, in the order of its indices.

        Raises
        ------
        DataError
            Not one array per choice, or not one value per test row.
        """
        rows = read_rows(groups)
        blocks = [rows.of(block) for block in self._blocks(rows)]
        whole = np.full((self.get_n_splits(), len(rows.spans)), np.nan)
        if len(predicted) != len(whole):
            raise DataError(f"splits: expected predictions of {len(whole)} choices, found {len(predicted)}")
        for number, (chosen, values) in enumerate(zip(self._choices(), predicted, strict=True)):
            test = np.any([blocks[block] for block in chosen], axis=0)
            if len(values) != test.sum():
                raise DataError(f"splits: expected {test.sum()} predictions of choice {chosen}, found {len(values)}")
            whole[number, test] = values
        out = np.empty((self.n_paths, len(rows.spans)))
        for path, choices in enumerate(self.paths()):
            for block, number in zip(blocks, choices, strict=True):
                out[path, block] = whole[number, block]
        return out

    def _choices(self) -> Iterator[tuple[int, ...]]:
        return combinations(range(self.groups), self.test_groups)

    def _blocks(self, rows: Rows) -> list[np.ndarray]:
        """Return the sessions of each block."""
        if len(rows.sessions) < self.groups:
            raise NotEnoughData(f"splits: expected at least {self.groups} sessions, found {len(rows.sessions)}")
        return np.array_split(rows.sessions, self.groups)


@dataclass(frozen=True)
class PurgedKFold:
    """Test each of `folds` blocks of sessions once, and train on all the others.

    Parameters
    ----------
    folds : int
        At least 2.
    embargo_ns : int
        Least time between a training label and the test span, on both sides.
    """

    folds: int
    embargo_ns: int

    def __post_init__(self) -> None:
        CombinatorialPurged(self.folds, 1, self.embargo_ns)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: np.ndarray | None = None) -> int:
        """Return the number of folds; the arguments are scikit-learn's and not looked at."""
        return self.folds

    def split(self, X: Any = None, y: Any = None, groups: np.ndarray | None = None) -> Iterator[Split]:
        """Yield (train, test) row indices per fold, oldest first; arguments and errors as `WalkForward`."""
        return CombinatorialPurged(self.folds, 1, self.embargo_ns).split(X, y, groups)


def _runs(chosen: tuple[int, ...]) -> list[list[int]]:
    """Group neighbouring block numbers: each run is one test span."""
    return [[block for _, block in run] for _, run in groupby(enumerate(chosen), lambda pair: pair[1] - pair[0])]
