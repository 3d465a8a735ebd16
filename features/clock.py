"""When a bar closes and when a row is asked for."""

import re
from dataclasses import dataclass
from enum import IntEnum

from market.errors import UsageError

_SECOND_NS = 1_000_000_000
_LENGTH = re.compile(r"(?P<size>[1-9]\d{0,9}) *(?P<unit>s|min|trades|contracts)")


class Decides(IntEnum):
    """The events that are decision points."""

    BAR = 0  # each closed bar
    TRADE = 1  # each trade that enters a bar
    BOOK = 2  # each change of the book


@dataclass(frozen=True)
class BarLength:
    """What closes a bar: one of the three is above zero.

    Parameters
    ----------
    bar_ns : int
        So much time, on the session's clock.
    bar_trades, bar_contracts : int
        So many trades, or contracts; the trade that reaches them is the bar's last and is never split.
    """

    bar_ns: int = 0
    bar_trades: int = 0
    bar_contracts: int = 0


def bar_length(text: str) -> BarLength:
    """Return the length that a text tells, as 90s, 5min, 500trades or 2000contracts; raises UsageError for others."""
    found = _LENGTH.fullmatch(text.strip().lower())
    if found is None:
        raise UsageError(
            f"length of a bar: expected one such as 90s, 5min, 500trades or 2000contracts, found '{text}'; write it so"
        )
    size, unit = int(found["size"]), found["unit"]
    if unit == "trades":
        return BarLength(bar_trades=size)
    if unit == "contracts":
        return BarLength(bar_contracts=size)
    return BarLength(bar_ns=size * (60 if unit == "min" else 1) * _SECOND_NS)
