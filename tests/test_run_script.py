"""run.py: the standard library alone, nothing to do when nothing changed, every check run whatever the others say.

The script is copied into a folder of the test with a stand-in for the interpreter of its .venv, which writes down
what it is asked to run.
"""

import ast
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
SCRIPT = CHECKOUT / "run.py"
UNIX = pytest.mark.skipif(os.name == "nt", reason="the stand-in for the interpreter is a shell script")

STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >> "{log}"
case "$*" in *{fails}*) exit 7;; esac
"""


class Place:
    """A folder with run.py, its lock, and a .venv of stand-ins."""

    def __init__(self, root: Path, fails: str = "nothing-fails") -> None:
        self.root, self.log = root, root / "log"
        (root / "requirements").mkdir(parents=True)
        (root / ".venv" / "bin").mkdir(parents=True)
        shutil.copy(SCRIPT, root)
        (root / "requirements" / "platform.lock").write_text("numpy==2.4.6 --hash=sha256:aa\n", encoding="utf-8")
        (root / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
        for tool in ("python", "ruff", "lint-imports", "mypy", "pytest"):
            stand_in = root / ".venv" / "bin" / tool
            stand_in.write_text(STAND_IN.format(log=self.log, fails=fails), encoding="utf-8")
            stand_in.chmod(0o755)

    @property
    def stamp(self) -> Path:
        return self.root / ".venv" / "pregao-setup"

    def mark_installed(self) -> None:
        lock, project = self.root / "requirements" / "platform.lock", self.root / "pyproject.toml"
        self.stamp.write_text(hashlib.sha256(lock.read_bytes() + project.read_bytes()).hexdigest(), encoding="ascii")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(self.root / "run.py"), *arguments], capture_output=True, text=True, check=False
        )

    def asked(self) -> list[str]:
        """Return what the stand-ins were asked to run, and forget it."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [line.replace(str(self.root), "ROOT") for line in lines]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "checkout")


@pytest.fixture
def script() -> ModuleType:
    """run.py as a module; importing it does nothing."""
    spec = importlib.util.spec_from_file_location("run_script", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_imports_the_standard_library_alone() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_stays_short() -> None:
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) < 120


def test_checks_are_lint_format_imports_types_and_tests(script: ModuleType) -> None:
    assert list(script.CHECKS) == ["lint", "format", "imports", "types", "types on Windows", "tests"]
    assert [command.split()[0] for command in script.CHECKS.values()] == [
        "ruff", "ruff", "lint-imports", "mypy", "mypy", "pytest"
    ]  # fmt: skip


def test_job_finds_the_tools_of_the_environment_first(script: ModuleType) -> None:
    environment = script.job_environment()
    assert environment["PATH"].split(os.pathsep)[0] == str(script.BIN)
    assert "PYTHONDONTWRITEBYTECODE" not in environment


@pytest.mark.parametrize("version", [(3, 10, 12), (3, 12, 0), (2, 7, 18)])
def test_another_python_is_refused_before_anything_is_made(tmp_path: Path, version: tuple[int, ...]) -> None:
    shutil.copy(SCRIPT, tmp_path)
    pretend = (
        f"import runpy, sys; sys.version_info = {version}; sys.version = '{'.'.join(map(str, version))} (pretended)';"
        "sys.argv = ['run.py', 'demo']; runpy.run_path('run.py', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", pretend], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    named = ".".join(map(str, version))
    assert done.stderr == f"run.py: expected Python 3.11, found {named}; start it with a Python 3.11\n"
    assert [path.name for path in tmp_path.iterdir()] == ["run.py"]


@pytest.mark.parametrize(("arguments", "code"), [((), 2), (("--help",), 0), (("-h",), 0)])
def test_says_how_it_is_used(arguments: tuple[str, ...], code: int) -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "`python run.py demo`" in done.stdout


@UNIX
def test_nothing_is_set_up_again_when_nothing_changed(place: Place) -> None:
    place.mark_installed()
    done = place.run("demo", "--data", "x.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert place.asked() == ["python -m cli demo --data x.csv"]


@UNIX
@pytest.mark.parametrize("changed", ["requirements/platform.lock", "pyproject.toml"])
def test_changed_lock_or_project_is_installed_with_hashes_and_no_more(place: Place, changed: str) -> None:
    place.mark_installed()
    with (place.root / changed).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    done = place.run("lake", "ls")
    assert done.returncode == 0
    assert "installing the locked environment" in done.stderr
    pip, locked, own, job = place.asked()
    assert pip.startswith("python -m pip install")
    assert "--require-hashes" in locked
    assert "--no-deps" in locked
    assert locked.endswith("-r ROOT/requirements/platform.lock")
    assert "--no-deps" in own
    assert own.endswith("-e ROOT")
    assert job == "python -m cli lake ls"
    place.run("lake", "ls")
    assert place.asked() == ["python -m cli lake ls"]


@UNIX
def test_set_up_that_failed_is_tried_again(tmp_path: Path) -> None:
    place = Place(tmp_path / "checkout", fails="--require-hashes")
    assert place.run("demo").returncode != 0
    assert not place.stamp.exists()
    assert not any("cli" in line for line in place.asked())
    place.run("demo")
    assert place.asked()[0].startswith("python -m pip install")


@UNIX
def test_exit_code_of_the_command_is_passed_on(tmp_path: Path) -> None:
    place = Place(tmp_path / "checkout", fails="refused.csv")
    place.mark_installed()
    assert place.run("import", "refused.csv").returncode == 7


@UNIX
def test_every_check_runs_and_one_line_says_that_all_hold(place: Place) -> None:
    place.mark_installed()
    done = place.run("test")
    assert (done.returncode, done.stdout) == (0, "run.py test: 6 of 6 checks hold\n")
    *reading, last = [line.split()[0] for line in place.asked()]
    assert sorted(reading) == ["lint-imports", "mypy", "mypy", "ruff", "ruff"]  # side by side, in any order
    assert last == "pytest"


@UNIX
@pytest.mark.parametrize("shard", [(), ("tests/flows", "tests/realdata")])
def test_long_tests_run_alone_all_or_a_shard(place: Place, shard: tuple[str, ...]) -> None:
    place.mark_installed()
    assert place.run("test", "--nightly", *shard).returncode == 0
    assert place.asked() == [" ".join(("pytest -m nightly", *shard))]


@UNIX
def test_checks_after_a_failed_one_still_run(tmp_path: Path) -> None:
    place = Place(tmp_path / "checkout", fails="--check")
    place.mark_installed()
    done = place.run("test")
    assert (done.returncode, done.stdout) == (1, "run.py test: 5 of 6 checks hold - failed: format\n")
    assert len(place.asked()) == 6


@UNIX
def test_missing_tool_is_a_failed_check(place: Place) -> None:
    place.mark_installed()
    for folder in os.environ["PATH"].split(os.pathsep):
        if shutil.which("lint-imports", path=folder):
            pytest.skip("another lint-imports is on the path")
    (place.root / ".venv" / "bin" / "lint-imports").unlink()
    assert "5 of 6 checks hold - failed: imports" in place.run("test").stdout
