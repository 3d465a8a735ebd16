"""The decision path: one event through features, forests, agents, desk and venue; a day; execution alone; a sweep.

An event that closes a bar is decided at; the clock around each call is libc's own, called from compiled code, and
its cost is within what is told.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

import lightgbm
import numba
import numpy as np

from benchmarks import execution, sweep
from benchmarks.feature_work import MINUTE_NS, clocked_day, one_session
from benchmarks.rows import Row, race, rounded
from features.catalogue import Need
from features.monitor import open_band
from features.pipeline import SessionFeatures, begin_session, replay_events
from features.schema import build_schema
from forest.convert import from_lightgbm
from forest.flat import FlatForest, empty
from market.costs import costs
from market.instruments import B3
from market.types import BAR
from trading.agent_inputs import available_agents, resolve_inputs
from trading.blend import Blend, pack_blends
from trading.core import new_desk
from trading.desk import Desk
from trading.model import KNOTS, Model
from trading.paper import Trader, new_trader, paper_begin, paper_end, paper_event, paper_events
from trading.policy import RANGES, RiskLimits, StrategyParams
from trading.usual import open_usual

PRELOAD = 5
DAY = date(2026, 6, 1)
INSTRUMENT = B3.of("WINQ26")
MONOTONIC = 1  # CLOCK_MONOTONIC
# Trades often, and nothing locks it: what is measured should hold fills.
STRATEGY = StrategyParams(
    theta=(0.02, 0.02, 0.02), with_trend_only=False, cooldown_bars=1, max_hold_bars=5, trades_per_day=(1_000,) * 3
)
_WIDEST = (
    "daily_loss_fraction", "drawdown_stop", "drawdown_alert", "max_trades_per_day", "max_messages_per_second",
    "max_messages_per_minute", "max_messages_per_day", "max_entries_per_10_minutes", "halt_at_identical_orders",
)  # fmt: skip
LIMITS = RiskLimits(
    capital_reais=10_000_000.0,
    min_win_rate=1e-9,
    **{name: RANGES[name][1] for name in _WIDEST},  # type: ignore[arg-type]
)


@dataclass(frozen=True)
class Sizes:
    """Records of each piece of work."""

    ticks: int = 400_000
    trees: int = 200
    rounds: int = 3
    resting: execution.Sizes = field(default_factory=execution.Sizes)
    grid: sweep.Sizes = field(default_factory=sweep.Sizes)


def measure(sizes: Sizes = Sizes()) -> list[Row]:
    events = clocked_day(sizes.ticks)
    trader = ready_trader(events, sizes.trees)
    return [
        *event_rows(trader, events),
        chain_row(trader, events, sizes.rounds),
        execution.execution_row(sizes.resting),
        sweep.sweep_row(sizes.grid),
    ]


def event_rows(trader: Trader, events: np.ndarray) -> list[Row]:
    """The time of each call in a day, at decisions and at the events between them."""
    taken, decided = np.zeros(events.size, dtype=np.int64), np.zeros(events.size, dtype=np.bool_)
    run = timed_loop()
    for _ in range(2):  # the first day compiles and fills the caches
        begin(trader)
        run(trader.core, trader.venue, events, taken, decided)
        paper_end(trader.core, trader.venue)
    scored = trader.decisions["probability"]
    assert np.isfinite(scored).mean() > 0.5, "expected most decisions to reach their forest"
    parts = {f"decision event, {_what(trader)}": taken[decided], "other event": taken[~decided]}
    return [
        Row(f"{name}, p{share}", "ns", float(np.percentile(each, share)))
        for name, each in parts.items()
        for share in (50, 99)
    ]


def chain_row(trader: Trader, events: np.ndarray, rounds: int) -> Row:
    """Ticks per second of a compiled day with decisions and fills."""

    def day() -> None:
        begin(trader)
        paper_events(trader.core, trader.venue, events)
        paper_end(trader.core, trader.venue)

    seconds, _ = race(day, lambda: None, rounds=rounds)
    fills, decisions = trader.fills.size, trader.decisions.size
    assert fills > 0, "expected fills in the day"
    work = f"whole chain, {decisions} decisions and {fills} fills in {events.size:,} events"
    return Row(work, "M ticks/s", rounded(events.size / seconds / 1e6))


def _what(trader: Trader) -> str:
    agents = available_agents(trader.schema.columns)
    return f"{len(trader.schema.columns)} columns, three forests, {len(agents)} agents"


def empty_desk() -> Desk:
    """Return a desk that has never traded, charged what the day costs."""
    return new_desk(LIMITS, INSTRUMENT, costs(INSTRUMENT.root, DAY))


def begin(trader: Trader) -> None:
    """Start the day again, with an account that has not lived it yet."""
    desk, fresh = trader.core.desk, empty_desk()
    desk.account[:], desk.budget[:] = fresh.account, fresh.budget
    paper_begin(trader.core, trader.venue, one_session()[0], True)


def ready_trader(events: np.ndarray, trees: int) -> Trader:
    """Return a trader whose features have seen the day as each of its preload sessions, and once more."""
    schema = build_schema("full", frozenset(Need), MINUTE_NS, PRELOAD)
    columns = len(schema.columns)
    count = 600
    seen = SessionFeatures(
        np.empty((count, columns), dtype=np.float32), np.empty(count, dtype=np.int64), np.empty(count, dtype=np.uint8),
        np.empty(count, dtype=np.int32), np.empty(count), np.zeros(count, dtype=BAR), np.empty(count),
    )  # fmt: skip
    learner = new_trader(schema, _model(schema.columns, [_forest(_drawn_rows(columns), 1, 0)] * 3), empty_desk())
    for _ in range(PRELOAD + 1):  # some columns stand only in the session after the preload
        begin_session(learner.core.features, one_session()[0])
        made = replay_events(learner.core.features, events, seen)
    forests = [_forest(seen.rows[:made], trees, seed) for seed in range(3)]
    trader = new_trader(schema, _model(schema.columns, forests), empty_desk())
    for own, learnt in zip(trader.core.features, learner.core.features, strict=True):
        own[:] = learnt
    return trader


def _drawn_rows(columns: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(500, columns)).astype(np.float32)


def _forest(rows: np.ndarray, trees: int, seed: int) -> FlatForest:
    """Return trees of 31 leaves whose splits lie among the rows, so that a walk is as deep as a trained one's."""
    rng, whole = np.random.default_rng(seed), rows[np.isfinite(rows).all(axis=1)]
    many = np.repeat(whole, 8, axis=0)
    many = many + rng.normal(scale=0.01, size=many.shape) * whole.std(axis=0)
    labels = rng.integers(0, 2, len(many))
    settings = {"objective": "binary", "num_leaves": 31, "seed": seed, "num_threads": 1, "verbosity": -1}
    data = lightgbm.Dataset(many, labels)
    return from_lightgbm(lightgbm.train(settings, data, num_boost_round=trees).model_to_string())


