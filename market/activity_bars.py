"""Bars closed by activity: so many trades, so much volume, or an imbalance of aggressors.

A rule is one BAR_RULE record, told when a bar closes and, for imbalances, what it has learned to expect. Trades enter
as they enter bars of the clock (`market.bars`). What all rules share:

- A trade is never split: what it brings beyond the rule's level stays in the bar it closes.
- A bar lies between its first and its last trade, in sequence order; trades at the same time may fall into two bars.
- No bar spans two sessions, or a gap: the unfinished bar is closed as PARTIAL, and the bar after a gap is AFTER_GAP.
- EDIT events change nothing: a bar shows its trades as they were printed.

Imbalance bars follow López de Prado, *Advances in Financial Machine Learning* (2018), §2.3.2.1 and §2.3.2.2, with the
aggressor that the exchange sends (or the importer inferred) in the place of the tick rule. Let b be +1 for a buy
and -1 for a sell, and v the quantity (1 where trades are counted). A bar closes at the trade where

    |Σ b·v| ≥ max(E[T]·|E[b·v]|, √(T₀·E[v²]))   or   T = 4·T₀

T counts trades with an aggressor; the others add to the bar, not to its imbalance. E[T] is the exponential average of T
over earlier bars, E[b·v] and E[v²] of single trades, all as they stood when the bar began; they start at T₀, 0 and the
expected quantity squared. The first term is the book's. Alone it is unstable: E[b·v] near 0 closes a bar at every
trade, and E[T] falls to 1 with it; a long one-sided flow raises it to where no balanced flow comes again. So the second
term holds it up: the deviation of a balanced flow of T₀ trades, which such a flow reaches after about T₀ trades. The
limit to T holds E[T] down, and ends a bar that a fallen imbalance leaves open. PARTIAL bars do not count in E[T].
"""

import math
from enum import IntEnum

import numpy as np

from market.bars import add_trade, enters_bars, mark_aggressor
from market.errors import UsageError
from market.kernel import kernel
from market.types import BAR, Flag, Kind

BAR_RULE = np.dtype(
    [
        ("measure", "<i8"),  # Measure
        ("level", "<f8"),  # what the forming bar must reach
        ("longest", "<i8"),  # trades with an aggressor at which an imbalance bar closes in any case
        ("first_trades", "<f8"),  # T₀
        ("trades", "<f8"),  # E[T]
        ("signed", "<f8"),  # E[b·v]
        ("square", "<f8"),  # E[v²]
        ("bar_weight", "<f8"),  # of the latest bar in E[T]
        ("trade_weight", "<f8"),  # of the latest trade in E[b·v] and E[v²]
        ("pending", "<i8"),  # Flag of the bar that begins next
    ]
)
LONGEST = 4  # in T₀; a balanced flow comes this far in one bar of a hundred


class Measure(IntEnum):
    """What closes a bar."""

    TRADES = 1
    VOLUME = 2
    TRADE_IMBALANCE = 3
    VOLUME_IMBALANCE = 4


_TRADES, _VOLUME = int(Measure.TRADES), int(Measure.VOLUME)
_VOLUME_IMBALANCE = int(Measure.VOLUME_IMBALANCE)
_TRADE, _GAP = int(Kind.TRADE), int(Kind.GAP)
_AFTER_GAP, _PARTIAL = int(Flag.AFTER_GAP), int(Flag.PARTIAL)


def trade_rule(trades: int) -> np.ndarray:
    """Return the rule of tick bars, as the field calls them: a bar closes with its `trades`-th trade."""
    return _new_rule(Measure.TRADES, level=_positive("trades", trades))


def volume_rule(quantity: int) -> np.ndarray:
    """Return the rule of volume bars: a bar closes once it holds `quantity` lot steps or more."""
    return _new_rule(Measure.VOLUME, level=_positive("quantity", quantity))


def trade_imbalance_rule(expected_trades: int, memory_bars: int = 20) -> np.ndarray:
    """Return the rule of tick-imbalance bars: a bar closes where buys and sells differ more than expected.

    Parameters
    ----------
    expected_trades : int
        T₀, trades with an aggressor in a bar of balanced flow.
    memory_bars : int
        Span n of the averages, whose latest value weighs 2 / (n + 1): so many bars, and the trades of as many bars.
    """
    return _imbalance_rule(Measure.TRADE_IMBALANCE, expected_trades, 1, memory_bars)


def volume_imbalance_rule(expected_trades: int, expected_quantity: int, memory_bars: int = 20) -> np.ndarray:
    """Return the rule of volume-imbalance bars: a bar closes where bought and sold lots differ more than expected.

    Parameters
    ----------
    expected_trades, memory_bars : int
        As in `trade_imbalance_rule`.
    expected_quantity : int
        Lot steps of a trade (root mean square) that are expected before there are any.
    """
    return _imbalance_rule(Measure.VOLUME_IMBALANCE, expected_trades, expected_quantity, memory_bars)


