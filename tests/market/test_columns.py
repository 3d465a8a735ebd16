"""Records as Parquet bytes: nothing lost, nothing that changes from run to run."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.columns import from_parquet, to_parquet
from market.errors import LakeError
from market.types import BAR, EVENT


def random_records(dtype: np.dtype[Any], count: int, seed: int) -> np.ndarray:
    """Return records whose every column draws from its whole range, or is constant, or a multiple of something."""
    rng = np.random.default_rng(seed)
    out = np.zeros(count, dtype=dtype)
    for name in dtype.names or ():
        info = np.iinfo(dtype[name])
        # 62 bits: a difference of two values must fit an int64.
        low, high = max(int(info.min), -(2**61)), min(int(info.max), 2**61)
        style = rng.integers(3)
        if style == 0:
            out[name] = rng.integers(low, high, count, dtype=np.int64)
        elif style == 1:
            out[name] = rng.integers(low, high, dtype=np.int64)
        else:
            out[name] = rng.integers(max(low, -12), 12, count) * 5
    return out


@given(st.sampled_from([EVENT, BAR]), st.integers(1, 30), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_any_records_come_back_to_the_bit(dtype: np.dtype[Any], count: int, seed: int) -> None:
    records = random_records(dtype, count, seed)
    assert from_parquet(to_parquet(records), "here").tobytes() == records.tobytes()


def test_the_same_records_give_the_same_bytes() -> None:
    records = random_records(EVENT, 1000, 7)
    assert to_parquet(records) == to_parquet(records.copy())


def test_different_records_give_different_bytes() -> None:
    records = random_records(EVENT, 1000, 7)
    other = records.copy()
    other["price"][500] += 1
    assert to_parquet(records) != to_parquet(other)


def test_constant_columns_and_clock_units_cost_nothing() -> None:
    rng = np.random.default_rng(5)
    records = np.zeros(20_000, dtype=EVENT)
    records["ts_event_ns"] = records["ts_recv_ns"] = np.sort(rng.integers(0, 32_400_000, 20_000)) * 1_000_000
    records["price"] = 10_000
    records["instrument"], records["kind"] = 1, 1
    # Arrivals at a rate of 20,000 in 32.4 million ms hold about 12.1 bits each; a nanosecond clock alone would add 20.
    assert len(to_parquet(records)) / records.size < 2.0


def test_refuses_no_records_and_other_records() -> None:
    with pytest.raises(LakeError, match="at least one EVENT record"):
        to_parquet(np.zeros(0, dtype=EVENT))
    with pytest.raises(LakeError, match="EVENT or BAR"):
        to_parquet(np.zeros(3))


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"not parquet at all"])
def test_refuses_a_damaged_file_and_names_it(damage: bytes) -> None:
    with pytest.raises(LakeError, match=r"trades/x\.parquet: expected a partition"):
        from_parquet(damage, "trades/x.parquet")
