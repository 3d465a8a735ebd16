"""Walk-forward training: one signed bundle per fold for the backtest, and the final one."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np

from flows.parameters import Parameters
from flows.progress import steps
from flows.stages import labels
from flows.stages.abstention import Levels, Sets, describe, first_levels, follow_rows
from flows.stages.artifacts import write_json, write_table
from flows.stages.dataset import Dataset, open_dataset
from flows.stages.fitting import Learned, ask_members, probabilities
from flows.stages.native import save_native
from flows.stages.reference import training_reference
from flows.stages.trainer import Trainer, days_of
from forest.flat import ForestKind
from market.errors import NotEnoughData
from market.home import Home
from models.conformal import ConformalParams
from models.importance import merged_importance
from models.spans import Split
from models.splits import WalkForward
from models.training_table import TrainingTable, refuse_unfit
from trading.policy import StrategyParams

FOLDER, FOLDS, BUNDLE, NATIVE = "train", "train/folds", "train/bundle", "train/native"
OUT_OF_FOLD, SUMMARY = "train/out_of_fold.parquet", "train/summary.json"


def run(home: Home, parameters: Parameters) -> dict[str, Any]:
    """Train every fold and the final model; store bundles, out-of-fold predictions and a summary.

    Raises
    ------
    NotEnoughData, DataError
        If no honest model can come from the table; the message says why.
    """
    dataset = open_dataset(home, parameters.data)
    whole = labels.load(home, parameters, dataset)
    refuse_unfit(whole)
    trainer = Trainer.open(home, parameters, dataset, whole)
    shutil.rmtree(home.artifacts / FOLDER, ignore_errors=True)
    folds, strategies, seen = _train_folds(home, trainer)
    learned, strategy = trainer.fit_final(seen.members, strategies, seen.levels)
    if not learned.fitted:
        raise NotEnoughData(f"no regime could be trained: {'; '.join(learned.missing.values())}; collect more sessions")
    tests = [[date.fromisoformat(day) for day in fold["test_days"]] for fold in folds]
    reference = training_reference(home.artifacts / FOLDS, trainer, tests, seen.p)
    digest = trainer.write(home.artifacts / BUNDLE, learned, strategy, dataset.training, reference)
    save_native(home.artifacts / NATIVE, learned.fitted)
    known = _store_predictions(home, trainer.table, seen)
    importance = merged_importance(list(learned.fitted.values()))
    summary = {
        "digest": digest,
        "rows": len(trainer.table.rows),
        "folds": folds,
        "final": _describe(learned, strategy),
        "conformal": describe(seen.sets_of(known), seen.p[known], trainer.table.target()[known], seen.levels),
        "importance": dict(zip(trainer.table.columns, map(float, importance), strict=True)),
    }
    write_json(home.artifacts / SUMMARY, summary)
    return summary


def refuse_short(dataset: Dataset, parameters: Parameters) -> None:
    """Refuse a series too short to split, before any work is done."""
    needed = parameters.splits.train_sessions_min + parameters.splits.folds + parameters.data.held_back_sessions
    found = len(dataset.training) + len(dataset.held_back)
    if found < needed:
        raise NotEnoughData(
            f"{dataset.feed.contract}: expected at least {needed} sessions to train on (the first training span, the "
            f"folds and the held-back ones), found {found}; collect more sessions"
        )


@dataclass
class _OutOfFold:
    """What the folds gave to their test rows, and where their outcomes have brought the conformal levels.

    NaN, and 0 of the sets, for the rows of no fold.
    """

    p: np.ndarray  # f8[n], calibrated
    members: np.ndarray  # f8[n, 3], each learner alone
    sets: Sets
    levels: Levels

    @classmethod
    def of(cls, rows: int, levels: Levels) -> "_OutOfFold":
        """Return that of folds yet to come."""
        sets = Sets(*np.zeros((2, rows), dtype=np.uint8))
        return cls(np.full(rows, np.nan), np.full((rows, len(ForestKind)), np.nan), sets, levels)

    def sets_of(self, rows: np.ndarray) -> Sets:
        """Return the sets of some rows."""
        return Sets(self.sets.decided[rows], self.sets.outside[rows])

    def ask(self, learned: Learned, table: TrainingTable, rows: np.ndarray, params: ConformalParams) -> None:
        """Take what a fold gives to its test rows."""
        test = table.select(rows)
        self.members[rows] = ask_members(learned.fitted, test)
        self.p[rows] = probabilities(learned, self.members[rows], test)
        sets, self.levels = follow_rows(learned, self.p[rows], test, self.levels, params)
        self.sets.decided[rows], self.sets.outside[rows] = sets.decided, sets.outside


def _train_folds(home: Home, trainer: Trainer) -> tuple[list[dict[str, Any]], list[StrategyParams], _OutOfFold]:
    """Train and store each fold; return what it was, its strategy, and what the folds gave to their test rows."""
    conformal, table = trainer.parameters.conformal, trainer.table
    seen = _OutOfFold.of(len(table.rows), first_levels(conformal))
    folds, strategies = [], []
    rows = walk_forward(trainer)
    spans = fold_spans(trainer.dataset.training, [days_of(table.session[test])[0] for _, test in rows])
    for number, (train_rows, test_rows) in enumerate(steps(rows, "training folds")):
        learned, strategy = trainer.fit_with_validation(table.select(train_rows), spans[number][0], seen.levels)
        seen.ask(learned, table, test_rows, conformal)
        trainer.write(home.artifacts / FOLDS / str(number), learned, strategy, days_of(table.session[train_rows]))
        strategies.append(strategy)
        folds.append({"number": number, "test_days": _texts(spans[number]), **_describe(learned, strategy)})
    return folds, strategies, seen


def walk_forward(trainer: Trainer) -> list[Split]:
    """Return the training and test rows of each fold, oldest first."""
    splits, table = trainer.parameters.splits, trainer.table
    first = splits.first_span(len(np.unique(table.session)))
    walk = WalkForward(splits.folds, first, splits.embargo_ns, splits.anchored)
    return list(walk.split(groups=table.spans))


def fold_spans(training: Sequence[date], starts: Sequence[date]) -> list[list[date]]:
    """Return every session of each fold, from its start to the day before the next one's.

    A session without a single usable row is traded all the same: to leave it out would choose the test span by what
    happened later.
    """
    edges = [*starts, date.max]
    return [[day for day in training if first <= day < end] for first, end in pairwise(edges)]


def _describe(learned: Learned, strategy: StrategyParams) -> dict[str, Any]:
    return {
        "theta": list(strategy.theta),
        "edge": list(strategy.edge),
        "least_lean": list(strategy.least_lean),
        "agent_weights": list(strategy.agent_weights),
        "model_weight": strategy.model_weight,
        "rows": {regime.name.lower(): one.rows for regime, one in learned.fitted.items()},
        "blend": {
            regime.name.lower(): {kind.name.lower(): float(one.weights[kind - 1]) for kind in one.heard}
            for regime, one in learned.fitted.items()
        },
        "calibration": {regime.name.lower(): str(one.method) for regime, one in learned.calibrations.items()},
        "missing": {regime.name.lower(): reason for regime, reason in learned.missing.items()},
    }


def _texts(days: Sequence[date]) -> list[str]:
    return [day.isoformat() for day in days]


def _store_predictions(home: Home, table: TrainingTable, seen: _OutOfFold) -> np.ndarray:
    """Store what the folds gave to their test rows; return which rows those are."""
    known: np.ndarray = np.isfinite(seen.p)
    write_table(
        home.artifacts / OUT_OF_FOLD,
        {
            "ts_ns": table.ts_ns[known],
            "regime": table.regime[known],
            "probability": seen.p[known],
            "up": table.target()[known],
            "decided": seen.sets.decided[known],
            "outside": seen.sets.outside[known],
        },
    )
    return known
