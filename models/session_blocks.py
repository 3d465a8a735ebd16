"""Draws of whole sessions: what a window looks like beside the rest while nothing has changed.

Rows of a session depend on each other, and neighbouring sessions do a little, so rows are never drawn. A draw takes a
window of consecutive sessions and fills the rest from what is left, in blocks as long as the window (Künsch 1989).
"""

from dataclasses import dataclass

import numpy as np

from market.errors import NotEnoughData


@dataclass(frozen=True)
class Draws:
    """How often each session stands in the window and in the rest of each draw, f8[draws, sessions] each."""

    window: np.ndarray
    rest: np.ndarray


def draw_windows(sessions: int, window: int, draws: int, seed: int) -> Draws:
    """Draw windows of consecutive sessions and, from the sessions outside each, a rest of the same number as they are.

    Raises
    ------
    NotEnoughData
        Fewer than three windows' worth of sessions.
    """
    if sessions < 3 * window:
        raise NotEnoughData(
            f"drift: expected a reference of at least {3 * window} sessions, three windows of {window}, found "
            f"{sessions}; train on more sessions or lower drift.current_sessions"
        )
    rng = np.random.default_rng(seed)
    inside, rest = np.zeros((draws, sessions)), np.zeros((draws, sessions))
    starts = rng.integers(0, sessions - window + 1, draws)
    for draw, start in enumerate(starts):
        inside[draw, start : start + window] = 1
        left = np.delete(np.arange(sessions), np.arange(start, start + window))
        firsts = rng.integers(0, len(left), -(-len(left) // window))
        taken = left[(firsts[:, None] + np.arange(window)) % len(left)].ravel()[: len(left)]
        rest[draw] = np.bincount(taken, minlength=sessions)
    return Draws(inside, rest)
