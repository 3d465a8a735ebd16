"""What has drifted since a model was trained: its inputs, its labels, what they mean given the inputs, costs, results.

The unit of every test is the session: rows within one depend on each other.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from market.errors import ConfigError, NotEnoughData
from models.cusum import falling_sum
from models.input_drift import (
    FeatureDrift,
    InputBaseline,
    InputLimits,
    InputShift,
    Moved,
    input_baseline,
    input_drift,
    input_shifts,
)
from models.reference import Reference, Sessions
from models.session_shift import SESSIONS_MIN, Shift, session_shift

ROWS_MIN = 20  # of a session, below which its shares say nothing


class Cause(StrEnum):
    """What drifted; `docs/drift.md` says how each is found."""

    MEAN = "mean"  # the level of features
    VARIANCE = "variance"  # their spread
    CONCEPT = "concept"  # labels, given what the model says of the inputs
    LABEL = "label"  # the labels' shares, where neither inputs nor concept account for it
    COST = "cost"  # fees and slippage per contract
    PERFORMANCE = "performance"  # net results of the model


@dataclass(frozen=True)
class DriftLimits:
    """When something counts as drifted.

    Parameters
    ----------
    current_sessions : int
        Last sessions that are compared with the reference.
    psi_limit, false_discovery_rate, band : float
        Of features, as `InputLimits` has them.
    input_significance : float
        Most that the p-value of all features' move together may be.
    significance : float
        Most that the p-value of a session's number may be: label shares, calibration, costs.
    cost_rise : float
        Least rise of the cost per contract, as a share of the reference's.
    cusum_slack, cusum_limit : float
        Of the cumulative sum of results, in deviations of a session's; the slack also grows by the standard error of
        the reference's mean.
    flags, of_last : int
        A cause asks for retraining when so many of the last so many sessions show it.
    """

    current_sessions: int = 4
    psi_limit: float = 0.25
    false_discovery_rate: float = 0.01
    band: float = 0.99
    input_significance: float = 0.002
    significance: float = 0.001
    cost_rise: float = 0.2
    cusum_slack: float = 0.5
    cusum_limit: float = 6.0
    flags: int = 2
    of_last: int = 3

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        shares = (self.false_discovery_rate, self.band, self.input_significance, self.significance)
        positive = (self.psi_limit, self.cost_rise, self.cusum_slack, self.cusum_limit)
        counts = self.current_sessions >= 1 and 1 <= self.flags <= self.of_last
        if not (counts and min(positive) > 0 and all(0 < share < 1 for share in shares)):
            raise ConfigError(
                "drift: expected current_sessions >= 1, 1 <= flags <= of_last, psi_limit, cost_rise, cusum_slack and "
                "cusum_limit > 0, and false_discovery_rate, band, input_significance and significance in (0, 1), found "
                f"{self}; correct params.yaml"
            )

    @property
    def inputs(self) -> InputLimits:
        """Those of features."""
        return InputLimits(self.psi_limit, self.false_discovery_rate, self.band)


@dataclass(frozen=True)
class Judgement:
    """How the last sessions differ from the reference.

    Parameters
    ----------
    features : list of FeatureDrift
        In column order.
    inputs : mapping of Moved to InputShift
        Of all features together.
    shifts : mapping of str to Shift
        `up_share`, `decided_share`, `bias` and `slope` of the calibration, `cost` in R$ per contract.
    fall : float
        The cumulative sum of results, in deviations; NaN where they cannot be judged.
    causes : tuple of Cause
        What drifted, in the order of `Cause`.
    """

    features: list[FeatureDrift]
    inputs: Mapping[Moved, InputShift]
    shifts: Mapping[str, Shift]
    fall: float
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class Judge:
    """A reference with all that does not change from one session to the next.

    Parameters
    ----------
    columns : tuple of str
        Names of the features.
    """

    columns: tuple[str, ...]
    reference: Reference
    limits: DriftLimits
    baseline: InputBaseline

    @classmethod
    def of(cls, columns: Sequence[str], reference: Reference, limits: DriftLimits) -> "Judge":
        """Measure what the reference does while nothing changes; raises NotEnoughData where it is too short."""
        return cls(tuple(columns), reference, limits, input_baseline(reference, limits.current_sessions, limits.band))

    def judge(self, sessions: Sessions) -> Judgement:
        """Judge the last of some sessions after the reference; results are summed over all of them.

        Raises
        ------
        NotEnoughData
            There are fewer sessions than are compared.
        """
        limits = self.limits
        if len(sessions.session) < limits.current_sessions:
            raise NotEnoughData(
                f"drift: expected at least {limits.current_sessions} sessions after the reference, found "
                f"{len(sessions.session)}; collect more, or lower drift.current_sessions"
            )
        window = sessions.select(slice(-limits.current_sessions, None))
        counts = window.counts.sum(axis=0)
        features = input_drift(self.columns, self.baseline, counts, limits.inputs)
        inputs = input_shifts(self.baseline, counts)
        before, now = (session_numbers(one) for one in (self.reference.sessions, window))
        shifts = {name: session_shift(before[name], now[name]) for name in before}
        fall = self._fall(sessions)
        found = {
            **self._moved(features, inputs),
            **self._shifted(shifts),
            Cause.PERFORMANCE: fall >= limits.cusum_limit,
        }
        if found[Cause.MEAN] or found[Cause.VARIANCE] or found[Cause.CONCEPT]:
            found[Cause.LABEL] = False
        return Judgement(features, inputs, shifts, fall, tuple(cause for cause in Cause if found[cause]))

    def _fall(self, sessions: Sessions) -> float:
        earned, now = (part.results["net"] for part in (self.reference.sessions, sessions))
        earned, now = earned[np.isfinite(earned)], now[np.isfinite(now)]
        if len(earned) < SESSIONS_MIN or not len(now) or not earned.std() > 0:
            return math.nan
        slack = self.limits.cusum_slack + 1 / math.sqrt(len(earned))
        return float(falling_sum(now, float(earned.mean()), float(earned.std(ddof=1)), slack)[-1])

    def _moved(self, features: Sequence[FeatureDrift], inputs: Mapping[Moved, InputShift]) -> dict[Cause, bool]:
        """Name what most of the drifted features did, and what all of them did together."""
        kinds = [one.moved for one in features if one.drifted]
        together = {kind: shift.p_value <= self.limits.input_significance for kind, shift in inputs.items()}
        return {Cause(kind): 2 * kinds.count(kind) > len(kinds) or together[kind] for kind in Moved}

    def _shifted(self, shifts: Mapping[str, Shift]) -> dict[Cause, bool]:
        moved = {name: shift.p_value <= self.limits.significance for name, shift in shifts.items()}
        return {
            Cause.CONCEPT: moved["bias"] or moved["slope"],
            Cause.LABEL: moved["up_share"] or moved["decided_share"],
            Cause.COST: moved["cost"] and _risen(shifts["cost"], self.limits.cost_rise),
        }


def session_numbers(sessions: Sessions) -> dict[str, np.ndarray]:
    """Return what each session is judged by, f8[s] each; NaN where a session has too little to tell.

    `up_share` is that of the decided rows, `decided_share` that of the warm ones. `bias` is the mean of outcome minus
    probability; `slope` the covariance of that with the probability, 0 where confidence means what it says. `cost` is
    fees and slippage, R$ per contract.
    """
    down, undecided, up = sessions.labels.T.astype(np.float64)
    rows, said, went = np.moveaxis(sessions.calibration, 2, 0)
    count = rows.sum(axis=1)
    mean = _divide(said.sum(axis=1), count)
    away = _divide(said, rows, 0) - mean[:, None]
    results = sessions.results
    return {
        "up_share": _divide(up, down + up),
        "decided_share": _divide(down + up, down + undecided + up),
        "bias": _divide((went - said).sum(axis=1), count),
        "slope": _divide(np.sum(np.where(rows > 0, away, 0.0) * (went - said), axis=1), count),
        "cost": _divide(results["fees"] + results["slippage"], results["contracts"], 1),
    }


def _divide(above: np.ndarray, below: np.ndarray, least: int = ROWS_MIN) -> np.ndarray:
    enough = (below >= least) & (below > 0)
    return np.asarray(np.divide(above, below, out=np.full(np.shape(below), np.nan), where=enough))


def _risen(shift: Shift, rise: float) -> bool:
    return shift.current - shift.reference >= rise * abs(shift.reference)
