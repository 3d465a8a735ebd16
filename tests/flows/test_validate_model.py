"""A version is asked again whether it is what it was: bundle, gates, schema, parity and leaks."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from flows.commands import CHECKOUT
from flows.validate_model import Check, Validated, check_bundle
from market.home import Home
from tests.homes import install_model

PARAMS = Path(__file__).with_name("small.yaml")


def test_a_bundle_that_was_altered_fails_by_its_reason(home: Home) -> None:
    folder = install_model(home)
    bundle, whole = check_bundle(home, folder)
    assert whole.passed
    assert bundle is not None
    data = bytearray((folder / "model.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.npz").write_bytes(bytes(data))
    bundle, spoilt = check_bundle(home, folder)
    assert bundle is None
    assert not spoilt.passed
    assert "hashes" in spoilt.reason


def test_answer_names_what_does_not_hold() -> None:
    done = Validated("m", 3, (Check("bundle", True, "verifies"), Check("gates", False, "sharpe")))
    assert [check.name for check in done.failing] == ["gates"]
    assert done.as_dict()["checks"][1] == {"name": "gates", "passed": False, "reason": "sharpe"}


@pytest.mark.nightly
@pytest.mark.timeout(1500)
def test_a_registered_version_holds_but_for_its_gates(home: Home) -> None:
    """A model of a short synthetic market does not pass its gates; all that does not depend on luck holds."""
    run(home, "retrain", "--params", str(PARAMS))
    answer = run(home, "validate-model", "--version", "1", "--params", str(PARAMS))
    assert answer.code == 1
    passed = {check["name"]: check["passed"] for check in answer.fields["checks"]}
    assert passed == {"bundle": True, "gates": False, "schema": True, "parity": True, "leaks": True}
    judged = run(home, "drift", "--params", str(PARAMS), "--bundle", str(home.artifacts / "train" / "bundle"))
    assert (judged.code, judged.fields["ok"]) == (0, True)  # two sessions are held back and four are asked:
    assert judged.fields["causes"] is judged.fields["asks"] is None  # nothing to judge is no alarm


def run(home: Home, *command: str) -> SimpleNamespace:
    done = subprocess.run(
        [sys.executable, "-m", "cli", *command, "--json"], cwd=CHECKOUT, capture_output=True, text=True, check=False,
        env={**os.environ, "PREGAO_HOME": str(home.root), "PREFECT_HOME": str(home.state / "prefect")},
    )  # fmt: skip
    return SimpleNamespace(code=done.returncode, fields=json.loads(done.stdout))
