"""What the decision path saw of a session, moved from the ring of events to the capture part, to the bit."""

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import numpy as np

from live.capture_writer import CaptureWriter
from live.ring import Reader, Ring
from market.capture import CaptureHead, read_capture
from market.types import EVENT, Kind

SYNC_S = 1.0


class Recording:
    """The recorder of one contract and session, and the keeper of its ring.

    Parameters
    ----------
    folder : Path
        Where parts lie.
    head : CaptureHead
    ring : Ring
        Of EVENT, of this contract alone.
    clock : callable, optional
        Seconds that only grow.

    Attributes
    ----------
    path : Path
        The part.
    earlier : ndarray of EVENT
        What an earlier process has recorded of the session; something may be missing after it.
    taken : int
        Events of this process, the decision clock included.

    Raises
    ------
    DataError, SafetyRefusal
        As `live.capture_writer.CaptureWriter`.
    """

    def __init__(
        self, folder: Path, head: CaptureHead, ring: Ring, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._writer = CaptureWriter(folder, head)
        self._reader, self._clock = Reader(ring, keeps=True), clock
        self._synced_s = clock()
        self.path = self._writer.path
        self.earlier = read_capture(self.path).events if self._writer.resumed else np.zeros(0, dtype=EVENT)
        self.taken = 0

    @property
    def next_sequence(self) -> int:
        """What the first event's sequence has to be."""
        return self._writer.next_sequence

    @property
    def clock_ns(self) -> int:
        """The boundary of the decision clock that was recorded last; 0 for none."""
        clocks = self.earlier[self.earlier["kind"] == Kind.CLOCK]
        return int(clocks["ts_event_ns"][-1]) if clocks.size else 0

    @property
    def is_empty(self) -> bool:
        """Whether no event came, in this process or an earlier one: such a part is not kept."""
        return self.taken + self.earlier.size == 0

    def take(self) -> None:
        """Append what came since the last call; about once a second wait until it is on disk."""
        while (events := self._reader.take()).size:
            self._writer.append(events)
            self.taken += events.size
        now_s = self._clock()
        if now_s - self._synced_s > SYNC_S:
            self._writer.sync()
            self._synced_s = now_s

    def close(self) -> None:
        """Write the rest and release the part; one without any event is removed."""
        self.take()
        self._writer.sync()
        self._writer.close()
        if self.is_empty:
            self.path.unlink()

    def __enter__(self) -> "Recording":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
