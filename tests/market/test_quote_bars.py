"""The range of bid and ask in each bar: by hand and against a slow twin."""

import numpy as np

from market.quote_bars import QUOTE_BAR, quote_bars
from market.types import EVENT, Kind, Side

OLD = 10**9


def event(at, kind, side=0, price=0, quantity=1):
    one = np.zeros(1, dtype=EVENT)
    one["ts_event_ns"], one["kind"], one["side"], one["price"], one["quantity"] = at, kind, side, price, quantity
    return one


def bid(at, price):
    return event(at, Kind.QUOTE_SIDE, Side.BUY, price)


def ask(at, price):
    return event(at, Kind.QUOTE_SIDE, Side.SELL, price)


def clock(at):
    return event(at, Kind.CLOCK)


def bars_of(*events, closes=(10, 20), age=OLD):
    return [tuple(map(int, one)) for one in quote_bars(np.concatenate(events), np.array(closes), age)]


def test_a_bar_ranges_over_its_quotes_and_the_one_it_starts_with():
    found = bars_of(bid(1, 98), ask(1, 101), bid(5, 99), clock(10), bid(12, 95), ask(13, 100), clock(20))
    # bid, ask, bid high, bid low, ask high, ask low
    assert found == [(99, 101, 99, 98, 101, 101), (95, 100, 99, 95, 101, 100)]


def test_what_follows_the_clock_at_its_own_time_is_of_the_next_bar():
    found = bars_of(bid(1, 98), ask(1, 101), clock(10), bid(10, 100), clock(20))
    assert found == [(98, 101, 98, 98, 101, 101), (100, 101, 100, 98, 101, 101)]


def test_crossed_one_sided_and_old_quotes_are_none():
    assert bars_of(bid(1, 98), clock(10), clock(20)) == [(0,) * 6] * 2
    assert bars_of(bid(1, 98), ask(1, 98), clock(10), clock(20)) == [(0,) * 6] * 2
    found = bars_of(bid(1, 98), ask(1, 101), clock(10), clock(20), age=10)
    assert found == [(98, 101, 98, 98, 101, 101), (0, 0, 98, 98, 101, 101)]


def test_bars_before_the_first_price_are_passed_over():
    """The first clock may close no bar, so a bar is told by its close."""
    found = bars_of(bid(1, 90), ask(1, 91), clock(5), bid(7, 98), ask(7, 101), clock(10), clock(20))
    assert found[0] == (98, 101, 98, 90, 101, 91)


def test_a_day_of_random_quotes_equals_the_slow_twin():
    random = np.random.default_rng(7)
    events, closes = [], list(range(100, 3001, 100))
    for at in range(3000):
        if at % 100 == 0 and at:
            events.append(clock(at))
        side = int(random.choice([1, -1]))
        events.append(event(at, Kind.QUOTE_SIDE, side, 1000 - side * int(random.integers(0, 6))))
    events.append(clock(3000))
    found = quote_bars(np.concatenate(events), np.array(closes), 40)
    assert found.dtype == QUOTE_BAR
    assert found.tolist() == slow_bars(events, closes, 40)


def slow_bars(events, closes, age):
    """Keep every valid quote of a bar in a list."""
    out, seen, quote, updated = [], [], {1: 0, -1: 0}, -1

    def valid(now):
        return 0 < quote[1] < quote[-1] and now - updated <= age

    for one in events:
        now, kind, side = int(one["ts_event_ns"][0]), int(one["kind"][0]), int(one["side"][0])
        if kind == Kind.QUOTE_SIDE:
            quote[side], updated = int(one["price"][0]), now
        elif now == closes[len(out)]:
            bids, asks = [bid for bid, _ in seen], [ask for _, ask in seen]
            at_close = (quote[1], quote[-1]) if valid(now) else (0, 0)
            ranges = (max(bids), min(bids), max(asks), min(asks)) if seen else (0, 0, 0, 0)
            out.append((*at_close, *ranges))
            seen = []
        if valid(now):
            seen.append((quote[1], quote[-1]))
    return out
