"""Positions whose market closes, halts or calls an auction while they are open."""

from market.types import Kind, Phase
from tests.factories import make_book, make_event
from tests.trading.scenarios import WARM, build_warm, feed_trader, ladder_events
from trading.paper import Trader, end_session
from trading.records import OrderRole, OrderState

SIGNAL_AT = 60 * (WARM + 1)  # seconds: the close of the bar that brings the first signal
FILLED_AT = 10_340
ENTRY, STOP, TARGET, FLATTEN = OrderRole


def entered() -> Trader:
    """Return a trader that bought one at FILLED_AT, whose legs work."""
    trader = build_warm(events=True)
    book = make_book(SIGNAL_AT + 0.001, FILLED_AT - 1, FILLED_AT)
    feed_trader(trader, [*ladder_events(WARM), *book, make_event(Kind.EDIT, SIGNAL_AT + 0.1)])
    assert trader.fills["price"].tolist() == [FILLED_AT]
    return trader


def turn(trader: Trader, seconds: float, phase: Phase) -> None:
    """Let the market enter a phase, and half a second pass."""
    at = SIGNAL_AT + seconds
    feed_trader(trader, [make_event(Kind.STATE, at, level=phase), make_event(Kind.EDIT, at + 0.5)])


def closes(trader: Trader) -> list[str]:
    """Return the state of each close that was sent."""
    return [OrderState(code).name for code in trader.orders["state"][trader.orders["role"] == FLATTEN]]


def test_session_ends_flat_though_the_last_close_was_refused_a_moment_ago() -> None:
    trader = entered()
    mark = int(trader.account["mark"][0])
    turn(trader, 1.0, Phase.CLOSED)  # the stop expires, the close is refused
    turn(trader, 2.0, Phase.CLOSED)
    made = end_session(trader)
    assert made.account["position"][0] == 0
    assert made.fills["price"].tolist() == [FILLED_AT, mark - 1]
    assert made.fills["role"].tolist() == [ENTRY, FLATTEN]
