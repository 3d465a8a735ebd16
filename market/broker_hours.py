"""When a source trades within a market that goes round the clock: a broker quotes the real from nine to six only.

A calendar cannot tell it, for every broker keeps hours of its own. The sessions around one do: what none of them holds
in the usual case was not lost. Hours move with summer time on either side, so the sessions before and those after each
have their say, and the shorter day counts.
"""

from collections.abc import Callable

import numpy as np

NEIGHBOURS = 10  # on either side: two weeks, shorter than any season
FEWEST_NEIGHBOURS = 5


def quoted_hours(first_ns: np.ndarray, last_ns: np.ndarray, hours_ns: np.ndarray) -> np.ndarray:
    """Return the first and last instant of every session at which its source trades, i8[n, 2].

    Parameters
    ----------
    first_ns, last_ns : ndarray
        i8[n], when the first bar of each session begins and its last one ends, oldest session first.
    hours_ns : ndarray
        i8[n, 2], open and close of each by its calendar, which is what is returned where too few sessions tell.
    """
    opens, closes = hours_ns[:, 0], hours_ns[:, 1]
    late, early = first_ns - opens, closes - last_ns
    begins = np.minimum(first_ns, opens + _usual(late))
    ends = np.maximum(last_ns, closes - _usual(early))
    return np.stack([np.maximum(begins, opens), np.minimum(ends, closes)], axis=1)


def _usual(inside_ns: np.ndarray) -> np.ndarray:
    """Return how far inside its hours a session usually begins or ends: the greater median of its two sides, i8[n]."""
    sides: tuple[Callable[[int], np.ndarray], ...] = (
        lambda k: inside_ns[max(k - NEIGHBOURS, 0) : k],
        lambda k: inside_ns[k + 1 : k + 1 + NEIGHBOURS],
    )
    medians = [
        [int(np.median(side(k))) if side(k).size >= FEWEST_NEIGHBOURS else 0 for k in range(inside_ns.size)]
        for side in sides
    ]
    usual: np.ndarray = np.max(np.array(medians, dtype=np.int64), axis=0)
    return usual
