"""When a broker quotes within a market that never rests, by cases on paper; times in minutes."""

import numpy as np
import pytest

from market.broker_hours import quoted_hours

DAY = 1440


def quoted(begins: list[int], ends: list[int]) -> list[tuple[int, int]]:
    """Return the quoted hours of sessions of a whole day each, in minutes after each one's open."""
    opens = np.arange(len(begins)) * DAY
    found = quoted_hours(opens + begins, opens + ends, np.stack([opens, opens + DAY], axis=1))
    return [(int(first), int(last)) for first, last in found - opens[:, None]]


def test_hours_that_no_session_holds_are_not_quoted() -> None:
    assert quoted([785] * 12, [1320] * 12) == [(785, 1320)] * 12
    assert quoted([0] * 12, [DAY] * 12) == [(0, DAY)] * 12


def test_a_late_begin_and_an_early_end_of_one_session_are_within_its_hours() -> None:
    begins, ends = [785] * 12, [1320] * 12
    begins[6], ends[8] = 805, 900
    assert quoted(begins, ends) == [(785, 1320)] * 12


def test_what_a_session_holds_outside_the_usual_hours_was_quoted() -> None:
    begins, ends = [785] * 12, [1320] * 12
    begins[6], ends[8] = 700, 1400
    found = quoted(begins, ends)
    assert (found[6], found[8], found[5]) == ((700, 1320), (785, 1400), (785, 1320))


@pytest.mark.parametrize("first", [60, -60])
def test_hours_move_with_summer_time_and_nothing_is_lost(first: int) -> None:
    begins = [785] * 15 + [785 + first] * 15
    ends = [1320] * 15 + [1320 + first] * 15
    assert quoted(begins, ends) == list(zip(begins, ends, strict=True))


def test_a_few_sessions_tell_no_hours() -> None:
    """Five on one side do: the first of six has them after it, the last before it, those between have not."""
    assert quoted([785] * 5, [1320] * 5) == [(0, DAY)] * 5
    assert quoted([785] * 6, [1320] * 6) == [(785, 1320), *[(0, DAY)] * 4, (785, 1320)]
