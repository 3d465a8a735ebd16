"""A desk with one account, and a venue behind it that fills, refuses, delays and repeats as it is told."""

from dataclasses import dataclass, field

import numpy as np

from market.costs import Costs
from market.instruments import FUTURES
from tests.factories import OPEN_NS, WDO
from tests.trading.oracle_orders import Said
from trading.bracket import follow, take_report, tick
from trading.core import Capacity, begin_desk, new_desk
from trading.desk import FILLS, ORDERS, REQUESTS, Desk
from trading.exits import ExitParams
from trading.orders import add_order, send_new
from trading.policy import RiskLimits
from trading.records import BracketState, OrderRole, OrderState, RefusalReason
from trading.requests import REPORT, Refusal, RequestKind

SECOND_NS = 1_000_000_000
START = 10_000
MOST = 10  # contracts
# Orders and brackets are tested here, not limits.
WIDE = RiskLimits(
    capital_reais=1e9, max_position=MOST, max_order_quantity=MOST, max_trades_per_day=1000, max_order_reais=1e9,
    max_exposure_reais=1e9, min_reward_risk=0.01, max_messages_per_second=1024, max_messages_per_minute=1024,
    max_messages_per_day=1_000_000, halt_at_identical_orders=1000, max_entries_per_10_minutes=64,
    stop_at_rejects_per_minute=64, win_rate_trades=62, min_win_rate=1e-9,
)  # fmt: skip
Request = tuple[str, int, str, int, int, int, int]  # kind, order id, role, side, quantity, limit, trigger


def build_desk(exits: ExitParams | None = None, capacity: Capacity | None = None) -> Desk:
    """Return a WDO desk of up to MOST contracts, the last price at START."""
    desk = new_desk(WIDE, FUTURES["WDO"], Costs(0.25, 0.0), capacity or Capacity(8, 512, 512))
    begin_desk(desk, OPEN_NS, OPEN_NS + 10**6 * SECOND_NS, False)
    desk.account["mark"], desk.market["atr_ticks"] = START, 8.0
    if exits is not None:
        desk.exits[:] = exits.record()
    return desk


def send_entry(desk: Desk, side: int, quantity: int, stop: int = 8, target: int = 12) -> None:
    """Send an entry at market with its bracket."""
    place = add_order(desk, int(OrderRole.ENTRY), side, quantity, 7)
    desk.orders[place]["stop_distance"], desk.orders[place]["target_distance"] = stop, target
    send_new(desk, place)
    follow(desk)


def tell(desk: Desk, order: int, said: Said) -> None:
    """Give the desk a report on an order."""
    report = np.zeros(1, dtype=REPORT)
    report["order"], report["number"], report["state"] = order, said.number, OrderState[said.state]
    report["filled"], report["notional"], report["quantity"] = said.filled, said.notional, said.quantity
    report["price"], report["stop_price"], report["refused"] = said.price, said.stop, said.refused
    report["reason"] = Refusal[said.reason]
    report["kind"] = RequestKind[said.answers] if said.answers else 0
    report["instrument"], report["ts_ns"] = said.instrument, desk.market[0]["now_ns"]
    take_report(desk, report[0])


def pass_time(desk: Desk, seconds: float, mark: int | None = None) -> None:
    """Let time pass on the desk, at a price."""
    if mark is not None:
        desk.account["mark"] = mark
    tick(desk, int(desk.market[0]["now_ns"]) + round(seconds * SECOND_NS))


def sent(desk: Desk, since: int = 0) -> list[Request]:
    """Return the requests sent from a number on."""
    found = []
    for one in desk.requests[since : desk.counts[REQUESTS]]:
        role, kind = OrderRole(one["role"]).name, RequestKind(one["kind"]).name
        terms = (int(one["quantity"]), int(one["price"]), int(one["stop_price"]))
        found.append((kind, int(one["order"]), role, int(one["side"]), *terms))
    return found


def states(desk: Desk) -> list[str]:
    """Return the state of each order."""
    return [OrderState(code).name for code in desk.orders["state"][: desk.counts[ORDERS]]]


def stands(desk: Desk) -> BracketState:
    """Return where the bracket stands."""
    return BracketState(desk.bracket[0]["state"])


def blamed(desk: Desk) -> str:
    """Return what halted the desk, empty where nothing did."""
    fault = RefusalReason(desk.bracket[0]["fault"])
    return "" if fault is RefusalReason.NONE else fault.name


def position(desk: Desk) -> int:
    """Return the position; it must be the sum of the recorded fills."""
    fills = desk.fills[: desk.counts[FILLS]]
    held = int((fills["side"].astype(int) * fills["quantity"]).sum())
    assert held == desk.account[0]["position"]
    return held


@dataclass
class Resting:
    """An order as it truly is at the venue."""

    role: str
    side: int
    terms: tuple[int, int, int]
    filled: int = 0
    notional: int = 0
    state: str = "ACCEPTED"

    def works(self) -> bool:
        return self.state in ("ACCEPTED", "PARTIALLY_FILLED")


@dataclass
class Venue:
    """The truth, and what it has told: `outbox` holds reports that have not arrived yet."""

    orders: dict[int, Resting] = field(default_factory=dict)
    outbox: list[tuple[int, Said]] = field(default_factory=list)
    told: int = 0

    def take(self, request: Request, refuse: bool = False, reason: str = "NONE") -> None:
        """Take one request, or refuse it for a reason (a Refusal's name)."""
        kind, number, role, side, *terms = request
        if kind == "NEW":
            self.orders[number] = Resting(role, side, tuple(terms), state="REJECTED" if refuse else "ACCEPTED")  # type: ignore[arg-type]
            return self.say(number, "NEW", refuse, reason=reason if refuse else "NONE")
        order = self.orders.get(number)
        if order is None:
            return None
        below = kind == "REPLACE" and terms[0] <= order.filled
        if refuse or not order.works() or below:
            return self.say(number, kind, True, reason=reason if refuse else "QUANTITY" if below else "NOT_WORKING")
        if kind == "CANCEL":
            order.state = "CANCELED"
        else:
            order.terms = tuple(terms)  # type: ignore[assignment]
        return self.say(number, kind)

    def fill(self, number: int, quantity: int, price: int) -> None:
        """Fill some of an order."""
        order = self.orders[number]
        order.filled += quantity
        order.notional += quantity * price
        order.state = "FILLED" if order.filled == order.terms[0] else "PARTIALLY_FILLED"
        self.say(number)

    def say(self, number: int, answers: str = "", refused: bool = False, **other: object) -> None:
        """Put a report on an order into the outbox; `other` replaces what is true."""
        self.told += 1
        order = self.orders[number]
        fields = {"state": order.state, "filled": order.filled, "notional": order.notional, "instrument": WDO} | other
        quantity, price, stop = order.terms
        said = Said(
            self.told, quantity=quantity, price=price, stop=stop, answers=answers, refused=refused, **fields  # type: ignore[arg-type]
        )  # fmt: skip
        self.outbox.append((number, said))
