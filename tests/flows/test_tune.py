"""The tuning flow: which study a search belongs to, and that the registry hears of every trial, once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import models.tuning
from flows import tune
from flows.parameters import DataParams, Parameters, SplitParams
from market.home import Home
from market.instruments import FUTURES
from market.types import Regime
from models.learners import LearnerParams
from models.training_table import TrainingTable

DAY_NS, MINUTE_NS = 86_400_000_000_000, 60_000_000_000
SPLITS = SplitParams(folds=2, train_sessions_min=4, embargo_minutes=5)
PARAMETERS = Parameters(DataParams("WINQ26"), splits=SPLITS, learners=LearnerParams(min_rows=60))
DATASET: Any = SimpleNamespace(instrument=FUTURES["WIN"], data_hash="d" * 64)


def table_of(sessions: int = 6, rows_each: int = 120) -> TrainingTable:
    """Three regimes in turn; column 0 tells the label four times in five."""
    random, count = np.random.default_rng(1), sessions * rows_each
    rows, session = random.normal(size=(count, 2)).astype(np.float32), np.repeat(np.arange(sessions), rows_each)
    start = session * DAY_NS + np.tile(np.arange(rows_each), sessions) * MINUTE_NS
    label = np.where((rows[:, 0] > 0) == (random.random(count) < 0.8), 1, -1).astype(np.int8)
    regime, ones = np.resize(np.array([1, 2, 3], dtype=np.uint8), count), np.ones(count)
    return TrainingTable(("a", "b"), rows, start, session, regime, ones, label, ones, start, start + MINUTE_NS, ones)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int, dict[str, Any]]]:
    """What the registry was told, without a server."""
    told: list[tuple[str, str, int, dict[str, Any]]] = []

    @contextmanager
    def served(home: object, named: str | None) -> Iterator[str]:
        yield "http://nowhere"

    small = {kind: {**one, "trees": (4, 8)} for kind, one in models.tuning.RANGES.items()}
    monkeypatch.setattr(models.tuning, "RANGES", small)
    monkeypatch.setattr(tune, "tracking_server", served)
    monkeypatch.setattr(tune, "log_trials", lambda uri, *what: told.append(what))
    monkeypatch.setattr(tune, "trial_count", lambda uri, experiment: len(told))
    return told


@pytest.mark.filterwarnings("ignore:Fixed parameter")
def test_every_trial_of_every_regime_is_counted_once_and_a_second_call_goes_on(home: Home, counted: list[Any]) -> None:
    home.state.mkdir(parents=True, exist_ok=True)
    table = table_of()
    first = tune.search(home, PARAMETERS, DATASET, table, 2)
    assert [(one.regime, one.section) for one in first.tuned] == [
        (Regime.TREND_UP, "xgboost"), (Regime.TREND_DOWN, "lightgbm"), (Regime.RANGE, "forest")
    ]  # fmt: skip
    assert first.trials_ever == 6
    again = tune.search(home, PARAMETERS, DATASET, table, 3)
    assert again.trials_ever == 9
    assert [sum(one.states.values()) for one in again.tuned] == [3, 3, 3]
    assert {(experiment, count) for experiment, _, count, _ in counted} == {("pregao-WIN", 1)}
    told = [tuple(params.values()) for *_, params in counted]
    assert len(set(told)) == 9  # the registry counts equal trials once, so each has its own name
    assert (home.state / "tuning.db").is_file()
    answer = again.as_dict()
    assert [one["regime"] for one in answer["tuned"]] == ["trend_up", "trend_down", "range"]
    assert "params.yaml is as it was" in again.lines()[-1]


def test_trials_that_cannot_be_compared_are_of_another_study() -> None:
    name = tune.study_name(PARAMETERS, DATASET, Regime.RANGE)
    assert name == tune.study_name(replace(PARAMETERS, thresholds=replace(PARAMETERS.thresholds, grid=(0.5,))), DATASET,
                                   Regime.RANGE)  # fmt: skip
    others = [
        tune.study_name(PARAMETERS, DATASET, Regime.TREND_UP),
        tune.study_name(replace(PARAMETERS, splits=replace(SPLITS, folds=3)), DATASET, Regime.RANGE),
        tune.study_name(replace(PARAMETERS, labels=replace(PARAMETERS.labels, horizon_bars=9)), DATASET, Regime.RANGE),
        tune.study_name(PARAMETERS, SimpleNamespace(instrument=FUTURES["WIN"], data_hash="e" * 64), Regime.RANGE),
    ]
    assert len({name, *others}) == 5
