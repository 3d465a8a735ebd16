"""The jobs that run by themselves: when, by which command, and what follows when the answer is no."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from market.calendar import EXCHANGE_ZONE, shipped_calendar
from market.errors import PregaoError, UsageError

Run = Callable[[Sequence[str], dt.timedelta], dict[str, Any]]
LATE_AFTER = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Job:
    """A command and its time.

    Parameters
    ----------
    name : str
    cron : str
        In São Paulo. Trading sessions of the index and the dollar end before 18:30.
    command : tuple of str
    limit : timedelta
        How long the command may take; then it is ended.
    asked : str or None
        The job that is done next where the command's answer holds a request; none without one.
    after_session : bool
        Whether it runs only on days on which the exchange traded.
    """

    name: str
    cron: str
    command: tuple[str, ...]
    limit: dt.timedelta
    asked: str | None = None
    after_session: bool = True


def _hours(number: int) -> dt.timedelta:
    return dt.timedelta(hours=number)


JOBS = (
    Job("collect", "0 19 * * 1-5", ("collect",), _hours(3)),
    Job("drift", "30 19 * * 1-5", ("drift",), _hours(1), asked="retrain"),
    # Not twice: what drift asked for half an hour before has trained on the same data.
    Job("retrain", "0 20 * * 1-5", ("retrain", "--if-new"), _hours(8)),
    Job("validate_model", "0 22 * * 1-5", ("validate-model",), _hours(2)),
    Job("weekly_review", "0 9 * * 6", ("weekly-review",), _hours(1), after_session=False),
    Job("tune", "0 10 * * 6", ("tune", "--trials", "10"), _hours(12), after_session=False),
)


def job_named(name: str) -> Job:
    """Return a job; raises UsageError for a name that none has."""
    found = next((job for job in JOBS if job.name == name), None)
    if found is None:
        raise UsageError(
            f"job: expected one of {', '.join(job.name for job in JOBS)}, found '{name}'; name one of them"
        )
    return found


def why_skip(job: Job, scheduled: dt.datetime, now: dt.datetime) -> str | None:
    """Say why a run is left out, None where it is due: it comes too late, or the exchange was closed that day.

    What was missed while the machine was off is not made up for: the next run does its work.
    """
    if now - scheduled > LATE_AFTER:
        return f"late by {(now - scheduled).total_seconds() / 60:.0f} minutes"
    day = scheduled.astimezone(EXCHANGE_ZONE).date()
    closed = job.after_session and not shipped_calendar("b3_index").is_session(day)
    return f"no session on {day}" if closed else None


def perform(job: Job, run: Run) -> str:
    """Run a job's command, and what follows where it asks for it; return what was done.

    Raises
    ------
    PregaoError
        If a command has no answer, or its answer is no for another reason than a request.
    """
    answer = run(job.command, job.limit)
    if answer.get("ok"):
        return f"{job.name} done"
    if not (job.asked and answer.get("request")):
        raise PregaoError(f"{job.name}: expected an answer, found: {answer.get('reason') or 'none'}")
    asked = job_named(job.asked)
    then = run(asked.command, asked.limit)
    if not then.get("ok"):
        raise PregaoError(f"{asked.name} after {job.name}: expected an answer, found: {then.get('reason')}")
    return f"{job.name} asked, {asked.name} done"
