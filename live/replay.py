"""The runner's loop over recorded sessions: one event at a time, through the compiled path, into the journal."""

import datetime as dt
import hashlib
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from features.monitor import dead_column, unusual_columns
from live.journal_writer import JournalWriter
from market.home import Home
from market.stream import Feed
from registry.bundle import Bundle
from registry.installed import open_bundle
from trading.journal import Kind, json_payload
from trading.paper import Trader, begin_session, end_session, step
from trading.policy import RiskLimits
from trading.records import OrderRole, OrderState, RefusalReason, TradingState

_INCREASES_EXPOSURE = (OrderState.PENDING_NEW, OrderState.ACCEPTED)


@dataclass(frozen=True)
class Request:
    """What to replay, under which limits; what is not named is taken from the bundle."""

    bundle: Path | None = None
    contract: str | None = None
    first: dt.date | None = None
    last: dt.date | None = None
    journal: Path | None = None
    limits: RiskLimits = field(default_factory=RiskLimits)


@dataclass(frozen=True)
class Replayed:
    """What the runner did."""

    contract: str
    sessions: int
    events: int
    decisions: int
    orders: int
    fills: int
    position: int
    net_reais: float
    decision_hash: str
    model_digest: str
    journal: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


def replay(home: Home, request: Request) -> Replayed:
    """Trade recorded sessions on paper with a verified bundle.

    Raises what `registry.installed.open_bundle` raises.
    """
    span = (request.first, request.last)
    bundle, feed, days, trader = open_bundle(home, request.bundle, request.contract, span, request.limits)
    path = request.journal or home.journal / f"replay-{feed.contract}-{days[0]}-{days[-1]}-{os.getpid()}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    with JournalWriter(path) as journal:
        recorder = Recorder(journal)
        for day in days:
            started = {"mode": "replay", "day": day.isoformat(), "bundle": bundle.digest}
            journal.append(Kind.SESSION, json_payload(started))
            recorder.run_day(trader, feed, day)
    return recorder.summary(trader, bundle, feed.contract, len(days), path)


class Recorder:
    """Writes what the trader does into the journal, as it happens, and counts it."""

    def __init__(self, journal: JournalWriter) -> None:
        self._journal = journal
        self._hash = hashlib.sha256()
        self._session = _Written()
        self.events = 0
        self.decisions = 0
        self.orders = 0
        self.fills = 0

    def run_day(self, trader: Trader, feed: Feed, day: dt.date) -> None:
        """Replay one session event by event."""
        begin_session(trader, feed, day)
        self._session = _Written()
        for record in feed.load(day):
            self.events += 1
            step(trader, record)
            self._record(trader)
        end_session(trader)
        self._record(trader)
        self._alarm(trader, day)
        self._journal.sync()

    def _record(self, trader: Trader) -> None:
        """Journal what is new: decisions and fills once, orders at every change of state."""
        seen, made, filled = self._session, len(trader.decisions), len(trader.fills)
        if made > seen.decisions:
            payload = trader.decisions[seen.decisions : made].tobytes()
            self._hash.update(payload)
            self._journal.append(Kind.DECISION, payload)
            self.decisions += made - seen.decisions
            seen.decisions = made
        self._record_orders(trader.orders, seen)
        if filled > seen.fills:
            self._journal.append(Kind.FILL, trader.fills[seen.fills : filled].tobytes())
            self.fills += filled - seen.fills
            seen.fills = filled

    def _alarm(self, trader: Trader, day: dt.date) -> None:
        """Journal what an operator must read: inputs unlike those of training, and the one that stands still."""
        monitor, band = trader.core.monitor, trader.core.model.band
        told: list[dict[str, Any]] = [
            {
                "alarm": "unusual input", "column": one.column, "statistic": one.statistic, "value": one.value,
                "band": f"{one.low:g} to {one.high:g}",
            }
            for one in unusual_columns(trader.schema, monitor, band)
        ]  # fmt: skip
        dead = dead_column(monitor, band)
        if dead >= 0:
            told.append({"alarm": "dead input", "column": trader.schema.columns[dead]})
        told += _risk_alarms(trader.budget[0])
        for fields in told:
            self._journal.append(Kind.NOTE, json_payload(fields | {"day": day.isoformat()}))

    def _record_orders(self, orders: np.ndarray, seen: "_Written") -> None:
        if orders.tobytes() == seen.orders:
            return
        known = np.frombuffer(seen.orders, dtype=orders.dtype)
        for place, order in enumerate(orders):
            if place < len(known) and order == known[place]:
                continue
            self._journal.append(Kind.ORDER, order.tobytes())
            self.orders += 1
            if order["role"] == OrderRole.ENTRY and order["state"] in _INCREASES_EXPOSURE:
                self._journal.sync()
        seen.orders = orders.tobytes()

    def summary(self, trader: Trader, bundle: Bundle, contract: str, sessions: int, path: Path) -> Replayed:
        """Return what was done."""
        return Replayed(
            contract=contract,
            sessions=sessions,
            events=self.events,
            decisions=self.decisions,
            orders=self.orders,
            fills=self.fills,
            position=int(trader.account[0]["position"]),
            net_reais=round(float(trader.account[0]["equity"]), 2),
            decision_hash=self._hash.hexdigest(),
            model_digest=bundle.digest,
            journal=str(path),
        )


def _risk_alarms(budget: np.void) -> list[dict[str, Any]]:
    """Return what of the session's risk an operator must read."""
    named = {"drawdown_alert": "drawdown", "rate_alarm": "messages beyond the rates"}
    told = [{"alarm": what} for name, what in named.items() if budget[name]]
    if budget["trading_state"] != TradingState.ACTIVE:
        state, reason = TradingState(budget["trading_state"]).name, RefusalReason(budget["halt_reason"]).name
        told.append({"alarm": "trading state", "state": state, "reason": reason})
    return told


@dataclass
class _Written:
    """How much of the running session is in the journal."""

    decisions: int = 0
    fills: int = 0
    orders: bytes = b""
