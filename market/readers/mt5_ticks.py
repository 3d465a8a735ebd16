"""MetaTrader 5 tick exports: tab, `<DATE> <TIME> <BID> <ASK> <LAST> <VOLUME>`, newer builds also `<FLAGS>`.

A row carries only what changed; an empty cell means unchanged. Zero in every cell means no quote. Identical rows are
separate trades and all stay.
"""

from market.readers.mt5_bars import DATE_PATTERN, mt5_headings
from market.readers.source import Source, read_columns, to_days, to_numbers, to_time_ns
from market.readers.tick_table import TickTable

FORMAT = "mt5_ticks"
REQUIRED = ("DATE", "TIME", "BID", "ASK", "LAST", "VOLUME")


def recognise(source: Source) -> bool:
    """Tell whether the first line heads MT5 ticks, whatever separates its names."""
    return source.first_line.startswith("<DATE>") and "<BID>" in source.first_line


def read(source: Source) -> TickTable:
    """Read the rows; raises FileRefused where separator or columns are not MT5's."""
    names = mt5_headings(source, REQUIRED)
    columns = read_columns(source, names, "\t", header=True)
    cells = columns.cells
    return TickTable(
        lines=columns.lines,
        day=to_days(cells["DATE"], DATE_PATTERN),
        time_ns=to_time_ns(cells["TIME"]),
        bid=to_numbers(cells["BID"]),
        ask=to_numbers(cells["ASK"]),
        last=to_numbers(cells["LAST"]),
        volume=to_numbers(cells["VOLUME"]),
        misshapen=columns.misshapen,
    )
