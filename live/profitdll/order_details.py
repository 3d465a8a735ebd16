"""What the library tells of orders and positions when it is asked. Orders are cumulative; consumers join them."""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from live.profitdll.abi import STRUCTURES, VERSIONS, address_of, new, text_at
from live.profitdll.accounts import Account, Contract, fill_asset
from live.profitdll.library import Library
from live.profitdll.order_codes import OpenSide, OrderStatus, PositionType
from live.profitdll.result import NlCode, answer, value
from market.calendar import to_ns
from market.errors import BrokerError, DataError
from trading.records import OrderState

_NEW, _PART, _FILLED = OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED, OrderState.FILLED
_CANCELED, _REJECTED, _EXPIRED = OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED
# What a status means to the desk. CLIENT_CREATED comes again at every cancel: it says only that we asked something.
STATES: Mapping[OrderStatus, OrderState] = MappingProxyType(
    {
        OrderStatus.NEW: _NEW,
        OrderStatus.PARTIALLY_FILLED: _PART,
        OrderStatus.FILLED: _FILLED,
        OrderStatus.DONE_FOR_DAY: _EXPIRED,
        OrderStatus.CANCELED: _CANCELED,
        OrderStatus.REPLACED: _NEW,
        OrderStatus.PENDING_CANCEL: OrderState.PENDING_CANCEL,
        OrderStatus.REJECTED: _REJECTED,
        OrderStatus.PENDING_NEW: OrderState.PENDING_NEW,
        OrderStatus.EXPIRED: _EXPIRED,
        OrderStatus.PENDING_REPLACE: OrderState.PENDING_REPLACE,
        OrderStatus.PARTIALLY_FILLED_CANCELED: _CANCELED,  # in these three the fill stands
        OrderStatus.PARTIALLY_FILLED_EXPIRED: _EXPIRED,
        OrderStatus.PARTIALLY_FILLED_REJECTED: _REJECTED,
        OrderStatus.RECEIVED: OrderState.PENDING_NEW,
        OrderStatus.HADES_CREATED: OrderState.PENDING_NEW,
        OrderStatus.BROKER_SENT: OrderState.PENDING_NEW,
        OrderStatus.CLIENT_CREATED: OrderState.PENDING_NEW,
        OrderStatus.ORDER_NOT_CREATED: _REJECTED,
        OrderStatus.CANCELED_BY_ADMIN: _CANCELED,
    }
)


@dataclass(frozen=True)
class OrderDetails:
    """One order as the library knows it. Prices are points; `average_price` is that of the fills.

    A filled market order may read back as a limit one: only quantities, status and average price are to be trusted.
    """

    local_id: int
    permanent_id: str
    symbol: str
    status: int
    side: int
    type: int
    quantity: int
    traded: int
    leaves: int
    price: float
    stop_price: float
    average_price: float
    updated_ns: int
    text: str
    event: int

    @property
    def state(self) -> OrderState:
        """What the status means to the desk; UNKNOWN for one that nobody knows."""
        known = self.status in OrderStatus.__members__.values()
        return STATES.get(OrderStatus(self.status), OrderState.UNKNOWN) if known else OrderState.UNKNOWN


@dataclass(frozen=True)
class Position:
    """A signed position, contracts, and its average price, points."""

    quantity: int
    average_price: float
    event: int


def order_details(library: Library, local_id: int = 0, permanent_id: str = "") -> OrderDetails | None:
    """Return an order by either of its ids, None where the library knows none.

    Raises
    ------
    BrokerError
        If the library refuses, or fills in another order than was asked for.
    """
    kept: list[object] = []
    out = new("TConnectorOrderOut")
    out.OrderID.LocalOrderID = local_id
    out.OrderID.ClOrderID = address_of(permanent_id, kept) if permanent_id else None
    for _ in range(2):  # the first pass tells lengths, the second fills the texts
        if answer("GetOrderDetails", library.call("GetOrderDetails", ctypes.byref(out))) is NlCode.NOT_FOUND:
            return None
        if not out.AssetID.Ticker:
            out.AssetID.Ticker = _room(out.AssetID.TickerLength, kept)
            out.AssetID.Exchange = _room(out.AssetID.ExchangeLength, kept)
            out.TextMessage = _room(out.TextMessageLength, kept)
    if local_id and out.OrderID.LocalOrderID != local_id:
        raise BrokerError(f"GetOrderDetails: expected order {local_id}, found {out.OrderID.LocalOrderID}; ask again")
    return _details(out, text_at(out.AssetID.Ticker), text_at(out.TextMessage))


