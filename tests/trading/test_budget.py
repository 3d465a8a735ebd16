"""The budget: what desks share, when it halts them, and what a session resets."""

import numpy as np
import pytest

from market.errors import ConfigError
from market.instruments import FUTURES
from tests.factories import MINUTE_NS, OPEN_NS, SECOND_NS
from tests.trading.scenarios import COSTS
from trading.bracket import follow
from trading.budget import (
    begin_budget,
    count_message,
    count_reject,
    count_trade,
    drawdown,
    halt,
    mark_budget,
    new_budget,
    reduce_only,
    session_loss,
    watch_losses,
)
from trading.core import Capacity, begin_desk, mark_desk, new_desk, unlock
from trading.desk import REQUESTS, Desk
from trading.orders import fault
from trading.policy import RiskLimits
from trading.records import ACCOUNT, DESKS, BracketState, OrderRole, RefusalReason, Stage, TradingState
from trading.requests import REQUEST
from trading.risk import approve
from trading.stages import demoted

LIMITS = RiskLimits().record()
R = RefusalReason
CAPACITY = Capacity(8, 16, 64, 64)
ACTIVE, REDUCING, HALTED = TradingState


def _budget(**fields: float) -> np.ndarray:
    budget = new_budget()
    for name, value in fields.items():
        budget[name] = value
    return budget


def _mark(budget: np.ndarray, place: int, equity: float, **fields: int) -> None:
    account = np.zeros(1, dtype=ACCOUNT)
    account["equity"] = equity
    for name, value in fields.items():
        account[name] = value
    mark_budget(budget[0], place, account[0], 5.0)


def test_account_is_the_sum_of_its_desks_and_its_peak_the_sum_s() -> None:
    budget = _budget()
    for place, equity, total, peak in (
        (0, 500.0, 500.0, 500.0), (1, -200.0, 300.0, 500.0), (0, 900.0, 700.0, 700.0), (1, -1700.0, -800.0, 700.0)
    ):  # fmt: skip
        _mark(budget, place, equity)
        assert (budget["equity"][0], budget["peak"][0]) == (total, peak)
    assert drawdown(budget[0], 9_300.0) == 0.15  # 1,500 of 10,000


def test_exposure_counts_the_position_and_what_still_may_fill() -> None:
    budget = _budget()
    _mark(budget, 2, 0.0, position=-2, pending=1, mark=10_000)
    assert budget["desk_exposure"][0].tolist() == [0.0, 0.0, 150_000.0] + [0.0] * 5


def test_loss_is_counted_from_the_session_s_start() -> None:
    budget = _budget(equity=300.0)
    begin_budget(budget[0], 1)
    _mark(budget, 0, 100.0)
    assert session_loss(budget[0]) == 200.0


@pytest.mark.parametrize(
    ("fields", "reason", "alert"),
    [
        ({"equity": -1999.0}, R.NONE, 0),
        ({"equity": -2000.0}, R.DAILY_LOSS, 0),
        ({"equity": float("nan")}, R.DRAWDOWN, 1),
        ({"equity": -7999.0, "session_equity": -7999.0}, R.NONE, 0),
        ({"equity": -8000.0, "session_equity": -8000.0}, R.NONE, 1),
        ({"equity": -10_000.0, "session_equity": -9_000.0}, R.DRAWDOWN, 1),
        ({"equity": -10_000.0}, R.DRAWDOWN, 1),
    ],
)
def test_watch_halts_at_the_limit_and_raises_the_alert_before(
    fields: dict[str, float], reason: RefusalReason, alert: int
) -> None:
    budget = _budget(**fields)
    assert watch_losses(budget[0], LIMITS[0]) == (reason is not R.NONE)
    expected = ACTIVE if reason is R.NONE else HALTED
    assert (budget["trading_state"][0], budget["halt_reason"][0]) == (expected, reason)
    assert budget["drawdown_alert"][0] == alert


