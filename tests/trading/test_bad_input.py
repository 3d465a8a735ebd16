"""What no market says: it changes nothing, raises nothing and never leads to a trade.

Files are screened when they are imported (tests/market, tests/flows); here such records reach the compiled path itself.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from features.schema import FeatureSchema
from market.costs import Costs
from market.instruments import B3, FUTURES
from market.stream import with_clock
from market.synthetic import SyntheticMarket
from market.types import EVENT, Kind, Side, TradeType
from tests.factories import MINUTE_NS, WIN, make_model, make_steps
from trading.core import new_desk
from trading.desk import REQUESTS
from trading.paper import Trader, end_session, new_trader, paper_begin, paper_events
from trading.policy import RiskLimits, StrategyParams
from trading.records import HoldReason

LOWEST, HIGHEST = -(2**31), 2**31 - 1
MARKET = SyntheticMarket("WINQ26", sessions=1, seed=2, trades_per_session=2_500, levels=3)
SCHEMA = FeatureSchema("test", ("signed_volume", "spread"), MINUTE_NS, 0)
OFTEN = StrategyParams(require_agents=False, with_trend_only=False, cooldown_bars=1, max_hold_bars=8)
LIMITS = RiskLimits(capital_reais=1e6, max_position=2, max_order_reais=1e6, max_exposure_reais=1e6)


@pytest.fixture(scope="module")
def market() -> tuple[np.ndarray, np.ndarray]:
    """Hours and events of one session."""
    hours = B3.session(MARKET.symbol, MARKET.days()[0])
    return hours, with_clock(MARKET.session_events(0), hours, MINUTE_NS)


def begun(hours: np.ndarray) -> Trader:
    model = make_model(SCHEMA, make_steps(2, 0, (-0.05, 0.05), (0.125, 0.5, 0.875)), (), OFTEN)
    trader = new_trader(SCHEMA, model, new_desk(LIMITS, FUTURES["WIN"], Costs(0.25, 0.0)))
    trader.feed_kind = "events"
    paper_begin(trader.core, trader.venue, hours[0], True)
    return trader


def traded(hours: np.ndarray, events: np.ndarray) -> list[bytes]:
    """Return decisions, requests and fills of a session."""
    trader = begun(hours)
    paper_events(trader.core, trader.venue, events)
    made, desk = end_session(trader), trader.core.desk
    return [part.tobytes() for part in (made.decisions, desk.requests[: desk.counts[REQUESTS]], made.fills)]


def among(events: np.ndarray, bad: np.ndarray, every: int) -> np.ndarray:
    """Put the bad events, in turn, after each so-many-th event and at its time."""
    places = np.arange(every, len(events), every)
    extra = bad[np.arange(len(places)) % len(bad)].copy()
    for name in ("ts_event_ns", "ts_recv_ns", "sequence"):
        extra[name] = events[name][places - 1]
    return np.insert(events, places, extra)


def made_of(rows: Sequence[tuple[int, int, int, int, int]]) -> np.ndarray:
    """Return EVENT of kind, price, quantity, side and trade type."""
    out = np.zeros(len(rows), dtype=EVENT)
    for event, values in zip(out, rows, strict=True):
        for name, value in zip(("kind", "price", "quantity", "side", "trade_type"), values, strict=True):
            event[name] = value
    out["instrument"] = WIN
    return out


BOUGHT = TradeType.BUY_AGGRESSION
NO_TRADES = [
    (Kind.TRADE, price, quantity, Side.BUY, BOUGHT)
    for price, quantity in ((0, 3), (-1, 3), (LOWEST, 3), (26_000, 0), (26_000, -1), (26_000, LOWEST), (0, 0))
]
NO_KINDS = [(kind, 26_000, 3, Side.BUY, BOUGHT) for kind in range(max(Kind) + 1, 256, 7)]


@pytest.mark.parametrize("bad", [NO_TRADES, NO_KINDS], ids=["no price or quantity", "no kind"])
def test_events_that_say_nothing_change_nothing(
    market: tuple[np.ndarray, np.ndarray], bad: list[tuple[int, int, int, int, int]]
) -> None:
    hours, events = market
    clean = traded(hours, events)
    assert len(clean[2]) > 0, "nothing was traded, so nothing could change"
    assert traded(hours, among(events, made_of(bad), 3)) == clean


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_nothing_is_entered_while_a_side_of_the_book_is_missing(
    market: tuple[np.ndarray, np.ndarray], side: Side
) -> None:
    hours, events = market
    quoted = np.isin(events["kind"], [Kind.QUOTE_SIDE, Kind.LEVEL_SET, Kind.LEVEL_DELETE])
    trader = begun(hours)
    paper_events(trader.core, trader.venue, events[~(quoted & (events["side"] == side))])
    decisions = end_session(trader).decisions
    assert (decisions["reason"] == HoldReason.SIGNAL).sum() == 0  # a spread is an input of this model
    assert trader.fills.size == 0


def test_session_without_hours_trades_nothing(market: tuple[np.ndarray, np.ndarray]) -> None:
    hours, events = market[0].copy(), market[1]
    hours["close_ns"] = hours["open_ns"]
    trader = begun(hours)
    paper_events(trader.core, trader.venue, events)
    made = end_session(trader)
    assert HoldReason.PAST_LAST_ENTRY in made.decisions["reason"]
    assert not made.decisions["side"].any()
    assert made.fills.size == 0


def noise(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return events of random bits, most of them with one thing or two that a market says."""
    out = np.frombuffer(rng.bytes(count * EVENT.itemsize), dtype=EVENT).copy()
    for name, share, values in (
        ("kind", 0.8, list(Kind)),
        ("price", 0.9, [0, 1, -1, 25_990, 26_000, 26_010, LOWEST, HIGHEST]),
        ("quantity", 0.9, [0, 1, -1, 5, LOWEST, HIGHEST]),
        ("side", 0.9, [-1, 1, 0, -128, 127]),
        ("level", 0.9, [0, 1, 2, 4, 255]),
    ):
        chosen = rng.random(count) < share
        out[name][chosen] = rng.choice(values, chosen.sum())
    return out


