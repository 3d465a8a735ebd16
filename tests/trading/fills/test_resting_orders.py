"""Limits in the queue and stops by hand. Buy and sell are mirrored around 10 000."""

import numpy as np
import pytest

from market.types import PRICE_KEYED, Kind, Phase, Side, TradeType
from tests.factories import make_book, make_clock, make_event, make_quote, make_trade
from tests.trading.fills.scenes import (
    CANCEL,
    LIMIT,
    MARKET,
    MID,
    REPLACE,
    STOP,
    ask,
    at,
    fills,
    reports,
    seconds_of,
    states,
)
from trading.policy import VenueParams
from trading.records import OrderState
from trading.requests import Refusal

BUY, SELL = Side.BUY, Side.SELL
both_sides = pytest.mark.parametrize("side", [BUY, SELL])
QUEUE = 10


def _book(side: int, seconds: float, size: int = QUEUE, own: int = 0) -> list[np.ndarray]:
    """Best quotes: `size` displayed on the order's own side at MID + own, the other side one tick away."""
    return [
        make_quote(seconds, Side(side), at(side, own), size),
        make_quote(seconds, Side(-side), at(side, own + 1), QUEUE),
    ]


def _rests(side: int, quantity: int = 3) -> list[np.ndarray]:
    return [ask(0, 1, side, LIMIT, quantity, MID)]


def _traded(side: int, quantities: list[int], distance: int = 0, **fields: int) -> list[np.ndarray]:
    """Trades at one price, a second apart from the first second on."""
    price = at(side, distance)
    return [make_trade(1 + k, price, quantity, Side(-side), **fields) for k, quantity in enumerate(quantities)]


@both_sides
def test_limit_fills_at_its_price_after_what_stood_before_it_by_what_trades(side: Side) -> None:
    events = [*_book(side, 0), *_traded(side, [4, 6])]
    assert fills(reports(_rests(side), events)) == []
    told = reports(_rests(side), [*_book(side, 0), *_traded(side, [4, 7, 1, 5])])
    assert fills(told) == [(MID, 1)] * 3
    assert states(told)[1:] == [OrderState.PARTIALLY_FILLED] * 2 + [OrderState.FILLED]
    assert seconds_of(told)[1:] == [2, 3, 4]


@both_sides
def test_limit_fills_whole_when_the_market_trades_through_it(side: Side) -> None:
    told = reports(_rests(side), [*_book(side, 0), *_traded(side, [1], -1)])
    assert fills(told) == [(MID, 3)]
    assert fills(reports(_rests(side), [*_book(side, 0), *_traded(side, [50], 1)])) == []


@both_sides
@pytest.mark.parametrize("trade_type", [TradeType.RLP, TradeType.CROSS, TradeType.AUCTION])
def test_prints_outside_the_queue_bring_nobody_forward(side: Side, trade_type: TradeType) -> None:
    events = [*_book(side, 0), *_traded(side, [99, 99], trade_type=trade_type), make_trade(9, MID, 10)]
    assert fills(reports(_rests(side), events)) == []
    assert fills(reports(_rests(side), [*events, make_trade(10, MID, 2)])) == [(MID, 2)]


@both_sides
def test_quotes_alone_fill_no_limit(side: Side) -> None:
    events = [*_book(side, 0), *_book(side, 1, own=-9), *_book(side, 2, own=9), make_clock(3)]
    assert fills(reports(_rests(side), events)) == []


@both_sides
@pytest.mark.parametrize(("shares", "ahead"), [(False, 6), (True, 3)])
def test_cancels_bring_forward_only_where_they_fall_on_the_whole_queue(side: Side, shares: bool, ahead: int) -> None:
    # Ten before us, four trade, three of the six left are cancelled without a trade.
    events = [*_book(side, 0), make_trade(1, MID, 4), make_quote(2, side, MID, 3)]
    params = VenueParams(shares_cancels=shares)
    assert fills(reports(_rests(side), [*events, make_trade(3, MID, ahead)], params)) == []
    assert fills(reports(_rests(side), [*events, make_trade(3, MID, ahead + 1)], params)) == [(MID, 1)]


def test_share_of_the_cancels_is_rounded_against_us() -> None:
    # Our three stand behind ten; fifteen more come behind us. Of 25 displayed seven go: 10 - floor(70 / 25) = 8 left.
    events = [*_book(BUY, 0), make_quote(1, BUY, MID, 25), make_quote(2, BUY, MID, 18)]
    params = VenueParams(shares_cancels=True)
    assert fills(reports(_rests(BUY), [*events, make_trade(3, MID, 8)], params)) == []
    assert fills(reports(_rests(BUY), [*events, make_trade(3, MID, 9)], params)) == [(MID, 1)]


