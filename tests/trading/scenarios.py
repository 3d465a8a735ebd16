"""A warm trader: 169 minutes of a steady trend, after which the very next bar brings a signal."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache

import numpy as np

from features.pipeline import compute_session
from features.schema import FeatureSchema
from market.costs import Costs
from market.instruments import FUTURES
from market.stream import Feed
from market.types import Side
from tests.factories import (
    MINUTE_NS,
    make_bar,
    make_book,
    make_clock,
    make_constant_forest,
    make_model,
    make_session,
    make_trade,
)
from trading.core import Capacity, new_desk
from trading.paper import Trader, new_trader, paper_begin, step
from trading.policy import RiskLimits, StrategyParams, VenueParams
from trading.usual import Usual, training_usual

SCHEMA = FeatureSchema("test", ("returns_1",), MINUTE_NS, 0)
COSTS = Costs(0.25, 0.0)  # R$ 0.50 for a round trip of one contract
START = 10_000
WARM = 169  # bars after which the regime is one bar short of confirmed


Prices = tuple[int, int, int, int]


def mirror(prices: Prices) -> Prices:
    """Mirror open, high, low, close at START; what was the high becomes the low."""
    opening, high, low, close = (2 * START - price for price in prices)
    return opening, low, high, close


def ladder(minute: int, mirrored: bool = False) -> Prices:
    """Return open, high, low, close of a minute: up two ticks a bar, true range 4."""
    base = START + 2 * minute
    prices = (base, base + 3, base - 1, base + 2)
    return mirror(prices) if mirrored else prices


def ladder_events(minute: int, mirrored: bool = False) -> list[np.ndarray]:
    """Return the same minute as trades with a book one tick wide around each, closed by the clock."""
    opening, high, low, close = ladder(minute, mirrored)
    parts: list[np.ndarray] = []
    order = (opening, low, high, close) if not mirrored else (opening, high, low, close)
    for place, price in enumerate(order):
        seconds = 60 * minute + 14 * (place + 1) + 3  # the last one a second before the clock: the feed is fresh
        # A buyer lifts the ask, mirrored a seller hits the bid: the book lies on the mirrored side.
        side = Side.SELL if mirrored else Side.BUY
        bid = price if mirrored else price - 1
        parts += [*make_book(seconds, bid, bid + 1), make_trade(seconds, price, 1, side)]
    return [*parts, make_clock(60 * (minute + 1))]


def feed_trader(trader: Trader, parts: Iterable[np.ndarray]) -> None:
    """Step a trader through arrays of one record each."""
    for part in parts:
        step(trader, part[0])


def build_trader(
    probability: float = 0.9,
    events: bool = False,
    strategy: StrategyParams | None = None,
    limits: RiskLimits | None = None,
    venue: VenueParams | None = None,
    capacity: Capacity | None = None,
    costs: Costs = COSTS,
    minutes: int = 540,
) -> Trader:
    """Return a trader at the open of a session, whose model says the same at every bar and whose agents are off."""
    strategy = strategy or StrategyParams(require_agents=False)
    model = make_model(SCHEMA, make_constant_forest(1, probability), (), strategy)
    desk = new_desk(limits or RiskLimits(), FUTURES["WIN"], costs, capacity)
    trader = new_trader(SCHEMA, model, desk, venue_params=venue)
    trader.feed_kind = "events" if events else "bars"
    paper_begin(trader.core, trader.venue, make_session(minutes)[0], events)
    return trader


def build_warm(mirrored: bool = False, events: bool = False, **settings: object) -> Trader:
    """Return a trader that has seen WARM bars of the ladder and decided nothing but to hold."""
    trader = build_trader(0.1 if mirrored else 0.9, events, **settings)  # type: ignore[arg-type]
    for minute in range(WARM):
        parts = ladder_events(minute, mirrored) if events else [make_bar(minute, ladder(minute, mirrored))]
        feed_trader(trader, parts)
    assert not trader.decisions["side"].any()
    return trader


@cache
def warm_original(events: bool) -> Trader:
    """Return one warm trader of up to three contracts, without cooldown, for all examples of a property; copy it."""
    return build_warm(
        events=events,
        strategy=StrategyParams(require_agents=False, cooldown_bars=0, max_hold_bars=5),
        limits=RiskLimits(max_position=3, max_trades_per_day=1000),
    )


def usual_in(schema: FeatureSchema, feed: Feed, days: Sequence[date]) -> Usual:
    """Return what was usual in some sessions."""
    seen = [compute_session(schema, feed, day) for day in days]
    rows, ts_ns, sigma = (np.concatenate([getattr(one, name) for one in seen]) for name in ("rows", "ts_ns", "sigma"))
    session = np.repeat(np.arange(len(days)), [len(one.rows) for one in seen])
    return training_usual(schema.columns, rows, ts_ns, session, sigma)
