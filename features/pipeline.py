"""One update for every event, the same machine code in training, backtest, paper and live.

A decision point is a closed bar, or what else the schema decides at. `snapshot` then completes `scratch` and writes
the row.
"""

import math
from datetime import date
from typing import NamedTuple

import numpy as np

from features.activity import update_activity
from features.bars import return_deviation, store_bar, update_means, update_returns, update_volatility, update_volume
from features.book import measure_book
from features.brokers import measure_brokers, rank_brokers, take_parties
from features.clock import Decides
from features.depth import measure_depth
from features.footprint import forget_footprint, take_footprint, update_footprint
from features.indicators import update_indicators
from features.interactions import update_interactions
from features.layout import (
    ATR,
    BAR_CONTRACTS,
    BAR_NS,
    BAR_TRADES,
    BAR_WIDTH,
    BARS_SEEN,
    BUY_TRADES,
    BUY_VOLUME,
    CLOSE,
    DECIDES,
    EVENT_FEED,
    FLAGS,
    FORMING,
    HIGH,
    INSTRUMENT,
    LARGE_SIZE,
    LAST_BAR,
    LAST_PRICE,
    LOST_NS,
    LOW,
    LUNCH_END_NS,
    LUNCH_START_NS,
    NEXT_SECOND_NS,
    NOW_NS,
    OPEN,
    PHASE,
    PRELOAD_SESSIONS,
    REGIME,
    SELL_TRADES,
    SELL_VOLUME,
    SESSION_BARS,
    SESSION_CLOSE_NS,
    SESSION_OPEN_NS,
    SESSION_START,
    SESSIONS_BEGUN,
    TRADES,
    TS_CLOSE,
    TS_OPEN,
    TURNOVER,
    USUAL_DEPTH,
    VOLUME,
    WEEKDAY,
)
from features.levels import count_depth, forget_book, median_depth, take_level
from features.minutes import update_minutes
from features.missing import mask_bars, mask_events
from features.moves import update_moves, update_sided_volatility
from features.oscillators import update_oscillators
from features.pressure import update_gaps, update_pressure
from features.prints import measure_prints, take_print
from features.profile import take_profile, update_profile
from features.quotes import take_best, take_quote
from features.regime import update_regime
from features.schema import FeatureSchema
from features.seconds import advance_seconds
from features.state import FeatureState, new_state
from features.tape import extend_bar, large_size, measure_flow, measure_tape, take_trade
from features.trend import update_averages, update_trend
from market.bars import enters_bars
from market.errors import ConfigError
from market.kernel import kernel
from market.lanes import uniform
from market.stream import Feed
from market.types import BAR, Flag, Kind

_TRADE, _QUOTE_SIDE, _BOOK_CLEAR = int(Kind.TRADE), int(Kind.QUOTE_SIDE), int(Kind.BOOK_CLEAR)
_LEVEL_SET, _LEVEL_DELETE = int(Kind.LEVEL_SET), int(Kind.LEVEL_DELETE)
_BOOK_KINDS = (_QUOTE_SIDE, _LEVEL_SET, _LEVEL_DELETE)
_CLOCK, _GAP, _STATE, _NO_TIME = int(Kind.CLOCK), int(Kind.GAP), int(Kind.STATE), int(Flag.NO_TIME)
_EMPTY, _AFTER_GAP, _NO_AGGRESSOR = int(Flag.EMPTY), int(Flag.AFTER_GAP), int(Flag.NO_AGGRESSOR)
_BAR, _EACH_TRADE, _EACH_CHANGE = int(Decides.BAR), int(Decides.TRADE), int(Decides.BOOK)
_ATR_WARM_UP = 6 * 14


@kernel
def begin_session(state: FeatureState, session: np.void) -> None:
    """Start a session: forget what belongs to the last one, keep the bars.

    Parameters
    ----------
    state : FeatureState
        Changed in place.
    session : SESSION record
        Its hours.
    """
    ints = state.ints
    take_hours(ints, session, state.scratch)
    if ints[SESSIONS_BEGUN] >= ints[PRELOAD_SESSIONS]:
        ints[LARGE_SIZE], ints[USUAL_DEPTH] = large_size(ints), median_depth(ints)
        rank_brokers(ints)
    ints[SESSIONS_BEGUN] += 1
    ints[NEXT_SECOND_NS] = session["open_ns"]


