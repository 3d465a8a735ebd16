"""Cards of the books: what the events say of a book is what a plain list of the recorded session says of it."""

from typing import Any

import numpy as np
import pytest

from market.types import EVENT, PRICE_KEYED, Kind
from tests.contract.cards import FAULT, VENDOR, standin_only
from tests.contract.conftest import Open
from tests.contract.recording import Recording

LEVELS = 10  # that the binding keeps of each side of the depth
Book = dict[tuple[int, int], int]  # quantity by side and price


def record() -> Recording:
    """Return a session of a book of up to 14 levels a side, with a part that nobody hears."""
    made, rng, standing = Recording(), np.random.default_rng(5), set[tuple[int, int]]()

    def change(count: int) -> None:
        for _ in range(count):
            side = 1 if rng.random() < 0.5 else -1
            price = 10_000 - side * int(rng.integers(1, 15))
            gone = (side, price) in standing and rng.random() < 0.3
            kind = Kind.LEVEL_DELETE if gone else Kind.LEVEL_SET
            quantity = 0 if gone else int(rng.integers(1, 90))
            made.add(kind, side=side, price=price, quantity=quantity, level=PRICE_KEYED)
            (standing.discard if gone else standing.add)((side, price))

    for name, count in (("begun", 40), ("half", 120), ("down", 1), ("lost", 30), ("end", 60)):
        change(count)
        if name == "lost":
            made.trade(10_000, 1)
        made.mark(name)
    made.fault("down", "market_down", ms=1000)
    return made


RECORDING = record()


def events(rows: list[list[Any]]) -> np.ndarray:
    return np.array([tuple(row) for row in rows], dtype=EVENT)


def recorded_book(moment: str) -> Book:
    book: Book = {}
    for one in RECORDING.events[: RECORDING.moments[moment]]:
        if one["kind"] in (Kind.LEVEL_SET, Kind.LEVEL_DELETE):
            book[int(one["side"]), int(one["price"])] = int(one["quantity"])
    return {key: quantity for key, quantity in book.items() if quantity}


def best_levels(book: Book, side: int) -> list[tuple[int, int]]:
    """Return price and quantity of a side's levels, the best first, as far as the binding keeps them."""
    prices = sorted((price for one, price in book if one == side), reverse=side == 1)
    return [(price, book[side, price]) for price in prices[:LEVELS]]


def follow_depth(levels: dict[tuple[int, int], tuple[int, int]], heard: np.ndarray) -> None:
    """Keep levels by side and place; a gap says that none of them is known."""
    for one in heard:
        key = int(one["side"]), int(one["level"])
        if one["kind"] == Kind.GAP:
            levels.clear()
        elif one["kind"] == Kind.LEVEL_SET:
            levels[key] = int(one["price"]), int(one["quantity"])
        elif one["kind"] == Kind.LEVEL_DELETE:
            levels.pop(key)


def follow_offers(book: Book, heard: np.ndarray) -> None:
    for one in heard:
        key = int(one["side"]), int(one["price"])
        if one["kind"] in (Kind.GAP, Kind.BOOK_CLEAR):
            book.clear()
        elif one["kind"] == Kind.LEVEL_SET:
            assert one["level"] == PRICE_KEYED
            book[key] = int(one["quantity"])
        elif one["kind"] == Kind.LEVEL_DELETE:
            book.pop(key)


@pytest.fixture(scope="module")
def depth(opened: Open) -> Any:
    return opened(RECORDING).run("book_steps", "DEPTH")["depth"]


@pytest.fixture(scope="module")
def offers(opened: Open) -> Any:
    return opened(RECORDING).run("book_steps", "OFFERS")["offers"]


def test_d20_depth(depth: Any) -> None:
    """The levels of the price depth, told by place, are those of the book: at the subscription and after every
    change."""
    levels: dict[tuple[int, int], tuple[int, int]] = {}
    for part in ("subscribed", "half"):
        follow_depth(levels, events(depth[part]))
        if not VENDOR:
            book = recorded_book("begun" if part == "subscribed" else "half")
            for side in (1, -1):
                told = [levels[side, place] for place in sorted(place for one, place in levels if one == side)]
                assert told == best_levels(book, side)
    if VENDOR:
        assert levels[1, 0][0] < levels[-1, 0][0]
    assert depth["lost"] == 0


def test_d21_offers(offers: Any) -> None:
    """The offer book, told by price, holds at each price the sum of what is offered there."""
    book: Book = {}
    for part in ("subscribed", "half"):
        follow_offers(book, events(offers[part]))
        if not VENDOR:
            assert book == recorded_book("begun" if part == "subscribed" else "half")
    if VENDOR:
        assert max(price for side, price in book if side == 1) < min(price for side, price in book if side == -1)
    assert offers["lost"] == 0


@standin_only(FAULT)
@pytest.mark.parametrize("kind", ["depth", "offers"])
def test_d22_gap(kind: str, request: pytest.FixtureRequest) -> None:
    """Market data lost and back: nothing of what happened meanwhile is told, one GAP says so before the first event
    after it, all subscriptions are asked for again, and the whole book is told anew before any change of it."""
    found = request.getfixturevalue(kind)
    gaps = [sum(row[9] == Kind.GAP for row in found[part]) for part in ("subscribed", "half", "last", "anew", "end")]
    assert gaps == [0, 0, 0, 1, 0]
    assert found["down"] == []
    assert found["asked"] == 2  # the ticker and its book
    anew = events(found["anew"])
    first = int(np.flatnonzero(anew["kind"] == Kind.GAP)[0])
    assert not np.isin(anew["kind"][:first], [Kind.TRADE, Kind.LEVEL_SET, Kind.LEVEL_DELETE]).any()
    assert Kind.TRADE not in anew["kind"]
    levels: Any = {}
    for part, moment in (("anew", "lost"), ("end", "end")):
        book = recorded_book(moment)
        if kind == "offers":
            follow_offers(levels, events(found[part]))
            assert levels == book
            continue
        follow_depth(levels, events(found[part]))
        for side in (1, -1):
            told = [levels[side, place] for place in sorted(place for one, place in levels if one == side)]
            assert told == best_levels(book, side)
