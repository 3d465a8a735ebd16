"""MLflow: what a training run leaves behind, and the versions and aliases that come of it.

Everything goes over HTTP through a tracking server, so stored locations never name a folder of one machine. Models
are stored in their libraries' own text or skops formats; nothing here writes or reads a pickle. A version is made
last, from the bundle its run has stored: a run killed before that leaves the registry as it was.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from filelock import FileLock
from mlflow.entities import Metric, Param, ViewType
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, Schema
from requests import RequestException

from market.errors import AliasMoved, RegistryError, ServerUnavailable, VersionMissing
from registry.gates import CHALLENGER, Gate, as_table, gates_digest, verdict
from registry.record import Decision, Move, append
from registry.server import answers, environment

CHALLENGER_ALIAS = "challenger"
CHAMPION_ALIAS = "champion"

TRIALS_TAG = "trials"
SAME_TAG = "same_trials"  # equal where the same was tried again
GATES_TAG = "gates"
GATES_FILE = "gates.json"
BUNDLE_FOLDER = "bundle"

_TAG_LIMIT = 5000  # characters of a version's tag that every supported server takes
_PACKAGES = {"lightgbm": ("lightgbm",), "xgboost": ("xgboost",), "sklearn": ("scikit-learn", "skops")}
_FOREST_TYPES = ["sklearn.tree._tree.Tree"]  # the one compiled type inside a forest, which skops asks to be named


@dataclass(frozen=True)
class Candidate:
    """A trained model with everything that is kept about it.

    Parameters
    ----------
    experiment, registered_name : str
        ``pregao-WDO`` and ``pregao-wdo-1m``, say.
    params, metrics : mapping
        Flat; metrics may be NaN where there was nothing to measure.
    tags : mapping of str to str
        Data hash, git commit, schema hash, synthetic or not, bundle digest; set on the run and on the version.
    gates : tuple of Gate
        What `registry.gates.challenger_gates` answered; later gates may follow.
    bundle_folder : Path
        The bundle as written to disk.
    plots : tuple of Path
        Files or folders to show with the run.
    models : mapping of str to Booster or forest
        By regime; a lightgbm.Booster, an xgboost.Booster, or a scikit-learn forest.
    columns : tuple of str
        Feature names in model order.
    input_example : ndarray of float32, shape (rows, columns)
        A few rows for a reader of the model's page.
    record : Path
        The decision record.
    who : str
        Who trained it, for the record.
    trials : int
        How many parameter sets were tried to get here, at least 1.
    """

    experiment: str
    registered_name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    gates: tuple[Gate, ...]
    bundle_folder: Path
    plots: tuple[Path, ...]
    models: Mapping[str, Any]
    columns: tuple[str, ...]
    input_example: np.ndarray
    record: Path
    who: str
    trials: int = 1

    @property
    def challenger_passed(self) -> bool:
        """Whether every gate to challenger was asked and passed; other gates in the table have no say."""
        asked = [check.__name__ for check in CHALLENGER]
        answered = [gate for gate in self.gates if gate.name in asked]
        return sorted(gate.name for gate in answered) == sorted(asked) and verdict(answered)


@dataclass(frozen=True)
class Registered:
    """Where a candidate stands in the registry."""

    run_id: str
    version: int
    alias: str | None


@dataclass(frozen=True)
class Version:
    """One version of a registered model."""

    name: str
    version: int
    run_id: str
    source: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    created_ns: int


def log_candidate(uri: str, candidate: Candidate) -> Registered:
    """Store a candidate, register it as one version, and name it challenger if its gates say so.

    Raises
    ------
    RegistryError
        The server cannot be reached or refuses; what was stored until then stays with a failed run.
    """
    if not any(path.is_file() for path in candidate.bundle_folder.rglob("*")):
        raise RegistryError(f"{candidate.bundle_folder}: expected a bundle, found no file; build the bundle first")
    with _client(uri) as client:
        run_id = _open_run(client, candidate)
        with _active_run(uri, run_id):
            _store_files(client, run_id, candidate)
            _store_models(candidate)
        version = _register(client, run_id, candidate)
        alias = _challenge(client, version, candidate) if candidate.challenger_passed else None
    return Registered(run_id, version, alias)


def move_alias(uri: str, move: Move, record: Path) -> Decision:
    """Move an alias, if it still is where `move` says, and record who moved it and on what gates.

    Raises
    ------
    AliasMoved
        The alias points elsewhere than `move.from_version`.
    RegistryError
        The server cannot be reached, has no such version, or the record does not hold.
    """
    with _client(uri) as client, _alias_lock(record):
        holder = _holder(client, move.name, move.alias)
        if holder != move.from_version:
            expected = f"{move.name}: expected alias '{move.alias}' at version {move.from_version}"
            raise AliasMoved(f"{expected}, found {holder}; look at that version, then decide again")
        return _move(client, move, record)


def alias_holder(uri: str, name: str, alias: str) -> int | None:
    """Return the version an alias points to, None where it points nowhere."""
    with _client(uri) as client:
        return _holder(client, name, alias)


def models(uri: str) -> list[str]:
    """Return the names of all registered models, in alphabetical order."""
    with _client(uri) as client:
        return sorted(entry.name for entry in _pages(lambda token: client.search_registered_models(page_token=token)))


def versions(uri: str, name: str) -> list[Version]:
    """Return every version of a registered model, oldest first; none where the model is unknown."""
    with _client(uri) as client:
        found = _pages(lambda token: client.search_model_versions(f"name='{name}'", page_token=token))
        numbers = sorted(int(entry.version) for entry in found)
        # A search leaves the aliases out, so each version is asked for by its number.
        return [_version(client.get_model_version(name, str(number))) for number in numbers]


def gates_of(uri: str, name: str, version: int | str) -> list[dict[str, Any]]:
    """Return the gate table stored with a version (or an alias), with the keys of `registry.gates.as_table`.

    Raises
    ------
    VersionMissing
        There is no such version, or it was registered without gates.
    """
    with _client(uri) as client, tempfile.TemporaryDirectory() as folder:
        found = _resolve(client, name, version)
        local = _download(uri, f"runs:/{found.run_id}/{GATES_FILE}", Path(folder))
        table: list[dict[str, Any]] = json.loads(local.read_text(encoding="utf-8"))
        return table


def download_bundle(uri: str, name: str, version: int | str, target: Path) -> Version:
    """Fetch the bundle of a version or an alias into a folder, which then holds all of it or does not exist.

    Parameters
    ----------
    version : int or str
        A version number, or an alias such as ``champion``.
    target : Path
        A folder that does not exist yet, or is empty.

    Raises
    ------
    VersionMissing
        There is no such version or alias, or its files are gone.
    RegistryError
        The server cannot be reached, or `target` holds something.
    """
    if target.exists() and any(target.iterdir()):
        raise RegistryError(f"{target}: expected no folder or an empty one, found files; name another folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with _client(uri) as client, tempfile.TemporaryDirectory(dir=target.parent, prefix=".pull-") as folder:
        found = _resolve(client, name, version)
        local = _download(uri, found.source, Path(folder))
        if target.exists():
            target.rmdir()
        local.replace(target)
    return found


def log_trials(uri: str, experiment: str, name: str, count: int, params: Mapping[str, Any]) -> int:
    """Count what was tried without a model in an experiment; the same trials again are counted once.

    Parameters
    ----------
    uri, experiment : str
    name : str
        Of the run that stands for them.
    count : int
        How many were tried, at least 1.
    params : mapping
        What tells these trials from others, and is shown with the run.

    Returns
    -------
    int
        Every trial of the experiment, as `trial_count` tells.
    """
    told = json.dumps([name, count, dict(params)], sort_keys=True, default=str)
    digest = hashlib.sha256(told.encode()).hexdigest()
    with _client(uri) as client:
        experiment_id = _experiment(client, experiment)
        known = client.search_runs([experiment_id], f"tags.{SAME_TAG} = '{digest}'", run_view_type=ViewType.ALL)
        if not known:
            tags = {TRIALS_TAG: str(count), SAME_TAG: digest}
            run_id = str(client.create_run(experiment_id, tags=tags, run_name=name).info.run_id)
            client.log_batch(run_id, params=[Param(key, str(value)) for key, value in params.items()])
            client.set_terminated(run_id)
    return trial_count(uri, experiment)


def trial_count(uri: str, experiment: str) -> int:
    """Return how many parameter sets were ever tried in an experiment: failed, killed and deleted runs count too."""
    with _client(uri) as client:
        known = client.get_experiment_by_name(experiment)
        if known is None:
            return 0
        ids = [known.experiment_id]
        runs = _pages(lambda token: client.search_runs(ids, run_view_type=ViewType.ALL, page_token=token))
        return sum(int(run.data.tags.get(TRIALS_TAG, 1)) for run in runs)


@contextmanager
def _client(uri: str) -> Iterator[MlflowClient]:
    """Yield a client of a server that answers; turn MLflow's errors into ours."""
    if not uri.startswith(("http://", "https://")):
        remedy = "start a server over that store and name its address"
        raise ServerUnavailable(f"MLFLOW_TRACKING_URI: expected an http address, found '{uri}'; {remedy}")
    if not answers(uri):
        remedy = "start the server or correct MLFLOW_TRACKING_URI"
        raise ServerUnavailable(f"tracking server {uri}: expected an answer, found none; {remedy}")
    settings = {
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        # The default of 7 hangs for minutes on a server that went away; 4 is half a minute.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": os.environ.get("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4"),
    }
    with environment(**settings):
        try:
            yield MlflowClient(tracking_uri=uri, registry_uri=uri)
        except MlflowException as error:
            kind = VersionMissing if error.error_code == "RESOURCE_DOES_NOT_EXIST" else RegistryError
            raise kind(f"tracking server {uri}: {error.message}; `pregao ui` shows what it holds") from error
        except RequestException as error:
            remedy = "look at the server's log and its artifact store"
            raise RegistryError(f"tracking server {uri}: expected an answer, found {error}; {remedy}") from error


