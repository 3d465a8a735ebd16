"""A champion chosen by hand on the server is judged like any other, and whatever is done there hurts no runner."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pytest

from market.errors import RecordBroken
from market.home import Home
from registry.aliases import alias_holder, record_move
from registry.bundle import digest
from registry.gates import Evidence
from registry.promotion import champions, promote_at
from registry.record import read, recorded_holder, verify
from registry.serving import open_served
from registry.signing import SigningKey
from registry.tracking import Candidate, log_candidate
from registry.watch import BY_HAND, WATCHER, Look, Outcome, reconcile_alias, watch_aliases
from tests.commands import CHECKOUT
from tests.homes import sign_model
from tests.registry.shelves import gates_of_evidence

NOBODY = "http://127.0.0.1:9"


class Ground:
    """One model at a real server, and the home that watches it."""

    def __init__(self, home: Home, uri: str, name: str, candidate: Candidate, evidence: Evidence) -> None:
        self.home, self.uri, self.name = home, uri, name
        self.client = mlflow.MlflowClient(uri)
        self._candidate, self._evidence = candidate, evidence
        self.digests: list[str] = []

    def register(self, **known: object) -> None:
        """Register one more version; keywords change what is known of it."""
        folder = sign_model(self.home, self.name, upper=0.95 - 0.01 * len(self.digests))
        gates = gates_of_evidence(replace(self._evidence, **known))  # type: ignore[arg-type]
        self.digests.append(digest(folder))
        tags = {"bundle_digest": self.digests[-1]}
        log_candidate(
            self.uri,
            replace(self._candidate, registered_name=self.name, bundle_folder=folder, tags=tags, gates=gates, plots=()),
        )

    def by_hand(self, version: int) -> None:
        """Move the alias as the pencil of the UI does."""
        self.client.set_registered_model_alias(self.name, "champion", str(version))

    def look(self) -> Look:
        return reconcile_alias(self.home, self.uri, self.name)

    def stored_model(self, version: int) -> Path:
        """Return where the server keeps the model of a version."""
        run = self.client.get_model_version(self.name, str(version)).run_id
        (stored,) = (self.home.root / "mlruns").glob(f"artifacts/*/{run}/artifacts/bundle/model.npz")
        return stored

    @property
    def served(self) -> str:
        found = open_served(self.home, "WIN")
        assert found is not None
        assert found.refused == ""
        return found.bundle.digest

    def last_move(self) -> tuple[str, int | None, int | None]:
        moves = [one.move for one in read(self.home.decisions) if one.move.alias == "champion"]
        return moves[-1].who, moves[-1].from_version, moves[-1].to_version


@pytest.fixture
def ground(
    request: pytest.FixtureRequest, registry_uri: str, home_key: SigningKey, registry_home: Path,
    make_candidate: Callable[..., Candidate], good_evidence: Evidence,
) -> Ground:  # fmt: skip
    """Two versions: the first is champion and served, the second was compared with it and passed."""
    name = f"watched-{request.node.name.replace('_', '-')[:60]}"
    made = Ground(Home(registry_home), registry_uri, name, make_candidate("WATCHED"), good_evidence)
    for served in made.home.bundles.glob("WIN.champion*"):  # by the test before
        served.unlink()
    made.register(champion_exists=False)
    assert promote_at(made.home, registry_uri, name, 1).failing == ()
    assert made.look() == Look(name, Outcome.PUBLISHED, 1)
    made.register()
    assert made.served == made.digests[0]
    return made


def test_good_version_chosen_by_hand_is_recorded_and_served(ground: Ground) -> None:
    assert ground.look() == Look(ground.name, Outcome.UNCHANGED, 1)
    ground.by_hand(2)
    assert ground.look() == Look(ground.name, Outcome.ACCEPTED, 2)
    assert ground.last_move() == (BY_HAND, 1, 2)
    assert ground.served == ground.digests[1]
    assert ground.look().outcome is Outcome.UNCHANGED
    ground.by_hand(1)  # a person may also go back
    assert ground.look() == Look(ground.name, Outcome.ACCEPTED, 1)
    assert ground.served == ground.digests[0]
    assert champions(ground.home.decisions, ground.name) == [1]
    assert verify(ground.home.decisions) == []


def test_second_model_of_an_instrument_waits_for_a_person(ground: Ground) -> None:
    other = Ground(ground.home, ground.uri, f"{ground.name}-slow", ground._candidate, ground._evidence)
    other.register(champion_exists=False)
    other.by_hand(1)
    look = other.look()
    assert (look.outcome, look.champion) == (Outcome.ACCEPTED, 1)
    assert look.alarm == (
        f"{other.name} version 1: not handed to the runner: WIN is traded by {ground.name} version 1; "
        f"`pregao pull --model {other.name}` takes this one in its place"
    )
    assert ground.look() == Look(ground.name, Outcome.UNCHANGED, 1)
    assert other.look() == Look(other.name, Outcome.UNCHANGED, 1, look.alarm)
    assert ground.served == ground.digests[0]


def test_version_that_did_not_pass_is_undone_with_an_alarm(ground: Ground) -> None:
    ground.register(pbo=0.7)
    ground.register(champion_exists=False)
    for version, reason in ((3, "pbo: "), (4, "it was compared with version")):
        if version == 4:  # compared with the first, and the second is champion
            ground.by_hand(2)
            assert ground.look().outcome is Outcome.ACCEPTED
        before, served = alias_holder(ground.uri, ground.name, "champion"), ground.served
        ground.by_hand(version)
        look = ground.look()
        assert (look.outcome, look.champion) == (Outcome.RESTORED, before)
        assert reason in look.alarm
        assert alias_holder(ground.uri, ground.name, "champion") == before
        assert ground.last_move() == (WATCHER, version, before)
        assert ground.served == served
    assert ground.look().outcome is Outcome.UNCHANGED


def test_champion_that_is_deleted_or_overwritten_hurts_no_runner(ground: Ground) -> None:
    ground.client.delete_registered_model_alias(ground.name, "champion")
    assert ground.look().outcome is Outcome.RESTORED
    assert ground.served == ground.digests[0]
    ground.stored_model(2).write_bytes(b"overwritten")
    ground.by_hand(2)
    look = ground.look()
    assert (look.outcome, look.champion) == (Outcome.RESTORED, 1)
    assert "the hashes" in look.alarm
    ground.client.delete_model_version(ground.name, "1")
    look = ground.look()
    assert (look.outcome, look.champion) == (Outcome.LOST, None)
    assert recorded_holder(ground.home.decisions, ground.name, "champion") is None
    assert ground.look() == Look(ground.name, Outcome.UNCHANGED, None)
    ground.client.delete_registered_model(ground.name)
    assert ground.look() == Look(ground.name, Outcome.UNCHANGED, None)
    assert ground.served == ground.digests[0]


def test_alias_that_moves_while_a_version_is_accepted_changes_nothing_of_what_is_served(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.register(pbo=0.7)
    ground.by_hand(2)

    def record_and_lose(*told: Any) -> object:
        done = record_move(*told)
        ground.by_hand(3)  # somebody moves the alias on before the bundle is handed over
        return done

    monkeypatch.setattr("registry.watch.record_move", record_and_lose)
    assert ground.look() == Look(ground.name, Outcome.ACCEPTED, 2)
    assert ground.served == ground.digests[1]
    assert ground.look().outcome is Outcome.RESTORED
    assert alias_holder(ground.uri, ground.name, "champion") == 2


KILLED = """
import os, sys
from pathlib import Path
from market.home import Home
from mlflow.tracking import MlflowClient
from registry.promotion import promote_at
MlflowClient.set_registered_model_alias = lambda *told: os._exit(9)
promote_at(Home(Path(sys.argv[1])), sys.argv[2], sys.argv[3], 2)
"""


def die_by_kill(ground: Ground, _patch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", KILLED, str(ground.home.root), ground.uri, ground.name]
    assert subprocess.run(command, cwd=CHECKOUT, check=False).returncode == 9


class Killed(BaseException):
    """What no part of the code catches."""


def die_here(ground: Ground, patch: pytest.MonkeyPatch) -> None:
    def die(*_told: object) -> None:
        raise Killed

    with patch.context() as dying:
        dying.setattr(mlflow.MlflowClient, "set_registered_model_alias", die)
        with pytest.raises(Killed):
            promote_at(ground.home, ground.uri, ground.name, 2)


@pytest.mark.parametrize("die", [die_here, pytest.param(die_by_kill, marks=pytest.mark.nightly)])
def test_promotion_that_died_between_record_and_alias_is_finished(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, die: Callable[[Ground, pytest.MonkeyPatch], None]
) -> None:
    die(ground, monkeypatch)
    assert recorded_holder(ground.home.decisions, ground.name, "champion") == 2
    assert alias_holder(ground.uri, ground.name, "champion") == 1
    moves = len(read(ground.home.decisions))
    assert ground.look() == Look(ground.name, Outcome.FINISHED, 2)
    assert alias_holder(ground.uri, ground.name, "champion") == 2
    assert (ground.served, len(read(ground.home.decisions))) == (ground.digests[1], moves)
    ground.by_hand(1)  # the same move back by a person is no unfinished one
    assert ground.look() == Look(ground.name, Outcome.ACCEPTED, 1)
    assert ground.last_move() == (BY_HAND, 2, 1)


def test_version_put_back_by_hand_after_a_promotion_stays(ground: Ground) -> None:
    assert promote_at(ground.home, ground.uri, ground.name, 2).failing == ()
    ground.by_hand(1)
    assert ground.look() == Look(ground.name, Outcome.ACCEPTED, 1)


def test_version_whose_files_are_gone_is_not_put_back(ground: Ground) -> None:
    ground.by_hand(2)
    assert ground.look().outcome is Outcome.ACCEPTED
    ground.stored_model(2).unlink()
    ground.client.delete_registered_model_alias(ground.name, "champion")
    look = ground.look()
    assert (look.outcome, look.champion) == (Outcome.RESTORED, 1)
    assert "version 2 cannot be put back" in look.alarm


def test_watching_tells_each_thing_once(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", ground.uri)
    ground.by_hand(2)
    told = list(watch_aliases(ground.home, ground.name, 0.01, looks=3))
    assert told == [Look(ground.name, Outcome.ACCEPTED, 2)]


def test_server_that_is_away_is_an_alarm_and_asked_again(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOBODY)
    ground.by_hand(2)
    looks = watch_aliases(ground.home, None, 0.01, looks=2)
    away = next(looks)
    assert (away.model, away.outcome) == ("", Outcome.UNCHANGED)
    assert NOBODY in away.alarm
    monkeypatch.setenv("MLFLOW_TRACKING_URI", ground.uri)
    assert next(look for look in looks if look.model == ground.name) == Look(ground.name, Outcome.ACCEPTED, 2)


def test_model_that_was_deleted_is_missed(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", ground.uri)
    ground.client.delete_registered_model(ground.name)
    look = next(one for one in watch_aliases(ground.home, None, 0.01, looks=1) if one.model == ground.name)
    assert (look.outcome, look.champion) == (Outcome.LOST, None)
    assert "promote one" in look.alarm


def test_altered_record_ends_the_watch(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", ground.uri)
    kept = ground.home.decisions.read_bytes()
    ground.home.decisions.write_bytes(kept.replace(b'"to":1', b'"to":2'))
    try:
        with pytest.raises(RecordBroken):
            list(watch_aliases(ground.home, None, 0.01, looks=2))
    finally:
        ground.home.decisions.write_bytes(kept)


def test_unit_watches_the_server_of_the_other_unit() -> None:
    """Its command is one that there is, at the address at which `deploy/mlflow.service` listens, and no other."""
    texts = [(CHECKOUT / "deploy" / f"{name}.service").read_text(encoding="utf-8") for name in ("watch", "mlflow")]
    unit, server = (text.splitlines() for text in texts)
    (command,) = (line.partition("=")[2] for line in unit if line.startswith("ExecStart="))
    assert command.split()[1:] == ["-m", "cli", "promote", "--watch"]
    (listens,) = (line for line in server if line.startswith("ExecStart="))
    words = listens.split()
    host, port = (words[words.index(flag) + 1] for flag in ("--host", "--port"))
    assert f"Environment=MLFLOW_TRACKING_URI=http://{host}:{port}" in unit
    for hardened in ("IPAddressDeny=any", "IPAddressAllow=localhost", "NoNewPrivileges=yes", "ProtectSystem=strict"):
        assert hardened in unit
