"""MetaTrader 5 bar exports: tab, `<DATE> <TIME> <OPEN> <HIGH> <LOW> <CLOSE> <TICKVOL> <VOL> <SPREAD>`.

Daily bars have no time column; some tools write the names in lower case without brackets.
"""

import re

import numpy as np

from market.errors import FileRefused
from market.readers.bar_table import bar_writes, counted_bars
from market.readers.cells import read_whole, to_days, to_time_ns
from market.readers.intake import Format, Intake, Request, Writes
from market.readers.source import Source

NUMBERS = ("OPEN", "HIGH", "LOW", "CLOSE", "TICKVOL", "VOL")
REQUIRED = ("DATE", *NUMBERS)
DATE_PATTERN = "%Y.%m.%d"

_HEADING = re.compile(r"<(\w+)>")
_PLAIN = re.compile(r"^date\ttime\topen\t", re.IGNORECASE)
_OTHER_NAMES = {"TICKVOLUME": "TICKVOL", "VOLUME": "VOL"}


def recognise(source: Source) -> bool:
    """Tell whether the first line heads MT5 bars, whatever separates its names."""
    first = source.first_line
    return (first.startswith("<DATE>") and "<OPEN>" in first) or bool(_PLAIN.match(first))


def read(source: Source, request: Request, intake: Intake) -> Writes:
    """Read the rows; raises FileRefused where separator or columns are not MT5's."""
    names = _plain_headings(source) if _PLAIN.match(source.first_line) else mt5_headings(source, REQUIRED)
    columns = read_whole(source, names, "\t", header=True)
    cells, count = columns.cells, columns.lines.size
    day = to_days(cells["DATE"], DATE_PATTERN)
    time_ns = to_time_ns(cells["TIME"]) if "TIME" in cells else np.zeros(count, dtype=np.int64)
    table = counted_bars(columns, [cells[name] for name in NUMBERS], day, time_ns)
    return bar_writes(source, request, intake, table, inside=None)


def mt5_headings(source: Source, required: tuple[str, ...]) -> list[str]:
    """Return the names of an MT5 header, without brackets; raises FileRefused where it is not as MT5 writes it."""
    header = source.first_line
    names = _HEADING.findall(header)
    if names and header.split("\t") != [f"<{name}>" for name in names]:
        between = header[len(f"<{names[0]}>") :].partition("<")[0]
        raise FileRefused(
            source.path, "a tab between the columns of an MT5 export", repr(between), "export it again from MT5", 1
        )
    _refuse_missing(source, names, required)
    return names


def _plain_headings(source: Source) -> list[str]:
    plain = [name.strip().upper() for name in source.first_line.split("\t")]
    names = [_OTHER_NAMES.get(name, name) for name in plain]
    _refuse_missing(source, names, REQUIRED)
    return names


def _refuse_missing(source: Source, names: list[str], required: tuple[str, ...]) -> None:
    if missing := [name for name in required if name not in names]:
        raise FileRefused(
            source.path,
            f"the columns {' '.join(required)}",
            f"{' '.join(names)} (without {' '.join(missing)})",
            "export bars or ticks from MT5's symbol window with all columns",
            1,
        )


FORMAT = Format(
    name="mt5_bars",
    clock="wall clock of the broker's server: São Paulo for B3, else the instrument's declared clock; bar's opening",
    price_basis="as the symbol says: dated contracts raw, $ and @ series restated at each roll",
    recognise=recognise,
    read=read,
    bars=True,
)