@contextmanager
def _active_run(uri: str, run_id: str) -> Iterator[None]:
    """Make a run the one that MLflow's model flavours log to, and close it as finished or failed."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    try:
        with mlflow.start_run(run_id=run_id):
            yield
    finally:
        mlflow.set_tracking_uri(before)


def _open_run(client: MlflowClient, candidate: Candidate) -> str:
    """Create the run; its trials are in the creating call, so they count whatever happens next."""
    tags = {**candidate.tags, TRIALS_TAG: str(candidate.trials)}
    experiment_id = _experiment(client, candidate.experiment)
    run_id = str(client.create_run(experiment_id, tags=tags, run_name=candidate.registered_name).info.run_id)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    metrics = [Metric(key, float(value), now_ms, 0) for key, value in candidate.metrics.items()]
    client.log_batch(run_id, metrics, [Param(key, str(value)) for key, value in candidate.params.items()])
    return run_id


def _experiment(client: MlflowClient, name: str) -> str:
    """Return the id of an experiment, created by us or, at the same moment, by somebody else."""
    _unless_present(lambda: client.create_experiment(name))
    return str(client.get_experiment_by_name(name).experiment_id)


def _store_files(client: MlflowClient, run_id: str, candidate: Candidate) -> None:
    client.log_artifacts(run_id, str(candidate.bundle_folder), BUNDLE_FOLDER)
    client.log_text(run_id, _gates_text(candidate), GATES_FILE)
    for path in candidate.plots:
        store = client.log_artifacts if path.is_dir() else client.log_artifact
        store(run_id, str(path), "plots")


def _store_models(candidate: Candidate) -> None:
    signature = ModelSignature(
        inputs=Schema([ColSpec("float", column) for column in candidate.columns]),
        outputs=Schema([ColSpec("double")]),
    )
    example = pd.DataFrame(candidate.input_example, columns=list(candidate.columns), dtype="float32")
    for regime, model in candidate.models.items():
        flavour = _flavour(model)
        getattr(mlflow, flavour).log_model(
            model,
            name=regime,
            signature=signature,
            input_example=example,
            pip_requirements=[f"{package}=={installed_version(package)}" for package in (*_PACKAGES[flavour], "numpy")],
            **({"serialization_format": "skops", "skops_trusted_types": _FOREST_TYPES} if flavour == "sklearn" else {}),
        )


def _flavour(model: Any) -> str:
    """Return the name of the library a model comes from."""
    flavour = type(model).__module__.partition(".")[0]
    if flavour not in _PACKAGES:
        expected = "a lightgbm or xgboost Booster or a scikit-learn forest"
        raise RegistryError(f"candidate: expected {expected}, found {type(model).__qualname__}; train one of these")
    return flavour


def _register(client: MlflowClient, run_id: str, candidate: Candidate) -> int:
    """Create the version from the stored bundle, with all its tags, in one call."""
    source = f"{client.get_run(run_id).info.artifact_uri}/{BUNDLE_FOLDER}"
    table, outcome = _gates_text(candidate), "passed" if candidate.challenger_passed else "failed"
    gates = table if len(table) <= _TAG_LIMIT else f"in {GATES_FILE} of run {run_id}"
    tags = {**candidate.tags, GATES_TAG: gates, "challenger_gates": outcome}
    _unless_present(lambda: client.create_registered_model(candidate.registered_name))
    made = client.create_model_version(candidate.registered_name, source, run_id, tags=tags, await_creation_for=0)
    return int(made.version)


def _challenge(client: MlflowClient, version: int, candidate: Candidate) -> str:
    with _alias_lock(candidate.record):
        name = candidate.registered_name
        holder = _holder(client, name, CHALLENGER_ALIAS)
        digest = gates_digest(as_table(candidate.gates))
        _move(client, Move(candidate.who, name, CHALLENGER_ALIAS, holder, version, digest), candidate.record)
    return CHALLENGER_ALIAS


def _move(client: MlflowClient, move: Move, record: Path) -> Decision:
    """Record a move, then make it."""
    if move.to_version is not None:
        client.get_model_version(move.name, str(move.to_version))
    decision = append(record, move, datetime.now(UTC))
    if move.to_version is None:
        client.delete_registered_model_alias(move.name, move.alias)
    else:
        client.set_registered_model_alias(move.name, move.alias, str(move.to_version))
    return decision


@contextmanager
def _alias_lock(record: Path) -> Iterator[None]:
    """Let one process of this home at a time look at an alias and move it."""
    record.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(record.with_name(f"{record.name}.alias.lock")):
        yield


def _holder(client: MlflowClient, name: str, alias: str) -> int | None:
    try:
        return int(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _resolve(client: MlflowClient, name: str, version: int | str) -> Version:
    """Return a version by its number or by an alias."""
    text = str(version)
    if text.isdigit():
        return _version(client.get_model_version(name, text))
    holder = _holder(client, name, text)
    if holder is None:
        remedy = "`pregao ui` shows the versions and aliases there are"
        raise VersionMissing(f"{name}: expected a version with alias '{text}', found none; {remedy}")
    return _version(client.get_model_version(name, str(holder)))


def _version(entry: Any) -> Version:
    created_ns = int(entry.creation_timestamp) * 1_000_000
    aliases, tags = tuple(entry.aliases), dict(entry.tags)
    return Version(entry.name, int(entry.version), entry.run_id, entry.source, aliases, tags, created_ns)


def _download(uri: str, location: str, folder: Path) -> Path:
    """Fetch a stored file or folder and return where it is, which is inside `folder`."""
    try:
        local = Path(mlflow.artifacts.download_artifacts(location, dst_path=str(folder), tracking_uri=uri))
    except (MlflowException, OSError) as error:
        remedy = "look at the server's log and its artifact store"
        raise VersionMissing(f"{location}: expected stored files, found {error}; {remedy}") from error
    if not local.is_file() and not (local.is_dir() and any(local.iterdir())):
        raise VersionMissing(f"{location}: expected stored files, found none; register the candidate again")
    return local


def _pages(search: Any) -> Iterator[Any]:
    """Yield the entries of every page of an MLflow search."""
    token: str | None = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return


def _unless_present(create: Any) -> None:
    """Create something, unless it is there already."""
    try:
        create()
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _gates_text(candidate: Candidate) -> str:
    return json.dumps(as_table(candidate.gates), allow_nan=False)
