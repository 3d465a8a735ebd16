"""What a desk does for the cards of market data; each step in its turn, on one session."""

import time
from typing import Any

import numpy as np

from live.profitdll import table
from live.profitdll.notices import NoticeKind
from live.profitdll.table import Counter
from market.types import Kind
from tests.contract.desk import Desk


def counters(desk: Desk) -> dict[str, int]:
    return {one.name: desk.connection.table[one] for one in Counter}


def losses(desk: Desk) -> list[int]:
    return [desk.connection.events.dropped, desk.connection.notices.dropped]


def subscribe(desk: Desk) -> Any:
    """Hear trades, quotes, phases and the day's figures of one contract."""
    made = desk.market.subscribe(desk.ticker)
    desk.reach("trades")
    desk.wait(made.lives, desk.patience_s(5, 120))
    heard, words = desk.take_events(), made.block.view(np.float64)
    figures = [float(words[table.DAILY_VOLUME // 8]), made.word(table.DAILY_QUANTITY), made.word(table.DAILY_TRADES)]
    return {"events": heard, "lost": losses(desk), "daily": figures, "phase": made.word(table.PHASE)}


def unknown_ticker(desk: Desk) -> Any:
    made = desk.market.subscribe("WDOF40")
    desk.wait(lambda: made.refused, desk.patience_s(5, 30))
    return [made.refused, [one for one in desk.market.alarms(True) if one.startswith("WDOF40")]]


def proof_of_life(desk: Desk) -> Any:
    """Subscribe to a contract that brings nothing, and let 30 s pass."""
    desk.market.subscribe("WDOM26")
    early = desk.market.alarms(True)
    desk.now_s[0] += 31.0
    late, closed = desk.market.alarms(True), desk.market.alarms(False)
    return {name: [one for one in said if one.startswith("WDOM26")] for name, said in
            {"early": early, "late": late, "closed": closed}.items()}  # fmt: skip


def edit(desk: Desk) -> Any:
    desk.reach("edit")
    return desk.take_events()


def sentinels(desk: Desk) -> Any:
    before = counters(desk)["SENTINELS"]
    desk.reach("sentinels")
    desk.take_events()
    desk.reach("after_sentinels")
    return [counters(desk)["SENTINELS"] - before, desk.take_events()]


def auction(desk: Desk) -> Any:
    desk.reach("auction")
    block = desk.market.subscriptions[desk.ticker].block
    words = block.view(np.float64)
    theoretical = [float(words[table.THEORETICAL_PRICE // 8]), int(block[table.THEORETICAL_QUANTITY // 8])]
    heard = desk.take_events()
    desk.reach("open_again")
    return [theoretical, heard, desk.take_events()]


def disorder(desk: Desk) -> Any:
    """Trades are told twice, in another order, and lost."""
    desk.reach("disorder")
    desk.take_events()
    block = desk.market.subscriptions[desk.ticker]
    before = [block.word(table.NUMBER_BACK), block.word(table.NUMBER_JUMPS)]
    desk.reach("after_disorder")
    after = [block.word(table.NUMBER_BACK), block.word(table.NUMBER_JUMPS)]
    return [desk.take_events(), [b - a for a, b in zip(before, after, strict=True)]]


def slow_client(desk: Desk) -> Any:
    """Market data report that the client is too slow, and then that it is not."""
    desk.take_events()
    desk.reach("partial")
    states = [desk.connection.states()["market"], desk.connection.has_market()]
    desk.wait(lambda: desk.connection.states()["market"] == 4)
    desk.reach("after_partial")
    return [states, desk.take_events()]


def routing_apart(desk: Desk) -> Any:
    """Routing goes down and comes back, while the market goes on."""
    desk.confirm()
    known, announced = len(desk.accounts.names), len(desk.told(NoticeKind.ACCOUNT))
    desk.reach("routing_down")
    desk.wait(lambda: not desk.connection.has_routing())
    during = [desk.connection.has_market(), desk.connection.has_routing()]
    desk.take_events()
    desk.reach("meanwhile")
    heard = desk.take_events()
    back = desk.wait(desk.connection.has_routing)
    desk.wait(lambda: len(desk.told(NoticeKind.ACCOUNT)) > announced)
    return {
        "during": during, "heard": heard, "back": back, "known": [known, len(desk.accounts.names)],
        "announced": len(desk.told(NoticeKind.ACCOUNT)) - announced,
    }  # fmt: skip


def frozen(desk: Desk) -> Any:
    """The callbacks' thread stands still for a while."""
    desk.take()
    assert desk.wire is not None
    header, count = desk.wire.header, desk.moments["thawed"]
    header["released"] = count
    desk.wait(lambda: int(header["served"][0]) >= count and desk.connection.table[table.HEALTH] == 1)
    desk.market.subscribe("WDOFUT")
    desk.now_s[0] += 31.0
    said = [one for one in desk.market.alarms(True) if one.startswith("WDOFUT")]
    desk.wait(lambda: desk.connection.table[table.HEALTH] == 0)
    desk.market.unsubscribe("WDOFUT")
    desk.settle()
    heard = desk.take()
    return [said, [int(one) for one in desk.told(NoticeKind.HEALTH)["code"]], heard["trade_number"].tolist()]


def storm(desk: Desk) -> Any:
    """Forty thousand trades come while Python is busy and reads nothing."""
    desk.take()
    assert desk.wire is not None
    header, count = desk.wire.header, desk.moments["storm"]
    header["released"] = count
    until, turns = time.monotonic() + 20.0, 0
    while int(header["served"][0]) < count and time.monotonic() < until:
        turns += sum(range(2000))  # Python's own work: it holds the GIL
    desk.settle()
    heard = desk.take()
    numbers = heard["trade_number"][heard["kind"] == Kind.TRADE]
    steps = np.unique(np.diff(numbers)).tolist()
    return {"ends": [int(numbers[0]), int(numbers[-1])], "steps": steps, "lost": losses(desk), "busy": turns > 0}


def unsubscribe(desk: Desk) -> Any:
    """Ask for no more; the market goes down and comes back after that."""
    desk.market.unsubscribe(desk.ticker)
    desk.now_s[0] += 31.0
    said = [one for one in desk.market.alarms(True) if one.startswith(desk.ticker)]
    desk.settle()
    desk.take()
    desk.reach("down_again")
    desk.wait(lambda: not desk.connection.has_market())
    back = desk.wait(desk.connection.has_market)
    desk.settle()
    desk.reach("end")
    return [back, said, desk.take_events()]


PLAIN = [subscribe, unknown_ticker]
RECORDED = [proof_of_life, edit, sentinels, auction, disorder, slow_client, routing_apart, frozen, storm, unsubscribe]
