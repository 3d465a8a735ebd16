"""`pregao pull` serves a bundle only once all of it is proved; until then, and without a server, the last one does."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.main import main
from market.errors import (
    BundleRefused,
    GatesRefused,
    PregaoError,
    ProvenanceRefused,
    RegistryError,
    ServerUnavailable,
    UsageError,
    VersionMissing,
)
from market.home import Home
from registry.bundle import digest, load_bundle
from registry.fetch import Shelf
from registry.gate_record import GateRecord
from registry.gates import Evidence, GateThresholds
from registry.installed import Named, open_account
from registry.promotion import promote_at
from registry.pull import check_latency, pull, take
from registry.serving import open_first, open_served, served_roots
from registry.signing import SigningKey, ensure_key, public_key
from registry.tracking import Candidate, log_candidate
from tests.homes import fill_lake, install_model, sign_model
from tests.registry.conftest import GOOD
from tests.registry.shelves import (
    Kept,
    drip,
    flood,
    gates_of_evidence,
    hang_up,
    keep,
    redirect,
    sealed_for,
    send,
    shelf,
)

MODEL = "pregao-win-60s"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    ensure_key(home.keys, use_keyring=False)
    return home


@pytest.fixture
def bundle(home: Home) -> Path:
    return sign_model(home, MODEL)


def fetch(home: Home, kept: Kept, patience_s: float = 30.0, **asked: Any) -> Any:
    with shelf(kept) as uri:
        return take(home, Shelf(uri, patience_s).fetch(MODEL, asked.pop("alias", "champion")), **asked)


def files_of(home: Home) -> dict[str, bytes]:
    """Return everything below the state of a home but its keys."""
    found = (path for path in home.state.rglob("*") if path.is_file() and home.keys not in path.parents)
    return {str(path.relative_to(home.state)): path.read_bytes() for path in found}


def test_latency_is_that_of_the_slow_ones(home: Home, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each hundred answers three take 900 µs by the clock and the rest 10: the 99th percentile is a slow one."""
    taken = itertools.cycle([900_000] * 3 + [10_000] * 97)
    ticks = itertools.accumulate(itertools.chain.from_iterable((1_000, next(taken)) for _ in itertools.count()))
    monkeypatch.setattr("registry.pull.time", SimpleNamespace(perf_counter_ns=lambda: next(ticks)))
    loaded = load_bundle(bundle, public_key(home.keys))
    allowed = GateRecord(MODEL, loaded.digest, None, gates_of_evidence(GOOD, GateThresholds(latency_p99_us=900.0)))
    assert check_latency("here", loaded, allowed) == 900.0
    tighter = GateRecord(MODEL, loaded.digest, None, gates_of_evidence(GOOD, GateThresholds(latency_p99_us=899.0)))
    with pytest.raises(BundleRefused, match="here: expected a model within 899 µs on this machine, found 900 µs"):
        check_latency("here", loaded, tighter)


def test_whole_bundle_is_served_and_kept(home: Home, bundle: Path) -> None:
    done = fetch(home, keep(home, MODEL, bundle))
    assert (done.instrument, done.entry.version, done.entry.alias) == ("WIN", 3, "champion")
    assert done.folder == home.bundles / digest(bundle)
    assert load_bundle(done.folder, public_key(home.keys)).digest == done.entry.digest
    assert 0.0 < done.latency_p99_us < 1000.0
    served = open_served(home, "WIN")
    assert served is not None
    assert (served.bundle.digest, served.refused) == (digest(bundle), "")
    assert served_roots(home) == ["WIN"]
    assert [name for name in files_of(home) if ".pull-" in name or ".serving-" in name] == []


def test_nothing_is_served_before_a_pull(home: Home) -> None:
    assert open_served(home, "WIN") is None
    assert served_roots(home) == []


def test_pulling_twice_changes_nothing(home: Home, bundle: Path) -> None:
    fetch(home, keep(home, MODEL, bundle))
    before = files_of(home)
    fetch(home, keep(home, MODEL, bundle))
    assert files_of(home) == before


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def other_files(kept: Kept, **files: bytes) -> Kept:
    return replace(kept, files={**kept.files, **{name.replace("_", "."): data for name, data in files.items()}})


def with_record(home: Home, kept: Kept, folder: Path, evidence: Evidence, **changes: Any) -> Kept:
    thresholds = changes.pop("thresholds", None)
    record = GateRecord(MODEL, digest(folder), None, gates_of_evidence(evidence, thresholds))
    return other_files(kept, gates_json=sealed_for(home, replace(record, **changes)))


