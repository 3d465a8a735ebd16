"""What is checked of market data, which of it refuses a series, and how a finding is told."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from markupsafe import Markup

from backtest.messages import MESSAGES, side_by_side
from backtest.numerals import decimal
from market.calendar import to_local
from market.precheck_defects import IN_LOT_STEPS, IN_SECONDS, LONG_RUN, LOWEST, POSSIBLE, SECOND_NS, Defect

SESSIONS_NAMED = 5
MINUTE_NS = 60 * SECOND_NS

_IN_NANOSECONDS = frozenset(defect.name.lower() for defect in IN_SECONDS)
_LOWEST = frozenset(defect.name.lower() for defect in LOWEST)
_IN_LOT_STEPS = frozenset(defect.name.lower() for defect in IN_LOT_STEPS)
_IN_MINUTES = frozenset({"feed_loss", "truncated_export", "halt", "unexplained_edge"})


@dataclass(frozen=True)
class Check:
    """One rule of a suite: nothing of this kind is found.

    Parameters
    ----------
    name : str
        Column of the suite's frame; `data_finding_<name>` in the message table tells it.
    refuses : bool
        Whether a series is refused for it; else it is told, and nothing stops.
    """

    name: str
    refuses: bool


def _precheck(*defects: Defect) -> tuple[Check, ...]:
    return tuple(Check(defect.name.lower(), defect not in POSSIBLE) for defect in defects)


_ORDER = (Defect.SEQUENCE_BACK, Defect.TIME_BACK, Defect.OUTSIDE_HOURS, Defect.RECEIVED_EARLY, Defect.UNKNOWN_KIND)
_PRICED = (Defect.UNKNOWN_SIDE, Defect.NO_PRICE, Defect.NO_QUANTITY)
_LEVELS = (*_ORDER, *_PRICED, Defect.BOOK_CROSSED, Defect.BOOK_LOCKED)

# Suites by name: one for each kind of the lake, and `series` for what lies between sessions. Prices that stood at a
# limit, locked quotes, the volume of a closing call, halts and holes are a market's and a feed's own: they are told,
# never a refusal.
SUITES: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "trades": _precheck(
            *_ORDER,
            Defect.UNKNOWN_SIDE,
            Defect.UNKNOWN_TRADE_TYPE,
            Defect.UNTYPED_TRADES,
            Defect.NO_PRICE,
            Defect.NO_QUANTITY,
            Defect.HUGE_QUANTITY,
            Defect.PRICE_SPIKE,
            Defect.TRADE_IN_HALT,
            Defect.TRADE_NUMBER_BACK,
            Defect.TRADE_NUMBER_REPEATED,
        ),
        "quotes": _precheck(*_LEVELS),
        "book": _precheck(*_LEVELS),
        "bars": _precheck(
            Defect.TIME_BACK,
            Defect.TIME_REPEATED,
            Defect.OUTSIDE_HOURS,
            Defect.NO_PRICE,
            Defect.NO_QUANTITY,
            Defect.OFF_GRID,
            Defect.HIGH_BELOW_LOW,
            Defect.BODY_OUTSIDE_RANGE,
            Defect.BAR_SPIKE,
            Defect.HUGE_VOLUME,
            Defect.TRADES_BEYOND_VOLUME,
            Defect.UNUSUAL_VOLUME,
            Defect.ZERO_RANGE_RUN,
            Defect.FROZEN_FEED,
            Defect.FLAT_FILLED,
        ),
        "series": (
            Check("missing_session", refuses=False),
            Check("between_exports", refuses=False),
            Check("feed_loss", refuses=False),
            Check("truncated_export", refuses=False),
            Check("halt", refuses=False),
            Check("unexplained_edge", refuses=False),
            Check("back_adjusted", refuses=False),
            Check("other_level", refuses=False),
            Check("full_lots", refuses=True),
            Check("no_volume", refuses=True),
            Check("generated", refuses=True),
        ),
    }
)


@dataclass(frozen=True)
class Found:
    """What one check found in one session.

    Parameters
    ----------
    count : int
        How often.
    badness : int
        The most extreme of them, larger is worse; times in nanoseconds.
    at_ns : int
        When the first was, nanoseconds UTC; 0 where it is the whole session.
    """

    count: int
    badness: int = 0
    at_ns: int = 0


@dataclass(frozen=True)
class SessionRow:
    """One session of a series as a suite sees it.

    Parameters
    ----------
    day : date
        The session.
    rows : int
        Records looked at.
    found : mapping of str to Found
        By name of the check; a check that found nothing is not there.
    """

    day: dt.date
    rows: int
    found: Mapping[str, Found]


class Unit(NamedTuple):
    """What quantities count.

    Parameters
    ----------
    name : str
        contracts, shares or units.
    lot_step : float
        How many of them a stored quantity of 1 is.
    """

    name: str
    lot_step: float


CONTRACTS = Unit("contracts", 1.0)


@dataclass(frozen=True)
class Finding:
    """What one check found in a series.

    Parameters
    ----------
    check : Check
        The rule that does not hold.
    sessions : sequence of (date, Found)
        Where, oldest first, at least one.
    because : tuple of str
        Reasons of the verdict behind it, where there is one.
    unit : Unit
        What quantities of the series count.
    """

    check: Check
    sessions: Sequence[tuple[dt.date, Found]]
    because: tuple[str, ...] = ()
    unit: Unit = CONTRACTS

    @property
    def count(self) -> int:
        """How often, in all sessions."""
        return sum(found.count for _, found in self.sessions)

    @property
    def places(self) -> list[str]:
        """The worst sessions, in order of time where none is worse than another."""
        ordered = sorted(self.sessions, key=lambda session: -session[1].badness)
        return [_place(self.check.name, day, found) for day, found in ordered[:SESSIONS_NAMED]]

    @property
    def more(self) -> int:
        """How many sessions `places` does not name."""
        return len(self.sessions) - len(self.places)

    @property
    def sentence(self) -> str:
        """One English sentence for a terminal."""
        places = ", ".join(self.places) + (f" and {self.more} more" if self.more else "")
        reasons = f": {'; '.join(self.because)}" if self.because else ""
        return f"{self._told('en', lambda value, digits: f'{value:,.{digits}f}')} ({places}){reasons}"

    @property
    def on_page(self) -> Markup:
        """What the sentence says, in Portuguese with its English beside it, without the places."""
        return side_by_side(self._told("pt", decimal), self._told("en", decimal))

    def _told(self, language: str, number: Callable[[float, int], str]) -> str:
        worst = max(found.badness for _, found in self.sessions)
        template: str = getattr(MESSAGES[f"data_finding_{self.check.name}"], language)
        return template.format(
            count=number(self.count, 0),
            sessions=number(len(self.sessions), 0),
            worst=_extreme(self.check.name, worst, self.unit, number),
            unit=getattr(MESSAGES[f"data_unit_{self.unit.name}"], language),
            run=LONG_RUN,
        )


def _extreme(name: str, badness: int, unit: Unit, number: Callable[[float, int], str]) -> str:
    if name in _IN_LOT_STEPS:
        return number(badness * unit.lot_step, 0)
    if name in _IN_NANOSECONDS:
        return number(badness / SECOND_NS, 3)
    if name in _IN_MINUTES:
        return number(badness / MINUTE_NS, 0)
    return number(-badness if name in _LOWEST else badness, 0)


def _place(name: str, day: dt.date, found: Found) -> str:
    if name in _IN_MINUTES:
        return f"{day} {found.badness / MINUTE_NS:.0f} min"
    if not found.at_ns:
        return f"{day}"
    moment = to_local(found.at_ns)
    return f"{day} {moment:%H:%M:%S}" if moment.second else f"{day} {moment:%H:%M}"
