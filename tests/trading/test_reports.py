"""Reports that cannot be true, that come too late, or that are about something else: by hand."""

from typing import Any

import pytest

from market.types import Side
from tests.factories import WDO
from tests.trading.desks import START, Resting, blamed, position, send_entry, stands, states, tell
from tests.trading.oracle_orders import Said
from tests.trading.stories import ENTRY, FLATTEN, STOP, TARGET, Story
from trading.bracket import cancel_entry, flatten
from trading.core import begin_desk
from trading.desk import FILLS, REQUESTS
from trading.exits import ExitParams
from trading.orders import add_order
from trading.records import BracketState as B
from trading.records import RefusalReason
from trading.requests import Refusal

# Of an entry of three at market of which one has filled at START, told by report 2.
PART: dict[str, Any] = {
    "number": 3, "state": "PARTIALLY_FILLED", "filled": 1, "notional": START, "quantity": 3, "price": 0, "stop": 0
}  # fmt: skip
CANNOT_BE = {
    "another instrument": {"instrument": 9},
    "less than nothing": {"filled": -1, "notional": -START},
    "more than was asked": {"filled": 4, "notional": 4 * START},
    "no state of a venue": {"state": "PENDING_CANCEL"},
    "filled and yet not": {"state": "FILLED"},
    "worth something and nothing filled": {"filled": 0, "notional": 5},
    "more for nothing": {"filled": 2, "notional": START},
    "more for less": {"filled": 2, "notional": START - 1},
    "less for more": {"filled": 0, "notional": START + 1},
    "the same for something else": {"notional": START + 1},
    "dead with less": {"state": "CANCELED", "filled": 0, "notional": 0},
}


def part_filled() -> Story:
    story = Story(Side.BUY)
    story.take()
    story.fill(ENTRY, 1, START)
    return story


@pytest.mark.parametrize("what", CANNOT_BE)
def test_report_that_cannot_be_true_halts_and_leaves_the_order_unknown(what: str) -> None:
    story = part_filled()
    tell(story.desk, ENTRY, Said(**(PART | {"instrument": WDO} | CANNOT_BE[what])))
    assert (blamed(story.desk), states(story.desk)[0], stands(story.desk)) == ("CONTRADICTION", "UNKNOWN", B.UNKNOWN)


@pytest.mark.parametrize("fine", [{}, {"number": 1, "state": "ACCEPTED", "filled": 0, "notional": 0}])
def test_report_that_is_old_or_says_the_same_is_no_contradiction(fine: dict[str, Any]) -> None:
    story = part_filled()
    tell(story.desk, ENTRY, Said(**(PART | {"instrument": WDO} | fine)))
    assert (blamed(story.desk), states(story.desk)[0]) == ("", "PARTIALLY_FILLED")


@pytest.mark.parametrize("more", [{"filled": 2, "notional": 2 * START}, {"state": "EXPIRED"}])
def test_dead_order_neither_fills_nor_dies_again(more: dict[str, Any]) -> None:
    story = part_filled()
    said = PART | {"instrument": WDO}
    tell(story.desk, ENTRY, Said(**(said | {"state": "CANCELED"})))
    assert blamed(story.desk) == ""
    tell(story.desk, ENTRY, Said(**(said | {"number": 4} | more)))
    assert blamed(story.desk) == "CONTRADICTION"
    assert position(story.desk) == more.get("filled", 1)


def test_fills_of_another_instrument_are_not_booked() -> None:
    story = part_filled()
    tell(story.desk, ENTRY, Said(**(PART | {"instrument": 9, "filled": 2, "notional": 2 * START})))
    assert position(story.desk) == 1


def test_contradiction_is_not_forgotten_where_the_cancel_then_stays_unanswered() -> None:
    story = part_filled()
    tell(story.desk, ENTRY, Said(**(PART | {"instrument": WDO, "notional": START + 1})))
    story.news()
    for _ in range(12):
        story.wait(1.0)
    tell(story.desk, ENTRY, Said(**(PART | {"instrument": WDO, "number": 9, "state": "CANCELED"})))
    assert states(story.desk)[0] == "UNKNOWN"


