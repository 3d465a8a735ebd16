"""From the rows of a vendor's bar file to BAR records by session."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from market.errors import FileRefused
from market.instruments import Instrument, instrument_of
from market.readers.screen import (
    LATE_NS,
    NOT_A_SESSION,
    OUTSIDE_HOURS,
    DayHours,
    Reject,
    Screen,
    hours_of_days,
    refuse_too_many,
    to_date,
)
from market.readers.source import NO_DAY, NS_PER_DAY, NS_PER_S, Source
from market.types import BAR, Flag

# A session's data are cut where they begin or end further than this, or one bar, from its hours.
CUT_NS = 10 * 60 * NS_PER_S
# Turnover / (volume x point value) of raw bars lies this close to the close (data/README.md, D4).
RAW_PRICE_TOLERANCE = 0.005
# MT5 restates the past of these series at each roll, also where the prices stay on the grid (b3.md §1.4).
ADJUSTED_ENDINGS = ("$", "$D", "@", "@D")


@dataclass(frozen=True)
class BarTable:
    """The rows of a bar file, in the file's order; every array has shape (n,).

    Parameters
    ----------
    symbol : str or None
        What the file calls it, where it says so.
    lines : ndarray
        i8, line in the file.
    day, time_ns : ndarray
        i8, days since 1970-01-01 and ns of the day, exchange wall clock, of the bar's opening; NO_DAY if illegible.
    open, high, low, close : ndarray
        f8, points; NaN if illegible.
    volume : ndarray
        f8, contracts.
    turnover : ndarray
        f8, R$; NaN where the file has none.
    trades : ndarray
        f8, number of trades; NaN where the file has none.
    misshapen : tuple of int
        Lines that were no rows.
    """

    symbol: str | None
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
    misshapen: tuple[int, ...]


@dataclass(frozen=True)
class BarSession:
    """The bars of one session."""

    day: date
    bars: np.ndarray
    gaps: int


@dataclass(frozen=True)
class BarImport:
    """What a bar file gives."""

    sessions: tuple[BarSession, ...]
    rejects: tuple[Reject, ...]
    price_basis: str
    bar_seconds: int
    rows: int


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


def build_bars(source: Source, table: BarTable, contract: str) -> BarImport:
    """Check the rows of a bar file and return its BAR records by session.

    Raises
    ------
    FileRefused
        Where there is no bar length to be found, or more than one row in a hundred is unusable.
    """
    instrument = instrument_of(contract)
    rows = _in_time_order(source, table, instrument.root)
    screen = _screen(rows)
    rejects = screen.rejects(table.misshapen)
    total = table.lines.size + len(table.misshapen)
    refuse_too_many(source, rejects, total, _clock_hint(rows, screen))
    kept = np.flatnonzero(screen.kept)
    basis, turnover = _price_basis(rows, kept, instrument, contract)
    bars = _to_records(rows, kept, instrument, turnover)
    if basis == "back_adjusted":
        bars["flags"] |= np.uint32(Flag.BACK_ADJUSTED)
    sessions = tuple(_by_session(rows, kept, bars))
    return BarImport(sessions, tuple(rejects), basis, rows.bar_ns // NS_PER_S, int(kept.size))


def _in_time_order(source: Source, table: BarTable, root: str) -> _Rows:
    legible = (table.day != NO_DAY) & (table.time_ns != NO_DAY)
    wall = np.where(legible, table.day * NS_PER_DAY + table.time_ns, 0)
    order = np.argsort(wall, kind="stable")
    table = replace(table, **{name: getattr(table, name)[order] for name in _ROW_FIELDS})
    wall, legible = wall[order], legible[order]
    bar_ns = _most_frequent_step(source, wall[legible])
    return _Rows(table, hours_of_days(root, np.where(legible, table.day, NO_DAY)), wall, bar_ns)


_ROW_FIELDS = ("lines", "day", "time_ns", "open", "high", "low", "close", "volume", "turnover", "trades")


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


def _screen(rows: _Rows) -> Screen:
    table, hours = rows.table, rows.hours
    screen = Screen(table.lines)
    prices = np.stack([table.open, table.high, table.low, table.close])
    screen.reject((table.day == NO_DAY) | (table.time_ns == NO_DAY), "a date or time that cannot be read")
    screen.reject(~np.isfinite(np.vstack([prices, table.volume])).all(axis=0), "a cell that is empty or not a number")
    screen.reject((prices <= 0).any(axis=0), "a price of zero or below")
    screen.reject(table.high < table.low, "a high below the low")
    beyond = (np.maximum(table.open, table.close) > table.high) | (np.minimum(table.open, table.close) < table.low)
    screen.reject(beyond, "an open or close outside high and low")
    screen.reject((table.volume < 0) | (table.trades < 0) | (table.turnover < 0), "a volume below zero")
    screen.reject(table.volume != np.rint(table.volume), "a volume that is not whole contracts")
    screen.reject(~hours.is_session, NOT_A_SESSION)
    ts_ns = rows.ts_ns
    screen.reject((ts_ns < hours.open_ns) | (ts_ns >= hours.close_ns + LATE_NS), OUTSIDE_HOURS)
    screen.reject((ts_ns - hours.open_ns) % rows.bar_ns != 0, "a time off the bar length's grid")
    again = np.append(False, rows.wall_ns[1:] == rows.wall_ns[:-1])
    screen.reject(again, "a second bar at the same time")
    return screen


def _clock_hint(rows: _Rows, screen: Screen) -> str:
    """Return what a uniform shift of the clock would explain, or nothing."""
    outside = screen.codes == screen.reasons.index(OUTSIDE_HOURS) + 1
    if not outside.any():
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


def _price_basis(rows: _Rows, kept: np.ndarray, instrument: Instrument, contract: str) -> tuple[str, np.ndarray]:
    """Return "raw" or "back_adjusted", and the turnover in ticks x contracts (0 where unknown)."""
    table = rows.table
    unknown = np.zeros(kept.size, dtype=np.int64)
    ticks = np.stack([table.open, table.high, table.low, table.close])[:, kept] / instrument.tick_size
    if contract.endswith(ADJUSTED_ENDINGS) or (np.abs(ticks - np.rint(ticks)) > 1e-4).any():
        return "back_adjusted", unknown
    turnover, volume = table.turnover[kept], table.volume[kept]
    priced = np.isfinite(turnover) & (volume > 0)
    if not priced.any():
        return "raw", unknown
    ratio = np.full(kept.size, np.nan)
    ratio[priced] = turnover[priced] / (volume[priced] * instrument.point_value * table.close[kept][priced])
    # An owner who dropped the decimals left cents (data/README.md, WINJ20).
    scale = 100.0 if 50.0 < np.nanmedian(ratio) < 200.0 else 1.0
    days = table.day[kept]
    medians = [np.nanmedian(ratio[days == day]) / scale for day in np.unique(days[priced])]
    if np.abs(np.array(medians) - 1.0).max() > RAW_PRICE_TOLERANCE:
        return "back_adjusted", unknown
    in_ticks = np.where(priced, turnover, 0.0) / (scale * instrument.tick_value)
    return "raw", np.rint(in_ticks).astype(np.int64)


def _to_records(rows: _Rows, kept: np.ndarray, instrument: Instrument, turnover: np.ndarray) -> np.ndarray:
    table = rows.table
    bars = np.zeros(kept.size, dtype=BAR)
    bars["ts_open_ns"] = rows.ts_ns[kept]
    bars["ts_close_ns"] = bars["ts_open_ns"] + rows.bar_ns
    for name in ("open", "high", "low", "close"):
        bars[name] = np.rint(getattr(table, name)[kept] / instrument.tick_size)
    bars["volume"] = table.volume[kept]
    bars["turnover"] = turnover
    bars["trades"] = np.nan_to_num(table.trades[kept])
    bars["instrument"] = instrument.id
    bars["flags"] = Flag.NO_AGGRESSOR
    return bars


def _by_session(rows: _Rows, kept: np.ndarray, bars: np.ndarray) -> Iterator[BarSession]:
    days = rows.table.day[kept]
    starts = np.flatnonzero(np.append(True, days[1:] != days[:-1]))
    for start, end in zip(starts, np.append(starts[1:], days.size), strict=True):
        opens, closes = int(rows.hours.open_ns[kept[start]]), int(rows.hours.close_ns[kept[start]])
        own = bars[start:end]
        gaps = _mark_gaps(own, opens, closes, rows.bar_ns)
        slack = max(CUT_NS, rows.bar_ns)
        cut_before = start == 0 and own["ts_open_ns"][0] - opens > slack
        cut_after = end == days.size and closes - own["ts_close_ns"][-1] > slack
        if cut_before or cut_after:
            own["flags"] |= np.uint32(Flag.PARTIAL)
        yield BarSession(to_date(days[start]), own, gaps)


def _mark_gaps(bars: np.ndarray, opens: int, closes: int, bar_ns: int) -> int:
    """Flag the bars that follow a hole and return the number of holes, one at the end included."""
    slots = (bars["ts_open_ns"] - opens) // bar_ns
    after_gap = np.diff(slots, prepend=-1) > 1
    bars["flags"][after_gap] |= np.uint32(Flag.AFTER_GAP)
    return int(after_gap.sum()) + int(slots[-1] < (closes - opens - 1) // bar_ns)
