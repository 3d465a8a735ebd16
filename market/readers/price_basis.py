"""Whether prices are those traded, or restated by the vendor at each roll: told session by session."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from market.errors import FileRefused
from market.instruments import FUTURES, Instrument
from market.readers.source import Source

if TYPE_CHECKING:
    from market.readers.bar_table import BarTable

RAW, ADJUSTED, RECOVERED = "raw", "back_adjusted", "recovered"
# MT5 restates the past of these series at each roll, also where the prices stay on the grid (b3.md §1.4).
ADJUSTED_ENDINGS = ("$", "$D", "@", "@D")
# Of traded prices the average lies between low and high. Real files break this in fewer than one bar in a thousand,
# a series restated by a thousandth in every fourth bar or more.
MOST_OUTSIDE = 0.05
ON_GRID = 1e-4  # ticks
# Turnover / (volume x point value x price) is 1 but for what back-adjustment did to the price. It raises the past by
# what the next contract costs more at each roll, some 1 % a month (0.956 to 1.024 in two years of WDOFUT, 0.78 for WIN$
# after a year and a half), and leaves the sessions since the last roll at 1. So the session nearest to 1 lies near it,
# and no row farther off than twenty years at 15 % a year. Another future's point value is a factor of 5 away at least.
NEAREST_SESSION, ANY_ROW = (0.5, 1.25), (0.05, 2.0)
CENTS = (70.0, 125.0)  # of an owner who dropped the decimals; 50 is a turnover in WDO read as one in WIN


@dataclass(frozen=True)
class PriceBasis:
    """Prices of bars and what they are.

    Parameters
    ----------
    prices : ndarray
        Open, high, low and close, points, f8[4, n].
    turnover : ndarray
        Currency, f8[n]; NaN where unknown.
    average : ndarray
        Turnover / (volume x point value), the average price traded, f8[n]; NaN where unknown.
    names : ndarray
        RAW, ADJUSTED or RECOVERED, the same for all rows of a session, str[n].
    """

    prices: np.ndarray
    turnover: np.ndarray
    average: np.ndarray
    names: np.ndarray

    @property
    def is_adjusted(self) -> np.ndarray:
        """Mask of the rows whose prices were restated, shape (n,)."""
        mask: np.ndarray = self.names == ADJUSTED
        return mask

    def at(self, rows: np.ndarray) -> "PriceBasis":
        """Return some rows (mask)."""
        return PriceBasis(self.prices[:, rows], self.turnover[rows], self.average[rows], self.names[rows])

    def in_ticks(self, instrument: Instrument) -> np.ndarray:
        """Return the turnover, ticks x lot steps, i8[n]; 0 where unknown, or beside prices of another level."""
        known = np.isfinite(self.turnover) & ~self.is_adjusted
        steps: np.ndarray = np.rint(np.where(known, self.turnover, 0.0) / instrument.tick_value).astype(np.int64)
        return steps


def price_basis(table: "BarTable", days: np.ndarray, instrument: Instrument, contract: str) -> PriceBasis:
    """Return what the prices of each session are.

    Parameters
    ----------
    table : BarTable
        Rows that passed the screen.
    days : ndarray
        Their session, in order, i8[n].
    """
    turnover = _in_currency(table, days, instrument)
    average = turnover / np.where(table.volume > 0, table.volume * instrument.point_value, np.nan)
    unique, at_day = np.unique(days, return_inverse=True)
    if contract.endswith(ADJUSTED_ENDINGS):
        restated = np.ones(unique.size, dtype=bool)
    else:
        off = off_grid(table.prices, instrument)
        restated = (np.bincount(at_day, off) > 0) | _outside_share(table, average, at_day, instrument)
    return PriceBasis(table.prices, turnover, average, np.where(restated, ADJUSTED, RAW)[at_day])


def off_grid(prices: np.ndarray, instrument: Instrument) -> np.ndarray:
    """Return a mask of the bars with a price that is no whole number of ticks, bool[n] of f8[4, n]."""
    ticks = prices / instrument.tick_size
    return np.asarray((np.abs(ticks - np.rint(ticks)) > ON_GRID).any(axis=0))


def refuse_other_turnover(source: Source, basis: PriceBasis, days: np.ndarray, contract: str, own: Instrument) -> None:
    """Raise FileRefused where no session's turnover is that of its prices: it is another instrument's.

    Parameters
    ----------
    basis : PriceBasis
        Of rows that passed the screen.
    days : ndarray
        Their session, in order, i8[n].
    contract : str
        Whose they are to be.
    own : Instrument
        That of the contract.
    """
    ratio = basis.average / basis.prices[3]
    nearest = _nearest_session(ratio, days, 1.0)
    if not np.isfinite(nearest) or _within(nearest, NEAREST_SESSION):
        return
    fits = [one.root for one in FUTURES.values() if _within(nearest * own.point_value / one.point_value, (0.9, 1.1))]
    raise FileRefused(
        source.path,
        f"a turnover near price x quantity x {own.point_value:g} {own.currency}, the point value of {contract}",
        f"{nearest:.4g} times that in the session nearest to it{', as of ' + ' or '.join(fits) if fits else ''}",
        "name the instrument it is of, or export it again",
    )


def far_turnover(basis: PriceBasis, own: Instrument) -> np.ndarray:
    """Return a mask of the rows whose turnover no back-adjustment explains, bool[n]; none of shares, which split."""
    ratio = basis.average / basis.prices[3]
    beyond = (ratio < ANY_ROW[0]) | (ratio > ANY_ROW[1])
    return np.asarray(beyond & (own.root in FUTURES))


def _in_currency(table: "BarTable", days: np.ndarray, instrument: Instrument) -> np.ndarray:
    priced = np.isfinite(table.turnover) & (table.turnover > 0) & (table.volume > 0)
    turnover = np.where(priced, table.turnover, np.nan)
    ratio = turnover / (np.where(priced, table.volume, np.nan) * instrument.point_value * table.close)
    if _within(_nearest_session(ratio, days, 100.0), CENTS) and not _within(
        _nearest_session(ratio, days, 1.0), NEAREST_SESSION
    ):
        turnover /= 100.0
    return turnover


def _nearest_session(ratio: np.ndarray, days: np.ndarray, level: float) -> float:
    """Return the median ratio of the session in which it is nearest to a level; NaN where none is known."""
    known = np.isfinite(ratio)
    starts = np.flatnonzero(np.diff(days[known])) + 1
    medians = np.array([np.median(part) for part in np.split(ratio[known], starts) if part.size])
    return float(medians[np.argmin(np.abs(np.log(medians / level)))]) if medians.size else np.nan


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _outside_share(table: "BarTable", average: np.ndarray, at_day: np.ndarray, instrument: Instrument) -> np.ndarray:
    """Return by session whether the average price lies outside low and high too often, bool[sessions]."""
    margin = 0.02 * instrument.tick_size
    outside = (average < table.low - margin) | (average > table.high + margin)
    mask: np.ndarray = np.bincount(at_day, outside) > MOST_OUTSIDE * np.bincount(at_day, np.isfinite(average))
    return mask