def test_refusal_that_comes_twice_answers_no_later_request() -> None:
    story = Story(Side.BUY, exits=ExitParams(trail_after=2, trail_distance=5)).open()
    story.wait(1.0, START + 7)
    story.take(refuse=True, reason="PHASE")
    number, order = story.venue.told, story.venue.orders[STOP]
    story.wait(2.0)
    assert [request[:2] for request in story.news()] == [("REPLACE", STOP)]
    quantity, price, stop = order.terms
    old = Said(number, "ACCEPTED", 0, 0, quantity, price, stop, "REPLACE", True, WDO, "PHASE")
    tell(story.desk, STOP, old)
    assert states(story.desk)[1] == "PENDING_REPLACE"


def test_order_the_venue_rejects_is_counted_once() -> None:
    story = Story(Side.BUY)
    story.venue.take(("NEW", ENTRY, "ENTRY", 1, 3, 0, 0), refuse=True)
    story.venue.outbox *= 2
    story.hear()
    assert story.desk.budget[0]["rejects"] == 1


def exposure(story: Story) -> float:
    return float(story.desk.budget["desk_exposure"][0, 0]) / float(story.desk.terms["tick_value"][0])


@pytest.mark.parametrize("end", ["REJECTED", "CANCELED", "EXPIRED"])
def test_entry_that_dies_unfilled_puts_nothing_at_stake_any_more(end: str) -> None:
    story = Story(Side.BUY)
    assert exposure(story) == 3 * START
    story.venue.orders[ENTRY] = Resting("ENTRY", 1, (3, 0, 0), state=end)
    story.venue.say(ENTRY, "NEW" if end == "REJECTED" else "")
    story.hear()
    assert (states(story.desk), exposure(story)) == ([end], 0.0)


def test_entry_that_dies_with_a_part_filled_leaves_that_part_at_stake_at_the_last_price() -> None:
    story = part_filled()
    assert exposure(story) == 3 * START
    story.desk.account["mark"] = START + 5
    cancel_entry(story.desk)
    story.take()
    assert (states(story.desk)[0], exposure(story)) == ("CANCELED", START + 5)


def test_dead_entry_s_report_that_comes_again_leaves_the_next_one_s_exposure() -> None:
    story = Story(Side.BUY)
    story.venue.take(("NEW", ENTRY, "ENTRY", 1, 3, 0, 0), refuse=True)
    again = story.venue.outbox * 2
    story.hear()
    send_entry(story.desk, 1, 2)
    tell(story.desk, *again[0])
    assert exposure(story) == 2 * START


def test_order_keeps_why_the_venue_rejected_it() -> None:
    story = Story(Side.BUY).open()
    flatten(story.desk)
    story.take(refuse=True, reason="PHASE")
    assert states(story.desk) == ["FILLED", "ACCEPTED", "ACCEPTED", "REJECTED"]
    assert story.desk.orders["rejected"][:4].tolist() == [0, 0, 0, Refusal.PHASE]
    assert story.desk.orders["reason"][3] == RefusalReason.NONE  # the gate let it pass
    # The place of an order is used again in the next session.
    begin_desk(story.desk, 0, 10**15, False)
    story.desk.account["position"] = 0
    for _ in range(4):
        add_order(story.desk, 1, 1, 1, 0)
    assert not story.desk.orders["rejected"][:4].any()


def test_order_the_venue_takes_or_cancels_is_no_reject() -> None:
    story = Story(Side.BUY)
    story.take()
    cancel_entry(story.desk)
    story.take()
    assert (states(story.desk), story.desk.budget[0]["rejects"]) == (["CANCELED"], 0)


def test_every_request_names_the_decision_and_the_time_behind_it() -> None:
    story = Story(Side.BUY)
    story.take()
    story.wait(0.25)
    story.fill(ENTRY, 3, START)
    sent = story.desk.requests[: story.desk.counts[REQUESTS]]
    assert sent["decision"].tolist() == [7] * 3
    assert (sent["ts_ns"] - sent["ts_ns"][0]).tolist() == [0, 250_000_000, 250_000_000]
    assert sent["order"].tolist() == [ENTRY, STOP, TARGET]
    assert sent[["stop_distance", "target_distance"]][0].tolist() == (8, 12)


