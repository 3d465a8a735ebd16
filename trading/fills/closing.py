"""How orders end that nobody ended: with the session."""

import numpy as np

from market.kernel import kernel
from market.types import Phase
from trading.fills.intake import take_request
from trading.fills.venue import DONE, NEVER, Venue, fill, leaves, settle_slots, tell
from trading.records import OrderState, OrderType
from trading.requests import Refusal

_MARKET, _OPEN_PHASE = int(OrderType.MARKET), int(Phase.OPEN)
_EXPIRED, _NONE = int(OrderState.EXPIRED), int(Refusal.NONE)


@kernel
def expire_orders(venue: Venue, now_ns: int) -> None:
    """End every working order, as the venue does after the close."""
    state = venue.state[0]
    state["now_ns"] = max(state["now_ns"], now_ns)
    for place in range(state["working"]):
        slot = venue.working[place]
        slot["state"], slot["stage"] = _EXPIRED, DONE
        tell(venue, slot, 0, _NONE)
    settle_slots(venue)


@kernel
def take_all(venue: Venue, requests: np.ndarray, sent: int, now_ns: int) -> None:
    """Take every request under way at once, as a session ends, whatever the phase; nothing trades any more."""
    state = venue.state[0]
    state["now_ns"] = max(state["now_ns"], now_ns)
    venue.book.header[:] = 0
    state["last"], state["phase"], state["meet_ns"] = 0, _OPEN_PHASE, NEVER
    while state["requests"] < sent:
        request = requests[state["requests"]]
        state["requests"] += 1
        take_request(venue, request)


@kernel
def settle_at_market(venue: Venue, price: int) -> None:
    """Fill what is asked at market at a price, as a broker closes what is open when a session ends."""
    for place in range(venue.state[0]["working"]):
        slot = venue.working[place]
        if slot["type"] == _MARKET:
            fill(venue, slot, price, leaves(slot))
    settle_slots(venue)
