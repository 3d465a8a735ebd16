"""Two records of the same session: whether one continues the other, or a vendor restated its prices.

A vendor restates the past of a continuous series at each roll, so two exports of it must never be joined blindly. An
export that ended inside a session, on the other hand, is rightly replaced by one that holds all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from market.types import BAR

# What makes two records the same fact; flags and sequence depend on where an export was cut.
_BAR_FACTS = ("open", "high", "low", "close", "volume")
_EVENT_FACTS = ("ts_event_ns", "price", "quantity", "side", "kind", "trade_number")

_TOLD = {"ts_event_ns": "time", "trade_number": "trade number"}

ENOUGH = 20  # common prices from which a ratio can be told
MOST_ROUNDED = 0.6  # ticks: half of one by us, and before that the vendor's own decimals
_BISECTIONS = 40


class Relation(StrEnum):
    """How a new record of a session stands to the one already held."""

    SAME = "same"
    COVERED = "covered"  # the new one adds nothing
    EXTENDS = "extends"  # the new one holds all of the old one, and more
    DIFFERS = "differs"


@dataclass(frozen=True)
class Overlap:
    """A relation, and the prices both records tell where they differ.

    Parameters
    ----------
    relation : Relation
        How the new record stands to the old one.
    old, new : ndarray
        Closes (bars) or prices (events) of the records both hold, ticks, i8[n].
    facts : tuple of str
        What of the records both hold differs.
    """

    relation: Relation
    old: np.ndarray
    new: np.ndarray
    facts: tuple[str, ...] = ()


def compare(old: np.ndarray, new: np.ndarray, old_cut: bool, new_cut: bool) -> Overlap:
    """Compare two EVENT or BAR records of the same session.

    Parameters
    ----------
    old, new : ndarray
        Both EVENT or both BAR, in order.
    old_cut, new_cut : bool
        Whether an export began or ended inside the session: its first and last bar may be unfinished then.
    """
    return _compare_bars(old, new, old_cut, new_cut) if old.dtype == BAR else _compare_events(old, new)


def describe_difference(overlaps: Sequence[Overlap]) -> str:
    """Return what is found where exports differ: the ratio by which every price was restated, or other content."""
    old = np.concatenate([overlap.old for overlap in overlaps]).astype(np.float64)
    new = np.concatenate([overlap.new for overlap in overlaps]).astype(np.float64)
    ratio = _common_ratio(old, new) if old.size >= ENOUGH and old.min() >= 1 else None
    if ratio is not None and not np.array_equal(old, new):
        return f"every price restated by ×{ratio:.6f}"
    differing = int((old != new).sum())
    if differing:
        return f"other content ({differing} of {old.size} common prices differ)"
    facts = list(dict.fromkeys(_TOLD.get(fact, fact) for overlap in overlaps for fact in overlap.facts))
    what = f"but another {' and another '.join(facts)}" if facts else "but others missing here and there"
    return f"other content (the same {old.size} common prices, {what})"


def _common_ratio(old: np.ndarray, new: np.ndarray) -> float | None:
    """Return the ratio that explains every pair with the least rounding of both sides, or None where none does."""
    mean = new.sum() / old.sum()
    if np.abs(new - mean * old).max() > MOST_ROUNDED * (1.0 + mean):
        return None
    enough, too_little = MOST_ROUNDED, 0.0
    for _ in range(_BISECTIONS):
        tried = (enough + too_little) / 2
        least, most = _ratios_allowed(old, new, tried)
        enough, too_little = (tried, too_little) if least <= most else (enough, tried)
    return sum(_ratios_allowed(old, new, enough)) / 2


def _ratios_allowed(old: np.ndarray, new: np.ndarray, rounding: float) -> tuple[float, float]:
    """Return the least and most ratio by which every pair can be explained, least above most where none can."""
    return float(((new - rounding) / (old + rounding)).max()), float(((new + rounding) / (old - rounding)).min())


def _compare_bars(old: np.ndarray, new: np.ndarray, old_cut: bool, new_cut: bool) -> Overlap:
    _, in_old, in_new = np.intersect1d(old["ts_open_ns"], new["ts_open_ns"], return_indices=True)
    settled = ~(_edges(in_old, old.size, old_cut) | _edges(in_new, new.size, new_cut))
    common_old, common_new = old[in_old[settled]], new[in_new[settled]]
    closes = common_old["close"].astype(np.int64), common_new["close"].astype(np.int64)
    if facts := tuple(name for name in _BAR_FACTS if not np.array_equal(common_old[name], common_new[name])):
        return Overlap(Relation.DIFFERS, *closes, facts)
    if in_old.size < old.size and in_new.size < new.size:
        return Overlap(Relation.DIFFERS, *closes)
    finished = old_cut and not new_cut and old.size == new.size
    return Overlap(Relation.EXTENDS if finished else _relation(old.size, new.size), *closes)


def _compare_events(old: np.ndarray, new: np.ndarray) -> Overlap:
    common = min(old.size, new.size)
    prices = old["price"][:common].astype(np.int64), new["price"][:common].astype(np.int64)
    facts = tuple(name for name in _EVENT_FACTS if not np.array_equal(old[name][:common], new[name][:common]))
    return Overlap(Relation.DIFFERS if facts else _relation(old.size, new.size), *prices, facts)


def _edges(rows: np.ndarray, size: int, cut: bool) -> np.ndarray:
    return (rows == 0) | (rows == size - 1) if cut else np.zeros(rows.size, dtype=bool)


def _relation(old: int, new: int) -> Relation:
    if old == new:
        return Relation.SAME
    return Relation.EXTENDS if new > old else Relation.COVERED
