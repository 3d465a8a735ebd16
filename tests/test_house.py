"""Rules of the house that no other tool checks: the root, the locks, the pins, the import contracts."""

import re
import subprocess
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGES = [
    "market", "features", "forest", "trading", "models", "backtest", "registry", "flows", "live", "console", "cli"
]  # fmt: skip
HEAVY = {"pandas", "scikit-learn", "lightgbm", "xgboost", "mlflow", "prefect", "dvc", "great-expectations"}
LOCKS = ["requirements/platform.lock", "requirements/live.lock"]
# stack.md, "Pinned set", and the versions at which Prefect breaks.
PINNED = {
    "prefect": "3.8.8", "mlflow": "3.17.2", "dvc": "3.67.1", "pandas": "3.1.1", "pyarrow": "25.0.1", "numpy": "2.4.6",
    "scipy": "1.17.1", "scikit-learn": "1.9.1", "lightgbm": "4.7.0", "xgboost": "3.2.0",
    "great-expectations": "1.24.1", "numba": "0.68.1", "llvmlite": "0.50.0", "pytest": "9.2.0",
}  # fmt: skip
CAPPED = {"fastapi": (0, 155), "sqlalchemy": (2, 1)}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


def tracked() -> list[str]:
    """Return every file that git knows or would take."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=CHECKOUT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("not a git checkout")
    return [name for name in done.stdout.splitlines() if (CHECKOUT / name).exists()]


def locked(lock: str) -> dict[str, Requirement]:
    """Return the requirements of a lock file by name."""
    logical = (CHECKOUT / lock).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    found = [Requirement(line.split(" --hash")[0]) for line in logical if line.strip()]
    return {requirement.name: requirement for requirement in found}


def pin_of(requirement: Requirement) -> str:
    (only,) = requirement.specifier
    assert only.operator == "=="
    return only.version


def test_no_dependency_ships_a_package_of_one_of_our_names() -> None:
    shipped = packages_distributions()
    taken = {name: [one for one in shipped.get(name, []) if one != "pregao"] for name in [*PACKAGES, "tests", "run"]}
    assert {name: owners for name, owners in taken.items() if owners} == {}


def test_root_is_a_table_of_contents() -> None:
    visible = {name.split("/")[0] for name in tracked() if not name.startswith(".")}
    assert len(visible) <= 28
    assert {"README.md", "run.py", "pyproject.toml", "params.yaml", *PACKAGES} <= visible


def test_folders_are_at_most_four_deep() -> None:
    assert max(name.count("/") for name in tracked() if not name.startswith(".")) <= 4


def test_every_file_with_code_is_below_five_hundred_lines() -> None:
    long = {
        name: lines
        for name in tracked()
        if name.endswith(".py") and (lines := len((CHECKOUT / name).read_text(encoding="utf-8").splitlines())) > 500
    }
    assert long == {}


def test_no_test_file_has_the_name_of_another() -> None:
    names = [name.rsplit("/")[-1] for name in tracked() if name.startswith("tests/") and "/test_" in name]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_no_address(lock: str) -> None:
    text = (CHECKOUT / lock).read_text(encoding="utf-8")
    assert re.findall(r"://| @ |^-|--index|--find-links|file:", text, flags=re.MULTILINE) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_is_pinned_and_hashed(lock: str) -> None:
    logical = (CHECKOUT / lock).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    unhashed = [line for line in logical if line.strip() and not re.search(r"--hash=sha256:[0-9a-f]{64}\b", line)]
    assert unhashed == []
    assert all(pin_of(requirement) for requirement in locked(lock).values())


def test_trading_host_installs_nothing_heavy_and_nothing_of_another_version() -> None:
    live, platform = locked("requirements/live.lock"), locked("requirements/platform.lock")
    assert set(live) & HEAVY == set()
    assert set(platform) >= HEAVY
    assert {name: pin_of(one) for name, one in live.items()} == {name: pin_of(platform[name]) for name in live}


@pytest.mark.parametrize(("name", "pin"), PINNED.items())
def test_stack_is_pinned_and_installed(name: str, pin: str) -> None:
    assert pin_of(locked("requirements/platform.lock")[name]) == pin
    assert version(name) == pin


@pytest.mark.parametrize(("name", "below"), CAPPED.items())
def test_versions_that_break_prefect_are_kept_out(project: dict[str, Any], name: str, below: tuple[int, int]) -> None:
    pin = pin_of(locked("requirements/platform.lock")[name])
    assert tuple(map(int, pin.split(".")[:2])) < below
    declared = [Requirement(text) for text in project["project"]["optional-dependencies"]["platform"]]
    (own,) = (requirement for requirement in declared if requirement.name == name)
    assert not own.specifier.contains(".".join(map(str, below)))


def test_nccl_is_never_installed() -> None:
    assert not [name for name in locked("requirements/platform.lock") if "nccl" in name]


def test_every_declared_dependency_is_locked_within_its_range(project: dict[str, Any]) -> None:
    platform, live = locked("requirements/platform.lock"), locked("requirements/live.lock")
    base = [Requirement(text) for text in project["project"]["dependencies"]]
    rest = [Requirement(text) for text in project["project"]["optional-dependencies"]["platform"]]
    developer = [Requirement(text) for text in project["dependency-groups"]["dev"]]
    for requirement, lock in [*((one, live) for one in base), *((one, platform) for one in rest + developer)]:
        assert requirement.specifier.contains(pin_of(lock[requirement.name])), requirement


def test_project_is_for_python_311(project: dict[str, Any]) -> None:
    assert project["project"]["name"] == "pregao"
    assert project["project"]["requires-python"] == ">=3.11,<3.12"
    assert {"platform", "bench", "dist"} <= set(project["project"]["optional-dependencies"])


def test_import_contracts_are_those_of_the_design(project: dict[str, Any]) -> None:
    rules = project["tool"]["importlinter"]
    assert sorted(rules["root_packages"]) == sorted(PACKAGES)
    by_type: dict[str, list[dict[str, Any]]] = {}
    for contract in rules["contracts"]:
        by_type.setdefault(contract["type"], []).append(contract)
    (house,) = by_type["layers"]
    assert house["layers"] == [
        "cli", "flows | live | console", "registry", "models | backtest", "trading", "forest", "features", "market"
    ]  # fmt: skip
    lean = next(one for one in by_type["forbidden"] if "live" in one["source_modules"] and "pandas" in str(one))
    assert {"market", "features", "forest", "trading", "live", "registry.bundle"} <= set(lean["source_modules"])
    modules = {"scikit-learn": "sklearn", "great-expectations": "great_expectations"}
    assert {modules.get(name, name) for name in HEAVY} <= set(lean["forbidden_modules"])
    assert not lean.get("ignore_imports")


def test_packages_are_those_of_the_house_and_all_are_typed(project: dict[str, Any]) -> None:
    found = sorted(path.parent.name for path in CHECKOUT.glob("*/__init__.py"))
    assert found == sorted(PACKAGES)
    assert project["tool"]["mypy"]["strict"] is True
    assert sorted(project["tool"]["mypy"]["packages"]) == sorted(PACKAGES)


def test_users_data_and_locks_with_addresses_stay_out_of_git() -> None:
    ignored = [
        "uv.lock",
        "data/lake/manifest.json",
        "artifacts/x",
        "state/keys/signing.key",
        "mlruns/mlflow.db",
        "logs/x",
    ]
    done = subprocess.run(["git", "check-ignore", *ignored], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode == 128:
        pytest.skip("not a git checkout")
    assert done.stdout.split() == ignored


def test_continuous_integration_calls_the_readmes_command() -> None:
    assert "python run.py test" in (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert "python3 run.py test\n" in (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8")
