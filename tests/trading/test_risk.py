"""The gate: every reason to refuse, on both sides of its boundary; exits and cancels pass through all that can."""

import math

import numpy as np
import pytest

from market.types import Phase
from tests.factories import MINUTE_NS, SECOND_NS
from tests.trading.gate_situations import LAST_ENTRY_NS, NOW_NS, TODAY, Changes, records_of, situation
from trading.desk import Desk
from trading.records import BracketState, OrderRole, OrderType, RefusalReason, Stage, TradingState
from trading.requests import RequestKind
from trading.risk import approve

MS = 1_000_000
R, B = RefusalReason, BracketState
STOP_ENTRY = {"type": int(OrderType.STOP), "stop_price": 10_010}
LIMIT_ENTRY = {"type": int(OrderType.LIMIT), "price": 10_000}


def _times(count: int, age_ns: int) -> list[int]:
    return [NOW_NS - age_ns] * count


def _at(time_ns: int) -> dict[str, int]:
    return {"now_ns": time_ns, "feed_ns": time_ns, "quote_ns": time_ns}


REFUSED: list[tuple[Changes, RefusalReason]] = [
    ({"request": {"instrument": 1}}, R.INSTRUMENT),
    ({"request": {"kind": 0}}, R.UNKNOWN_CODE),
    ({"request": {"kind": 4}}, R.UNKNOWN_CODE),
    ({"request": {"role": 0}}, R.UNKNOWN_CODE),
    ({"request": {"role": 5}}, R.UNKNOWN_CODE),
    ({"request": {"type": 3}}, R.UNKNOWN_CODE),
    ({"request": {"side": 0}}, R.SIDE),
    ({"request": {"side": 2}}, R.SIDE),
    ({"request": {"side": -128}}, R.SIDE),
    ({"request": {"quantity": 0}}, R.QUANTITY),
    ({"request": {"quantity": -(2**31)}}, R.QUANTITY),
    ({"request": {"kind": RequestKind.REPLACE}, "filled": 2}, R.QUANTITY),
    ({"filled": -1}, R.QUANTITY),
    ({"request": {"price": 10_000}}, R.PRICE),
    ({"request": {"price": -5}}, R.PRICE),
    ({"request": {"stop_price": 10_000}}, R.PRICE),
    ({"request": {"type": OrderType.LIMIT}}, R.PRICE),
    ({"request": {"type": OrderType.LIMIT, "price": -5}}, R.PRICE),
    ({"request": {**LIMIT_ENTRY, "stop_price": 10_000}}, R.PRICE),
    ({"request": {"type": OrderType.STOP}}, R.PRICE),
    ({"request": {"type": OrderType.STOP, "price": 10_010}}, R.PRICE),
    ({"request": {**STOP_ENTRY, "price": -1}}, R.PRICE),
    ({"request": {**STOP_ENTRY, "price": 10_009}}, R.PRICE),
    ({"request": {**STOP_ENTRY, "side": -1, "price": 10_011}}, R.PRICE),
    ({"request": {"quantity": 3}, "terms": {"lot": 5}}, R.LOT),
    ({"terms": {"lot": 0}}, R.LOT),
    ({"request": {"stop_distance": 3}}, R.STOP_DISTANCE),
    ({"request": {"stop_distance": 101, "target_distance": 200}}, R.STOP_DISTANCE),
    ({"request": {"stop_distance": -20}}, R.STOP_DISTANCE),
    ({"request": {"target_distance": 0}}, R.STOP_DISTANCE),
    ({"request": {"target_distance": 29}}, R.REWARD_RISK),
    ({"request": {"quantity": 3}, "limits": {"max_order_quantity": 2}}, R.ORDER_QUANTITY),
    ({"request": {"quantity": 2**31 - 1}}, R.ORDER_QUANTITY),
    ({"request": {"quantity": 4}}, R.POSITION_LIMIT),
    ({"desk": {"position": 1}}, R.POSITION_LIMIT),
    ({"desk": {"position": -1}}, R.POSITION_LIMIT),
    ({"desk": {"pending": -1}}, R.UNRESOLVED_ENTRY),
    *(({"bracket": {"state": state}}, R.UNRESOLVED_ENTRY) for state in BracketState if state not in (B.FLAT, B.HALT)),
    ({"terms": {"tick_value": 25.01}}, R.RISK_PER_TRADE),
    ({"terms": {"tick_value": math.nan}}, R.RISK_PER_TRADE),
    ({"desk": {"mark": 0}}, R.NO_REFERENCE),
    ({"desk": {"mark": -1}}, R.NO_REFERENCE),
    ({"limits": {"max_order_reais": 19_999.0}}, R.ORDER_VALUE),
    ({"request": {**LIMIT_ENTRY, "price": 10_001}, "limits": {"max_order_reais": 20_000.0}}, R.ORDER_VALUE),
    ({"request": {**LIMIT_ENTRY, "price": 9_949}}, R.COLLAR),
    ({"request": {**LIMIT_ENTRY, "price": 10_051}}, R.COLLAR),
    ({"request": {**STOP_ENTRY, "price": 10_051}}, R.COLLAR),
    ({"request": {**STOP_ENTRY, "stop_price": 10_051}}, R.COLLAR),
    ({"market": {"ask": 10_051}}, R.COLLAR),
    ({"request": {"side": -1}, "market": {"bid": 9_949}}, R.COLLAR),
    ({"account": {"trades_today": 10}}, R.TRADES_PER_DAY),
    ({"account": {"equity": -2000.0}}, R.DAILY_LOSS),
    ({"account": {"equity": math.nan}}, R.DAILY_LOSS),
    ({"account": {"equity": 500.0, "session_equity": 2500.0, "peak": 2500.0}}, R.DAILY_LOSS),
    ({"account": {"peak": 100_000 / 9}}, R.DRAWDOWN),
    ({"account": {"peak": math.nan}}, R.DRAWDOWN),
    ({"won": [True] * 7 + [False] * 13}, R.WIN_RATE),
    ({"won": [True] * 13 + [False] * 13 + [True] * 7}, R.WIN_RATE),
    ({"rejects": _times(3, MINUTE_NS - 1)}, R.REJECT_BURST),
    ({"account": {"trading_state": TradingState.REDUCING}}, R.TRADING_STATE),
    ({"account": {"trading_state": TradingState.HALTED}}, R.TRADING_STATE),
    ({"account": {"trading_state": 0}}, R.TRADING_STATE),
    ({"desk": {"trading_state": TradingState.REDUCING}}, R.TRADING_STATE),
    ({"desk": {"trading_state": TradingState.HALTED}}, R.TRADING_STATE),
    ({"account": {"live": 1, "stage": Stage.PAPER}}, R.STAGE),
    ({"account": {"live": 1, "stage": Stage.SHADOW}}, R.STAGE),
    ({"others_notional": [50_000.0, 30_000.01]}, R.EXPOSURE),
    ({"others_notional": [math.nan]}, R.EXPOSURE),
    ({"entries": _times(20, 10 * MINUTE_NS - 1)}, R.ENTRY_RATE),
    ({"messages": _times(5, SECOND_NS - 1)}, R.MESSAGES_PER_SECOND),
    ({"messages": _times(60, MINUTE_NS - 1)}, R.MESSAGES_PER_MINUTE),
    ({"messages": _times(1100, 2 * MINUTE_NS) + _times(60, MINUTE_NS - 1)}, R.MESSAGES_PER_MINUTE),
    ({"messages": _times(300, 2 * MINUTE_NS)}, R.MESSAGES_PER_DAY),
    ({"terms": {"last_trade_date": TODAY - 1}}, R.CONTRACT),
    ({"terms": {"continuous": 1}, "account": {"live": 1, "stage": Stage.TENTH}}, R.CONTRACT),
    ({"terms": {"last_trade_date": TODAY}}, R.LAST_SESSION),
    ({"market": _at(LAST_ENTRY_NS)}, R.LAST_ENTRY),
    ({"blackouts": [(0, 1), (NOW_NS, NOW_NS + 1)]}, R.BLACKOUT),
    ({"blackouts": [(NOW_NS - 5, NOW_NS + 1)]}, R.BLACKOUT),
    ({"market": {"phase": Phase.AUCTION}}, R.MARKET_PHASE),
    ({"market": {"skew_ns": 250 * MS + 1}}, R.CLOCK_SKEW),
    ({"market": {"skew_ns": -250 * MS - 1}}, R.CLOCK_SKEW),
    ({"market": {"skew_ns": -(2**63)}}, R.CLOCK_SKEW),
    ({"market": {"atr_ticks": 0.99}}, R.VOLATILITY),
    ({"market": {"atr_ticks": 100.01}}, R.VOLATILITY),
    ({"market": {"atr_ticks": math.nan}}, R.VOLATILITY),
    ({"market": {"atr_ticks": math.inf}}, R.VOLATILITY),
    ({"market": {"feed_ns": NOW_NS - 2000 * MS - 1}}, R.STALE_FEED),
    ({"market": {"feed_ns": NOW_NS + 1}}, R.STALE_FEED),
    ({"market": {"quote_ns": NOW_NS - 2000 * MS - 1}}, R.STALE_FEED),
    ({"market": {"quote_ns": NOW_NS + 1}}, R.STALE_FEED),
    ({"market": {"bid": 10_000}}, R.CROSSED_BOOK),
    ({"market": {"bid": 10_001}}, R.CROSSED_BOOK),
    ({"market": {"bid": 0}}, R.CROSSED_BOOK),
    ({"market": {"ask": 0}}, R.CROSSED_BOOK),
]
PASSED: list[Changes] = [
    {},
    {"request": {"side": -1}},
    {"request": {"quantity": 3}},
    {"request": {"kind": RequestKind.REPLACE}, "filled": 1},
    {"request": {"kind": RequestKind.REPLACE}, "bracket": {"state": B.ENTRY_SENT}},
    {"bracket": {"state": B.HALT}},
    {"request": {"kind": RequestKind.REPLACE}, "account": {"trades_today": 10}},
    {"request": {"kind": RequestKind.REPLACE}, "entries": _times(20, MINUTE_NS)},
    {"request": LIMIT_ENTRY},
    {"request": {**LIMIT_ENTRY, "price": 9_950}},
    {"request": {**LIMIT_ENTRY, "price": 10_050}},
    {"request": STOP_ENTRY},
    {"request": {**STOP_ENTRY, "price": 10_010}},
    {"request": {**STOP_ENTRY, "price": 10_050}},
    {"request": {**STOP_ENTRY, "side": -1, "price": 9_990}},
    {"market": {"ask": 10_050}},
    {"request": {"stop_distance": 4, "target_distance": 6}},
    {"request": {"stop_distance": 100, "target_distance": 150}},
    {"request": {"quantity": 2}, "limits": {"max_order_quantity": 2}},
    {"terms": {"tick_value": 2.0}, "limits": {"max_order_reais": 40_000.0, "max_exposure_reais": 40_000.0}},
    {"request": {"stop_distance": 100, "target_distance": 150}, "terms": {"tick_value": 5.0}},
    {"account": {"trades_today": 9}},
    {"account": {"equity": -1999.99}},
    {"account": {"peak": 100_000 / 9 - 0.01}},
    {"won": [False] * 19},
    {"won": [True] * 8 + [False] * 12},
    {"won": [False] * 20 + [True] * 8 + [False] * 12},
    {"rejects": _times(3, MINUTE_NS)},
    {"rejects": _times(2, 0)},
    {"account": {"live": 1, "stage": Stage.TENTH}},
    {"account": {"live": 1, "stage": Stage.FULL}},
    {"others_notional": [50_000.0, 30_000.0]},
    {"entries": _times(20, 10 * MINUTE_NS)},
    {"entries": _times(19, 0)},
    {"messages": _times(5, SECOND_NS)},
    {"messages": _times(4, 0)},
    {"messages": _times(60, MINUTE_NS)},
    {"messages": _times(299, 2 * MINUTE_NS)},
    {"messages": _times(1100, 2 * MINUTE_NS), "account": {"messages_before": 801}},
    {"terms": {"last_trade_date": TODAY + 1}},
    {"terms": {"continuous": 1}},
    {"market": _at(LAST_ENTRY_NS - 1)},
    {"blackouts": [(NOW_NS + 1, NOW_NS + 5), (NOW_NS - 5, NOW_NS)]},
    {"market": {"skew_ns": 250 * MS}},
    {"market": {"skew_ns": -250 * MS}},
    {"market": {"atr_ticks": 1.0}},
    {"market": {"atr_ticks": 100.0}},
    {"market": {"feed_ns": NOW_NS - 2000 * MS}},
    {"market": {"quote_ns": NOW_NS - 2000 * MS}},
    # A feed of bars has neither quotes nor an age.
    {"market": {"events": 0, "bid": 0, "ask": 0, "feed_ns": 0, "quote_ns": 0}},
]


