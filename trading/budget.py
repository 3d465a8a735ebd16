"""The budget: what all desks of one account share, and what their limits are counted from.

A desk writes its own place in it and reads the whole, so one desk and several are the same code. Rates are exact: each
looks up when the n-th last message was sent.
"""

import numpy as np

from market.kernel import kernel
from trading.records import BUDGET, DESKS, ENTRY_RING, MESSAGE_RING, REJECT_RING, RefusalReason, Stage, TradingState

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
TEN_MINUTES_NS = 10 * MINUTE_NS
OUTCOMES = 62  # trades of a session that are remembered, a bit each

_ACTIVE, _REDUCING, _HALTED = (int(state) for state in TradingState)
_NONE, _DRAWDOWN = int(RefusalReason.NONE), int(RefusalReason.DRAWDOWN)
_DAILY_LOSS, _WIN_RATE = int(RefusalReason.DAILY_LOSS), int(RefusalReason.WIN_RATE)
_REJECT_BURST, _IDENTICAL = int(RefusalReason.REJECT_BURST), int(RefusalReason.IDENTICAL_ORDERS)
_ENTRY_RATE = int(RefusalReason.ENTRY_RATE)
_UNKNOWN_ORDER = int(RefusalReason.UNKNOWN_ORDER)
_SECOND, _MINUTE = int(RefusalReason.MESSAGES_PER_SECOND), int(RefusalReason.MESSAGES_PER_MINUTE)
_DAY = int(RefusalReason.MESSAGES_PER_DAY)


def new_budget(stage: Stage = Stage.PAPER, live: bool = False) -> np.ndarray:
    """Return the BUDGET of an account that has never traded, length 1; `live` says that its orders go to a broker."""
    budget = np.zeros(1, dtype=BUDGET)
    budget["trading_state"], budget["stage"], budget["live"] = _ACTIVE, stage, live
    return budget


@kernel
def begin_budget(budget: np.void, date: int) -> None:
    """Start a session's counts, once for all desks; a halt that a person must end stays.

    Parameters
    ----------
    budget : BUDGET record
    date : int
        Of the session, days since 1970-01-01.
    """
    if budget["date"] == date:
        return
    budget["date"] = date
    budget["session_equity"] = budget["equity"]
    budget["messages_before"] = budget["messages"]
    budget["outcomes"] = budget["closed_today"] = budget["trades_today"] = 0
    budget["drawdown_alert"] = budget["rate_alarm"] = budget["must_flatten"] = 0
    if not needs_a_person(budget["halt_reason"]):
        budget["trading_state"] = _ACTIVE
        budget["halt_reason"] = _NONE


@kernel
def mark_budget(budget: np.void, place: int, account: np.void, tick_value: float) -> None:
    """Write what a desk is worth and what it has at stake, and raise the account's peak."""
    contracts = abs(np.int64(account["position"])) + abs(np.int64(account["pending"]))
    budget["desk_equity"][place] = account["equity"]
    budget["desk_exposure"][place] = contracts * np.int64(account["mark"]) * tick_value
    equity = 0.0
    for i in range(DESKS):
        equity += budget["desk_equity"][i]
    budget["equity"] = equity
    budget["peak"] = max(budget["peak"], equity)


@kernel
def session_loss(budget: np.void) -> float:
    """Return R$ lost since the session's start; negative where it won."""
    return float(budget["session_equity"] - budget["equity"])


@kernel
def drawdown(budget: np.void, capital_reais: float) -> float:
    """Return the fall from the peak as a fraction of capital plus peak."""
    return float((budget["peak"] - budget["equity"]) / (capital_reais + budget["peak"]))


@kernel
def exposure_of_others(budget: np.void, place: int) -> float:
    """Return R$ notional of every desk but one."""
    total = 0.0
    for i in range(DESKS):
        if i != place:
            total += budget["desk_exposure"][i]
    return total


@kernel
def _within(times: np.ndarray, count: int, limit: int, now_ns: int, span_ns: int) -> bool:
    """Tell whether `limit` or more of the counted times lie less than a span before now."""
    return bool(count >= limit and now_ns - times[(count - limit) % times.size] < span_ns)


@kernel
def message_rate(budget: np.void, limits: np.void, now_ns: int) -> int:
    """Return which rate of messages leaves no room for one more, or NONE."""
    times, count = budget["messages_ns"], budget["messages"]
    if _within(times, count, limits["max_messages_per_second"], now_ns, SECOND_NS):
        return _SECOND
    if _within(times, count, limits["max_messages_per_minute"], now_ns, MINUTE_NS):
        return _MINUTE
    if count - budget["messages_before"] >= limits["max_messages_per_day"]:
        return _DAY
    return _NONE


@kernel
def entries_too_often(budget: np.void, limits: np.void, now_ns: int) -> bool:
    """Tell whether ten minutes have room for no more entries."""
    limit = limits["max_entries_per_10_minutes"]
    return _within(budget["entries_ns"], budget["entries"], limit, now_ns, TEN_MINUTES_NS)


