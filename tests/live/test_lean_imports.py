"""Lean means lean: the trading side loads nothing of the training side, not even through others."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import CHECKOUT, environment_of
from tests.homes import build_home

HEAVY = {"pandas", "sklearn", "lightgbm", "xgboost", "mlflow", "prefect", "dvc", "great_expectations"}
LEAN_PACKAGES = ("market", "features", "forest", "trading", "live")
LEAN_MODULES = {
    **{
        package: sorted(
            ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)
            for path in (CHECKOUT / package).rglob("*.py")
            if path.name != "__init__.py"
        )
        for package in LEAN_PACKAGES
    },
    "registry.bundle": ["registry.bundle"],
    "registry.signing": ["registry.signing"],
    "registry.pull": ["registry.pull"],
}

RUN = """
import json, sys
from pathlib import Path
from cli.main import main
code = main(sys.argv[2:])
Path(sys.argv[1]).write_text(json.dumps(sorted(sys.modules)), encoding="utf-8")
sys.exit(code)
"""
IMPORT = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""


def heavy(modules: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules} & HEAVY


@pytest.mark.parametrize("kind", ["events", "bars"])
def test_paper_runner_loads_no_heavy_library(tmp_path: Path, kind: str) -> None:
    home, listed = build_home(tmp_path / "home", kind), tmp_path / "modules.json"
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(listed), "live", "--mode", "replay", "--json"],
        capture_output=True, text=True, check=False, cwd=CHECKOUT, env=environment_of(home),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["decisions"] > 1000
    assert answer["fills"] > 0
    modules = json.loads(listed.read_text(encoding="utf-8"))
    assert {"live.replay", "trading.paper", "registry.bundle", "numba", "pyarrow"} <= set(modules)
    assert heavy(modules) == set()


@pytest.mark.parametrize("package", LEAN_MODULES)
def test_every_module_of_a_lean_package_loads_no_heavy_library(package: str) -> None:
    names = LEAN_MODULES[package]
    assert names
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, *names], capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    modules = json.loads(done.stdout)
    assert set(names) <= set(modules)
    assert heavy(modules) == set()
