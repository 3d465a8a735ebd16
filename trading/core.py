"""The core: features, model and desk in one value, and the decision at each closed bar.

`decide` reads no clock, file or socket. What it wants done stands among the desk's requests, from which a venue or a
broker takes it (`trading.paper.converse`).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from features.clock import Decides
from features.layout import ASK, BID, FLAGS, LAST_BAR, PHASE, QUOTE_NS
from features.monitor import WINDOW, Monitor, dead_column, new_monitor, observe
from features.pipeline import atr_ticks, last_close, regime, snapshot, update_event
from features.schema import FeatureSchema
from features.state import FeatureState, new_state
from market.costs import Costs
from market.errors import ConfigError
from market.instruments import Instrument
from market.kernel import kernel
from market.types import SESSION, Flag, Regime
from trading.bracket import cancel_entry, flatten, follow
from trading.budget import halt, mark_budget, needs_a_person, new_budget, unlock_budget, watch_losses
from trading.consensus import CONFIDENCE, SCORE, VOTERS, blend, collect_votes, combine_votes, confidence
from trading.desk import (
    BLACKOUTS,
    BRACKET,
    DECISIONS,
    DESK_ORDERS,
    LEVELS,
    LOST,
    ORDERS,
    REQUESTS,
    ROOM_FILLS,
    ROOM_ORDERS,
    ROOM_REQUESTS,
    TICKET,
    UNDUE,
    Desk,
)
from trading.desk import has_room as desk_has_room
from trading.entry_rules import entries_of, entry_distances, exit_by_regime, find_strategy, hold_by_agreement
from trading.exits import ExitParams, choose_exits
from trading.model import Model, check_model, score_probability
from trading.orders import add_order, fault, send_new, take_back
from trading.pattern_state import PatternState, find_patterns, new_patterns, watch_event
from trading.patterns import PATTERNS
from trading.policy import RiskLimits
from trading.positions import mark_account, round_trip_cost
from trading.records import (
    ACCOUNT,
    DECISION,
    DESKS,
    FILL,
    MARKET,
    NEVER,
    ORDER,
    TERMS,
    BracketState,
    HoldReason,
    OrderRole,
    RefusalReason,
    TradingState,
)
from trading.requests import REQUEST
from trading.strategy import choose_side, nearest_target, scale_quantity, size_position
from trading.trailing import watch_moves

_ENTRY, _FLAT, _HALT = int(OrderRole.ENTRY), int(BracketState.FLAT), int(BracketState.HALT)
_ACTIVE, _HALTED = int(TradingState.ACTIVE), int(TradingState.HALTED)
_UNDEFINED, _AFTER_GAP_FLAG = int(Regime.UNDEFINED), int(Flag.AFTER_GAP)
_APPROVED, _OUTPUT_FULL = int(RefusalReason.NONE), int(RefusalReason.OUTPUT_FULL)

_SIGNAL, _NOT_WARM = int(HoldReason.SIGNAL), int(HoldReason.NOT_WARM)
_DEAD_INPUT = int(HoldReason.DEAD_INPUT)
_REGIME_UNDEFINED, _NO_MODEL = int(HoldReason.REGIME_UNDEFINED), int(HoldReason.NO_MODEL)
_NO_AGENTS, _IN_POSITION = int(HoldReason.NO_AGENTS), int(HoldReason.IN_POSITION)
_TRADING_STATE, _PAST_LAST_ENTRY = int(HoldReason.TRADING_STATE), int(HoldReason.PAST_LAST_ENTRY)
_AFTER_GAP, _COOLDOWN = int(HoldReason.AFTER_GAP), int(HoldReason.COOLDOWN)
_DAILY_LIMIT, _SIZE_ZERO = int(HoldReason.DAILY_LIMIT), int(HoldReason.SIZE_ZERO)
_NO_SETUP, _REGIME_LIMIT = int(HoldReason.NO_SETUP), int(HoldReason.REGIME_LIMIT)


class Core(NamedTuple):
    """Arrays of the whole decision path.

    Attributes
    ----------
    features : FeatureState
    row : ndarray of float32
        The last decision's row, in schema order.
    monitor : Monitor
        What the rows of the last decisions were like.
    model : Model
    desk : Desk
    session : ndarray of SESSION, length 1
    patterns : PatternState
    votes : ndarray of float64, shape (4, 2)
        Score and confidence of each agent at the last decision; NaN where it abstained.
    """

    features: FeatureState
    row: np.ndarray
    monitor: Monitor
    model: Model
    desk: Desk
    session: np.ndarray
    patterns: PatternState
    votes: np.ndarray


@dataclass(frozen=True)
class Capacity:
    """How many records a session may write. Beyond that the account is halted and nothing is overwritten."""

    decisions: int = 1440
    orders: int = 256
    fills: int = 512
    requests: int = 4096

    def __post_init__(self) -> None:
        """Raise ConfigError where not even one bracket fits."""
        short = self.orders < ROOM_ORDERS or self.fills < ROOM_FILLS or self.requests < ROOM_REQUESTS
        if self.decisions < 1 or short:
            expected = f"at least 1 decision, {ROOM_ORDERS} orders, {ROOM_FILLS} fills and {ROOM_REQUESTS} requests"
            raise ConfigError(f"capacity: expected {expected}, found {self}; raise it")


def new_core(schema: FeatureSchema, model: Model, desk: Desk) -> Core:
    """Return a core that decides for a desk.

    Raises
    ------
    BundleRefused
        If the model does not fit the schema.
    ConfigError
        If the schema has rows between closed bars: the desk holds, marks and exits by bars.
    """
    if schema.decides is not Decides.BAR:
        raise ConfigError(f"schema: expected a decision at each closed bar, found one at each {schema.decides.name}")
    columns = len(schema.columns)
    row = np.full(columns, np.nan, dtype=np.float32)
    monitor, checked = new_monitor(schema, WINDOW), check_model(model, columns)
    votes = np.full((VOTERS, 2), np.nan)
    return Core(new_state(schema), row, monitor, checked, desk, np.zeros(1, dtype=SESSION), new_patterns(), votes)


def new_desk(
    limits: RiskLimits,
    instrument: Instrument,
    costs: Costs | None = None,
    capacity: Capacity | None = None,
    budget: np.ndarray | None = None,
) -> Desk:
    """Return a desk with an empty account, in a budget of its own or with its place in one that desks share.

    Parameters
    ----------
    limits : RiskLimits
    instrument : Instrument
    costs : Costs, optional
        By default unknown until a session that has a date begins.
    capacity : Capacity, optional
    budget : ndarray of BUDGET, length 1, optional

    Raises
    ------
    ConfigError
        If the budget has no place left.
    """
    budget, capacity = new_budget() if budget is None else budget, capacity or Capacity()
    place = int(budget["desks"][0])
    if place >= DESKS:
        raise ConfigError(f"budget: expected at most {DESKS} desks, found one more; open another account")
    budget["desks"] += 1
    terms, account = np.zeros(1, dtype=TERMS), np.zeros(1, dtype=ACCOUNT)
    terms["place"], terms["last_trade_date"] = place, NEVER
    terms["tick_value"], terms["fee_per_side"] = instrument.tick_value, costs.per_side if costs else math.nan
    terms["instrument"], terms["lot"] = instrument.id, instrument.lot
    account["trading_state"], account["entry_decision"] = _ACTIVE, -1
    account["last_order_id"] = place * DESK_ORDERS
    return Desk(
        account=account,
        budget=budget,
        limits=limits.record(),
        terms=terms,
        market=np.zeros(1, dtype=MARKET),
        blackouts=np.zeros((BLACKOUTS, 2), dtype=np.int64),
        bracket=np.zeros(1, dtype=BRACKET),
        exits=ExitParams().record(),
        decisions=np.zeros(capacity.decisions, dtype=DECISION),
        orders=np.zeros(capacity.orders, dtype=ORDER),
        tickets=np.zeros(capacity.orders, dtype=TICKET),
        requests=np.zeros(capacity.requests, dtype=REQUEST),
        fills=np.zeros(capacity.fills, dtype=FILL),
        fill=np.zeros(1, dtype=FILL),
        equity=np.zeros(capacity.decisions),
        counts=np.zeros(REQUESTS + 1, dtype=np.int64),
    )


@kernel
def begin_desk(desk: Desk, open_ns: int, close_ns: int, events: bool) -> None:
    """Start a session: empty records and counts; what the account has earned and a halt that needs a person stay."""
    account, market, limits, bracket = desk.account[0], desk.market[0], desk.limits[0], desk.bracket[0]
    desk.counts[:] = 0
    bracket["exposed_ns"] = bracket["passed_ns"] = bracket["first"] = bracket["live"] = bracket["oldest"] = 0
    bracket["state"], bracket["due_ns"] = _FLAT, UNDUE
    bracket["side"] = bracket["closing"] = bracket["cancel_entry"] = bracket["closes"] = bracket["fault"] = 0
    market["now_ns"] = market["feed_ns"] = open_ns
    market["close_ns"] = close_ns
    market["last_entry_ns"] = close_ns - limits["last_entry_before_close_ns"]
    market["flatten_ns"] = close_ns - limits["flatten_before_close_ns"]
    market["atr_ticks"] = math.nan
    desk.blackouts[:] = 0
    market["events"] = 1 if events else 0
    market["bid"] = market["ask"] = market["quote_ns"] = 0
    market["phase"] = market["volatility"] = market["momentum"] = 0
    account["first_order_id"] = account["last_order_id"] + 1
    account["entry_decision"] = -1
    account["mark"] = account["bars"] = account["pending"] = 0
    account["identical"] = account["last_request"] = 0
    if account["trading_state"] == _HALTED and not needs_a_person(account["halt_reason"]):
        account["trading_state"] = _ACTIVE
        account["halt_reason"] = 0


@kernel
def unlock(desk: Desk) -> None:
    """Let a halted desk and its account trade again, on a person's word; every count that may have led there restarts.

    Another desk's own halt is ended at that desk. What still holds halts again, as a day's loss does, and an order that
    the venue contradicted stays UNKNOWN, so that nothing is entered beside it.
    """
    account, bracket = desk.account[0], desk.bracket[0]
    unlock_budget(desk.budget[0])
    account["trading_state"], account["halt_reason"] = _ACTIVE, _APPROVED
    account["identical"] = account["last_request"] = 0
    bracket["fault"] = bracket["closes"] = 0
    for place in range(bracket["oldest"], desk.counts[ORDERS]):
        desk.tickets[place]["attempts"] = 0
    follow(desk)


@kernel
def mark_desk(desk: Desk, price: int) -> None:
    """Value the account at a price; flatten it where a loss limit is reached."""
    account, budget, terms = desk.account[0], desk.budget[0], desk.terms[0]
    mark_account(account, price, terms["tick_value"])
    mark_budget(budget, terms["place"], account, terms["tick_value"])
    if watch_losses(budget, desk.limits[0]):
        flatten(desk)


@kernel
def close_bar(core: Core) -> int:
    """Do all that belongs to a closed bar: mark, exits by time, the decision; return 1 if one was recorded."""
    desk = core.desk
    account, market = desk.account[0], desk.market[0]
    account["bars"] += 1
    mark_desk(desk, last_close(core.features))
    market["bid"], market["ask"] = core.features.ints[BID], core.features.ints[ASK]
    market["quote_ns"] = core.features.ints[QUOTE_NS]
    market["phase"] = core.features.ints[PHASE]
    market["atr_ticks"] = atr_ticks(core.features)
    watch_moves(market, core.features)
    exit_by_time(desk, core.model.policy[0])
    strategy = find_strategy(core.model.policy[0], core.model.usual, core.features)
    exit_by_regime(desk, core.model.policy[0], regime(core.features), strategy)
    made = decide(core)
    if made:
        desk.equity[desk.counts[DECISIONS] - 1] = account["equity"]
    return made


@kernel
def exit_by_time(desk: Desk, policy: np.void) -> None:
    """Cancel an entry no bar has filled; flatten what was held long enough or stands too near the close."""
    account, market = desk.account[0], desk.market[0]
    cancel_entry(desk)
    held = account["bars"] - account["entry_bar"]
    late = market["now_ns"] >= market["flatten_ns"]
    if account["position"] != 0 and (late or held >= policy["max_hold_bars"]):
        flatten(desk)


@kernel
def decide(core: Core) -> int:
    """Record the decision of the bar just closed, and write the entry it asks for.

    Returns
    -------
    int
        1; 0 where there was no room for it, which halts the account.
    """
    desk = core.desk
    place = desk.counts[DECISIONS]
    if place >= desk.decisions.size:
        desk.counts[LOST] += 1
        halt(desk.account[0], _OUTPUT_FULL)
        flatten(desk)
        return 0
    decision = desk.decisions[place]
    missing = _score(core, decision)
    decision["ts_ns"] = desk.market[0]["now_ns"]
    decision["sequence"] = place
    decision["reference"] = last_close(core.features)
    decision["instrument"] = desk.terms[0]["instrument"]
    decision["side"] = decision["quantity"] = decision["stop_distance"] = decision["target_distance"] = 0
    decision["refusal"] = 0
    reason = _hold_before_side(core, decision, missing)
    if reason == _SIGNAL:
        reason = _choose(core, decision)
    decision["reason"] = reason
    desk.counts[DECISIONS] += 1
    if reason == _SIGNAL:
        _enter(desk, core.model.policy[0], decision)
    return 1


@kernel
def follow_event(core: Core, event: np.void) -> int:
    """Let features and patterns take one event; return 1 if it is a decision point, else 0."""
    decides = update_event(core.features, event)
    watch_event(core.patterns, core.features.ints, event)
    return int(decides)


@kernel
def _score(core: Core, decision: np.void) -> int:
    """Write regime, row of the policy, M, A, D and confidence; return how many inputs of the model are missing."""
    policy, model = core.model.policy[0], core.model
    missing = snapshot(core.features, core.row)
    observe(core.monitor, core.row)
    regime_now = regime(core.features)
    probability = score_probability(model, regime_now, core.row) if missing == 0 else math.nan
    model_score = 2.0 * probability - 1.0
    find_patterns(core.patterns, core.features, model.usual)
    gated = bool(policy["order_flow_gate"])
    collect_votes(core.votes, core.row, model.agent_inputs, core.patterns.found, gated, model.usual)
    agent_score, sure, deviation, voters = combine_votes(policy["agent_weights"], core.votes)
    decision["regime"], decision["strategy"] = regime_now, find_strategy(policy, model.usual, core.features)
    decision["probability"] = probability
    decision["model_score"] = model_score
    decision["agent_score"] = agent_score
    decision["agents_sure"] = sure
    decision["agents_ok"] = voters
    decision["score"] = blend(policy, model_score, agent_score)
    quality = 1.0 - missing / core.row.shape[0]
    decision["confidence"] = confidence(model_score, agent_score, deviation, quality)
    _write_votes(core, decision)
    return missing


@kernel
def _write_votes(core: Core, decision: np.void) -> None:
    """Write what each agent said and which patterns were there."""
    votes, found = core.votes, core.patterns.found
    decision["order_flow_score"], decision["order_flow_confidence"] = votes[0, SCORE], votes[0, CONFIDENCE]
    decision["liquidity_score"], decision["liquidity_confidence"] = votes[1, SCORE], votes[1, CONFIDENCE]
    decision["tape_score"], decision["tape_confidence"] = votes[2, SCORE], votes[2, CONFIDENCE]
    decision["footprint_score"], decision["footprint_confidence"] = votes[3, SCORE], votes[3, CONFIDENCE]
    buys = sells = 0
    for place in range(PATTERNS):
        buys |= int(found[place, 0] > 0.0) << place
        sells |= int(found[place, 0] < 0.0) << place
    decision["patterns_buy"], decision["patterns_sell"] = buys, sells


@kernel
def _hold_before_side(core: Core, decision: np.void, missing: int) -> int:
    """Return why there is no score to choose a side by, or SIGNAL."""
    if missing > 0 or not math.isfinite(atr_ticks(core.features)):
        return _NOT_WARM
    if dead_column(core.monitor, core.model.band) >= 0:
        return _DEAD_INPUT
    if decision["regime"] == _UNDEFINED:
        return _REGIME_UNDEFINED
    if math.isnan(decision["probability"]):
        return _NO_MODEL
    if math.isnan(decision["score"]):
        return _NO_AGENTS
    return _SIGNAL


@kernel
def _choose(core: Core, decision: np.void) -> int:
    """Write side, bracket and quantity where everything allows an entry; return the HoldReason."""
    desk, policy = core.desk, core.model.policy[0]
    regime_now, strategy = int(decision["regime"]), int(decision["strategy"])
    limits, terms = desk.limits[0], desk.terms[0]
    side, reason = choose_side(policy, regime_now, strategy, decision["score"])
    if reason == _SIGNAL:
        reason = hold_by_agreement(policy, decision)
    if reason == _SIGNAL:
        reason = _hold_after_side(desk, policy, int(core.features.ints[LAST_BAR + FLAGS]))
    if reason == _SIGNAL and entries_of(desk, strategy) >= policy["trades_per_day"][strategy - 1]:
        reason = _REGIME_LIMIT
    if reason != _SIGNAL:
        return reason
    stop, target = entry_distances(core.features, policy, decision, side, limits["min_reward_risk"])
    if stop == 0:
        return _NO_SETUP
    last_level = int(policy["partial_ticks"][strategy - 1, LEVELS - 1])
    if last_level > 0:
        target = last_level
    share, cap = policy["size_share"][strategy - 1], policy["kelly_cap"][regime_now - 1]
    quantity = size_position(limits, terms, stop, share, cap)
    quantity = scale_quantity(policy, desk.budget[0], limits["capital_reais"], terms["lot"], quantity)
    if quantity < 1:
        return _SIZE_ZERO
    decision["side"], decision["quantity"] = side, quantity
    decision["stop_distance"] = stop
    decision["target_distance"] = max(target, nearest_target(limits, stop))
    return _SIGNAL


@kernel
def _hold_after_side(desk: Desk, policy: np.void, bar_flags: int) -> int:
    """Return why the desk takes no entry now, or SIGNAL."""
    account, budget, market = desk.account[0], desk.budget[0], desk.market[0]
    state = desk.bracket[0]["state"]
    if state != _FLAT and state != _HALT:
        return _IN_POSITION
    if account["trading_state"] != _ACTIVE or budget["trading_state"] != _ACTIVE:
        return _TRADING_STATE
    if market["now_ns"] >= market["last_entry_ns"]:
        return _PAST_LAST_ENTRY
    if bar_flags & _AFTER_GAP_FLAG:
        return _AFTER_GAP
    last = account["entry_decision"]
    if last >= 0 and desk.counts[DECISIONS] - last <= policy["cooldown_bars"]:
        return _COOLDOWN
    if last >= 0 and market["now_ns"] - desk.decisions[last]["ts_ns"] < policy["cooldown_ns"]:
        return _COOLDOWN
    if budget["trades_today"] >= desk.limits[0]["max_trades_per_day"]:
        return _DAILY_LIMIT
    return _SIGNAL


@kernel
def _enter(desk: Desk, policy: np.void, decision: np.void) -> None:
    """Send the entry of a signal; of one the gate refuses only the decision tells, so that it takes no room."""
    account = desk.account[0]
    if not desk_has_room(desk):
        decision["refusal"] = _OUTPUT_FULL
        fault(desk, _OUTPUT_FULL)
        return
    place = add_order(desk, _ENTRY, int(decision["side"]), int(decision["quantity"]), decision["sequence"])
    order = desk.orders[place]
    order["stop_distance"], order["target_distance"] = decision["stop_distance"], decision["target_distance"]
    choose_exits(desk.exits[0], policy, int(decision["strategy"]), round_trip_cost(desk.terms[0]))
    decision["refusal"] = send_new(desk, place)
    if decision["refusal"] == _APPROVED:
        account["entry_decision"] = decision["sequence"]
    else:
        take_back(desk)
    follow(desk)
