"""The venue on a vendor's bars, for research: nothing is known inside a bar, so the worse comes first (signals.md §13).

What is decided at a close fills at the next open and pays the slippage; a gap fills at the open; the stop comes before
the target. Bars have no latency, no book and no queue.
"""

import numpy as np

from market.kernel import kernel
from market.types import Flag, Side
from trading.fills.intake import take_request
from trading.fills.venue import Venue, fill, leaves, settle_slots
from trading.records import OrderType

_EMPTY, _BUY = int(Flag.EMPTY), int(Side.BUY)
_MARKET, _LIMIT, _STOP = int(OrderType.MARKET), int(OrderType.LIMIT), int(OrderType.STOP)
_IN_ORDER = (_MARKET, _STOP, _LIMIT)


@kernel
def advance_bar(venue: Venue, requests: np.ndarray, sent: int, bar: np.void) -> bool:
    """Take the next request, or fill the next order in a bar; return False where nothing is left to do.

    The caller takes the reports after each call: what the desk answers to a fill at the open may fill in the same bar.
    """
    state = venue.state[0]
    if state["requests"] < sent:
        request = requests[state["requests"]]
        state["requests"] += 1
        state["now_ns"] = max(state["now_ns"], request["ts_ns"])
        take_request(venue, request)
        return True
    if bar["flags"] & np.uint32(_EMPTY):
        return False
    for order_type in _IN_ORDER:
        for place in range(state["working"]):
            slot = venue.working[place]
            if slot["type"] == order_type and slot["arrival_ns"] <= bar["ts_open_ns"] and _match(venue, slot, bar):
                settle_slots(venue)
                return True
    return False


@kernel
def _match(venue: Venue, slot: np.void, bar: np.void) -> bool:
    """Try one order against a bar; return whether it was changed."""
    state, side, opening = venue.state[0], int(slot["side"]), int(bar["open"])
    if slot["type"] == _MARKET:
        state["now_ns"] = max(state["now_ns"], bar["ts_open_ns"])
        fill(venue, slot, opening + side * int(state["slippage_ticks"]), leaves(slot))
        return True
    best, worst = (int(bar["low"]), int(bar["high"])) if side == _BUY else (int(bar["high"]), int(bar["low"]))
    limit = int(slot["price"])
    if slot["type"] == _LIMIT:
        if side * (limit - best) <= 0:
            return False
        state["now_ns"] = max(state["now_ns"], bar["ts_close_ns"])
        fill(venue, slot, limit, leaves(slot))
        return True
    trigger = int(slot["stop_price"])
    if side * (worst - trigger) < 0:
        return False
    paid = max(side * trigger, side * opening)
    state["now_ns"] = max(state["now_ns"], bar["ts_close_ns"])
    if limit > 0 and paid > side * limit:
        slot["type"] = _LIMIT  # the gap has left it behind
    else:
        fill(venue, slot, side * paid, leaves(slot))
    return True
