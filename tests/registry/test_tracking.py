import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import lightgbm
import mlflow
import numpy as np
import pytest
import xgboost

from market.errors import AliasMoved, RecordBroken, RegistryError, ServerUnavailable, VersionMissing
from market.home import Home
from registry.aliases import alias_holder, move_alias
from registry.gates import Evidence, GateThresholds, as_table, challenger_gates, champion_gates, gates_digest
from registry.record import Move, read
from registry.signing import SigningKey
from registry.tracking import (
    Candidate,
    download_bundle,
    gates_of,
    log_candidate,
    log_trials,
    pooled_ratio_variance,
    trial_count,
    trials_by_origin,
    versions,
)

Make = Callable[..., Candidate]

FAILING = challenger_gates(Evidence(), GateThresholds())


def rest(uri: str, path: str) -> Any:
    """Ask the server without MLflow's client."""
    with urllib.request.urlopen(f"{uri}/api/2.0/{path}", timeout=10) as answer:
        return json.load(answer)


def stored_files(uri: str, run_id: str, folder: str) -> dict[str, int]:
    """Size by name of what a run has stored in a folder, by the server's own list."""
    listed = rest(uri, f"mlflow/artifacts/list?run_id={run_id}&path={folder}")
    return {entry["path"]: entry.get("file_size", 0) for entry in listed.get("files", [])}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestCandidateThatPassed:
    def test_becomes_one_version_and_challenger(self, registry_uri: str, make_candidate: Make) -> None:
        candidate = make_candidate("PASSED")
        first = log_candidate(registry_uri, candidate)
        second = log_candidate(registry_uri, candidate)
        assert (first.version, first.alias) == (1, "challenger")
        assert (second.version, second.alias) == (2, "challenger")
        held = {version.version: version.aliases for version in versions(registry_uri, candidate.registered_name)}
        assert held == {1: (), 2: ("challenger",)}

    def test_alias_moves_are_recorded(self, registry_uri: str, make_candidate: Make) -> None:
        candidate = make_candidate("RECORDED")
        log_candidate(registry_uri, candidate)
        log_candidate(registry_uri, candidate)
        moves = [decision.move for decision in read(candidate.record)]
        digest = gates_digest(gates_of(registry_uri, candidate.registered_name, 2))
        assert [(move.from_version, move.to_version) for move in moves] == [(None, 1), (1, 2)]
        assert moves[1] == Move("tester", candidate.registered_name, "challenger", 1, 2, digest)

    def test_run_holds_params_metrics_tags_and_files(self, registry_uri: str, make_candidate: Make) -> None:
        done = log_candidate(registry_uri, make_candidate("HELD"))
        run = rest(registry_uri, f"mlflow/runs/get?run_id={done.run_id}")["run"]
        assert run["info"]["status"] == "FINISHED"
        assert {entry["key"]: entry["value"] for entry in run["data"]["params"]} == {
            "learning_rate": "0.05",
            "rounds": "3",
        }
        assert {entry["key"] for entry in run["data"]["metrics"]} == {"sharpe", "calmar"}
        assert {"key": "schema_hash", "value": "s1"} in run["data"]["tags"]
        assert stored_files(registry_uri, done.run_id, "bundle/arrays") == {"bundle/arrays/forest.bin": 256}
        assert list(stored_files(registry_uri, done.run_id, "plots")) == ["plots/equity.svg"]

    def test_version_comes_from_the_stored_bundle(self, registry_uri: str, make_candidate: Make) -> None:
        """No stored location may name a folder of this machine: the home can be moved."""
        candidate = make_candidate("SOURCE")
        done = log_candidate(registry_uri, candidate)
        (version,) = versions(registry_uri, candidate.registered_name)
        assert version.source.startswith("mlflow-artifacts:/")
        assert version.source.endswith(f"{done.run_id}/artifacts/bundle")
        assert version.run_id == done.run_id
        assert version.tags["challenger_gates"] == "passed"
        assert dict(candidate.tags).items() <= dict(version.tags).items()
        assert json.loads(version.tags["gates"]) == as_table(candidate.gates)

    def test_every_parameter_is_stored_beyond_one_batch(self, registry_uri: str, make_candidate: Make) -> None:
        params = {f"p{number}": number for number in range(230)}
        done = log_candidate(registry_uri, make_candidate("BATCH", params=params))
        run = rest(registry_uri, f"mlflow/runs/get?run_id={done.run_id}")["run"]
        assert len(run["data"]["params"]) == 230


