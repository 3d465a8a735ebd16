"""Each rule of both suites, broken once: the row is named, and the flow goes no further."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from flows.expectations import SUITES, SuiteResult, bar_frame, open_context, run_suite, trade_frame, write_summary
from flows.parameters import DataParams
from flows.stages import validate
from flows.stages.dataset import open_dataset
from market.errors import ValidationFailed
from market.home import Home
from market.lake import Lake
from market.manifest import Provenance
from market.types import Side
from tests.commands import run_pregao
from tests.factories import (
    MINUTE_NS,
    OPEN_NS,
    SECOND_NS,
    make_bar,
    make_clock,
    make_quote,
    make_session,
    make_trade,
    stack,
)
from tests.homes import MARKET

DAY = date(2026, 6, 1)
SESSION = make_session()[0]
CLOSE_NS = int(SESSION["close_ns"])
BROKEN = 3  # the row that each test spoils
Spoil = Callable[[np.ndarray], None]


def trades() -> np.ndarray:
    """Return seven trades ten seconds apart, with quotes and a clock among them that are not looked at."""
    parts = [part for k in range(7) for part in (make_quote(10 * k, Side.BUY, 99), make_trade(10 * k + 5, 100 + k, 2))]
    return stack([*parts, make_clock(71)])


def bars() -> np.ndarray:
    return np.concatenate([make_bar(k, (100, 103, 98, 101)) for k in range(7)])


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return open_context(tmp_path_factory.mktemp("expectations"))


def put(name: str, value: int) -> Spoil:
    """Spoil one field of a record."""

    def spoil(records: np.ndarray) -> None:
        records[name] = value

    return spoil


def test_trades_are_measured_against_their_session() -> None:
    frame = trade_frame(trades(), SESSION, DAY)
    assert frame["price_ticks"].tolist() == [100, 101, 102, 103, 104, 105, 106]
    assert frame["after_open_s"].tolist() == [5, 15, 25, 35, 45, 55, 65]
    assert frame["before_close_s"].tolist() == [32_395 - 10 * k for k in range(7)]
    assert frame["sequence_step"].tolist() == [2] * 7  # a quote stands before each
    assert frame["aggressor"].tolist() == [1] * 7
    assert set(frame["session"]) == {"2026-06-01"}
    assert frame["row"].tolist() == list(range(7))


def test_bars_are_measured_against_their_body_and_session() -> None:
    frame = bar_frame(bars(), SESSION, DAY)
    assert frame["high_above_body"].tolist() == [2] * 7
    assert frame["low_below_body"].tolist() == [2] * 7
    assert frame["after_open_s"].tolist() == [60 * k for k in range(7)]
    assert frame["before_close_s"].tolist() == [32_400 - 60 * k for k in range(7)]
    assert frame["step_s"].tolist() == [1] + [60] * 6


@pytest.mark.parametrize(
    ("suite", "frame"),
    [("trades", trade_frame(trades(), SESSION, DAY)), ("bars", bar_frame(bars(), SESSION, DAY))],
    ids=["trades", "bars"],
)
def test_good_records_hold_every_rule(context: Any, suite: str, frame: pd.DataFrame) -> None:
    assert run_suite(context, suite, frame) == SuiteResult(suite, 7, {"trades": 7, "bars": 8}[suite], ())


TRADE_FAULTS = [
    ("price_ticks", put("price", 0), "0"),
    ("quantity", put("quantity", 0), "0"),
    ("quantity", put("quantity", 1_000_001), "1000001"),
    ("aggressor", put("side", 2), "2"),
    ("after_open_s", put("ts_event_ns", OPEN_NS - SECOND_NS), "-1.0"),
    ("before_close_s", put("ts_event_ns", CLOSE_NS + 301 * SECOND_NS), "-301.0"),
    ("sequence_step", put("sequence", 5), "0"),  # that of the trade before it
]
BAR_FAULTS = [
    ("low_ticks", put("low", 0), "0"),
    ("high_above_body", put("high", 100), "-1"),
    ("low_below_body", put("low", 101), "-1"),
    ("volume", put("volume", -1), "-1"),
    ("after_open_s", put("ts_open_ns", OPEN_NS - MINUTE_NS), "-60.0"),
    ("before_close_s", put("ts_open_ns", CLOSE_NS + 301 * SECOND_NS), "-301.0"),
    ("step_s", put("ts_open_ns", OPEN_NS + 2 * MINUTE_NS), "0.0"),
]


def sentences_about(result: SuiteResult, column: str) -> list[str]:
    return [failure for failure in result.failures if failure.startswith(f"{column} must ")]


@pytest.mark.parametrize(("column", "spoil", "value"), TRADE_FAULTS, ids=[fault[0] for fault in TRADE_FAULTS])
def test_broken_trade_is_named(context: Any, column: str, spoil: Spoil, value: str) -> None:
    records = trades()
    spoil(records[2 * BROKEN + 1 : 2 * BROKEN + 2])
    result = run_suite(context, "trades", trade_frame(records, SESSION, DAY))
    (sentence,) = sentences_about(result, column)
    assert "1 rows do not" in sentence
    assert f"session 2026-06-01 row {BROKEN}: {value})" in sentence


@pytest.mark.parametrize(("column", "spoil", "value"), BAR_FAULTS, ids=[fault[0] for fault in BAR_FAULTS])
def test_broken_bar_is_named(context: Any, column: str, spoil: Spoil, value: str) -> None:
    records = bars()
    spoil(records[BROKEN : BROKEN + 1])
    result = run_suite(context, "bars", bar_frame(records, SESSION, DAY))
    (sentence,) = sentences_about(result, column)
    assert f"session 2026-06-01 row {BROKEN}: {value}" in sentence


@pytest.mark.parametrize(
    ("suite", "frame", "column"),
    [
        ("trades", trade_frame(trades(), SESSION, DAY), "ts_event_ns"),
        ("bars", bar_frame(bars(), SESSION, DAY), "ts_open_ns"),
    ],
    ids=["trades", "bars"],
)
def test_missing_time_is_named(context: Any, suite: str, frame: pd.DataFrame, column: str) -> None:
    spoiled = frame.astype({column: "Int64"})
    spoiled.loc[BROKEN, column] = pd.NA
    (sentence,) = run_suite(context, suite, spoiled).failures
    assert sentence.startswith(f"{column} must not be null")
    assert f"session 2026-06-01 row {BROKEN}" in sentence


def test_every_rule_of_the_suites_is_broken_above() -> None:
    import great_expectations.expectations as gxe

    for suite, faults, time in (("trades", TRADE_FAULTS, "ts_event_ns"), ("bars", BAR_FAULTS, "ts_open_ns")):
        columns = {rule.column for rule in SUITES[suite](gxe)}
        assert columns == {column for column, _, _ in faults} | {time}


def test_many_broken_rows_are_counted_and_the_first_five_named(context: Any) -> None:
    records = trades()
    records["quantity"] = 0
    (sentence,) = run_suite(context, "trades", trade_frame(records, SESSION, DAY)).failures
    assert "7 rows do not" in sentence
    assert sentence.count("session 2026-06-01 row") == 5


def is_offline(page: str) -> bool:
    return not any(mark in page for mark in ("http:", "https:", "src=", "href=", "@import", "url("))


def test_summary_opens_offline_and_escapes_what_it_quotes(tmp_path: Path) -> None:
    results = [SuiteResult("bars", 45_818, 8, ()), SuiteResult("trades", 7, 7, ("price < 1: <b>row 3</b>",))]
    write_summary(tmp_path / "deep" / "summary.html", results, "WIN$ <script>")
    page = (tmp_path / "deep" / "summary.html").read_text(encoding="utf-8")
    assert is_offline(page)
    assert "45\u202f818" in page  # the report's thousands
    assert "WIN$ &lt;script&gt;" in page
    assert "price &lt; 1: &lt;b&gt;row 3&lt;/b&gt;" in page
    assert page.count("✔") == page.count("✘") == 1


def fill_real(home: Home, spoil: Spoil | None = None) -> None:
    """Write the small market as if a vendor had sent it, the sixth trade of its second session spoilt."""
    source, writes = Provenance("export.csv", "0" * 64, "test/1", False, "raw"), []
    lake = Lake(home.lake)
    for index, day in enumerate(MARKET.days()):
        events = MARKET.session_events(index)
        sold = events[events["kind"] == 1]
        if spoil and index == 1:
            spoil(sold[5:6])
        writes.append((lake.draft("trades", MARKET.symbol, day, source), sold))
    lake.commit(writes)


def test_good_dataset_passes_and_both_pages_are_written_every_time(home: Home) -> None:
    fill_real(home)
    dataset = open_dataset(home, DataParams(MARKET.symbol))
    for _ in range(2):
        found = validate.run(home, dataset)
        assert [(one.suite, one.failures) for one in found.results] == [("trades", ())]
        assert found.results[0].rows == sum(p.rows for p in dataset.partitions)
        assert found.data_docs == home.state / validate.DATA_DOCS
        assert "trades" in found.data_docs.read_text(encoding="utf-8")
        assert is_offline(found.summary.read_text(encoding="utf-8"))


def test_flow_stops_at_a_broken_row_names_it_and_keeps_standard_output_clean(home: Home) -> None:
    """The whole command, Prefect and all: nothing after the validation has run."""
    fill_real(home, put("quantity", 0))
    with pytest.raises(ValidationFailed, match="session 2026-06-02 row 5: 0"):
        validate.run(home, open_dataset(home, DataParams(MARKET.symbol)))
    splits = {"folds": 2, "train_sessions_min": 1}
    values = {"data": {"contract": MARKET.symbol, "held_back_sessions": 1}, "splits": splits}
    (home.root / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")

    done = run_pregao(home, "retrain", "--params", str(home.root / "params.yaml"), "--json")
    assert (done.code, done.answer["ok"], done.answer["run_id"]) == (2, False, None)
    assert "WINQ26: quantity must be between" in done.answer["reason"]
    assert "1 rows do not (session 2026-06-02 row 5: 0)" in done.answer["reason"]
    assert str(home.artifacts / validate.SUMMARY) in done.answer["reason"]
    assert "✘" in (home.artifacts / validate.SUMMARY).read_text(encoding="utf-8")
    assert [path.name for path in home.artifacts.iterdir()] == ["validation"]
    assert not home.mlruns.exists()
