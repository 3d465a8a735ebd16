"""From bars that were checked to BAR records by session, with their holes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from market.broker_hours import quoted_hours
from market.calendar import ROUND_THE_CLOCK
from market.gaps import SessionContext, bar_gaps, interrupts, session_context
from market.instruments import Instrument
from market.lake_manifest import Cause, Gap, Partition
from market.readers.cells import NS_PER_DAY, NS_PER_S
from market.readers.intake import Intake, Request
from market.readers.price_basis import ADJUSTED, PriceBasis
from market.readers.screen import to_date
from market.types import BAR, Flag


@dataclass(frozen=True)
class SessionBars:
    """Bars in order of time; every array has shape (n,).

    Parameters
    ----------
    day : ndarray
        i8, their session, days since 1970-01-01.
    ts_open_ns, ts_close_ns : ndarray
        i8, UTC.
    basis : PriceBasis
        Their prices and what they are.
    volume, trades : ndarray
        f8, units of quantity and number of trades; NaN where the file has no trades.
    bar_ns : int
        Length of a bar, one day for daily ones.
    live : bool
        Whether they were taken while the market ran, so that the last one may be unfinished.
    """

    day: np.ndarray
    ts_open_ns: np.ndarray
    ts_close_ns: np.ndarray
    basis: PriceBasis
    volume: np.ndarray
    trades: np.ndarray
    bar_ns: int
    live: bool


def session_writes(
    request: Request, intake: Intake, contract: str, bars: SessionBars
) -> Iterator[tuple[Partition, np.ndarray]]:
    """Yield a partition and its BAR records for each session."""
    lake = request.lake
    records = _to_records(bars, lake.instruments.of(contract))
    starts = np.flatnonzero(np.append(True, bars.day[1:] != bars.day[:-1]))
    ends = np.append(starts[1:], bars.day.size)
    quoted = _quoted_hours(request, contract, bars, starts, ends)
    for k, (start, end) in enumerate(zip(starts, ends, strict=True)):
        day, own, basis = to_date(bars.day[start]), records[start:end], str(bars.basis.names[start])
        # A close on another price basis says nothing about a price limit today.
        previous = int(records["close"][start - 1]) if start and bars.basis.names[start - 1] == basis else 0
        context = session_context(
            lake.instruments, contract, day, previous, bool(start == 0), bool(end == bars.day.size)
        )
        gaps = _holes(bars, own, replace(context, quoted_ns=quoted[k]) if quoted else context)
        yield lake.draft("bars", contract, day, intake.provenance(basis), bars.bar_ns // NS_PER_S, gaps), own


def _quoted_hours(
    request: Request, contract: str, bars: SessionBars, starts: np.ndarray, ends: np.ndarray
) -> list[tuple[int, int]]:
    """Return when each session is quoted, for a market that goes round the clock; nothing for one with hours."""
    calendar = request.lake.instruments.calendar(contract)
    if calendar.name not in ROUND_THE_CLOCK or bars.bar_ns == NS_PER_DAY:
        return []
    sessions = np.concatenate([calendar.session(to_date(day)) for day in bars.day[starts]])
    hours = np.stack([sessions["open_ns"], sessions["close_ns"]], axis=1)
    quoted = quoted_hours(bars.ts_open_ns[starts], bars.ts_close_ns[ends - 1], hours)
    return [(int(first), int(last)) for first, last in quoted]


def _holes(bars: SessionBars, own: np.ndarray, context: SessionContext) -> tuple[Gap, ...]:
    """Return the holes of a session and flag its bars: those that follow one, and all of a session that was cut."""
    if bars.bar_ns == NS_PER_DAY:
        return ()
    gaps = bar_gaps(own, context, bars.bar_ns)
    if bars.live and context.ends_export:
        gaps = _with_unfinished(gaps, own[-1], context.hours_ns[1])
    _mark(own, gaps, context.open_ns)
    return gaps


def _with_unfinished(gaps: tuple[Gap, ...], last: np.void, close_ns: int) -> tuple[Gap, ...]:
    """Return the gaps of a session whose last bar may be unfinished: from its opening on the export was cut."""
    opens, ends = int(last["ts_open_ns"]), max(int(last["ts_close_ns"]), close_ns)
    return (*(gap for gap in gaps if gap.first_ns < opens), Gap(opens, ends, Cause.TRUNCATED))


def _to_records(bars: SessionBars, instrument: Instrument) -> np.ndarray:
    records = np.zeros(bars.day.size, dtype=BAR)
    records["ts_open_ns"], records["ts_close_ns"] = bars.ts_open_ns, bars.ts_close_ns
    for name, prices in zip(("open", "high", "low", "close"), bars.basis.prices, strict=True):
        records[name] = np.rint(prices / instrument.tick_size)
    records["volume"] = np.rint(bars.volume / instrument.lot_step)
    records["turnover"] = bars.basis.in_ticks(instrument)
    records["trades"] = np.nan_to_num(bars.trades)
    records["instrument"] = instrument.id
    records["flags"] = np.where(bars.basis.names == ADJUSTED, Flag.NO_AGGRESSOR | Flag.BACK_ADJUSTED, Flag.NO_AGGRESSOR)
    return records


def _mark(bars: np.ndarray, gaps: Sequence[Gap], open_ns: int) -> None:
    after = np.isin(bars["ts_open_ns"], [gap.last_ns for gap in gaps if interrupts(gap, open_ns)])
    bars["flags"][after] |= np.uint32(Flag.AFTER_GAP)
    if any(gap.cause == Cause.TRUNCATED for gap in gaps):
        bars["flags"] |= np.uint32(Flag.PARTIAL)
