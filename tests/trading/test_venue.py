"""The paper venue, one rule of signals.md §13 at a time. Buy and sell are mirrored around 10 000."""

from collections.abc import Sequence

import numpy as np
import pytest

from market.types import Flag, Kind, Phase, Side, TradeType
from tests.factories import OPEN_NS, SECOND_NS, make_bar, make_book, make_clock, make_event, make_quote, make_trade
from trading.fills import (
    Venue,
    accept_order,
    match_bar,
    match_event,
    meet_book,
    new_venue,
    remove_order,
    reset_venue,
    update_book,
)
from trading.policy import VenueParams
from trading.records import ORDER, OrderRole, OrderType

ENTRY, STOP, TARGET, FLATTEN = OrderRole
LATENCY_NS = 15_000_000
BUY, SELL = Side.BUY, Side.SELL
MID = 10_000


def _at(side: int, distance: int) -> int:
    """Return the price that is so many ticks worse for an order of a side than MID."""
    return MID + side * distance


def _venue(role: OrderRole, side: int, quantity: int = 1, price: int = 0, slippage: int = 1) -> Venue:
    """Return a venue with one order, sent at the open."""
    venue = new_venue(VenueParams(latency_ms=15, slippage_ticks=slippage), 0.25)
    order = np.zeros(1, dtype=ORDER)
    order["id"], order["ts_ns"], order["decision"], order["instrument"] = 42, OPEN_NS, 7, 3
    order["role"], order["side"], order["quantity"] = role, side, quantity
    order["type"] = {STOP: OrderType.STOP, TARGET: OrderType.LIMIT}.get(role, OrderType.MARKET)
    order["stop_price" if role is STOP else "price"] = price
    accept_order(venue, order[0], LATENCY_NS)
    return venue


