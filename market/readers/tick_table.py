"""From the rows of a vendor's tick file to EVENT records by session.

Order within a row: the trade first, then the row's own bid, then its ask. Where the row does not tell the aggressor,
the quotes carried from the rows before do, so a consumer that carries quotes itself finds the same side. Without a
sound quote (one side absent, or bid not below ask, as during the opening call) and inside the spread there is no
aggressor: side 0, trade type UNKNOWN.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np

from market.gaps import event_gaps, session_context
from market.instruments import Instrument
from market.lake_manifest import Partition
from market.readers.cells import NO_DAY, NS_PER_DAY, NS_PER_S
from market.readers.intake import Intake, Request
from market.readers.price_basis import RAW
from market.readers.repeated_hours import FileOrder, with_whole_hours
from market.readers.screen import LATE_NS, OUTSIDE_HOURS, DayHours, Screen, hours_of_days, to_date
from market.readers.symbols import refuse_other_days, resolve_symbol
from market.readers.tick_rows import TickTable
from market.types import EVENT, Flag, Kind, Side, TradeType

# The opening call runs from 08:55; its quotes are kept, a trade before the open is not one.
CALL_NS = 15 * 60 * NS_PER_S
MOST_TICKS = 2**31 - 1


@dataclass(frozen=True)
class _Ticks:
    """The kept rows in ticks and contracts, ordered as in the file.

    A `has_` mask tells whether the row carries the value; `clears` marks a row that says there is no quote; `told`
    marks a trade whose `side` the row tells, be it none.
    """

    day: np.ndarray
    ts_ns: np.ndarray
    bid: np.ndarray
    ask: np.ndarray
    last: np.ndarray
    quantity: np.ndarray
    has_bid: np.ndarray
    has_ask: np.ndarray
    has_trade: np.ndarray
    clears: np.ndarray
    told: np.ndarray
    side: np.ndarray


def tick_writes(
    request: Request, intake: Intake, blocks: Iterator[TickTable]
) -> Iterator[tuple[Partition, np.ndarray]]:
    """Check the rows of a tick file, block by block, and yield its trades and quotes session by session.

    Memory holds one block and one session, and where a clock is set back the rows around it.

    Raises
    ------
    FileRefused
        Where more than one row in a hundred is unusable.
    """
    first, last_ns = next(blocks), int(np.iinfo(np.int64).min)
    contract = resolve_symbol(intake, request, None, _first_day(first))
    clock = ZoneInfo(request.lake.instruments.of(contract).clock)
    pending: list[_Ticks] = []
    for table in with_whole_hours(intake.source, clock, chain([first], blocks)):
        ticks, last_ns = _screened(request, intake, contract, table, last_ns)
        *done, open_day = _split_days([*pending, ticks])
        for day in done:
            yield from _session_writes(request, intake, contract, day, is_last=False)
        pending = [open_day]
    intake.refuse_too_many(_hint(intake))
    for day in pending:
        yield from _session_writes(request, intake, contract, day, is_last=True)


def _first_day(table: TickTable) -> date | None:
    legible = table.day[table.day != NO_DAY]
    return to_date(legible[0]) if legible.size else None


def _hint(intake: Intake) -> str:
    outside = OUTSIDE_HOURS in intake.reject_counts()
    return "export ticks with the exchange's clock (São Paulo)" if outside else ""


def _screened(request: Request, intake: Intake, contract: str, table: TickTable, last_ns: int) -> tuple["_Ticks", int]:
    """Return the rows of a block that are usable, and the time of the last one."""
    instruments = request.lake.instruments
    instrument, calendar = instruments.of(contract), instruments.calendar(contract)
    legible = (table.day != NO_DAY) & (table.time_ns != NO_DAY)
    day = np.where(legible, table.day, NO_DAY)
    order = FileOrder(np.stack([table.bid, table.ask, table.last, table.volume, table.flags]), ties=True)
    hours = hours_of_days(calendar, ZoneInfo(instrument.clock), day, np.where(legible, table.time_ns, 0), order)
    ts_ns = np.where(legible, table.day * NS_PER_DAY + table.time_ns - hours.offset_ns, 0)
    screen = _screen(table, hours, ts_ns, instrument, last_ns)
    intake.note(screen, table.misshapen, _hint(intake))
    kept = np.flatnonzero(screen.kept)
    ticks = _kept_ticks(table, kept, ts_ns, hours.day, instrument)
    return ticks, int(ts_ns[kept[-1]]) if kept.size else last_ns


def _split_days(parts: list["_Ticks"]) -> list["_Ticks"]:
    """Return one table a day, at least one; consecutive parts of a day are joined."""
    whole = _Ticks(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(_Ticks)))
    starts = np.flatnonzero(np.append(True, whole.day[1:] != whole.day[:-1]))
    ends = np.append(starts[1:], whole.day.size)
    return [
        _Ticks(*(getattr(whole, column.name)[start:end] for column in fields(_Ticks)))
        for start, end in zip(starts, ends, strict=True)
    ]


def _session_writes(
    request: Request, intake: Intake, contract: str, ticks: "_Ticks", is_last: bool
) -> Iterator[tuple[Partition, np.ndarray]]:
    lake = request.lake
    records = _to_events(ticks, lake.instruments.of(contract).id)
    if not records.size:
        return
    day, is_trade = to_date(ticks.day[0]), records["kind"] == Kind.TRADE
    refuse_other_days(intake, request, contract, [day], [int(is_trade.sum())])
    context = session_context(lake.instruments, contract, day, intake.previous_close, not intake.sessions, is_last)
    gaps = event_gaps(records, context)
    if is_trade.any():
        intake.previous_close = int(records["price"][is_trade][-1])
    for kind, part in (("trades", records[is_trade]), ("quotes", records[~is_trade])):
        if part.size:
            yield lake.draft(kind, contract, day, intake.provenance(RAW), gaps=gaps), part


def infer_sides(bid: np.ndarray, ask: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the aggressor of each trade by the quote rule, i1[n]; the quotes are those before it, 0 where absent."""
    sound = (bid > 0) & (ask > 0) & (bid < ask)
    sides = np.zeros(last.size, dtype=np.int8)
    sides[sound & (last >= ask)] = Side.BUY
    sides[sound & (last <= bid)] = Side.SELL
    return sides


