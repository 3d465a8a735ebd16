"""Drift of inputs: has a feature's distribution moved since the model was trained?

On many rows every test rejects, so a feature drifts only if both the test (Kolmogorov-Smirnov, with
Benjamini-Hochberg over the features) and the size of the effect (PSI) say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from market.errors import ConfigError, DataError, NotEnoughData

# An empty bin counts as this share, on either side, so that PSI stays finite.
EMPTY_SHARE = 1e-4


@dataclass(frozen=True)
class DriftLimits:
    """When a feature counts as drifted.

    Parameters
    ----------
    psi_limit : float
        Least PSI; 0.25 is the usual mark of a major shift.
    false_discovery_rate : float
        Of the Benjamini-Hochberg procedure, in (0, 1).
    bins : int
        Quantile bins of the reference.
    sample_rows : int
        Rows, spread evenly over each side, that are looked at: a budget on time and on the test's power.
    """

    psi_limit: float = 0.25
    false_discovery_rate: float = 0.05
    bins: int = 10
    sample_rows: int = 20_000

    def __post_init__(self) -> None:
        if not (self.psi_limit > 0 and 0 < self.false_discovery_rate < 1 and self.bins >= 2 and self.sample_rows >= 2):
            raise ConfigError(
                "drift: expected psi_limit > 0, false_discovery_rate in (0, 1), bins >= 2 and sample_rows >= 2, "
                f"found {self}"
            )


@dataclass(frozen=True)
class FeatureDrift:
    """How far one feature moved."""

    name: str
    psi: float
    ks: float
    p_value: float
    drifted: bool


def _finite(values: np.ndarray, side: str) -> np.ndarray:
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    if not found.size:
        raise NotEnoughData(f"drift: expected finite {side} values, found none of {len(values)}")
    return found


def psi(reference: np.ndarray, current: np.ndarray, bins: int = 10) -> float:
    """Return the population stability index, Σ (c − r)·ln(c / r) over quantile bins of the reference, ≥ 0.

    Bins are [edge, next edge) with the outer ones open; equal quantiles merge, and a reference that is (almost)
    constant gets three bins: below, equal, above. A share below 1e-4 counts as 1e-4. Values that are not finite are
    left out.

    Raises
    ------
    NotEnoughData
        A side has no finite value.
    """
    before, now = _finite(reference, "reference"), _finite(current, "current")
    edges = np.unique(np.quantile(before, np.arange(1, bins) / bins))
    if len(edges) == 1:
        edges = np.array([edges[0], np.nextafter(edges[0], np.inf)])
    r, c = (np.maximum(_shares(values, edges), EMPTY_SHARE) for values in (before, now))
    return float(np.sum((c - r) * np.log(c / r)))


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    places = np.searchsorted(edges, values, side="right")
    return np.bincount(places, minlength=len(edges) + 1) / len(values)


def ks(reference: np.ndarray, current: np.ndarray) -> tuple[float, float]:
    """Return the two-sample Kolmogorov-Smirnov statistic and its asymptotic p-value; errors as `psi`.

    Rows of one session depend on each other, so the p-value is too small; `drift_table` also asks for an effect.
    """
    from scipy.stats import ks_2samp

    found = ks_2samp(_finite(reference, "reference"), _finite(current, "current"), method="asymp")
    return float(found.statistic), float(found.pvalue)


def benjamini_hochberg(p_values: np.ndarray, false_discovery_rate: float) -> np.ndarray:
    """Return which hypotheses are rejected, bool[n] (Benjamini & Hochberg 1995)."""
    order = np.argsort(p_values, kind="stable")
    below = p_values[order] <= false_discovery_rate * np.arange(1, len(p_values) + 1) / len(p_values)
    rejected = np.zeros(len(p_values), dtype=bool)
    if below.any():
        rejected[order[: int(np.flatnonzero(below)[-1]) + 1]] = True
    return rejected


def _sample(rows: np.ndarray, limit: int) -> np.ndarray:
    if len(rows) <= limit:
        return rows
    return rows[np.linspace(0, len(rows) - 1, limit).astype(np.int64)]


def drift_table(
    columns: Sequence[str], reference: np.ndarray, current: np.ndarray, limits: DriftLimits
) -> list[FeatureDrift]:
    """Compare two sets of feature rows, column by column, in column order.

    Parameters
    ----------
    reference, current : f4[n, columns]
        Rows the model was trained on, and recent rows.

    Raises
    ------
    DataError
        The rows do not have one column per name.
    NotEnoughData
        A column has no finite value on one side; the message names it.
    """
    if not reference.shape[1:] == current.shape[1:] == (len(columns),):
        raise DataError(f"drift: expected {len(columns)} columns, found {reference.shape[1:]} and {current.shape[1:]}")
    before, now = _sample(reference, limits.sample_rows), _sample(current, limits.sample_rows)
    for index, name in enumerate(columns):
        if not (np.isfinite(before[:, index]).any() and np.isfinite(now[:, index]).any()):
            raise NotEnoughData(f"drift: {name} has no finite value on one side; check the feed it needs")
    effects = [psi(before[:, i], now[:, i], limits.bins) for i in range(len(columns))]
    tests = [ks(before[:, i], now[:, i]) for i in range(len(columns))]
    rejected = benjamini_hochberg(np.array([p for _, p in tests]), limits.false_discovery_rate)
    return [
        FeatureDrift(name, effect, statistic, p, bool(sure and effect >= limits.psi_limit))
        for name, effect, (statistic, p), sure in zip(columns, effects, tests, rejected, strict=True)
    ]
