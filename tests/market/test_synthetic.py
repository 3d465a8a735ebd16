"""The synthetic market: what every session must look like, what a null market hides and a planted one shows.

The seeds are fixed, so each statistic is one number; the bands are those of the design, not of the code's output.
"""

import hashlib
import json
import os
import subprocess
import sys
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from market.bars import bars_from_events
from market.calendar import to_local
from market.errors import ConfigError, FileRefused
from market.instruments import B3
from market.lake import Lake
from market.synthetic import SyntheticMarket, intraday_activity, write_market
from market.synthetic_microstructure import SHAPE
from market.types import Flag, Kind, Side, TradeType

MINUTE_NS = 60_000_000_000
SESSIONS = 45
CHECKOUT = Path(__file__).resolve().parents[2]
QUICK = SyntheticMarket(sessions=3, trades_per_session=1000, seed=7)

DIGEST = """
import hashlib, sys
from market.synthetic import SyntheticMarket
market = SyntheticMarket(sessions=3, trades_per_session=1000, seed=int(sys.argv[1]))
print(hashlib.sha256(b"".join(market.session_events(i).tobytes() for i in range(3))).hexdigest())
"""


class Recorded:
    """All sessions of a market and their minutes: mid at each minute's end, signed flow, trades."""

    def __init__(self, alpha: float) -> None:
        self.market = SyntheticMarket(alpha=alpha)
        self.hours = [B3.session("WIN", day)[0] for day in self.market.days()]
        self.sessions = [self.market.session_events(i) for i in range(SESSIONS)]
        minutes = [summarise(*both) for both in zip(self.sessions, self.hours, strict=True)]
        self.mid, self.imbalance, self.flow, self.trades = (np.array(column) for column in zip(*minutes, strict=True))


def summarise(records: np.ndarray, hours: np.void) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per minute of a session: mid and book imbalance at its end, order-flow imbalance, number of trades."""
    ends = np.arange(hours["open_ns"] + MINUTE_NS, hours["close_ns"] + 1, MINUTE_NS)
    last = {}
    for side in (Side.BUY, Side.SELL):
        quotes = records[(records["kind"] == Kind.QUOTE_SIDE) & (records["side"] == side)]
        last[side] = quotes[np.searchsorted(quotes["ts_event_ns"], ends) - 1]
    bid, ask = (last[side]["quantity"].astype(float) for side in (Side.BUY, Side.SELL))
    trades = records[records["kind"] == Kind.TRADE]
    minute = (trades["ts_event_ns"] - hours["open_ns"]) // MINUTE_NS
    signed = np.bincount(minute, trades["side"] * trades["quantity"].astype(float), len(ends))
    sided = np.bincount(minute, (trades["side"] != 0) * trades["quantity"], len(ends))
    mid = (last[Side.BUY]["price"] + last[Side.SELL]["price"]) / 2
    return mid, (bid - ask) / (bid + ask), signed / np.maximum(sided, 1), np.bincount(minute, minlength=len(ends))


@pytest.fixture(scope="module")
def null() -> Recorded:
    return Recorded(alpha=0.0)


@pytest.fixture(scope="module")
def planted() -> Recorded:
    return Recorded(alpha=1.0)


@pytest.fixture(scope="module", params=["null", "planted"])
def recorded(request: pytest.FixtureRequest) -> Recorded:
    found: Recorded = request.getfixturevalue(request.param)
    return found


def correlation(left: np.ndarray, right: np.ndarray) -> float:
    return float(np.corrcoef(left.ravel(), right.ravel())[0, 1])


def ahead(mid: np.ndarray, minutes: int) -> np.ndarray:
    """The mid's move over the next minutes, for all minutes that have one."""
    return mid[:, minutes:] - mid[:, :-minutes]


# What every session looks like


def test_days_are_b3_sessions_that_end_before_the_contracts_last() -> None:
    days = SyntheticMarket().days()
    assert len(days) == SESSIONS
    assert days[0] == date(2026, 6, 1)
    assert date(2026, 6, 4) not in days  # Corpus Christi
    assert days[-1] == date(2026, 8, 3) < date(2026, 8, 12)
    assert all(day.weekday() < 5 for day in days)


