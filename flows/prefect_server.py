"""Prefect's server on loopback for as long as the schedule runs, with its database in the home."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

from market.errors import ServerUnavailable
from market.home import Home
from registry.server import free_port

START_TIMEOUT_S = 180.0
API = "PREFECT_API_URL"


@contextlib.contextmanager
def prefect_server(home: Home) -> Iterator[str]:
    """Yield the address of the server that PREFECT_API_URL names, or of one started here and stopped at the end.

    Raises
    ------
    ServerUnavailable
        If it does not answer in time.
    """
    named = os.environ.get(API)
    if named:
        yield named
        return
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    home.logs.mkdir(parents=True, exist_ok=True)
    home.state.mkdir(parents=True, exist_ok=True)  # Prefect makes its own folder, not the one above it
    with (home.logs / "prefect.log").open("ab") as log:
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        child = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _await_answer(home, child, api)
        os.environ[API] = api
        yield api
    finally:
        os.environ.pop(API, None)
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=30)
        child.kill()


def _await_answer(home: Home, child: "subprocess.Popen[bytes]", api: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and child.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{api}/health", timeout=2):
            return
        time.sleep(0.2)
    code = child.poll()
    found = "none" if code is None else f"that it ended with code {code}"
    raise ServerUnavailable(
        f"Prefect server: expected an answer within {START_TIMEOUT_S:.0f} s, found {found}; see {home.logs}/prefect.log"
    )
