"""The bracket by hand: each path long and mirrored short, request by request."""

import pytest

from market.types import Side
from tests.trading.desks import START, blamed, build_desk, position, sent, stands, states, tell
from tests.trading.oracle_orders import Said
from tests.trading.stories import ENTRY, FLATTEN, STOP, TARGET, Story, both_ways, new
from trading.bracket import cancel_entry, flatten, tick
from trading.core import Capacity
from trading.desk import LOST, REQUESTS
from trading.exits import ExitParams
from trading.records import BracketState as B
from trading.records import TradingState

# ---- opening


@both_ways
def test_first_fill_sends_the_stop_then_the_target_for_what_has_filled(side: int) -> None:
    story = Story(side)
    assert story.take() == [new(ENTRY, "ENTRY", 3, way=1)]
    assert stands(story.desk) is B.ENTRY_SENT
    story.fill(ENTRY, 1, START)
    assert stands(story.desk) is B.OPEN_UNPROTECTED
    assert story.take() == [new(STOP, "STOP", 1, trigger=START - 8), new(TARGET, "TARGET", 1, START + 12)]
    assert stands(story.desk) is B.PROTECTED


@both_ways
def test_further_fills_replace_the_legs_and_the_stop_is_short_until_confirmed(side: int) -> None:
    story = Story(side)
    story.take()
    story.fill(ENTRY, 1, START)
    story.take()
    story.fill(ENTRY, 2, START + 1)
    assert stands(story.desk) is B.OPEN_UNPROTECTED
    assert story.take() == [
        ("REPLACE", STOP, "STOP", -1, 3, 0, START - 8),
        ("REPLACE", TARGET, "TARGET", -1, 3, START + 12, 0),
    ]
    assert stands(story.desk) is B.PROTECTED


@both_ways
def test_fills_told_in_one_report_lay_the_bracket_from_the_tick_against_the_position(side: int) -> None:
    story = Story(side)
    story.take()
    prices = (START, START + 1, START + 1)
    for price in prices:
        story.venue.fill(ENTRY, 1, story.mirrored(price))
    story.venue.outbox = story.venue.outbox[-1:]
    story.hear()
    assert story.news() == [new(STOP, "STOP", 3, trigger=START + 1 - 8), new(TARGET, "TARGET", 3, START + 1 + 12)]
    assert story.mirrored(int(story.desk.account[0]["entry_price"])) == START + 1
    paid = sum(story.mirrored(price) for price in prices)
    assert story.desk.account[0]["cash_ticks"] == -side * paid


@both_ways
def test_pending_are_the_contracts_the_entry_has_still_to_fill(side: int) -> None:
    story = Story(side)
    pending = [int(story.desk.account[0]["pending"])]
    story.take()
    for quantity in (1, 2):
        story.fill(ENTRY, quantity, START)
        pending.append(int(story.desk.account[0]["pending"]))
    assert pending == [3 * side, 2 * side, 0]


def test_change_waits_for_the_answer_to_the_new_order() -> None:
    story = Story(Side.BUY)
    story.take()
    story.fill(ENTRY, 1, START)
    story.fill(ENTRY, 2, START)
    assert [request[0] for request in story.news()] == ["NEW", "NEW"]


# ---- ends


@both_ways
@pytest.mark.parametrize(("leg", "other", "price", "ticks"), [(2, 3, -8, -24), (3, 2, 12, 36)])
def test_leg_that_fills_sends_the_cancel_of_the_other_at_once(
    leg: int, other: int, price: int, ticks: int, side: int
) -> None:
    story = Story(side).open()
    story.fill(leg, 3, START + price)
    assert [(kind, number) for kind, number, *_ in story.news()] == [("CANCEL", other)]
    assert stands(story.desk) is B.CLOSING
    story.venue.take(("CANCEL", other, "", 0, 0, 0, 0))
    story.hear()
    assert stands(story.desk) is B.FLAT
    assert story.won() == ticks