def test_desks_flatten_even_where_the_loss_has_shrunk_since_or_another_halt_came_first() -> None:
    budget = _budget(equity=-2000.0)
    halt(budget[0], int(R.IDENTICAL_ORDERS))
    assert watch_losses(budget[0], LIMITS[0])
    budget["equity"] = 0.0
    assert watch_losses(budget[0], LIMITS[0])
    assert budget["halt_reason"][0] == R.IDENTICAL_ORDERS


@pytest.mark.parametrize("first", [R.DRAWDOWN, R.IDENTICAL_ORDERS, R.ENTRY_RATE])
def test_halt_that_needs_a_person_is_not_replaced_by_a_lighter_one(first: RefusalReason) -> None:
    budget = _budget()
    halt(budget[0], int(first))
    halt(budget[0], int(R.DAILY_LOSS))
    reduce_only(budget[0], int(R.REJECT_BURST))
    assert (budget["trading_state"][0], budget["halt_reason"][0]) == (HALTED, first)
    halt(budget[0], int(R.DRAWDOWN))
    assert budget["halt_reason"][0] == R.DRAWDOWN


@pytest.mark.parametrize(
    ("reason", "after"),
    [
        (R.DAILY_LOSS, ACTIVE),
        (R.DRAWDOWN, HALTED),
        (R.IDENTICAL_ORDERS, HALTED),
        (R.ENTRY_RATE, HALTED),
        (R.UNKNOWN_ORDER, HALTED),
        (R.UNANSWERED, HALTED),
    ],
)
def test_next_session_ends_only_a_halt_that_needs_no_person(reason: RefusalReason, after: TradingState) -> None:
    budget = _budget(date=7)
    halt(budget[0], int(reason))
    begin_budget(budget[0], 7)  # another desk of the same session
    assert budget["trading_state"][0] == HALTED
    begin_budget(budget[0], 8)
    assert budget["trading_state"][0] == after
    assert (budget["halt_reason"][0] == 0) == (after is ACTIVE)


def test_next_session_begins_every_count_anew() -> None:
    budget = _budget(messages=9, closed_today=3, outcomes=5, drawdown_alert=1, rate_alarm=1, must_flatten=1)
    begin_budget(budget[0], 8)
    names = ("messages_before", "closed_today", "outcomes", "drawdown_alert", "rate_alarm", "must_flatten")
    assert [budget[name][0] for name in names] == [9, 0, 0, 0, 0, 0]


def test_person_unlocks_a_drawdown_which_then_counts_from_there() -> None:
    desk, _ = _two_desks()
    budget = desk.budget
    budget["equity"], budget["session_equity"] = -10_000.0, -9_500.0
    assert watch_losses(budget[0], LIMITS[0])
    unlock(desk)
    assert (budget["trading_state"][0], budget["halt_reason"][0]) == (ACTIVE, R.NONE)
    assert not watch_losses(budget[0], LIMITS[0])


@pytest.mark.parametrize("reason", [R.UNKNOWN_ORDER, R.CONTRADICTION, R.OVERCLOSED, R.UNANSWERED])
def test_person_ends_a_halt_of_a_desk_which_no_session_ends(reason: RefusalReason) -> None:
    desk, other = _two_desks()
    for one in (desk, other):
        fault(one, int(reason))
        _open(one)
        assert _ask(one) is R.TRADING_STATE
    unlock(desk)
    assert (_ask(desk), _ask(other)) == (R.NONE, R.TRADING_STATE)
    fault(desk, int(reason))
    follow(desk)
    assert (_ask(desk), desk.bracket["state"][0]) == (R.TRADING_STATE, BracketState.HALT)
    unlock(desk)  # in the session in which it happened
    assert (_ask(desk), desk.bracket["state"][0]) == (R.NONE, BracketState.FLAT)
    fault(desk, int(reason))
    assert _ask(desk) is R.TRADING_STATE


