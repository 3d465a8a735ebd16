"""Recorded sessions made by hand for the stand-in, with moments at which cards act and faults begin."""

from pathlib import Path
from typing import Any

import numpy as np

from market.types import Kind, Side
from tests.factories import WDO, make_event, make_quote, make_trade

BID, ASK = 10_000, 10_001  # ticks: 5000.0 and 5000.5
BID_SIZE, ASK_SIZE = 30, 20


class Recording:
    """A session of WDO under construction. Each moment ends with an event of its own, before which nothing happens."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = [make_event(Kind.STATE, 0)]
        self.moments: dict[str, int] = {}
        self.faults: list[dict[str, Any]] = []
        self._at_s, self._number = 1.0, 0

    def add(self, kind: Kind, **fields: int) -> None:
        """Add an event a tenth of a second after the one before."""
        self._at_s += 0.1
        self.parts.append(make_event(kind, self._at_s, **fields))

    def trade(self, price: int = ASK, quantity: int = 2, side: Side = Side.BUY, **fields: int) -> int:
        """Add a trade and return its number."""
        self._at_s += 0.1
        self._number += 1
        fields = {"trade_number": self._number, "buyer": 3, "seller": 85} | fields
        self.parts.append(make_trade(self._at_s, price, quantity, side, **fields))
        return self._number

    def quotes(self, bid: int = BID, ask: int = ASK, bid_size: int = BID_SIZE) -> None:
        """Add both best quotes, at one time."""
        self._at_s += 0.1
        self.parts += [
            make_quote(self._at_s, Side.BUY, bid, bid_size),
            make_quote(self._at_s, Side.SELL, ask, ASK_SIZE),
        ]

    def moment(self, name: str, *faults: str, **how_far: Any) -> None:
        """Name what was recorded so far, after fresh quotes; faults begin once it is served."""
        self.quotes()
        self.mark(name)
        for one in faults:
            self.fault(name, one, **how_far)

    def mark(self, name: str) -> None:
        """Name what was recorded so far."""
        self.moments[name] = len(self.parts)

    def fault(self, moment: str, name: str, **how_far: Any) -> None:
        """Let a fault begin at a moment."""
        self.faults.append({"fault": name, "event": self.moments[moment], **how_far})

    @property
    def events(self) -> np.ndarray:
        """The session as EVENT records."""
        made = np.concatenate(self.parts)
        made["sequence"], made["instrument"] = np.arange(made.size), WDO
        return made

    def save(self, folder: Path) -> tuple[str, ...]:
        """Write the session and return how a venue is told of it."""
        np.save(folder / "events.npy", self.events)
        return ("--contract", "WDON26", "--events", str(folder / "events.npy"))
