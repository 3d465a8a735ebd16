"""Frames of MetaTrader 5's Python package (`copy_rates_*`) written as CSV.

The time is in seconds since 1970 of the broker's wall clock: 09:00 in São Paulo reads as 09:00 UTC. A frame is taken
while the market runs, so its last bar may be unfinished.
"""

import numpy as np

from market.readers.bar_table import bar_writes, counted_bars
from market.readers.cells import NO_DAY, NS_PER_DAY, NS_PER_S, read_whole, to_numbers
from market.readers.intake import Format, Intake, Request, Writes
from market.readers.source import Source

COLUMNS = ("time", "open", "high", "low", "close", "tick_volume", "spread", "real_volume")

_SECONDS_PER_DAY = NS_PER_DAY // NS_PER_S
_LAST_SECOND = 2**33  # the year 2242; what lies beyond is not in seconds


def recognise(source: Source) -> bool:
    """Tell whether the first line heads such a frame."""
    return source.first_line == ",".join(COLUMNS)


def read(source: Source, request: Request, intake: Intake) -> Writes:
    """Read the rows; raises FileRefused where there are none of eight columns."""
    columns = read_whole(source, COLUMNS, ",", header=True)
    cells = columns.cells
    seconds = to_numbers(cells["time"])
    legible = (seconds >= 0) & (seconds < _LAST_SECOND) & (seconds == np.floor(seconds))
    whole = np.where(legible, seconds, 0).astype(np.int64)
    day, time_ns = np.where(legible, whole // _SECONDS_PER_DAY, NO_DAY), whole % _SECONDS_PER_DAY * NS_PER_S
    numbers = [cells[name] for name in COLUMNS[1:] if name != "spread"]
    table = counted_bars(columns, numbers, day, time_ns, live=True)
    return bar_writes(source, request, intake, table, inside=None)


FORMAT = Format(
    name="mt5_rates",
    clock="seconds since 1970 of the broker's wall clock, not UTC: São Paulo for B3; bar's opening",
    price_basis="as the symbol says: dated contracts raw, $ and @ series restated at each roll",
    recognise=recognise,
    read=read,
    bars=True,
)
