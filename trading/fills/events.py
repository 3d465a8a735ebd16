"""The venue on a feed of events: what is due before an event, and what the event does.

Before each event the caller does all that is due up to its time (`step_due`, `advance`), and takes the reports as they
come due (`report_due`, `next_report`), since what the desk answers may be due before the event too. Then `take_event`.
Between two events the book stands still, so whatever meets it then meets it as the last event left it.
"""

import numpy as np

from market.book import QUOTES, UPDATED_NS, apply
from market.kernel import kernel
from market.types import PRICE_KEYED, Kind, Phase
from trading.fills.closing import expire_orders
from trading.fills.depth import UNKNOWN_QUEUE, can_trade, queue_at
from trading.fills.intake import take_request
from trading.fills.latency import draw_latency
from trading.fills.matching import is_telling, match_trade, meet_book
from trading.fills.venue import NEVER, RESTING, WAITING, Venue, settle_slots

_TRADE, _STATE, _EDIT, _CLOCK = int(Kind.TRADE), int(Kind.STATE), int(Kind.EDIT), int(Kind.CLOCK)
_QUOTE_SIDE, _LEVEL_SET = int(Kind.QUOTE_SIDE), int(Kind.LEVEL_SET)
_LEVEL_DELETE, _PRICE_KEYED = int(Kind.LEVEL_DELETE), PRICE_KEYED
_OPEN_PHASE, _CLOSED = int(Phase.OPEN), int(Phase.CLOSED)


@kernel
def arrival_of_next(venue: Venue, requests: np.ndarray, sent: int) -> int:
    """Return when the next of the `sent` requests arrives, NEVER where none is under way; none overtakes another."""
    state = venue.state[0]
    number = int(state["requests"])
    if number >= sent:
        return NEVER
    latency = draw_latency(venue.latency, int(state["seed"]), int(state["session_ns"]), number)
    return max(int(requests[number]["ts_ns"]) + latency, int(state["reached_ns"]))


@kernel
def step_due(venue: Venue, requests: np.ndarray, sent: int) -> int:
    """Return when the venue next does something of itself, NEVER where it waits for the market."""
    return min(int(venue.state[0]["meet_ns"]), arrival_of_next(venue, requests, sent))


@kernel
def advance(venue: Venue, requests: np.ndarray, sent: int) -> None:
    """Do what is due next: let the waiting orders meet the book, or take the next request.

    Parameters
    ----------
    requests : ndarray of REQUEST
        All of the session, in the order in which they were sent.
    sent : int
        How many there are by now.
    """
    state, arrival = venue.state[0], arrival_of_next(venue, requests, sent)
    if state["meet_ns"] > arrival:
        request = requests[state["requests"]]
        state["requests"] += 1
        state["reached_ns"] = arrival
        state["now_ns"] = max(int(state["now_ns"]), arrival)
        take_request(venue, request)
        return
    state["now_ns"] = max(state["now_ns"], state["meet_ns"])
    state["meet_ns"] = NEVER
    for place in range(state["working"]):
        if venue.working[place]["stage"] == WAITING:
            meet_book(venue, venue.working[place])
    settle_slots(venue)


@kernel
def pass_by(state: np.void, header: np.ndarray, event: np.void) -> bool:
    """Take an event that no order of ours is concerned by, in a few compares.

    Parameters
    ----------
    state : VENUE record
    header : ndarray
        Of the venue's book.

    Returns
    -------
    bool
        False where nothing was done, and `take_event` is to be called.
    """
    kind, price = event["kind"], event["price"]
    if kind == _TRADE:
        if price <= state["low"] or price >= state["high"]:
            return False
        if is_telling(event):
            state["last"] = price
    elif kind == _QUOTE_SIDE:
        side = event["side"]
        reached = price <= state["low"] if side > 0 else price >= state["high"]
        if state["low"] > state["high"] or (reached and state["queued"] > 0):
            return False
        at = QUOTES + (0 if side > 0 else 2)
        header[at], header[at + 1] = price, event["quantity"]
        header[UPDATED_NS] = max(header[UPDATED_NS], event["ts_event_ns"])
    elif kind != _CLOCK and kind != _EDIT:
        return False
    state["now_ns"] = max(state["now_ns"], event["ts_event_ns"])
    return True


@kernel
def play_events(venue: Venue, requests: np.ndarray, sent: int, events: np.ndarray) -> None:
    """Take EVENT records one after the other with requests that are all known, as where nobody reacts to a report."""
    state, header = venue.state[0], venue.book.header
    due = step_due(venue, requests, sent)
    for place in range(events.size):
        event = events[place]
        while due <= event["ts_event_ns"]:
            advance(venue, requests, sent)
            due = step_due(venue, requests, sent)
        if not pass_by(state, header, event):
            take_event(venue, event)
            due = step_due(venue, requests, sent)


@kernel
def take_event(venue: Venue, event: np.void) -> None:
    """Let an event trade with the working orders, then keep what it says of book and phase."""
    state, kind = venue.state[0], event["kind"]
    state["now_ns"] = max(state["now_ns"], event["ts_event_ns"])
    if kind == _TRADE:
        if is_telling(event):
            match_trade(venue, event)
    elif kind == _STATE:
        _change_phase(venue, int(event["level"]))
    elif kind != _CLOCK and kind != _EDIT:
        apply(venue.book, event)
        if state["low"] > state["high"]:  # an order waits
            state["meet_ns"] = state["now_ns"]
        if state["queued"] > 0:
            _see_queue(venue, event)


@kernel
def _change_phase(venue: Venue, phase: int) -> None:
    """Enter a phase: an auction scatters the queues, the close ends every order."""
    state = venue.state[0]
    state["phase"] = phase
    if phase == _CLOSED:
        expire_orders(venue, int(state["now_ns"]))
    elif phase == _OPEN_PHASE:
        state["meet_ns"] = state["now_ns"]
    else:
        for place in range(state["working"]):
            slot = venue.working[place]
            if slot["stage"] == RESTING:
                slot["stage"], slot["ahead"] = WAITING, UNKNOWN_QUEUE
        settle_slots(venue)


@kernel
def _see_queue(venue: Venue, event: np.void) -> None:
    """Learn from a change of our side of the book what stands before resting orders."""
    state = venue.state[0]
    for place in range(state["working"]):
        slot = venue.working[place]
        if slot["stage"] != RESTING or slot["side"] != event["side"]:
            continue
        # A best quote better than our price hides what stands there.
        if event["kind"] == _QUOTE_SIDE and slot["side"] * (event["price"] - slot["price"]) > 0:
            continue
        if slot["ahead"] != UNKNOWN_QUEUE:
            if state["shares_cancels"] and event["price"] == slot["price"]:
                _share_cancels(slot, event)
        elif can_trade(venue.book, state["now_ns"]):
            slot["ahead"] = queue_at(venue.book, int(slot["side"]), int(slot["price"]))
            slot["shown"], slot["traded"] = max(slot["ahead"], 0), 0
    settle_slots(venue)


@kernel
def _share_cancels(slot: np.void, event: np.void) -> None:
    """Bring an order forward by its share of what left its price without a trade, rounded against it."""
    kind, shown = event["kind"], 0
    if kind in (_QUOTE_SIDE, _LEVEL_SET):
        shown = int(event["quantity"])
    elif kind != _LEVEL_DELETE or event["level"] != _PRICE_KEYED:
        return
    before = int(slot["shown"]) - int(slot["traded"])
    gone = before - shown
    if gone > 0:
        slot["ahead"] -= slot["ahead"] * gone // before
    slot["shown"], slot["traded"] = shown, 0