def _ask(desk: Desk, request: np.ndarray, filled: int = 0) -> RefusalReason:
    return RefusalReason(approve(desk, request[0], filled))


def _judge(changes: Changes) -> RefusalReason:
    made = situation(changes)
    return _ask(*records_of(made), made.filled)


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_refuses_with_the_reason(changes: Changes, reason: RefusalReason) -> None:
    assert _judge(changes) is reason


@pytest.mark.parametrize("changes", PASSED)
def test_passes_what_stands_just_inside_the_limits(changes: Changes) -> None:
    assert _judge(changes) is R.NONE


def test_every_reason_has_a_situation() -> None:
    # Of those left out the exits and the sequences below have two; the core halts before it asks with OUTPUT_FULL
    # (test_paper_bars.py), and from 40 on reasons only halt.
    elsewhere = {R.NONE, R.OUTPUT_FULL, R.NOT_REDUCING, R.IDENTICAL_ORDERS}
    of_the_gate = {reason for reason in RefusalReason if reason < R.UNKNOWN_ORDER}
    assert {reason for _, reason in REFUSED} == of_the_gate - elsewhere


EXIT = {"side": -1, "quantity": 2, "stop_distance": 0, "target_distance": 0}
EXITS = [
    {**EXIT, "role": OrderRole.STOP, "type": OrderType.STOP, "stop_price": 9_980, "price": 9_960},
    {**EXIT, "role": OrderRole.STOP, "type": OrderType.STOP, "stop_price": 9_980},
    {**EXIT, "role": OrderRole.TARGET, "type": OrderType.LIMIT, "price": 10_030},
    {**EXIT, "role": OrderRole.FLATTEN},
]
FORM = {R.INSTRUMENT, R.UNKNOWN_CODE, R.SIDE, R.QUANTITY, R.PRICE}
AGAINST_ENTRIES = [changes for changes, reason in REFUSED if reason not in FORM and "request" not in changes]


