"""What a client sees while a script of faults runs; each scene in a process of its own."""

import ctypes
import time
from typing import Any

from tests.live.standin.client import BUY, LIMIT, SELL, STOP, TICKER, Client, wide


def numbers(client: Client) -> Any:
    client.ready()
    client.release(61)
    client.settle()
    return {"trades": client.of("trade"), "state": client.of("state")}


def paced(client: Client) -> Any:
    client.ready()
    client.wait(lambda: client.count("trade") >= 1)
    begun = time.monotonic()
    client.wait(lambda: client.count("trade") >= 20)
    took = time.monotonic() - begun
    sent = client.send(BUY)
    return {"took": took, "filled": client.wait_status(sent, 2)}


def storm(client: Client) -> Any:
    """Hear at once what a hundredth of real time would take minutes for."""
    client.ready()
    client.wait(lambda: client.count("trade") >= 20)
    return client.count("trade")


def market_down(client: Client) -> Any:
    """Lose the market after ten trades; one happens meanwhile, the rest after it is back."""
    client.ready()
    client.library.SubscribePriceDepth(ctypes.byref(client.asset()))
    client.release(31)
    assert client.wait_state(2, 0)
    before = client.levels(0)
    client.release(34)
    assert client.wait(lambda: client.of("state")[-1] == (2, 4))
    books = [before, client.levels(0)]
    client.release(61)
    client.settle()
    told = [one[3]["number"] for one in client.of("trade")]
    return {"numbers": told, "state": client.of("state"), "books": books}


def late(client: Client) -> Any:
    client.ready()
    client.release(31)
    begun = time.monotonic()
    client.release(61)
    waited = time.monotonic() - begun
    client.settle()
    told = [one[3]["number"] for one in client.of("trade")]
    return {"waited": waited, "numbers": told, "state": client.of("state")}


def frozen(client: Client) -> Any:
    """See the health turn bad and good again; accessors answer meanwhile."""
    client.ready()
    status = ctypes.c_int32(-1)
    client.library.GetHealthStatus(ctypes.byref(status))
    told, seen = [status.value], {"during": -1}
    client.wire.header["released"] = 61
    client.wait(lambda: ("health", 1) in client.told)
    client.library.GetHealthStatus(ctypes.byref(status))
    seen["during"] = status.value
    client.wait(lambda: ("health", 0) in client.told)
    client.settle()
    return {"told": told, **seen, "health": client.of("health"), "trades": client.count("trade")}


def crash(client: Client) -> Any:
    client.ready()
    client.wire.header["released"] = 61
    time.sleep(20)
    return "alive"


def hang(client: Client) -> Any:
    """Measure a call that the venue holds; reading orders and positions works meanwhile from another call."""
    client.ready()
    client.release(61)
    begun = time.monotonic()
    sent = client.send(BUY)
    return {"sent": sent, "took": time.monotonic() - begun, "status": client.wait_status(sent, 2)}


def tickers(client: Client) -> Any:
    client.ready()
    out = {
        "refused": client.subscribe(),
        "unknown": client.subscribe("WDOX99"),
        "exchange": client.subscribe(TICKER, "BMF"),
        "empty": client.subscribe(""),
    }
    client.wait(lambda: client.count("invalid") >= 2)
    out["invalid"] = client.of("invalid")
    return out


def login_only(client: Client) -> Any:
    result = client.connect()
    client.wait(lambda: client.count("state") > 0 or result != 0)
    time.sleep(1.0)
    return {"result": result, "state": client.of("state"), "accounts": client.count("account")}


def wrong_logins(client: Client) -> Any:
    """Log in with a wrong password, and then again, as nobody should."""
    results = [client.login(user=""), client.login(password=""), client.login(key="")]
    results += [client.connect(password="wrong"), client.login()]
    client.wait(lambda: client.count("state") > 0)
    return {"results": results, "state": client.of("state"), "send": client.send(BUY)}


def wrong_key(client: Client) -> Any:
    result = client.connect(key="OTHER")
    client.wait(lambda: client.count("state") > 1)
    return {"result": result, "state": client.of("state")}


def second_login(client: Client) -> Any:
    """Log in while another process holds the key."""
    return {"result": client.login()}


def hold(client: Client) -> Any:
    """Stay logged in until the venue is told to release events, and see them."""
    client.ready()
    client.wait(lambda: client.count("trade") >= 20)
    client.settle()
    return {"trades": client.count("trade")}


def market_only(client: Client) -> Any:
    assert client.connect(market_only=True) == 0
    client.wait_state(2, 4)
    return {"state": client.of("state"), "count": client.library.GetAccountCount(), "get": client.library.GetAccount()}


