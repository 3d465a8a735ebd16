"""What asks for retraining is what shows itself often enough in few sessions, counted on paper."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from models.debounce import watch
from models.drift import Cause, DriftLimits, Judge, Judgement


@dataclass(frozen=True)
class DaysFake:
    """Sessions that are only numbered."""

    session: np.ndarray

    def select(self, part: slice) -> "DaysFake":
        return DaysFake(self.session[part])


@dataclass(frozen=True)
class JudgeFake:
    """Finds causes by the last session of a window alone."""

    limits: DriftLimits
    found: dict[int, tuple[Cause, ...]]

    def judge(self, days: DaysFake) -> Judgement:
        return Judgement([], {}, {}, 0.0, self.found.get(int(days.session[-1]), ()))


def asking(shown: list[int], sessions: int = 12) -> list[int]:
    """Return the sessions that ask, of windows of two, where two of the last three must show the cause."""
    limits = DriftLimits(current_sessions=2, flags=2, of_last=3)
    judge = JudgeFake(limits, dict.fromkeys(shown, (Cause.MEAN,)))
    watched = watch(cast(Judge, judge), cast(Any, DaysFake(np.arange(sessions))))
    return [day.session for day in watched if day.asks]


@pytest.mark.parametrize(
    ("shown", "asked"),
    [
        ([5], []),
        ([5, 6], [6]),
        ([5, 7], [7]),
        ([5, 8], []),  # the first is the fourth last by then
        ([5, 8, 10], [10]),
        ([1, 3], [3]),
        ([0, 1], []),  # of session 0 alone there is no window yet
        ([4, 5, 6, 7], [5]),  # behind a request windows begin anew: the first that is whole ends with 7, alone
        ([4, 5, 7, 8], [5, 8]),
    ],
)
def test_two_of_the_last_three_ask(shown: list[int], asked: list[int]) -> None:
    assert asking(shown) == asked
