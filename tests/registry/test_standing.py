"""What the registry tells the gates: all trials, and the champion's bundle."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.parameters import DataParams, Parameters
from flows.registration import ask_standing
from flows.stages.artifacts import write_json
from flows.stages.standing import Standing, champion_folder, load_standing, note_trials, store_standing
from flows.stages.train import SUMMARY
from market.errors import BundleRefused
from market.home import Home
from registry.aliases import move_alias
from registry.gate_record import CHAMPION_ALIAS
from registry.record import Move
from registry.tracking import Candidate, find_version, log_candidate, trial_count
from tests.homes import MARKET, fill_lake, sign_model

NAME, EXPERIMENT = "pregao-win-60s", "pregao-WIN"
PARAMETERS = Parameters(DataParams(MARKET.symbol, feed="bars", held_back_sessions=1))  # 7 thresholds


def trained(home: Home, digest: str) -> None:
    write_json(home.artifacts / SUMMARY, {"digest": digest, "folds": [{"number": 0}, {"number": 1}]})


def test_a_run_counts_once_and_another_adds(home: Home) -> None:
    assert load_standing(home, NAME) == Standing()
    trained(home, "a")
    assert note_trials(home, NAME, PARAMETERS).trials == 14
    assert note_trials(home, NAME, PARAMETERS).trials == 14
    trained(home, "b")
    assert note_trials(home, NAME, PARAMETERS).trials == 28
    store_standing(home, NAME, Standing(registered=100, champion=2, tried={"a": 14}))
    assert note_trials(home, NAME, PARAMETERS) == Standing(100, 2, {"a": 14, "b": 14})
    assert load_standing(home, "another-60s") == Standing()


def test_registry_counts_what_came_to_no_version_and_hands_out_its_champion(
    home: Home, registry_uri: str, registry_home: Path, make_candidate: Callable[..., Candidate],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry_uri)
    fill_lake(home, "bars")
    trained(home, "a")
    note_trials(home, NAME, PARAMETERS)
    before = trial_count(registry_uri, EXPERIMENT)
    told = ask_standing(home, PARAMETERS)
    assert (told.registered, told.champion, told.tried, "a" in told.counted) == (before + 14, None, {}, True)
    assert note_trials(home, NAME, PARAMETERS).trials == before + 14  # the same training again tries nothing new
    assert ask_standing(home, PARAMETERS).trials == before + 14  # told once

    folder = sign_model(home, NAME)
    candidate = make_candidate("WIN", registered_name=NAME, trials=5, bundle_folder=folder)
    version = log_candidate(registry_uri, candidate).version
    move_alias(registry_uri, Move("tester", NAME, CHAMPION_ALIAS, None, version, "d"), candidate.record)
    told = ask_standing(home, PARAMETERS)
    assert (told.trials, told.champion, told.champion_missing) == (before + 19, version, "")
    here, there = (contents(folder) for folder in (champion_folder(home, NAME), candidate.bundle_folder))
    assert here == there

    run = find_version(registry_uri, NAME, version).run_id
    (stored,) = (registry_home / "mlruns").glob(f"artifacts/*/{run}/artifacts/bundle/model.npz")
    stored.write_bytes(b"altered")
    with pytest.raises(BundleRefused, match=r"champion of pregao-win-60s.*restore its files"):
        ask_standing(home, PARAMETERS)
    shutil.rmtree(stored.parent)
    found = ask_standing(home, PARAMETERS)
    assert (found.trials, found.champion) == (before + 19, version)
    assert "restore its files" in found.champion_missing
    assert not champion_folder(home, NAME).exists()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
