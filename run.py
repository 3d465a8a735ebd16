"""Set the project up and run it: `python run.py demo`, `python run.py test`, or any `pregao` command.

Needs only Python 3.11 and its standard library. Safe to repeat: when nothing changed it does nothing.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
LOCK = ROOT / "requirements" / "platform.lock"
STAMP = VENV / "pregao-setup"

# Every check of `run.py test`; the order puts the quick ones first.
CHECKS = {
    "lint": "ruff check .",
    "format": "ruff format --check .",
    "imports": "lint-imports",
    "types": "mypy",
    "types on Windows": "mypy --platform win32 --cache-dir .mypy_cache/win32 -p live",
    # In the order of tests/conftest.py: where both workers met files of one folder last, both compiled the same.
    "tests": "pytest -n 2 --dist loadfile --no-loadscope-reorder",
}


def main(arguments: list[str]) -> int:
    if sys.version_info[:2] != (3, 11):
        found = sys.version.split()[0]
        print(f"run.py: expected Python 3.11, found {found}; start it with a Python 3.11", file=sys.stderr)
        return 2
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    try:
        set_up()
    except subprocess.CalledProcessError as error:
        print(f"run.py: set-up failed, see above ({error.cmd[-1]}); mend it and run again", file=sys.stderr)
        return 1
    environment = job_environment()
    if arguments[0] == "test":
        return run_checks(nightly(arguments[2:]) if arguments[1:2] == ["--nightly"] else CHECKS, environment)
    return subprocess.run([PYTHON, "-m", "cli", *arguments], cwd=ROOT, env=environment, check=False).returncode


def set_up() -> None:
    """Make .venv and install the hashed lock with uv, unless the same lock is installed already."""
    wanted = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text(encoding="ascii") == wanted and PYTHON.exists():
        return
    print("run.py: installing the locked environment into .venv (once, about a minute)", file=sys.stderr)
    if not PYTHON.exists():
        venv.create(VENV, with_pip=True)
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_COMPILE_BYTECODE": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    uv = [PYTHON, "-m", "uv", "--quiet", "pip"]
    for command in (
        [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv>=0.8"],
        [*uv, "install", "--python", PYTHON, "--no-deps", "--require-hashes", "-r", LOCK],
        [*uv, "install", "--python", PYTHON, "--no-deps", "--no-build-isolation", "-e", ROOT],
    ):
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
    STAMP.write_text(wanted, encoding="ascii")


def job_environment() -> dict[str, str]:
    """Return the environment of the job: the tools of .venv first; `cli` sets the rest of the block."""
    environment = {**os.environ, "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", "")])}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def nightly(shard: list[str]) -> dict[str, str]:
    """Return the check of the long tests: those of the files and folders named, or all."""
    return {"tests": " ".join(["pytest -m nightly", *shard])}


def run_checks(checks: dict[str, str], environment: dict[str, str]) -> int:
    """Run every check, also after a failure, and say in one line which held.

    What reads the source alone takes one processor each, so it runs side by side; the tests take all and come last.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reading = {name: pool.submit(run_check, name, checks[name], environment) for name in checks if name != "tests"}
        held = {name: done.result() for name, done in reading.items()}
    held["tests"] = run_check("tests", checks["tests"], environment, alone=True)
    failed = [name for name in checks if not held[name]]
    print(f"run.py test: {len(checks) - len(failed)} of {len(checks)} checks hold", *(f"- failed: {x}" for x in failed))
    return 1 if failed else 0


def run_check(name: str, command: str, environment: dict[str, str], *, alone: bool = False) -> bool:
    """Run one check and return whether it held; what it says comes at once where it runs alone, else at its end."""
    tool, *rest = command.split()
    told, found = f"run.py: {name}: {command}", shutil.which(tool, path=environment["PATH"])
    if alone:
        print(told, file=sys.stderr, flush=True)
    sinks = {} if alone else {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run([found, *rest], cwd=ROOT, env=environment, check=False, **sinks) if found else None
    if not alone:
        print(f"{told}\n{done.stdout if done else ''}", file=sys.stderr, end="", flush=True)
    return done is not None and done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
