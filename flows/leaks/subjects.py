"""The project's own computations in the form the future-poison test takes; each is the code that trains or trades."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from features.pipeline import compute_session
from features.schema import FeatureSchema
from flows.leaks.cells import Cells, Trial
from flows.leaks.poison import MemoryLake, Poison, PoisonedLake
from flows.leaks.source import of_feature, of_function
from flows.parameters import Parameters
from flows.stages.abstention import first_levels
from flows.stages.dataset import Dataset
from flows.stages.features import compute_rows
from flows.stages.fitting import Learned
from flows.stages.labels import join_rows, label_rows
from flows.stages.trainer import Trainer, days_of, paper_trader
from market.errors import NotEnoughData
from market.stream import Feed
from models.labels import Touch, triple_barrier
from models.spans import Split
from models.splits import WalkForward
from models.training_table import TrainingTable, trainable
from registry.signing import SigningKey
from trading.core import close_bar
from trading.model import Model
from trading.paper import run_session
from trading.policy import StrategyParams

NEVER = np.iinfo(np.int64).max
SESSIONS_MIN = 3  # one to fit on, one to validate, one to test


@dataclass(frozen=True)
class Subject:
    """The series under test, read once, and the parameters it is trained with.

    Parameters
    ----------
    days : tuple of date
        The sessions whose fold is fitted, oldest first.
    """

    dataset: Dataset
    parameters: Parameters
    schema: FeatureSchema
    days: tuple[dt.date, ...]

    @classmethod
    def open(cls, dataset: Dataset, parameters: Parameters) -> "Subject":
        """Keep the files in memory and take the first sessions that make a fold."""
        feed = replace(dataset.feed, lake=MemoryLake(dataset.feed.lake.folder, dataset.feed.lake.declared))
        held = replace(dataset, feed=feed)
        params, warming = parameters.splits, parameters.features.preload_sessions
        days = dataset.training[: warming + params.train_sessions_min + params.folds]
        return cls(held, parameters, held.schema(parameters), days)


def spoil_feed(feed: Feed, cut_ns: int, poison: Poison) -> Feed:
    """Return the feed as it would be had the future after the cut been another."""
    lake = feed.lake
    return replace(feed, lake=PoisonedLake(lake.folder, lake.declared, lake, cut_ns, poison))


def features_trial(subject: Subject, day: dt.date) -> Trial[Feed]:
    """Return the features of a session: each may look until its own moment."""

    def compute(feed: Feed) -> Cells:
        seen = compute_session(subject.schema, feed, day)
        columns = {name: seen.rows[:, index] for index, name in enumerate(subject.schema.columns)}
        decided = {name: getattr(seen, name) for name in ("regime", "close", "atr", "sigma")}
        return Cells(seen.ts_ns, seen.ts_ns, columns | decided)

    source = partial(of_feature, otherwise=compute_session)
    return Trial(f"features of {day}", compute, subject.dataset.feed, spoil_feed, source)


def labels_trial(subject: Subject, days: Sequence[dt.date]) -> Trial[Feed]:
    """Return the labels of consecutive sessions: each may look until its end, and its end may not move.

    A row without a label is known to be one only later, when its gap came, so it is left out. A bar file that ends
    early ends the session too, and labels with it, so bars are not deleted.
    """

    def compute(feed: Feed) -> Cells:
        labels = label_rows(compute_rows(subject.schema, feed, days), subject.parameters, feed)
        until = np.where(labels["touch"] == Touch.NONE, NEVER, labels["end_ns"])
        return Cells(labels["start_ns"], until, {name: labels[name] for name in labels.dtype.names or ()})

    feed, whole = subject.dataset.feed, (Poison.NOISE, Poison.SHIFTED)
    poisons = whole if feed.kind == "bars" else tuple(Poison)
    return Trial(f"labels of {days[-1]}", compute, feed, spoil_feed, lambda _: of_function(triple_barrier), poisons)


def decisions_trial(subject: Subject, day: dt.date, model: Model) -> Trial[Feed]:
    """Return the decisions of a session: each may look until its own moment."""

    def compute(feed: Feed) -> Cells:
        trader = paper_trader(subject.dataset, subject.parameters.costs, subject.schema, model)
        made = run_session(trader, feed, day).decisions
        return Cells(made["ts_ns"], made["ts_ns"], {name: made[name] for name in made.dtype.names or ()})

    feed = subject.dataset.feed
    return Trial(f"decisions of {day}", compute, feed, spoil_feed, lambda _: of_function(close_bar))


def training_table(subject: Subject, feed: Feed) -> TrainingTable:
    """Return the rows that a learner may see, of the sessions under test."""
    rows = compute_rows(subject.schema, feed, subject.days)
    table = join_rows(rows, label_rows(rows, subject.parameters, feed), subject.parameters)
    return table.select(trainable(table))


def folds(subject: Subject, table: TrainingTable) -> list[Split]:
    """Return the training and test rows of every fold, of no more folds than the sessions give.

    Raises
    ------
    NotEnoughData
        Fewer than three sessions have rows to learn from.
    """
    params, found = subject.parameters.splits, len(np.unique(table.session))
    if found < SESSIONS_MIN:
        raise NotEnoughData(
            f"{subject.dataset.feed.contract}: expected {SESSIONS_MIN} training sessions with rows to learn from, to "
            f"check a fold for leaks, found {found}; collect more or lower data.held_back_sessions"
        )
    first = min(params.train_sessions_min, found - 1)
    walk = WalkForward(min(params.folds, found - first), first, params.embargo_ns, params.anchored)
    return list(walk.split(groups=table.spans))


def fit_fold(subject: Subject, feed: Feed) -> tuple[TrainingTable, Learned, StrategyParams, dt.date]:
    """Fit the first fold with small learners; return its training rows, what was learnt and its first test session."""
    table = training_table(subject, feed)
    train, test = folds(subject, table)[0]
    end = days_of(table.session[test])[0]
    rows = table.select(train)
    dataset = replace(subject.dataset, feed=feed)
    trainer = Trainer(_small(subject.parameters), dataset, subject.schema, table, table, _unused_key(), "")
    learned, strategy = trainer.fit_with_validation(rows, end, first_levels(subject.parameters.conformal))
    return rows, learned, strategy, end


def fit_trial(subject: Subject, end: dt.date) -> Trial[Feed]:
    """Return all that one fold learns: it may look until the embargo before its test span.

    The training rows are compared as well as what is fitted on them, because an arithmetic mean over too many rows may
    move a learner by less than a bit. Nothing is deleted: without later sessions there is no fold.
    """
    until = int(subject.dataset.feed.session(end)[0]["open_ns"]) - subject.parameters.splits.embargo_ns

    def compute(feed: Feed) -> Cells:
        rows, learned, strategy, _ = fit_fold(subject, feed)
        fitted = {
            f"{kind.name.lower()} of {r.name.lower()}": _digest(*member.flat)
            for r, one in learned.fitted.items()
            for kind, member in one.members.items()
        }
        blends = {f"blend {r.name.lower()}": _digest(one.weights) for r, one in learned.fitted.items()}
        maps = {f"calibration {r.name.lower()}": _digest(one.x, one.p) for r, one in learned.calibrations.items()}
        arrays = ("rows", "label", "weight", "start_ns", "end_ns", "ret_ticks")
        inputs = {f"training {name}": _digest(getattr(rows, name)) for name in arrays}
        columns = {**inputs, **fitted, **blends, **maps, "thresholds": _digest(np.array(strategy.theta))}
        columns["least lean"] = _digest(np.array(strategy.least_lean))
        return Cells(np.array([until]), np.array([until]), columns)

    feed, poisons = subject.dataset.feed, (Poison.NOISE, Poison.SHIFTED)
    what = f"fit of the fold tested from {end}"
    return Trial(what, compute, feed, spoil_feed, lambda _: of_function(Trainer.fit_with_validation), poisons)


def _small(parameters: Parameters) -> Parameters:
    """Return parameters whose fit takes a second: what data reach a fit does not depend on how many trees it has."""
    whole = parameters.learners
    learners = replace(
        whole,
        min_rows=min(whole.min_rows, 100),
        lightgbm=replace(whole.lightgbm, trees=5, min_rows_per_leaf=20),
        xgboost=replace(whole.xgboost, trees=5, min_rows_per_leaf=20),
        forest=replace(whole.forest, trees=5, min_rows_per_leaf=20),
    )
    grid = tuple(sorted({min(parameters.thresholds.grid), max(parameters.thresholds.grid)}))
    return replace(parameters, learners=learners, thresholds=replace(parameters.thresholds, grid=grid))


def _unused_key() -> SigningKey:
    """Return a key of no home: nothing is signed here."""
    return SigningKey(Ed25519PrivateKey.generate())


def _digest(*arrays: np.ndarray) -> np.ndarray:
    """Return one number for the bytes of arrays, u8[1]."""
    joined = hashlib.sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in arrays))
    return np.frombuffer(joined.digest()[:8], dtype=np.uint64)
