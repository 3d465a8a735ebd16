"""The four instruments and the names they go by (b3.md §1, §1.4)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from market.errors import UnknownSymbol

MONTH_LETTERS = "FGHJKMNQUVXZ"

_DATED = re.compile(r"^(?:(WDO|DOL)([FGHJKMNQUVXZ])|(WIN|IND)([GJMQVZ]))(\d{2})$")
_CONTINUOUS = re.compile(r"^(WDO|DOL|WIN|IND)(?:FUT|[$@][ND]?)?$")
_LEADING = re.compile(
    r"^(?:(?:(?:WDO|DOL)[FGHJKMNQUVXZ]|(?:WIN|IND)[GJMQVZ])\d{2}(?!\d)"
    r"|(?:WDO|DOL|WIN|IND)(?:FUT|[$@][ND]?)?(?![A-Z0-9]))"
)


@dataclass(frozen=True)
class Instrument:
    """A future: how its price moves and what a move is worth.

    Parameters
    ----------
    root : str
        The first three letters of its symbols.
    id : int
        The number that stands for it in records.
    tick_size : float
        Smallest price step, points.
    point_value : float
        R$ per point and contract.
    lot : int
        Round lot, contracts. Records count contracts, whatever the lot.
    exchange : str
        Profit's exchange code.
    """

    root: str
    id: int
    tick_size: float
    point_value: float
    lot: int
    exchange: str

    @property
    def tick_value(self) -> float:
        """R$ per tick and contract."""
        return self.tick_size * self.point_value

    def to_ticks(self, points: float) -> int:
        """Return the nearest tick to a price in points."""
        return round(points / self.tick_size)

    def on_grid(self, points: float) -> bool:
        """Tell whether a price in points is a whole number of ticks."""
        return abs(points / self.tick_size - self.to_ticks(points)) < 1e-6

    def to_points(self, ticks: int) -> float:
        """Return a price in points."""
        return ticks * self.tick_size


INSTRUMENTS: Mapping[str, Instrument] = MappingProxyType(
    {
        "WDO": Instrument("WDO", 1, 0.5, 10.0, 1, "F"),
        "DOL": Instrument("DOL", 2, 0.5, 50.0, 5, "F"),
        "WIN": Instrument("WIN", 3, 5.0, 0.20, 1, "F"),
        "IND": Instrument("IND", 4, 5.0, 1.0, 5, "F"),
    }
)


@dataclass(frozen=True)
class Symbol:
    """A name taken apart. A continuous series has month 0 and year 0."""

    root: str
    month: int
    year: int
    continuous: bool


def parse_symbol(text: str) -> Symbol:
    """Take a symbol apart: a dated contract (WDOZ26) or a vendor's continuous series (WDOFUT, WDO, WIN$N, WDO@D).

    Raises
    ------
    UnknownSymbol
        Where no instrument answers to it, or the month is not listed.
    """
    name = text.strip().upper()
    if dated := _DATED.match(name):
        root, letter = dated[1] or dated[3], dated[2] or dated[4]
        return Symbol(root, MONTH_LETTERS.index(letter) + 1, 2000 + int(dated[5]), False)
    if continuous := _CONTINUOUS.match(name):
        return Symbol(continuous[1], 0, 0, True)
    raise UnknownSymbol(
        f"{text!r}: expected a contract of {', '.join(INSTRUMENTS)} (as WDOZ26, WDOFUT or WIN$; "
        "WIN and IND have even months only), found no such symbol; check the name, or give the right one with --symbol"
    )


def symbol_in_name(stem: str) -> str | None:
    """Return the symbol a file name begins with (`WDOK20_M1` gives WDOK20), or None."""
    found = _LEADING.match(stem.upper())
    return found[0] if found else None


def instrument_of(symbol: str) -> Instrument:
    """Return the instrument a symbol belongs to; raises UnknownSymbol."""
    return INSTRUMENTS[parse_symbol(symbol).root]


def dated_symbol(root: str, year: int, month: int) -> str:
    """Return the symbol of a dated contract."""
    return f"{root}{MONTH_LETTERS[month - 1]}{year % 100:02d}"
