"""The venue on a vendor's bars, by hand. Buy and sell are mirrored around 10 000."""

import numpy as np
import pytest

from market.types import Flag, Side
from tests.factories import OPEN_NS, make_bar
from tests.trading.fills.scenes import CANCEL, LIMIT, MARKET, MID, STOP, ask, at, fills, seconds_of, states
from trading.fills.bars import advance_bar
from trading.fills.closing import expire_orders, settle_at_market, take_all
from trading.fills.venue import ROOM, new_venue
from trading.policy import VenueParams
from trading.records import OrderState

both_sides = pytest.mark.parametrize("side", [Side.BUY, Side.SELL])


def _bar(side: int, opening: int, best: int, worst: int, minute: int = 1, flags: int = 0) -> np.ndarray:
    """Return a bar by distances from MID in an order's adverse direction: best is least adverse, worst most."""
    first, low, high = at(side, opening), *sorted((at(side, best), at(side, worst)))
    return make_bar(minute, (first, high, low, first), flags=flags)


def _play(asked: list[np.ndarray], bars: list[np.ndarray], slippage: int = 1) -> np.ndarray:
    venue, requests = new_venue(VenueParams(slippage_ticks=slippage)), np.concatenate(asked)
    for bar in bars:
        sent = int((requests["ts_ns"] <= bar["ts_open_ns"][0]).sum())
        while advance_bar(venue, requests, sent, bar[0]):
            pass
    return venue.reports[: int(venue.state["number"][0]) % ROOM]


@both_sides
def test_market_order_fills_at_the_next_open_and_pays_the_slippage(side: Side) -> None:
    told = _play([ask(60, 1, side, MARKET, 2)], [_bar(side, 3, -5, 9)], slippage=2)
    assert fills(told) == [(at(side, 5), 2)]
    assert seconds_of(told) == [60, 60]


@both_sides
@pytest.mark.parametrize(
    ("opening", "worst", "expected"), [(-4, -1, []), (-4, 0, [0]), (-4, 6, [0]), (0, 2, [0]), (5, 6, [5]), (5, 5, [5])]
)
def test_stop_fills_at_its_trigger_or_at_a_worse_open(
    side: Side, opening: int, worst: int, expected: list[int]
) -> None:
    told = _play([ask(60, 1, side, STOP, stop=MID)], [_bar(side, opening, -9, worst)])
    assert fills(told) == [(at(side, distance), 1) for distance in expected]
    assert seconds_of(told)[-1] == (120 if expected else 60)


@both_sides
@pytest.mark.parametrize(("opening", "best", "filled"), [(5, 1, False), (5, 0, False), (5, -1, True), (-3, -4, True)])
def test_limit_fills_at_its_price_when_the_bar_goes_through_it(
    side: Side, opening: int, best: int, filled: bool
) -> None:
    told = _play([ask(60, 1, side, LIMIT, 3, MID)], [_bar(side, opening, best, 9)])
    assert fills(told) == ([(MID, 3)] if filled else [])


@both_sides
def test_stop_comes_before_the_target_in_one_bar(side: Side) -> None:
    asked = [ask(60, 1, side, LIMIT, 1, at(side, -5)), ask(60, 2, side, STOP, 1, stop=at(side, 5))]
    told = _play(asked, [_bar(side, 0, -9, 9)])
    assert told["order"].tolist() == [1, 2, 2, 1]
    assert told["state"][2:].tolist() == [OrderState.FILLED] * 2


@both_sides
@pytest.mark.parametrize(("limit", "expected"), [(6, [6]), (5, [])])
def test_gap_beyond_the_limit_of_a_stop_leaves_it_behind(side: Side, limit: int, expected: list[int]) -> None:
    asked = [ask(60, 1, side, STOP, 1, at(side, limit), MID)]
    gap = _bar(side, 6, 6, 9)
    assert fills(_play(asked, [gap])) == [(at(side, distance), 1) for distance in expected]
    back = _bar(side, 7, limit - 1, 9, minute=2)
    assert fills(_play(asked, [gap, back])) == [(at(side, limit), 1)] if not expected else True


@pytest.mark.parametrize("order", [ask(60, 1), ask(60, 1, order_type=STOP, stop=MID), ask(60, 1, 1, LIMIT, 1, MID)])
def test_bar_without_trades_fills_nothing(order: np.ndarray) -> None:
    assert fills(_play([order], [_bar(1, 0, -9, 9, flags=int(Flag.EMPTY))])) == []


def test_order_sent_inside_a_bar_waits_for_the_next() -> None:
    venue, requests = new_venue(VenueParams()), np.concatenate([ask(90, 1)])
    while advance_bar(venue, requests, 1, _bar(1, 0, -9, 9)[0]):
        pass
    assert states(venue.reports[:1]) == [OrderState.ACCEPTED]
    assert not advance_bar(venue, requests, 1, _bar(1, 0, -9, 9)[0])
    assert advance_bar(venue, requests, 1, _bar(1, 3, -9, 9, minute=2)[0])
    assert fills(venue.reports[:2]) == [(MID + 4, 1)]


def test_end_of_the_session_settles_what_is_at_market_and_expires_the_rest() -> None:
    venue = new_venue(VenueParams())
    requests = np.concatenate(
        [ask(0, 1, quantity=2), ask(0, 2, 1, LIMIT, 1, MID), ask(0, 2, kind=CANCEL), ask(0, 3, -1, LIMIT, 1, MID)]
    )
    take_all(venue, requests, 4, OPEN_NS + 5)
    settle_at_market(venue, MID + 7)
    expire_orders(venue, OPEN_NS + 5)
    told = venue.reports[: int(venue.state["number"][0])]
    assert fills(told) == [(MID + 7, 2)]
    assert states(told, 2)[-1] == OrderState.CANCELED
    assert states(told, 3)[-1] == OrderState.EXPIRED
    assert set(told["ts_ns"]) == {OPEN_NS + 5}
