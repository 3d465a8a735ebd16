"""What one account may trade side by side."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, cast

import numpy as np
import pytest

from market.errors import UsageError
from market.instruments import FUTURES
from market.types import SESSION
from registry.installed import _check_account, _check_days

HOUR_NS = 3_600_000_000_000
FIRST = date(2026, 6, 1)


@dataclass
class Hours:
    """A feed that knows its hours alone: they open and close so many hours after the midnight of the day."""

    contract: str
    days: list[date]
    opens: int
    closes: int

    def sessions(self) -> list[date]:
        return self.days

    def session(self, day: date) -> np.ndarray:
        made, midnight = np.zeros(1, dtype=SESSION), (day - date(1970, 1, 1)).days * 24
        made["open_ns"], made["close_ns"] = (midnight + self.opens) * HOUR_NS, (midnight + self.closes) * HOUR_NS
        return made


def check(*feeds: Hours) -> None:
    _check_days(cast(Any, feeds), sorted({day for feed in feeds for day in feed.days}))


def test_sessions_of_other_hours_may_share_a_day_but_not_reach_into_the_next() -> None:
    days = [FIRST + timedelta(days=k) for k in range(3)]
    exchange = Hours("WINQ26", days, 12, 21)
    check(exchange, Hours("WDOQ26", days[1:], 11, 24))
    with pytest.raises(UsageError, match=r"WINQ26, USDBRL on 2026-06-02: .* begins earlier"):
        check(exchange, Hours("USDBRL", days, -4, 20))
    check(exchange, Hours("USDBRL", days[:1], -4, 20))
    check(Hours("ALONE", days, 0, 30))


def test_amounts_of_two_currencies_do_not_add_up() -> None:
    _check_account([FUTURES["WIN"], FUTURES["WDO"]])
    with pytest.raises(UsageError, match="expected one currency, found BRL, USD"):
        _check_account([FUTURES["WIN"], replace(FUTURES["WDO"], currency="USD")])
    with pytest.raises(UsageError, match="expected different instruments, found WIN, WIN"):
        _check_account([FUTURES["WIN"], FUTURES["WIN"]])
