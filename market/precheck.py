"""A fast look over records before anything is computed from them: one compiled pass, a finding per kind of defect."""

from dataclasses import dataclass

import numpy as np

from market.errors import DataError
from market.precheck_defects import LOWEST, Defect
from market.precheck_kernel import COUNT, FIRST, WORST, tally_bars, tally_events
from market.trade_sizes import usual_size
from market.types import Kind


@dataclass(frozen=True)
class Finding:
    """One kind of defect in a session or a series.

    Parameters
    ----------
    defect : Defect
        What is wrong.
    count : int
        How often; runs count once.
    first : int
        Index of the first record concerned; of a run, its first bar.
    worst : int
        The most extreme value, in the unit the sentence names (times in nanoseconds).
    """

    defect: Defect
    count: int
    first: int
    worst: int


def check_events(events: np.ndarray, session: np.ndarray, closing_call_ns: int = 0) -> tuple[Finding, ...]:
    """Return what is wrong with one session's events, in the order of Defect; empty where nothing is.

    Parameters
    ----------
    events : ndarray
        EVENT of one instrument, ordered by sequence: trades, quotes and book, together or apart.
    session : ndarray
        SESSION, length 1.
    closing_call_ns : int
        How long before the close a closing call may begin.
    """
    tally = _tally()
    opens, closes = int(session["open_ns"][0]), int(session["close_ns"][0])
    tally_events(events, opens, closes, closes - closing_call_ns, tally)
    if tally[[Defect.TRADE_NUMBER_BACK, Defect.TRADE_NUMBER_REPEATED], COUNT].any():
        tally[Defect.TRADE_NUMBER_REPEATED] = _repeated_numbers(events)
    return _findings(tally)


def check_bars(bars: np.ndarray, sessions: np.ndarray, usual: np.ndarray | None = None) -> tuple[Finding, ...]:
    """Return what is wrong with bars of one length, in the order of Defect; empty where nothing is.

    Parameters
    ----------
    bars : ndarray
        BAR, oldest first, of one session or of many: an absurd volume is told by the medians of all.
    sessions : ndarray
        SESSION of every day the bars belong to, oldest first, at least one.
    usual : ndarray, optional
        What `usual_volumes` tells of the whole series, where these bars are a part of it; theirs otherwise.

    Raises
    ------
    DataError
        Where there is no session.
    """
    if not sessions.size:
        raise DataError("pre-check of bars: expected at least one session, found none; give those of the bars' days")
    tally = _tally()
    if bars.size:
        lengths, counts = np.unique(bars["ts_close_ns"] - bars["ts_open_ns"], return_counts=True)
        bar_ns = max(int(lengths[np.argmax(counts)]), 1)
        tally_bars(bars, sessions, bar_ns, usual_volumes(bars) if usual is None else usual, tally)
    return _findings(tally)


def usual_volumes(bars: np.ndarray) -> np.ndarray:
    """Return the medians of quantity per trade and per bar, f8[2]; 0 where no bar tells."""
    moved = bars["volume"][bars["volume"] > 0]
    return np.array([usual_size(bars["volume"], bars["trades"]), np.median(moved) if moved.size else 0.0])


def _tally() -> np.ndarray:
    return np.zeros((len(Defect), 3), dtype=np.int64)


def _findings(tally: np.ndarray) -> tuple[Finding, ...]:
    found = []
    for defect in Defect:
        count, first, worst = (int(tally[defect, column]) for column in (COUNT, FIRST, WORST))
        if count:
            found.append(Finding(defect, count, first, -worst if defect in LOWEST else worst))
    return tuple(found)


def _repeated_numbers(events: np.ndarray) -> tuple[int, int, int]:
    """Return count, first index and highest of the trade numbers seen before; only for a session out of order."""
    rows = np.flatnonzero((events["kind"] == Kind.TRADE) & (events["trade_number"] != 0))
    numbers = events["trade_number"][rows]
    order = np.argsort(numbers, kind="stable")
    again = order[1:][np.diff(numbers[order]) == 0]
    return (again.size, int(rows[again].min()), int(numbers[again].max())) if again.size else (0, 0, 0)
