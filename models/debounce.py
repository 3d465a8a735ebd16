"""Judge session after session: one strange session is weather, several are a change that asks for retraining."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.drift import Cause, Judge, Judgement
from models.reference import Sessions


@dataclass(frozen=True)
class Watched:
    """What a session added.

    Parameters
    ----------
    session : int
        Day number.
    judgement : Judgement
        Of the window that ends with it.
    asks : tuple of Cause
        Causes that by now have shown themselves often enough.
    """

    session: int
    judgement: Judgement
    asks: tuple[Cause, ...]


def watch(judge: Judge, sessions: Sessions) -> list[Watched]:
    """Judge every window of some sessions after the reference, oldest first.

    A session that asks is the last one of its count: windows, flags and sums begin anew behind it.
    """
    limits, days, start = judge.limits, [], 0
    flags: list[tuple[Cause, ...]] = []
    for end in range(1, len(sessions.session) + 1):
        if end - start < limits.current_sessions:
            continue
        judgement = judge.judge(sessions.select(slice(start, end)))
        flags.append(judgement.causes)
        asks = tuple(cause for cause in judgement.causes if _holds(cause, flags[-limits.of_last :], limits.flags))
        days.append(Watched(int(sessions.session[end - 1]), judgement, asks))
        if asks:
            start, flags = end, []
    return days


def _holds(cause: Cause, flags: Sequence[tuple[Cause, ...]], least: int) -> bool:
    return sum(cause in causes for causes in flags) >= least
