"""What the desks of an account did, written into a journal as it happens, and counted."""

import datetime as dt
import hashlib
import sys
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from features.monitor import dead_column, unusual_columns
from live.journal_writer import JournalWriter
from market.wording import count_of
from registry.installed import Opened
from trading.desk import DECISIONS, FILLS, ORDERS
from trading.journal import Kind, json_payload
from trading.paper import Trader
from trading.records import OrderRole, OrderState, RefusalReason, TradingState

_INCREASES_EXPOSURE = (OrderState.PENDING_NEW, OrderState.ACCEPTED)


@dataclass(frozen=True)
class Outcome:
    """What the runner did, all desks together; `contract` and `model_digest` (the last one's) are joined by a plus."""

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


class Past(NamedTuple):
    """What a desk had recorded up to an earlier moment."""

    decisions: np.ndarray
    orders: np.ndarray
    fills: np.ndarray


class Shown(Protocol):
    """What can be read of a desk's running session: as many records as there are."""

    @property
    def decisions(self) -> np.ndarray: ...

    @property
    def orders(self) -> np.ndarray: ...

    @property
    def fills(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Change:
    """Another bundle decides, from the moment on at which a desk had recorded this much.

    Parameters
    ----------
    digest : str
    counts : ndarray of int64
        As `Desk.counts`; no order was open.
    """

    digest: str
    counts: np.ndarray

    def before(self, shown: Shown) -> Past:
        """Return what of a desk the earlier bundle did."""
        decisions, orders, fills = (int(self.counts[place]) for place in (DECISIONS, ORDERS, FILLS))
        return Past(shown.decisions[:decisions], shown.orders[:orders], shown.fills[:fills])


@dataclass
class Written:
    """How much of a desk's running session is in the journal, and the change of bundle that is not yet."""

    decisions: int = 0
    fills: int = 0
    orders: bytes = b""
    change: Change | None = None


class Recorder:
    """Writes what desks do into the journal: decisions and fills once, orders at every change of state."""

    def __init__(self, journal: JournalWriter) -> None:
        self._journal = journal
        self._hash = hashlib.sha256()
        self._session: dict[str, Any] = {}
        self.events = 0
        self.decisions = 0
        self.orders = 0
        self.fills = 0

    def begin(self, mode: str, feed: str, day: dt.date, digest: str) -> None:
        """Say which session starts, who brings its events, and with which bundle."""
        self._session = {"mode": mode, "feed": feed, "day": day.isoformat(), "bundle": digest}
        self._journal.append(Kind.SESSION, json_payload(self._session))

    def close(self, day: dt.date) -> None:
        """Say that the session was followed to its close."""
        self._journal.append(Kind.CLOSE, json_payload({"day": day.isoformat()}))
        self._journal.sync()

    def take(self, shown: Shown, written: Written) -> None:
        """Write what of a desk is new since the last call; what another bundle does stands behind its own SESSION."""
        if written.change is not None:
            change, written.change = written.change, None
            self._take(change.before(shown), written)
            self._session |= {"bundle": change.digest, "first_decision": int(change.counts[DECISIONS])}
            self._journal.append(Kind.SESSION, json_payload(self._session))
            self._journal.sync()
        self._take(shown, written)

    def _take(self, shown: Shown, written: Written) -> None:
        decisions, fills = shown.decisions[written.decisions :], shown.fills[written.fills :]
        if len(decisions):
            self._hash.update(decisions.tobytes())
            self._journal.append(Kind.DECISION, decisions.tobytes())
        self._take_orders(shown.orders, written)
        if len(fills):
            self._journal.append(Kind.FILL, fills.tobytes())
        self.decisions, written.decisions = self.decisions + len(decisions), written.decisions + len(decisions)
        self.fills, written.fills = self.fills + len(fills), written.fills + len(fills)

    def _take_orders(self, orders: np.ndarray, written: Written) -> None:
        if orders.tobytes() == written.orders:
            return
        known = np.frombuffer(written.orders, dtype=orders.dtype)
        for place, order in enumerate(orders):
            if place < len(known) and order == known[place]:
                continue
            self._journal.append(Kind.ORDER, order.tobytes())
            self.orders += 1
            if order["role"] == OrderRole.ENTRY and order["state"] in _INCREASES_EXPOSURE:
                self._journal.sync()
        written.orders = orders.tobytes()

    def note_inputs(self, trader: Trader, day: dt.date) -> None:
        """Write which inputs were unlike those of training, and the one that stands still."""
        monitor, band = trader.core.monitor, trader.core.model.band
        for one in unusual_columns(trader.schema, monitor, band):
            told = {"column": one.column, "statistic": one.statistic, "value": one.value}
            self.note({"alarm": "unusual input", **told, "band": f"{one.low:g} to {one.high:g}"}, day)
        dead = dead_column(monitor, band)
        if dead >= 0:
            self.note({"alarm": "dead input", "column": trader.schema.columns[dead]}, day)

    def note_risk(self, budget: np.void, day: dt.date) -> None:
        """Write what of the session's risk an operator must read."""
        named = {"drawdown_alert": "drawdown", "rate_alarm": "messages beyond the rates"}
        for name, what in named.items():
            if budget[name]:
                self.note({"alarm": what}, day)
        if budget["trading_state"] != TradingState.ACTIVE:
            state, reason = TradingState(budget["trading_state"]).name, RefusalReason(budget["halt_reason"]).name
            self.note({"alarm": "trading state", "state": state, "reason": reason}, day)

    def note(self, fields: dict[str, Any], day: dt.date) -> None:
        """Write what an operator should read later."""
        self._journal.append(Kind.NOTE, json_payload(fields | {"day": day.isoformat()}))

    def alarm(self, sentence: str, day: dt.date) -> None:
        """Say and write what an operator must read now; it is said even where the disk refuses."""
        sys.stderr.write(f"pregao: {sentence}\n")
        self.note({"alarm": sentence}, day)

    def sync(self) -> None:
        """Return once everything written is on disk."""
        self._journal.sync()

    def outcome(self, account: Opened, sessions: int) -> Outcome:
        """Return what was done."""
        traders = [seat.trader for seat in account.seats]
        return Outcome(
            contract=account.contract,
            sessions=sessions,
            events=self.events,
            decisions=self.decisions,
            orders=self.orders,
            fills=self.fills,
            position=sum(abs(int(trader.account[0]["position"])) for trader in traders),
            net_reais=round(float(traders[0].budget[0]["equity"]), 2),
            decision_hash=self._hash.hexdigest(),
            model_digest=self._session["bundle"],
            journal=str(self._journal.path),
        )


def left_open(position: int, working: int) -> str:
    """Return what a person has to see to after a run, by position and orders that may still fill; empty for nothing."""
    found = [f"{position} open"] if position else []
    found += [f"{count_of(working, 'order')} that may still fill"] if working else []
    if not found:
        return ""
    return (
        f"position: expected a flat account at the end, found {' and '.join(found)}; "
        "see to it at the broker, or on paper start again before the close"
    )
