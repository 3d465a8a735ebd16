"""The gate: the one place that lets a request pass (docs/risk.md says what it checks, in which order).

An entry must meet every limit. An exit or a cancel passes unless it cannot be meant: nothing may stand between an open
position and its end. Amounts that are no number are beyond their limit.
"""

import numpy as np

from market.kernel import kernel
from market.types import Phase, Side
from trading.budget import (
    count_entry,
    count_message,
    drawdown,
    entries_too_often,
    exposure_of_others,
    halt,
    message_rate,
    reject_burst,
    session_loss,
    wins_too_rarely,
)
from trading.desk import Desk
from trading.records import BracketState, OrderRole, OrderType, RefusalReason, Stage, TradingState
from trading.requests import RequestKind

_ENTRY, _FLATTEN = int(OrderRole.ENTRY), int(OrderRole.FLATTEN)
_NEW, _CANCEL, _REPLACE = (int(kind) for kind in RequestKind)
_MARKET, _LIMIT, _STOP = int(OrderType.MARKET), int(OrderType.LIMIT), int(OrderType.STOP)
_BUY, _SELL, _OPEN_PHASE = int(Side.BUY), int(Side.SELL), int(Phase.OPEN)
_ACTIVE, _TENTH = int(TradingState.ACTIVE), int(Stage.TENTH)
_FLAT, _HALT = int(BracketState.FLAT), int(BracketState.HALT)

_NONE, _CODE = int(RefusalReason.NONE), int(RefusalReason.UNKNOWN_CODE)
_INSTRUMENT, _SIDE, _QUANTITY = int(RefusalReason.INSTRUMENT), int(RefusalReason.SIDE), int(RefusalReason.QUANTITY)
_LOT, _PRICE, _STOP_DISTANCE = int(RefusalReason.LOT), int(RefusalReason.PRICE), int(RefusalReason.STOP_DISTANCE)
_REWARD_RISK, _ORDER_QUANTITY = int(RefusalReason.REWARD_RISK), int(RefusalReason.ORDER_QUANTITY)
_POSITION_LIMIT, _RISK = int(RefusalReason.POSITION_LIMIT), int(RefusalReason.RISK_PER_TRADE)
_NO_REFERENCE, _ORDER_VALUE = int(RefusalReason.NO_REFERENCE), int(RefusalReason.ORDER_VALUE)
_COLLAR, _NOT_REDUCING = int(RefusalReason.COLLAR), int(RefusalReason.NOT_REDUCING)
_UNRESOLVED, _TRADES = int(RefusalReason.UNRESOLVED_ENTRY), int(RefusalReason.TRADES_PER_DAY)
_DAILY_LOSS, _DRAWDOWN = int(RefusalReason.DAILY_LOSS), int(RefusalReason.DRAWDOWN)
_WIN_RATE, _REJECT_BURST = int(RefusalReason.WIN_RATE), int(RefusalReason.REJECT_BURST)
_TRADING_STATE, _STAGE = int(RefusalReason.TRADING_STATE), int(RefusalReason.STAGE)
_EXPOSURE, _ENTRY_RATE = int(RefusalReason.EXPOSURE), int(RefusalReason.ENTRY_RATE)
_IDENTICAL = int(RefusalReason.IDENTICAL_ORDERS)
_CONTRACT, _LAST_SESSION = int(RefusalReason.CONTRACT), int(RefusalReason.LAST_SESSION)
_LAST_ENTRY, _PHASE = int(RefusalReason.LAST_ENTRY), int(RefusalReason.MARKET_PHASE)
_BLACKOUT, _SKEW = int(RefusalReason.BLACKOUT), int(RefusalReason.CLOCK_SKEW)
_VOLATILITY, _STALE = int(RefusalReason.VOLATILITY), int(RefusalReason.STALE_FEED)
_CROSSED = int(RefusalReason.CROSSED_BOOK)

_DIGEST_FACTOR = 1_000_003


@kernel
def approve(desk: Desk, request: np.void, filled: int) -> int:
    """Judge a request that is about to be sent, count it where it passes, and halt the account where it runs away.

    Parameters
    ----------
    desk : Desk
        `account["pending"]` holds the contracts of other entries, not of this one.
    request : REQUEST record
    filled : int
        Contracts of its order that are done, 0 for a new one.

    Returns
    -------
    int
        RefusalReason; NONE is approval.
    """
    budget = desk.budget[0]
    reason = refusal(desk, request, filled)
    if reason == _NONE:
        _count(desk, request, filled)
    elif reason in (_IDENTICAL, _ENTRY_RATE):
        halt(budget, reason)
    return reason


