"""`pregao promote`, `rollback` and `gate explain` against a server that is there."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from market.home import Home
from registry.bundle import digest
from registry.gates import Evidence, GateThresholds, challenger_gates, champion_gates
from registry.signing import SigningKey
from registry.tracking import Candidate, log_candidate
from tests.homes import sign_model

NAME = "pregao-commands-1m"


@pytest.fixture
def ask(
    registry_home: Path, registry_uri: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run a command on one model with --json; return its exit code and its object."""
    monkeypatch.setenv("PREGAO_HOME", str(registry_home))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry_uri)

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        capfd.readouterr()
        code = main([*arguments, "--model", NAME, "--json"])
        return code, dict(json.loads(capfd.readouterr().out))

    return run


def test_promote_explain_and_roll_back(
    ask: Callable[..., tuple[int, dict[str, Any]]], registry_uri: str, good_evidence: Evidence,
    make_candidate: Callable[..., Candidate], home_key: SigningKey, registry_home: Path,
) -> None:  # fmt: skip
    folder = sign_model(Home(registry_home), NAME)
    stored = {"bundle_folder": folder, "tags": {"bundle_digest": digest(folder)}}
    for known in ({"champion_exists": False}, {"champion_exists": False, "pbo": 0.9}, {}):
        if not known:
            assert ask("promote", "1")[0] == 0
        asked = replace(good_evidence, **known), GateThresholds()  # type: ignore[arg-type]
        gates = (*challenger_gates(*asked), *champion_gates(*asked))
        log_candidate(registry_uri, make_candidate("COMMANDS", gates=gates, **stored))
    code, refused = ask("promote", "2")
    assert (code, refused["ok"], refused["version"], refused["record"]) == (3, False, 2, None)
    assert [(gate["name"], gate["value"]) for gate in refused["gates_failed"]] == [("pbo", 0.9)]
    assert "the alias stays" in refused["reason"]
    code, promoted = ask("promote", "3")
    assert (code, promoted["previous"], promoted["version"], promoted["gates_failed"]) == (0, 1, 3, [])
    assert len(promoted["record"]) == 64
    code, back = ask("rollback")
    assert (code, back["previous"], back["version"]) == (0, 3, 1)
    code, moved = ask("promote", "3")
    assert (code, moved["ok"]) == (0, True)  # it was compared with version 1, which is champion again
    code, explained = ask("gate", "explain", "3")
    assert (code, explained["record"]) == (0, {"trusted": True, "reason": None})


def test_gate_explain_tells_of_a_record_of_another_home(
    ask: Callable[..., tuple[int, dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREGAO_HOME", str(tmp_path))
    code, explained = ask("gate", "explain", "1")
    assert (code, explained["record"]["trusted"]) == (0, False)
    assert "public signing key" in explained["record"]["reason"]