def _screen(table: TickTable, hours: DayHours, ts_ns: np.ndarray, instrument: Instrument, last_ns: int) -> Screen:
    screen = Screen(table.lines)
    screen.reject((table.day == NO_DAY) | (table.time_ns == NO_DAY), "a date or time that cannot be read")
    screen.reject(table.illegible, "a cell that is not a number")
    prices = np.stack([table.bid, table.ask, table.last])
    screen.reject(((prices < 0) | np.isinf(prices)).any(axis=0), "a price below zero or not finite")
    in_ticks = np.nan_to_num(prices / instrument.tick_size, posinf=0.0)
    screen.reject((in_ticks > MOST_TICKS).any(axis=0), "a price beyond any market")
    off_grid = (np.abs(in_ticks - np.rint(in_ticks)) > 1e-4) | ((in_ticks > 0) & (in_ticks < 0.5))
    screen.reject(off_grid.any(axis=0), "a price off the tick grid")
    traded = table.trades
    steps = table.volume / instrument.lot_step
    whole = (steps > 0.5) & (steps < 2**53) & (np.abs(steps - np.rint(steps)) < 1e-6)
    screen.reject(traded & ~whole, "a last price without a volume of whole contracts")
    screen.reject(~(table.last > 0) & (table.volume > 0), "a volume without a last price")
    screen.reject(table.lacks_what_it_flags, "a flag for a value that is not there")
    screen.reject(~(traded | table.sets_bid | table.sets_ask | table.clears), "neither quote nor trade")
    screen.reject_other_days(hours)
    # Exports begin and end with rows that say "no quote", hours away from the session.
    early = ts_ns < np.where(traded, hours.open_ns, hours.open_ns - CALL_NS)
    screen.reject(~table.clears & (early | (ts_ns >= hours.close_ns + LATE_NS)), OUTSIDE_HOURS)
    usable = np.maximum(np.where(screen.kept, ts_ns, last_ns), last_ns)
    screen.reject(ts_ns < np.maximum.accumulate(usable), "a time before that of the row above")
    return screen


