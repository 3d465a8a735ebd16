"""From a training table to the model that trades: learners, their blend, calibration."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from features.monitor import open_band
from forest.flat import ForestKind, empty
from market.errors import NotEnoughData
from market.types import Regime
from models.blend import fit_blend
from models.calibration import Calibration, fit_calibration
from models.conformal import nonconformity
from models.learners import Fitted, LearnerParams, Sample, fit
from models.training_table import TrainingTable
from registry.bundle import REGIMES
from trading.agent_inputs import resolve_inputs
from trading.blend import Blend, blend_rows, member_probabilities, pack_blends
from trading.model import KNOTS, Model
from trading.policy import StrategyParams
from trading.usual import open_usual


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
    nonconformity : mapping of Regime to f8[rows]
        How far the model leaned away from what happened, in the rows it was calibrated on (`models.conformal`).
    """

    fitted: Mapping[Regime, Fitted]
    calibrations: Mapping[Regime, Calibration]
    missing: Mapping[Regime, str]
    nonconformity: Mapping[Regime, np.ndarray] = field(default_factory=dict)


def fit_regimes(
    table: TrainingTable, learners: LearnerParams, kinds: Mapping[Regime, Collection[ForestKind]] | None = None
) -> tuple[dict[Regime, Fitted], dict[Regime, str]]:
    """Train the learners of each regime on its own rows: all of them, or those named."""
    fitted: dict[Regime, Fitted] = {}
    missing: dict[Regime, str] = {}
    for regime in REGIMES:
        own = table.select(table.regime == regime)
        chosen = tuple(ForestKind) if kinds is None else kinds.get(regime, ())
        outcome = fit(regime, Sample(own.columns, own.rows, own.target(), own.weight), learners, chosen)
        if isinstance(outcome, Fitted):
            fitted[regime] = outcome
        else:
            missing[regime] = outcome.reason
    return fitted, missing


def ask_members(fitted: Mapping[Regime, Fitted], table: TrainingTable) -> np.ndarray:
    """Return what each learner of a row's regime gives it, f8[n, 3] by `ForestKind`; NaN where there is none."""
    asked = np.full((len(table.rows), len(ForestKind)), np.nan)
    for regime, one in fitted.items():
        own = table.regime == regime
        rows, out = np.ascontiguousarray(table.rows[own]), np.zeros(int(own.sum()))
        for kind, member in one.members.items():
            member_probabilities(member.flat, rows, out)
            asked[own, kind - 1] = out
    return asked


def fit_blends(members: np.ndarray, table: TrainingTable) -> dict[Regime, np.ndarray]:
    """Fit the weights of each regime on what its learners gave to rows they have not been fitted on."""
    found: dict[Regime, np.ndarray] = {}
    for regime in REGIMES:
        own = (table.regime == regime) & np.isfinite(members).all(axis=1)
        found[regime] = fit_blend(regime, members[own], table.target()[own], table.weight[own], table.spans[own])
    return found


def blend_members(weights: Mapping[Regime, np.ndarray], members: np.ndarray, table: TrainingTable) -> np.ndarray:
    """Return the blended probability of each row, f8[n], as the compiled path adds it up."""
    blended = np.full(len(members), np.nan)
    for regime, shares in weights.items():
        own = table.regime == regime
        out = np.zeros(int(own.sum()))
        blend_rows(shares, members[own], out)
        blended[own] = out
    return blended


def calibrate(scores: np.ndarray, table: TrainingTable) -> tuple[dict[Regime, Calibration], dict[Regime, str]]:
    """Fit one calibration per regime on blended probabilities of rows the learners have not been fitted on."""
    found: dict[Regime, Calibration] = {}
    missing: dict[Regime, str] = {}
    for regime in REGIMES:
        own = (table.regime == regime) & np.isfinite(scores)
        try:
            found[regime] = fit_calibration(
                scores[own], table.target()[own], table.weight[own], table.spans[own], KNOTS
            )
        except NotEnoughData as error:
            missing[regime] = str(error)
    return found, missing


def learn(
    fitted: Mapping[Regime, Fitted],
    weights: Mapping[Regime, np.ndarray],
    calibrations: Mapping[Regime, Calibration],
    missing: Mapping[Regime, str],
) -> Learned:
    """Keep the regimes that have both learners and a calibration, and weigh their learners."""
    both = [regime for regime in REGIMES if regime in fitted and regime in calibrations]
    weighed = {regime: replace(fitted[regime], weights=weights[regime]) for regime in both}
    return Learned(weighed, {regime: calibrations[regime] for regime in both}, dict(missing))


def probabilities(learned: Learned, members: np.ndarray, table: TrainingTable) -> np.ndarray:
    """Return the calibrated probability of 'up' per row, f8[n]; NaN where the regime has no model.

    Parameters
    ----------
    members : f8[n, 3]
        From `ask_members`.
    """
    blended = blend_members({regime: one.weights for regime, one in learned.fitted.items()}, members, table)
    out = np.full(len(blended), np.nan)
    for regime, calibration in learned.calibrations.items():
        own = table.regime == regime
        out[own] = calibration.probability(blended[own])
    return out


def with_nonconformity(learned: Learned, members: np.ndarray, table: TrainingTable) -> Learned:
    """Return the model with its nonconformity in the rows of a table, those it was calibrated on."""
    p = probabilities(learned, members, table)
    own = {regime: (table.regime == regime) & np.isfinite(p) for regime in learned.calibrations}
    leaned = {regime: nonconformity(p[rows], table.target()[rows]) for regime, rows in own.items()}
    return replace(learned, nonconformity=leaned)


def assemble(learned: Learned, columns: tuple[str, ...], agents: tuple[str, ...], strategy: StrategyParams) -> Model:
    """Return the arrays that the compiled path reads."""
    none = Blend((empty(), empty(), empty()), np.zeros(len(ForestKind)))
    blends = [learned.fitted[regime].blend() if regime in learned.fitted else none for regime in REGIMES]
    x = np.tile(np.linspace(0.0, 1.0, KNOTS), (len(REGIMES), 1))
    p = np.full_like(x, 0.5)
    for index, regime in enumerate(REGIMES):
        if regime in learned.calibrations:
            x[index], p[index] = learned.calibrations[regime].x, learned.calibrations[regime].p
    inputs = resolve_inputs(columns, agents, strategy.order_flow_gate)
    return Model(pack_blends(blends), x, p, inputs, strategy.record(), open_band(len(columns)), open_usual())