class TestCandidateThatFailed:
    def test_is_registered_without_alias_or_record(self, registry_uri: str, make_candidate: Make) -> None:
        candidate = make_candidate("FAILED", gates=FAILING)
        done = log_candidate(registry_uri, candidate)
        assert done.alias is None
        assert alias_holder(registry_uri, candidate.registered_name, "challenger") is None
        assert not candidate.record.exists()

    def test_leaves_the_challenger_there_is(self, registry_uri: str, make_candidate: Make) -> None:
        candidate = make_candidate("KEEPS")
        log_candidate(registry_uri, candidate)
        log_candidate(registry_uri, replace(candidate, gates=FAILING))
        assert alias_holder(registry_uri, candidate.registered_name, "challenger") == 1

    @pytest.mark.parametrize("dropped", [0, 7, 13])
    def test_gates_not_asked_are_not_passed(self, make_candidate: Make, dropped: int) -> None:
        candidate = make_candidate("ASKED")
        asked = tuple(gate for number, gate in enumerate(candidate.gates) if number != dropped)
        assert candidate.challenger_passed
        assert not replace(candidate, gates=asked).challenger_passed

    def test_gates_of_later_steps_have_no_say(self, make_candidate: Make) -> None:
        candidate = make_candidate("LATER")
        later = (*candidate.gates, *champion_gates(Evidence(), GateThresholds()))
        assert replace(candidate, gates=later).challenger_passed


