"""A column moves with each input it declares and with no other: one input is drawn anew, all else stays."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from features.catalogue import CATALOGUE, Need
from features.feature import Feature
from features.pipeline import begin_session, snapshot, update_bar, update_event
from features.schema import FeatureSchema
from features.state import FeatureState, new_state
from market.types import BAR, Kind, Side
from tests.factories import make_trade

MINUTE = 60_000_000_000
DAYS, BARS = range(1, 13), 60
Draw = Callable[[np.ndarray, np.random.Generator], None]

APART = 4  # ticks between the sides of the book beyond what the maker draws
EVERY = 19  # events between two looks; odd, as trades and quotes alternate with levels

# Volume by price is that of a bar's trades, which a bar alone does not tell.
BY_PRICE = {f.name for f in CATALOGUE if f.group in ("profile", "footprint")} - {"bar_delta"}
OF_BARS = [f for f in CATALOGUE if Need.BARS in f.needs and f.name not in BY_PRICE]
OF_THE_CLOCK = [f for f in CATALOGUE if f.needs == {Need.CALENDAR}]
OF_EVENTS = [f for f in CATALOGUE if f not in OF_BARS and f not in OF_THE_CLOCK]


def bars_of(day: int, open_ns: int) -> np.ndarray:
    """A session of a walk with a trend or none, within generous highs and lows; some volume has no aggressor."""
    rng = np.random.default_rng(day)
    bars = np.zeros(BARS, dtype=BAR)
    close = 10_000 + np.cumsum(rng.integers(-6, 7, BARS) + (-3, 0, 3)[day % 3]) + 40 * day
    bars["close"], bars["open"] = close, close + rng.integers(-4, 5, BARS)
    bars["high"] = np.maximum(bars["open"], close) + rng.integers(2, 9, BARS)
    bars["low"] = np.minimum(bars["open"], close) - rng.integers(2, 9, BARS)
    bars["buy_volume"], bars["sell_volume"] = rng.integers(1, 300, (2, BARS))
    bars["volume"] = bars["buy_volume"] + bars["sell_volume"] + rng.integers(1, 300, BARS)
    bars["buy_trades"], bars["sell_trades"] = rng.integers(1, 30, (2, BARS))
    bars["trades"] = bars["buy_trades"] + bars["sell_trades"] + rng.integers(1, 30, BARS)
    bars["ts_open_ns"] = open_ns + np.arange(BARS) * MINUTE
    bars["ts_close_ns"] = bars["ts_open_ns"] + MINUTE
    return bars


def within(name: str) -> Draw:
    """Draw a price of each bar anew, between its low and its high."""

    def draw(bars: np.ndarray, rng: np.random.Generator) -> None:
        bars[name] = rng.integers(bars["low"], bars["high"] + 1)

    return draw


def outwards(name: str, sign: int) -> Draw:
    def draw(bars: np.ndarray, rng: np.random.Generator) -> None:
        bars[name] += sign * rng.integers(0, 12, len(bars))

    return draw


def more(name: str, most: int) -> Draw:
    def draw(records: np.ndarray, rng: np.random.Generator) -> None:
        records[name] += rng.integers(1, most, len(records))

    return draw


OF_A_BAR: dict[str, Draw] = {
    "O": within("open"), "C": within("close"), "H": outwards("high", 1), "L": outwards("low", -1),
    "V": more("volume", 400), "Vb": more("buy_volume", 400), "Vs": more("sell_volume", 400), "N": more("trades", 40),
    "Nb": more("buy_trades", 40), "Ns": more("sell_trades", 40),
}  # fmt: skip


def later(bars: np.ndarray, rng: np.random.Generator) -> None:
    bars["ts_close_ns"] += 35 * MINUTE


def wider(session: np.ndarray, rng: np.random.Generator) -> None:
    session["open_ns"] -= 45 * MINUTE
    session["close_ns"] -= 20 * MINUTE


def next_day(session: np.ndarray, rng: np.random.Generator) -> None:
    session["weekday"] = (session["weekday"] + 1) % 5


def row_of(state: FeatureState) -> np.ndarray:
    snapshot(state, np.empty(state.columns.size, dtype=np.float32))
    return state.scratch.copy()


def run_bars(schema: FeatureSchema, make: Callable[..., np.ndarray], on_bars: Draw, on_hours: Draw) -> np.ndarray:
    """Sessions of bars; what the drawing does to bars and hours is done to each."""
    state, rows = new_state(schema), []
    for day in DAYS:
        hours = make(day, BARS)
        bars = bars_of(day, int(hours["open_ns"][0]))
        rng = np.random.default_rng(100 + day)
        on_bars(bars, rng)
        on_hours(hours, rng)
        begin_session(state, hours[0])
        trade = make_trade(0, 10_000)
        trade["ts_event_ns"] = hours["open_ns"]
        update_event(state, trade[0])  # the tape knows aggressors, so bars tell buyers from sellers
        for bar in bars:
            update_bar(state, bar)
            rows.append(row_of(state))
    return np.array(rows)


def keep(records: np.ndarray, rng: np.random.Generator) -> None:
    """Change nothing."""


def trades(change: Callable[[np.ndarray, np.random.Generator], None]) -> Draw:
    return _of_kind(lambda events: events["kind"] == Kind.TRADE, change)


def levels(side: Side) -> Draw:
    """Draw prices and lots of one side's levels anew; the side never comes nearer to the other."""

    def change(events: np.ndarray, rng: np.random.Generator) -> None:
        away(side)(events, rng)
        more("quantity", 60)(events, rng)

    return _of_kind(lambda events: (events["kind"] == Kind.LEVEL_SET) & (events["side"] == side), change)


