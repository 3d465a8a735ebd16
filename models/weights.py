"""Sample weights: labels that share bars share their weight, and old sessions fade.

Average uniqueness is López de Prado, Advances in Financial Machine Learning, ch. 4: with c_t labels alive at bar
t, the uniqueness of a label is the mean of 1/c_t over its bars.
"""

import math

import numpy as np

from market.errors import ConfigError, DataError
from market.kernel import kernel


def average_uniqueness(start_row: np.ndarray, end_row: np.ndarray) -> np.ndarray:
    """Return the average uniqueness, in (0, 1], of the closed intervals [start_row, end_row] (i8[n] each).

    An interval that ends before it starts, or starts below zero, is no label: it crowds nobody and gets 0.
    """
    out = np.zeros(start_row.size)
    _write_uniqueness(start_row, end_row, np.zeros(max(0, end_row.max(initial=-1) + 1) + 1, dtype=np.int64), out)
    return out


@kernel
def _write_uniqueness(start_row: np.ndarray, end_row: np.ndarray, alive: np.ndarray, out: np.ndarray) -> None:
    """Count in `alive` the labels at each bar, and write what each label has of its bars."""
    count = start_row.size
    for i in range(count):
        if 0 <= start_row[i] <= end_row[i]:
            alive[start_row[i]] += 1
            alive[end_row[i] + 1] -= 1
    for bar in range(1, alive.size):
        alive[bar] += alive[bar - 1]
    for i in range(count):
        if 0 <= start_row[i] <= end_row[i]:
            total = 0.0
            for bar in range(start_row[i], end_row[i] + 1):
                total += 1.0 / alive[bar]
            out[i] = total / (end_row[i] - start_row[i] + 1)


def time_decay(session: np.ndarray, half_life_sessions: float = math.inf) -> np.ndarray:
    """Return weights that halve every `half_life_sessions` sessions before the newest, f8[n] in (0, 1].

    Age counts sessions present, not calendar days. An infinite half life gives ones.
    """
    if not half_life_sessions > 0:
        raise ConfigError(
            f"weights: expected a half life above 0 sessions, found {half_life_sessions}; "
            "correct learners.half_life_sessions in params.yaml"
        )
    numbers, position = np.unique(session, return_inverse=True)
    age = len(numbers) - 1 - position
    return np.asarray(0.5 ** (age / half_life_sessions), dtype=np.float64)


def sample_weights(labels: np.ndarray, session: np.ndarray, half_life_sessions: float = math.inf) -> np.ndarray:
    """Return uniqueness times decay of LABEL records, f8[n] in [0, 1].

    Only rows that can be trained on (label not 0, return not NaN) crowd each other; every other row gets 0.
    The result holds no NaN. Labels never leave their session, so a weight depends on its own session's labels and
    not on another fold's; for the same reason there is no common scale: a fit scales the weights of its own rows.
    """
    if len(labels) != len(session):
        raise DataError(f"weights: expected one session number per label, found {len(session)} for {len(labels)}")
    trains = (labels["label"] != 0) & np.isfinite(labels["ret_ticks"])
    end_row = np.where(trains, labels["end_row"], -1)
    return np.asarray(average_uniqueness(np.array(labels["row"]), end_row) * time_decay(session, half_life_sessions))
