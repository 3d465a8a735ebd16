"""Orders at the broker: sent, changed, cancelled, followed. Requests belong to the thread that owns the connection.

A request that returned has only left the house. How far it got comes as results by its message id; one that stops after
the order server (result 4) was dropped in silence, as with a wrong routing password.
"""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from live.profitdll.abi import address_of, new
from live.profitdll.accounts import Account, Contract, fill_asset
from live.profitdll.connection import Connection
from live.profitdll.credentials import Secret
from live.profitdll.notices import NoticeKind, text_of
from live.profitdll.order_codes import OrderSideV1, OrderTypeV1, PositionType, TradingMessageResultCode
from live.profitdll.order_details import position
from live.profitdll.result import NlCode, answer, value
from market.errors import NotConnected, RequestRefused, UsageError

STALL_S = 5.0  # a result that comes at all comes within a second
NO_PRICE = -1.0
REJECTIONS = frozenset(
    {
        TradingMessageResultCode.NOT_CONNECTED, TradingMessageResultCode.REJECTED_MERCURY,
        TradingMessageResultCode.REJECTED_HADES, TradingMessageResultCode.REJECTED_BROKER,
        TradingMessageResultCode.REJECTED_MARKET, TradingMessageResultCode.BLOCKED_BY_RISK,
    }
)  # fmt: skip
_STEPS = REJECTIONS | set(range(TradingMessageResultCode.ACCEPTED + 1))
ENDS = REJECTIONS | {TradingMessageResultCode.ACCEPTED}  # after which no result comes


