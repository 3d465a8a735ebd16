"""Random markets and random requests, small enough that every rule meets every other."""

from dataclasses import dataclass

import numpy as np

from market.types import EVENT, PRICE_KEYED, Kind, Phase, TradeType
from tests.factories import OPEN_NS, WIN
from tests.trading.fills.scenes import CANCEL, LIMIT, MARKET, MID, NEW, REPLACE, STOP
from trading.policy import VenueParams
from trading.requests import REQUEST

MILLISECOND = 1_000_000
TYPES = (TradeType.BUY_AGGRESSION, TradeType.SELL_AGGRESSION, TradeType.UNKNOWN, TradeType.RLP, TradeType.AUCTION)
PHASES = (Phase.OPEN, Phase.OPEN, Phase.AUCTION, Phase.FROZEN, Phase.INHIBITED, Phase.CLOSED)
QUOTES, KEYED, INDEXED = range(3)


@dataclass
class Scene:
    """One random run."""

    requests: np.ndarray
    events: np.ndarray
    params: VenueParams


def draw_scene(rng: np.random.Generator, events: int = 30, requests: int = 10, quiet: bool = False) -> Scene:
    """Return a scene; a quiet one stays in continuous trading with nothing refused for its phase."""
    params = VenueParams(
        latency_ms=int(rng.choice([0, 15])),
        latency_quantiles_ms=(1.0, 5.0, 40.0) if rng.random() < 0.3 else (),
        slippage_ticks=int(rng.integers(0, 3)),
        shares_cancels=bool(rng.random() < 0.5),
        rejection_ticks=int(rng.choice([0, 6])),
        auction_ticks=int(rng.choice([0, 0, 3])),
        seed=int(rng.integers(0, 9)),
    )
    return Scene(_draw_requests(rng, requests), _draw_events(rng, events, quiet), params)


def _draw_requests(rng: np.random.Generator, count: int) -> np.ndarray:
    out = np.zeros(count, dtype=REQUEST)
    at = np.sort(rng.integers(0, 1500, count))
    for place, request in enumerate(out):
        request["ts_ns"] = OPEN_NS + int(at[place]) * MILLISECOND
        request["kind"] = rng.choice([NEW, NEW, NEW, CANCEL, REPLACE]) if place else NEW
        known = rng.random() < 0.95
        request["order"] = place + 1 if request["kind"] == NEW and known else rng.integers(1, place + 2)
        request["type"] = rng.choice([MARKET, LIMIT, STOP])
        request["side"], request["instrument"] = rng.choice([-1, 1]), WIN
        request["quantity"] = rng.integers(1, 8) if known else rng.integers(0, 8)
        side, near = int(request["side"]), int(rng.integers(-3, 4))
        if request["kind"] == REPLACE or request["type"] == LIMIT:
            request["price"] = MID + near
        if request["type"] == STOP:
            request["stop_price"] = MID + side * int(rng.integers(-1, 5))
            limited = rng.random() < 0.5
            request["price"] = int(request["stop_price"]) + side * int(rng.integers(0, 3)) if limited else 0
    return out


def _draw_events(rng: np.random.Generator, count: int, quiet: bool) -> np.ndarray:
    out, mode, price = np.zeros(count, dtype=EVENT), int(rng.integers(0, 3)), MID
    at = np.sort(rng.integers(0, 2000, count)) if rng.random() < 0.9 else np.sort(rng.integers(0, 9000, count))
    for place, event in enumerate(out):
        event["ts_event_ns"] = event["ts_recv_ns"] = OPEN_NS + int(at[place]) * MILLISECOND
        event["sequence"], event["instrument"] = place, WIN
        price += int(rng.integers(-1, 2))
        chance = rng.random()
        if chance < 0.45 or place < 2:
            _draw_display(rng, event, mode, price, place)
        elif chance < 0.9:
            event["kind"], event["trade_type"] = Kind.TRADE, rng.choice(TYPES, p=[0.35, 0.35, 0.1, 0.1, 0.1])
            event["price"] = 0 if rng.random() < 0.02 else price + int(rng.integers(-1, 2))
            event["quantity"] = rng.integers(1, 9)
        elif chance < 0.95 or quiet:
            event["kind"] = Kind.CLOCK
        elif chance < 0.98:
            event["kind"], event["level"] = Kind.STATE, rng.choice(PHASES)
        else:
            event["kind"] = rng.choice([Kind.GAP, Kind.BOOK_CLEAR])
    return out


def _draw_display(rng: np.random.Generator, event: np.void, mode: int, price: int, place: int) -> None:
    """Write a change of the book around a price, seldom one that crosses it."""
    side = 1 if place % 2 else -1
    event["side"], event["quantity"] = side, rng.integers(0 if mode == QUOTES else 1, 7)
    depth = int(rng.integers(0, 4))
    event["price"] = price - side * (depth + (1 if side < 0 else 0)) + (side if rng.random() < 0.05 else 0)
    if mode == QUOTES:
        event["kind"] = Kind.QUOTE_SIDE
    else:
        event["kind"] = Kind.LEVEL_SET if place < 4 or rng.random() < 0.8 else Kind.LEVEL_DELETE
        event["level"] = PRICE_KEYED if mode == KEYED else depth
