"""Holes in a session's data, each with a cause, and sessions that are missing whole.

A hole is at least one bar without a bar, or `SILENCE_NS` without a trade. Its cause is the first of these that holds:

1. *truncated export*: the export begins or ends more than `CUT_NS` (or one bar) inside the session.
2. *feed loss*: the recorder itself noted a gap (GAP event) in the hole.
3. *halt* or *auction*: the exchange's state (STATE event) was FROZEN or INHIBITED, or AUCTION or PRE_OPENING.
4. *halt*: `HALT_NS` or longer, and the price is at a daily limit or ran half of one in the minutes around the hole.
5. *no trade*: at the pace of the minutes around the hole at most `QUIET_TRADES` would be expected in it.
6. *auction*: the opening call; from the open, at most `CALL_NS`. The closing call of a share; to the close, at most
   `CLOSING_CALL_NS` of its calendar.
7. *auction*: at most `HALT_NS` long, and the price ran a tunnel's width in the minutes around the hole.
8. *no trade*: shorter than `HALT_NS` with the price at a daily limit, where only one side wants to trade.
9. *feed loss*: a liquid series silent without a reason.

Rules 4, 7 and 8 need a daily limit (b3.md §2.1): 10 % index and 6 % dollar. It counts from the previous settlement,
which data do not tell; the last close of the session before stands for it, or the day's open where there is none. Close
and settlement may be far apart after a wild evening (WINJ20 on 2020-03-12 was locked 5.2 % below the close), so a price
that does not move at all counts as at the limit from half of it.

What a season's regular hours hold and a late open or early close takes away is a gap of cause *holiday*. Where a market
goes round the clock and a broker does not, the hours in which its export never trades are *no trade* (`broker_hours`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from market.calendar import CLOSING_CALL_NS, Calendar
from market.instruments import Instrument, Instruments
from market.lake_manifest import Cause, Gap, Partition
from market.types import Kind, Phase

MINUTE_NS = 60_000_000_000
# A session's data are cut where they begin or end further than this, or one bar, from its hours.
CUT_NS = 10 * MINUTE_NS
# Trades this far apart enclose a hole: the shortest bar of the vendors' files.
SILENCE_NS = MINUTE_NS
MONTH_SESSIONS = 20  # missing between two files: one export ended and another began, nothing was lost
# The longest opening call seen: 2025-07-10, ten minutes (WIN$); usual are two to five.
CALL_NS = 10 * MINUTE_NS
# Halts of March 2020 lasted five minutes and more, auctions of the tunnels less.
HALT_NS = 5 * MINUTE_NS
# Trades come in bursts: twice the five that WDO's thinnest holes with nothing wrong would hold (2018-08-31).
QUIET_TRADES = 10.0
# The minutes around a hole: for its pace on either side (at least five bars), and for the way the price ran before it.
PACE_NS, PACE_BARS, RUN_NS = 10 * MINUTE_NS, 5, 5 * MINUTE_NS
# Daily limits as a share of the previous settlement, by calendar.
DAILY_LIMIT: Mapping[str, float] = {"b3_index": 0.10, "b3_dollar": 0.06}
NEAR_LIMIT, HALF_LIMIT = 0.9, 0.5
# The auction tunnel of 2015, 300 points at 45,000 to 57,000, is 0.5 to 0.7 %; B3 publishes no table since.
TUNNEL = 0.005

_HALTED = (Phase.FROZEN, Phase.INHIBITED)
_CALLED = (Phase.AUCTION, Phase.PRE_OPENING)


@dataclass(frozen=True)
class SessionContext:
    """What a session's own data do not tell.

    Parameters
    ----------
    session : ndarray
        SESSION, length 1.
    regular_ns : tuple of int
        Open and close by the season's rule, nanoseconds UTC.
    instrument : Instrument
        What is traded.
    previous_close : int
        Last price of the session before on the same price basis, ticks; 0 where unknown.
    begins_export, ends_export : bool
        Whether the session is the first, or last, of its export.
    quoted_ns : tuple of int, optional
        First and last instant within its hours at which its source trades at all; the hours where None.
    """

    session: np.ndarray
    regular_ns: tuple[int, int]
    instrument: Instrument
    previous_close: int = 0
    begins_export: bool = False
    ends_export: bool = False
    quoted_ns: tuple[int, int] | None = None

    @property
    def hours_ns(self) -> tuple[int, int]:
        """Open and close by the calendar."""
        return int(self.session["open_ns"][0]), int(self.session["close_ns"][0])

    @property
    def open_ns(self) -> int:
        """Open of the session where its data come from."""
        return (self.quoted_ns or self.hours_ns)[0]

    @property
    def close_ns(self) -> int:
        """Close of the session where its data come from."""
        return (self.quoted_ns or self.hours_ns)[1]


def session_context(
    instruments: Instruments, contract: str, day: date, previous_close: int, begins_export: bool, ends_export: bool
) -> SessionContext:
    """Return the context of a contract's session; raises DataError where the day is none."""
    calendar = instruments.calendar(contract)
    return SessionContext(
        calendar.session(day),
        calendar.regular_span(day),
        instruments.of(contract),
        previous_close,
        begins_export,
        ends_export,
    )


