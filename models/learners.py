"""The three learners, which of them leads in which regime, and the flat forest each becomes.

Everything runs on one thread with a seed, so the same rows give the same model to the byte. The heavy libraries
are imported where they are used.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from forest.convert import from_lightgbm, from_sklearn, from_xgboost
from forest.flat import FlatForest, ForestKind, empty
from market.errors import ConfigError, DataError
from market.types import Regime
from models.constraints import ConstraintParams, Constraints
from trading.blend import Blend

# Second derivative of the log loss at p = ½: XGBoost counts a leaf's rows by it, the others by head.
_HESSIAN_OF_A_ROW = 0.25


@dataclass(frozen=True)
class LightGBMParams:
    """Gradient boosting, leaf-wise. Fractions are of columns and rows per tree."""

    trees: int = 300
    leaves: int = 31
    rate: float = 0.03
    min_rows_per_leaf: int = 200
    feature_fraction: float = 0.6
    row_fraction: float = 0.8
    seed: int = 42


@dataclass(frozen=True)
class XGBoostParams:
    """Gradient boosting, level-wise, on histograms. Fractions are of columns and rows per tree."""

    trees: int = 300
    depth: int = 6
    rate: float = 0.03
    min_rows_per_leaf: int = 200
    feature_fraction: float = 0.6
    row_fraction: float = 0.8
    seed: int = 42


@dataclass(frozen=True)
class ForestParams:
    """Random forest; each split looks at sqrt(columns) columns."""

    trees: int = 200
    depth: int = 10
    min_rows_per_leaf: int = 100
    seed: int = 42


@dataclass(frozen=True)
class LearnerParams:
    """All three learners, what is known of their columns, and what they learn from.

    Parameters
    ----------
    min_rows : int
        A regime with fewer gets no learner.
    half_life_sessions : float
        Rows so many sessions older count half (`models.weights.time_decay`); infinite: all count alike.
    """

    min_rows: int = 400
    half_life_sessions: float = math.inf
    constraints: ConstraintParams = field(default_factory=ConstraintParams)
    lightgbm: LightGBMParams = field(default_factory=LightGBMParams)
    xgboost: XGBoostParams = field(default_factory=XGBoostParams)
    forest: ForestParams = field(default_factory=ForestParams)


@dataclass(frozen=True)
class Sample:
    """Rows of one regime to learn from.

    Parameters
    ----------
    columns : tuple of str
    rows : f4[n, columns]
        Finite.
    labels : i8[n]
        1 up, 0 down.
    weights : f8[n]
        Positive; a fit scales them to a mean of 1, which is what the least rows per leaf assume.
    """

    columns: tuple[str, ...]
    rows: np.ndarray
    labels: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        """Raise DataError where lengths differ, or a value is not finite, not 0 or 1, or not a positive weight."""
        if self.rows.ndim != 2 or not self.rows.shape == (len(self.labels), len(self.columns)):
            raise DataError(
                f"learners: expected {len(self.columns)} columns and one label per row, found rows of shape "
                f"{self.rows.shape} and {len(self.labels)} labels"
            )
        if not np.isfinite(self.rows).all():
            raise DataError("learners: rows hold values that are not finite; select warm rows (models.training_table)")
        positive = len(self.weights) == len(self.rows) and bool(np.all(self.weights > 0))
        if not (np.isin(self.labels, (0, 1)).all() and positive and np.isfinite(self.weights).all()):
            raise DataError(
                "learners: expected labels 0 or 1, and a positive weight for each; drop undecided rows first"
            )


@dataclass(frozen=True)
class Member:
    """One trained learner.

    Parameters
    ----------
    native : lightgbm.Booster, xgboost.Booster or sklearn RandomForestClassifier
        What the library trained; kept for tracking, never for trading.
    flat : FlatForest
        The same model as arrays.
    importance : f8[columns]
        Gain importance, summing to 1, or zeros where no tree split.
    """

    native: Any
    flat: FlatForest
    importance: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """The trained learners of one regime, and how they are blended.

    Parameters
    ----------
    members : mapping of ForestKind to Member
        Those that were trained; the others have no weight.
    weights : f8[3]
        By `ForestKind`, adding to 1; until they are fitted the lead has everything.
    rows : int
        Trained on.
    """

    regime: Regime
    members: Mapping[ForestKind, Member]
    weights: np.ndarray
    rows: int

    @property
    def heard(self) -> dict[ForestKind, Member]:
        """The members that have weight."""
        return {kind: one for kind, one in self.members.items() if self.weights[kind - 1] > 0}

    @property
    def importance(self) -> np.ndarray:
        """Gain importance of the blend, f8[columns]: each member's by its weight."""
        return np.asarray(sum(self.weights[kind - 1] * one.importance for kind, one in self.heard.items()))

    def blend(self) -> Blend:
        """Return what trades: the members that have weight, as arrays."""
        lightgbm, xgboost, forest = (self.heard[kind].flat if kind in self.heard else empty() for kind in ForestKind)
        return Blend((lightgbm, xgboost, forest), self.weights)


@dataclass(frozen=True)
class NotFitted:
    """No learner for a regime, and why; the regime then holds."""

    regime: Regime
    reason: str


def lead_of(regime: Regime) -> ForestKind:
    """Return the learner that leads a regime: LightGBM in trend_down, XGBoost in trend_up, a random forest in range.

    Raises
    ------
    ConfigError
        A regime in which nothing is learnt.
    """
    if regime not in _LEADS:
        known = ", ".join(one.name for one in _LEADS)
        raise ConfigError(f"learners: regime {regime.name} has no lead learner; expected one of {known}")
    return _LEADS[regime]


