"""Copies of a desk that another thread works on, made under its lock in compiled code: what Python may read."""

from typing import NamedTuple

import numpy as np

from live.lock import lock, unlock
from market.kernel import kernel
from trading.desk import DECISIONS, FILLS, ORDERS, Desk


class Records(NamedTuple):
    """What a desk has recorded up to one moment.

    Attributes
    ----------
    decisions, orders, fills : ndarray
        DECISION, ORDER (each in its state then) and FILL, as many as there were.
    counts : ndarray of int64
        As `Desk.counts`.
    account, budget : ndarray, length 1
        ACCOUNT and BUDGET.
    """

    decisions: np.ndarray
    orders: np.ndarray
    fills: np.ndarray
    counts: np.ndarray
    account: np.ndarray
    budget: np.ndarray


class DeskReader:
    """The copies of one desk in one session.

    Parameters
    ----------
    desk : Desk
    lock_at : int
        Address of its lock (`live.profitdll.step.Step.lock`).
    """

    def __init__(self, desk: Desk, lock_at: int) -> None:
        self._desk, self._lock_at = desk, lock_at
        parts = desk.decisions, desk.orders, desk.fills, desk.counts, desk.account, desk.budget
        self._kept = Records(*(np.zeros_like(part) for part in parts))

    def take(self) -> Records:
        """Return what the desk holds now, views that are good until the next call."""
        kept = self._kept
        copy_desk(self._lock_at, self._desk, kept)
        decisions, orders, fills = (int(kept.counts[place]) for place in (DECISIONS, ORDERS, FILLS))
        return kept._replace(
            decisions=kept.decisions[:decisions], orders=kept.orders[:orders], fills=kept.fills[:fills]
        )


@kernel
def copy_desk(address: int, desk: Desk, kept: Records) -> None:
    """Copy what a desk has recorded since `kept` was filled, under the lock at an address.

    Decisions and fills never change once they are written; orders do.
    """
    lock(address)
    for place in range(kept.counts[DECISIONS], desk.counts[DECISIONS]):
        kept.decisions[place] = desk.decisions[place]
    for place in range(kept.counts[FILLS], desk.counts[FILLS]):
        kept.fills[place] = desk.fills[place]
    for place in range(desk.counts[ORDERS]):
        kept.orders[place] = desk.orders[place]
    kept.account[0], kept.budget[0] = desk.account[0], desk.budget[0]
    for place in range(desk.counts.size):
        kept.counts[place] = desk.counts[place]
    unlock(address)
