"""Sample weights: uniqueness on paper and against a slow twin, decay, and the rows that get nothing."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import ConfigError, DataError
from models.labels import LABEL
from models.weights import average_uniqueness, sample_weights, time_decay


def test_uniqueness_of_three_overlapping_labels():
    # Alive per bar: 1, 2, 2, 1.
    found = average_uniqueness(np.array([0, 1, 2]), np.array([2, 1, 3]))
    assert found == pytest.approx([(1 + 1 / 2 + 1 / 2) / 3, 1 / 2, (1 / 2 + 1) / 2])


def test_rows_without_a_label_crowd_nobody():
    found = average_uniqueness(np.array([0, 1, 1, -3]), np.array([2, -1, 0, 1]))
    assert found.tolist() == [1.0, 0.0, 0.0, 0.0]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(-1, 12)), min_size=1, max_size=40))
def test_uniqueness_equals_the_slow_twin(drawn):
    intervals = [(start, start + length) for start, length in drawn]
    alive = [sum(start <= bar <= end for start, end in intervals) for bar in range(50)]
    slow = [
        np.mean([1 / alive[bar] for bar in range(start, end + 1)]) if end >= start else 0 for start, end in intervals
    ]
    starts, ends = (np.array(side) for side in zip(*intervals, strict=True))
    assert average_uniqueness(starts, ends) == pytest.approx(slow, rel=1e-12)


def test_weight_halves_with_every_half_life_in_sessions_present():
    found = time_decay(np.array([5, 5, 9, 12]), half_life_sessions=1)
    assert found.tolist() == [0.25, 0.25, 0.5, 1.0]


def test_no_decay_by_default():
    assert time_decay(np.array([1, 2, 3])).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("half_life", [0, -1, math.nan])
def test_impossible_half_life_is_refused(half_life):
    with pytest.raises(ConfigError):
        time_decay(np.array([1]), half_life)


def labelled(rows, ends, labels, returns):
    found = np.zeros(len(rows), dtype=LABEL)
    found["row"], found["end_row"], found["label"], found["ret_ticks"] = rows, ends, labels, returns
    return found


def test_undecided_and_missing_rows_weigh_nothing_and_crowd_nobody():
    labels = labelled([0, 1, 2, 3], [1, 3, 2, 4], [1, 0, -1, 1], [4, 1, -4, math.nan])
    assert sample_weights(labels, np.array([1, 1, 1, 1])).tolist() == [1.0, 0.0, 1.0, 0.0]


def test_weights_are_uniqueness_times_decay():
    labels = labelled([0, 1, 2], [1, 1, 2], [1, -1, 1], [4, -4, 4])
    # Uniqueness 3/4, 1/2, 1; decay 1/2, 1/2, 1.
    assert sample_weights(labels, np.array([1, 1, 2]), 1) == pytest.approx([3 / 8, 1 / 4, 1])


def test_weights_of_a_session_do_not_depend_on_another_session():
    one = labelled([0, 1], [1, 1], [1, -1], [4, -4])
    both = labelled([0, 1, 2, 3, 4], [1, 1, 4, 4, 4], [1, -1, 1, 1, 1], [4, -4, 4, 4, 4])
    alone = sample_weights(one, np.array([1, 1]))
    assert sample_weights(both, np.array([1, 1, 2, 2, 2]))[:2].tolist() == alone.tolist()


def test_nothing_to_train_on_gives_zeros_not_nan():
    labels = labelled([0, 1], [1, 1], [0, 0], [math.nan, math.nan])
    assert sample_weights(labels, np.array([1, 1])).tolist() == [0.0, 0.0]


def test_missing_session_numbers_are_refused():
    with pytest.raises(DataError, match="found 1 for 2"):
        sample_weights(labelled([0, 1], [1, 1], [1, 1], [4, 4]), np.array([1]))
