"""A run of `pregao collect` may end anywhere: the next one goes on, judges and versions what the first brought."""

import datetime as dt
import subprocess
import sys
from collections.abc import Sequence

import pytest

from flows import collect
from flows.collect import UNFINISHED, Collection, collect_job
from flows.sources.delivery import Collected, Source, take_delivery
from flows.sources.inbox import Inbox
from flows.sources.settings import CollectSettings
from market.errors import PregaoError
from market.home import Home
from market.lake import Lake
from tests.commands import CHECKOUT, environment_of
from tests.flows.collecting import DAY, minutes, put

NEXT = dt.date(2020, 4, 3)
NO_REPOSITORY = "none, for {} is no DVC repository; `git init` and `dvc init` there make it one"

# Takes the first delivery alone; then the machine goes off, at the place that is named.
KILLED = """
import os, sys
from pathlib import Path
from flows import collect
from flows.sources.delivery import take_delivery

from flows.sources.inbox import Inbox
from flows.sources.settings import CollectSettings
from market.home import Home
from market.lake import Lake

home, where = Home(Path(sys.argv[1])), sys.argv[2]

def take(lake, sources, settings):
    for delivery in sources[0].deliveries(lake):
        if where == "before the move":
            Path.replace = lambda path, target: os._exit(9) if path.suffix == ".csv" else os.replace(path, target)
        take_delivery(lake, "inbox", delivery)
        if where == "between deliveries":
            os._exit(9)

collect._take = take
collect.version_data = lambda *_: os._exit(9)
collect.collect_job(home, Lake(home.lake), [Inbox(home.inbox, 0.0)], CollectSettings())
"""


def take_in_process(lake: Lake, sources: Sequence[Source], settings: CollectSettings) -> list[Collected]:
    """Take every delivery as the flow does, without a server of tasks."""
    return [take_delivery(lake, source.name, one) for source in sources for one in list(source.deliveries(lake))]


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "_take", take_in_process)


def job(home: Home) -> Collection:
    return collect_job(home, Lake(home.lake), [Inbox(home.inbox, 0.0)], CollectSettings())


def sessions(done: Collection) -> list[tuple[str, int, bool]]:
    return [(one.session, one.bar_seconds, one.complete) for one in done.sessions]


@pytest.mark.parametrize("where", ["before the move", "between deliveries", "before versioning"])
def test_a_killed_run_is_finished_by_the_next(home: Home, where: str) -> None:
    put(home, "WDOK20_a.csv", minutes(DAY))
    put(home, "WDOK20_b.csv", minutes(NEXT, 400))
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(home.root), where], cwd=CHECKOUT, check=False, timeout=120,
        env={**environment_of(home), "PYTHONPATH": str(CHECKOUT)},
    )  # fmt: skip
    assert run.returncode == 9
    assert Lake(home.lake).verify() == []
    assert DAY in Lake(home.lake).sessions("WDOK20")
    done = job(home)
    assert sessions(done) == [("2020-04-02", 60, True), ("2020-04-03", 60, False)]
    assert "no DVC repository" in done.dvc
    kept = sorted(path.name for path in (home.inbox / "imported").iterdir())
    assert kept == ["WDOK20_a.csv", "WDOK20_b.csv"]
    assert job(home) == Collection(dvc=NO_REPOSITORY.format(home.root))


def test_a_run_that_finds_nothing_loads_no_prefect_and_starts_no_server(home: Home) -> None:
    put(home, "WDOK20_a.csv.part", minutes(DAY))
    code = "import sys; from cli.main import main; main(['collect']); sys.exit('prefect' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=False,
        env=environment_of(home),
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("waiting   inbox: WDOK20_a.csv.part, its name says")


def test_files_that_wait_are_told_and_nothing_is_judged_or_versioned(home: Home) -> None:
    put(home, "WDOK20_a.csv", minutes(DAY))
    done = collect_job(home, Lake(home.lake), [Inbox(home.inbox, 3600.0)], CollectSettings())
    assert [(one.label, one.status) for one in done.deliveries] == [("WDOK20_a.csv", "waiting")]
    assert (done.sessions, done.dvc) == ([], NO_REPOSITORY.format(home.root))
    assert not (home.state / UNFINISHED).exists()


