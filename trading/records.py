"""The records of trading and every code that stands in them.

Little endian, fields ordered so that each stands on its own size. Distances and prices are ticks, quantities
contracts, money R$.
"""

import hashlib
from enum import IntEnum

import numpy as np

DECISION = np.dtype(
    [
        ("ts_ns", "<i8"),  # event time of the decision point
        ("sequence", "<i8"),  # number of the decision in its session, from 0
        ("probability", "<f8"),  # of up, calibrated; NaN where the regime has no model or the row is not complete
        ("model_score", "<f8"),  # M = 2p - 1
        ("agent_score", "<f8"),  # A; NaN where fewer than two agents voted
        ("score", "<f8"),  # D
        ("confidence", "<f8"),  # [0, 1]
        ("agents_sure", "<f8"),  # mean confidence of the agents, by weight; NaN as A
        # Score and confidence of each agent; NaN where it abstained.
        ("order_flow_score", "<f4"),
        ("order_flow_confidence", "<f4"),
        ("liquidity_score", "<f4"),
        ("liquidity_confidence", "<f4"),
        ("tape_score", "<f4"),
        ("tape_confidence", "<f4"),
        ("footprint_score", "<f4"),
        ("footprint_confidence", "<f4"),
        ("reference", "<i4"),  # last close
        ("stop_distance", "<i4"),  # from the entry's first fill; 0 on a hold
        ("target_distance", "<i4"),
        ("quantity", "<i4"),  # 0 on a hold
        ("instrument", "<i4"),
        ("patterns_buy", "<u4"),  # bit p: trading.patterns.Pattern p was there and spoke for buying
        ("patterns_sell", "<u4"),
        ("regime", "u1"),  # market.types.Regime
        ("side", "i1"),  # market.types.Side; 0 on a hold
        ("reason", "u1"),  # HoldReason
        ("agents_ok", "u1"),  # how many agents voted
        ("refusal", "u1"),  # RefusalReason, where the gate refused the entry of a signal; no order is recorded then
        ("strategy", "u1"),  # Strategy, the row of the policy that applies; 0 without a regime
        ("reserved", "u1", (6,)),
    ]
)

ORDER = np.dtype(
    [
        ("id", "<i8"),  # client order id, from 1, never used twice by an account
        ("ts_ns", "<i8"),  # event time when it was made
        ("decision", "<i8"),  # sequence of the decision behind it
        ("quantity", "<i4"),
        ("filled", "<i4"),
        ("price", "<i4"),  # limit; 0 for other types
        ("stop_price", "<i4"),  # trigger; 0 for other types
        ("stop_distance", "<i4"),  # of an entry: with target_distance, the whole bracket
        ("target_distance", "<i4"),
        ("instrument", "<i4"),
        ("role", "u1"),  # OrderRole
        ("side", "i1"),
        ("type", "u1"),  # OrderType
        ("state", "u1"),  # OrderState
        ("reason", "u1"),  # RefusalReason, where the gate refused this exit
        ("level", "u1"),  # of a target, from 0; the last one is the farthest
        ("rejected", "u1"),  # trading.requests.Refusal, where the venue rejected it
        ("reserved", "u1", (5,)),
    ]
)

FILL = np.dtype(
    [
        ("ts_ns", "<i8"),
        ("order", "<i8"),  # client order id
        ("decision", "<i8"),
        ("fee", "<f8"),  # R$ for the whole fill
        ("price", "<i4"),
        ("quantity", "<i4"),
        ("instrument", "<i4"),
        ("role", "u1"),
        ("side", "i1"),
        ("reserved", "u1", (2,)),
    ]
)

