"""Drift of inputs: have the features' distributions moved since training, in level or in spread?

On many rows every test rejects, and rows of one session depend on each other, so a p-value that counts rows lies.
What a window of sessions does while nothing changes is therefore measured by drawing whole sessions of the reference.

- A *feature* drifts if all of these say so: the Kolmogorov-Smirnov distance beside that of the draws
  (Benjamini-Hochberg over the features), the size of the effect (PSI), and the bands of PSI and Wasserstein distance.
- The *inputs* drift if the features, on average over all of them, are farther from where they were than in the draws. A
  third of the features that moved a little together are found so, though no single one could be told from chance; and
  as the average is taken in each draw, features that always move together count as what they are, one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from models.false_discovery import benjamini_hochberg
from models.histograms import ks, location_and_spread, normal_scores, psi, wasserstein
from models.reference import Reference
from models.session_blocks import draw_windows

DRAWS, SEED = 400, 7
# Of the absolute value of a standard normal variable: sqrt(2 / pi).
_MEAN_OF_SIZE = 0.7978845608028654


class Moved(StrEnum):
    """What of a distribution moved most."""

    MEAN = "mean"
    VARIANCE = "variance"


@dataclass(frozen=True)
class InputLimits:
    """When a feature counts as drifted.

    Parameters
    ----------
    psi_limit : float
        Least PSI; 0.25 is the usual mark of a major shift.
    false_discovery_rate : float
        Of the Benjamini-Hochberg procedure, in (0, 1).
    band : float
        Quantile of the draws beyond which PSI and Wasserstein distance must lie, in (0, 1).
    """

    psi_limit: float = 0.25
    false_discovery_rate: float = 0.01
    band: float = 0.99


@dataclass(frozen=True)
class FeatureDrift:
    """How far one feature moved.

    Parameters
    ----------
    psi, wasserstein, ks : float
        Distances from the reference; the second in standard deviations of the feature.
    psi_band, wasserstein_band : float
        What they stay below while nothing changes.
    p_value : float
        Of the Kolmogorov-Smirnov test.
    moved : Moved
    drifted : bool
    """

    name: str
    psi: float
    psi_band: float
    wasserstein: float
    wasserstein_band: float
    ks: float
    p_value: float
    moved: Moved
    drifted: bool


@dataclass(frozen=True)
class InputShift:
    """How far the features moved together.

    Parameters
    ----------
    size : float
        Mean over the features of what each moved by, in deviations of what it does while nothing changes.
    p_value : float
        One-sided.
    """

    size: float
    p_value: float


@dataclass(frozen=True)
class Usual:
    """How far windows of the reference are from the rest of it.

    Parameters
    ----------
    scale : f8[columns]
        Standard deviation of each feature's move.
    mean, deviation : float
        Of the logarithm of the mean size, over the draws.
    freedom : float
        How many independent windows the reference holds, less one.
    """

    scale: np.ndarray
    mean: float
    deviation: float
    freedom: float

    @classmethod
    def of(cls, moves: np.ndarray, windows: float) -> "Usual":
        """Measure the moves of the draws, f8[draws, columns]."""
        scale = np.maximum(np.nanstd(moves, axis=0), 1e-6)
        sizes = np.log(np.nanmean(np.abs(moves) / scale, axis=1))
        return cls(scale, float(sizes.mean()), float(sizes.std()), max(windows - 1, 2.0))

    def judge(self, moves: np.ndarray) -> InputShift:
        """Judge how far the features moved, f8[columns]."""
        from scipy.stats import t

        size = float(np.nanmean(np.abs(moves) / self.scale))
        return InputShift(size, float(t.sf((np.log(size) - self.mean) / max(self.deviation, 1e-6), self.freedom)))


@dataclass(frozen=True)
class InputBaseline:
    """The features of a reference, and what windows of its sessions do while nothing changes.

    Parameters
    ----------
    counts, scores, centres : [columns, bins]
        Of all its sessions together, with each bin's normal score and centre.
    psi, wasserstein : f8[columns]
        Upper baseline.
    ks : f8[columns]
        Mean distance.
    level, spread : Usual
        Of the mean of normal scores, and of the logarithm of their deviation.
    """

    counts: np.ndarray
    scores: np.ndarray
    centres: np.ndarray
    psi: np.ndarray
    wasserstein: np.ndarray
    ks: np.ndarray
    level: Usual
    spread: Usual


def input_baseline(reference: Reference, window: int, band: float) -> InputBaseline:
    """Measure what windows of so many consecutive sessions do beside the rest of the reference.

    Raises
    ------
    NotEnoughData
        The reference has fewer than three windows.
    """
    counts = reference.sessions.counts
    draws = draw_windows(len(counts), window, DRAWS, SEED)
    flat = counts.reshape(len(counts), -1)
    now, rest = ((drawn @ flat).reshape(DRAWS, *counts.shape[1:]) for drawn in (draws.window, draws.rest))
    whole = counts.sum(axis=0)
    scores = normal_scores(whole)
    level, spread = _moves(rest, now, scores)
    windows = len(counts) / window
    return InputBaseline(
        counts=whole,
        scores=scores,
        centres=reference.centres,
        psi=np.nanquantile(psi(rest, now), band, axis=0),
        wasserstein=np.nanquantile(wasserstein(rest, now, reference.centres), band, axis=0),
        ks=np.maximum(np.nanmean(ks(rest, now), axis=0), 1e-9),
        level=Usual.of(level, windows),
        spread=Usual.of(spread, windows),
    )


def input_shifts(baseline: InputBaseline, current: np.ndarray) -> dict[Moved, InputShift]:
    """Return how far the features' levels and spreads moved together; `current` is i8[columns, bins]."""
    level, spread = _moves(baseline.counts, current, baseline.scores)
    return {Moved.MEAN: baseline.level.judge(level), Moved.VARIANCE: baseline.spread.judge(spread)}


