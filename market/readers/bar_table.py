"""The rows of a vendor's bar file, checked, and filed by session."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from market.bar_statistics import on_weekend
from market.errors import FileRefused
from market.instruments import Instrument
from market.lake_manifest import Partition
from market.readers.bar_records import SessionBars, session_writes
from market.readers.cells import LARGEST_NUMBER, NO_DAY, NS_PER_DAY, NS_PER_S, Columns, to_numbers
from market.readers.generated import WEEKENDS, note_generated
from market.readers.intake import MOST_REJECTED, Intake, Request
from market.readers.price_basis import (
    RECOVERED,
    PriceBasis,
    far_turnover,
    off_grid,
    price_basis,
    refuse_other_turnover,
)
from market.readers.repeated_hours import FileOrder
from market.readers.screen import LATE_NS, OUTSIDE_HOURS, DayHours, Screen, hours_of_days, to_date
from market.readers.source import Source
from market.readers.symbols import refuse_full_lots, refuse_other_days, resolve_symbol
from market.readers.true_prices import recover
from market.realism import MOST_ON_WEEKENDS
from market.trade_sizes import beyond_its_trades, lacks_volume, more_trades_than_volume, usual_size
from market.wording import count_of

NO_VOLUME = "a price or trades without a volume"
OFF_GRID = "a price off the tick grid"
FAR_TURNOVER = "a turnover that is not that of its price and volume"
NOT_RECOVERED = "of a session whose traded prices the turnover does not tell"
MOST_SWAPPED = 0.5  # of bars; 238 of 1,237 days of a real file count more ticks than contracts
# Prices and trades are stored in 32 bits; volumes beyond this are a broken cell.
MOST_TICKS, MOST_LOTS = 2**31 - 1, 2**53
MOST_TURNOVER = 2.0**62  # ticks x lot steps
WEEK_NS = 5 * NS_PER_DAY  # the shortest step between weekly bars that a holiday cannot make of daily ones


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
    live : bool
        Whether it was taken while the market ran, so that its last bar may be unfinished.
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
    live: bool = False

    @property
    def prices(self) -> np.ndarray:
        """Open, high, low and close, f8[4, n]."""
        return np.stack([self.open, self.high, self.low, self.close])

    def at(self, rows: np.ndarray) -> "BarTable":
        """Return some rows (indices or mask)."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _COLUMNS})


_COLUMNS = ("lines", "day", "time_ns", "open", "high", "low", "close", "volume", "turnover", "trades")


def counted_bars(
    columns: Columns, numbers: Sequence[pa.StringArray], day: np.ndarray, time_ns: np.ndarray, live: bool = False
) -> BarTable:
    """Return the table of a file that tells the number of trades and no turnover, as MetaTrader's do.

    Parameters
    ----------
    columns : Columns
        The file's rows.
    numbers : sequence of StringArray
        Cells of open, high, low, close, number of trades and volume.
    day, time_ns, live
        As in BarTable.
    """
    opens, highs, lows, closes, trades, volume = (to_numbers(cells) for cells in numbers)
    unknown = np.full(columns.lines.size, np.nan)
    return BarTable(
        columns.lines, day, time_ns, opens, highs, lows, closes, volume, unknown, trades, columns.misshapen, live
    )


