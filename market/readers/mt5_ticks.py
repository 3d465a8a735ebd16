"""MetaTrader 5 tick exports: tab, `<DATE> <TIME> <BID> <ASK> <LAST> <VOLUME>`, newer builds also `<FLAGS>`.

A row carries only what changed; an empty cell means unchanged. Zero in every cell means no quote. Identical rows are
separate trades and all stay. The flags (MQL5 reference, MqlTick: bid 2, ask 4, last 8, volume 16, buy 32, sell 64) say
what changed where a row repeats the other values, and who the aggressor was: both buy and sell means that there was
none to tell. A row whose flags name neither has its aggressor inferred, as one without flags.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from market.errors import FileRefused
from market.readers.cells import Columns, read_columns, to_days, to_numbers, to_time_ns
from market.readers.intake import Format, Intake, Request, Writes
from market.readers.mt5_bars import DATE_PATTERN, mt5_headings
from market.readers.source import Source
from market.readers.tick_rows import UNFLAGGED, TickTable
from market.readers.tick_table import tick_writes

NUMBERS = ("BID", "ASK", "LAST", "VOLUME")
REQUIRED = ("DATE", "TIME", *NUMBERS)


def recognise(source: Source) -> bool:
    """Tell whether the first line heads MT5 ticks, whatever separates its names."""
    return source.first_line.startswith("<DATE>") and "<BID>" in source.first_line


def read(source: Source, request: Request, intake: Intake) -> Writes:
    """Read the rows; raises FileRefused where separator or columns are not MT5's."""
    return tick_writes(request, intake, _tables(source))


def _tables(source: Source) -> Iterator[TickTable]:
    if not recognise(source):
        raise FileRefused(
            source.path,
            "the header of MT5 ticks",
            repr(source.first_line[:80]),
            "export them again with their header",
            1,
        )
    names = mt5_headings(source, REQUIRED)
    for columns in read_columns(source, names, "\t", header=True):
        cells = columns.cells
        bid, ask, last, volume = (to_numbers(cells[name]) for name in NUMBERS)
        yield TickTable(
            lines=columns.lines,
            day=to_days(cells["DATE"], DATE_PATTERN),
            time_ns=to_time_ns(cells["TIME"]),
            bid=bid,
            ask=ask,
            last=last,
            volume=volume,
            flags=_flags(cells["FLAGS"]) if "FLAGS" in cells else np.full(columns.lines.size, UNFLAGGED),
            illegible=_illegible(columns, [bid, ask, last, volume]),
            misshapen=columns.misshapen,
        )


def _illegible(columns: Columns, numbers: list[np.ndarray]) -> np.ndarray:
    """Return the mask of the rows with a cell that is neither empty nor a number."""
    told = [columns.cells[name].is_valid().to_numpy(zero_copy_only=False) for name in NUMBERS]
    mask: np.ndarray = np.any(np.array(told) & np.isnan(numbers), axis=0)
    return mask


def _flags(column: pa.StringArray) -> np.ndarray:
    """Return the flags, i8[n]; UNFLAGGED for an empty or illegible cell."""
    numbers = to_numbers(column)
    legible = (numbers >= 0) & (numbers < 2**31) & (numbers == np.floor(numbers))
    return np.where(legible, np.nan_to_num(numbers), UNFLAGGED).astype(np.int64)


FORMAT = Format(
    name="mt5_ticks",
    clock="wall clock of the broker's server: São Paulo for B3, else the instrument's declared clock",
    price_basis="raw: prices as traded",
    recognise=recognise,
    read=read,
)