@kernel
def take_hours(ints: np.ndarray, session: np.void, out: np.ndarray) -> None:
    """Forget the session before and take the hours of this one; all that a feed of bars needs."""
    ints[SESSION_START:] = 0
    ints[SESSION_OPEN_NS] = ints[NOW_NS] = session["open_ns"]
    ints[SESSION_CLOSE_NS] = session["close_ns"]
    ints[LUNCH_START_NS] = session["lunch_start_ns"]
    ints[LUNCH_END_NS] = session["lunch_end_ns"]
    ints[WEEKDAY] = session["weekday"]
    out[:] = math.nan


@kernel
def update_event(state: FeatureState, event: np.void) -> int:
    """Take one event; return 1 if it is a decision point of the schema (by default: closes a bar), else 0.

    An event of which only the order is known (`Flag.NO_TIME`) belongs to no bar and no window, and is left out.
    """
    ints = state.ints
    if event["flags"] & _NO_TIME:
        return 0
    now = event["ts_event_ns"]
    closed = 0
    ints[EVENT_FEED] = 1
    kind = event["kind"]
    ints[NOW_NS] = max(ints[NOW_NS], now)
    # What carries a boundary's own time lies after it, as in bars; what comes before the open, before second 0.
    begins = kind != _CLOCK and now >= ints[SESSION_OPEN_NS]
    advance_seconds(ints, ints[NOW_NS] + begins)
    if kind == _TRADE:
        if _take_trade(ints, event):
            closed = _close_full(state, now)
            if ints[DECIDES] == _EACH_TRADE:
                return 1
    elif kind in _BOOK_KINDS:
        if kind == _QUOTE_SIDE:
            take_quote(ints, now, int(event["side"]), int(event["price"]), event["quantity"])
        else:
            take_level(ints, event, now)
        if ints[DECIDES] == _EACH_CHANGE:
            return 1
    elif kind == _CLOCK:
        closed = _close_forming(state, now)
    elif kind == _BOOK_CLEAR:
        forget_book(ints, event)
    elif kind == _GAP:
        _mark_gap(ints, event)
    elif kind == _STATE:
        ints[PHASE] = event["level"]
    return closed if ints[DECIDES] == _BAR else 0


@kernel
def update_bar(state: FeatureState, bar: np.void) -> int:
    """Take one closed bar of a vendor file; return 1, a decision point."""
    take_bar(state.ints, bar)
    return _close_bar(state)


@kernel
def take_bar(ints: np.ndarray, bar: np.void) -> None:
    """Make a bar of a vendor file the last one."""
    ints[NOW_NS] = bar["ts_close_ns"]
    ints[LAST_BAR + TS_OPEN], ints[LAST_BAR + TS_CLOSE] = bar["ts_open_ns"], bar["ts_close_ns"]
    ints[LAST_BAR + OPEN], ints[LAST_BAR + HIGH] = bar["open"], bar["high"]
    ints[LAST_BAR + LOW], ints[LAST_BAR + CLOSE] = bar["low"], bar["close"]
    ints[LAST_BAR + VOLUME], ints[LAST_BAR + TURNOVER] = bar["volume"], bar["turnover"]
    ints[LAST_BAR + BUY_VOLUME], ints[LAST_BAR + SELL_VOLUME] = bar["buy_volume"], bar["sell_volume"]
    ints[LAST_BAR + TRADES], ints[LAST_BAR + INSTRUMENT] = bar["trades"], bar["instrument"]
    ints[LAST_BAR + BUY_TRADES], ints[LAST_BAR + SELL_TRADES] = bar["buy_trades"], bar["sell_trades"]
    ints[LAST_BAR + FLAGS] = bar["flags"]


