"""Ask a model about many rows, with the machine code that trades."""

import numpy as np

from market.kernel import kernel
from trading.model import Model, score_probability


def score_rows(model: Model, regime: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the calibrated probability of up for each row, f8[n]; NaN where the regime has no model.

    Parameters
    ----------
    model : Model
    regime : u1[n]
        Picks the forest.
    rows : f4[n, columns]
        In schema order.
    """
    out = np.zeros(len(rows))
    _score_rows(model, np.asarray(regime, dtype=np.int64), np.ascontiguousarray(rows, dtype=np.float32), out)
    return out


@kernel
def _score_rows(model: Model, regime: np.ndarray, rows: np.ndarray, out: np.ndarray) -> None:
    for place in range(rows.shape[0]):
        out[place] = score_probability(model, regime[place], rows[place])
