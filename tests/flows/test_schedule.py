"""The schedule on a real server of Prefect: a due run runs, a late one is skipped, a failure is told."""

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from flows.commands import CHECKOUT
from flows.jobs import JOBS
from market.home import Home


@pytest.fixture
def address(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("PREFECT_HOME", str(home.state / "prefect"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    from flows.prefect_server import prefect_server

    with prefect_server(home) as api:
        yield api


SUBMIT = """
import datetime as dt, sys
from prefect.deployments import run_deployment
when = dt.datetime.now(dt.UTC) + dt.timedelta(hours=float(sys.argv[2]))
done = run_deployment(f"scheduled/{sys.argv[1]}", scheduled_time=when, timeout=240, poll_interval=1)
print(done.state.name, "|", done.state.message)
"""


def submit(job: str, hours: float) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SUBMIT, job, str(hours)], capture_output=True, text=True, check=False, cwd=CHECKOUT
    )
    return done.stdout.strip() or done.stderr[-800:]


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_late_runs_are_skipped_and_failures_are_told(home: Home, address: str) -> None:
    environment = {**os.environ, "PREGAO_HOME": str(home.root), "PREFECT_API_URL": address}
    serving = subprocess.Popen([sys.executable, "-m", "cli", "schedule"], cwd=CHECKOUT, env=environment)
    try:
        deadline = time.monotonic() + 120
        while "ObjectNotFound" in (answer := submit(JOBS[0].name, -3)) and time.monotonic() < deadline:
            time.sleep(1)
        assert answer.startswith("Skipped | late by 180 minutes"), answer
        # A file stands where the page's folder should be: the command dies, and nothing is tried again.
        home.artifacts.write_text("", encoding="utf-8")
        told = submit("weekly_review", 0)
        assert told.startswith("Failed"), told
        alert = (home.logs / "alerts.log").read_text(encoding="utf-8")
        assert " weekly_review Failed: " in alert
        assert dt.date.today().isoformat()[:4] in alert
    finally:
        serving.terminate()
        serving.wait(timeout=60)