@kernel
def snapshot(state: FeatureState, out: np.ndarray) -> int:
    """Write the row of the present moment.

    Parameters
    ----------
    state : FeatureState
        `scratch` is completed on the way; nothing else changes.
    out : ndarray of float32, shape (columns,)
        Filled in schema order.

    Returns
    -------
    int
        How many values are not finite; a row with any is no basis for a decision.
    """
    ints, scratch = state.ints, state.scratch
    if ints[EVENT_FEED] == 1:  # a feed of bars has no tape and no book: what they would say stays unknown
        measure_flow(ints, scratch)
        measure_tape(ints, scratch)
        measure_prints(ints, scratch)
        measure_brokers(ints, scratch)
        measure_book(ints, ints[NOW_NS], scratch)
        measure_depth(ints, ints[NOW_NS], scratch)
        mask_events(ints, scratch)
    if ints[SESSION_BARS] > 0:
        update_minutes(ints, ints[NOW_NS], scratch)
    missing = 0
    for i in range(state.columns.size):
        out[i] = scratch[state.columns[i]]
        missing += not math.isfinite(out[i])
    return missing


@kernel
def regime(state: FeatureState) -> int:
    """Return the `market.types.Regime` in force."""
    return int(state.ints[REGIME])


@kernel
def phase(state: FeatureState) -> int:
    """Return the `market.types.Phase` last reported in this session; OPEN until one is."""
    return int(state.ints[PHASE])


@kernel
def last_close(state: FeatureState) -> int:
    """Return the close of the last closed bar in ticks, 0 before the first."""
    return int(state.ints[LAST_BAR + CLOSE])


@kernel
def atr_ticks(state: FeatureState) -> float:
    """Return Wilder's average true range of 14 bars in ticks; NaN before bar 84."""
    return float(state.floats[ATR]) if uniform(state.ints, BARS_SEEN) >= _ATR_WARM_UP else math.nan


@kernel
def copy_last_bar(state: FeatureState, bars: np.ndarray, index: int) -> None:
    """Write the last closed bar into ``bars[index]``, a BAR array."""
    ints = state.ints
    bar = bars[index]
    bar["ts_open_ns"], bar["ts_close_ns"] = ints[LAST_BAR + TS_OPEN], ints[LAST_BAR + TS_CLOSE]
    bar["open"], bar["high"] = ints[LAST_BAR + OPEN], ints[LAST_BAR + HIGH]
    bar["low"], bar["close"] = ints[LAST_BAR + LOW], ints[LAST_BAR + CLOSE]
    bar["volume"], bar["turnover"] = ints[LAST_BAR + VOLUME], ints[LAST_BAR + TURNOVER]
    bar["buy_volume"], bar["sell_volume"] = ints[LAST_BAR + BUY_VOLUME], ints[LAST_BAR + SELL_VOLUME]
    bar["trades"], bar["instrument"] = ints[LAST_BAR + TRADES], ints[LAST_BAR + INSTRUMENT]
    bar["buy_trades"], bar["sell_trades"] = ints[LAST_BAR + BUY_TRADES], ints[LAST_BAR + SELL_TRADES]
    bar["flags"] = ints[LAST_BAR + FLAGS]


@kernel
def _take_trade(ints: np.ndarray, event: np.void) -> bool:
    """Take a trade into everything that counts trades; return False where it enters no bar and changes nothing."""
    price, quantity, side = int(event["price"]), event["quantity"], int(event["side"])
    if price <= 0 or quantity <= 0 or not enters_bars(event["trade_type"]):
        return False
    take_trade(ints, price, quantity, side)
    extend_bar(ints, price, quantity, side, int(event["instrument"]), int(event["flags"]))
    take_print(ints, price, side)
    take_parties(ints, int(event["buyer"]), int(event["seller"]), quantity)
    if side != 0:
        take_best(ints, price, quantity, side)
        take_profile(ints, price, quantity)
        take_footprint(ints, price, quantity, side)
    return True


