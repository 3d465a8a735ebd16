"""What a desk does for the cards of orders; each step in its turn, on one session and one account."""

import time
from dataclasses import replace
from threading import Thread
from typing import Any

from live.profitdll.accounts import AccountParams, Contract, contract
from live.profitdll.notices import NoticeKind, text_of
from live.profitdll.order_codes import PositionType
from live.profitdll.orders import Terms
from market.types import Kind
from tests.contract.desk import Desk, refusal, told_of
from trading.records import OrderState

WORKING, FILLED, CANCELED = OrderState.ACCEPTED, OrderState.FILLED, OrderState.CANCELED
REJECTED, EXPIRED = OrderState.REJECTED, OrderState.EXPIRED
DAY_TRADE = PositionType.DAY_TRADE


def held(desk: Desk) -> list[Any]:
    found = desk.position()
    return [found.quantity, found.average_price]


def rest(desk: Desk, below: int = 20, quantity: int = 2) -> Any:
    """Leave a limit order to buy, ticks below the best bid."""
    sent = desk.send(1, quantity, limit=desk.best(1) - below)
    desk.reach_state(sent, WORKING)
    return sent


def told_result(desk: Desk, sent: Any, code: int) -> list[Any]:
    """Wait for how far a request got, and return it with its text."""
    desk.wait(lambda: sent.code >= code, 5.0)
    return [sent.code, sent.text]


def guard(desk: Desk) -> Any:
    """Ask for an account that is no simulator's, and for the simulator under another broker's name."""
    desk.market.subscribe(desk.ticker)
    desk.reach("open")
    simulator = desk.account.params
    assert desk.position().quantity == 0, f"{simulator}: expected a flat account, found a position; close it"
    real = AccountParams(1001, "700123", "Corretora Exemplo")
    other = replace(simulator, broker_name="Outro simulador")
    return [refusal(lambda: desk.confirm(real)), refusal(lambda: desk.accounts.confirm(other))]


def market_order(desk: Desk) -> Any:
    ask, before = desk.best(-1), held(desk)
    sent = desk.send(1, 3)
    found = desk.reach_state(sent, FILLED)
    accepted = told_result(desk, sent, 10)
    return {"order": found, "ask": ask, "result": accepted, "before": before, "after": held(desk)}


def limit_order(desk: Desk) -> Any:
    limit = desk.best(1) - 20
    sent = desk.send(1, 2, limit=limit)
    found = desk.reach_state(sent, WORKING)

    def ids() -> list[str]:
        said = desk.told(NoticeKind.ORDER)
        return [text_of(one["text"]) for one in said[said["order"] == sent.local_id]]

    desk.wait(lambda: any(ids()), 5.0)
    return {"order": found, "limit": limit, "sent": sent.local_id, "ids": ids()}


def change_order(desk: Desk) -> Any:
    sent, limit = rest(desk), desk.best(1) - 15
    assert desk.orders is not None
    desk.orders.change(desk.traded, sent.local_id, "", Terms(1, 4, limit=limit))
    desk.wait(lambda: told_of(desk.read(sent)).get("quantity") == 4, 5.0)
    return {"order": told_of(desk.read(sent)), "limit": limit}


def cancel_order(desk: Desk) -> Any:
    """Cancel a working order, the same again, and one that nobody knows."""
    assert desk.orders is not None
    sent = rest(desk)
    desk.orders.cancel(sent.local_id)
    found = desk.reach_state(sent, CANCELED)
    again = desk.orders.cancel(sent.local_id)
    refused = told_result(desk, again, 9)
    return {
        "order": found, "again": refused, "after": told_of(desk.read(sent)),
        "unknown": refusal(lambda: desk.orders.cancel(987_654)),  # type: ignore[union-attr]
    }  # fmt: skip


def stop_order(desk: Desk) -> Any:
    bid = desk.best(1)
    sent = desk.send(-1, 3, limit=bid - 40, trigger=bid - 30)
    return {"order": desk.reach_state(sent, WORKING), "limit": bid - 40, "trigger": bid - 30}


def cancel_many(desk: Desk) -> Any:
    """Cancel what works in one contract, and then everything."""
    assert desk.orders is not None
    desk.orders.cancel_all()
    here = [rest(desk), rest(desk, 25)]
    others = []
    if desk.wire is not None:
        desk.market.subscribe("WDOM26")
        others.append(desk.orders.send(contract("WDOM26"), Terms(1, 1, limit=9_900)))
        desk.reach_state(others[0], WORKING)
    desk.orders.cancel_contract(desk.traded)
    one = [desk.reach_state(sent, CANCELED)["state"] for sent in here]
    spared = [told_of(desk.read(sent))["state"] for sent in others]
    last = rest(desk)
    desk.orders.cancel_all()
    return {
        "one": one,
        "spared": spared,
        "all": [desk.reach_state(sent, CANCELED)["state"] for sent in [*others, last]],
    }


