"""What a reader is asked for, and what it notes down while it reads."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from io import StringIO

import numpy as np

from market.errors import FileRefused
from market.lake import Lake
from market.lake_manifest import Partition, Provenance
from market.readers.screen import MISSHAPEN, REPEATED, SKIPPED, Reject, Screen
from market.readers.source import Source

IMPORTER_VERSION = 2
MOST_REJECTED = 0.01
# A file whose rows are mostly unusable is not read to its end, nor one that sets more aside than memory should hold.
HOPELESS_ROWS, HOPELESS_SHARE = 50_000, 0.5
MOST_ASIDE = 1_000_000
LONGEST_EXCERPT = 80  # of a line, in a message


@dataclass(frozen=True)
class Request:
    """What the user says of a file beside its content.

    Parameters
    ----------
    lake : Lake
        Where it goes; it knows instruments and calendars.
    symbol : str or None
        File it under this one; refused where the content tells another.
    day : date or None
        The session of a file that does not tell one.
    true_prices : bool
        Recover traded prices from the turnover of a back-adjusted series.
    """

    lake: Lake
    symbol: str | None = None
    day: date | None = None
    true_prices: bool = False


@dataclass
class Intake:
    """What a reader found, noted while it reads.

    Parameters
    ----------
    source : Source
        The file.
    format : str
        Name of its format.
    """

    source: Source
    format: str
    rows: int = 0  # used
    rejects: list[Reject] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)  # rows that are right but not ours, by what they are
    notes: list[str] = field(default_factory=list)
    contracts: dict[str, None] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    price_basis: set[str] = field(default_factory=set)
    partitions: int = 0
    previous_close: int = 0  # ticks, the last price of the session before; 0 where there is none
    stated: str = ""  # the symbol its content tells
    generated: bool = False  # no market made its numbers, though it is a vendor's file by its form

    def note(self, screen: Screen, misshapen: Sequence[int] = (), hint: str = "") -> None:
        """Note the rows a screen kept and set aside; raises FileRefused where most of a long file is unusable."""
        self.rows += int(screen.kept.sum())
        counts = screen.counts() + Counter({MISSHAPEN: len(misshapen)})
        aside = len(self.rejects) + counts.total()
        if aside > HOPELESS_ROWS and (aside > HOPELESS_SHARE * (self.rows + aside) or aside > MOST_ASIDE):
            first = {reason: int(screen.lines[screen.rejected(reason)][0]) for reason in screen.counts()}
            first |= {MISSHAPEN: misshapen[0]} if misshapen else {}
            self._refuse_share(self.reject_counts() + counts, first, hint)
        self.rejects.extend(screen.rejects(misshapen))

    def take_back(self, screen: Screen) -> None:
        """Set rows aside that were noted as used and turn out not to fit with the rest of their session."""
        aside = screen.rejects()
        self.rows -= len(aside)
        self.rejects.extend(aside)

    def set_aside(self, lines: np.ndarray, reason: str) -> None:
        """Set rows aside that were noted as used."""
        self.rows -= lines.size
        self.rejects.extend(Reject(int(line), reason) for line in lines)

    def refuse_too_many(self, hint: str = "") -> None:
        """Raise FileRefused where more than one row in a hundred was set aside."""
        self._refuse_share(self.reject_counts(), {}, hint)

    def _refuse_share(self, counts: Counter[str], first_lines: Mapping[str, int], hint: str) -> None:
        """Raise FileRefused where the rows set aside are too many; `first_lines` are those not in `rejects`."""
        # The hours of a clock that is changed are named by themselves, and no fault of the export.
        counts = Counter({reason: count for reason, count in counts.items() if reason not in (SKIPPED, REPEATED)})
        aside = counts.total()
        total = self.rows + aside
        if aside <= MOST_REJECTED * total:
            return
        common = max(counts, key=lambda reason: counts[reason])
        line = next((reject.line for reject in self.rejects if reject.reason == common), first_lines.get(common, 1))
        raise FileRefused(
            self.source.path,
            f"at most {MOST_REJECTED:.0%} of {total} rows unusable",
            f"{aside}, most of them {common}, first {self.source.quote([line])[0][:LONGEST_EXCERPT]!r}",
            hint or "export the file again and check what the line shows",
            line,
        )

    def reject_counts(self) -> Counter[str]:
        """Return how many rows were set aside, by reason."""
        return Counter(reject.reason for reject in self.rejects)

    def provenance(self, price_basis: str, synthetic: bool = False) -> Provenance:
        """Return what the partitions of this file say of their origin."""
        self.price_basis.add(price_basis)
        importer = f"{self.format}/{IMPORTER_VERSION}"
        return Provenance(self.source.name, self.source.sha256, importer, synthetic or self.generated, price_basis)

    def counted(self, writes: Iterable[tuple[Partition, np.ndarray]]) -> Iterator[tuple[Partition, np.ndarray]]:
        """Yield partitions on their way to the lake and note what they are."""
        for partition, records in writes:
            self.contracts[partition.contract] = None
            self.sessions.add(partition.session)
            self.partitions += 1
            yield partition, records

    def quarantine_text(self) -> str:
        """Return the rows set aside as CSV: line, reason, text."""
        out = StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["line", "reason", "text"])
        aside = sorted(self.rejects, key=lambda reject: reject.line)
        texts = self.source.quote([reject.line for reject in aside])
        writer.writerows((reject.line, reject.reason, text) for reject, text in zip(aside, texts, strict=True))
        return out.getvalue()


Writes = Iterator[tuple[Partition, np.ndarray]]


@dataclass(frozen=True)
class Format:
    """One kind of vendor file.

    Parameters
    ----------
    name : str
        As `--as` takes it.
    clock : str
        What its times are.
    price_basis : str
        What its prices are.
    recognise : callable
        Tells whether a file's content is of this kind.
    read : callable
        Yields partitions and notes in the intake what it used and set aside.
    tested : bool
        False where no sample file exists: the reader follows the vendor's documentation.
    workbook : bool
        Whether it is one, not text. What the known kind shows has no dates, so the request names its session.
    bars : bool
        Whether it holds bars: only their prices may be restated, and recovered.
    """

    name: str
    clock: str
    price_basis: str
    recognise: Callable[[Source], bool]
    read: Callable[[Source, Request, Intake], Writes]
    tested: bool = True
    workbook: bool = False
    bars: bool = False
