"""Every indicator beside TA-Lib, on a random walk of bars.

TA-Lib seeds a recursion with a plain mean and we with the first value, so the comparison begins when both have
forgotten: EMA_200 needs 3500 bars for a part in 10^15.
"""

import numpy as np
import pytest

from benchmarks.feature_work import drawn_bars
from benchmarks.talib_columns import TALIB, Values, their_columns
from features.catalogue import CATALOGUE
from tests.features.our_columns import our_columns

SETTLED = 3_500
# Why a column of open, high, low, close and volume has no counterpart.
REASONS = {
    "gap_open": "TA-Lib knows no sessions",
    "ret_session": "TA-Lib knows no sessions",
    "range_pct": "one bar's own numbers, no function of TA-Lib",
    "range_score_50": "counts closes by the range of their whole window, no function of TA-Lib",
    "trend_strength": "hysteresis and confirmation, no function of TA-Lib",
}


def needs_more_than_bars(inputs: tuple[str, ...]) -> bool:
    """Tell whether a column reads what TA-Lib has no place for."""
    return not set(inputs) <= set("OHLCV")


@pytest.fixture(scope="module")
def both(full_schema) -> tuple[dict[str, Values], dict[str, Values]]:
    bars = drawn_bars(SETTLED + 1_500)
    return our_columns(full_schema, bars), their_columns(bars)


def test_every_column_of_bars_has_a_counterpart_or_a_reason() -> None:
    of_bars = {feature.name for feature in CATALOGUE if not needs_more_than_bars(feature.inputs)}
    assert of_bars == set(TALIB) | set(REASONS)
    assert not set(TALIB) & set(REASONS)


@pytest.mark.parametrize("name", TALIB)
def test_column_is_that_of_ta_lib(name, both):
    ours, theirs = both[0][name][SETTLED:], both[1][name][SETTLED:]
    assert np.isfinite(ours).all()
    assert np.unique(ours).size > 1
    # TA-Lib takes a deviation from sums of squares, which costs it half the digits.
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
