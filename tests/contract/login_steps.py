"""What a desk does that may not get in."""

import time
from typing import Any

from tests.contract.desk import Desk, refusal


def enter(desk: Desk) -> Any:
    """Log in; say how that ended, and how long it took."""
    began = time.monotonic()
    said = refusal(lambda: desk.connection)
    return {"said": said if said[0] else ["", "connected"], "took": time.monotonic() - began}


def hold(desk: Desk) -> Any:
    """Stay logged in until the venue tells a trade, as long as another process tries."""
    desk.market.subscribe(desk.ticker)
    patience_s = desk.patience_s(30, 90)
    alive = desk.wait(lambda: (desk.heard["kind"] == 1).any(), patience_s)
    return [bool(alive), desk.connection.states()]


def lose_license(desk: Desk) -> Any:
    """Connect fully, and be told a moment later that the licence does not hold."""
    connected = refusal(lambda: desk.connection.check())
    desk.wait(lambda: refusal(lambda: desk.connection.check())[0], 5.0)
    return [connected, refusal(lambda: desk.connection.check())]


ENTER, HOLD, LICENSE = [enter], [enter, hold], [lose_license]
