"""Profit bar exports: `;`, newest first, decimal comma; also with the header or separators its owner changed.

Columns are known by their names; without a header they are Profit's own nine. With a `;` between columns a comma is the
decimal sign and a dot groups thousands; with a `,` between columns a dot is the decimal sign.
"""

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from market.errors import FileRefused
from market.readers.bar_table import BarTable, bar_writes
from market.readers.cells import read_whole, to_days, to_numbers, to_time_ns
from market.readers.intake import Format, Intake, Request, Writes
from market.readers.source import Source

OWN_COLUMNS = ("symbol", "date", "time", "open", "high", "low", "close", "volume", "quantity")
DAILY_COLUMNS = tuple(name for name in OWN_COLUMNS if name != "time")
DATE_PATTERN = "%d/%m/%Y"

_ROLES = {
    "ativo": "symbol", "asset": "symbol",
    "data": "date", "date": "date",
    "hora": "time", "time": "time",
    "abertura": "open", "open": "open",
    "maximo": "high", "high": "high",
    "minimo": "low", "low": "low",
    "fechamento": "close", "close": "close",
    "volume": "volume", "business": "turnover", "quantidade": "quantity",
}  # fmt: skip
_ROW = re.compile(r"^[A-Za-z0-9$@]+([;,\t|])\d{2}/\d{2}/\d{4}\1")
_GROUPED = r"^\d{1,3}(\.\d{3})*$"


def recognise(source: Source) -> bool:
    """Tell whether the first line is Profit's header or one of its rows, whatever separates the columns."""
    first = source.first_line
    return bool(_ROW.match(first)) or _role(re.split(r"[;,\t|]", first)[0]) == "symbol"


def read(source: Source, request: Request, intake: Intake) -> Writes:
    """Read the rows; raises FileRefused where separator, columns or symbols are not as expected."""
    names, delimiter, header = _layout(source)
    columns = read_whole(source, names, delimiter, header)
    cells = _with_decimal_points(columns.cells) if delimiter == ";" else columns.cells
    unknown = np.full(columns.lines.size, np.nan)
    volume, turnover = _volumes(cells, unknown)
    opens, highs, lows, closes = (to_numbers(cells[name]) for name in ("open", "high", "low", "close"))
    table = BarTable(
        lines=columns.lines,
        day=to_days(cells["date"], DATE_PATTERN),
        time_ns=to_time_ns(cells["time"]) if "time" in cells else np.zeros(columns.lines.size, dtype=np.int64),
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=volume,
        turnover=turnover,
        trades=unknown,
        misshapen=columns.misshapen,
    )
    return bar_writes(source, request, intake, table, _one_symbol(source, cells["symbol"]))


def _layout(source: Source) -> tuple[list[str], str, bool]:
    first = source.first_line
    # The mark after the first cell: a decimal comma further on is none.
    delimiter = (re.findall(r"[;,\t|]", first) or [""])[0]
    header = not _ROW.match(first)
    if delimiter not in (";", ","):
        raise FileRefused(
            source.path, "';' (or ',') between the columns of a Profit export", repr(delimiter), "export it again", 1
        )
    columns = first.count(delimiter) + 1
    if not header and columns not in (len(OWN_COLUMNS), len(DAILY_COLUMNS)):
        raise FileRefused(
            source.path,
            f"{len(OWN_COLUMNS)} columns of a Profit export, {len(DAILY_COLUMNS)} of a daily one",
            f"{columns} between {delimiter!r} in {first!r}",
            "export it again with ';' between columns",
            1,
        )
    own = OWN_COLUMNS if columns == len(OWN_COLUMNS) else DAILY_COLUMNS
    names = [_role(name) for name in first.split(delimiter)] if header else list(own)
    if missing := [name for name in DAILY_COLUMNS[:-1] if name not in names]:
        raise FileRefused(
            source.path,
            "Profit's columns",
            f"{first!r} (without {', '.join(missing)})",
            "export the bars again",
            1,
        )
    return names, delimiter, header


def _role(heading: str) -> str:
    plain = unicodedata.normalize("NFKD", heading.strip().lower()).encode("ascii", "ignore").decode()
    return _ROLES.get(plain, plain)


def _with_decimal_points(cells: dict[str, pa.StringArray]) -> dict[str, pa.StringArray]:
    """Return the cells with a decimal point and no thousands dots."""
    names = [name for name in cells if name not in ("symbol", "date", "time")]
    comma = any(pc.any(pc.match_substring(cells[name], ",")).as_py() for name in names)
    changed = dict(cells)
    for name in names:
        if comma or pc.all(pc.match_substring_regex(cells[name], _GROUPED)).as_py():
            bare = pc.replace_substring(cells[name], ".", "")
            changed[name] = pc.replace_substring(bare, ",", ".")
    return changed


def _volumes(cells: dict[str, pa.StringArray], unknown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return contracts and R$. `Volume` is R$ beside `Quantidade`, contracts beside `business` or alone."""
    if "quantity" in cells:
        return to_numbers(cells["quantity"]), to_numbers(cells["volume"])
    turnover = to_numbers(cells["turnover"]) if "turnover" in cells else unknown
    return to_numbers(cells["volume"]), turnover


def _one_symbol(source: Source, column: pa.StringArray) -> str:
    symbols = pc.unique(column.drop_null()).to_pylist()
    if len(symbols) != 1:
        raise FileRefused(
            source.path, "one symbol in a file", f"{len(symbols)} ({', '.join(symbols[:3])})", "split it by symbol"
        )
    return str(symbols[0])


FORMAT = Format(
    name="profit_bars",
    clock="wall clock of the exchange, America/Sao_Paulo; bar's opening",
    price_basis="dated contracts raw, FUT series restated at each roll; told by the grid and by turnover ÷ quantity",
    recognise=recognise,
    read=read,
    bars=True,
)
