"""Joining sessions, and the loop over them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from backtest.metrics import round_trips, summarise
from backtest.replay import backtest, join_sessions
from backtest.result import join_desks
from features.monitor import open_band
from features.schema import FeatureSchema
from forest.flat import NODE, FlatForest, ForestKind
from market.costs import CostParams
from market.errors import NotEnoughData
from market.instruments import B3, FUTURES
from market.lake import Lake
from market.lake_manifest import Provenance
from market.stream import Feed
from market.types import BAR, Regime
from tests.factories import blend_alone
from trading.agent_inputs import AGENT_INPUTS
from trading.blend import pack_blends
from trading.core import new_desk
from trading.model import Model
from trading.paper import SessionResult, Trader, new_trader, run_session
from trading.policy import RiskLimits, StrategyParams
from trading.records import ACCOUNT, DECISION, FILL, ORDER
from trading.records import RefusalReason as R
from trading.usual import open_usual

MINUTE_NS = 60_000_000_000
SCHEMA = FeatureSchema("core", ("returns_1", "rsi_14"), MINUTE_NS, preload_sessions=1)
WDO = FUTURES["WDO"]
DAYS = [date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6)]


def session_of(decisions: int, orders: int, fills: int, equity: list[float], first_ns: int) -> SessionResult:
    made = np.zeros(decisions, dtype=DECISION)
    made["sequence"] = np.arange(decisions)
    return SessionResult(
        decisions=made,
        orders=np.zeros(orders, dtype=ORDER),
        fills=np.zeros(fills, dtype=FILL),
        equity=np.array(equity),
        ts_ns=np.arange(first_ns, first_ns + len(equity), dtype=np.int64),
        account=np.zeros(1, dtype=ACCOUNT),
    )


def test_sessions_are_joined_in_order_and_each_equity_point_knows_its_own():
    parts = [session_of(2, 1, 1, [1.0, 2.0], 10), session_of(0, 0, 0, [], 20), session_of(1, 2, 2, [5.0], 30)]
    joined = join_sessions(DAYS, parts)
    assert (len(joined.decisions), len(joined.orders), len(joined.fills)) == (3, 3, 3)
    assert joined.decisions["sequence"].tolist() == [0, 1, 0]
    assert joined.equity.tolist() == [1.0, 2.0, 5.0]
    assert joined.equity_ts_ns.tolist() == [10, 11, 30]
    assert joined.session_index.tolist() == [0, 0, 2]
    assert joined.session_pnl().tolist() == [2.0, 0.0, 3.0]
    assert joined.sessions == tuple(DAYS)


def test_what_halted_a_session_is_told_with_its_day():
    parts = [
        replace(session_of(0, 0, 0, [], 0), account_halt=R.DAILY_LOSS),
        session_of(0, 0, 0, [], 0),
        replace(session_of(0, 0, 0, [], 0), account_halt=R.DRAWDOWN, desk_halt=R.UNANSWERED),
    ]
    expected = [(DAYS[0], True, R.DAILY_LOSS), (DAYS[2], False, R.UNANSWERED), (DAYS[2], True, R.DRAWDOWN)]
    joined = join_sessions(DAYS, parts)
    assert list(joined.halts) == expected
    # The whole account's are told once, however many desks there are; a desk's own are not the account's.
    both = join_desks([joined, join_sessions(DAYS[2:], parts[2:])])
    assert list(both.halts) == [expected[0], expected[2]]


def test_the_hash_is_over_the_decisions_of_all_sessions_in_order():
    parts = [session_of(2, 0, 0, [], 0), session_of(3, 0, 0, [], 0)]
    expected = sha256(b"".join(part.decisions.tobytes() for part in parts)).hexdigest()
    assert join_sessions(DAYS[:2], parts).decision_hash == expected
    assert join_sessions(DAYS[:2], parts[::-1]).decision_hash != expected


def test_a_backtest_without_sessions_is_refused():
    with pytest.raises(NotEnoughData, match="at least one session"):
        join_sessions([], [])


def wave(day: date) -> np.ndarray:
    """One session of WDO bars that climbs and falls, slowly enough for a trend to be seen."""
    hours = B3.session("WDO", day)
    count = int(hours["close_ns"][0] - hours["open_ns"][0]) // MINUTE_NS
    made = np.zeros(count, dtype=BAR)
    noise = np.random.default_rng(day.toordinal()).integers(-4, 5, count)
    close = 10_000 + np.round(120 * np.sin(np.arange(count) / 40)).astype(np.int64) + noise
    made["close"], made["open"] = close, np.append(close[0], close[:-1])
    made["high"] = np.maximum(made["open"], close) + 2
    made["low"] = np.minimum(made["open"], close) - 2
    made["ts_open_ns"] = hours["open_ns"] + np.arange(count) * MINUTE_NS
    made["ts_close_ns"] = made["ts_open_ns"] + MINUTE_NS
    made["volume"], made["trades"], made["instrument"] = 50, 10, WDO.id
    return made


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    folder: Path = tmp_path_factory.mktemp("lake")
    lake = Lake(folder)
    source = Provenance("wave", "0" * 64, "test/1", synthetic=True, price_basis="raw")
    lake.commit([(lake.draft("bars", "WDOJ24", day, source, bar_seconds=60), wave(day)) for day in DAYS])
    return Feed(lake, "WDOJ24", MINUTE_NS, "bars")


def always(score: float) -> FlatForest:
    """One tree of one leaf."""
    return FlatForest(
        header=np.array([ForestKind.SKLEARN, len(SCHEMA.columns), 0], dtype="<i8"),
        base=np.zeros(1),
        roots=np.array([0, 1], dtype="<i8"),
        nodes=np.array([(np.inf, 0, 0)], dtype=NODE),
        rules=np.zeros(1, dtype="<u4"),
        values=np.array([score]),
    )


@pytest.fixture(scope="module")
def make_trader() -> Callable[[], Trader]:
    """Follows every trend: sure of up in an uptrend, of down in a downtrend, of nothing in a range."""
    policy = StrategyParams(model_weight=1.0, agents_weight=0.0, require_agents=False)
    knots = np.array([[0.0, 1.0]] * 3)
    off = np.full(len(AGENT_INPUTS), -1)
    blends = pack_blends([blend_alone(always(p)) for p in (0.9, 0.1, 0.5)])
    model = Model(blends, knots, knots, off, policy.record(), open_band(len(SCHEMA.columns)), open_usual())
    costs = CostParams(brokerage_reais=0.25, dollar_reais=5.0)
    return lambda: new_trader(SCHEMA, model, new_desk(RiskLimits(), WDO), costs)


def test_a_backtest_trades_as_the_sessions_one_by_one_do(feed, make_trader):
    result = backtest(make_trader, feed, DAYS)
    alone = make_trader()
    parts = [run_session(alone, feed, day) for day in DAYS]
    assert len(result.fills) >= 4, "nothing was traded, so nothing was compared"
    for name in ("decisions", "orders", "fills"):
        assert getattr(result, name).tobytes() == b"".join(getattr(part, name).tobytes() for part in parts)
    assert backtest(make_trader, feed, DAYS).decision_hash == result.decision_hash


def test_equity_trips_and_fills_of_a_backtest_tell_the_same_money(feed, make_trader):
    result = backtest(make_trader, feed, DAYS)
    signed = result.fills["side"].astype(int) * result.fills["quantity"]
    cash = -(signed * result.fills["price"]).sum() * WDO.tick_value - (0.2037 * 5.0 + 0.25) * abs(signed).sum()
    assert signed.sum() == 0
    assert result.equity[-1] == pytest.approx(cash)
    assert result.session_pnl().sum() == pytest.approx(cash)
    trips = round_trips(result.fills, WDO.tick_value, result.decisions)
    assert trips["net"].sum() == pytest.approx(cash)
    metrics = summarise(result, WDO.tick_value, 100_000.0)
    assert metrics.net == pytest.approx(cash)
    assert 0.0 < metrics.exposure < 1.0


def test_round_trips_of_a_trend_follower_carry_the_trend_they_followed(feed, make_trader):
    result = backtest(make_trader, feed, DAYS)
    trips = round_trips(result.fills, WDO.tick_value, result.decisions)
    followed = {1: Regime.TREND_UP, -1: Regime.TREND_DOWN}
    assert trips["regime"].tolist() == [followed[side] for side in trips["side"].tolist()]
    assert {1, -1} == set(trips["side"].tolist())
