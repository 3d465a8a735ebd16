"""The server of `deploy/mlflow.service`: its command as it stands there, on sqlite and on a real PostgreSQL."""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from market.home import Home
from registry.bundle import digest
from registry.fetch import Shelf
from registry.gates import Evidence
from registry.promotion import promote_at
from registry.pull import take
from registry.server import _command, answers
from registry.serving import open_served
from registry.signing import SigningKey
from registry.tracking import Candidate, log_candidate
from tests.commands import CHECKOUT
from tests.homes import sign_model
from tests.registry.shelves import gates_of_evidence

UNIT = CHECKOUT / "deploy" / "mlflow.service"
PORT = "5000"


def lines_of(key: str) -> list[str]:
    """Return the values of a key of the unit."""
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


def test_unit_runs_what_every_command_starts_for_itself(tmp_path: Path) -> None:
    own, (unit,) = _command(tmp_path, 1), lines_of("ExecStart")
    flags = {word for word in shlex.split(unit) if word.startswith("--")}
    assert flags == {word for word in own if word.startswith("--")}
    assert "--host 127.0.0.1" in unit
    assert "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false" in lines_of("Environment")
    assert "BACKEND=sqlite:////srv/pregao/mlruns/mlflow.db" in lines_of("Environment")


@contextmanager
def served(folder: Path, backend: str, port: int) -> Iterator[str]:
    """Run the unit's command with paths of a test, and yield its address."""
    (unit,) = lines_of("ExecStart")
    words = [
        word.replace("${BACKEND}", backend).replace("/srv/pregao/.venv/bin/python", sys.executable)
        .replace("file:///srv/pregao/mlruns", folder.as_uri()).replace(PORT, str(port))
        for word in shlex.split(unit)
    ]  # fmt: skip
    settings = dict(line.split("=", 1) for line in lines_of("Environment"))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(words, cwd=folder, env={**os.environ, **settings}, stdout=log, stderr=log)
    family = psutil.Process(server.pid)
    try:
        deadline = time.monotonic() + 240
        while not answers(f"http://127.0.0.1:{port}", timeout_s=1.0):
            assert server.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        members = [*family.children(recursive=True), family]
        for member in members:
            member.terminate()
        psutil.wait_procs(members, timeout=20)


def postgres_bin() -> Path:
    """Return the folder of the server's programs, or skip."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), shutil.which("initdb")]
    if not (program := next((one for one in found if one), None)):
        pytest.skip("no PostgreSQL server is installed")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg, which MLflow speaks to PostgreSQL with, is not installed")
    return Path(program).parent


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL of its own and yield the address of an empty database; it refuses to run as root."""
    programs, folder = postgres_bin(), Path(tempfile.mkdtemp(prefix="pregao-postgres-"))
    as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_owner:
        shutil.chown(folder, "postgres")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"

    def run(program: str, *arguments: str) -> None:
        subprocess.run([*as_owner, str(programs / program), *arguments], check=True, capture_output=True, cwd=folder)

    try:
        run("initdb", "-D", str(folder / "data"), "-U", "mlflow", "-A", "trust")
        run("pg_ctl", "-D", str(folder / "data"), "-l", str(folder / "log"), "-o", options, "-w", "start")
        try:
            run("createdb", "-h", str(folder), "-U", "mlflow", "mlflow")
            yield f"postgresql+psycopg://mlflow@/mlflow?host={folder}"
        finally:
            run("pg_ctl", "-D", str(folder / "data"), "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / 'mlflow.db'}"


@pytest.mark.nightly
@pytest.mark.skipif(os.name == "nt", reason="the unit is systemd's")
@pytest.mark.parametrize(("kind", "port"), [("sqlite", 5417), ("postgresql", 5418)])
def test_register_promote_and_pull(
    tmp_path: Path, registry_home: Path, home_key: SigningKey, good_evidence: Evidence,
    make_candidate: Callable[..., Candidate], kind: str, port: int,
) -> None:  # fmt: skip
    home, name = Home(registry_home), f"kept-on-{kind}"
    folder = sign_model(home, name)
    candidate = make_candidate("KEPT", registered_name=name, bundle_folder=folder)
    gates = gates_of_evidence(replace(good_evidence, champion_exists=False))
    candidate = replace(candidate, tags={"bundle_digest": digest(folder)}, gates=gates, plots=())
    with sqlite(tmp_path) if kind == "sqlite" else postgres() as backend, served(tmp_path, backend, port) as uri:
        assert log_candidate(uri, candidate).alias == "challenger"
        assert promote_at(home, uri, name, 1).failing == ()
        done = take(home, Shelf(uri).fetch(name, "champion"))
    assert done.entry.digest == digest(folder)
    served_now = open_served(home, "WIN")
    assert served_now is not None
    assert served_now.bundle.digest == digest(folder)
