"""The project's own MLflow server, on loopback, for as long as somebody needs it.

One server per home. Its users are written beside its port; the last one out stops it, also when the process that
started it was killed meanwhile.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from market.errors import ServerUnavailable
from registry.process_tree import STOP_TIMEOUT_S, children_of, end_trees

START_TIMEOUT_S = 180.0  # its first start makes the database; a busy machine took over a minute
ANSWER_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class _Process:
    """A process, told from a later one of the same id by its start (seconds since 1970)."""

    pid: int
    started: float

    def find(self) -> psutil.Process | None:
        """Return the running process, or None once it is gone."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 2.0
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


@dataclass(frozen=True)
class _Server:
    """A running server: its port, its processes, and the processes that use it (one entry per use)."""

    port: int
    processes: tuple[_Process, ...]
    users: tuple[_Process, ...]

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def tracking_server(home: Path, uri: str | None = None) -> Iterator[str]:
    """Yield the address of a tracking server, starting the project's own where none is given.

    Parameters
    ----------
    home : Path
        PREGAO_HOME: the server keeps ``mlruns/``, writes ``logs/mlflow.log`` and leaves its port in ``state/``.
    uri : str, optional
        The value of MLFLOW_TRACKING_URI; if given, it is yielded and nothing is started.

    Raises
    ------
    ServerUnavailable
        The server did not answer within 180 seconds; the message ends with the tail of its log.
    """
    if uri:
        yield uri
        return
    home = home.absolute()
    with environment(no_proxy=_no_proxy()):
        server = _join(home)
        try:
            yield server.uri
        finally:
            _leave(home)


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set environment variables of this process for a while, then put back what stood there."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def answers(uri: str, timeout_s: float = ANSWER_TIMEOUT_S) -> bool:
    """Return whether something speaks HTTP at an address; any status counts, for a proxy may hide ``/health``."""
    try:
        # An opener of its own reads the proxy settings of this moment, not those of the first call.
        with urllib.request.build_opener().open(f"{uri.rstrip('/')}/health", timeout=timeout_s):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def _join(home: Path) -> _Server:
    """Enter this process as a user of the server of `home`, which is started if none answers."""
    with _lock(home):
        server = _running(home) or _start(home)
        server = replace(server, users=(*_alive(server.users), _this_process()))
        _save(home, server)
    return server


def _leave(home: Path) -> None:
    """Take one use of this process away and stop the server if it was the last."""
    with _lock(home):
        server = _load(home)
        if server is None:
            return
        users = list(_alive(server.users))
        if _this_process() in users:
            users.remove(_this_process())
        if users:
            _save(home, replace(server, users=tuple(users)))
        else:
            _stop(server.processes)
            _state_file(home).unlink()


def _running(home: Path) -> _Server | None:
    """Return the recorded server if it still answers; what is left of one that does not is stopped."""
    server = _load(home)
    if server is None:
        return None
    if _alive(server.processes) and answers(server.uri):
        return server
    _stop(server.processes)
    return None


def _start(home: Path) -> _Server:
    for folder in ("mlruns/artifacts", "logs", "state"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    port = free_port()
    with (home / "logs" / "mlflow.log").open("wb") as log:
        child = subprocess.Popen(
            _command(home, port),
            cwd=home / "mlruns",  # not a folder whose packages could hide the server's own
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # the terminal's interrupt is ours to answer, not the server's
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    root = psutil.Process(child.pid)
    with ExitStack() as unless_it_answers:
        unless_it_answers.callback(child.wait)
        unless_it_answers.callback(lambda: _stop(_tree(root)))
        _await_answer(home, child, port)
        unless_it_answers.pop_all()
    return _Server(port, _tree(root), ())


def _command(home: Path, port: int) -> list[str]:
    runs = home / "mlruns"
    return [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--backend-store-uri", f"sqlite:///{(runs / 'mlflow.db').as_posix()}"),
        *("--serve-artifacts", "--artifacts-destination", (runs / "artifacts").as_uri()),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
    ]


def _no_proxy() -> str:
    """Return the hosts to call directly: our own server is never behind the proxy the environment may name."""
    listed = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    return f"{listed},127.0.0.1" if listed else "127.0.0.1"


def _environment() -> dict[str, str]:
    """Return this process's environment with every MLflow setting but ours taken out."""
    kept = {key: value for key, value in os.environ.items() if not key.upper().startswith(("MLFLOW_", "_MLFLOW_"))}
    ours = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    return kept | ours


def _await_answer(home: Path, child: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while child.poll() is None and time.monotonic() < deadline:
        if answers(f"http://127.0.0.1:{port}", timeout_s=1.0):
            return
        time.sleep(0.1)
    log = home / "logs" / "mlflow.log"
    found = "no answer" if child.poll() is None else f"an end with code {child.returncode}"
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
    raise ServerUnavailable(
        f"MLflow server for {home}: expected an answer on port {port} within {START_TIMEOUT_S:.0f} s, found {found}; "
        f"correct what its log {log} says last:\n{tail}"
    )


def _stop(processes: tuple[_Process, ...]) -> None:
    end_trees(found for process in processes if (found := process.find()))


def _tree(root: psutil.Process) -> tuple[_Process, ...]:
    return tuple(_Process(member.pid, member.create_time()) for member in (root, *children_of(root)))


def _alive(processes: tuple[_Process, ...]) -> tuple[_Process, ...]:
    return tuple(process for process in processes if process.find())


def _this_process() -> _Process:
    return _Process(os.getpid(), psutil.Process().create_time())


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    """Let one process at a time start, join or leave; the wait covers a slow start by another."""
    (home / "state").mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / "state" / "mlflow-server.lock", timeout=START_TIMEOUT_S + 3 * STOP_TIMEOUT_S)
    try:
        lock.acquire()
    except Timeout as error:
        expected = f"{lock.lock_file}: expected this lock within {lock.timeout:.0f} s, found it held"
        raise ServerUnavailable(f"{expected}; end the other pregao command that starts or stops the server") from error
    try:
        yield
    finally:
        lock.release()


def _state_file(home: Path) -> Path:
    return home / "state" / "mlflow-server.json"


def _save(home: Path, server: _Server) -> None:
    draft = _state_file(home).with_suffix(".draft")
    draft.write_text(json.dumps(asdict(server)), encoding="utf-8")
    draft.replace(_state_file(home))


def _load(home: Path) -> _Server | None:
    """Return the recorded server; a record that a power cut left unreadable says nothing."""
    try:
        state = json.loads(_state_file(home).read_text(encoding="utf-8"))
        processes, users = (tuple(_Process(**entry) for entry in state[key]) for key in ("processes", "users"))
    except (FileNotFoundError, ValueError):
        return None
    return _Server(state["port"], processes, users)
