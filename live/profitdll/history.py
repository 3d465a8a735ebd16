"""Trades of past days from the vendor: one day at a time, one request at a time, complete or refused."""

import time
from datetime import date, timedelta

import numpy as np

from live.profitdll.accounts import FUTURES_EXCHANGE
from live.profitdll.connection import Connection
from live.profitdll.market import Market, utc_offset_ns
from live.profitdll.notices import NoticeKind
from live.profitdll.result import answer
from live.profitdll.table import HISTORY_EVENTS, HISTORY_LAST, HISTORY_PROGRESS, HISTORY_TO_UTC_NS
from live.ring import Reader
from market.errors import DataError, NoAnswer, NotConnected, NotEnoughData, RequestRefused, UsageError

DAYS_BACK = 30  # calendar days the vendor keeps
WHOLE = 100  # progress at the end of a request
_POLL_S = 0.01


class History:
    """Asks for past trades of subscribed tickers.

    Parameters
    ----------
    connection : Connection
    market : Market
        A ticker must be subscribed before its past is asked for, else nothing comes.
    today : date
    idle_s : float
        How long nothing may come before a request counts as ended: neither the progress nor the last packet's mark
        proves it alone.
    patience_s : float
        How long a request may take in all. One that hangs blocks those after it: the process must then end.
    """

    def __init__(
        self,
        connection: Connection,
        market: Market,
        today: date,
        idle_s: float = 5.0,
        patience_s: float = 900.0,
    ) -> None:
        self._connection, self._market, self._today = connection, market, today
        self._idle_s, self._patience_s = idle_s, patience_s
        self._reader = Reader(connection.history, keeps=True)
        self._primed: set[str] = set()

    def day(self, symbol: str, day: date) -> np.ndarray:
        """Return a day's trades as EVENT records in the vendor's order; their receive time is the exchange's.

        Raises
        ------
        UsageError
            If the day is more than 30 days back, or the ticker is not subscribed.
        NotEnoughData
            If nothing came: no session, or an expired contract, of which only the continuous series has a past.
        DataError
            If trades were lost on the way.
        RequestRefused
            If the vendor refuses it, or knows no such ticker.
        NotConnected, LoginRefused
            If market data, or the login, went away meanwhile.
        NoAnswer
            If the request did not end in time.
        """
        if symbol not in self._market.subscriptions or not 0 <= (self._today - day).days <= DAYS_BACK:
            raise UsageError(f"{symbol} on {day}: expected a subscribed ticker and a day of the last {DAYS_BACK}, "
                             "found another; subscribe it, or take older days from another source")  # fmt: skip
        if symbol not in self._primed:  # the first request of a session may bring the tail of the day alone
            self._request(symbol, day)
            self._primed.add(symbol)
        found = without_repeat(self._request(symbol, day))
        if not found.size:
            raise NotEnoughData(
                f"{symbol} on {day}: expected trades, found none; if the contract has expired, ask for "
                f"{symbol[:3]}FUT, else see `pregao calendar`"
            )
        return found

    def _request(self, symbol: str, day: date) -> np.ndarray:
        here, library = self._connection.table, self._connection.library
        here[HISTORY_TO_UTC_NS] = utc_offset_ns(day)
        here[HISTORY_PROGRESS] = here[HISTORY_LAST] = 0
        self._market.subscriptions[symbol].block[HISTORY_EVENTS // 8] = 0
        self._reader.take()
        lost = self._connection.history.dropped
        bounds = [f"{one:%d/%m/%Y} 00:00:00" for one in (day, day + timedelta(days=1))]  # the end is not included
        answer("GetHistoryTrades", library.call("GetHistoryTrades", symbol, FUTURES_EXCHANGE.value, *bounds))
        found = self._await_end(symbol, f"history of {symbol} on {day}")
        if self._connection.history.dropped > lost:
            raise DataError(
                f"history of {symbol} on {day}: expected every trade, found {self._connection.history.dropped - lost} "
                "dropped; raise the ring's size"
            )
        return found

    def _await_end(self, symbol: str, what: str) -> np.ndarray:
        """Return what comes until the request is over; notices of the connection are taken meanwhile."""
        parts = [np.zeros(0, dtype=self._connection.history.record)]
        started = last = time.monotonic()
        while not (self._is_over() and time.monotonic() - last > self._idle_s):
            self._check(symbol, what)
            if time.monotonic() - started > self._patience_s:
                progress = self._connection.table[HISTORY_PROGRESS]
                raise NoAnswer(
                    f"{what}: expected its end within {self._patience_s:g} s, found progress {progress}; "
                    "end the process and ask again for this day"
                )
            part = self._reader.take()
            if part.size:
                parts.append(part)
                last = time.monotonic()
            else:
                time.sleep(_POLL_S)
        return np.concatenate(parts)

    def _check(self, symbol: str, what: str) -> None:
        """Raise where nothing more can come."""
        notices = self._connection.reader.take()
        self._market.hear(notices[notices["kind"] == NoticeKind.INVALID_TICKER])  # states are asked for below
        self._connection.check()
        if self._market.subscriptions[symbol].refused:
            raise RequestRefused(f"{what}: expected a ticker that the vendor knows, found none; name another contract")
        if not self._connection.has_market():
            raise NotConnected(f"{what}: expected market data to stay connected, found them gone; ask again")

    def _is_over(self) -> bool:
        here = self._connection.table
        return here[HISTORY_PROGRESS] >= WHOLE or here[HISTORY_LAST] > 0


def without_repeat(trades: np.ndarray) -> np.ndarray:
    """Return the trades without the last one where it is told a second time, as the mark of the last packet."""
    if trades.size < 2:
        return trades
    last, before = trades[-1].copy(), trades[-2]
    last["sequence"] = before["sequence"]
    return trades[:-1] if last == before else trades
