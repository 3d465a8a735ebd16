"""The process that holds the one connection: it takes steps through the binding and prints what each found.

python -m tests.contract.desk MODULE STEPS...

Every step of the named lists prints one line of JSON, its name and what it found, as soon as it has found it: what a
process told before it died stays told.
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from live.profitdll.accounts import Account, AccountParams, Accounts, contract
from live.profitdll.connection import Connection, ConnectionParams, connect
from live.profitdll.credentials import Credentials, Secret, find_credentials
from live.profitdll.market import Market
from live.profitdll.notices import NoticeKind
from live.profitdll.order_codes import PositionType
from live.profitdll.order_details import OrderDetails, Position, order_details, position
from live.profitdll.orders import Orders, Sent, Terms
from live.profitdll.standin.wire import attach
from live.ring import Reader
from market.errors import PregaoError, SafetyRefusal
from market.home import Home
from market.types import EVENT, Kind
from trading.records import OrderState

PATIENCE_S = 10.0
SIMULATOR_MARK = "simul"  # stands in the name by which a simulator's broker announces itself


class Desk:
    """One login, with the account, the contract and the moments of the recorded session that the environment names."""

    def __init__(self) -> None:
        self.home = Home(Path(os.environ["PREGAO_HOME"]))
        self.ticker = os.environ["PREGAO_CONTRACT_TICKER"]
        self.day = date.fromisoformat(os.environ["PREGAO_CONTRACT_DAY"])
        self.moments: dict[str, int] = json.loads(os.environ.get("PREGAO_CONTRACT_MOMENTS", "{}"))
        named = os.environ.get("PREGAO_STANDIN")
        self.wire = attach(Path(named)) if named else None
        self.accounts, self.notices = Accounts(), list[np.ndarray]()
        self.now_s = [0.0]  # of the alarms' clock
        self.heard = np.zeros(0, dtype=EVENT)
        self.orders: Orders | None = None

    # the connection

    def login(self, routing: bool = True, **secrets: str) -> Connection:
        """Log in; `secrets` replace what the environment names."""
        library = Path(os.environ["PREGAO_PROFITDLL"])
        sizes = {"events": 1 << 17, "notices": 1 << 14, "history": 1 << 16}
        patience_s = float(os.environ.get("PREGAO_CONTRACT_PATIENCE_S", "90"))
        params = ConnectionParams(library, routing=routing, patience_s=patience_s, **sizes)
        found = find_credentials(routing=routing)
        changed = {name: Secret(text) for name, text in secrets.items()}
        return connect(self.home, params, Credentials(**(vars(found) | changed)))

    @cached_property
    def connection(self) -> Connection:
        """The one login of this process."""
        return self.login()

    @cached_property
    def market(self) -> Market:
        """The subscriptions."""
        return Market(self.connection, self.day, clock=lambda: self.now_s[0])

    @cached_property
    def events(self) -> Reader:
        """The reader of the events' ring."""
        return Reader(self.connection.events, keeps=True)

    def patience_s(self, standin: float, vendor: float) -> float:
        """Return how long to wait."""
        return standin if self.wire is not None else vendor

    def wait(self, what: Callable[[], Any], seconds: float = PATIENCE_S) -> bool:
        """Listen until something holds; return whether it came to hold."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if what():
                return True
            self.listen()
            time.sleep(0.002)
        return bool(what())

    def listen(self) -> None:
        """Take the notices and events that came, and give them to all that hear them."""
        found = self.connection.reader.take()
        if found.size:
            self.notices.append(found)
            self.accounts.hear(found)
            self.market.hear(found)
            if self.orders is not None:
                self.orders.hear(found)
        self.heard = np.concatenate((self.heard, self.events.take()))

    def take(self) -> np.ndarray:
        """Return the events since the last call."""
        self.listen()
        found, self.heard = self.heard, self.heard[:0]
        return found

    def take_events(self) -> list[Any]:
        """Return the events since the last call, as rows."""
        return list(self.take().tolist())

    def told(self, kind: NoticeKind) -> np.ndarray:
        """Return the notices of a kind so far."""
        found = np.concatenate([*self.notices, np.zeros(0, dtype=self.connection.notices.record)])
        return found[found["kind"] == kind]

    # the recorded session

    def reach(self, moment: str) -> None:
        """Let the venue serve up to a moment of the recorded session; a real market goes on by itself."""
        if self.wire is None:
            return
        count = self.moments[moment]
        self.wire.header["released"] = count
        served = self.wait(lambda: int(self.wire.header["served"][0]) >= count)  # type: ignore[union-attr]
        assert served, f"{moment}: the venue did not serve {count} events"
        self.settle()

    def settle(self) -> None:
        """Wait until all that was sent has been told."""
        head, tail = (lambda name: int(self.wire.header[name][0]) for _ in range(2))  # type: ignore[index]
        if self.wire is not None:
            assert self.wait(lambda: head("event_head") == tail("event_tail"))
            self.listen()

    # orders

    @cached_property
    def traded(self) -> Any:
        """The contract that orders name."""
        return contract(self.ticker)

    def confirm(self, params: AccountParams | None = None) -> Account:
        """Return the account of the environment, or another; nothing else than a simulator is ever confirmed here."""
        params = params or AccountParams(
            int(os.environ["PREGAO_CONTRACT_BROKER"]),
            os.environ["PREGAO_CONTRACT_ACCOUNT"],
            os.environ["PREGAO_CONTRACT_SIMULATOR"],
        )
        if SIMULATOR_MARK not in params.broker_name.lower():
            raise SafetyRefusal(f"{params}: expected a simulator's account, found another; name the simulator")
        key = params.broker_id, params.account_id
        self.wait(lambda: key in self.accounts.names, self.patience_s(5, 60))
        return self.accounts.confirm(params)

    @cached_property
    def account(self) -> Account:
        """The simulator's account."""
        return self.confirm()

    def open_orders(self, **secrets: str) -> Orders:
        """Return requests in the simulator's name; `routing_password` replaces that of the environment."""
        found = find_credentials(routing=True).routing_password
        assert found is not None
        password = Secret(secrets["routing_password"]) if secrets else found
        self.orders = Orders(self.connection, self.account, password, clock=lambda: self.now_s[0])
        return self.orders

    def send(self, side: int, quantity: int, limit: int | None = None, trigger: int | None = None) -> Sent:
        """Send an order in the contract."""
        return (self.orders or self.open_orders()).send(self.traded, Terms(side, quantity, limit, trigger))

    def read(self, sent: Sent) -> OrderDetails | None:
        """Read an order back."""
        return order_details(self.connection.library, sent.local_id)

    def reach_state(self, sent: Sent, *states: OrderState, seconds: float = 5.0) -> dict[str, Any]:
        """Wait until an order reads back in one of some states; return how it reads then, or in the end."""

        def there() -> bool:
            found = self.read(sent)
            return found is not None and found.state in states

        self.wait(there, seconds)
        return told_of(self.read(sent))

    def position(self) -> Position:
        """Read the position in the contract."""
        return position(self.connection.library, self.account, self.traded, PositionType.DAY_TRADE)

    def best(self, side: int) -> int:
        """Return the best price of a side, ticks, as last told."""
        self.listen()
        quotes = self.heard[(self.heard["kind"] == Kind.QUOTE_SIDE) & (self.heard["side"] == side)]
        return int(quotes["price"][-1])


def told_of(found: OrderDetails | None) -> dict[str, Any]:
    """Return what cards look at of an order."""
    if found is None:
        return {"state": None}
    return {**vars(found), "state": int(found.state)}


def refusal(function: Callable[[], Any]) -> list[str]:
    """Return the type and sentence of the error that a call raises, or what it returned."""
    try:
        return ["", repr(function())]
    except PregaoError as error:
        return [type(error).__name__, str(error)]


def play(desk: Desk, steps: Sequence[Callable[[Desk], Any]]) -> None:
    """Take steps; one that fails says so, and the next one goes on."""
    for step in steps:
        try:
            found = step(desk)
        except Exception:
            found = {"error": traceback.format_exc()}
        print(json.dumps([step.__name__, found]), flush=True)  # noqa: T201


def main() -> None:
    module = importlib.import_module(sys.argv[1])
    desk = Desk()
    for name in sys.argv[2:]:
        play(desk, getattr(module, name))
    with suppress(PregaoError):
        if "connection" in vars(desk):
            desk.connection.close()
    os._exit(0)  # the library's thread may still be calling


if __name__ == "__main__":
    main()
