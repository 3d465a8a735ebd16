"""Polled books: comma, `timestamp,bid_price_1,bid_vol_1,…,ask_price_1,ask_vol_1,…,symbol`, one row a poll.

A row is the state at that instant, so most rows repeat the one above and say nothing; what happened between two rows is
unknown. A level whose price is zero is empty, or was not collected. Columns that the recorder derived are not read.
Rows whose best prices are locked or crossed stay: they are what was seen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from market.errors import FileRefused
from market.gaps import edge_gaps, session_context
from market.instruments import Instrument
from market.lake_manifest import Cause, Gap
from market.readers.cells import NO_DAY, NS_PER_DAY, NS_PER_S, Columns, read_columns, to_days, to_numbers, to_time_ns
from market.readers.intake import Format, Intake, Request, Writes
from market.readers.price_basis import RAW
from market.readers.screen import LATE_NS, OUTSIDE_HOURS, DayHours, Screen, hours_of_days, to_date
from market.readers.source import Source
from market.readers.symbols import refuse_other_days, resolve_symbol
from market.readers.tick_table import CALL_NS, MOST_TICKS
from market.types import PRICE_KEYED, Kind, Side, events
from market.wording import count_of

# Where polls are further apart than a book stays valid, the recorder stood still.
POLL_LOST_NS = 2 * NS_PER_S
MOST_LOTS = 2**53
MOST_LEVELS = PRICE_KEYED

_LEVEL_COLUMN = re.compile(r"(bid|ask)_(price|vol)_([0-9]{1,9})")
_FIRST_LEVEL = ("timestamp", "bid_price_1", "bid_vol_1", "ask_price_1", "ask_vol_1")
_PRICE, _QUANTITY = 0, 1


@dataclass(frozen=True)
class _Polls:
    """The usable rows of one symbol in one block.

    Parameters
    ----------
    day, ts_ns : ndarray
        i8[n], days since 1970-01-01 on the file's clock, and UTC.
    state : ndarray
        i8[n, 2, levels, 2]: bid and ask, level, price (ticks) and quantity (lot steps); 0 where empty.
    """

    day: np.ndarray
    ts_ns: np.ndarray
    state: np.ndarray


@dataclass
class _Series:
    """What was read of one contract: the session that is not complete yet, and its last row."""

    contract: str
    day: int = NO_DAY
    last_ns: int = int(np.iinfo(np.int64).min)
    last_state: np.ndarray | None = None
    changes: list[np.ndarray] = field(default_factory=list)  # GAP and level events of the open session
    losses: list[Gap] = field(default_factory=list)
    polled_ns: tuple[int, int] = (0, 0)  # first and last row of the open session
    sessions: int = 0


@dataclass
class _Tally:
    """What the notes count, over the file."""

    repeated: int = 0
    locked: int = 0
    crossed: int = 0


def recognise(source: Source) -> bool:
    """Tell whether the first line heads a polled book."""
    return set(_FIRST_LEVEL) <= set(source.first_line.split(","))


def read(source: Source, request: Request, intake: Intake) -> Writes:
    """Read the rows; raises FileRefused where columns are missing or more than one row in a hundred is unusable."""
    names = source.first_line.split(",")
    depth = _depth(source, names)
    tally, series = _Tally(), dict[str | None, _Series]()
    for columns in read_columns(source, names, ",", header=True):
        intake.note(Screen(columns.lines[:0]), columns.misshapen)
        for symbol, rows in _by_symbol(intake, request, columns):
            if symbol == "":
                _set_aside_nameless(intake, rows)
                continue
            one = series.setdefault(request.symbol or symbol, _Series(resolve_symbol(intake, request, symbol)))
            polls = _screened(request, intake, one, rows, depth)
            yield from _take(request, intake, one, polls, tally)
    intake.refuse_too_many()
    for one in series.values():
        yield from _finish_session(request, intake, one, is_last=True)
    _write_notes(intake, tally)


def _depth(source: Source, names: list[str]) -> int:
    """Return how many levels the columns tell."""
    depth = max((int(found[3]) for name in names if (found := _LEVEL_COLUMN.fullmatch(name))), default=1)
    if depth > MOST_LEVELS:
        raise FileRefused(
            source.path, f"at most {MOST_LEVELS} levels a side", f"level {depth}", "record fewer levels", 1
        )
    wanted = [f"{side}_{what}_{k + 1}" for k in range(depth) for side in ("bid", "ask") for what in ("price", "vol")]
    if missing := [name for name in ("timestamp", *wanted) if name not in names]:
        raise FileRefused(
            source.path,
            f"a timestamp, and a price and a volume of both sides for each of {depth} levels",
            f"no column {missing[0]}",
            "record the book again with all columns",
            1,
        )
    return depth


def _by_symbol(intake: Intake, request: Request, columns: Columns) -> Iterator[tuple[str | None, Columns]]:
    """Yield the rows of each symbol; all of them under one where the user named it, or the file has no such column."""
    if "symbol" not in columns.cells:
        yield None, columns
        return
    cells = columns.cells["symbol"].fill_null("")
    told = pc.unique(cells).to_pylist()
    if request.symbol:
        for symbol in filter(None, told):
            resolve_symbol(intake, request, symbol)  # refuses one that is another
        yield next(filter(None, told), None), columns
        return
    for symbol in told:
        mask = pc.equal(cells, symbol)
        own = {name: column.filter(mask) for name, column in columns.cells.items()}
        yield symbol, Columns(own, columns.lines[np.asarray(mask.to_numpy(zero_copy_only=False))], ())


def _set_aside_nameless(intake: Intake, columns: Columns) -> None:
    screen = Screen(columns.lines)
    screen.reject(np.ones(columns.lines.size), "a row without a symbol")
    intake.note(screen)


def _screened(request: Request, intake: Intake, series: _Series, columns: Columns, depth: int) -> _Polls:
    """Return the usable rows in ticks and lot steps."""
    instruments = request.lake.instruments
    instrument, calendar = instruments.of(series.contract), instruments.calendar(series.contract)
    day, time_ns = _moments(columns.cells["timestamp"])
    legible = (day != NO_DAY) & (time_ns != NO_DAY)
    hours = hours_of_days(calendar, ZoneInfo(instrument.clock), np.where(legible, day, NO_DAY))
    ts_ns = np.where(legible, day * NS_PER_DAY + time_ns - hours.offset_ns, 0)
    points, volumes = _level_cells(columns, "price", depth), _level_cells(columns, "vol", depth)
    screen = _screen(columns.lines, legible, hours, ts_ns, series.last_ns)
    _screen_levels(screen, points, volumes, instrument)
    screen.reject(_falls(screen, ts_ns, series.last_ns), "a time before that of the row above")
    intake.note(screen)
    kept = np.flatnonzero(screen.kept)
    state = np.stack([points[kept] / instrument.tick_size, volumes[kept] / instrument.lot_step], axis=-1)
    return _Polls(day[kept], ts_ns[kept], np.rint(state).astype(np.int64))


def _moments(column: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the days and the nanoseconds of the day of `2025-08-11 10:56:19.677243`, i8[n]."""
    dates, clocks = pc.utf8_slice_codeunits(column, 0, 10), pc.utf8_slice_codeunits(column, 11)
    return to_days(dates, "%Y-%m-%d"), to_time_ns(clocks)


