"""What is registered already is not trained again, unless there is another champion to be compared with."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from flows.lineage import PARAMS
from flows.parameters import DataParams, Parameters
from flows.registration import registered_before
from flows.reproduction import training_inputs
from flows.stages.dataset import open_dataset
from flows.stages.trainer import model_name
from market.home import Home
from registry.aliases import move_alias
from registry.gate_record import CHAMPION_ALIAS
from registry.record import Move
from registry.signing import ensure_key, load_private_key
from registry.tracking import Candidate, log_candidate
from tests.homes import DOLLAR, fill_lake

PARAMETERS = Parameters(DataParams(DOLLAR.symbol, feed="bars", held_back_sessions=1))


def test_same_inputs_and_champion_are_found_and_anything_else_is_not(
    home: Home, registry_uri: str, make_candidate: Callable[..., Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry_uri)
    monkeypatch.setattr("flows.registration.git_commit", lambda: "c1")
    ensure_key(home.keys, use_keyring=False)
    fill_lake(home, "bars", DOLLAR)
    dataset = open_dataset(home, PARAMETERS.data)
    name = model_name(PARAMETERS, dataset)
    candidate = make_candidate(
        "BEFORE", registered_name=name, key=load_private_key(home.keys, use_keyring=False),
        tags={"data_hash": dataset.data_hash, "git_commit": "c1", "bundle_digest": "b1"},
        inputs=training_inputs(home, PARAMETERS),
    )  # fmt: skip
    assert registered_before(home, PARAMETERS) is None
    for other in ({"tags": {**candidate.tags, "data_hash": "other"}}, {"inputs": {PARAMS: "other"}}):
        log_candidate(registry_uri, replace(candidate, **other))  # type: ignore[arg-type]
        assert registered_before(home, PARAMETERS) is None
    version = log_candidate(registry_uri, candidate).version
    found = registered_before(home, PARAMETERS)
    assert found is not None
    assert (found[0].version, [gate["name"] for gate in found[1]]) == (version, [gate.name for gate in candidate.gates])
    for commit in ("c1+", "unknown"):  # of code that nobody can name
        monkeypatch.setattr("flows.registration.git_commit", lambda commit=commit: commit)
        assert registered_before(home, PARAMETERS) is None
    monkeypatch.setattr("flows.registration.git_commit", lambda: "c1")
    move_alias(registry_uri, Move("tester", name, CHAMPION_ALIAS, None, version, "d"), candidate.record)
    assert registered_before(home, PARAMETERS) is None