@dataclass(frozen=True)
class _Rows:
    """A table in time order with its hours, all rows; a daily bar lasts from its session's open to its close."""

    table: BarTable
    hours: DayHours
    wall_ns: np.ndarray
    bar_ns: int

    @property
    def daily(self) -> bool:
        return self.bar_ns == NS_PER_DAY

    @property
    def ts_ns(self) -> np.ndarray:
        utc: np.ndarray = self.hours.open_ns if self.daily else self.wall_ns - self.hours.offset_ns
        return utc

    @property
    def ends_ns(self) -> np.ndarray:
        utc: np.ndarray = self.hours.close_ns if self.daily else self.ts_ns + self.bar_ns
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
        Where there is no bar length to be found, more than one row in a hundred is unusable, the symbol cannot be
        theirs, or traded prices were asked for and cannot be told.
    """
    contract = resolve_symbol(intake, request, inside, _first_day(table))
    instrument = request.lake.instruments.of(contract)
    rows = _in_time_order(source, request, table, contract, ZoneInfo(instrument.clock))
    dated = request.lake.instruments.parse(contract).dated
    screen = _screen(rows, instrument, dated)
    hint = _weekend_hint(rows) or _grid_hint(screen, contract, instrument) or _volume_hint(screen, instrument)
    hint = hint or _clock_hint(rows, screen)
    intake.note(screen, table.misshapen, hint)
    intake.refuse_too_many(hint)
    kept = np.flatnonzero(screen.kept)
    if not kept.size:  # one of several series in a file, with no sound row
        return
    days = rows.hours.day[kept]
    refuse_full_lots(intake, request, contract, rows.table.volume[kept])
    _refuse_swapped(source, rows.table.at(kept), instrument)
    refuse_other_days(intake, request, contract, *_trades_by_day(rows.table.at(kept), days))
    note_generated(intake, rows.table.at(kept), request.lake.instruments.calendar(contract))
    basis = price_basis(rows.table.at(kept), days, instrument, contract)
    refuse_other_turnover(source, basis, days, contract, instrument)
    if (far := far_turnover(basis, instrument)).any():
        intake.set_aside(rows.table.lines[kept[far]], FAR_TURNOVER)
        intake.refuse_too_many("check the symbol, and the turnover where it changes")
        kept, days, basis = kept[~far], days[~far], basis.at(~far)
    if dated and basis.is_adjusted.any():
        intake.notes.append(_doubt(rows.table.lines[kept], days, basis, contract))
    if request.true_prices:
        basis, told = _true_prices(source, rows.table.at(kept), days, basis, instrument)
        intake.set_aside(rows.table.lines[kept[~told]], NOT_RECOVERED)
        kept, basis = kept[told], basis.at(told)
    yield from session_writes(request, intake, contract, _session_bars(rows, kept, basis))


def _doubt(lines: np.ndarray, days: np.ndarray, basis: PriceBasis, contract: str) -> str:
    """Return what there is to say of a dated contract whose turnover contradicts its prices."""
    at = int(np.argmax(basis.is_adjusted))
    sessions = count_of(np.unique(days[basis.is_adjusted]).size, "session")
    return (
        f"the turnover of {sessions} of {contract}, the first {to_date(days[at])} (line {lines[at]}), is not that of "
        "its prices: taken for back-adjusted, though no vendor restates one contract; check the symbol"
    )


def _trades_by_day(table: BarTable, days: np.ndarray) -> tuple[list[date], np.ndarray]:
    """Return the sessions of bars, and how many trades made those of each, at least: one a bar that has a volume."""
    unique, at_day = np.unique(days, return_inverse=True)
    trades = np.where(np.isfinite(table.trades), table.trades, table.volume > 0)
    return [to_date(day) for day in unique], np.bincount(at_day, trades)


def _first_day(table: BarTable) -> date | None:
    legible = table.day[table.day != NO_DAY]
    return to_date(legible.min()) if legible.size else None


def _in_time_order(source: Source, request: Request, table: BarTable, contract: str, clock: ZoneInfo) -> _Rows:
    legible = (table.day != NO_DAY) & (table.time_ns != NO_DAY)
    wall = np.where(legible, table.day * NS_PER_DAY + table.time_ns, 0)
    bar_ns = _bar_length(source, np.sort(wall[legible]))
    calendar = request.lake.instruments.calendar(contract)
    days, times = np.where(legible, table.day, NO_DAY), np.where(legible, table.time_ns, 0)
    order = FileOrder(np.vstack([table.prices, table.volume, table.trades]), ties=False)
    # A daily bar names its session's day, whatever the clock.
    hours = hours_of_days(calendar, calendar.zone if bar_ns == NS_PER_DAY else clock, days, times, order)
    ascending = np.lexsort((wall, wall - hours.offset_ns))
    return _Rows(table.at(ascending), hours.at(ascending), wall[ascending], bar_ns)


def _refuse_swapped(source: Source, table: BarTable, instrument: Instrument) -> None:
    """Refuse bars most of which have more trades than contracts: quotes may be counted among the trades of some."""
    more = more_trades_than_volume(table.volume / instrument.lot_step, table.trades)
    if instrument.unit != "units" and more.mean() > MOST_SWAPPED:
        raise FileRefused(
            source.path,
            "at least as many contracts as trades",
            f"{more.sum()} of {more.size} bars with more trades than contracts",
            "check whether the columns of trades and volume are swapped",
        )


def _bar_length(source: Source, wall_ns: np.ndarray) -> int:
    """Return the most frequent step between bars; a day where all are stamped with midnight."""
    steps, counts = np.unique(np.diff(wall_ns), return_counts=True)
    steps, counts = steps[steps > 0], counts[steps > 0]
    bar_ns = int(steps[np.argmax(counts)]) if steps.size else 0
    if NS_PER_DAY <= bar_ns < WEEK_NS and not (wall_ns % NS_PER_DAY).any():
        return NS_PER_DAY
    if not NS_PER_S <= bar_ns < NS_PER_DAY:
        raise FileRefused(
            source.path,
            "bars of one length, of a day at most",
            f"a step of {bar_ns / NS_PER_DAY:.1f} days between most"
            if bar_ns
            else f"{wall_ns.size} rows without two times to tell the length from",
            "export intraday or daily bars, at least two, with a date and time that can be read",
        )
    return bar_ns


def _screen(rows: _Rows, instrument: Instrument, dated: bool) -> Screen:
    table, hours = rows.table, rows.hours
    screen = Screen(table.lines)
    prices = table.prices
    screen.reject((table.day == NO_DAY) | (table.time_ns == NO_DAY), "a date or time that cannot be read")
    legible = np.abs(np.vstack([prices, table.volume])) < LARGEST_NUMBER
    screen.reject(~legible.all(axis=0), "a cell that is empty or not a number")
    ticks = prices / instrument.tick_size
    screen.reject((np.rint(ticks) <= 0).any(axis=0), "a price of zero or below")
    screen.reject((ticks > MOST_TICKS).any(axis=0), "a price beyond any market")
    if dated:  # a series may be restated, one contract never is
        screen.reject(off_grid(prices, instrument), OFF_GRID)
    screen.reject(table.high < table.low, "a high below the low")
    beyond = (np.maximum(table.open, table.close) > table.high) | (np.minimum(table.open, table.close) < table.low)
    screen.reject(beyond, "an open or close outside high and low")
    screen.reject((table.volume < 0) | (table.trades < 0) | (table.turnover < 0), "a volume below zero")
    steps = table.volume / instrument.lot_step
    part = (np.abs(steps - np.rint(steps)) > 1e-6) | ((steps > 0) & (steps < 0.5))
    screen.reject(part, "a volume that is not whole contracts")
    most_turnover = min(MOST_TURNOVER * instrument.tick_value, LARGEST_NUMBER)
    absurd = (table.trades > MOST_TICKS) | (table.turnover >= most_turnover)
    screen.reject((steps > MOST_LOTS) | absurd, "a volume beyond any market")
    if instrument.unit != "units":  # a broker of currencies may count its quotes and no volume
        unsold = lacks_volume(table.volume, table.trades, table.turnover, table.high > table.low)
        screen.reject(unsold, NO_VOLUME)
    screen.reject_other_days(hours)
    ts_ns = rows.ts_ns
    screen.reject((ts_ns < hours.open_ns) | (ts_ns >= hours.close_ns + LATE_NS), OUTSIDE_HOURS)
    screen.reject((ts_ns - hours.open_ns) % rows.bar_ns != 0, "a time off the bar length's grid")
    # Times of an hour that the clock skips are those of the next one by another name.
    again = np.append(False, (np.diff(rows.wall_ns) == 0) & (np.diff(hours.offset_ns) == 0))
    screen.reject(again, "a second bar at the same time")
    usual = usual_size(table.volume[screen.kept], table.trades[screen.kept])
    beyond = beyond_its_trades(table.volume, table.trades, usual)
    screen.reject(beyond, "a volume that so few trades cannot have made")
    return screen


def _weekend_hint(rows: _Rows) -> str:
    """Return what gives a generated file away: more weekend rows than an exchange's tests leave; else nothing."""
    dated = rows.table.day != NO_DAY
    weekends = int(on_weekend(rows.table.day[dated & rows.hours.in_calendar & ~rows.hours.is_session]).sum())
    if weekends <= MOST_ON_WEEKENDS * dated.sum():
        return ""
    return f"{weekends} are {WEEKENDS}; take an export of real sessions"


