"""A vendor's text file: its bytes, its lines and its columns as numbers."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from market.errors import FileRefused

NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S
NO_DAY = np.iinfo(np.int64).min

_CLOCK = r"^\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_EPOCH_DAY = date(1970, 1, 1)


@dataclass(frozen=True)
class Source:
    """A file read whole.

    Parameters
    ----------
    path : str
        As the user named it.
    data : bytes
        Its content, UTF-8 or Latin-1.
    """

    path: str
    data: bytes

    @property
    def name(self) -> str:
        """File name without folders."""
        return Path(self.path).name

    @cached_property
    def sha256(self) -> str:
        """Hash of the bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def utf8(self) -> bytes:
        """The content in UTF-8, whatever it was written in."""
        body = self.data.removeprefix(b"\xef\xbb\xbf")
        try:
            body.decode("utf-8")
        except UnicodeDecodeError:
            return body.decode("latin-1").encode("utf-8")
        return body

    @property
    def first_line(self) -> str:
        """The first line, without its end."""
        return self.utf8.partition(b"\n")[0].decode("utf-8").rstrip("\r")

    def line_texts(self, lines: Sequence[int]) -> list[str]:
        """Return the text of some lines, counted from 1."""
        texts = self.utf8.split(b"\n")
        return [texts[line - 1].decode("utf-8").rstrip("\r") for line in lines]


@dataclass(frozen=True)
class Columns:
    """The cells of a file by column.

    Parameters
    ----------
    cells : dict of str to pyarrow.StringArray
        One array per column, an empty cell is null; shape (n,).
    lines : ndarray
        Line of each row, counted from 1, i8[n].
    misshapen : tuple of int
        Lines left out because they have another number of cells.
    """

    cells: dict[str, pa.StringArray]
    lines: np.ndarray
    misshapen: tuple[int, ...]


def open_source(path: Path) -> Source:
    """Read a file whole; raises FileRefused where it is missing, empty, cut, or not to be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise FileRefused(str(path), "a file", "nothing there", "check the path") from None
    except IsADirectoryError:
        raise FileRefused(str(path), "a file", "a folder", "name the files in it") from None
    except PermissionError:
        raise FileRefused(
            str(path), "a file this user may read", "no permission to read it", "change its permissions or copy it"
        ) from None
    source = Source(str(path), data)
    if not data.strip():
        raise FileRefused(source.path, "rows of market data", "an empty file", "export it again")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileRefused(
            source.path,
            "UTF-8 or Latin-1 text",
            "UTF-16 text",
            "export the bars from MT5's symbol window, not the chart",
        )
    if not data.endswith(b"\n"):
        line = data.count(b"\n") + 1
        raise FileRefused(
            source.path,
            "a line end after the last row",
            "none: the file was cut, perhaps inside a number",
            "export it again, or end the line yourself if you know the row is whole",
            line,
        )
    return source


def read_columns(source: Source, names: Sequence[str], delimiter: str, header: bool) -> Columns:
    """Split a file into columns.

    Raises
    ------
    FileRefused
        Where no row has the columns named, or the last one was cut.
    """
    misshapen: list[int] = []

    def set_aside(row: pa.csv.InvalidRow) -> str:
        misshapen.append(row.number)
        return "skip"

    table = pa.csv.read_csv(
        BytesIO(source.utf8),
        read_options=pa.csv.ReadOptions(use_threads=False, column_names=list(names), skip_rows=int(header)),
        parse_options=pa.csv.ParseOptions(
            delimiter=delimiter, quote_char=False, ignore_empty_lines=False, invalid_row_handler=set_aside
        ),
        convert_options=pa.csv.ConvertOptions(
            column_types={name: pa.string() for name in names}, null_values=[""], strings_can_be_null=True
        ),
    )
    total = source.utf8.count(b"\n")
    _refuse_cut_or_empty(source, names, misshapen, total, table.num_rows)
    is_row = np.ones(total + 1, dtype=bool)
    is_row[[0, *([1] if header else []), *misshapen]] = False
    lines = np.flatnonzero(is_row)
    cells = {name: table[name].combine_chunks() for name in names}
    blank = np.logical_and.reduce([cells[name].is_null().to_numpy(zero_copy_only=False) for name in names])
    if blank.any():
        keep = pa.array(~blank)
        cells, lines = {name: column.filter(keep) for name, column in cells.items()}, lines[~blank]
    return Columns(cells, lines, tuple(misshapen))


def to_numbers(column: pa.StringArray) -> np.ndarray:
    """Return a column as f8[n]; NaN where a cell is empty or not a number."""
    try:
        numbers = pc.cast(column, pa.float64())
    except pa.ArrowInvalid:
        legible = pc.match_substring_regex(column, _NUMBER)
        numbers = pc.cast(pc.if_else(legible, column, None), pa.float64())
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


def to_days(column: pa.StringArray, pattern: str) -> np.ndarray:
    """Return a column of dates as days since 1970-01-01, i8[n]; NO_DAY where a cell is not a date."""
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


def _to_day(text: str, pattern: str) -> int:
    try:
        return (datetime.strptime(text, pattern).date() - _EPOCH_DAY).days
    except ValueError:
        return int(NO_DAY)


def _refuse_cut_or_empty(source: Source, names: Sequence[str], misshapen: list[int], total: int, rows: int) -> None:
    if not rows:
        raise FileRefused(
            source.path,
            f"rows of {len(names)} columns ({', '.join(names)})",
            f"{len(misshapen)} rows of another shape" if misshapen else "a header and no rows",
            "export it again with the vendor's own separator and columns",
        )
    if misshapen and misshapen[-1] == total:
        raise FileRefused(
            source.path,
            f"{len(names)} columns in the last row",
            f"{source.line_texts([total])[0]!r}: the file was cut",
            "export it again",
            total,
        )
