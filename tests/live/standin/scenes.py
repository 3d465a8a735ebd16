"""What a client does, each scene in a process of its own; it returns what the test looks at."""

import ctypes
import os
import time
from typing import Any

from tests.live.standin.client import BUY, LIMIT, REAL, SELL, STOP, Client


def trades(client: Client) -> Any:
    client.ready()
    client.library.SubscribePriceDepth(ctypes.byref(client.asset()))
    client.release(61)
    client.settle()
    return {kind: client.of(kind) for kind in ("state", "account", "trade", "depth", "tiny", "daily", "phase")}


def depth(client: Client) -> Any:
    """Subscribe to the depth halfway, hear the rest, read every level of both sides."""
    client.ready()
    served = int(client.wire.header["pad7"][0])
    client.release(served // 2)
    client.library.SubscribePriceDepth(ctypes.byref(client.asset()))
    client.wait(lambda: client.count("depth") > 0)
    client.release(served)
    client.settle()
    return {"book": [client.levels(side) for side in (0, 1)], "depth": client.of("depth")}


def auction(client: Client) -> Any:
    client.ready()
    client.library.SubscribePriceDepth(ctypes.byref(client.asset()))
    client.release(5)
    client.settle()
    price, quantity = ctypes.c_double(), ctypes.c_int64()
    result = client.library.GetTheoreticalValues(
        ctypes.byref(client.asset()), ctypes.byref(price), ctypes.byref(quantity)
    )
    out = {"values": [result, price.value, quantity.value], "during": client.levels(0)}
    client.release(6)
    client.settle()
    return {
        **out, "after": client.levels(0), "phase": [one[1] for one in client.of("phase")],
        "updates": [one[2] for one in client.of("depth")], "flags": [one[2] for one in client.of("trade")],
    }  # fmt: skip


def orders(client: Client) -> Any:
    """Market buy, resting limit changed and cancelled, stop, zero: a plain session."""
    client.ready()
    client.release(61)
    out: dict[str, Any] = {}
    bought = client.send(BUY, quantity=3)
    out["message"] = client.last_message
    client.wait_status(bought, 2)
    out["bought"], out["position"] = client.details(bought), client.position()
    limit = client.send(BUY, LIMIT, 2, price=4990.0)
    client.wait_status(limit, 0)
    out["limit"] = client.details(limit)
    out["change"] = client.change(limit, 4, 4991.0)
    client.wait_status(limit, 5)
    out["changed"] = client.details(limit)
    out["cancel"] = client.cancel(limit)
    client.wait_status(limit, 4)
    out["canceled"] = client.details(limit)
    stop = client.send(SELL, STOP, 3, price=4980.0, stop=4985.0)
    client.wait_status(stop, 0)
    out["stop"] = client.details(stop)
    out["zero"] = zero = client.zero()
    client.wait_status(zero, 2)
    out["flat"] = client.position()
    out["cancel_all"] = client.cancel_all()
    client.wait_status(stop, 4)
    out["zero_flat"] = client.zero()
    client.settle()
    out["ids"] = [bought, limit, stop, zero]
    out["statuses"] = [client.statuses(one) for one in out["ids"]]
    out["results"], out["orders"] = client.of("result"), client.of("order")
    out["positions"] = client.of("position")
    return out


def parts(client: Client) -> Any:
    """Fill a limit in part and cancel the rest; turn the long position into a short one; fill the other account."""
    client.ready()
    client.release(61)
    bought = client.send(BUY, LIMIT, 30, price=5000.5)
    client.wait_status(bought, 1)
    client.cancel(bought)
    client.wait_status(bought, 15)
    out = {"part": client.details(bought), "long": client.position(), "other": client.position(REAL)}
    client.release(64)
    sold = client.send(SELL, quantity=25)
    client.wait_status(sold, 2)
    out["sold"], out["short"] = client.details(sold), client.position()
    real = client.send(SELL, account=REAL)
    client.wait_status(real, 2)
    return {**out, "real": client.position(REAL), "unchanged": client.position()}


def killed(client: Client) -> Any:
    """Leave a position and a working order behind and die."""
    client.ready()
    client.release(61)
    bought = client.send(BUY, quantity=2)
    assert client.wait_status(bought, 2)
    limit = client.send(BUY, LIMIT, 2, price=4990.0)
    assert client.wait_status(limit, 0)
    os.kill(os.getpid(), 9)


def again(client: Client) -> Any:
    """Log in after a death: orders and position are there, once they are asked for."""
    client.ready()
    out: dict[str, Any] = {"empty": client.orders(), "code": client.last_enumeration, "ask": client.load_orders()}
    client.wait(lambda: client.count("orders_loaded") > 0)
    out["old_id"] = client.details(10_001)
    out["asked"], out["orders"], out["position"] = client.load_orders(), client.orders(), client.position()
    working = next((one for one in out["orders"] if one["status"] == 0), None)
    if working:
        out["cancel"] = client.cancel(cl_ord_id=working["cl"])
        client.wait(lambda: any(one[2].get("status") == 4 for one in client.of("order")))
        out["details"] = client.details(cl_ord_id=working["cl"])
    time.sleep(0.05)
    return out
