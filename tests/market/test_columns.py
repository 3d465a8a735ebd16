"""Records as plain Parquet: nothing lost, nothing that changes from run to run, nothing that other tools misread."""

import json
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.columns import ROW_GROUP, columns_from_parquet, from_parquet, to_parquet
from market.errors import LakeError
from market.types import BAR, EVENT, Kind, TradeType

CHECKOUT = Path(__file__).resolve().parents[2]
DAY_NS = 1_780_315_200 * 10**9
BOTH = pytest.mark.parametrize("dtype", [EVENT, BAR], ids=["EVENT", "BAR"])

LEAN = """
import sys
from pathlib import Path
import numpy as np
from market.columns import columns_from_parquet, from_parquet, to_parquet
from market.types import EVENT

path = Path(sys.argv[1])
path.write_bytes(to_parquet(np.ones(9, dtype=EVENT)))
from_parquet(path, "here")
columns_from_parquet(path, ["price"])
assert "pandas" not in sys.modules
"""


def random_records(dtype: np.dtype[Any], count: int, seed: int) -> np.ndarray:
    """Return records whose every column draws from its whole range, is constant, near zero, or jumps between ends."""
    rng = np.random.default_rng(seed)
    out = np.zeros(count, dtype=dtype)
    for name in dtype.names or ():
        ends = np.iinfo(dtype[name])
        style = rng.integers(4)
        if style == 0:
            out[name] = rng.integers(ends.min, ends.max, count, dtype=dtype[name], endpoint=True)
        elif style == 1:
            out[name] = rng.integers(ends.min, ends.max, dtype=dtype[name], endpoint=True)
        elif style == 2:
            out[name] = rng.integers(max(int(ends.min), -12), 12, count) * 5
        else:
            out[name] = rng.choice(np.array([ends.min, ends.max], dtype=dtype[name]), count)
    return out


def busy_day(count: int, seed: int = 11) -> np.ndarray:
    """Return trades as a vendor's live feed sends them on a busy day.

    Event times in milliseconds, several prints an order; receive times some 1.6 ms later, with jitter, on a clock of
    100 ns; broker ids; consecutive trade numbers; quotes between them in the sequence.
    """
    rng = np.random.default_rng(seed)
    prints = rng.geometric(0.45, count)
    order = np.repeat(np.arange(count), prints)[:count]
    orders = int(order[-1]) + 1
    milliseconds = np.sort(rng.integers(0, 33_840_000, orders))[order]
    buys = rng.random(orders)[order] < 0.5
    aggressor, passive = rng.zipf(1.5, orders)[order] % 90, rng.zipf(1.5, count) % 90
    packet = milliseconds * 1e6 + rng.lognormal(np.log(1.6e6), 0.35, orders)[order]
    handed = np.cumsum(rng.gamma(2.0, 900.0, count))
    out = np.zeros(count, dtype=EVENT)
    out["ts_event_ns"] = DAY_NS + milliseconds * 1_000_000
    out["ts_recv_ns"] = DAY_NS + (np.maximum.accumulate(packet - handed) + handed).astype(np.int64) // 100 * 100
    out["sequence"] = np.arange(count) + np.cumsum(rng.random(count) < 0.5)
    out["trade_number"] = np.arange(count) + 10
    out["quantity"] = rng.choice([1, 2, 3, 4, 5, 10, 20, 50], count, p=[0.55, 0.17, 0.07, 0.03, 0.1, 0.05, 0.02, 0.01])
    out["price"] = 26_000 + np.cumsum(rng.choice([-1, 0, 1], orders, p=[0.15, 0.7, 0.15]))[order] + buys
    out["buyer"], out["seller"] = np.where(buys, aggressor, passive), np.where(buys, passive, aggressor)
    out["instrument"], out["kind"], out["side"] = 3, Kind.TRADE, np.where(buys, 1, -1)
    out["trade_type"] = np.where(buys, TradeType.BUY_AGGRESSION, TradeType.SELL_AGGRESSION)
    out["trade_type"][rng.random(count) < 0.04] = TradeType.RLP
    return out


def assert_holds(columns: dict[str, np.ndarray], records: np.ndarray) -> None:
    """Check that every column is there once, in order, with its values and its type."""
    assert list(columns) == list(records.dtype.names or ())
    for name, values in columns.items():
        assert values.dtype == records.dtype[name], name
        np.testing.assert_array_equal(values, records[name], err_msg=name)


def stored(path: Path, records: np.ndarray) -> Path:
    path.write_bytes(to_parquet(records))
    return path