def bar_gaps(bars: np.ndarray, context: SessionContext, bar_ns: int) -> tuple[Gap, ...]:
    """Return the holes in a session's bars, in order of time; with the bars they cover the session.

    Parameters
    ----------
    bars : ndarray
        BAR, oldest first, of one session, at least one.
    context : SessionContext
        Its session.
    bar_ns : int
        Length of a bar, nanoseconds.
    """
    starts, ends = bars["ts_open_ns"], bars["ts_open_ns"] + bar_ns
    # Contracts count at least as many as trades, so a series that tells no trades is called quiet too seldom.
    trades = bars["trades"] if bars["trades"].any() else bars["volume"] / context.instrument.lot
    prints = _Prints(starts, ends, bars["open"], bars["high"], bars["low"], bars["close"], trades, bar_ns)
    first, last = _covered(int(starts[0]), int(ends[-1]), context, max(CUT_NS, bar_ns))
    return _gaps(prints, context, (first, last), None)


def event_gaps(events: np.ndarray, context: SessionContext, told_ns: tuple[int, int] | None = None) -> tuple[Gap, ...]:
    """Return the holes between a session's trades, in order of time.

    Parameters
    ----------
    events : ndarray
        EVENT, ordered by sequence, of one session, at least one; quotes, states and gaps among them tell causes.
    context : SessionContext
        Its session.
    told_ns : tuple of int, optional
        First and last instant that the export tells of, where its other instruments reach further than these events.
    """
    at = np.flatnonzero(events["kind"] == Kind.TRADE)
    times, prices = events["ts_event_ns"][at], events["price"][at]
    prints = _Prints(times, times, prices, prices, prices, prices, np.ones(at.size), SILENCE_NS)
    first, last = told_ns or (int(events["ts_event_ns"].min()), int(events["ts_event_ns"].max()))
    return _gaps(prints, context, _covered(first, last, context, CUT_NS), _Notes(events, at))


def edge_gaps(first_ns: int, last_ns: int, context: SessionContext) -> tuple[Gap, ...]:
    """Return what a record leaves out at the ends of its session; the holes of quotes and books only a recorder tells.

    Parameters
    ----------
    first_ns, last_ns : int
        First and last instant the record tells of.
    context : SessionContext
        Its session.
    """
    before, after = _edges(context, _covered(first_ns, last_ns, context, CUT_NS))
    return tuple(gap for gap in (*before, *after) if gap.last_ns > gap.first_ns)


def interrupts(gap: Gap, open_ns: int) -> bool:
    """Tell whether the price after a gap does not follow from the one before it, so that what follows is AFTER_GAP.

    A quiet market, the opening call and hours that never were leave nothing out; lost data do, and after a halt or an
    auction within the session the price may be anywhere.
    """
    called = gap.cause == Cause.AUCTION and gap.first_ns == open_ns
    return gap.cause not in (Cause.NO_TRADE, Cause.HOLIDAY) and not called


