"""Requests by hand, and the venue played over events: who asks what when, and what comes back."""

from collections.abc import Iterable, Sequence

import numpy as np

from market.types import EVENT, Side
from tests.factories import OPEN_NS, SECOND_NS, WIN
from trading.fills.events import advance, play_events, step_due
from trading.fills.venue import NEVER, ROOM, Venue, new_venue
from trading.policy import VenueParams
from trading.records import OrderState, OrderType
from trading.requests import REQUEST, RequestKind

MID = 10_000
MARKET, LIMIT, STOP = OrderType.MARKET, OrderType.LIMIT, OrderType.STOP
NEW, CANCEL, REPLACE = RequestKind
LATENCY = 0.015


def ask(
    seconds: float,
    order: int,
    side: int = Side.BUY,
    order_type: OrderType = MARKET,
    quantity: int = 1,
    price: int = 0,
    stop: int = 0,
    kind: RequestKind = NEW,
) -> np.ndarray:
    """Return a REQUEST sent so many seconds after the open, length 1."""
    request = np.zeros(1, dtype=REQUEST)
    request["ts_ns"] = OPEN_NS + round(seconds * SECOND_NS)
    request["order"], request["kind"], request["side"], request["type"] = order, kind, side, order_type
    request["quantity"], request["price"], request["stop_price"], request["instrument"] = quantity, price, stop, WIN
    return request


def play(venue: Venue, requests: Sequence[np.ndarray], events: Iterable[np.ndarray]) -> np.ndarray:
    """Let the venue take requests and events; return every report."""
    asked = np.concatenate(requests) if requests else np.zeros(0, dtype=REQUEST)
    begun = int(venue.state["number"][0])
    play_events(venue, asked, len(asked), np.concatenate([np.zeros(0, dtype=EVENT), *events]))
    while step_due(venue, asked, len(asked)) < NEVER:
        advance(venue, asked, len(asked))
    return venue.reports[np.arange(begun, int(venue.state["number"][0])) % ROOM].copy()


def reports(
    requests: Sequence[np.ndarray], events: Iterable[np.ndarray], params: VenueParams | None = None
) -> np.ndarray:
    """Return every report of a fresh venue."""
    return play(new_venue(params or VenueParams()), requests, events)


def fills(told: np.ndarray, order: int = 1) -> list[tuple[int, int]]:
    """Return (price, quantity) of every fill of an order, from the differences of its reports."""
    found, filled, notional = [], 0, 0
    for report in told[told["order"] == order]:
        more = int(report["filled"]) - filled
        if more:
            price, rest = divmod(int(report["notional"]) - notional, more)
            assert rest == 0
            found.append((price, more))
        filled, notional = int(report["filled"]), int(report["notional"])
    return found


def states(told: np.ndarray, order: int = 1) -> list[OrderState]:
    """Return the states that an order was reported in."""
    return [OrderState(code) for code in told["state"][told["order"] == order]]


def seconds_of(told: np.ndarray) -> list[float]:
    """Return the time of each report, seconds after the open."""
    return [float(at) / SECOND_NS for at in told["ts_ns"] - OPEN_NS]


def at(side: int, distance: int) -> int:
    """Return the price that is so many ticks worse for an order of a side than MID."""
    return MID + side * distance
