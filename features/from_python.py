"""One call from Python for an event and its row, for notebooks and feeds that are not compiled.

Handing over a named tuple and a record costs more than the work itself: plain arrays cost a third of it.
"""

import numpy as np

from features.pipeline import snapshot, update_event
from features.state import FeatureState
from market.kernel import kernel
from market.types import EVENT

WORDS = EVENT.itemsize // 8


def as_words(events: np.ndarray) -> np.ndarray:
    """Return EVENT records as int64, shape (n, 8), over the same memory."""
    return np.ascontiguousarray(events).view(np.int64).reshape(-1, WORDS)


@kernel
def row_after(
    floats: np.ndarray, ints: np.ndarray, columns: np.ndarray, scratch: np.ndarray, event: np.ndarray, row: np.ndarray
) -> int:
    """Take one event and write the row of the moment after it.

    Parameters
    ----------
    floats, ints, columns, scratch : ndarray
        The arrays of a `features.state.FeatureState`, in its order.
    event : ndarray of int64, shape (8,)
        A row of `as_words`.
    row : ndarray of float32, shape (columns,)
        Filled in schema order.

    Returns
    -------
    int
        How many values are not finite.
    """
    state = FeatureState(floats, ints, columns, scratch)
    update_event(state, event.view(EVENT)[0])
    return snapshot(state, row)
