"""Where a model abstains: the bound each regime's bundle gets, and the level that follows what happened since."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flows.stages.fitting import Learned
from market.types import Regime
from models.conformal import ConformalParams, Outcomes, follow, least_lean
from models.training_table import TrainingTable
from registry.bundle import REGIMES
from trading.strategy_params import Regimes

Levels = Mapping[Regime, float]


@dataclass(frozen=True)
class Sets:
    """Of each row: whether its prediction set does not hold both classes, and whether the label lay outside, u1[n]."""

    decided: np.ndarray
    outside: np.ndarray


def first_levels(params: ConformalParams) -> dict[Regime, float]:
    """Return the levels before anything has happened: the error asked for."""
    return dict.fromkeys(REGIMES, params.error)


def least_leans(learned: Learned, levels: Levels) -> Regimes:
    """Return the least |2p - 1| that trades, per regime; 0 where there is no model, which holds anyway."""
    up, down, range_ = (
        least_lean(learned.nonconformity[regime], levels[regime]) if regime in learned.nonconformity else 0.0
        for regime in REGIMES
    )
    return up, down, range_


def follow_rows(
    learned: Learned, p: np.ndarray, table: TrainingTable, levels: Levels, params: ConformalParams
) -> tuple[Sets, dict[Regime, float]]:
    """Return the sets of rows that came after what was learnt, and the levels after their outcomes."""
    sets, after = Sets(*np.zeros((2, len(p)), dtype=np.uint8)), dict(levels)
    for regime, scores in learned.nonconformity.items():
        own = table.regime == regime
        outcomes = Outcomes(p[own], table.target()[own], table.start_ns[own], table.end_ns[own])
        found = follow(outcomes, scores, levels[regime], params)
        sets.decided[own], sets.outside[own], after[regime] = found.decided, found.outside, found.level
    return sets, after


def describe(sets: Sets, p: np.ndarray, up: np.ndarray, levels: Levels) -> dict[str, Any]:
    """Return what the sets came to out of fold; shares are None where there was nothing to count."""
    decided = sets.decided > 0
    right = (p > 0.5) == (up > 0)
    return {
        "outside": float(sets.outside.mean()) if len(p) else None,
        "decided": float(decided.mean()) if len(p) else None,
        "right_where_decided": float(right[decided].mean()) if decided.any() else None,
        "levels": {regime.name.lower(): level for regime, level in levels.items()},
    }


def coverage(predictions: Mapping[str, np.ndarray], params: ConformalParams) -> dict[str, dict[str, Any]]:
    """Return how often the labels of out-of-fold rows lay in their sets, of all rows and regime by regime.

    Parameters
    ----------
    predictions : mapping of str to array
        `regime`, `decided` and `outside`, as training stored them.

    Returns
    -------
    dict
        By `all` and the regimes' names: `rows`, the share `covered` of labels in their sets, the `target` it should
        reach, and the share `abstained` of rows whose sets hold both classes; shares are None without rows.
    """
    regimes, told = predictions["regime"], dict[str, dict[str, Any]]()
    parts = {"all": np.ones(len(regimes), dtype=np.bool_), **{one.name.lower(): regimes == one for one in REGIMES}}
    for name, own in parts.items():
        shares = [
            1.0 - float(predictions[column][own].mean()) if own.any() else None for column in ("outside", "decided")
        ]
        told[name] = {"rows": int(own.sum()), "target": 1.0 - params.error}
        told[name] |= dict(zip(("covered", "abstained"), shares, strict=True))
    return told
