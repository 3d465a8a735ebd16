"""The jobs under Prefect's clock: one run at a time, what comes too late is skipped, and failures are told."""

import datetime as dt
import os
from pathlib import Path
from typing import Any, cast

from prefect import flow, get_run_logger, serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy, FlowRun, State
from prefect.deployments.runner import RunnerDeployment
from prefect.runtime import flow_run as this_run
from prefect.schedules import Cron
from prefect.states import Completed
from prefect.types.entrypoint import EntrypointType

from flows.commands import CHECKOUT, run_command
from flows.jobs import JOBS, Job, job_named, perform, why_skip
from market.home import Home

ALERTS = "alerts.log"
HOME = "PREGAO_HOME"


def tell_failure(flow: Any, flow_run: FlowRun, state: State[Any]) -> None:
    """Write one line to the log and to `logs/alerts.log` of the home."""
    line = f"{dt.datetime.now(dt.UTC).isoformat(timespec='seconds')} {flow_run.parameters.get('job')} {state.name}: "
    line += " ".join((state.message or "no message").split())
    path = Home(Path(os.environ[HOME])).logs / ALERTS
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


@flow(name="scheduled", log_prints=False, on_failure=[tell_failure], on_crashed=[tell_failure])
def scheduled(job: str) -> State[Any] | str:
    """Run one job of the schedule, or skip it."""
    now = dt.datetime.now(dt.UTC)
    due = job_named(job)
    reason = why_skip(due, this_run.scheduled_start_time or now, now)
    if reason is not None:
        return Completed(name="Skipped", message=reason)
    done = perform(due, lambda command, limit: run_command(command, limit=limit))
    get_run_logger().info(done)
    return done


def deployments() -> list[RunnerDeployment]:
    """Return one deployment per job; a run that comes due while its job still runs is dropped."""
    return [_deployment(job) for job in JOBS]


def _deployment(job: Job) -> RunnerDeployment:
    made = scheduled.to_deployment(
        name=job.name,
        schedule=Cron(job.cron, timezone="America/Sao_Paulo"),
        parameters={"job": job.name},
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return cast(RunnerDeployment, made)  # outside an event loop nothing is to be awaited


def serve_jobs(home: Home) -> None:
    """Serve every job until stopped, one at a time; Prefect's server must answer at PREFECT_API_URL."""
    os.environ[HOME] = str(home.root)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    serve(*deployments(), limit=1, pause_on_shutdown=False, print_starting_message=False)