def _level_cells(columns: Columns, what: str, depth: int) -> np.ndarray:
    """Return prices or volumes, f8[n, 2, depth]."""
    sides = [[to_numbers(columns.cells[f"{side}_{what}_{k + 1}"]) for k in range(depth)] for side in ("bid", "ask")]
    return np.moveaxis(np.array(sides), -1, 0)


def _screen(lines: np.ndarray, legible: np.ndarray, hours: DayHours, ts_ns: np.ndarray, last_ns: int) -> Screen:
    screen = Screen(lines)
    screen.reject(~legible, "a date or time that cannot be read")
    screen.reject_other_days(hours)
    outside = (ts_ns < hours.open_ns - CALL_NS) | (ts_ns >= hours.close_ns + LATE_NS)
    screen.reject(outside, OUTSIDE_HOURS)
    return screen


def _screen_levels(screen: Screen, points: np.ndarray, volumes: np.ndarray, instrument: Instrument) -> None:
    def reject(cells: np.ndarray, reason: str) -> None:
        screen.reject(cells.any(axis=(1, 2)), reason)

    reject(~np.isfinite(points) | ~np.isfinite(volumes), "a cell that is empty or not a number")
    ticks, steps = np.nan_to_num(points / instrument.tick_size), np.nan_to_num(volumes / instrument.lot_step)
    reject((ticks < 0) | (steps < 0), "a price or volume below zero")
    reject((ticks > MOST_TICKS) | (steps > MOST_LOTS), "a price or volume beyond any market")
    reject(np.abs(ticks - np.rint(ticks)) > 1e-4, "a price off the tick grid")
    reject(np.abs(steps - np.rint(steps)) > 1e-6, "a volume that is not whole contracts")
    reject((np.rint(ticks) > 0) != (np.rint(steps) > 0), "a price without a volume, or a volume without a price")


