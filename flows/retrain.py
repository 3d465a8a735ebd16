"""The main job as a Prefect flow: its tasks are the stages, and they do nothing the stages do not."""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from prefect import flow

from flows import registration, validation
from flows.lock import exclusive
from flows.meter import Meter, StageCost
from flows.orphans import claim_server
from flows.parameters import Parameters, load_parameters
from flows.retrain_request import RetrainRequest, answered, pending
from flows.retries import as_task
from flows.stages import backtest, collect, evaluate, features, labels, leaks, paper, report, train, validate
from flows.stages.dataset import open_dataset
from market.home import Home
from registry.server import tracking_server
from trading.policy import RiskLimits

T = TypeVar("T")


@dataclass(frozen=True)
class JobResult:
    """What the main job did.

    Parameters
    ----------
    stages : tuple of StageCost
        In the order they ran.
    registered : Registered
        Run, version and alias in MLflow.
    gates : list of dict
        Both lists: name, passed, value, threshold, reason.
    paper : dict or None
        The runner's answer, where a paper run was made.
    headline : dict
        A few numbers of the out-of-sample backtest.
    request : RetrainRequest or None
        The request of a drift check that this run answered.
    """

    stages: tuple[StageCost, ...]
    registered: registration.Entry
    gates: list[dict[str, Any]]
    paper: dict[str, Any] | None
    headline: dict[str, Any]
    home: Home
    request: RetrainRequest | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of `pregao retrain --json`."""
        return {
            "run_id": self.registered.run_id,
            "version": self.registered.version,
            "alias": self.registered.alias,
            "model": self.registered.model,
            "stages": [
                {"name": cost.name, "seconds": round(cost.seconds, 3), "peak_mib": round(cost.peak_mib)}
                for cost in self.stages
            ],
            "gates": self.gates,
            "headline": self.headline,
            "paper": self.paper,
            "request": asdict(self.request) if self.request else None,
        }

    def lines(self) -> list[str]:
        """Return the five lines that end a run, or the one where there was nothing to train."""
        entry, numbers = self.registered, self.headline
        if not numbers:
            return [f"{entry.model} version {entry.version} is of the same inputs: nothing was trained"]
        failed = [gate["name"] for gate in self.gates if not gate["passed"]]
        seconds = sum(cost.seconds for cost in self.stages)
        alias = f"alias {entry.alias}" if entry.alias else "no alias"
        return [
            f"trained {entry.model} version {entry.version} in {seconds:.0f} s; out of sample: "
            f"{numbers['fills']} fills, net R$ {numbers['net_reais']:.2f}, Sharpe {_number(numbers['sharpe'])}",
            self._paper_line(),
            f"gates failed: {len(failed)} of {len(self.gates)}, {alias} ({', '.join(failed) or 'none'})",
            f"report {self.home.artifacts / report.REPORT}, data summary {self.home.artifacts / validation.SUMMARY}, "
            f"Data Docs {self.home.state / validation.DATA_DOCS}",
            f"`pregao ui` opens MLflow, `pregao gate explain {entry.version} --model {entry.model}` says why each gate "
            "passed or failed",
        ]

    def _paper_line(self) -> str:
        if not self.paper:
            return "no paper run (`pregao demo` makes one)"
        same = "equal to" if self.paper["parity"] else "DIFFERENT FROM"
        return (
            f"paper run over {self.paper['sessions']} held-back sessions: {self.paper['decisions']} decisions, "
            f"{self.paper['fills']} fills, net R$ {self.paper['net_reais']:.2f}, journal {same} the backtest to the bit"
        )


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"


def main_job(
    home: Home, params: Path, data: tuple[Path, ...], limits: RiskLimits, *, paper: bool, if_new: bool = False
) -> JobResult:
    """Run the flow, one at a time per home; backtest and paper run trade under the limits given.

    With `if_new` nothing is trained where a version of the same inputs, compared with the same champion, is registered.

    Raises
    ------
    PregaoError
        If another run holds the home, or a stage refuses; the lake and the registry are then as before.
    """
    parameters = load_parameters(params)
    with exclusive(home):
        claim_server()
        request = pending(home)
        done = retrain(home, parameters, data, limits, paper_run=paper, if_new=if_new)
        answered(home, request)
        return replace(done, request=request)


class _Stages:
    """Runs each stage as a Prefect task and keeps what it cost."""

    def __init__(self) -> None:
        self.costs: list[StageCost] = []

    def run(self, name: str, stage: Callable[..., T], *arguments: Any) -> T:
        with Meter(name) as meter:
            result = as_task(name, stage)(*arguments)
        self.costs.append(cast(StageCost, meter.cost))
        return result


@flow(name="retrain", log_prints=False, validate_parameters=False)
def retrain(
    home: Home, parameters: Parameters, data: tuple[Path, ...], limits: RiskLimits, *, paper_run: bool, if_new: bool
) -> JobResult:
    """Collect, validate, train, evaluate, register; then, if asked, paper-trade the version and write the report."""
    stages = _Stages()
    parameters = stages.run("collect", collect.run, home, parameters, data)
    dataset = open_dataset(home, parameters.data)
    train.refuse_short(dataset, parameters)
    stages.run("validate", validate.run, home, dataset)
    # One server for all that ask it below.
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")):
        stages.run("standing", registration.ask_standing, home, parameters)
        before = stages.run("registered", registration.registered_before, home, parameters) if if_new else None
        if before is not None:
            return JobResult(tuple(stages.costs), *before, None, {}, home)
        stages.run("features", features.run, home, parameters)
        stages.run("labels", labels.run, home, parameters)
        stages.run("train", train.run, home, parameters)
        stages.run("backtest", backtest.run, home, parameters, limits)
        stages.run("leaks", leaks.run, home, parameters)
        evaluation = stages.run("evaluate", evaluate.run, home, parameters)
        stages.run("report", report.run, home, parameters, limits, None)
        entry = stages.run("register", registration.register, home, parameters)
    ran = None
    if paper_run:
        ran = stages.run("paper", paper.run, home, parameters, limits)
        stages.run("report with paper run", report.run, home, parameters, limits, ran)
    paper_answer = ran.answer if ran else None
    return JobResult(tuple(stages.costs), entry, evaluation.gates, paper_answer, evaluation.headline, home)
