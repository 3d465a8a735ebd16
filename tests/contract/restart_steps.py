"""What desks do that die and come back, one process after the other, on one account."""

import os
import time
from typing import Any

from live.profitdll.notices import NoticeKind
from live.profitdll.order_details import all_orders, order_details, orders_loaded
from tests.contract.desk import Desk, told_of
from trading.records import OrderState


def leave(desk: Desk) -> Any:
    """Leave a position and a working order behind."""
    desk.market.subscribe(desk.ticker)
    desk.reach("open")
    bought = desk.send(1, 2)
    desk.reach_state(bought, OrderState.FILLED)
    rests = desk.send(1, 3, limit=desk.best(1) - 20)
    desk.reach_state(rests, OrderState.ACCEPTED)
    return [bought.local_id, rests.local_id]


def die(desk: Desk) -> Any:
    os.kill(os.getpid(), 9)


def _listed(desk: Desk) -> list[Any]:
    return [
        [one.permanent_id, one.local_id, int(one.state), one.quantity, one.traded, one.price, one.side]
        for one in all_orders(desk.connection.library, desk.account)
    ]


def find(desk: Desk) -> Any:
    """Look for what an earlier process left: before asking, while the list is empty, and once it is whole."""
    desk.market.subscribe(desk.ticker)
    library, account = desk.connection.library, desk.account
    out: dict[str, Any] = {"unasked": _listed(desk), "loaded": orders_loaded(library, account, desk.day)}
    desk.wait(lambda: len(desk.told(NoticeKind.ORDERS_LOADED)) >= 1)
    out["said_loaded"], out["empty"] = orders_loaded(library, account, desk.day), _listed(desk)
    found = desk.position()
    out["position"] = [found.quantity, found.average_price]
    desk.wait(lambda: len(desk.told(NoticeKind.ORDERS_LOADED)) >= 2)
    out["orders"] = _listed(desk)
    return out


def find_again(desk: Desk) -> Any:
    """Look for what the crashed process left, and cancel the order by its permanent id."""
    library, account = desk.connection.library, desk.account
    desk.market.subscribe(desk.ticker)
    orders_loaded(library, account, desk.day)
    desk.wait(lambda: len(desk.told(NoticeKind.ORDERS_LOADED)) >= 1)
    listed, held = _listed(desk), desk.position()
    working = next(one for one in listed if one[2] == OrderState.ACCEPTED)
    orders = desk.open_orders()
    orders.cancel(0, working[0])

    def now() -> dict[str, Any]:
        return told_of(order_details(library, 0, working[0]))

    desk.wait(lambda: now()["state"] == OrderState.CANCELED, 5.0)
    return {"orders": listed, "position": held.quantity, "end": now(), "sought": working[0]}


def crash(desk: Desk) -> Any:
    """Let a callback of the library die of an access violation."""
    assert desk.wire is not None
    desk.wire.header["released"] = desk.moments["crash"]
    time.sleep(20.0)
    return "alive"


def finish(desk: Desk) -> Any:
    """End the session properly."""
    desk.connection.close()
    return desk.connection.states()


LEAVE, FIND, AGAIN = [leave, die], [find, crash], [find_again, finish]
