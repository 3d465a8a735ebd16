"""Fewer points that draw the same line: a plot cannot show more than it has columns."""

from itertools import pairwise

import numpy as np

from market.types import bars as empty_bars

_DAY_NS = 86_400_000_000_000


def thin(values: np.ndarray, limit: int) -> np.ndarray:
    """Return the positions to keep of a line: in each of limit/2 stretches its lowest and its highest point.

    Both ends are kept, every extreme is kept, and a line within `limit` is kept whole.
    """
    count = len(values)
    if count <= limit:
        return np.arange(count)
    edges = np.linspace(0, count, limit // 2 + 1).astype(np.int64)
    lowest = [start + int(np.argmin(values[start:end])) for start, end in pairwise(edges.tolist())]
    highest = [start + int(np.argmax(values[start:end])) for start, end in pairwise(edges.tolist())]
    return np.unique(np.array([0, count - 1, *lowest, *highest]))


def session_starts(keys: np.ndarray) -> np.ndarray:
    """Return the positions at which a run of equal keys begins."""
    return np.flatnonzero(np.append(True, np.diff(keys) != 0)) if len(keys) else np.zeros(0, dtype=np.int64)


def group_bars(bars: np.ndarray, limit: int) -> tuple[np.ndarray, int]:
    """Join neighbouring bars of a session until about `limit` are left.

    Returns
    -------
    tuple of np.ndarray and int
        BAR records with open, high, low, close and times of each group, and the bars per group.
    """
    span = max(1, -(-len(bars) // limit))
    if span == 1:
        return bars, 1
    # A B3 session lies within one UTC day.
    starts = session_starts(bars["ts_open_ns"] // _DAY_NS)
    ends = np.append(starts[1:], len(bars))
    firsts = np.concatenate([np.arange(start, end, span) for start, end in zip(starts, ends, strict=True)])
    lasts = np.append(firsts[1:], len(bars)) - 1
    joined = empty_bars(len(firsts))
    for name, source in (("ts_open_ns", firsts), ("open", firsts), ("ts_close_ns", lasts), ("close", lasts)):
        joined[name] = bars[name][source]
    joined["high"] = np.maximum.reduceat(bars["high"], firsts)
    joined["low"] = np.minimum.reduceat(bars["low"], firsts)
    return joined, span
