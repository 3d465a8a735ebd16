"""Whether a series that a vendor may restate has the same prices in all the bar lengths, and trades, it is held in.

Each length comes from an export of its own, and each export was restated at the rolls before it. Within one length the
lake refuses what differs (`market/overlap.py`); two lengths may both lie there, and are never joined.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import combinations

import numpy as np

from market.lake import Lake
from market.lake_commit import restated_exports
from market.lake_manifest import Partition
from market.overlap import Overlap, Relation, describe_difference
from market.wording import count_of

Record = tuple[str, int]  # kind and bar length: bars of 900 s, or trades of 0 s

# Ticks between two roundings of the same price, and sessions in which one export misses the high, low or close.
SAME_PRICE, MOST_SESSIONS = 1, 0.05
MOST_ALIKE = 0.8


@dataclass(frozen=True)
class Disagreement:
    """Two records of a series that must not be joined.

    Parameters
    ----------
    contract : str
        The series.
    first, second : (str, int)
        Kind and bar length of each.
    sessions : tuple of str
        Those of which they tell other prices, YYYY-MM-DD, oldest first; none where no session is in both.
    difference : str
        What was found, as the ratio by which the prices of the second were restated beside the first.
    """

    contract: str
    first: Record
    second: Record
    sessions: tuple[str, ...]
    difference: str

    @property
    def sentence(self) -> str:
        """What there is to say of it."""
        where = f" on {count_of(len(self.sessions), 'session')} from {self.sessions[0]}" if self.sessions else ""
        return f"{name_of(self.second)} beside {name_of(self.first)} of {self.contract}: {self.difference}{where}"


def disagreements(lake: Lake, contract: str, records: Iterable[Record] | None = None) -> Iterator[Disagreement]:
    """Yield the pairs of records of a contract that a vendor restated differently; none of a dated one,
    which no vendor restates, nor of what has neither rolls nor splits (currencies, crypto).

    Parameters
    ----------
    records : iterable of (str, int), optional
        Those to compare; all bars and trades that the lake holds of the contract where left out.
    """
    held: dict[Record, dict[str, Partition]] = {}
    for p in lake.partitions(contract=contract):
        if p.kind in ("bars", "trades"):
            held.setdefault((p.kind, p.bar_seconds), {})[p.session] = p
    day = next((date.fromisoformat(day) for own in held.values() for day in own), None)
    if lake.instruments.of(contract).unit == "units" or lake.instruments.parse(contract, day).dated:
        return
    wanted = sorted(held if records is None else set(records) & held.keys())
    ranges: dict[str, np.ndarray] = {}
    for first, second in combinations(wanted, 2):
        found = _compare(lake, held[first], held[second], ranges)
        if found is not None:
            yield Disagreement(contract, first, second, *found)


def name_of(record: Record) -> str:
    """Name a record: bars of 900 s, or trades."""
    return f"bars of {record[1]} s" if record[0] == "bars" else record[0]


def _compare(
    lake: Lake, first: dict[str, Partition], second: dict[str, Partition], ranges: dict[str, np.ndarray]
) -> tuple[tuple[str, ...], str] | None:
    """Return the sessions that differ and how; None where two records are of one level."""
    whole = [day for day in sorted(first.keys() & second.keys()) if not (first[day].truncated or second[day].truncated)]
    if not whole:
        restated = restated_exports([*first.values(), *second.values()])
        return ((), "back-adjusted there or here, and no whole session is in both") if restated else None
    old, new = (np.array([_range(lake, own[day], ranges) for day in whole]) for own in (first, second))
    # One of the three may lie in a call that one export leaves out.
    other = (np.abs(new - old) > SAME_PRICE).sum(axis=1) >= 2
    if other.sum() <= MOST_SESSIONS * other.size:
        return None
    days = tuple(day for day, differs in zip(whole, other, strict=True) if differs)
    return days, describe_difference([_alike(old[other].ravel(), new[other].ravel())])


def _alike(old: np.ndarray, new: np.ndarray) -> Overlap:
    """Return the prices that one ratio explains where it explains most of them, else all."""
    near = np.abs(new - np.median(new / old) * old) <= SAME_PRICE + 1
    rows = near if near.mean() > MOST_ALIKE else np.ones(old.size, dtype=bool)
    return Overlap(Relation.DIFFERS, old[rows], new[rows])


def _range(lake: Lake, partition: Partition, ranges: dict[str, np.ndarray]) -> np.ndarray:
    """Return high, low and last price of a session, ticks, i8[3]."""
    if partition.path not in ranges:
        if partition.kind == "bars":
            bars = lake.read_columns(partition, ("high", "low", "close"))
            told = bars["high"].max(), bars["low"].min(), bars["close"][-1]
        else:
            prices = lake.read_columns(partition, ("price",))["price"]
            told = prices.max(), prices.min(), prices[-1]
        ranges[partition.path] = np.array(told, dtype=np.int64)
    return ranges[partition.path]
