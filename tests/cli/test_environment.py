"""Where the user's folder is, and what is set before anything heavy loads."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.environment import CHECKOUT, KERNEL_PLACES, find_home, set_environment
from market.errors import UsageError
from market.home import Home

# stack.md, "Environment block to set once"; MLflow counts DO_NOT_TRACK only as the word true.
REQUIRED = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "DVC_NO_ANALYTICS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_COMPILE_BYTECODE": "1",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
}


def test_named_folder_is_the_home_also_before_it_exists(tmp_path: Path) -> None:
    assert find_home({"PREGAO_HOME": str(tmp_path / "not yet")}).root == tmp_path / "not yet"


def test_relative_folder_counts_from_here() -> None:
    assert find_home({"PREGAO_HOME": "here"}).root == Path.cwd() / "here"


def test_tilde_is_the_users_own_folder() -> None:
    assert find_home({"PREGAO_HOME": "~/pregao-data"}).root == Path("~/pregao-data").expanduser().resolve()


@pytest.mark.parametrize("environment", [{}, {"PREGAO_HOME": ""}])
def test_checkout_is_the_home_where_none_is_named(environment: dict[str, str]) -> None:
    assert find_home(environment).root == CHECKOUT


def test_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"PREGAO_HOME=.*expected a folder, found a file"):
        find_home({"PREGAO_HOME": str(tmp_path / "file")})


@pytest.mark.parametrize(("name", "value"), REQUIRED.items())
def test_block_is_set(home: Home, name: str, value: str) -> None:
    environment: dict[str, str] = {}
    set_environment(home, environment)
    assert environment[name] == value


def test_every_cache_lies_in_the_home(home: Home) -> None:
    environment: dict[str, str] = {}
    set_environment(home, environment)
    for name in ("PREFECT_HOME", "NUMBA_CACHE_DIR", "MPLCONFIGDIR"):
        assert home.state in Path(environment[name]).parents


def test_what_the_user_set_stays(home: Home) -> None:
    mine = {"OMP_WAIT_POLICY": "ACTIVE", "NUMBA_CACHE_DIR": "/mine", "PREFECT_HOME": "/prefect"}
    environment = dict(mine)
    set_environment(home, environment)
    assert {name: environment[name] for name in mine} == mine


def test_bytecode_is_written_whatever_the_shell_says(home: Home) -> None:
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}
    set_environment(home, environment)
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert not sys.dont_write_bytecode


def run_in(folder: Path, code: str, **environment: str) -> str:
    """Run Python on the packages of another folder."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The packages without the checkout around them, as on a trading host."""
    for package in ("cli", "market", "features", "forest", "trading", "models", "flows"):
        shutil.copytree(CHECKOUT / package, tmp_path / "host" / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "host"


def test_home_without_a_checkout_is_in_the_users_folder(elsewhere: Path, tmp_path: Path) -> None:
    shown = run_in(
        elsewhere, "from cli.environment import find_home; print(find_home({}).root)",
        HOME=str(tmp_path), USERPROFILE=str(tmp_path),
    )  # fmt: skip
    assert Path(shown) == tmp_path / "pregao"


def test_compiled_code_is_kept_apart_for_every_state_of_the_kernels(elsewhere: Path) -> None:
    """A kernel inlined from another file would otherwise run in its old form (numba looks at one file only)."""
    show = "from cli.environment import kernel_digest; print(kernel_digest())"
    before = run_in(elsewhere, show)
    (elsewhere / "flows" / "meter.py").write_text("# no kernels here\n", encoding="utf-8")
    assert run_in(elsewhere, show) == before
    source = elsewhere / "market" / "readers" / "screen.py"
    source.write_text(source.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert run_in(elsewhere, show) != before


def test_every_file_with_a_kernel_counts() -> None:
    sources = [path.relative_to(CHECKOUT) for path in CHECKOUT.glob("[a-z]*/**/*.py") if path.name != "kernel.py"]
    own = {path for path in sources if "\n@kernel" in (CHECKOUT / path).read_text(encoding="utf-8")}
    own = {path for path in own if path.parts[0] not in ("tests", "benchmarks")}
    assert {"market", "features", "forest", "trading", "live"} <= {path.parts[0] for path in own}
    assert [path for path in own if not any(path.is_relative_to(place) for place in KERNEL_PLACES)] == []


def test_nothing_heavy_is_loaded_before_the_block_is_set() -> None:
    code = (
        "import cli.main, sys; print({'numpy', 'numba', 'pyarrow', 'pandas', 'mlflow', 'prefect'} & set(sys.modules))"
    )
    assert run_in(CHECKOUT, code) == "set()"
