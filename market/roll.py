"""Expiry, last trading session and front contract (b3.md §1, §1.2, §1.3)."""

from datetime import date, timedelta

from market.calendar import Calendar
from market.errors import UnknownSymbol
from market.instruments import B3, Instruments, Symbol, dated_symbol

_DOLLAR = frozenset({"WDO", "DOL"})
_WEDNESDAY = 2


def expiry(symbol: str, instruments: Instruments = B3, seen: date | None = None) -> date:
    """Return the expiry of a dated contract.

    WDO and DOL: the first session of the contract month, when the contract no longer trades. WIN and IND: the Wednesday
    nearest day 15, or the next session. Raises UnknownSymbol for a continuous series, DataError outside the calendar.
    """
    contract, calendar = _dated(symbol, instruments, seen), instruments.calendar(symbol)
    if contract.root in _DOLLAR:
        return calendar.next_session(date(contract.year, contract.month, 1))
    return _index_expiry(calendar, contract.year, contract.month)


def last_trade_session(symbol: str, instruments: Instruments = B3, seen: date | None = None) -> date:
    """Return the last session a dated contract trades: before expiry for WDO and DOL, expiry itself for WIN and IND."""
    contract, calendar = _dated(symbol, instruments, seen), instruments.calendar(symbol)
    if contract.root in _DOLLAR:
        return calendar.previous_session(date(contract.year, contract.month, 1))
    return _index_expiry(calendar, contract.year, contract.month)


def closing_sessions(symbol: str, instruments: Instruments = B3, seen: date | None = None) -> tuple[date, date, date]:
    """Return the last three sessions of a dated contract, on which trading moves to the next one."""
    last, calendar = last_trade_session(symbol, instruments, seen), instruments.calendar(symbol)
    before = calendar.previous_session(last)
    return calendar.previous_session(before), before, last


def is_last_session(symbol: str, day: date, instruments: Instruments = B3) -> bool:
    """Tell whether a dated contract has its last trading session on `day` or had it before; never for anything else."""
    return instruments.parse(symbol, day).dated and day >= last_trade_session(symbol, instruments, day)


def front_contract(root: str, day: date, instruments: Instruments = B3) -> str:
    """Return the nearest contract whose last trading session lies after `day`.

    So WDO changes at the open of its last session, WIN at the open of expiry day.
    """
    step = 1 if root in _DOLLAR else 2
    month = day.month + 1 if step == 1 else day.month + day.month % 2  # a dollar contract ends before its own month
    year = day.year
    while True:
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
        symbol = dated_symbol(root, year, month)
        if last_trade_session(symbol, instruments, day) > day:
            return symbol
        month += step


def following_contract(symbol: str, instruments: Instruments = B3, seen: date | None = None) -> str:
    """Return the contract listed after a dated one."""
    contract = _dated(symbol, instruments, seen)
    months = contract.month + (1 if contract.root in _DOLLAR else 2)
    return dated_symbol(contract.root, contract.year + (months - 1) // 12, (months - 1) % 12 + 1)


def _dated(symbol: str, instruments: Instruments, seen: date | None) -> Symbol:
    contract = instruments.parse(symbol, seen)
    if not contract.dated:
        raise UnknownSymbol(
            f"{symbol!r}: expected a dated contract (as WDOZ26), found a continuous series or a declared instrument, "
            "which never expires; name the month"
        )
    return contract


def _index_expiry(calendar: Calendar, year: int, month: int) -> date:
    middle = date(year, month, 12)
    return calendar.next_session(middle + timedelta(days=(_WEDNESDAY - middle.weekday()) % 7))