@kernel
def refusal(desk: Desk, request: np.void, filled: int) -> int:
    """Return why a request may not be sent, or NONE; the first reason in the order of docs/risk.md. Changes nothing."""
    kind, role, type_ = request["kind"], request["role"], request["type"]
    if request["instrument"] != desk.terms[0]["instrument"]:
        return _INSTRUMENT
    if kind == _CANCEL:
        return _NONE
    known = kind in (_NEW, _REPLACE)
    if not known or role < _ENTRY or role > _FLATTEN or (type_ != _MARKET and type_ != _LIMIT and type_ != _STOP):
        return _CODE
    reason = _refuse_form(request, filled)
    if reason != _NONE:
        return reason
    if role != _ENTRY:
        return _refuse_exit(desk.account[0], request, filled)
    reason = _refuse_entry(desk, request)
    if reason == _NONE:
        reason = _refuse_account(desk, request)
    if reason == _NONE:
        reason = _refuse_budget(desk, request)
    if reason == _NONE:
        reason = _refuse_session(desk)
    if reason == _NONE:
        reason = _refuse_market(desk)
    return reason


@kernel
def _refuse_form(request: np.void, filled: int) -> int:
    """Return what no order of any role can look like, or NONE. Prices are whole ticks by type."""
    side, price, trigger = request["side"], np.int64(request["price"]), np.int64(request["stop_price"])
    if side != _BUY and side != _SELL:
        return _SIDE
    if filled < 0 or request["quantity"] <= filled:
        return _QUANTITY
    if request["type"] == _MARKET:
        return _NONE if price == 0 and trigger == 0 else _PRICE
    if request["type"] == _LIMIT:
        return _NONE if price > 0 and trigger == 0 else _PRICE
    beyond = price == 0 or (price - trigger) * side >= 0  # a stop without a limit is one at market
    return _NONE if trigger > 0 and price >= 0 and beyond else _PRICE


@kernel
def _refuse_exit(account: np.void, request: np.void, filled: int) -> int:
    """Return why an exit would not bring the position nearer to flat, or NONE."""
    position = np.int64(account["position"])
    left = np.int64(request["quantity"]) - filled
    if position * request["side"] >= 0 or left > abs(position):
        return _NOT_REDUCING
    return _NONE


@kernel
def _refuse_entry(desk: Desk, request: np.void) -> int:
    """Return which limit the entry by itself breaks, or NONE."""
    limits, terms, mark = desk.limits[0], desk.terms[0], np.int64(desk.account[0]["mark"])
    quantity, stop = np.int64(request["quantity"]), np.int64(request["stop_distance"])
    target = np.int64(request["target_distance"])
    if terms["lot"] < 1 or quantity % terms["lot"] != 0:
        return _LOT
    if stop < limits["stop_min_ticks"] or stop > limits["stop_max_ticks"] or target < 1:
        return _STOP_DISTANCE
    if not target >= limits["min_reward_risk"] * stop:
        return _REWARD_RISK
    if quantity > limits["max_order_quantity"]:
        return _ORDER_QUANTITY
    if quantity > limits["max_position"]:
        return _POSITION_LIMIT
    if not quantity * stop * terms["tick_value"] <= limits["capital_reais"] * limits["risk_per_trade"]:
        return _RISK
    if mark <= 0:
        return _NO_REFERENCE
    if not _notional(desk, request) <= limits["max_order_reais"]:
        return _ORDER_VALUE
    if not _farthest(desk, request) <= limits["collar_fraction"] * mark:
        return _COLLAR
    return _NONE


@kernel
def _notional(desk: Desk, request: np.void) -> float:
    """Return R$ of an entry at the highest price it names, else at the last one."""
    price = max(np.int64(request["price"]), np.int64(request["stop_price"]))
    if price == 0:
        price = np.int64(desk.account[0]["mark"])
    return float(np.int64(request["quantity"]) * price * desk.terms[0]["tick_value"])


@kernel
def _farthest(desk: Desk, request: np.void) -> int:
    """Return how far from the last price the request reaches, ticks: by its prices, else by the quote it would meet."""
    market, mark = desk.market[0], np.int64(desk.account[0]["mark"])
    far = np.int64(0)
    for price in (np.int64(request["price"]), np.int64(request["stop_price"])):
        if price != 0:
            far = max(far, abs(price - mark))
    if request["type"] == _MARKET and market["events"]:
        quote = np.int64(market["ask"] if request["side"] == _BUY else market["bid"])
        far = abs(quote - mark) if quote > 0 else far
    return int(far)


