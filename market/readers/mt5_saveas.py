"""MetaTrader 5 chart "save as": no header, `date[ time],open,high,low,close,tick volume,volume`, UTF-16 with a mark."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from market.readers.bar_table import bar_writes, counted_bars
from market.readers.cells import read_whole, to_days, to_time_ns
from market.readers.intake import Format, Intake, Request, Writes
from market.readers.mt5_bars import DATE_PATTERN
from market.readers.source import Source

COLUMNS = ("moment", "open", "high", "low", "close", "tick_volume", "volume")

_DAY_WIDTH = len("2020.01.31")
_ROW = re.compile(r"^\d{4}\.\d{2}\.\d{2}( \d{2}:\d{2})?(,\d+(\.\d+)?){6}$")


def recognise(source: Source) -> bool:
    """Tell whether the first line is a row of such a file."""
    return bool(_ROW.match(source.first_line))


def read(source: Source, request: Request, intake: Intake) -> Writes:
    """Read the rows; raises FileRefused where there are none of seven columns."""
    columns = read_whole(source, COLUMNS, ",", header=False)
    cells = columns.cells
    day, time_ns = split_moment(cells["moment"], DATE_PATTERN, _DAY_WIDTH)
    table = counted_bars(columns, [cells[name] for name in COLUMNS[1:]], day, time_ns)
    return bar_writes(source, request, intake, table, inside=None)


def split_moment(column: pa.StringArray, pattern: str, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return days and ns of the day of cells that hold both, a blank between; midnight where there is no time."""
    days = to_days(pc.utf8_slice_codeunits(column, 0, width), pattern)
    clock = pc.utf8_ltrim_whitespace(pc.utf8_slice_codeunits(column, width))
    return days, to_time_ns(pc.if_else(pc.equal(pc.utf8_length(clock), 0), "00:00", clock))


FORMAT = Format(
    name="mt5_saveas",
    clock="wall clock of the broker's server: São Paulo for B3, else the instrument's declared clock; bar's opening",
    price_basis="as the symbol says: dated contracts raw, $ and @ series restated at each roll",
    recognise=recognise,
    read=read,
    bars=True,
)
