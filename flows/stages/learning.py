"""Whether more sessions would help: the last fold learnt again from fewer of its training sessions."""

import math
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from flows.parameters import Parameters, ThresholdParams
from flows.stages import labels
from flows.stages.abstention import first_levels
from flows.stages.artifacts import read_json
from flows.stages.dataset import EPOCH, Dataset
from flows.stages.fitting import assemble
from flows.stages.train import FOLDS, SUMMARY, walk_forward
from flows.stages.trainer import Trainer, days_of
from market.errors import NotEnoughData
from market.home import Home
from models.importance import log_loss
from models.scoring import score_rows
from models.training_table import TrainingTable
from registry.bundle import load_bundle
from registry.signing import public_key
from trading.model import Model

SHARES = (0.25, 0.5)  # of the training sessions, the latest ones; all of them are the fold's own model


def measure_learning(home: Home, parameters: Parameters, dataset: Dataset) -> dict[str, Any]:
    """Return the log loss on the last fold's test rows by the share of training sessions that was learnt from.

    Returns
    -------
    dict
        `share` and `loss`, lists of equal length, and `ignorant`: what the frequency of ups in training alone would
        have scored. A row without an answer counts as one half. A share too small to learn from is left out.
    """
    whole = labels.load(home, parameters, dataset)
    # No threshold is asked for here, so that one is enough to try.
    spare = replace(parameters, thresholds=ThresholdParams(parameters.thresholds.grid[:1]))
    trainer = Trainer.open(home, spare, dataset, whole)
    train, test = (trainer.table.select(rows) for rows in walk_forward(trainer)[-1])
    own = read_json(home.artifacts / SUMMARY)["folds"][-1]
    end = date.fromisoformat(own["test_days"][0])
    scored: list[tuple[float, float]] = []
    for share in SHARES:
        try:
            scored.append((share, _loss(_learn(trainer, _latest(train, share), end), test)))
        except NotEnoughData:
            continue
    bundle = load_bundle(home.artifacts / FOLDS / str(own["number"]), public_key(home.keys))
    scored.append((1.0, _loss(bundle.model, test)))
    known = np.full(len(test.rows), float(train.target().mean()))
    shares, losses = zip(*scored, strict=True)
    return {"share": list(shares), "loss": list(losses), "ignorant": log_loss(known, test.target())}


def _latest(table: TrainingTable, share: float) -> TrainingTable:
    """Return the rows of the latest share of the sessions."""
    days = days_of(table.session)
    first = days[-math.ceil(share * len(days))]
    return table.select(table.session >= (first - EPOCH).days)


def _learn(trainer: Trainer, table: TrainingTable, end: date) -> Model:
    learned, strategy = trainer.fit_with_validation(table, end, first_levels(trainer.parameters.conformal))
    return assemble(learned, trainer.schema.columns, trainer.agents, strategy)


def _loss(model: Model, test: TrainingTable) -> float:
    return log_loss(np.nan_to_num(score_rows(model, test.regime, test.rows), nan=0.5), test.target())
