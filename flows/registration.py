"""Put a trained version into the registry, and read its gates back."""

import getpass
import os
import shutil
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from flows.parameters import Parameters
from flows.reproduction import training_inputs
from flows.stages import features
from flows.stages.artifacts import read_json
from flows.stages.backtest import METRICS as BACKTEST_METRICS
from flows.stages.dataset import open_dataset
from flows.stages.evaluate import GATES
from flows.stages.evaluate import METRICS as EVALUATION_METRICS
from flows.stages.native import load_native
from flows.stages.report import REPORT
from flows.stages.standing import Standing, champion_folder, load_standing, store_standing
from flows.stages.train import BUNDLE, NATIVE
from flows.stages.trainer import model_name
from market.errors import GatesRefused, UsageError
from market.home import Home
from registry.aliases import alias_holder
from registry.bundle import Bundle, load_bundle
from registry.gate_record import CHAMPION_ALIAS
from registry.gates import Gate
from registry.judgement import verified_record
from registry.promotion import model_with
from registry.server import tracking_server
from registry.signing import load_private_key, public_key
from registry.tracking import Candidate, download_bundle, find_version, gates_of, log_candidate, log_trials, trial_count

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
        standing = Standing(trial_count(uri, experiment), _fetch_champion(home, uri, name))
    store_standing(home, name, standing)
    return standing


def _fetch_champion(home: Home, uri: str, name: str) -> int | None:
    """Bring the champion's bundle, and return its version."""
    folder, version = champion_folder(home, name), alias_holder(uri, name, CHAMPION_ALIAS)
    shutil.rmtree(folder, ignore_errors=True)
    if version is not None:
        download_bundle(uri, name, version, folder)
    return version


def register(home: Home, parameters: Parameters) -> Entry:
    """Log the run and register its bundle as one version; the alias is set only if every gate passed."""
    dataset = open_dataset(home, parameters.data)
    bundle = load_bundle(home.artifacts / BUNDLE, public_key(home.keys))
    table = features.load(home)
    stored, name = read_json(home.artifacts / GATES), model_name(parameters, dataset)
    standing = load_standing(home, name)
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
    )
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        entry = log_candidate(uri, candidate)
    left = {digest: count for digest, count in standing.tried.items() if digest != bundle.digest}
    store_standing(home, name, replace(standing, registered=standing.registered + candidate.trials, tried=left))
    return Entry(candidate.registered_name, entry.run_id, entry.version, entry.alias)


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
