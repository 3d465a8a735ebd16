"""Patterns on events: what they remember, and how often they are there in sessions of a market like the real one."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.catalogue import Need
from features.pipeline import compute_session
from features.schema import FeatureSchema, build_schema
from market.instruments import FUTURES
from market.lake import Lake
from market.stream import Feed
from market.synthetic import SyntheticMarket, write_market
from market.types import Side
from tests.factories import (
    MINUTE_NS,
    OPEN_NS,
    make_bar,
    make_book,
    make_clock,
    make_constant_forest,
    make_model,
    make_trade,
)
from tests.trading import agent_twins as twins
from tests.trading.scenarios import build_trader, feed_trader, usual_in
from trading.agent_inputs import AGENTS, available_agents
from trading.core import new_desk
from trading.paper import Trader, new_trader, run_session
from trading.pattern_state import BUYS, EVALUATED, SELLS, recent_trades
from trading.patterns import PATTERNS, Pattern
from trading.policy import RiskLimits, StrategyParams
from trading.usual import SESSIONS

BUY, SELL = Side.BUY, Side.SELL


def _found(trader: Trader, pattern: Pattern) -> tuple[float, float]:
    sign, confidence = trader.core.patterns.found[pattern]
    return float(sign), float(confidence)


def _minute(parts: list[np.ndarray], mirrored: bool = False) -> Trader:
    """Return a trader after the decision that closes the first minute of these events."""
    trader = build_trader(events=True)
    if mirrored:
        for part in parts:
            part["price"] = np.where(part["price"] > 0, 20_000 - part["price"], 0)
            part["side"] = -part["side"]
    feed_trader(trader, sorted(parts, key=lambda part: int(part["ts_event_ns"][0])) + [make_clock(60)])
    assert len(trader.decisions) == 1
    return trader


@pytest.mark.parametrize("mirrored", [False, True])
def test_fading_volume_after_a_run_is_exhaustion(mirrored: bool) -> None:
    run = [make_trade(31 + 2 * k, 10_000 + k, 5, BUY) for k in range(7)]  # 31 to 43 s, six ticks
    rest = [make_trade(second, 10_005, 5, BUY) for second in (46, 52, 58)]  # 15 of 35 lots, 3 of 7 trades
    sign = 1.0 if mirrored else -1.0
    assert _found(_minute(run + rest, mirrored), Pattern.EXHAUSTION) == (sign, 0.6)
    busy = [make_trade(second, 10_005, 5, BUY) for second in (46, 50, 54, 58)]
    assert _found(_minute(run + busy, mirrored), Pattern.EXHAUSTION) == (0.0, 0.0)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("since", "sign"), [(55.0, 1.0), (55.5, 0.0)])
def test_price_that_stands_and_trades_more_than_it_shows_is_an_iceberg(
    mirrored: bool, since: float, sign: float
) -> None:
    # The last quotes say the same again: the book is fresh, and its prices have stood since.
    quotes = [*make_book(1, 9_990, 10_001), *make_book(since, 10_000, 10_001), *make_book(59.5, 10_000, 10_001)]
    sold = [make_trade(since + 0.1 * (k + 1), 10_000, 10, SELL) for k in range(4)]  # 40 of 10 shown: 3 mean sizes
    found = _found(_minute(quotes + sold, mirrored), Pattern.ICEBERG)
    assert found == pytest.approx((-sign if mirrored else sign, 0.75 if sign else 0.0))


@pytest.mark.parametrize("mirrored", [False, True])
def test_sweep_is_found_on_the_tape_and_set_in_the_decision(mirrored: bool) -> None:
    trades = [make_trade(59 + k / 10, 10_000 + k, 1, BUY) for k in range(4)]
    trader = _minute(trades, mirrored)
    assert _found(trader, Pattern.SWEEP) == pytest.approx((-1.0 if mirrored else 1.0, 0.8))
    bits = int(trader.decisions["patterns_sell" if mirrored else "patterns_buy"][0])
    assert bits >> Pattern.SWEEP & 1
    hits = trader.core.patterns.hits[Pattern.SWEEP]
    assert hits[[EVALUATED, BUYS, SELLS]].tolist() == [1, int(not mirrored), int(mirrored)]


def test_last_trades_are_kept_in_order_and_a_new_session_starts_without_them() -> None:
    trader = build_trader(events=True)
    for count in (3, 20, 47):
        feed_trader(
            trader, [make_trade(count + k / 100, 10_000 + k, k + 1, BUY if k % 2 else SELL) for k in range(count)]
        )
        kept = trader.core.patterns.recent[slice(*recent_trades(trader.core.patterns))]
        last = list(range(count))[-20:]
        if count >= 20:
            assert kept[:, 1].tolist() == [10_000 + k for k in last]
            assert kept[:, 2].tolist() == [k + 1 for k in last]
            assert kept[:, 3].tolist() == [1 if k % 2 else -1 for k in last]
            assert kept[-1, 0] == OPEN_NS + round((count + last[-1] / 100) * 10**9)
        else:
            assert len(kept) == count
    feed_trader(trader, [make_trade(90, 10_000, 0), make_trade(91, 0, 5)])  # neither is a trade
    assert trader.core.patterns.seen[0] == 70


def test_bars_alone_leave_every_pattern_unknown_but_none_absent() -> None:
    trader = build_trader()
    feed_trader(trader, [make_bar(k, (10_000, 10_005, 9_995, 10_001)) for k in range(60)])
    assert not trader.core.patterns.hits.any()
    assert np.isnan(trader.core.patterns.found).all()


# ---- sessions


@pytest.fixture(scope="module")
def market_trader(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trader, Feed]:
    """Return a trader with all four agents on a market of five levels and brokers, one session of preload."""
    lake = Lake(Path(tmp_path_factory.mktemp("lake")))
    write_market(lake, SyntheticMarket.realistic("WDOQ26", date(2026, 6, 1), 3, 3))
    feed = Feed(lake, "WDOQ26", MINUTE_NS, "events")
    schema = build_schema("full", frozenset(Need), MINUTE_NS, 1)
    usual = usual_in(schema, feed, feed.sessions()[1:])
    agents = available_agents(schema.columns)
    assert agents == AGENTS
    model = make_model(schema, make_constant_forest(len(schema.columns), 0.6), agents, StrategyParams(), usual)
    return new_trader(schema, model, new_desk(RiskLimits(), FUTURES["WDO"])), feed


def test_decisions_say_which_patterns_were_there(market_trader: tuple[Trader, Feed]) -> None:
    trader, feed = market_trader
    hits, made = np.zeros((PATTERNS, 3), dtype=np.int64), []
    for day in feed.sessions()[1:]:
        made.append(run_session(trader, feed, day).decisions)
        hits += trader.core.patterns.hits
    decisions = np.concatenate(made)
    for pattern in Pattern:
        for name, column in (("patterns_buy", BUYS), ("patterns_sell", SELLS)):
            assert (decisions[name] >> int(pattern) & 1).sum() == hits[pattern, column]


def test_decisions_say_what_each_agent_said(market_trader: tuple[Trader, Feed]) -> None:
    trader, feed = market_trader
    decisions = run_session(trader, feed, feed.sessions()[2]).decisions
    assert np.isnan(decisions["order_flow_score"][0])  # cold
    weights = list(StrategyParams().agent_weights)
    for decision in decisions[200:]:
        said = [(float(decision[f"{agent}_score"]), float(decision[f"{agent}_confidence"])) for agent in AGENTS]
        votes: list[twins.Vote] = [None if np.isnan(score) else (score, sure) for score, sure in said]
        a, sure, _, number = twins.consensus(votes, weights)
        assert decision["agent_score"] == pytest.approx(a, abs=1e-6, nan_ok=True)
        assert decision["agents_sure"] == pytest.approx(sure, abs=1e-6, nan_ok=True)
        assert decision["agents_ok"] == number
    assert (decisions["agents_ok"] == 4).mean() > 0.5


def test_delta_is_extreme_in_one_of_twenty_sessions_at_each_minute(tmp_path: Path) -> None:
    write_market(Lake(tmp_path), SyntheticMarket(sessions=SESSIONS, trades_per_session=600))
    feed = Feed(Lake(tmp_path), "WINQ26", MINUTE_NS, "events")
    schema = FeatureSchema("test", ("cumulative_signed_volume",), MINUTE_NS, 0)
    usual = usual_in(schema, feed, feed.sessions())
    model = make_model(schema, make_constant_forest(1, 0.6), (), usual=usual)
    trader, hits = new_trader(schema, model, new_desk(RiskLimits(), FUTURES["WIN"])), np.zeros(3, dtype=np.int64)
    for day in feed.sessions():
        decisions = run_session(trader, feed, day).decisions
        hits += trader.core.patterns.hits[Pattern.EXTREME_DELTA]
    known = int(np.isfinite(usual.delta).sum())
    assert hits[EVALUATED] >= SESSIONS * known > 5000  # sessions whose first trades come early know more minutes
    assert hits[BUYS] + hits[SELLS] == pytest.approx(known, rel=0.02)
    assert np.isnan(decisions["agent_score"]).all()  # and it is no vote


def test_three_terms_of_the_tape_tell_the_same_of_three_windows_but_not_the_same_number(
    market_trader: tuple[Trader, Feed],
) -> None:
    trader, feed = market_trader
    rows = compute_session(trader.schema, feed, feed.sessions()[2]).rows.astype(np.float64)
    x = {name: rows[:, trader.schema.columns.index(name)] for name in twins.TAPE}
    flow = 0.6 * x["trade_flow_5"] + 0.4 * x["trade_flow_10"]
    intensity = np.clip(x["buy_intensity"] - x["sell_intensity"], -1, 1)
    terms = np.stack([flow, intensity, x["aggressive_buy_ratio"] - x["aggressive_sell_ratio"]])
    found = np.corrcoef(terms[:, np.isfinite(terms).all(axis=0)])[np.triu_indices(3, 1)]
    assert ((found > 0.1) & (found < 0.95)).all(), found
