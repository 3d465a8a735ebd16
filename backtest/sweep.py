"""One simple strategy over recorded bars with many stops and targets, for research (signals.md §13.3).

Decided at a bar's close, filled at the next bar's open; a stop fills at its level or at the open where that is worse, a
target at its level or at the open where that is better; a bar that holds both ends at the stop. The bar that ends a
position enters none. A session's last bar closes what is open at its close.
"""

import math
from dataclasses import dataclass
from enum import IntEnum
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
    fee_per_side : float
        R$ per contract and side.
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
    fee_per_side: float
    quantity: int = 1
    slippage_ticks: int = 1
    through_ticks: int = 1
    min_stop_ticks: int = 1
    capital: float = 100_000.0

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        for name, lowest in (("fee_per_side", 0), ("quantity", 1), ("slippage_ticks", 0), ("through_ticks", 0)):
            _require(getattr(self, name) >= lowest, name, f"at least {lowest}", getattr(self, name))
        _require(self.min_stop_ticks >= 1, "min_stop_ticks", "at least 1", self.min_stop_ticks)
        for name in ("tick_value", "capital"):
            _require(0 < getattr(self, name) < math.inf, name, "a positive number", getattr(self, name))


class _Rates(NamedTuple):
    """SweepTerms as the compiled loop reads them."""

    tick_reais: float  # of the whole position
    side_reais: float
    capital: float
    slippage: int
    through: int
    min_stop: int


class Path(NamedTuple):
    """Bars and what is decided at their closes, n bars; made by `prepare`.

    Attributes
    ----------
    open, high, low, close : ndarray of int32
        Ticks.
    next_price : ndarray of int32
        What an order meets that is decided at each close: the next open, or this close where the session ends.
    enters, leaves : ndarray of int64, shape (n + 1,)
        The first bar at or after each at whose close a position is entered, or left; n where there is none.
    ends : ndarray of bool
    side : ndarray of int8
    unit : ndarray of float64
        Ticks.
    """

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    next_price: np.ndarray
    enters: np.ndarray
    leaves: np.ndarray
    ends: np.ndarray
    side: np.ndarray
    unit: np.ndarray


def prepare(bars: np.ndarray, side: np.ndarray, leave: np.ndarray, ends: np.ndarray, unit: np.ndarray) -> Path:
    """Return the path that every run of a sweep takes; a signal while a position is open is passed over.

    Parameters
    ----------
    bars : ndarray of BAR [n]
        In time order, sessions one after the other.
    side : ndarray of int8 [n]
        What each close asks for: 1 buys, -1 sells, 0 nothing.
    leave : ndarray of bool [n]
        Whether an open position is left; such a close enters nothing.
    ends : ndarray of bool [n]
        Whether the bar is the last of its session.
    unit : ndarray of float64 [n]
        Ticks that stops and targets are multiples of, as ATR14; nothing is entered where it is not finite.

    Raises
    ------
    UsageError
        If there is no bar or the arrays differ in length.
    """
    count = bars.size
    lengths = {part.size for part in (side, leave, ends, unit)}
    if count == 0 or lengths != {count}:
        raise UsageError(f"sweep: expected one signal for each of {count} bars, found {sorted(lengths)}; align them")
    last = ends.astype(np.bool_)
    last[-1] = True
    stays = ~(leave.astype(np.bool_) | last)
    opened, high, low, close = (bars[name].astype(np.int32) for name in ("open", "high", "low", "close"))
    return Path(
        opened, high, low, close,
        np.where(last, close, np.append(opened[1:], close[-1:])),
        _next_of((side != 0) & stays & np.isfinite(unit)), _next_of(~stays),
        last, side.astype(np.int8), unit.astype(np.float64),
    )  # fmt: skip


def sweep(path: Path, stops: np.ndarray, targets: np.ndarray, terms: SweepTerms) -> np.ndarray:
    """Run every pair of stop and target over the whole path.

    Parameters
    ----------
    path : Path
    stops, targets : ndarray of float64 [p]
        Multiples of the path's unit; their ticks are rounded as `trading.strategy` rounds them, halves up.
    terms : SweepTerms

    Returns
    -------
    ndarray of SWEEP [p]
        In the order given.
    """
    result = np.zeros(stops.size, dtype=SWEEP)
    result["stop"], result["target"] = _multiples(stops), _multiples(targets)
    _run_all(path, _rates(terms), result)
    return result


def trades(path: Path, stop: float, target: float, terms: SweepTerms) -> np.ndarray:
    """Return the positions of one run, TRADE, in time order."""
    room = np.zeros(np.unique(path.enters).size, dtype=TRADE)
    stop, target = (float(_multiples(np.array([one]))[0]) for one in (stop, target))
    return room[: _list_trades(path, _rates(terms), stop, target, room)]


def equity(path: Path, made: np.ndarray, terms: SweepTerms) -> np.ndarray:
    """Return R$ earned so far at each bar's close, open positions marked, float64 [n].

    Parameters
    ----------
    path : Path
    made : ndarray of TRADE
        As `trades` returns them.
    terms : SweepTerms
    """
    rates, count = _rates(terms), path.side.size
    booked, sides, held, cost = (np.zeros(count, dtype=np.int64) for _ in range(4))
    side = made["side"].astype(np.int64)
    np.add.at(booked, made["closed"], side * (made["closed_at"] - made["opened_at"]))
    for bar, change in ((made["opened"], side), (made["closed"], -side)):
        np.add.at(sides, bar, 1)
        np.add.at(held, bar, change)
        np.add.at(cost, bar, change * made["opened_at"])
    ticks = np.cumsum(booked) + np.cumsum(held) * path.close - np.cumsum(cost)
    return np.asarray(ticks * rates.tick_reais - np.cumsum(sides) * rates.side_reais)


