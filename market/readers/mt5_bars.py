"""MetaTrader 5 bar exports: tab, `<DATE> <TIME> <OPEN> <HIGH> <LOW> <CLOSE> <TICKVOL> <VOL> <SPREAD>`."""

import re

import numpy as np

from market.errors import FileRefused
from market.readers.bar_table import BarTable, bar_writes
from market.readers.cells import read_whole, to_days, to_numbers, to_time_ns
from market.readers.intake import Format, Intake, Request, Writes
from market.readers.source import Source

REQUIRED = ("DATE", "TIME", "OPEN", "HIGH", "LOW", "CLOSE", "TICKVOL", "VOL")
DATE_PATTERN = "%Y.%m.%d"

_HEADING = re.compile(r"<(\w+)>")


def recognise(source: Source) -> bool:
    """Tell whether the first line heads MT5 bars, whatever separates its names."""
    return source.first_line.startswith("<DATE>") and "<OPEN>" in source.first_line


def read(source: Source, request: Request, intake: Intake) -> Writes:
    """Read the rows; raises FileRefused where separator or columns are not MT5's."""
    names = mt5_headings(source, REQUIRED)
    columns = read_whole(source, names, "\t", header=True)
    cells = columns.cells
    numbers = {name: to_numbers(cells[name]) for name in REQUIRED[2:]}
    table = BarTable(
        lines=columns.lines,
        day=to_days(cells["DATE"], DATE_PATTERN),
        time_ns=to_time_ns(cells["TIME"]),
        open=numbers["OPEN"],
        high=numbers["HIGH"],
        low=numbers["LOW"],
        close=numbers["CLOSE"],
        volume=numbers["VOL"],
        turnover=np.full(columns.lines.size, np.nan),
        trades=numbers["TICKVOL"],
        misshapen=columns.misshapen,
    )
    return bar_writes(source, request, intake, table, inside=None)


def mt5_headings(source: Source, required: tuple[str, ...]) -> list[str]:
    """Return the names of an MT5 header, without brackets; raises FileRefused where it is not as MT5 writes it."""
    header = source.first_line
    names = _HEADING.findall(header)
    if header.split("\t") != [f"<{name}>" for name in names]:
        between = header[len(f"<{names[0]}>") :].partition("<")[0]
        raise FileRefused(
            source.path, "a tab between the columns of an MT5 export", repr(between), "export it again from MT5", 1
        )
    if missing := [name for name in required if name not in names]:
        raise FileRefused(
            source.path,
            f"the columns {' '.join(required)}",
            f"{' '.join(names)} (without {' '.join(missing)})",
            "export intraday bars or ticks from MT5's symbol window with all columns",
            1,
        )
    return names


FORMAT = Format(
    name="mt5_bars",
    clock="wall clock of the broker's server: São Paulo for B3, else the instrument's declared clock; bar's opening",
    price_basis="as the symbol says: dated contracts raw, $ and @ series restated at each roll",
    recognise=recognise,
    read=read,
)