@both_sides
def test_limit_better_than_the_best_has_nobody_before_it(side: Side) -> None:
    events = [make_quote(0, side, at(side, -2)), make_quote(0, Side(-side), at(side, 1)), make_trade(1, MID, 2)]
    assert fills(reports(_rests(side), events)) == [(MID, 2)]


@both_sides
def test_quote_without_a_size_tells_no_place(side: Side) -> None:
    assert fills(reports(_rests(side), [*_book(side, 0, 0), *_traded(side, [99, 99])])) == []
    assert fills(reports(_rests(side), [*_book(side, 0, 0), *_traded(side, [1], -1)])) == [(MID, 3)]


@both_sides
def test_limit_behind_the_best_learns_its_place_when_its_price_is_shown(side: Side) -> None:
    behind = _book(side, 0, own=2)
    assert fills(reports(_rests(side), [*behind, make_trade(1, MID, 99)])) == []
    shown = _book(side, 0.5, 7)
    assert fills(reports(_rests(side), [*behind, *shown, make_trade(1, MID, 7)])) == []
    assert fills(reports(_rests(side), [*behind, *shown, make_trade(1, MID, 9)])) == [(MID, 2)]


@both_sides
@pytest.mark.parametrize(("distance", "ahead"), [(0, 10), (-1, 20), (-2, 0), (-3, 30)])
def test_limit_in_the_depth_stands_behind_what_its_level_shows(side: Side, distance: int, ahead: int) -> None:
    parts = [make_event(Kind.LEVEL_SET, 0, side=-side, price=at(side, 1), quantity=9, level=PRICE_KEYED)]
    for where, size in ((0, 10), (-1, 20), (-3, 30)):
        parts.append(make_event(Kind.LEVEL_SET, 0, side=side, price=at(side, where), quantity=size, level=PRICE_KEYED))
    asked = [ask(0, 1, side, LIMIT, 3, at(side, distance))]
    trades = [make_trade(1, at(side, distance), ahead)] if ahead else []
    assert fills(reports(asked, [*parts, *trades])) == []
    told = reports(asked, [*parts, *trades, make_trade(2, at(side, distance), 1)])
    assert fills(told) == [(at(side, distance), 1)]


def test_two_orders_of_ours_do_not_fill_on_the_same_contracts() -> None:
    asked = [ask(0, 1, BUY, LIMIT, 2, MID), ask(0.001, 2, BUY, LIMIT, 2, MID)]
    told = reports(asked, [*_book(BUY, 0), make_trade(1, MID, 13)])
    assert (fills(told, 1), fills(told, 2)) == ([(MID, 2)], [(MID, 1)])


@both_sides
@pytest.mark.parametrize(
    ("quantity", "price", "stays"), [(2, 0, True), (3, 0, True), (4, 0, False), (3, -1, False), (2, -1, False)]
)
def test_only_a_smaller_quantity_keeps_the_place(side: Side, quantity: int, price: int, stays: bool) -> None:
    # After the ten have traded ten more have come; the first of the queue fills by the next contract.
    change = ask(1.5, 1, side, LIMIT, quantity, at(side, price), kind=REPLACE)
    moved = [make_quote(1.2, Side(side), at(side, price), QUEUE)]
    events = [*_book(side, 0), make_trade(1, MID, 10), *moved, make_trade(2, at(side, price), 1)]
    told = reports([*_rests(side), change], events)
    assert fills(told) == ([(MID, 1)] if stays else [])
    answer = told[told["kind"] == REPLACE][0]
    assert (answer["quantity"], answer["price"], answer["refused"]) == (quantity, at(side, price), 0)


def test_quantity_cannot_fall_to_what_is_filled() -> None:
    events = [*_book(BUY, 0), make_trade(1, MID, 12), make_clock(3)]
    told = reports([*_rests(BUY), ask(2, 1, BUY, LIMIT, 2, MID, kind=REPLACE)], events)
    assert fills(told) == [(MID, 2)]
    last = told[-1]
    assert (last["state"], last["refused"], last["reason"]) == (OrderState.PARTIALLY_FILLED, 1, Refusal.QUANTITY)
    assert (last["quantity"], last["filled"]) == (3, 2)


@both_sides
def test_limit_replaced_into_the_market_takes_the_book(side: Side) -> None:
    told = reports(
        [*_rests(side), ask(1, 1, side, LIMIT, 3, at(side, 1), kind=REPLACE)], [*_book(side, 0), make_clock(2)]
    )
    assert fills(told) == [(at(side, 1), 3)]


# ---- stops