@pytest.fixture(scope="module")
def stored(
    registry_uri: str, models: dict[str, Any], training: Any, home_key: SigningKey, tmp_path_factory: Any
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("native")
    (folder / "bundle").mkdir()
    (folder / "bundle" / "manifest.json").write_text("{}", encoding="utf-8")
    candidate = Candidate(
        *("pregao-NATIVE", "pregao-native-1m", {}, {}, {}, FAILING, folder / "bundle", (), models),
        *(("ret_1", "adx_14", "delta"), training[0][:3], folder / "decisions.jsonl", "tester", home_key),
    )
    done = log_candidate(registry_uri, candidate)
    outputs = rest(registry_uri, f"mlflow/runs/get?run_id={done.run_id}")["run"]["outputs"]["model_outputs"]
    found = {}
    for output in outputs:
        info = rest(registry_uri, f"mlflow/logged-models/{output['model_id']}")["model"]["info"]
        location = info["artifact_uri"]
        found[info["name"]] = Path(
            mlflow.artifacts.download_artifacts(
                location, dst_path=str(folder / info["name"]), tracking_uri=registry_uri
            )
        )
    return found


class TestNativeModels:
    """pains.md P29, P31: each library's own format, and nothing pickled."""

    def test_lightgbm_is_text_and_predicts_the_same(self, stored: Any, models: Any, training: Any) -> None:
        again = lightgbm.Booster(model_file=str(stored["trend_up"] / "model.lgb"))
        assert np.array_equal(again.predict(training[0]), models["trend_up"].predict(training[0]))

    def test_xgboost_is_ubj_and_predicts_the_same(self, stored: Any, models: Any, training: Any) -> None:
        again = xgboost.Booster(model_file=str(stored["trend_down"] / "model.ubj"))
        rows = xgboost.DMatrix(training[0], feature_names=["ret_1", "adx_14", "delta"])
        assert np.array_equal(again.predict(rows), models["trend_down"].predict(rows))

    def test_forest_is_skops_and_predicts_the_same(self, stored: Any, models: Any, training: Any) -> None:
        again = mlflow.sklearn.load_model(str(stored["range"]))
        assert np.array_equal(again.predict_proba(training[0]), models["range"].predict_proba(training[0]))

    @pytest.mark.parametrize("regime", ["trend_up", "trend_down", "range"])
    def test_nothing_is_pickled_and_the_page_has_columns_and_rows(self, stored: Any, regime: str) -> None:
        files = contents(stored[regime])
        assert not [name for name in files if name.endswith((".pkl", ".pickle", ".joblib"))]
        assert not [name for name, content in files.items() if content[:2] in (b"\x80\x04", b"\x80\x05")]
        text = files["MLmodel"].decode()
        assert all(column in text for column in ("ret_1", "adx_14", "delta"))
        assert json.loads(files["input_example.json"])["columns"] == ["ret_1", "adx_14", "delta"]

    def test_model_of_another_library_is_refused(self, registry_uri: str, make_candidate: Make) -> None:
        candidate = make_candidate("FOREIGN", models={"range": Path("model")})
        with pytest.raises(RegistryError, match="expected a lightgbm or xgboost Booster or a scikit-learn forest"):
            log_candidate(registry_uri, candidate)
        assert versions(registry_uri, candidate.registered_name) == []


class TestDownload:
    @pytest.mark.parametrize("reference", [1, "1", "challenger"])
    def test_bundle_comes_back_whole(
        self, registry_uri: str, make_candidate: Make, tmp_path: Path, reference: int | str
    ) -> None:
        candidate = make_candidate(f"BACK-{reference}-{type(reference).__name__}")
        log_candidate(registry_uri, candidate)
        target = tmp_path / "cache" / "b1"
        found = download_bundle(registry_uri, candidate.registered_name, reference, target)
        assert found.version == 1
        assert contents(target) == contents(candidate.bundle_folder)
        assert [path.name for path in target.parent.iterdir()] == ["b1"]

    @pytest.mark.parametrize("reference", [99, "champion"])
    def test_missing_version_or_alias_is_named(
        self, registry_uri: str, make_candidate: Make, tmp_path: Path, reference: int | str
    ) -> None:
        candidate = make_candidate(f"MISSING-{reference}")
        log_candidate(registry_uri, candidate)
        with pytest.raises(VersionMissing, match=str(reference)):
            download_bundle(registry_uri, candidate.registered_name, reference, tmp_path / "cache")
        assert not (tmp_path / "cache").exists()

    def test_unknown_model_is_named(self, registry_uri: str, tmp_path: Path) -> None:
        with pytest.raises(VersionMissing, match="pregao-nobody"):
            download_bundle(registry_uri, "pregao-nobody", "champion", tmp_path / "cache")

    def test_lost_files_leave_no_folder(
        self, registry_uri: str, registry_home: Path, make_candidate: Make, tmp_path: Path
    ) -> None:
        candidate = make_candidate("LOST")
        done = log_candidate(registry_uri, candidate)
        for path in sorted((registry_home / "mlruns").glob(f"artifacts/*/{done.run_id}/artifacts/**/*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        with pytest.raises(VersionMissing, match="bundle: expected stored files"):
            download_bundle(registry_uri, candidate.registered_name, 1, tmp_path / "cache")
        with pytest.raises(VersionMissing, match=r"gates\.json: expected stored files"):
            gates_of(registry_uri, candidate.registered_name, 1)
        assert not (tmp_path / "cache").exists()

    def test_folder_in_use_is_not_overwritten(self, registry_uri: str, make_candidate: Make, tmp_path: Path) -> None:
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / "mine").write_text("kept", encoding="utf-8")
        with pytest.raises(RegistryError, match="found files"):
            download_bundle(registry_uri, "pregao-any", 1, tmp_path / "cache")
        assert (tmp_path / "cache" / "mine").read_text(encoding="utf-8") == "kept"


def test_gate_table_comes_back(registry_uri: str, make_candidate: Make) -> None:
    candidate = make_candidate("TABLE", gates=FAILING)
    log_candidate(registry_uri, candidate)
    assert gates_of(registry_uri, candidate.registered_name, 1) == as_table(FAILING)


def test_long_gate_table_is_kept_in_the_file(registry_uri: str, make_candidate: Make) -> None:
    long = tuple(replace(gate, reason="Because. " * 60) for gate in FAILING)
    candidate = make_candidate("LONG", gates=long)
    done = log_candidate(registry_uri, candidate)
    (version,) = versions(registry_uri, candidate.registered_name)
    assert version.tags["gates"] == f"in gates.json of run {done.run_id}"
    assert gates_of(registry_uri, candidate.registered_name, 1) == as_table(long)


def test_trials_add_up_over_finished_failed_and_deleted_runs(registry_uri: str, make_candidate: Make) -> None:
    candidate = make_candidate("TRIALS", gates=FAILING, trials=40)
    deleted = log_candidate(registry_uri, candidate)
    log_candidate(registry_uri, replace(candidate, trials=2, tags={"bundle_digest": "b2"}))
    failing = replace(candidate, trials=300, models={"range": Path("model")}, tags={"bundle_digest": "b3"})
    with pytest.raises(RegistryError):
        log_candidate(registry_uri, failing)
    mlflow.mlflow.MlflowClient(registry_uri).delete_run(deleted.run_id)
    assert trial_count(registry_uri, candidate.experiment) == 342


def test_trials_of_the_same_bundle_count_once(registry_uri: str, make_candidate: Make) -> None:
    """The same inputs give the same bundle, and try nothing that was not tried before."""
    candidate = make_candidate("TWICE", trials=40)
    own = candidate.tags["bundle_digest"]
    for _ in range(2):
        log_candidate(registry_uri, candidate)
    assert trials_by_origin(registry_uri, candidate.experiment) == {own: 40}
    told = {"bundle_digest": own}
    assert log_trials(registry_uri, candidate.experiment, "not registered", 40, told) == 40
    assert log_trials(registry_uri, candidate.experiment, "not registered", 40, {"bundle_digest": "b2"}) == 80


def test_spread_of_ratios_is_pooled_over_bundles_and_real_data_stand_apart(
    registry_uri: str, make_candidate: Make
) -> None:
    """On paper: 3 ratios of variance 4 and 5 of variance 1 are (2 x 4 + 4 x 1) / 6 = 2."""
    candidate = make_candidate("SPREAD", gates=FAILING)
    for digest, ratios, variance, synthetic in (
        ("b1", 3, 4.0, "false"), ("b1", 3, 4.0, "false"), ("b2", 5, 1.0, "false"), ("b3", 1, 0.0, "false"),
        ("b4", 9, 50.0, "true"),
    ):  # fmt: skip
        tags = {"bundle_digest": digest, "synthetic": synthetic}
        log_candidate(registry_uri, replace(candidate, tags=tags, ratios=ratios, ratio_variance=variance))
    assert pooled_ratio_variance(registry_uri, "pregao-SPREAD", synthetic=False) == 2.0
    assert pooled_ratio_variance(registry_uri, "pregao-SPREAD", synthetic=True) == 50.0
    assert pooled_ratio_variance(registry_uri, "pregao-NOBODY", synthetic=True) == 0.0


def test_trials_without_a_model_add_up_and_the_same_again_do_not(registry_uri: str, make_candidate: Make) -> None:
    candidate = make_candidate("SWEPT", trials=7)
    experiment = candidate.experiment
    assert log_trials(registry_uri, experiment, "sweep", 12, {"series": "A", "stops": [1, 2]}) == 12
    log_candidate(registry_uri, candidate)
    assert log_trials(registry_uri, experiment, "sweep", 12, {"stops": [1, 2], "series": "A"}) == 19
    assert log_trials(registry_uri, experiment, "sweep", 12, {"series": "B", "stops": [1, 2]}) == 31
    assert log_trials(registry_uri, experiment, "other", 12, {"series": "A", "stops": [1, 2]}) == 43
    client = mlflow.MlflowClient(registry_uri)
    run, *_ = client.search_runs([client.get_experiment_by_name(experiment).experiment_id], "tags.trials = '12'")
    assert run.info.status == "FINISHED"
    assert run.data.params.keys() == {"series", "stops"}


def test_deleted_sweep_still_counts_and_is_not_counted_again(registry_uri: str) -> None:
    assert log_trials(registry_uri, "pregao-DELETED", "sweep", 5, {"series": "A"}) == 5
    client = mlflow.MlflowClient(registry_uri)
    (run,) = client.search_runs([client.get_experiment_by_name("pregao-DELETED").experiment_id])
    client.delete_run(run.info.run_id)
    assert log_trials(registry_uri, "pregao-DELETED", "sweep", 5, {"series": "A"}) == 5


def test_no_trials_in_an_experiment_nobody_ran(registry_uri: str) -> None:
    assert trial_count(registry_uri, "pregao-NOBODY") == 0


def test_empty_bundle_is_refused(registry_uri: str, make_candidate: Make, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    candidate = make_candidate("EMPTY", bundle_folder=tmp_path / "empty")
    with pytest.raises(RegistryError, match="expected a bundle"):
        log_candidate(registry_uri, candidate)
    assert trial_count(registry_uri, candidate.experiment) == 0


class TestAlias:
    def test_moves_where_it_is_expected(self, registry_uri: str, make_candidate: Make) -> None:
        candidate = make_candidate("MOVES")
        log_candidate(registry_uri, candidate)
        name, record = candidate.registered_name, candidate.record
        move_alias(registry_uri, Move("ana", name, "champion", None, 1, "g"), record)
        assert alias_holder(registry_uri, name, "champion") == 1
        move_alias(registry_uri, Move("ana", name, "champion", 1, None, "g"), record)
        assert alias_holder(registry_uri, name, "champion") is None
        assert [decision.move.to_version for decision in read(record)] == [1, 1, None]

    def test_stays_where_somebody_else_put_it(self, registry_uri: str, make_candidate: Make) -> None:
        candidate = make_candidate("STAYS")
        log_candidate(registry_uri, candidate)
        before = candidate.record.read_bytes()
        move = Move("ana", candidate.registered_name, "challenger", None, 1, "g")
        with pytest.raises(AliasMoved, match="found 1"):
            move_alias(registry_uri, move, candidate.record)
        assert candidate.record.read_bytes() == before

    def test_does_not_move_to_a_version_that_is_not_there(self, registry_uri: str, make_candidate: Make) -> None:
        candidate = make_candidate("ABSENT")
        log_candidate(registry_uri, candidate)
        before = candidate.record.read_bytes()
        move = Move("ana", candidate.registered_name, "champion", None, 7, "g")
        with pytest.raises(VersionMissing):
            move_alias(registry_uri, move, candidate.record)
        assert candidate.record.read_bytes() == before

    def test_does_not_move_on_a_broken_record(self, registry_uri: str, make_candidate: Make) -> None:
        candidate = make_candidate("BROKEN")
        log_candidate(registry_uri, candidate)
        candidate.record.write_bytes(candidate.record.read_bytes().replace(b"tester", b"nobody"))
        with pytest.raises(RecordBroken):
            move_alias(registry_uri, Move("ana", candidate.registered_name, "champion", None, 1, "g"), candidate.record)
        assert alias_holder(registry_uri, candidate.registered_name, "champion") is None


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "file:./mlruns", "sqlite:///mlflow.db"])
def test_address_without_a_server_is_refused_at_once(make_candidate: Make, uri: str) -> None:
    with pytest.raises(ServerUnavailable, match="expected an"):
        log_candidate(uri, make_candidate("NOWHERE"))


class Foreign(BaseHTTPRequestHandler):
    """A server that is up, but is no tracking server."""

    def do_GET(self) -> None:
        self.send_error(200 if self.path == "/health" else 404)

    def do_POST(self) -> None:
        self.do_GET()


def test_address_of_another_server_is_named(make_candidate: Make) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Foreign) as server:
        threading.Thread(target=server.serve_forever).start()
        uri = f"http://127.0.0.1:{server.server_port}"
        try:
            with pytest.raises(RegistryError, match=uri):
                log_candidate(uri, make_candidate("ELSEWHERE"))
        finally:
            server.shutdown()


