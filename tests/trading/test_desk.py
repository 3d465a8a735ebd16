"""Orders on the desk and the bracket around a position."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.clock import Decides
from features.schema import FeatureSchema
from market.costs import Costs
from market.errors import ConfigError
from market.instruments import FUTURES
from tests.factories import OPEN_NS, make_model, make_stump
from trading.bracket import flatten, pending_entry, take_fill
from trading.core import Capacity, begin_desk, new_core, new_desk
from trading.desk import FILLS, LOST, ORDERS, TRANSITIONS, Desk, add_order, advance, cancel_order, end_order, has_room
from trading.policy import RiskLimits
from trading.records import FILL, ORDER, OrderRole, OrderState, OrderType, RefusalReason, TradingState

ENTRY, STOP, TARGET, FLATTEN = OrderRole
S = OrderState
FINAL = (S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED)


def _order(desk: Desk, role: OrderRole) -> np.void | None:
    """Return the working order of a role."""
    place = desk.working[role]
    return None if place < 0 else desk.orders[place]


def _enter(desk: Desk, side: int, quantity: int) -> None:
    place = add_order(desk, int(ENTRY), side, quantity, 7)
    desk.orders[place]["stop_distance"], desk.orders[place]["target_distance"] = 8, 12
    _accept(desk)


def _accept(desk: Desk) -> None:
    for place in desk.working[desk.working >= 0]:
        advance(desk.orders[place], int(S.ACCEPTED))


def _fill(desk: Desk, role: OrderRole, price: int, quantity: int) -> None:
    order = _order(desk, role)
    assert order is not None
    fill = np.zeros(1, dtype=FILL)
    for name in ("role", "side", "decision"):
        fill[name] = order[name]
    fill["order"], fill["price"], fill["quantity"], fill["fee"] = order["id"], price, quantity, 0.25 * quantity
    take_fill(desk, fill[0])


@pytest.mark.parametrize("final", FINAL)
def test_final_state_is_left_by_no_way(final: OrderState) -> None:
    assert not TRANSITIONS[final].any()


def test_order_is_never_new_again() -> None:
    assert not TRANSITIONS[:, S.PENDING_NEW].any()


@settings(deadline=None)
@given(st.lists(st.sampled_from(list(OrderState)), max_size=12))
def test_order_moves_only_along_the_table(states: list[OrderState]) -> None:
    order = np.zeros(1, dtype=ORDER)
    order["state"] = S.PENDING_NEW
    for state in states:
        before = int(order["state"][0])
        moved = advance(order[0], int(state))
        assert moved == bool(TRANSITIONS[before, state])
        assert order["state"][0] == (state if moved else before)


@pytest.mark.parametrize(("role", "kind"), [(ENTRY, "MARKET"), (STOP, "STOP"), (TARGET, "LIMIT"), (FLATTEN, "MARKET")])
def test_order_takes_its_type_from_its_role(desk: Desk, role: OrderRole, kind: str) -> None:
    add_order(desk, int(role), -1, 2, 5)
    order = _order(desk, role)
    assert order is not None
    assert order["type"] == OrderType[kind]
    assert (order["side"], order["quantity"], order["decision"], order["state"]) == (-1, 2, 5, S.PENDING_NEW)
    assert (order["id"], order["ts_ns"], order["instrument"]) == (1, OPEN_NS, 3)


def test_order_ids_go_on_in_the_next_session(desk: Desk) -> None:
    add_order(desk, int(ENTRY), 1, 1, 0)
    begin_desk(desk, OPEN_NS, OPEN_NS + 1, False)
    add_order(desk, int(ENTRY), 1, 1, 0)
    assert (desk.orders[0]["id"], desk.account[0]["first_order_id"], desk.counts[ORDERS]) == (2, 2, 1)


def test_order_that_was_never_sent_is_dead_at_once_when_cancelled(desk: Desk) -> None:
    add_order(desk, int(ENTRY), 1, 1, 0)
    cancel_order(desk, int(ENTRY))
    assert desk.orders[0]["state"] == S.CANCELED
    assert _order(desk, ENTRY) is None


def test_order_that_was_sent_waits_for_the_venue_when_cancelled(desk: Desk) -> None:
    _enter(desk, 1, 2)
    cancel_order(desk, int(ENTRY))
    assert desk.orders[0]["state"] == S.PENDING_CANCEL
    assert pending_entry(desk) == 2
    end_order(desk, int(ENTRY), int(S.CANCELED))
    assert pending_entry(desk) == 0


@pytest.mark.parametrize(("side", "stop", "target"), [(1, 9_992, 10_012), (-1, 10_008, 9_988)])
def test_first_fill_makes_stop_then_target_at_their_distance(desk: Desk, side: int, stop: int, target: int) -> None:
    _enter(desk, side, 1)
    _fill(desk, ENTRY, 10_000, 1)
    assert desk.orders["role"][: desk.counts[ORDERS]].tolist() == [ENTRY, STOP, TARGET]
    assert desk.orders["side"][1:3].tolist() == [-side, -side]
    assert desk.orders[1]["stop_price"] == stop
    assert desk.orders[2]["price"] == target
    assert desk.orders[0]["state"] == S.FILLED
    assert desk.orders["decision"][:3].tolist() == [7, 7, 7]


def test_legs_cover_what_has_filled_and_keep_the_first_fill_s_prices(desk: Desk) -> None:
    _enter(desk, 1, 3)
    _fill(desk, ENTRY, 10_000, 1)
    assert desk.orders["quantity"][1:3].tolist() == [1, 1]
    assert desk.orders[0]["state"] == S.PARTIALLY_FILLED
    _accept(desk)
    _fill(desk, ENTRY, 10_002, 2)
    assert desk.counts[ORDERS] == 3
    assert desk.orders["quantity"][1:3].tolist() == [3, 3]
    assert (desk.orders[1]["stop_price"], desk.orders[2]["price"]) == (9_992, 10_012)


@pytest.mark.parametrize(("leg", "other"), [(STOP, TARGET), (TARGET, STOP)])
def test_leg_that_fills_cancels_the_other(desk: Desk, leg: OrderRole, other: OrderRole) -> None:
    _enter(desk, 1, 2)
    _fill(desk, ENTRY, 10_000, 2)
    _accept(desk)
    _fill(desk, leg, 10_005, 2)
    assert desk.account[0]["position"] == 0
    remaining = _order(desk, other)
    assert remaining is not None
    assert remaining["state"] == S.PENDING_CANCEL
    assert _order(desk, leg) is None


def test_leg_that_fills_in_part_reduces_the_other(desk: Desk) -> None:
    _enter(desk, -1, 3)
    _fill(desk, ENTRY, 10_000, 3)
    _accept(desk)
    _fill(desk, TARGET, 9_988, 1)
    assert desk.account[0]["position"] == -2
    assert desk.orders[1]["quantity"] == 2
    assert (desk.orders[2]["quantity"], desk.orders[2]["filled"]) == (3, 1)


def test_exit_before_the_entry_is_done_cancels_its_rest(desk: Desk) -> None:
    _enter(desk, 1, 3)
    _fill(desk, ENTRY, 10_000, 1)
    _accept(desk)
    _fill(desk, STOP, 9_992, 1)
    assert desk.orders[0]["state"] == S.PENDING_CANCEL
    assert desk.account[0]["position"] == 0


def test_entry_that_fills_while_its_cancel_is_under_way_gets_a_new_bracket(desk: Desk) -> None:
    _enter(desk, 1, 3)
    _fill(desk, ENTRY, 10_000, 1)
    _accept(desk)
    _fill(desk, STOP, 9_992, 1)
    end_order(desk, int(TARGET), int(S.CANCELED))
    _fill(desk, ENTRY, 9_990, 2)
    stop, target = _order(desk, STOP), _order(desk, TARGET)
    assert stop is not None
    assert target is not None
    assert (stop["stop_price"], stop["quantity"], target["price"], target["quantity"]) == (9_982, 2, 10_002, 2)


def test_flatten_keeps_the_legs_until_the_position_is_closed(desk: Desk) -> None:
    _enter(desk, 1, 2)
    _fill(desk, ENTRY, 10_000, 2)
    _accept(desk)
    flatten(desk)
    order = _order(desk, FLATTEN)
    assert order is not None
    assert (order["side"], order["quantity"], order["type"]) == (-1, 2, OrderType.MARKET)
    assert desk.orders["state"][1:3].tolist() == [S.ACCEPTED, S.ACCEPTED]
    _accept(desk)
    _fill(desk, FLATTEN, 9_999, 2)
    assert desk.orders["state"][1:3].tolist() == [S.PENDING_CANCEL, S.PENDING_CANCEL]


def test_leg_that_fills_during_a_flatten_reduces_it(desk: Desk) -> None:
    _enter(desk, 1, 3)
    _fill(desk, ENTRY, 10_000, 3)
    _accept(desk)
    flatten(desk)
    _accept(desk)
    _fill(desk, STOP, 9_992, 2)
    order = _order(desk, FLATTEN)
    assert order is not None
    assert order["quantity"] == 1
    _fill(desk, STOP, 9_992, 1)
    assert order["state"] == S.PENDING_CANCEL


def test_second_flatten_changes_nothing(desk: Desk) -> None:
    _enter(desk, -1, 1)
    _fill(desk, ENTRY, 10_000, 1)
    flatten(desk)
    flatten(desk)
    assert desk.counts[ORDERS] == 4


def test_flatten_of_a_flat_desk_only_cancels_the_entry(desk: Desk) -> None:
    _enter(desk, 1, 1)
    flatten(desk)
    assert desk.counts[ORDERS] == 1
    assert desk.orders[0]["state"] == S.PENDING_CANCEL


def test_fill_without_room_is_booked_and_halts() -> None:
    desk = new_desk(RiskLimits(max_position=9), FUTURES["WIN"], Costs(0.25, 0.0), Capacity(1, 4, 32))
    begin_desk(desk, OPEN_NS, OPEN_NS + 1, False)
    desk.counts[FILLS] = 32
    assert not has_room(desk)
    _enter(desk, 1, 2)
    before = desk.fills.tobytes()
    _fill(desk, ENTRY, 10_000, 2)
    assert desk.fills.tobytes() == before
    assert (desk.account[0]["position"], desk.counts[LOST]) == (2, 1)
    assert desk.account[0]["halt_reason"] == RefusalReason.OUTPUT_FULL
    assert desk.account[0]["trading_state"] == TradingState.HALTED


def test_order_without_room_is_counted_and_nothing_is_overwritten(desk: Desk) -> None:
    desk.counts[ORDERS] = desk.orders.size
    before = desk.orders.tobytes()
    assert add_order(desk, int(ENTRY), 1, 1, 0) == -1
    assert desk.orders.tobytes() == before
    assert desk.counts[LOST] == 1


moves = st.lists(
    st.tuples(st.sampled_from([*OrderRole, None]), st.integers(1, 3), st.integers(9_980, 10_020)), max_size=30
)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from([-1, 1]), st.integers(1, 3), moves)
def test_no_order_of_fills_turns_the_position_over_or_loses_money(
    side: int, quantity: int, sequence: list[tuple[OrderRole | None, int, int]]
) -> None:
    desk = new_desk(RiskLimits(max_position=3), FUTURES["WDO"], Costs(0.25, 0.0), Capacity(8, 64, 64))
    begin_desk(desk, OPEN_NS, OPEN_NS + 1, False)
    _enter(desk, side, quantity)
    cash = position = 0
    for role, wanted, price in sequence:
        if role is None:
            flatten(desk)
            _accept(desk)
            continue
        order = _order(desk, role)
        if order is None or order["quantity"] <= order["filled"]:
            continue
        done = min(wanted, int(order["quantity"] - order["filled"]))
        cash -= int(order["side"]) * done * price
        position += int(order["side"]) * done
        _fill(desk, role, price, done)
        # The venue drops at once what is to be cancelled, but for an entry, whose cancel may be late.
        for late in (STOP, TARGET, FLATTEN):
            working = _order(desk, late)
            if working is not None and working["state"] == S.PENDING_CANCEL:
                end_order(desk, int(late), int(S.CANCELED))
        _accept(desk)
        assert 0 <= side * position <= quantity
        assert (desk.account[0]["position"], desk.account[0]["cash_ticks"]) == (position, cash)
        for leg in (STOP, TARGET):
            working = _order(desk, leg)
            leaves = 0 if working is None else int(working["quantity"] - working["filled"])
            assert leaves == abs(position)


def test_rows_between_bars_are_no_basis_for_a_desk():
    schema = FeatureSchema("test", ("returns_1",), 60_000_000_000, 0, decides=Decides.TRADE)
    model = make_model(schema, make_stump(1, 0, 0.0, 0.3, 0.7))
    with pytest.raises(ConfigError, match="a decision at each closed bar, found one at each TRADE"):
        new_core(schema, model, RiskLimits(), FUTURES["WDO"], Costs(0.4, 0.0), Capacity())
