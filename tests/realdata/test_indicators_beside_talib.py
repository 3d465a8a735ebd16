"""Every indicator beside TA-Lib on the minutes of a real crash: gaps, doji, quiet and wild bars."""

from pathlib import Path

import numpy as np
import pytest
import talib

from benchmarks.talib_columns import TALIB, Values, their_columns
from features.catalogue import Need
from features.schema import build_schema
from tests.features.our_columns import our_columns
from tests.measured import CRASH_MINUTES, read_sessions

SETTLED = 3_500
STILL = 5  # closes
Both = tuple[dict[str, Values], dict[str, Values]]


@pytest.fixture(scope="module")
def both(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Both:
    sessions = read_sessions(realdata, tmp_path_factory.mktemp("lake"), CRASH_MINUTES)
    bars = np.concatenate([bars for _, bars in sessions])[-SETTLED - 4_000 :]
    ours = our_columns(build_schema("full", frozenset(Need), 60_000_000_000, 5), bars)
    # Where the price stood still, ours take their 0-rule and TA-Lib what rounding left of its sliding sums.
    close = bars["close"].astype(np.float64)
    moving = talib.MIN((talib.MAX(close, STILL) > talib.MIN(close, STILL)).astype(np.float64), STILL) > 0
    moving[:SETTLED] = False
    assert moving.sum() > 3_900
    return _chosen(ours, moving), _chosen(their_columns(bars), moving)


def _chosen(columns: dict[str, Values], rows: Values) -> dict[str, Values]:
    return {name: values[rows] for name, values in columns.items()}


@pytest.mark.parametrize("name", TALIB)
def test_column_is_that_of_ta_lib_on_real_bars(name: str, both: Both) -> None:
    ours, theirs = both[0][name], both[1][name]
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