def quotes(side: Side, change: Callable[[np.ndarray, np.random.Generator], None]) -> Draw:
    return _of_kind(
        lambda events: (events["kind"] == Kind.QUOTE_SIDE) & (events["side"] == side) & (events["price"] > 0), change
    )


def _of_kind(chosen: Callable[[np.ndarray], np.ndarray], change: Draw) -> Draw:
    def draw(events: np.ndarray, rng: np.random.Generator) -> None:
        mask = chosen(events)
        some = events[mask]
        change(some, rng)
        events[mask] = some

    return draw


def other_price(events: np.ndarray, rng: np.random.Generator) -> None:
    events["price"] += rng.integers(0, 3, len(events))


def away(side: Side) -> Draw:
    """Move prices of a side of the book away from the other, so that a valid book stays valid."""

    def draw(events: np.ndarray, rng: np.random.Generator) -> None:
        events["price"] -= side * rng.integers(0, 3, len(events))

    return draw


def other_sides(events: np.ndarray, rng: np.random.Generator) -> None:
    events["side"] = rng.choice([-1, 0, 1], len(events))


def other_brokers(name: str) -> Draw:
    """Deal the brokers of one side out anew among the trades that name one."""

    def draw(events: np.ndarray, rng: np.random.Generator) -> None:
        named = events[name] > 0
        events[name][named] = rng.permutation(events[name][named])

    return draw


def slower(events: np.ndarray, rng: np.random.Generator) -> None:
    """Spend the session's time otherwise: the order of events stays, but they fall into other bars of the clock."""
    told = events["kind"] != Kind.CLOCK
    times = events["ts_event_ns"][told]
    first, last = times.min(), times.max()
    events["ts_event_ns"][told] = first + (((times - first) / (last - first)) ** 1.3 * (last - first)).astype(np.int64)
    events[:] = events[np.argsort(events["ts_event_ns"], kind="stable")]


OF_AN_EVENT: dict[str, Draw] = {
    "p": trades(other_price), "q": trades(more("quantity", 60)), "a": trades(other_sides), "t": slower,
    "buyer": trades(other_brokers("buyer")), "seller": trades(other_brokers("seller")),
    "bid": quotes(Side.BUY, away(Side.BUY)), "ask": quotes(Side.SELL, away(Side.SELL)),
    "bid-size": quotes(Side.BUY, more("quantity", 60)), "ask-size": quotes(Side.SELL, more("quantity", 60)),
    "B": levels(Side.BUY), "A": levels(Side.SELL),
}  # fmt: skip


