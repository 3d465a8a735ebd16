"""The trading path with the paper venue behind it: one event at a time, or a whole session in one compiled loop.

Order of things at an event: desk and venue first do, in the order of time, what is due before it; the event then trades
with the working orders, the desk hears of it, the features take the event, and a closed bar brings the decision. What
the desk asks stands among its requests, from which the venue takes it when it has arrived.
"""

from dataclasses import dataclass, field
from datetime import date

import numpy as np

from features.monitor import follow_all, forget_runs
from features.pipeline import begin_session as begin_features
from features.pipeline import replay, update_bar
from features.schema import FeatureSchema
from features.state import new_state
from market.costs import CostParams
from market.errors import UsageError
from market.kernel import kernel
from market.stream import Feed
from market.types import Phase
from trading.bracket import flatten, take_report, tick
from trading.budget import begin_budget
from trading.core import Core, begin_desk, close_bar, mark_desk, new_core
from trading.desk import DECISIONS, FILLS, ORDERS, REQUESTS, Desk
from trading.fills.bars import advance_bar
from trading.fills.closing import expire_orders, settle_at_market, take_all
from trading.fills.events import advance, pass_by, step_due, take_event
from trading.fills.venue import (
    ADVERSE_TICKS,
    NEVER,
    Venue,
    is_quiet,
    new_venue,
    next_report,
    report_due,
    reset_venue,
)
from trading.market_event import follow_market, note_phase
from trading.model import Model
from trading.pattern_state import begin_patterns
from trading.policy import VenueParams
from trading.records import RefusalReason, TradingState
from trading.session_rules import apply_rules

_OPEN_PHASE = int(Phase.OPEN)


@kernel
def hear(desk: Desk, venue: Venue, now_ns: int) -> bool:
    """Let the desk take every report that has reached it; return whether there was any."""
    heard, market = False, desk.market[0]
    while report_due(venue) <= min(now_ns, NEVER - 1):
        market["now_ns"] = max(market["now_ns"], report_due(venue))
        take_report(desk, venue.reports[next_report(venue)])
        heard = True
    return heard


@kernel
def converse(desk: Desk, venue: Venue, now_ns: int) -> bool:
    """Let desk and venue do all that is due up to now, the earlier first; return whether the desk heard anything.

    At one time the desk first hears, then the venue acts, then the desk loses its patience.
    """
    heard, market = False, desk.market[0]
    while True:
        told, step = report_due(venue), step_due(venue, desk.requests, desk.counts[REQUESTS])
        due = desk.bracket[0]["due_ns"]
        if min(told, step, due) > min(now_ns, NEVER - 1):
            return heard
        if told <= min(step, due):
            market["now_ns"] = max(market["now_ns"], told)
            take_report(desk, venue.reports[next_report(venue)])
            heard = True
        elif step <= due:
            advance(venue, desk.requests, desk.counts[REQUESTS])
        else:
            tick(desk, due)


@kernel
def paper_begin(core: Core, venue: Venue, session: np.void, events: bool) -> None:
    """Start a session whose preload the features have taken; `events` says which kind of feed follows."""
    core.session[0] = session
    begin_features(core.features, session)
    begin_budget(core.desk.budget[0], session["date"])
    begin_patterns(core.patterns)
    begin_desk(core.desk, session["open_ns"], session["close_ns"], events)
    core.desk.market[0]["date"] = session["date"]
    reset_venue(venue, session["open_ns"])


@kernel
def paper_event(core: Core, venue: Venue, event: np.void) -> int:
    """Take one event; return 1 if it closed a bar and a decision was recorded, else 0."""
    desk, state = core.desk, venue.state[0]
    market, now_ns = desk.market[0], max(desk.market[0]["now_ns"], event["ts_event_ns"])
    waits = desk.bracket[0]["due_ns"] <= now_ns or not is_quiet(state, desk.counts[REQUESTS])
    heard = waits and converse(desk, venue, now_ns)
    market["now_ns"] = now_ns
    note_phase(desk, event)
    if not pass_by(state, venue.book.header, event):
        take_event(venue, event)
        heard = hear(desk, venue, now_ns) or heard
    return follow_market(core, event, heard)


