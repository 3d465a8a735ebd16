import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from market.errors import ServerUnavailable
from registry.server import answers, environment, tracking_server

ROOT = Path(__file__).parents[2]

LEFT_BEHIND = """
import os, signal, sys
from pathlib import Path
from registry.server import tracking_server

with tracking_server(Path(sys.argv[1])) as uri:
    print(uri, flush=True)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""


def state(home: Path) -> Path:
    return home / "state" / "mlflow-server.json"


def recorded(home: Path) -> list[int]:
    return [entry["pid"] for entry in json.loads(state(home).read_text(encoding="utf-8"))["processes"]]


def test_given_address_is_yielded_and_nothing_is_started(tmp_path: Path) -> None:
    with tracking_server(tmp_path, "http://team.example:5000") as uri:
        assert uri == "http://team.example:5000"
    assert list(tmp_path.iterdir()) == []


def test_second_user_shares_the_server_and_leaves_it_running(registry_home: Path, registry_uri: str) -> None:
    before = recorded(registry_home)
    with tracking_server(registry_home) as uri:
        assert uri == registry_uri
        assert recorded(registry_home) == before
    assert answers(registry_uri)


def test_server_keeps_its_files_in_the_home(registry_home: Path, registry_uri: str) -> None:
    assert {path.name for path in registry_home.iterdir()} == {"mlruns", "logs", "state"}
    assert (registry_home / "mlruns" / "mlflow.db").exists()
    assert "Uvicorn running" in (registry_home / "logs" / "mlflow.log").read_text(encoding="utf-8")


def test_server_runs_no_job_workers(registry_home: Path, registry_uri: str) -> None:
    """stack.md §3: eight job workers would take 2.5 GB."""
    assert len(recorded(registry_home)) <= 3


@pytest.mark.nightly
def test_server_of_a_killed_command_is_taken_over_and_then_stopped(tmp_path: Path) -> None:
    """The recorded server of before a restart of the machine is no obstacle either."""
    state(tmp_path).parent.mkdir()
    gone = {"pid": 2**22 + 1, "started": 1.0}
    state(tmp_path).write_text(json.dumps({"port": 9, "processes": [gone], "users": [gone]}), encoding="utf-8")
    script = [sys.executable, "-c", LEFT_BEHIND, str(tmp_path)]
    killed = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert killed.returncode == (-signal.SIGKILL if os.name == "posix" else 15)
    left = recorded(tmp_path)
    assert all(psutil.pid_exists(pid) for pid in left)
    with tracking_server(tmp_path) as uri:
        assert uri == killed.stdout.strip()
        assert recorded(tmp_path) == left
    assert not any(psutil.pid_exists(pid) for pid in left)
    assert not answers(uri)
    assert not state(tmp_path).exists()


def test_start_that_fails_shows_its_log_and_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").write_text("no database " * 500, encoding="utf-8")
    with pytest.raises(ServerUnavailable, match="file is not a database"), tracking_server(tmp_path):
        pass
    here = [process for process in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(cmdline(process))]
    assert here == []
    assert not state(tmp_path).exists()


def cmdline(process: psutil.Process) -> list[str]:
    return process.info["cmdline"] or []


def test_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREGAO_TEST_SET", "before")
    monkeypatch.delenv("PREGAO_TEST_UNSET", raising=False)
    with environment(PREGAO_TEST_SET="during", PREGAO_TEST_UNSET="during"):
        assert os.environ["PREGAO_TEST_UNSET"] == os.environ["PREGAO_TEST_SET"] == "during"
    assert os.environ["PREGAO_TEST_SET"] == "before"
    assert "PREGAO_TEST_UNSET" not in os.environ


def test_own_server_is_reached_past_a_proxy(registry_home: Path, registry_uri: str) -> None:
    """A proxy named in the environment would be asked for 127.0.0.1 as well."""
    with environment(http_proxy="http://127.0.0.1:9", no_proxy="intranet"):
        assert not answers(registry_uri)
        with tracking_server(registry_home) as uri:
            assert answers(uri)
            assert os.environ["no_proxy"] == "intranet,127.0.0.1"
        assert os.environ["no_proxy"] == "intranet"
