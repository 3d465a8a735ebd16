"""Depth as changes from a snapshot: which changes stand on which, and where the chain is broken.

Each change names its last update id and that of the change before it. A snapshot names the last update it holds: it is
fetched beside the stream, so it arrives late, between changes older and newer than itself. Until there is one, changes
wait; where a change is missing, all that follow wait for the next one.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

# Changes that wait for a snapshot; at 50 ms each some eight minutes, far longer than any takes to fetch.
MOST_WAITING = 10_000


class Change(NamedTuple):
    """One message of a depth stream.

    Attributes
    ----------
    event_ns, recv_ns : int
        Its times.
    last_id, previous_id : int
        Its last update, and that of the message before it.
    bids, asks : tuple of (list of int, list of int)
        Prices (ticks) and the quantities (lot steps) that now stand there; 0 where the level is gone.
    """

    event_ns: int
    recv_ns: int
    last_id: int
    previous_id: int
    bids: tuple[list[int], list[int]]
    asks: tuple[list[int], list[int]]


@dataclass
class DepthChain:
    """Where a depth stream stands.

    Parameters
    ----------
    last_id : int
        Last update the book holds.
    synced : bool
        Whether a snapshot came and no change was missing since.
    known, unfounded : int
        Changes and snapshots left out because the book held them already; changes no snapshot reached.
    """

    last_id: int = 0
    synced: bool = False
    known: int = 0
    unfounded: int = 0
    _waiting: deque[Change] = field(default_factory=deque)

    def follows(self, change: Change) -> bool:
        """Tell whether a change may be applied now; it is noted as applied, or kept waiting, or known already."""
        if not self.synced:
            self._wait(change)
            return False
        if change.last_id <= self.last_id:
            self.known += 1
            return False
        if change.previous_id > self.last_id:
            self.synced = False
            self._wait(change)
            return False
        self.last_id = change.last_id
        return True

    def accepts(self, snapshot_id: int) -> bool:
        """Tell whether a snapshot is news, and continue from it if so."""
        if self.synced and snapshot_id <= self.last_id:
            self.known += 1
            return False
        self.last_id, self.synced = snapshot_id, True
        return True

    def release(self) -> list[Change]:
        """Return the waiting changes that follow the snapshot just accepted; those behind a break go on waiting."""
        waiting, self._waiting = self._waiting, deque()
        return [change for change in waiting if self.follows(change)]

    def close(self) -> None:
        """Give up what still waits."""
        self.unfounded += len(self._waiting)
        self._waiting.clear()

    def _wait(self, change: Change) -> None:
        if len(self._waiting) == MOST_WAITING:
            self._waiting.popleft()
            self.unfounded += 1
        self._waiting.append(change)
