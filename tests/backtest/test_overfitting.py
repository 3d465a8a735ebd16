"""Splits of few sessions worked on paper, a slow twin, and what noise and skill must give."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.overfitting import even_blocks, measure_overfitting, ratio_variance
from market.errors import ConfigError

# Two blocks of two sessions. Mean over deviation is 2, 3, 1 in the first and 3, 1, 2 in the second block: the best
# of the first ranks last in the second, w = 1/4; the best of the second is in the middle of the first, w = 1/2.
PAPER = np.array([[1, 1, 0], [3, 2, 2], [2, 0, 1], [4, 2, 3]], dtype=np.float64)


def twin_logits(results: np.ndarray, blocks: int) -> list[float]:
    """The paper's steps, one at a time, with the ratio of whole columns."""
    rows = [set(part.tolist()) for part in np.array_split(np.arange(len(results)), blocks)]
    logits = []
    for half in combinations(range(blocks), blocks // 2):
        inside = sorted(set.union(*(rows[one] for one in half)))
        outside = sorted(set(range(len(results))) - set(inside))
        chosen_by = [np.mean(column[inside]) / np.std(column[inside]) for column in results.T]
        judged_by = [np.mean(column[outside]) / np.std(column[outside]) for column in results.T]
        own = judged_by[chosen_by.index(max(chosen_by))]
        share = (1 + sum(other < own for other in judged_by)) / (len(judged_by) + 1)
        logits.append(math.log(share / (1 - share)))
    return logits


def test_two_blocks_worked_on_paper() -> None:
    found = measure_overfitting(PAPER, 2)
    assert found.logits.tolist() == pytest.approx([math.log(1 / 3), 0.0])
    assert found.probability == 1.0


def test_a_choice_that_holds_in_every_split_is_not_overfitted() -> None:
    better = np.column_stack([PAPER, [5.0, 6.0, 5.0, 6.0]])
    found = measure_overfitting(better, 2)
    assert found.probability == 0.0
    assert found.logits.tolist() == pytest.approx([math.log(4.0)] * 2)  # w = 4/5


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(0, 7))
def test_equals_the_slow_twin(seed: int, configurations: int, extra: int) -> None:
    results = np.random.default_rng(seed).normal(0.1, 1.0, size=(12 + extra, configurations))
    assert measure_overfitting(results, 6).logits.tolist() == pytest.approx(twin_logits(results, 6))


def test_noise_is_chosen_wrongly_half_the_time() -> None:
    random = np.random.default_rng(3)
    found = [measure_overfitting(random.normal(size=(64, 20)), 8).probability for _ in range(60)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


def test_skill_among_noise_is_chosen_rightly() -> None:
    results = np.random.default_rng(4).normal(size=(64, 20))
    results[:, 7] += 3.0
    assert measure_overfitting(results, 8).probability == 0.0


def test_unit_of_money_changes_nothing() -> None:
    results = np.random.default_rng(5).normal(size=(24, 5))
    here, there = (measure_overfitting(results * unit, 6).logits for unit in (1.0, 1000.0))
    assert here.tolist() == there.tolist()


def test_configurations_that_are_all_the_same_prove_nothing() -> None:
    same = np.repeat(np.random.default_rng(6).normal(size=(12, 1)), 3, axis=1)
    found = measure_overfitting(same, 4)
    assert (found.probability, set(found.logits.tolist())) == (1.0, {0.0})


def test_one_that_never_traded_ranks_between_gain_and_loss() -> None:
    results = np.array([[1.0, 0.0, -1.0], [2.0, 0.0, -3.0], [1.0, 0.0, -1.0], [3.0, 0.0, -2.0]])
    worst_twice = results[:, [2, 1]]  # of a loss and of nothing, nothing is chosen, and it is the better one
    assert measure_overfitting(worst_twice, 2).logits.tolist() == pytest.approx([math.log(2.0)] * 2)
    assert measure_overfitting(results, 2).logits.tolist() == pytest.approx([math.log(3.0)] * 2)


@pytest.mark.parametrize(("sessions", "blocks"), [(7, 0), (8, 4), (11, 4), (12, 6), (23, 10), (32, 16), (500, 16)])
def test_blocks_are_even_and_of_two_sessions_or_more(sessions: int, blocks: int) -> None:
    assert even_blocks(sessions) == blocks


@pytest.mark.parametrize(("shape", "blocks"), [((8, 1), 4), ((8, 3), 3), ((8, 3), 0), ((3, 3), 4)])
def test_refuses_what_cannot_be_split(shape: tuple[int, int], blocks: int) -> None:
    with pytest.raises(ConfigError, match="expected two configurations"):
        measure_overfitting(np.zeros(shape), blocks)


def test_variance_of_the_ratios_worked_on_paper() -> None:
    # Ratios a day: 2 (mean 2, deviation 1), 0 (never traded), -2; their variance is 4, a year has 252 days.
    results = np.array([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [3.0, 0.0, -3.0]])
    assert ratio_variance(results) == pytest.approx(4.0 * 252)
    assert ratio_variance(results[:, :1]) == 0.0
