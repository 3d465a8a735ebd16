"""Vendor files that a person, or a vendor's own export, put into the inbox folder."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from flows.sources.delivery import Delivery
from market.lake import Lake

IMPORTED, REFUSED = "imported", "refused"
# How browsers, synchronisers and copying programs call what they have not finished.
UNFINISHED_ENDS = (".part", ".partial", ".crdownload", ".download", ".opdownload", ".filepart", ".tmp", ".temp")
UNFINISHED_STARTS = (".", "~$", "~")
# What systems put into any folder.
FURNITURE = frozenset({".DS_Store", ".gitignore", ".gitkeep", "desktop.ini", "Thumbs.db"})


@dataclass(frozen=True)
class Inbox:
    """Files below a folder; what was imported or refused moves into a folder of that name, a refusal with its reason.

    Parameters
    ----------
    folder : Path
        May not exist yet: then there is nothing.
    quiet_s : float
        How long a file must not have changed before it is taken, seconds.
    now : callable
        The time, seconds since 1970.
    """

    folder: Path
    quiet_s: float
    now: Callable[[], float] = time.time
    name: str = "inbox"

    def deliveries(self, lake: Lake) -> Iterator[Delivery]:
        """Yield every file that lies there, by name: exports carry their date there, so older ones come first."""
        for path in sorted(self.folder.rglob("*")):
            below = path.relative_to(self.folder)
            if below.parts[0] not in (IMPORTED, REFUSED) and path.name not in FURNITURE and path.is_file():
                file = _File(self, path, _state(path))
                yield Delivery(str(below), file.fetch, settle=file.settle, waits=file.waits)


@dataclass(frozen=True)
class _File:
    """One file of an inbox, as it was when the inbox was looked through: size and time of its last change."""

    inbox: Inbox
    path: Path
    found: tuple[int, int] | None

    def fetch(self) -> Path:
        """Return the file: it is here already."""
        return self.path

    def waits(self) -> str:
        """Return why the file may still be written; a copy may have its full size from the start."""
        below = self.path.relative_to(self.inbox.folder)
        if self.path.suffix.lower() in UNFINISHED_ENDS or any(
            part.startswith(UNFINISHED_STARTS) for part in below.parts
        ):
            return "its name says that it is not finished; it is taken under its final name"
        try:
            with self.path.open("rb"):
                stat = self.path.stat()
        except OSError as error:
            return f"it cannot be opened ({error.strerror}); the next run takes it, once no other program writes it"
        if (stat.st_size, stat.st_mtime_ns) != self.found:
            return "it is changing; the next run takes it"
        if not stat.st_size:
            return "it is empty; the next run takes it, once something was written"
        # A copy may bear its original's time, even one to come; on Linux ctime is then when the copy was made.
        now = self.inbox.now()
        age = now - max((moment for moment in (stat.st_mtime, stat.st_ctime) if moment <= now), default=now)
        if age < self.inbox.quiet_s:
            return f"it changed {age:.0f} s ago; it is taken once it was left alone for {self.inbox.quiet_s:g} s"
        return ""

    def settle(self, refusal: str | None) -> str:
        """Move the file to where it ended, and return why that could not be."""
        if _state(self.path) != self.found:
            return "it changed while it was read; the next run takes it again"
        folder = self.inbox.folder
        target = _unused(folder / (REFUSED if refusal else IMPORTED) / self.path.relative_to(folder))
        told = target.with_name(f"{target.name}.reason.txt")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if refusal:
                told.write_text(f"{refusal}\n", encoding="utf-8")
            self.path.replace(target)
        except OSError as error:
            with suppress(OSError):
                told.unlink(missing_ok=True)
            return f"it could not be moved to {target} ({error.strerror}); close it elsewhere, the next run moves it"
        return ""


def _state(path: Path) -> tuple[int, int] | None:
    """Return size and time of the last change, None where there is no such file any more."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _unused(path: Path) -> Path:
    """Return the path, numbered where a file has it: vendors give every export the same name, and all are kept."""
    numbered = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in count(2))
    return next(one for one in chain([path], numbered) if not one.exists())
