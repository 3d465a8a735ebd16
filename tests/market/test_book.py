"""The compiled book against a dictionary of price to quantity, and what each kind of feed may say."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.book import DROPPED, UPDATED_NS, Book, apply, apply_all, best, is_valid, levels, new_book
from market.synthetic import SyntheticMarket
from market.types import PRICE_KEYED, Kind, Side, events

Told = tuple[Kind, Side, int, int, int]  # kind, side, level, price, quantity


def to_events(told: Sequence[Told]) -> np.ndarray:
    out = events(len(told))
    for k, (kind, side, level, price, quantity) in enumerate(told):
        out[k]["kind"], out[k]["side"], out[k]["level"] = kind, side, level
        out[k]["price"], out[k]["quantity"], out[k]["sequence"] = price, quantity, k
    return out


def book_of(*told: Told, capacity: int = 64) -> Book:
    book = new_book(capacity)
    apply_all(book, to_events(told))
    return book


def side_of(book: Book, side: Side, count: int = 64) -> list[tuple[int, int]]:
    out = np.full((count, 2), -1, dtype=np.int64)
    found = levels(book, int(side), out)
    assert not out[found:].any()
    return [(int(price), int(quantity)) for price, quantity in out[:found]]


def at_price(side: Side, price: int, quantity: int) -> Told:
    return (Kind.LEVEL_SET if quantity else Kind.LEVEL_DELETE, side, PRICE_KEYED, price, quantity)


def at_index(side: Side, level: int, price: int, quantity: int) -> Told:
    return (Kind.LEVEL_SET if quantity else Kind.LEVEL_DELETE, side, level, price, quantity)


class PriceTwin:
    """The obvious book: one dictionary a side."""

    def __init__(self) -> None:
        self.sides: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self.known = True

    def apply(self, told: Told) -> None:
        kind, side, _, price, quantity = told
        if kind in (Kind.BOOK_CLEAR, Kind.GAP):
            self.sides = {1: {}, -1: {}}
            self.known = kind == Kind.BOOK_CLEAR
        elif self.known and kind == Kind.LEVEL_SET:
            self.sides[side][price] = quantity
        elif self.known and kind == Kind.LEVEL_DELETE:
            self.sides[side].pop(price, None)

    def side(self, side: Side) -> list[tuple[int, int]]:
        return sorted(self.sides[side].items(), reverse=side == Side.BUY)


SIDES = st.sampled_from([Side.BUY, Side.SELL])
CHANGES = st.builds(at_price, SIDES, st.integers(1, 40), st.integers(0, 3))
MARKS = st.sampled_from([(Kind.BOOK_CLEAR, Side.NONE, 0, 0, 0), (Kind.GAP, Side.NONE, 0, 0, 0)])
INDEXED = st.builds(at_index, SIDES, st.integers(0, 7), st.integers(1, 40), st.integers(0, 3))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(*[CHANGES] * 12, MARKS), max_size=120))
def test_depth_by_price_equals_a_dictionary_after_every_event(told: list[Told]) -> None:
    book, twin = new_book(64), PriceTwin()
    for event, record in zip(told, to_events(told), strict=True):
        apply(book, record)
        twin.apply(event)
        for side in (Side.BUY, Side.SELL):
            expected = twin.side(side)
            assert side_of(book, side) == expected
            assert best(book, int(side)) == (expected[0] if expected else (0, 0))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(*[INDEXED] * 12, MARKS), max_size=80))
def test_depth_by_index_equals_an_array_after_every_event(told: list[Told]) -> None:
    book, twin = new_book(64), np.zeros((2, 8, 2), dtype=np.int64)
    for event, record in zip(told, to_events(told), strict=True):
        apply(book, record)
        kind, side, level, price, quantity = event
        if kind in (Kind.BOOK_CLEAR, Kind.GAP):
            twin[:] = 0
        else:
            twin[0 if side == Side.BUY else 1, level] = (price, quantity) if quantity else (0, 0)
        for row, one in enumerate((Side.BUY, Side.SELL)):
            out = np.full((8, 2), -1, dtype=np.int64)
            levels(book, int(one), out)
            np.testing.assert_array_equal(out, twin[row])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.builds(at_price, SIDES, st.integers(1, 60), st.integers(1, 3)), max_size=80))
def test_a_full_side_keeps_its_best_levels(told: list[Told]) -> None:
    book, twin = book_of(*told, capacity=5), PriceTwin()
    for event in told:
        twin.apply(event)
    # Nothing is deleted here, so a level once among the five best so far may only be pushed out by better ones.
    for side in (Side.BUY, Side.SELL):
        assert [price for price, _ in side_of(book, side)] == [price for price, _ in twin.side(side)[:5]]


def test_a_level_lost_for_room_is_counted() -> None:
    told = [at_price(Side.BUY, price, 1) for price in (10, 11, 12)]
    book = book_of(*told, capacity=2)
    assert side_of(book, Side.BUY) == [(12, 1), (11, 1)]
    assert book.header[DROPPED] == 1
    apply_all(book, to_events([at_price(Side.BUY, 9, 1)]))
    assert side_of(book, Side.BUY) == [(12, 1), (11, 1)]
    assert book.header[DROPPED] == 2


def test_changes_by_price_mean_nothing_from_a_gap_to_the_next_clear() -> None:
    told = [at_price(Side.BUY, 10, 1), (Kind.GAP, Side.NONE, 0, 0, 0), at_price(Side.BUY, 9, 5)]
    book = book_of(*told)
    assert best(book, 1) == (0, 0)
    apply_all(book, to_events([(Kind.BOOK_CLEAR, Side.NONE, 0, 0, 0), at_price(Side.BUY, 8, 2)]))
    assert best(book, 1) == (8, 2)


def test_quotes_are_the_best_where_there_is_no_depth() -> None:
    quotes = [(Kind.QUOTE_SIDE, Side.BUY, 0, 100, 7), (Kind.QUOTE_SIDE, Side.SELL, 0, 101, 9)]
    book = book_of(*quotes)
    assert (best(book, 1), best(book, -1)) == ((100, 7), (101, 9))
    assert (side_of(book, Side.BUY), side_of(book, Side.SELL)) == ([(100, 7)], [(101, 9)])
    apply_all(book, to_events([(Kind.QUOTE_SIDE, Side.SELL, 0, 0, 0)]))
    assert (best(book, -1), side_of(book, Side.SELL)) == ((0, 0), [])


def test_depth_is_the_best_where_a_feed_sends_both() -> None:
    book = book_of((Kind.QUOTE_SIDE, Side.BUY, 0, 100, 7), at_price(Side.BUY, 99, 3))
    assert best(book, 1) == (99, 3)
    apply_all(book, to_events([(Kind.GAP, Side.NONE, 0, 0, 0), (Kind.QUOTE_SIDE, Side.BUY, 0, 98, 1)]))
    assert best(book, 1) == (98, 1)  # depth is unknown now, the quote is not


@pytest.mark.parametrize(
    ("bid", "ask", "valid"),
    [(100, 101, True), (101, 101, False), (102, 101, False), (0, 101, False)],
    ids=["sound", "locked", "crossed", "one-sided"],
)
def test_no_feature_may_read_a_book_whose_bid_is_not_below_its_ask(bid: int, ask: int, valid: bool) -> None:
    book = book_of((Kind.QUOTE_SIDE, Side.BUY, 0, bid, 1), (Kind.QUOTE_SIDE, Side.SELL, 0, ask, 1))
    assert is_valid(book, 0, 10) == valid


def test_a_book_grows_too_old_by_the_clock_of_its_own_events_only() -> None:
    told = to_events(
        [
            (Kind.QUOTE_SIDE, Side.BUY, 0, 100, 1),
            (Kind.QUOTE_SIDE, Side.SELL, 0, 101, 1),
            (Kind.QUOTE_SIDE, Side.SELL, 0, 102, 1),
            (Kind.TRADE, Side.BUY, 0, 101, 1),
        ]
    )
    told["ts_event_ns"] = 50, 60, 55, 90  # the third stepped back, from a slower stream
    book = new_book(8)
    apply_all(book, told)
    assert book.header[UPDATED_NS] == 60
    assert is_valid(book, 70, 10)
    assert not is_valid(book, 71, 10)


def test_the_depth_of_the_synthetic_market_agrees_with_its_quotes() -> None:
    records = SyntheticMarket(sessions=1, trades_per_session=500, seed=3, levels=5).session_events(0)
    book, quoted = new_book(8), {int(Side.BUY): (0, 0), int(Side.SELL): (0, 0)}
    checked = 0
    for record, following in pairwise(records):
        apply(book, record)
        assert not 0 < best(book, -1)[0] < best(book, 1)[0]
        if record["kind"] == Kind.QUOTE_SIDE:
            quoted[int(record["side"])] = int(record["price"]), int(record["quantity"])
        elif record["kind"] == Kind.GAP:
            quoted = dict.fromkeys(quoted, (0, 0))
        if following["kind"] not in (Kind.LEVEL_SET, Kind.LEVEL_DELETE) and all(quoted.values()):
            assert {side: best(book, side) for side in quoted} == quoted
            checked += record["kind"] == Kind.LEVEL_SET
    assert checked > 1_000