def test_records_are_in_sequence_inside_the_session_and_marked_synthetic(recorded: Recorded) -> None:
    for records, hours in zip(recorded.sessions, recorded.hours, strict=True):
        assert np.array_equal(records["sequence"], np.arange(len(records)))
        times = records["ts_event_ns"]
        assert np.all(np.diff(times) >= 0)
        assert hours["open_ns"] <= times[0]
        assert times[-1] < hours["close_ns"]
        assert np.all(times % 1_000_000 == 0)
        delay = records["ts_recv_ns"] - times
        assert np.all((delay > 0) & (delay < 50_000_000))
        assert set(np.unique(records["kind"])) == {Kind.TRADE, Kind.QUOTE_SIDE}
        assert np.all(records["flags"] == Flag.SYNTHETIC)
        assert np.all(records["instrument"] == 3)  # WIN
        assert np.all((records["price"] > 0) & (records["quantity"] > 0) & (records["level"] == 0))


def test_size_of_a_session_is_what_the_demo_can_afford(recorded: Recorded) -> None:
    events = np.array([len(records) for records in recorded.sessions])
    trades = recorded.trades.sum(axis=1)
    assert np.all((events >= 12_000) & (events <= 18_000))
    assert abs(trades.mean() / 5000 - 1) < 0.05


def test_quote_is_two_sided_and_never_crossed_after_the_open(recorded: Recorded) -> None:
    for records in recorded.sessions:
        quotes = records[records["kind"] == Kind.QUOTE_SIDE]
        best = {Side.BUY: 0, Side.SELL: 0}
        for price, side in zip(quotes["price"].tolist(), quotes["side"].tolist(), strict=True):
            best[side] = price
            assert best[Side.SELL] == 0 or best[Side.BUY] < best[Side.SELL]
        assert [int(kind) for kind in records["kind"][:3]] == [Kind.TRADE, Kind.QUOTE_SIDE, Kind.QUOTE_SIDE]
        assert set(records["side"][1:3]) == {Side.BUY, Side.SELL}


def test_spread_is_mostly_one_tick_and_sometimes_two_or_three(recorded: Recorded) -> None:
    shares = np.bincount(np.concatenate([shown_spreads(records) for records in recorded.sessions]), minlength=4)
    shares = shares / shares.sum()
    assert shares[0] == 0
    assert shares[1] > 0.75
    assert shares[2] > 0.02
    assert shares[3] > 0.0002
    assert shares[4:].sum() < 0.001


def shown_spreads(records: np.ndarray) -> np.ndarray:
    """The spread each time both sides were shown at one instant."""
    quotes = records[records["kind"] == Kind.QUOTE_SIDE]
    both = np.flatnonzero((np.diff(quotes["ts_event_ns"]) == 0) & (np.diff(quotes["side"]) != 0))
    both = both[np.append(np.diff(both) > 1, True)]
    return np.abs(np.diff(quotes["price"])[both])


def test_trades_take_the_shown_touch_and_sweep_away_from_it() -> None:
    """An order's first trade is at the best opposite price shown before it, each next one at that or one further."""
    touch, previous, checked = {}, None, 0
    for record in SyntheticMarket(sessions=1).session_events(0):
        if record["kind"] == Kind.QUOTE_SIDE:
            touch[int(record["side"])] = int(record["price"])
            previous = None
        elif record["side"] != 0:
            side, price = int(record["side"]), int(record["price"])
            if previous is None:
                assert price == touch[-side]
            else:
                assert (price - previous) * side in (0, 1)
            previous, checked = price, checked + 1
    assert checked > 4000


def test_trade_types_agree_with_sides_and_rlp_is_one_in_twenty(recorded: Recorded) -> None:
    trades = np.concatenate([records[records["kind"] == Kind.TRADE] for records in recorded.sessions])
    expected = {Side.BUY: {TradeType.BUY_AGGRESSION}, Side.SELL: {TradeType.SELL_AGGRESSION}}
    expected[Side.NONE] = {TradeType.AUCTION, TradeType.RLP}
    assert {side: set(trades["trade_type"][trades["side"] == side]) for side in expected} == expected
    assert 0.04 < np.mean(trades["trade_type"] == TradeType.RLP) < 0.06
    assert len(np.unique(trades["buyer"])) > 5
    regular = trades["quantity"][trades["trade_type"] != TradeType.AUCTION]
    assert regular.max() <= 200
    assert np.median(regular) < regular.mean() / 2  # a heavy right tail


