"""What is asked of the market: subscriptions and their proof of life. Answers come by the callbacks.

Everything here is a request and belongs to the thread that owns the connection, never to a callback.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np

from live.profitdll.abi import new
from live.profitdll.accounts import FUTURES_EXCHANGE, fill_asset
from live.profitdll.codes import ConnStateType, HealthState, MarketDataResult
from live.profitdll.connection import Connection
from live.profitdll.events import end_clock, miss_unknown
from live.profitdll.notices import NoticeKind, text_of
from live.profitdll.offers import BOOK_BYTES
from live.profitdll.result import answer
from live.profitdll.table import (
    BAR_NS,
    COUNT,
    DEPTH_EVENTS,
    EVENTS,
    EXCHANGE,
    HEALTH,
    INSTRUMENT,
    KEY,
    LAST_CLOCK_NS,
    NEXT_CLOCK_NS,
    OFFERS,
    SESSION_DAYS,
    STEP,
    STEP_STATE,
    TICK_SIZE,
    TICKERS,
    TO_UTC_NS,
    Table,
    keep,
    key_of,
)
from market.calendar import to_ns
from market.errors import BrokerError, UsageError
from market.instruments import B3, FUTURES, Instruments

_EPOCH = date(1970, 1, 1)
LIFE_S = 30.0  # within which a subscription in an open market must bring something


@dataclass
class Subscription:
    """A ticker that was asked for, and whether it lives.

    Attributes
    ----------
    symbol : str
        As WDOZ26 or WDOFUT.
    depth, offers : bool
        Whether the price depth or the offer book was asked for too.
    block : ndarray of int64
        Its words in the table.
    refused : bool
        Whether the vendor said there is no such ticker.
    wanted : bool
        Whether it is still asked for: after an unsubscription no reconnection brings it back.
    """

    symbol: str
    depth: bool
    offers: bool
    block: np.ndarray
    since_s: float = 0.0
    refused: bool = False
    wanted: bool = True
    _seen: int = 0
    kept: list[object] = field(default_factory=list, repr=False)  # what addresses in the library's hands point to

    def word(self, place: int) -> int:
        """Return a word of the block by its place in `table`."""
        return int(self.block[place // 8])

    def begin(self, now_s: float) -> None:
        """Start waiting for the first event."""
        self.since_s, self._seen = now_s, self._events()

    def lives(self) -> bool:
        """Tell whether anything came since the subscription began."""
        return self._events() > self._seen

    def _events(self) -> int:
        return self.word(EVENTS) + self.word(DEPTH_EVENTS)


class Market:
    """The subscriptions of a connection.

    Parameters
    ----------
    connection : Connection
    day : date
        Of the session: the exchange's wall clock is turned into UTC by its offset on that day.
    instruments : Instruments, optional
    clock : callable, optional
        Seconds that only grow.
    """

    def __init__(
        self,
        connection: Connection,
        day: date,
        instruments: Instruments = B3,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection, self._instruments, self._clock = connection, instruments, clock
        self._connected, self._refusal = True, ""
        self.subscriptions: dict[str, Subscription] = {}
        set_day(connection.table, day)

    def subscribe(self, symbol: str, *, depth: bool = False, offers: bool = False) -> Subscription:
        """Ask for a future's trades, best quotes and daily figures; raises as `prepare` and `ask`."""
        made = self.prepare(symbol, depth=depth, offers=offers)
        self.ask(made)
        return made

    def prepare(self, symbol: str, *, depth: bool = False, offers: bool = False) -> Subscription:
        """Make a place for a future of which nothing was asked for yet, so that its first event finds clock and step.

        Parameters
        ----------
        symbol : str
        depth : bool
            Whether its price depth is wanted: levels by index.
        offers : bool
            Whether its offer book is wanted: levels by price, of every single offer. Not beside the depth.

        Raises
        ------
        UnknownSymbol
            If there is no such future.
        UsageError
            If it was asked for before, or no place is left.
        """
        future = self._instruments.parse(symbol)
        known = future.root in FUTURES and symbol in (f"{future.root}FUT", symbol.strip().upper() * future.dated)
        if not known or symbol in self.subscriptions or len(self.subscriptions) >= TICKERS or (depth and offers):
            raise UsageError(
                f"{symbol!r}: expected a future as the vendor names it (WDOZ26, WDOFUT), asked for once and with one "
                f"book, {TICKERS} at most, found another; correct it"
            )
        place = len(self.subscriptions)
        made = Subscription(symbol, depth, offers, self._connection.table.block(place))
        self._fill(made)
        self.subscriptions[symbol] = made
        self._connection.table[COUNT] = place + 1
        return made

    def ask(self, made: Subscription) -> None:
        """Ask for what a subscription is about.

        Raises
        ------
        BrokerError
            If the library refuses.
        """
        library = self._connection.library
        self._connected = self._connection.has_market()  # what went before no longer matters
        made.begin(self._clock())
        answer("SubscribeTicker", library.call("SubscribeTicker", made.symbol, FUTURES_EXCHANGE.value))
        if made.depth:
            answer("SubscribePriceDepth", library.call("SubscribePriceDepth", self._asset(made)))
        if made.offers:
            answer("SubscribeOfferBook", library.call("SubscribeOfferBook", made.symbol, FUTURES_EXCHANGE.value))

    def go_on(self, symbol: str, sequence: int, clock_ns: int) -> None:
        """Go on where an earlier process stopped: events that were missed are a gap before the first one.

        Parameters
        ----------
        symbol : str
            Prepared, with its clock, and not asked for yet.
        sequence : int
            Of the first event.
        clock_ns : int
            Boundary that was told last; 0 for none.
        """
        block = self.subscriptions[symbol].block
        block[EVENTS // 8] = sequence
        block[NEXT_CLOCK_NS // 8] = max(block[NEXT_CLOCK_NS // 8], clock_ns + block[BAR_NS // 8])
        miss_unknown(int(block.ctypes.data))

    def unsubscribe(self, symbol: str) -> None:
        """Ask for no more of a ticker; its place stays taken for the session."""
        made, library = self.subscriptions[symbol], self._connection.library
        made.wanted = False
        answer("UnsubscribeTicker", library.call("UnsubscribeTicker", symbol, FUTURES_EXCHANGE.value))
        if made.depth:
            answer("UnsubscribePriceDepth", library.call("UnsubscribePriceDepth", self._asset(made)))
        if made.offers:
            answer("UnsubscribeOfferBook", library.call("UnsubscribeOfferBook", symbol, FUTURES_EXCHANGE.value))

    def decide(self, symbol: str, step: int, state: int) -> None:
        """Let a compiled step run on each event of a ticker, in the callback that brings it.

        Parameters
        ----------
        symbol : str
            Subscribed.
        step : int
            Address of a compiled function of (state, address of the EVENT), as `live.profitdll.step` builds it; 0 for
            none.
        state : int
            What the step is given first.
        """
        block = self.subscriptions[symbol].block
        block[STEP // 8] = 0
        block[STEP_STATE // 8] = state
        block[STEP // 8] = step

    def keep_clock(self, symbol: str, session: np.void, bar_ns: int) -> None:
        """Let a CLOCK stand before the first event at or after each boundary of a session's bars.

        Parameters
        ----------
        symbol : str
            Subscribed.
        session : SESSION record
        bar_ns : int
            Length of a bar; 0 for no clock.
        """
        block = self.subscriptions[symbol].block
        block[BAR_NS // 8] = 0
        block[NEXT_CLOCK_NS // 8] = int(session["open_ns"]) + bar_ns
        block[LAST_CLOCK_NS // 8] = int(session["close_ns"])
        block[BAR_NS // 8] = bar_ns

    def end_clock(self, symbol: str) -> None:
        """Tell the boundaries up to the close that no event has brought; the session is over, the connection closed."""
        end_clock(self._connection.table.address, int(self.subscriptions[symbol].block.ctypes.data))

    def hear(self, notices: np.ndarray) -> None:
        """Take notices of the connection: a ticker refused, market data lost or back. Asks again for all once back.

        Where the library refuses, an alarm says so, and all is asked for again with the next notice.
        """
        for notice in notices[notices["kind"] == NoticeKind.INVALID_TICKER]:
            refused = self.subscriptions.get(text_of(notice["text"]))
            if refused is not None:
                refused.refused = True
        states = notices[notices["kind"] == NoticeKind.STATE]
        told = states[states["broker"] == ConnStateType.MARKET_DATA]["code"]
        lost = told < MarketDataResult.CONNECTED
        connected = self._connection.has_market()
        if connected and (lost.any() or not self._connected):
            connected = self._ask_again()
        self._connected = connected

    def alarms(self, market_open: bool) -> list[str]:
        """Return what an operator must read of subscriptions that bring nothing, one sentence each."""
        now_s = self._clock()
        return [
            *([self._refusal] if self._refusal else []),
            *(
                f"{made.symbol}: expected an event within {LIFE_S:g} s of the subscription, found none; "
                f"{self._why(made)}"
                for made in self._wanted()
                if made.refused or (market_open and not made.lives() and now_s - made.since_s > LIFE_S)
            ),
        ]

    def _ask_again(self) -> bool:
        """Ask for all that is wanted; return whether the library took it."""
        try:
            for made in self._wanted():
                self.ask(made)
        except BrokerError as error:  # the desk may hold a position: a runner that ended here could not see to it
            self._refusal = f"after a reconnection: {error}"
            return False
        self._refusal = ""
        return True

    def _wanted(self) -> list[Subscription]:
        return [made for made in self.subscriptions.values() if made.wanted]

    def _why(self, made: Subscription) -> str:
        if made.refused:
            return "the vendor knows no such ticker: name another contract"
        if not self._connection.has_market():
            return "market data are not connected: wait, or check the network"
        if self._connection.table[HEALTH] == HealthState.FROZEN:
            return "the library is frozen: restart the runner"
        return "the vendor took the subscription: ask the broker whether the login may see this exchange"

    def _fill(self, made: Subscription) -> None:
        instrument, block = self._instruments.of(made.symbol), made.block
        block[:] = 0
        block[KEY // 8], block[EXCHANGE // 8] = key_of(made.symbol), key_of(FUTURES_EXCHANGE.value)
        block[INSTRUMENT // 8] = instrument.id
        block.view(np.float64)[TICK_SIZE // 8] = instrument.tick_size
        if made.offers:
            book = np.zeros(BOOK_BYTES // 8, dtype=np.int64)
            keep(book)
            block[OFFERS // 8] = book.ctypes.data

    def _asset(self, made: Subscription) -> object:
        """Return the ticker's identifier; the library may keep its addresses, so what they point to stays."""
        return fill_asset(new("TConnectorAssetIdentifier"), made.symbol, made.kept)


def set_day(table: Table, day: date) -> None:
    """Tell the callbacks the session's day: how its wall clock becomes UTC, and that trades of another day are none."""
    table[TO_UTC_NS], table[SESSION_DAYS] = utc_offset_ns(day), (day - _EPOCH).days


def utc_offset_ns(day: date) -> int:
    """Return what is added to the exchange's wall clock on a day to get UTC, nanoseconds."""
    noon = datetime(day.year, day.month, day.day, 12)
    naive = (noon - datetime(1970, 1, 1)).total_seconds()
    return to_ns(noon) - int(naive) * 1_000_000_000
