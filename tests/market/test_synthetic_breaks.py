"""Halts and lost feeds of the synthetic market: what is sent, what is missing, what a recorder knows of it."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from market.bars import bars_from_events
from market.errors import ConfigError
from market.instruments import B3
from market.lake import Lake
from market.synthetic import FEED_STREAM, SyntheticMarket, draw_units, write_market
from market.synthetic_breaks import halt_steps, lose_feed, lost_interval
from market.types import Flag, Kind, Phase, Side, TradeType, events

MINUTE_NS = 60_000_000_000
WHOLE = SyntheticMarket(sessions=6, trades_per_session=2000, seed=21)
HALTED = replace(WHOLE, halts=1.0)
LOST = replace(WHOLE, gaps=1.0)
STEPS_PER_MINUTE = 1200


def phases(records: np.ndarray) -> np.ndarray:
    chosen: np.ndarray = records[records["kind"] == Kind.STATE]
    return chosen


def test_halt_freezes_then_calls_an_auction_then_opens() -> None:
    for index in range(6):
        records = HALTED.session_events(index)
        told = phases(records)
        assert told["level"].tolist() == [Phase.FROZEN, Phase.AUCTION, Phase.OPEN]
        assert np.all(told["flags"] == Flag.SYNTHETIC)
        frozen, auction, opened = told["ts_event_ns"].tolist()
        assert auction - frozen == 30_000_000_000
        assert 5 <= (opened - frozen) / MINUTE_NS <= 10


def test_nothing_trades_or_quotes_in_a_halt_and_an_auction_print_ends_it() -> None:
    for index in range(6):
        records = HALTED.session_events(index)
        frozen, opened = np.flatnonzero(records["kind"] == Kind.STATE)[[0, 2]]
        assert records["kind"][frozen:opened].tolist() == [Kind.STATE, Kind.STATE, Kind.TRADE]
        assert records["trade_type"][opened - 1] == TradeType.AUCTION
        assert records["side"][opened - 1] == Side.NONE
        assert records["ts_event_ns"][opened - 1] == records["ts_event_ns"][opened]
        after = records[opened + 1 : opened + 3]
        assert set(after["side"].tolist()) == {Side.BUY, Side.SELL}
        assert np.all(after["kind"] == Kind.QUOTE_SIDE)
        assert np.flatnonzero(records["trade_type"] == TradeType.AUCTION).tolist() == [0, opened - 1]


def test_quote_is_never_crossed_and_the_market_reopens_elsewhere() -> None:
    jumps = []
    for index in range(6):
        best = {Side.BUY: 0, Side.SELL: 0}
        bid_before = 0
        for record in HALTED.session_events(index):
            if record["kind"] == Kind.QUOTE_SIDE:
                best[int(record["side"])] = int(record["price"])
                assert best[Side.SELL] == 0 or best[Side.BUY] < best[Side.SELL]
            elif record["kind"] == Kind.STATE and record["level"] == Phase.FROZEN:
                bid_before = best[Side.BUY]
            elif record["trade_type"] == TradeType.AUCTION and bid_before:
                jumps.append(int(record["price"]) - bid_before)
    assert len(jumps) == 6
    assert np.abs(jumps).max() <= 60  # 40 ticks from the bid, which the last quote may not show yet
    assert len(set(jumps)) > 3


def test_halted_minutes_give_empty_bars_and_a_bar_of_the_auction() -> None:
    records = HALTED.session_events(0)
    bars = bars_from_events(records, B3.session("WIN", HALTED.days()[0]), MINUTE_NS)
    frozen, opened = phases(records)["ts_event_ns"][[0, 2]]
    inside = (bars["ts_open_ns"] >= frozen) & (bars["ts_close_ns"] <= opened)
    assert inside.sum() == (opened - frozen) // MINUTE_NS
    assert np.all(bars["flags"][inside] & Flag.EMPTY)
    assert bars["trades"][np.flatnonzero(inside)[-1] + 1] >= 1


def test_chance_of_a_halt_and_of_a_lost_feed_is_what_was_asked_for() -> None:
    """2,000 sessions at 0.3: within four standard errors (0.041)."""
    draws = np.random.default_rng(5).integers(0, 2**53, (2000, 4))
    halted = [halt_steps(row, 0.3, 565)[1] > 0 for row in draws]
    lost = [lost_interval(row, 0.3, 10**18, 565)[1] > 0 for row in draws]
    assert abs(np.mean(halted) - 0.3) < 0.041
    assert abs(np.mean(lost) - 0.3) < 0.041
    away = np.array([halt_steps(row, 1.0, 565)[2] for row in draws])
    assert (away.min(), away.max()) == (-40, 40)
    assert abs(away.mean()) < 4 * 23.4 / np.sqrt(2000)  # uniform on -40..40 has deviation 23.4


@pytest.mark.parametrize("minutes", [565, 325])
def test_breaks_begin_and_end_inside_the_session(minutes: int) -> None:
    for row in np.random.default_rng(6).integers(0, 2**53, (2000, 4)):
        halt_from, halt_to, _ = halt_steps(row, 1.0, minutes)
        assert 60 * STEPS_PER_MINUTE <= halt_from < halt_to < minutes * STEPS_PER_MINUTE
        lost_from, lost_to = lost_interval(row, 1.0, 0, minutes)
        assert 30 * MINUTE_NS < lost_from < lost_to < minutes * MINUTE_NS
        assert 20 <= (lost_to - lost_from) / 1e9 <= 180


def test_lost_feed_is_the_whole_session_without_an_interval() -> None:
    for index in range(6):
        whole, lost = WHOLE.session_events(index), LOST.session_events(index)
        at = int(np.flatnonzero(lost["kind"] == Kind.GAP)[0])
        assert np.count_nonzero(lost["kind"] == Kind.GAP) == 1
        end = int(lost["ts_event_ns"][at])
        start = lost_interval_of(index)[0]
        kept = whole[(whole["ts_event_ns"] < start) | (whole["ts_event_ns"] >= end)].copy()
        without = np.delete(lost, [at, at + 1, at + 2])  # the gap and the quote as it stands
        kept["sequence"] = without["sequence"] = 0
        assert without.tobytes() == kept.tobytes()
        assert np.array_equal(lost["sequence"], np.arange(len(lost)))
        assert len(kept) < len(whole)


def lost_interval_of(index: int) -> tuple[int, int]:
    hours = B3.session("WIN", LOST.days()[index])[0]
    return lost_interval(draw_units(LOST.seed, FEED_STREAM + index, 3), 1.0, int(hours["open_ns"]), 565)


def test_recorder_knows_the_quote_after_a_gap_and_the_trades_it_missed() -> None:
    for index in range(6):
        whole, lost = WHOLE.session_events(index), LOST.session_events(index)
        at = int(np.flatnonzero(lost["kind"] == Kind.GAP)[0])
        end = lost["ts_event_ns"][at]
        shown = {int(row["side"]): (int(row["price"]), int(row["quantity"])) for row in lost[at + 1 : at + 3]}
        known = whole[(whole["kind"] == Kind.QUOTE_SIDE) & (whole["ts_event_ns"] < end)]
        for side in (Side.BUY, Side.SELL):
            last = known[known["side"] == side][-1]
            assert shown[side] == (last["price"], last["quantity"])
        numbers = lost["trade_number"][lost["kind"] == Kind.TRADE]
        missing = np.count_nonzero(whole["kind"] == Kind.TRADE) - len(numbers)
        assert np.diff(numbers).max() == missing + 1
        assert np.all(lost["flags"][at : at + 3] == Flag.SYNTHETIC)


def test_bar_of_a_gap_says_so() -> None:
    lost = LOST.session_events(0)
    bars = bars_from_events(lost, B3.session("WIN", LOST.days()[0]), MINUTE_NS)
    end = lost["ts_event_ns"][lost["kind"] == Kind.GAP][0]
    marked = np.flatnonzero(bars["flags"] & Flag.AFTER_GAP)
    assert len(marked) == 1
    assert bars["ts_open_ns"][marked[0]] <= end < bars["ts_close_ns"][marked[0]]


def row(kind: Kind, second: int, side: int = 0, price: int = 0, level: int = 0) -> dict[str, int]:
    return {"kind": kind, "ts_event_ns": second, "side": side, "price": price, "level": level}


def records_of(*rows: dict[str, int]) -> np.ndarray:
    out = events(len(rows))
    for index, values in enumerate(rows):
        for name, value in values.items():
            out[name][index] = value
    return out


def test_phase_that_changed_while_nothing_was_received_is_told_after_the_gap() -> None:
    whole = records_of(
        row(Kind.QUOTE_SIDE, 1, Side.BUY, 10), row(Kind.QUOTE_SIDE, 1, Side.SELL, 11),
        row(Kind.STATE, 5, level=Phase.FROZEN), row(Kind.STATE, 6, level=Phase.AUCTION),
        row(Kind.TRADE, 20, price=9), row(Kind.STATE, 20, level=Phase.OPEN),
    )  # fmt: skip
    lost = lose_feed(whole, 4, 10)
    assert lost["kind"].tolist() == [5, 5, Kind.GAP, Kind.STATE, 5, 5, Kind.TRADE, Kind.STATE]
    assert lost["level"].tolist() == [0, 0, 0, Phase.AUCTION, 0, 0, 0, Phase.OPEN]
    assert lost["ts_event_ns"].tolist() == [1, 1, 10, 10, 10, 10, 20, 20]
    assert lost["price"].tolist() == [10, 11, 0, 0, 10, 11, 9, 0]


def test_phase_told_before_the_gap_is_not_told_again() -> None:
    whole = records_of(
        row(Kind.QUOTE_SIDE, 1, Side.BUY, 10), row(Kind.QUOTE_SIDE, 1, Side.SELL, 11),
        row(Kind.STATE, 2, level=Phase.FROZEN), row(Kind.TRADE, 5, price=9), row(Kind.TRADE, 12, price=9),
    )  # fmt: skip
    assert lose_feed(whole, 4, 10)["kind"].tolist() == [5, 5, Kind.STATE, Kind.GAP, 5, 5, Kind.TRADE]


def test_what_comes_as_the_feed_fails_is_lost_and_what_comes_as_it_is_back_is_not() -> None:
    whole = records_of(
        row(Kind.QUOTE_SIDE, 1, Side.BUY, 10), row(Kind.QUOTE_SIDE, 1, Side.SELL, 11),
        row(Kind.TRADE, 4, price=8), row(Kind.QUOTE_SIDE, 10, Side.BUY, 7), row(Kind.TRADE, 10, price=9),
    )  # fmt: skip
    lost = lose_feed(whole, 4, 10)
    assert lost["kind"].tolist() == [5, 5, Kind.GAP, 5, 5, 5, Kind.TRADE]
    assert lost["price"].tolist() == [10, 11, 0, 10, 11, 7, 9]


def test_levels_are_all_sent_again_after_a_gap() -> None:
    records = replace(LOST, levels=5).session_events(0)
    at = int(np.flatnonzero(records["kind"] == Kind.GAP)[0])
    burst = records[at + 1 : at + 1 + 12]
    assert burst["kind"].tolist() == ([Kind.QUOTE_SIDE] + 5 * [Kind.LEVEL_SET]) * 2
    assert burst["level"].tolist() == [0, 0, 1, 2, 3, 4] * 2


def test_lake_counts_the_gap_in_every_partition_and_keeps_phases_with_quotes(tmp_path: Path) -> None:
    market = SyntheticMarket(sessions=2, trades_per_session=1000, seed=21, levels=2, halts=1.0, gaps=1.0)
    lake = Lake(tmp_path)
    partitions = write_market(lake, market)
    assert {(p.kind, len(p.gaps)) for p in partitions} == {("trades", 1), ("quotes", 1), ("book", 1)}
    for index, day in enumerate(market.days()):
        assert lake.read_events("WINQ26", day).tobytes() == market.session_events(index).tobytes()
    assert len(phases(lake.read_events("WINQ26", date(2026, 6, 1)))) == 3


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"halts": 1.5}, "halts"),
        ({"gaps": -0.1}, "gaps"),
        ({"arrivals": "uniform"}, "poisson or hawkes"),
        ({"shape": ()}, "shape"),
        ({"shape": ((600, 1000), (540, 1000))}, "ascending"),
        ({"shape": ((540, 0), (600, 1000))}, "positive"),
    ],
)
def test_refuses_values_no_session_can_have(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        SyntheticMarket(**values)
