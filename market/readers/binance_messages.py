"""What a message of Binance's USD-M futures streams says, as rows of events."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from market.instruments import Instrument
from market.lake_manifest import Cause, Gap
from market.readers.decimals import Grid
from market.readers.depth_chain import Change, DepthChain
from market.readers.messages import Messages
from market.readers.screen import LATE_NS
from market.types import Kind, Side

NS_PER_MS = 1_000_000
MOST_TICKS, MOST_LOTS = 2**31 - 1, 2**53
BEYOND_INT64 = 2**63

Levels = tuple[list[int], list[int]]


class Unusable(Exception):
    """A message is set aside; the text is the reason."""


class Recording:
    """Where each stream of one symbol stands, and the open session's messages.

    Parameters
    ----------
    symbol : str
        Lower case, as its streams are named.
    instrument : Instrument
        Its tick size and lot step.
    """

    def __init__(self, symbol: str, instrument: Instrument) -> None:
        self.messages = Messages()
        self.losses: list[Gap] = []  # of the open session's depth
        self.chain = DepthChain()
        self.left_out: Counter[str] = Counter()
        self.symbol = symbol
        self._ticks = Grid(instrument.tick_size, "price", MOST_TICKS).steps
        self._lots = Grid(instrument.lot_step, "quantity", MOST_LOTS).steps
        self._last_ids = {"trade": 0, "bookTicker": 0}
        self._depth_ns = 0
        self._lost_since_ns: int | None = None
        self._takers: dict[str, Callable[[dict[str, Any], int], None]] = {
            "trade": self._take_trade,
            "bookTicker": self._take_quotes,
            "depth": self._take_change,
        }

    def take(self, message: dict[str, Any], recv_ns: int) -> None:
        """Take a message in order of arrival; raises Unusable, OffGrid, or KeyError where a field is missing."""
        if "lastUpdateId" in message:
            self._take_snapshot(message, recv_ns)
            return
        symbol, _, stream = message["stream"].partition("@")
        taker = self._takers.get(stream.partition("@")[0])
        if symbol == self.symbol and taker is not None:
            taker(message["data"], recv_ns)
        else:
            self.left_out[f"stream {_shown(message['stream'])}"] += 1

    def begin_session(self, first_ns: int) -> None:
        """Start the next session's messages; a break in the depth that is still open goes on."""
        self.messages, self.losses = Messages(), []
        if self._lost_since_ns is not None:
            self._lost_since_ns = first_ns

    def end_session(self) -> None:
        """Let a break in the depth that is still open reach to the session's last message."""
        if self._lost_since_ns is not None:
            self._end_loss(self.messages.last_ns)
            self._lost_since_ns = self.messages.last_ns

    def close(self) -> None:
        """Give up what still waits for a snapshot, and count what was left out."""
        self.chain.close()
        for count, what in (
            (self.chain.known, "depth the book held already"),
            (self.chain.unfounded, "depth no snapshot reaches"),
        ):
            if count:
                self.left_out[what] += count

    def add_book(self, event_ns: int, recv_ns: int, bids: Levels, asks: Levels) -> None:
        """Add the whole book: BOOK_CLEAR, then its levels."""
        self.messages.add_mark(Kind.BOOK_CLEAR, event_ns, recv_ns)
        self._add_levels(event_ns, recv_ns, bids, asks)

    def _take_trade(self, data: dict[str, Any], recv_ns: int) -> None:
        if data.get("X", "MARKET") != "MARKET":
            self.left_out[f"trades of type {_shown(data['X'])}, made outside the book"] += 1
            return
        event_ns, number = _event_ns(data, recv_ns), _whole(data, "t")
        price, quantity = self._ticks(data["p"]), self._lots(data["q"])
        if price == 0 or quantity == 0:
            raise Unusable("a trade without a price or a quantity")
        if not isinstance(data["m"], bool):
            raise Unusable("a trade that does not tell who was there first")
        if self._is_next("trade", number):
            self.messages.add(Kind.TRADE, event_ns, recv_ns, number)
            self.messages.add_rows(Side.SELL if data["m"] else Side.BUY, [price], [quantity])

    def _take_quotes(self, data: dict[str, Any], recv_ns: int) -> None:
        event_ns, number = _event_ns(data, recv_ns), _whole(data, "u")
        bids, asks = self._levels([[data["b"], data["B"]]]), self._levels([[data["a"], data["A"]]])
        if self._is_next("bookTicker", number):
            self.messages.add(Kind.QUOTE_SIDE, event_ns, recv_ns)
            self.messages.add_rows(Side.BUY, *bids)
            self.messages.add_rows(Side.SELL, *asks)

    def _take_change(self, data: dict[str, Any], recv_ns: int) -> None:
        event_ns, last_id, previous_id = _event_ns(data, recv_ns), _whole(data, "u"), _whole(data, "pu")
        change = Change(event_ns, recv_ns, last_id, previous_id, self._levels(data["b"]), self._levels(data["a"]))
        was_synced = self.chain.synced
        if self.chain.follows(change):
            self._add_change(change)
        elif was_synced and not self.chain.synced:
            self._begin_loss(event_ns, recv_ns)

    def _take_snapshot(self, data: dict[str, Any], recv_ns: int) -> None:
        event_ns, last_id = _event_ns(data, recv_ns), _whole(data, "lastUpdateId")
        bids, asks = self._levels(data["bids"]), self._levels(data["asks"])
        if not self.chain.accepts(last_id):
            return
        self._end_loss(event_ns)
        self.add_book(event_ns, recv_ns, bids, asks)
        self._depth_ns = event_ns
        for change in self.chain.release():
            self._add_change(change)
        if not self.chain.synced:
            self._begin_loss(event_ns, recv_ns)

    def _add_change(self, change: Change) -> None:
        self._depth_ns = change.event_ns
        self._add_levels(change.event_ns, change.recv_ns, change.bids, change.asks)

    def _add_levels(self, event_ns: int, recv_ns: int, bids: Levels, asks: Levels) -> None:
        self.messages.add(Kind.LEVEL_SET, event_ns, recv_ns)
        self.messages.add_rows(Side.BUY, *bids)
        self.messages.add_rows(Side.SELL, *asks)

    def _begin_loss(self, event_ns: int, recv_ns: int) -> None:
        self.messages.add_mark(Kind.GAP, event_ns, recv_ns)
        self._lost_since_ns = self._depth_ns

    def _end_loss(self, until_ns: int) -> None:
        if self._lost_since_ns is not None:
            self.losses.append(Gap(self._lost_since_ns, max(until_ns, self._lost_since_ns), Cause.FEED_LOSS))
            self._lost_since_ns = None

    def _is_next(self, stream: str, number: int) -> bool:
        """Tell whether an id is above the stream's last one; a recorder that reconnects may be sent the same again."""
        if number <= self._last_ids[stream]:
            self.left_out[f"{stream} sent again"] += 1
            return False
        self._last_ids[stream] = number
        return True

    def _levels(self, pairs: list[list[str]]) -> Levels:
        return [self._ticks(price) for price, _ in pairs], [self._lots(quantity) for _, quantity in pairs]


def sent_ns(message: dict[str, Any], recv_ns: int) -> int:
    """Return when the exchange sent a message; raises Unusable where that is far from when it was received."""
    data = message.get("data", message)
    return _near(_whole(data, "E" if "E" in data else "T"), recv_ns)


def _event_ns(data: dict[str, Any], recv_ns: int) -> int:
    """Return the matching engine's time, or that of sending where the message has none."""
    return _near(_whole(data, "T" if "T" in data else "E"), recv_ns)


def _near(time_ms: int, recv_ns: int) -> int:
    time_ns = time_ms * NS_PER_MS
    if abs(time_ns - recv_ns) > LATE_NS:
        raise Unusable("an exchange time further than five minutes from the recorder's")
    return time_ns


def _shown(name: object) -> str:
    return ascii(str(name)[:40])[1:-1]


def _whole(data: dict[str, Any], name: str) -> int:
    value = data[name]
    if type(value) is not int or not 0 <= value < BEYOND_INT64:
        raise Unusable(f"a field {name!r} that is not a whole number")
    return value