@kernel
def paper_bar(core: Core, venue: Venue, bar: np.void) -> int:
    """Take one closed bar of a vendor file; return 1 if a decision was recorded. A feed of bars has no latency."""
    desk, market = core.desk, core.desk.market[0]
    market["now_ns"] = max(market["now_ns"], bar["ts_open_ns"])
    while advance_bar(venue, desk.requests, desk.counts[REQUESTS], bar):
        hear(desk, venue, NEVER)
    market["now_ns"] = market["feed_ns"] = bar["ts_close_ns"]
    update_bar(core.features, bar)
    made = close_bar(core)
    tick(desk, market["now_ns"])
    while venue.state[0]["requests"] < desk.counts[REQUESTS]:
        advance_bar(venue, desk.requests, desk.counts[REQUESTS], bar)
        hear(desk, venue, NEVER)
    return made


@kernel
def paper_end(core: Core, venue: Venue) -> None:
    """End a session flat: what is still open is closed one tick adverse to the last price, the rest expires.

    However often a close was refused before, and however lately: this one is not.
    """
    desk = core.desk
    account, now = desk.account[0], desk.market[0]["now_ns"]
    if account["position"] != 0:
        side = -1 if account["position"] > 0 else 1
        adverse = max(ADVERSE_TICKS, int(venue.state[0]["slippage_ticks"]))
        desk.bracket[0]["closes"], desk.market[0]["phase"] = 0, _OPEN_PHASE
        flatten(desk)
        take_all(venue, desk.requests, desk.counts[REQUESTS], now)
        settle_at_market(venue, account["mark"] + side * adverse)
        hear(desk, venue, NEVER)
    take_all(venue, desk.requests, desk.counts[REQUESTS], now)
    expire_orders(venue, now)
    hear(desk, venue, NEVER)
    mark_desk(desk, account["mark"])
    if desk.counts[DECISIONS] > 0:
        desk.equity[desk.counts[DECISIONS] - 1] = account["equity"]


@kernel
def paper_events(core: Core, venue: Venue, events: np.ndarray) -> int:
    """Take EVENT records one by one; return the number of decisions."""
    made = 0
    for i in range(events.size):
        made += paper_event(core, venue, events[i])
    return made


@kernel
def paper_bars(core: Core, venue: Venue, bars: np.ndarray) -> int:
    """Take BAR records one by one; return the number of decisions."""
    made = 0
    for i in range(bars.size):
        made += paper_bar(core, venue, bars[i])
    return made


@dataclass(frozen=True)
class SessionResult:
    """What one session left behind.

    Attributes
    ----------
    decisions, orders, fills : ndarray
        DECISION, ORDER (in its last state) and FILL.
    equity : ndarray of float64
        R$ won or lost by the account so far after each decision's bar; the last value is after the session's end.
    ts_ns : ndarray of int64
        Time of each decision.
    account : ndarray of ACCOUNT, length 1
        At the session's end.
    desk_halt, account_halt : RefusalReason
        What halted or reduced the desk by itself, and the whole account, in this session; NONE where nothing did.
    """

    decisions: np.ndarray
    orders: np.ndarray
    fills: np.ndarray
    equity: np.ndarray
    ts_ns: np.ndarray
    account: np.ndarray
    desk_halt: RefusalReason = RefusalReason.NONE
    account_halt: RefusalReason = RefusalReason.NONE


@dataclass
class Trader:
    """One account with its core and its paper venue. Equity and peak live on from session to session.

    The records of the running session can be read at any time; they are views.
    """

    schema: FeatureSchema
    core: Core
    venue: Venue
    costs: CostParams = field(default_factory=CostParams)
    feed_kind: str = ""
    halts_at_open: tuple[RefusalReason, RefusalReason] = (RefusalReason.NONE, RefusalReason.NONE)

    @property
    def halts(self) -> tuple[RefusalReason, RefusalReason]:
        """What holds entries back, of the desk by itself and of the whole account; NONE where nothing does."""
        reasons = (one["halt_reason"][0] for one in (self.account, self.budget))
        desk, account = (RefusalReason(reason) for reason in reasons)
        return desk, account

    @property
    def account(self) -> np.ndarray:
        """ACCOUNT, length 1."""
        return self.core.desk.account

    @property
    def budget(self) -> np.ndarray:
        """BUDGET, length 1."""
        return self.core.desk.budget

    @property
    def decisions(self) -> np.ndarray:
        """DECISION records of the session so far."""
        return self.core.desk.decisions[: self.core.desk.counts[DECISIONS]]

    @property
    def orders(self) -> np.ndarray:
        """ORDER records of the session so far, each in its present state."""
        return self.core.desk.orders[: self.core.desk.counts[ORDERS]]

    @property
    def fills(self) -> np.ndarray:
        """FILL records of the session so far."""
        return self.core.desk.fills[: self.core.desk.counts[FILLS]]

    @property
    def equity(self) -> np.ndarray:
        """R$ after each decision so far."""
        return self.core.desk.equity[: self.core.desk.counts[DECISIONS]]


