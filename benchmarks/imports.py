"""Import of every format: whole imports, hashed, checked and made durable, beside the same parse in polars."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from types import MappingProxyType

from benchmarks import peer_imports, vendor_files, vendor_tapes
from benchmarks.rows import Row, more_is_better, race
from market.importer import import_file
from market.instruments import Declaration, declare
from market.lake import Lake

ROUNDS = 2
PEER = "polars, without checks, hashes and waiting for the disk"
DECLARED = {"BTCUSDT": declare("BTCUSDT", Declaration(0.1, 0.001, 1.0, "USDT", "always", "UTC"))}


@dataclass(frozen=True)
class Work:
    """A vendor's file and its peer.

    Parameters
    ----------
    file : str
        Its name, which tells the contract where the rows do not.
    write : callable
        Writes so many rows of it.
    peer : callable
        Imports it, without this project, into a folder.
    share : float
        Of the rows asked for; less where a format is slow, or as large as its vendor makes it.
    day : date, optional
        The session of one that tells none.
    """

    file: str
    write: Callable[[Path, int], Path]
    peer: Callable[[Path, Path], None]
    share: float = 1.0
    day: date | None = None


# By the name of the format.
WORKS: Mapping[str, Work] = MappingProxyType(
    {
        "mt5_ticks": Work("WDOFUT_ticks.csv", vendor_files.write_mt5_ticks, peer_imports.import_mt5_ticks, 10.0),
        "mt5_bars": Work("WDOFUT_M1.csv", vendor_files.write_mt5_bars, peer_imports.import_mt5_bars),
        "mt5_saveas": Work("WDOFUT_chart.csv", vendor_files.write_mt5_saveas, peer_imports.import_mt5_saveas),
        "mt5_rates": Work("WDOFUT_rates.csv", vendor_files.write_mt5_rates, peer_imports.import_mt5_rates),
        "profit_bars": Work("WDOFUT_1min.csv", vendor_files.write_profit_bars, peer_imports.import_profit_bars),
        "joined_bars": Work("joined.csv", vendor_files.write_joined_bars, peer_imports.import_joined_bars),
        "b3_trades": Work("trades.txt", vendor_tapes.write_b3_trades, peer_imports.import_b3_trades),
        "profit_trades": Work("WDOQ26.csv", vendor_tapes.write_profit_trades, peer_imports.import_profit_trades),
        "times_trades_workbook": Work(
            "tape.xlsx", vendor_tapes.write_workbook, peer_imports.import_times_trades_workbook,
            0.2, vendor_tapes.B3_DAY,
        ),
        "book_sample": Work("book.csv", vendor_tapes.write_book_sample, peer_imports.import_book_sample),
        "binance_stream": Work("btcusdt.txt", vendor_tapes.write_binance_stream, peer_imports.import_binance_stream),
    }
)  # fmt: skip


def import_rows(folder: Path, rows: int) -> list[Row]:
    """Return the speed of every format, for files of about so many rows."""
    return [_import_row(folder, name, work, int(rows * work.share)) for name, work in WORKS.items()]


def _import_row(folder: Path, name: str, work: Work, rows: int) -> Row:
    file = work.write(folder / work.file, rows)
    number = count()

    def fresh() -> Path:
        made = folder / f"{name} {next(number)}"
        made.mkdir()
        return made

    def ours() -> None:
        import_file(Lake(fresh(), DECLARED), file, day=work.day)

    seconds, theirs = race(ours, lambda: work.peer(file, fresh()), rounds=ROUNDS)
    return more_is_better(f"import {name}", "M rows/s", rows / seconds / 1e6, rows / theirs / 1e6, PEER)