@kernel
def _close_forming(state: FeatureState, now_ns: int) -> int:
    """Close the forming bar at a boundary of the clock; nothing to close before the session's first price."""
    ints = state.ints
    # What traded before the open (the opening print) belongs to the first bar.
    if ints[BAR_NS] == 0 or ints[LAST_PRICE] == 0 or now_ns <= ints[SESSION_OPEN_NS]:
        return 0
    if ints[FORMING + TRADES] == 0:
        for field in (OPEN, HIGH, LOW, CLOSE):
            ints[FORMING + field] = ints[LAST_BAR + CLOSE]
        ints[FORMING + INSTRUMENT] = ints[LAST_BAR + INSTRUMENT]
        ints[FORMING + FLAGS] |= _EMPTY
    ints[FORMING + TS_OPEN] = now_ns - ints[BAR_NS]
    ints[FORMING + TS_CLOSE] = now_ns
    return _complete_bar(state)


@kernel
def _close_full(state: FeatureState, now_ns: int) -> int:
    """Close the forming bar where it holds the trades or contracts of the schema; a trade is never split."""
    ints = state.ints
    if ints[BAR_NS] > 0:
        return 0
    if ints[FORMING + TRADES] == 1:
        ints[FORMING + TS_OPEN] = now_ns
    ints[FORMING + TS_CLOSE] = now_ns
    if ints[FORMING + TRADES] < ints[BAR_TRADES] or ints[FORMING + VOLUME] < ints[BAR_CONTRACTS]:
        return 0
    return _complete_bar(state)


@kernel
def _complete_bar(state: FeatureState) -> int:
    """Make the forming bar the last one."""
    ints = state.ints
    if ints[FORMING + TRADES] > 0 and ints[FORMING + BUY_TRADES] + ints[FORMING + SELL_TRADES] == 0:
        ints[FORMING + FLAGS] |= _NO_AGGRESSOR
    for field in range(BAR_WIDTH):
        ints[LAST_BAR + field] = ints[FORMING + field]
        ints[FORMING + field] = 0
    return _close_bar(state)


@kernel
def _mark_gap(ints: np.ndarray, event: np.void) -> None:
    """Forget what a gap makes unknown: the book, windows of time, the trades of a bar that only trades would close."""
    ints[LOST_NS] = ints[NEXT_SECOND_NS]  # the second in which the feed was back is lost in part
    if ints[BAR_NS] == 0:
        ints[FORMING : FORMING + BAR_WIDTH] = 0
        forget_footprint(ints)
    ints[FORMING + FLAGS] |= _AFTER_GAP
    forget_book(ints, event)


@kernel
def _close_bar(state: FeatureState) -> int:
    """Move everything that bars tell by the last bar."""
    ints, scratch = state.ints, state.scratch
    move_bar_features(state.floats, ints, scratch)
    if ints[EVENT_FEED] == 1:  # bars alone tell no volume by price
        update_profile(ints, scratch)
        update_footprint(ints, scratch)
    count_depth(ints)
    mask_bars(ints, scratch)
    return 1


@kernel
def move_bar_features(floats: np.ndarray, ints: np.ndarray, scratch: np.ndarray) -> None:
    """Move every feature that a feed of bars has by the last bar; on one state or on several, each in a lane."""
    store_bar(floats, ints)
    update_averages(floats, ints)
    update_regime(floats, ints, scratch)
    update_volatility(floats, ints, scratch)
    update_returns(floats, ints, scratch)
    update_volume(floats, ints, scratch)
    update_means(floats, ints, scratch)
    update_trend(floats, ints, scratch)
    update_moves(floats, ints, scratch)
    update_sided_volatility(floats, ints, scratch)
    update_activity(floats, ints, scratch)
    update_pressure(floats, ints, scratch)
    update_gaps(floats, ints, scratch)
    update_indicators(floats, ints, scratch)
    update_oscillators(floats, ints, scratch)
    update_interactions(scratch)


class SessionFeatures(NamedTuple):
    """What a session's decision points saw; n closed bars, c columns.

    Attributes
    ----------
    rows : ndarray of float32, shape (n, c)
        Schema order; NaN where not defined.
    ts_ns : ndarray of int64
        Time of each decision point: the close of its bar.
    regime : ndarray of uint8
        `market.types.Regime`.
    close : ndarray of int32
        Ticks.
    atr : ndarray of float64
        Ticks; NaN before warm-up.
    bars : ndarray of BAR
        The closed bars.
    sigma : ndarray of float64
        `return_deviation`; NaN before warm-up.
    """

    rows: np.ndarray
    ts_ns: np.ndarray
    regime: np.ndarray
    close: np.ndarray
    atr: np.ndarray
    bars: np.ndarray
    sigma: np.ndarray