def test_what_led_to_a_halt_is_counted_anew_once_a_person_has_ended_it() -> None:
    desk, _ = _two_desks()
    limits, now = desk.limits[0], int(desk.market["now_ns"][0])
    limits["halt_at_identical_orders"] = 2
    assert [_ask(desk), _ask(desk)] == [R.NONE, R.IDENTICAL_ORDERS]
    unlock(desk)
    assert _ask(desk) is R.NONE
    limits["halt_at_identical_orders"], limits["max_entries_per_10_minutes"] = 1000, 1
    assert _ask(desk) is R.ENTRY_RATE
    unlock(desk)
    assert _ask(desk) is R.NONE
    limits["max_messages_per_second"] = 1000
    for _ in range(3):
        count_reject(desk.budget[0], limits, now)
    assert _ask(desk) is R.REJECT_BURST
    unlock(desk)
    assert _ask(desk) is R.NONE
    limits["max_entries_per_10_minutes"] = 64
    for _ in range(20):
        desk.account["cash_ticks"] -= 1
        count_trade(desk.budget[0], limits, desk.account[0], 1.0)
    assert _ask(desk) is R.WIN_RATE
    unlock(desk)
    assert _ask(desk) is R.NONE


def test_third_reject_within_a_minute_ends_the_entries_of_the_session() -> None:
    budget = _budget()
    for second in (0, 30, 60, 61):
        assert budget["trading_state"][0] == ACTIVE
        count_reject(budget[0], LIMITS[0], OPEN_NS + second * SECOND_NS)
    assert (budget["trading_state"][0], budget["halt_reason"][0]) == (REDUCING, R.REJECT_BURST)


def test_only_a_message_beyond_the_rates_raises_the_alarm() -> None:
    budget = _budget()
    for _ in range(5):
        count_message(budget[0], LIMITS[0], OPEN_NS)
        assert budget["rate_alarm"][0] == 0
    count_message(budget[0], LIMITS[0], OPEN_NS)
    assert (budget["rate_alarm"][0], budget["messages"][0]) == (1, 6)


def test_trade_has_won_where_more_is_left_than_before_it_fees_paid() -> None:
    budget, account = _budget(), np.zeros(1, dtype=ACCOUNT)
    account["identical"] = 3
    for cash, fees in ((10, 1.0), (11, 6.0), (12, 11.0), (11, 11.5), (13, 12.0)):  # R$ 49, 49, 49, 43.50, 53
        account["cash_ticks"], account["fees"] = cash, fees
        count_trade(budget[0], LIMITS[0], account[0], 5.0)
    assert (budget["outcomes"][0], budget["closed_today"][0]) == (0b10001, 5)
    assert (account["flat_equity"][0], account["identical"][0]) == (53.0, 0)


def test_eight_of_twenty_is_enough_and_seven_is_not() -> None:
    budget, account = _budget(), np.zeros(1, dtype=ACCOUNT)
    for won in [True] + [False] * 12 + [True] * 7 + [False]:
        assert budget["trading_state"][0] == ACTIVE
        account["cash_ticks"] += 1 if won else -1
        count_trade(budget[0], LIMITS[0], account[0], 1.0)
    assert (budget["trading_state"][0], budget["halt_reason"][0]) == (REDUCING, R.WIN_RATE)


@pytest.mark.parametrize("stage", [Stage.FULL, Stage.TENTH, Stage.PAPER, Stage.SHADOW])
@pytest.mark.parametrize(
    ("fields", "differing", "steps"),
    [
        ({}, 0, 0),
        ({"trading_state": HALTED, "halt_reason": R.DAILY_LOSS}, 0, 0),
        ({"trading_state": REDUCING, "halt_reason": R.WIN_RATE}, 0, 0),
        ({"trading_state": REDUCING, "halt_reason": R.REJECT_BURST}, 0, 1),
        ({"trading_state": HALTED, "halt_reason": R.IDENTICAL_ORDERS}, 0, 1),
        ({"trading_state": HALTED, "halt_reason": R.ENTRY_RATE}, 0, 1),
        ({"drawdown_alert": 1}, 0, 1),
        ({}, 1, 1),
        ({"drawdown_alert": 1}, 5, 1),
        ({"trading_state": HALTED, "halt_reason": R.DRAWDOWN, "drawdown_alert": 1}, 0, 3),
    ],
)
def test_faults_and_drawdowns_cost_a_stage(stage: Stage, fields: dict[str, float], differing: int, steps: int) -> None:
    assert demoted(_budget(stage=stage, **fields)[0], differing) == max(stage - steps, Stage.SHADOW)