def input_drift(
    columns: Sequence[str], baseline: InputBaseline, current: np.ndarray, limits: InputLimits
) -> list[FeatureDrift]:
    """Compare the rows of some sessions, counted in the reference's bins, with the reference, in column order.

    Parameters
    ----------
    current : i8[columns, bins]

    Returns
    -------
    list of FeatureDrift
        A feature without a finite value has NaN distances and has drifted, with a p-value of 0.
    """
    from scipy.stats import t

    distance, index = ks(baseline.counts, current), psi(baseline.counts, current)
    moved_by = wasserstein(baseline.counts, current, baseline.centres)
    # Where sessions vary rather than rows, the distance is as the size of a normal variable, whose tail is heavier.
    p_values = 2 * t.sf(_MEAN_OF_SIZE * distance / baseline.ks, baseline.level.freedom)
    p_values = np.where(np.isnan(distance), 0.0, p_values)
    rejected = benjamini_hochberg(p_values, limits.false_discovery_rate)
    large = (index >= limits.psi_limit) & (index > baseline.psi) & (moved_by > baseline.wasserstein)
    drifted = rejected & (large | np.isnan(distance))
    kinds = _what_moved(baseline, current)
    return [
        FeatureDrift(
            name=name,
            psi=float(index[at]),
            psi_band=float(baseline.psi[at]),
            wasserstein=float(moved_by[at]),
            wasserstein_band=float(baseline.wasserstein[at]),
            ks=float(distance[at]),
            p_value=float(p_values[at]),
            moved=kinds[at],
            drifted=bool(drifted[at]),
        )
        for at, name in enumerate(columns)
    ]


def _what_moved(baseline: InputBaseline, current: np.ndarray) -> list[Moved]:
    """Say whether the level or the spread moved by more of what it does while nothing changes."""
    level, spread = _moves(baseline.counts, current, baseline.scores)
    wider = np.abs(spread) / baseline.spread.scale > np.abs(level) / baseline.level.scale
    return [Moved.VARIANCE if one else Moved.MEAN for one in wider]


def _moves(before: np.ndarray, now: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much the mean of the scores and the logarithm of their deviation moved, of counts [..., bins]."""
    (old, old_spread), (new, new_spread) = (location_and_spread(counts, scores) for counts in (before, now))
    return new - old, np.log(np.maximum(new_spread, 1e-6) / np.maximum(old_spread, 1e-6))
