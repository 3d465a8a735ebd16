"""`pregao sweep`: every pair once, the best first, and no result without the count of trials."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from market.costs import CostParams, costs
from market.home import Home
from registry.server import tracking_server
from registry.tracking import trial_count
from tests.cli.conftest import RunCommand
from tests.homes import MARKET, fill_lake

Ask = Callable[..., tuple[int, dict[str, Any]]]
PAIRS = ("--stop", "1,2", "--target", "3,1.5,3")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with tracking_server(tmp_path_factory.mktemp("trials")) as uri:
        yield uri


@pytest.fixture(autouse=True)
def _count_there(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)


@pytest.mark.parametrize("kind", ["events", "bars"])
def test_every_pair_is_told_once_and_the_best_first(home: Home, ask: Ask, kind: str) -> None:
    fill_lake(home, kind)
    code, found = ask("sweep", MARKET.symbol, *PAIRS)
    assert (code, found["ok"], found["trials"], found["unit"]) == (0, True, 4, "atr")
    assert (found["first"], found["last"]) == (str(MARKET.days()[0]), str(MARKET.days()[-1]))
    pairs = found["pairs"]
    assert sorted((one["stop"], one["target"]) for one in pairs) == [(1, 1.5), (1, 3), (2, 1.5), (2, 3)]
    assert [one["net"] for one in pairs] == sorted((one["net"] for one in pairs), reverse=True)
    assert all(one["round_trips"] > 0 and one["fees"] > 0 for one in pairs)
    assert len({one["net"] for one in pairs}) > 1
    page = Path(found["page"])
    assert page == home.artifacts / "sweep" / f"{MARKET.symbol}.html"
    assert page.read_text(encoding="utf-8").count("<td ") == 4


def test_pairs_count_with_all_that_was_tried_on_the_instrument_and_once(home: Home, ask: Ask, server: str) -> None:
    fill_lake(home, "bars")
    experiment = "pregao-WIN"
    before = trial_count(server, experiment)
    first = ask("sweep", MARKET.symbol, "--stop", "1", "--target", "2,3,5")[1]
    assert (first["trials"], first["trials_ever"]) == (3, before + 3)
    again = ask("sweep", MARKET.symbol, "--stop", "1", "--target", "5,3,2")[1]
    assert again == first
    other = ask("sweep", MARKET.symbol, "--stop", "1", "--target", "2,3,5", "--unit", "ticks")[1]
    assert other["trials_ever"] == trial_count(server, experiment) == before + 6


def test_costs_are_those_of_the_parameters(home: Home, ask: Ask, tmp_path: Path) -> None:
    fill_lake(home, "bars")
    params = tmp_path / "params.yaml"
    given = {"data": {"contract": MARKET.symbol}, "costs": {"brokerage_reais": 0.40, "contracts_per_day": 250}}
    params.write_text(yaml.safe_dump(given), encoding="utf-8")
    pair = ("sweep", MARKET.symbol, "--stop", "1", "--target", "2")
    shipped, dear = (ask(*pair, *more)[1]["pairs"][0] for more in ((), ("--params", params)))
    sides = 2 * shipped["round_trips"]
    paid = costs("WIN", MARKET.days()[0], CostParams(0.40, contracts_per_day=250)).per_side
    assert paid == pytest.approx(0.40 + 0.2389)  # market/tables/costs.csv, WIN at 200 a day
    assert dear["fees"] == pytest.approx(sides * paid)
    assert shipped["fees"] == pytest.approx(sides * 0.2561)
    assert shipped["net"] - dear["net"] == pytest.approx(dear["fees"] - shipped["fees"])


def test_people_are_told_of_the_trials_and_of_too_few_round_trips(home: Home, run: RunCommand) -> None:
    fill_lake(home, "bars")
    done = run("sweep", MARKET.symbol.lower(), *PAIRS, "--unit", "ticks", "--from", str(MARKET.days()[1]))
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith(f"{MARKET.symbol}: 3 sessions, ")
    assert lines[1].split() == ["stop", "target", "net", "round", "trips", "drawdown", "Sharpe"]
    assert any(line.startswith("4 trials, ") and " in all on this instrument" in line for line in lines)
    assert lines[-1] == f"heat map: {home.artifacts / 'sweep' / MARKET.symbol}.html"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("--stop", "1,x"), "expected numbers as 1,1.5,2, found '1,x'"),
        (("--stop", "0"), "expected stops and targets above 0"),
        (("--from", "2031"), "expected recorded sessions from 2031-01-01"),
    ],
)
def test_what_cannot_be_swept_is_refused(home: Home, run: RunCommand, given: tuple[str, str], expected: str) -> None:
    fill_lake(home, "bars")
    done = run("sweep", MARKET.symbol, *given)
    assert done.code == 2 or "2031" in expected
    assert expected in done.err