def compute_session(schema: FeatureSchema, feed: Feed, day: date) -> SessionFeatures:
    """Compute a session's features: a fresh state, the preload sessions, then the session itself.

    Raises
    ------
    ConfigError
        If the feed's bars are not those of the schema.
    LakeError
        If a partition of the session or its preload is missing or damaged.
    """
    require_bars_of(schema, feed)
    state = new_state(schema)
    for earlier in feed.preload(day, schema.preload_sessions):
        replay(state, feed, earlier)
    return replay(state, feed, day)


def require_bars_of(schema: FeatureSchema, feed: Feed) -> None:
    """Raise ConfigError unless the feed's bars are those of the schema."""
    if feed.bar_ns != schema.bar_ns:
        raise ConfigError(
            f"feed of {feed.contract}: expected bars of {schema.bar_ns} ns as in the schema, found {feed.bar_ns} ns; "
            "build the feed with the schema's bar_ns"
        )


def replay(state: FeatureState, feed: Feed, day: date) -> SessionFeatures:
    """Run one session through a state and return what its decision points saw."""
    begin_session(state, feed.session(day)[0])
    records = feed.load(day)
    if feed.kind == "bars":
        seen = _empty(records.size, state.columns.size)
        count = replay_bars(state, records, seen)
    else:
        seen = _empty(_most_decisions(state, records), state.columns.size)
        count = replay_events(state, records, seen)
    return SessionFeatures(*(part[:count] for part in seen))


def _most_decisions(state: FeatureState, events: np.ndarray) -> int:
    """Return how many decision points a session's events can have at most."""
    trades = events["kind"] == _TRADE
    if state.ints[DECIDES] == _EACH_CHANGE:
        return int(np.count_nonzero(np.isin(events["kind"], _BOOK_KINDS)))
    if state.ints[DECIDES] == _EACH_TRADE:
        return int(np.count_nonzero(trades))
    if state.ints[BAR_TRADES] > 0:
        return int(np.count_nonzero(trades) // state.ints[BAR_TRADES])
    if state.ints[BAR_CONTRACTS] > 0:
        return int(events["quantity"][trades].sum() // state.ints[BAR_CONTRACTS])
    return int(np.count_nonzero(events["kind"] == _CLOCK))


@kernel
def replay_events(state: FeatureState, events: np.ndarray, seen: SessionFeatures) -> int:
    """Take EVENT records, write a line of `seen` at each decision point, return the count of lines."""
    count = 0
    for i in range(events.size):
        if update_event(state, events[i]) == 1:
            _observe(state, seen, count)
            count += 1
    return count


@kernel
def replay_bars(state: FeatureState, bars: np.ndarray, seen: SessionFeatures) -> int:
    """Take BAR records, write a line of `seen` for each, return the count of lines."""
    for i in range(bars.size):
        update_bar(state, bars[i])
        _observe(state, seen, i)
    return int(bars.size)


@kernel
def _observe(state: FeatureState, seen: SessionFeatures, at: int) -> None:
    """Write one decision point."""
    snapshot(state, seen.rows[at])
    seen.ts_ns[at] = state.ints[NOW_NS]
    seen.regime[at] = regime(state)
    seen.close[at] = last_close(state)
    seen.atr[at] = atr_ticks(state)
    copy_last_bar(state, seen.bars, at)
    seen.sigma[at] = return_deviation(state.floats, state.ints)


def _empty(count: int, columns: int) -> SessionFeatures:
    """Return room for `count` decision points."""
    return SessionFeatures(
        np.empty((count, columns), dtype=np.float32), np.empty(count, dtype=np.int64), np.empty(count, dtype=np.uint8),
        np.empty(count, dtype=np.int32), np.empty(count), np.zeros(count, dtype=BAR), np.empty(count),
    )  # fmt: skip