def test_process_is_left_as_it_was(registry_uri: str, make_candidate: Make, capfd: pytest.CaptureFixture[str]) -> None:
    """`pregao retrain --json` prints one object: MLflow may not add a line to standard output."""
    before = dict(os.environ)
    log_candidate(registry_uri, make_candidate("QUIET"))
    assert dict(os.environ) == before
    assert mlflow.active_run() is None
    assert capfd.readouterr().out == ""


KILLED = """
import os, signal, sys
from collections import UserDict
from pathlib import Path

import numpy as np

from registry.gates import Evidence, GateThresholds, challenger_gates
from registry.signing import load_private_key
from registry.tracking import Candidate, log_candidate

uri, folder, moment = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
key = load_private_key(Path(sys.argv[4]), use_keyring=False)


def die(*_):
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


class Deadly(UserDict):
    items = die


class Doomed(Candidate):
    challenger_passed = property(die if moment == "version" else lambda self: False)


spots = {moment: Deadly()}
gates = challenger_gates(Evidence(), GateThresholds())
log_candidate(uri, Doomed(
    "pregao-KILLED", "pregao-killed-1m", {}, spots.get("metrics", {}), {}, gates, folder / "bundle", (),
    spots.get("models", {}), ("a",), np.zeros((1, 1), np.float32), folder / "decisions.jsonl", "tester", key, trials=5,
))
"""


def test_killed_run_registers_nothing_and_still_counts_its_trials(
    registry_uri: str, registry_home: Path, make_candidate: Make, tmp_path: Path
) -> None:
    """Killed once the run exists, once its bundle is stored, and just before its version is made."""
    candidate = make_candidate("KILLED")
    root = Path(__file__).parents[2]
    script, keys = [sys.executable, "-c", KILLED, registry_uri, str(tmp_path)], str(Home(registry_home).keys)
    killed = [subprocess.Popen([*script, moment, keys], cwd=root) for moment in ("metrics", "models", "version")]
    assert {process.wait(timeout=60) for process in killed} == {-9 if os.name == "posix" else 15}
    named = rest(registry_uri, "mlflow/registered-models/search").get("registered_models", [])
    assert candidate.registered_name not in [model["name"] for model in named]
    assert versions(registry_uri, candidate.registered_name) == []
    assert trial_count(registry_uri, candidate.experiment) == 15
    assert log_candidate(registry_uri, candidate).version == 1
