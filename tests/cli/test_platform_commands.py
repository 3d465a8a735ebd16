"""Keys, servers, single stages and benchmarks from the command line."""

import json
import os
import signal
import socket
import stat
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.stages.artifacts import read_table
from market.home import Home
from registry.server import answers
from tests.cli.conftest import RunCommand
from tests.commands import CHECKOUT, run_pregao, start_pregao
from tests.homes import MARKET, fill_lake

Ask = Callable[..., tuple[int, dict[str, Any]]]


UNIX = pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches every process of the console there")


def interrupt(process: subprocess.Popen[str]) -> int:
    """Press Ctrl-C and return the exit code."""
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    return process.returncode


def first_answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout
    return dict(json.loads(process.stdout.readline()))


def test_init_makes_a_key_once(ask: Ask, home: Home) -> None:
    code, first = ask("init")
    assert (code, first["home"], len(bytes.fromhex(first["public_key"]))) == (0, str(home.root), 32)
    assert ask("init") == (0, first)
    private = home.keys / "signing.key"
    if private.exists() and os.name != "nt":  # where no keyring holds it
        assert stat.S_IMODE(private.stat().st_mode) == 0o600


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, dict[str, Any]]]:
    """A home whose MLflow server `pregao ui` keeps running; Ctrl-C must end both."""
    home = Home(tmp_path_factory.mktemp("served"))
    process = start_pregao(home, "ui", "--json")
    said = first_answer(process)
    yield home, said
    assert interrupt(process) == 0
    assert not answers(said["mlflow"], timeout_s=1.0)


@UNIX
def test_ui_names_the_server_and_the_pages(served: tuple[Home, dict[str, Any]]) -> None:
    home, said = served
    assert said == {
        "ok": True, "mlflow": said["mlflow"], "report": str(home.artifacts / "report" / "report.html"),
        "data_summary": str(home.artifacts / "validation" / "summary.html"),
    }  # fmt: skip
    with urllib.request.urlopen(f"{said['mlflow']}/health", timeout=10) as page:
        assert page.read() == b"OK"


@UNIX
def test_gates_of_a_version_that_nobody_registered_are_refused(served: tuple[Home, dict[str, Any]]) -> None:
    """One object, although MLflow logs and warns on the way."""
    home, said = served
    done = run_pregao(home, "gate", "explain", "1", "--json", MLFLOW_TRACKING_URI=said["mlflow"])
    assert (done.code, done.answer["ok"], done.answer["gates"]) == (2, False, None)
    assert "`pregao retrain` registers one" in done.answer["reason"]


@UNIX
def test_serve_answers_until_it_is_interrupted(home: Home) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = start_pregao(home, "serve", "--port", str(port), "--json")
    address = first_answer(process)["console"]
    assert address == f"http://127.0.0.1:{port}/status"
    deadline = time.monotonic() + 30
    while not answers(address.removesuffix("/status"), timeout_s=1.0):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with urllib.request.urlopen(address, timeout=10) as page:
        assert json.load(page)["journal"] is None
    assert interrupt(process) in (0, 130)


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """Parameters that fit the small market."""
    values = yaml.safe_load((CHECKOUT / "params.yaml").read_text(encoding="utf-8"))
    values["data"] |= {"contract": MARKET.symbol, "held_back_sessions": 1}
    values["features"] |= {"set": "core10", "exclude": [], "preload_sessions": 1}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return tmp_path / "small.yaml"


def test_stage_runs_alone_and_says_nothing_else(run: RunCommand, ask: Ask, home: Home, params: Path) -> None:
    fill_lake(home)
    done = run("stage", "features", "--params", params)
    assert (done.code, done.out) == (0, "")
    rows = read_table(home.artifacts / "features" / "rows.parquet")
    assert len(set(rows["_session"].tolist())) == len(MARKET.days())
    assert ask("stage", "features", "--params", params) == (0, {"ok": True, "stage": "features"})


def test_stage_before_its_turn_says_what_is_missing(ask: Ask, home: Home, params: Path) -> None:
    fill_lake(home)
    code, said = ask("stage", "labels", "--params", params)
    assert (code, said["stage"]) == (1, None)
    assert "rows.parquet: expected the output of an earlier stage" in said["reason"]


def test_stage_without_data_says_how_to_get_some(ask: Ask, params: Path) -> None:
    code, said = ask("stage", "features", "--params", params)
    assert code == 1
    assert "expected events of WINQ26, found none; import a file" in said["reason"]


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_bench_reports_seconds_and_memory_of_every_stage(home: Home) -> None:
    done = run_pregao(home, "bench", "main", "--json")
    assert done.code == 0
    rows = {row["work"]: row for row in done.answer["rows"]}
    for stage in ("collect", "validate", "features", "labels", "train", "backtest", "evaluate", "register", "paper"):
        assert rows[f"{stage} wall time"]["unit"] == "s"
        assert rows[f"{stage} peak memory"]["ours"] > 0
    assert set(rows["whole job wall time"]) == {"work", "unit", "ours", "peer", "peer_name", "ratio"}
    assert not home.artifacts.exists()
    assert not home.lake.exists()
