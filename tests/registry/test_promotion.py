"""A version becomes champion on its signed gates alone, one at a time, and the one before comes back."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import mlflow
import pytest

from live.journal_writer import JournalWriter
from market.errors import (
    AliasMoved,
    BundleRefused,
    GatesRefused,
    PregaoError,
    RegistryError,
    UsageError,
    VersionMissing,
)
from market.home import Home
from registry.aliases import alias_holder
from registry.bundle import digest
from registry.gate_record import GateRecord
from registry.gates import Evidence, Gate, GateThresholds, challenger_gates, champion_gates, gates_digest
from registry.judgement import count_sessions
from registry.promotion import Promotion, champions, promote_at, rollback_at
from registry.record import read
from registry.signing import SigningKey, ensure_key, load_private_key
from registry.tracking import Candidate, find_version, gates_of, log_candidate, store_gate_record
from tests.commands import CHECKOUT
from tests.homes import sign_model
from trading.journal import Kind, json_payload

Make = Callable[..., Candidate]


def all_gates(evidence: Evidence) -> tuple[Gate, ...]:
    return (*challenger_gates(evidence, GateThresholds()), *champion_gates(evidence, GateThresholds()))


@pytest.fixture
def home(registry_home: Path, home_key: SigningKey) -> Home:
    return Home(registry_home)


@pytest.fixture
def register(home: Home, registry_uri: str, make_candidate: Make, good_evidence: Evidence) -> Callable[..., str]:
    """Register a version of a model; keywords change what is known of it. Return the model's name."""

    def registered(name: str, **known: Any) -> str:
        candidate = make_candidate(name, gates=all_gates(replace(good_evidence, **known)))
        folder = sign_model(home, candidate.registered_name)
        tags = {"bundle_digest": digest(folder)}
        log_candidate(registry_uri, replace(candidate, bundle_folder=folder, tags=tags))
        return candidate.registered_name

    return registered


def digest_of(uri: str, name: str) -> str:
    """Return the digest of the bundle of the first version."""
    return find_version(uri, name, 1).tags["bundle_digest"]


def stored_model(home: Home, uri: str, name: str, version: int) -> Path:
    """Return where the server keeps the model of a version."""
    run = find_version(uri, name, version).run_id
    (stored,) = (home.root / "mlruns").glob(f"artifacts/*/{run}/artifacts/bundle/model.npz")
    return stored


def copy_version(uri: str, name: str) -> None:
    """Make one more version of what the first one holds."""
    first = find_version(uri, name, 1)
    mlflow.MlflowClient(uri).create_model_version(
        name, first.source, first.run_id, tags=dict(first.tags), await_creation_for=0
    )


def test_version_that_passed_becomes_champion_and_is_recorded(
    home: Home, registry_uri: str, register: Callable[..., str]
) -> None:
    name = register("PROMOTED", champion_exists=False)
    done = promote_at(home, registry_uri, name, 1)
    assert (done.model, done.version, done.previous, done.failing) == (name, 1, None, ())
    assert alias_holder(registry_uri, name, "champion") == 1
    move = read(home.decisions)[-1].move
    table = gates_digest(gates_of(registry_uri, name, 1))
    assert (move.name, move.alias, move.from_version, move.to_version) == (name, "champion", None, 1)
    assert move.gates_digest == table
    assert move.who


@pytest.mark.parametrize(
    ("known", "failed"),
    [
        ({"sharpe": 0.4}, ["sharpe"]),
        ({"synthetic": True}, ["provenance_real"]),
        ({"deflated_sharpe": None, "paper_sessions": None}, ["deflated_sharpe", "paper_sessions"]),
        ({"lower_bound_over_champion": -0.1}, ["beats_champion"]),
    ],
)
def test_version_with_a_failed_gate_is_refused_with_the_reason(
    home: Home, registry_uri: str, register: Callable[..., str], known: dict[str, Any], failed: list[str]
) -> None:
    name = register(f"REFUSED-{failed[0]}", **known)
    before = home.decisions.read_bytes() if home.decisions.exists() else b""
    done = promote_at(home, registry_uri, name, 1)
    assert [gate.name for gate in done.failing] == failed
    assert done.decision is None
    assert alias_holder(registry_uri, name, "champion") is None
    assert (home.decisions.read_bytes() if home.decisions.exists() else b"") == before