def _model(columns: tuple[str, ...], forests: list[FlatForest]) -> Model:
    x = np.tile(np.linspace(-1.0, 1.0, KNOTS), (3, 1))
    p = np.tile(np.linspace(0.0, 1.0, KNOTS), (3, 1))
    inputs = resolve_inputs(columns, available_agents(columns))
    alone = np.array([1.0, 0.0, 0.0])
    blends = pack_blends([Blend((forest, empty(), empty()), alone) for forest in forests])
    return Model(blends, x, p, inputs, STRATEGY.record(), open_band(len(columns)), open_usual())


@cache
def timed_loop() -> Callable[..., None]:
    """Return a compiled loop that times each event; not cached on disk, because the clock's address changes."""
    clock: Any = ctypes.CDLL(None).clock_gettime
    clock.argtypes, clock.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_int

    def run(core: Any, venue: Any, events: np.ndarray, taken: np.ndarray, decided: np.ndarray) -> None:
        before, after = np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64)
        for i in range(events.size):
            clock(MONOTONIC, before.ctypes)
            made = paper_event(core, venue, events[i])
            clock(MONOTONIC, after.ctypes)
            taken[i] = (after[0] - before[0]) * 1_000_000_000 + after[1] - before[1]
            decided[i] = made == 1

    loop: Callable[..., None] = numba.njit(nogil=True, error_model="numpy")(run)
    return loop
