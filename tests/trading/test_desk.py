"""Orders on the desk: their states, their ids, and what happens where there is no room for them."""

import ast
from enum import Enum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.environment import CHECKOUT
from features.clock import Decides
from features.schema import FeatureSchema
from market.costs import Costs
from market.errors import ConfigError
from market.instruments import FUTURES
from tests.factories import OPEN_NS, make_model, make_stump
from tests.trading.desks import SECOND_NS, build_desk, send_entry, states
from trading.core import Capacity, begin_desk, new_core, new_desk
from trading.desk import LOST, ORDERS, REQUESTS, ROOM_ORDERS, Desk, has_room, is_dead
from trading.orders import TRANSITIONS, add_order, advance
from trading.policy import RiskLimits
from trading.records import ORDER, OrderRole, OrderState, OrderType, RefusalReason

S = OrderState
FINAL = (S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED)
# As the text has it: from, to.
MOVES: dict[Enum, set[Enum]] = {
    S.PENDING_NEW: {S.ACCEPTED, S.PARTIALLY_FILLED, S.PENDING_CANCEL, *FINAL, S.UNKNOWN},
    S.ACCEPTED: {S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.PENDING_REPLACE, *FINAL, S.UNKNOWN},
    S.PARTIALLY_FILLED: {S.PENDING_CANCEL, S.PENDING_REPLACE, *FINAL, S.UNKNOWN},
    S.PENDING_CANCEL: {S.ACCEPTED, S.PARTIALLY_FILLED, *FINAL, S.UNKNOWN},
    S.PENDING_REPLACE: {S.ACCEPTED, S.PARTIALLY_FILLED, S.PENDING_CANCEL, *FINAL, S.UNKNOWN},
    S.UNKNOWN: {S.ACCEPTED, S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.PENDING_REPLACE, *FINAL},
    **{final: {S.UNKNOWN} for final in FINAL},
}


@pytest.mark.parametrize("state", OrderState)
def test_table_holds_the_moves_of_the_text_and_no_other(state: OrderState) -> None:
    assert {S(to) for to in np.flatnonzero(TRANSITIONS[state])} == MOVES[state]


def test_final_states_are_dead_and_no_other() -> None:
    assert {state for state in OrderState if is_dead(int(state))} == set(FINAL)


@settings(deadline=None)
@given(st.lists(st.sampled_from(list(OrderState)), max_size=12))
def test_order_moves_only_along_the_table(moves: list[OrderState]) -> None:
    order = np.zeros(1, dtype=ORDER)
    order["state"] = S.PENDING_NEW
    for state in moves:
        before = S(order["state"][0])
        moved = advance(order[0], int(state))
        assert moved == (state in MOVES[before])
        assert order["state"][0] == (state if moved else before)


@pytest.mark.parametrize(
    ("role", "kind"),
    list(zip(OrderRole, [OrderType.MARKET, OrderType.STOP, OrderType.LIMIT, OrderType.MARKET], strict=True)),
)
def test_order_takes_its_type_from_its_role(desk: Desk, role: OrderRole, kind: OrderType) -> None:
    order = desk.orders[add_order(desk, int(role), -1, 2, 5)]
    assert order["type"] == kind
    assert (order["side"], order["quantity"], order["decision"], order["state"]) == (-1, 2, 5, S.PENDING_NEW)
    assert (order["id"], order["ts_ns"], order["instrument"]) == (1, OPEN_NS, 3)


def test_order_ids_go_on_in_the_next_session(desk: Desk) -> None:
    add_order(desk, 1, 1, 1, 0)
    begin_desk(desk, OPEN_NS, OPEN_NS + 1, False)
    add_order(desk, 1, 1, 1, 0)
    assert (desk.orders[0]["id"], desk.account[0]["first_order_id"], desk.counts[ORDERS]) == (2, 2, 1)


def test_entry_the_gate_refuses_is_dead_and_never_sent() -> None:
    desk = build_desk()
    desk.limits["stop_min_ticks"] = 9
    send_entry(desk, 1, 1, stop=8)
    assert (states(desk), desk.counts[REQUESTS]) == (["REJECTED"], 0)
    assert desk.orders[0]["reason"] == RefusalReason.STOP_DISTANCE
    assert desk.bracket[0]["live"] == 0


def test_order_without_room_is_counted_and_nothing_is_overwritten(desk: Desk) -> None:
    desk.counts[ORDERS] = desk.orders.size
    before = desk.orders.tobytes()
    assert add_order(desk, 1, 1, 1, 0) == -1
    assert desk.orders.tobytes() == before
    assert desk.counts[LOST] == 1
    assert desk.account[0]["halt_reason"] == RefusalReason.OUTPUT_FULL


def test_room_is_for_a_whole_bracket(desk: Desk) -> None:
    assert has_room(desk)
    desk.counts[ORDERS] = desk.orders.size - ROOM_ORDERS + 1
    assert not has_room(desk)


@pytest.mark.parametrize("short", [{"orders": 12}, {"fills": 31}, {"requests": 63}, {"decisions": 0}])
def test_capacity_below_one_bracket_is_refused(short: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="expected at least 1 decision, 13 orders, 32 fills and 64 requests"):
        Capacity(**short)


@pytest.mark.parametrize(("reason", "stays"), [(RefusalReason.OUTPUT_FULL, False), (RefusalReason.OVERCLOSED, True)])
def test_halt_for_what_the_venue_left_in_doubt_outlives_the_session(reason: RefusalReason, stays: bool) -> None:
    desk = build_desk()
    desk.account["trading_state"], desk.account["halt_reason"] = 3, reason
    begin_desk(desk, OPEN_NS, OPEN_NS + SECOND_NS, False)
    assert desk.account[0]["trading_state"] == (3 if stays else 1)
    assert desk.account[0]["halt_reason"] == (reason if stays else RefusalReason.NONE)


def test_rows_between_bars_are_no_basis_for_a_desk() -> None:
    schema = FeatureSchema("test", ("returns_1",), 60_000_000_000, 0, decides=Decides.TRADE)
    model = make_model(schema, make_stump(1, 0, 0.0, 0.3, 0.7))
    with pytest.raises(ConfigError, match="a decision at each closed bar, found one at each TRADE"):
        new_core(schema, model, new_desk(RiskLimits(), FUTURES["WDO"], Costs(0.4, 0.0), Capacity()))


def test_one_function_puts_requests_on_their_way() -> None:
    packages = ("market", "features", "forest", "trading", "backtest", "registry", "flows", "live", "console", "cli")
    counted = [
        (source.name, function.name)
        for package in packages
        for source in sorted((CHECKOUT / package).rglob("*.py"))
        for function in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef) and "counts[REQUESTS] +=" in ast.unparse(function)
    ]
    assert counted == [("orders.py", "_send")]


def test_new_order_owes_nothing_to_what_stood_in_its_place(desk: Desk) -> None:
    fresh = add_order(desk, int(OrderRole.STOP), -1, 2, 5)
    order, ticket = desk.orders[fresh].copy(), desk.tickets[fresh].copy()
    for records in (desk.orders, desk.tickets):
        records.view(np.uint8)[:] = 0xA5
    desk.counts[ORDERS] = 0
    desk.account["last_order_id"] = 0
    place = add_order(desk, int(OrderRole.STOP), -1, 2, 5)
    for found, expected in ((desk.orders[place], order), (desk.tickets[place], ticket)):
        for name in expected.dtype.names:
            assert name == "reserved" or found[name] == expected[name], name