def alone(regime: Regime) -> np.ndarray:
    """Return the weights with which the lead of a regime decides alone, f8[3]."""
    return np.array([float(kind == lead_of(regime)) for kind in ForestKind])


def fit(
    regime: Regime, sample: Sample, params: LearnerParams, kinds: Collection[ForestKind] = tuple(ForestKind)
) -> Fitted | NotFitted:
    """Train learners of a regime; its lead decides alone until weights are fitted.

    Parameters
    ----------
    kinds : collection of ForestKind
        Which learners are trained.

    Raises
    ------
    ConfigError
        A regime without a lead learner, or a constraint on a column that is not there.
    """
    lead_decides, constraints = alone(regime), params.constraints.resolve(sample.columns)
    count, labels = len(sample.rows), sample.labels
    if count < params.min_rows:
        return NotFitted(regime, f"{count} rows, {params.min_rows} needed")
    if labels.min() == labels.max():
        return NotFitted(regime, f"all {count} labels are {int(labels[0])}")
    work = _Work(
        np.ascontiguousarray(sample.rows, dtype=np.float32),
        np.asarray(labels, dtype=np.int64),
        np.asarray(sample.weights, dtype=np.float64) / np.mean(sample.weights),
        constraints,
    )
    members = {kind: _fit_member(kind, work, params) for kind in ForestKind if kind in kinds}
    return Fitted(regime, members, lead_decides, count)


class _Work(NamedTuple):
    """What every library is given."""

    rows: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    constraints: Constraints


def _fit_member(kind: ForestKind, work: _Work, params: LearnerParams) -> Member:
    native, gain = _FITS[kind](work, params)
    total = gain.sum()
    return Member(native, flatten(native), gain / total if total > 0 else gain)


def flatten(native: Any) -> FlatForest:
    """Return a trained booster or forest as arrays; of a booster that stopped early, the trees up to its best round."""
    library = type(native).__module__.partition(".")[0]
    if library == "lightgbm":
        return from_lightgbm(native.model_to_string(num_iteration=native.best_iteration))
    if library == "xgboost":
        return from_xgboost(bytes(native.save_raw("json")))
    return from_sklearn(native)


_Trained = tuple[Any, np.ndarray]  # and its gain per column


def _fit_lightgbm(work: _Work, params: LearnerParams) -> _Trained:
    import lightgbm

    chosen = params.lightgbm
    settings = {
        "objective": "binary",
        "num_leaves": chosen.leaves,
        "learning_rate": chosen.rate,
        "min_data_in_leaf": chosen.min_rows_per_leaf,
        "feature_fraction": chosen.feature_fraction,
        "bagging_fraction": chosen.row_fraction,
        "bagging_freq": 1,
        "seed": chosen.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    signs, groups = work.constraints
    if any(signs):
        settings["monotone_constraints"] = list(signs)
    if groups:
        settings["interaction_constraints"] = [list(group) for group in groups]
    data = lightgbm.Dataset(work.rows, label=work.labels, weight=work.weights, params={"verbosity": -1})
    booster = lightgbm.train(settings, data, num_boost_round=chosen.trees)
    gain = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
    return booster, gain


def _fit_xgboost(work: _Work, params: LearnerParams) -> _Trained:
    import xgboost

    chosen = params.xgboost
    settings = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": chosen.depth,
        "eta": chosen.rate,
        "min_child_weight": chosen.min_rows_per_leaf * _HESSIAN_OF_A_ROW,
        "colsample_bytree": chosen.feature_fraction,
        "subsample": chosen.row_fraction,
        "seed": chosen.seed,
        "nthread": 1,
        "verbosity": 0,
    }
    signs, groups = work.constraints
    if any(signs):
        settings["monotone_constraints"] = signs
    if groups:
        settings["interaction_constraints"] = str([list(group) for group in groups])  # a list would be of names
    data = xgboost.DMatrix(work.rows, work.labels, weight=work.weights, nthread=1)
    booster = xgboost.train(settings, data, chosen.trees)
    gain = np.zeros(work.rows.shape[1])
    for name, value in booster.get_score(importance_type="total_gain").items():
        gain[int(name[1:])] = value  # columns are named f0, f1 ...
    return booster, gain


def _fit_forest(work: _Work, params: LearnerParams) -> _Trained:
    from sklearn.ensemble import RandomForestClassifier

    chosen = params.forest
    estimator = RandomForestClassifier(
        n_estimators=chosen.trees,
        max_depth=chosen.depth,
        min_samples_leaf=chosen.min_rows_per_leaf,
        random_state=chosen.seed,
        n_jobs=1,
        monotonic_cst=list(work.constraints.signs) if any(work.constraints.signs) else None,
    )
    estimator.fit(work.rows, work.labels, sample_weight=work.weights)
    return estimator, np.asarray(estimator.feature_importances_, dtype=np.float64)


_FITS: Mapping[ForestKind, Callable[[_Work, LearnerParams], _Trained]] = MappingProxyType(
    {ForestKind.LIGHTGBM: _fit_lightgbm, ForestKind.XGBOOST: _fit_xgboost, ForestKind.SKLEARN: _fit_forest}
)
_LEADS: Mapping[Regime, ForestKind] = MappingProxyType(
    {
        Regime.TREND_DOWN: ForestKind.LIGHTGBM,
        Regime.TREND_UP: ForestKind.XGBOOST,
        Regime.RANGE: ForestKind.SKLEARN,
    }
)
