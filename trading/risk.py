"""The gate: the one place that lets an entry pass, and the watch over the account's losses (signals.md §10).

Exits always pass: nothing may stand between an open position and its end.
"""

from dataclasses import dataclass

import numpy as np

from market.kernel import kernel
from market.types import Phase, Side
from trading.positions import drawdown, session_loss
from trading.records import OrderRole, OrderType, RefusalReason, TradingState

_ENTRY, _ACTIVE, _HALTED = int(OrderRole.ENTRY), int(TradingState.ACTIVE), int(TradingState.HALTED)
_MARKET, _LIMIT, _STOP = int(OrderType.MARKET), int(OrderType.LIMIT), int(OrderType.STOP)
_BUY, _SELL, _OPEN_PHASE = int(Side.BUY), int(Side.SELL), int(Phase.OPEN)

_NONE = int(RefusalReason.NONE)
_INSTRUMENT, _SIDE, _QUANTITY = int(RefusalReason.INSTRUMENT), int(RefusalReason.SIDE), int(RefusalReason.QUANTITY)
_LOT, _PRICE, _STOP_DISTANCE = int(RefusalReason.LOT), int(RefusalReason.PRICE), int(RefusalReason.STOP_DISTANCE)
_POSITION_LIMIT, _RISK = int(RefusalReason.POSITION_LIMIT), int(RefusalReason.RISK_PER_TRADE)
_UNRESOLVED, _TRADES = int(RefusalReason.UNRESOLVED_ENTRY), int(RefusalReason.TRADES_PER_DAY)
_DAILY_LOSS, _DRAWDOWN = int(RefusalReason.DAILY_LOSS), int(RefusalReason.DRAWDOWN)
_TRADING_STATE, _LAST_ENTRY = int(RefusalReason.TRADING_STATE), int(RefusalReason.LAST_ENTRY)
_PHASE, _STALE = int(RefusalReason.MARKET_PHASE), int(RefusalReason.STALE_FEED)
_CROSSED, _UNKNOWN_ORDER = int(RefusalReason.CROSSED_BOOK), int(RefusalReason.UNKNOWN_ORDER)


@kernel
def refuse_request(request: np.void, limits: np.void, terms: np.void) -> int:
    """Return why the request itself is wrong, or NONE."""
    quantity, stop = np.int64(request["quantity"]), np.int64(request["stop_distance"])
    if request["instrument"] != terms["instrument"]:
        return _INSTRUMENT
    if request["side"] != _BUY and request["side"] != _SELL:
        return _SIDE
    if quantity <= 0:
        return _QUANTITY
    if quantity % terms["lot"] != 0:
        return _LOT
    # Prices are whole ticks by type; what can be wrong is one that is missing or does not belong.
    has_limit, has_trigger = request["price"] > 0, request["stop_price"] > 0
    if has_limit != (request["type"] == _LIMIT) or has_trigger != (request["type"] == _STOP):
        return _PRICE
    if stop < limits["stop_min_ticks"] or stop > limits["stop_max_ticks"] or request["target_distance"] < 1:
        return _STOP_DISTANCE
    if quantity > limits["max_position"]:
        return _POSITION_LIMIT
    if quantity * stop * terms["tick_value"] > limits["capital_reais"] * limits["risk_per_trade"]:
        return _RISK
    return _NONE


@kernel
def refuse_account(account: np.void, limits: np.void) -> int:
    """Return why the account may not enter, or NONE. An entry starts from flat, so a request alone is its exposure."""
    if account["position"] != 0:
        return _POSITION_LIMIT
    if account["pending"] != 0:
        return _UNRESOLVED
    if account["trades_today"] >= limits["max_trades_per_day"]:
        return _TRADES
    if session_loss(account) >= limits["daily_loss_fraction"] * limits["capital_reais"]:
        return _DAILY_LOSS
    if drawdown(account, limits["capital_reais"]) >= limits["drawdown_stop"]:
        return _DRAWDOWN
    if account["trading_state"] != _ACTIVE:
        return _TRADING_STATE
    return _NONE


@kernel
def refuse_market(market: np.void, limits: np.void) -> int:
    """Return why nothing may be entered now, or NONE."""
    if market["now_ns"] >= market["close_ns"] - limits["last_entry_before_close_ns"]:
        return _LAST_ENTRY
    if market["phase"] != _OPEN_PHASE:
        return _PHASE
    if not market["events"]:
        return _NONE
    if market["now_ns"] - market["feed_ns"] > limits["stale_feed_after_ns"]:
        return _STALE
    if market["bid"] <= 0 or market["ask"] <= market["bid"]:
        return _CROSSED
    return _NONE


@kernel
def approve(request: np.void, account: np.void, limits: np.void, market: np.void, terms: np.void) -> int:
    """Return why an order may not be sent.

    Parameters
    ----------
    request : ORDER record
        Exits pass whatever the rest says.
    account : ACCOUNT record
        Without the request: `pending` counts other entries.
    limits, market, terms : LIMITS, MARKET and TERMS records

    Returns
    -------
    int
        RefusalReason; NONE is approval. The first reason found, in the order request, account, market.
    """
    if request["role"] != _ENTRY:
        return _NONE
    reason = refuse_request(request, limits, terms)
    if reason == _NONE:
        reason = refuse_account(account, limits)
    if reason == _NONE:
        reason = refuse_market(market, limits)
    return reason


@kernel
def halt(account: np.void, reason: int) -> None:
    """Halt the account. A reason that outlives the session is not replaced by another."""
    if not needs_a_person(account["halt_reason"]):
        account["halt_reason"] = reason
    account["trading_state"] = _HALTED


@kernel
def needs_a_person(reason: int) -> bool:
    """Tell whether a halt outlives its session: a drawdown, and whatever the venue left in doubt."""
    return bool(reason == _DRAWDOWN or reason >= _UNKNOWN_ORDER)


@kernel
def watch_losses(account: np.void, limits: np.void) -> bool:
    """Halt the account where the session's loss or the drawdown has reached its limit; return True if it is so now.

    The caller then flattens.
    """
    fall = drawdown(account, limits["capital_reais"])
    if fall >= limits["drawdown_alert"]:
        account["drawdown_alert"] = 1
    if fall >= limits["drawdown_stop"]:
        halt(account, _DRAWDOWN)
        return True
    if session_loss(account) >= limits["daily_loss_fraction"] * limits["capital_reais"]:
        halt(account, _DAILY_LOSS)
        return True
    return False


@kernel
def unlock(account: np.void) -> None:
    """Let a halted account trade again, on a person's word; drawdown is counted from here."""
    account["trading_state"] = _ACTIVE
    account["halt_reason"] = _NONE
    account["peak"] = account["equity"]


@dataclass(frozen=True)
class Approved:
    """An order that passed the gate; only such an order may be sent."""

    order: np.ndarray


@dataclass(frozen=True)
class Refused:
    """An order that did not pass, and why."""

    order: np.ndarray
    reason: RefusalReason


def review(
    request: np.ndarray, account: np.ndarray, limits: np.ndarray, market: np.ndarray, terms: np.ndarray
) -> Approved | Refused:
    """Pass one order through the gate; every argument is an array of one record."""
    reason = RefusalReason(approve(request[0], account[0], limits[0], market[0], terms[0]))
    return Approved(request.copy()) if reason is RefusalReason.NONE else Refused(request.copy(), reason)
