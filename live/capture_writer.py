"""The one writer of capture parts (format and reader: `market.capture`)."""

import os
from pathlib import Path
from types import TracebackType

import numpy as np

from market.capture import CaptureHead, encode_block, read_capture
from market.errors import SafetyRefusal


class CaptureWriter:
    """Append what is received to one part, continuing it where the part exists.

    A block is a write of its own, so that a killed process loses at most the block it was writing.

    Parameters
    ----------
    folder : Path
        Where parts lie; made if absent.
    head : CaptureHead
        What the part holds.

    Attributes
    ----------
    path : Path
        The part.
    next_sequence : int
        What the next event's sequence has to be at least.
    resumed : bool
        Whether the part was there: something may have been missed, so a GAP comes first.

    Raises
    ------
    DataError
        If the existing part is damaged.
    SafetyRefusal
        If the existing part is of another series, session or clock.
    OSError
        If the file cannot be opened or written.
    """

    def __init__(self, folder: Path, head: CaptureHead) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / head.name
        self.next_sequence = 0
        self.resumed = self.path.exists() and self.path.stat().st_size > 0
        end = self._continued(head) if self.resumed else 0
        self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            os.ftruncate(self._handle, end)
            os.lseek(self._handle, end, os.SEEK_SET)
            if not self.resumed:
                self._write(head.encode())
        except OSError:
            self.close()
            raise

    def append(self, events: np.ndarray) -> None:
        """Write EVENT records, at least one; they are durable only after `sync`."""
        self._write(encode_block(events))

    def sync(self) -> None:
        """Return once everything appended is on disk."""
        os.fsync(self._handle)

    def close(self) -> None:
        """Release the file; closing twice does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> "CaptureWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _continued(self, head: CaptureHead) -> int:
        """Return where an existing part goes on."""
        found = read_capture(self.path)
        if found.head != head:
            raise SafetyRefusal(
                f"{self.path}: expected a part of {head}, found {found.head}; move it away, then start again"
            )
        if found.events.size:
            self.next_sequence = int(found.events["sequence"].max()) + 1
        return found.end

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._handle, view) :]
