"""Golden vectors of b3.md §1.2 and the front rule of §1.3."""

from datetime import date

import pytest

from market.errors import DataError, UnknownSymbol
from market.roll import expiry, front_contract, is_last_session, last_trade_session


@pytest.mark.parametrize(
    ("symbol", "last", "expires"),
    [
        ("WDOH22", "2022-02-25", "2022-03-02"),
        ("WDOH25", "2025-02-28", "2025-03-05"),
        ("WDOF26", "2025-12-30", "2026-01-02"),
        ("WDOX26", "2026-10-30", "2026-11-03"),
        ("WDOZ26", "2026-11-30", "2026-12-01"),
        ("WDOF27", "2026-12-30", "2027-01-04"),
        ("WDOK27", "2027-04-30", "2027-05-03"),
        ("DOLH25", "2025-02-28", "2025-03-05"),
        ("WINV22", "2022-10-13", "2022-10-13"),
        ("WING21", "2021-02-17", "2021-02-17"),
        ("WING24", "2024-02-14", "2024-02-14"),
        ("WING26", "2026-02-18", "2026-02-18"),
        ("WINV25", "2025-10-15", "2025-10-15"),
        ("WINZ26", "2026-12-16", "2026-12-16"),
        ("INDZ26", "2026-12-16", "2026-12-16"),
        ("WINJ27", "2027-04-14", "2027-04-14"),
        ("WINM27", "2027-06-16", "2027-06-16"),
        ("WINQ27", "2027-08-18", "2027-08-18"),
        ("WINV27", "2027-10-13", "2027-10-13"),
        ("WINZ27", "2027-12-15", "2027-12-15"),
    ],
)
def test_last_session_and_expiry_of_a_contract(symbol: str, last: str, expires: str) -> None:
    assert last_trade_session(symbol) == date.fromisoformat(last)
    assert expiry(symbol) == date.fromisoformat(expires)


@pytest.mark.parametrize(
    ("root", "day", "front"),
    [
        ("WDO", "2026-11-27", "WDOZ26"),  # the session before the last one
        ("WDO", "2026-11-30", "WDOF27"),  # its last session belongs to the next contract
        ("WDO", "2026-12-01", "WDOF27"),
        ("WDO", "2025-02-27", "WDOH25"),
        ("WDO", "2013-01-02", "WDOG13"),  # the first session of the calendar
        ("WIN", "2013-01-02", "WING13"),
        ("WDO", "2025-02-28", "WDOJ25"),
        ("DOL", "2026-12-30", "DOLG27"),
        ("WIN", "2026-12-15", "WINZ26"),
        ("WIN", "2026-12-16", "WING27"),
        ("WIN", "2026-11-03", "WINZ26"),
        ("IND", "2022-10-12", "INDV22"),  # a holiday: the expiry moved to the 13th
        ("IND", "2022-10-13", "INDZ22"),
    ],
)
def test_front_contract_of_a_day(root: str, day: str, front: str) -> None:
    assert front_contract(root, date.fromisoformat(day)) == front


@pytest.mark.parametrize("symbol", ["WDOFUT", "WIN$", "WDO"])
def test_a_continuous_series_never_expires(symbol: str) -> None:
    with pytest.raises(UnknownSymbol, match="continuous"):
        expiry(symbol)


def test_refuses_an_expiry_beyond_the_calendar_but_knows_the_last_session() -> None:
    assert last_trade_session("WDOF28") == date(2027, 12, 30)
    with pytest.raises(DataError, match="2027-12-31"):
        expiry("WDOF28")


@pytest.mark.parametrize(
    ("symbol", "day", "expected"),
    [
        ("WDOZ26", date(2026, 11, 27), False),
        ("WDOZ26", date(2026, 11, 30), True),  # the session before expiry
        ("WDOZ26", date(2026, 12, 1), True),
        ("WINZ26", date(2026, 12, 15), False),
        ("WINZ26", date(2026, 12, 16), True),
        ("WIN$", date(2026, 12, 16), False),
    ],
)
def test_last_session_of_a_dated_contract(symbol: str, day: date, expected: bool) -> None:
    assert is_last_session(symbol, day) is expected
