"""Distances between distributions that are known as counts in bins.

Bins are [edge, next edge) with the outer ones open; their edges are quantiles of the reference, finer in the tails,
where a change of spread shows. Counts are all that a comparison needs, so they can travel with a model.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from market.errors import NotEnoughData

LEVELS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99)
BINS = len(LEVELS) + 1
# An empty bin counts as this share, on either side, so that PSI stays finite.
EMPTY_SHARE = 1e-4


def quantile_edges(values: np.ndarray, levels: Sequence[float] = LEVELS) -> np.ndarray:
    """Return the edges of quantile bins of a column, f8[levels], rising; values that are not finite are left out.

    Equal quantiles merge, and a column that is (almost) constant gets three bins: below, equal, above. Edges that are
    not needed are infinite.

    Raises
    ------
    NotEnoughData
        No value is finite.
    """
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    if not found.size:
        raise NotEnoughData(f"histogram: expected finite values, found none of {len(values)}; check the feed")
    edges = np.unique(np.quantile(found, levels))
    if len(edges) == 1 and len(levels) > 1:
        edges = np.array([edges[0], np.nextafter(edges[0], np.inf)])
    return np.append(edges, np.full(len(levels) - len(edges), np.inf))


def count_values(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return how many finite values fall in each bin, i8[bins]."""
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    return np.bincount(np.searchsorted(edges, found, side="right"), minlength=len(edges) + 1)


def shares(counts: np.ndarray) -> np.ndarray:
    """Return counts as shares of their last axis, f8[..., bins]; NaN where nothing was counted."""
    total = counts.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0))


def psi(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Return the population stability index, Σ (c − r)·ln(c / r) over bins, ≥ 0, of counts [..., bins].

    A share below 1e-4 counts as 1e-4. NaN where a side has no value.
    """
    r, c = (np.maximum(shares(counts), EMPTY_SHARE) for counts in (reference, current))
    return np.asarray(np.sum((c - r) * np.log(c / r), axis=-1))


def ks(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Return the Kolmogorov-Smirnov distance at the edges, in [0, 1]; NaN where a side has no value."""
    return np.asarray(np.max(np.abs(_gaps(reference, current)), axis=-1))


def wasserstein(reference: np.ndarray, current: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the first Wasserstein distance if each value stood at the centre of its bin, in the centres' unit.

    A value beyond the outer edges counts as the outer centre, so the distance is told too small rather than too large.
    """
    return np.asarray(np.sum(np.abs(_gaps(reference, current)[..., :-1]) * np.diff(centres, axis=-1), axis=-1))


def _gaps(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    return np.asarray(np.cumsum(shares(reference), axis=-1) - np.cumsum(shares(current), axis=-1))


def normal_scores(reference: np.ndarray) -> np.ndarray:
    """Return the normal score of the middle rank of each bin of the reference, f8[..., bins], within ±4.8."""
    share = shares(reference)
    middle = np.clip(np.cumsum(share, axis=-1) - share / 2, 1e-6, 1 - 1e-6)
    return np.asarray(np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])(middle))


def location_and_spread(counts: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of counts [..., bins] on a scale of scores, each [...].

    On the reference's normal scores they are 0 and nearly 1 for the reference, and no tail can carry them away.
    """
    share = shares(counts)
    location = np.sum(share * scores, axis=-1)
    return location, np.sqrt(np.sum(share * (scores - location[..., None]) ** 2, axis=-1))
