"""Expiry, last trading session and front contract (b3.md §1, §1.2, §1.3)."""

from datetime import date, timedelta

from market.calendar import next_session, previous_session
from market.errors import UnknownSymbol
from market.instruments import Symbol, dated_symbol, parse_symbol

_DOLLAR = frozenset({"WDO", "DOL"})
_WEDNESDAY = 2


def expiry(symbol: str) -> date:
    """Return the expiry of a dated contract.

    WDO and DOL: the first session of the contract month, when the contract no longer trades. WIN and IND: the Wednesday
    nearest day 15, or the next session. Raises UnknownSymbol for a continuous series, DataError outside the calendar.
    """
    contract = _dated(symbol)
    if contract.root in _DOLLAR:
        return next_session(date(contract.year, contract.month, 1))
    return _index_expiry(contract.year, contract.month)


def last_trade_session(symbol: str) -> date:
    """Return the last session a dated contract trades: before expiry for WDO and DOL, expiry itself for WIN and IND."""
    contract = _dated(symbol)
    if contract.root in _DOLLAR:
        return previous_session(date(contract.year, contract.month, 1))
    return _index_expiry(contract.year, contract.month)


def is_last_session(symbol: str, day: date) -> bool:
    """Tell whether a dated contract has its last trading session on `day` or had it before; never for a series."""
    return not parse_symbol(symbol).continuous and day >= last_trade_session(symbol)


def front_contract(root: str, day: date) -> str:
    """Return the nearest contract whose last trading session lies after `day`.

    So WDO changes at the open of its last session, WIN at the open of expiry day.
    """
    step = 1 if parse_symbol(root).root in _DOLLAR else 2
    month = day.month if step == 1 else day.month + day.month % 2
    year = day.year
    while True:
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
        symbol = dated_symbol(root, year, month)
        if last_trade_session(symbol) > day:
            return symbol
        month += step


def _dated(symbol: str) -> Symbol:
    contract = parse_symbol(symbol)
    if contract.continuous:
        raise UnknownSymbol(
            f"{symbol!r}: expected a dated contract (as WDOZ26), found a continuous series, which never expires; "
            "name the month"
        )
    return contract


def _index_expiry(year: int, month: int) -> date:
    middle = date(year, month, 12)
    return next_session(middle + timedelta(days=(_WEDNESDAY - middle.weekday()) % 7))
