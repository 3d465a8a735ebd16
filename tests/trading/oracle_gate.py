"""The gate once more, in plain Python with exact decimals, from docs/risk.md and from nothing else.

Everything is named as there. A rule is a reason and a question; the first question answered with yes gives the reason.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext
from typing import Any

SECOND, MINUTE = 10**9, 60 * 10**9
MARKET_ORDER, LIMIT_ORDER, STOP_ORDER = 1, 2, 4
NEW, CANCEL, REPLACE = 1, 2, 3
ENTRY, FLATTEN = 1, 4
ACTIVE, TENTH, CONTINUOUS_TRADING = 1, 3, 0
FLAT, HALT = 0, 6

# Without traps: what has no value becomes a NaN, which no comparison holds for.
EXACT = Context(prec=60, traps=[])


@dataclass
class Situation:
    """A request and everything it is judged by, as plain values.

    Parameters
    ----------
    request, desk, bracket, terms, market, account, limits : dict
        `account` is what desks share, `desk` the desk's own.
    messages, entries, rejects : list of int
        Times of all that were ever counted, oldest first.
    won : list of bool
        This session's closed trades, oldest first.
    others_notional : list of float
        R$ of every other desk.
    row : list of tuple
        New orders since the row was last ended, oldest first.
    blackouts : list of (int, int)
        Windows.
    """

    request: dict[str, Any]
    desk: dict[str, Any]
    bracket: dict[str, Any]
    terms: dict[str, Any]
    market: dict[str, Any]
    account: dict[str, Any]
    limits: dict[str, Any]
    filled: int = 0
    messages: list[int] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)
    rejects: list[int] = field(default_factory=list)
    won: list[bool] = field(default_factory=list)
    others_notional: list[float] = field(default_factory=list)
    row: list[tuple[Any, ...]] = field(default_factory=list)
    blackouts: list[tuple[int, int]] = field(default_factory=list)


Rule = tuple[str, Callable[[Situation], bool]]
WHAT_IS_ASKED = ("role", "side", "type", "quantity", "price", "stop_price", "stop_distance", "target_distance")


def expected(s: Situation) -> str:
    """Return the name of the reason, NONE where the request passes."""
    with localcontext(EXACT):
        return next((reason for reason, broken in _rules(s) if broken(s)), "NONE")


def _rules(s: Situation) -> Iterator[Rule]:
    yield "INSTRUMENT", lambda s: s.request["instrument"] != s.terms["instrument"]
    if s.request["kind"] == CANCEL:
        return
    yield "UNKNOWN_CODE", _unknown_code
    yield from FORM
    if s.request["role"] != ENTRY:
        yield "NOT_REDUCING", _not_reducing
        return
    yield from ENTRY_ITSELF
    yield from THE_DESK
    yield from THE_ACCOUNT
    yield from THE_SESSION
    yield from THE_MARKET
    if s.market["events"]:
        yield "STALE_FEED", _stale
        yield "CROSSED_BOOK", lambda s: s.market["bid"] <= 0 or s.market["bid"] >= s.market["ask"]


def _number(value: Any) -> Decimal:
    return Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)


def _above(value: Any, limit: Any) -> bool:
    return not (_number(value) if not isinstance(value, Decimal) else value) <= limit


def _reached(value: Decimal, limit: Decimal) -> bool:
    return not value < limit


def _limit(s: Situation, name: str) -> Decimal:
    return _number(s.limits[name])


def _unknown_code(s: Situation) -> bool:
    r = s.request
    return (
        r["kind"] not in (NEW, REPLACE)
        or r["role"] not in range(ENTRY, FLATTEN + 1)
        or r["type"] not in (MARKET_ORDER, LIMIT_ORDER, STOP_ORDER)
    )


def _bad_price(s: Situation) -> bool:
    limit, trigger = s.request["price"], s.request["stop_price"]
    if s.request["type"] == MARKET_ORDER:
        return (limit, trigger) != (0, 0)
    if s.request["type"] == LIMIT_ORDER:
        return limit <= 0 or trigger != 0
    if trigger <= 0 or limit < 0:
        return True
    if limit == 0:
        return False
    return limit < trigger if s.request["side"] > 0 else limit > trigger


FORM: list[Rule] = [
    ("SIDE", lambda s: abs(s.request["side"]) != 1),
    ("QUANTITY", lambda s: s.filled < 0 or s.request["quantity"] - s.filled <= 0),
    ("PRICE", _bad_price),
]


def _not_reducing(s: Situation) -> bool:
    position, left = s.desk["position"], s.request["quantity"] - s.filled
    if position == 0:
        return True
    own_side = 1 if position > 0 else -1
    return s.request["side"] == own_side or left > abs(position)


def _notional(s: Situation) -> Decimal:
    price = max(s.request["price"], s.request["stop_price"]) or s.desk["mark"]
    return _number(s.terms["tick_value"]) * s.request["quantity"] * price


def _outside_collar(s: Situation) -> bool:
    last = s.desk["mark"]
    named = [price for price in (s.request["price"], s.request["stop_price"]) if price != 0]
    if s.request["type"] == MARKET_ORDER and s.market["events"]:
        met = s.market["ask"] if s.request["side"] > 0 else s.market["bid"]
        named = [met] if met > 0 else []
    return any(_above(abs(price - last), _limit(s, "collar_fraction") * last) for price in named)


def _risk_too_large(s: Situation) -> bool:
    at_risk = _number(s.terms["tick_value"]) * s.request["quantity"] * s.request["stop_distance"]
    return _above(at_risk, _limit(s, "capital_reais") * _limit(s, "risk_per_trade"))


ENTRY_ITSELF: list[Rule] = [
    ("LOT", lambda s: s.terms["lot"] < 1 or s.request["quantity"] % s.terms["lot"] != 0),
    (
        "STOP_DISTANCE",
        lambda s: (
            not s.limits["stop_min_ticks"] <= s.request["stop_distance"] <= s.limits["stop_max_ticks"]
            or s.request["target_distance"] < 1
        ),
    ),
    (
        "REWARD_RISK",
        lambda s: _above(_limit(s, "min_reward_risk") * s.request["stop_distance"], s.request["target_distance"]),
    ),
    ("ORDER_QUANTITY", lambda s: s.request["quantity"] > s.limits["max_order_quantity"]),
    ("POSITION_LIMIT", lambda s: s.request["quantity"] > s.limits["max_position"]),
    ("RISK_PER_TRADE", _risk_too_large),
    ("NO_REFERENCE", lambda s: s.desk["mark"] <= 0),
    ("ORDER_VALUE", lambda s: _above(_notional(s), _limit(s, "max_order_reais"))),
    ("COLLAR", _outside_collar),
]


def asked(request: dict[str, Any]) -> tuple[Any, ...]:
    """Return what makes two orders equal."""
    return tuple(request[name] for name in WHAT_IS_ASKED)


def _runs_on(s: Situation) -> bool:
    equal = 1
    for earlier in reversed(s.row):
        if earlier != asked(s.request):
            break
        equal += 1
    return equal >= s.limits["halt_at_identical_orders"]


def _unfinished(s: Situation) -> bool:
    return s.request["kind"] == NEW and s.bracket["state"] not in (FLAT, HALT)


THE_DESK: list[Rule] = [
    ("POSITION_LIMIT", lambda s: s.desk["position"] != 0),
    ("UNRESOLVED_ENTRY", lambda s: s.desk["pending"] != 0 or _unfinished(s)),
    (
        "TRADES_PER_DAY",
        lambda s: s.request["kind"] == NEW and s.account["trades_today"] >= s.limits["max_trades_per_day"],
    ),
    ("IDENTICAL_ORDERS", lambda s: s.request["kind"] == NEW and _runs_on(s)),
]


def _day_lost(s: Situation) -> bool:
    loss = _number(s.account["session_equity"]) - _number(s.account["equity"])
    return _reached(loss, _limit(s, "daily_loss_fraction") * _limit(s, "capital_reais"))


def _drawn_down(s: Situation) -> bool:
    peak = _number(s.account["peak"])
    return _reached(
        (peak - _number(s.account["equity"])) / (_limit(s, "capital_reais") + peak), _limit(s, "drawdown_stop")
    )


def _seldom_won(s: Situation) -> bool:
    window = s.limits["win_rate_trades"]
    return len(s.won) >= window and sum(s.won[-window:]) < _limit(s, "min_win_rate") * window


def _recent(s: Situation, times: list[int], span: int) -> int:
    return sum(s.market["now_ns"] - time < span for time in times)


def _sum(values: list[float]) -> Decimal:
    return sum((_number(float(value)) for value in values), Decimal(0))


THE_ACCOUNT: list[Rule] = [
    ("DAILY_LOSS", _day_lost),
    ("DRAWDOWN", _drawn_down),
    ("WIN_RATE", _seldom_won),
    ("REJECT_BURST", lambda s: _recent(s, s.rejects, MINUTE) >= s.limits["stop_at_rejects_per_minute"]),
    ("TRADING_STATE", lambda s: s.account["trading_state"] != ACTIVE or s.desk["trading_state"] != ACTIVE),
    ("STAGE", lambda s: s.account["live"] and s.account["stage"] < TENTH),
    ("EXPOSURE", lambda s: _above(_notional(s) + _sum(s.others_notional), _limit(s, "max_exposure_reais"))),
    (
        "ENTRY_RATE",
        lambda s: (
            s.request["kind"] == NEW and _recent(s, s.entries, 10 * MINUTE) >= s.limits["max_entries_per_10_minutes"]
        ),
    ),
    ("MESSAGES_PER_SECOND", lambda s: _recent(s, s.messages, SECOND) >= s.limits["max_messages_per_second"]),
    ("MESSAGES_PER_MINUTE", lambda s: _recent(s, s.messages, MINUTE) >= s.limits["max_messages_per_minute"]),
    (
        "MESSAGES_PER_DAY",
        lambda s: len(s.messages) - s.account["messages_before"] >= s.limits["max_messages_per_day"],
    ),
]

THE_SESSION: list[Rule] = [
    (
        "CONTRACT",
        lambda s: s.market["date"] > s.terms["last_trade_date"] or bool(s.account["live"] and s.terms["continuous"]),
    ),
    ("LAST_SESSION", lambda s: s.market["date"] == s.terms["last_trade_date"]),
    ("LAST_ENTRY", lambda s: s.market["now_ns"] >= s.market["last_entry_ns"]),
    ("BLACKOUT", lambda s: any(start <= s.market["now_ns"] < end for start, end in s.blackouts)),
]


def _calm_or_wild(s: Situation) -> bool:
    atr, last = _number(s.market["atr_ticks"]), s.desk["mark"]
    return not (_limit(s, "min_atr_fraction") * last <= atr <= _limit(s, "max_atr_fraction") * last)


def _stale(s: Situation) -> bool:
    ages = (s.market["now_ns"] - s.market[name] for name in ("feed_ns", "quote_ns"))
    return not all(0 <= age <= s.limits["stale_feed_after_ns"] for age in ages)


THE_MARKET: list[Rule] = [
    ("MARKET_PHASE", lambda s: s.market["phase"] != CONTINUOUS_TRADING),
    ("CLOCK_SKEW", lambda s: abs(s.market["skew_ns"]) > s.limits["max_clock_skew_ns"]),
    ("VOLATILITY", _calm_or_wild),
]
