"""A client of the library by raw ctypes, in a process of its own: `client.py LIBRARY SCENE` prints what came back."""

import ctypes
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from live.profitdll.standin import wire as wires
from tests.live.standin.abi_table import Types, read_table

KEY, USER, PASSWORD, ROUTING = "STANDIN-KEY", "trader@example.com", "login-password", "routing-password"
ACCOUNT, REAL = (15011, "SIM700123"), (1001, "700123")
TICKER = "WDON26"
MARKET, LIMIT, STOP = 1, 2, 4
BUY, SELL = 1, 2
PATIENCE_S = 20.0


def wide(text: str) -> Any:
    """Return a buffer of 16-bit units; keep it as long as its address is used."""
    return (ctypes.c_uint16 * (len(text) + 1))(*map(ord, text), 0)


def narrow(address: int | None, length: int | None = None) -> str:
    """Read units at an address, to the terminator or so many."""
    if not address:
        return ""
    if length is None:
        length, unit = 0, ctypes.c_uint16
        while unit.from_address(address + 2 * length).value:
            length += 1
    return ctypes.string_at(address, 2 * length).decode("utf-16-le")


class Client:
    """The library, bound from the table, and everything that its callbacks told."""

    def __init__(self, path: str) -> None:
        self.types = Types(read_table())
        self.library = ctypes.CDLL(path)
        self.types.bind(self.library)
        self.wire = wires.attach(Path(os.environ["PREGAO_STANDIN"]))
        self.told: list[tuple[Any, ...]] = []
        self.kept: list[Any] = []
        self.in_trade: Callable[[Any, int], None] = lambda pointer, flags: None
        self.in_order: Callable[[Any], None] = lambda identifier: None
        self.password = ROUTING
        self.details_in_callback = True

    # what comes back

    def count(self, kind: str) -> int:
        return sum(1 for one in self.told if one[0] == kind)

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [one[1:] for one in list(self.told) if one[0] == kind]

    def wait(self, what: Callable[[], bool], patience: float = PATIENCE_S) -> bool:
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if what():
                return True
            time.sleep(0.002)
        return False

    def wait_state(self, connection: int, result: int) -> bool:
        return self.wait(lambda: ("state", connection, result) in list(self.told))

    def statuses(self, local_id: int) -> list[int]:
        return [one[2]["status"] for one in self.of("order") if one[0] == local_id]

    def wait_status(self, local_id: int, status: int) -> bool:
        assert self.wait(lambda: status in self.statuses(local_id)), (status, self.statuses(local_id))
        return True

    # callbacks

    def callback(self, kind: str, body: Callable[..., Any]) -> Any:
        made = self.types.callbacks[kind](body)
        self.kept.append(made)
        return ctypes.cast(made, ctypes.c_void_p)

    def on_state(self, connection: int, result: int) -> None:
        self.told.append(("state", connection, result))

    def on_account(self, broker: int, broker_name: int, account: int, owner: int) -> None:
        self.told.append(("account", broker, narrow(broker_name), narrow(account), narrow(owner)))

    def on_trade(self, asset: Any, pointer: int, flags: int) -> None:
        trade = self.types.records["TConnectorTrade"]()
        result = self.library.TranslateTrade(pointer, ctypes.byref(trade))
        self.told.append(("trade", result, narrow(asset[0].Ticker), flags, self.trade_fields(trade)))
        self.in_trade(pointer, flags)

    def on_history(self, asset: Any, pointer: int, flags: int) -> None:
        trade = self.types.records["TConnectorTrade"]()
        result = self.library.TranslateTrade(pointer, ctypes.byref(trade))
        self.told.append(("history", result, narrow(asset[0].Ticker), flags, self.trade_fields(trade)))

    @staticmethod
    def trade_fields(trade: Any) -> dict[str, Any]:
        date = trade.TradeDate
        return {
            "time": [date.wYear, date.wMonth, date.wDay, date.wHour, date.wMinute, date.wSecond, date.wMilliseconds],
            "weekday": date.wDayOfWeek, "number": trade.TradeNumber, "price": trade.Price, "quantity": trade.Quantity,
            "volume": trade.Volume, "buyer": trade.BuyAgent, "seller": trade.SellAgent, "type": trade.TradeType,
        }  # fmt: skip

    def on_depth(self, asset: Any, side: int, position: int, update: int) -> None:
        group = self.types.records["TConnectorPriceGroup"]()
        count = self.library.GetPriceDepthSideCount(asset, side)
        result = self.library.GetPriceGroup(asset, side, position, ctypes.byref(group))
        level = [group.Price, group.Quantity, group.Count] if result == 0 else [result]
        self.told.append(("depth", side, position, update, count, level))

    def levels(self, side: int) -> list[list[Any]]:
        """Return price, quantity and flags of every level of a side, the best first."""
        group, found = self.types.records["TConnectorPriceGroup"](), []
        asset = self.asset()
        for position in range(self.library.GetPriceDepthSideCount(ctypes.byref(asset), side)):
            assert self.library.GetPriceGroup(ctypes.byref(asset), side, position, ctypes.byref(group)) == 0
            price = group.Price if abs(group.Price) < 1e300 else str(group.Price)
            found.append([price, group.Quantity, group.PriceGroupFlags])
        return found

    def on_order(self, identifier: Any) -> None:
        local_id, cl_ord_id = identifier[0].LocalOrderID, narrow(identifier[0].ClOrderID)
        details = self.details(local_id) if self.details_in_callback else {}
        self.told.append(("order", local_id, cl_ord_id, details))
        self.in_order(identifier)

    def on_result(self, result: Any) -> None:
        told = result[0]
        text = narrow(told.Message, told.MessageLength)
        self.told.append(("result", told.OrderID.LocalOrderID, told.MessageID, told.ResultCode, text))

    def on_position(self, account: Any, asset: Any, event: int) -> None:
        self.told.append(("position", account[0].BrokerID, narrow(asset[0].Ticker), event))

    def on_offer(self, asset: Any, action: int, position: int, side: int, quantity: int, *rest: Any) -> None:
        sell, buy = rest[-2:]
        book = []
        for address in (sell, buy):
            if address:
                count, size = (ctypes.c_int32 * 2).from_address(address)
                price = ctypes.c_double.from_address(address + 8).value if count else 0.0
                book.append([count, size, price, ctypes.c_uint32.from_address(address + size - 4).value])
                assert self.library.FreePointer(address, size) == 0
        self.told.append(("offer", action, position, side, quantity, rest[2], book))

    # calls

    def login(self, market_only: bool = False, key: str = KEY, user: str = USER, password: str = PASSWORD) -> int:
        state, daily = self.callback("TStateCallback", self.on_state), self.callback("TNewDailyCallback", self.on_daily)
        progress = self.callback("TProgressCallback", lambda asset, done: self.told.append(("progress", done)))
        tiny = self.callback(
            "TTinyBookCallback", lambda asset, price, qty, side: self.told.append(("tiny", price, qty, side))
        )
        told = [wide(text) for text in (key, user, password)]
        self.kept += told
        if market_only:
            return self.library.DLLInitializeMarketLogin(*told, state, None, daily, None, None, None, progress, tiny)
        account = self.callback("TAccountCallback", self.on_account)
        return self.library.DLLInitializeLogin(
            *told, state, None, None, account, None, daily, None, None, None, progress, tiny
        )

    def on_daily(self, asset: Any, date: int, *rest: Any) -> None:
        self.told.append(("daily", narrow(asset[0].ticker), narrow(date), list(rest)))

    def set_callbacks(self) -> list[int]:
        say = self.told.append
        setters = {
            "SetTradeCallbackV2": ("TConnectorTradeCallback", self.on_trade),
            "SetHistoryTradeCallbackV2": ("TConnectorTradeCallback", self.on_history),
            "SetPriceDepthCallback": ("TConnectorPriceDepthCallback", self.on_depth),
            "SetOfferBookCallbackV2": ("TOfferBookCallbackV2", self.on_offer),
            "SetOrderCallback": ("TConnectorOrderCallback", self.on_order),
            "SetTradingMessageResultCallback": ("TConnectorTradingMessageResultCallback", self.on_result),
            "SetAssetPositionListCallback": ("TConnectorAssetPositionListCallback", self.on_position),
            "SetInvalidTickerCallback": (
                "TInvalidTickerCallback",
                lambda asset: say(("invalid", narrow(asset[0].Ticker), narrow(asset[0].Exchange))),
            ),
            "SetHealthCallback": ("TSystemHealthCallback", lambda state: say(("health", state))),
            "SetChangeStateTickerCallback": (
                "TChangeStateTicker", lambda asset, date, state: say(("phase", narrow(date), state))
            ),
            "SetOrderHistoryCallback": (
                "TConnectorAccountCallback", lambda account: say(("orders_loaded", account[0].BrokerID))
            ),
        }  # fmt: skip
        return [getattr(self.library, name)(self.callback(kind, body)) for name, (kind, body) in setters.items()]

    def connect(self, **how: Any) -> int:
        result = self.login(**how)
        if result == 0:
            assert set(self.set_callbacks()) == {0}
        return result

    def ready(self) -> None:
        """Log in, wait until accounts can be used, subscribe."""
        assert self.connect() == 0
        assert self.wait(lambda: self.count("account") >= 2)
        assert self.subscribe() == 0
        assert self.wait(lambda: self.count("phase") >= 1)

    def subscribe(self, ticker: str = TICKER, exchange: str = "F") -> int:
        return self.library.SubscribeTicker(wide(ticker), wide(exchange))

    def asset(self, ticker: str = TICKER) -> Any:
        names = wide(ticker), wide("F")
        self.kept += names
        record = self.types.records["TConnectorAssetIdentifier"]
        return record(0, ctypes.addressof(names[0]), ctypes.addressof(names[1]), 0)

    def account(self, account: tuple[int, str] = ACCOUNT) -> Any:
        texts = wide(account[1]), wide("")
        self.kept += texts
        record = self.types.records["TConnectorAccountIdentifier"]
        return record(0, account[0], ctypes.addressof(texts[0]), ctypes.addressof(texts[1]), 0)

    def secret(self) -> int:
        text = wide(self.password)
        self.kept.append(text)
        return ctypes.addressof(text)

    def send(
        self, side: int = BUY, kind: int = MARKET, quantity: int = 1, price: float = -1, stop: float = -1,
        ticker: str = TICKER, account: tuple[int, str] = ACCOUNT, version: int = 2,
    ) -> int:  # fmt: skip
        order = self.types.records["TConnectorSendOrder"](Version=version)
        order.AccountID, order.AssetID, order.Password = self.account(account), self.asset(ticker), self.secret()
        order.OrderType, order.OrderSide, order.Price, order.StopPrice = kind, side, price, stop
        order.Quantity, order.MessageID = quantity, -1
        result = self.library.SendOrder(ctypes.byref(order))
        self.last_message = order.MessageID
        return int(result)

    def identifier(self, local_id: int = 0, cl_ord_id: str = "") -> Any:
        text = wide(cl_ord_id)
        self.kept.append(text)
        return self.types.records["TConnectorOrderIdentifier"](0, local_id, ctypes.addressof(text))

    def change(self, local_id: int, quantity: int, price: float, stop: float = -1) -> int:
        change = self.types.records["TConnectorChangeOrder"](Version=1)
        change.AccountID, change.OrderID, change.Password = self.account(), self.identifier(local_id), self.secret()
        change.Price, change.StopPrice, change.Quantity, change.MessageID = price, stop, quantity, -1
        result = self.library.SendChangeOrderV2(ctypes.byref(change))
        self.last_message = change.MessageID
        return int(result)

    def cancel(self, local_id: int = 0, cl_ord_id: str = "") -> int:
        cancel = self.types.records["TConnectorCancelOrder"](Version=1)
        cancel.AccountID, cancel.Password, cancel.MessageID = self.account(), self.secret(), -1
        cancel.OrderID = self.identifier(local_id, cl_ord_id)
        return int(self.library.SendCancelOrderV2(ctypes.byref(cancel)))

    def cancel_all(self) -> int:
        cancel = self.types.records["TConnectorCancelAllOrders"](Version=0)
        cancel.AccountID, cancel.Password = self.account(), self.secret()
        return int(self.library.SendCancelAllOrdersV2(ctypes.byref(cancel)))

    def cancel_asset(self) -> int:
        cancel = self.types.records["TConnectorCancelOrders"](Version=0)
        cancel.AccountID, cancel.AssetID, cancel.Password = self.account(), self.asset(), self.secret()
        return int(self.library.SendCancelOrdersV2(ctypes.byref(cancel)))

    def zero(self) -> int:
        zero = self.types.records["TConnectorZeroPosition"](Version=2)
        zero.AccountID, zero.AssetID, zero.Password = self.account(), self.asset(), self.secret()
        zero.Price, zero.PositionType, zero.MessageID = -1, 1, -1
        return int(self.library.SendZeroPositionV2(ctypes.byref(zero)))

    def details(self, local_id: int = 0, cl_ord_id: str = "") -> dict[str, Any]:
        """Read an order in two passes: lengths, then texts into buffers of just that length."""
        out = self.types.records["TConnectorOrderOut"](Version=1)
        out.OrderID = self.identifier(local_id, cl_ord_id)
        result = self.library.GetOrderDetails(ctypes.byref(out))
        if result != 0:
            return {"result": result}
        texts = [(ctypes.c_uint16 * (length + 1))() for length in (
            out.AssetID.TickerLength, out.AssetID.ExchangeLength, out.TextMessageLength
        )]  # fmt: skip
        out.AssetID.Ticker, out.AssetID.Exchange, out.TextMessage = map(ctypes.addressof, texts)
        result = self.library.GetOrderDetails(ctypes.byref(out))
        account = bytes(out.AccountID.AccountID)[: 2 * out.AccountID.AccountIDLength].decode("utf-16-le")
        return {
            "result": result, "account": [out.AccountID.BrokerID, account],
            "ticker": narrow(out.AssetID.Ticker, out.AssetID.TickerLength),
            "exchange": narrow(out.AssetID.Exchange, out.AssetID.ExchangeLength),
            "quantity": out.Quantity, "traded": out.TradedQuantity, "leaves": out.LeavesQuantity, "price": out.Price,
            "stop": out.StopPrice, "average": out.AveragePrice, "side": out.OrderSide, "type": out.OrderType,
            "status": out.OrderStatus, "text": narrow(out.TextMessage, out.TextMessageLength), "event": out.EventID,
        }  # fmt: skip

    def position(self, account: tuple[int, str] = ACCOUNT) -> list[Any]:
        out = self.types.records["TConnectorTradingAccountPosition"](Version=2)
        out.AccountID, out.AssetID, out.PositionType = self.account(account), self.asset(), 1
        result = self.library.GetPositionV2(ctypes.byref(out))
        return [
            result,
            out.OpenQuantity,
            out.OpenAveragePrice,
            out.OpenSide,
            out.DailyBuyQuantity,
            out.DailySellQuantity,
        ]

    def orders(self) -> list[dict[str, Any]]:
        """Return what EnumerateAllOrders tells."""
        found: list[dict[str, Any]] = []

        def one(order: Any, param: int) -> int:
            told = order[0]
            found.append({
                "local": told.OrderID.LocalOrderID, "cl": narrow(told.OrderID.ClOrderID), "status": told.OrderStatus,
                "ticker": narrow(told.AssetID.Ticker), "account": narrow(told.AccountID.AccountID), "param": param,
                "quantity": told.Quantity, "price": told.Price,
            })  # fmt: skip
            return 1

        self.last_enumeration = self.library.EnumerateAllOrders(
            ctypes.byref(self.account()), 1, 77, self.callback("TConnectorEnumerateOrdersProc", one)
        )
        return found

    def load_orders(self) -> int:
        stamp = self.types.records["TSystemTime"](2026, 6, 1, 1, 0, 0, 0, 0)
        return int(
            self.library.HasOrdersInInterval(ctypes.byref(self.account()), ctypes.byref(stamp), ctypes.byref(stamp))
        )

    def history(self, start: str, end: str, ticker: str = TICKER) -> int:
        return int(self.library.GetHistoryTrades(wide(ticker), wide("F"), wide(start), wide(end)))

    def release(self, events: int) -> None:
        """Let a stepped venue serve so many events in all, and wait until it has."""
        self.wire.header["released"] = events
        assert self.wait(lambda: int(self.wire.header["served"][0]) >= events)

    def settle(self) -> None:
        """Wait until every event that was sent has been dispatched."""
        assert self.wait(lambda: int(self.wire.header["event_head"][0]) == int(self.wire.header["event_tail"][0]))


def main() -> None:
    client, scene = Client(sys.argv[1]), sys.argv[2]
    module = importlib.import_module(f"tests.live.standin.{scene.partition('.')[0]}")
    answer = getattr(module, scene.partition(".")[2])(client)
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # the library's thread may still be calling


if __name__ == "__main__":
    main()