def _grid_hint(screen: Screen, contract: str, instrument: Instrument) -> str:
    """Return what to do with a dated contract whose prices cannot have been traded, or nothing."""
    if OFF_GRID not in screen.reasons or screen.rejected(OFF_GRID).mean() <= MOST_REJECTED:
        return ""
    return (
        f"{contract} trades in steps of {instrument.tick_size:g} and no vendor restates the prices of one contract: "
        f"export it as traded, or name the series these are with --symbol (as {instrument.root}FUT)"
    )


def _volume_hint(screen: Screen, instrument: Instrument) -> str:
    """Return what to do with bars most of which lack a volume, or nothing."""
    if NO_VOLUME not in screen.reasons or screen.rejected(NO_VOLUME).mean() <= MOST_REJECTED:
        return ""
    return f"export them with their real volume in {instrument.unit} (a number of ticks or quotes is none)"


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


def _true_prices(
    source: Source, table: BarTable, days: np.ndarray, basis: PriceBasis, instrument: Instrument
) -> tuple[PriceBasis, np.ndarray]:
    """Return the basis with traded prices where the turnover tells them, and a mask of the rows that have them.

    Raises FileRefused where sessions of more than one row in a hundred have none.
    """
    restated = basis.is_adjusted
    prices, told = table.prices, ~restated
    if restated.any():
        found, sure = recover(
            prices[:, restated], basis.average[restated], table.volume[restated], days[restated], instrument.tick_size
        )
        prices[:, restated], told[restated] = found, sure
    if (~told).mean() > MOST_REJECTED:
        lost = np.unique(days[~told])
        raise FileRefused(
            source.path,
            "a turnover that tells the traded prices of every session",
            f"none for {lost.size} sessions, the first {to_date(lost[0])}"
            if np.isfinite(basis.average[~told]).any()
            else f"no turnover beside {lost.size} back-adjusted sessions, the first {to_date(lost[0])}",
            "export intraday bars with their financial volume, or import without --true-prices",
        )
    names = np.where(restated, RECOVERED, basis.names)
    return replace(basis, names=names, prices=prices), told


def _session_bars(rows: _Rows, kept: np.ndarray, basis: PriceBasis) -> SessionBars:
    return SessionBars(
        day=rows.hours.day[kept],
        ts_open_ns=rows.ts_ns[kept],
        ts_close_ns=rows.ends_ns[kept],
        basis=basis,
        volume=rows.table.volume[kept],
        trades=rows.table.trades[kept],
        bar_ns=rows.bar_ns,
        live=rows.table.live,
    )
