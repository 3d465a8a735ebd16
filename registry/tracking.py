"""MLflow: what a training run leaves behind, and the versions that come of it.

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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities import Metric, Param, Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, Schema

from market.errors import RegistryError, VersionMissing
from registry.aliases import alias_lock, holder_of, make_move
from registry.bundle_files import MANIFEST
from registry.gate_record import CHALLENGER_ALIAS, CHAMPION_ALIAS, GATES_FILE, GateRecord, gates_in, seal
from registry.gates import Gate, as_table, gates_digest
from registry.mlflow_client import connect, pages, unless_present
from registry.record import Move
from registry.signing import SigningKey

TRIALS_TAG = "trials"
SPREAD_TAGS = "ratio_variance", "ratios"
SYNTHETIC_TAG = "synthetic"
SAME_TAG = "same_trials"  # equal where the same was tried again
GATES_TAG = "gates"
DIGEST_TAG = "bundle_digest"
BUNDLE_FOLDER = "bundle"
INPUTS_FOLDER = "inputs"

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
        By regime and learner; a lightgbm.Booster, an xgboost.Booster, or a scikit-learn forest.
    columns : tuple of str
        Feature names in model order.
    input_example : ndarray of float32, shape (rows, columns)
        A few rows for a reader of the model's page.
    record : Path
        The decision record.
    who : str
        Who trained it, for the record.
    key : SigningKey
        Signs the gate record.
    trials : int
        How many parameter sets were tried to get here, at least 1.
    inputs : mapping of str to str
        Texts by file name, from which the same candidate can be trained again.
    ratio_variance : float
        Of the annualised Sharpe ratios of those trials that have one, ddof=1.
    ratios : int
        How many have one.
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
    key: SigningKey
    trials: int = 1
    inputs: Mapping[str, str] = field(default_factory=dict)
    ratio_variance: float = 0.0
    ratios: int = 0

    @property
    def challenger_passed(self) -> bool:
        """Whether every gate to challenger was asked and passed; other gates in the table have no say."""
        return not self.gate_record(None).failing(CHALLENGER_ALIAS)

    def gate_record(self, champion: int | None) -> GateRecord:
        """Return what is signed about the candidate, by the version that is champion now."""
        return GateRecord(self.registered_name, self.tags.get(DIGEST_TAG, ""), champion, self.gates)


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
    with connect(uri) as client:
        run_id = _open_run(client, candidate)
        with _active_run(uri, run_id):
            _store_files(client, run_id, candidate)
            _store_models(candidate)
        version = _register(client, run_id, candidate)
        alias = _challenge(client, version, candidate) if candidate.challenger_passed else None
    return Registered(run_id, version, alias)


def models(uri: str) -> list[str]:
    """Return the names of all registered models, in alphabetical order."""
    with connect(uri) as client:
        return sorted(entry.name for entry in pages(lambda token: client.search_registered_models(page_token=token)))


def versions(uri: str, name: str) -> list[Version]:
    """Return every version of a registered model, oldest first; none where the model is unknown."""
    with connect(uri) as client:
        found = pages(lambda token: client.search_model_versions(f"name='{name}'", page_token=token))
        numbers = sorted(int(entry.version) for entry in found)
        # A search leaves the aliases out, so each version is asked for by its number.
        return [_version(client.get_model_version(name, str(number))) for number in numbers]


def find_version(uri: str, name: str, version: int | str) -> Version:
    """Return a version by its number or an alias; raises VersionMissing where there is none."""
    with connect(uri) as client:
        return _resolve(client, name, version)


def newest_with(uri: str, name: str, tags: Mapping[str, str]) -> Version | None:
    """Return the newest version of a registered model that has all of some tags, None where none has."""
    words = " and ".join([f"name='{name}'", *(f"tags.`{key}` = '{value}'" for key, value in tags.items())])
    with connect(uri) as client:
        found = [int(one.version) for one in pages(lambda token: client.search_model_versions(words, page_token=token))]
        return _version(client.get_model_version(name, str(max(found)))) if found else None


def gates_of(uri: str, name: str, version: int | str) -> list[dict[str, Any]]:
    """Return the gate table stored with a version (or an alias), with the keys of `registry.gates.as_table`.

    Raises as `gate_record_of` does.
    """
    return gates_in(gate_record_of(uri, name, version))


def gate_record_of(uri: str, name: str, version: int | str) -> bytes:
    """Return the signed gate record stored with a version (or an alias), as it stands; `unseal` verifies it.

    Raises
    ------
    VersionMissing
        There is no such version, or it was registered without gates.
    """
    with connect(uri) as client, tempfile.TemporaryDirectory() as folder:
        found = _resolve(client, name, version)
        return _download(uri, f"runs:/{found.run_id}/{GATES_FILE}", Path(folder)).read_bytes()


def manifest_of(uri: str, version: Version) -> bytes:
    """Return the manifest of the bundle stored with a version, as it stands; its SHA-256 is the bundle's digest.

    Raises
    ------
    VersionMissing
        Its files are gone.
    """
    with connect(uri), tempfile.TemporaryDirectory() as folder:
        return _download(uri, f"runs:/{version.run_id}/{BUNDLE_FOLDER}/{MANIFEST}", Path(folder)).read_bytes()


def inputs_of(uri: str, version: Version) -> dict[str, str]:
    """Return the texts from which a version can be trained again, by file name; none where it was stored without."""
    with connect(uri) as client, tempfile.TemporaryDirectory() as folder:
        if not client.list_artifacts(version.run_id, INPUTS_FOLDER):
            return {}
        local = _download(uri, f"runs:/{version.run_id}/{INPUTS_FOLDER}", Path(folder))
        return {path.name: path.read_text(encoding="utf-8") for path in local.iterdir()}


def store_gate_record(uri: str, version: Version, record: GateRecord, key: SigningKey) -> None:
    """Sign a gate record and store it with a version, in place of the one that is there."""
    table = as_table(record.gates)
    with connect(uri) as client:
        client.log_text(version.run_id, seal(record, key).decode(), GATES_FILE)
        client.set_model_version_tag(version.name, str(version.version), GATES_TAG, _gates_tag(table, version.run_id))


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
    with connect(uri) as client, tempfile.TemporaryDirectory(dir=target.parent, prefix=".pull-") as folder:
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
    with connect(uri) as client:
        experiment_id = _experiment(client, experiment)
        known = client.search_runs([experiment_id], f"tags.{SAME_TAG} = '{digest}'", run_view_type=ViewType.ALL)
        if not known:
            tags = {TRIALS_TAG: str(count), SAME_TAG: digest}
            run_id = str(client.create_run(experiment_id, tags=tags, run_name=name).info.run_id)
            client.log_batch(run_id, params=[Param(key, str(value)) for key, value in params.items()])
            client.set_terminated(run_id)
    return trial_count(uri, experiment)


def trial_count(uri: str, experiment: str) -> int:
    """Return how many parameter sets were ever tried in an experiment, as `trials_by_origin` counts them."""
    return sum(trials_by_origin(uri, experiment).values())


def trials_by_origin(uri: str, experiment: str) -> dict[str, int]:
    """Return the parameter sets ever tried in an experiment: failed, killed and deleted runs count too.

    Returns
    -------
    dict of str to int
        By the digest of the bundle that came of them, for the same training again tries nothing else; by the run where
        no bundle is named.
    """
    counts: dict[str, int] = {}
    for run in _runs(uri, experiment):
        counts[_origin(run)] = max(counts.get(_origin(run), 0), int(run.data.tags.get(TRIALS_TAG, 1)))
    return counts


def pooled_ratio_variance(uri: str, experiment: str, *, synthetic: bool) -> float:
    """Return the variance of the Sharpe ratios within the runs of an experiment, weighed by their degrees of freedom.

    Each bundle's trials count once, and runs on synthetic data apart from those on real data. 0 where none told it.
    """
    told: dict[str, tuple[float, int]] = {}
    for run in _runs(uri, experiment):
        variance, ratios = (run.data.tags.get(name, "0") for name in SPREAD_TAGS)
        if int(ratios) > 1 and run.data.tags.get(SYNTHETIC_TAG) == str(synthetic).lower():
            told[_origin(run)] = float(variance), int(ratios) - 1
    free = sum(degrees for _, degrees in told.values())
    return sum(variance * degrees for variance, degrees in told.values()) / free if free else 0.0


def _runs(uri: str, experiment: str) -> list[Run]:
    """Return every run of an experiment, deleted ones too."""
    with connect(uri) as client:
        known = client.get_experiment_by_name(experiment)
        if known is None:
            return []
        ids = [known.experiment_id]
        return list(pages(lambda token: client.search_runs(ids, run_view_type=ViewType.ALL, page_token=token)))


def _origin(run: Run) -> str:
    return str(run.data.tags.get(DIGEST_TAG) or run.data.params.get(DIGEST_TAG) or run.info.run_id)


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
    spread = dict(zip(SPREAD_TAGS, (repr(candidate.ratio_variance), str(candidate.ratios)), strict=True))
    tags = {**candidate.tags, **spread, TRIALS_TAG: str(candidate.trials)}
    experiment_id = _experiment(client, candidate.experiment)
    run_id = str(client.create_run(experiment_id, tags=tags, run_name=candidate.registered_name).info.run_id)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    metrics = [Metric(key, float(value), now_ms, 0) for key, value in candidate.metrics.items()]
    client.log_batch(run_id, metrics, [Param(key, str(value)) for key, value in candidate.params.items()])
    return run_id


def _experiment(client: MlflowClient, name: str) -> str:
    """Return the id of an experiment, created by us or, at the same moment, by somebody else."""
    unless_present(lambda: client.create_experiment(name))
    return str(client.get_experiment_by_name(name).experiment_id)


def _store_files(client: MlflowClient, run_id: str, candidate: Candidate) -> None:
    client.log_artifacts(run_id, str(candidate.bundle_folder), BUNDLE_FOLDER)
    champion = holder_of(client, candidate.registered_name, CHAMPION_ALIAS)
    client.log_text(run_id, seal(candidate.gate_record(champion), candidate.key).decode(), GATES_FILE)
    for name, text in candidate.inputs.items():
        client.log_text(run_id, text, f"{INPUTS_FOLDER}/{name}")
    for path in candidate.plots:
        store = client.log_artifacts if path.is_dir() else client.log_artifact
        store(run_id, str(path), "plots")


def _store_models(candidate: Candidate) -> None:
    signature = ModelSignature(
        inputs=Schema([ColSpec("float", column) for column in candidate.columns]),
        outputs=Schema([ColSpec("double")]),
    )
    example = pd.DataFrame(candidate.input_example, columns=list(candidate.columns), dtype="float32")
    for name, model in candidate.models.items():
        flavour = _flavour(model)
        getattr(mlflow, flavour).log_model(
            model,
            name=name,
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
    outcome = "passed" if candidate.challenger_passed else "failed"
    gates = _gates_tag(as_table(candidate.gates), run_id)
    tags = {**candidate.tags, GATES_TAG: gates, "challenger_gates": outcome}
    unless_present(lambda: client.create_registered_model(candidate.registered_name))
    made = client.create_model_version(candidate.registered_name, source, run_id, tags=tags, await_creation_for=0)
    return int(made.version)


def _challenge(client: MlflowClient, version: int, candidate: Candidate) -> str:
    with alias_lock(candidate.record):
        name = candidate.registered_name
        holder = holder_of(client, name, CHALLENGER_ALIAS)
        digest = gates_digest(as_table(candidate.gates))
        make_move(client, Move(candidate.who, name, CHALLENGER_ALIAS, holder, version, digest), candidate.record)
    return CHALLENGER_ALIAS


def _resolve(client: MlflowClient, name: str, version: int | str) -> Version:
    """Return a version by its number or by an alias."""
    text = str(version)
    if text.isdigit():
        return _version(client.get_model_version(name, text))
    holder = holder_of(client, name, text)
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


def _gates_tag(table: list[dict[str, Any]], run_id: str) -> str:
    text = json.dumps(table, allow_nan=False)
    return text if len(text) <= _TAG_LIMIT else f"in {GATES_FILE} of run {run_id}"
