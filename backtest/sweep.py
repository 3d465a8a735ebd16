"""One simple strategy over recorded bars with many stops and targets, for research (signals.md §13.3).

Decided at a bar's close, filled at the next bar's open; a stop fills at its level or at the open where that is worse, a
target at its level or at the open where that is better; a bar that holds both ends at the stop. The bar that ends a
position enters none. A session's last bar closes what is open at its close.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import NamedTuple

import numpy as np

from market.errors import ConfigError, UsageError
from market.kernel import kernel


class Ending(IntEnum):
    """What ended a position."""

    STOP = 1
    TARGET = 2
    LEFT = 3  # asked for by the rule, or the session's end


_STOP, _TARGET, _LEFT = (int(ending) for ending in Ending)

# One position of one run.
TRADE = np.dtype(
    [
        ("opened", "<i8"),  # bar of the first fill
        ("closed", "<i8"),  # bar of the last one
        ("opened_at", "<i8"),  # ticks
        ("closed_at", "<i8"),  # ticks
        ("side", "i1"),
        ("ending", "u1"),
    ]
)

# One pair of the grid.
SWEEP = np.dtype(
    [
        ("stop", "<f8"),  # multiples of the unit
        ("target", "<f8"),
        ("net", "<f8"),  # R$ after fees
        ("fees", "<f8"),  # R$
        ("max_drawdown", "<f8"),  # at bar closes, fraction of capital plus peak profit
        ("round_trips", "<i8"),
        ("stopped", "<i8"),
        ("reached", "<i8"),  # targets
        ("won", "<i8"),  # round trips that earned after fees
    ]
)


@dataclass(frozen=True)
class SweepTerms:
    """What every run of a sweep pays and how it fills.

    Parameters
    ----------
    tick_value : float
        R$ per tick and contract.
    fee_per_side : float or ndarray of float64 [n]
        R$ per contract and side; of each bar's session where they differ.
    quantity : int
        Contracts of every position.
    slippage_ticks : int
        How much worse than the open a market order fills.
    through_ticks : int
        How far the market must trade beyond a target to fill it; 0 fills at a touch.
    min_stop_ticks : int
        The stop is never nearer than this.
    capital : float
        R$ that drawdowns are a fraction of, before profits.
    """

    tick_value: float
    fee_per_side: float | np.ndarray
    quantity: int = 1
    slippage_ticks: int = 1
    through_ticks: int = 1
    min_stop_ticks: int = 1
    capital: float = 100_000.0

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        for name, lowest in (("fee_per_side", 0), ("quantity", 1), ("slippage_ticks", 0), ("through_ticks", 0)):
            _require(bool(np.all(getattr(self, name) >= lowest)), name, f"at least {lowest}", getattr(self, name))
        _require(self.min_stop_ticks >= 1, "min_stop_ticks", "at least 1", self.min_stop_ticks)
        for name in ("tick_value", "capital"):
            _require(0 < getattr(self, name) < math.inf, name, "a positive number", getattr(self, name))


class _Rates(NamedTuple):
    """SweepTerms as the compiled loop reads them."""

    tick_reais: float  # of the whole position
    side_reais: np.ndarray  # of the whole position, at each bar
    capital: float
    slippage: int
    through: int
    min_stop: int


class Signals(NamedTuple):
    """What a rule asks for at the close of each of n bars; a signal while a position is open is passed over.

    Attributes
    ----------
    bars : ndarray of BAR
        In time order, sessions one after the other.
    side : ndarray of int8
        1 buys, -1 sells, 0 asks for nothing.
    leave : ndarray of bool
        Whether an open position is left; such a close enters nothing.
    ends : ndarray of bool
        Whether the bar is the last of its session.
    unit : ndarray of float64
        Ticks that stops and targets are multiples of, as ATR14; nothing is entered where it is not finite.
    """

    bars: np.ndarray
    side: np.ndarray
    leave: np.ndarray
    ends: np.ndarray
    unit: np.ndarray


# An entry that may be taken, with all that happens to it where neither stop nor target fills: in one place, because
# most positions of most pairs then need no look at their bars.
ENTRY = np.dtype(
    [
        ("bar", "<i8"),  # that decides
        ("leaves", "<i8"),  # the bar that decides the end
        ("closed", "<i8"),  # the bar of the last fill
        ("after", "<i8"),  # place of the next entry
        ("unit", "<f8"),
        ("price", "<i4"),  # what the first order meets
        ("last_price", "<i4"),  # what the last one meets
        ("lowest", "<i4"),  # of all bars with the position
        ("highest", "<i4"),
        ("lowest_close", "<i4"),
        ("highest_close", "<i4"),
        ("side", "<i8"),
    ]
)


class Path(NamedTuple):
    """What every run of a sweep goes along, n bars; made by `prepare`.

    Attributes
    ----------
    open, high, low, close : ndarray of int32
        Ticks.
    entries : ndarray of ENTRY
        In time order.
    following : ndarray of int64, shape (n + 1,)
        Place of the first entry decided at each bar or later.
    """

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    entries: np.ndarray
    following: np.ndarray


def prepare(signals: Signals) -> Path:
    """Return the path of a rule over its bars.

    Raises
    ------
    UsageError
        If there is no bar or the arrays differ in length.
    """
    bars, count = signals.bars, signals.bars.size
    lengths = {part.size for part in signals[1:]}
    if count == 0 or lengths != {count}:
        raise UsageError(f"sweep: expected one signal for each of {count} bars, found {sorted(lengths)}; align them")
    last = signals.ends.astype(np.bool_)
    last[-1] = True
    stays = ~(signals.leave.astype(np.bool_) | last)
    opened, high, low, close = (bars[name].astype(np.int32) for name in ("open", "high", "low", "close"))
    next_price = np.where(last, close, np.append(opened[1:], close[-1:]))
    at = np.flatnonzero((signals.side != 0) & stays & np.isfinite(signals.unit))
    following = np.searchsorted(at, np.arange(count + 1))
    entries = np.zeros(at.size, dtype=ENTRY)
    leaving = np.flatnonzero(~stays)
    entries["bar"], entries["side"], entries["unit"] = at, signals.side[at], signals.unit[at]
    leaves = entries["leaves"] = leaving[np.searchsorted(leaving, at + 1)]
    entries["closed"] = np.where(last[leaves], leaves, leaves + 1)
    entries["after"] = following[leaves + 1]
    entries["price"], entries["last_price"] = next_price[at], next_price[leaves]
    for name, values in (("lowest", low), ("lowest_close", close)):
        entries[name] = _lowest_ahead(values, stays)[at + 1]
    for name, values in (("highest", high), ("highest_close", close)):
        entries[name] = -_lowest_ahead(-values, stays)[at + 1]
    return Path(opened, high, low, close, entries, following)


def sweep(path: Path, stops: np.ndarray, targets: np.ndarray, terms: SweepTerms, workers: int = 1) -> np.ndarray:
    """Run every pair of stop and target over the whole path.

    Parameters
    ----------
    path : Path
    stops, targets : ndarray of float64 [p]
        Multiples of the path's unit; their ticks are rounded as `trading.strategy` rounds them, halves up.
    terms : SweepTerms
    workers : int
        Threads; the result does not depend on them.

    Returns
    -------
    ndarray of SWEEP [p]
        In the order given.
    """
    result = np.zeros(stops.size, dtype=SWEEP)
    result["stop"], result["target"] = _multiples(stops), _multiples(targets)
    parts = np.array_split(result, min(max(workers, 1), max(result.size, 1)))
    with ThreadPoolExecutor(len(parts)) as pool:  # the compiled loop holds no GIL; a pair's result is its own
        list(pool.map(partial(_run_all, path, _rates(terms, path)), parts))
    return result


def trades(path: Path, stop: float, target: float, terms: SweepTerms) -> np.ndarray:
    """Return the positions of one run, TRADE, in time order."""
    room = np.zeros(path.entries.size, dtype=TRADE)
    stop, target = (float(_multiples(np.array([one]))[0]) for one in (stop, target))
    return room[: _list_trades(path, _rates(terms, path), stop, target, room)]


def equity(path: Path, made: np.ndarray, terms: SweepTerms) -> np.ndarray:
    """Return R$ earned so far at each bar's close, open positions marked, float64 [n].

    Parameters
    ----------
    path : Path
    made : ndarray of TRADE
        As `trades` returns them.
    terms : SweepTerms
    """
    rates, count = _rates(terms, path), path.close.size
    booked, sides, held, cost = (np.zeros(count, dtype=np.int64) for _ in range(4))
    side = made["side"].astype(np.int64)
    np.add.at(booked, made["closed"], side * (made["closed_at"] - made["opened_at"]))
    for bar, change in ((made["opened"], side), (made["closed"], -side)):
        np.add.at(sides, bar, 1)
        np.add.at(held, bar, change)
        np.add.at(cost, bar, change * made["opened_at"])
    ticks = np.cumsum(booked) + np.cumsum(held) * path.close - np.cumsum(cost)
    return np.asarray(ticks * rates.tick_reais - np.cumsum(sides * rates.side_reais))


def _require(holds: bool, key: str, expected: str, found: object) -> None:
    if not holds:
        raise ConfigError(f"{key}: expected {expected}, found {found}; correct this setting")


def _multiples(given: np.ndarray) -> np.ndarray:
    """Return multiples that a distance in ticks can be made of."""
    found = np.asarray(given, dtype=np.float64)
    if not bool((np.isfinite(found) & (found > 0)).all()):
        raise UsageError(f"sweep: expected stops and targets above 0, found {found.tolist()}; name positive multiples")
    return found


def _rates(terms: SweepTerms, path: Path) -> _Rates:
    fees = np.full(path.close.size, np.asarray(terms.fee_per_side, dtype=np.float64) * terms.quantity)
    return _Rates(
        terms.tick_value * terms.quantity, fees, terms.capital,
        terms.slippage_ticks, terms.through_ticks, terms.min_stop_ticks,
    )  # fmt: skip


@kernel
def _run_all(path: Path, rates: _Rates, result: np.ndarray) -> None:
    for i in range(result.size):
        _run(path, rates, result[i])


@kernel
def _run(path: Path, rates: _Rates, run: np.void) -> None:
    """Fill a SWEEP record whose stop and target are set."""
    place, won_ticks, round_trips, paid = path.following[0], 0, 0, 0.0
    stopped, reached, won = 0, 0, 0
    # Within one peak only the deepest point matters: a fraction is taken when the peak moves, not at each bar.
    peak, low, worst = 0.0, 0.0, 0.0
    while place < path.entries.size:
        entry = path.entries[place]
        side, opened_at, fee = entry["side"], _entry_price(rates, entry), rates.side_reais[entry["bar"]]
        closed, closed_at, ending = _end(path, rates, entry, run["stop"], run["target"])
        booked = won_ticks * rates.tick_reais - paid - fee
        least, most = _marks(entry, opened_at)
        if booked + most * rates.tick_reais > peak or (ending != _LEFT and booked + least * rates.tick_reais < low):
            for i in range(entry["bar"] + 1, closed):
                mark = booked + side * (path.close[i] - opened_at) * rates.tick_reais
                if mark > peak:
                    worst = max(worst, (peak - low) / (rates.capital + peak))
                    peak = low = mark
                low = min(low, mark)
        elif ending == _LEFT:
            low = min(low, booked + least * rates.tick_reais)
        earned = side * (closed_at - opened_at)
        won_ticks += earned
        round_trips += 1
        paid += 2.0 * fee
        net = won_ticks * rates.tick_reais - paid
        if net > peak:
            worst = max(worst, (peak - low) / (rates.capital + peak))
            peak = low = net
        low = min(low, net)
        stopped += ending == _STOP
        reached += ending == _TARGET
        won += earned * rates.tick_reais > 2.0 * fee
        place = entry["after"] if ending == _LEFT else path.following[closed + 1]
    run["round_trips"], run["fees"] = round_trips, paid
    run["stopped"], run["reached"], run["won"] = stopped, reached, won
    run["net"] = won_ticks * rates.tick_reais - paid
    run["max_drawdown"] = max(worst, (peak - low) / (rates.capital + peak))


@kernel
def _list_trades(path: Path, rates: _Rates, stop: float, target: float, room: np.ndarray) -> int:
    """Write the positions of one run into `room`; return how many."""
    made, place = 0, path.following[0]
    while place < path.entries.size:
        entry, trade = path.entries[place], room[made]
        closed, closed_at, ending = _end(path, rates, entry, stop, target)
        trade["opened"], trade["closed"] = entry["bar"] + 1, closed
        trade["opened_at"], trade["closed_at"] = _entry_price(rates, entry), closed_at
        trade["side"], trade["ending"] = entry["side"], ending
        made += 1
        place = entry["after"] if ending == _LEFT else path.following[closed + 1]
    return made


@kernel
def _entry_price(rates: _Rates, entry: np.void) -> int:
    return int(entry["price"]) + int(entry["side"]) * rates.slippage


@kernel
def _marks(entry: np.void, opened_at: int) -> tuple[int, int]:
    """Return the least and the most ticks that the position can show at a close."""
    lowest, highest = int(entry["lowest_close"]) - opened_at, int(entry["highest_close"]) - opened_at
    return (lowest, highest) if entry["side"] > 0 else (-highest, -lowest)


def _lowest_ahead(values: np.ndarray, stays: np.ndarray) -> np.ndarray:
    """Return the lowest value from each bar to the first one that does not stay."""
    found = values.copy()
    _carry_back(found, stays)
    return found


@kernel
def _carry_back(found: np.ndarray, stays: np.ndarray) -> None:
    for i in range(found.size - 2, -1, -1):
        if stays[i]:
            found[i] = min(found[i], found[i + 1])


@kernel
def _end(path: Path, rates: _Rates, entry: np.void, stop: float, target: float) -> tuple[int, int, int]:
    """Return the bar, the price and the ending of a position."""
    side, opened_at, unit = entry["side"], _entry_price(rates, entry), entry["unit"]
    stop_at = opened_at - side * max(math.floor(stop * unit + 0.5), rates.min_stop)
    target_at = opened_at + side * max(math.floor(target * unit + 0.5), 1)
    filled_at, first, end = target_at + side * rates.through, entry["bar"] + 1, entry["leaves"] + 1
    if side > 0 and (entry["lowest"] <= stop_at or entry["highest"] >= filled_at):
        for i in range(first, end):
            if path.low[i] <= stop_at:
                return i, min(stop_at, int(path.open[i])), _STOP
            if path.high[i] >= filled_at:
                return i, max(target_at, int(path.open[i])), _TARGET
    elif side < 0 and (entry["highest"] >= stop_at or entry["lowest"] <= filled_at):
        for i in range(first, end):
            if path.high[i] >= stop_at:
                return i, max(stop_at, int(path.open[i])), _STOP
            if path.low[i] <= filled_at:
                return i, min(target_at, int(path.open[i])), _TARGET
    return entry["closed"], int(entry["last_price"]) - side * rates.slippage, _LEFT
