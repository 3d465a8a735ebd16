"""The four stylised facts on markets written by hand, where each can be counted on paper."""

import numpy as np
import pytest

from market.types import Kind, Side, TradeType, bars, events
from tests.stylised import (
    SLOT_NS,
    SLOTS,
    autocorrelation,
    carried_quotes,
    inside_share,
    intraday_shape,
    log_returns,
    spread_shares,
    without_time_of_day,
)

NOON = 1_760_000_000 * 1_000_000_000


def quote(at: int, side: Side, price: int) -> dict[str, int]:
    return {"kind": Kind.QUOTE_SIDE, "ts_event_ns": at, "side": side, "price": price}


def trade(at: int, price: int, trade_type: TradeType = TradeType.BUY_AGGRESSION) -> dict[str, int]:
    return {"kind": Kind.TRADE, "ts_event_ns": at, "price": price, "trade_type": trade_type}


def records_of(*rows: dict[str, int]) -> np.ndarray:
    out = events(len(rows))
    for index, values in enumerate(rows):
        for name, value in values.items():
            out[name][index] = value
    return out


def test_spread_is_weighted_with_the_time_it_stands() -> None:
    """One tick for 10, two for 30, three or more for 60; crossed and one-sided time does not count."""
    records = records_of(
        quote(0, Side.BUY, 100), quote(5, Side.SELL, 90), quote(20, Side.SELL, 101), quote(30, Side.SELL, 102),
        quote(60, Side.BUY, 95), quote(120, Side.BUY, 101),
    )  # fmt: skip
    assert spread_shares(records, 3).tolist() == [0, 0.1, 0.3, 0.6]


def test_time_without_a_quote_after_a_gap_does_not_count() -> None:
    records = records_of(
        quote(0, Side.BUY, 100), quote(0, Side.SELL, 101), {"kind": Kind.GAP, "ts_event_ns": 10},
        quote(90, Side.BUY, 100), quote(90, Side.SELL, 102), trade(120, 100),
    )  # fmt: skip
    assert spread_shares(records, 2).tolist() == [0, 0.25, 0.75]


def test_no_sound_quote_has_no_spread_and_no_inside() -> None:
    records = records_of(quote(0, Side.BUY, 100), trade(5, 100))
    assert np.all(np.isnan(spread_shares(records)))
    assert np.isnan(inside_share(records))


def test_trade_is_inside_by_the_quote_before_it_and_strictly() -> None:
    """At 100 and 103 it is not, at 101 it is; an auction, a cross and what comes before both sides do not count."""
    records = records_of(
        trade(0, 101), quote(1, Side.BUY, 100), trade(1, 101), quote(1, Side.SELL, 103), trade(2, 100), trade(2, 103),
        trade(2, 101), trade(2, 101, TradeType.CROSS),
        trade(2, 101, TradeType.AUCTION), trade(3, 104), quote(3, Side.BUY, 102), trade(4, 102),
    )  # fmt: skip
    assert inside_share(records) == 1 / 5


def test_carried_quotes_equal_a_loop() -> None:
    generator = np.random.default_rng(4)
    records = events(500)
    records["kind"] = generator.choice(
        [Kind.TRADE, Kind.QUOTE_SIDE, Kind.BOOK_CLEAR, Kind.GAP], 500, p=[0.3, 0.6, 0.05, 0.05]
    )
    records["side"] = generator.choice([1, -1], 500)
    records["price"] = generator.integers(90, 110, 500)
    held, expected = {1: 0, -1: 0}, []
    for record in records:
        if record["kind"] == Kind.QUOTE_SIDE:
            held[int(record["side"])] = int(record["price"])
        elif record["kind"] != Kind.TRADE:
            held = {1: 0, -1: 0}
        expected.append((held[1], held[-1]))
    assert np.array_equal(np.column_stack(carried_quotes(records)), expected)


def test_shape_puts_each_bar_in_its_half_hour_and_leaves_the_evening_out() -> None:
    """Three trades at 09:00, one at 12:00 in two bars, and five at 18:00: mean of 18 slots is 4/18."""
    day = bars(4)
    day["ts_open_ns"] = NOON + np.array([-6 * SLOT_NS, 0, SLOT_NS - 60_000_000_000, 12 * SLOT_NS])
    day["trades"] = [3, 0, 1, 5]
    shape = intraday_shape(day, NOON)
    assert len(shape) == SLOTS
    assert shape[0] == pytest.approx(3 / (4 / 18))
    assert shape[6] == pytest.approx(1 / (4 / 18))
    assert np.count_nonzero(shape) == 2
    assert shape.mean() == pytest.approx(1)
    day["volume"] = [1, 1, 1, 1]
    assert intraday_shape(day, NOON, "volume")[[0, 6]].tolist() == [6, 12]


def test_return_over_a_missing_bar_is_none() -> None:
    day = bars(4)
    day["ts_open_ns"] = [0, 60, 120, 240]
    day["ts_close_ns"] = day["ts_open_ns"] + 60
    day["close"] = [100, 200, 100, 400]
    assert log_returns(day)[:2] == pytest.approx([np.log(2), -np.log(2)])
    assert np.isnan(log_returns(day)[2])


def test_autocorrelation_of_an_autoregression_is_its_power() -> None:
    """x = 0.6 x + noise: 0.6 at lag 1, 0.36 at lag 2; four standard errors of 100,000 values are 0.013."""
    generator = np.random.default_rng(9)
    values = generator.normal(size=100_000)
    for index in range(1, values.size):
        values[index] += 0.6 * values[index - 1]
    sessions = np.split(values, 100)
    assert autocorrelation(sessions, 1) == pytest.approx(0.6, abs=0.013)
    assert autocorrelation(sessions, 2) == pytest.approx(0.36, abs=0.013)


def test_autocorrelation_pairs_nothing_across_sessions_or_holes() -> None:
    """The pairs left are (1, 2), (2, 3) and (5, 1)."""
    sessions = [np.array([1.0, 2.0, 3.0, np.nan]), np.array([9.0]), np.array([5.0, 1.0])]
    assert autocorrelation(sessions, 1) == pytest.approx(np.corrcoef([2, 3, 1], [1, 2, 5])[0, 1])


def test_usual_size_of_the_time_of_day_is_taken_out() -> None:
    """Slot 0 has mean 2 over both sessions, slot 1 has mean 5 without the NaN."""
    sizes = [np.array([1.0, 5.0]), np.array([3.0, np.nan])]
    first, second = without_time_of_day(sizes, [np.array([0, 1]), np.array([0, 1])])
    assert first.tolist() == [0.5, 1.0]
    assert second[0] == 1.5
    assert np.isnan(second[1])
