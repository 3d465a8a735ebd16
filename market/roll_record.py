"""What the lake recorded of a future's contracts around their rolls: what the roll table asks of it."""

from collections.abc import Iterator
from datetime import date

import numpy as np

from market.bars import enters_bars
from market.lake import Lake
from market.lake_manifest import Partition
from market.roll import closing_sessions
from market.roll_table import Recorded, RollTable, roll_table
from market.types import BAR, Kind


def recorded_rolls(lake: Lake, root: str) -> Recorded:
    """Return volumes and closes of a root's dated contracts on their last three sessions.

    Where a session is recorded both as bars and as trades, the shortest bars count. A session whose export was cut is
    left out: half a day's volume leads nothing.
    """
    days = _days_around_rolls(lake, root)
    volumes: dict[tuple[str, date], int] = {}
    closes: dict[tuple[str, date], float] = {}
    for partition in _whole_sessions(lake, root):
        place = partition.contract, partition.day
        if partition.day not in days or place in volumes:
            continue
        volume, close = _totals(lake.read(partition))
        if volume > 0:
            volumes[place] = volume
            closes[place] = lake.instruments.of(partition.contract).to_points(close)
    return Recorded(volumes, closes)


def lake_roll_table(lake: Lake, root: str, first: date, last: date) -> RollTable:
    """Build the roll table of a span from the lake's calendar and what it recorded."""
    return roll_table(root, first, last, recorded_rolls(lake, root), lake.instruments)


def _days_around_rolls(lake: Lake, root: str) -> set[date]:
    seen = {partition.contract: partition.day for partition in _whole_sessions(lake, root)}
    return {day for contract in seen for day in closing_sessions(contract, lake.instruments, seen[contract])}


def _whole_sessions(lake: Lake, root: str) -> Iterator[Partition]:
    for kind in ("bars", "trades"):
        for partition in lake.partitions(kind):
            dated = partition.root == root and partition.expiry != ""
            if dated and not partition.truncated and partition.provenance.price_basis != "back_adjusted":
                yield partition


def _totals(records: np.ndarray) -> tuple[int, int]:
    """Return volume and last price, ticks, of a session; 0 and 0 where nothing traded."""
    if records.dtype == BAR:
        traded = records[records["volume"] > 0]
        return (int(traded["volume"].sum()), int(traded["close"][-1])) if traded.size else (0, 0)
    trades = records[records["kind"] == Kind.TRADE]
    counting = [kind for kind in np.unique(trades["trade_type"]) if enters_bars(kind)]
    counted = trades[np.isin(trades["trade_type"], counting)]
    return (int(counted["quantity"].sum()), int(counted["price"][-1])) if counted.size else (0, 0)
