"""The runner's loop over recorded sessions: one event at a time, through the compiled path, into the journal."""

import datetime as dt
import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from features.monitor import dead_column, unusual_columns
from live.journal_writer import JournalWriter
from market.home import Home
from registry.installed import Named, Opened, open_account
from trading.desks import Seat, begin_day
from trading.journal import Kind, json_payload
from trading.paper import Trader
from trading.records import OrderRole, OrderState, RefusalReason, TradingState

_INCREASES_EXPOSURE = (OrderState.PENDING_NEW, OrderState.ACCEPTED)


@dataclass(frozen=True)
class Replayed:
    """What the runner did, all desks together; `contract` and `model_digest` are joined by a plus."""

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


def replay(home: Home, named: Named, journal: Path | None = None) -> Replayed:
    """Trade recorded sessions on paper with verified bundles, one account for all.

    Raises what `registry.installed.open_account` raises.
    """
    account = open_account(home, named)
    days = account.days
    path = journal or home.journal / f"replay-{account.contract}-{days[0]}-{days[-1]}-{os.getpid()}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    with JournalWriter(path) as written:
        recorder = Recorder(written)
        for day in days:
            started = {"mode": "replay", "day": day.isoformat(), "bundle": account.digest}
            written.append(Kind.SESSION, json_payload(started))
            recorder.run_day(account.seats, day)
    return recorder.summary(account, path)


class Recorder:
    """Writes what the traders of an account do into the journal, as it happens, and counts it."""

    def __init__(self, journal: JournalWriter) -> None:
        self._journal = journal
        self._hash = hashlib.sha256()
        self.events = 0
        self.decisions = 0
        self.orders = 0
        self.fills = 0

    def run_day(self, seats: Sequence[Seat], day: dt.date) -> None:
        """Replay one session event by event."""
        begun = begin_day(seats, day)
        written = [_Written() for _ in begun.seats]
        self.events += sum(len(records) for records in begun.records)
        for place in begun.course.order.tolist():
            for acted in range(len(written)) if begun.step(place) else (place,):
                self._record(begun.seats[acted].trader, written[acted])
        for seat, seen in zip(begun.seats, written, strict=True):
            self._record(seat.trader, seen)
            self._alarm(seat.trader, day)
        for fields in _risk_alarms(begun.seats[0].trader.budget[0]):
            self._note(fields, day)
        self._journal.sync()

    def _record(self, trader: Trader, seen: "_Written") -> None:
        """Journal what is new: decisions and fills once, orders at every change of state."""
        made, filled = len(trader.decisions), len(trader.fills)
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
        for fields in told:
            self._note(fields, day)

    def _note(self, fields: dict[str, Any], day: dt.date) -> None:
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

    def summary(self, account: Opened, path: Path) -> Replayed:
        """Return what was done."""
        traders = [seat.trader for seat in account.seats]
        return Replayed(
            contract=account.contract,
            sessions=len(account.days),
            events=self.events,
            decisions=self.decisions,
            orders=self.orders,
            fills=self.fills,
            position=sum(abs(int(trader.account[0]["position"])) for trader in traders),
            net_reais=round(float(traders[0].budget[0]["equity"]), 2),
            decision_hash=self._hash.hexdigest(),
            model_digest=account.digest,
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
