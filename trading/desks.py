"""Several desks of one account: each with its own core and paper venue, all over one merged course of events.

Records are taken in the order of time: an event at its exchange time (one stamped before an earlier one of its feed at
that one's), a bar at its close, a desk's end at its session's close. Of equal times the desk named first goes first,
and a desk's own records keep their order. So a run is deterministic, and desks meet nowhere but in their budget.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from market.errors import UsageError
from market.kernel import kernel
from market.stream import Feed
from market.types import BAR, EVENT
from trading.bracket import flatten
from trading.core import Core
from trading.fills.venue import Venue
from trading.paper import (
    SessionResult,
    Trader,
    begin_session,
    paper_bar,
    paper_end,
    paper_event,
    run_session,
    session_result,
    step,
)

_ENDED = -1  # a start that lies before every time


class Seat(NamedTuple):
    """A trader and the feed it trades."""

    trader: Trader
    feed: Feed


def merge_order(times: Sequence[np.ndarray]) -> np.ndarray:
    """Return whose record comes next, u1[n]: the earliest one, of equal times that of the lowest place.

    Parameters
    ----------
    times : sequence of ndarray of int64
        Of the records at each place, never falling.
    """
    places = np.repeat(np.arange(len(times), dtype=np.uint8), [len(own) for own in times])
    return places[np.argsort(np.concatenate(times), kind="stable")]


class Course(NamedTuple):
    """The records of several desks over one session, in the order in which they are taken.

    Attributes
    ----------
    starts : tuple of ndarray of int64
        Of each desk, when what its records tell of begins: an event's time, a bar's open. Then that of its end, the
        session's close, and one before all times.
    order : ndarray of uint8
        Whose record or end comes next.
    at : ndarray of int64
        Which record of each desk comes next.
    """

    starts: tuple[np.ndarray, ...]
    order: np.ndarray
    at: np.ndarray


@kernel
def flatten_others(cores: tuple[Core, ...], course: Course, halted: int) -> None:
    """Flatten every desk but the one whose event halted the account, at the time of that event.

    A desk in the middle of a bar flattens by itself at the bar's close, when it hears of the market again.

    Parameters
    ----------
    cores : tuple of Core
    course : Course
    halted : int
        Place of the desk whose event it was.
    """
    now_ns = cores[halted].desk.market[0]["now_ns"]
    for place in range(len(cores)):
        if place != halted and course.starts[place][course.at[place]] >= now_ns:
            market = cores[place].desk.market[0]
            market["now_ns"] = max(market["now_ns"], now_ns)
            flatten(cores[place].desk)


@kernel
def play(
    cores: tuple[Core, ...],
    venues: tuple[Venue, ...],
    events: tuple[np.ndarray, ...],
    bars: tuple[np.ndarray, ...],
    course: Course,
) -> None:
    """Take the records of all desks in the order given; what follows a desk's last one ends its session."""
    budget, at = cores[0].desk.budget[0], course.at
    for i in range(course.order.size):
        place = int(course.order[i])
        core, venue, record = cores[place], venues[place], at[place]
        before = budget["must_flatten"]
        if record == course.starts[place].size - 2:
            paper_end(core, venue)
        elif core.desk.market[0]["events"]:
            paper_event(core, venue, events[place][record])
        else:
            paper_bar(core, venue, bars[place][record])
        at[place] += 1
        if budget["must_flatten"] > before:
            flatten_others(cores, course, place)


@dataclass(frozen=True)
class Day:
    """A session of several desks that has begun.

    Attributes
    ----------
    seats : tuple of Seat
        Those that have data on the day, all of one budget.
    records : tuple of ndarray
        EVENT or BAR records of each.
    course : Course
        In which they are taken.
    """

    seats: tuple[Seat, ...]
    records: tuple[np.ndarray, ...]
    course: Course

    def run(self) -> None:
        """Take every record in compiled code."""
        venues = tuple(seat.trader.venue for seat in self.seats)
        play(self._cores, venues, self._records_of(EVENT), self._records_of(BAR), self.course)

    def step(self, place: int) -> bool:
        """Take the next record of one desk, or end its session after its last; `run` does so in their order.

        Returns
        -------
        bool
            Whether it made the other desks flatten.
        """
        trader, records, record = self.seats[place].trader, self.records[place], self.course.at[place]
        before = trader.budget[0]["must_flatten"]
        if record == len(records):
            paper_end(trader.core, trader.venue)
        else:
            step(trader, records[record])
        self.course.at[place] += 1
        shared = len(self.seats) > 1 and bool(trader.budget[0]["must_flatten"] > before)
        if shared:
            flatten_others(self._cores, self.course, place)
        return shared

    def _records_of(self, dtype: np.dtype) -> tuple[np.ndarray, ...]:
        """Return the records of each desk that is fed this kind, none of the others; all of one compiled type."""
        return tuple(np.require(own if own.dtype == dtype else [], dtype, ["C", "W"]) for own in self.records)

    @property
    def _cores(self) -> tuple[Core, ...]:
        return tuple(seat.trader.core for seat in self.seats)


def begin_day(seats: Sequence[Seat], day: date) -> Day:
    """Start a session of every desk that has data on a day.

    Raises
    ------
    UsageError
        As `trading.paper.begin_session`, or if the desks do not share one budget.
    LakeError
        If a partition of a session or its preload is missing or damaged.
    """
    playing = tuple(seat for seat in seats if day in seat.feed.sessions())
    if any(seat.trader.budget is not playing[0].trader.budget for seat in playing):
        raise UsageError(f"session {day}: expected desks of one budget, found several; make their traders with one")
    for trader, feed in playing:
        begin_session(trader, feed, day)
    return merge_day(playing, [feed.load(day) for _, feed in playing])


def merge_day(seats: Sequence[Seat], records: Sequence[np.ndarray]) -> Day:
    """Merge what desks are fed in a session that each of them has begun."""
    starts, known = [], []
    for seat, own in zip(seats, records, strict=True):
        opened, told = _times(own)
        close = max(int(seat.trader.core.session["close_ns"][0]), *told[-1:].tolist())
        starts.append(np.concatenate([opened, [close, _ENDED]]))
        known.append(np.append(told, close))
    course = Course(tuple(starts), merge_order(known), np.zeros(len(seats), dtype=np.int64))
    return Day(tuple(seats), tuple(records), course)


def run_day(seats: Sequence[Seat], day: date) -> tuple[SessionResult | None, ...]:
    """Trade one session of several desks in compiled code; None for a desk that has no data on the day.

    Raises what `begin_day` raises.
    """
    playing = [seat for seat in seats if day in seat.feed.sessions()]
    if len(playing) == 1:
        found = [run_session(*playing[0], day)]
    else:
        begin_day(playing, day).run()
        found = [session_result(seat.trader) for seat in playing]
    results = dict(zip((id(seat.trader) for seat in playing), found, strict=True))
    return tuple(results.get(id(seat.trader)) for seat in seats)


def _times(records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return when each record begins and when it is known, never falling."""
    if records.dtype == BAR:
        return records["ts_open_ns"].copy(), np.maximum.accumulate(records["ts_close_ns"])
    known = np.maximum.accumulate(records["ts_event_ns"])
    return known, known
