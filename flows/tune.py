"""Tuning as a Prefect flow: a study per regime, resumed where it was, every trial counted before it begins."""

import os
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.lock import exclusive
from flows.orphans import claim_server
from flows.parameters import Parameters, load_parameters
from flows.registration import experiment_of
from flows.retries import as_task
from flows.stages import features, labels, train
from flows.stages.dataset import Dataset, open_dataset
from flows.stages.trainer import digest_of, model_name
from market.home import Home
from market.types import Regime
from models.splits import WalkForward
from models.training_table import TrainingTable, refuse_unfit, trainable
from models.tuning import Search, Tuned, open_study, tune
from registry.bundle import REGIMES
from registry.server import tracking_server
from registry.tracking import log_trials, trial_count

DATABASE = "tuning.db"
SEED = 42
# What one trial's loss depends on besides its settings: with other values it would be another study.
_SECTIONS = ("data", "features", "labels", "splits", "costs")


@dataclass(frozen=True)
class TuneResult:
    """What was found for each regime's lead learner, and how much was ever tried on the instrument."""

    model: str
    tuned: tuple[Tuned, ...]
    trials_ever: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of `pregao tune --json`."""
        found = [{**asdict(one), "regime": one.regime.name.lower()} for one in self.tuned]
        return {"model": self.model, "tuned": found, "trials_ever": self.trials_ever}

    def lines(self) -> list[str]:
        """Return a line per regime, and what to write into params.yaml."""
        lines = [
            f"{one.regime.name.lower()}: {one.section} {_number(one.loss)} (now {_number(one.loss_now)}), "
            f"{', '.join(f'{count} {state}' for state, count in one.states.items())}"
            for one in self.tuned
        ]
        lines += [
            f"  {one.section}: {{{', '.join(f'{name}: {value:.4g}' for name, value in one.params.items())}}}"
            for one in self.tuned
        ]
        return [
            *lines,
            f"{self.trials_ever} trials in all on this instrument; params.yaml is as it was: edit `learners`",
        ]


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"


def tune_job(home: Home, params: Path, trials: int) -> TuneResult:
    """Tune every regime's lead learner, one job at a time per home.

    Raises
    ------
    PregaoError
        If another job holds the home, or the series is too short to be trained on.
    """
    parameters = load_parameters(params)
    with exclusive(home):
        claim_server()
        return tune_learners(home, parameters, trials)


@flow(name="tune", log_prints=False, validate_parameters=False)
def tune_learners(home: Home, parameters: Parameters, trials: int) -> TuneResult:
    """Build features and labels, then search; nothing is registered and params.yaml is left alone."""
    dataset = open_dataset(home, parameters.data)
    train.refuse_short(dataset, parameters)
    for name, stage in (("features", features.run), ("labels", labels.run)):
        task(name=name, persist_result=False, cache_policy=NO_CACHE)(stage)(home, parameters)
    whole = labels.load(home, parameters, dataset)
    refuse_unfit(whole)
    searching = as_task("search", search)
    return searching(home, parameters, dataset, whole.select(trainable(whole)), trials)


def search(home: Home, parameters: Parameters, dataset: Dataset, table: TrainingTable, trials: int) -> TuneResult:
    """Go on with the study of each regime until it has so many trials."""
    splits, experiment = parameters.splits, experiment_of(dataset.instrument.root)
    first = splits.first_span(len(np.unique(table.session)))
    walk = WalkForward(splits.folds, first, splits.embargo_ns, splits.anchored)
    folds = list(walk.split(groups=table.spans))
    storage = f"sqlite:///{home.state / DATABASE}"
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        tuned = []
        for regime in REGIMES:
            name = study_name(parameters, dataset, regime)
            count = partial(_count_trial, uri, experiment, name)
            study = open_study(storage, name, SEED)
            tuned.append(tune(Search(regime, table, folds, parameters.learners), study, trials, count))
        return TuneResult(model_name(parameters, dataset), tuple(tuned), trial_count(uri, experiment))


def study_name(parameters: Parameters, dataset: Dataset, regime: Regime) -> str:
    """Return the name under which trials that can be compared are kept."""
    sections = {name: asdict(parameters)[name] for name in _SECTIONS}
    constraints = asdict(parameters.learners.constraints)
    told = digest_of([sections, constraints, dataset.data_hash, parameters.learners.min_rows])
    return f"{model_name(parameters, dataset)} {regime.name.lower()} {told[:12]}"


def _count_trial(uri: str, experiment: str, study: str, number: int) -> None:
    log_trials(uri, experiment, f"tune {study}", 1, {"study": study, "trial": number})