@dataclass(frozen=True)
class Terms:
    """What an order asks for. Prices are ticks of the contract; None where the type has none.

    Parameters
    ----------
    side : int
        1 to buy, -1 to sell.
    quantity : int
        Contracts.
    limit, trigger : int, optional
        Neither: at market. A limit: at it or better. Both: a stop that becomes the limit at its trigger.
    """

    side: int
    quantity: int
    limit: int | None = None
    trigger: int | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for terms that no order can have."""
        prices = [price for price in (self.limit, self.trigger) if price is not None]
        wrong_stop = self.trigger is not None and (self.limit is None or (self.limit - self.trigger) * self.side < 0)
        if self.side not in (1, -1) or self.quantity <= 0 or wrong_stop or any(price <= 0 for price in prices):
            raise UsageError(
                "order: expected a side, contracts, prices above zero and a stop's limit at or beyond its trigger, "
                f"found {self}; correct it"
            )


@dataclass
class Sent:
    """A request that left: its ids and how far it got."""

    local_id: int
    message_id: int
    since_s: float
    code: int = -1
    text: str = ""


class Orders:
    """The requests of one account.

    Parameters
    ----------
    connection : Connection
        With routing.
    account : Account
        Confirmed.
    password : Secret
        That of the routing, which goes into every request.
    clock : callable, optional
        Seconds that only grow.
    """

    def __init__(
        self,
        connection: Connection,
        account: Account,
        password: Secret,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection, self._account, self._password, self._clock = connection, account, password, clock
        self.sent: dict[int, Sent] = {}  # by message id, or the local id's negative where none was told

    def send(self, traded: Contract, terms: Terms) -> Sent:
        """Send an order and return its ids; what becomes of it comes by notices.

        Raises
        ------
        NotConnected
            If the broker is not connected at this instant.
        BrokerError
            If the library refuses it.
        """
        kept: list[object] = []
        order = self.prepare("TConnectorSendOrder", kept)
        fill_asset(order.AssetID, traded.symbol, kept)
        order.OrderType, order.OrderSide = _type_of(terms), OrderSideV1.BUY if terms.side == 1 else OrderSideV1.SELL
        order.Price, order.StopPrice = _points(traded, terms.limit), _points(traded, terms.trigger)
        order.Quantity = terms.quantity
        return self._follow(order, value("SendOrder", self._call("SendOrder", order)))

    def change(self, traded: Contract, local_id: int, permanent_id: str, terms: Terms) -> Sent:
        """Give an order other prices and another quantity in all; raises as `send`.

        The simulator refuses to change stops (RequestRefused): cancel and send anew then.
        """
        kept: list[object] = []
        change = self.prepare("TConnectorChangeOrder", kept)
        _fill_order(change.OrderID, local_id, permanent_id, kept)
        change.Price, change.StopPrice = _points(traded, terms.limit), _points(traded, terms.trigger)
        change.Quantity = terms.quantity
        value("SendChangeOrderV2", self._call("SendChangeOrderV2", change))
        return self._follow(change, local_id)

    def cancel(self, local_id: int, permanent_id: str = "") -> Sent | None:
        """Cancel an order; return None where the library knows no such order. Raises as `send`."""
        kept: list[object] = []
        cancel = self.prepare("TConnectorCancelOrder", kept)
        _fill_order(cancel.OrderID, local_id, permanent_id, kept)
        if answer("SendCancelOrderV2", self._call("SendCancelOrderV2", cancel)) is NlCode.NOT_FOUND:
            return None
        return self._follow(cancel, local_id)

    def cancel_contract(self, traded: Contract) -> None:
        """Cancel every order of a contract, protection included; raises as `send`."""
        kept: list[object] = []
        cancel = self.prepare("TConnectorCancelOrders", kept)
        fill_asset(cancel.AssetID, traded.symbol, kept)
        answer("SendCancelOrdersV2", self._call("SendCancelOrdersV2", cancel))

    def cancel_all(self) -> None:
        """Cancel every order of the account, protection included; raises as `send`."""
        cancel = self.prepare("TConnectorCancelAllOrders", [])
        answer("SendCancelAllOrdersV2", self._call("SendCancelAllOrdersV2", cancel))

    def zero(self, traded: Contract, kind: PositionType) -> Sent | None:
        """Close the position in a contract at market; return None where there is none, which a second look proves.

        Raises
        ------
        RequestRefused
            If the library refuses though there is a position.
        """
        kept: list[object] = []
        zero = self.prepare("TConnectorZeroPosition", kept)
        fill_asset(zero.AssetID, traded.symbol, kept)
        zero.Price, zero.PositionType = NO_PRICE, kind
        try:
            told = answer("SendZeroPositionV2", self._call("SendZeroPositionV2", zero))
        except RequestRefused:
            if position(self._connection.library, self._account, traded, kind).quantity == 0:
                return None
            raise
        if isinstance(told, NlCode):
            if position(self._connection.library, self._account, traded, kind).quantity == 0:
                return None
            raise RequestRefused(f"SendZeroPositionV2: expected a position to close, found NL_{told.name}; ask again")
        return self._follow(zero, told)

    def hear(self, notices: np.ndarray) -> None:
        """Take the results among notices; they only go forward, whatever their order, and a rejection is the end."""
        for notice in notices[notices["kind"] == NoticeKind.RESULT]:
            known, code = self._find(int(notice["message"]), int(notice["order"])), int(notice["code"])
            if known is None or known.code in ENDS or code not in _STEPS:
                continue
            if code in REJECTIONS or known.code < code:
                known.code, known.text = code, text_of(notice["long_text"])

    def rejected(self) -> list[Sent]:
        """Return the requests that were refused on their way, with the text that says why."""
        return [one for one in self.sent.values() if one.code in REJECTIONS]

    def stalled(self) -> list[str]:
        """Return one sentence for each request that went no further; never send it again before it was read back."""
        now_s = self._clock()
        return [
            tell_stall(one.local_id, one.code)
            for one in self.sent.values()
            if one.code not in ENDS and now_s - one.since_s > STALL_S
        ]

    def _find(self, message_id: int, local_id: int) -> Sent | None:
        """Return the request of a result by either id: the library leaves out now one, now the other."""
        if message_id in self.sent:
            return self.sent[message_id]
        newest = reversed(self.sent.values())
        return next((one for one in newest if local_id > 0 and one.local_id == local_id), None)

    def prepare(self, structure: str, kept: list[object]) -> Any:
        """Return a request with account and password; what it points to lives as long as it does."""
        request = new(structure)
        request.kept = kept
        self._account.fill(request.AccountID, kept)
        request.Password = address_of(self._password.reveal(), kept)
        if hasattr(request, "MessageID"):
            request.MessageID = -1
        return request

    def _call(self, function: str, request: Any) -> int:
        if not self._connection.has_routing():
            state = self._connection.states()["routing"]
            raise NotConnected(f"{function}: expected the broker to be connected (5), found {state}; wait for it")
        return self._connection.library.call(function, ctypes.byref(request))

    def _follow(self, request: Any, local_id: int) -> Sent:
        made = Sent(local_id, int(request.MessageID), self._clock())
        self.sent[made.message_id if made.message_id > 0 else -local_id] = made
        return made


def tell_stall(local_id: int, code: int) -> str:
    """Return what an operator must read of a request that went no further than a result."""
    return (
        f"order {local_id}: expected an answer within {STALL_S:g} s, found it stopped at result {code}; "
        "check the routing password, and read the order back before anything else"
    )


def _type_of(terms: Terms) -> OrderTypeV1:
    if terms.trigger is not None:
        return OrderTypeV1.STOP_LIMIT
    return OrderTypeV1.MARKET if terms.limit is None else OrderTypeV1.LIMIT


def _points(traded: Contract, ticks: int | None) -> float:
    return NO_PRICE if ticks is None else traded.instrument.to_points(ticks)


def _fill_order(identifier: Any, local_id: int, permanent_id: str, kept: list[object]) -> None:
    identifier.LocalOrderID = local_id
    identifier.ClOrderID = address_of(permanent_id, kept) if permanent_id else None
