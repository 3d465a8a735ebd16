"""Moments of a market with everything known at them: the book after each event by plain dictionaries, for twins."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from features.pipeline import begin_session, snapshot, update_event
from features.state import new_state
from market.types import PRICE_KEYED
from tests.features.test_feature_twins import Moment, naive_bars

SECOND = 1_000_000_000
TRADE, LEVEL_SET, LEVEL_DELETE, BOOK_CLEAR, QUOTE_SIDE, GAP, CLOCK = 1, 2, 3, 4, 5, 8, 9
Side = list[tuple[int, int]]  # price and lots, best first; 0 and 0 where nothing was said of an index


@dataclass(frozen=True)
class Book:
    """The levels, the best quotes and what the last event did to them."""

    bids: Side
    asks: Side
    bid: tuple[int, int] = (0, 0)
    ask: tuple[int, int] = (0, 0)
    quote_time: int = 0
    book_time: int = 0
    flow: int = 0
    quoted: bool = False

    @property
    def levels(self) -> list[tuple[int, int, int]]:
        """Side, price and lots of every level shown."""
        return [(s, p, q) for s, side in ((1, self.bids), (-1, self.asks)) for p, q in side[:5] if q > 0]

    @property
    def sound(self) -> bool:
        return bool(self.bids and self.asks) and 0 < self.bids[0][0] < self.asks[0][0]

    @property
    def lots(self) -> int:
        """What both sides show, 0 where the book is not sound."""
        return sum(q for _, _, q in self.levels) if self.sound else 0


class Replay:
    """Plain dictionaries of levels, moved by one event after the other."""

    def __init__(self) -> None:
        self.by_index: dict[int, dict[int, tuple[int, int]]] = {1: {}, -1: {}}
        self.by_price: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self.lost = self.sends_quotes = False
        self.book = Book([], [])

    def best_levels(self, side: int) -> Side:
        if self.by_price[1] or self.by_price[-1]:
            return sorted(self.by_price[side].items(), reverse=side == 1)
        told = self.by_index[side]
        return [told.get(level, (0, 0)) for level in range(max(told, default=-1) + 1)]

    def take(self, event: Any) -> Book:
        kind, side, now = int(event["kind"]), int(event["side"]), int(event["ts_event_ns"])
        price, lots = int(event["price"]), int(event["quantity"])
        old = self.book
        if kind == QUOTE_SIDE:
            self.sends_quotes = True
            self.book = self.with_best(side, (price, lots), now)
        elif kind in (LEVEL_SET, LEVEL_DELETE):
            self.change(kind, side, int(event["level"]), price, lots)
            self.book = Book(self.best_levels(1), self.best_levels(-1), old.bid, old.ask, old.quote_time, now)
            if not self.sends_quotes:
                best = (self.best_levels(side) or [(0, 0)])[0]
                if best != (old.bid if side == 1 else old.ask):
                    self.book = self.with_best(side, best, now)
                else:
                    self.book = Book(self.book.bids, self.book.asks, old.bid, old.ask, now, now)
        elif kind in (BOOK_CLEAR, GAP):
            self.lost = kind == GAP
            self.by_index, self.by_price = {1: {}, -1: {}}, {1: {}, -1: {}}
            self.book = Book([], [], quote_time=old.quote_time, book_time=old.book_time)
        else:
            self.book = Book(old.bids, old.asks, old.bid, old.ask, old.quote_time, old.book_time)
        return self.book

    def change(self, kind: int, side: int, level: int, price: int, lots: int) -> None:
        gone = kind == LEVEL_DELETE or lots == 0
        if level == PRICE_KEYED:
            if not self.lost:
                self.by_price[side].pop(price, None)
                self.by_price[side].update({} if gone else {price: lots})
        else:
            self.by_index[side].pop(level, None)
            self.by_index[side].update({} if gone else {level: (price, lots)})

    def with_best(self, side: int, new: tuple[int, int], now: int) -> Book:
        old = self.book
        (price, lots), (before, lots_before) = new, old.bid if side == 1 else old.ask
        flow = 0
        if price > 0 and before > 0:
            flow = side * (lots * (side * price >= side * before) - lots_before * (side * price <= side * before))
        bid, ask = (new, old.ask) if side == 1 else (old.bid, new)
        bids, asks = self.best_levels(1), self.best_levels(-1)
        return Book(bids, asks, bid, ask, now, now, flow, bid[0] > 0 and ask[0] > 0)


@dataclass
class Seen(Moment):
    """A moment with the book after each event of the session, and the whole sessions before."""

    books: list[Book]
    earlier: list[np.ndarray]
    earlier_depths: list[list[int]]

    @property
    def ready(self) -> bool:
        return len(self.earlier) >= self.preload

    @property
    def book(self) -> Book:
        return self.books[len(self.events) - 1]

    @cached_property
    def named(self) -> np.ndarray:
        return self.trades[(self.trades["buyer"] > 0) & (self.trades["seller"] > 0)]

    def at(self, seconds: int) -> Book:
        """The book where the window of so many seconds begins."""
        return self.books[int(np.searchsorted(self.event_times, self.begin(seconds), side="left")) - 1]

    @cached_property
    def event_times(self) -> np.ndarray:
        return np.maximum.accumulate(self.events["ts_event_ns"])

    def books_since(self, seconds: int) -> list[Book]:
        return self.books[int(np.searchsorted(self.event_times, self.begin(seconds), side="left")) : len(self.events)]

    def session_bars(self, count: int) -> np.ndarray:
        """Trades with an aggressor of the last `count` closed bars of the session."""
        first = max(k for k, bar in enumerate(self.bars) if bar["first"])
        bars = self.bars[first:][-count:]
        trades = self.opening_trades
        if not bars[0]["first"]:
            trades = trades[trades["ts_event_ns"] >= bars[0]["time"] - 60 * SECOND]
        return trades[trades["side"] != 0]


def watch(schema, market) -> list[tuple[Seen, np.ndarray]]:
    """Every fourth decision point and some events between, with the values the kernels gave there."""
    state, found, past = new_state(schema), [], []
    earlier: list[np.ndarray] = []
    depths: list[list[int]] = []
    row = np.empty(state.columns.size, dtype=np.float32)
    rng = np.random.default_rng(5)
    for session, events in zip(market.sessions, market.events, strict=True):
        hours, replay = session[0], Replay()
        begin_session(state, hours)
        bars, closed = naive_bars(hours, events, schema.bar_ns), 0
        books, closes = [], []
        sizes = [trades["quantity"] for trades in earlier]
        for i, event in enumerate(events):
            decided = update_event(state, event)
            closed += decided
            books.append(replay.take(event))
            if decided:
                closes.append(books[-1].lots)
            if (decided and closed % 4 == 0) or (event["kind"] != CLOCK and closed > 0 and rng.random() < 0.0015):
                snapshot(state, row)
                seen = Seen(
                    hours, int(event["ts_event_ns"]), past + bars[:closed], events[: i + 1], sizes,
                    schema.preload_sessions, books, list(earlier), list(depths),
                )  # fmt: skip
                found.append((seen, state.scratch.copy()))
        past = past + bars
        depths.append(closes)
        trades = events[events["kind"] == TRADE]
        earlier.append(trades[np.isin(trades["trade_type"], (0, 2, 3, 4, 13))])
    return found
