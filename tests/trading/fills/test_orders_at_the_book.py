"""Market orders and marketable limits by hand. Buy and sell are mirrored around 10 000."""

import numpy as np
import pytest

from market.types import PRICE_KEYED, Kind, Phase, Side, TradeType
from tests.factories import make_book, make_clock, make_event, make_quote, make_trade
from tests.trading.fills.scenes import (
    CANCEL,
    LATENCY,
    LIMIT,
    MARKET,
    MID,
    ask,
    at,
    fills,
    reports,
    seconds_of,
    states,
)
from trading.policy import VenueParams
from trading.records import OrderState

BUY, SELL = Side.BUY, Side.SELL
both_sides = pytest.mark.parametrize("side", [BUY, SELL])


def _touch(side: int, seconds: float, distance: int, size: int = 10) -> list[np.ndarray]:
    """A book one tick wide whose opposite best is so many ticks adverse to an order of a side."""
    opposite, own = Side(-side), Side(side)
    return [make_quote(seconds, opposite, at(side, distance), size), make_quote(seconds, own, at(side, distance - 1))]


def _depth(side: int, seconds: float, ladder: list[tuple[int, int]], keyed: bool = True) -> list[np.ndarray]:
    """Levels of both sides by price or index: ladder of (distance, quantity) opposite to an order of a side."""
    parts = []
    for index, (distance, quantity) in enumerate(ladder):
        for of, price in ((-side, at(side, distance)), (side, at(side, -1 - distance))):
            level = PRICE_KEYED if keyed else index
            parts.append(make_event(Kind.LEVEL_SET, seconds, side=of, price=price, quantity=quantity, level=level))
    return parts


@both_sides
def test_market_order_fills_at_the_opposite_best_once_it_has_arrived(side: Side) -> None:
    told = reports([ask(0, 1, side, quantity=2)], [*_touch(side, 0, 3), make_clock(1)])
    assert fills(told) == [(at(side, 3), 2)]
    assert states(told) == [OrderState.ACCEPTED, OrderState.FILLED]
    assert seconds_of(told) == [LATENCY, LATENCY]
    assert told["number"].tolist() == [1, 2]
    assert told["kind"].tolist() == [1, 0]
    assert told["notional"][-1] == 2 * at(side, 3)


@both_sides
@pytest.mark.parametrize("keyed", [True, False])
def test_market_order_walks_the_levels_and_slips_beyond_the_last(side: Side, keyed: bool) -> None:
    ladder = [(0, 2), (1, 3), (4, 1)]
    events = [*_depth(side, 0, ladder, keyed), make_clock(1)]
    assert fills(reports([ask(0, 1, side, quantity=4)], events)) == [(at(side, 0), 2), (at(side, 1), 2)]
    told = reports([ask(0, 1, side, quantity=9)], events, VenueParams(slippage_ticks=2))
    assert fills(told) == [(at(side, 0), 2), (at(side, 1), 3), (at(side, 4), 1), (at(side, 6), 3)]


@both_sides
def test_what_the_displayed_size_does_not_cover_fills_beyond_it(side: Side) -> None:
    told = reports([ask(0, 1, side, quantity=5)], _touch(side, 0, 0, 2), VenueParams(slippage_ticks=2))
    assert fills(told) == [(at(side, 0), 2), (at(side, 2), 3)]


@pytest.mark.parametrize("refresh", [False, True])
def test_size_we_took_is_not_there_again_until_the_level_is_told_anew(refresh: bool) -> None:
    again = [make_quote(0.5, SELL, MID, 3)] if refresh else []
    asked = [ask(0, 1, quantity=2), ask(0.9, 2, quantity=2)]
    told = reports(asked, [*make_book(0, MID - 1, MID, 3), make_clock(0.1), *again, make_clock(1)])
    assert fills(told) == [(MID, 2)]
    assert fills(told, 2) == ([(MID, 2)] if refresh else [(MID, 1), (MID + 1, 1)])


