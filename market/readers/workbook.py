"""Workbooks, opened only where what they hold is known to fit: the library that reads them ends the process else.

It holds a sheet as a full rectangle and a text once for every cell that shows it. So what it is given is counted first,
and it is given exactly what was counted: the parts packed anew.
"""

import re
import zipfile
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from market.errors import FileRefused
from market.readers.source import DAMAGED, Source

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

MOST_BYTES, MOST_MEMBERS = 64 << 20, 1_000
MOST_COLUMNS, MOST_LINES = 26, 99_999
MOST_TEXT = 256 << 20  # bytes, were every cell to show the longest text

# A cell may name its place, or follow the one before it.
_FAR_CELL = re.compile(rb"""\br\s*=\s*["'](?:[A-Za-z]{2,}\d+|[A-Za-z]?\d{6,})["']""")
_ROW_OR_CELL = re.compile(rb"<(?:[\w.-]+:)?(row|c)[\s/>]")
_SHARED_TEXT = re.compile(rb"<(?:[\w.-]+:)?si[\s>]")


def open_workbook(source: Source) -> "CalamineWorkbook":
    """Return a workbook, opened; raises FileRefused where it cannot be, or would not fit."""
    parts = _parts(source)
    _refuse_large(source, parts.values())
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise FileRefused(
            source.path,
            "the package that reads workbooks",
            "python-calamine not installed",
            "install it (pip install python-calamine)",
        ) from None
    try:
        return CalamineWorkbook.from_filelike(_packed(parts))
    except CalamineError as error:
        raise FileRefused(
            source.path, "a workbook", f"one that cannot be opened ({error})", "save it again as .xlsx"
        ) from None


def rows_of_sheet(source: Source, workbook: "CalamineWorkbook", sheet: str) -> list[list[Any]]:
    """Return all rows of a sheet from its first cell on, empty where there is no such sheet; raises FileRefused."""
    from python_calamine import CalamineError

    if sheet not in workbook.sheet_names:
        return []
    try:
        return workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    except CalamineError as error:
        raise FileRefused(
            source.path, f"a sheet {sheet} that can be read", f"one that cannot ({error})", "save it again as .xlsx"
        ) from None


def _parts(source: Source) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(source.path) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if len(members) > MOST_MEMBERS or size > MOST_BYTES:
                raise FileRefused(
                    source.path,
                    f"a workbook of at most {MOST_MEMBERS:,} parts and {MOST_BYTES:,} bytes unpacked",
                    f"{len(members):,} parts and {size:,} bytes",
                    "save the two sheets alone",
                )
            return {member.filename: archive.read(member) for member in members}
    except DAMAGED as error:
        raise FileRefused(
            source.path, "a workbook that unpacks", f"a damaged part ({error})", "save it again"
        ) from None


def _packed(parts: dict[str, bytes]) -> BytesIO:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    out.seek(0)
    return out


def _refuse_large(source: Source, parts: Iterable[bytes]) -> None:
    cells = longest = 0
    for part in parts:
        if _FAR_CELL.search(part) or (held := _count_cells(part)) is None:
            raise FileRefused(
                source.path,
                "cells up to column Z and line 99,999",
                "one beyond them",
                "delete it, or save the sheets alone",
            )
        cells += held
        longest = max(longest, *map(len, _SHARED_TEXT.split(part)[1:]), 0)
    if cells * longest > MOST_TEXT:
        raise FileRefused(
            source.path,
            f"cells whose texts take at most {MOST_TEXT:,} bytes",
            f"{cells:,} cells, and a text of {longest:,} bytes",
            "delete it, or save the sheets alone",
        )


def _count_cells(part: bytes) -> int | None:
    """Return how many cells a sheet holds; None where they reach too far. Another part holds none."""
    lines = cells = in_line = 0
    for found in _ROW_OR_CELL.finditer(part):
        if found[1] == b"row":
            lines, in_line = lines + 1, 0
        else:
            cells, in_line = cells + 1, in_line + 1
        if lines > MOST_LINES or in_line > MOST_COLUMNS:
            return None
    return cells
