"""Expectation suites for bars and trades, and the one-page summary that opens offline."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from backtest.messages import bilingual
from backtest.numerals import whole
from market.types import Kind

ROWS_NAMED = 5


@dataclass(frozen=True)
class SuiteResult:
    """What one suite found.

    Parameters
    ----------
    suite : str
        Name of the suite.
    rows : int
        Rows looked at.
    checks : int
        Expectations evaluated.
    failures : tuple of str
        One sentence per expectation that did not hold, with the first rows that break it.
    """

    suite: str
    rows: int
    checks: int
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every expectation held."""
        return not self.failures


def trade_frame(events: np.ndarray, session: np.ndarray, day: dt.date) -> pd.DataFrame:
    """Return the trades of one session as the columns that the trades suite speaks of."""
    trades = events[events["kind"] == Kind.TRADE]
    return pd.DataFrame(
        {
            "session": np.full(len(trades), day.isoformat()),
            "row": np.arange(len(trades)),
            "ts_event_ns": trades["ts_event_ns"].astype(np.int64),
            "sequence": trades["sequence"].astype(np.int64),
            "price_ticks": trades["price"].astype(np.int64),
            "quantity": trades["quantity"].astype(np.int64),
            "aggressor": trades["side"].astype(np.int64),
            "after_open_s": (trades["ts_event_ns"] - session["open_ns"]) / 1e9,
            "before_close_s": (session["close_ns"] - trades["ts_event_ns"]) / 1e9,
            "sequence_step": np.diff(trades["sequence"], prepend=-1),
        }
    )


def bar_frame(bars: np.ndarray, session: np.ndarray, day: dt.date) -> pd.DataFrame:
    """Return the bars of one session as the columns that the bars suite speaks of."""
    opens, closes = bars["open"].astype(np.int64), bars["close"].astype(np.int64)
    return pd.DataFrame(
        {
            "session": np.full(len(bars), day.isoformat()),
            "row": np.arange(len(bars)),
            "ts_open_ns": bars["ts_open_ns"].astype(np.int64),
            "low_ticks": bars["low"].astype(np.int64),
            "high_above_body": bars["high"] - np.maximum(opens, closes),
            "low_below_body": np.minimum(opens, closes) - bars["low"],
            "volume": bars["volume"].astype(np.int64),
            "after_open_s": (bars["ts_open_ns"] - session["open_ns"]) / 1e9,
            "before_close_s": (session["close_ns"] - bars["ts_open_ns"]) / 1e9,
            "step_s": np.diff(bars["ts_open_ns"], prepend=bars["ts_open_ns"][:1] - 1_000_000_000) / 1e9,
        }
    )


def _trade_expectations(gxe: Any) -> list[Any]:
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="ts_event_ns"),
        gxe.ExpectColumnValuesToBeBetween(column="price_ticks", min_value=1),
        gxe.ExpectColumnValuesToBeBetween(column="quantity", min_value=1, max_value=1_000_000),
        gxe.ExpectColumnValuesToBeInSet(column="aggressor", value_set=[-1, 0, 1]),
        gxe.ExpectColumnValuesToBeBetween(column="after_open_s", min_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="before_close_s", min_value=-300),
        gxe.ExpectColumnValuesToBeBetween(column="sequence_step", min_value=1),
    ]


def _bar_expectations(gxe: Any) -> list[Any]:
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="ts_open_ns"),
        gxe.ExpectColumnValuesToBeBetween(column="low_ticks", min_value=1),
        gxe.ExpectColumnValuesToBeBetween(column="high_above_body", min_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="low_below_body", min_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="volume", min_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="after_open_s", min_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="before_close_s", min_value=-300),
        gxe.ExpectColumnValuesToBeBetween(column="step_s", min_value=0.001),
    ]


SUITES: dict[str, Callable[[Any], list[Any]]] = {"trades": _trade_expectations, "bars": _bar_expectations}


def open_context(folder: Path) -> Any:
    """Return the Great Expectations context kept in `folder`, its progress bars off."""
    import great_expectations as gx

    folder.mkdir(parents=True, exist_ok=True)
    context = gx.get_context(mode="file", project_root_dir=str(folder))
    context.variables.progress_bars = {"globally": False}
    return context


def run_suite(context: Any, suite_name: str, frame: pd.DataFrame) -> SuiteResult:
    """Run one suite over a frame, record it for Data Docs, and name the rows that break it."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    suite = gx.ExpectationSuite(name=suite_name)
    for expectation in SUITES[suite_name](gxe):
        suite.add_expectation(expectation)
    suite = context.suites.add_or_update(suite)
    source = context.data_sources.add_or_update_pandas(name="lake")
    batch = source.add_dataframe_asset(name=suite_name).add_batch_definition_whole_dataframe("session")
    definition = gx.ValidationDefinition(name=suite_name, data=batch, suite=suite)
    checkpoint = gx.Checkpoint(
        name=suite_name,
        validation_definitions=[context.validation_definitions.add_or_update(definition)],
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["session", "row"]},
    )
    outcome = context.checkpoints.add_or_update(checkpoint).run(batch_parameters={"dataframe": frame})
    results = next(iter(outcome.run_results.values())).results
    failures = tuple(_sentence(result) for result in results if not result.success)
    return SuiteResult(suite_name, len(frame), len(results), failures)


def _sentence(result: Any) -> str:
    config = result.expectation_config
    wanted = {key: value for key, value in config.kwargs.items() if key not in ("batch_id", "column")}
    rows = result.result.get("unexpected_index_list") or []
    values = result.result.get("partial_unexpected_list") or []
    first = list(zip(rows, values, strict=False))[:ROWS_NAMED]
    named = "; ".join(f"session {row['session']} row {row['row']}: {value}" for row, value in first)
    rule = config.type.removeprefix("expect_column_values_to_").replace("_", " ")
    return f"{config.kwargs['column']} must {rule} {wanted or ''}: {len(rows)} rows do not ({named})"


def build_docs(context: Any) -> Path:
    """Write Data Docs and return their first page."""
    pages = context.build_data_docs()
    return Path(next(iter(pages.values())).removeprefix("file://"))


def write_summary(path: Path, results: Iterable[SuiteResult], subject: str) -> None:
    """Write the one-page summary of all suites, readable without a network."""
    environment = Environment(loader=PackageLoader("flows"), autoescape=True, undefined=StrictUndefined)
    page = environment.get_template("summary.html").render(
        results=list(results), subject=subject, t=bilingual, whole=whole
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
