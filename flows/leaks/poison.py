"""Market data as they would be had the future been another: deleted, random, or at other prices."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from market.lake import Lake
from market.lake_manifest import Partition
from market.types import BAR, Kind

NOISE = 20  # ticks, at most: prices as wild as nothing a column holds would leave no rows to compare
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
    """Draw trades, their sides and brokers, quotes and the lots of levels; a book that was valid stays valid."""
    priced, traded = events["price"] > 0, events["kind"] == Kind.TRADE
    quoted = priced & (events["kind"] == Kind.QUOTE_SIDE)
    events["price"][priced & traded] = _moved(events["price"][priced & traded], rng)
    away = rng.integers(0, NOISE, int(quoted.sum()))  # bids fall and asks rise: crossed quotes would say nothing
    events["price"][quoted] = np.maximum(1, events["price"][quoted] - events["side"][quoted] * away)
    sized = priced & np.isin(events["kind"], (Kind.TRADE, Kind.QUOTE_SIDE, Kind.LEVEL_SET))
    events["quantity"][sized] = rng.integers(1, 1000, int(sized.sum()))
    events["side"][traded] = rng.choice([-1, 1], int(traded.sum()))
    for party in ("buyer", "seller"):
        named = traded & (events[party] != 0)
        events[party][named] = rng.permutation(events[party][named])


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
    return np.asarray(np.maximum(1, prices + rng.integers(-NOISE, NOISE + 1, len(prices))))


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
