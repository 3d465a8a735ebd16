"""The deeper levels of the synthetic book, as a consumer of the events sees them: sound after every single one."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market import synthetic_levels as deep
from market.errors import ConfigError
from market.lake import Lake
from market.synthetic import SyntheticMarket, split_kinds, write_market
from market.types import EVENT, Flag, Kind, Side, events

PLAIN = SyntheticMarket(sessions=2, trades_per_session=2000, seed=3)
DEEP = SyntheticMarket(sessions=2, trades_per_session=2000, seed=3, levels=5)
LEVEL_KINDS = (Kind.LEVEL_SET, Kind.LEVEL_DELETE)


class Consumer:
    """What the module's docstring tells a consumer to do, with lists: (price, quantity) by index."""

    def __init__(self) -> None:
        self.levels: dict[int, list[tuple[int, int]]] = {Side.BUY: [], Side.SELL: []}
        self.quote: dict[int, tuple[int, int]] = {}

    def take(self, event: np.void) -> None:
        side, level = int(event["side"]), int(event["level"])
        state = (int(event["price"]), int(event["quantity"]))
        if event["kind"] == Kind.QUOTE_SIDE:
            self.quote[side] = state
        elif event["kind"] == Kind.LEVEL_SET:
            self.levels[side][level : level + 1] = [state]  # at the end of the list this appends
            assert level < len(self.levels[side])
            assert self.levels[side][level] == state
        elif event["kind"] == Kind.LEVEL_DELETE:
            assert state == (0, 0)
            assert level == len(self.levels[side]) - 1
            self.levels[side].pop()
        elif event["kind"] == Kind.GAP:
            self.levels = {Side.BUY: [], Side.SELL: []}
            self.quote = {}

    def check(self) -> None:
        bids, asks = self.levels[Side.BUY], self.levels[Side.SELL]
        assert all(quantity > 0 for _, quantity in bids + asks)
        assert [price for price, _ in bids] == sorted({price for price, _ in bids}, reverse=True)
        assert [price for price, _ in asks] == sorted({price for price, _ in asks})
        assert not (bids and asks) or bids[0][0] < asks[0][0]


def replay(records: np.ndarray) -> Iterator[Consumer]:
    """Check the book after each event; yield it where a burst of levels is through."""
    consumer = Consumer()
    for index, event in enumerate(records):
        consumer.take(event)
        consumer.check()
        through = index + 1 == len(records) or records["kind"][index + 1] not in LEVEL_KINDS
        if through:
            for side, quote in consumer.quote.items():
                assert consumer.levels[side][0] == quote
            yield consumer


def quotes_of(path: list[tuple[int, int, int, int]]) -> np.ndarray:
    """Quote events along a path of (bid move, spread, lots, gap before): both sides each time, never crossed."""
    bid, shown_bid = 26_000, 0
    rows = []
    for move, spread, lots, gap in path:
        bid += move
        if gap:
            rows.append((Kind.GAP, Side.NONE, 0, 0))
        both = [(Kind.QUOTE_SIDE, Side.BUY, bid, lots), (Kind.QUOTE_SIDE, Side.SELL, bid + spread, lots + 1)]
        rows += both if bid + spread <= shown_bid else both[::-1]
        shown_bid = bid
    out = np.zeros(len(rows), EVENT)
    for index, (kind, side, price, lots) in enumerate(rows):
        out["kind"][index], out["side"][index], out["price"][index], out["quantity"][index] = kind, side, price, lots
    return out


steps = st.tuples(st.integers(-10, 10), st.integers(1, 4), st.integers(1, 90), st.integers(0, 15).map(lambda x: x == 0))


@settings(max_examples=300, deadline=None)
@given(path=st.lists(steps, min_size=1, max_size=40), levels=st.integers(2, 5), seed=st.integers(0, 2**31))
def test_book_is_sound_after_every_event_whatever_the_quotes_do(
    path: list[tuple[int, int, int, int]], levels: int, seed: int
) -> None:
    quotes = quotes_of(path)
    draws = np.random.default_rng(seed).integers(0, 2**53, deep.LADDER * len(quotes))
    records = deep.add_levels(quotes, levels, draws)
    for consumer in replay(records):
        assert max(len(side) for side in consumer.levels.values()) <= levels


@st.composite
def sides(draw: st.DrawFn) -> list[tuple[int, int]]:
    """A side of the book: 1 to 5 levels of (ticks behind a fixed price, lots), strictly ordered."""
    behind = sorted(draw(st.sets(st.integers(1, 12), min_size=1, max_size=5)))
    return [(ticks, draw(st.integers(1, 3))) for ticks in behind]


@settings(max_examples=500, deadline=None)
@given(before=sides(), after=sides(), side=st.sampled_from([Side.BUY, Side.SELL]))
def test_any_side_becomes_any_other_without_an_unsound_moment(
    before: list[tuple[int, int]], after: list[tuple[int, int]], side: Side
) -> None:
    """Levels that go away and levels that come nearer in one burst: a best price may appear where none was listed."""
    consumer, book, line = Consumer(), deep.new_ladder(5), 0 if side == Side.BUY else 1
    for wanted in (before, after):
        levels = [(26_000 - side * ticks, lots) for ticks, lots in wanted]
        book.listed[line] = len(levels)
        for level, (price, lots) in enumerate(levels):
            book.price[line, level], book.lots[line, level] = price, lots
        out, changed = events(6), [*consumer.levels[side]]
        rows = deep.send_side(book, int(side), quotes_of([(0, 1, 1, 0)])[0], out)
        for event in out[:rows]:
            consumer.take(event)
            consumer.check()
        assert consumer.levels[side] == levels
        kept = sum(old == new for old, new in zip(changed, levels, strict=False))
        assert rows == max(len(changed), len(levels)) - kept