def test_level_told_anew_is_whole_again_and_the_others_stay_taken() -> None:
    ladder = [(0, 1), (1, 1), (2, 5)]
    fresh = make_event(Kind.LEVEL_SET, 0.5, side=SELL, price=MID, quantity=1, level=PRICE_KEYED)
    asked = [ask(0, 1, quantity=2), ask(0.9, 2, quantity=2)]
    told = reports(asked, [*_depth(BUY, 0, ladder), make_clock(0.1), fresh, make_clock(1)])
    assert fills(told, 2) == [(MID, 1), (MID + 2, 1)]


@both_sides
def test_order_meets_the_book_that_stood_before_the_event(side: Side) -> None:
    told = reports([ask(0, 1, side)], [*_touch(side, 0, 0), make_quote(1, -side, at(side, -5))])
    assert fills(told) == [(MID, 1)]


@pytest.mark.parametrize("later", [make_trade(60, MID + 50), make_quote(60, SELL, MID - 50), make_clock(60)])
def test_market_order_does_not_wait_for_the_next_event(later: np.ndarray) -> None:
    told = reports([ask(0, 1)], [*make_book(0, MID - 1, MID), later])
    assert fills(told) == [(MID, 1)]
    assert seconds_of(told)[-1] == LATENCY


@both_sides
def test_market_order_without_a_book_pays_one_tick_on_the_next_trade(side: Side) -> None:
    told = reports([ask(0, 1, side, quantity=3)], [make_clock(1), make_trade(2, MID, 1)])
    assert fills(told) == [(at(side, 1), 3)]


@pytest.mark.parametrize(
    "spoil",
    [
        [make_quote(0.005, BUY, 0)],
        [make_quote(0.005, BUY, MID)],
        [make_event(Kind.BOOK_CLEAR, 0.005)],
        [make_event(Kind.GAP, 0.005)],
    ],
)
def test_book_that_is_one_sided_crossed_or_unknown_is_not_traded_on(spoil: list[np.ndarray]) -> None:
    told = reports([ask(0, 1)], [*make_book(0, MID - 1, MID), *spoil, make_clock(1), make_trade(1.5, MID + 4)])
    assert fills(told) == [(MID + 5, 1)]


@pytest.mark.parametrize(("seconds", "expected"), [(2.0, [(MID, 1)]), (2.001, [])])
def test_book_older_than_two_seconds_is_not_traded_on(seconds: float, expected: list[object]) -> None:
    told = reports([ask(seconds - LATENCY, 1)], [*make_book(0, MID - 1, MID), make_clock(9)])
    assert fills(told) == expected


def test_order_that_met_an_old_book_takes_the_next_one_when_it_comes() -> None:
    told = reports([ask(3, 1)], [*make_book(0, MID - 1, MID), *make_book(4, MID + 2, MID + 3), make_clock(9)])
    assert fills(told) == [(MID + 3, 1)]
    assert seconds_of(told)[-1] == 4


@both_sides
def test_marketable_limit_walks_to_its_price_and_the_rest_stands_first_there(side: Side) -> None:
    events = [*_depth(side, 0, [(0, 2), (1, 3), (2, 9)]), make_clock(0.5)]
    asked = [ask(0, 1, side, LIMIT, 7, at(side, 1))]
    assert fills(reports(asked, events)) == [(at(side, 0), 2), (at(side, 1), 3)]
    # Two contracts are left; a trade at the price has nobody before them.
    told = reports(asked, [*events, make_trade(1, at(side, 1), 1), make_trade(2, at(side, 1), 5)])
    assert fills(told)[2:] == [(at(side, 1), 1), (at(side, 1), 1)]


@both_sides
@pytest.mark.parametrize(("trade", "expected"), [(2, []), (1, []), (0, [1]), (-7, [-6])])
def test_limit_that_met_no_book_pays_one_tick_on_a_trade_but_never_more_than_its_price(
    side: Side, trade: int, expected: list[object]
) -> None:
    told = reports([ask(0, 1, side, LIMIT, 3, at(side, 1))], [make_clock(1), make_trade(2, at(side, trade))])
    assert fills(told) == [(at(side, distance), 3) for distance in expected]