def widen(events: np.ndarray) -> None:
    """Part the sides of the book: none is ever crossed, so a price of one side decides nothing about the other."""
    book = np.isin(events["kind"], [Kind.QUOTE_SIDE, Kind.LEVEL_SET]) & (events["price"] > 0)
    events["price"][book] -= APART * events["side"][book]


def run_events(schema: FeatureSchema, make: Callable[..., np.ndarray], events: Callable[..., np.ndarray], draw: Draw
               ) -> np.ndarray:  # fmt: skip
    """Three sessions of events with their clock, looked at after every few that are not the clock's."""
    state, rows = new_state(schema), []
    for day in (1, 2, 3):
        hours = make(day)
        session = events(hours, day)
        widen(session)
        draw(session, np.random.default_rng(100 + day))
        begin_session(state, hours[0])
        told = np.cumsum(session["kind"] != Kind.CLOCK)
        for event, count in zip(session, told, strict=True):
            update_event(state, event)
            if event["kind"] != Kind.CLOCK and count % EVERY == 0:
                rows.append(row_of(state))
    return np.array(rows)


def moved(before: np.ndarray, after: np.ndarray) -> set[str]:
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    return {feature.name for feature, still in zip(CATALOGUE, same.all(axis=0), strict=True) if not still}


def declared(features: list[Feature], read: str) -> set[str]:
    return {feature.name for feature in features if read in feature.inputs}


def names(features: list[Feature]) -> set[str]:
    return {feature.name for feature in features}


@pytest.fixture(scope="module")
def bars_before(full_schema, session_maker) -> np.ndarray:
    return run_bars(full_schema, session_maker, keep, keep)


@pytest.fixture(scope="module")
def events_before(full_schema, session_maker, event_maker) -> np.ndarray:
    return run_events(full_schema, session_maker, event_maker, keep)


def read_by(features: list[Feature]) -> Iterator[str]:
    return (read for feature in features for read in feature.inputs)


def test_every_column_declares_inputs_of_its_source() -> None:
    assert set(read_by(OF_BARS)) == set(OF_A_BAR)
    assert set(read_by(OF_EVENTS)) == set(OF_AN_EVENT)
    assert set(read_by(OF_THE_CLOCK)) == {"t", "hours", "weekday"}
    assert [feature.name for feature in CATALOGUE if not feature.inputs] == []
    assert len(OF_BARS) + len(OF_EVENTS) + len(OF_THE_CLOCK) == len(CATALOGUE)


@pytest.mark.parametrize("read", OF_A_BAR)
def test_bar_columns_move_with_their_inputs_alone(read, full_schema, session_maker, bars_before):
    after = run_bars(full_schema, session_maker, OF_A_BAR[read], keep)
    assert moved(bars_before, after) & names(OF_BARS) == declared(OF_BARS, read)


@pytest.mark.parametrize(("read", "on_bars", "on_hours"), [
    ("t", later, keep), ("hours", keep, wider), ("weekday", keep, next_day),
])  # fmt: skip
def test_columns_of_the_clock_move_with_their_inputs_alone(
    read, on_bars, on_hours, full_schema, session_maker, bars_before
):
    after = run_bars(full_schema, session_maker, on_bars, on_hours)
    # The one trade before the bars begins a tape, whose columns may move too.
    assert moved(bars_before, after) & names([*OF_BARS, *OF_THE_CLOCK]) == declared(OF_THE_CLOCK, read)


@pytest.mark.parametrize("read", OF_AN_EVENT)
def test_event_columns_move_with_their_inputs_alone(read, full_schema, session_maker, event_maker, events_before):
    after = run_events(full_schema, session_maker, event_maker, OF_AN_EVENT[read])
    assert moved(events_before, after) & names(OF_EVENTS) == declared(OF_EVENTS, read)
