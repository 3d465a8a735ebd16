"""Messages of a recording, collected until they are the EVENT records of a session."""

from array import array
from collections.abc import Sequence

import numpy as np

from market.types import PRICE_KEYED, Kind, Side, TradeType, events


class Messages:
    """One or more rows a message, in order of arrival; each row becomes an event.

    Plain integers in flat arrays: eight bytes a value, whatever the length of the session.
    """

    def __init__(self) -> None:
        self._kinds, self._event_ns, self._recv_ns = array("q"), array("q"), array("q")
        self._numbers, self._counts = array("q"), array("q")
        self._sides, self._prices, self._quantities = array("q"), array("q"), array("q")

    def __len__(self) -> int:
        return len(self._kinds)

    @property
    def last_ns(self) -> int:
        """Exchange time of the last message."""
        return self._event_ns[-1]

    def add(self, kind: Kind, event_ns: int, recv_ns: int, number: int = 0) -> None:
        """Begin a message; its rows follow."""
        self._kinds.append(kind)
        self._event_ns.append(event_ns)
        self._recv_ns.append(recv_ns)
        self._numbers.append(number)
        self._counts.append(0)

    def add_rows(self, side: int, prices: Sequence[int], quantities: Sequence[int]) -> None:
        """Add rows to the last message: ticks and lot steps."""
        self._sides.extend([side] * len(prices))
        self._prices.extend(prices)
        self._quantities.extend(quantities)
        self._counts[-1] += len(prices)

    def add_mark(self, kind: Kind, event_ns: int, recv_ns: int) -> None:
        """Add a message that concerns neither side: BOOK_CLEAR or GAP."""
        self.add(kind, event_ns, recv_ns)
        self.add_rows(Side.NONE, [0], [0])

    def to_events(self, instrument: int) -> np.ndarray:
        """Return the EVENT records, numbered from 0; a level of quantity 0 is a LEVEL_DELETE."""
        counts = np.array(self._counts)
        out = events(len(self._sides))
        kinds = np.repeat(np.array(self._kinds), counts)
        for name, values in (
            ("ts_event_ns", self._event_ns),
            ("ts_recv_ns", self._recv_ns),
            ("trade_number", self._numbers),
        ):
            out[name] = np.repeat(np.array(values), counts)
        out["side"], out["price"], out["quantity"] = self._sides, self._prices, self._quantities
        empty = out["quantity"] == 0
        out["kind"] = np.where((kinds == Kind.LEVEL_SET) & empty, Kind.LEVEL_DELETE, kinds)
        out["level"] = np.where(kinds == Kind.LEVEL_SET, PRICE_KEYED, 0)
        out["price"][(kinds == Kind.QUOTE_SIDE) & empty] = 0
        by_buyer = np.where(out["side"] == Side.BUY, TradeType.BUY_AGGRESSION, TradeType.SELL_AGGRESSION)
        out["trade_type"] = np.where(kinds == Kind.TRADE, by_buyer, TradeType.UNKNOWN)
        out["sequence"], out["instrument"] = np.arange(out.size), instrument
        return out
