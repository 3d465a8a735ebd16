"""The one connection of a process: the login, its four states, and its end.

The vendor takes one initialisation per process and one login per activation key. A lock of the operating system, which
a kill frees too, keeps a second runner of this home away; the vendor itself refuses the rest.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from live.profitdll.callbacks import build_callbacks
from live.profitdll.codes import ActivationResult, LoginResult, MarketDataResult, RoutingResult
from live.profitdll.credentials import Credentials
from live.profitdll.library import Library, load_library
from live.profitdll.notices import NOTICE
from live.profitdll.result import answer
from live.profitdll.table import (
    DEPTH_COUNT,
    DEPTH_GROUP,
    EVENTS_RING,
    FREE_POINTER,
    HISTORY_RING,
    NOTICES_RING,
    STATE_ACTIVATION,
    STATE_LOGIN,
    STATE_MARKET,
    STATE_ROUTING,
    THEORETICAL,
    TRANSLATE,
    Table,
    keep,
    table,
)
from live.ring import Reader, Ring
from market.errors import LoginRefused, NoAnswer, NotConnected, SecondSession
from market.home import Home
from market.types import EVENT

_ADDRESSES = {
    TRANSLATE: "TranslateTrade", DEPTH_COUNT: "GetPriceDepthSideCount", DEPTH_GROUP: "GetPriceGroup",
    FREE_POINTER: "FreePointer", THEORETICAL: "GetTheoreticalValues",
}  # fmt: skip
# Set right after the initialisation, in this order; what a library lacks is left out.
_SETTERS = {
    "SetTradeCallbackV2": "trade", "SetPriceDepthCallback": "depth", "SetOfferBookCallbackV2": "offer",
    "SetHistoryTradeCallbackV2": "past_trade",
    "SetChangeStateTickerCallback": "phase", "SetTheoreticalPriceCallback": "theoretical",
    "SetInvalidTickerCallback": "invalid_ticker", "SetHealthCallback": "health",
}  # fmt: skip
_ROUTING_SETTERS = {
    "SetOrderCallback": "order", "SetTradingMessageResultCallback": "result",
    "SetOrderHistoryCallback": "orders_loaded", "SetAssetPositionListCallback": "position",
    "SetBrokerAccountListChangedCallback": "accounts_changed",
}  # fmt: skip
_LOGIN_REFUSALS = {
    LoginResult.INVALID: ("a login the vendor knows", "an invalid one", "check user and activation key"),
    LoginResult.INVALID_PASSWORD: ("the login's password", "a wrong one", "correct PREGAO_PROFITDLL_PASSWORD"),
    LoginResult.BLOCKED_PASSWORD: ("a login", "a blocked password", "unblock it at the vendor; do not try again"),
    LoginResult.EXPIRED_PASSWORD: ("a login", "an expired password", "set a new one at the vendor"),
    LoginResult.UNKNOWN_ERROR: ("a free login", "every login of the key in use, or an error of the vendor",
                                "end the other session, then start again"),
}  # fmt: skip
_REFUSED_AFTER_S = 3.0  # how long market data may say that it is not logged in
_POLL_S = 0.01


@dataclass(frozen=True)
class ConnectionParams:
    """How to connect.

    Parameters
    ----------
    library : Path
        The vendor's file, absolute.
    routing : bool
        Whether orders are to be sent; else the login is for market data alone.
    patience_s : float
        How long the handshake may take.
    finalise_s : float
        How long the end of the session may take.
    events, notices, history : int
        Records of each ring, powers of two.
    """

    library: Path
    routing: bool = False
    patience_s: float = 90.0
    finalise_s: float = 10.0
    events: int = 1 << 20
    notices: int = 1 << 16
    history: int = 1 << 20


@dataclass
class Connection:
    """An open session of the library. Made by `connect`, ended by `close`."""

    library: Library
    params: ConnectionParams
    table: Table
    events: Ring
    history: Ring
    notices: Ring
    reader: Reader  # of the notices, which it keeps
    _lock: FileLock
    _closed: bool = field(default=False)

    def states(self) -> dict[str, int]:
        """Return the last value of each state; -1 where none came yet."""
        here = self.table
        return {
            "login": here[STATE_LOGIN], "routing": here[STATE_ROUTING],
            "market": here[STATE_MARKET], "activation": here[STATE_ACTIVATION],
        }  # fmt: skip

    def has_market(self) -> bool:
        """Tell whether market data are connected; slow or partial still is."""
        return self.table[STATE_MARKET] >= MarketDataResult.CONNECTED

    def has_routing(self) -> bool:
        """Tell whether the broker is connected; to be asked at the instant of sending."""
        return bool(self.table[STATE_ROUTING] == RoutingResult.BROKER_CONNECTED)

    def check(self) -> None:
        """Raise LoginRefused where the vendor has taken back the login, as it may seconds after a full connect."""
        _check_refusals(self.table)

    def close(self) -> None:
        """End the session; ending twice does nothing. The process must then end too: there is no second login.

        Raises
        ------
        NoAnswer
            If the library does not come back in time; only the end of the process ends the session then.
        """
        if self._closed:
            return
        self._closed = True
        if not _in_time(lambda: self.library.call("DLLFinalize"), self.params.finalise_s):
            raise NoAnswer(
                f"DLLFinalize: expected an end within {self.params.finalise_s:g} s, found none; end the process"
            )
        self._lock.release()


_claimed = threading.Lock()  # taken by the first initialisation, never given back


def connect(home: Home, params: ConnectionParams, credentials: Credentials) -> Connection:
    """Log in and return once market data, and routing where asked for, are there.

    Raises
    ------
    LibraryRefused
        If the library cannot be used.
    SecondSession
        If this process was connected before, or another of this home is.
    LoginRefused
        For a wrong password, an expired key, or no permission.
    NotConnected
        If the handshake does not end in time; the message names what is missing.
    """
    library = load_library(params.library)
    lock = hold(home.state / "profitdll.lock")
    if not _claimed.acquire(blocking=False):
        lock.release()
        raise SecondSession(
            "ProfitDLL: expected one initialisation in a process, found a second; start another process"
        )
    connection = _prepare(home, library, params, lock)
    ready = False
    try:
        _initialise(connection, credentials)
        _await_states(connection)
        ready = True
    finally:
        if not ready:
            _give_up(connection)
    return connection


def hold(path: Path) -> FileLock:
    """Return the lock of a file, taken; the system frees it where the process ends.

    Raises
    ------
    SecondSession
        If another holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SecondSession(
            f"{path}: expected no runner with ProfitDLL, found one that holds this lock; end it, then start again"
        ) from None
    return lock


