"""The rows that imports set aside: kept in one file for each import, read by file, reason and day."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from market.errors import LakeError
from market.lake import Lake
from market.lake_commit import MANIFEST, sha256_of
from market.lake_manifest import SourceFile, SourceKey, read_manifest

QUARANTINE = "quarantine"

# A row is kept as its vendor wrote it: 2018.11.10, 2018-11-10 and 20181110, or 10/11/2018, or seconds since 1970.
_WRITTEN = re.compile(
    r"(?<!\d)(?:(?P<y>(?:19|20)\d\d)(?P<s>[.\-/]?)(?P<m>\d\d)(?P=s)(?P<d>\d\d)"
    r"|(?P<d2>\d\d)[.\-/](?P<m2>\d\d)[.\-/](?P<y2>(?:19|20)\d\d)|(?P<epoch_s>[1-3]\d{9}))(?!\d)"
)


@dataclass(frozen=True)
class SetAside:
    """Rows of one file that were not imported, for one reason, of one day.

    Parameters
    ----------
    source : SourceFile
        The file.
    reason : str
        Why.
    day : date or None
        The day the rows name, on the file's clock; None where they name none.
    rows : int
        How many.
    """

    source: SourceFile
    reason: str
    day: date | None
    rows: int


def set_aside(lake: Lake, key: SourceKey, rows: str) -> str:
    """Keep the rows that an import set aside, as CSV of line, reason and text; return the name of their file."""
    path = _file(lake, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(rows, encoding="utf-8", newline="")
    partial.replace(path)
    return f"{path.parent.name}/{path.name}"


def rows_set_aside(lake: Lake) -> list[SetAside]:
    """Return what the quarantine of a lake holds, in the order of its files and rows.

    A row that several imports of one file set aside for the same reason counts once.

    Raises
    ------
    LakeError
        Where a file of it is damaged.
    """
    found = []
    seen: set[tuple[str, str, str]] = set()
    for source in read_manifest(lake.folder / MANIFEST).sources:
        rows = {(source.sha256, row["line"], row["reason"]): row["text"] for row in _rows(lake, source)}
        counts = Counter((place[2], day_in(text)) for place, text in rows.items() if place not in seen)
        found += [SetAside(source, reason, day, count) for (reason, day), count in counts.items()]
        seen |= rows.keys()
    return found


def day_in(text: str) -> date | None:
    """Return the first date a vendor's row names, or None."""
    for found in _WRITTEN.finditer(text):
        try:
            if found["epoch_s"]:
                return datetime.fromtimestamp(int(found["epoch_s"]), UTC).date()
            return date(*(int(found[part] or found[f"{part}2"]) for part in "ymd"))
        except ValueError:
            continue
    return None


def _file(lake: Lake, key: SourceKey) -> Path:
    return lake.folder / QUARANTINE / f"{sha256_of(chr(10).join(key).encode())[:12]}.csv"


def _rows(lake: Lake, source: SourceFile) -> Iterator[dict[str, str]]:
    path = _file(lake, source.key)
    if not source.rejected or not path.is_file():
        return
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _damaged(path, str(error)) from error
    for row in rows:
        if any(row.get(name) is None for name in ("line", "reason", "text")):
            raise _damaged(path, f"a row of {', '.join(map(str, row))}")
        yield row


def _damaged(path: Path, found: str) -> LakeError:
    return LakeError(
        f"{path}: expected the rows of an import with their reason and text, found {found}; restore it, or delete it "
        "to do without them"
    )
