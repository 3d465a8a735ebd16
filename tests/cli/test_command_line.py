"""The contract of every command, found by discovery: help with an example, one object for machines, exit codes."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from cli.main import build_app, main
from cli.output import KEYS, answer, command_of, quiet_stdout
from flows.jobs import JOBS, Job, job_named, perform
from market.errors import NotEnoughData
from market.home import Home
from tests.cli.conftest import RunCommand
from tests.commands import run_pregao

Ask = Callable[..., tuple[int, dict[str, Any]]]

# design.md §6: keys stay.
CONTRACT = {
    "import": {"files"},
    "lake ls": {"partitions", "never_joined"},
    "lake gaps": {"gaps", "missing_sessions"},
    "lake verify": {"checked", "problems"},
    "check": {"series", "data_docs", "summary"},
    "features ls": {"set", "schema_hash", "columns"},
    "features build": {"schema_hash", "sessions"},
    "parity": {"columns", "events", "differing", "first_difference"},
    "gate explain": {"version", "gates"},
    "retrain": {"run_id", "version", "alias", "stages", "gates"},
    "tune": {"model", "tuned", "trials_ever"},
    "promote": {"model", "version", "previous", "gates_failed", "record", "looks"},
    "pull": {"instrument", "model", "version", "alias", "digest", "folder", "latency_p99_us"},
    "rollback": {"model", "version", "previous", "gates_failed", "record"},
    "leakcheck": {"checked", "leaks"},
    "live": {
        "mode",
        "events",
        "decisions",
        "orders",
        "fills",
        "position",
        "decision_hash",
        "model_digest",
        "broker",
        "capture",
        "dropped",
    },
    "bench": {"name", "machine", "rows"},
}


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the words and the object of every command below a group."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


COMMANDS = dict(commands(typer.main.get_command(build_app())))
WORDS = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


def test_every_command_of_this_version_is_there() -> None:
    expected = {"demo", "retrain", "ui", "gate explain", "stage", "import", "lake ls", "features ls", "live", "init"}
    expected |= {"bench", "serve", "check", "collect", "config show", "config check", "roll show", "roll check"}
    expected |= {"lake gaps", "lake verify", "lake sql", "calendar show", "calendar audit", "leakcheck", "tune"}
    expected |= {"features build", "features page", "parity", "backtest", "sweep", "promote", "rollback", "pull"}
    expected |= {"reproduce", "explain", "drift", "schedule", "validate-model", "weekly-review"}
    assert {" ".join(words) for words in COMMANDS} == expected == set(KEYS)


@WORDS
def test_help_says_what_it_does_and_gives_an_example_that_parses(run: RunCommand, words: tuple[str, ...]) -> None:
    done = run(*words, "--help")
    assert done.code == 0
    assert COMMANDS[words].help.splitlines()[0][:40] in done.out
    example = shlex.split(COMMANDS[words].epilog.removeprefix("Example: "))
    assert f"pregao {' '.join(words)}" in done.out
    assert tuple(example[: len(words) + 1]) == ("pregao", *words)
    COMMANDS[words].make_context(example[0], example[len(words) + 1 :])  # raises where an option is unknown


@WORDS
def test_every_command_answers_machines(words: tuple[str, ...]) -> None:
    assert "--json" in {option for parameter in COMMANDS[words].params for option in parameter.opts}


@WORDS
def test_wrong_use_is_one_object_with_the_keys_of_the_command(ask: Ask, words: tuple[str, ...]) -> None:
    code, said = ask(*words, "--no-such-option")
    assert code == 2
    assert list(said) == ["ok", "reason", *KEYS[" ".join(words)]]
    assert said["ok"] is False
    assert said["reason"].startswith("No such option: --no-such-option")
    assert said["reason"].endswith(f"see `pregao {' '.join(words)} --help`")
    assert not any(said[key] for key in KEYS[" ".join(words)])


@pytest.mark.parametrize(("command", "keys"), CONTRACT.items())
def test_keys_of_the_design_are_promised(command: str, keys: set[str]) -> None:
    assert keys <= set(KEYS[command])


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("", 2, "Missing command; see `pregao --help`"),
        ("lake", 2, "Missing command; see `pregao lake --help`"),
        ("lake nothing", 2, "No such command 'nothing'; see `pregao lake --help`"),
        ("nonsense", 2, "No such command 'nonsense'; see `pregao --help`"),
        ("import", 2, "Missing argument 'paths'; see `pregao import --help`"),
        ("import no-such-file.csv", 2, "no-such-file.csv: expected a file, found nothing there; check the path"),
        ("features ls --set big", 2, "feature set: expected one of core10, demo69, book65, bars118, full, found 'big'"),
        ("stage dance", 2, "expected a stage of features, labels, train, backtest, leaks, evaluate, found 'dance'"),
        ("stage features --params none.yaml", 2, "none.yaml: expected a parameter file, found none"),
        ("bench everything", 2, "expected a benchmark of main, data, features, callback, core, models"),
        ("serve --port 0", 2, "Invalid value for '--port'"),
        ("leakcheck --sessions 0", 2, "Invalid value for '--sessions'"),
        ("leakcheck --params none.yaml", 2, "none.yaml: expected a parameter file, found none"),
        ("leakcheck --contract winz26", 2, "expected trades or bars of winz26, found none"),
        ("leakcheck --contract WINZ26", 2, "expected trades or bars of WINZ26, found none"),
        (
            "live --from 2026-13-01",
            2,
            "month or year as 2026-05-31, 2026-05 or 2026, found '2026-13-01'",
        ),
        ("live", 2, "expected an installed bundle, found none; run `pregao demo`"),
        ("live --mode live", 3, "--mode live: expected replay, shadow or paper, found live; recovery after a restart"),
        ("live --mode replay --broker standin", 2, "--broker standin: expected one that --mode replay knows"),
        ("live --mode shadow --broker profitdll", 2, "--broker profitdll: expected one that --mode shadow knows"),
        ("retrain --params none.yaml", 2, "none.yaml: expected a parameter file, found none"),
    ],
)
def test_refusals_are_one_sentence_and_an_exit_code(
    run: RunCommand, ask: Ask, home: Home, line: str, code: int, said: str
) -> None:
    spoken = run(*line.split())
    assert (spoken.code, spoken.out) == (code, "")
    assert spoken.err.startswith("pregao: ")
    assert spoken.err.count("\n") == 1
    assert said in spoken.err
    if command_of(line.split()):
        told, answered = ask(*line.split())
        assert (told, answered["ok"]) == (code, False)
        assert said in answered["reason"]
    assert [path for path in home.root.rglob("*") if path.is_file()] == []


def test_unexpected_error_is_an_object_for_machines_and_a_traceback_for_people(home: Home) -> None:
    (home.root / "state").touch()  # where a folder is needed
    done = run_pregao(home, "init", "--json")
    assert (done.code, done.answer["ok"], done.answer["public_key"]) == (1, False, None)
    assert done.answer["reason"].startswith("unexpected NotADirectoryError: ")
    assert "Traceback" in done.err
    assert run_pregao(home, "init").out == ""


def test_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_pregao(Home(tmp_path / "file"), "lake", "ls", "--json")
    assert (done.code, done.answer["ok"], done.answer["partitions"]) == (2, False, None)
    assert "expected a folder, found a file" in done.answer["reason"]


def test_damaged_lake_is_an_answer_of_no(run: RunCommand, home: Home) -> None:
    home.lake.mkdir(parents=True)
    (home.lake / "manifest.json").write_text("{", encoding="utf-8")
    done = run("lake", "ls", "--json")
    assert (done.code, done.answer["ok"]) == (1, False)
    assert "manifest.json" in done.answer["reason"]


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("lake ls --json", "lake ls"),
        ("live --json", "live"),
        ("lake", ""),
        ("", ""),
        ("import lake ls", "import"),
        ("calendar", "calendar show"),
        ("calendar 2026-11-25", "calendar show"),
        ("roll check", "roll check"),
    ],
)
def test_command_is_told_by_its_first_words(line: str, command: str) -> None:
    assert command_of(line.split()) == command


def test_answer_of_yes_keeps_the_order_of_its_keys(capfd: pytest.CaptureFixture[str]) -> None:
    answer(True, {"b": 1, "a": "ção"}, ["unseen"])
    assert capfd.readouterr() == ('{"ok": true, "b": 1, "a": "ção"}\n', "")


def test_answer_of_no_ends_the_command_with_its_code(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        answer(False, {}, ["one", "two"], reason="because", code=3)
    assert ended.value.exit_code == 3
    assert capfd.readouterr() == ("one\ntwo\n", "pregao: because\n")


def test_number_that_json_does_not_know_is_never_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        answer(True, {"sharpe": float("nan")}, ())
    assert capfd.readouterr().out == ""


def test_noise_of_libraries_and_of_their_processes_is_not_on_standard_output(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with quiet_stdout():
        sys.stdout.write("a library\n")
        subprocess.run([sys.executable, "-c", "print('its process')"], check=True)
    sys.stdout.write("the answer\n")
    out, err = capfd.readouterr()
    assert out == "the answer\n"
    assert set(err.splitlines()) == {"a library", "its process"}


def test_standard_output_is_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), quiet_stdout():
        raise KeyError
    sys.stdout.write("the answer\n")
    assert capfd.readouterr().out == "the answer\n"


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_every_job_of_the_schedule_is_a_command_with_options_that_there_are(job: Job) -> None:
    name, *options = job.command
    COMMANDS[(name,)].make_context(name, [*options, "--json"])  # raises where an option is unknown


def test_drift_with_too_few_sessions_is_nothing_to_judge_yet_and_no_alarm(
    home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def too_few(*_asked: object) -> None:
        raise NotEnoughData("WINQ26: expected at least 5 sessions, found 2")

    monkeypatch.setenv("PREGAO_HOME", str(home.root))
    monkeypatch.setattr("flows.drift.drift_job", too_few)
    assert main(["drift", "--json"]) == 0
    answer = json.loads(capfd.readouterr().out)
    assert (answer["ok"], answer["request"], set(answer)) == (True, None, {"ok", *KEYS["drift"]})
    assert perform(job_named("drift"), lambda *_asked: answer) == "drift done"
    assert main(["drift"]) == 0
    assert "nothing to judge yet: WINQ26" in capfd.readouterr().out
