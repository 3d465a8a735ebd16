"""When a job runs, when it is skipped, what follows it, and what of a failure is worth another try."""

import datetime as dt
from typing import Any

import pytest

from flows.jobs import JOBS, job_named, perform, why_skip
from flows.retries import worth_retrying
from market.calendar import EXCHANGE_ZONE
from market.errors import BundleRefused, NoAnswer, NotEnoughData, PregaoError, ServerUnavailable, UsageError

MONDAY = dt.datetime(2026, 6, 8, 20, 0, tzinfo=EXCHANGE_ZONE)
RETRAIN, WEEKLY = job_named("retrain"), job_named("weekly_review")
CHRISTMAS = dt.datetime(2026, 12, 25, 20, 0, tzinfo=EXCHANGE_ZONE)


def test_a_run_in_time_is_due_and_a_late_one_is_skipped() -> None:
    assert why_skip(RETRAIN, MONDAY, MONDAY + dt.timedelta(minutes=59)) is None
    assert why_skip(RETRAIN, MONDAY, MONDAY + dt.timedelta(minutes=90)) == "late by 90 minutes"


def test_a_day_without_a_session_is_skipped_by_the_exchange_s_date() -> None:
    assert why_skip(RETRAIN, CHRISTMAS, CHRISTMAS) == "no session on 2026-12-25"
    evening = dt.datetime(2026, 12, 25, 1, 0, tzinfo=dt.UTC)  # in São Paulo still the 24th, a holiday too
    assert why_skip(WEEKLY, CHRISTMAS, CHRISTMAS) is None  # a review needs no session
    assert "2026-12-24" in (why_skip(RETRAIN, evening, evening) or "")


def test_jobs_come_after_the_close_in_the_order_of_what_they_need() -> None:
    daily = [job for job in JOBS if job.after_session]
    times = [(int(hour), int(minute)) for minute, hour, *_ in (job.cron.split() for job in daily)]
    assert times == sorted(times)
    assert times[0] > (18, 30)
    assert [job.name for job in daily] == ["collect", "drift", "retrain", "validate_model"]
    assert all(job.cron.endswith("1-5") for job in daily)


def test_tuning_comes_once_a_week_after_the_review_and_searches_little() -> None:
    tune = job_named("tune")
    assert (tune.cron, WEEKLY.cron) == ("0 10 * * 6", "0 9 * * 6")
    assert tune.command == ("tune", "--trials", "10")  # a study per regime: 30 trials a week


class Commands:
    """Answers of commands, and which were asked."""

    def __init__(self, **answers: dict[str, Any]) -> None:
        self.answers, self.asked, self.limits = answers, [], []

    def __call__(self, command: Any, limit: dt.timedelta) -> dict[str, Any]:
        self.limits.append(limit)
        self.asked.append(command[0])
        return self.answers[command[0]]


def test_drift_that_asks_is_followed_by_retraining() -> None:
    run = Commands(
        drift={"ok": False, "reason": "drift of mean", "request": {"causes": ["mean"]}}, retrain={"ok": True}
    )
    assert perform(job_named("drift"), run) == "drift asked, retrain done"
    assert run.asked == ["drift", "retrain"]
    assert run.limits == [dt.timedelta(hours=1), RETRAIN.limit]


def test_drift_that_does_not_ask_is_followed_by_nothing() -> None:
    run = Commands(drift={"ok": True, "request": None})
    assert perform(job_named("drift"), run) == "drift done"
    assert run.asked == ["drift"]


@pytest.mark.parametrize("name", ["drift", "retrain"])
def test_a_refusal_fails_the_run_with_its_reason_and_trains_nothing(name: str) -> None:
    run = Commands(**{name: {"ok": False, "reason": "too few sessions", "request": None}})
    with pytest.raises(PregaoError, match="too few sessions"):
        perform(job_named(name), run)
    assert run.asked == [name]


def test_a_retraining_that_fails_after_drift_fails_the_run() -> None:
    asks = {"ok": False, "reason": "drift", "request": {"causes": ["cost"]}}
    with pytest.raises(PregaoError, match="retrain after drift: expected an answer, found: the lake is damaged"):
        perform(job_named("drift"), Commands(drift=asks, retrain={"ok": False, "reason": "the lake is damaged"}))


def test_unknown_job_names_those_there_are() -> None:
    with pytest.raises(
        UsageError, match="expected one of collect, drift, retrain, validate_model, weekly_review, tune"
    ):
        job_named("promote")


class Ended:
    """A state as Prefect hands it to a condition."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def result(self, *, raise_on_failure: bool) -> BaseException:
        assert not raise_on_failure
        return self.error


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ServerUnavailable("no server"), True),
        (NoAnswer("silence"), True),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (NotEnoughData("too few"), False),
        (BundleRefused("altered"), False),
        (ValueError("a bug"), False),
        (OSError(28, "No space left on device"), False),
    ],
)
def test_only_servers_and_networks_are_tried_again(error: BaseException, again: bool) -> None:
    assert worth_retrying(None, None, Ended(error)) is again
