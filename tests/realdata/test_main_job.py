"""The whole main job, as a user runs it, on a real export; and what one morning of real ticks can and cannot do."""

import csv
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.stages import backtest, features
from market.home import Home
from market.lake import Lake
from market.types import BAR
from registry.record import verify
from trading.journal import Kind, read
from trading.records import DECISION

pytestmark = pytest.mark.nightly

CHECKOUT = Path(__file__).resolve().parents[2]
PARAMS = Path(__file__).with_name("params.yaml")
WIN = "b3/profit_bars_reheadered/WIN_5min_test.csv"
TICKS = "b3/mt5_ticks/DOLK20.csv"
CHALLENGER_GATES = [
    "provenance_known", "schema_equal", "leak_suite", "parity", "bundle_verifies", "latency", "fills", "sharpe",
    "deflated_sharpe", "pbo", "drawdown", "calibration", "class_shares", "action_rate",
]  # fmt: skip
CHAMPION_GATES = ["provenance_real", "paper_sessions", "beats_champion"]


def pregao(home: Home, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run a command in a home of its own and return its exit code and its one JSON object."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments, "--json"],
        capture_output=True, text=True, check=False, cwd=CHECKOUT, env={**os.environ, "PREGAO_HOME": str(home.root)},
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    assert len(lines) == 1, f"expected one object on standard output, found {lines} and {done.stderr[-2000:]}"
    return done.returncode, json.loads(lines[0])


@pytest.fixture(scope="module")
def job(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, Any]]:
    """One run of the main job on WIN five-minute bars; the tests below read what it left."""
    home = Home(tmp_path_factory.mktemp("main-job"))
    code, answer = pregao(home, "demo", "--data", str(realdata / WIN), "--params", str(PARAMS))
    assert code == 0, answer
    return home, answer


@pytest.fixture(scope="module")
def rows(realdata: Path) -> list[dict[str, str]]:
    """The file as the csv module reads it."""
    with (realdata / WIN).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_of_the_file_is_in_the_lake(job: tuple[Home, Any], rows: list[dict[str, str]]) -> None:
    lake = Lake(job[0].lake)
    days = {date(*map(int, row["Data"].split("/")[::-1])) for row in rows}
    assert len(rows) == 45_818
    assert lake.sessions("WIN$") == sorted(days)
    bars = np.concatenate([lake.read_bars("WIN$", day, 300) for day in sorted(days)])
    assert bars.dtype == BAR
    assert bars["close"].tolist() == [round(float(row["Fechamento"]) / 5) for row in rows]
    assert bars["volume"].tolist() == [int(row["Volume"]) for row in rows]


def test_provenance_names_the_file_and_calls_it_adjusted_and_real(job: tuple[Home, Any]) -> None:
    found = {p.provenance for p in Lake(job[0].lake).partitions()}
    assert len(found) == 1
    one = found.pop()
    assert one.source.endswith("WIN_5min_test.csv")
    assert (one.synthetic, one.price_basis) == (False, "back_adjusted")


def test_no_feature_is_missing_after_the_preload_sessions(job: tuple[Home, Any]) -> None:
    table = features.load(job[0])
    days = np.unique(table.session)
    warm = np.isin(table.session, days[5:])
    assert np.isfinite(table.rows[warm]).all()
    assert not np.isfinite(table.rows[table.session == days[0]]).all()


def test_bar_only_schema_has_no_column_that_needs_trades_or_book(job: tuple[Home, Any]) -> None:
    needs = {str(need) for feature in features.load(job[0]).schema.features for need in feature.needs}
    assert needs == {"bars", "calendar"}


def test_version_is_registered_with_the_gates_honest_verdict(job: tuple[Home, Any]) -> None:
    home, answer = job
    by_name = {gate["name"]: gate for gate in answer["gates"]}
    assert list(by_name) == CHALLENGER_GATES + CHAMPION_GATES
    assert by_name["beats_champion"] == {**by_name["beats_champion"], "passed": True, "value": "no champion"}
    assert (by_name["paper_sessions"]["passed"], by_name["paper_sessions"]["value"]) == (False, 0)
    assert all(0 <= by_name[name]["value"] <= 1 for name in ("deflated_sharpe", "pbo"))
    assert "trials" in by_name["deflated_sharpe"]["reason"]
    assert by_name["provenance_real"]["passed"]
    assert by_name["parity"]["passed"]
    assert (by_name["leak_suite"]["passed"], by_name["leak_suite"]["value"]) == (True, 0)
    assert by_name["fills"]["value"] == answer["headline"]["fills"]
    assert answer["alias"] is None
    assert not (home.state / "decisions.jsonl").exists() or verify(home.state / "decisions.jsonl") == []
    code, explained = pregao(home, "gate", "explain", str(answer["version"]))
    assert (code, explained["version"]) == (0, answer["version"])
    assert explained["gates"] == answer["gates"]


def test_backtest_decides_at_every_bar_and_fills_some(job: tuple[Home, Any]) -> None:
    result = backtest.load(job[0])
    assert len(result.decisions) >= 100
    assert len(result.fills) > 0
    assert set(result.decisions["agents_ok"]) == {0}
    spoke = result.decisions[np.isfinite(result.decisions["probability"])]
    assert (spoke["score"] == 2 * spoke["probability"] - 1).all()  # the model alone, as declared


def test_paper_journal_holds_the_backtests_decisions_bit_for_bit(job: tuple[Home, Any]) -> None:
    home, answer = job
    assert answer["paper"]["parity"] is True
    records = read(home.artifacts / "paper" / "journal.bin")
    decisions = np.concatenate([r.rows(DECISION) for r in records if r.kind == Kind.DECISION])
    table = features.load(home)
    held_back = np.unique(table.session)[-10:]
    assert decisions["ts_ns"].tolist() == table.ts_ns[np.isin(table.session, held_back)].tolist()
    assert len(decisions) == answer["paper"]["decisions"] >= 100


def test_report_and_data_summary_need_no_network(job: tuple[Home, Any]) -> None:
    for path in ("report/report.html", "validation/summary.html"):
        text = (job[0].artifacts / path).read_text(encoding="utf-8")
        assert 'src="http' not in text
        assert 'href="http' not in text
        assert "WIN$" in text


def test_replay_of_the_installed_bundle_repeats_the_paper_run(job: tuple[Home, Any]) -> None:
    home, answer = job
    days = Lake(home.lake).sessions("WIN$")[-10:]
    code, again = pregao(home, "live", "--mode", "replay", "--from", str(days[0]), "--to", str(days[-1]))
    assert code == 0
    assert again["decision_hash"] == answer["paper"]["decision_hash"]
    assert again["model_digest"] == answer["paper"]["model_digest"]


def test_training_on_one_morning_of_ticks_is_refused_with_the_reason(realdata: Path, tmp_path: Path) -> None:
    code, answer = pregao(Home(tmp_path), "retrain", "--data", str(realdata / TICKS))
    assert code == 1
    assert answer["ok"] is False
    assert "DOLK20: expected at least" in answer["reason"]
    assert "found 1; collect more sessions" in answer["reason"]
