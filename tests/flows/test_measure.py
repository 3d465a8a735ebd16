"""The latency that a gate reads is the decision's own, whatever else the machine does."""

import shutil
import time

import numpy as np
import pytest

from flows.parameters import DataParams
from flows.stages import measure
from flows.stages.dataset import open_dataset
from flows.stages.train import BUNDLE
from market.home import Home
from tests.homes import MARKET, fill_lake, sign_model
from trading.paper import Trader

PAUSE_S = 0.02


@pytest.mark.parametrize(("paused", "slow"), [((2,), False), ((1, 2, 3), True)])
def test_a_pause_counts_only_where_it_comes_every_time(
    home: Home, monkeypatch: pytest.MonkeyPatch, paused: tuple[int, ...], slow: bool
) -> None:
    fill_lake(home)
    shutil.copytree(sign_model(home, "pregao-win-60s"), home.artifacts / BUNDLE)
    step, begin, rounds, decided = measure.step, measure.begin_session, [0], [0]

    def begin_round(*told: object) -> None:
        rounds[0], decided[0] = rounds[0] + 1, 0
        begin(*told)

    def step_or_pause(trader: Trader, record: np.ndarray) -> int:
        decides = step(trader, record)
        decided[0] += decides
        if decides and decided[0] % 10 == 0 and rounds[0] in paused:
            time.sleep(PAUSE_S)
        return decides

    monkeypatch.setattr(measure, "begin_session", begin_round)
    monkeypatch.setattr(measure, "step", step_or_pause)
    dataset = open_dataset(home, DataParams(contract=MARKET.symbol))
    taken_us = measure.decision_latency_us(home, dataset, MARKET.days()[-1])
    assert (taken_us > PAUSE_S * 1e6) is slow
