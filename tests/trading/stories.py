"""A desk and its venue, told step by step: what was sent, what the venue did, what it came to."""

import pytest

from market.types import Side
from tests.trading.desks import START, Request, Venue, build_desk, pass_time, position, send_entry, sent, tell
from trading.core import Capacity
from trading.exits import ExitParams

both_ways = pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
ENTRY, STOP, TARGET, FLATTEN = 1, 2, 3, 4  # ids in the order in which a plain bracket makes them


class Story:
    """A desk and its venue; prices are told as for a long position, and mirrored at START for a short one."""

    def __init__(
        self, side: int, quantity: int = 3, exits: ExitParams | None = None, capacity: Capacity | None = None
    ) -> None:
        self.side, self.desk, self.venue, self.read = int(side), build_desk(exits, capacity), Venue(), 0
        send_entry(self.desk, self.side, quantity)

    def mirrored(self, price: int) -> int:
        return price if self.side > 0 or price == 0 else 2 * START - price

    def news(self) -> list[Request]:
        """Return what was sent since the last look, as a long position would have sent it; the venue takes nothing."""
        fresh = sent(self.desk, self.read)
        self.read += len(fresh)
        return [
            (kind, number, role, self.side * way, quantity, self.mirrored(limit), self.mirrored(trigger))
            for kind, number, role, way, quantity, limit, trigger in fresh
        ]

    def take(self, refuse: bool = False, reason: str = "NONE") -> list[Request]:
        """Let the venue take what was sent, or refuse it, and the desk hear of it; return what that was."""
        fresh = sent(self.desk, self.read)
        shown = self.news()
        for request in fresh:
            self.venue.take(request, refuse, reason)
        self.hear()
        return shown

    def hear(self) -> None:
        while self.venue.outbox:
            tell(self.desk, *self.venue.outbox.pop(0))

    def fill(self, number: int, quantity: int, price: int) -> None:
        self.venue.fill(number, quantity, self.mirrored(price))
        self.hear()

    def wait(self, seconds: float, mark: int | None = None) -> None:
        pass_time(self.desk, seconds, None if mark is None else self.mirrored(mark))

    def open(self, quantity: int = 3) -> "Story":
        """Fill the entry and let both legs work."""
        self.take()
        self.fill(ENTRY, quantity, START)
        self.take()
        self.news()
        return self

    def held(self) -> int:
        return self.side * position(self.desk)

    def won(self) -> int:
        """Return ticks won, nothing being open."""
        assert self.held() == 0
        return int(self.desk.account[0]["cash_ticks"])


def new(number: int, role: str, quantity: int, limit: int = 0, trigger: int = 0, way: int = -1) -> Request:
    return ("NEW", number, role, way, quantity, limit, trigger)