@kernel
def reject_burst(budget: np.void, limits: np.void, now_ns: int) -> bool:
    """Tell whether the venue refused too many orders in the last minute."""
    limit = limits["stop_at_rejects_per_minute"]
    return _within(budget["rejects_ns"], budget["rejects"], limit, now_ns, MINUTE_NS)


@kernel
def wins_too_rarely(budget: np.void, limits: np.void) -> bool:
    """Tell whether too few of the session's last trades won; never before there are enough of them."""
    window = limits["win_rate_trades"]
    if budget["closed_today"] < window:
        return False
    wins = 0
    for i in range(window):
        wins += (budget["outcomes"] >> i) & 1
    return bool(wins < limits["min_win_rate"] * window)


@kernel
def session_wins(budget: np.void) -> tuple[int, int]:
    """Return how many of the session's trades won and how many did not; of more than 62 the last 62."""
    known, wins = min(int(budget["closed_today"]), OUTCOMES), 0
    for i in range(known):
        wins += (budget["outcomes"] >> i) & 1
    return int(wins), int(known - wins)


@kernel
def count_message(budget: np.void, limits: np.void, now_ns: int) -> None:
    """Count a request that is sent, whatever it is for; one more than the rates allow raises the alarm."""
    if message_rate(budget, limits, now_ns) != _NONE:
        budget["rate_alarm"] = 1
    budget["messages_ns"][budget["messages"] % MESSAGE_RING] = now_ns
    budget["messages"] += 1


@kernel
def count_entry(budget: np.void, now_ns: int) -> None:
    """Count an entry that is sent."""
    budget["entries_ns"][budget["entries"] % ENTRY_RING] = now_ns
    budget["entries"] += 1
    budget["trades_today"] += 1


@kernel
def count_reject(budget: np.void, limits: np.void, now_ns: int) -> None:
    """Count an order the venue refused; a burst of them ends the session's entries."""
    budget["rejects_ns"][budget["rejects"] % REJECT_RING] = now_ns
    budget["rejects"] += 1
    if reject_burst(budget, limits, now_ns):
        reduce_only(budget, _REJECT_BURST)


@kernel
def count_trade(budget: np.void, limits: np.void, account: np.void, tick_value: float) -> None:
    """Count the trade that has just left an account flat as won or lost, fees paid; too few won end the entries.

    Flat, an account is worth the same at every price.
    """
    flat = account["cash_ticks"] * tick_value - account["fees"]
    won = 1 if flat > account["flat_equity"] else 0
    account["flat_equity"] = flat
    account["identical"] = 0
    budget["outcomes"] = ((budget["outcomes"] << 1) | won) & ((1 << OUTCOMES) - 1)
    budget["closed_today"] += 1
    if wins_too_rarely(budget, limits):
        reduce_only(budget, _WIN_RATE)


@kernel
def reduce_only(budget: np.void, reason: int) -> None:
    """Let the account only leave positions until the session ends; a halt is stricter and stays."""
    if budget["trading_state"] == _ACTIVE:
        budget["trading_state"] = _REDUCING
        budget["halt_reason"] = reason


@kernel
def halt(state: np.void, reason: int) -> None:
    """Halt a desk (ACCOUNT) or the whole account (BUDGET); no lighter reason replaces one that needs a person."""
    if reason == _DRAWDOWN or not needs_a_person(state["halt_reason"]):
        state["halt_reason"] = reason
    state["trading_state"] = _HALTED


@kernel
def watch_losses(budget: np.void, limits: np.void) -> bool:
    """Halt the account where the session's loss or the drawdown has reached its limit; return True while it is so.

    Every desk then flattens. What is no number has reached the limit.
    """
    fall = drawdown(budget, limits["capital_reais"])
    if not fall < limits["drawdown_alert"]:
        budget["drawdown_alert"] = 1
    if not fall < limits["drawdown_stop"]:
        halt(budget, _DRAWDOWN)
        budget["must_flatten"] = 1
    elif not session_loss(budget) < limits["daily_loss_fraction"] * limits["capital_reais"]:
        halt(budget, _DAILY_LOSS)
        budget["must_flatten"] = 1
    return bool(budget["must_flatten"])


@kernel
def unlock_budget(budget: np.void) -> None:
    """Forget an account's halt and what led to it: drawdown, entries, rejects and lost trades are counted from here."""
    budget["trading_state"] = _ACTIVE
    budget["halt_reason"] = budget["must_flatten"] = _NONE
    budget["peak"] = budget["equity"]
    budget["entries"] = budget["rejects"] = budget["outcomes"] = budget["closed_today"] = 0


@kernel
def needs_a_person(reason: int) -> bool:
    """Tell whether a halt outlives its session: a drawdown, a runaway, and whatever the venue left in doubt."""
    return bool(reason in (_DRAWDOWN, _IDENTICAL, _ENTRY_RATE) or reason >= _UNKNOWN_ORDER)