FOLLOWS = ExitParams(trail_after=2, trail_distance=5)


def test_older_word_of_the_terms_changes_nothing() -> None:
    story = Story(Side.BUY, exits=FOLLOWS).open()
    number, (quantity, price, stop) = story.venue.told, story.venue.orders[STOP].terms
    story.wait(1.0, START + 7)
    story.take()
    story.news()
    tell(story.desk, STOP, Said(number, "ACCEPTED", 0, 0, quantity, price, stop, instrument=WDO))
    assert (story.news(), stands(story.desk)) == ([], B.PROTECTED)
    assert story.desk.orders["stop_price"][1] == START + 2


def test_refusal_of_a_change_answers_no_cancel() -> None:
    story = Story(Side.BUY, exits=FOLLOWS).open()
    story.wait(1.0, START + 7)
    story.fill(TARGET, 3, START + 12)
    assert [request[:2] for request in story.news()] == [("REPLACE", STOP), ("CANCEL", STOP)]
    story.venue.say(STOP, "REPLACE", True)
    story.hear()
    assert states(story.desk)[1] == "PENDING_CANCEL"


def test_word_of_the_old_terms_grants_no_change_and_word_of_the_new_ones_does() -> None:
    story = Story(Side.BUY, exits=FOLLOWS).open()
    story.wait(1.0, START + 7)
    story.venue.say(STOP)
    story.hear()
    assert states(story.desk)[1] == "PENDING_REPLACE"
    assert [request[6] for request in story.take()] == [START + 2]
    assert (states(story.desk)[1], story.news()) == ("ACCEPTED", [])
    story.wait(9.0)
    assert story.news() == []


def test_refusal_for_good_that_comes_twice_refuses_no_later_change() -> None:
    story = Story(Side.BUY, exits=FOLLOWS).open()
    story.wait(1.0, START + 7)
    request = story.news()[0]
    story.venue.take(request, refuse=True, reason="TRIGGERED")
    word = story.venue.outbox[-1]
    story.hear()
    story.take()
    story.fill(FLATTEN, 1, START + 1)
    assert story.news()[0] == ("REPLACE", STOP, "STOP", -1, 2, 0, START - 8)
    tell(story.desk, *word)
    assert states(story.desk)[1] == "PENDING_REPLACE"
    story.wait(2.0)
    assert ("REPLACE", STOP, "STOP", -1, 2, 0, START - 8) in story.news()


@pytest.mark.parametrize("what", ["more for nothing", "more for less"])
def test_fill_of_no_possible_price_is_booked_at_the_last_one(what: str) -> None:
    story = part_filled()
    story.desk.account["mark"] = START + 5
    tell(story.desk, ENTRY, Said(**(PART | {"instrument": WDO} | CANNOT_BE[what])))
    assert story.desk.fills["price"][:2].tolist() == [START, START + 5]


def test_fill_names_order_decision_role_and_the_venue_s_time() -> None:
    story = Story(Side.SELL)
    story.take()
    story.wait(0.25)
    story.fill(ENTRY, 3, START + 1)
    fill = story.desk.fills[0]
    assert fill[["order", "decision", "price", "quantity", "instrument", "role", "side"]].tolist() == (
        ENTRY, 7, START - 1, 3, WDO, 1, Side.SELL,
    )  # fmt: skip
    assert fill["ts_ns"] == story.desk.market[0]["now_ns"]
    assert story.desk.account[0]["entry_order"] == ENTRY
    assert story.desk.counts[FILLS] == 1


def test_trade_is_counted_once_it_has_left_the_account_flat() -> None:
    story = Story(Side.BUY).open()
    counted = []
    for quantity in (1, 2):
        counted.append(int(story.desk.budget[0]["closed_today"]))
        story.fill(STOP, quantity, START - 8)
    assert [*counted, int(story.desk.budget[0]["closed_today"])] == [0, 0, 1]
