"""`pregao live`, and the exit codes of what it will not trade."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.output import KEYS
from market.home import Home
from registry.signing import public_key
from tests.cli.conftest import RunCommand
from tests.homes import MARKET, build_home, install_model
from trading.journal import Kind, read

Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return build_home(tmp_path_factory.mktemp("whole"), "bars")


@pytest.fixture(autouse=True)
def ready(whole: Home, home: Home) -> None:
    """Each test has a home of its own with data and a model."""
    shutil.copytree(whole.root, home.root, dirs_exist_ok=True)


def test_replay_answers_with_what_was_done(run: RunCommand, ask: Ask, home: Home) -> None:
    code, said = ask("live", "--mode", "replay")
    assert (code, said["ok"], said["mode"], said["contract"]) == (0, True, "replay", "WINQ26")
    assert list(said) == ["ok", *KEYS["live"]]
    records = read(Path(said["journal"]))
    assert sum(record.kind == Kind.SESSION for record in records) == said["sessions"] == len(MARKET.days())
    assert sum(record.kind == Kind.ORDER for record in records) == said["orders"] > 0
    assert (said["model_digest"], said["position"]) == (next(home.bundles.iterdir()).name, 0)
    spoken = run("live")
    assert f"{said['decisions']} decisions" in spoken.out
    assert said["decision_hash"][:16] in spoken.out


def test_span_and_journal_may_be_named(ask: Ask, tmp_path: Path) -> None:
    day, path = str(MARKET.days()[1]), tmp_path / "deep" / "journal.bin"
    code, said = ask("live", "--from", day, "--to", day, "--journal", path)
    assert (code, said["sessions"], said["journal"]) == (0, 1, str(path))
    assert read(path)[0].fields()["day"] == day


def test_limits_of_the_configuration_are_traded_under(
    ask: Ask, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.root / "pregao.toml").write_text("[risk]\nmax_trades_per_day = 1\n", encoding="utf-8")
    _, said = ask("live", "--journal", tmp_path / "one.bin")
    assert 0 < said["fills"] <= 2 * said["sessions"]
    monkeypatch.setenv("PREGAO_RISK__LAST_ENTRY_BEFORE_CLOSE_MINUTES", "1440")
    code, said = ask("live", "--journal", tmp_path / "none.bin")
    assert (code, said["fills"]) == (0, 0)
    monkeypatch.setenv("PREGAO_RISK__MAX_POSITION", "0")
    code, said = ask("live", "--journal", tmp_path / "refused.bin")
    assert code == 2
    assert "max_position: expected 1 to" in said["reason"]


def test_altered_bundle_is_refused_for_safety(ask: Ask, home: Home) -> None:
    model = next(home.bundles.iterdir()) / "model.npz"
    data = bytearray(model.read_bytes())
    data[100] ^= 1
    model.write_bytes(data)
    code, said = ask("live")
    assert (code, said["ok"], said["decisions"]) == (3, False, None)
    assert "pull the bundle again" in said["reason"]


def test_bundle_of_another_key_is_refused_for_safety(ask: Ask, home: Home, tmp_path: Path) -> None:
    theirs = install_model(Home(tmp_path / "theirs"), "bars")
    code, said = ask("live", "--bundle", theirs)
    assert code == 3
    assert public_key(home.keys).hex() in said["reason"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--contract", "PETR4"), "'PETR4': expected a contract of WDO, DOL, WIN, IND"),
        (("--contract", "WDOQ26"), "expected a series of WIN"),
    ],
)
def test_request_without_sense_is_wrong_use(ask: Ask, arguments: tuple[str, ...], said: str) -> None:
    code, answer = ask("live", *arguments)
    assert (code, answer["ok"]) == (2, False)
    assert said in answer["reason"]


def test_sessions_that_were_not_recorded_are_a_no(ask: Ask) -> None:
    code, answer = ask("live", "--from", "2027-01")
    assert (code, answer["ok"]) == (1, False)
    assert "expected recorded sessions from 2027-01-01" in answer["reason"]
