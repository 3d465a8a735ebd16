"""How much each feature matters: columns shuffled in the folds' test rows, and Shapley values of the final learners."""

from datetime import date
from typing import Any

import numpy as np

from flows.parameters import Parameters
from flows.stages import labels
from flows.stages.artifacts import read_json
from flows.stages.dataset import EPOCH, Dataset
from flows.stages.native import load_native
from flows.stages.train import FOLDS, NATIVE, SUMMARY
from market.home import Home
from market.types import Regime
from models.attribution import attribute
from models.importance import permutation_importance
from models.scoring import score_rows
from models.training_table import TrainingTable, trainable
from registry.bundle import load_bundle
from registry.signing import public_key

SEED = 42
EXPLAINED, BACKGROUND = 60, 200  # rows of each learner, evenly spread; a forest takes milliseconds for each


def measure_importance(home: Home, parameters: Parameters, dataset: Dataset) -> dict[str, dict[str, float]]:
    """Return `permutation` and `shapley` by feature, from what training stored.

    The first is the growth of the log loss over all folds, each with its own model on its own test rows; the second is
    the share of each feature in the mean size of Shapley values, averaged over the learners that have a say.
    """
    whole = labels.load(home, parameters, dataset)
    table = whole.select(trainable(whole))
    permuted = _permute(home, table)
    return {
        "permutation": dict(zip(table.columns, permuted.tolist(), strict=True)),
        "shapley": dict(zip(table.columns, _explain(home, table).tolist(), strict=True)),
    }


def _permute(home: Home, table: TrainingTable) -> np.ndarray:
    """Return the growth of the log loss, each fold weighed by its rows."""
    total, rows = np.zeros(len(table.columns)), 0
    for fold in read_json(home.artifacts / SUMMARY)["folds"]:
        model = load_bundle(home.artifacts / FOLDS / str(fold["number"]), public_key(home.keys)).model
        days = [(date.fromisoformat(text) - EPOCH).days for text in fold["test_days"]]
        test = table.select(np.isin(table.session, days))
        test = test.select(np.isfinite(score_rows(model, test.regime, test.rows)))
        if not len(test.rows):
            continue

        def probability(asked: np.ndarray, model: Any = model, regime: np.ndarray = test.regime) -> np.ndarray:
            return score_rows(model, regime, asked)

        lost = permutation_importance(probability, test.rows, test.target(), test.session, SEED)
        total, rows = total + lost * len(test.rows), rows + len(test.rows)
    return total / max(rows, 1)


def _explain(home: Home, table: TrainingTable) -> np.ndarray:
    """Return the share of each feature, averaged over the final learners by the rows of their regimes."""
    total, rows = np.zeros(len(table.columns)), 0
    for name, model in load_native(home.artifacts / NATIVE).items():
        own = table.rows[table.regime == _regime_of(name)]
        size = np.abs(attribute(model, _spread(own, EXPLAINED), _spread(own, BACKGROUND), SEED)).mean(axis=0)
        if size.sum() > 0:
            total, rows = total + size / size.sum() * len(own), rows + len(own)
    return total / max(rows, 1)


def _regime_of(name: str) -> Regime:
    """Return the regime that a learner's file is named after."""
    return next(regime for regime in Regime if name.startswith(regime.name.lower()))


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """Return some rows, evenly spread."""
    places = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.int64))
    return np.ascontiguousarray(rows[places])
