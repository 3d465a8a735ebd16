"""Great Expectations over sessions: each check of a suite must have found nothing; the verdicts go to Data Docs.

Records never come here: the compiled pre-check looks at them, and a suite sees one row a session.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from flows.checks import CONTRACTS, SUITES, Finding, SessionRow, Unit

NO_REASONS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True)
class SuiteResult:
    """What one suite says of one series.

    Parameters
    ----------
    suite : str
        Name of the suite.
    series : str
        What it was held against.
    sessions, rows : int
        Sessions and records looked at.
    checks : int
        Expectations evaluated.
    findings : tuple of Finding
        One per expectation that did not hold.
    """

    suite: str
    series: str
    sessions: int
    rows: int
    checks: int
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found that refuses the series."""
        return not any(finding.check.refuses for finding in self.findings)


def session_frame(suite: str, rows: Sequence[SessionRow]) -> pd.DataFrame:
    """Return what a suite is held against: a row a session, a column a check with its count, 0 where all is well."""
    counts = {
        check.name: [row.found[check.name].count if check.name in row.found else 0 for row in rows]
        for check in SUITES[suite]
    }
    days = [row.day.isoformat() for row in rows]
    return pd.DataFrame({"session": days, "rows": [row.rows for row in rows], **counts})


def open_context(folder: Path) -> Any:
    """Return a Great Expectations context in `folder`, its progress bars off.

    What an earlier run left there is removed: Data Docs show one look at the data, as the summary does, and building
    them takes no longer from day to day.
    """
    import great_expectations as gx

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    context = gx.get_context(mode="file", project_root_dir=str(folder))
    context.variables.progress_bars = {"globally": False}
    return context


def run_suite(
    context: Any,
    suite_name: str,
    series: str,
    rows: Sequence[SessionRow],
    because: Mapping[str, tuple[str, ...]] = NO_REASONS,
    unit: Unit = CONTRACTS,
) -> SuiteResult:
    """Hold a suite against the sessions of a series and record the verdict for Data Docs.

    Parameters
    ----------
    because : mapping of str to tuple of str
        The reasons behind a check by its name, told where that is found.
    unit : Unit
        What quantities of the series count.
    """
    outcome = _checkpoint(context, suite_name, series).run(
        batch_parameters={"dataframe": session_frame(suite_name, rows)}
    )
    results = next(iter(outcome.run_results.values())).results
    broken = {result.expectation_config.kwargs["column"] for result in results if not result.success}
    findings = tuple(
        Finding(
            check,
            tuple((row.day, row.found[check.name]) for row in rows if check.name in row.found),
            because.get(check.name, ()),
            unit,
        )
        for check in SUITES[suite_name]
        if check.name in broken
    )
    return SuiteResult(suite_name, series, len(rows), sum(row.rows for row in rows), len(results), findings)


def _checkpoint(context: Any, suite_name: str, series: str) -> Any:
    import great_expectations as gx

    name = f"{series} {suite_name}"
    source = context.data_sources.add_or_update_pandas(name="lake")
    batch = source.add_dataframe_asset(name=name).add_batch_definition_whole_dataframe("sessions")
    definition = gx.ValidationDefinition(name=name, data=batch, suite=context.suites.add_or_update(_suite(suite_name)))
    checkpoint = gx.Checkpoint(
        name=name,
        validation_definitions=[context.validation_definitions.add_or_update(definition)],
        result_format={"result_format": "SUMMARY", "unexpected_index_column_names": ["session"]},
    )
    return context.checkpoints.add_or_update(checkpoint)


def _suite(name: str) -> Any:
    import great_expectations as gx
    import great_expectations.expectations as gxe

    suite = gx.ExpectationSuite(name=name)
    for check in SUITES[name]:
        severity = "critical" if check.refuses else "warning"
        suite.add_expectation(gxe.ExpectColumnValuesToBeBetween(column=check.name, max_value=0, severity=severity))
    return suite


def build_docs(context: Any) -> Path:
    """Write Data Docs and return their first page."""
    pages = context.build_data_docs()
    return Path(next(iter(pages.values())).removeprefix("file://"))
