"""The roll table: which contract of a future is traded on each session, and why it changed (b3.md §1.3).

Training, backtest and live read the same table. It is derived, never stored: the calendar and the lake's daily
volumes decide it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from market.calendar import LAST_DAY
from market.errors import DataError
from market.instruments import B3, Instruments
from market.roll import following_contract, front_contract, last_trade_session

EXPIRY, VOLUME = "expiry", "volume"

ContractDay = tuple[str, date]


@dataclass(frozen=True)
class Recorded:
    """What is known of contracts on single sessions.

    Parameters
    ----------
    volumes : mapping of (contract, date) to int
        Traded quantity of a whole session, lot steps.
    closes : mapping of (contract, date) to float
        Last price of a whole session, points.
    """

    volumes: Mapping[ContractDay, int] = field(default_factory=dict)
    closes: Mapping[ContractDay, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Roll:
    """A change of the front contract.

    Parameters
    ----------
    day : date
        The first session of the entering contract.
    root, leaving, entering : str
        WDO, WDOZ26, WDOF27.
    reason : str
        EXPIRY: the calendar's rule. VOLUME: one session earlier, because the entering contract traded more before.
    price_from, price_to : float or None
        Closes of both contracts on the session before, points; None unless both are known. Their difference is what
        back-adjustment removes.
    """

    day: date
    root: str
    leaving: str
    entering: str
    reason: str
    price_from: float | None
    price_to: float | None


@dataclass(frozen=True)
class RollTable:
    """The front contract of every session of a span.

    Parameters
    ----------
    root : str
        WDO, DOL, WIN or IND.
    first, last : date
        The span, both included; it begins with a session.
    front : str
        The contract traded on the first session.
    rolls : tuple of Roll
        Its changes, in order.
    """

    root: str
    first: date
    last: date
    front: str
    rolls: tuple[Roll, ...]

    def front_on(self, day: date) -> str:
        """Return the front contract of a day, on a day without session that of the session before; raises DataError."""
        if not self.first <= day <= self.last:
            raise DataError(
                f"roll table of {self.root}: expected a day from {self.first} to {self.last}, found {day}; "
                "build the table over a longer span"
            )
        passed = bisect_right(self.rolls, day, key=lambda roll: roll.day)
        return self.rolls[passed - 1].entering if passed else self.front


def roll_table(
    root: str, first: date, last: date, recorded: Recorded | None = None, instruments: Instruments = B3
) -> RollTable:
    """Build the roll table of a span.

    The front is the nearest contract whose last trading session lies after the day. It changes one session earlier
    where the next contract traded more on the session before that, as far as the volumes of both are recorded.

    Raises
    ------
    DataError
        Where the span holds no session, or it or a contract's end lies beyond the calendar.
    """
    known = recorded or Recorded()
    calendar = instruments.calendar(root)
    sessions = calendar.sessions(first, last)
    if not sessions:
        raise DataError(f"roll table of {root}: expected sessions from {first} to {last}, found none; name others")
    fronts = []
    for day in sessions:
        try:
            fronts.append((day, *_front(root, day, known.volumes, instruments)))
        except DataError as error:
            raise DataError(
                f"roll table of {root}: expected contracts that expire inside the calendar, which ends on {LAST_DAY}, "
                f"found one on {day} that does not; end the span before it"
            ) from error
    return RollTable(root, sessions[0], last, fronts[0][1], tuple(_rolls(root, fronts, known.closes)))


def _front(root: str, day: date, volumes: Mapping[ContractDay, int], instruments: Instruments) -> tuple[str, str]:
    """Return the front contract of a session, and which rule named it."""
    nearest = front_contract(root, day, instruments)
    calendar = instruments.calendar(root)
    if last_trade_session(nearest, instruments, day) != calendar.next_session(day + timedelta(days=1)):
        return nearest, EXPIRY
    following, before = following_contract(nearest, instruments, day), calendar.previous_session(day)
    ours, theirs = volumes.get((nearest, before)), volumes.get((following, before))
    if ours is not None and theirs is not None and theirs > ours:
        return following, VOLUME
    return nearest, EXPIRY


def _rolls(root: str, fronts: Iterable[tuple[date, str, str]], closes: Mapping[ContractDay, float]) -> Iterator[Roll]:
    for (before, leaving, _), (day, entering, reason) in pairwise(fronts):
        if entering != leaving:
            prices = closes.get((leaving, before)), closes.get((entering, before))
            price_from, price_to = prices if None not in prices else (None, None)
            yield Roll(day, root, leaving, entering, reason, price_from, price_to)
