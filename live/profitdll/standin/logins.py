"""Logins: who is let in, in which order the connections come up, accounts, and orders of earlier sessions."""

from typing import TYPE_CHECKING

import numpy as np

from live.profitdll.standin.rings import store_row
from live.profitdll.standin.wire import WIRE_ACCOUNT, EventKind, get_text, put_text

if TYPE_CHECKING:
    from live.profitdll.standin.venue import VenueProcess

LOGIN, ROUTING, MARKET_DATA, ACTIVATION = range(4)  # connection types
CONNECTED, INVALID, INVALID_PASSWORD = range(3)  # results of a login
MARKET_CONNECTED, BROKER_CONNECTED = 4, 5


class Logins:
    """The doorkeeper of a venue."""

    def __init__(self, venue: "VenueProcess") -> None:
        self._venue = venue
        self.with_routing = False
        self.orders_hidden_ms = 0

    def write_accounts(self) -> None:
        """Write the table of accounts."""
        wire = self._venue.wire
        for place, account in enumerate(self._venue.settings.accounts):
            row = np.zeros(1, dtype=WIRE_ACCOUNT)
            row["broker"], row["visible"], row["flags"] = account.broker, 1, 2
            for name in ("broker_name", "account", "owner"):
                put_text(row[name][0], getattr(account, name))
            store_row(wire.accounts, place, row[0])
            wire.header["accounts"] = place + 1

    def take(self, request: np.ndarray) -> None:
        """Take a login: refuse it, or bring the connections up."""
        venue, settings = self._venue, self._venue.settings
        session = int(request["session"][0])
        venue.forget_library()
        venue.feed["session"] = session
        venue.outbox.begin(session)
        venue.broker.table.adopt(session)
        venue.wire.header["logins"] += 1
        self.with_routing = bool(request["side"][0])
        venue.broker.routing_up = venue.broker.broker_up = False
        key, user, password = (get_text(units) for units in request["text"][0][:3])
        if key != settings.key or settings.activation_result:
            self.state(ACTIVATION, settings.activation_result or INVALID)
            self.state(LOGIN, INVALID)
            return
        if settings.login_result or (user, password) != (settings.user, settings.password):
            self.state(LOGIN, settings.login_result or INVALID_PASSWORD)
            return
        self.state(LOGIN, CONNECTED)
        self.state(ACTIVATION, 0)
        self.connect_market()
        if self.with_routing:
            self.connect_routing()
        venue.disorder.begin_at("login", int(venue.wire.header["logins"][0]))

    def state(self, connection: int, result: int) -> None:
        """Tell a state of a connection."""
        header = self._venue.wire.header
        if connection == MARKET_DATA:
            header["market_state"] = result
        elif connection == ROUTING:
            header["routing_state"] = result
        self._venue.outbox.say(EventKind.STATE, number=connection, quantity=result)

    def connect_market(self) -> None:
        """Bring market data up, as far as the settings let it."""
        self._venue.feed["muted"] = 0
        self._venue.tell_books(int(self._venue.feed["depth_to"][0]))
        for result in (1, 2, self._venue.settings.market_result):
            self.state(MARKET_DATA, result)
        if self._venue.settings.market_result != MARKET_CONNECTED:
            self._venue.feed["muted"] = 1

    def connect_routing(self) -> None:
        """Bring routing up and announce the accounts: once for each broker."""
        for result in (1, 2, 4, BROKER_CONNECTED, BROKER_CONNECTED):
            self.state(ROUTING, result)
        self._venue.broker.routing_up = self._venue.broker.broker_up = True
        self.announce_accounts()

    def announce_accounts(self) -> None:
        """Tell every account."""
        for place in range(len(self._venue.settings.accounts)):
            self._venue.outbox.say(EventKind.ACCOUNT, a=place)

    def load_orders(self, account: int) -> None:
        """Tell that an account's orders can be read; while they are hidden, first an empty list."""
        if self.orders_hidden_ms > 0:
            self._venue.outbox.say(EventKind.ORDERS_LOADED, a=account, flags=1)
            wait, self.orders_hidden_ms = self.orders_hidden_ms, 0
            self._venue.timers.after(wait, lambda: self.load_orders(account))
            return
        self._venue.outbox.say(EventKind.ORDERS_LOADED, a=account)
