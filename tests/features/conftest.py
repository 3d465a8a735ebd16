"""A small rough market: seeded sessions with pauses, one-sided and crossed books, crosses, gaps, an opening print, and
one that shows no aggressor for a while.

Some trades name no broker or one only; the levels of the book come by index, at times emptied, stale or crossed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from features.catalogue import Need
from features.pipeline import SessionFeatures, begin_session, copy_last_bar, snapshot, update_bar, update_event
from features.schema import FeatureSchema, build_schema
from features.state import FeatureState, new_state
from market.stream import with_clock
from market.types import BAR, EVENT, PRICE_KEYED, SESSION, Kind, TradeType

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
BAR_NS = MINUTE
MINUTES = 75
PRELOAD = 2


@dataclass(frozen=True)
class Market:
    """Sessions of one contract: hours (SESSION, length 1 each) and their events with the clock."""

    sessions: list[np.ndarray]
    events: list[np.ndarray]


def make_session(day: int, minutes: int = MINUTES) -> np.ndarray:
    """Hours of the day-th session; lunch lies in its middle."""
    record = np.zeros(1, dtype=SESSION)
    start = day * 86_400 * SECOND + 9 * 3600 * SECOND
    record["open_ns"], record["close_ns"] = start, start + minutes * MINUTE
    record["lunch_start_ns"], record["lunch_end_ns"] = start + 20 * MINUTE, start + 35 * MINUTE
    record["date"], record["weekday"] = day, day % 5
    return record


def make_events(session: np.ndarray, seed: int, count: int = 9_000, sizes: bool = True) -> np.ndarray:
    """Random trades and quotes of a session, clock included."""
    rng = np.random.default_rng(seed)
    start, close = int(session["open_ns"][0]), int(session["close_ns"][0])
    events = np.zeros(count, dtype=EVENT)
    times = np.sort(rng.integers(start, close, count))
    times[rng.random(count) < 0.02] //= SECOND
    times = np.where(times < start, times * SECOND, times)  # some fall on a whole second
    pause = (times > start + 40 * MINUTE) & (times < start + 43 * MINUTE)
    times = np.sort(np.where(pause, start + 43 * MINUTE + 1, times))
    events["ts_event_ns"] = np.maximum(times, start)
    events["ts_event_ns"][0] = start - 3 * SECOND  # the opening print comes before the open
    trend = np.cumsum(rng.choice([-0.03, 0.0, 0.03], count // 100 + 1))
    steps = rng.normal(np.repeat(trend, 100)[:count] / 10, 0.35)
    mid = 10_000 + np.round(np.cumsum(steps)).astype(np.int64)
    events["side"] = rng.choice([-1, 1], count)
    events["quantity"] = np.minimum(rng.geometric(0.12, count), 1500)
    events["quantity"][rng.random(count) < 0.01] = 1_200
    events["instrument"] = 1
    events["kind"] = rng.choice([Kind.TRADE, Kind.QUOTE_SIDE], count, p=[0.45, 0.55])
    quote = events["kind"] == Kind.QUOTE_SIDE
    away = np.where(rng.random(count) < 0.03, -2, rng.integers(1, 4, count))  # at times the book is crossed
    events["price"] = np.where(quote, mid - events["side"] * away, mid + events["side"])
    events["price"][quote & (rng.random(count) < 0.02)] = 0
    calm = ~quote & (times >= start + 52 * MINUTE) & (times < start + 56 * MINUTE)
    events["price"][calm] = mid[np.argmax(calm)]
    events["side"][calm & (times >= start + 55.5 * MINUTE)] = 1  # and then absorbs buyers
    events["quantity"][calm & (times >= start + 55.5 * MINUTE)] = 90
    if seed == 3:  # a session that tells its aggressors late
        events["side"][~quote & (times < start + 11 * MINUTE)] = 0
    events["trade_type"] = np.where(events["side"] > 0, TradeType.BUY_AGGRESSION, TradeType.SELL_AGGRESSION)
    for kind, share in ((TradeType.CROSS, 0.03), (TradeType.RLP, 0.05), (TradeType.AUCTION, 0.01)):
        chosen = ~quote & (rng.random(count) < share)
        events["trade_type"][chosen] = kind
        events["side"][chosen & (kind != TradeType.CROSS)] = 0
    for kind, share in ((Kind.BOOK_CLEAR, 0.002), (Kind.GAP, 0.0005), (Kind.STATE, 0.001), (Kind.LEVEL_SET, 0.01)):
        chosen = np.append(False, rng.random(count - 1) < share)
        chosen &= (kind != Kind.LEVEL_SET) | ((events["side"] != 0) & (events["price"] > 0))
        events["kind"][chosen] = kind
    events["kind"][0], events["trade_type"][0], events["side"][0] = Kind.TRADE, TradeType.AUCTION, 0
    events["price"][0] = mid[0]
    if not sizes:
        events["quantity"][events["kind"] == Kind.QUOTE_SIDE] = 0
    draw = np.random.default_rng(1_000 + seed)
    name_brokers(events, draw)
    events = insert_levels(events, mid, draw)
    events["sequence"] = np.arange(len(events))
    return with_clock(events, session, BAR_NS)


def name_brokers(events: np.ndarray, rng: np.random.Generator) -> None:
    """Name the brokers of most trades; who is about changes now and then."""
    trades = events["kind"] == Kind.TRADE
    shift = np.arange(len(events)) // 400 % 3
    for name in ("buyer", "seller"):
        drawn = 3 + 17 * (np.minimum(rng.geometric(0.1, len(events)), 60) + 2 * shift)
        drawn[rng.random(len(events)) < 0.06] = 0
        events[name] = np.where(trades, drawn, 0)


def insert_levels(events: np.ndarray, mid: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Let a level by its index follow each event, but the first fifty: some is set anew, some is gone."""
    after = np.arange(50, len(events))
    side, level = rng.choice([-1, 1], len(after)), np.minimum(rng.integers(0, 7, len(after)) % 6, 4)
    added = np.zeros(len(after), dtype=EVENT)
    added["ts_event_ns"], added["instrument"], added["side"], added["level"] = (
        events["ts_event_ns"][after],
        1,
        side,
        level,
    )
    gone = (rng.random(len(after)) < 0.06) & (level > 0)
    added["kind"] = np.where(gone, Kind.LEVEL_DELETE, Kind.LEVEL_SET)
    away = 1 + 2 * level + rng.integers(0, 3, len(after))
    added["price"] = np.where(gone, 0, mid[after] - side * away)
    added["quantity"] = np.where(gone, 0, np.minimum(rng.geometric(0.05, len(after)), 400))
    return np.insert(events, after + 1, added)


