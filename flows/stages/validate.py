"""Hold the expectation suites over every session of a dataset."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from flows.expectations import SuiteResult, bar_frame, build_docs, open_context, run_suite, trade_frame, write_summary
from flows.stages.dataset import Dataset
from market.errors import ValidationFailed
from market.home import Home

SUMMARY = "validation/summary.html"  # below artifacts/
DATA_DOCS = "expectations/gx/uncommitted/data_docs/local_site/index.html"  # below state/


@dataclass(frozen=True)
class Validation:
    """What the suites found and where a person can read it."""

    results: tuple[SuiteResult, ...]
    data_docs: Path
    summary: Path


def run(home: Home, dataset: Dataset) -> Validation:
    """Validate a dataset; Data Docs and the summary are written whatever the outcome.

    Raises
    ------
    ValidationFailed
        If a suite does not hold; the message names the rows.
    """
    context = open_context(home.state / "expectations")
    suite, frame = _frame(dataset)
    results = (run_suite(context, suite, frame),)
    docs = build_docs(context)
    summary = home.artifacts / SUMMARY
    sessions = len(dataset.training) + len(dataset.held_back)
    write_summary(summary, results, f"{dataset.feed.contract}: {sessions} sessions")
    failures = [failure for result in results for failure in result.failures]
    if failures:
        named = "; ".join(failures)
        raise ValidationFailed(f"{dataset.feed.contract}: {named}; correct or quarantine these rows, see {summary}")
    return Validation(results, docs, summary)


def _frame(dataset: Dataset) -> tuple[str, pd.DataFrame]:
    suite, to_frame = ("bars", bar_frame) if dataset.feed.kind == "bars" else ("trades", trade_frame)
    days = dataset.training + dataset.held_back
    frames = [to_frame(dataset.feed.load(day), dataset.feed.session(day)[0], day) for day in days]
    return suite, pd.concat(frames, ignore_index=True)