def test_session_opens_with_its_only_auction_print(recorded: Recorded) -> None:
    for records in recorded.sessions:
        assert np.flatnonzero(records["trade_type"] == TradeType.AUCTION).tolist() == [0]
        trades = records[records["kind"] == Kind.TRADE]
        assert np.array_equal(trades["trade_number"], 1 + np.arange(len(trades)))


def test_overnight_gaps_are_small_beside_the_level_and_not_zero(recorded: Recorded) -> None:
    closes, opens = recorded.mid[:-1, -1], [records["price"][0] for records in recorded.sessions[1:]]
    gaps = np.array(opens) - closes
    assert recorded.sessions[0]["price"][0] == 26_000  # 130,000 points of 5
    assert 50 < gaps.std() < 200
    assert np.abs(gaps).max() < 400


def test_quiet_spells_give_empty_bars_without_a_gap(null: Recorded) -> None:
    longest = []
    for records, hours in zip(null.sessions, null.hours, strict=True):
        bars = bars_from_events(records, hours.reshape(1), MINUTE_NS)
        assert len(bars) == 565
        empty = (bars["flags"] & Flag.EMPTY) != 0
        longest.append(max(len(run) for run in "".join("e" if flag else "." for flag in empty).split(".")))
        assert empty.mean() < 0.03
    assert 3 <= sum(run >= 3 for run in longest) <= 20
    assert max(longest) <= 8


# Stylised facts


def test_ten_minute_move_is_as_large_as_wins(recorded: Recorded) -> None:
    assert 25 < ahead(recorded.mid, 10).std() < 40


def test_returns_of_a_null_market_have_no_memory_but_their_size_has(null: Recorded) -> None:
    returns = np.diff(null.mid, axis=1)
    for lag in (1, 2, 3, 5, 10):
        assert abs(correlation(returns[:, lag:], returns[:, :-lag])) < 0.05
    for lag in (1, 5):
        assert correlation(abs(returns[:, lag:]), abs(returns[:, :-lag])) > 0.05


def test_trading_is_heavy_in_the_morning_thin_at_lunch_and_rises_to_the_close(recorded: Recorded) -> None:
    by_minute = recorded.trades.mean(axis=0)
    morning, lunch, close = by_minute[:180].mean(), by_minute[210:300].mean(), by_minute[-60:].mean()
    assert morning > 1.7 * lunch
    assert close > 1.2 * lunch
    size = np.abs(np.diff(recorded.mid, axis=1)).mean(axis=0)
    assert size[:60].mean() > 1.3 * size[210:300].mean()


def test_signs_of_orders_persist_for_many_orders(recorded: Recorded) -> None:
    """Lag 1 and lag 30 of the order signs: a long memory decays slowly, a short one would be gone by 30."""
    near, far = [], []
    for records in recorded.sessions:
        trades = records[(records["kind"] == Kind.TRADE) & (records["side"] != 0)]
        _, first = np.unique(trades["ts_event_ns"], return_index=True)
        signs = trades["side"][first].astype(float)
        near.append(correlation(signs[1:], signs[:-1]))
        far.append(correlation(signs[30:], signs[:-30]))
    assert np.mean(near) > 0.15
    assert np.mean(far) > 0.05


# The planted alpha and its absence


@pytest.mark.parametrize("flow", ["flow", "imbalance"])
@pytest.mark.parametrize("minutes", [5, 10, 30])
def test_null_market_hides_the_next_minutes_from_flow_and_book(null: Recorded, flow: str, minutes: int) -> None:
    known = getattr(null, flow)[:, :-minutes]
    noise = np.sqrt(minutes / known.size)  # overlapping moves: one independent observation per horizon
    assert abs(correlation(known, ahead(null.mid, minutes))) < 3 * noise