def order_faults(client: Client) -> Any:
    """Send the orders that the script spoils, one after the other."""
    client.ready()
    client.release(61)
    out: dict[str, Any] = {}
    rejected = client.send(BUY)
    client.wait_status(rejected, 8)
    out["rejected"] = client.details(rejected)
    silent = client.send(BUY)
    out["silent_message"] = client.last_message
    time.sleep(0.3)
    out["silent"] = client.details(silent)
    partial = client.send(BUY, quantity=4)
    client.wait_status(partial, 2)
    client.password = "wrong"
    stalled = client.send(BUY)
    out["stalled_message"] = client.last_message
    time.sleep(0.3)
    out["stalled"] = client.details(stalled)
    out["results"] = client.of("result")
    out["orders"] = [one for one in client.of("order") if one[0] == partial]
    return out


def order_events(client: Client) -> Any:
    """Send market orders whose events are lost, doubled, swapped, stormed, late: all fill, and details tell."""
    client.ready()
    client.release(61)
    sent: list[int] = []
    took: list[float] = []
    for _ in range(5):
        begun = time.monotonic()
        order = client.send(BUY)
        sent.append(order)
        client.wait(lambda: client.position()[1] == len(sent), 5)
        lost = len(sent) == 1  # nothing ever tells of the first
        client.wait(lambda: 2 in client.statuses(order), 0.5 if lost else 20.0)  # noqa: B023
        took.append(time.monotonic() - begun)
        client.settle()
    seen = [client.statuses(order) for order in sent]
    return {"seen": seen, "took": took, "position": client.position(), "details": [client.details(o) for o in sent]}


def routing_down(client: Client) -> Any:
    client.ready()
    client.release(61)
    lost = client.send(BUY)
    client.wait_status(lost, 204)
    client.wait(lambda: client.of("state")[-1] == (1, 5))
    client.wait(lambda: client.count("account") >= 4)
    good = client.send(BUY)
    client.wait_status(good, 2)
    return {
        "state": client.of("state"), "accounts": client.count("account"), "results": client.of("result"),
        "lost": client.details(lost), "good": client.details(good),
    }  # fmt: skip


def admin(client: Client) -> Any:
    client.ready()
    client.release(31)
    order = client.send(BUY, LIMIT, price=4990.0)
    client.wait_status(order, 0)
    client.release(61)
    client.wait_status(order, 205)
    client.release(62)
    client.wait_state(1, 3)
    client.settle()
    return {"statuses": client.statuses(order), "state": client.of("state")}


def refusals(client: Client) -> Any:
    """Ask for what the library or the exchange refuses."""
    client.ready()
    assert client.subscribe("WDOFUT") == 0
    client.release(61)
    out: dict[str, Any] = {
        "version": client.send(BUY, version=3),
        "account": client.send(BUY, account=(1, "nobody")),
        "ticker": client.send(BUY, ticker="WDOX99"),
        "kind": client.send(BUY, 3),
        "quantity": client.send(BUY, quantity=0),
        "cancel": client.cancel(local_id=99),
    }
    texts = {}
    for name, how in {
        "continuous": {"ticker": "WDOFUT"}, "tick": {"kind": LIMIT, "price": 4990.25},
        "triggered": {"side": BUY, "kind": STOP, "price": 4995.0, "stop": 4990.0},
    }.items():  # fmt: skip
        order = client.send(**{"side": BUY, **how})
        client.wait(lambda: any(s in client.statuses(order) for s in (2, 8)))  # noqa: B023
        texts[name] = [client.details(order)["status"], client.details(order)["text"]]
    stop = client.send(SELL, STOP, price=4980.0, stop=4985.0)
    client.wait_status(stop, 0)
    out["change_stop"] = client.change(stop, 1, 4981.0, 4986.0)
    out["zero"] = client.zero()
    filled = client.send(BUY)
    client.wait_status(filled, 2)
    client.cancel(filled)
    client.wait(lambda: any(one[2] == 9 and one[0] == filled for one in client.of("result")))
    client.settle()
    out["dead"] = client.details(filled)["status"]
    return {**out, "texts": texts}


def forbidden(client: Client) -> Any:
    """Call what may not be called from a callback, and translate a trade after its callback."""
    client.ready()
    kept: list[Any] = []

    def in_trade(pointer: Any, flags: int) -> None:
        kept.append(pointer)
        kept.append(client.send(BUY))
        kept.append(client.subscribe())

    client.in_trade = in_trade
    client.release(4)
    client.settle()
    trade = client.types.records["TConnectorTrade"]()
    late_result = client.library.TranslateTrade(kept[0], ctypes.byref(trade))
    counted = [int(client.wire.header[name][0]) for name in ("forbidden_calls", "late_translations")]
    return {"inside": kept[1:], "late": late_result, "counted": counted}


