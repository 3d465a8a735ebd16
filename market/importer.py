"""From a vendor's file to the lake: recognise, read, check, commit."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from market.errors import DataError, FileRefused, UsageError
from market.lake import Lake
from market.lake_manifest import SourceFile, SourceKey
from market.lake_quarantine import set_aside
from market.readers import (
    b3_trades,
    binance_stream,
    book_sample,
    joined_bars,
    mt5_bars,
    mt5_rates,
    mt5_saveas,
    mt5_ticks,
    profit_bars,
    profit_trades,
    times_trades_workbook,
)
from market.readers.intake import Format, Intake, Request
from market.readers.source import Source, open_source
from market.readers.symbols import with_single_lots
from market.readers.workbook import open_workbook
from market.wording import count_of

# In the order they are tried: the first that recognises a file reads it.
FORMATS: tuple[Format, ...] = (
    mt5_ticks.FORMAT,
    mt5_bars.FORMAT,
    b3_trades.FORMAT,
    profit_trades.FORMAT,
    profit_bars.FORMAT,
    times_trades_workbook.FORMAT,
    book_sample.FORMAT,
    binance_stream.FORMAT,
    mt5_saveas.FORMAT,
    mt5_rates.FORMAT,
    joined_bars.FORMAT,
)


@dataclass(frozen=True)
class ImportResult:
    """What became of one file.

    Parameters
    ----------
    path, status, format : str
        Status is "imported", or "unchanged" where the lake held all of it already.
    rows, rejected : int
        Rows of the file used and set aside.
    reason : str
        What there is to say: rows set aside and where they are, rows left out, doubts; empty where there is nothing.
    contracts : tuple of str
        The symbols it was filed under.
    sessions : int
        How many sessions it holds.
    clock : str
        What its times are.
    price_basis : tuple of str
        What its prices are: "raw", "recovered", "back_adjusted", or more than one of these by session.
    """

    path: str
    status: str
    format: str
    rows: int
    rejected: int
    reason: str
    contracts: tuple[str, ...]
    sessions: int
    clock: str
    price_basis: tuple[str, ...]


def import_file(
    lake: Lake,
    path: Path | str,
    symbol: str | None = None,
    format: str | None = None,  # noqa: A002
    day: date | None = None,
    true_prices: bool = False,
) -> ImportResult:
    """Import a file, all or nothing; the same request twice changes nothing but what of it the lake has lost.

    Parameters
    ----------
    lake : Lake
        Where to.
    path : Path or str
        The vendor's file.
    symbol : str, optional
        File it under this one, whatever its name says; refused where its content says another.
    format : str, optional
        Read it as this format, whatever it looks like.
    day : date, optional
        The session of a file that does not tell one; the answer says so where it does.
    true_prices : bool
        Recover traded prices from the turnover of a back-adjusted series; the answer says so where it holds no bars.

    Raises
    ------
    NotAFile
        Where the path names no file that can be read.
    FileRefused
        Where it cannot be read as market data, changed while it was read, or the lake holds other
        content for one of its sessions.
    UsageError
        Where the symbol is blank, or there is no such format.
    UnknownSymbol
        Where no instrument answers to its symbol.
    DataError
        Where a contract's expiry, or the session that was named, lies outside the calendar.
    """
    if symbol is not None and not symbol.strip():
        raise UsageError(f"--symbol: expected a symbol (as WDOZ26), found {symbol!r}; name one, or leave --symbol out")
    source = open_source(Path(path))
    # Before the hash, for which the whole file is read.
    found = _forced(source, format) if format else recognise(source)
    request = Request(lake, symbol.strip().upper() if symbol else None, day, true_prices)
    key = SourceKey(source.sha256, source.name, found.name, request.symbol or "", day.isoformat() if day else "")
    calendar = lake.calendar_sha256
    known = lake.source(key)
    same = known is not None and (known.true_prices, known.calendar_sha256) == (true_prices, calendar)
    if known is not None and same and lake.is_whole(source.sha256):
        return _result(source, known, "unchanged")
    intake = Intake(source, found.name)
    intake.notes.extend(_unused(found, request))
    if not found.tested:
        intake.notes.append(f"{found.name} is declared, untested: no sample of it was ever seen; check what it gives")
    done: list[SourceFile] = []

    def finish() -> SourceFile:
        if not intake.sessions:
            raise FileRefused(source.path, "bars, trades or quotes", "none in its rows", "export it again")
        entry = _entry(lake, intake, key)
        done.append(replace(entry, true_prices=true_prices, calendar_sha256=calendar))
        return done[0]

    try:
        writes = with_single_lots(intake, request, found.read(source, request, intake))
        added = lake.commit(intake.counted(writes), finish, source.path)
    except DataError as error:
        raise DataError(f"{source.path}: {error}") from error
    return _result(source, done[0], "imported" if added else "unchanged")


def format_of(path: Path | str, named: str | None = None) -> str | None:
    """Return the name of the format a file is read as, the one that was named if any; None where it has none."""
    try:
        return (_named(named) if named else recognise(open_source(Path(path)))).name
    except (FileRefused, UsageError):
        return None


def recognise(source: Source) -> Format:
    """Return the format of a file, told by its content; raises FileRefused for any other."""
    for candidate in FORMATS:
        if candidate.recognise(source):
            return candidate
    raise FileRefused(
        source.path,
        f"one of {', '.join(candidate.name for candidate in FORMATS)}",
        _kind(source),
        "export it again with its header, or name the format with --as",
        None if source.workbook else 1,
    )


def _forced(source: Source, name: str) -> Format:
    """Return the format that was named; raises FileRefused where it is text and the file a workbook, or the reverse."""
    found = _named(name)
    if found.workbook != source.workbook:
        wanted = "a workbook (.xlsx)" if found.workbook else "text"
        raise FileRefused(source.path, f"{wanted} to read as {name}", _kind(source), "leave --as out, or name another")
    return found


def _kind(source: Source) -> str:
    """Return what a file looks like."""
    if source.workbook:
        return f"a workbook with the sheets {', '.join(open_workbook(source).sheet_names)}"
    return f"a first line {source.first_line[:80]!r}"


def _unused(found: Format, request: Request) -> Iterator[str]:
    """Yield what there is to say of options that a file of this format has no use for."""
    if request.day and not found.workbook:
        yield f"--session {request.day} was not used: the file tells its dates"
    if request.true_prices and not found.bars:
        yield "--true-prices was not used: prices that are not bars are as they were traded or quoted"


def _named(name: str) -> Format:
    for candidate in FORMATS:
        if candidate.name == name:
            return candidate
    names = [candidate.name for candidate in FORMATS]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(names)}"
    raise UsageError(f"--as: expected a format, found '{name}'; {hint}")


def _entry(lake: Lake, intake: Intake, key: SourceKey) -> SourceFile:
    """Keep what a file that is about to be listed has in rows set aside, and return its entry."""
    told = list(intake.notes)
    if intake.left_out:
        most = intake.left_out.most_common(5)
        told.append(", ".join(f"{count_of(count, 'row')} of {what} left out" for what, count in most))
    aside = intake.quarantine_text() if intake.rejects else ""
    intake.source.refuse_changed()  # nothing of it is read from here on
    if aside:
        counts = ", ".join(f"{count_of(count, 'row')} {reason}" for reason, count in intake.reject_counts().items())
        told.append(f"{counts}: set aside in {set_aside(lake, key, aside)}")
    return SourceFile(
        sha256=key.sha256,
        name=key.name,
        format=key.format,
        symbol=key.symbol,
        session=key.session,
        rows=intake.rows,
        rejected=len(intake.rejects),
        contracts=tuple(intake.contracts),
        sessions=len(intake.sessions),
        price_basis=tuple(sorted(intake.price_basis)),
        reason="; ".join(told),
    )


def _result(source: Source, entry: SourceFile, status: str) -> ImportResult:
    return ImportResult(
        path=source.path,
        status=status,
        format=entry.format,
        rows=entry.rows,
        rejected=entry.rejected,
        reason=entry.reason,
        contracts=entry.contracts,
        sessions=entry.sessions,
        clock=_named(entry.format).clock,
        price_basis=entry.price_basis,
    )
