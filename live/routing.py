"""Orders of one desk through the library to a broker: the account confirmed, the order thread, what is told of both."""

import time
from pathlib import Path

from live.profitdll.accounts import Account, AccountParams, Accounts, contract
from live.profitdll.connection import Connection
from live.profitdll.credentials import Credentials
from live.profitdll.order_thread import OrderThread
from live.profitdll.orders import Orders
from live.profitdll.step import Step
from market.errors import NotConnected
from trading.desks import Seat

_ROUND_S = 0.01


class Routing:
    """The way of one desk's requests to its broker, and of the answers back.

    Parameters
    ----------
    connection : Connection
        With routing.
    params : AccountParams
    credentials : Credentials
        With the routing password.
    patience_s : float
        How long the announcement of the account may take.

    Raises
    ------
    NotConnected
        If the account is not announced in time.
    LoginRefused
        If the login is taken back meanwhile.
    SafetyRefusal
        If its broker has another name than the expected one.
    """

    def __init__(
        self, connection: Connection, params: AccountParams, credentials: Credentials, patience_s: float
    ) -> None:
        assert credentials.routing_password is not None
        self._connection = connection
        self._thread: OrderThread | None = None
        account = _confirmed(connection, params, patience_s)
        self._orders = Orders(connection, account, credentials.routing_password)

    def start(self, seat: Seat, step: Step, intents: Path) -> None:
        """Begin to serve the requests of a desk that asks for a dated contract; intents are written to a file.

        Raises
        ------
        UsageError
            If the contract is a continuous series.
        """
        traded = contract(seat.feed.contract, seat.feed.lake.instruments)
        self._thread = OrderThread(self._connection, self._orders, traded, seat.trader.core.desk, step, intents)
        self._thread.start()

    def idle(self) -> bool:
        """Tell whether every request is served and every answer so far is taken."""
        return self._thread is None or self._thread.idle

    def alarms(self) -> list[str]:
        """Return what an operator must read, one sentence each."""
        if self._thread is None:
            return []
        failed = ["intents: expected to be written, found a disk that refused; nothing is entered any more"]
        return [*(failed if self._thread.disk_failed else []), *self._thread.alarms()]

    def stop(self) -> None:
        """Stop serving; what is on its way stays with the broker. Raises NoAnswer where a call hangs."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()


def _confirmed(connection: Connection, params: AccountParams, patience_s: float) -> Account:
    """Return the account once it is announced; a broker's connection comes after the market's."""
    accounts, deadline = Accounts(), time.monotonic() + patience_s
    while True:
        accounts.hear(connection.reader.take())
        connection.check()  # a login that the broker takes back announces no account
        try:
            return accounts.confirm(params)
        except NotConnected:
            if time.monotonic() > deadline:
                raise
        time.sleep(_ROUND_S)
