"""Holes in a session's data, each with a cause."""

import numpy as np

from market.manifest import Cause, Gap


def bar_gaps(bars: np.ndarray, session: np.ndarray, bar_ns: int, cut_before: bool, cut_after: bool) -> tuple[Gap, ...]:
    """Return the holes in a session's bars, in order of time.

    Parameters
    ----------
    bars : ndarray
        BAR, oldest first, of one session.
    session : ndarray
        SESSION, length 1.
    bar_ns : int
        Length of a bar, nanoseconds.
    cut_before, cut_after : bool
        Whether the export began after the session's open, or ended before its close.
    """
    opens, closes = int(session["open_ns"][0]), int(session["close_ns"][0])
    ends = np.append(opens, bars["ts_open_ns"] + bar_ns)
    starts = np.append(bars["ts_open_ns"], closes)
    holes = np.flatnonzero(starts - ends >= bar_ns)
    return tuple(
        Gap(int(ends[k]), int(starts[k]), _cause((k == 0 and cut_before) or (k == bars.size and cut_after)))
        for k in holes
    )


def event_gaps(events: np.ndarray, session: np.ndarray, cut_before: bool, cut_after: bool) -> tuple[Gap, ...]:
    """Return the holes in a session's events, in order of time: parameters as in `bar_gaps`."""
    opens, closes = int(session["open_ns"][0]), int(session["close_ns"][0])
    gaps = []
    if cut_before:
        gaps.append(Gap(opens, int(events["ts_event_ns"][0]), Cause.TRUNCATED))
    if cut_after:
        gaps.append(Gap(int(events["ts_event_ns"][-1]), closes, Cause.TRUNCATED))
    return tuple(gaps)


def _cause(cut: bool) -> Cause:
    return Cause.TRUNCATED if cut else Cause.FEED_LOSS