ACCOUNT = np.dtype(
    [
        ("cash_ticks", "<i8"),  # minus the sum of side x price x quantity of all fills, ticks x contracts
        ("last_order_id", "<i8"),
        ("first_order_id", "<i8"),  # of the session: the order at place 0 of its log
        ("entry_decision", "<i8"),  # sequence of the last decision that sent an entry; -1 before the first
        ("fees", "<f8"),  # R$ paid so far
        ("equity", "<f8"),  # R$ won or lost so far, open position marked, fees paid
        ("flat_equity", "<f8"),  # equity when it was last flat
        ("entry_order", "<i8"),  # client order id behind the open position
        ("last_request", "<i8"),  # digest of the last new order
        ("position", "<i4"),  # contracts, signed
        ("entry_price", "<i4"),  # of the open position's first report of fills, against it; 0 when flat
        ("entry_bar", "<i4"),  # bars closed when it filled
        ("mark", "<i4"),  # last price seen
        ("bars", "<i4"),  # closed this session
        ("pending", "<i4"),  # contracts of the working entry still to fill, signed
        ("identical", "<i4"),  # new orders in a row that were equal to the last one, itself included
        ("trading_state", "u1"),  # TradingState of this desk
        ("halt_reason", "u1"),  # RefusalReason that halted it
        ("reserved", "u1", (2,)),
    ]
)

DESKS = 8  # that may share a budget
MESSAGE_RING, ENTRY_RING, REJECT_RING = 1024, 64, 64  # how far back a limit on a rate can look

BUDGET = np.dtype(
    [
        # Times, each a ring: the n-th ever counted stands at n modulo its size.
        ("messages_ns", "<i8", (MESSAGE_RING,)),  # requests sent, protective ones included
        ("entries_ns", "<i8", (ENTRY_RING,)),  # entries sent
        ("rejects_ns", "<i8", (REJECT_RING,)),  # orders the venue refused
        ("messages", "<i8"),  # ever counted
        ("entries", "<i8"),
        ("rejects", "<i8"),
        ("messages_before", "<i8"),  # messages when the session began
        ("outcomes", "<i8"),  # of this session's closed trades, a bit each, 1 where it won, the last one lowest
        ("desk_equity", "<f8", (DESKS,)),  # R$ of each desk, open position marked, fees paid
        ("desk_exposure", "<f8", (DESKS,)),  # R$ of each desk's position and working entries, notional
        ("equity", "<f8"),  # of all desks
        ("peak", "<f8"),  # highest equity so far
        ("session_equity", "<f8"),  # equity at the session's start
        ("date", "<i4"),  # of the session, days since 1970-01-01
        ("closed_today", "<i4"),  # trades closed this session
        ("trades_today", "<i4"),  # entries sent this session
        ("desks", "<i4"),  # how many share it
        ("trading_state", "u1"),  # TradingState of the whole account
        ("halt_reason", "u1"),  # RefusalReason that halted or reduced it
        ("drawdown_alert", "u1"),  # 1 once the drawdown reached the alert level this session
        ("rate_alarm", "u1"),  # 1 once more was sent this session than the rates allow entries
        ("stage", "u1"),  # Stage
        ("live", "u1"),  # 1 where orders go to a broker
        ("must_flatten", "u1"),  # 1 once the losses reached a limit: every desk closes what it holds
        ("reserved", "u1", (1,)),
    ]
)

