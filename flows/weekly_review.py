"""The week on one page: what was trained and how its gates answered, what moved, what drifted, what was traded."""

import datetime as dt
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from prefect import flow

from backtest.numerals import reais
from backtest.page import page_environment
from flows.drift import REPORT as DRIFT_REPORT
from flows.lock import exclusive
from flows.orphans import claim_server
from flows.retrain_request import RetrainRequest, pending
from flows.retries import as_task
from flows.session_results import running_sessions
from flows.stages.artifacts import read_json
from market.calendar import EXCHANGE_ZONE
from market.errors import UsageError
from market.home import Home
from registry.record import Decision, read
from registry.server import tracking_server
from registry.tracking import gates_of, models, versions

PAGE = "week/week.html"
DAYS = 7
SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Trained:
    """A version registered in the week, and how many gates it passed."""

    model: str
    version: int
    day: str
    aliases: tuple[str, ...]
    passed: int
    gates: int


@dataclass(frozen=True)
class Traded:
    """A session that a runner journalled."""

    day: str
    decisions: int
    fills: int
    fees_reais: float


@dataclass(frozen=True)
class Week:
    """What happened from `first` to `last`, both included.

    Parameters
    ----------
    drift : sequence of dict
        The sessions of the last drift check that lie in the week, with their causes.
    """

    first: dt.date
    last: dt.date
    trained: tuple[Trained, ...]
    moves: tuple[Decision, ...]
    drift: tuple[dict[str, Any], ...]
    request: RetrainRequest | None
    traded: tuple[Traded, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of `pregao weekly-review --json`, besides the page."""
        return {
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "trained": [{**asdict(one), "aliases": [*one.aliases]} for one in self.trained],
            "moves": [{"at": one.at, **asdict(one.move)} for one in self.moves],
            "drift": [*self.drift],
            "request": asdict(self.request) if self.request else None,
            "traded": [asdict(one) for one in self.traded],
        }


def review_job(home: Home, last: str | None) -> tuple[Week, Path]:
    """Run the flow for the seven days that end with an ISO date, by default today; return the week and its page.

    Raises
    ------
    UsageError
        If the text is no date.
    PregaoError
        If another job holds the home.
    """
    try:
        end = dt.date.fromisoformat(last) if last else dt.datetime.now(EXCHANGE_ZONE).date()
    except ValueError as error:
        raise UsageError(f"--last: expected a date as 2026-06-12, found '{last}'; correct it") from error
    with exclusive(home):
        claim_server()
        return weekly_review(home, end), home.artifacts / PAGE


@flow(name="weekly_review", log_prints=False, validate_parameters=False)
def weekly_review(home: Home, last: dt.date) -> Week:
    """Gather the seven days that end with `last` and write the page; nothing is changed by it."""
    first = last - dt.timedelta(days=DAYS - 1)
    registry = as_task("registry", trained_between)
    week = Week(
        first,
        last,
        tuple(registry(home, first, last)),
        tuple(one for one in read(home.decisions) if first <= _day(one.at) <= last),
        tuple(drift_between(home, first, last)),
        pending(home),
        tuple(traded_between(home, first, last)),
    )
    write_page(home.artifacts / PAGE, week)
    return week


def trained_between(home: Home, first: dt.date, last: dt.date) -> list[Trained]:
    """Ask the registry what was registered in some days, oldest first."""
    found = []
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        for name in models(uri):
            for one in versions(uri, name):
                day = dt.datetime.fromtimestamp(one.created_ns // SECOND_NS, EXCHANGE_ZONE).date()
                if first <= day <= last:
                    gates = gates_of(uri, name, one.version)
                    passed = sum(bool(gate["passed"]) for gate in gates)
                    found.append(Trained(name, one.version, day.isoformat(), one.aliases, passed, len(gates)))
    return sorted(found, key=lambda one: (one.day, one.model, one.version))


def drift_between(home: Home, first: dt.date, last: dt.date) -> list[dict[str, Any]]:
    """Return the sessions of the last drift check that lie in some days; none where there was no check."""
    path = home.artifacts / DRIFT_REPORT
    told = read_json(path)["sessions"] if path.exists() else []
    return [one for one in told if first <= dt.date.fromisoformat(one["session"]) <= last]


def traded_between(home: Home, first: dt.date, last: dt.date) -> list[Traded]:
    """Count what runners journalled in some days, in order of the days."""
    return [
        Traded(one.day.isoformat(), len(one.decisions), len(one.fills), float(np.sum(one.fills["fee"])))
        for one in sorted(running_sessions(home.journal), key=lambda one: one.day)
        if first <= one.day <= last
    ]


def write_page(path: Path, week: Week) -> None:
    """Write the page, UTF-8, replacing what was there; it opens without a network."""
    path.parent.mkdir(parents=True, exist_ok=True)
    environment = page_environment("flows")
    environment.filters["reais"] = reais
    page = environment.get_template("week.html").render(week=week)
    path.write_text(page, encoding="utf-8", newline="\n")


def _day(at: str) -> dt.date:
    return dt.datetime.fromisoformat(at).astimezone(EXCHANGE_ZONE).date()
