"""Records as Parquet bytes: the same records always give the same bytes.

Each column is stored as `offset + unit * stored`, where `unit` is the greatest common divisor of its differences: a
clock in milliseconds costs no nanoseconds, lots of five cost no fives, and a constant column costs nothing (unit 0, not
stored at all). A column that follows another one is stored as its difference from it.
"""

import json
from io import BytesIO
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from market.errors import LakeError
from market.types import BAR, EVENT

# What a column is measured from; most bars open where the last closed, and most trades arrive when they happen.
_MEASURED_FROM = {
    "EVENT": {"ts_recv_ns": "ts_event_ns"},
    "BAR": {"ts_close_ns": "ts_open_ns", "high": "open", "low": "open", "close": "open"},
}
# Few distinct values in no order: a dictionary beats differences there.
_CATEGORICAL = frozenset({"quantity", "side", "trade_type", "kind", "level", "flags", "buyer", "seller", "instrument"})
_LAYOUT_KEY = b"pregao"


def to_parquet(records: np.ndarray) -> bytes:
    """Return the Parquet file of EVENT or BAR records; raises LakeError for other records or none."""
    name = _record_name(records.dtype)
    if not records.size:
        raise LakeError(f"expected at least one {name} record to store, found none; leave the session out")
    stored, layout = {}, {}
    for column in records.dtype.names or ():
        values = _measured(records, column, name)
        offset, unit = int(values[0]), _unit(values)
        layout[column] = [offset, unit]
        if unit or column == (records.dtype.names or ())[0]:
            stored[column] = (values - offset) // (unit or 1)
    return _write(stored, {"record": name, "columns": layout})


def from_parquet(data: bytes, where: str) -> np.ndarray:
    """Return the records of a Parquet file; raises LakeError where they cannot be read."""
    try:
        file = pq.ParquetFile(BytesIO(data))
        layout = json.loads((file.metadata.metadata or {})[_LAYOUT_KEY])
        table = file.read(use_threads=False)
        dtype = {"EVENT": EVENT, "BAR": BAR}[layout["record"]]
        records = np.zeros(table.num_rows, dtype=dtype)
        for column in dtype.names or ():
            offset, unit = layout["columns"][column]
            values = _integers(table[column]) * unit if unit else np.int64(0)
            source = _MEASURED_FROM[layout["record"]].get(column)
            base = records[source].astype(np.int64) if source else np.int64(0)
            records[column] = values + offset + base
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise LakeError(
            f"{where}: expected a partition of this lake, found a damaged file ({type(error).__name__}); "
            "restore it from a backup, or delete the lake and import the source again"
        ) from error
    return records


def _integers(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column without nulls as int64; `to_numpy` would import pandas where it is installed."""
    if column.null_count:
        raise ValueError("a partition holds no nulls")
    chunks = [np.from_dlpack(chunk).astype(np.int64) for chunk in column.chunks]
    return np.concatenate(chunks) if chunks else np.zeros(0, dtype=np.int64)


def _record_name(dtype: np.dtype[Any]) -> str:
    if dtype == EVENT:
        return "EVENT"
    if dtype == BAR:
        return "BAR"
    raise LakeError(f"expected EVENT or BAR records to store, found {dtype}; convert them first")


def _measured(records: np.ndarray, column: str, name: str) -> np.ndarray:
    values = records[column].astype(np.int64)
    source = _MEASURED_FROM[name].get(column)
    return cast(np.ndarray, values - records[source].astype(np.int64)) if source else values


def _unit(values: np.ndarray) -> int:
    return int(np.gcd.reduce(np.abs(values - values[0])))


def _write(stored: dict[str, np.ndarray], layout: dict[str, Any]) -> bytes:
    table = pa.table(stored)
    options = {
        "compression": "zstd",
        "compression_level": 9,
        "use_dictionary": [column for column in stored if column in _CATEGORICAL],
        "column_encoding": {column: "DELTA_BINARY_PACKED" for column in stored if column not in _CATEGORICAL},
        "write_statistics": False,
        "store_schema": False,
    }
    out = BytesIO()
    with pq.ParquetWriter(out, table.schema, **options) as writer:
        writer.write_table(table, row_group_size=table.num_rows)
        writer.add_key_value_metadata({_LAYOUT_KEY.decode(): json.dumps(layout, sort_keys=True)})
    return out.getvalue()