POLICY = np.dtype(
    [
        ("model_weight", "<f8"),
        ("agents_weight", "<f8"),
        ("agent_weights", "<f8", (4,)),  # order flow, liquidity, tape, footprint
        ("theta", "<f8", (3,)),  # per regime: trend up, trend down, range
        ("volatile_shift", "<f8"),  # of theta in the volatile row
        ("stop_atr", "<f8", (4,)),  # per Strategy, as all that is four
        ("target_atr", "<f8", (4,)),
        ("min_reward_risk", "<f8"),  # least target distance, in stop distances
        ("trend_entry_atr", "<f8"),  # how far beyond EMA9 a trend is still entered; 0: anywhere
        ("size_share", "<f8", (4,)),  # of the risk per trade
        ("kelly_cap", "<f8", (3,)),  # per regime: most that a stop may lose, as a fraction of capital
        ("least_lean", "<f8", (3,)),  # per regime: |M| below which the model's prediction set holds both classes
        ("drawdown", "<f8"),  # beyond which contracts are multiplied
        ("drawdown_multiplier", "<f8"),
        ("losses_multiplier", "<f8"),
        ("hour_factor", "<f8", (24,)),  # of stop and target, by the hour of São Paulo
        ("ladder_confidence", "<f8", (3,)),  # falling; 0 where there is no ladder
        ("least_confidence", "<f8", (4,)),  # after the row's shift; 0: any
        ("concordance_model", "<f8"),
        ("concordance_agents", "<f8"),
        ("concordance_strength", "<f8"),
        ("concordance_combined", "<f8", (4,)),
        ("partial_shares", "<f8", (4, 3)),  # [row, level]: share of the position that leaves; 0: no such level
        ("trail_tightening", "<f8", (4,)),  # factor of the distance at each new extreme
        ("trail_factors", "<f8", (3,)),  # of the distance: deviation high, low, momentum against the position
        ("trail_decay", "<f8"),  # share of the distance that each ten minutes take
        ("min_target_sigma", "<f8"),  # least target distance, in deviations over the time it may be held; 0: any
        ("cooldown_ns", "<i8"),
        ("stop_ticks", "<i4", (4,)),  # 0: the multiples of ATR hold
        ("target_ticks", "<i4", (4,)),
        ("ladder_stop_ticks", "<i4", (4,)),  # by the steps of confidence; 0 where there is no ladder
        ("ladder_target_ticks", "<i4", (4,)),
        ("partial_ticks", "<i4", (4, 3)),  # [row, level]: distance from the entry; 0: no such level
        ("trail_activation_ticks", "<i4", (4,)),  # profit at which the stop begins to trail; 0: never
        ("trail_distance_ticks", "<i4", (4,)),
        ("stop_limit_ticks", "<i4"),  # of a stop's limit beyond its trigger; 0 for a stop at market
        ("trail_tightest_ticks", "<i4"),  # profit beyond which the stop follows as near as it may; 0: never
        ("breakeven_ticks", "<i4", (4,)),  # profit at which the stop goes to the entry; 0: never
        ("trades_per_day", "<i4", (4,)),
        ("losses_above_wins", "<i4"),  # of the session, beyond which contracts are multiplied
        ("regime_exit_ticks", "<i4"),  # profit beyond which a trade of a trend ends with it; 0: it does not
        ("min_stop_ticks", "<i4"),
        ("cooldown_bars", "<i4"),
        ("max_hold_bars", "<i4"),
        ("require_agents", "u1"),
        ("trade_range", "u1"),
        ("with_trend_only", "u1"),
        ("order_flow_gate", "u1"),
        ("concordance", "u1"),
        ("range_levels", "u1"),  # enter ranges at support and resistance only
        ("volatile", "u1"),  # lay the volatile row over the regime's
        ("reserved", "u1", (5,)),
    ]
)

LIMITS = np.dtype(
    [
        ("capital_reais", "<f8"),
        ("daily_loss_fraction", "<f8"),
        ("drawdown_stop", "<f8"),
        ("drawdown_alert", "<f8"),
        ("risk_per_trade", "<f8"),
        ("max_order_reais", "<f8"),
        ("max_exposure_reais", "<f8"),
        ("collar_fraction", "<f8"),
        ("min_reward_risk", "<f8"),
        ("min_atr_fraction", "<f8"),
        ("max_atr_fraction", "<f8"),
        ("min_win_rate", "<f8"),
        ("last_entry_before_close_ns", "<i8"),
        ("flatten_before_close_ns", "<i8"),
        ("stale_feed_after_ns", "<i8"),
        ("max_clock_skew_ns", "<i8"),
        ("max_order_quantity", "<i4"),
        ("max_position", "<i4"),
        ("max_trades_per_day", "<i4"),
        ("stop_min_ticks", "<i4"),
        ("stop_max_ticks", "<i4"),
        ("max_messages_per_second", "<i4"),
        ("max_messages_per_minute", "<i4"),
        ("max_messages_per_day", "<i4"),
        ("halt_at_identical_orders", "<i4"),
        ("max_entries_per_10_minutes", "<i4"),
        ("stop_at_rejects_per_minute", "<i4"),
        ("win_rate_trades", "<i4"),
    ]
)

TERMS = np.dtype(
    [
        ("tick_value", "<f8"),  # R$ per tick and contract
        ("fee_per_side", "<f8"),  # R$ per contract and side, of the session; NaN where unknown
        ("instrument", "<i4"),
        ("lot", "<i4"),  # contracts
        ("last_trade_date", "<i4"),  # last session of the contract, days since 1970-01-01; NEVER where it has none
        ("place", "<i4"),  # of this desk in the budget
        ("continuous", "u1"),  # 1 for a vendor's continuous series, which no order can name
        ("reserved", "u1", (7,)),
    ]
)
NEVER = 2**31 - 1