def _kept_ticks(
    table: TickTable, kept: np.ndarray, ts_ns: np.ndarray, day: np.ndarray, instrument: Instrument
) -> _Ticks:
    bid, ask, last = (_in_ticks(values[kept], instrument.tick_size) for values in (table.bid, table.ask, table.last))
    return _Ticks(
        day=day[kept],
        ts_ns=ts_ns[kept],
        bid=bid,
        ask=ask,
        last=last,
        quantity=np.rint(np.where(table.trades, table.volume, 0.0)[kept] / instrument.lot_step).astype(np.int64),
        has_bid=table.sets_bid[kept],
        has_ask=table.sets_ask[kept],
        has_trade=table.trades[kept],
        clears=table.clears[kept],
        told=table.flags_tell_sides[kept],
        side=table.told_side[kept],
    )


def _in_ticks(points: np.ndarray, tick_size: float) -> np.ndarray:
    ticks: np.ndarray = np.rint(np.nan_to_num(points) / tick_size).astype(np.int64)
    return ticks


def _to_events(ticks: _Ticks, instrument: int) -> np.ndarray:
    """Return one session's events: per row its trade, its bid, its ask, or the end of its quotes."""
    seen = np.maximum.accumulate(ticks.has_bid | ticks.has_ask)
    parts = np.stack([ticks.has_trade, ticks.has_bid, ticks.has_ask, ticks.clears & seen], axis=1)
    rows, part = np.nonzero(parts)
    out = np.zeros(rows.size, dtype=EVENT)
    out["ts_event_ns"] = out["ts_recv_ns"] = ticks.ts_ns[rows]
    out["sequence"] = np.arange(rows.size)
    out["instrument"] = instrument
    out["kind"] = np.array([Kind.TRADE, Kind.QUOTE_SIDE, Kind.QUOTE_SIDE, Kind.BOOK_CLEAR], dtype=np.uint8)[part]
    no_price = np.zeros_like(ticks.last)
    out["price"] = np.stack([ticks.last, ticks.bid, ticks.ask, no_price], axis=1)[rows, part]
    out["side"] = np.array([Side.NONE, Side.BUY, Side.SELL, Side.NONE], dtype=np.int8)[part]
    trade = part == 0
    out["quantity"][trade] = ticks.quantity[rows[trade]]
    told = ticks.told[rows[trade]]
    sides = np.where(ticks.told, ticks.side, _aggressors(ticks))[rows[trade]]
    out["side"][trade] = sides
    out["trade_type"][trade] = np.choose(
        sides + 1, [TradeType.SELL_AGGRESSION, TradeType.UNKNOWN, TradeType.BUY_AGGRESSION]
    )
    out["flags"][trade] = np.where((sides != 0) & ~told, Flag.INFERRED_AGGRESSOR, 0)
    return out


def _aggressors(ticks: _Ticks) -> np.ndarray:
    bid = _carried_before(np.where(ticks.clears, 0, ticks.bid), ticks.has_bid | ticks.clears)
    ask = _carried_before(np.where(ticks.clears, 0, ticks.ask), ticks.has_ask | ticks.clears)
    return infer_sides(bid, ask, ticks.last)


def _carried_before(values: np.ndarray, set_here: np.ndarray) -> np.ndarray:
    """Return, for each row, the last value set by an earlier row; 0 before the first."""
    latest = np.maximum.accumulate(np.where(set_here, np.arange(values.size), -1))
    before = np.append(-1, latest[:-1])
    carried: np.ndarray = np.where(before >= 0, values[before], 0)
    return carried
