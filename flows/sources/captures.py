"""What the runner recorded: parts of sessions that are over, each filed in the lake and then removed."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.sources.delivery import Delivery
from market.capture import SUFFIX, read_head
from market.capture_filing import file_capture, refuse_other_events
from market.errors import PregaoError
from market.lake import Lake

# The runner goes on for a while after the close: the closing call, last corrections.
SETTLED_AFTER_S = 30 * 60


@dataclass(frozen=True)
class Captures:
    """Capture parts in a folder.

    Parameters
    ----------
    folder : Path
        May not exist yet: then there is nothing.
    now : callable
        The time, seconds since 1970.
    """

    folder: Path
    now: Callable[[], float] = time.time
    name: str = "capture"

    def deliveries(self, lake: Lake) -> Iterator[Delivery]:
        """Yield every part, by name."""
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            part = _Part(path, lake, self.now)
            yield Delivery(path.stem, part.fetch, settle=part.settle, waits=part.waits, take=file_capture)


@dataclass(frozen=True)
class _Part:
    """One part of a session."""

    path: Path
    lake: Lake
    now: Callable[[], float]

    def fetch(self) -> Path:
        """Return the part: it is here already."""
        return self.path

    def waits(self) -> str:
        """Return why the runner may still write it; a part that cannot be read is taken, and refused with reason."""
        try:
            head = read_head(self.path)
            close_s = int(self.lake.instruments.session(head.contract, head.day)["close_ns"][0]) / 1e9
        except (PregaoError, OSError):
            return ""
        left = close_s + SETTLED_AFTER_S - self.now()
        return f"its session is over in {left / 60:.0f} minutes, the closing half hour included" if left > 0 else ""

    def settle(self, refusal: str | None) -> str:
        """Remove the part once the lake holds its events to the bit; a refused one stays for inquiry."""
        if refusal:
            return ""
        try:
            refuse_other_events(self.lake, self.path)
            self.path.unlink()
        except (PregaoError, OSError) as error:
            return str(error)
        return ""
