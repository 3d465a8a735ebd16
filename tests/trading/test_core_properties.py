"""What holds of the whole core whatever the market does: it repeats, mirrors, shifts, keeps its ledger and its limits.

Mirrored and shifted markets are those of the synthetic generator with every price changed. Their models read only what
whole ticks and contracts tell exactly: signed volume, which changes its sign in a mirror, and beside it, where prices
are shifted, directional indices and RSI, which read differences of prices. Returns, percentages and distances to
averages depend on the price level and are chosen out; the limits that are fractions of the price are opened wide. Where
levels of a range are entered, 0.2 % of a price is so many ticks on both sides of the mirror.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from features.schema import FeatureSchema
from forest.flat import FlatForest
from market.costs import Costs
from market.instruments import B3, FUTURES
from market.stream import with_clock
from market.synthetic import SyntheticMarket
from market.types import BAR, Regime, Side, TradeType
from tests.factories import MINUTE_NS, OPEN_NS, WIN, make_model, make_session, make_steps
from trading.core import new_desk
from trading.desk import REQUESTS
from trading.paper import SessionResult, Trader, end_session, new_trader, paper_bars, paper_begin, paper_events, step
from trading.patterns import Pattern
from trading.policy import RiskLimits, StrategyParams
from trading.records import HoldReason, OrderRole, TradingState
from trading.requests import RequestKind
from trading.strategy_params import ManagedExits

MARKET = SyntheticMarket("WINQ26", sessions=3, seed=29, trades_per_session=2_500, levels=3)
# Quotes without a book, and so few contracts a minute that their ratios are often round.
QUOTED = replace(MARKET, trades_per_session=2_000, levels=1)
QUIET = replace(QUOTED, sessions=1, seed=10)  # of 277 ticks from its lowest price to its highest
BAND = 25_750  # 0.2 % of a price within 249 ticks of it is more than 51 ticks and less than 52
FEE = 0.31
COSTS = Costs(FEE, 0.0)
DAY_NS = 86_400_000_000_000
SYMMETRIC = FeatureSchema("test", ("signed_volume",), MINUTE_NS, 0)
LEVEL_FREE = FeatureSchema("test", ("signed_volume", "di_diff", "adx_14", "rsi_14"), MINUTE_NS, 0)
OFTEN = StrategyParams(
    require_agents=False, with_trend_only=False, cooldown_bars=1, max_hold_bars=8, trades_per_day=(1_000,) * 3
)
WIDE = RiskLimits(
    capital_reais=10_000_000.0, max_position=3, max_order_reais=1e9, max_exposure_reais=1e9, max_trades_per_day=1_000,
    min_atr_fraction=1e-9, max_atr_fraction=1.0, collar_fraction=0.1, min_win_rate=1e-9,
    last_entry_before_close_minutes=5, flatten_before_close_minutes=2,
)  # fmt: skip
MANAGED = StrategyParams(
    require_agents=False, with_trend_only=False, cooldown_bars=0, cooldown_seconds=0, max_hold_bars=8,
    trades_per_day=(1_000,) * 3, exits=ManagedExits(managed=True),
)  # fmt: skip
# Leaves in parts, its stop stays.
PARTIAL = replace(
    MANAGED, exits=ManagedExits(managed=True, trail_activation_ticks=(10_000,) * 3, breakeven_ticks=(0,) * 3)
)
AT_LEVELS = replace(MANAGED, range_levels=True)
# All patterns but three: in a mirror a P is a b, and where two prices are equally busy the lower is the busiest; a
# divergence compares returns, which are not as many deviations there.
EXACT = ~np.uint32(1 << Pattern.P_SHAPE | 1 << Pattern.B_SHAPE | 1 << Pattern.DELTA_DIVERGENCE)

Session = tuple[SessionResult, np.ndarray]  # with the REQUEST records


@cache
def recorded(market: SyntheticMarket = MARKET) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Return hours and events of each session, the clock among them."""
    hours = [B3.session(market.symbol, day) for day in market.days()]
    return tuple((one, with_clock(market.session_events(k), one, MINUTE_NS)) for k, one in enumerate(hours))