@pytest.mark.parametrize(("flow", "at_least"), [("flow", 0.08), ("imbalance", 0.15)])
def test_planted_market_shows_the_next_ten_minutes_in_flow_and_book(
    planted: Recorded, flow: str, at_least: float
) -> None:
    assert correlation(getattr(planted, flow)[:, :-10], ahead(planted.mid, 10)) > at_least


def test_flow_is_equally_persistent_with_and_without_alpha(null: Recorded, planted: Recorded) -> None:
    """The null market differs in the price's answer only: a model cannot tell the two from flow."""
    for recorded in (null, planted):
        assert 0.15 < correlation(recorded.flow[:, 5:], recorded.flow[:, :-5]) < 0.35


@pytest.mark.parametrize(("alpha", "low", "high"), [("null", -0.04, 0.01), ("planted", 0.03, 0.10)])
def test_linear_model_earns_the_intended_share_out_of_sample(
    alpha: str, low: float, high: float, request: pytest.FixtureRequest
) -> None:
    """R² of the next 15 minutes, fitted on 25 sessions and measured on the other 20."""
    market: Recorded = request.getfixturevalue(alpha)
    columns = [trailing_mean(x, n) for x in (market.flow, market.imbalance) for n in (1, 5, 15)]
    rows = np.stack([column[:, 14:-15] for column in columns], axis=-1)
    target = ahead(market.mid, 15)[:, 14:]
    fitted = np.linalg.lstsq(rows[:25].reshape(-1, 6), target[:25].ravel(), rcond=None)[0]
    error = target[25:] - rows[25:] @ fitted
    assert low < 1 - np.mean(error**2) / np.var(target[25:]) < high


def trailing_mean(values: np.ndarray, n: int) -> np.ndarray:
    """Mean of the last n minutes including the current one; NaN before there are n."""
    out = np.full(values.shape, np.nan)
    for minute in range(n - 1, values.shape[1]):
        out[:, minute] = values[:, minute - n + 1 : minute + 1].mean(axis=1)
    return out


def test_stronger_alpha_shows_more(planted: Recorded) -> None:
    stronger = Recorded(alpha=2.0)
    shown = [correlation(m.imbalance[:, :-10], ahead(m.mid, 10)) for m in (planted, stronger)]
    assert shown[1] > 1.3 * shown[0]


# The same bytes for the same values


