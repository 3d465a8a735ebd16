"""Vendor files that a person, or a vendor's own export, put into the inbox folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from pathlib import Path

from flows.sources.delivery import Delivery
from market.lake import Lake

IMPORTED, REFUSED = "imported", "refused"


@dataclass(frozen=True)
class Inbox:
    """Files below a folder; what was imported or refused moves into a folder of that name, a refusal with its reason.

    Parameters
    ----------
    folder : Path
        May not exist yet: then there is nothing.
    """

    folder: Path
    name: str = "inbox"

    def deliveries(self, lake: Lake) -> Iterator[Delivery]:
        """Yield every file that waits, by name: exports carry their date there, so older ones come first."""
        for path in sorted(self.folder.rglob("*")):
            below = path.relative_to(self.folder)
            if path.is_file() and below.parts[0] not in (IMPORTED, REFUSED) and not path.name.startswith("."):
                yield Delivery(str(below), partial(_same, path), settle=partial(self._settle, path))

    def _settle(self, path: Path, refusal: str | None) -> None:
        target = _unused(self.folder / (REFUSED if refusal else IMPORTED) / path.relative_to(self.folder))
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        if refusal:
            target.with_name(f"{target.name}.reason.txt").write_text(f"{refusal}\n", encoding="utf-8")


def _unused(path: Path) -> Path:
    """Return the path, numbered where a file has it: vendors give every export the same name, and all are kept."""
    numbered = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in count(2))
    return next(one for one in chain([path], numbered) if not one.exists())


def _same(path: Path) -> Path:
    return path