def _falls(screen: Screen, ts_ns: np.ndarray, last_ns: int) -> np.ndarray:
    usable = np.maximum(np.where(screen.kept, ts_ns, last_ns), last_ns)
    falls: np.ndarray = ts_ns < np.maximum.accumulate(usable)
    return falls


def _take(request: Request, intake: Intake, series: _Series, polls: _Polls, tally: _Tally) -> Writes:
    """Add rows to a series, and yield the sessions they complete."""
    edges = np.flatnonzero(np.diff(polls.day)) + 1
    for start, end in zip([0, *edges], [*edges, polls.day.size], strict=True) if polls.day.size else ():
        own = _Polls(polls.day[start:end], polls.ts_ns[start:end], polls.state[start:end])
        if own.day[0] != series.day:
            yield from _finish_session(request, intake, series, is_last=False)
            series.day, series.last_state = int(own.day[0]), None
            series.polled_ns = int(own.ts_ns[0]), int(own.ts_ns[0])
        _add_changes(series, own, request.lake.instruments.of(series.contract).id, tally)


def _add_changes(series: _Series, polls: _Polls, instrument: int, tally: _Tally) -> None:
    """Note as events what differs from the row above; the first row of a session, or after a stop, is told whole."""
    begins = series.last_state is None
    before = np.zeros_like(polls.state)
    before[1:] = polls.state[:-1]
    since = np.diff(polls.ts_ns, prepend=polls.ts_ns[0] if begins else series.last_ns)
    if series.last_state is not None:
        before[0] = series.last_state
    lost = since > POLL_LOST_NS
    before[lost] = 0
    changed = (polls.state != before).any(axis=-1)
    tally.repeated += int((~changed.any(axis=(1, 2)) & ~lost).sum())
    bid, ask = polls.state[:, 0, 0, _PRICE], polls.state[:, 1, 0, _PRICE]
    two_sided = (bid > 0) & (ask > 0)
    tally.locked += int((two_sided & (bid == ask)).sum())
    tally.crossed += int((two_sided & (bid > ask)).sum())
    ends = polls.ts_ns[lost]
    series.losses += [
        Gap(int(end - hole), int(end), Cause.FEED_LOSS) for end, hole in zip(ends, since[lost], strict=True)
    ]
    series.changes.append(_to_events(polls, changed, lost, instrument))
    series.last_ns, series.last_state = int(polls.ts_ns[-1]), polls.state[-1]
    series.polled_ns = series.polled_ns[0], series.last_ns


