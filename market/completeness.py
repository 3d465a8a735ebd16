"""Whether a session's data are whole: asked before a day is closed."""

from dataclasses import dataclass

import numpy as np

from market.calendar import to_local
from market.lake_manifest import Cause, Gap, Partition

# How far from its hours a session may begin or end without a gap that says why: one bar, or this.
EDGE_NS = 60_000_000_000

_LOST = (Cause.FEED_LOSS, Cause.TRUNCATED)


@dataclass(frozen=True)
class Verdict:
    """Whether a session is complete, and if not, every reason."""

    complete: bool
    reasons: tuple[str, ...]


def judge(partition: Partition, session: np.ndarray, told: int | None = None) -> Verdict:
    """Tell whether a partition holds all of its session.

    A quiet market, an auction, a halt and a holiday's hours leave a session complete; lost and truncated data do not,
    nor does an edge that no gap explains.

    Parameters
    ----------
    partition : Partition
        With the gaps it was filed with.
    session : ndarray
        SESSION of its day, length 1.
    told : int, optional
        How many records the exchange says the session has, as the day's trade count.
    """
    opens, closes = int(session["open_ns"][0]), int(session["close_ns"][0])
    edges = (("begins", opens, partition.first_ns), ("ends", partition.last_ns, closes))
    reasons = [f"{gap.cause} {_span(gap.first_ns, gap.last_ns)}" for gap in partition.gaps if gap.cause in _LOST]
    reasons += [
        f"{edge} {(last - first) / 60e9:.0f} minutes inside the session, {_span(first, last)} has no data and no cause"
        for edge, first, last in edges
        if _unexplained(partition.gaps, first, last) > max(EDGE_NS, partition.bar_seconds * 1_000_000_000)
    ]
    if not partition.rows:
        reasons.append("no record")
    if told is not None and told != partition.rows:
        reasons.append(f"expected the {told:,} records the exchange tells, found {partition.rows:,}")
    return Verdict(not reasons, tuple(reasons))


def _unexplained(gaps: tuple[Gap, ...], first_ns: int, last_ns: int) -> int:
    """Return how much of a span no gap covers, nanoseconds; gaps do not overlap."""
    covered = (min(gap.last_ns, last_ns) - max(gap.first_ns, first_ns) for gap in gaps)
    return last_ns - first_ns - sum(max(part, 0) for part in covered)


def _span(first_ns: int, last_ns: int) -> str:
    return f"{to_local(first_ns):%H:%M}-{to_local(last_ns):%H:%M}"