@both_ways
def test_stop_and_target_inside_one_bar_are_bought_back_and_halt(side: int) -> None:
    story = Story(side).open()
    story.venue.fill(STOP, 3, story.mirrored(START - 8))
    story.venue.fill(TARGET, 3, story.mirrored(START + 12))
    story.hear()
    assert story.held() == -3
    # The cancel of the target left with the stop's fill; the offset leaves with the target's.
    assert story.take() == [("CANCEL", TARGET, "TARGET", -1, 3, START + 12, 0), new(FLATTEN, "FLATTEN", 3, way=1)]
    assert blamed(story.desk) == "OVERCLOSED"
    assert story.desk.account[0]["trading_state"] == TradingState.HALTED
    story.fill(FLATTEN, 3, START + 13)
    assert stands(story.desk) is B.HALT
    assert story.won() == 3 * (12 - 8 - 13)


@both_ways
def test_what_an_entry_fills_after_its_position_was_overclosed_is_closed_too(side: int) -> None:
    story = Story(side).open(1)
    for leg, price in ((STOP, -8), (TARGET, 12)):
        story.venue.fill(leg, 1, story.mirrored(START + price))
    # One report tells that the rest of the entry has filled: from one too few to one too many.
    story.venue.fill(ENTRY, 2, story.mirrored(START))
    story.hear()
    assert (story.held(), blamed(story.desk)) == (1, "OVERCLOSED")
    assert [request[:3] for request in story.news()][-2:] == [("CANCEL", 4, "FLATTEN"), ("NEW", 5, "FLATTEN")]


@both_ways
def test_what_comes_after_an_overclose_is_closed_though_a_stop_still_works(side: int) -> None:
    story = Story(side, quantity=4, exits=ExitParams(level_distance=(4, 8), level_percent=(34, 33)))
    story.take()
    story.fill(ENTRY, 2, START)
    assert [request[2] for request in story.take()] == ["STOP", "TARGET", "TARGET"]
    for leg, price in ((STOP, -8), (TARGET, 12), (4, 8)):
        story.venue.fill(leg, 1, story.mirrored(START + price))
    story.hear()
    assert (story.held(), blamed(story.desk)) == (-1, "OVERCLOSED")
    story.news()
    story.fill(ENTRY, 2, START)
    assert (story.held(), states(story.desk)[1]) == (1, "PENDING_CANCEL")
    assert [request[:3] for request in story.news()] == [("CANCEL", 5, "FLATTEN"), ("NEW", 6, "FLATTEN")]


@both_ways
def test_gap_through_a_stop_at_market_loses_the_gap(side: int) -> None:
    story = Story(side).open()
    story.fill(STOP, 3, START - 21)
    story.take()
    assert (story.won(), stands(story.desk)) == (-63, B.FLAT)


@both_ways
def test_part_of_the_stop_reduces_the_target_and_the_rest_still_ends_flat(side: int) -> None:
    story = Story(side).open()
    story.fill(STOP, 1, START - 8)
    assert story.take() == [("REPLACE", TARGET, "TARGET", -1, 2, START + 12, 0)]
    story.fill(TARGET, 2, START + 12)
    assert [request[:2] for request in story.take()] == [("CANCEL", STOP)]
    assert (story.won(), stands(story.desk)) == (16, B.FLAT)


@both_ways
def test_part_fill_of_the_entry_then_a_cancel_that_loses_the_race(side: int) -> None:
    story = Story(side)
    story.take()
    story.fill(ENTRY, 1, START)
    cancel_entry(story.desk)
    story.venue.fill(ENTRY, 2, story.mirrored(START + 2))
    assert [request[:2] for request in story.take()] == [("NEW", STOP), ("NEW", TARGET), ("CANCEL", ENTRY)]
    assert states(story.desk)[0] == "FILLED"
    assert story.take() == [
        ("REPLACE", STOP, "STOP", -1, 3, 0, START - 8),
        ("REPLACE", TARGET, "TARGET", -1, 3, START + 12, 0),
    ]
    assert (story.held(), stands(story.desk), blamed(story.desk)) == (3, B.PROTECTED, "")


