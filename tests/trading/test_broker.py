"""With a broker elsewhere the desk does what it does with the paper venue, to the byte."""

import numpy as np
import pytest

from market.costs import Costs
from market.instruments import B3, FUTURES
from market.kernel import kernel
from market.stream import with_clock
from market.synthetic import SyntheticMarket
from market.types import Kind
from tests.factories import MINUTE_NS, make_model, make_steps
from tests.trading.test_bad_input import LIMITS, OFTEN, SCHEMA
from trading.broker import broker_clock, broker_event, broker_report, broker_time
from trading.budget import new_budget
from trading.core import Core, new_desk
from trading.desk import FILLS, REQUESTS
from trading.fills.events import advance, step_due, take_event
from trading.fills.venue import NEVER, Venue, next_report, report_due
from trading.market_event import note_phase
from trading.paper import Trader, new_trader, paper_begin, paper_events
from trading.policy import VenueParams
from trading.records import OrderRole, OrderState, RefusalReason, Stage
from trading.requests import REPORT, RequestKind

MARKET = SyntheticMarket("WINQ26", sessions=1, seed=5, trades_per_session=2_500, levels=3)
HOURS = B3.session(MARKET.symbol, MARKET.days()[0])
EVENTS = with_clock(MARKET.session_events(0), HOURS, MINUTE_NS)


def begun(stage: Stage = Stage.PAPER, live: bool = False, venue: VenueParams | None = None) -> Trader:
    model = make_model(SCHEMA, make_steps(2, 0, (-0.05, 0.05), (0.125, 0.5, 0.875)), (), OFTEN)
    desk = new_desk(LIMITS, FUTURES["WIN"], Costs(0.25, 0.0), budget=new_budget(stage, live))
    trader = new_trader(SCHEMA, model, desk, None, venue)
    trader.feed_kind = "events"
    paper_begin(trader.core, trader.venue, HOURS[0], True)
    return trader


@kernel
def converse_with_broker(core: Core, venue: Venue, now: int) -> bool:
    """Let the venue of the paper account be a broker elsewhere: the desk learns of it by reports alone."""
    desk, heard = core.desk, False
    while True:
        told, step = report_due(venue), step_due(venue, desk.requests, desk.counts[REQUESTS])
        due = desk.bracket[0]["due_ns"]
        if min(told, step, due) > min(now, NEVER - 1):
            return heard
        if told <= min(step, due):
            broker_report(core.desk, venue.reports[next_report(venue)], told)
            heard = True
        elif step <= due:
            advance(venue, desk.requests, desk.counts[REQUESTS])
        else:
            broker_time(core.desk, due)


@kernel
def through_a_broker(core: Core, venue: Venue, events: np.ndarray) -> None:
    for event in events:
        market, now = core.desk.market[0], max(core.desk.market[0]["now_ns"], event["ts_event_ns"])
        heard = converse_with_broker(core, venue, now)
        market["now_ns"] = now
        note_phase(core.desk, event)
        take_event(venue, event)
        while report_due(venue) <= min(now, NEVER - 1):
            broker_report(core.desk, venue.reports[next_report(venue)], now)
            heard = True
        broker_event(core, event, heard)


def traces(trader: Trader) -> list[bytes]:
    desk = trader.core.desk
    requests = desk.requests[: desk.counts[REQUESTS]]
    parts = (trader.decisions, trader.orders, requests, trader.fills, trader.account, trader.budget)
    return [part.tobytes() for part in parts]


def test_a_broker_that_does_what_the_venue_does_leaves_the_same_bytes() -> None:
    paper, broker = begun(), begun()
    paper_events(paper.core, paper.venue, EVENTS)
    through_a_broker(broker.core, broker.venue, EVENTS)
    assert paper.core.desk.counts[FILLS] >= 20
    assert traces(broker) == traces(paper)


def test_a_shadow_decides_as_on_paper_and_sends_nothing() -> None:
    shadow, paper = begun(Stage.SHADOW, live=True), begun(Stage.SHADOW)
    through_a_broker(shadow.core, shadow.venue, EVENTS)
    paper_events(paper.core, paper.venue, EVENTS)
    asked = shadow.decisions["side"] != 0
    assert asked.sum() > paper.core.desk.counts[FILLS] / 2  # one that nothing follows is always free to ask again
    assert (shadow.decisions["refusal"][asked] == RefusalReason.STAGE).any()
    assert shadow.core.desk.counts[REQUESTS] == 0
    for name in ("probability", "score", "confidence", "regime", "patterns_buy"):
        np.testing.assert_array_equal(shadow.decisions[name], paper.decisions[name])


HALF_A_SECOND_NS = 500_000_000


