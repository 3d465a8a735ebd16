"""The offer book through a real C library: each side beside a plain list, told as quantities by price."""

from typing import Any

import numpy as np

from market.home import Home
from market.types import PRICE_KEYED, Kind
from tests.live.profitdll.test_profitdll_events import OPEN, rows
from tests.live.profitdll.vendor import answer_of, run_child

ADD, EDIT, DELETE, DELETE_FROM = range(4)
WHOLE = """
market.subscribe("WDOZ26", offers=True)
vendor.play("array 0 3 5431.0:4 5431.5:5 5431.5:6\\narray 1 3 5433.0:7 5432.5:8\\nfull WDOZ26")
"""


def told(home: Home, body: str) -> Any:
    return answer_of(run_child(OPEN + body, home))


def book_of(events: np.ndarray) -> dict[tuple[int, int], int]:
    """Return what stands at each side and price after events, kept by hand."""
    book: dict[tuple[int, int], int] = {}
    for one in events:
        key = int(one["side"]), int(one["price"])
        if one["kind"] == Kind.BOOK_CLEAR:
            book.clear()
        elif one["kind"] == Kind.LEVEL_SET:
            assert one["level"] == PRICE_KEYED
            book[key] = int(one["quantity"])
        elif one["kind"] == Kind.LEVEL_DELETE:
            book.pop(key, None)
    return book


def test_whole_book_is_told_by_price_and_its_arrays_are_given_back(home: Home) -> None:
    found, said = told(home, WHOLE + """print(json.dumps([told(), vendor.said()[-2:]])); end()""")
    assert book_of(rows(found)) == {(1, 10862): 4, (1, 10863): 11, (-1, 10866): 7, (-1, 10865): 8}
    assert said == ["SubscribeOfferBook WDOZ26 F", "arrays 2 2"]


def test_book_in_packets_is_told_once_it_is_whole(home: Home) -> None:
    first, whole = told(home, """
market.subscribe("WDOZ26", offers=True)
vendor.play("array 0 2 5431.0:4\\nfull WDOZ26")
first = told()
vendor.play("array 0 1 5431.5:5\\nfull WDOZ26")
print(json.dumps([first, told()])); end()
""")  # fmt: skip
    assert first == []
    assert book_of(rows(whole)) == {(1, 10862): 4, (1, 10863): 5}


def test_every_change_is_that_of_a_plain_list(home: Home) -> None:
    rng, lines, sides = np.random.default_rng(11), [], [[(10862, 4), (10863, 5), (10863, 6)], [(10866, 7), (10865, 8)]]
    states = []
    for _ in range(400):
        row = int(rng.integers(0, 2))
        side, sign = sides[row], 1 if row == 0 else -1
        action = int(rng.choice([ADD, ADD, EDIT, DELETE, DELETE_FROM], p=[0.4, 0.2, 0.2, 0.15, 0.05])) if side else ADD
        quantity = int(rng.integers(1, 50))
        if action == ADD:
            price = 10864 - sign * int(rng.integers(1, 6))
            index = sum(
                1 for one, _ in side if (one - price) * sign <= 0
            )  # behind those of the same price, nearer the end
            position = len(side) - index
            side.insert(index, (price, quantity))
            lines.append(f"offer WDOZ26 {ADD} {position} {row} {quantity} {price / 2}")
        else:
            position = int(rng.integers(0, len(side)))
            index = len(side) - 1 - position
            if action == EDIT:
                side[index] = (side[index][0], quantity)
            elif action == DELETE:
                side.pop(index)
            else:
                del side[index:]
            lines.append(f"offer WDOZ26 {action} {position} {row} {quantity if action == EDIT else 0} 0")
        sums: dict[tuple[int, int], int] = {}
        for mark, offers in ((1, sides[0]), (-1, sides[1])):
            for price, amount in offers:
                sums[mark, price] = sums.get((mark, price), 0) + amount
        states.append(sums)
    found, lost = told(home, WHOLE + f"""
parts = [told()]
for line in {lines!r}:
    vendor.play(line); parts.append(told())
print(json.dumps([parts, counters().get("OFFERS_LOST", 0)])); end()
""")  # fmt: skip
    assert lost == 0
    heard: list[Any] = list(found[0])
    for part, expected in zip(found[1:], states, strict=True):
        heard += part
        assert book_of(rows(heard)) == expected


def test_place_that_is_not_there_clears_the_book_until_it_comes_whole(home: Home) -> None:
    wrong, after, whole, lost = told(home, WHOLE + """
told(); vendor.play("offer WDOZ26 2 9 0 0 0"); wrong = told()
vendor.play("offer WDOZ26 0 0 0 5 5431.5"); after = told()
vendor.play("array 0 3 5431.0:4\\narray 1 3 5433.0:7\\nfull WDOZ26")
print(json.dumps([wrong, after, told(), counters()["OFFERS_LOST"]])); end()
""")  # fmt: skip
    assert rows(wrong)["kind"].tolist() == [Kind.BOOK_CLEAR]
    assert after == []
    assert book_of(rows(whole)) == {(1, 10862): 4, (-1, 10866): 7}
    assert lost == 1


def test_gap_lets_the_whole_book_be_told_again(home: Home) -> None:
    found = told(home, WHOLE + """
told(); vendor.play("trade WDOZ26 2026-11-20T10:00:01.250 1 5432.3 3 1 2 2 0")  # cannot be read
vendor.play("offer WDOZ26 1 0 0 9 0")
print(json.dumps(told())); end()
""")  # fmt: skip
    told_again = rows(found)
    assert told_again[0]["kind"] == Kind.GAP
    assert book_of(told_again[1:]) == {(1, 10862): 4, (1, 10863): 14, (-1, 10866): 7, (-1, 10865): 8}
