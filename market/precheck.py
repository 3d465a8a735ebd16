"""A fast look over records before anything is computed from them: one compiled pass, a finding per kind of defect."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from market.errors import DataError
from market.precheck_defects import LONG_RUN, SECOND_NS, Defect
from market.precheck_kernel import COUNT, FIRST, WORST, tally_bars, tally_events
from market.types import Kind

# Defects whose worst value is the lowest.
_LOWEST = frozenset({Defect.NO_PRICE, Defect.NO_QUANTITY})
_IN_SECONDS = frozenset({Defect.TIME_BACK, Defect.OUTSIDE_HOURS, Defect.RECEIVED_EARLY, Defect.OFF_GRID})

_SENTENCES: Mapping[Defect, str] = MappingProxyType(
    {
        Defect.SEQUENCE_BACK: "{count} records do not follow the sequence before them, the worst by {worst}",
        Defect.TIME_BACK: "{count} times lie before the one above, the worst by {worst} s",
        Defect.TIME_REPEATED: "{count} bars have the time of the one above",
        Defect.OUTSIDE_HOURS: "{count} times lie outside the session's hours, the worst by {worst} s",
        Defect.RECEIVED_EARLY: "{count} records were received before they happened, the worst by {worst} s",
        Defect.UNKNOWN_KIND: "{count} events are of no known kind, as {worst}",
        Defect.UNKNOWN_SIDE: "{count} events have no known side, as {worst}",
        Defect.UNKNOWN_TRADE_TYPE: "{count} trades have a type the vendor does not list, as {worst}",
        Defect.UNTYPED_TRADES: "{count} trades have a type that says nothing, {worst} in a thousand",
        Defect.NO_PRICE: "{count} records lack a price above zero, the lowest is {worst} ticks",
        Defect.NO_QUANTITY: "{count} records lack a quantity above zero, the lowest is {worst}",
        Defect.HUGE_QUANTITY: "{count} trades are of an absurd quantity, up to {worst} contracts",
        Defect.PRICE_SPIKE: "{count} trades jump away from both their neighbours, the worst by {worst} ticks",
        Defect.TRADE_IN_HALT: "{count} trades happened while the market was not open, in phase {worst}",
        Defect.TRADE_NUMBER_BACK: "{count} trade numbers lie below the one before, the worst by {worst}",
        Defect.TRADE_NUMBER_REPEATED: "{count} trade numbers were there before, the highest is {worst}",
        Defect.BOOK_CROSSED: "{count} times the best bid stood at or above the best ask, the worst by {worst} ticks",
        Defect.OFF_GRID: "{count} bars are off the grid of the bar length, the worst by {worst} s",
        Defect.HIGH_BELOW_LOW: "{count} bars have a high below their low, the worst by {worst} ticks",
        Defect.BODY_OUTSIDE_RANGE: "{count} bars open or close outside their range, the worst by {worst} ticks",
        Defect.HUGE_VOLUME: "{count} bars are of an absurd volume, up to {worst} contracts",
        Defect.ZERO_RANGE_RUN: "{count} runs of {run} bars or more trade at one price, the longest is {worst}",
        Defect.FROZEN_FEED: "{count} runs of {run} bars or more repeat a bar, the longest is {worst}",
        Defect.FLAT_FILLED: "{count} runs of {run} bars or more are flat without volume, the longest is {worst}",
    }
)


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

    def __str__(self) -> str:
        """Return one sentence for a reader."""
        worst = f"{self.worst / SECOND_NS:,.3f}" if self.defect in _IN_SECONDS else f"{self.worst:,}"
        told = _SENTENCES[self.defect].format(count=f"{self.count:,}", worst=worst, run=LONG_RUN)
        return f"{told} (first at row {self.first:,})"


def check_events(events: np.ndarray, session: np.ndarray) -> tuple[Finding, ...]:
    """Return what is wrong with one session's events, in the order of Defect; empty where nothing is.

    Parameters
    ----------
    events : ndarray
        EVENT of one instrument, ordered by sequence: trades, quotes and book, together or apart.
    session : ndarray
        SESSION, length 1.
    """
    tally = _tally()
    tally_events(events, int(session["open_ns"][0]), int(session["close_ns"][0]), tally)
    if tally[[Defect.TRADE_NUMBER_BACK, Defect.TRADE_NUMBER_REPEATED], COUNT].any():
        tally[Defect.TRADE_NUMBER_REPEATED] = _repeated_numbers(events)
    return _findings(tally)


def check_bars(bars: np.ndarray, sessions: np.ndarray) -> tuple[Finding, ...]:
    """Return what is wrong with bars of one length, in the order of Defect; empty where nothing is.

    Parameters
    ----------
    bars : ndarray
        BAR, oldest first, of one session or of many: an absurd volume is told by the medians of all.
    sessions : ndarray
        SESSION of every day the bars belong to, oldest first, at least one.

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
        tally_bars(bars, sessions, bar_ns, _usual_volumes(bars), tally)
    return _findings(tally)


def _tally() -> np.ndarray:
    return np.zeros((len(Defect), 3), dtype=np.int64)


def _findings(tally: np.ndarray) -> tuple[Finding, ...]:
    found = []
    for defect in Defect:
        count, first, worst = (int(tally[defect, column]) for column in (COUNT, FIRST, WORST))
        if count:
            found.append(Finding(defect, count, first, -worst if defect in _LOWEST else worst))
    return tuple(found)


def _repeated_numbers(events: np.ndarray) -> tuple[int, int, int]:
    """Return count, first index and highest of the trade numbers seen before; only for a session out of order."""
    rows = np.flatnonzero((events["kind"] == Kind.TRADE) & (events["trade_number"] != 0))
    numbers = events["trade_number"][rows]
    order = np.argsort(numbers, kind="stable")
    again = order[1:][np.diff(numbers[order]) == 0]
    return (again.size, int(rows[again].min()), int(numbers[again].max())) if again.size else (0, 0, 0)


def _usual_volumes(bars: np.ndarray) -> np.ndarray:
    """Return the medians of contracts per trade and per bar, f8[2]; 0 where no bar tells."""
    traded = bars[(bars["trades"] > 0) & (bars["volume"] > 0)]
    moved = bars["volume"][bars["volume"] > 0]
    per_trade = np.median(traded["volume"] / traded["trades"]) if traded.size else 0.0
    return np.array([per_trade, np.median(moved) if moved.size else 0.0])
