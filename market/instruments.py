"""What is traded: the four futures of the exchange, what the user declares beside them, and the names they go by.

Facts are those of b3.md §1 and §1.4.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from market.calendar import Calendar, SpecialDay, shipped_calendar
from market.errors import ConfigError, UnknownSymbol
from market.wording import to_toml

MONTH_LETTERS = "FGHJKMNQUVXZ"

_DATED = re.compile(r"^(?:(WDO|DOL)([FGHJKMNQUVXZ])|(WIN|IND)([GJMQVZ]))(\d{2})$")
_CONTINUOUS = re.compile(r"^(WDO|DOL|WIN|IND)(?:FUT|[$@][ND]?)?$")
# MT5's "save as" puts the period right after the symbol: WDO$Daily, WIN$NM5.
_LEADING = re.compile(
    r"^(?:(?:(?:WDO|DOL)[FGHJKMNQUVXZ]|(?:WIN|IND)[GJMQVZ])\d{2}(?!\d)"
    r"|(?:WDO|DOL|WIN|IND)[$@][ND]?(?=[MH]\d|DAILY|WEEKLY|MONTHLY|[^A-Z0-9]|$)"
    r"|(?:WDO|DOL|WIN|IND)(?:FUT)?(?![A-Z0-9$@]))"
)
_DECLARED_ROOT = re.compile(r"^[A-Z][A-Z0-9]{1,19}$")
_LONGEST_SYMBOL = 20  # what is longer is none
LISTED_YEARS = 6  # a contract is listed no longer before it expires


@dataclass(frozen=True)
class Instrument:
    """How a price moves, what a move is worth, and when it trades.

    Parameters
    ----------
    root : str
        The first three letters of a future's symbols; the whole symbol of anything else.
    id : int
        The number that stands for it in records.
    tick_size : float
        Smallest price step, points.
    point_value : float
        Currency per point and unit of quantity (a contract, a share, a coin).
    lot : int
        Round lot, lot steps.
    lot_step : float
        Smallest quantity; records count these steps.
    currency : str
        Of the point value.
    calendar : str
        Name of its calendar.
    clock : str
        Zone of the wall clock in vendors' files, where the format does not say another.
    """

    root: str
    id: int
    tick_size: float
    point_value: float
    lot: int = 1
    lot_step: float = 1.0
    currency: str = "BRL"
    calendar: str = "b3_dollar"
    clock: str = "America/Sao_Paulo"

    @property
    def tick_value(self) -> float:
        """Currency per tick and lot step."""
        return self.tick_size * self.point_value * self.lot_step

    @property
    def unit(self) -> str:
        """What a quantity counts: contracts of a future, shares, or units of anything else."""
        if self.calendar == "b3_stocks":
            return "shares"
        return "contracts" if self.calendar.startswith("b3_") else "units"

    def to_ticks(self, points: float) -> int:
        """Return the nearest tick to a price in points."""
        return round(points / self.tick_size)

    def on_grid(self, points: float) -> bool:
        """Tell whether a price in points is a whole number of ticks."""
        return abs(points / self.tick_size - self.to_ticks(points)) < 1e-6

    def to_points(self, ticks: int) -> float:
        """Return a price in points."""
        return ticks * self.tick_size


@dataclass(frozen=True)
class Declaration:
    """One `[instruments.SYMBOL]` section of pregao.toml: anything that is not one of the four futures.

    Parameters
    ----------
    tick_size, lot_step, point_value : float
        As in Instrument; above zero.
    currency : str
        As BRL or USDT.
    calendar : str
        b3_stocks, forex, always, or one of the futures'.
    clock : str
        Zone of its vendor's wall clock, as Europe/Berlin.
    """

    tick_size: float
    lot_step: float
    point_value: float
    currency: str
    calendar: str
    clock: str = "America/Sao_Paulo"

    def __post_init__(self) -> None:
        for name in ("tick_size", "lot_step", "point_value"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ConfigError(f"{name}: expected a number above zero, found {getattr(self, name)}; correct it")
        shipped_calendar(self.calendar)
        try:
            ZoneInfo(self.clock)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ConfigError(
                f"clock: expected a time zone as America/Sao_Paulo, found {to_toml(self.clock)}; correct it"
            ) from None


FUTURES: Mapping[str, Instrument] = {
    "WDO": Instrument("WDO", 1, 0.5, 10.0, calendar="b3_dollar"),
    "DOL": Instrument("DOL", 2, 0.5, 50.0, lot=5, calendar="b3_dollar"),
    "WIN": Instrument("WIN", 3, 5.0, 0.20, calendar="b3_index"),
    "IND": Instrument("IND", 4, 5.0, 1.0, lot=5, calendar="b3_index"),
}


@dataclass(frozen=True)
class Symbol:
    """A name taken apart; month and year are 0 unless it is a dated contract."""

    root: str
    month: int
    year: int
    continuous: bool

    @property
    def dated(self) -> bool:
        """Whether it is one expiry of a future."""
        return self.month > 0


@dataclass(frozen=True)
class Instruments:
    """Every instrument a process knows, with the calendars they trade by.

    Parameters
    ----------
    declared : mapping of str to Instrument
        What the user added, by symbol.
    special : mapping of date to SpecialDay
        The user's overrides of the exchange's calendars.
    """

    declared: Mapping[str, Instrument] = field(default_factory=dict)
    special: Mapping[date, SpecialDay] = field(default_factory=dict)

    @property
    def roots(self) -> frozenset[str]:
        """The root of every instrument."""
        return frozenset({*FUTURES, *self.declared})

    def parse(self, text: str, seen: date | None = None) -> Symbol:
        """Take a symbol apart: a contract (WDOZ26), a vendor's continuous series (WDOFUT, WIN$N) or a declared one.

        Parameters
        ----------
        text : str
            The symbol, in either case.
        seen : date, optional
            A day it traded: two digits of a year then mean the century in which that is possible.

        Raises
        ------
        UnknownSymbol
            Where no instrument answers to it, or the month is not listed.
        """
        name = text.strip().upper()
        if name in self.declared:
            return Symbol(name, 0, 0, False)
        if dated := _DATED.match(name):
            root, letter = dated[1] or dated[3], dated[2] or dated[4]
            return Symbol(root, MONTH_LETTERS.index(letter) + 1, _year(int(dated[5]), seen), False)
        if continuous := _CONTINUOUS.match(name):
            return Symbol(continuous[1], 0, 0, True)
        raise UnknownSymbol(
            f"{text[:_LONGEST_SYMBOL]!r}: expected a contract of {', '.join(FUTURES)} (as WDOZ26, WDOFUT or WIN$; "
            "WIN and IND have even months only) or a declared instrument, found no such symbol; name one of "
            f"these, or declare it in pregao.toml under [instruments.{_section(name)}] with tick_size, "
            "lot_step, point_value, currency, calendar and clock"
        )

    def of(self, symbol: str) -> Instrument:
        """Return the instrument a symbol belongs to; raises UnknownSymbol."""
        root = self.parse(symbol).root
        return self.declared.get(root) or FUTURES[root]

    def calendar(self, symbol: str) -> Calendar:
        """Return the calendar a symbol trades by; raises UnknownSymbol."""
        return self._calendars[self.of(symbol).calendar]

    def rests(self, symbol: str) -> Calendar | None:
        """Return the calendar on whose holidays brokers do not quote a symbol, though its own has sessions then.

        The real of the currency market rests with the exchange's dollar: of 2019's exports of USDBRL every weekday
        without a bar is a holiday of B3, and B3's two other holidays hold one bar each. Raises UnknownSymbol.
        """
        instrument = self.of(symbol)
        is_real = instrument.calendar == "forex" and instrument.currency == "BRL"
        return self._calendars["b3_dollar"] if is_real else None

    def session(self, symbol: str, day: date) -> np.ndarray:
        """Return the SESSION record of a symbol on a day, length 1; raises DataError where there is none."""
        return self.calendar(symbol).session(day)

    def in_name(self, stem: str) -> str | None:
        """Return the symbol a file name begins with (`WDOK20_M1` gives WDOK20), or None."""
        name = stem.upper()
        found = _LEADING.match(name)
        if found:
            return found[0]
        fits = [root for root in self.declared if re.match(rf"{root}(?![A-Z0-9])", name)]
        return max(fits, key=len, default=None)

    @cached_property
    def _calendars(self) -> dict[str, Calendar]:
        used = {instrument.calendar for instrument in (*FUTURES.values(), *self.declared.values())}
        calendars = {name: shipped_calendar(name) for name in used}
        return {
            name: calendar.with_special_days(self.special) if self.special and name.startswith("b3_") else calendar
            for name, calendar in calendars.items()
        }


B3 = Instruments()  # what is shipped, nothing declared


def declare(symbol: str, declaration: Declaration) -> Instrument:
    """Return the instrument of a declaration; its id is a hash of the symbol, so every lake agrees on it.

    Raises
    ------
    ConfigError
        For a symbol that is not upper-case letters and digits, or is one of the futures.
    """
    if not _DECLARED_ROOT.match(symbol) or _DATED.match(symbol) or _CONTINUOUS.match(symbol):
        raise ConfigError(
            f"[instruments.{symbol}]: expected a symbol of 2 to 20 upper-case letters and digits that is none of the "
            f"exchange's futures ({', '.join(FUTURES)}), found {to_toml(symbol)}; rename the section"
        )
    return Instrument(
        root=symbol,
        id=1_000 + zlib.crc32(symbol.encode()) % 2_000_000_000,
        tick_size=declaration.tick_size,
        point_value=declaration.point_value,
        lot=1,
        lot_step=declaration.lot_step,
        currency=declaration.currency,
        calendar=declaration.calendar,
        clock=declaration.clock,
    )


def dated_symbol(root: str, year: int, month: int) -> str:
    """Return the symbol of a dated contract."""
    return f"{root}{MONTH_LETTERS[month - 1]}{year % 100:02d}"


def _year(two_digits: int, seen: date | None) -> int:
    """Return the year with these digits in which a contract seen trading on a day can expire; else of this century."""
    if seen is not None:
        for century in (1900, 2100):
            if 0 <= century + two_digits - seen.year <= LISTED_YEARS:
                return century + two_digits
    return 2000 + two_digits


def _section(name: str) -> str:
    return name if _DECLARED_ROOT.match(name) else "SYMBOL"