def missing_sessions(
    partitions: Iterable[Partition], calendar: Calendar, rests: Calendar | None = None
) -> list[tuple[date, Cause]]:
    """Return the days without data between the first and the last session of one series, oldest first.

    Parameters
    ----------
    partitions : iterable of Partition
        Of one series, in any order.
    calendar : Calendar
        Its calendar: a weekday without a session is a holiday; a session without data was lost, or lies in the month
        or more between the end of one export and the beginning of another.
    rests : Calendar, optional
        Of an exchange with which the series rests (`Instruments.rests`): a day that is none of its sessions was not
        lost, but a holiday.
    """
    ordered = sorted(partitions, key=lambda partition: partition.day)
    found: list[tuple[date, Cause]] = []
    for before, after in pairwise(ordered):
        between = [before.day + timedelta(days=k) for k in range(1, (after.day - before.day).days)]
        absent = [day for day in between if day.weekday() in calendar.weekdays]
        sessions = {day for day in absent if calendar.is_session(day)}
        apart = before.provenance.source_sha256 != after.provenance.source_sha256 and len(sessions) >= MONTH_SESSIONS
        lost = Cause.TRUNCATED if apart else Cause.FEED_LOSS
        shut = {day for day in absent if day not in sessions or (rests and not rests.is_session(day))}
        found += [(day, Cause.HOLIDAY if day in shut else lost) for day in absent]
    return found


@dataclass(frozen=True)
class _Prints:
    """What traded, in order of time: bars, or single trades; every array has shape (n,).

    `trades` is how many trades each stands for, `hole_ns` how long it must be silent to make a hole.
    """

    start_ns: np.ndarray
    end_ns: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    trades: np.ndarray
    hole_ns: int


@dataclass(frozen=True)
class _Notes:
    """What events say of the market beside its trades, which are `events[at]`."""

    events: np.ndarray
    at: np.ndarray

    def cause(self, k: int) -> Cause | None:
        """Return the cause that is noted between trade k - 1 and trade k, or None."""
        start = int(self.at[k - 1]) + 1 if k else 0
        between = self.events[start : int(self.at[k]) if k < self.at.size else self.events.size]
        if (between["kind"] == Kind.GAP).any():
            return Cause.FEED_LOSS
        phases = between["level"][between["kind"] == Kind.STATE]
        if not phases.size:  # the one in force before
            phases = self.events["level"][:start][self.events["kind"][:start] == Kind.STATE][-1:]
        if np.isin(phases, _HALTED).any():
            return Cause.HALT
        return Cause.AUCTION if np.isin(phases, _CALLED).any() else None


