"""What `pregao collect` says to people: a line for each delivery, one for each series, and what is not whole."""

import datetime as dt

import pytest
from filelock import FileLock

from flows import collect
from flows.collect import Collection, SessionCheck
from flows.sources.delivery import Collected
from market.home import Home
from tests.cli.conftest import RunCommand

DAYS = [dt.date(2020, 4, day).isoformat() for day in (1, 2, 3)]


def answers(monkeypatch: pytest.MonkeyPatch, done: Collection) -> None:
    monkeypatch.setattr(collect, "collect_job", lambda *_: done)


def test_whole_sessions_are_counted_and_only_the_others_listed(
    run: RunCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [SessionCheck("WDOK20", day, "bars", 60, True, ()) for day in DAYS]
    checks += [SessionCheck("WDOK20", day, "bars", 300, day != DAYS[1], ("cut", "lost")) for day in DAYS]
    checks += [SessionCheck("WDOM20", DAYS[0], "trades", 0, True, ())]
    delivery = Collected("inbox", "a.csv", "imported", "2 rows left out")
    answers(monkeypatch, Collection([delivery], checks, "updated; commit it"))
    done = run("collect")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "imported  inbox: a.csv, 2 rows left out",
        "WDOK20 bars of 60 s: 3 of 3 new or longer sessions whole",
        "WDOK20 bars of 300 s: 2 of 3 new or longer sessions whole",
        "NOT WHOLE WDOK20 bars of 300 s 2020-04-02: cut; lost",
        "WDOM20 trades: 1 of 1 new or longer sessions whole",
        "data.dvc: updated; commit it",
    ]


def test_what_was_not_taken_or_not_versioned_makes_the_answer_no(
    run: RunCommand, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [Collected("inbox", name, name, f"{name} because") for name in ("waiting", "unmoved", "refused")]
    answers(monkeypatch, Collection(told, [], "dvc cannot", versioned=False))
    done = run("collect")
    assert done.code == 1
    assert done.out.splitlines() == [
        f"{name:9} inbox: {name}, {name} because" for name in ("waiting", "unmoved", "refused")
    ]
    assert done.err.splitlines() == [
        "pregao: 1 of 3 deliveries did not reach the lake: refused because",
        f"refused files lie in {home.inbox / 'refused'} with their reasons; `pregao import` has options",
        "dvc cannot",
    ]


def test_what_one_reason_stopped_is_one_line(run: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = ("no key", "no key", "no key", "cut", "", "")
    told = [Collected("profitdll", f"day {n}", "failed", reason) for n, reason in enumerate(reasons)]
    answers(monkeypatch, Collection(told))
    assert run("collect").out.splitlines()[:4] == [
        "failed    profitdll: day 0 and 2 more, no key",
        "failed    profitdll: day 3, cut",
        "failed    profitdll: day 4",
        "failed    profitdll: day 5",
    ]


def test_waiting_and_unmoved_files_are_no_failure(run: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, Collection([Collected("inbox", name, name, "x") for name in ("waiting", "unmoved")]))
    assert run("collect").code == 0


def test_a_second_job_at_once_is_one_sentence(run: RunCommand, home: Home) -> None:
    home.state.mkdir(parents=True)
    with FileLock(home.state / "retrain.lock"):
        done = run("collect")
    assert done.code == 1
    assert done.err.endswith("another job is running (collect, retrain, check or a stage); wait for it or stop it\n")