def _play(venue: Venue, parts: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Return (price, quantity) of every fill."""
    fills = []
    for part in parts:
        for role in OrderRole:
            while meet_book(venue, int(role), int(part["ts_event_ns"][0])) or match_event(venue, int(role), part[0]):
                fills.append((int(venue.report["price"][0]), int(venue.report["quantity"][0])))
        update_book(venue, part[0])
    return fills


def _book(side: int, seconds: float, touch: int, size: int = 10) -> list[np.ndarray]:
    """Return a book whose opposite best for an order of a side is `touch`, one tick wide."""
    bid, ask = (touch - 1, touch) if side == BUY else (touch, touch + 1)
    return make_book(seconds, bid, ask, size)


both_sides = pytest.mark.parametrize("side", [BUY, SELL])


@both_sides
def test_market_order_fills_at_the_opposite_best_quote(side: Side) -> None:
    venue = _venue(ENTRY, side, 2)
    assert _play(venue, [*_book(side, 0, _at(side, 3)), make_clock(1)]) == [(_at(side, 3), 2)]
    report = venue.report[0]
    assert (report["order"], report["decision"], report["instrument"], report["role"]) == (42, 7, 3, ENTRY)
    assert (report["side"], report["fee"], report["ts_ns"]) == (side, 0.50, OPEN_NS + LATENCY_NS)


@both_sides
def test_what_the_displayed_size_does_not_cover_fills_beyond_it(side: Side) -> None:
    events = [*_book(side, 0, MID, size=2), make_clock(1)]
    assert _play(_venue(ENTRY, side, 5, slippage=2), events) == [(MID, 2), (_at(side, 2), 3)]


def test_size_we_took_is_not_there_for_our_next_order() -> None:
    venue = _venue(ENTRY, BUY, 2)
    assert _play(venue, [*_book(BUY, 0, MID, size=3), make_clock(1)]) == [(MID, 2)]
    second = _venue(FLATTEN, BUY, 2).orders[FLATTEN]
    accept_order(venue, second, 0)
    assert _play(venue, [make_clock(1.5)]) == [(MID, 1), (MID + 1, 1)]


@both_sides
@pytest.mark.parametrize(("seconds", "filled"), [(0.014, False), (0.015, True)])
def test_order_works_once_the_latency_has_passed(side: Side, seconds: float, filled: bool) -> None:
    assert bool(_play(_venue(ENTRY, side), [*_book(side, 0, MID), make_clock(seconds)])) == filled


def test_order_meets_the_book_before_the_event_not_after_it() -> None:
    events = [*_book(BUY, 0, MID), make_quote(1, SELL, MID - 5)]
    assert _play(_venue(ENTRY, BUY), events) == [(MID, 1)]


@both_sides
def test_market_order_without_a_quote_pays_one_tick_on_the_next_trade(side: Side) -> None:
    venue = _venue(ENTRY, side, 3)
    assert _play(venue, [make_clock(1), make_trade(2, MID, 1)]) == [(_at(side, 1), 3)]


@pytest.mark.parametrize(
    "spoil",
    [
        [make_quote(0.5, BUY, 0)],
        [make_quote(0.5, BUY, MID)],
        [make_event(Kind.BOOK_CLEAR, 0.5)],
        [make_event(Kind.GAP, 0.5)],
    ],
)
def test_book_that_is_one_sided_crossed_or_unknown_is_not_traded_on(spoil: list[np.ndarray]) -> None:
    venue = _venue(ENTRY, BUY)
    venue.active_ns[ENTRY] = OPEN_NS + SECOND_NS
    events = [*make_book(0, MID - 1, MID), *spoil, make_clock(1), make_trade(1.5, MID + 4)]
    assert _play(venue, events) == [(MID + 5, 1)]


@both_sides
@pytest.mark.parametrize(
    "later", [make_trade(60, MID + 50), make_quote(60, BUY, MID + 50), make_quote(60, SELL, MID - 50), make_clock(60)]
)
def test_market_order_does_not_wait_for_the_next_event(side: Side, later: np.ndarray) -> None:
    venue = _venue(ENTRY, side)
    assert _play(venue, [*_book(side, 0, MID), later]) == [(MID, 1)]
    assert venue.report["ts_ns"][0] == OPEN_NS + LATENCY_NS


@pytest.mark.parametrize(("seconds", "expected"), [(2.0, [(MID, 1)]), (2.001, [])])
def test_quote_older_than_two_seconds_is_not_traded_on(seconds: float, expected: list[tuple[int, int]]) -> None:
    venue = _venue(ENTRY, BUY)
    venue.active_ns[ENTRY] = OPEN_NS + round(seconds * SECOND_NS)
    assert _play(venue, [*make_book(0, MID - 1, MID), make_clock(9)]) == expected


def test_market_order_that_met_an_old_quote_takes_the_next_one_when_it_comes() -> None:
    venue = _venue(ENTRY, BUY)
    venue.active_ns[ENTRY] = OPEN_NS + 3 * SECOND_NS
    assert _play(venue, [*make_book(0, MID - 1, MID), *make_book(4, MID + 2, MID + 3), make_clock(9)]) == [(MID + 3, 1)]
    assert venue.report["ts_ns"][0] == OPEN_NS + 4 * SECOND_NS


@both_sides
def test_limit_fills_at_its_price_only_when_a_trade_prints_through_it(side: Side) -> None:
    venue = _venue(TARGET, side, 2, price=MID)
    assert _play(venue, [make_trade(1, MID), make_trade(2, _at(side, 1))]) == []
    assert _play(venue, [make_trade(3, _at(side, -4))]) == [(MID, 2)]


@both_sides
def test_stop_is_triggered_by_a_trade_at_its_trigger(side: Side) -> None:
    venue = _venue(STOP, side, 2, price=MID)
    assert _play(venue, [make_trade(1, _at(side, -1))]) == []
    assert _play(venue, [make_trade(2, MID)]) == [(MID, 2)]


@both_sides
@pytest.mark.parametrize(("trade", "touch", "expected"), [(6, None, 6), (0, 4, 4), (6, 4, 6), (2, -3, 2), (0, -3, 0)])
def test_stop_fills_at_the_worst_of_trigger_trade_and_quote(
    side: Side, trade: int, touch: int | None, expected: int
) -> None:
    quotes = [] if touch is None else _book(side, 0.9, _at(side, touch))
    venue = _venue(STOP, side, 1, price=MID)
    assert _play(venue, [*quotes, make_trade(1, _at(side, trade))]) == [(_at(side, expected), 1)]


def test_stop_larger_than_the_displayed_size_slips() -> None:
    events = [*_book(SELL, 0.9, MID - 1, size=1), make_trade(1, MID)]
    assert _play(_venue(STOP, SELL, 3, price=MID), events) == [(MID - 1, 1), (MID - 2, 2)]


@pytest.mark.parametrize("role", [STOP, TARGET])
def test_quotes_alone_neither_trigger_a_stop_nor_fill_a_limit(role: OrderRole) -> None:
    quotes = [*make_book(1, MID - 9, MID - 8), *make_book(2, MID + 8, MID + 9)]
    assert _play(_venue(role, SELL, 1, price=MID), quotes) == []


@pytest.mark.parametrize(
    "trade",
    [
        make_trade(1, MID - 50, trade_type=TradeType.CROSS),
        make_trade(1, 0),
        make_trade(1, MID - 50, quantity=0),
    ],
)
def test_print_that_says_nothing_about_the_market_triggers_nothing(trade: np.ndarray) -> None:
    assert _play(_venue(STOP, SELL, 1, price=MID), [trade]) == []


def test_nothing_fills_in_an_auction() -> None:
    venue = _venue(ENTRY, BUY)
    auction, opened = (make_event(Kind.STATE, at, level=to) for at, to in ((0, Phase.AUCTION), (2, Phase.OPEN)))
    assert _play(venue, [auction, *make_book(1, MID - 1, MID), make_trade(1.5, MID)]) == []
    assert _play(venue, [opened, make_clock(9)]) == [(MID, 1)]
    assert venue.report["ts_ns"][0] == OPEN_NS + 2 * SECOND_NS


def test_removed_order_and_new_session_fill_nothing() -> None:
    venue = _venue(ENTRY, BUY)
    remove_order(venue, int(ENTRY))
    assert _play(venue, [*make_book(1, MID - 1, MID), make_clock(1.5)]) == []
    venue = _venue(ENTRY, BUY)
    _play(venue, make_book(0, MID - 1, MID))
    reset_venue(venue)
    assert (venue.orders["id"] == 0).all()
    assert venue.state["ask"][0] == 0


def _bar(side: int, opening: int, best: int, worst: int, flags: int = 0) -> np.ndarray:
    """Return a bar by distances from MID in an order's adverse direction: best is least adverse, worst most."""
    first, low, high = _at(side, opening), *sorted((_at(side, best), _at(side, worst)))
    return make_bar(1, (first, high, low, first), flags=flags)


@both_sides
def test_market_order_fills_at_the_next_open_and_pays_the_slippage(side: Side) -> None:
    venue = _venue(ENTRY, side, 2, slippage=2)
    bar = _bar(side, 3, -5, 9)
    assert match_bar(venue, int(ENTRY), bar[0])
    assert (venue.report["price"][0], venue.report["quantity"][0]) == (_at(side, 5), 2)
    assert venue.report["ts_ns"][0] == bar["ts_open_ns"][0]
    assert not match_bar(venue, int(ENTRY), bar[0])


@both_sides
@pytest.mark.parametrize(
    ("opening", "worst", "expected"), [(-4, -1, None), (-4, 0, 0), (-4, 6, 0), (0, 2, 0), (5, 6, 5), (5, 5, 5)]
)
def test_stop_in_a_bar_fills_at_its_trigger_or_at_a_worse_open(
    side: Side, opening: int, worst: int, expected: int | None
) -> None:
    venue = _venue(STOP, side, 1, price=MID)
    assert match_bar(venue, int(STOP), _bar(side, opening, -9, worst)[0]) == (expected is not None)
    if expected is not None:
        assert venue.report["price"][0] == _at(side, expected)


@both_sides
@pytest.mark.parametrize(("opening", "best", "filled"), [(5, 1, False), (5, 0, False), (5, -1, True), (-3, -4, True)])
def test_limit_in_a_bar_fills_at_its_price_when_the_bar_goes_through_it(
    side: Side, opening: int, best: int, filled: bool
) -> None:
    venue = _venue(TARGET, side, 1, price=MID)
    assert match_bar(venue, int(TARGET), _bar(side, opening, best, 9)[0]) == filled
    assert venue.report["price"][0] == (MID if filled else 0)


@pytest.mark.parametrize("role", [ENTRY, STOP, TARGET])
def test_bar_without_trades_fills_nothing(role: OrderRole) -> None:
    venue = _venue(role, SELL, 1, price=MID)
    assert not match_bar(venue, int(role), make_bar(1, (MID,) * 4, 0, int(Flag.EMPTY))[0])
