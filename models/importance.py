"""Which features the models lean on."""

from collections.abc import Callable, Sequence

import numpy as np

from market.errors import DataError, NotEnoughData
from models.learners import Fitted

Probability = Callable[[np.ndarray], np.ndarray]
_FLOOR = 1e-15  # as scikit-learn clips float64 probabilities, about


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


def log_loss(probability: np.ndarray, up: np.ndarray) -> float:
    """Return the mean of -ln of the probability given to what happened; NaN without rows."""
    if not len(up):
        return float("nan")
    sure = np.clip(np.where(np.asarray(up) == 1, probability, 1.0 - probability), _FLOOR, 1.0)
    return float(-np.log(sure).mean())


def permutation_importance(
    probability: Probability, rows: np.ndarray, up: np.ndarray, session: np.ndarray, seed: int, repeats: int = 3
) -> np.ndarray:
    """Return by how much the log loss grows when a column's sessions change places, f8[columns].

    Near 0, or below by chance, for a column the model does not need. Neighbouring rows are alike, and so are what they
    hold: to shuffle single rows would make values that no session ever showed. So whole sessions change places (M.
    López de Prado, "Advances in Financial Machine Learning" (2018), 8.3, on rows of the test folds).

    Parameters
    ----------
    probability : callable
        From rows to the probability of up.
    rows : f4[n, columns]
        Held-out rows, in order of time.
    up : i8[n]
        1 up, 0 down.
    session : i8[n]
        The session of each row.
    seed : int
        Of the shuffles.

    Raises
    ------
    DataError
        If there is not one label and one session per row.
    """
    if not len(rows) == len(up) == len(session):
        found = f"{len(up)} and {len(session)} for {len(rows)}"
        raise DataError(f"importance: expected one label and one session per row, found {found}")
    random, places = np.random.default_rng(seed), [np.flatnonzero(session == one) for one in np.unique(session)]
    whole, losses = log_loss(probability(rows), up), np.zeros(rows.shape[1])
    shuffled = np.array(rows, dtype=np.float32)
    for column in range(rows.shape[1]):
        for _ in range(repeats):
            order = np.concatenate([places[one] for one in random.permutation(len(places))])
            shuffled[:, column] = rows[order, column]
            losses[column] += (log_loss(probability(shuffled), up) - whole) / repeats
        shuffled[:, column] = rows[:, column]
    return losses
