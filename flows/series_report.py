"""What validation says of one series of the lake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flows.checks import Finding, Unit
from flows.expectations import SuiteResult
from market.bar_statistics import SLOT_MINUTES
from market.lake_manifest import Partition
from market.realism import Realism

DAY_SECONDS = 86_400
SLOTS = 24 * 60 // SLOT_MINUTES


@dataclass(frozen=True)
class SeriesReport:
    """What was found in one series.

    Parameters
    ----------
    partitions : tuple of Partition
        Its sessions, oldest first.
    results : tuple of SuiteResult
        Of the suite of its kind and of the suite `series`.
    verdict : Realism
        Whether a market made what is filed as real.
    gaps : mapping of str to (int, float)
        How often and how many minutes data are missing, by cause.
    missing : mapping of str to int
        How many whole sessions are missing between its first and its last, by cause; holidays are among them.
    unit : Unit
        What its quantities count.
    volume : ndarray or None
        Units by half hour of the day, median of the sessions, f8[48]; None where the kind tells none.
    """

    partitions: tuple[Partition, ...]
    results: tuple[SuiteResult, ...]
    verdict: Realism
    gaps: Mapping[str, tuple[int, float]]
    missing: Mapping[str, int]
    unit: Unit
    volume: np.ndarray | None

    @property
    def label(self) -> str:
        """Name it for people: WDOFUT bars 5 min, WDOZ26 trades."""
        return label_of(self.partitions[0])

    @property
    def kind(self) -> str:
        """As Partition has it."""
        return self.partitions[0].kind

    @property
    def contract(self) -> str:
        """As Partition has it."""
        return self.partitions[0].contract

    @property
    def bar_seconds(self) -> int:
        """As Partition has it."""
        return self.partitions[0].bar_seconds

    @property
    def rows(self) -> int:
        """Records of all sessions."""
        return sum(partition.rows for partition in self.partitions)

    @property
    def findings(self) -> list[Finding]:
        """Everything found, in the order of the suites."""
        return [finding for result in self.results for finding in result.findings]

    @property
    def holds(self) -> bool:
        """Whether nothing was found that refuses the series."""
        return all(result.holds for result in self.results)

    @property
    def synthetic(self) -> bool:
        """Whether any of it was generated."""
        return any(partition.provenance.synthetic for partition in self.partitions)

    @property
    def origin(self) -> str:
        """Who made it, in a word: real, synthetic, mixed, or doubted where it is filed as real."""
        if all(partition.provenance.synthetic for partition in self.partitions):
            return "synthetic"
        if self.synthetic:
            return "mixed"
        return "doubted" if self.verdict.real is False or (self.verdict.real and self.verdict.doubts) else "real"

    def as_dict(self) -> dict[str, Any]:
        """Return what `pregao check --json` prints of it."""
        return {
            "contract": self.contract,
            "kind": self.kind,
            "bar_seconds": self.bar_seconds,
            "sessions": len(self.partitions),
            "rows": self.rows,
            "synthetic": self.synthetic,
            "findings": [
                {"check": one.check.name, "count": one.count, "sentence": one.sentence, "refuses": one.check.refuses}
                for one in self.findings
            ],
            "gaps": [
                {"cause": cause, "count": count, "minutes": round(minutes, 3)}
                for cause, (count, minutes) in self.gaps.items()
            ],
            "missing_sessions": dict(self.missing),
            "holds": self.holds,
        }


def by_verdict(reports: Sequence[SeriesReport]) -> list[SeriesReport]:
    """Return the refused series first, then those of which something is told, then the others."""
    return sorted(reports, key=lambda report: (report.holds, not report.findings))


def label_of(partition: Partition) -> str:
    """Name the series of a partition for people: WDOFUT bars 5 min, WDO$ daily bars, WDOZ26 trades."""
    if partition.bar_seconds == DAY_SECONDS:
        return f"{partition.contract} daily {partition.kind}"
    length = f" {length_of(partition.bar_seconds)}" if partition.bar_seconds else ""
    return f"{partition.contract} {partition.kind}{length}"


def length_of(seconds: int) -> str:
    """Write the length of an intraday bar: 5 min, 90 s."""
    return f"{seconds} s" if seconds % 60 else f"{seconds // 60} min"