def test_record_that_another_home_signed_is_refused(
    home: Home, registry_uri: str, make_candidate: Make, good_evidence: Evidence, tmp_path: Path
) -> None:
    ensure_key(tmp_path / "other", use_keyring=False)
    stranger = load_private_key(tmp_path / "other", use_keyring=False)
    candidate = make_candidate("STRANGER", gates=all_gates(good_evidence), key=stranger)
    log_candidate(registry_uri, candidate)
    with pytest.raises(GatesRefused, match="expected a gate record signed by"):
        promote_at(home, registry_uri, candidate.registered_name, 1)
    assert alias_holder(registry_uri, candidate.registered_name, "champion") is None


@pytest.mark.parametrize("change", [{"bundle_digest": "other"}, {"model": "pregao-other-1m"}])
def test_rightly_signed_record_of_something_else_is_refused(
    home: Home, registry_uri: str, register: Callable[..., str], home_key: SigningKey, change: dict[str, str],
    good_evidence: Evidence,
) -> None:  # fmt: skip
    """Whoever can write to the server may put the record of a good version beside a bad one."""
    name = register(f"SWAPPED-{next(iter(change))}")
    bundle = digest_of(registry_uri, name)
    own = GateRecord(name, bundle, None, all_gates(good_evidence))
    store_gate_record(registry_uri, find_version(registry_uri, name, 1), replace(own, **change), home_key)
    with pytest.raises(GatesRefused, match=f"expected the gate record of bundle {bundle}"):
        promote_at(home, registry_uri, name, 1)


def test_version_compared_with_an_earlier_champion_is_not_promoted(
    home: Home, registry_uri: str, register: Callable[..., str]
) -> None:
    name = register("STALE", champion_exists=False)
    register_second = register
    assert register_second("STALE", champion_exists=False) == name
    promote_at(home, registry_uri, name, 1)
    with pytest.raises(AliasMoved, match=r"compared with, none, found version 1; `pregao retrain` compares"):
        promote_at(home, registry_uri, name, 2)
    assert alias_holder(registry_uri, name, "champion") == 1


def test_version_compared_with_the_champion_takes_its_place_and_rollback_puts_it_back(
    home: Home, registry_uri: str, register: Callable[..., str]
) -> None:
    name = register("BACK", champion_exists=False)
    promote_at(home, registry_uri, name, 1)
    for version in (2, 3):
        assert register("BACK") == name
        assert promote_at(home, registry_uri, name, version).previous == version - 1
    assert champions(home.decisions, name) == [1, 2, 3]
    for back in (2, 1):
        done = rollback_at(home, registry_uri, name)
        assert (done.version, done.previous) == (back, back + 1)
        assert alias_holder(registry_uri, name, "champion") == back
    with pytest.raises(RegistryError, match="found only version 1"):
        rollback_at(home, registry_uri, name)
    moves = [d.move for d in read(home.decisions) if (d.move.name, d.move.alias) == (name, "champion")]
    assert [(m.from_version, m.to_version) for m in moves] == [(None, 1), (1, 2), (2, 3), (3, 2), (2, 1)]


def test_rollback_to_a_version_that_was_deleted_says_so(
    home: Home, registry_uri: str, register: Callable[..., str]
) -> None:
    name = register("GONE", champion_exists=False)
    promote_at(home, registry_uri, name, 1)
    register("GONE")
    promote_at(home, registry_uri, name, 2)
    mlflow.MlflowClient(registry_uri).delete_model_version(name, "1")
    with pytest.raises(VersionMissing):
        rollback_at(home, registry_uri, name)
    assert alias_holder(registry_uri, name, "champion") == 2


def test_version_whose_files_are_gone_or_altered_becomes_no_champion(
    home: Home, registry_uri: str, register: Callable[..., str]
) -> None:
    name = register("HOLLOW", champion_exists=False)
    promote_at(home, registry_uri, name, 1)
    register("HOLLOW")
    promote_at(home, registry_uri, name, 2)
    register("HOLLOW")
    before = home.decisions.read_bytes()
    stored_model(home, registry_uri, name, 3).write_bytes(b"altered")
    with pytest.raises(BundleRefused, match="the hashes"):
        promote_at(home, registry_uri, name, 3)
    for version, act in ((3, partial(promote_at, version=3)), (1, rollback_at)):
        stored_model(home, registry_uri, name, version).unlink()
        with pytest.raises(VersionMissing, match=r"model\.npz"):
            act(home, registry_uri, name)
    assert alias_holder(registry_uri, name, "champion") == 2
    assert home.decisions.read_bytes() == before


