"""Put a trained version into the registry, and read its gates back."""

import getpass
import logging
import os
import shutil
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backtest.overfitting import ratio_variance
from flows.lineage import PARAMS, git_commit
from flows.parameters import Parameters
from flows.reproduction import training_inputs
from flows.stages import features
from flows.stages.artifacts import read_json
from flows.stages.backtest import METRICS as BACKTEST_METRICS
from flows.stages.dataset import open_dataset
from flows.stages.evaluate import GATES
from flows.stages.evaluate import METRICS as EVALUATION_METRICS
from flows.stages.luck import grid_results
from flows.stages.native import load_native
from flows.stages.report import REPORT
from flows.stages.standing import Standing, champion_folder, load_standing, store_standing
from flows.stages.train import BUNDLE, NATIVE
from flows.stages.trainer import model_name
from market.errors import BundleRefused, GatesRefused, UsageError, VersionMissing
from market.home import Home
from registry.aliases import alias_holder
from registry.bundle import Bundle, load_bundle
from registry.gate_record import CHAMPION_ALIAS
from registry.gates import Gate, as_table
from registry.judgement import verified_record
from registry.promotion import model_with
from registry.server import tracking_server
from registry.signed_files import refuse_altered
from registry.signing import load_private_key, public_key
from registry.tracking import (
    Candidate,
    download_bundle,
    find_version,
    gates_of,
    inputs_of,
    log_candidate,
    log_trials,
    newest_with,
    pooled_ratio_variance,
    trials_by_origin,
)

EXAMPLE_ROWS = 5


@dataclass(frozen=True)
class Entry:
    """Where a candidate stands in the registry."""

    model: str
    run_id: str
    version: int
    alias: str | None


@dataclass(frozen=True)
class Explained:
    """The gates of a registered version, and why nobody may believe them, None where they are rightly signed."""

    model: str
    gates: list[dict[str, Any]]
    distrusted: str | None


def ask_standing(home: Home, parameters: Parameters) -> Standing:
    """Ask the registry how many trials there were and who is champion, and keep the answer for the stages.

    Trials that came to no version are told to it first, so that they count for ever.
    """
    dataset = open_dataset(home, parameters.data)
    name, experiment = model_name(parameters, dataset), experiment_of(dataset.instrument.root)
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        for digest, count in load_standing(home, name).tried.items():
            log_trials(uri, experiment, "not registered", count, {"bundle_digest": digest})
        version, missing = _fetch_champion(home, uri, name)
        counts = trials_by_origin(uri, experiment)
        standing = Standing(
            sum(counts.values()), version, champion_missing=missing, counted=sorted(counts),
            ratio_variance=pooled_ratio_variance(uri, experiment, synthetic=dataset.synthetic),
        )  # fmt: skip
    store_standing(home, name, standing)
    return standing


def _fetch_champion(home: Home, uri: str, name: str) -> tuple[int | None, str]:
    """Bring the champion's bundle; return its version, and why it cannot be had, empty where it is there.

    Raises
    ------
    BundleRefused
        If what came is not as it was signed.
    """
    folder, version = champion_folder(home, name), alias_holder(uri, name, CHAMPION_ALIAS)
    shutil.rmtree(folder, ignore_errors=True)
    if version is None:
        return None, ""
    try:
        download_bundle(uri, name, version, folder)
    except VersionMissing as error:
        missing = f"version {version}: {error}; restore its files, or `pregao rollback`"
        logging.getLogger(__name__).warning("champion not compared: %s", missing)
        return version, missing
    try:
        refuse_altered(folder, public_key(home.keys))
    except BundleRefused as refused:
        remedy = "restore its files on the server from a backup, or `pregao rollback`"
        raise BundleRefused(f"champion of {name}, version {version}: {refused}; {remedy}") from refused
    return version, ""