@pytest.mark.parametrize("exit_", EXITS)
def test_exits_pass_whatever_stands_against_entries(exit_: Changes) -> None:
    for changes in AGAINST_ENTRIES:
        desk = {**changes.get("desk", {}), "position": 2}
        assert _judge({**changes, "request": exit_, "desk": desk}) is R.NONE, changes


@pytest.mark.parametrize("kind", [RequestKind.NEW, RequestKind.REPLACE])
@pytest.mark.parametrize(
    ("position", "filled", "changes", "reason"),
    [
        (2, 0, {}, R.NONE),
        (1, 1, {}, R.NONE),
        (3, 0, {}, R.NONE),
        (1, 0, {}, R.NOT_REDUCING),
        (0, 0, {}, R.NOT_REDUCING),
        (-2, 0, {}, R.NOT_REDUCING),
        (-2, 0, {"side": 1}, R.NONE),
        (2**31 - 1, 0, {"quantity": 2**31 - 1}, R.NONE),
        (-(2**31), 0, {"quantity": 2**31 - 1, "side": 1}, R.NONE),
        (2, 0, {"instrument": 1}, R.INSTRUMENT),
        (2, 0, {"side": 0}, R.SIDE),
        (2, 0, {"quantity": 0}, R.QUANTITY),
        (2, 2, {}, R.QUANTITY),
        (2, 0, {"price": 1}, R.PRICE),
        (2, 0, {"type": OrderType.LIMIT}, R.PRICE),
        (2, 0, {"type": 3}, R.UNKNOWN_CODE),
    ],
)
def test_exit_must_bring_the_position_nearer_to_flat(
    kind: RequestKind, position: int, filled: int, changes: Changes, reason: RefusalReason
) -> None:
    request = {**EXIT, "role": OrderRole.FLATTEN, "kind": kind, **changes}
    assert _judge({"request": request, "desk": {"position": position}, "filled": filled}) is reason


