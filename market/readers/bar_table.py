"""From the rows of a vendor's bar file to BAR records by session."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from market.errors import FileRefused
from market.gaps import bar_gaps, interrupts, session_context
from market.instruments import Instrument
from market.manifest import Cause, Gap, Partition
from market.readers.cells import NO_DAY, NS_PER_DAY, NS_PER_S
from market.readers.intake import Intake, Request
from market.readers.price_basis import ADJUSTED, price_basis
from market.readers.screen import (
    LATE_NS,
    NOT_A_SESSION,
    OUTSIDE_HOURS,
    DayHours,
    Screen,
    hours_of_days,
    to_date,
)
from market.readers.source import Source
from market.readers.symbols import refuse_expired, resolve_symbol
from market.types import BAR, Flag

# Prices are stored in 32 bits; volumes beyond this are a broken cell.
MOST_TICKS, MOST_LOTS = 2**31 - 1, 2**53


@dataclass(frozen=True)
class BarTable:
    """Rows of a bar file, in the file's order; every array has shape (n,).

    Parameters
    ----------
    lines : ndarray
        i8, line in the file.
    day, time_ns : ndarray
        i8, days since 1970-01-01 and ns of the day, on the file's clock, of the bar's opening; NO_DAY if illegible.
    open, high, low, close : ndarray
        f8, points; NaN if illegible.
    volume : ndarray
        f8, contracts (units of quantity).
    turnover : ndarray
        f8, currency; NaN where the file has none.
    trades : ndarray
        f8, number of trades; NaN where the file has none.
    misshapen : tuple of int
        Lines that were no rows.
    """

    lines: np.ndarray
    day: np.ndarray
    time_ns: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    turnover: np.ndarray
    trades: np.ndarray
    misshapen: tuple[int, ...] = ()

    @property
    def prices(self) -> np.ndarray:
        """Open, high, low and close, f8[4, n]."""
        return np.stack([self.open, self.high, self.low, self.close])

    def at(self, rows: np.ndarray) -> "BarTable":
        """Return some rows (indices or mask)."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _COLUMNS})


_COLUMNS = ("lines", "day", "time_ns", "open", "high", "low", "close", "volume", "turnover", "trades")


@dataclass(frozen=True)
class _Rows:
    """A table in time order with its hours, all rows."""

    table: BarTable
    hours: DayHours
    wall_ns: np.ndarray
    bar_ns: int

    @property
    def ts_ns(self) -> np.ndarray:
        utc: np.ndarray = self.wall_ns - self.hours.offset_ns
        return utc


def bar_writes(
    source: Source, request: Request, intake: Intake, table: BarTable, inside: str | None
) -> Iterator[tuple[Partition, np.ndarray]]:
    """Check the rows of one series of bars and yield its partitions.

    Parameters
    ----------
    table : BarTable
        The file's rows.
    inside : str or None
        The symbol the file itself tells.

    Raises
    ------
    FileRefused
        Where there is no bar length to be found, or more than one row in a hundred is unusable.
    """
    contract = resolve_symbol(source, request, inside, _first_day(table))
    instrument = request.lake.instruments.of(contract)
    rows = _in_time_order(source, request, table, contract, ZoneInfo(instrument.clock))
    screen = _screen(rows, instrument)
    intake.note(screen, table.misshapen)
    intake.refuse_too_many(_clock_hint(rows, screen))
    kept = np.flatnonzero(screen.kept)
    days = rows.table.day[kept]
    refuse_expired(source, request, contract, to_date(days[0]), to_date(days[-1]))
    yield from _partitions(request, intake, rows, kept, contract)


def _first_day(table: BarTable) -> date | None:
    legible = table.day[table.day != NO_DAY]
    return to_date(legible.min()) if legible.size else None


def _in_time_order(source: Source, request: Request, table: BarTable, contract: str, clock: ZoneInfo) -> _Rows:
    legible = (table.day != NO_DAY) & (table.time_ns != NO_DAY)
    wall = np.where(legible, table.day * NS_PER_DAY + table.time_ns, 0)
    order = np.argsort(wall, kind="stable")
    table, wall, legible = table.at(order), wall[order], legible[order]
    bar_ns = _most_frequent_step(source, wall[legible])
    calendar = request.lake.instruments.calendar(contract)
    return _Rows(table, hours_of_days(calendar, clock, np.where(legible, table.day, NO_DAY)), wall, bar_ns)


def _most_frequent_step(source: Source, wall_ns: np.ndarray) -> int:
    steps, counts = np.unique(np.diff(wall_ns), return_counts=True)
    steps, counts = steps[steps > 0], counts[steps > 0]
    bar_ns = int(steps[np.argmax(counts)]) if steps.size else 0
    if not NS_PER_S <= bar_ns < NS_PER_DAY:
        raise FileRefused(
            source.path,
            "bars of one length within the day",
            "daily bars" if bar_ns >= NS_PER_DAY else f"{wall_ns.size} rows without two times to tell the length from",
            "export intraday bars, at least two",
        )
    return bar_ns


