"""Draws of whole sessions: the window is consecutive, and the rest knows nothing of it."""

import numpy as np
import pytest

from market.errors import NotEnoughData
from models.session_blocks import draw_windows


def test_windows_are_consecutive_and_kept_out_of_the_rest():
    draws = draw_windows(20, 4, 200, 5)
    for window, rest in zip(draws.window, draws.rest, strict=True):
        inside = np.flatnonzero(window)
        assert inside.tolist() == list(range(inside[0], inside[0] + 4))
        assert window.sum() == 4
        assert not rest[inside].any()
        assert rest.sum() == 16
    assert draws.window.any(axis=0).all()  # from the first session to the last
    assert (draws.rest > 1).any()  # drawn with replacement


def test_rest_comes_in_blocks_as_long_as_the_window():
    rest = draw_windows(400, 40, 1, 2).rest[0]
    changes = np.count_nonzero(np.diff(rest))
    assert changes <= 2 * 10 + 4  # nine blocks, each with two ends, and the window's


def test_same_seed_draws_the_same():
    first, second = draw_windows(30, 3, 10, 9), draw_windows(30, 3, 10, 9)
    assert np.array_equal(first.window, second.window)
    assert np.array_equal(first.rest, second.rest)


def test_too_short_a_reference_is_refused():
    with pytest.raises(NotEnoughData, match="at least 12 sessions, three windows of 4, found 11"):
        draw_windows(11, 4, 1, 0)
