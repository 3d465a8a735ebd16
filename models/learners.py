"""The learners, one lead per regime, and the flat forest each becomes.

Everything runs on one thread with a seed, so the same rows give the same model to the byte. The heavy libraries
are imported where they are used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from forest.convert import from_lightgbm, from_sklearn, from_xgboost
from forest.flat import FlatForest
from market.errors import ConfigError, DataError
from market.types import Regime

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
    """All three learners, and the least rows a regime needs to get one."""

    min_rows: int = 400
    lightgbm: LightGBMParams = field(default_factory=LightGBMParams)
    xgboost: XGBoostParams = field(default_factory=XGBoostParams)
    forest: ForestParams = field(default_factory=ForestParams)


@dataclass(frozen=True)
class Fitted:
    """A trained learner of one regime.

    Parameters
    ----------
    native : lightgbm.Booster, xgboost.Booster or sklearn RandomForestClassifier
        What the library trained; kept for tracking, never for trading.
    flat : FlatForest
        The same model as arrays.
    importance : f8[columns]
        Gain importance, summing to 1, or zeros where no tree split.
    """

    regime: Regime
    native: Any
    flat: FlatForest
    importance: np.ndarray
    rows: int


@dataclass(frozen=True)
class NotFitted:
    """No learner for a regime, and why; the regime then holds."""

    regime: Regime
    reason: str


def fit(
    regime: Regime, rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, params: LearnerParams
) -> Fitted | NotFitted:
    """Train the lead learner of a regime: LightGBM in trend_down, XGBoost in trend_up, a random forest in range.

    Parameters
    ----------
    rows : f4[n, columns]
        Finite feature rows of that regime.
    labels : i8[n]
        1 up, 0 down.
    weights : f8[n]
        Positive; scaled here to a mean of 1, which is what the least rows per leaf assume.

    Raises
    ------
    DataError
        Lengths differ, or a value is not finite, not 0 or 1, or not a positive weight.
    ConfigError
        A regime without a lead learner.
    """
    if regime not in _LEADS:
        raise ConfigError(f"learners: regime {regime.name} has no lead learner; expected one of {_LEAD_NAMES}")
    _refuse_unusable(rows, labels, weights)
    if len(rows) < params.min_rows:
        return NotFitted(regime, f"{len(rows)} rows, {params.min_rows} needed")
    if labels.min() == labels.max():
        return NotFitted(regime, f"all {len(rows)} labels are {int(labels[0])}")
    matrix = np.ascontiguousarray(rows, dtype=np.float32)
    scaled = np.asarray(weights, dtype=np.float64) / np.mean(weights)
    native, flat, gain = _LEADS[regime](matrix, np.asarray(labels, dtype=np.int64), scaled, params)
    total = gain.sum()
    return Fitted(regime, native, flat, gain / total if total > 0 else gain, len(rows))


def _refuse_unusable(rows: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
    if not (rows.ndim == 2 and len(rows) == len(labels) == len(weights)):
        raise DataError(
            f"learners: expected one label and weight per row, found {rows.shape}, {len(labels)}, {len(weights)}"
        )
    if not np.isfinite(rows).all():
        raise DataError("learners: rows hold values that are not finite; select warm rows (models.training_table)")
    if not (np.isin(labels, (0, 1)).all() and np.all(weights > 0) and np.isfinite(weights).all()):
        raise DataError("learners: expected labels 0 or 1 and positive weights; drop undecided rows first")


_Trained = tuple[Any, FlatForest, np.ndarray]


def _fit_lightgbm(rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, params: LearnerParams) -> _Trained:
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
    data = lightgbm.Dataset(rows, label=labels, weight=weights, params={"verbosity": -1})
    booster = lightgbm.train(settings, data, num_boost_round=chosen.trees)
    gain = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
    return booster, from_lightgbm(booster.model_to_string()), gain


def _fit_xgboost(rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, params: LearnerParams) -> _Trained:
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
    booster = xgboost.train(settings, xgboost.DMatrix(rows, labels, weight=weights, nthread=1), chosen.trees)
    gain = np.zeros(rows.shape[1])
    for name, value in booster.get_score(importance_type="total_gain").items():
        gain[int(name[1:])] = value  # columns are named f0, f1 ...
    return booster, from_xgboost(bytes(booster.save_raw("json"))), gain


def _fit_forest(rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, params: LearnerParams) -> _Trained:
    from sklearn.ensemble import RandomForestClassifier

    chosen = params.forest
    estimator = RandomForestClassifier(
        n_estimators=chosen.trees,
        max_depth=chosen.depth,
        min_samples_leaf=chosen.min_rows_per_leaf,
        random_state=chosen.seed,
        n_jobs=1,
    )
    estimator.fit(rows, labels, sample_weight=weights)
    return estimator, from_sklearn(estimator), np.asarray(estimator.feature_importances_, dtype=np.float64)


_LEADS: Mapping[Regime, Callable[[np.ndarray, np.ndarray, np.ndarray, LearnerParams], _Trained]] = MappingProxyType(
    {Regime.TREND_DOWN: _fit_lightgbm, Regime.TREND_UP: _fit_xgboost, Regime.RANGE: _fit_forest}
)
_LEAD_NAMES = ", ".join(regime.name for regime in _LEADS)
