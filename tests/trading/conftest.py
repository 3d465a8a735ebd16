"""A desk and a warm trader: 170 minutes of a steady trend, after which the very next bar may bring a signal."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from features.schema import FeatureSchema
from market.costs import Costs
from market.instruments import INSTRUMENTS
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
from trading.core import Capacity, begin_desk, new_desk
from trading.desk import Desk
from trading.paper import Trader, new_trader, paper_begin, step
from trading.policy import RiskLimits, StrategyParams, VenueParams

SCHEMA = FeatureSchema("test", ("returns_1",), MINUTE_NS, 0)
COSTS = Costs(0.25, 0.0)  # R$ 0.50 for a round trip of one contract
START = 10_000
WARM = 169  # bars after which the regime is one bar short of confirmed


def ladder(minute: int, mirrored: bool = False) -> tuple[int, int, int, int]:
    """Return open, high, low, close of a minute: up two ticks a bar, true range 4; mirrored at START."""
    base = START + 2 * minute
    prices = (base, base + 3, base - 1, base + 2)
    return (
        (2 * START - prices[0], 2 * START - prices[2], 2 * START - prices[1], 2 * START - prices[3])
        if mirrored
        else prices
    )


def ladder_events(minute: int, mirrored: bool = False) -> list[np.ndarray]:
    """Return the same minute as trades with a book one tick wide around each, closed by the clock."""
    opening, high, low, close = ladder(minute, mirrored)
    parts: list[np.ndarray] = []
    order = (opening, low, high, close) if not mirrored else (opening, high, low, close)
    for place, price in enumerate(order):
        seconds = 60 * minute + 14 * (place + 1)
        # A buyer lifts the ask, mirrored a seller hits the bid: the book lies on the mirrored side.
        side = Side.SELL if mirrored else Side.BUY
        bid = price if mirrored else price - 1
        parts += [*make_book(seconds, bid, bid + 1), make_trade(seconds, price, 1, side)]
    return [*parts, make_clock(60 * (minute + 1))]


def feed_trader(trader: Trader, parts: Iterable[np.ndarray]) -> None:
    """Step a trader through arrays of one record each."""
    for part in parts:
        step(trader, part[0])


@pytest.fixture
def desk() -> Desk:
    """A WIN desk of up to three contracts at the open of a session of bars."""
    made = new_desk(RiskLimits(max_position=3), INSTRUMENTS["WIN"], COSTS, Capacity(8, 16, 64))
    session = make_session()[0]
    begin_desk(made, int(session["open_ns"]), int(session["close_ns"]), False)
    return made


@pytest.fixture
def make_trader() -> Callable[..., Trader]:
    """Build a trader on the test schema whose model always says the same; begun, on a feed of bars or events."""

    def build(
        probability: float = 0.9,
        events: bool = False,
        strategy: StrategyParams | None = None,
        limits: RiskLimits | None = None,
        venue: VenueParams | None = None,
        capacity: Capacity | None = None,
        root: str = "WIN",
    ) -> Trader:
        strategy = strategy or StrategyParams(require_agents=False)
        model = make_model(SCHEMA, make_constant_forest(1, probability), (), strategy)
        trader = new_trader(SCHEMA, model, INSTRUMENTS[root], COSTS, limits, venue, capacity)
        trader.feed_kind = "events" if events else "bars"
        paper_begin(trader.core, trader.venue, make_session()[0], events)
        return trader

    return build


@pytest.fixture
def make_warm(make_trader: Callable[..., Trader]) -> Callable[..., Trader]:
    """Build a trader that has seen WARM bars of the ladder and decided nothing but to hold."""

    def build(mirrored: bool = False, events: bool = False, **settings: object) -> Trader:
        trader = make_trader(probability=0.1 if mirrored else 0.9, events=events, **settings)
        for minute in range(WARM):
            parts = ladder_events(minute, mirrored) if events else [make_bar(minute, ladder(minute, mirrored))]
            feed_trader(trader, parts)
        assert not trader.decisions["side"].any()
        return trader

    return build
