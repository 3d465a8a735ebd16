"""What validation writes into a strategy: thresholds, the edge of the chosen ones, and never a size held back by it."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

import flows.stages.trainer as module
from features.schema import FeatureSchema
from flows.parameters import DataParams, Parameters, ThresholdParams
from flows.stages.fitting import Learned
from flows.stages.trainer import Trainer, Validation
from market.instruments import FUTURES
from tests.factories import MINUTE_NS
from trading.policy import StrategyParams
from trading.strategy_options import SizingParams
from trading.usual import open_usual

DAY = date(2026, 6, 1)
STRATEGY = StrategyParams(require_agents=False, sizing=SizingParams(drawdown_multiplier=0.5, kelly_fraction=0.2))
# 12 of 20 won R$ 30 against 20: f is 0.0309 (test_thresholds); 4 of 4 won: 0.5965.
FAIR, SURE, LOST = np.array([30.0] * 12 + [-20.0] * 8), np.full(4, 9.0), np.full(9, -5.0)


def _trainer() -> Trainer:
    dataset: Any = SimpleNamespace(instrument=FUTURES["WIN"], training=(DAY,), feed=None)
    parameters = Parameters(DataParams("WINQ26"), strategy=STRATEGY, thresholds=ThresholdParams((0.1, 0.2), 4))
    schema, none = FeatureSchema("test", ("returns_1",), MINUTE_NS, 0), cast(Any, None)
    return Trainer(parameters, dataset, schema, none, none, none, "")


def test_edge_is_that_of_the_chosen_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    earned = {0.1: [FAIR, LOST, LOST], 0.2: [SURE / 9, SURE, LOST]}
    monkeypatch.setattr(Trainer, "_earned", lambda self, held_out, strategy, theta: earned[theta])
    found = _trainer()._choose_thresholds(cast(Validation, None), STRATEGY)
    assert found.theta == (0.1, 0.2, 0.2)
    assert found.edge == pytest.approx((0.0309, 0.5965, 0.0), abs=5e-5)
    assert replace(found, theta=STRATEGY.theta, edge=STRATEGY.edge) == STRATEGY


def test_final_model_has_the_folds_median_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fit_blends", lambda members, table: {})
    monkeypatch.setattr(module, "fit_regimes", lambda table, learners, heard: ({}, {}))
    monkeypatch.setattr(Trainer, "_blend", lambda *_: None)
    monkeypatch.setattr(module, "least_leans", lambda learned, levels: (0.01, 0.02, 0.03))
    folds = [replace(STRATEGY, theta=(0.1, 0.2, theta), edge=(edge, 0.5, 0.0)) for theta, edge in
             ((0.2, 0.0), (0.1, 0.3), (0.2, 0.04))]  # fmt: skip
    _, found = _trainer().fit_final(np.zeros((0, 3)), folds, {})
    assert (found.theta, found.edge) == ((0.1, 0.2, 0.2), (0.04, 0.5, 0.0))
    assert found.least_lean == (0.01, 0.02, 0.03)


def test_validation_trades_sizes_that_no_edge_holds_back(monkeypatch: pytest.MonkeyPatch) -> None:
    traded: list[StrategyParams] = []

    def assemble(learned: Learned, columns: object, agents: object, strategy: StrategyParams) -> Any:
        traded.append(strategy)
        return SimpleNamespace(_replace=lambda usual: None)

    monkeypatch.setattr(module, "assemble", assemble)
    monkeypatch.setattr(module, "backtest", lambda trader, feed, days: None)
    held_out = Validation(Learned({}, {}, {}), open_usual(), (DAY,))
    _trainer()._trade(held_out, STRATEGY)
    assert traded == [replace(STRATEGY, sizing=replace(STRATEGY.sizing, kelly_fraction=0.0))]
    assert traded[0].record()[0]["kelly_cap"].tolist() == [1.0, 1.0, 1.0]
