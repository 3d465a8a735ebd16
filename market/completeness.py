"""Whether a session's data are whole: asked before a day is closed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from market.calendar import to_local
from market.gaps import CUT_NS
from market.lake_manifest import Cause, Gap, Partition
from market.types import Kind
from market.wording import count_of

# How far from its hours a session may begin or end without a gap that says why: one bar, or this.
EDGE_NS = 60_000_000_000

# Trades that the exchange cancelled leave numbers out, one here and one there; packets that were lost leave out many.
MOST_MISSING, LONGEST_HOLE = 0.001, 10

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


@dataclass(frozen=True)
class DayRecord:
    """What the exchange says of a session so far: how many trades, and their quantities together."""

    trades: int
    quantity: int


def judge_trades(events: np.ndarray, session: np.ndarray, told: DayRecord | None = None) -> Verdict:
    """Tell whether a download holds every trade of a session, before any of it is filed.

    Parameters
    ----------
    events : ndarray
        EVENT of one session, in the vendor's order.
    session : ndarray
        SESSION of its day, length 1.
    told : DayRecord, optional
        What the exchange says the session has, where that is known. It is told every few seconds, so it may lag behind
        the trades, never they behind it.
    """
    trades = events[events["kind"] == Kind.TRADE]
    if not trades.size:
        return Verdict(False, ("no trade on a trading day",))
    opens, closes = int(session["open_ns"][0]), int(session["close_ns"][0])
    first, last = int(trades["ts_event_ns"].min()), int(trades["ts_event_ns"].max())
    edges = (("begin", opens, first), ("end", last, closes))
    reasons = [
        f"trades {edge} {(upto - since) / 60e9:.0f} minutes inside the session, {_span(since, upto)} has none"
        for edge, since, upto in edges
        if upto - since > CUT_NS
    ]
    if first < opens - CUT_NS or last > closes + CUT_NS:
        reasons.append(f"trades of {_span(first, last)}, the session is {_span(opens, closes)}")
    holes = missing_numbers(trades)
    if holes.sum() > MOST_MISSING * (trades.size + holes.sum()) or holes.max(initial=0) > LONGEST_HOLE:
        missing, longest = (f"{int(one):,}" for one in (holes.sum(), holes.max()))
        reasons.append(f"{missing} trade numbers missing, {longest} of them in a row")
    if repeated := trades.size - np.unique(trades["trade_number"]).size:
        reasons.append(f"{count_of(repeated, 'trade number')} told twice")
    if told is not None:
        found = DayRecord(int(trades.size), int(trades["quantity"].sum()))
        if found.trades < told.trades or found.quantity < told.quantity:
            reasons.append(
                f"expected the {told.trades:,} trades of {told.quantity:,} lots that the exchange tells, "
                f"found {found.trades:,} of {found.quantity:,}"
            )
    return Verdict(not reasons, tuple(reasons))


def missing_numbers(trades: np.ndarray) -> np.ndarray:
    """Return how many trade numbers each hole leaves out, i8[holes].

    A session's numbers begin at one step and go by that step: by 1, or by 10 as in the exchange's own files. Trades
    before the first one that is there are a hole too.
    """
    numbers = np.unique(trades["trade_number"])
    left_out: np.ndarray = np.diff(numbers, prepend=0) // _step(numbers) - 1
    return left_out[left_out > 0]


def proved_silent(gaps: Sequence[Gap], trades: np.ndarray) -> tuple[Gap, ...]:
    """Return gaps of one session; a loss across which its trade numbers go on was none: nobody traded.

    Parameters
    ----------
    gaps : sequence of Gap
    trades : ndarray
        EVENT, the trades of the session.
    """
    times, numbers = trades["ts_event_ns"], trades["trade_number"]
    step = _step(np.unique(numbers))

    def goes_on(gap: Gap) -> bool:
        before, after = numbers[times <= gap.first_ns], numbers[times >= gap.last_ns]
        return bool(after.size) and int(after.min()) - int(before.max(initial=0)) == step

    return tuple(
        replace(gap, cause=Cause.NO_TRADE) if gap.cause == Cause.FEED_LOSS and goes_on(gap) else gap for gap in gaps
    )


def _step(numbers: np.ndarray) -> int:
    """Return by how much sorted trade numbers usually go on; 1 where there are too few to tell, or none."""
    steps, counts = np.unique(np.diff(numbers), return_counts=True)
    return max(int(steps[counts.argmax()]), 1) if steps.size else 1


def _unexplained(gaps: tuple[Gap, ...], first_ns: int, last_ns: int) -> int:
    """Return how much of a span no gap covers, nanoseconds; gaps do not overlap."""
    covered = (min(gap.last_ns, last_ns) - max(gap.first_ns, first_ns) for gap in gaps)
    return last_ns - first_ns - sum(max(part, 0) for part in covered)


def _span(first_ns: int, last_ns: int) -> str:
    return f"{to_local(first_ns):%H:%M}-{to_local(last_ns):%H:%M}"
