"""Every reason to hold or to refuse, every role and every way out of a position happens in some session.

A synthetic session, one that halts and loses its feed among them, is traded under one setting after another. What no
session can bring about is named, with the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from features.schema import FeatureSchema
from forest.flat import empty
from market.costs import Costs
from market.instruments import B3, FUTURES
from market.stream import with_clock
from market.synthetic import SyntheticMarket
from market.types import Flag, Kind, Phase, Side
from tests.factories import MINUTE_NS, SECOND_NS, blend_alone, make_bar, make_model, make_steps
from tests.trading.scenarios import WARM, build_warm, feed_trader, ladder
from tests.trading.stories import STOP, TARGET, Story
from tests.trading.test_order_permutations import START, Scene, late_fill_after_cancel, order_of_someone_else
from trading.blend import pack_blends
from trading.bracket import cancel_entry
from trading.core import Capacity, new_desk
from trading.desk import REQUESTS
from trading.model import Model
from trading.paper import SessionResult, Trader, end_session, new_trader, paper_begin, paper_events
from trading.policy import RiskLimits, StrategyParams, VenueParams
from trading.records import HoldReason, OrderRole, OrderState, RefusalReason, Stage
from trading.requests import RequestKind
from trading.strategy_params import ConcordanceParams, ManagedExits

H, R = HoldReason, RefusalReason
MARKET = SyntheticMarket("WINQ26", sessions=1, seed=2, trades_per_session=2_500, levels=3, halts=1.0, gaps=1.0)
DAY = MARKET.days()[0]
SCHEMA = FeatureSchema("test", ("signed_volume", "is_lunch_hour"), MINUTE_NS, 0)
OFTEN = StrategyParams(
    require_agents=False, with_trend_only=False, cooldown_bars=1, max_hold_bars=8, trades_per_day=(1_000,) * 3
)
WIDE = RiskLimits(
    capital_reais=1e7, max_position=3, max_order_reais=1e9, max_exposure_reais=1e9, max_trades_per_day=1_000,
    min_atr_fraction=1e-9, max_atr_fraction=1.0, collar_fraction=0.1, min_win_rate=1e-9, stop_max_ticks=100_000,
    max_messages_per_day=100_000, last_entry_before_close_minutes=5, flatten_before_close_minutes=2,
)  # fmt: skip
# Held until something else than a stop, a target or the time ends it.
PATIENT = replace(OFTEN, max_hold_bars=10_000, stop_atr=(900.0,) * 3, target_atr=(1_500.0,) * 3)
ROOMY = Capacity(1_440, 2_000, 2_000, 8_000)
# Leaves in parts; after the first its stop goes to the entry's price.
IN_PARTS = ManagedExits(
    managed=True, partial_ticks=((4, 8, 12),) * 3, partial_shares=((0.34, 0.33, 0.33),) * 3,
    trail_activation_ticks=(10_000,) * 3,
)  # fmt: skip


@cache
def session() -> tuple[np.ndarray, np.ndarray]:
    hours = B3.session(MARKET.symbol, DAY)
    return hours, with_clock(MARKET.session_events(0), hours, MINUTE_NS)


@dataclass(frozen=True)
class Setting:
    """One way to trade the session; `prepare` changes the trader once the session has begun."""

    strategy: StrategyParams = OFTEN
    limits: RiskLimits = WIDE
    venue: VenueParams = field(default_factory=VenueParams)
    capacity: Capacity = field(default_factory=Capacity)
    model: Callable[[Model], Model] = lambda model: model
    prepare: Callable[[Trader], Any] = lambda trader: None
    until: float = 1.0  # share of the events that arrive
    events: Callable[[np.ndarray], np.ndarray] = lambda events: events


def run(setting: Setting) -> tuple[Trader, SessionResult]:
    hours, events = session()
    made = make_model(SCHEMA, FOREST, (), setting.strategy)
    own = new_desk(setting.limits, FUTURES["WIN"], Costs(0.25, 0.0), setting.capacity)
    trader = new_trader(SCHEMA, setting.model(made), own, venue_params=setting.venue)
    trader.feed_kind = "events"
    paper_begin(trader.core, trader.venue, hours[0], True)
    setting.prepare(trader)
    paper_events(trader.core, trader.venue, setting.events(events[: int(setting.until * len(events))]))
    return trader, end_session(trader)


def policy(**changes: Any) -> Setting:
    return Setting(strategy=replace(OFTEN, **changes))


def limits(**changes: Any) -> Setting:
    return Setting(limits=replace(WIDE, **changes))


def desk(part: str, **fields: Any) -> Setting:
    """Change fields of a record of the desk at the open."""

    def prepare(trader: Trader) -> None:
        for name, value in fields.items():
            getattr(trader.core.desk, part)[name] = value

    return Setting(prepare=prepare)


def black(trader: Trader) -> None:
    trader.core.desk.blackouts[0] = 0, 2**62


def one_sided(events: np.ndarray) -> np.ndarray:
    """Leave out every offer."""
    kept: np.ndarray = events[~((events["side"] == Side.SELL) & (events["trade_type"] == 0))]
    return kept


def never_reopened(events: np.ndarray) -> np.ndarray:
    """Let the halt end in an auction that lasts."""
    out = events.copy()
    out["level"][(out["kind"] == Kind.STATE) & (out["level"] == Phase.OPEN)] = Phase.AUCTION
    return out


FOREST = make_steps(2, 0, (-0.05, 0.05), (0.125, 0.5, 0.875))
NO_RANGES = pack_blends([blend_alone(forest) for forest in (FOREST, FOREST, empty())])


TODAY = DAY.toordinal() - 719_163
SETTINGS = {
    "often": Setting(),
    "with the trend, no ranges": policy(with_trend_only=True, trade_range=False),
    "no model of ranges": Setting(model=lambda model: model._replace(blends=NO_RANGES)),
    "agents asked for": policy(require_agents=True),
    "both classes in every set": policy(least_lean=(0.8, 0.8, 0.8)),
    "an input that stands still": Setting(
        model=lambda model: model._replace(band=model.band._replace(dead_after=np.array([2**62, 5])))
    ),
    "concordance": policy(concordance=ConcordanceParams(required=True)),
    "sure": Setting(
        # 0.6·0.4 + 0.4 = 0.64
        strategy=replace(OFTEN, min_confidence=0.8, confidence_shift=(0.0, 0.0, 0.0)),
        model=lambda model: model._replace(calibration_p=np.tile([0.3, 0.5, 0.7], (3, 1))),
    ),
    "flat again at once": Setting(
        strategy=replace(OFTEN, max_hold_bars=1, cooldown_bars=0, cooldown_seconds=0), capacity=ROOMY
    ),
    "near the average, at levels": policy(trend_entry_atr=0.001, range_levels=True),
    "two a day": limits(max_trades_per_day=2),
    "one of each regime": policy(trades_per_day=(1, 1, 1)),
    "poor": limits(capital_reais=20.0),
    "a cent may be lost": limits(capital_reais=1e4, daily_loss_fraction=1e-6),
    "a cent from the peak": limits(capital_reais=1e4, drawdown_stop=1e-6, drawdown_alert=1e-6, daily_loss_fraction=1.0),
    "all must win": limits(win_rate_trades=2, min_win_rate=1.0),
    "venue that refuses": Setting(
        limits=replace(WIDE, stop_at_rejects_per_minute=1), venue=VenueParams(rejection_ticks=1)
    ),
    "one entry in ten minutes": limits(max_entries_per_10_minutes=1),
    "others send without end": desk("budget", messages=1_024, messages_ns=np.full((1, 1_024), 2**62)),
    "a feed of the last millisecond": limits(stale_feed_after_ms=1),
    "two messages a minute": limits(max_messages_per_minute=2),
    "ten messages a day": limits(max_messages_per_day=10),
    "stops of two ticks": limits(stop_max_ticks=2),
    "cheap orders": limits(max_order_reais=1.0),
    "narrow collar": limits(collar_fraction=1e-9),
    "calm markets only": limits(max_atr_fraction=1e-8),
    "others hold much": desk("budget", desk_exposure=np.full((1, 8), 1e12)),
    "live, on paper's stage": desk("budget", live=1, stage=int(Stage.PAPER)),
    "expired": desk("terms", last_trade_date=TODAY - 1),
    "last session": desk("terms", last_trade_date=TODAY),
    "clock off": desk("market", skew_ns=SECOND_NS),
    "blackout": Setting(prepare=black),
    "no offers": Setting(events=one_sided),
    "auction": Setting(events=never_reopened),
    "little room": Setting(capacity=Capacity(orders=30, fills=64)),
    "in parts": Setting(strategy=replace(OFTEN, exits=IN_PARTS), capacity=ROOMY),
    "with a stop that follows": Setting(strategy=replace(OFTEN, exits=ManagedExits(managed=True)), capacity=ROOMY),
    "patient": Setting(strategy=PATIENT),
    "patient until the trend ends": Setting(strategy=replace(PATIENT, trade_range=False, regime_exit_ticks=1)),
    "data that end early": Setting(strategy=PATIENT, until=0.8),
}


@cache
def traded(name: str) -> tuple[Trader, SessionResult]:
    return run(SETTINGS[name])


# What the core never asks, whatever the market: the gate stands between it and its own mistakes (test_risk.py has a
# situation of each). Its decisions hold before these limits of the account are reached, or keep within them.
GUARDS = {
    R.INSTRUMENT, R.SIDE, R.QUANTITY, R.LOT, R.PRICE, R.POSITION_LIMIT, R.RISK_PER_TRADE, R.TRADES_PER_DAY,
    R.TRADING_STATE, R.LAST_ENTRY, R.UNRESOLVED_ENTRY, R.UNKNOWN_CODE, R.REWARD_RISK, R.ORDER_QUANTITY, R.NO_REFERENCE,
    R.NOT_REDUCING,
}  # fmt: skip
LIES = {R.UNKNOWN_ORDER, R.CONTRADICTION, R.OVERCLOSED, R.UNANSWERED}  # of a venue; told below


def test_every_reason_to_hold_is_given() -> None:
    given = {H(reason) for name in SETTINGS for reason in traded(name)[1].decisions["reason"]}
    assert given == set(HoldReason)


def test_every_reason_to_refuse_is_given_but_those_the_core_never_asks_for() -> None:
    given = {R(reason) for name in SETTINGS for reason in traded(name)[1].decisions["refusal"]}
    for name in SETTINGS:
        trader, _ = traded(name)
        given |= {R(trader.account["halt_reason"][0]), R(trader.budget["halt_reason"][0])}
    given.add(R(int(again_and_again().budget["halt_reason"][0])))
    assert given == set(RefusalReason) - GUARDS - LIES


def again_and_again() -> Trader:
    """Ask for the same entry at each bar; none of them can fill, for nothing trades."""
    strategy = StrategyParams(require_agents=False, distances="ticks", cooldown_bars=0, cooldown_seconds=0)
    trader = build_warm(strategy=strategy, limits=RiskLimits(halt_at_identical_orders=2))
    still = ladder(WARM)[3]
    empty_bars = [make_bar(WARM + k, (still,) * 4, 0, int(Flag.EMPTY)) for k in range(1, 6)]
    feed_trader(trader, [make_bar(WARM, ladder(WARM)), *empty_bars])
    return trader


def test_every_lie_of_a_venue_halts() -> None:
    blamed = set()
    for happens in (late_fill_after_cancel, order_of_someone_else):
        scene = Scene()
        happens(scene)
        scene.hear()
        blamed.add(R(scene.desk.bracket[0]["fault"]))
    both = Story(Side.BUY).open()
    both.fill(STOP, 3, START - 8)
    both.fill(TARGET, 3, START + 12)
    blamed.add(R(both.desk.bracket[0]["fault"]))
    silent = Story(Side.BUY)
    silent.take()
    cancel_entry(silent.desk)
    for _ in range(20):
        silent.wait(1.0)
    blamed.add(R(silent.desk.bracket[0]["fault"]))
    assert blamed == LIES


def test_every_role_request_and_end_of_an_order_happens() -> None:
    results = [traded(name) for name in SETTINGS]
    orders = np.concatenate([made.orders for _, made in results])
    assert set(orders["role"].tolist()) == set(OrderRole)
    assert {OrderRole(role) for _, made in results for role in made.fills["role"]} == set(OrderRole)
    desks = [trader.core.desk for trader, _ in results]
    asked = {RequestKind(kind) for one in desks for kind in one.requests["kind"][: one.counts[REQUESTS]]}
    assert asked == set(RequestKind)
    dead = {OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED}
    assert {OrderState(state) for state in orders["state"]} == dead
    for name in ("often", "in parts"):
        assert {-1, 1} <= set(traded(name)[1].fills["side"][traded(name)[1].fills["role"] == OrderRole.ENTRY].tolist())


def held(name: str) -> list[int]:
    """Return for each position that was closed at market how many minutes after its entry."""
    fills = traded(name)[1].fills
    entered = {int(one["decision"]): int(one["ts_ns"]) for one in fills[::-1] if one["role"] == OrderRole.ENTRY}
    leaves = fills[fills["role"] == OrderRole.FLATTEN]
    return [(int(one["ts_ns"]) - entered[int(one["decision"])]) // MINUTE_NS for one in leaves]


def left_ns(name: str) -> int:
    """Return when the last fill of a setting closed its position, before the session's close."""
    fills, (hours, _) = traded(name)[1].fills, session()
    assert fills["role"][-1] == OrderRole.FLATTEN
    return int(hours["close_ns"][0]) - int(fills["ts_ns"][-1])


