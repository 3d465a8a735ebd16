"""From a training table to the model that trades: learners, calibration, thresholds."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.monitor import open_band
from forest.batch import predict_batch
from forest.flat import empty
from market.errors import NotEnoughData
from market.types import Regime
from models.calibration import Calibration, fit_calibration
from models.learners import Fitted, LearnerParams, fit
from models.training_table import TrainingTable
from trading.agent_inputs import resolve_inputs
from trading.model import KNOTS, Model
from trading.policy import StrategyParams
from trading.usual import open_usual

REGIMES = (Regime.TREND_UP, Regime.TREND_DOWN, Regime.RANGE)  # the row order of calibrations


@dataclass(frozen=True)
class Learned:
    """What training found per regime; a regime that is missing holds, for the reason given.

    Parameters
    ----------
    fitted : mapping of Regime to Fitted
    calibrations : mapping of Regime to Calibration
        For the same regimes.
    missing : mapping of Regime to str
        Why the others have no model.
    """

    fitted: Mapping[Regime, Fitted]
    calibrations: Mapping[Regime, Calibration]
    missing: Mapping[Regime, str]


def fit_regimes(table: TrainingTable, learners: LearnerParams) -> tuple[dict[Regime, Fitted], dict[Regime, str]]:
    """Train the lead learner of each regime on its own rows."""
    fitted: dict[Regime, Fitted] = {}
    missing: dict[Regime, str] = {}
    for regime in REGIMES:
        own = table.select(table.regime == regime)
        outcome = fit(regime, own.rows, own.target(), own.weight, learners)
        if isinstance(outcome, Fitted):
            fitted[regime] = outcome
        else:
            missing[regime] = outcome.reason
    return fitted, missing


def raw_scores(fitted: Mapping[Regime, Fitted], table: TrainingTable) -> np.ndarray:
    """Return each row's raw score by its regime's learner, f8[n]; NaN where the regime has none."""
    scores = np.full(len(table.rows), np.nan)
    for regime, one in fitted.items():
        own = table.regime == regime
        out = np.zeros(int(own.sum()))
        predict_batch(one.flat, np.ascontiguousarray(table.rows[own]), out)
        scores[own] = out
    return scores


def calibrate(scores: np.ndarray, table: TrainingTable) -> tuple[dict[Regime, Calibration], dict[Regime, str]]:
    """Fit one calibration per regime on scores the learners have not been fitted on."""
    found: dict[Regime, Calibration] = {}
    missing: dict[Regime, str] = {}
    for regime in REGIMES:
        own = (table.regime == regime) & np.isfinite(scores)
        try:
            found[regime] = fit_calibration(scores[own], table.target()[own], table.weight[own], KNOTS)
        except NotEnoughData as error:
            missing[regime] = str(error)
    return found, missing


def learn(
    fitted: Mapping[Regime, Fitted], calibrations: Mapping[Regime, Calibration], missing: Mapping[Regime, str]
) -> Learned:
    """Keep the regimes that have both a learner and a calibration."""
    both = [regime for regime in REGIMES if regime in fitted and regime in calibrations]
    return Learned({r: fitted[r] for r in both}, {r: calibrations[r] for r in both}, dict(missing))


def probabilities(learned: Learned, table: TrainingTable) -> np.ndarray:
    """Return the calibrated probability of 'up' per row, f8[n]; NaN where the regime has no model."""
    scores = raw_scores(learned.fitted, table)
    out = np.full(len(scores), np.nan)
    for regime, calibration in learned.calibrations.items():
        own = table.regime == regime
        out[own] = calibration.probability(scores[own])
    return out


def assemble(learned: Learned, columns: tuple[str, ...], agents: tuple[str, ...], strategy: StrategyParams) -> Model:
    """Return the arrays that the compiled path reads."""
    up, down, range_ = (learned.fitted[regime].flat if regime in learned.fitted else empty() for regime in REGIMES)
    x = np.tile(np.linspace(0.0, 1.0, KNOTS), (len(REGIMES), 1))
    p = np.full_like(x, 0.5)
    for index, regime in enumerate(REGIMES):
        if regime in learned.calibrations:
            x[index], p[index] = learned.calibrations[regime].x, learned.calibrations[regime].p
    inputs = resolve_inputs(columns, agents, strategy.order_flow_gate)
    return Model(up, down, range_, x, p, inputs, strategy.record(), open_band(len(columns)), open_usual())
