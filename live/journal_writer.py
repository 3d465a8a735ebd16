"""The one writer of a trading journal (format and reader: `trading.journal`)."""

import os
from pathlib import Path
from types import TracebackType

from market.durable import sync_folder
from market.errors import SafetyRefusal
from trading.journal import GENESIS, MAGIC, Kind, encode, link, scan


class JournalWriter:
    """Append records to one journal file, continuing its chain.

    After a failed write or sync the writer refuses everything further: what the disk then holds is unknown, and
    trying again on the same handle may report success for data that were lost. The next start scans the file.

    Parameters
    ----------
    path : Path
        Created with its mark if absent. An existing journal is verified first; a torn tail is cut off.

    Raises
    ------
    SafetyRefusal
        If the existing journal is damaged.
    OSError
        If the file cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recovered_bytes = 0  # torn bytes cut off when the journal was opened
        self._failed = False
        existing = path.exists()
        found = scan(path) if existing else None
        self._link = found.link if found else GENESIS
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._handle = os.open(path, flags | (0 if existing else os.O_EXCL), 0o600)
        try:
            self._place(found.end if found else 0, found.torn_bytes if found else 0)
        except OSError:
            self.close()
            raise

    def append(self, kind: Kind, payload: bytes) -> int:
        """Write one record and return its offset; it is durable only after `sync`."""
        record = encode(kind, payload, self._link)
        offset = self._end
        self._write(record)
        self._link = link(record)
        return offset

    def sync(self) -> None:
        """Return once everything appended is on disk."""
        self._refuse_if_failed()
        try:
            os.fsync(self._handle)
        except OSError:
            self._failed = True
            raise

    def close(self) -> None:
        """Release the file; closing twice does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> "JournalWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _place(self, end: int, torn_bytes: int) -> None:
        """Cut a torn tail, write the mark of a new journal, and stand at the end."""
        self._end = end
        if torn_bytes:
            os.ftruncate(self._handle, end)
            self.recovered_bytes = torn_bytes
        os.lseek(self._handle, end, os.SEEK_SET)
        if end == 0:
            self._write(MAGIC)
            sync_folder(self.path.parent)
        self.sync()

    def _write(self, data: bytes) -> None:
        self._refuse_if_failed()
        try:
            written = 0
            while written < len(data):
                written += os.write(self._handle, data[written:])
        except OSError:
            self._failed = True
            raise
        self._end += len(data)

    def _refuse_if_failed(self) -> None:
        if self._failed or self._handle < 0:
            state = "a write that failed" if self._failed else "a closed one"
            raise SafetyRefusal(f"{self.path}: expected an open journal, found {state}; restart to scan and reconcile")
