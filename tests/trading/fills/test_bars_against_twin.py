"""The venue on a vendor's bars against a slow twin, on random bars and requests, also such as follow upon a fill."""

import numpy as np
import pytest

from market.types import BAR, Flag
from tests.factories import MINUTE_NS, OPEN_NS
from tests.trading.fills.scenes import CANCEL, LIMIT, MARKET, MID, NEW, REPLACE, STOP
from tests.trading.fills.test_venue_against_twin import COLUMNS
from tests.trading.fills.twin import Order, Report, Twin
from trading.fills.bars import advance_bar
from trading.fills.venue import ROOM, new_venue, reset_venue
from trading.policy import VenueParams
from trading.requests import REQUEST


class BarTwin(Twin):
    """Nothing is known inside a bar, so of all that may have happened in it the worse comes first."""

    def next_fill(self, bar: np.void) -> bool:
        """Do one thing that happens in a bar; return whether there was one."""
        if int(bar["flags"]) & Flag.EMPTY:
            return False
        there = [order for order in self.working if order.since <= bar["ts_open_ns"]]
        rules = {MARKET: self.at_the_open, STOP: self.by_its_trigger, LIMIT: self.through_its_price}
        return any(rule(order, bar) for kind, rule in rules.items() for order in there if order.type == kind)

    def at_the_open(self, order: Order, bar: np.void) -> bool:
        self.now = max(self.now, int(bar["ts_open_ns"]))
        self.fill(order, int(bar["open"]) + order.side * self.params.slippage_ticks, order.left)
        return True

    def by_its_trigger(self, order: Order, bar: np.void) -> bool:
        if (order.side > 0 and bar["high"] < order.stop) or (order.side < 0 and bar["low"] > order.stop):
            return False
        self.now = max(self.now, int(bar["ts_close_ns"]))
        price = order.worse(order.stop, int(bar["open"]))
        if order.price and order.worse(price, order.price) != order.price:
            order.type, order.armed = LIMIT, False  # missed, and a limit from now on
        else:
            self.fill(order, price, order.left)
        return True

    def through_its_price(self, order: Order, bar: np.void) -> bool:
        if (order.side > 0 and bar["low"] >= order.price) or (order.side < 0 and bar["high"] <= order.price):
            return False
        self.now = max(self.now, int(bar["ts_close_ns"]))
        self.fill(order, order.price, order.left)
        return True


def draw_bars(rng: np.random.Generator, count: int) -> np.ndarray:
    bars, last = np.zeros(count, dtype=BAR), MID
    for minute, bar in enumerate(bars):
        opening = last + int(rng.choice([0, 0, 1, -1, 6, -6]))
        last = opening + int(rng.integers(-5, 6))
        bar["open"], bar["close"] = opening, last
        bar["high"] = max(opening, last) + int(rng.integers(0, 4))
        bar["low"] = min(opening, last) - int(rng.integers(0, 4))
        bar["ts_open_ns"] = OPEN_NS + minute * MINUTE_NS
        bar["ts_close_ns"] = bar["ts_open_ns"] + MINUTE_NS
        bar["flags"] = Flag.EMPTY if rng.random() < 0.1 else 0
    return bars


def draw_request(rng: np.random.Generator, now: int, price: int, fresh: int) -> np.ndarray:
    request = np.zeros(1, dtype=REQUEST)
    request["ts_ns"] = now
    request["kind"] = kind = rng.choice([NEW, NEW, NEW, CANCEL, REPLACE, REPLACE])
    known = int(rng.integers(max(1, fresh - 8), fresh + 1))
    request["order"] = fresh if kind == NEW and rng.random() < 0.95 else known
    request["side"], request["quantity"] = rng.choice([-1, 1]), rng.integers(0 if rng.random() < 0.1 else 1, 5)
    request["type"] = order_type = rng.choice([MARKET, LIMIT, STOP, STOP])
    near = price + rng.integers(-7, 8, 2)
    if order_type == LIMIT or kind == REPLACE or rng.random() < 0.05:
        request["price"] = near[0]
    if order_type == STOP or kind == REPLACE or rng.random() < 0.05:
        request["stop_price"] = near[1]
    if order_type == STOP and rng.random() < 0.4:
        request["price"] = near[1] + int(request["side"][0]) * int(rng.integers(-1, 4))
    return request


@pytest.mark.parametrize("chunk", range(4))
def test_bars_fill_what_the_twin_fills(chunk: int) -> None:
    rng = np.random.default_rng(900 + chunk)
    kinds: set[tuple[int, ...]] = set()
    filled = reacted = 0
    for _ in range(60):
        params = VenueParams(slippage_ticks=int(rng.integers(0, 3)))
        venue, twin = new_venue(params), BarTwin(params)
        reset_venue(venue, OPEN_NS)
        requests, sent, taken, seen = np.zeros(512, dtype=REQUEST), 0, 0, 0
        for bar in draw_bars(rng, 30):
            while True:
                acted = advance_bar(venue, requests, sent, bar)
                if taken < sent:
                    twin.arrive(int(requests[taken]["ts_ns"]), requests[taken])
                    taken += 1
                    expected = True
                else:
                    expected = twin.next_fill(bar)
                assert acted == expected
                assert told(venue.reports, seen, int(venue.state["number"][0])) == twin.told[seen:]
                fresh, seen = twin.told[seen:], len(twin.told)
                kinds |= {(report[8], *report[9:]) for report in fresh}
                if not acted:
                    break
                if fresh and fresh[-1][9] == 0:
                    filled += 1
                    if rng.random() < 0.5 and sent < 400:  # as a bracket answers a fill
                        requests[sent : sent + 1] = draw_request(rng, twin.now, int(bar["open"]), sent + 1)
                        sent, reacted = sent + 1, reacted + 1
            for _ in range(int(rng.integers(0, 4))):
                requests[sent : sent + 1] = draw_request(rng, int(bar["ts_close_ns"]), int(bar["close"]), sent + 1)
                sent += 1
    assert filled > 500
    assert reacted > 200
    assert len(kinds) > 12


def told(reports: np.ndarray, since: int, until: int) -> list[Report]:
    return [tuple(int(reports[k % ROOM][name]) for name in COLUMNS) for k in range(since, until)]