@both_ways
def test_entry_that_fills_on_after_its_position_was_closed_gets_legs_of_its_own(side: int) -> None:
    story = Story(side)
    story.take()
    story.fill(ENTRY, 1, START)
    story.take()
    story.fill(STOP, 1, START - 8)
    assert [request[:2] for request in story.news()] == [("CANCEL", ENTRY), ("CANCEL", TARGET)]
    story.fill(ENTRY, 2, START - 10)
    assert story.news() == [new(4, "STOP", 2, trigger=START - 18), new(5, "TARGET", 2, START + 2)]
    assert states(story.desk)[2] == "PENDING_CANCEL"


@both_ways
def test_fill_after_the_cancel_was_confirmed_is_booked_protected_and_halts(side: int) -> None:
    story = Story(side)
    story.take()
    cancel_entry(story.desk)
    story.take()
    assert stands(story.desk) is B.FLAT
    order = story.venue.orders[ENTRY]
    order.filled, order.notional = 1, story.mirrored(START)
    story.venue.say(ENTRY, state="PARTIALLY_FILLED")
    story.hear()
    assert (story.held(), states(story.desk)[0], blamed(story.desk)) == (1, "UNKNOWN", "CONTRADICTION")
    assert [request[2] for request in story.take()] == ["STOP", "TARGET"]
    assert stands(story.desk) is B.UNKNOWN


# ---- closing at market


@both_ways
def test_flatten_keeps_protection_until_the_position_is_closed(side: int) -> None:
    story = Story(side).open()
    flatten(story.desk)
    assert story.take() == [new(FLATTEN, "FLATTEN", 3)]
    assert (stands(story.desk), states(story.desk)[1:3]) == (B.CLOSING, ["ACCEPTED", "ACCEPTED"])
    story.fill(FLATTEN, 2, START + 1)
    assert [request[:2] for request in story.take()] == [("REPLACE", STOP), ("REPLACE", TARGET)]
    story.fill(FLATTEN, 1, START + 1)
    assert [request[:2] for request in story.take()] == [("CANCEL", STOP), ("CANCEL", TARGET)]
    assert (story.won(), stands(story.desk)) == (3, B.FLAT)


@both_ways
def test_leg_that_fills_during_a_flatten_makes_it_smaller(side: int) -> None:
    story = Story(side).open()
    flatten(story.desk)
    story.take()
    story.fill(STOP, 2, START - 8)
    assert ("REPLACE", FLATTEN, "FLATTEN", -1, 1, 0, 0) in story.take()


def test_close_that_is_done_leaves_the_next_one_free_at_once() -> None:
    story = Story(Side.BUY)
    story.take()
    story.fill(ENTRY, 1, START)
    story.take()
    flatten(story.desk)
    request = story.news()[-1]
    story.venue.take(request)
    story.venue.fill(FLATTEN, 1, START)
    story.venue.fill(ENTRY, 2, START)
    story.venue.outbox.reverse()
    story.hear()
    assert (story.held(), story.news()[-1]) == (2, new(5, "FLATTEN", 2))


def test_close_that_is_told_twice_gives_the_next_one_no_more_tries() -> None:
    story = Story(Side.BUY)
    story.take()
    story.fill(ENTRY, 1, START)
    story.take()
    flatten(story.desk)
    story.venue.take(story.news()[-1])
    story.venue.fill(FLATTEN, 1, START)
    word = story.venue.outbox[-1]
    story.venue.fill(ENTRY, 2, START)
    story.venue.outbox.reverse()
    story.hear()
    story.venue.take(story.news()[-1], refuse=True)
    story.hear()
    tell(story.desk, *word)
    assert story.news() == []


