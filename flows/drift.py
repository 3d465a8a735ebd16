"""The drift check as a Prefect flow: judge the sessions since training, write the page, and ask for retraining."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.drift_page import PAGE, write_page
from flows.lock import exclusive
from flows.orphans import claim_server
from flows.parameters import Parameters, load_parameters
from flows.retrain_request import RetrainRequest, ask, asked_sessions
from flows.stages.artifacts import write_json
from flows.stages.drift import DriftReport, day_of, run
from market.home import Home

REPORT = "drift/drift.json"


@dataclass(frozen=True)
class DriftResult:
    """What the check found, the request it left, and its page."""

    report: DriftReport
    request: RetrainRequest | None
    page: Path

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of `pregao drift --json`."""
        asked = {"session": self.request.session, "causes": [*self.request.causes]} if self.request else None
        return {**self.report.as_dict(), "request": asked, "page": str(self.page)}

    def lines(self) -> list[str]:
        """Return what a person reads."""
        report = self.report
        last = report.watched[-1].judgement
        drifted = [one.name for one in last.features if one.drifted]
        head = f"{report.model} on {report.contract}: {len(report.days)} sessions from {report.days[0]} on"
        each = [
            f"{day_of(one.session)}  {', '.join(one.judgement.causes) or 'nothing drifted'}"
            f"{'  asks for retraining' if one.asks else ''}"
            for one in report.watched
        ]
        return [head, *each, f"features drifted: {', '.join(drifted) or 'none'}", f"page {self.page}"]


def drift_job(home: Home, params: Path, bundle: Path | None = None, contract: str | None = None) -> DriftResult:
    """Run the flow, one job at a time per home.

    Raises
    ------
    PregaoError
        If another job holds the home, or as `flows.stages.drift.run`.
    """
    parameters = load_parameters(params)
    with exclusive(home):
        claim_server()
        return drift(home, parameters, bundle, contract)


@flow(name="drift", log_prints=False, validate_parameters=False)
def drift(home: Home, parameters: Parameters, bundle: Path | None, contract: str | None) -> DriftResult:
    """Judge, write the page, and leave a request where a cause has shown itself often enough."""
    judge = task(name="judge", persist_result=False, cache_policy=NO_CACHE)(run)
    return conclude(home, judge(home, parameters, bundle, contract, asked_sessions(home)))


def conclude(home: Home, report: DriftReport) -> DriftResult:
    """Write what was found; the request comes last, so that it never names a page that is not there."""
    page = home.artifacts / PAGE
    write_page(page, report)
    write_json(home.artifacts / REPORT, report.as_dict())
    asking, request = report.asking, None
    if asking is not None:
        day = day_of(asking.session).isoformat()
        request = RetrainRequest(report.model, report.digest, day, tuple(str(cause) for cause in asking.asks))
        ask(home, request)
    return DriftResult(report, request, page)
