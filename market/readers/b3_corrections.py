"""Which trades of a session stand once the exchange has changed or cancelled some of them."""

import numpy as np

from market.readers.screen import Screen

NEW, CHANGED, CANCELLED = ACTIONS = (0, 1, 2)


def standing_trades(rows: np.ndarray) -> tuple[np.ndarray, Screen]:
    """Return the trades that stand, by time and number, and what could not be applied.

    Parameters
    ----------
    rows : ndarray
        One contract's session in the file's order, with fields line, ts_ns, number and action.

    Returns
    -------
    standing : ndarray
        Rows, a changed trade as its change tells it.
    screen : Screen
        Sets aside a second new trade of a number, and a change or cancellation of no trade above it.
    """
    stands = np.ones(rows.size, dtype=bool)
    again, orphan = np.zeros(rows.size, dtype=bool), np.zeros(rows.size, dtype=bool)
    _apply(rows, _contested(rows), stands, again, orphan)
    screen = Screen(rows["line"])
    screen.reject(again, "a second trade of its number")
    screen.reject(orphan, "a change or cancellation of no trade above it")
    kept = rows[stands]
    return kept[np.lexsort((kept["number"], kept["ts_ns"]))], screen


def _contested(rows: np.ndarray) -> np.ndarray:
    """Return the rows whose number appears more than once or not as new, in the file's order."""
    _, inverse, counts = np.unique(rows["number"], return_inverse=True, return_counts=True)
    return np.flatnonzero((counts[inverse] > 1) | (rows["action"] != NEW))


def _apply(rows: np.ndarray, contested: np.ndarray, stands: np.ndarray, again: np.ndarray, orphan: np.ndarray) -> None:
    standing: dict[int, int] = {}
    for row in contested.tolist():
        number, action = int(rows["number"][row]), int(rows["action"][row])
        earlier = standing.get(number)
        again[row] = action == NEW and earlier is not None
        orphan[row] = action != NEW and earlier is None
        stands[row] = not (again[row] or orphan[row] or action == CANCELLED)
        if stands[row]:
            standing[number] = row
        if earlier is not None and action != NEW:
            stands[earlier] = False
        if action == CANCELLED:
            standing.pop(number, None)