@given(st.sampled_from([EVENT, BAR]), st.integers(1, 300), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_any_records_come_back_to_the_bit(dtype: np.dtype[Any], count: int, seed: int) -> None:
    records = random_records(dtype, count, seed)
    assert from_parquet(to_parquet(records), "here").tobytes() == records.tobytes()


@BOTH
def test_records_of_several_row_groups_come_back_to_the_bit(dtype: np.dtype[Any], tmp_path: Path) -> None:
    records = random_records(dtype, ROW_GROUP + 3, 5)
    # Constant within each group, yet not over the file.
    records["flags"][:ROW_GROUP], records["flags"][ROW_GROUP:] = 7, 8
    path = stored(tmp_path / "x.parquet", records)
    assert pq.ParquetFile(path).num_row_groups == 2
    assert from_parquet(path, "here").tobytes() == records.tobytes()
    assert_holds(columns_from_parquet(path, dtype.names or ()), records)


@BOTH
@pytest.mark.parametrize(
    "read",
    [
        lambda path: {one.name: one.to_numpy() for one in pl.read_parquet(path).iter_columns()},
        lambda path: dict(duckdb.sql(f"select * from '{path}'").fetchnumpy()),
        lambda path: {name: one.to_numpy() for name, one in zip(*_table(path), strict=True)},
    ],
    ids=["polars", "duckdb", "pyarrow"],
)
def test_other_tools_read_the_true_values(
    dtype: np.dtype[Any], read: Callable[[Path], dict[str, np.ndarray]], tmp_path: Path
) -> None:
    records = random_records(dtype, 5_000, 3)
    assert_holds(read(stored(tmp_path / "x.parquet", records)), records)


def _table(path: Path) -> tuple[list[str], list[pa.ChunkedArray]]:
    table = pq.read_table(path)
    return table.column_names, table.columns


def test_sql_asks_a_partition_directly(tmp_path: Path) -> None:
    records = busy_day(5_000)
    path = stored(tmp_path / "x.parquet", records)
    bought = records["quantity"][(records["side"] == 1) & (records["price"] > 26_000)]
    answer = duckdb.sql(f"select sum(quantity), count(*) from '{path}' where side = 1 and price > 26000").fetchall()
    assert answer == [(bought.sum(), bought.size)]


def test_the_footer_tells_the_record_and_every_columns_range(tmp_path: Path) -> None:
    records = busy_day(2_000)
    about = pq.ParquetFile(stored(tmp_path / "x.parquet", records)).metadata
    assert json.loads(about.metadata[b"pregao"]) == {"record": "EVENT", "version": 1}
    for index, name in enumerate(EVENT.names or ()):
        range_ = about.row_group(0).column(index).statistics
        assert (range_.min, range_.max) == (records[name].min(), records[name].max()), name


def test_a_busy_day_costs_at_most_six_and_a_half_bytes_a_trade() -> None:
    records = busy_day(1_000_000)
    assert len(to_parquet(records)) / records.size <= 6.5


def test_a_constant_column_costs_nothing() -> None:
    one, other = busy_day(20_000), busy_day(20_000)
    other["buyer"] = other["seller"] = 0
    assert len(to_parquet(other)) < len(to_parquet(one)) - 20_000
    for name in EVENT.names or ():
        other[name] = other[name][0]
    assert len(to_parquet(other)) < 5_000


def test_the_same_records_give_the_same_bytes() -> None:
    records = random_records(EVENT, 1000, 7)
    assert to_parquet(records) == to_parquet(records.copy())
    assert to_parquet(np.repeat(records, 2)[::2]) == to_parquet(records)


def test_different_records_give_different_bytes() -> None:
    records = random_records(EVENT, 1000, 7)
    other = records.copy()
    other["price"][500] += 1
    assert to_parquet(records) != to_parquet(other)


def test_reads_only_the_columns_asked_for_in_that_order(tmp_path: Path) -> None:
    records = busy_day(1_000)
    path = stored(tmp_path / "x.parquet", records)
    found = columns_from_parquet(path, ["price", "kind", "ts_event_ns"])
    assert list(found) == ["price", "kind", "ts_event_ns"]
    for name, values in found.items():
        np.testing.assert_array_equal(values, records[name])
        assert values.dtype == EVENT[name]
        assert values.flags.c_contiguous
        assert not values.flags.writeable
    assert columns_from_parquet(path, []) == {}


def test_does_not_decode_the_columns_that_were_not_asked_for(tmp_path: Path) -> None:
    records = busy_day(1_000)
    path = stored(tmp_path / "x.parquet", records)
    chunk = pq.ParquetFile(path).metadata.row_group(0).column((EVENT.names or ()).index("ts_recv_ns"))
    data = bytearray(path.read_bytes())
    data[chunk.data_page_offset : chunk.data_page_offset + chunk.total_compressed_size] = bytes(
        chunk.total_compressed_size
    )
    path.write_bytes(data)
    np.testing.assert_array_equal(columns_from_parquet(path, ["price"])["price"], records["price"])
    with pytest.raises(LakeError, match="damaged"):
        columns_from_parquet(path, ["ts_recv_ns"])


def test_refuses_a_column_that_is_not_there(tmp_path: Path) -> None:
    path = stored(tmp_path / "x.parquet", np.ones(3, dtype=BAR))
    with pytest.raises(LakeError, match=r"expected columns among ts_open_ns, .* found \['colour', 'price'\]"):
        columns_from_parquet(path, ["close", "price", "colour"])


def test_refuses_no_records_and_other_records() -> None:
    with pytest.raises(LakeError, match="at least one EVENT record"):
        to_parquet(np.zeros(0, dtype=EVENT))
    with pytest.raises(LakeError, match="EVENT or BAR"):
        to_parquet(np.zeros(3))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1", b"not parquet at all", bytes(4096)])
def test_refuses_what_is_no_parquet_and_names_it(content: bytes) -> None:
    with pytest.raises(LakeError, match=r"trades/x\.parquet: expected a partition .* restore it"):
        from_parquet(content, "trades/x.parquet")


def test_refuses_a_file_that_is_missing(tmp_path: Path) -> None:
    for read in (lambda path: columns_from_parquet(path, ["price"]), lambda path: from_parquet(path, str(path))):
        with pytest.raises(LakeError, match=r"gone\.parquet: expected a partition"):
            read(tmp_path / "gone.parquet")


def foreign(columns: dict[str, np.ndarray], mark: object) -> bytes:
    """Return a Parquet file that another program wrote, with our key in its footer."""
    table = pa.table(
        {name: pa.array(values) for name, values in columns.items()}, metadata={"pregao": json.dumps(mark)}
    )
    out = BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


@pytest.mark.parametrize(
    "mark",
    [None, 3, [], "EVENT", {}, {"record": "EVENT"}, {"record": "EVENT", "columns": {}}, {"record": "BAR", "version": 1},
     {"record": "EVENT", "version": 2}, {"record": ["EVENT"], "version": 1}],
    ids=str,
)  # fmt: skip
def test_refuses_a_file_with_another_mark(mark: object) -> None:
    columns = {name: np.zeros(3, dtype=EVENT[name]) for name in EVENT.names or ()}
    with pytest.raises(LakeError, match="expected a partition"):
        from_parquet(foreign(columns, mark), "here")


def test_refuses_a_file_with_nulls_or_other_columns() -> None:
    mark = {"record": "EVENT", "version": 1}
    columns = {name: np.zeros(3, dtype=EVENT[name]) for name in EVENT.names or ()}
    # Another program's columns may be null, ours never are.
    for other in (columns, {**columns, "price": np.zeros(3)}, {"price": columns["price"]}):
        with pytest.raises(LakeError, match="other columns than its mark tells"):
            from_parquet(foreign(other, mark), "here")


@BOTH
def test_any_damage_is_refused_or_leaves_the_number_of_records(dtype: np.dtype[Any]) -> None:
    """The content is the hash's affair; what is read must never crash, and never be of another length."""
    rng = np.random.default_rng(17)
    records = random_records(dtype, 500, 2)
    whole = to_parquet(records)
    refused = 0
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 4))):
            # Half of the hits fall on the footer.
            lowest = int(rng.choice([0, len(whole) - 3_000]))
            data[int(rng.integers(lowest, len(whole)))] ^= 1 << int(rng.integers(8))
        try:
            found = from_parquet(bytes(data), "here")
        except LakeError:
            refused += 1
        else:
            assert found.dtype == dtype
            assert found.size == records.size
    assert refused > 100


