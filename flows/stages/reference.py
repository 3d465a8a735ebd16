"""What the sessions of training were like, for later ones to be compared with: it travels in the final bundle."""

import datetime as dt
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from backtest.replay import backtest
from flows.session_results import executions_of, session_results
from flows.stages.trainer import Trainer, paper_trader
from models.reference import RESULT, Observed, Reference, build_reference
from models.training_table import trainable
from registry.bundle import load_bundle


def training_reference(
    folds: Path, trainer: Trainer, tests: Sequence[Sequence[dt.date]], predicted: np.ndarray
) -> Reference:
    """Condense every training session; calibration and results are those of sessions a fold's model never saw.

    Each fold's bundle trades its test sessions under the shipped limits, so that the reference follows from data and
    parameters alone.

    Parameters
    ----------
    folds : Path
        Where each fold's bundle lies, by its number.
    tests : sequence of sequence of date
        The test sessions of each fold, by its number.
    predicted : f8[trainable rows]
        Out-of-fold probabilities, NaN where there is none.
    """
    decisions = trainer.decisions
    probability = np.full(len(decisions.rows), np.nan)
    probability[trainable(decisions)] = predicted
    seen = Observed(decisions.rows, decisions.session, decisions.label, probability)
    results = [_fold_results(folds / str(fold), trainer, days) for fold, days in enumerate(tests)]
    return build_reference(seen, np.concatenate([np.zeros(0, dtype=RESULT), *results]))


def _fold_results(folder: Path, trainer: Trainer, days: Sequence[dt.date]) -> np.ndarray:
    bundle = load_bundle(folder, trainer.key.public)
    dataset = trainer.dataset
    made = backtest(
        partial(paper_trader, dataset, bundle.manifest.costs, bundle.schema, bundle.model), dataset.feed, days
    )
    return session_results(executions_of(made), dataset.instrument.tick_value)