def new_trader(
    schema: FeatureSchema,
    model: Model,
    desk: Desk,
    costs: CostParams | None = None,
    venue_params: VenueParams | None = None,
) -> Trader:
    """Return a trader that decides for a desk; each session that it begins is charged what its day costs.

    Raises
    ------
    BundleRefused
        If the model does not fit the schema.
    """
    venue = new_venue(venue_params or VenueParams())
    return Trader(schema, new_core(schema, model, desk), venue, costs or CostParams())


def begin_session(trader: Trader, feed: Feed, day: date) -> None:
    """Start a session: fresh features, the preload without decisions, empty records.

    Raises
    ------
    UsageError
        If the feed's bars are not those of the schema, or the last session was not ended.
    LakeError
        If a partition of the preload is missing or damaged.
    """
    expected, position = trader.schema.bar_ns, int(trader.account[0]["position"])
    if feed.bar_ns != expected:
        raise UsageError(f"feed: expected bars of {expected} ns, found {feed.bar_ns}; take the bars of the model")
    if position != 0:
        raise UsageError(f"session {day}: expected a flat account, found {position:+d}; end the last session first")
    for part, fresh in zip(trader.core.features, new_state(trader.schema), strict=True):
        part[:] = fresh
    forget_runs(trader.core.monitor)
    for earlier in feed.preload(day, trader.schema.preload_sessions):
        follow_all(trader.core.monitor, replay(trader.core.features, feed, earlier).rows)
    trader.feed_kind = feed.kind
    paper_begin(trader.core, trader.venue, feed.session(day)[0], feed.kind == "events")
    apply_rules(trader.core.desk, feed, day, trader.costs)
    if feed.is_last_session(day) and trader.account[0]["trading_state"] == TradingState.ACTIVE:
        trader.account["trading_state"] = TradingState.REDUCING  # nothing is entered in an expiring contract
    trader.halts_at_open = trader.halts


def step(trader: Trader, record: np.void) -> int:
    """Take one EVENT, or one BAR on a feed of bars; return 1 if a decision was recorded, else 0."""
    take = paper_bar if trader.feed_kind == "bars" else paper_event
    return take(trader.core, trader.venue, record)


def end_session(trader: Trader) -> SessionResult:
    """End the session flat and return copies of its records."""
    paper_end(trader.core, trader.venue)
    return session_result(trader)


def session_result(trader: Trader) -> SessionResult:
    """Return copies of the records of a session that has ended."""
    told = zip(trader.halts, trader.halts_at_open, strict=True)
    desk_halt, account_halt = (RefusalReason.NONE if now == earlier else now for now, earlier in told)
    return SessionResult(
        decisions=trader.decisions.copy(),
        orders=trader.orders.copy(),
        fills=trader.fills.copy(),
        equity=trader.equity.copy(),
        ts_ns=trader.decisions["ts_ns"].copy(),
        account=trader.account.copy(),
        desk_halt=desk_halt,
        account_halt=account_halt,
    )


def run_session(trader: Trader, feed: Feed, day: date) -> SessionResult:
    """Trade one session in compiled code; the same as `begin_session`, `step` for each record and `end_session`.

    Raises
    ------
    LakeError
        If a partition of the session or its preload is missing or damaged.
    """
    begin_session(trader, feed, day)
    take_all = paper_bars if feed.kind == "bars" else paper_events
    take_all(trader.core, trader.venue, feed.load(day))
    return end_session(trader)
