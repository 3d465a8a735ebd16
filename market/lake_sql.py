"""SQL over the lake, in DuckDB. Needs the platform's packages.

The views are `trades`, `quotes`, `book` and `bars`: every column of the records, and of their partition `contract`,
`root`, `session`, `bar_seconds`, `synthetic`, `source` and `price_basis`; `ts` is the time in São Paulo (a bar's
opening), and prices stand in points as well (`price_points`; `open_points` to `close_points`). The table `partitions`
is the manifest. The hashes of the files are not checked.

A query reaches nothing but the files that the manifest lists, and these it can only read: DuckDB may touch no file of
its own, and gets the lake's through `LakeFiles`, which opens nothing for writing. A rule on statements would not do: a
SELECT may hold a COPY.
"""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from fsspec import AbstractFileSystem

from market.calendar import EXCHANGE_ZONE
from market.errors import RESTORE, LakeError, UsageError
from market.lake import EVENT_KINDS, Lake
from market.types import BAR, EVENT

THREADS = 2
MEMORY = "1GiB"
BATCH_ROWS = 10_000

_SCHEME = "lake"
_INSTALL = re.compile(r"(\s|--[^\n]*\n|/\*.*?\*/)*(force\s+)?install\b", re.IGNORECASE | re.DOTALL)
_NO_TABLE = re.compile(r"Table with name (\w+) does not exist")
_SQL_TYPES = {"i8": "BIGINT", "i4": "INTEGER", "u4": "UINTEGER", "u1": "UTINYINT", "i1": "TINYINT"}
_PARTITION = "contract, root, session, bar_seconds, synthetic, source, price_basis"


class Answer(NamedTuple):
    """What a query gives.

    Parameters
    ----------
    columns : tuple of str
        Their names.
    rows : iterator of tuple
        Fetched as they are taken; raises UsageError where a row cannot be computed, LakeError where a file is damaged.
    """

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


class LakeFiles(AbstractFileSystem):  # type: ignore[misc]
    """The files of a lake as DuckDB sees them: those the manifest lists, for reading.

    Parameters
    ----------
    files : mapping of str to Path
        By their path below the lake's folder.
    """

    protocol = _SCHEME
    cachable = False

    def __init__(self, files: Mapping[str, Path]) -> None:
        super().__init__()
        self._files = files

    def open(self, path: str, mode: str = "rb", **_options: Any) -> io.FileIO:
        """Open a file; raises PermissionError for any mode but reading, and for any other file."""
        if mode != "rb":
            raise PermissionError("the lake is only read here")
        file = self._listed(path)
        try:
            return file.open("rb", buffering=0)
        except OSError:
            raise FileNotFoundError(f"{_SCHEME}://{self._strip_protocol(path)} cannot be read") from None

    def info(self, path: str, **_options: Any) -> dict[str, Any]:
        """Return name, size and time of a file."""
        stat = self._listed(path).stat()
        return {"name": path, "type": "file", "size": stat.st_size, "mtime": stat.st_mtime}

    def modified(self, path: str) -> datetime:
        """Return when a file was written."""
        return datetime.fromtimestamp(self._listed(path).stat().st_mtime, UTC)

    def exists(self, path: str, **_options: Any) -> bool:
        """Tell whether the manifest lists a file."""
        return self._strip_protocol(path) in self._files

    def glob(self, path: str, **_options: Any) -> list[str]:
        """Return the file itself: patterns find nothing."""
        return [self._strip_protocol(path)] if self.exists(path) else []

    def _listed(self, path: str) -> Path:
        name = self._strip_protocol(path)
        if name not in self._files:
            raise PermissionError("no file of the lake")
        return self._files[name]


def query(lake: Lake, sql: str) -> Answer:
    """Answer one SELECT (or SHOW, DESCRIBE, SUMMARIZE) over the lake.

    Raises
    ------
    UsageError
        Where it is no such statement, or DuckDB refuses it.
    LakeError
        Where a file is missing or damaged.
    """
    with _one_sentence():
        connection = connect(lake)
        damaged = _make_views(connection, lake)
        statements = connection.extract_statements(sql)
        if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
            found = ", ".join(map(_name_of, statements)) or "none"
            raise UsageError(f"SQL: expected one SELECT, found {found}; the lake is only read here")
        try:
            result = connection.execute(statements[0])
        except duckdb.CatalogException as error:
            named = _NO_TABLE.search(str(error))
            raise damaged.get(named[1].lower() if named else "", error) from None
    return Answer(tuple(name for name, *_ in result.description or ()), _rows(result))


def _name_of(statement: duckdb.Statement) -> str:
    """Return what a statement is called; DuckDB takes INSTALL for a kind of LOAD."""
    return "INSTALL" if _INSTALL.match(statement.query) else str(statement.type.name)