def orders_loaded(library: Library, account: Account, day: date) -> bool:
    """Tell whether a day's orders are loaded, asking for them where not; a notice ORDERS_LOADED says when they are.

    Before that the list is empty, which does not mean that there are none.
    """
    kept: list[object] = []
    identifier = new("TConnectorAccountIdentifier")
    account.fill(identifier, kept)
    begin, end = _system_time(day), _system_time(day)
    told = answer("HasOrdersInInterval", library.call(
        "HasOrdersInInterval", ctypes.byref(identifier), ctypes.addressof(begin), ctypes.addressof(end)
    ))  # fmt: skip
    return told is not NlCode.WAITING_SERVER


def all_orders(library: Library, account: Account) -> list[OrderDetails]:
    """Return the orders that are loaded. Ask `orders_loaded` first: an empty list alone proves nothing."""
    found: list[OrderDetails] = []
    kept: list[object] = []
    identifier, kind = new("TConnectorAccountIdentifier"), STRUCTURES["TConnectorOrder"]
    account.fill(identifier, kept)

    def take(address: int, _: int) -> int:
        order: Any = kind.from_address(address)
        found.append(_details(order, text_at(order.AssetID.Ticker), text_at(order.TextMessage)))
        return 1

    # The library calls it on this very thread before the call returns; what it is given dies with each call.
    callback = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_ssize_t)(take)
    version, address = VERSIONS["TConnectorOrder"], ctypes.cast(callback, ctypes.c_void_p)
    value("EnumerateAllOrders", library.call("EnumerateAllOrders", ctypes.byref(identifier), version, 0, address))
    return found


def position(library: Library, account: Account, traded: Contract, kind: PositionType) -> Position:
    """Return the account's position in a contract.

    Raises
    ------
    BrokerError
        If the library refuses.
    DataError
        If there are contracts on neither side: nothing is known then.
    """
    kept: list[object] = []
    out = new("TConnectorTradingAccountPosition")
    account.fill(out.AccountID, kept)
    fill_asset(out.AssetID, traded.symbol, kept)
    out.PositionType = kind
    told = answer("GetPositionV2", library.call("GetPositionV2", ctypes.byref(out)))
    if told is NlCode.NO_POSITION or (not isinstance(told, NlCode) and out.OpenQuantity == 0):
        return Position(0, 0.0, int(out.EventID))
    signs = {OpenSide.BUY: 1, OpenSide.SELL: -1}
    if isinstance(told, NlCode) or out.OpenSide not in signs or out.OpenQuantity < 0:
        found = f"NL_{told.name}" if isinstance(told, NlCode) else f"{out.OpenQuantity} on side {out.OpenSide}"
        raise DataError(f"position in {traded.symbol}: expected contracts on a side, found {found}; ask again")
    return Position(
        signs[OpenSide(out.OpenSide)] * int(out.OpenQuantity), float(out.OpenAveragePrice), int(out.EventID)
    )


def _details(order: Any, symbol: str, text: str) -> OrderDetails:
    return OrderDetails(
        local_id=int(order.OrderID.LocalOrderID),
        permanent_id=text_at(order.OrderID.ClOrderID),
        symbol=symbol,
        status=int(order.OrderStatus),
        side=int(order.OrderSide),
        type=int(order.OrderType),
        quantity=int(order.Quantity),
        traded=int(order.TradedQuantity),
        leaves=int(order.LeavesQuantity),
        price=float(order.Price),
        stop_price=float(order.StopPrice),
        average_price=float(order.AveragePrice),
        updated_ns=_ns_of(order.LastUpdate),
        text=text,
        event=int(order.EventID),
    )


def _room(length: int, kept: list[object]) -> int:
    """Return the address of room for so many units and the NUL."""
    buffer = (ctypes.c_uint16 * (max(int(length), 0) + 1))()
    kept.append(buffer)
    return ctypes.addressof(buffer)


def _ns_of(time: Any) -> int:
    """Return the exchange's wall clock as nanoseconds UTC, 0 where it holds no date."""
    if time.wYear == 0:
        return 0
    day = datetime(time.wYear, time.wMonth, time.wDay, time.wHour, time.wMinute, time.wSecond)
    return to_ns(day + timedelta(milliseconds=time.wMilliseconds))


def _system_time(day: date) -> Any:
    """Return a date as SYSTEMTIME, whose week begins on Sunday."""
    made: Any = STRUCTURES["TSystemTime"]()
    made.wYear, made.wMonth, made.wDay, made.wDayOfWeek = day.year, day.month, day.day, day.isoweekday() % 7
    return made
