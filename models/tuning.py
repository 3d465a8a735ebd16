"""Tuning: which settings of a learner predict best on rows it has not seen, under the purged splits.

A study belongs to one regime and its lead learner. Its trials lie in a database, so that a killed search goes on where
it was; the settings in force are its first trial. The objective is the mean log loss of the folds' test rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from forest.flat import ForestKind
from market.errors import NotEnoughData
from market.types import Regime
from models.learners import Fitted, LearnerParams, Sample, fit, lead_of
from models.spans import Split
from models.training_table import TrainingTable
from trading.blend import member_probabilities

if TYPE_CHECKING:
    from optuna import Study, Trial

SECTIONS: Mapping[ForestKind, str] = MappingProxyType(
    {ForestKind.LIGHTGBM: "lightgbm", ForestKind.XGBOOST: "xgboost", ForestKind.SKLEARN: "forest"}
)
# Ends of each setting, both tried; whole numbers stay whole. Settings of sampling are tried evenly, others by ratio.
_BOOSTER = {"trees": (50, 400), "rate": (0.01, 0.1), "min_rows_per_leaf": (20, 400), "feature_fraction": (0.2, 1.0)}
RANGES: Mapping[ForestKind, Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        ForestKind.LIGHTGBM: {**_BOOSTER, "row_fraction": (0.4, 1.0), "leaves": (3, 63)},
        ForestKind.XGBOOST: {**_BOOSTER, "row_fraction": (0.4, 1.0), "depth": (2, 8)},
        ForestKind.SKLEARN: {"trees": (50, 300), "depth": (3, 12), "min_rows_per_leaf": (20, 400)},
    }
)
_SURE = 1e-6  # nearer to 0 or 1 a probability is not taken, so that no row costs infinitely much


@dataclass(frozen=True)
class Search:
    """What is searched: settings of the lead learner of one regime.

    Parameters
    ----------
    table : TrainingTable
        Every row a learner may see; those of other regimes are left out.
    folds : sequence of (train, test)
        Row indices, purged, oldest first.
    params : LearnerParams
        In force now; the first trial.
    """

    regime: Regime
    table: TrainingTable
    folds: Sequence[Split]
    params: LearnerParams

    @property
    def section(self) -> str:
        """The section of `LearnerParams` that is tuned."""
        return SECTIONS[lead_of(self.regime)]


@dataclass(frozen=True)
class Tuned:
    """What a study has found so far; losses are mean log losses out of fold.

    Parameters
    ----------
    loss, loss_now : float or None
        Of the best trial, and of the settings in force; None where that trial did not finish.
    params : mapping
        The best settings.
    states : mapping of str to int
        How many trials ended how: complete, pruned, fail.
    """

    regime: Regime
    section: str
    loss: float | None
    loss_now: float | None
    params: Mapping[str, Any]
    states: Mapping[str, int]


def open_study(storage: str, name: str, seed: int) -> "Study":
    """Return the study of a name, new or as it was left; trials that were running when it was killed have failed.

    Nobody else may run it meanwhile. The seed moves on with the trials made, so that a resumed search does not begin
    again with the settings it began with.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=storage, study_name=name, load_if_exists=True, pruner=optuna.pruners.MedianPruner(n_warmup_steps=1)
    )
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.get_trials(deepcopy=False)))
    return study


def tune(search: Search, study: "Study", trials: int, count: Callable[[int], None]) -> Tuned:
    """Go on with a study until it has so many trials, pruned and failed ones included.

    Parameters
    ----------
    count : callable
        Called with the number of each trial before it begins, so that it counts whatever becomes of it.
    """
    made = len(study.get_trials(deepcopy=False))
    if made == 0:
        study.enqueue_trial({name: getattr(_section(search), name) for name in RANGES[lead_of(search.regime)]})

    def objective(trial: "Trial") -> float:
        count(trial.number)
        return _loss(search, _suggest(search, trial), trial)

    study.optimize(objective, n_trials=max(0, trials - made))
    return told(search, study)


def told(search: Search, study: "Study") -> Tuned:
    """Return what a study has found so far."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    best = min(done, key=lambda trial: (trial.value, trial.number), default=None)
    return Tuned(
        search.regime,
        search.section,
        best.value if best else None,
        next((trial.value for trial in done if trial.number == 0), None),
        best.params if best else {},
        {state.name.lower(): sum(trial.state == state for trial in trials)
         for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)},
    )  # fmt: skip


def _section(search: Search) -> Any:
    return getattr(search.params, search.section)


def _suggest(search: Search, trial: "Trial") -> LearnerParams:
    values: dict[str, float] = {}
    for name, (low, high) in RANGES[lead_of(search.regime)].items():
        if isinstance(low, int):
            values[name] = trial.suggest_int(name, low, int(high), log=True)
        else:
            values[name] = trial.suggest_float(name, low, high, log=name == "rate")
    return replace(search.params, **{search.section: replace(_section(search), **values)})


def _loss(search: Search, params: LearnerParams, trial: "Trial") -> float:
    """Return the mean loss over the folds, or give up early where those so far are worse than the median trial's."""
    from optuna import TrialPruned

    losses: list[float] = []
    for train, test in search.folds:
        found = fold_loss(search, params, train, test)
        if found is None:
            continue
        losses.append(found)
        trial.report(float(np.mean(losses)), len(losses) - 1)
        if trial.should_prune():
            raise TrialPruned
    if not losses:
        raise NotEnoughData(
            f"tune: no fold has rows enough of {search.regime.name} to train and test on; collect more sessions"
        )
    return float(np.mean(losses))


def fold_loss(search: Search, params: LearnerParams, train: np.ndarray, test: np.ndarray) -> float | None:
    """Return the weighted log loss of a fold's test rows; None where the regime has too few rows to fit or to test."""
    kind, regime = lead_of(search.regime), search.table.regime
    own, held = (search.table.select(rows[regime[rows] == search.regime]) for rows in (train, test))
    if not len(held.rows):
        return None
    sample = Sample(own.columns, own.rows, own.target(), own.weight)
    fitted = fit(search.regime, sample, params, (kind,))
    if not isinstance(fitted, Fitted):
        return None
    p = np.zeros(len(held.rows))
    member_probabilities(fitted.members[kind].flat, np.ascontiguousarray(held.rows), p)
    inside = np.clip(np.where(held.target() > 0, p, 1.0 - p), _SURE, 1.0)
    return float(np.average(-np.log(inside), weights=held.weight))
