"""Training moves the weights by what the validation days' decisions would have earned, and by no other decision."""

import math
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from features.schema import FeatureSchema
from flows.parameters import DataParams, Parameters
from flows.stages.trainer import Trainer, Validation
from market.instruments import FUTURES
from models.training_table import TrainingTable
from tests.factories import MINUTE_NS
from trading.policy import StrategyParams
from trading.records import DECISION

COUNT = 250
DAY = 20_605  # 2026-06-01
SCHEMA = FeatureSchema("test", ("returns_1",), MINUTE_NS, 0)


def table_of(ret_ticks: np.ndarray, session: np.ndarray) -> TrainingTable:
    numbers = np.arange(len(ret_ticks))
    whole = np.zeros(len(ret_ticks), dtype=np.int64)
    rows = np.zeros((len(ret_ticks), 1), dtype=np.float32)
    columns, ones = ("returns_1",), np.ones(len(ret_ticks))
    return TrainingTable(columns, rows, 10 * numbers, session, whole, ones, whole, ones, whole, whole, ret_ticks)


def trainer_of(table: TrainingTable, strategy: StrategyParams) -> Trainer:
    dataset: Any = SimpleNamespace(instrument=FUTURES["WIN"], training=(date(2026, 6, 1),))
    parameters = Parameters(DataParams("WINQ26"), strategy=strategy)
    return Trainer(parameters, dataset, SCHEMA, table, table, cast(Any, None), "")


@pytest.mark.parametrize("known", [COUNT, 199])
def test_weights_follow_the_returns_of_the_same_moments(known: int, monkeypatch: pytest.MonkeyPatch) -> None:
    side = np.where(np.arange(COUNT) % 3 == 0, 1.0, -1.0)
    ret = np.where(np.arange(COUNT) < known, 50.0 * side, np.nan)
    # Decisions come in another number than rows: at odd times too, which have no row, and which were always wrong.
    made = np.zeros(2 * COUNT, dtype=DECISION)
    made["ts_ns"] = 5 * np.arange(2 * COUNT)
    right = np.repeat(side, 2) * np.where(np.arange(2 * COUNT) % 2 == 0, 1.0, -1.0)
    made["model_score"] = made["agent_score"] = made["tape_score"] = right
    made["order_flow_score"] = -right
    made["liquidity_score"] = made["footprint_score"] = np.nan
    monkeypatch.setattr(Trainer, "_trade", lambda self, held_out, strategy: SimpleNamespace(decisions=made))
    strategy = StrategyParams(adapt_weights=True, require_agents=False)
    trainer = trainer_of(table_of(ret, np.full(COUNT, DAY)), strategy)
    found = trainer._adapt_weights(cast(Validation, None), strategy)
    if known < 200:
        assert found == strategy
        return
    # Returns of ±50 ticks have a deviation of 50·√(1 - 1/9) or so, below 50: right gains 1, wrong loses 1.
    grown = [0.30 * math.exp(-0.5), 0.20, 0.25 * math.exp(0.5), 0.25]
    assert found.agent_weights == pytest.approx([w / sum(grown) for w in grown], rel=0.01)
    assert found.model_weight == pytest.approx(0.4)  # both were right
    assert replace(found, agent_weights=strategy.agent_weights, model_weight=0.4, agents_weight=0.6) == strategy