def history(client: Client) -> Any:
    client.ready()
    out: dict[str, Any] = {
        "old": client.history("01/04/2026 00:00:00", "02/04/2026 00:00:00"),
        "long": client.history("20/05/2026 00:00:00", "02/06/2026 00:00:00"),
        "bad": client.history("2026-06-01", "2026-06-02"),
    }
    client.release(61)
    client.settle()
    client.told.clear()
    parts = {}
    for name, told in {
        "first": ("01/06/2026 00:00:00", "02/06/2026 00:00:00", TICKER),
        "second": ("01/06/2026 00:00:00", "02/06/2026 00:00:00", TICKER),
        "timeless": ("01/06/2026", "02/06/2026", TICKER),
        "expired": ("01/06/2026 00:00:00", "02/06/2026 00:00:00", "WDOM26"),
    }.items():
        if told[2] != TICKER:
            assert client.subscribe(told[2]) == 0
        out[name] = client.history(*told)
        assert client.wait(lambda: ("progress", 100) in client.told)
        client.settle()
        parts[name] = [client.of("history"), [one[0] for one in client.of("progress")]]
        client.told.clear()
    return {**out, "parts": parts}


def stuck_history(client: Client) -> Any:
    client.ready()
    client.release(61)
    begun = time.monotonic()
    client.history("01/06/2026 00:00:00", "02/06/2026 00:00:00")
    assert client.wait(lambda: ("progress", 99) in client.told)
    assert client.wait(lambda: ("progress", 100) in client.told)
    return {"took": time.monotonic() - begun, "progress": [one[0] for one in client.of("progress")]}


def hidden_orders(client: Client) -> Any:
    """After a death: the list of orders is told loaded and empty, and is whole a while later."""
    client.ready()
    client.load_orders()
    client.wait(lambda: client.count("orders_loaded") >= 1)
    first = client.orders()
    client.wait(lambda: client.count("orders_loaded") >= 2)
    return {"first": first, "then": len(client.orders())}


def details(client: Client) -> Any:
    """Read accounts, agents, the clock and the last close, all of two passes where the vendor has two."""
    client.ready()
    out: dict[str, Any] = {"count": client.library.GetAccountCount()}
    array = (client.types.records["TConnectorAccountIdentifierOut"] * 4)()
    out["copied"] = client.library.GetAccounts(0, 1, 2, array)
    out["accounts"] = [
        [one.BrokerID, bytes(one.AccountID)[: 2 * one.AccountIDLength].decode("utf-16-le")] for one in array
    ]
    told = client.types.records["TConnectorTradingAccountOut"](Version=1)
    told.AccountID = client.account()
    out["pass1"] = [client.library.GetAccountDetails(ctypes.byref(told)), told.BrokerNameLength, told.OwnerNameLength]
    name = (ctypes.c_uint16 * told.BrokerNameLength)()
    told.BrokerName = ctypes.addressof(name)
    out["pass2"] = client.library.GetAccountDetails(ctypes.byref(told))
    out["broker"] = bytes(name).decode("utf-16-le")
    out["by_broker"] = [client.library.GetAccountCountByBroker(one) for one in (1001, 7)]
    length = client.library.GetAgentNameLength(85, 0)
    buffer = (ctypes.c_uint16 * (length + 1))()
    out["agent"] = [length, client.library.GetAgentName(length, 85, ctypes.addressof(buffer), 0)]
    out["agent_name"] = bytes(buffer)[: 2 * length].decode("utf-16-le")
    out["no_agent"] = client.library.GetAgentNameLength(424242, 1)
    parts = [ctypes.c_int32() for _ in range(7)]
    days = ctypes.c_double()
    client.release(4)
    client.settle()
    client.wait(lambda: int(client.wire.header["clock_ms"][0]) > 0)
    out["clock"] = client.library.GetServerClock(ctypes.byref(days), *map(ctypes.byref, parts))
    out["clock_parts"], out["days"] = [one.value for one in parts], days.value
    close = ctypes.c_double()
    out["close"] = [client.library.GetLastDailyClose(wide(TICKER), wide("F"), ctypes.byref(close), 0) for _ in range(2)]
    out["sub"] = client.library.GetSubAccountCount(ctypes.byref(client.account()))
    out["absent"] = client.library.SendMarketBuyOrder(*[wide("")] * 5, 1)
    return out


def offers(client: Client) -> Any:
    client.ready()
    client.release(3)
    assert client.library.SubscribeOfferBook(wide(TICKER), wide("F")) == 0
    assert client.wait(lambda: client.count("offer") >= 1)
    client.release(7)
    client.settle()
    return client.of("offer")


def finalize(client: Client) -> Any:
    client.ready()
    result = client.library.DLLFinalize()
    return {"result": result, "state": client.of("state")[-3:], "again": client.login(), "send": client.send(BUY)}