@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.nightly)])
def test_noise_in_a_market_neither_raises_nor_breaks_a_limit(market: tuple[np.ndarray, np.ndarray], count: int) -> None:
    (hours, events), rng, put = market, np.random.default_rng(20261128), 0
    entered = 0
    for every in itertools.cycle((2_000, 200, 20, 2)):
        if put >= count:
            break
        number = len(events) // every
        trader = begun(hours)
        paper_events(trader.core, trader.venue, among(events, noise(rng, number), every))
        made, desk = end_session(trader), trader.core.desk
        asked = desk.requests[: desk.counts[REQUESTS]]
        signed = made.fills["side"].astype(np.int64) * made.fills["quantity"]
        assert np.abs(np.cumsum(signed)).max(initial=0) <= LIMITS.max_position
        assert (asked["price"] >= 0).all()
        assert (asked["stop_price"] >= 0).all()
        assert (made.fills["price"] > 0).all()
        assert made.account["position"][0] == 0
        assert np.isfinite(made.account["equity"][0])
        entered += len(made.fills)
        put += number
    assert entered > 0, "nothing was traded, so no limit could break"


@pytest.mark.parametrize("ts_ns", [-(2**63), 0, 1, 2**62, 2**63 - 1])
def test_one_time_far_off_stops_no_loop_and_holds_what_comes_after(
    market: tuple[np.ndarray, np.ndarray], ts_ns: int
) -> None:
    """What is stamped before is taken as now; once the clock has been far ahead nothing is entered any more."""
    hours, events = market[0], market[1].copy()
    clean = begun(hours)
    paper_events(clean.core, clean.venue, events)
    place = len(events) // 4
    events["ts_event_ns"][place] = ts_ns
    trader = begun(hours)
    paper_events(trader.core, trader.venue, events)
    made = end_session(trader)
    assert len(made.decisions) == len(end_session(clean).decisions)
    assert (made.fills.size > 0) is (ts_ns < 2)