def bars_by_rule(events: np.ndarray, rule: np.ndarray) -> np.ndarray:
    """Return the BAR records of one session.

    Parameters
    ----------
    events : ndarray
        EVENT of one session, ordered by sequence. All of its trades are used, those outside its hours as well.
    rule : ndarray
        BAR_RULE, length 1, changed in place: a fresh one makes the session independent of others, that of the session
        before carries its expectations on.
    """
    out = np.zeros(np.count_nonzero(events["kind"] == Kind.TRADE) + 1, dtype=BAR)
    return out[: fill_bars_by_rule(events, rule[0], out)].copy()


@kernel
def fill_bars_by_rule(events: np.ndarray, rule: np.void, out: np.ndarray) -> int:
    """Fill `out`, zeroed and of more records than there are trades; return how many bars there are."""
    count = 0
    for i in range(events.size):
        if take_event(rule, out[count], events[i]):
            count += 1
    if end_bar(rule, out[count]):
        count += 1
    return count


@kernel
def take_event(rule: np.void, bar: np.void, event: np.void) -> bool:
    """Take one event into the forming bar, zeroed before its first; return whether it closed the bar."""
    if event["kind"] == _GAP:
        rule["pending"] = _AFTER_GAP
        return end_bar(rule, bar)
    if event["kind"] != _TRADE or not enters_bars(event["trade_type"]):
        return False
    if bar["trades"] == 0:
        bar["ts_open_ns"] = event["ts_event_ns"]
        bar["flags"] |= np.uint32(rule["pending"])
        rule["pending"] = 0
    bar["ts_close_ns"] = event["ts_event_ns"]
    add_trade(bar, event)
    if not _reaches_level(rule, bar, event):
        return False
    mark_aggressor(bar)
    return True


@kernel
def end_bar(rule: np.void, bar: np.void) -> bool:
    """Close an unfinished bar, at the end of a session, as PARTIAL; return False where it has no trades."""
    if bar["trades"] == 0:
        return False
    bar["flags"] |= np.uint32(_PARTIAL)
    mark_aggressor(bar)
    _expect_next(rule)
    return True


@kernel
def _reaches_level(rule: np.void, bar: np.void, event: np.void) -> bool:
    """Tell whether the trade just added closes its bar, and learn from it."""
    measure = rule["measure"]
    if measure == _TRADES:
        return bool(bar["trades"] >= rule["level"])
    if measure == _VOLUME:
        return bool(bar["volume"] >= rule["level"])
    if event["side"] == 0:
        return False
    size, imbalance = 1, np.int64(bar["buy_trades"] - bar["sell_trades"])
    if measure == _VOLUME_IMBALANCE:
        size, imbalance = event["quantity"], bar["buy_volume"] - bar["sell_volume"]
    rule["signed"] += rule["trade_weight"] * (size * event["side"] - rule["signed"])
    rule["square"] += rule["trade_weight"] * (float(size) * size - rule["square"])
    trades = bar["buy_trades"] + bar["sell_trades"]
    if abs(imbalance) < rule["level"] and trades < rule["longest"]:
        return False
    rule["trades"] += rule["bar_weight"] * (trades - rule["trades"])
    _expect_next(rule)
    return True


@kernel
def _expect_next(rule: np.void) -> None:
    """Set the imbalance that the bar that begins now must reach; levels that are told stay."""
    if rule["measure"] > _VOLUME:
        balanced = math.sqrt(rule["first_trades"] * rule["square"])
        rule["level"] = max(rule["trades"] * abs(rule["signed"]), balanced)


def _imbalance_rule(measure: Measure, trades: int, quantity: int, memory_bars: int) -> np.ndarray:
    _positive("expected_trades", trades)
    _positive("expected_quantity", quantity)
    _positive("memory_bars", memory_bars)
    rule = _new_rule(
        measure,
        longest=LONGEST * trades,
        first_trades=trades,
        trades=trades,
        square=quantity**2,
        bar_weight=2 / (memory_bars + 1),
        trade_weight=2 / (memory_bars * trades + 1),
    )
    _expect_next(rule[0])
    return rule


def _new_rule(measure: Measure, **fields: float) -> np.ndarray:
    rule = np.zeros(1, dtype=BAR_RULE)
    rule["measure"] = measure
    for name, value in fields.items():
        rule[name] = value
    return rule


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise UsageError(f"rule of bars: expected {name} of at least 1, found {value}; give a positive whole number")
    return value
