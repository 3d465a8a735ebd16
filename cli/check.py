"""The command that validates the lake."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from cli.environment import find_home
from cli.filters import ContractOption, KindOption, one_of
from cli.output import JsonOption, answer, quiet_stdout
from market.wording import count_of

if TYPE_CHECKING:
    from flows.series_report import SeriesReport


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog="Example: pregao check --contract WDOZ26 --kind trades")(check)


def check(contract: ContractOption = None, kind: KindOption = None, json: JsonOption = False) -> None:
    """Validate what the lake holds, and write Data Docs and the one-page summary."""
    from flows.series_report import by_verdict
    from flows.validation import check_lake
    from market.lake import Lake

    home = find_home()
    lake = Lake(home.lake)
    contract = one_of("--contract", contract, lake.contracts()) if contract else None
    kind = one_of("--kind", kind, sorted({p.kind for p in lake.partitions(None, contract)})) if kind else None
    with quiet_stdout():
        done = check_lake(home, lake, contract, kind)
    fields = {
        "series": [report.as_dict() for report in done.reports],
        "data_docs": str(done.data_docs),
        "summary": str(done.summary),
    }
    lines = [line for report in by_verdict(done.reports) for line in _lines(report)]
    empty = ["the lake is empty; `pregao import PATH` or `pregao demo` fills it"]
    where = f"summary {done.summary}, Data Docs {done.data_docs}"
    spoken = [*lines, f"gaps and missing sessions: {_causes(done.reports)}"] if lines else empty
    answer(json, fields, [*spoken, where], reason="\n".join(done.reasons) or None)


def _lines(report: "SeriesReport") -> list[str]:
    verdict = "holds" if report.holds else "REFUSED"
    sessions, rows = count_of(len(report.partitions), "session"), count_of(report.rows, "row")
    head = f"{verdict:7} {report.label}: {sessions}, {rows}, {report.origin}"
    return [head, *(f"        told: {one.sentence}" for one in report.findings if not one.check.refuses)]


def _causes(reports: "Iterable[SeriesReport]") -> str:
    """Return how many gaps and missing sessions there are, by cause: the last line of `pregao lake gaps`."""
    counts: Counter[str] = Counter()
    for report in reports:
        counts.update({cause: count for cause, (count, _) in report.gaps.items()})
        counts.update(report.missing)
    return ", ".join(f"{count} {cause}" for cause, count in sorted(counts.items())) or "no gaps"
