"""The embedded market: seeded sessions with regimes, seasonality and a planted or a null alpha.

It stands in for real data in the demonstration and in tests, so that the pipeline can be shown to find
what is there and to refuse what is not. Every record is marked synthetic, and so is its provenance.

The defaults are the market of the demonstration. `SyntheticMarket.realistic` is the one that was set after real
files (docs/synthetic-market.md).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Self

import numpy as np

from market.errors import ConfigError, DataError
from market.instruments import B3
from market.lake import Lake
from market.lake_manifest import Cause, Gap, Partition, Provenance
from market.roll import last_trade_session
from market.synthetic_book import STATE
from market.synthetic_breaks import halt_steps, lose_feed, lost_interval, quiet_steps
from market.synthetic_kernel import ROWS_PER_ORDER, STEPS_PER_MINUTE, Draws, Plan, simulate
from market.synthetic_levels import LADDER, add_levels
from market.synthetic_microstructure import DEMONSTRATION, PRESETS, SHAPE, Microstructure, Shape
from market.types import Kind, events

IMPORTER = "market.synthetic/1"
LATENCY_NS = 2_000_000
MINUTE_NS = 60_000_000_000
# Streams of the draws; a session's own stream is its index, below 10,000, and is added to the bases of the others.
GAP_STREAM, QUIET_STREAM, HALT_STREAM, FEED_STREAM, BOOK_STREAM = 10_001, 20_000, 30_000, 40_000, 50_000
BRANCHING = 0.6  # orders that an order brings on average, where arrivals excite each other
GAP_TICKS = 170  # overnight: the sum of four uniforms, less two, times this (deviation 98 ticks)

# Parameters that enter the hash whatever their values; one that was added later enters it where it is not its default.
ALWAYS_TOLD = frozenset({"symbol", "first", "sessions", "seed", "alpha", "trades_per_session", "opening_points"})

# The lake's kinds of partition, and the events in each.
KINDS = MappingProxyType(
    {
        "trades": (Kind.TRADE,),
        "quotes": (Kind.QUOTE_SIDE, Kind.STATE, Kind.GAP),
        "book": (Kind.LEVEL_SET, Kind.LEVEL_DELETE),
    }
)


@dataclass(frozen=True)
class SyntheticMarket:
    """A market of one contract, the same bytes for the same values on every machine.

    Parameters
    ----------
    symbol : str
        The contract; its sessions end before its last trading session.
    first : date
        The first session is the first B3 session on or after it.
    sessions : int
        How many sessions, at least 1.
    seed : int
        Not negative.
    alpha : float
        Strength of the planted alpha in [0, 4]: how far the price will follow the lean that flow and book show
        already. 0 is the null market: the same flow, and a price that no past flow predicts.
    trades_per_session : int
        Mean number of trades, 500 to 50,000.
    opening_points : float
        The first price, in points; 8,000 ticks or more, so that no session comes near zero.
    levels : int
        Levels of the book a side, 1 to 5. With 1 there are quotes only; with more, LEVEL_SET and LEVEL_DELETE events
        follow each quote (`market.synthetic_levels`), and trades and quotes are as they are without.
    arrivals : str
        "poisson": independent of each other, though a little more even (every second of the candidates is one); or
        "hawkes": each order brings 0.6 more on average within seconds, and the mean rate is the same.
    halts : float
        Chance in [0, 1] that a session has a halt of 5 to 10 minutes: STATE events FROZEN, then AUCTION, an auction
        print at another price, STATE OPEN. Nothing trades and no quote changes meanwhile.
    gaps : float
        Chance in [0, 1] that the feed of a session is lost for 20 to 180 seconds. Those events are missing; then come
        a GAP and the quote as it stands.
    shape : tuple of (minute, per mille)
        Activity by minute of the local day at ascending knots, linear between; only the proportions count.
    microstructure : Microstructure
        Rates and laws of book, orders and volatility.

    Raises
    ------
    ConfigError
        If a value is out of range or the contract has too few sessions left.
    """

    symbol: str = "WINQ26"
    first: date = date(2026, 6, 1)
    sessions: int = 45
    seed: int = 20260601
    alpha: float = 1.0
    trades_per_session: int = 5000
    opening_points: float = 130_000.0
    levels: int = 1
    arrivals: str = "poisson"
    halts: float = 0.0
    gaps: float = 0.0
    shape: Shape = SHAPE
    microstructure: Microstructure = DEMONSTRATION

    @classmethod
    def realistic(cls, symbol: str, first: date, sessions: int, seed: int, alpha: float = 0.0) -> Self:
        """Return a market with the stylised facts of real files, five levels, halts and gaps.

        What was measured where, and how near it comes: docs/synthetic-market.md. WDO and DOL, or WIN and IND.
        """
        preset = PRESETS[B3.of(symbol).root]
        return cls(
            symbol, first, sessions, seed, alpha, preset.trades_per_session, preset.opening_points,
            levels=5, arrivals="hawkes", halts=0.02, gaps=0.02,
            shape=preset.shape, microstructure=preset.microstructure,
        )  # fmt: skip

    def __post_init__(self) -> None:
        require("sessions", self.sessions, 1, 10_000)
        require("seed", self.seed, 0, 2**63 - 1)
        require("alpha", self.alpha, 0.0, 4.0)
        require("trades_per_session", self.trades_per_session, 500, 50_000)
        require("opening_points in ticks", B3.of(self.symbol).to_ticks(self.opening_points), 8_000, 1_000_000)
        require("levels", self.levels, 1, 5)
        require("halts", self.halts, 0.0, 1.0)
        require("gaps", self.gaps, 0.0, 1.0)
        require_arrivals(self.arrivals)
        require_shape(self.shape)
        require_microstructure(self.microstructure)
        found = len(self.life())
        if found < self.sessions:
            raise ConfigError(
                f"{self.symbol}: expected {self.sessions} sessions from {self.first} to the eve of the last trading"
                f" session, found {found}; ask for fewer or start earlier"
            )

    def life(self) -> list[date]:
        """Return the contract's sessions from `first` on, without its last one."""
        return B3.calendar(self.symbol).sessions(self.first, last_trade_session(self.symbol) - timedelta(days=1))

    def days(self) -> list[date]:
        """Return the session dates, ascending."""
        return self.life()[: self.sessions]

    def session_events(self, index: int) -> np.ndarray:
        """Return the EVENT array of session `index` (from 0), all kinds by sequence, as a recorder would write it."""
        return record_session(self, index, simulate_session(self, index, self.openings[index])[0])

    @cached_property
    def openings(self) -> list[int]:
        """The opening price of every session in ticks: the previous close and an overnight gap.

        The simulation does not know the price level, so each session's move is simulated from zero.
        """
        gaps = draw_units(self.seed, GAP_STREAM, 4 * self.sessions).reshape(-1, 4)
        level = B3.of(self.symbol).to_ticks(self.opening_points)
        opening = []
        for index in range(self.sessions):
            opening.append(level)
            moved = simulate_session(self, index, 0)[1]
            level += moved + int((int(gaps[index].sum()) - 2**54) * GAP_TICKS // 2**53)
        return opening

    def sha256(self) -> str:
        """Return the hash of the canonical parameters, with the importer's version.

        The parameters of the demonstration always count, each other one where it differs from its default.
        """
        told: dict[str, object] = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name in ALWAYS_TOLD or getattr(self, field.name) != field.default
        }
        text = json.dumps({**told, "importer": IMPORTER}, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def require(name: str, value: float, low: float, high: float) -> None:
    """Refuse a parameter outside [low, high]."""
    if not low <= value <= high:
        raise ConfigError(f"synthetic.{name}: expected {low} to {high}, found {value}; set it within that range")


def require_arrivals(arrivals: str) -> None:
    """Refuse an unknown law of arrivals."""
    if arrivals not in ("poisson", "hawkes"):
        raise ConfigError(f"synthetic.arrivals: expected poisson or hawkes, found {arrivals!r}; write one of them")


def require_shape(shape: Shape) -> None:
    """Refuse knots that do not ascend or that are not positive."""
    minutes = [minute for minute, _ in shape]
    if not shape or minutes != sorted(set(minutes)) or min(height for _, height in shape) < 1:
        raise ConfigError(f"synthetic.shape: expected ascending minutes and positive heights, found {shape}")


def require_microstructure(micro: Microstructure) -> None:
    """Refuse rates that no session could hold: orders that sweep too far, chances beyond one."""
    limits: tuple[tuple[str, Iterable[float], float, float], ...] = (
        ("race_rate", [micro.race_rate], 0.001, 0.3),
        ("volatility", micro.volatility, 0.0, 5.0),
        ("crowd", micro.crowd, 0.0, 2.5),
        ("volatility_move", [micro.volatility_move], 0.0, 0.5),
        ("resting_spread", [micro.resting_spread], 1, 2),
        ("narrowing", [micro.narrowing], 0.0, 10.0),
        ("follow_1024", [micro.follow_1024], 0, 1024),
        ("wide_8", [micro.wide_8], 0, 8),
        ("impact", [micro.impact], 0.0, 0.56),
        ("sweep", micro.sweep, 1, 6),
        ("inside_1024", [micro.inside_1024], 0, 1024),
        ("trades_per_order", [micro.trades_per_order], 1.0, 4.0),
    )
    for name, values, low, high in limits:
        for value in values:
            require(f"microstructure.{name}", value, low, high)


def draw_units(seed: int, stream: int, count: int) -> np.ndarray:
    """Return `count` int64 in [0, 2**53) from PCG64, an independent stream per number."""
    raw = np.random.PCG64(np.random.SeedSequence([seed, stream])).random_raw(count)
    return (np.asarray(raw, dtype=np.uint64) >> np.uint64(11)).astype(np.int64)


def simulate_session(market: SyntheticMarket, index: int, opening: int) -> tuple[np.ndarray, int]:
    """Return one session's trades, quotes and phases, and its move from the opening to the last bid, in ticks."""
    hours = B3.session(market.symbol, market.days()[index])[0]
    plan = plan_session(market, index, opening, hours)
    draws = draw_session(market, index, plan.activity.size)
    state, out = np.zeros(1, STATE), events(len(draws.prints))
    rows = simulate(plan, draws, state, out)
    if rows < 0:
        raise DataError(
            f"synthetic session {index}: expected at most {len(out)} events, found more; lower trades_per_session"
        )
    return out[:rows].copy(), int(state["bid"][0]) - opening


def plan_session(market: SyntheticMarket, index: int, opening: int, hours: np.void) -> Plan:
    """Fix what is known of a session before it starts."""
    activity, micro = intraday_activity(hours, market.shape), market.microstructure
    quiet_from, quiet_to = quiet_steps(draw_units(market.seed, QUIET_STREAM + index, 3), activity.size)
    halt = draw_units(market.seed, HALT_STREAM + index, 4)
    halt_from, halt_to, reopening = halt_steps(halt, market.halts, activity.size)
    return Plan(
        activity=activity,
        order_rate=2.0 * market.trades_per_session / (micro.trades_per_order * activity.size * STEPS_PER_MINUTE),
        alpha=float(market.alpha),
        opening=opening,
        open_ns=int(hours["open_ns"]),
        quiet_from=quiet_from,
        quiet_to=quiet_to,
        instrument=B3.of(market.symbol).id,
        micro=micro,
        branching=BRANCHING if market.arrivals == "hawkes" else 0.0,
        halt_from=halt_from,
        halt_to=halt_to,
        reopening=reopening,
    )


def record_session(market: SyntheticMarket, index: int, records: np.ndarray) -> np.ndarray:
    """Return a session as it is received: without what the feed lost, with the deeper levels, numbered and late."""
    hours = B3.session(market.symbol, market.days()[index])[0]
    minutes = int(hours["close_ns"] - hours["open_ns"]) // MINUTE_NS
    feed = draw_units(market.seed, FEED_STREAM + index, 3)
    lost_from, lost_to = lost_interval(feed, market.gaps, int(hours["open_ns"]), minutes)
    if lost_to:
        records = lose_feed(records, lost_from, lost_to)
    if market.levels > 1:
        quotes = int(np.count_nonzero(records["kind"] == Kind.QUOTE_SIDE))
        records = add_levels(records, market.levels, draw_units(market.seed, BOOK_STREAM + index, LADDER * quotes))
    records["sequence"] = np.arange(len(records))
    records["ts_recv_ns"] = records["ts_event_ns"] + LATENCY_NS
    return records


def draw_session(market: SyntheticMarket, index: int, minutes: int) -> Draws:
    """Draw everything a session may use; twice the orders and rows that are expected."""
    orders = 2 * market.trades_per_session
    rows = orders * ROWS_PER_ORDER // 2 + 10 * minutes
    sizes = (3 * minutes, 2 * minutes * STEPS_PER_MINUTE, 2 * orders, rows)
    cuts = np.cumsum(sizes)
    parts = np.split(draw_units(market.seed, index, int(cuts[-1])), cuts[:-1])
    return Draws(parts[0].reshape(-1, 3), parts[1].reshape(-1, 2), parts[2].reshape(-1, 2), parts[3])


def intraday_activity(hours: np.void, shape: Shape) -> np.ndarray:
    """Return the activity of every minute of a session, mean 1; integers until the last division."""
    total = int(hours["close_ns"] - hours["open_ns"]) // MINUTE_NS
    first = 720 - int(hours["lunch_start_ns"] - hours["open_ns"]) // MINUTE_NS
    heights = np.array([shape_at(shape, first + minute) for minute in range(total)], dtype=np.int64)
    activity: np.ndarray = heights * total / heights.sum()
    return activity


def shape_at(shape: Shape, minute: int) -> int:
    """Return the activity at a local minute of the day, per mille."""
    for (left, low), (right, high) in pairwise(shape):
        if left <= minute < right:
            return low + (high - low) * (minute - left) // (right - left)
    return shape[0][1] if minute < shape[0][0] else shape[-1][1]


def write_market(lake: Lake, market: SyntheticMarket) -> list[Partition]:
    """Write every session that the lake does not hold yet; return all of the market's partitions.

    A second call with the same market changes nothing.

    Raises
    ------
    FileRefused
        If the lake holds other content for one of the sessions; nothing is changed then.
    """
    provenance = provenance_of(market)
    held = {(p.kind, p.session) for p in lake.partitions(None, market.symbol) if p.provenance == provenance}
    wanted = [(index, day) for index, day in enumerate(market.days()) if not held_whole(held, market, day)]
    lake.commit(
        (lake.draft(kind, market.symbol, day, provenance, gaps=lost_spans(session_events)), records)
        for day, session_events in ((day, market.session_events(index)) for index, day in wanted)
        for kind, records in split_kinds(session_events)
    )
    return [p for p in lake.partitions(None, market.symbol) if p.provenance == provenance]


def provenance_of(market: SyntheticMarket) -> Provenance:
    """Return what the lake says of every partition of this market."""
    return Provenance(f"synthetic market seed={market.seed}", market.sha256(), IMPORTER, True, "raw")


def held_whole(held: set[tuple[str, str]], market: SyntheticMarket, day: date) -> bool:
    """Tell whether every kind of a session is held already."""
    return all((kind, day.isoformat()) in held for kind in KINDS if kind != "book" or market.levels > 1)


def lost_spans(records: np.ndarray) -> tuple[Gap, ...]:
    """Return when the feed was lost: from the last event sent to the one that says so."""
    ends = np.flatnonzero(records["kind"] == Kind.GAP)
    times = records["ts_event_ns"]
    return tuple(Gap(int(times[end - 1]), int(times[end]), Cause.FEED_LOSS) for end in ends)


def split_kinds(records: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each kind of partition that a session has with its records, in order."""
    for kind, codes in KINDS.items():
        chosen = records[np.isin(records["kind"], codes)]
        if chosen.size:
            yield kind, chosen
