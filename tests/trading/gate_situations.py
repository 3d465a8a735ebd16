"""Situations for the gate: the plain values an oracle reads, and the records of the same."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from market.instruments import FUTURES
from tests.factories import MINUTE_NS, OPEN_NS, WIN
from tests.trading.oracle_gate import Situation
from tests.trading.scenarios import COSTS
from trading.core import Capacity, new_desk
from trading.desk import BLACKOUTS, BRACKET, ROOM_FILLS, ROOM_ORDERS, ROOM_REQUESTS, Desk
from trading.policy import RiskLimits
from trading.records import (
    ACCOUNT,
    BUDGET,
    LIMITS,
    MARKET,
    NEVER,
    TERMS,
    BracketState,
    OrderRole,
    OrderType,
    Stage,
    TradingState,
)
from trading.requests import REQUEST, RequestKind

NOW_NS, CLOSE_NS = OPEN_NS + 60 * MINUTE_NS, OPEN_NS + 540 * MINUTE_NS
LAST_ENTRY_NS = CLOSE_NS - 60 * MINUTE_NS
TODAY = OPEN_NS // (24 * 60 * MINUTE_NS)
MOST = RiskLimits(max_position=3, stop_min_ticks=4, stop_max_ticks=100)
Changes = Mapping[str, Any]


def plain_limits(limits: RiskLimits) -> dict[str, Any]:
    """Return limits as an oracle reads them: by name, times in nanoseconds."""
    record = limits.record()
    return {name: record[name][0].item() for name in LIMITS.names or ()}


_BASE = Situation(
    request={
        "ts_ns": NOW_NS, "order": 1, "decision": 0, "quantity": 2, "price": 0, "stop_price": 0, "stop_distance": 20,
        "target_distance": 30, "instrument": WIN, "kind": int(RequestKind.NEW), "role": int(OrderRole.ENTRY), "side": 1,
        "type": int(OrderType.MARKET),
    },
    desk={"position": 0, "pending": 0, "mark": 10_000, "trading_state": int(TradingState.ACTIVE)},
    bracket={"state": int(BracketState.FLAT)},
    terms={"tick_value": 1.0, "instrument": WIN, "lot": 1, "last_trade_date": NEVER, "place": 0, "continuous": 0},
    market={
        "now_ns": NOW_NS, "feed_ns": NOW_NS, "quote_ns": NOW_NS, "close_ns": CLOSE_NS,
        "last_entry_ns": LAST_ENTRY_NS,
        "flatten_ns": CLOSE_NS - 30 * MINUTE_NS, "skew_ns": 0, "atr_ticks": 8.0, "bid": 9_999, "ask": 10_000,
        "date": TODAY, "events": 1, "phase": 0,
    },
    account={
        "equity": 0.0, "peak": 0.0, "session_equity": 0.0, "trading_state": int(TradingState.ACTIVE), "live": 0,
        "stage": int(Stage.PAPER), "messages_before": 0, "trades_today": 0,
    },
    limits=plain_limits(MOST),
)  # fmt: skip


def situation(changes: Changes | None = None) -> Situation:
    """Return a request that passes, and what it is judged by, with values changed: parts of a mapping, or a list."""
    made = copy.deepcopy(_BASE)
    for part, values in (changes or {}).items():
        if isinstance(values, Mapping):
            getattr(made, part).update(values)
        else:
            setattr(made, part, values)
    return made


def records_of(s: Situation) -> tuple[Desk, np.ndarray]:
    """Return the desk and the request of a situation."""
    parts = {
        "account": (ACCOUNT, s.desk), "limits": (LIMITS, s.limits), "terms": (TERMS, s.terms),
        "market": (MARKET, s.market), "request": (REQUEST, s.request), "budget": (BUDGET, s.account),
        "bracket": (BRACKET, s.bracket),
    }  # fmt: skip
    made = {name: np.zeros(1, dtype=dtype) for name, (dtype, _) in parts.items()}
    for name, (_, values) in parts.items():
        for key, value in values.items():
            made[name][key] = value
    budget = made["budget"]
    for name in ("messages", "entries", "rejects"):
        _write_ring(budget, name, getattr(s, name))
    for won in s.won:
        budget["outcomes"] = budget["outcomes"] << 1 | won
    budget["closed_today"] = len(s.won)
    budget["desk_exposure"][0, 1 : 1 + len(s.others_notional)] = s.others_notional
    blackouts = np.zeros((BLACKOUTS, 2), dtype=np.int64)
    blackouts[: len(s.blackouts)] = s.blackouts or np.zeros((0, 2))
    request = made.pop("request")
    desk = new_desk(RiskLimits(), FUTURES["WIN"], COSTS, Capacity(1, ROOM_ORDERS, ROOM_FILLS, ROOM_REQUESTS))
    return desk._replace(blackouts=blackouts, **made), request


def _write_ring(budget: np.ndarray, name: str, times: Iterable[int]) -> None:
    ring = budget[f"{name}_ns"][0]
    for count, time in enumerate(times):
        ring[count % ring.size] = time
        budget[name] = count + 1