@both_sides
def test_stop_is_triggered_by_a_trade_at_its_trigger(side: Side) -> None:
    stop = [ask(0, 1, side, STOP, 2, stop=MID)]
    assert fills(reports(stop, [make_trade(1, at(side, -1))])) == []
    assert fills(reports(stop, [make_trade(1, MID)])) == [(MID, 2)]


@both_sides
@pytest.mark.parametrize(("trade", "touch", "expected"), [(6, None, 6), (0, 4, 4), (6, 4, 6), (2, -3, 2), (0, -3, 0)])
def test_stop_fills_at_the_worst_of_trigger_trade_and_quote(
    side: Side, trade: int, touch: int | None, expected: int
) -> None:
    quotes = [] if touch is None else _book(side, 0.9, own=touch - 1)
    told = reports([ask(0, 1, side, STOP, 1, stop=MID)], [*quotes, make_trade(1, at(side, trade))])
    assert fills(told) == [(at(side, expected), 1)]
    assert seconds_of(told)[-1] == 1


@both_sides
def test_stop_walks_the_book_from_its_trigger(side: Side) -> None:
    shown = [(side, -5), (-side, -1), (-side, 0), (-side, 2)]
    parts = [
        make_event(Kind.LEVEL_SET, 0.9, side=of, price=at(side, where), quantity=1, level=PRICE_KEYED)
        for of, where in shown
    ]
    told = reports([ask(0, 1, side, STOP, 5, stop=MID)], [*parts, make_trade(1, MID)])
    assert fills(told) == [(MID, 1), (MID, 1), (at(side, 2), 1), (at(side, 3), 2)]


@both_sides
@pytest.mark.parametrize("trade_type", [TradeType.RLP, TradeType.CROSS])
def test_prints_that_are_not_regular_trigger_nothing(side: Side, trade_type: TradeType) -> None:
    trade = make_trade(1, at(side, 9), trade_type=trade_type)
    assert fills(reports([ask(0, 1, side, STOP, 1, stop=MID)], [trade, *make_book(2, MID + 40, MID + 41)])) == []


@pytest.mark.parametrize("spoilt", [make_trade(1, 0), make_trade(1, MID + 9, quantity=0)])
def test_print_without_price_or_quantity_triggers_nothing(spoilt: np.ndarray) -> None:
    assert fills(reports([ask(0, 1, BUY, STOP, 1, stop=MID)], [spoilt])) == []


@both_sides
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("limit", "expected"), [(4, [4]), (3, [])])
def test_stop_limit_fills_up_to_its_limit_or_misses(side: Side, known: bool, limit: int, expected: list[int]) -> None:
    quotes = _book(side, 0.9, own=3) if known else []
    asked = [ask(0, 1, side, STOP, 2, at(side, limit), MID)]
    gap = make_trade(1, at(side, 4))
    told = reports(asked, [*quotes, gap])
    assert fills(told) == [(at(side, distance), 2) for distance in expected]
    if not expected:
        # It has become a limit, and rests until the market comes back through it.
        told = reports(asked, [*quotes, gap, make_trade(2, at(side, 3), 1), make_trade(3, at(side, 2), 1)])
        assert fills(told) == [(at(side, 3), 2)]


def test_stop_triggered_in_an_auction_fills_after_it_and_no_better_than_its_trigger() -> None:
    phases = [make_event(Kind.STATE, at, level=to) for at, to in ((1, Phase.AUCTION), (3, Phase.OPEN))]
    cross = make_trade(2, MID + 3, 50, Side.NONE, trade_type=TradeType.AUCTION)
    events = [phases[0], cross, phases[1], *make_book(4, MID, MID + 1), make_clock(5)]
    told = reports([ask(0, 1, BUY, STOP, 1, stop=MID)], events)
    assert fills(told) == [(MID + 3, 1)]
    assert seconds_of(told)[-1] == 4


def test_stop_triggered_in_an_auction_is_no_better_off_without_a_book_after_it() -> None:
    phases = [make_event(Kind.STATE, at, level=to) for at, to in ((1, Phase.AUCTION), (3, Phase.OPEN))]
    cross = make_trade(2, MID + 3, 50, Side.NONE, trade_type=TradeType.AUCTION)
    told = reports([ask(0, 1, BUY, STOP, 1, stop=MID)], [phases[0], cross, phases[1], make_trade(4, MID - 5)])
    assert fills(told) == [(MID + 3, 1)]


# ---- what the venue refuses


