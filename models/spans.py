"""Label intervals by session, and the one rule that keeps training rows away from test rows.

A label is the closed interval [start_ns, end_ns]. A training row stays only if its interval keeps clear of every
test span (first start to last end of a run of test rows) by more than the embargo, on both sides. That rule is
the whole defence, and it is one function: `clear_of`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from market.errors import DataError, NotEnoughData

SPAN = np.dtype(
    [
        ("start_ns", "<i8"),  # of the label
        ("end_ns", "<i8"),  # nothing later was looked at
        ("session", "<i8"),  # numbers ascend with time
    ]
)

Split = tuple[np.ndarray, np.ndarray]  # row indices to train on, row indices to test on


def spans_of(start_ns: np.ndarray, end_ns: np.ndarray, session: np.ndarray) -> np.ndarray:
    """Return SPAN records, one per row: what every splitter takes as scikit-learn's `groups`."""
    out = np.zeros(len(start_ns), dtype=SPAN)
    out["start_ns"], out["end_ns"], out["session"] = start_ns, end_ns, session
    return out


def clear_of(start_ns: np.ndarray, end_ns: np.ndarray, span_ns: tuple[int, int], embargo_ns: int) -> np.ndarray:
    """Return which intervals lie more than `embargo_ns` before or after the closed span, bool[n]."""
    return (end_ns < span_ns[0] - embargo_ns) | (start_ns > span_ns[1] + embargo_ns)


@dataclass(frozen=True)
class Rows:
    """The rows being split, and the sessions they fall in, oldest first."""

    spans: np.ndarray
    sessions: np.ndarray

    def of(self, sessions: np.ndarray) -> np.ndarray:
        """Return which rows fall in some sessions, bool[n]."""
        return np.isin(self.spans["session"], sessions)

    def purge(self, train: np.ndarray, test: np.ndarray, embargo_ns: int) -> np.ndarray:
        """Return the training rows that keep clear of the span of the test rows; masks, bool[n]."""
        spans = self.spans
        span = int(spans["start_ns"][test].min()), int(spans["end_ns"][test].max())
        return np.asarray(train & clear_of(spans["start_ns"], spans["end_ns"], span, embargo_ns))


def read_rows(groups: np.ndarray | None, features: Any = None) -> Rows:
    """Return the rows to split.

    Parameters
    ----------
    groups : SPAN[n]
        In any order.
    features : array-like, optional
        What scikit-learn passes as X; only its length is looked at.

    Raises
    ------
    DataError
        There are no spans, not one per row, or they contradict each other.
    """
    if getattr(groups, "dtype", None) != SPAN:
        found = type(groups).__name__ if groups is None else f"{type(groups).__name__} of {np.asarray(groups).dtype}"
        raise DataError(f"splits: expected SPAN records as groups, found {found}; pass groups=spans_of(…)")
    spans = np.asarray(groups)
    if features is not None and np.shape(features)[0] != len(spans):
        raise DataError(f"splits: expected one span per row, found {len(spans)} for {np.shape(features)[0]} rows")
    early = spans["end_ns"] < spans["start_ns"]
    if early.any():
        raise DataError(f"splits: label {int(np.argmax(early))} ends before it starts; rebuild the labels")
    order = np.lexsort((spans["start_ns"], spans["session"]))
    if np.any(np.diff(spans["start_ns"][order]) < 0):
        raise DataError(
            "splits: expected session numbers that ascend with time, found a later session that starts earlier"
        )
    return Rows(spans, np.unique(spans["session"]))


def as_indices(train: np.ndarray, test: np.ndarray, where: str) -> Split:
    """Return masks as indices, or refuse a split whose training rows were all purged (NotEnoughData)."""
    if not train.any():
        raise NotEnoughData(f"splits: no training row of {where} is left after purge and embargo; add sessions")
    return np.flatnonzero(train), np.flatnonzero(test)
