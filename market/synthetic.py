"""The embedded market: seeded sessions with regimes, seasonality and a planted or a null alpha.

It stands in for real data in the demonstration and in tests, so that the pipeline can be shown to find
what is there and to refuse what is not. Every record is marked synthetic, and so is its provenance.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from market.errors import ConfigError, DataError
from market.instruments import B3
from market.lake import Lake
from market.manifest import Partition, Provenance
from market.roll import last_trade_session
from market.synthetic_book import STATE
from market.synthetic_kernel import ROWS_PER_ORDER, STEPS_PER_MINUTE, Draws, Plan, simulate
from market.types import Kind, events

IMPORTER = "market.synthetic/1"
TRADES_PER_ORDER = 2.07
LATENCY_NS = 2_000_000
MINUTE_NS = 60_000_000_000
GAP_STREAM, QUIET_STREAM = 10_001, 20_000  # of the draws; a session's own stream is its index, below 10,000
QUIET_SHARE = 0.2  # of sessions with one spell without trades
GAP_TICKS = 170  # overnight: the sum of four uniforms, less two, times this (deviation 98 ticks)

# The lake's kinds of partition, and the events in each.
KINDS = MappingProxyType({"trades": int(Kind.TRADE), "quotes": int(Kind.QUOTE_SIDE)})

# Activity by local time (minute of the day, per mille), linear between: heavy from 9 to 12, thin at lunch.
SHAPE = (
    (540, 2300), (570, 1700), (600, 1900), (660, 1300), (720, 900), (780, 700), (870, 750), (960, 950), (1110, 1250),
)  # fmt: skip


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

    def __post_init__(self) -> None:
        require("sessions", self.sessions, 1, 10_000)
        require("seed", self.seed, 0, 2**63 - 1)
        require("alpha", self.alpha, 0.0, 4.0)
        require("trades_per_session", self.trades_per_session, 500, 50_000)
        require("opening_points in ticks", B3.of(self.symbol).to_ticks(self.opening_points), 8_000, 1_000_000)
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
        """Return the EVENT array of session `index` (from 0): trades and quote sides by sequence."""
        return simulate_session(self, index, self.openings[index])[0]

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
        """Return the hash of the canonical parameters, with the importer's version."""
        text = json.dumps({**asdict(self), "importer": IMPORTER}, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def require(name: str, value: float, low: float, high: float) -> None:
    """Refuse a parameter outside [low, high]."""
    if not low <= value <= high:
        raise ConfigError(f"synthetic.{name}: expected {low} to {high}, found {value}; set it within that range")


def draw_units(seed: int, stream: int, count: int) -> np.ndarray:
    """Return `count` int64 in [0, 2**53) from PCG64, an independent stream per number."""
    raw = np.random.PCG64(np.random.SeedSequence([seed, stream])).random_raw(count)
    return (np.asarray(raw, dtype=np.uint64) >> np.uint64(11)).astype(np.int64)


def simulate_session(market: SyntheticMarket, index: int, opening: int) -> tuple[np.ndarray, int]:
    """Return one session's events and its move from the opening to the last bid, in ticks."""
    hours = B3.session(market.symbol, market.days()[index])[0]
    activity = intraday_activity(hours)
    draws = draw_session(market, index, activity.size)
    quiet_from, quiet_to = quiet_steps(draw_units(market.seed, QUIET_STREAM + index, 3), activity.size)
    plan = Plan(
        activity=activity,
        order_rate=2.0 * market.trades_per_session / (TRADES_PER_ORDER * activity.size * STEPS_PER_MINUTE),
        alpha=float(market.alpha),
        opening=opening,
        open_ns=int(hours["open_ns"]),
        quiet_from=quiet_from,
        quiet_to=quiet_to,
        instrument=B3.of(market.symbol).id,
    )
    state, out = np.zeros(1, STATE), events(len(draws.prints))
    rows = simulate(plan, draws, state, out)
    if rows < 0:
        raise DataError(
            f"synthetic session {index}: expected at most {len(out)} events, found more; lower trades_per_session"
        )
    out["ts_recv_ns"][:rows] = out["ts_event_ns"][:rows] + LATENCY_NS
    return out[:rows].copy(), int(state["bid"][0]) - opening


def draw_session(market: SyntheticMarket, index: int, minutes: int) -> Draws:
    """Draw everything a session may use; twice the orders and rows that are expected."""
    orders = 2 * market.trades_per_session
    rows = orders * ROWS_PER_ORDER // 2 + 10 * minutes
    sizes = (3 * minutes, 2 * minutes * STEPS_PER_MINUTE, 2 * orders, rows)
    cuts = np.cumsum(sizes)
    parts = np.split(draw_units(market.seed, index, int(cuts[-1])), cuts[:-1])
    return Draws(parts[0].reshape(-1, 3), parts[1].reshape(-1, 2), parts[2].reshape(-1, 2), parts[3])


def intraday_activity(hours: np.void) -> np.ndarray:
    """Return the activity of every minute of a session, mean 1; integers until the last division."""
    total = int(hours["close_ns"] - hours["open_ns"]) // MINUTE_NS
    first = 720 - int(hours["lunch_start_ns"] - hours["open_ns"]) // MINUTE_NS
    shape = np.array([shape_at(first + minute) for minute in range(total)], dtype=np.int64)
    activity: np.ndarray = shape * total / shape.sum()
    return activity


def shape_at(minute: int) -> int:
    """Return the activity at a local minute of the day, per mille."""
    for (left, low), (right, high) in pairwise(SHAPE):
        if left <= minute < right:
            return low + (high - low) * (minute - left) // (right - left)
    return SHAPE[0][1] if minute < SHAPE[0][0] else SHAPE[-1][1]


def quiet_steps(draws: np.ndarray, minutes: int) -> tuple[int, int]:
    """Return the steps of the session's quiet spell, 3 to 6 whole minutes; (0, 0) for most sessions."""
    if int(draws[0]) >= int(QUIET_SHARE * 2**53):
        return 0, 0
    start = 60 + int(draws[1]) % (minutes - 120)
    return start * STEPS_PER_MINUTE, (start + 3 + int(draws[2]) % 4) * STEPS_PER_MINUTE


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
    wanted = [(index, day) for index, day in enumerate(market.days()) if not held_whole(held, day)]
    lake.commit(
        (lake.draft(kind, market.symbol, day, provenance), records)
        for index, day in wanted
        for kind, records in split_kinds(market.session_events(index))
    )
    return [p for p in lake.partitions(None, market.symbol) if p.provenance == provenance]


def provenance_of(market: SyntheticMarket) -> Provenance:
    """Return what the lake says of every partition of this market."""
    return Provenance(f"synthetic market seed={market.seed}", market.sha256(), IMPORTER, True, "raw")


def held_whole(held: set[tuple[str, str]], day: date) -> bool:
    """Tell whether both kinds of a session are held already."""
    return all((kind, day.isoformat()) in held for kind in KINDS)


def split_kinds(records: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the trades and the quotes of a session, each in order."""
    for kind, code in KINDS.items():
        yield kind, records[records["kind"] == code]
