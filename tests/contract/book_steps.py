"""What a desk does for the cards of the books: one subscription, a lost connection in the middle."""

from typing import Any

from live.profitdll.table import OFFERS_LOST
from market.types import Kind
from tests.contract.desk import Desk


def _hear(desk: Desk, **book: bool) -> Any:
    desk.reach("begun")
    desk.market.subscribe(desk.ticker, **book)
    desk.wait(lambda: (desk.heard["kind"] == Kind.LEVEL_SET).any(), desk.patience_s(5, 60))
    desk.settle()
    parts = {"subscribed": desk.take_events()}
    desk.reach("half")
    parts["half"] = desk.take_events()
    if desk.wire is not None:
        desk.reach("down")
        desk.wait(lambda: not desk.connection.has_market())
        parts["last"] = desk.take_events()
        desk.reach("lost")
        parts["down"] = desk.take_events()
        requests = int(desk.wire.header["request_head"][0])
        assert desk.wait(desk.connection.has_market)
        desk.settle()
        parts["asked"] = int(desk.wire.header["request_head"][0]) - requests
        parts["anew"] = desk.take_events()
        desk.reach("end")
        parts["end"] = desk.take_events()
    desk.market.unsubscribe(desk.ticker)
    return parts | {"lost": desk.connection.events.dropped + desk.connection.table[OFFERS_LOST]}


def depth(desk: Desk) -> Any:
    return _hear(desk, depth=True)


def offers(desk: Desk) -> Any:
    return _hear(desk, offers=True)


DEPTH, OFFERS = [depth], [offers]
