"""Round trips: money worked by hand, and a ledger as the judge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.metrics import round_trips
from market.types import Regime
from trading.records import FILL, Strategy

WDO_TICK_VALUE = 5.0


def test_a_long_earns_its_ticks_less_both_fees(make_fills):
    trips = round_trips(make_fills([(0, 1, 1, 10_000, 1.2, 7), (4, -1, 1, 10_010, 1.2, 9)]), WDO_TICK_VALUE)
    assert len(trips) == 1
    trip = trips[0]
    assert (trip["gross"], trip["fees"], trip["quantity"], trip["side"], trip["decision"]) == (50.0, 2.4, 1, 1, 7)
    assert trip["net"] == pytest.approx(47.6)
    assert trip["close_ns"] - trip["open_ns"] == 4 * 60 * 10**9


def test_a_short_in_a_rising_market_loses(make_fills):
    trip = round_trips(make_fills([(0, -1, 1, 10_000, 1.2, 0), (1, 1, 1, 10_010, 1.2, 0)]), WDO_TICK_VALUE)[0]
    assert (trip["gross"], trip["side"]) == (-50.0, -1)
    assert trip["net"] == pytest.approx(-52.4)


def test_entries_and_exits_in_parts_make_one_round_trip(make_fills):
    fills = make_fills([(0, 1, 2, 100, 1, 0), (1, 1, 1, 103, 1, 1), (2, -1, 1, 104, 1, 2), (3, -1, 2, 105, 1, 3)])
    trips = round_trips(fills, 1.0)
    # bought 2 at 100 and 1 at 103 = 303; sold 1 at 104 and 2 at 105 = 314
    assert [(t["gross"], t["fees"], t["quantity"]) for t in trips] == [(11.0, 4.0, 3)]


def test_a_fill_that_turns_the_position_closes_one_and_opens_the_next(make_fills):
    trips = round_trips(make_fills([(0, 1, 1, 100, 1.0, 3), (5, -1, 3, 104, 3.0, 8), (9, 1, 2, 101, 2.0, 9)]), 1.0)
    # long 1 from 100 to 104; then short 2 from 104 to 101; the fee of 3.0 is shared 1 to 2
    assert trips["gross"].tolist() == [4.0, 6.0]
    assert trips["fees"].tolist() == [2.0, 4.0]
    assert trips["decision"].tolist() == [3, 8]
    assert trips["side"].tolist() == [1, -1]
    assert trips["open_ns"][1] == trips["close_ns"][0]


def test_a_position_still_open_makes_no_round_trip(make_fills):
    fills = make_fills([(0, 1, 1, 100, 1, 0), (1, -1, 1, 90, 1, 1), (2, 1, 1, 95, 1, 2)])
    assert round_trips(fills, 1.0)["gross"].tolist() == [-10.0]


def test_no_fills_make_no_round_trips():
    assert len(round_trips(np.zeros(0, dtype=FILL), 1.0)) == 0


def test_regime_is_that_of_the_decision_even_when_numbers_start_again_each_session(make_fills, make_decisions):
    day = 24 * 60
    decisions = make_decisions(
        [(1, 0, Regime.TREND_UP), (2, 1, Regime.RANGE), (day + 1, 0, Regime.RANGE), (day + 2, 1, Regime.TREND_DOWN)]
    )
    fills = make_fills(
        [
            (2.5, 1, 1, 100, 0, 0),  # filled late: decision 1 came in between
            (3, -1, 1, 101, 0, 1),
            (day + 2, -1, 1, 100, 0, 1),  # at the very time of its decision
            (day + 3, 1, 1, 101, 0, 1),
        ]
    )
    decisions["strategy"][3] = Strategy.VOLATILE
    trips = round_trips(fills, 1.0, decisions)
    assert trips["regime"].tolist() == [Regime.TREND_UP, Regime.TREND_DOWN]
    assert trips["strategy"].tolist() == [Strategy.TREND_UP, Strategy.VOLATILE]


def test_regime_is_undefined_where_the_decision_is_not_on_record(make_fills, make_decisions):
    decisions = make_decisions([(1, 5, Regime.TREND_UP)])
    fills = make_fills([(2, 1, 1, 100, 0, 9), (3, -1, 1, 100, 0, 9), (4, 1, 1, 100, 0, 2), (5, -1, 1, 100, 0, 2)])
    trips = round_trips(fills, 1.0, decisions)
    assert trips["regime"].tolist() == trips["strategy"].tolist() == [0, 0]


steps = st.lists(
    st.tuples(st.sampled_from((-1, 1)), st.integers(1, 4), st.integers(9_000, 11_000)), min_size=1, max_size=40
)


def flat_fills(drawn: list[tuple[int, int, int]], fee: float) -> np.ndarray:
    """The drawn fills and one more that leaves no position."""
    position = sum(side * quantity for side, quantity, _ in drawn)
    if position:
        drawn = [*drawn, (-1 if position > 0 else 1, abs(position), 10_000)]
    fills = np.zeros(len(drawn), dtype=FILL)
    fills["side"], fills["quantity"], fills["price"] = np.array(drawn).T
    fills["ts_ns"], fills["fee"] = np.arange(len(drawn)), fee * fills["quantity"]
    return fills


@settings(max_examples=60, deadline=None)
@given(steps)
def test_round_trips_add_up_to_the_cash_ledger(drawn):
    fills = flat_fills(drawn, 1.25)
    trips = round_trips(fills, 0.5)
    cash = sum(-int(f["side"]) * int(f["price"]) * int(f["quantity"]) * 0.5 for f in fills)
    assert trips["gross"].sum() == pytest.approx(cash)
    assert trips["fees"].sum() == pytest.approx(fills["fee"].sum())
    assert trips["quantity"].sum() * 2 == fills["quantity"].sum()


@settings(max_examples=60, deadline=None)
@given(steps)
def test_mirrored_prices_and_sides_earn_the_same(drawn):
    fills = flat_fills(drawn, 0.5)
    mirrored = fills.copy()
    mirrored["side"], mirrored["price"] = -fills["side"], 20_000 - fills["price"]
    assert round_trips(mirrored, 5.0)["net"] == pytest.approx(round_trips(fills, 5.0)["net"])


@settings(max_examples=60, deadline=None)
@given(steps)
def test_doubled_fees_lower_the_result_by_exactly_the_fees(drawn):
    fills = flat_fills(drawn, 0.5)
    doubled = fills.copy()
    doubled["fee"] *= 2
    fall = round_trips(fills, 5.0)["net"].sum() - round_trips(doubled, 5.0)["net"].sum()
    assert fall == pytest.approx(fills["fee"].sum())