def register(home: Home, parameters: Parameters) -> Entry:
    """Log the run and register its bundle as one version; the alias is set only if every gate passed."""
    dataset = open_dataset(home, parameters.data)
    bundle = load_bundle(home.artifacts / BUNDLE, public_key(home.keys))
    table = features.load(home)
    stored, name = read_json(home.artifacts / GATES), model_name(parameters, dataset)
    standing, grid = load_standing(home, name), grid_results(home)
    warm = np.flatnonzero(np.isfinite(table.rows).all(axis=1))[:EXAMPLE_ROWS]
    candidate = Candidate(
        experiment=experiment_of(dataset.instrument.root),
        registered_name=name,
        params=parameters.flat(),
        metrics=numbers_of(
            read_json(home.artifacts / BACKTEST_METRICS) | read_json(home.artifacts / EVALUATION_METRICS)
        ),
        tags=_tags(bundle),
        gates=tuple(Gate(**gate) for gate in [*stored["to_challenger"], *stored["to_champion"]]),
        bundle_folder=home.artifacts / BUNDLE,
        plots=(home.artifacts / "evaluation", home.artifacts / REPORT),
        models=load_native(home.artifacts / NATIVE),
        columns=table.schema.columns,
        input_example=table.rows[warm],
        record=home.decisions,
        who=getpass.getuser(),
        key=load_private_key(home.keys),
        trials=standing.tried[bundle.digest],
        inputs=training_inputs(home, parameters),
        ratio_variance=ratio_variance(grid),
        ratios=grid.shape[1],
    )
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        entry = log_candidate(uri, candidate)
    left = {digest: count for digest, count in standing.tried.items() if digest != bundle.digest}
    registered = standing.registered + standing.new(bundle.digest)
    counted = sorted({*standing.counted, bundle.digest})
    store_standing(home, name, replace(standing, registered=registered, tried=left, counted=counted))
    return Entry(candidate.registered_name, entry.run_id, entry.version, entry.alias)


def registered_before(home: Home, parameters: Parameters) -> tuple[Entry, list[dict[str, Any]]] | None:
    """Return the newest version of these very inputs that was compared with the champion of now, and its gates.

    None where there is none, or where the code names no commit: then nobody knows whether it is the same.
    """
    dataset, commit = open_dataset(home, parameters.data), git_commit()
    if commit == "unknown" or commit.endswith("+"):
        return None
    name, tags = model_name(parameters, dataset), {"data_hash": dataset.data_hash, "git_commit": commit}
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        found = newest_with(uri, name, tags)
        if found is None or inputs_of(uri, found).get(PARAMS) != training_inputs(home, parameters)[PARAMS]:
            return None
        record = verified_record(home, uri, found)
        if record.champion != alias_holder(uri, name, CHAMPION_ALIAS):
            return None
        entry = Entry(name, found.run_id, found.version, next(iter(found.aliases), None))
        return entry, as_table(record.gates)


def experiment_of(root: str) -> str:
    """Return the experiment in which everything that is tried on an instrument counts."""
    return f"pregao-{root}"


def numbers_of(values: Any, prefix: str = "") -> dict[str, float]:
    """Return every number of nested mappings and lists under its dotted name.

    Truths, texts and what nobody measured are no numbers.
    """
    found: dict[str, float] = {}
    for key, value in values.items() if isinstance(values, dict) else enumerate(values):
        if isinstance(value, (dict, list)):
            found |= numbers_of(value, f"{prefix}{key}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[f"{prefix}{key}"] = float(value)
    return found


def _tags(bundle: Bundle) -> dict[str, str]:
    lineage = bundle.manifest.lineage
    return {
        "data_hash": lineage.data_hash,
        "git_commit": lineage.git_commit,
        "synthetic": str(lineage.synthetic).lower(),
        "schema_hash": bundle.schema.hash,
        "bundle_digest": bundle.digest,
    }


def explain(home: Home, version: int, model: str | None) -> Explained:
    """Return the gates of a version.

    Raises
    ------
    UsageError
        If there are several models and none was named, or there is none.
    """
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        name = model or model_with(uri, version)
        found, distrusted = find_version(uri, name, version), None
        try:
            verified_record(home, uri, found)
        except (GatesRefused, UsageError) as error:  # of another home, or of one without a key
            distrusted = str(error)
        return Explained(name, gates_of(uri, name, version), distrusted)
