"""What a desk does that may not get in."""

from typing import Any

from market.types import Kind
from tests.contract.desk import Desk, refusal


def enter(desk: Desk) -> Any:
    """Log in and say how that ended."""
    said = refusal(lambda: desk.connection)
    return {"said": said if said[0] else ["", "connected"]}


def hold(desk: Desk) -> Any:
    """Stay logged in until the venue tells a trade, as long as another process tries."""
    desk.market.subscribe(desk.ticker)
    alive = desk.wait(lambda: (desk.heard["kind"] == Kind.TRADE).any(), 200.0)
    return [bool(alive), desk.connection.states()]


def lose_license(desk: Desk) -> Any:
    """Connect fully, and be told a moment later that the licence does not hold."""
    connected = refusal(lambda: desk.connection.check())
    desk.wait(lambda: refusal(lambda: desk.connection.check())[0], 5.0)
    return [connected, refusal(lambda: desk.connection.check())]


ENTER, HOLD, LICENSE = [enter], [enter, hold], [lose_license]
