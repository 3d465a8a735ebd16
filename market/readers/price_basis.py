"""Whether prices are those traded, or restated by the vendor at each roll: told session by session."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from market.instruments import Instrument

if TYPE_CHECKING:
    from market.readers.bar_table import BarTable

RAW, ADJUSTED, RECOVERED = "raw", "back_adjusted", "recovered"
# MT5 restates the past of these series at each roll, also where the prices stay on the grid (b3.md §1.4).
ADJUSTED_ENDINGS = ("$", "$D", "@", "@D")
# Of traded prices the average lies between low and high. Real files break this in fewer than one bar in a thousand,
# a series restated by a thousandth in every fourth bar or more.
MOST_OUTSIDE = 0.05
ON_GRID = 1e-4  # ticks


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
    turnover = _in_currency(table, instrument)
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


def _in_currency(table: "BarTable", instrument: Instrument) -> np.ndarray:
    priced = np.isfinite(table.turnover) & (table.turnover > 0) & (table.volume > 0)
    turnover = np.where(priced, table.turnover, np.nan)
    if priced.any():
        ratio = turnover[priced] / (table.volume[priced] * instrument.point_value * table.close[priced])
        # An owner who dropped the decimals left cents.
        if 50.0 < np.median(ratio) < 200.0:
            turnover /= 100.0
    return turnover


def _outside_share(table: "BarTable", average: np.ndarray, at_day: np.ndarray, instrument: Instrument) -> np.ndarray:
    """Return by session whether the average price lies outside low and high too often, bool[sessions]."""
    margin = 0.02 * instrument.tick_size
    outside = (average < table.low - margin) | (average > table.high + margin)
    mask: np.ndarray = np.bincount(at_day, outside) > MOST_OUTSIDE * np.bincount(at_day, np.isfinite(average))
    return mask
