"""Market data as they would be had the future been another: deleted, random, or at other prices."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from market.lake import Lake
from market.lake_manifest import Partition
from market.types import BAR, Kind

NOISE = 0.05  # of a price, at most
_PRICES = ("open", "high", "low", "close")
_COUNTS = ("buy_volume", "sell_volume", "trades", "buy_trades", "sell_trades")


class Poison(StrEnum):
    """What becomes of the records after a cut."""

    DELETED = "deleted"
    NOISE = "replaced by noise"
    SHIFTED = "at higher prices"


def known_count(records: np.ndarray, cut_ns: int) -> int:
    """Return how many records a decision at the cut has seen.

    A bar is seen once closed. A clock at the cut comes before the first event, in sequence order, at or after it.
    """
    if records.dtype == BAR:
        return int(np.searchsorted(records["ts_close_ns"], cut_ns, side="right"))
    return int(np.searchsorted(np.maximum.accumulate(records["ts_event_ns"]), cut_ns, side="left"))


def spoil_records(records: np.ndarray, cut_ns: int, poison: Poison) -> np.ndarray:
    """Return EVENT or BAR records that are the same up to the cut and spoilt after it; times and kinds stay."""
    keep = known_count(records, cut_ns)
    if poison is Poison.DELETED:
        return records[:keep].copy()
    spoilt = records.copy()
    later = spoilt[keep:]
    if poison is Poison.SHIFTED:
        for name in _PRICES if records.dtype == BAR else ("price",):
            later[name] += later[name] // 2
    elif records.dtype == BAR:
        _scramble_bars(later, np.random.default_rng(keep))
    else:
        _scramble_events(later, np.random.default_rng(keep))
    return spoilt


def _scramble_events(events: np.ndarray, rng: np.random.Generator) -> None:
    priced = (events["price"] > 0) & np.isin(events["kind"], (Kind.TRADE, Kind.QUOTE_SIDE))
    events["price"][priced] = _moved(events["price"][priced], rng)
    events["quantity"][priced] = rng.integers(1, 1000, int(priced.sum()))
    traded = events["kind"] == Kind.TRADE
    events["side"][traded] = rng.choice([-1, 1], int(traded.sum()))


def _scramble_bars(bars: np.ndarray, rng: np.random.Generator) -> None:
    opens, closes = _moved(bars["close"], rng), _moved(bars["close"], rng)
    bars["open"], bars["close"] = opens, closes
    bars["high"] = np.maximum(opens, closes) + rng.integers(0, 10, len(bars))
    bars["low"] = np.maximum(1, np.minimum(opens, closes) - rng.integers(0, 10, len(bars)))
    for name in _COUNTS:
        bars[name] = rng.integers(1, 1000, len(bars))
    bars["volume"] = bars["buy_volume"] + bars["sell_volume"]
    bars["turnover"] = bars["volume"] * closes


def _moved(prices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    moved = np.rint(prices * (1 + rng.uniform(-NOISE, NOISE, len(prices))))
    return np.asarray(np.maximum(1, moved).astype(np.int64))


@dataclass(frozen=True)
class MemoryLake(Lake):
    """A lake whose files are read once."""

    def read(self, partition: Partition) -> np.ndarray:
        """Return the records of a partition, kept since the first read; nobody may change them."""
        held: dict[tuple[object, ...], np.ndarray] = self.__dict__.setdefault("_held", {})
        if partition.key not in held:
            held[partition.key] = super().read(partition)
            held[partition.key].setflags(write=False)
        return held[partition.key]


@dataclass(frozen=True)
class PoisonedLake(Lake):
    """A lake in which everything after a cut is spoilt: the rest of that session and every later one."""

    whole: Lake | None = None
    cut_ns: int = 0
    poison: Poison = Poison.DELETED

    def read(self, partition: Partition) -> np.ndarray:
        """Return the records of a partition as far as they were known at the cut, and spoilt ones after it."""
        records = super().read(partition) if self.whole is None else self.whole.read(partition)
        return records if partition.last_ns < self.cut_ns else spoil_records(records, self.cut_ns, self.poison)
