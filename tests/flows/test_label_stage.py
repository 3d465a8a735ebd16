"""Rows with their labels, as training reads them."""

from pathlib import Path

import numpy as np
import pytest

from flows.parameters import DataParams, Parameters
from flows.stages.dataset import open_dataset
from flows.stages.features import compute_rows
from flows.stages.labels import join_rows, label_rows
from market.errors import ConfigError
from market.home import Home
from models.learners import LearnerParams
from models.training_table import TrainingTable
from tests.homes import MARKET, fill_lake

DATA = DataParams(MARKET.symbol, "bars", 60, 1)


def weighed(home: Home, half_life: float) -> TrainingTable:
    parameters = Parameters(DATA, learners=LearnerParams(half_life_sessions=half_life))
    dataset = open_dataset(home, DATA)
    rows = compute_rows(dataset.schema(parameters), dataset.feed, MARKET.days()[:3])
    return join_rows(rows, label_rows(rows, parameters, dataset.feed), parameters)


def test_old_sessions_weigh_less_by_the_half_life_asked_for(tmp_path: Path) -> None:
    """A half life of half a session: a quarter for each one that is older."""
    home = Home(tmp_path)
    fill_lake(home, "bars")
    alike, faded = weighed(home, np.inf), weighed(home, 0.5)
    days, age = np.unique(alike.session, return_inverse=True)
    assert len(days) == 3
    assert faded.weight.tolist() == pytest.approx((alike.weight * np.array([1 / 16, 1 / 4, 1])[age]).tolist())
    assert alike.weight.any()
    with pytest.raises(ConfigError, match=r"learners\.half_life_sessions in params\.yaml"):
        weighed(home, 0.0)