@dataclass(frozen=True)
class _Hole:
    """A hole before print k of a session covered from `covered_ns[0]` to `covered_ns[1]`."""

    first_ns: int
    last_ns: int
    k: int
    prints: _Prints
    context: SessionContext
    covered_ns: tuple[int, int]

    def cause(self) -> Cause:
        """Return the cause that prices and pace tell: rules 4 to 9."""
        length = self.last_ns - self.first_ns
        limit = DAILY_LIMIT.get(self.context.instrument.calendar, np.inf)
        run, at_limit = self._run(), self._at_limit(limit)
        if length >= HALT_NS and (at_limit or run >= HALF_LIMIT * limit):
            return Cause.HALT
        if self._expected_trades() <= QUIET_TRADES:
            return Cause.NO_TRADE
        if (self._follows_call() and length <= CALL_NS) or self._is_closing_call(length):
            return Cause.AUCTION
        if np.isfinite(limit) and length <= HALT_NS and run >= TUNNEL:
            return Cause.AUCTION
        return Cause.NO_TRADE if at_limit else Cause.FEED_LOSS

    def _follows_call(self) -> bool:
        """Tell whether it begins where an opening call of the exchange ends."""
        return self.first_ns == self.context.open_ns and self.context.instrument.calendar.startswith("b3_")

    def _is_closing_call(self, length: int) -> bool:
        """Tell whether it reaches to the close of a market that ends with a call."""
        longest = CLOSING_CALL_NS.get(self.context.instrument.calendar, 0)
        return self.last_ns == self.context.close_ns and length <= longest

    def _recent(self) -> slice:
        """Return the prints of the last minutes before the hole, the last one at least."""
        first = int(np.searchsorted(self.prints.end_ns[: self.k], self.first_ns - RUN_NS, side="right"))
        return slice(min(first, max(self.k - 1, 0)), self.k)

    def _run(self) -> float:
        """Return how far the price ran in the minutes before the hole and over it, as a share."""
        if not self.k:
            return 0.0
        recent, after = self._recent(), self.prints.open[self.k : self.k + 1]
        prices = np.concatenate([self.prints.high[recent], self.prints.low[recent], after])
        return float(prices.max() / prices.min() - 1)

    def _at_limit(self, limit: float) -> bool:
        if not self.prints.open.size:
            return False
        price = self.prints.close[self.k - 1] if self.k else self.prints.open[0]
        moved = abs(price / (self.context.previous_close or self.prints.open[0]) - 1)
        recent = self._recent()
        locked = self.k > 0 and self.prints.high[recent].max() == self.prints.low[recent].min()
        return bool(moved >= (HALF_LIMIT if locked else NEAR_LIMIT) * limit)

    def _expected_trades(self) -> float:
        """Return how many trades the hole would hold at the pace of the minutes around it."""
        around = max(PACE_NS, PACE_BARS * int((self.prints.end_ns - self.prints.start_ns).max(initial=0)))
        first, last = max(self.first_ns - around, self.covered_ns[0]), min(self.last_ns + around, self.covered_ns[1])
        # The two trades that enclose a hole say nothing of its pace: there is no hole without them.
        starts, ends = self.prints.start_ns, self.prints.end_ns
        near = ((ends > first) & (starts < self.first_ns)) | ((ends > self.last_ns) & (starts < last))
        seen_ns = (self.first_ns - first) + (last - self.last_ns)
        return float(self.prints.trades[near].sum()) * (self.last_ns - self.first_ns) / max(seen_ns, 1)


def _covered(first_ns: int, last_ns: int, context: SessionContext, slack_ns: int) -> tuple[int, int]:
    """Return the part of the session that the export covers."""
    opens, closes = context.open_ns, context.close_ns
    cut_before = context.begins_export and first_ns - opens > slack_ns
    cut_after = context.ends_export and closes - last_ns > slack_ns
    return min(first_ns, closes) if cut_before else opens, max(last_ns, opens) if cut_after else closes


def _gaps(
    prints: _Prints, context: SessionContext, covered_ns: tuple[int, int], notes: _Notes | None
) -> tuple[Gap, ...]:
    first, last = covered_ns
    ends = np.maximum.accumulate(np.append(first, np.clip(prints.end_ns, first, last)))
    starts = np.append(np.clip(prints.start_ns, first, last), last)
    gaps, after = _edges(context, covered_ns)
    for k in np.flatnonzero(starts - ends >= prints.hole_ns):
        hole = _Hole(int(ends[k]), int(starts[k]), int(k), prints, context, covered_ns)
        noted = notes.cause(int(k)) if notes else None
        gaps.append(Gap(hole.first_ns, hole.last_ns, noted or hole.cause()))
    return tuple(gap for gap in (*gaps, *after) if gap.last_ns > gap.first_ns)


def _edges(context: SessionContext, covered_ns: tuple[int, int]) -> tuple[list[Gap], list[Gap]]:
    """Return what is missing before and after the covered part of a session; gaps may be empty."""
    (opened_ns, closed_ns), (opens, closes), (first, last) = context.regular_ns, context.hours_ns, covered_ns
    before = [
        Gap(opened_ns, opens, Cause.HOLIDAY),
        Gap(opens, context.open_ns, Cause.NO_TRADE),
        Gap(context.open_ns, first, Cause.TRUNCATED),
    ]
    after = [
        Gap(last, context.close_ns, Cause.TRUNCATED),
        Gap(context.close_ns, closes, Cause.NO_TRADE),
        Gap(closes, closed_ns, Cause.HOLIDAY),
    ]
    return before, after