def test_cancel_and_fill_race_by_their_arrivals() -> None:
    book = make_book(1, MID - 1, MID)
    early, late = ([ask(0, 1), ask(sent, 1, kind=CANCEL)] for sent in (0.984, 0.986))
    told = reports(early, [*book, make_clock(2)])
    assert states(told) == [OrderState.ACCEPTED, OrderState.CANCELED]
    assert (told["kind"][-1], told["refused"][-1]) == (CANCEL, 0)
    told = reports(late, [*book, make_clock(2)])
    assert states(told) == [OrderState.ACCEPTED, OrderState.FILLED, OrderState.FILLED]
    assert (told["kind"][-1], told["refused"][-1], told["filled"][-1]) == (CANCEL, 1, 1)


def _phase(seconds: float, phase: Phase) -> np.ndarray:
    return make_event(Kind.STATE, seconds, level=phase)


@both_sides
def test_auction_fills_at_its_one_price_and_what_is_left_meets_the_open(side: Side) -> None:
    asked = [
        ask(0.1, 1, side, quantity=2),
        ask(0.1, 2, side, LIMIT, 2, at(side, 5)),
        ask(0.1, 3, side, LIMIT, 2, at(side, 3)),
        ask(0.1, 4, side, LIMIT, 2, at(side, 1)),
    ]
    before = [_phase(0, Phase.AUCTION), make_trade(1, at(side, -9)), make_clock(1.5)]
    told = reports(asked, before)
    assert set(told["state"]) == {OrderState.ACCEPTED}
    cross = make_trade(2, at(side, 3), 50, Side.NONE, trade_type=TradeType.AUCTION)
    opened = [_phase(2, Phase.OPEN), *_touch(side, 2.5, 3), make_clock(3)]
    told = reports(asked, [*before, cross, *opened])
    assert [fills(told, order) for order in (1, 2, 3)] == [[(at(side, 3), 2)]] * 3
    assert fills(told, 4) == []
    assert seconds_of(told[told["order"] == 3])[-1] == 2.5


def test_without_a_print_the_open_lets_the_waiting_orders_meet_the_book() -> None:
    events = [_phase(0, Phase.AUCTION), *make_book(1, MID - 1, MID), _phase(2, Phase.OPEN), make_clock(9)]
    told = reports([ask(0, 1)], events)
    assert fills(told) == [(MID, 1)]
    assert seconds_of(told)[-1] == 2


def test_retail_prints_fill_nothing() -> None:
    told = reports([ask(0, 1, MARKET)], [make_clock(1), make_trade(2, MID, trade_type=TradeType.RLP)])
    assert fills(told) == []


@both_sides
@pytest.mark.parametrize("limited", [False, True])
def test_auction_tunnel_holds_an_order_until_the_market_comes_to_it(side: Side, limited: bool) -> None:
    params = VenueParams(auction_ticks=2)
    asked = [ask(0, 1, side, LIMIT if limited else MARKET, 3, at(side, 5) if limited else 0)]
    events = [make_trade(0, MID), *_depth(side, 0, [(1, 1), (3, 9)]), make_clock(0.5)]
    assert fills(reports(asked, events, params)) == [(at(side, 1), 1)]
    told = reports(asked, [*events, make_trade(1, at(side, 1)), make_clock(1.5)], params)
    assert fills(told) == [(at(side, 1), 1), (at(side, 3), 2)]


@both_sides
@pytest.mark.parametrize(("slippage", "beyond"), [(1, [2]), (2, [])])
def test_auction_tunnel_holds_what_would_slip_beyond_it(side: Side, slippage: int, beyond: list[int]) -> None:
    params = VenueParams(auction_ticks=2, slippage_ticks=slippage)
    events = [make_trade(0, MID), *_depth(side, 0, [(1, 1)]), make_clock(0.5)]
    told = reports([ask(0, 1, side, quantity=2)], events, params)
    assert fills(told) == [(at(side, distance), 1) for distance in (1, *beyond)]