MARKET = np.dtype(
    [
        ("now_ns", "<i8"),
        ("feed_ns", "<i8"),  # last trade or quote
        ("quote_ns", "<i8"),  # when bid or ask was last told, by a quote or, without quotes, the book; 0 before
        ("close_ns", "<i8"),  # of the session
        ("last_entry_ns", "<i8"),  # from here on nothing is entered
        ("flatten_ns", "<i8"),  # from here on nothing is held
        ("skew_ns", "<i8"),  # the venue's clock minus ours
        ("atr_ticks", "<f8"),  # ATR14; NaN before it is known
        ("bid", "<i4"),  # 0 where the side is empty or was never seen
        ("ask", "<i4"),
        ("date", "<i4"),  # of the session, days since 1970-01-01
        ("events", "u1"),  # 1 for a feed of events, 0 for bars, which have neither quotes nor an age
        ("phase", "u1"),  # market.types.Phase
        ("volatility", "i1"),  # 1 where the last bars deviate more than usual, -1 where less; 0 also where unknown
        ("momentum", "i1"),  # which way the momentum of the last bars goes; 0 also where unknown
    ]
)


class Strategy(IntEnum):
    """Which row of the policy a decision stands in: that of its regime, by the same code, or the one laid over it."""

    NONE = 0  # no regime in force
    TREND_UP = 1
    TREND_DOWN = 2
    RANGE = 3
    VOLATILE = 4  # the deviation is beyond what is usual at that minute of the day


class OrderRole(IntEnum):
    """What an order is for."""

    ENTRY = 1  # opens a position
    STOP = 2  # closes it at a loss
    TARGET = 3  # closes it, or a part of it, at a profit
    FLATTEN = 4  # closes it now


class OrderType(IntEnum):
    """How an order executes, as ProfitDLL numbers it."""

    MARKET = 1
    LIMIT = 2
    STOP = 4  # works from its trigger on: at market, or as a limit where it has one


class OrderState(IntEnum):
    """Where an order stands. Only FILLED, CANCELED, REJECTED and EXPIRED are dead."""

    PENDING_NEW = 1  # decided, not yet taken by the venue
    ACCEPTED = 2  # working
    PARTIALLY_FILLED = 3  # working, part of it done
    FILLED = 4  # done
    PENDING_CANCEL = 5  # to be cancelled; may still fill
    CANCELED = 6  # dead; what was filled stands
    REJECTED = 7  # refused by the gate or the venue
    EXPIRED = 8  # dead with the session
    PENDING_REPLACE = 9  # to be changed; works as it was until the venue says so
    UNKNOWN = 10  # silent for too long, or told of in contradictions; counts as working


class BracketState(IntEnum):
    """Where the desk stands between one entry and the next."""

    FLAT = 0  # no position, no order
    ENTRY_SENT = 1
    OPEN_UNPROTECTED = 2  # some of the position has no stop that the venue has confirmed
    PROTECTED = 3
    CLOSING = 4  # a close is under way, or the position is closed and its orders are not dead yet
    UNKNOWN = 5  # of an order nobody can say how it stands
    HALT = 6  # something went wrong that only a person may put behind; protection stays


class TradingState(IntEnum):
    """What may be done, of a desk and of the whole account; the stricter of the two holds."""

    ACTIVE = 1  # entries and exits
    REDUCING = 2  # exits only, until the session ends
    HALTED = 3  # exits only, until the session (daily loss) or a person ends it


class Stage(IntEnum):
    """How much of the capital is at work; up only by command, down by the rules of trading.stages."""

    SHADOW = 1  # decides on the live stream; nothing leaves
    PAPER = 2  # trades at the paper venue
    TENTH = 3  # trades at the broker with a tenth of every amount
    FULL = 4