def thrift_number(value: int) -> bytes:
    """Return a number as the footer holds it: seven bits a byte, the lowest first, the sign in the lowest."""
    rest, out = 2 * value, []
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*out, rest])


@pytest.mark.parametrize("told", [0, 499, 501, 8_000, 2**50])
def test_never_reads_another_number_of_records_than_were_written(told: int, tmp_path: Path) -> None:
    """Every place of the footer that may count its 500 records is made to tell another number."""
    whole, path = to_parquet(random_records(EVENT, 500, 2)), tmp_path / "x.parquet"
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    true, other = thrift_number(500), thrift_number(told)
    places = [k for k in range(footer, len(whole)) if whole[k : k + 2] == true]
    assert len(places) >= len(EVENT)
    refused = 0
    for place in places:
        data = whole[:place] + other + whole[place + 2 : -8]
        data += (len(data) - footer).to_bytes(4, "little") + b"PAR1"
        path.write_bytes(data)
        for read in (lambda: from_parquet(data, "x"), lambda: columns_from_parquet(path, ["price"])["price"]):  # noqa: B023
            try:
                assert read().size == 500, place
            except LakeError:
                refused += 1
    assert refused > 0


def test_any_cut_is_refused() -> None:
    whole = to_parquet(random_records(EVENT, 500, 2))
    for end in np.random.default_rng(19).integers(0, len(whole), 200):
        with pytest.raises(LakeError):
            from_parquet(whole[:end], "here")


def test_reading_and_writing_load_no_pandas(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LEAN, str(tmp_path / "x.parquet")]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
