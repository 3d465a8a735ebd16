"""Bars of several series side by side, as `time,open_win,…,real_volume_win,…,open_wdo,…,real_volume_wdo`.

Each suffix is a symbol. A row in which one series did not trade leaves its cells empty. Other columns are ignored.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from market.errors import FileRefused
from market.lake_manifest import Partition
from market.readers.bar_table import BarTable, bar_writes, counted_bars
from market.readers.cells import Columns, read_whole
from market.readers.intake import Format, Intake, Request, Writes
from market.readers.mt5_saveas import split_moment
from market.readers.source import Source

FIELDS = ("open", "high", "low", "close", "tick_volume", "real_volume")
DATE_PATTERN = "%Y-%m-%d"

_DAY_WIDTH = len("2020-01-31")
_OPEN = re.compile(r"open_(\w+)")


def recognise(source: Source) -> bool:
    """Tell whether the first line heads a time and the opens of two series or more."""
    return source.first_line.startswith("time,") and len(_suffixes(source)) > 1


def read(source: Source, request: Request, intake: Intake) -> Writes:
    """Read one series after the other; raises FileRefused where one lacks a column, or a symbol is given for all."""
    suffixes, names = _suffixes(source), source.first_line.split(",")
    needed = ["time", *(f"{field}_{suffix}" for suffix in suffixes for field in FIELDS)]
    if missing := [name for name in needed if name not in names]:
        raise FileRefused(
            source.path,
            f"the columns {', '.join(needed)}",
            f"none named {', '.join(missing)}",
            "write them out again",
            1,
        )
    if request.symbol:
        raise FileRefused(
            source.path,
            f"no --symbol for a file of {len(suffixes)} series that its columns name ({', '.join(suffixes)})",
            f"--symbol {request.symbol}",
            "leave it out, or rename the columns",
        )
    return _writes(source, request, intake, read_whole(source, names, ",", header=True), suffixes)


def _writes(
    source: Source, request: Request, intake: Intake, columns: Columns, suffixes: list[str]
) -> Iterator[tuple[Partition, np.ndarray]]:
    for place, suffix in enumerate(suffixes):
        own = columns if place == 0 else replace(columns, misshapen=())  # each line is set aside once
        table = _table(own, suffix)
        if table.lines.size:
            yield from bar_writes(source, request, intake, table, suffix.upper())


def _table(columns: Columns, suffix: str) -> BarTable:
    cells = [columns.cells[f"{field}_{suffix}"] for field in FIELDS]
    traded = np.logical_or.reduce([cell.is_valid().to_numpy(zero_copy_only=False) for cell in cells])
    day, time_ns = split_moment(columns.cells["time"], DATE_PATTERN, _DAY_WIDTH)
    return counted_bars(columns, cells, day, time_ns).at(traded)


def _suffixes(source: Source) -> list[str]:
    return [found[1] for name in source.first_line.split(",") if (found := _OPEN.fullmatch(name))]


FORMAT = Format(
    name="joined_bars",
    clock="wall clock of the exchange, America/Sao_Paulo; bar's opening",
    price_basis="as the symbols say: raw, but $ and @ series restated at each roll",
    recognise=recognise,
    read=read,
    bars=True,
)