def digest_in_new_process(seed: int) -> str:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    found = subprocess.run(
        [sys.executable, "-c", DIGEST, str(seed)], env=environment, capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def test_same_seed_gives_the_same_bytes_in_two_processes_and_another_seed_does_not() -> None:
    here = hashlib.sha256(b"".join(QUICK.session_events(i).tobytes() for i in range(3))).hexdigest()
    assert digest_in_new_process(QUICK.seed) == here
    assert digest_in_new_process(QUICK.seed + 1) != here


@pytest.mark.parametrize(
    ("fixture", "digest"),
    [
        ("planted", "cd8c5206300a581d99b3f1bf0897fc13ea03f49221e1fe96845477695f0d3f6a"),
        ("null", "1628f0869790e5537d318232b0a9765fe319663e40ad5b346d712ace5f02c3cb"),
    ],
)
def test_market_of_the_demonstration_is_the_one_its_parameters_were_chosen_on(
    fixture: str, digest: str, request: pytest.FixtureRequest
) -> None:
    """The bytes that docs/decisions/0003 speaks of, taken before the market learned anything more."""
    market: Recorded = request.getfixturevalue(fixture)
    assert hashlib.sha256(b"".join(records.tobytes() for records in market.sessions)).hexdigest() == digest


def test_session_does_not_depend_on_how_many_follow_it() -> None:
    longer = SyntheticMarket(sessions=5, trades_per_session=1000, seed=7)
    assert QUICK.session_events(2).tobytes() == longer.session_events(2).tobytes()


def test_late_open_on_ash_wednesday_shifts_the_whole_session() -> None:
    market = SyntheticMarket(symbol="WINJ26", first=date(2026, 2, 18), sessions=1, trades_per_session=1000)
    records, hours = market.session_events(0), B3.session("WIN", date(2026, 2, 18))[0]
    assert to_local(int(records["ts_event_ns"][0])).hour == 13
    assert records["ts_event_ns"][-1] < hours["close_ns"]


@pytest.mark.parametrize("day", [date(2026, 6, 1), date(2026, 2, 18)])
def test_activity_follows_the_drawn_shape_with_mean_one(day: date) -> None:
    """Oracle: floating interpolation between knots; the code's integers may be 1 per mille lower."""
    hours = B3.session("WIN", day)[0]
    activity = intraday_activity(hours, SHAPE)
    knots = [540, 570, 600, 660, 720, 780, 870, 960, 1110]
    heights = [2300, 1700, 1900, 1300, 900, 700, 750, 950, 1250]
    expected = np.interp(np.arange(1105 - len(activity), 1105), knots, heights)
    assert len(activity) == (565 if day.month == 6 else 325)
    assert activity.mean() == pytest.approx(1)
    assert activity == pytest.approx(expected / expected.mean(), rel=0.002)


# Wrong use


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"sessions": 0}, "sessions"),
        ({"sessions": 60}, "found 51"),
        ({"seed": -1}, "seed"),
        ({"alpha": -0.1}, "alpha"),
        ({"alpha": float("nan")}, "alpha"),
        ({"trades_per_session": 100}, "trades_per_session"),
        ({"opening_points": 1_000.0}, "opening_points"),
        ({"first": date(2026, 8, 12), "sessions": 1}, "found 0"),
    ],
)
def test_refuses_values_out_of_range(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        SyntheticMarket(**values)


# In the lake


def test_demo_market_is_small_in_the_lake_and_reads_back_whole(planted: Recorded, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    partitions = write_market(lake, planted.market)
    assert len(partitions) == 2 * SESSIONS
    assert sum(partition.bytes for partition in partitions) < 6_000_000
    for index, day in enumerate(planted.market.days()):
        assert lake.read_events("WINQ26", day).tobytes() == planted.sessions[index].tobytes()
    assert lake.verify() == []


def test_partitions_say_that_they_are_synthetic(tmp_path: Path) -> None:
    canonical = {
        "symbol": "WINQ26", "first": "2026-06-01", "sessions": 3, "seed": 7, "alpha": 1.0,
        "trades_per_session": 1000, "opening_points": 130_000.0, "importer": "market.synthetic/1",
    }  # fmt: skip
    expected = hashlib.sha256(json.dumps(canonical, sort_keys=True).encode()).hexdigest()
    for partition in write_market(Lake(tmp_path), QUICK):
        assert partition.provenance.synthetic
        assert partition.provenance.source == "synthetic market seed=7"
        assert partition.provenance.source_sha256 == expected
        assert partition.provenance.importer == "market.synthetic/1"
        assert partition.provenance.price_basis == "raw"
        assert partition.gaps == ()


def test_second_write_changes_nothing_and_a_missing_session_is_added(tmp_path: Path) -> None:
    first = write_market(Lake(tmp_path / "a"), QUICK)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*") if path.suffix != ".lock"}
    assert write_market(Lake(tmp_path / "a"), QUICK) == first
    assert {path: path.stat().st_mtime_ns for path in before} == before
    broken = Lake(tmp_path / "b")
    kept = [p for p in first if p.session != "2026-06-02"]
    broken.commit((p, stored(tmp_path / "a", p.kind, p.session)) for p in kept)
    assert write_market(broken, QUICK) == first


def stored(folder: Path, kind: str, day: str) -> np.ndarray:
    code = Kind.TRADE if kind == "trades" else Kind.QUOTE_SIDE
    records = Lake(folder).read_events("WINQ26", date.fromisoformat(day))
    chosen: np.ndarray = records[records["kind"] == code]
    return chosen


def test_another_seed_is_refused_where_the_lake_holds_the_contract(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    write_market(lake, QUICK)
    held = lake.data_hash()
    with pytest.raises(FileRefused, match="seed=8"):
        write_market(lake, SyntheticMarket(sessions=3, trades_per_session=1000, seed=8))
    assert lake.data_hash() == held


def test_every_session_begins_where_the_last_one_left_off() -> None:
    for before, after in pairwise(QUICK.session_events(i) for i in range(3)):
        assert abs(int(after["price"][0]) - int(before["price"][-1])) <= 2 * 170 + 10