def test_second_close_waits_until_the_first_is_known_dead() -> None:
    story = Story(Side.BUY).open()
    flatten(story.desk)
    flatten(story.desk)
    assert len(story.news()) == 1
    story.wait(2.0)
    assert (stands(story.desk), states(story.desk)[-1]) == (B.UNKNOWN, "UNKNOWN")
    # Nothing is known of the close, so nothing more is closed: it is asked for by a cancel.
    assert story.news() == [("CANCEL", FLATTEN, "FLATTEN", -1, 3, 0, 0)]
    tell(story.desk, FLATTEN, Said(9, "CANCELED", 0, 0, 3, 0, 0))
    assert story.take() == [new(5, "FLATTEN", 3)]


def test_refused_close_is_repeated_three_times_and_then_halts_with_the_stop_in_place() -> None:
    story = Story(Side.SELL).open()
    flatten(story.desk)
    story.take(refuse=True)
    assert story.news() == []
    for seconds in (2.0, 4.0, 8.0):
        story.wait(seconds - 0.1)
        assert story.news() == []
        story.wait(0.1)
        assert [request[2] for request in story.take(refuse=True)] == ["FLATTEN"]
    for _ in range(10):
        story.wait(2.0)
    assert story.news() == []
    assert (stands(story.desk), blamed(story.desk)) == (B.HALT, "UNANSWERED")
    assert states(story.desk)[1] == "ACCEPTED"


def test_flatten_of_a_flat_desk_only_cancels_the_entry() -> None:
    story = Story(Side.BUY)
    story.take()
    flatten(story.desk)
    assert [request[:2] for request in story.take()] == [("CANCEL", ENTRY)]
    flatten(story.desk)
    assert (story.news(), stands(story.desk)) == ([], B.FLAT)


def test_entry_that_fills_after_a_flatten_is_protected_and_closed_without_a_target() -> None:
    story = Story(Side.BUY)
    story.take()
    flatten(story.desk)
    story.fill(ENTRY, 1, START)
    assert [request[2] for request in story.news()] == ["ENTRY", "STOP", "FLATTEN"]


# ---- patience


@both_ways
def test_position_without_a_confirmed_stop_is_closed_after_half_a_second(side: int) -> None:
    story = Story(side)
    story.take()
    story.fill(ENTRY, 3, START)
    story.news()
    story.wait(0.499)
    assert story.news() == []
    story.wait(0.001)
    assert story.news() == [new(FLATTEN, "FLATTEN", 3)]


@both_ways
def test_rejected_stop_is_not_tried_again_but_closed_at_market(side: int) -> None:
    story = Story(side)
    story.take()
    story.fill(ENTRY, 3, START)
    requests = sent(story.desk, story.read)
    story.venue.take(requests[0], refuse=True)
    story.hear()
    assert [request[2] for request in story.news()] == ["STOP", "TARGET", "FLATTEN"]


def test_rejected_target_is_not_tried_again_and_the_stop_stays() -> None:
    story = Story(Side.BUY)
    story.take()
    story.fill(ENTRY, 3, START)
    requests = sent(story.desk, story.read)
    story.venue.take(requests[0])
    story.venue.take(requests[1], refuse=True)
    story.hear()
    story.news()
    story.wait(1.0)
    assert (story.news(), stands(story.desk)) == ([], B.PROTECTED)


@pytest.mark.parametrize("answers", [False, True])
def test_cancel_is_repeated_three_times_and_then_halts(answers: bool) -> None:
    story = Story(Side.BUY)
    story.take()
    cancel_entry(story.desk)
    times = 0
    for _ in range(40):
        fresh = story.news()
        times += len(fresh)
        assert all(request[0] == "CANCEL" for request in fresh)
        if answers and fresh:
            story.venue.say(ENTRY, "CANCEL", True)
            story.hear()
        story.wait(0.5)
    assert times == 4
    assert blamed(story.desk) == "UNANSWERED"
    assert stands(story.desk) is (B.HALT if answers else B.UNKNOWN)


