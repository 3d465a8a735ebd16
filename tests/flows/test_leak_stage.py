"""The leak suite as evidence: clean where the project is, and a gate that fails on a planted leak."""

from pathlib import Path
from typing import Any

import pytest

from flows.leaks import check
from flows.leaks.cells import Trial
from flows.leaks.poison import spoil_records
from flows.leaks.source import of_function
from flows.stages import leaks
from market.home import Home
from registry.gates import Evidence, Gate, GateThresholds, leak_suite
from tests.leaks.test_leakcheck import fill_lake, parameters
from tests.leaks.test_planted_leaks import BARS, PLANTED, load


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with six sessions of bars."""
    home = Home(tmp_path_factory.mktemp("bars"))
    fill_lake(home, "bars")
    return home


def judged(home: Home) -> Gate:
    checks, found = leaks.measured(home)
    return leak_suite(Evidence(leak_checks=checks, leaks=found), GateThresholds())


def test_clean_project_passes_its_gate(market: Home) -> None:
    leaks.run(market, parameters("bars"))
    gate = judged(market)
    assert (gate.passed, gate.value) == (True, 0)
    # One fold, its fit under two poisons, three cuts: features and decisions under three poisons, labels under two.
    assert "out of 27 leak checks" in gate.reason


@pytest.mark.parametrize(
    "file", [PLANTED[0], pytest.param(PLANTED[1], marks=pytest.mark.nightly)], ids=lambda file: file.stem
)
def test_planted_leak_fails_the_gate(market: Home, monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    planted = load(file)
    source = of_function(planted.compute)

    def trial(*_: Any) -> Trial[Any]:
        return Trial("planted", planted.compute, BARS, spoil_records, lambda _: source)

    monkeypatch.setattr(check, "CUTS", 40)
    monkeypatch.setattr(check, "features_trial", trial)
    found = leaks.run(market, parameters("bars"))
    assert [leak.column for leak in found.leaks] == [planted.COLUMN]
    gate = judged(market)
    assert (gate.passed, gate.value) == (False, 1)


def test_series_too_short_for_a_fold_is_not_clean(market: Home) -> None:
    short = parameters("bars", held_back=4)
    assert leaks.run(market, short).checked == 0
    assert not judged(market).passed