@both_sides
@pytest.mark.parametrize(
    ("order_type", "quantity", "price", "stop", "reason"),
    [
        (MARKET, 0, None, None, Refusal.QUANTITY),
        (MARKET, 1, 0, None, Refusal.PRICE),
        (MARKET, 1, None, 5, Refusal.PRICE),
        (LIMIT, 1, None, None, Refusal.PRICE),
        (LIMIT, 1, 0, 5, Refusal.PRICE),
        (STOP, 1, None, None, Refusal.PRICE),
        (STOP, 1, 4, 5, Refusal.PRICE),
        (STOP, 1, None, 1, Refusal.TRIGGERED),
        (STOP, 1, None, 0, Refusal.TRIGGERED),
        (LIMIT, 1, -21, None, Refusal.BAND),
        (LIMIT, 1, 23, None, Refusal.BAND),
        (STOP, 1, None, 22, Refusal.BAND),
        (STOP, 1, 22, 21, Refusal.BAND),
        (LIMIT, 1, -19, None, Refusal.NONE),
        (STOP, 1, 21, 21, Refusal.NONE),
    ],
)
def test_order_on_wrong_terms_is_rejected_with_the_reason(
    side: Side, order_type: int, quantity: int, price: int | None, stop: int | None, reason: Refusal
) -> None:
    limit, trigger = (0 if where is None else at(side, where) for where in (price, stop))
    asked = [ask(1, 1, side, order_type, quantity, limit, trigger)]
    # The last trade is one tick adverse; the tunnel is twenty ticks either way.
    told = reports(asked, [make_trade(0, at(side, 1)), make_clock(2)], VenueParams(rejection_ticks=20))
    assert told["reason"][0] == reason
    assert states(told) == [OrderState.ACCEPTED if reason == Refusal.NONE else OrderState.REJECTED]
    assert told["refused"][0] == 0


@pytest.mark.parametrize(
    ("phase", "order_type", "reason"),
    [
        (Phase.AUCTION, STOP, Refusal.PHASE),
        (Phase.AUCTION, LIMIT, Refusal.NONE),
        (Phase.PRE_OPENING, MARKET, Refusal.NONE),
        (Phase.INHIBITED, LIMIT, Refusal.PHASE),
        (Phase.CLOSED, MARKET, Refusal.PHASE),
    ],
)
def test_phase_decides_what_may_be_entered(phase: Phase, order_type: int, reason: Refusal) -> None:
    asked = [ask(1, 1, BUY, order_type, 1, MID if order_type == LIMIT else 0, MID if order_type == STOP else 0)]
    told = reports(asked, [make_event(Kind.STATE, 0, level=phase), make_clock(2)])
    assert told["reason"].tolist() == [reason]


def test_close_expires_what_works() -> None:
    told = reports(
        [*_rests(BUY), ask(0, 2, BUY, STOP, 1, stop=MID + 9)], [make_event(Kind.STATE, 1, level=Phase.CLOSED)]
    )
    assert states(told, 1) == states(told, 2) == [OrderState.ACCEPTED, OrderState.EXPIRED]
    assert seconds_of(told)[2:] == [1, 1]


def test_second_order_of_one_id_leaves_the_first_as_it_is() -> None:
    told = reports([*_rests(BUY), ask(1, 1, SELL, LIMIT, 9, MID + 5)], [*_book(BUY, 0), make_clock(2)])
    assert (told["state"][1], told["refused"][1], told["reason"][1]) == (OrderState.ACCEPTED, 1, Refusal.DUPLICATE)
    assert (told["price"][1], told["quantity"][1]) == (MID, 3)


@pytest.mark.parametrize("kind", [CANCEL, REPLACE])
def test_what_is_asked_of_a_dead_order_is_refused_with_how_it_ended(kind: int) -> None:
    asked = [*_rests(BUY), ask(1, 1, kind=CANCEL), ask(2, 1, BUY, LIMIT, 2, MID, kind=kind), ask(2, 7, kind=kind)]
    told = reports(asked, [*_book(BUY, 0), make_clock(3)])
    assert (told["state"][2], told["refused"][2], told["reason"][2]) == (OrderState.CANCELED, 1, Refusal.NOT_WORKING)
    assert told["quantity"][2] == 3
    assert (told["order"][3], told["refused"][3], told["reason"][3]) == (7, 1, Refusal.NOT_WORKING)


def test_seventeenth_order_is_one_too_many() -> None:
    asked = [ask(k / 1000, k + 1, BUY, LIMIT, 1, MID - k) for k in range(17)]
    told = reports(
        [*asked, ask(0.5, 1, kind=CANCEL), ask(0.6, 18, BUY, LIMIT, 1, MID)], [*_book(BUY, 0), make_clock(1)]
    )
    assert told["reason"][16] == Refusal.FULL
    assert told["state"][:16].tolist() == [OrderState.ACCEPTED] * 16
    assert told["state"][-1] == OrderState.ACCEPTED