def trade(
    schema: FeatureSchema, forest: FlatForest, sessions: Sequence[np.ndarray], strategy: StrategyParams
) -> list[Session]:
    """Trade the sessions in order, bars kept from one to the next; the days of all markets are the same."""
    trader = new_trader(schema, make_model(schema, forest, (), strategy), new_desk(WIDE, FUTURES["WIN"], COSTS))
    out = []
    for (hours, _), events in zip(recorded(), sessions, strict=False):
        paper_begin(trader.core, trader.venue, hours[0], True)
        paper_events(trader.core, trader.venue, events)
        out.append((end_session(trader), sent(trader).copy()))
    return out


def sent(trader: Trader) -> np.ndarray:
    desk = trader.core.desk
    return desk.requests[: desk.counts[REQUESTS]]


def follower(columns: int) -> FlatForest:
    """Return a model that goes with the signed volume of the bar, the surer the larger it is; both sides alike.

    Of |D| it knows 0.25, which trades nowhere, and 0.375, 0.625 and 0.875, which do.
    """
    # No ratio of contracts is one of these edges, on which the sides would differ.
    edges, sure = np.array([0.05171, 0.30713, 0.80917, 1.61273]), np.array([2.0, 3.0, 5.0, 7.0]) / 16.0
    scores = np.concatenate([0.5 - sure[::-1], [0.5], 0.5 + sure])
    return make_steps(columns, 0, np.concatenate([-edges[::-1], edges]).tolist(), scores.tolist())


@cache
def traded(schema: FeatureSchema, strategy: StrategyParams) -> list[Session]:
    return trade(schema, follower(len(schema.columns)), [events for _, events in recorded()], strategy)


def shifted(events: np.ndarray, ticks: int) -> np.ndarray:
    out = events.copy()
    out["price"][out["price"] > 0] += ticks
    return out


def reflected(events: np.ndarray, constant: int) -> np.ndarray:
    """Return the events with prices mirrored and buyers in the place of sellers."""
    out = events.copy()
    priced = out["price"] > 0
    out["price"][priced] = constant - out["price"][priced]
    out["side"] = -out["side"]
    out["buyer"], out["seller"] = events["seller"], events["buyer"]
    bought = events["trade_type"] == TradeType.BUY_AGGRESSION
    sold = events["trade_type"] == TradeType.SELL_AGGRESSION
    out["trade_type"][bought], out["trade_type"][sold] = TradeType.SELL_AGGRESSION, TradeType.BUY_AGGRESSION
    return out


both_policies = pytest.mark.parametrize("strategy", [OFTEN, PARTIAL, MANAGED], ids=["whole", "in parts", "managed"])