def test_cancel_of_a_leg_that_no_one_answers_halts_and_nothing_is_entered_until_it_is_dead() -> None:
    story = Story(Side.BUY).open()
    story.fill(TARGET, 3, START + 12)
    for _ in range(9):
        story.wait(1.0)
    assert [request[:2] for request in story.news()] == [("CANCEL", STOP)] * 4
    assert (stands(story.desk), blamed(story.desk)) == (B.UNKNOWN, "UNANSWERED")
    story.venue.take(("CANCEL", STOP, "", 0, 0, 0, 0))
    story.hear()
    assert stands(story.desk) is B.HALT


def test_silent_entry_is_unknown_and_never_sent_again() -> None:
    story = Story(Side.BUY)
    story.news()
    story.wait(2.0)
    assert (stands(story.desk), states(story.desk)) == (B.UNKNOWN, ["UNKNOWN"])
    assert [request[0] for request in story.news()] == ["CANCEL"]
    story.venue.take(new(ENTRY, "ENTRY", 3, way=1))
    story.hear()
    assert stands(story.desk) is B.ENTRY_SENT
    assert states(story.desk) == ["PENDING_CANCEL"]


# ---- stop with a limit


@both_ways
def test_price_that_passes_the_limit_closes_at_market_and_then_cancels_the_stop(side: int) -> None:
    story = Story(side, exits=ExitParams(limit_offset=4))
    story.take()
    story.fill(ENTRY, 3, START)
    assert story.take()[0] == new(STOP, "STOP", 3, START - 12, START - 8)
    story.wait(1.0, START - 12)
    assert story.news() == []  # at its limit it can still fill
    story.wait(1.0, START - 13)
    story.wait(0.099, START - 13)
    assert story.news() == []
    story.wait(0.001, START - 13)
    assert [request[:3] for request in story.take()] == [("NEW", FLATTEN, "FLATTEN"), ("CANCEL", STOP, "STOP")]
    story.fill(FLATTEN, 3, START - 15)
    story.take()
    assert (story.won(), stands(story.desk), blamed(story.desk)) == (-45, B.FLAT, "")


def test_price_that_comes_back_to_the_limit_in_time_leaves_the_stop_alone() -> None:
    story = Story(Side.BUY, exits=ExitParams(limit_offset=4)).open()
    story.wait(1.0, START - 13)
    story.wait(0.05, START - 12)
    story.wait(0.09, START - 13)
    assert story.news() == []


# ---- records


def test_fills_told_at_once_are_booked_at_prices_with_an_exact_sum() -> None:
    story = Story(Side.BUY)
    story.take()
    story.venue.fill(ENTRY, 1, START)
    story.venue.fill(ENTRY, 2, START + 1)
    tell(story.desk, *story.venue.outbox[-1])
    fills = story.desk.fills[:2]
    assert fills[["price", "quantity", "fee"]].tolist() == [(START, 1, 0.25), (START + 1, 2, 0.5)]
    assert position(story.desk) == 3


def test_request_without_room_halts_and_leaves_what_protects() -> None:
    story = Story(Side.BUY, capacity=Capacity(1, 16, 32, 64)).open()
    story.desk.counts[REQUESTS] = 64
    before = story.desk.requests.tobytes()
    flatten(story.desk)
    assert story.desk.requests.tobytes() == before
    assert (blamed(story.desk), story.desk.counts[LOST]) == ("OUTPUT_FULL", 1)
    assert states(story.desk)[1] == "ACCEPTED"


def test_stop_stays_where_its_moves_would_take_the_room_of_an_end() -> None:
    story = Story(Side.BUY, exits=ExitParams(trail_after=2, trail_distance=5), capacity=Capacity(1, 16, 32, 128)).open()
    story.desk.counts[REQUESTS] = story.read = 65
    story.wait(1.0, START + 9)
    assert story.news() == []
    story.desk.counts[REQUESTS] = story.read = 64
    story.wait(1.0, START + 10)
    assert [request[6] for request in story.news()] == [START + 5]


def test_time_never_goes_back_and_a_quiet_desk_does_nothing() -> None:
    desk = build_desk()
    now = int(desk.market[0]["now_ns"])
    tick(desk, now - 5)
    assert (desk.market[0]["now_ns"], desk.counts[REQUESTS]) == (now, 0)