def _to_events(polls: _Polls, changed: np.ndarray, lost: np.ndarray, instrument: int) -> np.ndarray:
    """Return level events and, where polls were lost, a GAP before them.

    Within a side what is gone goes first, from the deepest, so that no level ever stands behind an empty one.
    """
    rows, sides, level = np.nonzero(changed)
    told = polls.state[rows, sides, level]
    gone = told[:, _PRICE] == 0
    order = np.lexsort((np.where(gone, -level, level), ~gone, sides, rows))
    rows, sides, level, told, gone = rows[order], sides[order], level[order], told[order], gone[order]
    gap_rows = np.flatnonzero(lost)
    out = events(rows.size + gap_rows.size)
    slots = np.arange(rows.size) + np.searchsorted(gap_rows, rows, side="right")
    at_gap = np.ones(out.size, dtype=bool)
    at_gap[slots] = False
    out["ts_event_ns"][slots], out["ts_event_ns"][at_gap] = polls.ts_ns[rows], polls.ts_ns[gap_rows]
    out["kind"][slots] = np.where(gone, Kind.LEVEL_DELETE, Kind.LEVEL_SET)
    out["kind"][at_gap] = Kind.GAP
    out["side"][slots] = np.where(sides == 0, Side.BUY, Side.SELL)
    out["level"][slots], out["price"][slots], out["quantity"][slots] = level, told[:, _PRICE], told[:, _QUANTITY]
    out["ts_recv_ns"], out["instrument"] = out["ts_event_ns"], instrument
    return out


def _finish_session(request: Request, intake: Intake, series: _Series, is_last: bool) -> Writes:
    """Yield the open session of a series: its quotes, and its levels where more than the best were collected."""
    changes, losses = np.concatenate([events(0), *series.changes]), series.losses
    series.changes, series.losses = [], []
    if not changes.size:
        return
    lake, day = request.lake, to_date(series.day)
    refuse_other_days(intake, request, series.contract, [day], [0])
    context = session_context(lake.instruments, series.contract, day, 0, series.sessions == 0, is_last)
    gaps = sorted([*edge_gaps(*series.polled_ns, context), *losses], key=lambda gap: gap.first_ns)
    series.sessions += 1
    deep = bool((changes["level"] > 0).any())
    for kind, part in _split_kinds(_with_quotes(changes, deep)):
        yield lake.draft(kind, series.contract, day, intake.provenance(RAW), gaps=gaps), part


def _with_quotes(changes: np.ndarray, deep: bool) -> np.ndarray:
    """Return the changes in sequence, each of a best level preceded by its quote, or replaced by it where not deep."""
    is_best = (changes["level"] == 0) & (changes["kind"] != Kind.GAP)
    rows = np.repeat(np.arange(changes.size), np.where(is_best & deep, 2, 1))
    out = changes[rows]
    first = np.append(True, rows[1:] != rows[:-1])
    out["kind"][first & is_best[rows]] = Kind.QUOTE_SIDE
    out["sequence"] = np.arange(out.size)
    return out


def _split_kinds(told: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    is_level = (told["kind"] == Kind.LEVEL_SET) | (told["kind"] == Kind.LEVEL_DELETE)
    for kind, part in (("quotes", told[~is_level]), ("book", told[is_level])):
        if part.size:
            yield kind, part


def _write_notes(intake: Intake, tally: _Tally) -> None:
    intake.notes.append(
        f"polled: what happened between two rows is unknown; {tally.repeated} of {intake.rows} rows repeat the last"
    )
    for count, what in ((tally.locked, "locked (bid = ask)"), (tally.crossed, "crossed (bid > ask)")):
        if count:
            intake.notes.append(f"{count_of(count, 'row')} {'is' if count == 1 else 'are'} {what} and kept")


FORMAT = Format(
    name="book_sample",
    clock="wall clock of the exchange at the poll: São Paulo for B3, else the instrument's declared clock",
    price_basis="raw: prices as quoted",
    recognise=recognise,
    read=read,
)