class HoldReason(IntEnum):
    """Why a decision is no signal."""

    SIGNAL = 0  # it is one
    NOT_WARM = 1  # an input of the model is missing
    REGIME_UNDEFINED = 2  # no regime in force
    NO_MODEL = 3  # the regime has no model
    NO_AGENTS = 4  # fewer than two agents voted and the policy asks for them
    BELOW_THRESHOLD = 5  # |D| under the regime's theta
    AGAINST_REGIME = 6  # against the trend
    RANGE_OFF = 7  # the policy does not trade ranges
    IN_POSITION = 8  # a position or an order is open
    TRADING_STATE = 9  # REDUCING or HALTED
    PAST_LAST_ENTRY = 10  # too near the session's close
    AFTER_GAP = 11  # data are missing in the last bar
    COOLDOWN = 12  # too few bars since the last entry
    DAILY_LIMIT = 13  # as many entries as a session may have
    SIZE_ZERO = 14  # the stop is too far for one contract
    DEAD_INPUT = 15  # an input stands still while the market moves
    DISCORD = 16  # model and agents do not agree enough for the concordance filter
    UNSURE = 17  # the confidence is under the regime's least
    NO_SETUP = 18  # the price is not where the policy enters this regime
    REGIME_LIMIT = 19  # as many entries as a session may have in this regime
    AMBIGUOUS = 20  # the prediction set of the model holds both classes


class RefusalReason(IntEnum):
    """Why the gate refused a request, or what halted or reduced the account (docs/risk.md)."""

    NONE = 0  # approved
    INSTRUMENT = 1  # not the instrument this desk trades
    SIDE = 2  # neither BUY nor SELL
    QUANTITY = 3  # nothing is left to fill
    LOT = 4  # not a whole number of lots
    PRICE = 5  # a limit or trigger that is missing, one where none belongs, or a stop's limit on the wrong side
    STOP_DISTANCE = 6  # outside the limits
    POSITION_LIMIT = 7  # position and open entries would exceed the maximum
    RISK_PER_TRADE = 8  # the stop would lose more than allowed
    TRADES_PER_DAY = 9  # as many entries as a session may have
    DAILY_LOSS = 10  # the session's loss has reached its limit
    DRAWDOWN = 11  # the fall from the peak has reached its limit
    TRADING_STATE = 12  # REDUCING or HALTED
    LAST_ENTRY = 13  # too near the session's close
    MARKET_PHASE = 14  # not in continuous trading
    STALE_FEED = 15  # no trade or quote for too long, or no quote though trades go on
    CROSSED_BOOK = 16  # a quote side is missing, or bid is not below ask
    OUTPUT_FULL = 17  # no room to record what would follow
    UNRESOLVED_ENTRY = 18  # another entry is still working, or an order of the last trade
    UNKNOWN_CODE = 19  # kind, role or type is none there is
    REWARD_RISK = 20  # the target is too near for its stop
    ORDER_QUANTITY = 21  # more contracts than one order may have
    NO_REFERENCE = 22  # no last price to judge a price by
    ORDER_VALUE = 23  # more R$ than one order may be worth
    COLLAR = 24  # too far from the last price
    WIN_RATE = 25  # too few of the session's last trades won
    REJECT_BURST = 26  # the venue refused too many orders within a minute
    STAGE = 27  # the stage sends nothing to a broker
    EXPOSURE = 28  # the whole account would be worth more R$ than allowed
    MESSAGES_PER_SECOND = 29
    MESSAGES_PER_MINUTE = 30
    MESSAGES_PER_DAY = 31
    IDENTICAL_ORDERS = 32  # the same order over and over
    ENTRY_RATE = 33  # too many entries within ten minutes
    CONTRACT = 34  # a continuous series at a broker, or a contract that has expired
    LAST_SESSION = 35  # the contract's last trading session
    BLACKOUT = 36  # a window in which nothing is entered
    CLOCK_SKEW = 37  # our clock and the venue's differ too much
    VOLATILITY = 38  # ATR is outside its band, or not known
    NOT_REDUCING = 39  # an exit that would close nothing, or more than is open
    # What follows only halts: the venue told what cannot be, or did not answer.
    UNKNOWN_ORDER = 40  # a report on an order that is not ours
    CONTRADICTION = 41  # a report that cannot be true if an earlier one was
    OVERCLOSED = 42  # more was closed than was open
    UNANSWERED = 43  # a request was repeated as often as allowed, and neither done nor refused for good


def decision_hash(decisions: np.ndarray) -> str:
    """Return SHA-256 (hex) over the bytes of DECISION records; equal hashes mean equal decisions to the bit."""
    return hashlib.sha256(np.ascontiguousarray(decisions, dtype=DECISION).tobytes()).hexdigest()
