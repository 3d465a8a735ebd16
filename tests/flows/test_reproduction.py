"""Reproduction: what is stored with a version, what is refused, and what a second training says differently."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from flows import lineage, reproduction
from flows.lineage import clone_at, git_commit, refuse_untraceable
from flows.parameters import load_parameters
from flows.reproduction import compare_manifests, stored_inputs, training_inputs
from market.errors import RegistryError
from market.home import Home
from registry.tracking import Version

CHECKOUT = Path(__file__).resolve().parents[2]
SMALL = {"trees": 10, "min_rows_per_leaf": 50}


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=A Person", "-c", "user.email=a.person@example.com")
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one commit that stands in for ours."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("code.py", "params.yaml", "data.dvc"):
        (folder / name).write_text("first\n", encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "First")
    monkeypatch.setattr(lineage, "ROOT", folder)
    return folder


def test_changed_inputs_leave_the_commit_clean_and_changed_code_does_not(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    for name in ("params.yaml", "data.dvc"):
        (checkout / name).write_text("second\n", encoding="utf-8")
    assert git_commit() == head
    (checkout / "code.py").write_text("second\n", encoding="utf-8")
    assert git_commit() == f"{head}+"


def test_clone_holds_the_commit_and_not_what_came_after(checkout: Path, tmp_path: Path) -> None:
    head = git_commit()
    (checkout / "code.py").write_text("second\n", encoding="utf-8")
    git(checkout, "commit", "--quiet", "-am", "Second")
    (checkout / "code.py").write_text("third\n", encoding="utf-8")
    clone_at(head, tmp_path / "clone")
    assert (tmp_path / "clone" / "code.py").read_text(encoding="utf-8") == "first\n"
    assert git(tmp_path / "clone", "rev-parse", "HEAD") == head


@pytest.mark.parametrize(
    ("commit", "reason"),
    [
        ("", "found an unknown one"),
        ("unknown", "found an unknown one; retrain in a git checkout"),
        ("0" * 40, "found 000000000000, which this checkout has not"),
    ],
)
def test_version_without_a_commit_of_this_checkout_is_refused(checkout: Path, commit: str, reason: str) -> None:
    with pytest.raises(RegistryError, match=f"^here: .*{reason}"):
        refuse_untraceable(commit, "here")


def test_version_of_uncommitted_code_is_refused_though_its_commit_is_there(checkout: Path) -> None:
    head = git_commit()
    refuse_untraceable(head, "here")
    with pytest.raises(RegistryError, match=f"uncommitted changes on {head[:12]}"):
        refuse_untraceable(f"{head}+", "here")


def test_stored_parameters_are_read_back_as_they_were(tmp_path: Path) -> None:
    parameters = load_parameters(CHECKOUT / "params.yaml")
    parameters = replace(parameters, data=replace(parameters.data, contract="WDOQ26"))
    inputs = training_inputs(Home(tmp_path), parameters)
    assert list(inputs) == ["params.yaml"]
    (tmp_path / "params.yaml").write_text(inputs["params.yaml"], encoding="utf-8")
    assert load_parameters(tmp_path / "params.yaml") == parameters
    (tmp_path / "data.dvc").write_text("outs: []\n", encoding="utf-8")
    assert training_inputs(Home(tmp_path), parameters)["data.dvc"] == "outs: []\n"


@pytest.mark.parametrize(
    ("stored", "reason"),
    [({"data.dvc": ""}, "expected its params.yaml"), ({"params.yaml": ""}, "expected its data.dvc .*dvc add data")],
)
def test_version_stored_without_its_inputs_is_refused(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, stored: dict[str, str], reason: str
) -> None:
    version = cast(Version, SimpleNamespace(name="pregao-win-60s", version=3, tags={"git_commit": git_commit()}))
    monkeypatch.setattr(reproduction, "inputs_of", lambda uri, version: stored)
    with pytest.raises(RegistryError, match=rf"pregao-win-60s version 3: {reason}"):
        stored_inputs("http://127.0.0.1:1", version)


def test_differences_name_the_inputs_before_the_outcome(tmp_path: Path) -> None:
    manifest: dict[str, Any] = {"files": {"model.npz": "aa"}, "lineage": {"data_hash": "11"}, "name": "same"}
    for folder, changes in (("old", {}), ("new", {"files": {"model.npz": "bb"}, "lineage": {"data_hash": "22"}})):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "manifest.json").write_text(json.dumps(manifest | changes), encoding="utf-8")
    assert compare_manifests(tmp_path / "old", tmp_path / "new") == (
        "lineage.data_hash: 11 registered, 22 now",
        "files.model.npz: aa registered, bb now",
    )


def pregao(clone: Path, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words, "--json"], cwd=clone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return dict(json.loads(done.stdout))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_registered_version_is_trained_again_to_the_same_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The learners are cut down in params.yaml, which is stored with the version and so may differ from the commit."""
    for name in ("PREGAO_HOME", "PREGAO_CONFIG", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    clone = tmp_path / "pregao"
    git(tmp_path, "clone", "--quiet", str(CHECKOUT), str(clone))
    values = yaml.safe_load((clone / "params.yaml").read_text(encoding="utf-8"))
    for name in ("lightgbm", "xgboost", "forest"):
        values["learners"][name].update(SMALL)
    values["thresholds"]["grid"] = [0.1, 0.2]
    values["splits"]["folds"] = 2
    (clone / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "pull"], cwd=clone, capture_output=True, check=True)
    trained = pregao(clone, "retrain")
    shutil.rmtree(clone / "artifacts")
    again = pregao(clone, "reproduce", str(trained["version"]))
    assert (again["ok"], again["expected"], again["differences"]) == (True, again["found"], [])
    assert again["commit"] == git(clone, "rev-parse", "HEAD")