def test_rollback_leaves_an_alias_that_is_not_where_the_record_says(
    home: Home, registry_uri: str, register: Callable[..., str]
) -> None:
    name = register("BYHAND", champion_exists=False)
    promote_at(home, registry_uri, name, 1)
    register("BYHAND")
    promote_at(home, registry_uri, name, 2)
    register("BYHAND")
    mlflow.MlflowClient(registry_uri).set_registered_model_alias(name, "champion", "3")
    with pytest.raises(AliasMoved, match="found 3"):
        rollback_at(home, registry_uri, name)


def test_no_champion_no_rollback(home: Home, registry_uri: str, register: Callable[..., str]) -> None:
    with pytest.raises(RegistryError, match="found none"):
        rollback_at(home, registry_uri, register("NEVER"))


class TestSessionsOnPaper:
    """The gate that asks for sessions is answered from the journals, when a person wants to promote."""

    @staticmethod
    def keep_journal(folder: Path, name: str, *told: dict[str, Any] | Kind) -> Path:
        """Write a journal: a session is told by what differs from one in the shadow on the vendor's feed."""
        folder.mkdir(parents=True, exist_ok=True)
        usual = {"mode": "shadow", "feed": "profitdll", "day": "2026-06-02", "bundle": "x"}
        with JournalWriter(folder / name) as journal:
            for one in told:
                fields = {k: v for k, v in (usual | one).items() if v} if isinstance(one, dict) else {}
                journal.append(Kind.SESSION if isinstance(one, dict) else one, json_payload(fields))
            journal.sync()
        return folder / name

    def test_days_after_training_that_a_bundle_followed_on_the_market_to_the_close_count_once(
        self, tmp_path: Path
    ) -> None:
        """Six days count: each is told in the journal that begins with it."""
        made, followed = Kind.DECISION, (Kind.DECISION, Kind.CLOSE)
        stories: list[tuple[dict[str, Any] | Kind, ...]] = [
            ({"day": "2026-06-02"}, *followed),
            ({"day": "2026-06-02", "mode": "paper"}, *followed),  # the same day again
            ({"day": "2026-06-03", "mode": "paper"}, *followed),
            ({"day": "2026-06-04"}, made, {"day": "2026-06-04"}, *followed),  # stopped, and started again
            ({"day": "2026-06-05", "bundle": "y"}, made, {"day": "2026-06-05"}, *followed),  # taken in its course
            ({"day": "2026-06-08"}, *followed, {"day": "2026-06-09"}, *followed),  # two in one file
            # What does not:
            ({"day": "2026-06-01"}, *followed),  # trained on
            ({"day": "2026-05-29"}, *followed),  # before
            ({"day": "2026-06-10"}, made),  # stopped before the close
            ({"day": "2026-06-11"}, Kind.CLOSE),  # nothing was decided
            ({"day": "2026-06-12", "feed": "standin"}, *followed),
            ({"day": "2026-06-15", "feed": ""}, *followed),  # of a version that did not say
            ({"day": "2026-06-16", "mode": "replay", "feed": "lake"}, *followed),
            ({"day": "2026-06-17", "bundle": "z"}, *followed),
            ({"day": "2026-06-18"}, made, {"day": "2026-06-18", "bundle": "z"}, *followed),  # another one closed
            ({"day": "2026-06-19"}, made, {"day": "2026-06-19"}, Kind.CLOSE),  # nothing once it was started again
        ]
        for number, story in enumerate(stories):
            self.keep_journal(tmp_path, f"{number}.bin", *story)
        damaged = self.keep_journal(tmp_path, "damaged.bin", {"day": "2026-06-22"}, *followed)
        damaged.write_bytes(damaged.read_bytes()[:-2] + b"zz")
        trained = date(2026, 6, 1)
        assert count_sessions(tmp_path, "x", trained) == 6
        assert count_sessions(tmp_path, "x", date(2026, 6, 8)) == 1
        assert count_sessions(tmp_path / "none", "x", trained) == 0

    @pytest.fixture
    def journals(self, home: Home) -> Iterator[Path]:
        yield home.journal
        shutil.rmtree(home.journal)  # the home is everybody's, and the candidates are one bundle

    def test_five_sessions_after_training_let_a_version_pass(
        self, home: Home, registry_uri: str, register: Callable[..., str], journals: Path
    ) -> None:
        """Its manifest says that the 5th of June was the last session of its training."""
        name = register("SHADOWED", champion_exists=False, paper_sessions=0)
        own = find_version(registry_uri, name, 1).tags["bundle_digest"]
        followed = (Kind.DECISION, Kind.CLOSE)
        for day in (5, 6, 7, 8, 9):
            self.keep_journal(journals, f"{day}.bin", {"day": f"2026-06-0{day}", "bundle": own}, *followed)
        assert [gate.value for gate in promote_at(home, registry_uri, name, 1).failing] == [4]
        self.keep_journal(journals, "10.bin", {"day": "2026-06-10", "bundle": own}, *followed)
        done = promote_at(home, registry_uri, name, 1)
        assert done.failing == ()
        stored = {gate["name"]: gate for gate in gates_of(registry_uri, name, 1)}
        assert (stored["paper_sessions"]["passed"], stored["paper_sessions"]["value"]) == (True, 5)
        tag = json.loads(find_version(registry_uri, name, 1).tags["gates"])
        assert {gate["name"]: gate for gate in tag}["paper_sessions"]["passed"]

    def test_manifest_of_another_bundle_tells_nothing_of_the_training(
        self, home: Home, registry_uri: str, register: Callable[..., str], registry_home: Path
    ) -> None:
        name = register("REWRITTEN", champion_exists=False, paper_sessions=0)
        run = find_version(registry_uri, name, 1).run_id
        (stored,) = (registry_home / "mlruns").glob(f"artifacts/*/{run}/artifacts/bundle/manifest.json")
        stored.write_text('{"lineage": {"last_session": "2020-01-02"}}', encoding="utf-8")
        with pytest.raises(GatesRefused, match="expected the manifest of bundle"):
            promote_at(home, registry_uri, name, 1)