def by_price(events: np.ndarray, seed: int) -> np.ndarray:
    """Return the events as a feed without quotes sends them: levels by their price, told whole after each loss."""
    rng = np.random.default_rng(2_000 + seed)
    kept = events[(events["kind"] != Kind.QUOTE_SIDE) & (events["kind"] != Kind.LEVEL_DELETE)].copy()
    levels = kept["kind"] == Kind.LEVEL_SET
    kept["level"][levels] = PRICE_KEYED
    kept["kind"][levels & (rng.random(len(kept)) < 0.3)] = Kind.LEVEL_DELETE
    # A price on the wrong side of the last trade is taken out, as a matching engine would.
    last = np.maximum.accumulate(np.where(kept["kind"] == Kind.TRADE, np.arange(len(kept)), 0))
    wrong = levels & ((kept["price"][last] - kept["price"]) * kept["side"] < -1)
    kept["kind"][wrong] = Kind.LEVEL_DELETE
    kept["kind"][levels & (rng.random(len(kept)) < 0.004)] = Kind.BOOK_CLEAR
    return kept


def room(count: int, columns: int) -> SessionFeatures:
    """Return room for what so many decision points see."""
    return SessionFeatures(
        np.empty((count, columns), dtype=np.float32), np.empty(count, dtype=np.int64), np.empty(count, dtype=np.uint8),
        np.empty(count, dtype=np.int32), np.empty(count), np.zeros(count, dtype=BAR), np.empty(count),
    )  # fmt: skip


@pytest.fixture(scope="session")
def full_schema() -> FeatureSchema:
    return build_schema("full", frozenset(Need), BAR_NS, PRELOAD)


@pytest.fixture(scope="session")
def market() -> Market:
    sessions = [make_session(day) for day in (1, 2, 5, 6)]
    return Market(sessions, [make_events(session, seed) for seed, session in enumerate(sessions)])


@pytest.fixture(scope="session")
def price_market(market: Market) -> Market:
    """The same sessions from a feed that has levels by their price, and no quotes."""
    return Market(market.sessions, [by_price(events, seed) for seed, events in enumerate(market.events)])


@pytest.fixture(scope="session")
def session_maker() -> Callable[..., np.ndarray]:
    return make_session


@pytest.fixture(scope="session")
def event_maker() -> Callable[..., np.ndarray]:
    return make_events


@pytest.fixture(scope="session")
def stream() -> Callable[[FeatureState, np.ndarray], SessionFeatures]:
    """Feed events one at a time from Python, as a live callback would, and keep what decision points saw."""

    def run(state: FeatureState, events: np.ndarray) -> SessionFeatures:
        rows, times, bars = [], [], np.zeros(int((events["kind"] == Kind.CLOCK).sum()), dtype=BAR)
        for event in events:
            if update_event(state, event) == 1:
                row = np.empty(state.columns.size, dtype=np.float32)
                snapshot(state, row)
                copy_last_bar(state, bars, len(rows))
                rows.append(row)
                times.append(int(event["ts_event_ns"]))
        shape = (len(rows), state.columns.size)
        empty = np.empty(0)
        found = np.array(rows, dtype=np.float32).reshape(shape)
        return SessionFeatures(found, np.array(times), empty, empty, empty, bars[: len(rows)], empty)

    return run


@pytest.fixture(scope="session")
def run_bars(full_schema: FeatureSchema) -> Callable[..., tuple[FeatureState, np.ndarray]]:
    """Feed sessions of (open, high, low, close, volume, buy, sell) bars; return the state and each bar's scratch."""

    def run(*sessions: list[tuple[int, ...]], schema: FeatureSchema = full_schema) -> tuple[FeatureState, np.ndarray]:
        state, seen = new_state(schema), []
        row = np.empty(state.columns.size, dtype=np.float32)
        for day, lines in enumerate(sessions):
            hours = make_session(day, max(len(lines), 1))
            begin_session(state, hours[0])
            for k, line in enumerate(lines):
                bar = np.zeros(1, dtype=BAR)
                for name, value in zip(
                    ("open", "high", "low", "close", "volume", "buy_volume", "sell_volume"), line, strict=True
                ):
                    bar[name] = value
                bar["ts_open_ns"] = hours["open_ns"] + k * BAR_NS
                bar["ts_close_ns"] = bar["ts_open_ns"] + BAR_NS
                update_bar(state, bar[0])
                snapshot(state, row)
                seen.append(state.scratch.copy())
        return state, np.array(seen)

    return run
