"""`features.parity` finds every bit that differs, and none between the two paths of the real code."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest

import features.parity
from features.clock import BarLength, Decides
from features.parity import Difference, compare, compare_session
from features.pipeline import SessionFeatures
from features.schema import FeatureSchema
from features.state import FeatureState
from flows.recorded import open_recorded, schema_of
from market.errors import UsageError
from market.home import Home
from market.importer import import_file
from market.instruments import Declaration, declare
from market.lake import Lake
from market.types import BAR
from tests.homes import MARKET, fill_lake

SECOND_NS = 1_000_000_000
DOL, BITCOIN = "b3/mt5_ticks/DOLK20.csv", "crypto/binance_usdm_ws/btcusdt_20240808.gz"
SCHEMA = FeatureSchema("test", ("returns_1", "rsi_14"), 60_000_000_000, 1)


def seen(rows: Sequence[Sequence[float]]) -> SessionFeatures:
    """Decision points at 0, 1, 2 … ns."""
    count = len(rows)
    return SessionFeatures(
        np.array(rows, dtype=np.float32).reshape(count, 2), np.arange(count), np.zeros(count, dtype=np.uint8),
        np.full(count, 100, dtype=np.int32), np.full(count, np.nan), np.zeros(count, dtype=BAR),
        np.full(count, np.nan),
    )  # fmt: skip


def test_equal_accounts_differ_in_no_bit_nan_included() -> None:
    found = compare(SCHEMA, seen([(0.5, np.nan), (1, 2)]), seen([(0.5, np.nan), (1, 2)]), 7)
    assert (found.columns, found.events, found.decisions, found.differing, found.first) == (2, 7, 2, 0, None)


def test_first_difference_is_the_earliest_and_bits_are_counted() -> None:
    # 1.0 is 0x3F800000 and 1.5 is 0x3FC00000: one bit; 2.0 is 0x40000000: eight bits from 1.0.
    found = compare(SCHEMA, seen([(0, 1), (0, 1), (1, 1)]), seen([(0, 1), (0, 1.5), (2, 1)]), 9)
    assert (found.differing, found.first) == (9, Difference("rsi_14", 1, 1.0, 1.5))


def test_minus_zero_is_not_zero() -> None:
    found = compare(SCHEMA, seen([(0.0, 1)]), seen([(-0.0, 1)]), 1)
    assert (found.differing, found.first and found.first.column) == (1, "returns_1")


@pytest.mark.parametrize("name", ["ts_ns", "regime", "close"])
def test_what_a_decision_reads_beside_its_row_counts_too(name: str) -> None:
    live = seen([(0, 1), (0, 1)])
    getattr(live, name)[1] ^= 1
    found = compare(SCHEMA, seen([(0, 1), (0, 1)]), live, 2)
    assert (found.differing, found.first and found.first.column) == (1, name)


def test_a_field_of_the_bar_counts_too() -> None:
    live = seen([(0, 1)])
    live.bars["volume"] = 3
    found = compare(SCHEMA, seen([(0, 1)]), live, 2)
    assert (found.differing, found.first and found.first.column) == (2, "bar volume")


@pytest.mark.parametrize("swap", [False, True])
def test_a_decision_point_that_one_path_lacks_differs_in_every_bit(swap: bool) -> None:
    accounts = seen([(0, 1)]), seen([(0, 1), (2, 3)])
    batch, live = accounts[::-1] if swap else accounts
    found = compare(SCHEMA, batch, live, 2)
    cells = 2 * 32 + 64 + 8 + 32 + 64 + 64 + 8 * sum(BAR[name].itemsize for name in BAR.names or ())
    assert (found.decisions, found.differing) == (2, cells)
    assert found.first
    assert (found.first.column, found.first.ts_ns) == ("returns_1", 1)
    assert np.isnan(found.first.live if swap else found.first.batch)


@pytest.mark.parametrize(("kind", "length"), [("events", None), ("bars", None), ("events", 5)])
def test_both_paths_of_a_recorded_session_are_one(home: Home, kind: str, length: int | None) -> None:
    lake = fill_lake(home, kind)
    day = MARKET.days()[2]
    dataset = open_recorded(home, None, seconds(length), day)
    schema = schema_of(dataset, "full")
    found = compare_session(schema, dataset.feed, day)
    assert (found.differing, found.first, found.columns) == (0, None, len(schema.columns))
    hours = dataset.feed.session(day)
    boundaries = (int(hours["close_ns"][0]) - int(hours["open_ns"][0])) // (10**9 * (length or 60))
    if kind == "events":
        assert found.events == len(lake.read_events(MARKET.symbol, day)) + boundaries
        assert 0.9 * boundaries < found.decisions <= boundaries
    else:
        assert found.events == found.decisions == len(lake.read_bars(MARKET.symbol, day, 60))


def test_a_restart_that_forgets_is_found(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_lake(home)
    whole = features.parity.state_from_bytes

    def forgetful(data: bytes) -> FeatureState:
        state = whole(data)
        state.floats[:] = 0.0
        return state

    monkeypatch.setattr(features.parity, "state_from_bytes", forgetful)
    day = MARKET.days()[0]
    dataset = open_recorded(home, None, None, day)
    found = compare_session(schema_of(dataset, "full"), dataset.feed, day)
    assert found.differing > 0
    assert found.first


def seconds(length: int | None) -> BarLength | None:
    return None if length is None else BarLength(bar_ns=length * SECOND_NS)


def test_one_series_must_be_meant(home: Home) -> None:
    with pytest.raises(UsageError, match="expected trades or bars of a series, found none"):
        open_recorded(home, None, None)
    fill_lake(home, "bars")
    with pytest.raises(UsageError, match="of WDOZ26, found WINQ26"):
        open_recorded(home, "WDOZ26", None)
    with pytest.raises(UsageError, match="on 2001-01-02, found none"):
        open_recorded(home, None, None, date(2001, 1, 2))
    with pytest.raises(UsageError, match="expected bars of 60s, as stored, found another"):
        open_recorded(home, None, seconds(300))
    with pytest.raises(UsageError, match="expected bars of 60s, as stored, found another"):
        open_recorded(home, None, BarLength(bar_trades=60))
    assert open_recorded(home, "winq26", seconds(60)).feed.kind == "bars"


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("file", "day", "length", "decides", "decisions"),
    [
        (DOL, date(2020, 4, 2), None, Decides.BAR, 537),  # 09:03 to 17:59, without trades from 14:00 on
        (DOL, date(2020, 4, 2), BarLength(bar_trades=100), Decides.BAR, 217),  # of 21,793 trades
        (DOL, date(2020, 4, 2), BarLength(bar_contracts=5_000), Decides.TRADE, 21_793),
        (BITCOIN, date(2024, 8, 8), None, Decides.BAR, 6),  # 23:54 to midnight
        (BITCOIN, date(2024, 8, 8), BarLength(bar_ns=SECOND_NS), Decides.BAR, 344),
    ],
)
def test_both_paths_of_real_sessions_are_one(
    realdata: Path, home: Home, file: str, day: date, length: BarLength | None, decides: Decides, decisions: int
) -> None:
    bitcoin = declare("BTCUSDT", Declaration(0.1, 0.001, 1.0, "USDT", "always", "UTC"))
    import_file(Lake(home.lake, {"BTCUSDT": bitcoin}), realdata / file)
    dataset = open_recorded(home, None, length, day)
    found = compare_session(schema_of(dataset, "full", length, decides), dataset.feed, day)
    assert (found.decisions, found.differing, found.first) == (decisions, 0, None)
    assert found.events > 40_000


@pytest.mark.parametrize(
    ("length", "decides", "kept"),
    [
        (None, Decides.BAR, False),
        (BarLength(bar_ns=300 * SECOND_NS), Decides.BAR, True),
        (BarLength(bar_trades=50), Decides.BAR, True),
        (None, Decides.TRADE, True),
    ],
)
def test_a_share_of_the_bar_leaves_only_rows_at_closes_of_a_minute(
    home: Home, length: BarLength | None, decides: Decides, kept: bool
) -> None:
    fill_lake(home)
    schema = schema_of(open_recorded(home, None, length), "full", length, decides)
    assert ("buy_pressure" in schema.columns) is kept
    assert "aggressive_buy_ratio" in schema.columns