def odd(kept: Kept, end: str, answer: Any) -> Kept:
    return replace(kept, odd={end: answer})


ALTERED: dict[str, tuple[Callable[[Home, Kept, Path, Evidence], Kept], type[PregaoError], str]] = {
    "model of other bytes": (
        lambda h, k, f, e: other_files(k, model_npz=flipped(k.files["model.npz"], 500)), BundleRefused, "the hashes"),
    "manifest of other bytes": (
        lambda h, k, f, e: other_files(k, manifest_json=flipped(k.files["manifest.json"], 50)),
        BundleRefused, "an altered one"),
    "model cut short": (
        lambda h, k, f, e: other_files(k, model_npz=k.files["model.npz"][:-1]), BundleRefused, "the hashes"),
    "gate record of other bytes": (
        lambda h, k, f, e: other_files(k, gates_json=k.files["gates.json"].replace(b"240", b"241", 1)),
        GatesRefused, "or was altered"),
    "no gate record": (lambda h, k, f, e: other_files(k, gates_json=b"[]"), GatesRefused, "a signed gate record"),
    "gate record of another bundle": (
        lambda h, k, f, e: with_record(h, k, f, e, bundle_digest="e" * 64), GatesRefused, "expected the gate record"),
    "gate record of another model": (
        lambda h, k, f, e: with_record(h, k, f, e, model="pregao-wdo-60s"), GatesRefused, "expected the gate record"),
    "gate that failed": (
        lambda h, k, f, e: with_record(h, k, f, replace(e, pbo=0.5)), GatesRefused, "pbo: "),
    "gate that nobody asked": (
        lambda h, k, f, e: with_record(h, k, f, e, gates=gates_of_evidence(e)[:-1]), GatesRefused, "beats_champion"),
    "slower than the budget": (
        lambda h, k, f, e: with_record(
            h, k, f, replace(e, latency_p99_us=0.0), thresholds=GateThresholds(latency_p99_us=0.01)),
        BundleRefused, "on this machine"),
    "redirect": (lambda h, k, f, e: odd(k, "model.npz", redirect), RegistryError, "status 302"),
    "redirect of the registry": (lambda h, k, f, e: odd(k, "alias", redirect), RegistryError, "status 302"),
    "endless file": (lambda h, k, f, e: odd(k, "signature.json", flood), RegistryError, "at most 4096 bytes"),
    "endless answer": (lambda h, k, f, e: odd(k, "alias", flood), RegistryError, "at most 1048576 bytes"),
    "missing file": (lambda h, k, f, e: odd(k, "golden.npz", lambda a: a.send_error(404)), VersionMissing, "404"),
    "failing server": (lambda h, k, f, e: odd(k, "golden.npz", lambda a: a.send_error(500)), RegistryError, "500"),
    "no JSON": (lambda h, k, f, e: odd(k, "alias", lambda a: send(a, b"<html>")), RegistryError, "expected JSON"),
    "deep JSON": (lambda h, k, f, e: odd(k, "alias", lambda a: send(a, b"[" * 99999)), RegistryError, "expected JSON"),
    "a list": (lambda h, k, f, e: odd(k, "alias", lambda a: send(a, [1])), RegistryError, "an object"),
    "no version": (lambda h, k, f, e: odd(k, "alias", lambda a: send(a, {})), RegistryError, "expected a version"),
    "a version of words": (
        lambda h, k, f, e: odd(k, "alias", lambda a: send(a, {"model_version": {"version": "1/../2"}})),
        RegistryError, "expected a version"),
    "a version with an exponent": (
        lambda h, k, f, e: odd(k, "alias", lambda a: send(a, {"model_version": {"version": "²"}})),
        RegistryError, "expected a version"),
    "cut answer": (lambda h, k, f, e: odd(k, "get-download-uri", hang_up), PregaoError, "expected"),
    **{
        f"location {place}": (
            lambda h, k, f, e, place=place: replace(k, location=place), RegistryError, "that the server keeps itself")
        for place in (
            "s3://bucket/1/run/artifacts/bundle", "file:///etc/bundle", "mlflow-artifacts:/../../bundle",
            "mlflow-artifacts://elsewhere/1/bundle", "mlflow-artifacts:/1/..%2f..%2f/bundle", "mlflow-artifacts:/1/run",
            "mlflow-artifacts:/1/a b/bundle", "mlflow-artifacts:/1/.ssh/bundle", "",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("what", ALTERED)
def test_what_does_not_hold_is_refused_and_the_last_one_serves_on(
    home: Home, bundle: Path, good_evidence: Evidence, what: str
) -> None:
    fetch(home, keep(home, MODEL, bundle))
    before = files_of(home)
    second = sign_model(home, MODEL, upper=0.8)
    alter, kind, words = ALTERED[what]
    kept = alter(home, keep(home, MODEL, second), second, good_evidence)
    with pytest.raises(kind, match=words):
        fetch(home, kept)
    assert files_of(home) == before
    served = open_served(home, "WIN")
    assert served is not None
    assert served.bundle.digest == digest(bundle)


@pytest.mark.parametrize("end", ["model.npz", "registered-models/alias"])
def test_server_that_drips_is_left_in_time(home: Home, bundle: Path, end: str) -> None:
    with pytest.raises(ServerUnavailable, match=r"no whole answer within 0\.5 s"):
        fetch(home, odd(keep(home, MODEL, bundle), end, drip), patience_s=0.5)


def test_bundle_of_another_name_is_refused(home: Home) -> None:
    """A rightly signed bundle of another model, offered as this one."""
    foreign = sign_model(home, "pregao-win-300s")
    with pytest.raises(BundleRefused, match="of pregao-win-60s, found"):
        fetch(home, keep(home, MODEL, foreign))


def test_champion_of_synthetic_data_serves_on_paper_only(home: Home) -> None:
    synthetic = keep(home, MODEL, sign_model(home, MODEL, synthetic=True), synthetic=True)
    with pytest.raises(ProvenanceRefused, match="--mode paper"):
        fetch(home, synthetic)
    assert open_served(home, "WIN") is None
    assert fetch(home, synthetic, demonstration=True).entry.demonstration
    assert open_served(home, "WIN") is None
    served = open_first(home, "WIN", Named().places)
    assert served is not None
    assert served.entry.demonstration


def test_lineage_of_the_bundle_is_asked_too(home: Home) -> None:
    """A gate record that says real beside a bundle that says synthetic."""
    with pytest.raises(ProvenanceRefused):
        fetch(home, keep(home, MODEL, sign_model(home, MODEL, synthetic=True)))


def test_challenger_needs_the_first_gates_only_and_stands_beside_the_champion(home: Home, bundle: Path) -> None:
    fetch(home, keep(home, MODEL, bundle))
    rising = sign_model(home, MODEL, upper=0.7)
    fetch(home, keep(home, MODEL, rising, paper_sessions=0), alias="challenger")
    champion, challenger = open_served(home, "WIN"), open_served(home, "WIN", "challenger")
    assert champion is not None
    assert challenger is not None
    assert (champion.bundle.digest, challenger.bundle.digest) == (digest(bundle), digest(rising))


class TestLastGood:
    """What was proved once is proved again whenever it is opened."""

    @pytest.fixture
    def served(self, home: Home, bundle: Path) -> tuple[str, str]:
        second = sign_model(home, MODEL, upper=0.8)
        for folder in (bundle, second):
            fetch(home, keep(home, MODEL, folder))
        return digest(bundle), digest(second)

    def test_damaged_bundle_gives_way_to_the_one_before(self, home: Home, served: tuple[str, str]) -> None:
        model = home.bundles / served[1] / "model.npz"
        model.write_bytes(flipped(model.read_bytes(), 700))
        found = open_served(home, "WIN")
        assert found is not None
        assert found.bundle.digest == served[0]
        assert "version 3: bundle" in found.refused

    def test_without_any_that_holds_there_is_a_refusal(self, home: Home, served: tuple[str, str]) -> None:
        for one in served:
            (home.bundles / one / "model.npz").unlink()
        with pytest.raises(BundleRefused, match="expected a bundle that holds, found none"):
            open_served(home, "WIN")

    def test_gate_record_put_beside_another_bundle_is_refused(self, home: Home, served: tuple[str, str]) -> None:
        path = home.bundles / "WIN.champion.json"
        present, before = json.loads(path.read_text())
        path.write_text(json.dumps([{**present, "gate_record": before["gate_record"]}]))
        with pytest.raises(BundleRefused, match="expected the gate record of"):
            open_served(home, "WIN")

    @pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"digest": "../../x"}]', "[" * 9999])
    def test_damaged_file_is_refused_and_a_pull_heals_it(
        self, home: Home, bundle: Path, served: tuple[str, str], text: str
    ) -> None:
        (home.bundles / "WIN.champion.json").write_text(text)
        with pytest.raises(BundleRefused, match="pull again"):
            open_served(home, "WIN")
        fetch(home, keep(home, MODEL, bundle))
        assert open_served(home, "WIN") is not None

    @pytest.mark.parametrize("digest", ["../../elsewhere", "", None, "A" * 64])
    def test_entry_that_leads_out_of_the_cache_is_refused(
        self, home: Home, served: tuple[str, str], digest: object
    ) -> None:
        path = home.bundles / "WIN.champion.json"
        present = json.loads(path.read_text())[0]
        path.write_text(json.dumps([present | {"digest": digest}]))
        with pytest.raises(BundleRefused, match="expected bundles of champion"):
            open_served(home, "WIN")


def test_account_of_the_server_is_named_as_mlflow_does(
    home: Home, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "live")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "a word")
    with shelf(keep(home, MODEL, bundle), seen) as uri:
        Shelf(uri).fetch(MODEL, "champion")
    assert len(seen) == 7
    assert all(one.endswith("Basic bGl2ZTphIHdvcmQ=") for one in seen)