def _prepare(home: Home, library: Library, params: ConnectionParams, lock: FileLock) -> Connection:
    """Make rings and table; the library writes beside the current folder, so that becomes one of ours."""
    work, rings, here = home.state / "profitdll", home.state / "rings", table()
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    events = Ring.create(rings / "events.ring", EVENT, params.events)
    history = Ring.create(rings / "history.ring", EVENT, params.history)
    notices = Ring.create(rings / "notices.ring", NOTICE, params.notices)
    here[EVENTS_RING], here[HISTORY_RING], here[NOTICES_RING] = events.address, history.address, notices.address
    for place, name in _ADDRESSES.items():
        here[place] = library.address(name) if library.has(name) else 0
    made = Connection(library, params, here, events, history, notices, Reader(notices, keeps=True), lock)
    keep(made)
    return made


def _initialise(connection: Connection, credentials: Credentials) -> None:
    library, routing = connection.library, connection.params.routing
    built = build_callbacks()
    name = "DLLInitializeLogin" if routing else "DLLInitializeMarketLogin"
    orders = (None, None, built["account"]) if routing else ()  # order history and order change come by setters
    market = (None, built["daily"], None, None, None, built["progress"], built["quote"])
    login = credentials.key, credentials.user, credentials.password  # revealed by the call alone
    answer(name, library.call(name, *login, built["state"], *orders, *market))
    if routing:
        answer("SetEnabledHistOrder", library.call("SetEnabledHistOrder", 1))
    for setter, callback in (_SETTERS | (_ROUTING_SETTERS if routing else {})).items():
        if library.has(setter):
            answer(setter, library.call(setter, built[callback]))


def _await_states(connection: Connection) -> None:
    """Wait for what the states say; NL_OK of the initialisation says nothing."""
    deadline, unlogged = time.monotonic() + connection.params.patience_s, 0.0
    while not _is_ready(connection):
        _check_refusals(connection.table)
        now = time.monotonic()
        refused = connection.table[STATE_MARKET] == MarketDataResult.NOT_LOGGED
        unlogged = (unlogged or now) if refused else 0.0
        if unlogged and now - unlogged > min(_REFUSED_AFTER_S, connection.params.patience_s / 2):
            raise LoginRefused(
                "market data: expected a permission, found a login without one; ask the broker for market data"
            )
        if now > deadline:
            raise NotConnected(_missing(connection))
        time.sleep(_POLL_S)


def _is_ready(connection: Connection) -> bool:
    here = connection.table
    logged = here[STATE_LOGIN] == LoginResult.CONNECTED and here[STATE_ACTIVATION] == ActivationResult.VALID
    return logged and connection.has_market() and (connection.has_routing() or not connection.params.routing)


def _check_refusals(here: Table) -> None:
    """Raise for what was refused: an invalid key first, for it makes the login invalid too."""
    if here[STATE_ACTIVATION] == ActivationResult.INVALID:
        raise LoginRefused(
            "activation key: expected a valid one, found an expired or invalid key; renew it at the vendor"
        )
    told = here[STATE_LOGIN]
    if told > 0:
        unknown = _LOGIN_REFUSALS[LoginResult.UNKNOWN_ERROR]
        known = told in LoginResult.__members__.values()
        expected, found, remedy = _LOGIN_REFUSALS[LoginResult(told)] if known else unknown
        raise LoginRefused(f"login: expected {expected}, found {found}; {remedy}")


def _missing(connection: Connection) -> str:
    states = connection.states()
    lacking = [name for name, value in states.items() if name in ("login", "activation") and value != 0]
    lacking += [] if connection.has_market() else ["market"]
    lacking += ["routing"] if connection.params.routing and not connection.has_routing() else []
    told = ", ".join(f"{name} {states[name]}" for name in lacking)
    patience = connection.params.patience_s
    return (
        f"ProfitDLL: expected every state within {patience:g} s, found {told}; "
        "check the network and the vendor's status, then start again"
    )


def _give_up(connection: Connection) -> None:
    """Leave no half-open session behind. Where even that hangs, the reason told is the first one: the process ends."""
    with contextlib.suppress(NoAnswer):
        connection.close()


def _in_time(function: Callable[[], int], seconds: float) -> bool:
    """Call on a thread of its own, which is left behind where it hangs."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()
