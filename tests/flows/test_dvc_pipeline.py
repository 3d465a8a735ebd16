"""The DVC side on a fresh clone: pull the sample, reproduce the pipeline, and find nothing to do the second time."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from market.lake import Lake

CHECKOUT = Path(__file__).resolve().parents[2]
STAGES = ["features", "labels", "train", "backtest", "leaks", "evaluate"]
SMALL = {"trees": 10, "min_rows_per_leaf": 50}


def run(clone: Path, *command: str) -> str:
    scripts = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": os.pathsep.join([scripts, os.environ["PATH"]])}
    environment.pop("PREGAO_HOME", None)
    found = shutil.which(command[0], path=environment["PATH"])
    assert found
    done = subprocess.run(
        [found, *command[1:]], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone with the learners cut down, so that the pipeline takes seconds."""
    folder = tmp_path_factory.mktemp("clone") / "pregao"
    run(CHECKOUT, "git", "clone", "--quiet", str(CHECKOUT), str(folder))
    values = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    for name in ("lightgbm", "xgboost", "forest"):
        values["learners"][name].update(SMALL)
    values["thresholds"]["grid"] = [0.1, 0.2]
    values["splits"]["folds"] = 2
    (folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_fresh_clone_pulls_the_sample_and_reproduces_once(clone: Path) -> None:
    run(clone, "dvc", "pull")
    lake = Lake(clone / "data" / "lake")
    assert lake.verify() == []
    assert {p.provenance.synthetic for p in lake.partitions()} == {True}

    run(clone, "dvc", "repro")
    metrics = json.loads((clone / "artifacts" / "backtest" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["decisions"] > 100
    gates = json.loads((clone / "artifacts" / "evaluation" / "gates.json").read_text(encoding="utf-8"))
    (leak_gate,) = [gate for gate in gates["to_challenger"] if gate["name"] == "leak_suite"]
    assert (leak_gate["passed"], leak_gate["value"]) == (True, 0)
    assert "up to date" in run(clone, "dvc", "repro")
    assert run(clone, "dvc", "status").strip() == "Data and pipelines are up to date."
    shown = run(clone, "dvc", "metrics", "show")
    assert "artifacts/evaluation/metrics.json" in shown.replace("\\", "/")


def test_pipeline_holds_the_stages_of_the_flow_in_order() -> None:
    pipeline = yaml.safe_load((CHECKOUT / "dvc.yaml").read_text(encoding="utf-8"))
    assert list(pipeline["stages"]) == STAGES
    assert all(pipeline["stages"][name]["cmd"] == f"python -m cli stage {name}" for name in STAGES)


def test_sample_remote_is_small_and_inside_the_repository() -> None:
    sizes = [path.stat().st_size for path in (CHECKOUT / ".dvc" / "sample").rglob("*") if path.is_file()]
    assert sizes
    assert sum(sizes) <= 8_000_000
