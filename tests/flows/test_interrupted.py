"""A run killed outright leaves the lake and the registry as before, and the next run completes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from market.home import Home
from market.lake import Lake
from registry.aliases import alias_holder
from registry.bundle import load_bundle
from registry.judgement import verified_record
from registry.server import tracking_server
from registry.signing import public_key
from registry.tracking import download_bundle, models, versions

CHECKOUT = Path(__file__).resolve().parents[2]
PARAMS = Path(__file__).with_name("small.yaml")
NAME = "pregao-win-60s"


def start(home: Home) -> subprocess.Popen[bytes]:
    """Start a run that answers into a file: a pipe would stay open in the servers of a killed run."""
    home.root.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "cli", "demo", "--params", str(PARAMS), "--json"],
        stdout=(home.root / "answer.json").open("wb"), stderr=subprocess.DEVNULL, cwd=CHECKOUT,
        env={**os.environ, "PREGAO_HOME": str(home.root), "PREFECT_HOME": str(home.state / "prefect")},
    )  # fmt: skip


def kill_when(home: Home, reached: Callable[[], bool]) -> None:
    """Start a run and kill it, with no chance to clean up, as soon as it got so far."""
    run = start(home)
    deadline = time.monotonic() + 600
    while not reached():
        assert run.poll() is None, "the run ended before it got there"
        assert time.monotonic() < deadline, "the run never got there"
        time.sleep(0.005)
    run.kill()
    run.wait(timeout=30)


def registered(home: Home) -> list[str]:
    with tracking_server(home.root) as uri:
        return [f"{name} {one.version}" for name in models(uri) for one in versions(uri, name)]


def servers_of(home: Home) -> list[psutil.Process]:
    """Prefect servers that still run for a home."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any("prefect.server" in part for part in process.info["cmdline"] or ()):
            try:
                if process.environ().get("PREFECT_HOME") == str(home.state / "prefect"):
                    found.append(process)
            except psutil.Error:
                continue
    return found


@pytest.mark.nightly
@pytest.mark.timeout(2400)
def test_killed_runs_leave_lake_and_registry_whole_and_the_next_run_completes(home: Home) -> None:
    lake = Lake(home.lake)

    kill_when(home, lambda: any(home.lake.rglob("*.parquet*")))
    assert lake.verify() == []
    assert len(lake.partitions()) in (0, 48)  # trades and quotes of 24 sessions, or nothing

    kill_when(home, lambda: (home.artifacts / "train" / "folds" / "0" / "manifest.json").exists())
    assert lake.verify() == []
    before = lake.data_hash()
    assert registered(home) == []

    last = start(home)
    assert last.wait(timeout=900) == 0
    answer = json.loads((home.root / "answer.json").read_text(encoding="utf-8"))
    assert answer["ok"]
    assert lake.data_hash() == before
    assert registered(home) == [f"{NAME} 1"]
    assert servers_of(home) == []


# What is there as soon as a task has begun: what the task before it leaves last.
BEGUN = {
    "labels": "features/schema.json",
    "train": "labels/shares.json",
    "second fold": "train/folds/0/manifest.json",
    "backtest": "train/summary.json",
    "leaks": "backtest/metrics.json",
    "evaluate": "leaks/leaks.json",
    "report": "evaluation/metrics.json",
    "register": "report/report.html",
}


@pytest.mark.nightly
@pytest.mark.timeout(3000)
def test_runs_killed_in_every_task_promote_nothing_by_half(home: Home, tmp_path: Path) -> None:
    for task, left in BEGUN.items():
        path, started = home.artifacts / left, time.time()
        kill_when(home, lambda path=path, started=started: path.exists() and path.stat().st_mtime >= started)
        assert Lake(home.lake).verify() == [], task
        assert_whole(home, tmp_path / task)
    last = start(home)
    assert last.wait(timeout=900) == 0
    assert_whole(home, tmp_path / "last")
    assert len(registered(home)) in (1, 2)  # the run killed while it registered may have come to its end
    assert servers_of(home) == []


def assert_whole(home: Home, target: Path) -> None:
    """Every version there is has its bundle, which verifies, its signed gates, and no alias they do not give it."""
    with tracking_server(home.root) as uri:
        for one in versions(uri, NAME) if NAME in models(uri) else []:
            download_bundle(uri, NAME, one.version, target / str(one.version))
            digest = load_bundle(target / str(one.version), public_key(home.keys)).digest
            record = verified_record(home, uri, one)
            assert record.bundle_digest == digest
            assert alias_holder(uri, NAME, "champion") is None
            if alias_holder(uri, NAME, "challenger") == one.version:
                assert not record.failing("challenger")
