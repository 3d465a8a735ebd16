"""Which features the models lean on."""

from collections.abc import Sequence

import numpy as np

from forest.batch import predict_batch
from forest.flat import FlatForest
from market.errors import DataError, NotEnoughData
from models.learners import Fitted


def merged_importance(fitted: Sequence[Fitted]) -> np.ndarray:
    """Return the gain importance over all regimes, f8[columns], each weighed by its training rows, summing to 1.

    Zeros where no learner split on anything.

    Raises
    ------
    NotEnoughData
        No learner was fitted.
    """
    if not fitted:
        raise NotEnoughData("importance: no regime has a learner; add sessions")
    merged = np.asarray(sum(one.rows * one.importance for one in fitted), dtype=np.float64)
    total = merged.sum()
    return merged / total if total > 0 else merged


def area_under_curve(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the chance that an up row scores above a down row, ties counting half (Mann-Whitney)."""
    from scipy.stats import rankdata

    up = np.asarray(labels) == 1
    ups, downs = int(up.sum()), int((~up).sum())
    if not ups or not downs:
        raise NotEnoughData("importance: expected held-out rows of both classes")
    return float((rankdata(scores)[up].sum() - ups * (ups + 1) / 2) / (ups * downs))


def permutation_importance(
    flat: FlatForest, rows: np.ndarray, labels: np.ndarray, seed: int, repeats: int = 3
) -> np.ndarray:
    """Return the mean loss of area under the curve when a column is shuffled, f8[columns].

    Near 0 (or below, by chance) for a column the model does not need. Rank based, so it needs no calibration.

    Parameters
    ----------
    rows : f4[n, columns]
        Held-out rows.
    labels : i8[n]
        1 up, 0 down.
    seed : int
        Of the shuffles.
    """
    if len(rows) != len(labels):
        raise DataError(f"importance: expected one label per row, found {len(labels)} for {len(rows)}")
    random = np.random.default_rng(seed)
    whole = area_under_curve(_scores(flat, np.ascontiguousarray(rows)), labels)
    losses = np.zeros(rows.shape[1])
    shuffled = np.array(rows, dtype=np.float32)
    for column in range(rows.shape[1]):
        for _ in range(repeats):
            shuffled[:, column] = random.permutation(rows[:, column])
            losses[column] += (whole - area_under_curve(_scores(flat, shuffled), labels)) / repeats
        shuffled[:, column] = rows[:, column]
    return losses


def _scores(flat: FlatForest, rows: np.ndarray) -> np.ndarray:
    out = np.zeros(len(rows))
    predict_batch(flat, rows, out)
    return out
