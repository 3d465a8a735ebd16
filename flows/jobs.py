"""The jobs that run by themselves: when, by which command, and what follows when the answer is no."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from market.calendar import EXCHANGE_ZONE, shipped_calendar
from market.errors import PregaoError, UsageError

Run = Callable[[Sequence[str]], dict[str, Any]]
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
    asked : tuple of str
        What runs next where the command's answer holds a request; nothing without one.
    after_session : bool
        Whether it runs only on days on which the exchange traded.
    """

    name: str
    cron: str
    command: tuple[str, ...]
    asked: tuple[str, ...] = ()
    after_session: bool = True


JOBS = (
    Job("collect", "0 19 * * 1-5", ("collect",)),
    Job("drift", "30 19 * * 1-5", ("drift",), asked=("retrain",)),
    Job("retrain", "0 20 * * 1-5", ("retrain",)),
    Job("validate_model", "0 22 * * 1-5", ("validate-model",)),
    Job("weekly_review", "0 9 * * 6", ("weekly-review",), after_session=False),
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
    answer = run(job.command)
    if answer.get("ok"):
        return f"{job.name} done"
    if not (job.asked and answer.get("request")):
        raise PregaoError(f"{job.name}: expected an answer, found: {answer.get('reason') or 'none'}")
    then = run(job.asked)
    if not then.get("ok"):
        raise PregaoError(f"{' '.join(job.asked)} after {job.name}: expected an answer, found: {then.get('reason')}")
    return f"{job.name} asked, {' '.join(job.asked)} done"