def zero_position(desk: Desk) -> Any:
    """Close a position, and close it again though there is none."""
    assert desk.orders is not None
    before = held(desk)
    sent = desk.orders.zero(desk.traded, DAY_TRADE)
    desk.wait(lambda: desk.position().quantity == 0, 5.0)
    after = held(desk)
    return {"before": before, "sent": sent is not None, "after": after, "again": zero_flat(desk)}


def zero_flat(desk: Desk) -> Any:
    assert desk.orders is not None or desk.open_orders()
    return refusal(lambda: desk.orders.zero(desk.traded, DAY_TRADE))  # type: ignore[union-attr]


def wrong_ticker(desk: Desk) -> Any:
    """Name a contract that does not exist, one that was not subscribed, and a continuous series."""
    assert desk.orders is not None
    send = desk.orders.send
    return [
        refusal(lambda: send(contract("WDOF40"), Terms(1, 1))),
        refusal(lambda: send(contract("WDOZ39"), Terms(1, 1))),
        refusal(lambda: contract("WDOFUT")),
    ]


def off_tick(desk: Desk) -> Any:
    """Send a price between two ticks, as a wrong tick size would."""
    assert desk.orders is not None
    wrong = Contract(desk.ticker, replace(desk.traded.instrument, tick_size=0.25))
    sent = desk.orders.send(wrong, Terms(1, 1, limit=2 * desk.best(1) - 41))
    found = desk.reach_state(sent, REJECTED)
    told_result(desk, sent, 9)
    return {"order": found, "rejected": [[one.local_id, one.code, one.text] for one in desk.orders.rejected()]}


def rejected(desk: Desk) -> Any:
    """Have orders rejected by the broker and by its risk control."""
    out = {}
    for moment in ("by_broker", "by_risk"):
        desk.reach(moment)
        sent = desk.send(1, 1)
        found = desk.reach_state(sent, REJECTED)
        desk.wait(lambda: sent in desk.orders.rejected(), 5.0)  # type: ignore[union-attr]  # noqa: B023
        out[moment] = [found["state"], found["text"], sent.code, sent.text]
    return out


def partial_fill(desk: Desk) -> Any:
    """Buy more than is offered, and cancel what is left."""
    assert desk.orders is not None
    desk.reach("partial")
    before = desk.position().quantity
    sent = desk.send(1, 30, limit=desk.best(-1))
    part = desk.reach_state(sent, OrderState.PARTIALLY_FILLED)
    desk.orders.cancel(sent.local_id)
    end = desk.reach_state(sent, CANCELED)
    return {"part": part, "end": end, "gained": desk.position().quantity - before}


def fill_in_parts(desk: Desk) -> Any:
    desk.reach("in_parts")
    before = desk.position().quantity
    sent = desk.send(1, 4)
    return {"order": desk.reach_state(sent, FILLED), "gained": desk.position().quantity - before}


def triggered_stop(desk: Desk) -> Any:
    """Send a stop whose trigger was reached before, as seen from the last trade."""
    ask = desk.best(-1)
    sent = (desk.orders or desk.open_orders()).send(desk.traded, Terms(1, 1, limit=ask + 10, trigger=ask - 10))
    return desk.reach_state(sent, REJECTED, FILLED)


def stop_fires(desk: Desk) -> Any:
    """Let the market fall through a stop."""
    before = desk.position().quantity
    sent = desk.send(-1, 2, limit=9_940, trigger=9_960)
    waiting = desk.reach_state(sent, WORKING)
    desk.reach("fell")
    found = desk.reach_state(sent, FILLED)
    desk.reach("rose")
    return {"waiting": waiting["state"], "order": found, "gained": desk.position().quantity - before}


def wrong_password(desk: Desk) -> Any:
    """Send an order with a wrong routing password, and let five seconds pass."""
    good = desk.orders
    orders = desk.open_orders(routing_password="not-the-password")
    sent = orders.send(desk.traded, Terms(1, 1))
    told_result(desk, sent, 4)
    time.sleep(0.1)
    desk.listen()
    early = orders.stalled()
    desk.now_s[0] += 6.0
    late, state = orders.stalled(), told_of(desk.read(sent))["state"]
    desk.orders = good
    return {"code": sent.code, "early": early, "late": late, "state": state}


