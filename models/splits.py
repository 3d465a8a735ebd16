"""Splits that move forward in time: train on the past, test on what follows.

Blocks are whole sessions; training rows are purged by their label's end and an embargo (`models.spans`). Every
splitter is used as scikit-learn's are, with the label intervals as groups:
``cross_val_score(model, X, y, cv=splitter, groups=table.spans)``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from market.errors import ConfigError, NotEnoughData
from models.spans import Split, as_indices, read_rows


@dataclass(frozen=True)
class WalkForward:
    """Train on the past, test on the next block of sessions, move on.

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

    def get_n_splits(self, X: Any = None, y: Any = None, groups: np.ndarray | None = None) -> int:
        """Return the number of folds; the arguments are scikit-learn's and not looked at."""
        return self.folds

    def split(self, X: Any = None, y: Any = None, groups: np.ndarray | None = None) -> Iterator[Split]:
        """Yield (train, test) row indices per fold, oldest first.

        Parameters
        ----------
        X, y
            As scikit-learn passes them; only the length of X is looked at.
        groups : SPAN[n]
            Label interval and session of each row, in any order.

        Raises
        ------
        NotEnoughData
            Fewer than `train_sessions_min + folds` sessions, or a fold without training rows after the purge.
        DataError
            Spans that are missing or contradict each other.
        """
        rows = read_rows(groups, X)
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
            yield as_indices(rows.purge(train, test, self.embargo_ns), test, f"fold {fold}")


def split_off_validation(spans: np.ndarray, fraction: float, embargo_ns: int) -> Split:
    """Return (fit, validation) row indices: the last `fraction` of the sessions validates, purged as a test span.

    Calibration and thresholds are fitted on the validation part, which the learner has not seen.
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"splits: expected a validation fraction between 0 and 1, found {fraction}")
    rows = read_rows(spans)
    held = max(1, round(fraction * len(rows.sessions)))
    if held >= len(rows.sessions):
        raise NotEnoughData(f"splits: {len(rows.sessions)} sessions leave none to fit on; add sessions")
    validation = rows.of(rows.sessions[-held:])
    return as_indices(rows.purge(~validation, validation, embargo_ns), validation, "the fitting part")