def outcome(act: Callable[[], object]) -> str:
    try:
        return type(act()).__name__
    except PregaoError as error:
        return type(error).__name__


RACER = """
import sys
from pathlib import Path
from market.errors import PregaoError
from market.home import Home
from registry.promotion import promote_at
print("ready", flush=True)
sys.stdin.readline()
try:
    print(type(promote_at(Home(Path(sys.argv[1])), sys.argv[2], sys.argv[3], int(sys.argv[4]))).__name__)
except PregaoError as error:
    print(type(error).__name__)
"""


def race(home: Home, uri: str, name: str, threads: int, processes: int) -> list[str]:
    """Promote a version in each thread and each process at once; return how each ended."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(home.root), uri, name, str(threads + number)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT,
        )
        for number in range(1, processes + 1)
    ]  # fmt: skip
    assert all(racer.stdout and racer.stdout.readline() == "ready\n" for racer in racers)
    barrier = Barrier(threads + 1)

    def run(version: int) -> str:
        barrier.wait()
        return outcome(lambda: promote_at(home, uri, name, version))

    with ThreadPoolExecutor(threads) as pool:
        ends = [pool.submit(run, version) for version in range(1, threads + 1)]
        barrier.wait()
        told = [racer.communicate("go\n", timeout=120)[0].strip() for racer in racers]
        return [end.result() for end in ends] + told


@pytest.mark.parametrize(
    ("threads", "processes"), [(8, 0), pytest.param(46, 4, marks=pytest.mark.nightly)], ids=["8", "50"]
)
def test_of_many_that_promote_at_once_one_wins(
    home: Home, registry_uri: str, register: Callable[..., str], threads: int, processes: int
) -> None:
    name = register(f"RACE-{threads}", champion_exists=False)
    for _ in range(threads + processes - 1):
        copy_version(registry_uri, name)
    ends = race(home, registry_uri, name, threads, processes)
    assert sorted(ends) == ["AliasMoved"] * (threads + processes - 1) + [Promotion.__name__]
    won = alias_holder(registry_uri, name, "champion")
    moves = [d.move for d in read(home.decisions) if (d.move.name, d.move.alias) == (name, "champion")]
    assert [(move.from_version, move.to_version) for move in moves] == [(None, won)]


def test_server_is_asked_for_the_model_that_has_the_version(
    home: Home, registry_uri: str, register: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many models of this server have a version 1."""
    from registry.promotion import promote

    register("FIRST-OF-MANY")
    register("SECOND-OF-MANY")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry_uri)
    with pytest.raises(UsageError, match="name it with --model"):
        promote(home, 1)
