"""How a stage writes its outputs below `artifacts/`: whole files, renamed into place."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from market.errors import NotEnoughData


def write_table(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write equally long one-dimensional arrays as one Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)
    temporary.replace(path)


def read_table(path: Path) -> dict[str, np.ndarray]:
    """Read what `write_table` wrote; the arrays are writable copies."""
    if not path.exists():
        raise NotEnoughData(f"{path}: expected the output of an earlier stage, found no file; run the stages before it")
    table = pq.read_table(path)
    return {name: np.array(table.column(name).to_numpy(), copy=True) for name in table.column_names}


def write_records(path: Path, records: np.ndarray) -> None:
    """Write a structured array, one column per field; padding is left out."""
    write_table(path, {name: records[name] for name in _named(records.dtype)})


def read_records(path: Path, dtype: np.dtype) -> np.ndarray:
    """Read a structured array of the given type."""
    columns = read_table(path)
    records = np.zeros(len(next(iter(columns.values()))), dtype=dtype)
    for name in _named(dtype):
        records[name] = columns[name]
    return records


def _named(dtype: np.dtype) -> list[str]:
    return [name for name in dtype.names or () if name != "reserved"]


def write_text(path: Path, text: str) -> None:
    """Write a text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file with sorted keys; NaN is refused because no reader agrees on it."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def finite_or_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with None for every number that JSON cannot hold."""
    return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in fields.items()}


def read_json(path: Path) -> Any:
    """Read a JSON file that an earlier stage wrote."""
    if not path.exists():
        raise NotEnoughData(f"{path}: expected the output of an earlier stage, found no file; run the stages before it")
    return json.loads(path.read_text(encoding="utf-8"))
