"""A feature drifts only where all measures say so: each is taken away alone, and the p-value is worked anew."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from models.input_drift import InputBaseline, InputLimits, input_baseline, input_drift
from models.reference import build_reference, observe_sessions
from tests.models.drifting import COLUMNS, REFERENCE, Shifted, between, market

NAMES = tuple(f"feature_{place}" for place in range(COLUMNS))
WINDOW = 4


@pytest.fixture(scope="module")
def moved() -> tuple[InputBaseline, np.ndarray]:
    """A reference, and the counts of four sessions in which a third of the features lie three deviations higher."""
    seen, results = market(REFERENCE + WINDOW, 1, Shifted(REFERENCE, mean=3.0))
    reference = build_reference(between(seen, 0, REFERENCE), results[:REFERENCE])
    days = np.arange(REFERENCE, REFERENCE + WINDOW)
    counts = observe_sessions(seen, results, reference.edges, days).counts.sum(axis=0)
    return input_baseline(reference, WINDOW, 0.99), counts


def drifted(baseline: InputBaseline, counts: np.ndarray, limits: InputLimits) -> list[int]:
    return [at for at, one in enumerate(input_drift(NAMES, baseline, counts, limits)) if one.drifted]


def test_what_moved_far_has_drifted(moved: tuple[InputBaseline, np.ndarray]) -> None:
    assert drifted(*moved, InputLimits()) == list(range(COLUMNS // 3))


def test_no_measure_is_enough_without_the_others(moved: tuple[InputBaseline, np.ndarray]) -> None:
    baseline, counts = moved
    never = np.full(COLUMNS, np.inf)
    assert drifted(baseline, counts, InputLimits(psi_limit=1e9)) == []
    assert drifted(replace(baseline, psi=never), counts, InputLimits()) == []
    assert drifted(replace(baseline, wasserstein=never), counts, InputLimits()) == []
    assert drifted(replace(baseline, ks=never), counts, InputLimits()) == []


def test_p_value_is_that_of_both_tails(moved: tuple[InputBaseline, np.ndarray]) -> None:
    """A distance as large as it usually is lies 0.798 deviations out: 15 windows of 4 in 60 sessions leave 14."""
    baseline, counts = moved
    found = input_drift(NAMES, baseline, counts, InputLimits())
    usual = replace(baseline, ks=np.array([one.ks for one in found]))
    values = [one.p_value for one in input_drift(NAMES, usual, counts, InputLimits())]
    assert values == pytest.approx([2 * t.sf(np.sqrt(2 / np.pi), 14)] * COLUMNS)
