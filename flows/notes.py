"""The broker's notes of a run, session by session and month by month."""

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from backtest.report import MonthOfNotes
from backtest.result import BacktestResult
from market.costs import CostParams, costs
from market.stream import Feed
from trading.broker_note import BrokerNote, NoteLine, note_line


def session_notes(feed: Feed, params: CostParams, result: BacktestResult) -> dict[dt.date, BrokerNote]:
    """Return the broker's note of each session that has fills, in time order."""
    opens = np.array([feed.session(day)[0]["open_ns"] for day in result.sessions])
    of_session = np.searchsorted(opens, result.fills["ts_ns"], side="right") - 1
    notes = {}
    for place, day in enumerate(result.sessions):
        fills = result.fills[of_session == place]
        if len(fills):
            paid = costs(feed.root, day, params)
            notes[day] = BrokerNote((note_line(fills, feed.instrument.tick_value, paid),))
    return notes


def join_notes(notes: Iterable[Mapping[dt.date, BrokerNote]]) -> dict[dt.date, BrokerNote]:
    """Return one note a session for all instruments of an account, in time order."""
    lines: dict[dt.date, tuple[NoteLine, ...]] = {}
    for own in notes:
        for day, note in own.items():
            lines[day] = (*lines.get(day, ()), *note.lines)
    return {day: BrokerNote(lines[day]) for day in sorted(lines)}


def months_of(notes: Mapping[dt.date, BrokerNote]) -> tuple[MonthOfNotes, ...]:
    """Add up the notes of each month: day trades are taxed by the month."""
    return tuple(
        _month(month, [note for _, note in group])
        for month, group in itertools.groupby(notes.items(), key=lambda dated: dated[0].replace(day=1))
    )


def _month(month: dt.date, notes: Sequence[BrokerNote]) -> MonthOfNotes:
    lines = [line for note in notes for line in note.lines]
    return MonthOfNotes(
        month=month,
        sessions=len(notes),
        contracts=sum(line.contracts for line in lines),
        gross=float(sum(line.gross for line in lines)),
        costs=float(sum(line.fees + line.brokerage for line in lines)),
        withheld=float(sum(note.withheld for note in notes)),
        settled=float(sum(note.settled for note in notes)),
    )