def connect(lake: Lake) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB in memory that knows a lake's manifest and its files, shut off from everything else."""
    paths = [f"{_SCHEME}://{p.path}" for p in lake.partitions()]
    connection = duckdb.connect(
        config={
            "threads": THREADS,
            "memory_limit": MEMORY,
            "temp_directory": "",  # what does not fit is an error, not a file
            "allow_persistent_secrets": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,  # a variable of this process is no table
        }
    )
    connection.register_filesystem(LakeFiles({p.path: lake.folder / p.path for p in lake.partitions()}))
    connection.execute(f"SET enable_progress_bar = false; SET TimeZone = '{EXCHANGE_ZONE.key}'")
    connection.execute(f"SET allowed_paths = {_list(paths)}")
    connection.execute("SET enable_external_access = false; SET lock_configuration = true")
    connection.register("listed", _partition_table(lake))
    connection.execute("CREATE TABLE partitions AS FROM listed")
    connection.unregister("listed")
    return connection


def _make_views(connection: duckdb.DuckDBPyConnection, lake: Lake) -> dict[str, duckdb.Error]:
    """Make the view of each kind, and return what is wrong with the files of those that have none.

    A view reads the columns of its kind's first file.
    """
    damaged: dict[str, duckdb.Error] = {}
    for kind in (*EVENT_KINDS, "bars"):
        try:
            connection.execute(_view(lake, kind))
        except duckdb.Error as error:
            damaged[kind] = error
    return damaged


def _partition_table(lake: Lake) -> pa.Table:
    """Return what the manifest says of each partition, by file; with the tick size of its instrument."""
    return pa.Table.from_pylist(
        [
            {
                "filename": f"{_SCHEME}://{p.path}", "kind": p.kind, "contract": p.contract, "root": p.root,
                "session": p.day, "bar_seconds": p.bar_seconds, "rows": p.rows, "bytes": p.bytes,
                "gaps": len(p.gaps), "synthetic": p.provenance.synthetic, "source": p.provenance.source,
                "price_basis": p.provenance.price_basis, "tick_size": lake.instruments.of(p.contract).tick_size,
            }
            for p in lake.partitions()
        ],
        schema=pa.schema(
            [
                ("filename", pa.string()), ("kind", pa.string()), ("contract", pa.string()), ("root", pa.string()),
                ("session", pa.date32()), ("bar_seconds", pa.int32()), ("rows", pa.int64()), ("bytes", pa.int64()),
                ("gaps", pa.int32()), ("synthetic", pa.bool_()), ("source", pa.string()),
                ("price_basis", pa.string()), ("tick_size", pa.float64()),
            ]
        ),
    )  # fmt: skip


def _view(lake: Lake, kind: str) -> str:
    """Return the statement that makes the view of a kind."""
    dtype, time_ns, prices = EVENT, "ts_event_ns", ["price"]
    if kind == "bars":
        dtype, time_ns, prices = BAR, "ts_open_ns", ["open", "high", "low", "close"]
    points = ", ".join(f"{price} * tick_size AS {price}_points" for price in prices)
    own = ", ".join(dtype.names or ())
    return (
        f"CREATE VIEW {kind} AS SELECT make_timestamptz({time_ns} // 1000) AS ts, {_PARTITION}, {own}, {points} "
        f"FROM {_records(lake, kind, dtype)} "
        f"JOIN (SELECT filename, tick_size, {_PARTITION} FROM partitions) USING (filename)"
    )


def _records(lake: Lake, kind: str, dtype: np.dtype) -> str:
    """Return the relation of a kind's records; without a file one of the same columns and no rows."""
    if paths := [f"{_SCHEME}://{p.path}" for p in lake.partitions(kind)]:
        return f"read_parquet({_list(paths)}, filename = true)"
    columns = [f"NULL::{_SQL_TYPES[dtype[name].str[1:]]} AS {name}" for name in dtype.names or ()]
    return f"(SELECT {', '.join(columns)}, NULL::VARCHAR AS filename WHERE false)"


def _list(paths: list[str]) -> str:
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]::VARCHAR[]"


def _rows(result: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while True:
        with _one_sentence():
            batch = result.fetchmany(BATCH_ROWS)
        if not batch:
            return
        yield from batch


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Turn what DuckDB raises into an error of one sentence."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise UsageError(f"SQL: expected a query within {MEMORY}, found one that needs more; narrow it") from error
    except duckdb.Error as error:
        if f"{_SCHEME}://" in str(error) and not isinstance(error, duckdb.PermissionException):
            raise LakeError(
                f"SQL: expected the files the manifest lists, found one missing or damaged ({_first_line(error)}); "
                f"run it again where an import was under way, else {RESTORE}"
            ) from error
        raise UsageError(f"SQL: {_first_line(error)}; `SHOW TABLES` and `DESCRIBE trades` say what there is") from error


def _first_line(error: Exception) -> str:
    """Return what an error says, without its kind and the query; where it holds a traceback, the last line of that."""
    lines = [line for line in str(error).partition("\nLINE ")[0].splitlines() if line.strip()]
    said = lines[-1] if "Traceback" in lines[0] else lines[0]
    return said.partition("Error: ")[2].rstrip(".!") or said
