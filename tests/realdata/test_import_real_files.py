"""The real tick export, and how fast real files are read."""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest

from market.bars import bars_from_events
from market.calendar import to_local
from market.importer import ImportResult, import_file
from market.instruments import B3
from market.lake import Lake
from market.types import Flag, Kind, Side

MINUTE_NS = 60_000_000_000


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def ticks(realdata: Path, lake: Lake) -> ImportResult:
    return import_file(lake, realdata / "b3/mt5_ticks/DOLK20.csv")


def test_ticks_rebuild_the_minutes_of_another_file(realdata: Path, lake: Lake, ticks: ImportResult) -> None:
    """WDOK20_M1.csv is really DOLK20 (data/README.md, D2); the cut ticks cover its minutes to 13:59."""
    day = date(2020, 4, 2)
    import_file(lake, realdata / "b3/mt5_bars/WDOK20_M1.csv", symbol="DOLK20")
    theirs = lake.read_bars("DOLK20", day, 60)
    ours = bars_from_events(lake.read_events("DOLK20", day), B3.session("DOL", day), MINUTE_NS)
    until = B3.session("DOL", day)["open_ns"][0] + 5 * 60 * MINUTE_NS
    theirs = theirs[theirs["ts_open_ns"] < until]
    ours = ours[(ours["ts_open_ns"] < until) & (ours["flags"] & Flag.EMPTY == 0)]
    assert theirs.size == 297
    for name in ("ts_open_ns", "open", "high", "low", "close", "volume", "trades"):
        assert list(ours[name]) == list(theirs[name]), name


def test_ticks_keep_every_trade_and_classify_most(realdata: Path, lake: Lake, ticks: ImportResult) -> None:
    assert (ticks.rows, ticks.rejected, ticks.contracts) == (42_307, 0, ("DOLK20",))
    path = realdata / "b3/mt5_ticks/DOLK20.csv"
    cells = pyarrow.csv.read_csv(path, parse_options=pyarrow.csv.ParseOptions(delimiter="\t"))
    theirs = [volume for volume in cells["<VOLUME>"].to_pylist() if volume]
    events = lake.read_events("DOLK20", date(2020, 4, 2))
    trades = events[events["kind"] == Kind.TRADE]
    assert list(trades["quantity"]) == theirs
    share = {side: np.mean(trades["side"] == side) for side in Side}
    assert share[Side.BUY] + share[Side.SELL] == pytest.approx(0.87, abs=0.02)
    assert abs(share[Side.BUY] - share[Side.SELL]) < 0.05
    opening = trades[trades["ts_event_ns"] <= trades["ts_event_ns"][0]]
    assert not opening["side"].any()  # crossed quotes of the call


def test_a_trade_costs_at_most_six_and_a_half_bytes(lake: Lake, ticks: ImportResult) -> None:
    trades = lake.partitions("trades")[0]
    assert trades.bytes / trades.rows <= 6.5
    assert [gap.cause for gap in trades.gaps] == ["auction", "truncated export"]  # the afternoon was cut off
    assert to_local(trades.last_ns).hour == 13