def test_the_one_model_with_the_alias_is_found(home: Home, bundle: Path) -> None:
    kept = keep(home, MODEL, bundle)
    with shelf(kept) as uri:
        assert Shelf(uri).model_with("champion") == MODEL
        with pytest.raises(UsageError, match="name it with --model"):
            Shelf(uri).model_with("challenger")


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "file:./mlruns", "sqlite:///mlflow.db"])
def test_server_that_is_away_leaves_what_serves(
    home: Home, bundle: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    fetch(home, keep(home, MODEL, bundle))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(ServerUnavailable, match="expected an"):
        pull(home, "champion", MODEL)
    served = open_served(home, "WIN")
    assert served is not None
    assert served.bundle.digest == digest(bundle)


def test_promoted_version_of_a_real_server_is_pulled_and_survives_its_deletion(
    registry_home: Path, registry_uri: str, home_key: SigningKey, good_evidence: Evidence,
    make_candidate: Callable[..., Candidate], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    import mlflow

    home, name = Home(registry_home), "pregao-pulled-1m"
    folder = sign_model(home, name)
    candidate = make_candidate("PULLED", bundle_folder=folder, tags={"bundle_digest": digest(folder)})
    gates = gates_of_evidence(replace(good_evidence, champion_exists=False))
    log_candidate(registry_uri, replace(candidate, gates=gates))
    assert promote_at(home, registry_uri, name, 1).failing == ()
    monkeypatch.setenv("PREGAO_HOME", str(home.root))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry_uri)
    capfd.readouterr()
    assert main(["pull", "--model", name, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["ok"], told["version"], told["digest"], told["instrument"]) == (True, 1, digest(folder), "WIN")
    mlflow.MlflowClient(registry_uri).delete_registered_model(name)
    assert main(["pull", "--model", name, "--json"]) == 1
    assert "404" in json.loads(capfd.readouterr().out)["reason"]
    served = open_served(home, "WIN")
    assert served is not None
    assert served.bundle.digest == digest(folder)


@pytest.mark.parametrize("root", ["../../WIN", "/WIN", "", ".WIN", "WIN/../X", "C:WIN"])
def test_instrument_that_leads_out_of_the_cache_is_refused(home: Home, root: str) -> None:
    """A rightly signed bundle may say that it trades anything."""
    before = files_of(home)
    with pytest.raises(BundleRefused, match="expected an instrument"):
        open_served(home, root)
    assert files_of(home) == before


class TestWhatTheRunnerTakes:
    def test_demonstration_stands_beside_the_champion_until_the_next_pull(self, home: Home, bundle: Path) -> None:
        fill_lake(home)
        fetch(home, keep(home, MODEL, bundle))
        champion = (home.bundles / "WIN.champion.json").read_bytes()
        shown = sign_model(home, MODEL, upper=0.7, synthetic=True)
        fetch(home, keep(home, MODEL, shown, synthetic=True), demonstration=True)
        assert (home.bundles / "WIN.champion.json").read_bytes() == champion
        on_paper = open_account(home, Named())
        assert on_paper.digest == digest(shown)
        assert on_paper.instead == (
            f"WIN: expected a champion that was pulled, found a demonstration, {MODEL} version 3; the next `pregao "
            "pull` ends it",
        )
        assert open_account(home, Named(at_broker=True)).digest == digest(bundle)
        fetch(home, keep(home, MODEL, bundle))
        assert open_account(home, Named())[2:] == ((), ())
        assert open_account(home, Named()).digest == digest(bundle)

    def test_demonstration_that_stands_where_the_champion_does_is_refused(self, home: Home) -> None:
        """Whoever can write into the cache moves one entry."""
        fill_lake(home)
        shown = sign_model(home, MODEL, synthetic=True)
        fetch(home, keep(home, MODEL, shown, synthetic=True), demonstration=True)
        (home.bundles / "WIN.champion.demonstration.json").rename(home.bundles / "WIN.champion.json")
        for at_broker in (True, False):
            with pytest.raises(BundleRefused, match="expected bundles of champion"):
                open_account(home, Named(at_broker=at_broker))

    @pytest.mark.parametrize("there", ["installed", "named", "demonstration", "challenger", "damaged"])
    def test_only_a_champion_that_was_pulled_trades_at_a_broker(self, home: Home, bundle: Path, there: str) -> None:
        fill_lake(home)
        installed = install_model(home, upper=0.6)
        if there == "demonstration":
            fetch(home, keep(home, MODEL, bundle), demonstration=True)
        elif there != "installed":
            fetch(home, keep(home, MODEL, bundle), alias="challenger" if there == "challenger" else "champion")
        if there == "damaged":
            (home.bundles / digest(bundle) / "model.npz").write_bytes(b"damage")
        error = BundleRefused if there == "damaged" else GatesRefused
        for contracts in ((), ("WINQ26",)):
            named = Named((installed,) if there == "named" else (), contracts, at_broker=True)
            with pytest.raises(error, match=r"found none|found .*; leave it out, and `pregao promote`"):
                open_account(home, named)

    def test_what_is_taken_in_place_of_what_was_asked_for_is_told(self, home: Home, bundle: Path) -> None:
        fill_lake(home)
        installed = install_model(home, upper=0.6)
        (told,) = open_account(home, Named(contracts=("WINQ26",))).instead
        assert told == (
            f"WIN: expected a champion that was pulled, found none; the bundle installed last is taken, "
            f"{installed.name[:16]}, which no gate let through"
        )
        fetch(home, keep(home, MODEL, bundle))
        assert open_account(home, Named()).instead == ()
        (told,) = open_account(home, Named(alias="challenger")).instead
        assert told == (
            f"WIN: expected a challenger that was pulled, found none; the champion is taken, {MODEL} version 3"
        )
        fetch(home, keep(home, MODEL, bundle), alias="challenger")
        assert open_account(home, Named(alias="challenger")).instead == ()

    def test_pulled_bundle_goes_before_the_one_installed_last(self, home: Home, bundle: Path) -> None:
        fill_lake(home)
        fetch(home, keep(home, MODEL, bundle))
        installed = install_model(home, upper=0.6)
        assert installed.name != digest(bundle)
        assert open_account(home, Named()).digest == digest(bundle)
        assert open_account(home, Named((installed,))).digest == installed.name

    def test_shadow_takes_the_challenger_where_there_is_one(self, home: Home, bundle: Path) -> None:
        fill_lake(home)
        fetch(home, keep(home, MODEL, bundle))
        shadow = Named(alias="challenger")
        assert open_account(home, shadow).digest == digest(bundle)
        rising = sign_model(home, MODEL, upper=0.7)
        fetch(home, keep(home, MODEL, rising), alias="challenger")
        assert open_account(home, shadow).digest == digest(rising)
        assert open_account(home, Named()).digest == digest(bundle)

    def test_why_the_last_good_one_trades_is_told(self, home: Home, bundle: Path) -> None:
        fill_lake(home)
        for folder in (bundle, sign_model(home, MODEL, upper=0.8)):
            served = fetch(home, keep(home, MODEL, folder)).folder
        (served / "model.npz").write_bytes(b"damage")
        opened = open_account(home, Named())
        assert opened.digest == digest(bundle)
        assert len(opened.refused) == 1
        assert "version 3" in opened.refused[0]

    def test_several_instruments_are_named(self, home: Home, bundle: Path) -> None:
        fetch(home, keep(home, MODEL, bundle))
        fetch(home, keep(home, MODEL, sign_model(home, MODEL, root="WDO")))
        with pytest.raises(UsageError, match="found WDO, WIN; name --contract"):
            open_account(home, Named())