def test_what_dvc_could_not_record_is_recorded_by_the_next_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*_: object) -> str:
        raise PregaoError("expected `dvc add data` to record the lake, found a lock")

    put(home, "WDOK20_a.csv", minutes(DAY))
    with monkeypatch.context() as patch:
        patch.setattr(collect, "version_data", no)
        done = job(home)
    assert [one.status for one in done.deliveries] == ["imported"]
    assert (done.versioned, sessions(done)) == (False, [("2020-04-02", 60, True)])
    assert "found a lock" in done.dvc
    assert "versioned" not in done.as_dict()
    again = job(home)
    assert (again.deliveries, again.versioned, sessions(again)) == ([], True, [("2020-04-02", 60, True)])
    assert "no DVC repository" in again.dvc


def test_an_import_while_dvc_reads_the_lake_makes_it_read_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    lake, reads = Lake(home.lake), list[int]()
    (home.root / ".dvc").mkdir()

    def add(_home: Home) -> None:
        reads.append(len(Lake(home.lake).partitions()))
        (home.root / "data.dvc").write_text(str(reads), encoding="utf-8")
        if len(reads) == 1:
            put(home, "WDOK20_b.csv", minutes(NEXT))
            take_in_process(lake, [Inbox(home.inbox, 0.0)], CollectSettings())

    monkeypatch.setattr(collect, "_dvc_add", add)
    put(home, "WDOK20_a.csv", minutes(DAY))
    assert job(home).dvc == "updated; commit it"
    assert reads == [1, 2]


def test_the_note_of_an_unfinished_run_is_kept_by_the_next(home: Home) -> None:
    home.state.mkdir(parents=True)
    put(home, "WDOK20_a.csv", minutes(DAY))
    take_in_process(Lake(home.lake), [Inbox(home.inbox, 0.0)], CollectSettings())
    (home.state / UNFINISHED).write_text("{}", encoding="utf-8")  # nothing was held when that run began
    put(home, "WDOK20_b.csv", minutes(NEXT))
    assert [session for session, *_ in sessions(job(home))] == ["2020-04-02", "2020-04-03"]
    assert not (home.state / UNFINISHED).exists()


def test_without_dvc_the_answer_says_so_in_one_sentence(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.root / ".dvc").mkdir()
    python = home.root / "python"
    python.write_text("#!/bin/sh\necho 'No module named dvc' >&2\nexit 1\n", encoding="ascii")
    python.chmod(0o755)
    monkeypatch.setattr(collect.sys, "executable", str(python))
    put(home, "WDOK20_a.csv", minutes(DAY))
    done = job(home)
    assert not done.versioned
    assert "expected `dvc add data` to record the lake, found No module named dvc; the lake itself is whole" in done.dvc


def test_a_lake_that_data_dvc_lists_and_nobody_fetched_is_not_replaced(home: Home) -> None:
    path = put(home, "WDOK20_a.csv", minutes(DAY))
    (home.root / ".dvc").mkdir()
    (home.root / "data.dvc").write_text("outs: []\n", encoding="utf-8")
    with pytest.raises(PregaoError, match=r"data\.dvc: expected the lake that it lists, found none .* `dvc pull`"):
        job(home)
    assert path.exists()
    assert (home.root / "data.dvc").read_text(encoding="utf-8") == "outs: []\n"
    assert not home.lake.exists()
    assert not (home.state / UNFINISHED).exists()


def test_only_sessions_that_are_new_or_longer_are_judged(home: Home) -> None:
    put(home, "WDOK20_a.csv", minutes(DAY))
    put(home, "WDOK20_b.csv", minutes(NEXT, 400))
    assert len(job(home).sessions) == 2
    put(home, "WDOK20_c.csv", minutes(NEXT))
    assert sessions(job(home)) == [("2020-04-03", 60, True)]
