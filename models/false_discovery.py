"""Many tests at once: how many of what is rejected may be wrong."""

import numpy as np


def benjamini_hochberg(p_values: np.ndarray, false_discovery_rate: float) -> np.ndarray:
    """Return which hypotheses are rejected, bool[n] (Benjamini & Hochberg 1995)."""
    order = np.argsort(p_values, kind="stable")
    below = p_values[order] <= false_discovery_rate * np.arange(1, len(p_values) + 1) / len(p_values)
    rejected = np.zeros(len(p_values), dtype=bool)
    if below.any():
        rejected[order[: int(np.flatnonzero(below)[-1]) + 1]] = True
    return rejected