@both_policies
def test_same_sessions_give_the_same_bytes(strategy: StrategyParams) -> None:
    again = trade(LEVEL_FREE, follower(4), [events for _, events in recorded()], strategy)
    for (one, asked), (other, asked_again) in zip(traded(LEVEL_FREE, strategy), again, strict=True):
        for name in ("decisions", "orders", "fills", "equity", "account"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
        assert asked.tobytes() == asked_again.tobytes()


@pytest.mark.parametrize("market", [MARKET, QUOTED], ids=["book", "quotes"])
@both_policies
def test_market_seen_in_a_mirror_is_traded_in_a_mirror(strategy: StrategyParams, market: SyntheticMarket) -> None:
    sessions = [events for _, events in recorded(market)]
    assert_mirrored(sessions, 2 * market.openings[0], strategy, 100)


def test_levels_of_a_range_are_entered_in_a_mirror() -> None:
    (_, events), *_ = recorded(QUIET)
    priced = events["price"][events["price"] > 0]
    middle = (int(priced.min()) + int(priced.max())) // 2
    assert np.ptp(priced) < 2 * 249
    straight = assert_mirrored([shifted(events, BAND - middle)], 2 * BAND, AT_LEVELS, 20)
    entered = straight[0][0].decisions[straight[0][0].decisions["reason"] == HoldReason.SIGNAL]
    assert np.count_nonzero(entered["regime"] == Regime.RANGE) > 10


def assert_mirrored(sessions: list[np.ndarray], constant: int, strategy: StrategyParams, fills: int) -> list[Session]:
    """Trade sessions and their mirror, both sides and more than so many fills among them; return the former."""
    straight = trade(SYMMETRIC, follower(1), sessions, strategy)
    mirrored = trade(SYMMETRIC, follower(1), [reflected(events, constant) for events in sessions], strategy)
    other_regime = np.array([Regime.UNDEFINED, Regime.TREND_DOWN, Regime.TREND_UP, Regime.RANGE])
    assert sum(one.fills.size for one, _ in straight) > fills
    assert {Side.BUY, Side.SELL} <= set(np.concatenate([one.decisions["side"] for one, _ in straight]).tolist())
    for (one, asked), (other, asked_mirrored) in zip(straight, mirrored, strict=True):
        expected = one.decisions.copy()
        expected["regime"] = other_regime[one.decisions["regime"]]
        expected["strategy"] = other_regime[one.decisions["strategy"]]
        expected["probability"] = 1.0 - one.decisions["probability"]
        expected["side"] = -one.decisions["side"]
        for name in ("model_score", "score"):
            expected[name] = 0.0 - one.decisions[name]
        turn_prices(expected, ("reference",), constant)
        expected["patterns_buy"] = one.decisions["patterns_sell"] & EXACT
        expected["patterns_sell"] = one.decisions["patterns_buy"] & EXACT
        other.decisions["patterns_buy"] &= EXACT
        other.decisions["patterns_sell"] &= EXACT
        assert_same(other.decisions, expected)
        for made, found, prices in (
            (one.orders, other.orders, ("price", "stop_price")),
            (asked, asked_mirrored, ("price", "stop_price")),
            (one.fills, other.fills, ("price",)),
        ):
            expected = made.copy()
            expected["side"] = -made["side"]
            turn_prices(expected, prices, constant)
            assert_same(found, expected)
        assert one.equity.tolist() == other.equity.tolist()
    return straight


def turn_prices(records: np.ndarray, names: Sequence[str], constant: int) -> None:
    for name in names:
        records[name] = np.where(records[name] > 0, constant - records[name], 0)


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    for name in expected.dtype.names or ():
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


@both_policies
def test_market_a_thousand_ticks_higher_is_traded_a_thousand_ticks_higher(strategy: StrategyParams) -> None:
    higher = trade(LEVEL_FREE, follower(4), [shifted(events, 1_000) for _, events in recorded()], strategy)
    assert sum(one.fills.size for one, _ in higher) > 100
    for (one, asked), (other, asked_higher) in zip(traded(LEVEL_FREE, strategy), higher, strict=True):
        for made, found, prices in (
            (one.decisions, other.decisions, ("reference",)),
            (one.orders, other.orders, ("price", "stop_price")),
            (asked, asked_higher, ("price", "stop_price")),
            (one.fills, other.fills, ("price",)),
        ):
            expected = made.copy()
            for name in prices:
                expected[name] += 1_000 * (expected[name] > 0)
            assert_same(found, expected)
        assert one.equity.tolist() == other.equity.tolist()


def random_bars(rng: np.random.Generator, day: int, count: int = 60) -> np.ndarray:
    """Return minutes of a walk with drift, gaps and wicks."""
    bars = np.zeros(count, dtype=BAR)
    steps = rng.integers(-9, 10, count) + rng.integers(-4, 5)
    opening = 26_000 + np.concatenate([[0], np.cumsum(steps + rng.integers(-3, 4, count))[:-1]])
    bars["open"], bars["close"] = opening, opening + steps
    bars["high"] = np.maximum(bars["open"], bars["close"]) + rng.integers(0, 8, count)
    bars["low"] = np.minimum(bars["open"], bars["close"]) - rng.integers(0, 8, count)
    bars["ts_open_ns"] = OPEN_NS + day * DAY_NS + np.arange(count) * MINUTE_NS
    bars["ts_close_ns"] = bars["ts_open_ns"] + MINUTE_NS
    bars["volume"] = bars["trades"] = 100
    bars["instrument"] = WIN
    return bars


def begin_day(trader: Trader, day: int, minutes: int = 60) -> None:
    hours = make_session(minutes)
    for name in ("open_ns", "close_ns", "lunch_start_ns", "lunch_end_ns"):
        hours[name] += day * DAY_NS
    hours["date"] += day
    paper_begin(trader.core, trader.venue, hours[0], False)


def bar_trader(limits: RiskLimits) -> Trader:
    schema = FeatureSchema("test", ("returns_1",), MINUTE_NS, 0)
    model = make_model(schema, make_steps(1, 0, (-1e-9, 1e-9), (0.125, 0.5, 0.875)), (), MANAGED)
    trader = new_trader(schema, model, new_desk(limits, FUTURES["WIN"], COSTS))
    trader.feed_kind = "bars"
    return trader


@pytest.mark.parametrize("sessions", [200, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_cash_is_what_the_fills_say_to_the_cent(sessions: int) -> None:
    trader, rng, fills = bar_trader(WIDE), np.random.default_rng(77), 0
    ticks = cents = 0
    for day in range(sessions):
        begin_day(trader, day)
        paper_bars(trader.core, trader.venue, random_bars(rng, day))
        made = end_session(trader)
        signed = made.fills["side"].astype(np.int64) * made.fills["quantity"]
        ticks -= int((signed * made.fills["price"]).sum())
        cents += 31 * int(made.fills["quantity"].sum())
        np.testing.assert_allclose(made.fills["fee"], FEE * made.fills["quantity"], rtol=1e-15)
        assert signed.sum() == 0
        assert made.account["cash_ticks"][0] == ticks
        assert round(100 * made.account["fees"][0]) == cents
        assert round(100 * made.account["equity"][0]) == 100 * ticks - cents  # a tick of WIN is R$ 1
        assert np.abs(np.cumsum(signed)).max(initial=0) <= WIDE.max_position
        fills += made.fills.size
    assert fills > 10 * sessions


def test_nothing_is_entered_while_halted_or_reducing_and_no_position_is_too_large() -> None:
    limits = RiskLimits(
        capital_reais=15_000.0, max_position=2, max_order_reais=1e9, max_exposure_reais=1e9, max_trades_per_day=1_000,
        drawdown_stop=1.0, drawdown_alert=1.0, last_entry_before_close_minutes=5, flatten_before_close_minutes=2,
    )  # fmt: skip
    trader, rng = bar_trader(limits), np.random.default_rng(5)
    seen = dict.fromkeys(TradingState, 0)
    entered = 0
    for day in range(40):
        begin_day(trader, day)
        forced, state = rng.integers(60), rng.choice([TradingState.REDUCING, TradingState.HALTED])
        for k, bar in enumerate(random_bars(rng, day)):
            if k == forced:
                trader.account["trading_state"] = max(state, trader.account["trading_state"][0])
            states = (trader.account["trading_state"][0], trader.budget["trading_state"][0])
            before, strictest = entries(trader), TradingState(max(states))
            step(trader, bar)
            seen[strictest] += 1
            entered += entries(trader) - before
            assert strictest == TradingState.ACTIVE or entries(trader) == before
        made = end_session(trader)
        signed = made.fills["side"].astype(np.int64) * made.fills["quantity"]
        assert np.abs(np.cumsum(signed)).max(initial=0) <= limits.max_position
        trader.account["trading_state"] = TradingState.ACTIVE
    assert entered > 40
    assert min(seen.values()) > 100


def entries(trader: Trader) -> int:
    """Return how many entries were asked for in the session."""
    asked = sent(trader)
    return int(((asked["kind"] == RequestKind.NEW) & (asked["role"] == OrderRole.ENTRY)).sum())