def _screen(rows: _Rows, instrument: Instrument) -> Screen:
    table, hours = rows.table, rows.hours
    screen = Screen(table.lines)
    prices = table.prices
    screen.reject((table.day == NO_DAY) | (table.time_ns == NO_DAY), "a date or time that cannot be read")
    screen.reject(~np.isfinite(np.vstack([prices, table.volume])).all(axis=0), "a cell that is empty or not a number")
    screen.reject((prices <= 0).any(axis=0), "a price of zero or below")
    screen.reject((prices / instrument.tick_size > MOST_TICKS).any(axis=0), "a price beyond any market")
    screen.reject(table.high < table.low, "a high below the low")
    beyond = (np.maximum(table.open, table.close) > table.high) | (np.minimum(table.open, table.close) < table.low)
    screen.reject(beyond, "an open or close outside high and low")
    screen.reject((table.volume < 0) | (table.trades < 0) | (table.turnover < 0), "a volume below zero")
    steps = table.volume / instrument.lot_step
    screen.reject(np.abs(steps - np.rint(steps)) > 1e-6, "a volume that is not whole contracts")
    screen.reject(steps > MOST_LOTS, "a volume beyond any market")
    screen.reject(~hours.is_session, NOT_A_SESSION)
    ts_ns = rows.ts_ns
    screen.reject((ts_ns < hours.open_ns) | (ts_ns >= hours.close_ns + LATE_NS), OUTSIDE_HOURS)
    screen.reject((ts_ns - hours.open_ns) % rows.bar_ns != 0, "a time off the bar length's grid")
    again = np.append(False, rows.wall_ns[1:] == rows.wall_ns[:-1])
    screen.reject(again, "a second bar at the same time")
    return screen


def _clock_hint(rows: _Rows, screen: Screen) -> str:
    """Return what a uniform shift of the clock would explain, or nothing."""
    if not screen.rejected(OUTSIDE_HOURS).any():
        return ""
    on_session = rows.hours.is_session
    ts, opens, closes = (values[on_session] for values in (rows.ts_ns, rows.hours.open_ns, rows.hours.close_ns))
    inside = {
        hours: np.mean((ts + hours * 3600 * NS_PER_S >= opens) & (ts + hours * 3600 * NS_PER_S < closes + LATE_NS))
        for hours in sorted(range(-12, 13), key=abs)
    }
    best = max(inside, key=lambda hours: inside[hours])
    if best and inside[best] >= 0.99:
        return f"export with the exchange's clock (São Paulo): these times would fit if moved by {best:+d} h"
    return "export with the exchange's clock (São Paulo), bars stamped with their opening time"


def _partitions(
    request: Request, intake: Intake, rows: _Rows, kept: np.ndarray, contract: str
) -> Iterator[tuple[Partition, np.ndarray]]:
    lake, instrument = request.lake, request.lake.instruments.of(contract)
    days = rows.table.day[kept]
    basis, turnover = price_basis(rows.table.at(kept), instrument, contract)
    bars = _to_records(rows, kept, instrument, turnover)
    if basis == ADJUSTED:
        bars["flags"] |= np.uint32(Flag.BACK_ADJUSTED)
    provenance = intake.provenance(basis)
    starts = np.flatnonzero(np.append(True, days[1:] != days[:-1]))
    previous_close = 0
    for start, end in zip(starts, np.append(starts[1:], days.size), strict=True):
        day, own = to_date(days[start]), bars[start:end]
        context = session_context(
            lake.instruments, contract, day, previous_close, bool(start == 0), bool(end == days.size)
        )
        gaps = bar_gaps(own, context, rows.bar_ns)
        _mark(own, gaps, context.open_ns)
        previous_close = int(own["close"][-1])
        yield lake.draft("bars", contract, day, provenance, rows.bar_ns // NS_PER_S, gaps), own


def _to_records(rows: _Rows, kept: np.ndarray, instrument: Instrument, turnover: np.ndarray) -> np.ndarray:
    table = rows.table
    bars = np.zeros(kept.size, dtype=BAR)
    bars["ts_open_ns"] = rows.ts_ns[kept]
    bars["ts_close_ns"] = bars["ts_open_ns"] + rows.bar_ns
    for name in ("open", "high", "low", "close"):
        bars[name] = np.rint(getattr(table, name)[kept] / instrument.tick_size)
    bars["volume"] = np.rint(table.volume[kept] / instrument.lot_step)
    bars["turnover"] = turnover
    bars["trades"] = np.nan_to_num(table.trades[kept])
    bars["instrument"] = instrument.id
    bars["flags"] = Flag.NO_AGGRESSOR
    return bars


def _mark(bars: np.ndarray, gaps: Sequence[Gap], open_ns: int) -> None:
    """Flag the bars that follow a hole which leaves something out, and all of a session that was cut."""
    after = np.isin(bars["ts_open_ns"], [gap.last_ns for gap in gaps if interrupts(gap, open_ns)])
    bars["flags"][after] |= np.uint32(Flag.AFTER_GAP)
    if any(gap.cause == Cause.TRUNCATED for gap in gaps):
        bars["flags"] |= np.uint32(Flag.PARTIAL)