@kernel
def _refuse_account(desk: Desk, request: np.void) -> int:
    """Return why the desk may not enter, or NONE. An entry starts from flat, with no order of the last trade left."""
    account, limits, state = desk.account[0], desk.limits[0], desk.bracket[0]["state"]
    if account["position"] != 0:
        return _POSITION_LIMIT
    if account["pending"] != 0:
        return _UNRESOLVED
    if request["kind"] != _NEW:
        return _NONE
    if state != _FLAT and state != _HALT:  # a halt is the trading state's to refuse
        return _UNRESOLVED
    if desk.budget[0]["trades_today"] >= limits["max_trades_per_day"]:
        return _TRADES
    again = account["identical"] + 1 >= limits["halt_at_identical_orders"]
    return _IDENTICAL if again and account["last_request"] == _digest(request) else _NONE


@kernel
def _refuse_budget(desk: Desk, request: np.void) -> int:
    """Return why the whole account may not enter, or NONE."""
    budget, limits, now = desk.budget[0], desk.limits[0], desk.market[0]["now_ns"]
    if not session_loss(budget) < limits["daily_loss_fraction"] * limits["capital_reais"]:
        return _DAILY_LOSS
    if not drawdown(budget, limits["capital_reais"]) < limits["drawdown_stop"]:
        return _DRAWDOWN
    if wins_too_rarely(budget, limits):
        return _WIN_RATE
    if reject_burst(budget, limits, now):
        return _REJECT_BURST
    if budget["trading_state"] != _ACTIVE or desk.account[0]["trading_state"] != _ACTIVE:
        return _TRADING_STATE
    if budget["live"] and budget["stage"] < _TENTH:
        return _STAGE
    exposure = exposure_of_others(budget, desk.terms[0]["place"]) + _notional(desk, request)
    if not exposure <= limits["max_exposure_reais"]:
        return _EXPOSURE
    if request["kind"] == _NEW and entries_too_often(budget, limits, now):
        return _ENTRY_RATE
    return message_rate(budget, limits, now)


@kernel
def _refuse_session(desk: Desk) -> int:
    """Return why the calendar lets nothing be entered now, or NONE."""
    market, terms, blackouts = desk.market[0], desk.terms[0], desk.blackouts
    now = market["now_ns"]
    if market["date"] > terms["last_trade_date"] or (desk.budget[0]["live"] and terms["continuous"]):
        return _CONTRACT
    if market["date"] == terms["last_trade_date"]:
        return _LAST_SESSION
    if now >= market["last_entry_ns"]:
        return _LAST_ENTRY
    for i in range(blackouts.shape[0]):
        if blackouts[i, 0] <= now < blackouts[i, 1]:
            return _BLACKOUT
    return _NONE


@kernel
def _refuse_market(desk: Desk) -> int:
    """Return why the market lets nothing be entered now, or NONE."""
    market, limits, mark = desk.market[0], desk.limits[0], desk.account[0]["mark"]
    if market["phase"] != _OPEN_PHASE:
        return _PHASE
    if not -limits["max_clock_skew_ns"] <= market["skew_ns"] <= limits["max_clock_skew_ns"]:
        return _SKEW
    atr = market["atr_ticks"]
    if not limits["min_atr_fraction"] * mark <= atr <= limits["max_atr_fraction"] * mark:
        return _VOLATILITY
    if not market["events"]:
        return _NONE
    for told_ns in (market["feed_ns"], market["quote_ns"]):  # trades go on where only the quotes have died
        age = market["now_ns"] - told_ns
        if age < 0 or age > limits["stale_feed_after_ns"]:
            return _STALE
    if market["bid"] <= 0 or market["ask"] <= market["bid"]:
        return _CROSSED
    return _NONE


@kernel
def _count(desk: Desk, request: np.void, filled: int) -> None:
    """Count a request that passes: every one as a message, a new order against the one before, an entry as such."""
    account, budget, now = desk.account[0], desk.budget[0], desk.market[0]["now_ns"]
    count_message(budget, desk.limits[0], now)
    if request["kind"] == _CANCEL:
        return
    if request["kind"] == _NEW:
        digest = _digest(request)
        account["identical"] = account["identical"] + 1 if account["last_request"] == digest else 1
        account["last_request"] = digest
    if request["role"] == _ENTRY:
        budget["desk_exposure"][desk.terms[0]["place"]] = _notional(desk, request)
        if request["kind"] == _NEW:
            count_entry(budget, now)


@kernel
def _digest(request: np.void) -> int:
    """Return a number that two orders share where they ask for the same."""
    digest = np.int64(request["role"])
    for value in (
        np.int64(request["side"]),
        np.int64(request["type"]),
        np.int64(request["quantity"]),
        np.int64(request["price"]),
        np.int64(request["stop_price"]),
        np.int64(request["stop_distance"]),
        np.int64(request["target_distance"]),
    ):
        digest = digest * _DIGEST_FACTOR + value
    return int(digest)
