"""Put a trained version into the registry, and read its gates back."""

import getpass
import os
from dataclasses import dataclass
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
from flows.stages.train import BUNDLE, NATIVE, SUMMARY
from flows.stages.trainer import model_name
from market.errors import GatesRefused, UsageError
from market.home import Home
from registry.bundle import Bundle, load_bundle
from registry.gates import Gate
from registry.judgement import verified_record
from registry.promotion import model_with
from registry.server import tracking_server
from registry.signing import load_private_key, public_key
from registry.tracking import Candidate, find_version, gates_of, log_candidate

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


def register(home: Home, parameters: Parameters) -> Entry:
    """Log the run and register its bundle as one version; the alias is set only if every gate passed."""
    dataset = open_dataset(home, parameters.data)
    bundle = load_bundle(home.artifacts / BUNDLE, public_key(home.keys))
    table = features.load(home)
    stored = read_json(home.artifacts / GATES)
    warm = np.flatnonzero(np.isfinite(table.rows).all(axis=1))[:EXAMPLE_ROWS]
    candidate = Candidate(
        experiment=experiment_of(dataset.instrument.root),
        registered_name=model_name(parameters, dataset),
        params=parameters.flat(),
        metrics=_numbers(read_json(home.artifacts / BACKTEST_METRICS) | read_json(home.artifacts / EVALUATION_METRICS)),
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
        trials=_trials(home, parameters),
        inputs=training_inputs(home, parameters),
    )
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        entry = log_candidate(uri, candidate)
    return Entry(candidate.registered_name, entry.run_id, entry.version, entry.alias)


def experiment_of(root: str) -> str:
    """Return the experiment in which everything that is tried on an instrument counts."""
    return f"pregao-{root}"


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if isinstance(value, (int, float))}


def _tags(bundle: Bundle) -> dict[str, str]:
    lineage = bundle.manifest.lineage
    return {
        "data_hash": lineage.data_hash,
        "git_commit": lineage.git_commit,
        "synthetic": str(lineage.synthetic).lower(),
        "schema_hash": bundle.schema.hash,
        "bundle_digest": bundle.digest,
    }


def _trials(home: Home, parameters: Parameters) -> int:
    """Count what was tried: each threshold of the grid in each fold is a choice the result was picked from."""
    return len(parameters.thresholds.grid) * len(read_json(home.artifacts / SUMMARY)["folds"])


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
