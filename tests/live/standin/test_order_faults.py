"""Each fault of routing and orders, shown once, and what is refused."""

from itertools import groupby

import pytest

from tests.live.standin.conftest import StartVenue

pytestmark = pytest.mark.nightly

INVALID_ARGS, VERSION, NOT_FOUND, TICKER = -2147483645, -2147483635, -2147483636, -2147483617


def test_orders_are_rejected_dropped_and_filled_in_parts(venue: StartVenue) -> None:
    told = venue(
        faults=[
            {"fault": "order_rejected", "order": 1, "code": 5},
            {"fault": "order_silent", "order": 2},
            {"fault": "order_partial", "order": 3},
        ]
    ).play("fault_scenes.order_faults")
    codes = {k: [one[2] for one in group] for k, group in groupby(told["results"], key=lambda one: one[1])}
    assert codes[1] == [0, 2, 4, 6, 8, 5]
    assert told["rejected"]["status"] == 8
    assert told["rejected"]["leaves"] == 0
    # A silent drop and a wrong routing password look alike: nothing after result 4, no id, no reject.
    assert codes[told["silent_message"]] == codes[told["stalled_message"]] == [0, 2, 4]
    assert told["silent"]["status"] == told["stalled"]["status"] == 203
    steps = [(one[2]["status"], one[2]["traded"], one[2]["leaves"]) for one in told["orders"]]
    assert steps[-2:] == [(1, 2, 2), (2, 4, 0)]


def test_order_events_are_lost_doubled_swapped_stormed_and_late(venue: StartVenue) -> None:
    # Requests: 1 login, 2 subscription, then the orders; each order has five events.
    told = venue(
        faults=[
            {"fault": "orders_lost", "request": 3, "count": 5},
            {"fault": "orders_duplicated", "request": 4, "count": 5},
            {"fault": "orders_reordered", "request": 5, "count": 2},
            {"fault": "order_storm", "request": 6, "code": 300},
            {"fault": "orders_late", "request": 7, "ms": 500},
        ]
    ).play("fault_scenes.order_events")
    lost, doubled, swapped, stormed, late = told["seen"]
    assert lost == []
    assert doubled == [203] * 4 + [201, 201, 0, 0, 2, 2]
    assert swapped == [203, 203, 0, 201, 2]
    assert stormed == [203] * 301 + [201, 0, 2]
    assert late[-1] == 2
    assert told["took"][4] >= 0.5
    assert told["position"][1] == 5
    # What no event told is not known to the library either.
    assert told["details"][0]["result"] == NOT_FOUND
    assert {one["status"] for one in told["details"][1:]} == {2}


def test_orders_are_not_created_while_routing_is_down(venue: StartVenue) -> None:
    told = venue(faults=[{"fault": "routing_down", "request": 3, "ms": 400}]).play("fault_scenes.routing_down")
    down = told["state"].index([1, 0])
    assert told["state"][down:] == [[1, 0], [1, 1], [1, 2], [1, 4], [1, 5], [1, 5]]
    assert told["accounts"] >= 4  # announced again
    assert [one[2] for one in told["results"] if one[1] == 1] == [0, 1]
    assert (told["lost"]["status"], told["good"]["status"]) == (204, 2)


def test_the_broker_may_cancel_and_disconnect_by_itself(venue: StartVenue) -> None:
    script = [{"fault": "canceled_by_admin", "event": 40}, {"fault": "broker_down", "event": 61, "ms": 60_000}]
    told = venue(faults=script).play("fault_scenes.admin")
    assert told["statuses"] == [203, 203, 201, 0, 205]
    assert told["state"][-1] == [1, 3]


def test_what_cannot_be_is_refused(venue: StartVenue) -> None:
    told = venue(settings={"refuse_stop_change": True, "zero_flat_args": True}).play("fault_scenes.refusals")
    assert told["version"] == VERSION
    assert (told["account"], told["ticker"], told["cancel"]) == (NOT_FOUND, TICKER, NOT_FOUND)
    assert told["kind"] == told["quantity"] == told["change_stop"] == told["zero"] == INVALID_ARGS
    assert told["texts"] == {
        "continuous": [8, "Ativo nao negociavel"],
        "tick": [8, "Preco fora do tick"],
        "triggered": [8, "Preco de disparo ja atingido"],
    }
    assert told["dead"] == 2


def test_a_triggered_stop_may_fill_at_once_instead(venue: StartVenue) -> None:
    told = venue(settings={"triggered_stop_fills": True}).play("fault_scenes.refusals")
    assert told["texts"]["triggered"][0] == 2


def test_order_lists_may_be_empty_for_a_while_after_a_new_login(venue: StartVenue) -> None:
    running = venue(faults=[{"fault": "orders_hidden", "login": 2, "ms": 1500}])
    dead = running.start("scenes.killed")
    dead.communicate(timeout=60)
    assert running.play("fault_scenes.hidden_orders") == {"first": [], "then": 2}