def _require(holds: bool, key: str, expected: str, found: object) -> None:
    if not holds:
        raise ConfigError(f"{key}: expected {expected}, found {found}; correct this setting")


def _multiples(given: np.ndarray) -> np.ndarray:
    """Return multiples that a distance in ticks can be made of."""
    found = np.asarray(given, dtype=np.float64)
    if not bool((np.isfinite(found) & (found > 0)).all()):
        raise UsageError(f"sweep: expected stops and targets above 0, found {found.tolist()}; name positive multiples")
    return found


def _next_of(marked: np.ndarray) -> np.ndarray:
    """Return, for each place and the one after the last, the first marked place at or after it."""
    count = marked.size
    places = np.where(marked, np.arange(count), count)
    return np.append(np.minimum.accumulate(places[::-1])[::-1], count)


def _rates(terms: SweepTerms) -> _Rates:
    return _Rates(
        terms.tick_value * terms.quantity, terms.fee_per_side * terms.quantity, terms.capital,
        terms.slippage_ticks, terms.through_ticks, terms.min_stop_ticks,
    )  # fmt: skip


@kernel
def _run_all(path: Path, rates: _Rates, result: np.ndarray) -> None:
    for i in range(result.size):
        _run(path, rates, result[i])


@kernel
def _run(path: Path, rates: _Rates, run: np.void) -> None:
    """Fill a SWEEP record whose stop and target are set."""
    count, bar = path.side.size, path.enters[0]
    won_ticks, round_trips = 0, 0
    # Within one peak only the deepest point matters: a fraction is taken when the peak moves, not at each bar.
    peak, low, worst = 0.0, 0.0, 0.0
    while bar < count:
        side, opened_at = int(path.side[bar]), _entry_price(path, rates, bar)
        closed, closed_at, ending = _end(path, rates, bar, run["stop"], run["target"])
        booked = won_ticks * rates.tick_reais - (2 * round_trips + 1) * rates.side_reais
        for i in range(bar + 1, closed):
            mark = booked + side * (path.close[i] - opened_at) * rates.tick_reais
            if mark > peak:
                worst = max(worst, (peak - low) / (rates.capital + peak))
                peak = low = mark
            low = min(low, mark)
        earned = side * (closed_at - opened_at)
        won_ticks += earned
        round_trips += 1
        net = won_ticks * rates.tick_reais - 2 * round_trips * rates.side_reais
        if net > peak:
            worst = max(worst, (peak - low) / (rates.capital + peak))
            peak = low = net
        low = min(low, net)
        run["stopped"] += ending == _STOP
        run["reached"] += ending == _TARGET
        run["won"] += earned * rates.tick_reais > 2 * rates.side_reais
        bar = path.enters[_after(path, closed, ending)]
    run["round_trips"], run["fees"] = round_trips, 2 * round_trips * rates.side_reais
    run["net"] = won_ticks * rates.tick_reais - 2 * round_trips * rates.side_reais
    run["max_drawdown"] = max(worst, (peak - low) / (rates.capital + peak))


@kernel
def _list_trades(path: Path, rates: _Rates, stop: float, target: float, room: np.ndarray) -> int:
    """Write the positions of one run into `room`; return how many."""
    made, bar = 0, path.enters[0]
    while bar < path.side.size:
        closed, closed_at, ending = _end(path, rates, bar, stop, target)
        trade = room[made]
        trade["opened"], trade["closed"] = bar + 1, closed
        trade["opened_at"], trade["closed_at"] = _entry_price(path, rates, bar), closed_at
        trade["side"], trade["ending"] = path.side[bar], ending
        made += 1
        bar = path.enters[_after(path, closed, ending)]
    return made


@kernel
def _entry_price(path: Path, rates: _Rates, bar: int) -> int:
    return int(path.next_price[bar]) + int(path.side[bar]) * rates.slippage


@kernel
def _after(path: Path, closed: int, ending: int) -> int:
    """Return the first bar at whose close the run decides again: not the one that ended the position."""
    return closed if ending == _LEFT and not path.ends[closed] else closed + 1


@kernel
def _end(path: Path, rates: _Rates, bar: int, stop: float, target: float) -> tuple[int, int, int]:
    """Return the bar, the price and the ending of the position decided at the close of `bar`."""
    side, opened_at, unit = int(path.side[bar]), _entry_price(path, rates, bar), path.unit[bar]
    stop_at = opened_at - side * max(math.floor(stop * unit + 0.5), rates.min_stop)
    target_at = opened_at + side * max(math.floor(target * unit + 0.5), 1)
    filled_at, leaves = target_at + side * rates.through, path.leaves[bar + 1]
    if side > 0:
        for i in range(bar + 1, leaves + 1):
            if path.low[i] <= stop_at:
                return i, min(stop_at, int(path.open[i])), _STOP
            if path.high[i] >= filled_at:
                return i, max(target_at, int(path.open[i])), _TARGET
    else:
        for i in range(bar + 1, leaves + 1):
            if path.high[i] >= stop_at:
                return i, max(stop_at, int(path.open[i])), _STOP
            if path.low[i] <= filled_at:
                return i, min(target_at, int(path.open[i])), _TARGET
    closed = leaves if path.ends[leaves] else leaves + 1
    return closed, int(path.next_price[leaves]) - side * rates.slippage, _LEFT
