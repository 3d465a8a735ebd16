"""From a vendor's file to the lake: recognise, read, check, commit."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np

from market.errors import FileRefused, LakeError, UnknownSymbol
from market.instruments import parse_symbol, symbol_in_name
from market.lake import Lake, Partition, Provenance, draft
from market.readers import mt5_bars, mt5_ticks, profit_bars
from market.readers.bar_table import BarTable, build_bars
from market.readers.screen import Reject
from market.readers.source import Source, open_source
from market.readers.tick_table import build_events
from market.roll import last_trade_session

IMPORTER_VERSION = 1
FORMATS = (mt5_bars.FORMAT, mt5_ticks.FORMAT, profit_bars.FORMAT)


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
        Why rows were set aside and where they are; empty where none were.
    contract : str
        The symbol it was filed under.
    sessions : int
        How many sessions it holds.
    """

    path: str
    status: str
    format: str
    rows: int
    rejected: int
    reason: str
    contract: str
    sessions: int


@dataclass(frozen=True)
class _Content:
    """A checked file, ready to be committed."""

    contract: str
    writes: Sequence[tuple[Partition, np.ndarray]]
    rejects: tuple[Reject, ...]
    rows: int

    @property
    def sessions(self) -> int:
        return len({partition.session for partition, _ in self.writes})


def import_file(lake: Lake, path: Path | str, symbol: str | None = None, format: str | None = None) -> ImportResult:  # noqa: A002
    """Import a file, all or nothing; the same file twice changes nothing.

    Parameters
    ----------
    lake : Lake
        Where to.
    path : Path or str
        The vendor's file.
    symbol : str, optional
        File it under this one, whatever the file or its name says.
    format : str, optional
        Refuse the file unless it is of this format.

    Raises
    ------
    FileRefused
        Where it cannot be read as market data, or the lake holds other content for one of its sessions.
    UnknownSymbol
        Where no instrument answers to its symbol.
    """
    source = open_source(Path(path))
    found = recognise(source)
    if format is not None and format != found:
        raise FileRefused(source.path, f"the format {format}", found, "leave the format out, or name the right one")
    content = _READERS[found](source, symbol)
    _refuse_expired(source, content)
    known = any(p.provenance.source_sha256 == source.sha256 for p in lake.partitions(contract=content.contract))
    added = [] if known else _commit(lake, source, content)
    return ImportResult(
        path=source.path,
        status="imported" if added else "unchanged",
        format=found,
        rows=content.rows,
        rejected=len(content.rejects),
        reason=_summary(lake, source, content.rejects),
        contract=content.contract,
        sessions=content.sessions,
    )


def recognise(source: Source) -> str:
    """Return the format of a file, by its first line; raises FileRefused for any other."""
    for reader in (mt5_ticks, mt5_bars, profit_bars):
        if reader.recognise(source):
            return str(reader.FORMAT)
    raise FileRefused(
        source.path,
        "an MT5 bar or tick export, or a Profit bar export",
        f"a first line {source.first_line[:80]!r}",
        "export it again, with its header, from MT5 or Profit",
        1,
    )


def _commit(lake: Lake, source: Source, content: _Content) -> list[Partition]:
    """Write rejects and partitions; the rejects go again where the partitions are refused."""
    quarantine = _quarantine(lake, source)
    existed = quarantine.exists()
    if content.rejects:
        quarantine.parent.mkdir(parents=True, exist_ok=True)
        partial = quarantine.with_suffix(".partial")
        partial.write_text(_quarantine_text(source, content.rejects), encoding="utf-8", newline="")
        partial.replace(quarantine)
    try:
        return lake.commit(content.writes)
    except (FileRefused, LakeError):
        if content.rejects and not existed:
            quarantine.unlink()
            if not any(quarantine.parent.iterdir()):
                quarantine.parent.rmdir()
        raise


def _quarantine(lake: Lake, source: Source) -> Path:
    return lake.folder / "quarantine" / f"{source.sha256[:12]}.csv"


def _quarantine_text(source: Source, rejects: Sequence[Reject]) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["line", "reason", "text"])
    texts = source.line_texts([reject.line for reject in rejects])
    writer.writerows((reject.line, reject.reason, text) for reject, text in zip(rejects, texts, strict=True))
    return out.getvalue()


def _summary(lake: Lake, source: Source, rejects: Sequence[Reject]) -> str:
    if not rejects:
        return ""
    counts: dict[str, int] = {}
    for reject in rejects:
        counts[reject.reason] = counts.get(reject.reason, 0) + 1
    told = ", ".join(f"{count} rows {reason}" for reason, count in counts.items())
    return f"{told}: set aside in {_quarantine(lake, source)}"


def _symbol(source: Source, given: str | None, inside: str | None) -> str:
    """Return the symbol to file under: the one given, the file's own, or the one its name begins with."""
    text = given or inside or symbol_in_name(Path(source.path).stem)
    if text is None:
        raise UnknownSymbol(
            f"{source.path}: expected a file name that begins with a symbol (as WDOZ26 or WIN$), "
            f"found {source.name!r}; give the symbol with --symbol"
        )
    try:
        parse_symbol(text)
    except UnknownSymbol as error:
        raise UnknownSymbol(f"{source.path}: {error}") from None
    return text.strip().upper()


def _refuse_expired(source: Source, content: "_Content") -> None:
    """Refuse sessions after the last one a dated contract traded in: the symbol cannot be theirs."""
    if parse_symbol(content.contract).continuous or not content.writes:
        return
    last = last_trade_session(content.contract)
    found = max(partition.session for partition, _ in content.writes)
    if found > last.isoformat():
        raise FileRefused(
            source.path,
            f"sessions of {content.contract} up to its last one, {last}",
            f"one on {found}",
            "give the right symbol with --symbol",
        )


def _provenance(source: Source, reader: str, price_basis: str) -> Provenance:
    return Provenance(source.name, source.sha256, f"{reader}/{IMPORTER_VERSION}", False, price_basis)


def _read_bars(source: Source, table: BarTable, reader: str, symbol: str | None) -> _Content:
    contract = _symbol(source, symbol, table.symbol)
    built = build_bars(source, table, contract)
    provenance = _provenance(source, reader, built.price_basis)
    writes = [
        (draft("bars", contract, session.day, provenance, built.bar_seconds, session.gaps), session.bars)
        for session in built.sessions
    ]
    return _Content(contract, writes, built.rejects, built.rows)


def _read_mt5_bars(source: Source, symbol: str | None) -> _Content:
    return _read_bars(source, mt5_bars.read(source), mt5_bars.FORMAT, symbol)


def _read_profit_bars(source: Source, symbol: str | None) -> _Content:
    return _read_bars(source, profit_bars.read(source), profit_bars.FORMAT, symbol)


def _read_mt5_ticks(source: Source, symbol: str | None) -> _Content:
    contract = _symbol(source, symbol, None)
    built = build_events(source, mt5_ticks.read(source), contract)
    provenance = _provenance(source, mt5_ticks.FORMAT, "raw")
    writes = [
        (draft(kind, contract, session.day, provenance, gaps=session.gaps), records)
        for session in built.sessions
        for kind, records in (("trades", session.trades), ("quotes", session.quotes))
        if records.size
    ]
    return _Content(contract, writes, built.rejects, built.rows)


_READERS: dict[str, Callable[[Source, str | None], _Content]] = {
    mt5_bars.FORMAT: _read_mt5_bars,
    mt5_ticks.FORMAT: _read_mt5_ticks,
    profit_bars.FORMAT: _read_profit_bars,
}