@pytest.mark.parametrize("role", OrderRole)
def test_cancel_passes_whatever_else_stands_in_it(role: OrderRole) -> None:
    cancel = {"kind": RequestKind.CANCEL, "role": role, "side": 0, "quantity": 0, "type": 0}
    for changes in AGAINST_ENTRIES:
        assert _judge({**changes, "request": cancel}) is R.NONE
    assert _judge({"request": {**cancel, "instrument": 1}}) is R.INSTRUMENT


def test_the_fifth_equal_order_in_a_row_halts_until_a_person_acts() -> None:
    desk, request = records_of(situation())
    for _ in range(4):
        assert _ask(desk, request) is R.NONE
        desk.market["now_ns"] += 61 * SECOND_NS
        desk.market["feed_ns"] = desk.market["quote_ns"] = desk.market["now_ns"]
    before = desk.budget.tobytes()
    assert _ask(desk, request) is R.IDENTICAL_ORDERS
    assert (desk.budget["trading_state"][0], desk.budget["halt_reason"][0]) == (TradingState.HALTED, R.IDENTICAL_ORDERS)
    assert desk.budget["messages"][0] == np.frombuffer(before, dtype=desk.budget.dtype)["messages"][0] == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"side": -1},
        {"type": OrderType.MARKET, "stop_price": 0},
        {"quantity": 1},
        {"price": 10_020},
        {"stop_price": 10_011},
        {"stop_distance": 19},
        {"target_distance": 40},
        {"stop_distance": 19, "target_distance": 31},
        {"quantity": 1, "stop_price": 10_011},
    ],
)
def test_order_that_differs_in_anything_ends_the_row(changes: dict[str, int]) -> None:
    desk, request = records_of(situation({"request": STOP_ENTRY, "limits": {"max_messages_per_second": 100}}))
    other = request.copy()
    for name, value in changes.items():
        other[name] = value
    for one in [request] * 4 + [other] + [request] * 4:
        assert _ask(desk, one) is R.NONE
    assert _ask(desk, request) is R.IDENTICAL_ORDERS


def test_too_many_entries_halt_until_a_person_acts() -> None:
    desk, request = records_of(situation({"entries": _times(20, MINUTE_NS)}))
    assert _ask(desk, request) is R.ENTRY_RATE
    assert (desk.budget["trading_state"][0], desk.budget["halt_reason"][0]) == (TradingState.HALTED, R.ENTRY_RATE)


def test_approved_entry_is_the_desk_s_exposure_at_once() -> None:
    desk, request = records_of(situation({"others_notional": [70_000.0]}))
    assert _ask(desk, request) is R.NONE
    assert desk.budget["desk_exposure"][0].tolist() == [20_000.0, 70_000.0] + [0.0] * 6