def silent_drop(desk: Desk) -> Any:
    desk.reach("silent")
    sent, before = desk.send(1, 1), desk.position().quantity
    told_result(desk, sent, 4)
    time.sleep(0.1)
    desk.now_s[0] += 6.0
    assert desk.orders is not None
    said = [one for one in desk.orders.stalled() if f"order {sent.local_id}:" in one]
    return {"said": said, "state": told_of(desk.read(sent))["state"], "gained": desk.position().quantity - before}


def not_connected(desk: Desk) -> Any:
    """Send while routing is down, and while the broker is; the market goes on."""
    assert desk.orders is not None
    assert desk.wire is not None
    out = {}
    for moment in ("routing_down", "broker_down"):
        desk.reach(moment)
        desk.wait(lambda: not desk.connection.has_routing(), 2.0)
        asked = int(desk.wire.header["request_head"][0])
        said = refusal(lambda: desk.send(1, 1))
        sent = int(desk.wire.header["request_head"][0]) - asked
        out[moment] = [said, sent, desk.connection.has_market(), desk.wait(desk.connection.has_routing)]
    return out


def disordered_events(desk: Desk) -> Any:
    """Send orders whose events are lost, doubled, swapped, stormed and late."""
    out = {}
    for moment in ("orders_lost", "orders_duplicated", "orders_reordered", "order_storm", "orders_late"):
        desk.reach(moment)
        before = desk.position().quantity
        sent = desk.send(1, 1)
        found = desk.reach_state(sent, FILLED)
        time.sleep(0.02)
        desk.settle()
        again = told_of(desk.read(sent))
        gained = desk.position().quantity - before
        out[moment] = {"found": found["state"], "again": again, "code": sent.code, "gained": gained}
    out["dropped"] = desk.connection.notices.dropped
    return out


def hanging_call(desk: Desk) -> Any:
    """Send an order into a library that hangs, and look at everything else meanwhile."""
    desk.reach("hang")
    before, sent, known = desk.position().quantity, [], desk.heard.size
    began = time.monotonic()
    thread = Thread(target=lambda: sent.append(desk.send(1, 1)))
    thread.start()
    desk.reach("meanwhile")
    heard = desk.heard["kind"][known:].tolist().count(int(Kind.TRADE))
    during = {"trades": heard, "alive": thread.is_alive(), "position": desk.position().quantity - before}
    thread.join(10.0)
    took = time.monotonic() - began
    state = desk.reach_state(sent[0], FILLED)["state"]
    return {**during, "took": took, "state": state, "gained": desk.position().quantity - before}


def canceled_by_admin(desk: Desk) -> Any:
    sent = rest(desk)
    desk.reach("admin")
    return desk.reach_state(sent, CANCELED)


def closed_market(desk: Desk) -> Any:
    """Leave an order to the end of the session, and send another after it."""
    left = rest(desk)
    desk.reach("closed")
    ended = desk.reach_state(left, EXPIRED)
    sent = desk.send(1, 1, limit=9_990)
    found = desk.reach_state(sent, REJECTED)
    return {"left": ended["state"], "order": found, "result": told_result(desk, sent, 9)}


def change_stop(desk: Desk) -> Any:
    """Change a stop where the broker's side refuses that; then cancel it and send another."""
    bid, orders = desk.best(1), desk.open_orders()
    sent = desk.send(-1, 1, limit=bid - 40, trigger=bid - 30)
    desk.reach_state(sent, WORKING)
    said = refusal(lambda: orders.change(desk.traded, sent.local_id, "", Terms(-1, 1, bid - 38, bid - 28)))
    stands = told_of(desk.read(sent))
    orders.cancel(sent.local_id)
    ended = desk.reach_state(sent, CANCELED)["state"]
    anew = desk.reach_state(desk.send(-1, 1, limit=bid - 38, trigger=bid - 28), WORKING)
    return {"said": said, "stands": stands, "trigger": bid - 30, "ended": ended, "anew": anew["state"]}


PLAIN = [
    guard, market_order, limit_order, change_order, cancel_order, stop_order, cancel_many, zero_position, wrong_ticker,
    off_tick,
]  # fmt: skip
FAULTY = [
    rejected, partial_fill, fill_in_parts, triggered_stop, stop_fires, wrong_password, silent_drop, not_connected,
    disordered_events, hanging_call, canceled_by_admin, closed_market,
]  # fmt: skip
OTHERWISE = [guard, zero_flat, change_stop, triggered_stop]
