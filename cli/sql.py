"""`pregao lake sql`: a query over the lake, its rows written as they come."""

import csv
import json
import math
import os
import sys
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain, islice
from typing import Annotated, Any

import typer

from cli.output import JsonOption
from market.errors import PregaoError, UsageError

MEASURED_ROWS = 200  # those that the widths of the columns are taken from

Rows = Iterator[tuple[Any, ...]]


def lake_sql(
    sql: Annotated[str, typer.Argument(help="One SELECT over trades, quotes, book, bars and partitions.")],
    json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a header and rows, separated by commas.")] = False,
) -> None:
    """Ask the lake in SQL; nothing but its own files can be read, and nothing written."""
    from cli.configuration import open_lake

    try:
        from market.lake_sql import query
    except ModuleNotFoundError as error:
        raise UsageError(
            f"lake sql: expected the platform's packages, found no {error.name}; pip install 'pregao[platform]'"
        ) from error
    if json and as_csv:
        raise UsageError("expected --json or --csv, found both; choose one")
    columns, rows = query(open_lake(), sql)
    write = _write_json if json else _write_csv if as_csv else _write_table
    try:
        write(columns, rows)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _write_json(columns: tuple[str, ...], rows: Rows) -> None:
    """Write one object; `ok` stands last, because a row may fail when others are already out."""
    out, reason, code, separator = sys.stdout, None, 0, ""
    out.write(f'{{"columns": {json.dumps(columns, ensure_ascii=False)}, "rows": [')
    try:
        for row in rows:
            text = json.dumps([to_json(value) for value in row], ensure_ascii=False, allow_nan=False)
            out.write(f"{separator}{text}")
            separator = ", "
    except PregaoError as error:
        reason, code = str(error), error.exit_code
    ending = {"ok": True} if reason is None else {"ok": False, "reason": reason}
    out.write(f"], {json.dumps(ending, ensure_ascii=False)[1:]}\n")
    if code:
        raise typer.Exit(code)


def to_json(value: Any) -> Any:
    """Return a value as JSON has it: times as ISO 8601, what JSON does not know as text, NaN and infinity as null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [to_json(one) for one in value]
    if isinstance(value, dict):
        return {str(key): to_json(one) for key, one in value.items()}
    return _to_text(value)


def _write_csv(columns: tuple[str, ...], rows: Rows) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_to_text(value) for value in row] for row in rows)


def _write_table(columns: tuple[str, ...], rows: Rows) -> None:
    """Write columns as wide as their first values."""
    first = [[_to_text(value) for value in row] for row in islice(rows, MEASURED_ROWS)]
    widths = [max(map(len, column)) for column in zip(columns, *first, strict=True)]
    rest = ([_to_text(value) for value in row] for row in rows)
    for row in chain([columns], first, rest):
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        print(line.rstrip())


def _to_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex()
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
