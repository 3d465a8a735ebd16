"""Each suite with every rule kept, broken and broken alone; what Data Docs keep of it."""

import json
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.checks import SUITES, Found, SessionRow
from flows.expectations import SuiteResult, build_docs, open_context, run_suite, session_frame

DAYS = [date(2026, 6, k) for k in (1, 2, 3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("expectations")


@pytest.fixture(scope="module")
def context(folder: Path) -> Any:
    return open_context(folder)


def rows(*broken: str) -> list[SessionRow]:
    """Return three sessions; the second has two records that break each of the named checks."""
    return [SessionRow(day, 10, {name: Found(2) for name in broken} if k == 1 else {}) for k, day in enumerate(DAYS)]


def test_a_frame_has_a_row_a_session_and_a_column_a_check() -> None:
    frame = session_frame("bars", rows("huge_volume"))
    assert list(frame.columns) == ["session", "rows", *(check.name for check in SUITES["bars"])]
    assert frame["session"].tolist() == ["2026-06-01", "2026-06-02", "2026-06-03"]
    assert frame["huge_volume"].tolist() == [0, 2, 0]
    assert not frame.drop(columns=["session", "rows", "huge_volume"]).to_numpy().any()


@pytest.mark.parametrize("suite", SUITES)
def test_sessions_with_nothing_found_hold_every_rule(context: Any, suite: str) -> None:
    count = len(SUITES[suite])
    assert run_suite(context, suite, "WIN$ good", rows()) == SuiteResult(suite, "WIN$ good", 3, 30, count, ())


@pytest.mark.parametrize("suite", SUITES)
def test_every_rule_of_a_suite_can_be_broken(context: Any, suite: str) -> None:
    names = [check.name for check in SUITES[suite]]
    result = run_suite(context, suite, "WIN$ bad", rows(*names))
    assert [finding.check for finding in result.findings] == list(SUITES[suite])
    assert {finding.sessions for finding in result.findings} == {((DAYS[1], Found(2)),)}
    assert not result.holds


@pytest.mark.parametrize(("name", "holds"), [("zero_range_run", True), ("huge_volume", False)])
def test_what_only_tells_lets_a_series_hold(context: Any, name: str, holds: bool) -> None:
    result = run_suite(context, "bars", "WINJ20", rows(name))
    assert [finding.check.name for finding in result.findings] == [name]
    assert result.holds is holds


def test_doubts_stand_with_the_finding_they_lead_to(context: Any) -> None:
    result = run_suite(context, "series", "WDO", rows("generated", "feed_loss"), {"generated": ("too smooth",)})
    assert {finding.check.name: finding.because for finding in result.findings} == {
        "feed_loss": (),
        "generated": ("too smooth",),
    }


def test_data_docs_name_the_series_and_how_grave_each_rule_is(folder: Path, context: Any) -> None:
    run_suite(context, "bars", "WDOFUT bars 5 min", rows("huge_volume", "zero_range_run"))
    first = build_docs(context)
    assert first.is_file()
    assert folder in first.parents
    kept = [path for path in folder.rglob("*.json") if "validations" in path.parts]
    told = [json.loads(path.read_text(encoding="utf-8")) for path in kept]
    (own,) = [one for one in told if "WDOFUT bars 5 min" in json.dumps(one["meta"])]
    broken = [one for one in own["results"] if not one["success"]]
    severity = {one["expectation_config"]["kwargs"]["column"]: one["expectation_config"]["severity"] for one in broken}
    assert severity == {"huge_volume": "critical", "zero_range_run": "warning"}
    assert "2026-06-02" in json.dumps(broken)


def test_data_docs_show_the_last_look_alone(tmp_path: Path) -> None:
    for series in ("WDO", "WIN"):
        latest = open_context(tmp_path / "docs")
        run_suite(latest, "series", series, rows())
        build_docs(latest)
    kept = [path for path in (tmp_path / "docs").rglob("*.json") if "validations" in path.parts]
    assert len(kept) == 1
    assert "WIN" in kept[0].read_text(encoding="utf-8")


def test_ten_years_of_sessions_take_seconds(context: Any) -> None:
    """Alone it takes a third of one; the rest is room for a busy machine."""
    many = [SessionRow(DAYS[0] + timedelta(days=k), 10, {"huge_volume": Found(1)}) for k in range(2_500)]
    started = time.perf_counter()
    run_suite(context, "bars", "WDO", many)
    assert time.perf_counter() - started < 5.0