def test_every_way_out_of_a_position_is_taken() -> None:
    roles = traded("often")[1].fills["role"]
    assert min((roles == OrderRole.STOP).sum(), (roles == OrderRole.TARGET).sum()) > 10
    assert held("often").count(8) > 10  # bars it may be held
    assert set(held("flat again at once")) == {0, 1}
    # Near the close, with the end of the trend, with the data's end, and at a loss that is too large.
    assert 2 * MINUTE_NS > left_ns("patient") > 2 * MINUTE_NS - 2 * SECOND_NS
    assert min(held("patient")) > 8
    assert len(held("patient until the trend ends")) > 1
    assert left_ns("patient until the trend ends") > 2 * MINUTE_NS
    assert left_ns("data that end early") > 60 * MINUTE_NS
    assert traded("a cent may be lost")[1].fills["role"].tolist() == [OrderRole.ENTRY, OrderRole.FLATTEN]
    # A stop that the venue refuses leaves the position bare, so that it is closed at once.
    assert held("venue that refuses") == [0]


def test_every_level_is_reached_and_stops_move() -> None:
    orders = traded("in parts")[1].orders
    targets = orders[(orders["role"] == OrderRole.TARGET) & (orders["filled"] > 0)]
    assert set(targets["level"].tolist()) == {0, 1, 2}
    for name, moved in (("often", 0), ("in parts", 10), ("with a stop that follows", 10)):
        trader, made = traded(name)
        first = {}
        requests = trader.core.desk.requests[: trader.core.desk.counts[REQUESTS]]
        for one in requests[requests["role"] == OrderRole.STOP]:
            first.setdefault(int(one["order"]), int(one["stop_price"]))
        stops = made.orders[(made.orders["role"] == OrderRole.STOP) & (made.orders["filled"] > 0)]
        found = sum(first[int(one["id"])] != one["stop_price"] for one in stops)
        assert found >= moved
        assert (found == 0) == (moved == 0)