def filled(trader: Trader) -> tuple[np.ndarray, int]:
    """Let a desk whose orders arrive nowhere fill its first entry; return the report, and its time."""
    core, desk = trader.core, trader.core.desk
    for at in range(EVENTS.size):
        through_a_broker(core, trader.venue, EVENTS[at : at + 1])
        if desk.counts[REQUESTS]:
            break
    request, report, now = desk.requests[0], np.zeros(1, dtype=REPORT), int(desk.market[0]["now_ns"])
    for name in ("order", "quantity", "instrument"):
        report[name] = request[name]
    report["filled"], report["number"], report["ts_ns"] = request["quantity"], 1, now
    report["state"], report["notional"] = OrderState.FILLED, request["quantity"] * desk.account[0]["mark"]
    broker_report(core.desk, report[0], now)
    assert [int(role) for role in desk.requests["role"][1:3]] == [OrderRole.STOP, OrderRole.TARGET]
    return report, now


@pytest.mark.parametrize("how", ["time", "event", "report"])
def test_an_unprotected_position_is_closed_at_its_moment_whatever_comes_after(how: str) -> None:
    """Signals.md §10.1: no protection acknowledged within 500 ms of the fill, so it is closed at market."""
    trader = begun(venue=VenueParams(latency_ms=3_600_000))
    core, desk = trader.core, trader.core.desk
    report, now = filled(trader)
    sent = int(desk.counts[REQUESTS])
    broker_time(core.desk, now + HALF_A_SECOND_NS - 1)
    assert int(desk.counts[REQUESTS]) == sent
    if how == "time":
        broker_time(core.desk, now + HALF_A_SECOND_NS)
    elif how == "event":
        late = EVENTS[:1].copy()
        late["ts_event_ns"] = now + 9 * HALF_A_SECOND_NS
        broker_event(core, late[0], False)
    else:  # the acknowledgement of the stop, too late
        report["order"], report["number"], report["state"] = desk.requests["order"][1], 2, OrderState.ACCEPTED
        report["filled"] = report["notional"] = 0
        report["stop_price"], report["price"] = desk.requests["stop_price"][1], desk.requests["price"][1]
        broker_report(core.desk, report[0], now + HALF_A_SECOND_NS + 1)
    closing = desk.requests[sent : sent + 1]
    assert (closing["role"], closing["ts_ns"]) == (OrderRole.FLATTEN, now + HALF_A_SECOND_NS)


def test_an_answer_at_the_very_moment_is_heard() -> None:
    trader = begun(venue=VenueParams(latency_ms=3_600_000))
    core, desk = trader.core, trader.core.desk
    report, now = filled(trader)
    sent = int(desk.counts[REQUESTS])
    report["order"], report["number"], report["state"] = desk.requests["order"][1], 2, OrderState.ACCEPTED
    report["filled"] = report["notional"] = 0
    report["stop_price"], report["price"] = desk.requests["stop_price"][1], desk.requests["price"][1]
    broker_report(core.desk, report[0], now + HALF_A_SECOND_NS)
    assert int(desk.counts[REQUESTS]) == sent


SECOND_NS = 2 * HALF_A_SECOND_NS
PATIENCE_NS = 2 * SECOND_NS  # for an answer, by default


@pytest.mark.parametrize(("late_s", "waits"), [(0, False), (30, True)])
def test_patience_with_an_entry_begins_when_its_clock_came(late_s: int, waits: bool) -> None:
    """In a quiet market the next event brings the CLOCK: an entry that has just left is not doubted by that event."""
    trader = begun(venue=VenueParams(latency_ms=3_600_000))
    core, desk = trader.core, trader.core.desk
    for event in EVENTS:
        if event["kind"] == Kind.CLOCK:
            broker_clock(core, event, False, int(event["ts_event_ns"]) + late_s * SECOND_NS)
        else:
            broker_event(core, event, False)
        if desk.counts[REQUESTS]:
            break
    asked = int(event["ts_event_ns"])
    assert event["kind"] == Kind.CLOCK
    assert trader.decisions["ts_ns"][-1] == desk.requests[0]["ts_ns"] == trader.orders["ts_ns"][0] == asked
    late = EVENTS[:1].copy()
    late["ts_event_ns"] = asked + 30 * SECOND_NS
    broker_event(core, late[0], False)
    assert (trader.orders["state"][0] == OrderState.PENDING_NEW) == waits
    due = asked + late_s * SECOND_NS + PATIENCE_NS
    broker_time(desk, due - 1)
    assert (trader.orders["state"][0] == OrderState.PENDING_NEW) == waits
    broker_time(desk, due)
    assert trader.orders["state"][0] == OrderState.UNKNOWN
    assert (desk.requests[1]["kind"], desk.requests[1]["ts_ns"]) == (RequestKind.CANCEL, due)
