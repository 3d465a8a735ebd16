"""How long a request travels: drawn from its own number, so no draw depends on the ones before it."""

import numpy as np

from market.kernel import kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_UNIT = 2.0**-53


@kernel
def _mix(word: np.uint64) -> np.uint64:
    """Finish a word as SplitMix64 does: every bit depends on every bit."""
    word = (word ^ (word >> np.uint64(30))) * _FIRST
    word = (word ^ (word >> np.uint64(27))) * _SECOND
    return word ^ (word >> np.uint64(31))


@kernel
def draw_unit(seed: int, session: int, number: int) -> float:
    """Return the value in [0, 1) that belongs to a number of a session."""
    word = _mix(np.uint64(seed) + _GOLDEN)
    word = _mix(word + np.uint64(session))
    word = _mix(word + np.uint64(number))
    return float(np.int64(word >> np.uint64(11)) * _UNIT)


@kernel
def draw_latency(quantiles: np.ndarray, seed: int, session: int, number: int) -> int:
    """Return nanoseconds from the inverse of a distribution.

    Parameters
    ----------
    quantiles : ndarray of int64
        At equal steps of probability from 0 to 1, straight between them; one value is a fixed latency.
    seed, session, number : int
        What the draw belongs to.
    """
    last = quantiles.size - 1
    if last == 0:
        return int(quantiles[0])
    place = draw_unit(seed, session, number) * last
    below = int(place)
    return int(quantiles[below] + np.int64((quantiles[below + 1] - quantiles[below]) * (place - below)))