def _two_desks() -> tuple[Desk, Desk]:
    budget = new_budget()
    desks = tuple(new_desk(RiskLimits(), FUTURES[root], COSTS, CAPACITY, budget) for root in ("WDO", "WIN"))
    for desk in desks:
        _open(desk)
    return desks


def _open(desk: Desk) -> None:
    """Begin a session and let an hour of it pass."""
    begin_desk(desk, OPEN_NS, OPEN_NS + 540 * MINUTE_NS, False)
    desk.market["now_ns"] = OPEN_NS + 60 * MINUTE_NS
    desk.market["atr_ticks"], desk.account["mark"] = 8.0, 10_000


def _ask(desk: Desk) -> RefusalReason:
    request = np.zeros(1, dtype=REQUEST)
    request["instrument"], request["quantity"], request["side"] = desk.terms["instrument"], 1, 1
    request["kind"] = request["role"] = request["type"] = 1
    request["stop_distance"], request["target_distance"] = 20, 30
    return RefusalReason(approve(desk, request[0], 0))


def test_desks_share_notional() -> None:
    dollar, index = _two_desks()
    dollar.limits["max_exposure_reais"] = index.limits["max_exposure_reais"] = 59_999.0
    assert _ask(dollar) is R.NONE  # 10,000 ticks of R$ 5
    assert _ask(index) is R.EXPOSURE  # and 10,000 of R$ 1
    mark_desk(dollar, 10_000)  # the entry was never filled
    assert _ask(index) is R.NONE


def test_desks_share_rates_and_losses() -> None:
    dollar, index = _two_desks()
    for _ in range(3):
        assert _ask(dollar) is R.NONE
        dollar.account["identical"] = 0
    assert [_ask(index) for _ in range(3)] == [R.NONE, R.NONE, R.MESSAGES_PER_SECOND]
    dollar.account["cash_ticks"] = -400  # R$ 2,000
    mark_desk(dollar, 10_000)
    assert _ask(index) is R.DAILY_LOSS
    index.account["position"], index.account["cash_ticks"] = 1, -10_000
    index.account["entry_order"], index.bracket["side"] = index.account["first_order_id"][0], 1
    mark_desk(index, 10_000)
    # It closes what it holds, though it lost nothing itself.
    assert OrderRole.FLATTEN in index.requests["role"][: index.counts[REQUESTS]]


def test_desks_share_the_session_s_number_of_trades() -> None:
    dollar, index = _two_desks()
    dollar.limits["max_trades_per_day"] = index.limits["max_trades_per_day"] = 3
    assert [_ask(dollar), _ask(index), _ask(dollar)] == [R.NONE] * 3
    assert (_ask(dollar), _ask(index)) == (R.TRADES_PER_DAY, R.TRADES_PER_DAY)
    begin_budget(index.budget[0], 1)
    assert _ask(index) is R.NONE


def test_each_desk_keeps_its_own_state() -> None:
    dollar, index = _two_desks()
    dollar.account["trading_state"] = HALTED
    assert (_ask(dollar), _ask(index)) == (R.TRADING_STATE, R.NONE)


def test_budget_has_a_place_for_so_many_desks() -> None:
    budget = new_budget()
    for _ in range(DESKS):
        new_desk(RiskLimits(), FUTURES["WIN"], COSTS, CAPACITY, budget)
    with pytest.raises(ConfigError, match="at most 8 desks"):
        new_desk(RiskLimits(), FUTURES["WIN"], COSTS, CAPACITY, budget)
