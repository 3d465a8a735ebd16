"""On real ticks, book and bars the backtest asks, decides and fills what the live loop does, to the bit."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from features.schema import FeatureSchema
from flows import bundle_backtest
from live.journal_writer import JournalWriter
from live.recorder import Recorder
from live.replay import replay, replay_day
from market.costs import CostParams
from market.home import Home
from market.importer import import_file
from market.instruments import Declaration, declare
from market.lake import Lake
from market.stream import Feed
from registry.bundle import FeedNeeds
from registry.installed import Named
from tests.factories import SECOND_NS, make_model, make_steps
from tests.homes import install_bundle
from trading.agent_inputs import INPUTS_OF, available_agents
from trading.core import new_desk
from trading.desk import REQUESTS
from trading.desks import Seat
from trading.journal import Kind, Record, read
from trading.model import Model
from trading.paper import SessionResult, Trader, new_trader, run_session
from trading.policy import RiskLimits, StrategyParams
from trading.records import DECISION, FILL, ORDER, OrderRole, decision_hash
from trading.requests import RequestKind
from trading.strategy_params import ManagedExits

OFTEN = StrategyParams(
    require_agents=False, with_trend_only=False, cooldown_bars=1, cooldown_seconds=0, max_hold_bars=8,
    trades_per_day=(1_000,) * 3,
)  # fmt: skip
MANAGED = StrategyParams(
    require_agents=False, with_trend_only=False, cooldown_bars=1, max_hold_bars=8, trades_per_day=(1_000,) * 3,
    exits=ManagedExits(managed=True),
)  # fmt: skip


def limits(most: int) -> RiskLimits:
    """Return limits under which a rash model trades often."""
    return RiskLimits(
        capital_reais=1e7, max_position=most, max_order_reais=1e9, max_exposure_reais=1e9, max_trades_per_day=1_000,
        min_atr_fraction=1e-9, stop_max_ticks=10_000, last_entry_before_close_minutes=1,
        flatten_before_close_minutes=1, min_win_rate=1e-9,
    )  # fmt: skip


@dataclass(frozen=True)
class Market:
    """A real file, and a model that follows the first column: the surer of its side the farther that is from 0.

    Parameters
    ----------
    scale : float
        Of the column: the probability of up is the logistic function of its multiples, in 160 steps.
    preload : int
        Sessions behind each; the last `sessions` of the file are traded.
    """

    file: str
    contract: str
    feed: FeedNeeds
    columns: tuple[str, ...]
    scale: float
    strategy: StrategyParams
    limits: RiskLimits
    preload: int = 0
    sessions: int = 1

    @property
    def schema(self) -> FeatureSchema:
        return FeatureSchema("test", self.columns, self.feed.bar_seconds * SECOND_NS, self.preload)

    def model(self, agents: tuple[str, ...] = ()) -> Model:
        edges = np.linspace(-4.0, 4.0, 160)
        scores = 1.0 / (1.0 + np.exp(-np.append(edges - 0.025, 4.0)))
        forest = make_steps(len(self.columns), 0, edges * self.scale, scores.tolist())
        return make_model(self.schema, forest, agents, self.strategy)


TICKS = Market(
    "b3/mt5_ticks/DOLK20.csv", "DOLK20", FeedNeeds("events", 60), ("signed_volume", "order_flow_imbalance_20"),
    0.1, OFTEN, limits(5),
)  # fmt: skip
BARS = Market(
    "b3/profit_bars_reheadered/WINFUT_1min.csv", "WINFUT", FeedNeeds("bars", 60), ("returns_1", "rsi_14", "di_diff"),
    3e-4, MANAGED, limits(3), preload=1, sessions=5,
)  # fmt: skip
BOOK = Market(
    "crypto/binance_usdm_ws/btcusdt_20240808.gz", "BTCUSDT", FeedNeeds("events", 1),
    ("signed_volume", *INPUTS_OF["order_flow"]), 0.1, OFTEN, limits(3),
)  # fmt: skip


def import_market(home: Home, market: Market, realdata: Path) -> Feed:
    """Import the file of a market, and return its feed."""
    bitcoin = declare("BTCUSDT", Declaration(0.1, 0.001, 1.0, "USDT", "always", "UTC"))
    lake = Lake(home.lake, {"BTCUSDT": bitcoin})
    assert import_file(lake, realdata / market.file).status == "imported"
    return Feed(lake, market.contract, market.schema.bar_ns, market.feed.kind)


def requests_of(trader: Trader) -> np.ndarray:
    desk = trader.core.desk
    return desk.requests[: desk.counts[REQUESTS]].copy()


def rows_of(records: list[Record], kind: Kind, dtype: np.dtype) -> np.ndarray:
    return np.concatenate([record.rows(dtype) for record in records if record.kind == kind])


def last_orders(records: list[Record]) -> bytes:
    """Return each order as it was journalled last, in the order of their numbers."""
    last = {int(order["id"]): order.tobytes() for order in rows_of(records, Kind.ORDER, ORDER)}
    return b"".join(last[number] for number in sorted(last))


@pytest.mark.parametrize(
    "market", [TICKS, pytest.param(BOOK, marks=pytest.mark.nightly), BARS], ids=["ticks", "book", "bars"]
)
def test_live_loop_asks_decides_and_fills_what_the_compiled_loop_does(
    realdata: Path, home: Home, market: Market
) -> None:
    feed = import_market(home, market, realdata)
    days = feed.sessions()[-market.sessions :]
    agents = available_agents(market.columns)

    def trader() -> Trader:
        return new_trader(
            market.schema, market.model(agents), new_desk(market.limits, feed.instrument),
            CostParams(fees={"BTCUSDT": 0.25}),
        )  # fmt: skip

    compiled, made, asked = trader(), list[SessionResult](), list[np.ndarray]()
    for day in days:
        made.append(run_session(compiled, feed, day))
        asked.append(requests_of(compiled))
    path = home.root / "journal"
    with JournalWriter(path) as journal:
        recorder, stepped = Recorder(journal), trader()
        for day, expected in zip(days, asked, strict=True):
            replay_day(recorder, [Seat(stepped, feed)], day)
            assert requests_of(stepped).tobytes() == expected.tobytes()
    records = read(path)
    for kind, dtype, name in ((Kind.DECISION, DECISION, "decisions"), (Kind.FILL, FILL, "fills")):
        expected = np.concatenate([getattr(one, name) for one in made])
        assert rows_of(records, kind, dtype).tobytes() == expected.tobytes()
    assert last_orders(records) == b"".join(one.orders.tobytes() for one in made)
    assert stepped.account.tobytes() == compiled.account.tobytes()
    assert_something_happened(made, asked)
    if agents:
        votes = np.concatenate([one.decisions["order_flow_score"] for one in made])
        assert np.isfinite(votes).mean() > 0.9


def assert_something_happened(made: list[SessionResult], asked: list[np.ndarray]) -> None:
    """Equal nothings would prove nothing: both sides, every kind of request, entries and exits."""
    decisions = np.concatenate([one.decisions for one in made])
    assert {-1, 0, 1} <= set(decisions["side"].tolist())
    fills, requests = np.concatenate([one.fills for one in made]), np.concatenate(asked)
    assert {OrderRole.ENTRY, OrderRole.STOP, OrderRole.FLATTEN} <= set(fills["role"].tolist())
    assert {RequestKind.NEW, RequestKind.CANCEL} <= set(requests["kind"].tolist())
    assert len(fills) >= 30
    assert sum(map(len, asked)) > 2 * len(fills)


@pytest.mark.parametrize(("market", "root"), [(TICKS, "DOL"), (BARS, "WIN")], ids=["ticks", "bars"])
def test_backtest_of_a_bundle_tells_what_its_replay_journals(
    realdata: Path, home: Home, market: Market, root: str
) -> None:
    feed = import_market(home, market, realdata)
    first = feed.sessions()[-market.sessions]
    bundle = install_bundle(home, root, market.feed, market.schema, market.model(), market.strategy)
    path, named = home.root / "journal", Named((bundle,), (market.contract,), first, limits=market.limits)
    replayed, backtested = replay(home, named, path), bundle_backtest.run(home, named)
    result, records = backtested.result, read(path)
    assert rows_of(records, Kind.DECISION, DECISION).tobytes() == result.decisions.tobytes()
    assert rows_of(records, Kind.FILL, FILL).tobytes() == result.fills.tobytes()
    assert last_orders(records) == result.orders.tobytes()
    assert replayed.decision_hash == result.decision_hash == decision_hash(result.decisions)
    assert replayed.net_reais == round(float(result.equity[-1]), 2)
    assert (replayed.sessions, replayed.fills) == (market.sessions, len(result.fills))
    assert replayed.fills >= 30
    assert sum(note.lines[0].contracts for note in backtested.notes.values()) == result.fills["quantity"].sum()
