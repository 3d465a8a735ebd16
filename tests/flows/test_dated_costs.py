"""Each session pays what its own day costs, on either side of a day at which the table changes."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from flows.bundle_backtest import run
from flows.parameters import DataParams, Parameters
from flows.stages.dataset import open_dataset, round_trip_ticks
from flows.stages.features import compute_rows
from flows.stages.labels import label_rows
from flows.stages.trainer import Trainer
from live.replay import replay
from market.costs import CostParams
from market.home import Home
from models.labels import BarrierParams
from registry.installed import Named
from tests.flows.test_adapted_weights import table_of, trainer_of
from tests.homes import MARKET, build_home
from trading.journal import Kind, read
from trading.policy import StrategyParams
from trading.records import DECISION, FILL

DAYS = MARKET.days()
CHANGE = DAYS[2]
MIDNIGHT_NS = int(np.datetime64(CHANGE, "ns").astype(np.int64))  # UTC: between the sessions of two days


def rows(*fees: tuple[str, str]) -> list[dict[str, str]]:
    """Return the table of WIN: what a side costs from each day on, R$."""
    names = ("first_day", "fee")
    return [dict(zip(names, pair, strict=True), root="WIN", contracts_per_day="1", currency="BRL") for pair in fees]


@pytest.fixture
def dearer(monkeypatch: pytest.MonkeyPatch) -> None:
    """R$ 0.25 a side at first, R$ 1.50 from the third session on."""
    table = rows(("2013-01-01", "0.25"), (str(CHANGE), "1.50"))
    monkeypatch.setattr("market.costs.read_table", lambda name: table)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return build_home(tmp_path_factory.mktemp("whole"), "bars")


def test_backtest_and_runner_book_the_costs_of_each_day(whole: Home, dearer: None, tmp_path: Path) -> None:
    done = run(whole, Named(), tmp_path / "report.html")
    fills = done.result.fills
    early = fills["ts_ns"] < MIDNIGHT_NS
    contracts = [int(fills["quantity"][part].sum()) for part in (early, ~early)]
    assert min(contracts) > 0
    assert set(fills["fee"][early] / fills["quantity"][early]) == {0.25}
    assert set(fills["fee"][~early] / fills["quantity"][~early]) == {1.50}
    paid = 0.25 * contracts[0] + 1.50 * contracts[1]
    assert done.metrics.fees == pytest.approx(paid)
    assert done.metrics.net == pytest.approx(done.metrics.gross - paid)
    assert sum(float(line.fees) for note in done.notes.values() for line in note.lines) == pytest.approx(paid)
    replay(whole, Named(), tmp_path / "journal")
    journalled = [record.rows(FILL) for record in read(tmp_path / "journal") if record.kind == Kind.FILL]
    assert np.concatenate(journalled).tobytes() == fills.tobytes()


def test_round_trip_costs_what_its_session_does(whole: Home, dearer: None) -> None:
    """WIN: R$ 1 a tick, so two sides of R$ 0.25 or 1.50 are 0.5 or 3 ticks; brokerage comes on top of each side."""
    dataset = open_dataset(whole, DataParams(MARKET.symbol, "bars", 60, 1))
    assert round_trip_ticks(dataset.instrument, CostParams(), DAYS).tolist() == [0.5, 0.5, 3.0, 3.0]
    assert round_trip_ticks(dataset.instrument, CostParams(brokerage_reais=0.5), DAYS[1:3]).tolist() == [1.5, 4.0]


def test_barriers_pay_twice_what_their_own_session_costs(whole: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first session costs 3 ticks a round trip, the second 0.5: barriers of 6 ticks and of the least, 2."""
    table = rows(("2013-01-01", "1.50"), (str(DAYS[1]), "0.25"))
    monkeypatch.setattr("market.costs.read_table", lambda name: table)
    barriers = BarrierParams(sigma_multiple=0.0, cost_multiple=2.0, min_ticks=2)
    parameters = Parameters(DataParams(MARKET.symbol, "bars", 60, 1), labels=barriers)
    dataset = open_dataset(whole, parameters.data)
    seen = compute_rows(dataset.schema(parameters), dataset.feed, DAYS[:2])
    barrier = label_rows(seen, parameters, dataset.feed)["barrier_ticks"]
    first = seen.session == seen.session[0]
    assert np.unique(barrier[first & np.isfinite(barrier)]).tolist() == [6.0]
    assert np.unique(barrier[~first & np.isfinite(barrier)]).tolist() == [2.0]


def test_weights_are_moved_by_what_each_decision_s_session_costs(dearer: None, monkeypatch: pytest.MonkeyPatch) -> None:
    days = np.array([(day - date(1970, 1, 1)).days for day in (DAYS[1], CHANGE)])
    made = np.zeros(4, dtype=DECISION)
    made["ts_ns"] = [0, 10, 20, 30]
    seen: list[Any] = []
    monkeypatch.setattr(Trainer, "_trade", lambda self, held_out, strategy: SimpleNamespace(decisions=made))
    monkeypatch.setattr("flows.stages.trainer.adapt_weights", lambda strategy, outcomes: seen.append(outcomes))
    strategy = StrategyParams(adapt_weights=True)
    trainer_of(table_of(np.ones(4), days[[0, 0, 1, 1]]), strategy)._adapt_weights(cast(Any, None), strategy)
    assert seen[0].cost_ticks.tolist() == [0.5, 0.5, 3.0, 3.0]
