"""Stage outputs come back as they went in, and no reader ever sees half of one."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flows.stages.artifacts import (
    read_json,
    read_records,
    read_table,
    write_json,
    write_records,
    write_table,
    write_text,
)
from market.errors import NotEnoughData
from trading.records import ORDER

ROWS = np.dtype([("ts_ns", "<i8"), ("price", "<f8"), ("side", "i1"), ("flag", "?")])


def test_columns_keep_values_types_and_order(tmp_path: Path) -> None:
    columns = {
        "b": np.array([1.5, np.nan, -np.inf], dtype=np.float32),
        "a": np.array([2**62, -1, 0], dtype=np.int64),
        "c": np.array([0, 255, 7], dtype=np.uint8),
    }
    write_table(tmp_path / "deep" / "table.parquet", columns)
    found = read_table(tmp_path / "deep" / "table.parquet")
    assert list(found) == ["b", "a", "c"]
    for name, values in columns.items():
        assert found[name].dtype == values.dtype
        assert found[name].tobytes() == values.tobytes()
        found[name][0] = 0  # a kernel may write into it


@given(arrays(ROWS, st.integers(0, 20), elements=st.tuples(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.integers(-128, 127), st.booleans()
)))  # fmt: skip
def test_records_come_back_to_the_bit(tmp_path_factory: pytest.TempPathFactory, records: np.ndarray) -> None:
    path = tmp_path_factory.getbasetemp() / "records.parquet"
    write_records(path, records)
    assert read_records(path, ROWS).tobytes() == records.tobytes()


def test_padding_of_records_is_not_stored(tmp_path: Path) -> None:
    orders = np.zeros(2, dtype=ORDER)
    orders["id"], orders["price"] = [1, 2], [100, -100]
    write_records(tmp_path / "orders.parquet", orders)
    assert "reserved" not in read_table(tmp_path / "orders.parquet")
    assert read_records(tmp_path / "orders.parquet", ORDER).tobytes() == orders.tobytes()


def test_json_is_sorted_and_readable_by_people(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"b": 1, "a": "ção"})
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert text == '{\n  "a": "ção",\n  "b": 1\n}\n'
    assert read_json(tmp_path / "x.json") == json.loads(text)


def test_number_that_json_does_not_know_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", [1])
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", [float("nan")])
    assert read_json(tmp_path / "x.json") == [1]


def test_columns_of_different_lengths_leave_the_old_file(tmp_path: Path) -> None:
    write_table(tmp_path / "x.parquet", {"a": np.arange(3)})
    with pytest.raises(ValueError, match="length"):
        write_table(tmp_path / "x.parquet", {"a": np.arange(3), "b": np.arange(2)})
    assert read_table(tmp_path / "x.parquet")["a"].tolist() == [0, 1, 2]


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "one")
    write_text(tmp_path / "a.txt", "two")
    write_table(tmp_path / "b.parquet", {"a": np.arange(3)})
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "b.parquet"}
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "two"


@pytest.mark.parametrize("read", [read_table, read_json])
def test_output_of_a_stage_that_did_not_run_is_named(tmp_path: Path, read: object) -> None:
    with pytest.raises(NotEnoughData, match=r"gone\.x: expected the output of an earlier stage, found no file"):
        read(tmp_path / "gone.x")  # type: ignore[operator]
