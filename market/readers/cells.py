"""The cells of a vendor's rows, as numbers, days and times of day."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from market.errors import FileRefused
from market.readers.source import Block, Source

NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S
LARGEST_WHOLE, MOST_ROWS = 128 << 20, 3_000_000  # fifteen years of minutes, and more
LARGEST_NUMBER = 1e18  # beyond any price and volume
# Rows of another shape in one block from which it is not read on, where they are also one in ten.
MOST_MISSHAPEN = 50_000
NO_DAY = np.iinfo(np.int64).min
FARTHEST_DAY = 100_000  # from 1970-01-01, either way: nanoseconds in 64 bits reach little farther

_CLOCK = r"^\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_EPOCH_DAY = date(1970, 1, 1)


@dataclass(frozen=True)
class Columns:
    """The cells of some rows by column.

    Parameters
    ----------
    cells : dict of str to pyarrow.StringArray
        One array per column, an empty cell is null; shape (n,).
    lines : ndarray
        Line of each row in the file, counted from 1, i8[n].
    misshapen : tuple of int
        Lines left out because they have another number of cells.
    """

    cells: dict[str, pa.StringArray]
    lines: np.ndarray
    misshapen: tuple[int, ...]


def read_columns(
    source: Source, names: Sequence[str], delimiter: str, header: bool, whole: bool = False
) -> Iterator[Columns]:
    """Yield the rows of a file, split into columns, block by block.

    Raises
    ------
    FileRefused
        Where no row has the columns named, the last one was cut, or they are more than may be held whole.
    """
    if twice := [name for k, name in enumerate(names) if name in names[:k]]:
        raise FileRefused(
            source.path, "every column once", f"{twice[0]!r} twice", "export it again, or rename one of them", 1
        )
    rows = misshapen = last_line = size = 0
    cut = -1
    for block in source.blocks():
        size += len(block.text)
        if whole:
            _refuse_large(source, size, rows)
        columns = _split(source, block, names, delimiter, header and block.first_line == 1)
        rows, misshapen = rows + columns.lines.size, misshapen + len(columns.misshapen)
        last_line = block.first_line + block.text.count(b"\n") - 1
        if last_line in columns.misshapen:
            cut = last_line
        yield columns
    if not rows:
        raise FileRefused(
            source.path,
            f"rows of {len(names)} columns ({', '.join(names)})",
            f"{misshapen} rows of another shape" if misshapen else "a header and no rows",
            "export it again with the vendor's own separator and columns",
        )
    if cut == last_line:
        raise FileRefused(
            source.path,
            f"{len(names)} columns in the last row",
            f"{source.quote([cut])[0][:80]!r}: the file was cut",
            "export it again",
            cut,
        )


def read_whole(source: Source, names: Sequence[str], delimiter: str, header: bool) -> Columns:
    """Return all rows of a file that may be sorted in memory; raises as `read_columns`, or for its size."""
    _refuse_large(source, source.size, 0)
    blocks = list(read_columns(source, names, delimiter, header, whole=True))
    return Columns(
        {name: pa.concat_arrays([block.cells[name] for block in blocks]) for name in names},
        np.concatenate([block.lines for block in blocks]),
        tuple(line for block in blocks for line in block.misshapen),
    )


def _refuse_large(source: Source, size: int, rows: int) -> None:
    if size > LARGEST_WHOLE or rows > MOST_ROWS:
        raise FileRefused(
            source.path,
            f"a file of bars of at most {LARGEST_WHOLE:,} bytes and {MOST_ROWS:,} rows",
            "more",
            "split it by year",
        )


def to_numbers(column: pa.StringArray) -> np.ndarray:
    """Return a column as f8[n], at most LARGEST_NUMBER either way; NaN where a cell is empty or not a number."""
    try:
        numbers = pc.cast(column, pa.float64())
    except pa.ArrowInvalid:
        legible = pc.match_substring_regex(column, _NUMBER)
        numbers = pc.cast(pc.if_else(legible, column, None), pa.float64())
    return bounded(np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64))


def bounded(numbers: np.ndarray) -> np.ndarray:
    """Return numbers, f8[n], those beyond any market as LARGEST_NUMBER, which every screen sets aside."""
    cut: np.ndarray = np.clip(numbers, -LARGEST_NUMBER, LARGEST_NUMBER)
    return cut


def to_days(column: pa.StringArray, pattern: str) -> np.ndarray:
    """Return a column of dates as days since 1970-01-01, i8[n]; NO_DAY where a cell is none, or of another age."""
    encoded = column.fill_null("").dictionary_encode()
    days = [_to_day(text, pattern) for text in encoded.dictionary.to_pylist()]
    return np.array(days, dtype=np.int64)[encoded.indices.to_numpy()] if len(column) else np.zeros(0, dtype=np.int64)


def to_time_ns(column: pa.StringArray) -> np.ndarray:
    """Return a column of clock times (HH:MM, HH:MM:SS or with a fraction) as ns of the day, i8[n]; NO_DAY elsewhere."""
    legible = pc.match_substring_regex(column, _CLOCK).fill_null(False)
    text = pc.if_else(legible, column, "00:00:00")
    text = pc.if_else(pc.equal(pc.utf8_length(text), 5), pc.binary_join_element_wise(text, "00", ":"), text)
    hours, minutes, seconds = (
        pc.cast(pc.utf8_slice_codeunits(text, k, k + 2), pa.int64()).to_numpy() for k in (0, 3, 6)
    )
    fraction = pc.cast(pc.binary_join_element_wise("0", pc.utf8_slice_codeunits(text, 8), ""), pa.float64()).to_numpy()
    whole = ((hours * 60 + minutes) * 60 + seconds) * NS_PER_S + np.rint(fraction * NS_PER_S).astype(np.int64)
    good = legible.to_numpy(zero_copy_only=False) & (hours < 24) & (minutes < 60) & (seconds < 60)
    return np.where(good, whole, NO_DAY)


def _split(source: Source, block: Block, names: Sequence[str], delimiter: str, header: bool) -> Columns:
    misshapen: list[int] = []

    def set_aside(row: pa.csv.InvalidRow) -> str:
        misshapen.append(row.number)
        return "error" if len(misshapen) > max(MOST_MISSHAPEN, row.number // 10) else "skip"

    skipped = _blank_lines_before(block.text) + 1 if header else 0
    try:
        table = _read_csv(block.text, names, delimiter, skipped, set_aside)
    except pa.ArrowInvalid:
        raise FileRefused(
            source.path,
            f"rows of {len(names)} columns ({', '.join(names)})",
            f"{len(misshapen)} rows of another shape among {misshapen[-1]}" if misshapen else "none",
            "export it again with the vendor's own separator and columns",
            block.first_line + misshapen[0] - 1 if misshapen else block.first_line,
        ) from None
    is_row = np.ones(block.text.count(b"\n") + 1, dtype=bool)
    is_row[0] = False
    is_row[1 : skipped + 1] = False
    is_row[misshapen] = False
    lines = np.flatnonzero(is_row)
    cells = {name: table[name].combine_chunks() for name in names}
    blank = np.logical_and.reduce([cells[name].is_null().to_numpy(zero_copy_only=False) for name in names])
    if blank.any():
        keep = pa.array(~blank)
        cells, lines = {name: column.filter(keep) for name, column in cells.items()}, lines[~blank]
    before = block.first_line - 1
    return Columns(cells, lines + before, tuple(line + before for line in misshapen))


def _read_csv(
    text: bytes, names: Sequence[str], delimiter: str, skipped: int, set_aside: Callable[[pa.csv.InvalidRow], str]
) -> pa.Table:
    return pa.csv.read_csv(
        BytesIO(text),
        read_options=pa.csv.ReadOptions(
            use_threads=False, column_names=list(names), skip_rows=skipped, block_size=max(len(text), 1)
        ),
        parse_options=pa.csv.ParseOptions(
            delimiter=delimiter, quote_char=False, ignore_empty_lines=False, invalid_row_handler=set_aside
        ),
        convert_options=pa.csv.ConvertOptions(
            column_types={name: pa.string() for name in names}, null_values=[""], strings_can_be_null=True
        ),
    )


def _blank_lines_before(text: bytes) -> int:
    start = text[: len(text) - len(text.lstrip())]
    return start.count(b"\n")


def _to_day(text: str, pattern: str) -> int:
    try:
        day = (datetime.strptime(text, pattern).date() - _EPOCH_DAY).days
    except ValueError:
        return int(NO_DAY)
    return day if abs(day) <= FARTHEST_DAY else int(NO_DAY)