@settings(max_examples=100, deadline=None)
@given(away=st.integers(-12, 12), seed=st.integers(0, 2**31))
def test_ladder_keeps_the_prices_that_stay_in_reach(away: int, seed: int) -> None:
    """Oracle: sizes by absolute price; the bid goes from 100 to 100 - away."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1000, 2000, deep.LADDER)
    at_price = {100 - depth: int(lots) for depth, lots in enumerate(sizes)}
    deep.move_best(sizes, away, generator.integers(0, 2**53, deep.LADDER))
    for depth, lots in enumerate(sizes.tolist()):
        held = at_price.get(100 - away - depth)
        assert lots == held if held is not None else lots < 1000


def test_trades_and_quotes_are_those_of_the_market_without_levels() -> None:
    for index in range(2):
        plain, full = PLAIN.session_events(index), DEEP.session_events(index)
        assert np.array_equal(full["sequence"], np.arange(len(full)))
        assert np.all(np.diff(full["ts_event_ns"]) >= 0)
        assert np.all(full["flags"] == Flag.SYNTHETIC)
        rest = full[~np.isin(full["kind"], LEVEL_KINDS)].copy()
        rest["sequence"] = np.arange(len(rest))
        assert rest.tobytes() == plain.tobytes()


def test_session_shows_five_sound_levels_a_side() -> None:
    depths, steps_between, first, behind = [], [], [], []
    for consumer in replay(DEEP.session_events(0)):
        for levels in consumer.levels.values():
            if levels:
                depths.append(len(levels))
                steps_between += [abs(b[0] - a[0]) for a, b in pairwise(levels)]
                first.append(levels[0][1])
                behind += [lots for _, lots in levels[1:]]
    assert max(depths) == 5
    assert 0.98 < np.mean(np.array(depths) == 5) < 1  # a side may be shallower, seldom
    assert 0.02 < np.mean(np.array(steps_between) > 1) < 0.15  # an empty price now and then
    assert np.mean(behind) > 1.5 * np.mean(first)


def test_deeper_sizes_change_without_a_move_of_the_price() -> None:
    records = DEEP.session_events(0)
    sets = records[(records["kind"] == Kind.LEVEL_SET) & (records["side"] == Side.BUY)]
    third = sets[sets["level"] == 2]
    same_price = np.diff(third["quantity"])[np.diff(third["price"]) == 0]
    assert np.count_nonzero(same_price) > 50


def test_fewer_levels_are_the_first_of_more() -> None:
    """Each level of a three-level book is the one of the five-level book at the same instant."""
    three = SyntheticMarket(sessions=1, trades_per_session=1000, seed=3, levels=3)
    five = SyntheticMarket(sessions=1, trades_per_session=1000, seed=3, levels=5)
    after = zip(replay(three.session_events(0)), replay(five.session_events(0)), strict=True)
    for shallow, full in after:
        assert all(shallow.levels[side] == full.levels[side][:3] for side in (Side.BUY, Side.SELL))


def test_same_seed_gives_the_same_levels_and_another_seed_others() -> None:
    again = SyntheticMarket(sessions=2, trades_per_session=2000, seed=3, levels=5)
    other = SyntheticMarket(sessions=2, trades_per_session=2000, seed=4, levels=5)
    assert again.session_events(1).tobytes() == DEEP.session_events(1).tobytes()
    assert other.session_events(1).tobytes() != DEEP.session_events(1).tobytes()


def test_a_quote_that_does_not_change_sends_at_most_one_level_and_no_change_sends_none() -> None:
    quotes = quotes_of([(0, 1, 20, 0)] * 200)
    records = deep.add_levels(quotes, 5, np.random.default_rng(1).integers(0, 2**53, deep.LADDER * len(quotes)))
    burst = np.diff(np.flatnonzero(records["kind"] == Kind.QUOTE_SIDE)) - 1
    assert burst[0] >= 4  # the first shows the whole side
    assert np.median(burst[2:]) <= 1
    assert np.mean(burst[2:] == 0) > 0.2


def test_levels_lie_in_a_partition_of_their_own(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    partitions = write_market(lake, DEEP)
    assert [p.kind for p in partitions] == ["book", "book", "quotes", "quotes", "trades", "trades"]
    assert all(p.provenance.synthetic and p.gaps == () for p in partitions)
    assert write_market(lake, DEEP) == partitions
    for index, day in enumerate(DEEP.days()):
        assert lake.read_events("WINQ26", day).tobytes() == DEEP.session_events(index).tobytes()


def test_session_without_its_book_is_written_again(tmp_path: Path) -> None:
    whole = write_market(Lake(tmp_path / "a"), DEEP)
    broken = Lake(tmp_path / "b")
    held = [p for p in whole if p.kind != "book" or p.session != "2026-06-01"]
    sessions = {day.isoformat(): dict(split_kinds(DEEP.session_events(i))) for i, day in enumerate(DEEP.days())}
    broken.commit((p, sessions[p.session][p.kind]) for p in held)
    assert write_market(broken, DEEP) == whole


def test_no_levels_where_there_are_no_quotes() -> None:
    trades = events(3)
    trades["kind"] = Kind.TRADE
    assert deep.add_levels(trades, 5, np.zeros(0, np.int64)).tobytes() == trades.tobytes()


@pytest.mark.parametrize("levels", [0, 6])
def test_refuses_levels_it_cannot_show(levels: int) -> None:
    with pytest.raises(ConfigError, match="levels"):
        SyntheticMarket(levels=levels)
