"""What of conformal sets reaches the bundle, regime by regime, and how the levels go on from fold to fold."""

import numpy as np
import pytest

from flows.stages.abstention import Sets, coverage, describe, first_levels, follow_rows, least_leans
from flows.stages.fitting import Learned
from market.types import Regime
from models.conformal import ConformalParams
from models.training_table import TrainingTable

PARAMS = ConformalParams(error=0.2, rate=0.1)
TENTHS = np.arange(1, 10) / 10


def table_of(regime: list[int], up: list[int]) -> TrainingTable:
    count = len(regime)
    numbers, ones = np.arange(count), np.ones(count)
    rows = np.zeros((count, 1), dtype=np.float32)
    label = np.where(np.array(up) > 0, 1, -1).astype(np.int8)
    return TrainingTable(
        ("returns_1",), rows, numbers, numbers, np.array(regime, dtype=np.uint8), ones, label, ones, numbers,
        numbers + 1, ones,
    )  # fmt: skip


def learned_of(scores: dict[Regime, np.ndarray]) -> Learned:
    return Learned({}, {}, {}, scores)


def test_each_regime_has_the_bound_of_its_own_rows_and_level() -> None:
    """Nine tenths: at level 0.2 the eighth, at 0.5 the fifth; a lean must exceed it."""
    learned = learned_of({Regime.TREND_UP: TENTHS, Regime.RANGE: TENTHS})
    levels = {Regime.TREND_UP: 0.2, Regime.TREND_DOWN: 0.2, Regime.RANGE: 0.5}
    assert least_leans(learned, levels) == pytest.approx((0.8, 0.0, 0.5))


def test_levels_move_with_the_outcomes_of_their_own_regime_alone() -> None:
    """An up trend that was wrong beyond its set takes 0.1·0.8 off; a range that was right adds 0.1·0.2."""
    learned = learned_of({Regime.TREND_UP: TENTHS, Regime.RANGE: TENTHS})
    table = table_of([Regime.TREND_UP, Regime.RANGE, Regime.TREND_DOWN], [0, 1, 1])
    p = np.array([0.95, 0.95, np.nan])  # leans of 0.9: the other class is out
    sets, levels = follow_rows(learned, p, table, first_levels(PARAMS), PARAMS)
    assert sets.decided.tolist() == [1, 1, 0]
    assert sets.outside.tolist() == [1, 0, 0]
    assert [levels[regime] for regime in (Regime.TREND_UP, Regime.TREND_DOWN, Regime.RANGE)] == pytest.approx(
        [0.12, 0.2, 0.22]
    )


def test_what_the_sets_came_to_by_hand() -> None:
    sets = Sets(np.array([1, 1, 1, 0], dtype=np.uint8), np.array([0, 1, 0, 0], dtype=np.uint8))
    told = describe(sets, np.array([0.9, 0.9, 0.2, 0.6]), np.array([1, 0, 0, 0]), {Regime.RANGE: 0.3})
    assert told == {"outside": 0.25, "decided": 0.75, "right_where_decided": 2 / 3, "levels": {"range": 0.3}}


def test_nothing_out_of_fold_is_told_as_nothing() -> None:
    none = np.zeros(0, dtype=np.uint8)
    told = describe(Sets(none, none), np.zeros(0), none, first_levels(PARAMS))
    assert [told[name] for name in ("outside", "decided", "right_where_decided")] == [None, None, None]


def test_coverage_by_hand() -> None:
    """Of an up trend one label in three outside and two sets of both classes; a row of a range, decided and inside."""
    predictions = {
        "regime": np.array([Regime.TREND_UP, Regime.TREND_UP, Regime.RANGE, Regime.TREND_UP], dtype=np.uint8),
        "decided": np.array([0, 1, 1, 0], dtype=np.uint8),
        "outside": np.array([0, 1, 0, 0], dtype=np.uint8),
    }
    told = coverage(predictions, PARAMS)
    assert told["all"] == {"rows": 4, "target": 0.8, "covered": 0.75, "abstained": 0.5}
    assert told["trend_up"] == {
        "rows": 3,
        "target": 0.8,
        "covered": pytest.approx(2 / 3),
        "abstained": pytest.approx(2 / 3),
    }
    assert told["range"] == {"rows": 1, "target": 0.8, "covered": 1.0, "abstained": 0.0}
    assert told["trend_down"] == {"rows": 0, "target": 0.8, "covered": None, "abstained": None}
