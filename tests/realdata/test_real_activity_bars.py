"""Bars of a real tape, DOLK20 on 2020-04-02: activity bars against the slow twin, columns against events."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from market.activity_bars import (
    Measure,
    bars_by_rule,
    trade_imbalance_rule,
    trade_rule,
    volume_imbalance_rule,
    volume_rule,
)
from market.bar_columns import bars_from_columns, trade_columns
from market.bars import bars_from_events
from market.importer import import_file
from market.instruments import B3
from market.lake import Lake
from market.types import Flag
from tests.tapes import entering, naive_activity_bars

DAY = date(2020, 4, 2)
SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module")
def dolk20(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Its 42,307 trades and its quotes, 09:00 to 13:59."""
    lake = Lake(tmp_path_factory.mktemp("real") / "lake")
    import_file(lake, realdata / "b3/mt5_ticks/DOLK20.csv")
    return lake.read_events("DOLK20", DAY)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("rule", "measure", "first", "quantity"),
    [
        (trade_rule(500), Measure.TRADES, 500, 1),
        (volume_rule(2_000), Measure.VOLUME, 2_000, 1),
        (trade_imbalance_rule(500), Measure.TRADE_IMBALANCE, 500, 1),
        (volume_imbalance_rule(500, 10), Measure.VOLUME_IMBALANCE, 500, 10),
    ],
)
def test_real_activity_bars_equal_the_slow_twin(
    dolk20: np.ndarray, rule: np.ndarray, measure: Measure, first: int, quantity: int
) -> None:
    bars = bars_by_rule(dolk20, rule.copy())
    assert bars.tobytes() == naive_activity_bars(dolk20, measure, first, quantity).tobytes()
    assert 20 < bars.size < 1_000
    assert bars["volume"].sum() == entering(dolk20)["quantity"].sum()
    assert not (bars["flags"][:-1] & Flag.PARTIAL).any()


def test_tick_bars_of_a_real_tape_are_its_trades_by_the_hundred(dolk20: np.ndarray) -> None:
    trades = entering(dolk20)
    bars = bars_by_rule(dolk20, trade_rule(100))
    assert bars.size == -(-trades.size // 100)
    whole = trades[: trades.size // 100 * 100].reshape(-1, 100)
    full = bars[: len(whole)]
    assert list(full["high"]) == list(whole["price"].max(axis=1))
    assert list(full["low"]) == list(whole["price"].min(axis=1))
    assert list(full["volume"]) == list(whole["quantity"].sum(axis=1))
    assert list(full["close"]) == list(whole["price"][:, -1])
    assert bars["flags"][-1] & Flag.PARTIAL


@pytest.mark.parametrize("seconds", [1, 60, 900])
def test_real_columns_give_the_bars_of_the_events(dolk20: np.ndarray, seconds: int) -> None:
    hours = B3.session("DOL", DAY)
    wanted = bars_from_events(dolk20, hours, seconds * SECOND_NS)
    found = bars_from_columns(trade_columns(dolk20), hours, seconds * SECOND_NS)
    assert found.tobytes() == wanted.tobytes()
    assert (found["flags"] & Flag.INFERRED_AGGRESSOR).any()
