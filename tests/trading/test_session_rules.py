"""What calendar and tables say of a session, as a desk at its open has it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

import numpy as np
import pytest

from market.calendar import to_ns
from market.costs import CostParams
from market.errors import ConfigError
from market.instruments import B3
from market.lake import Lake
from market.stream import Feed
from trading.core import begin_desk
from trading.desk import Desk
from trading.records import NEVER
from trading.session_rules import apply_rules


@dataclass(frozen=True)
class Windows(Feed):
    """A feed of no data, with windows of its own."""

    windows: int = 0

    def blackouts(self, day: date) -> np.ndarray:
        return np.arange(2 * self.windows, dtype=np.int64).reshape(-1, 2) + 1


class NoData:
    """A lake that knows the calendar and nothing else."""

    instruments = B3


def _begin(desk: Desk, contract: str, day: date, windows: int = 0) -> None:
    feed = Windows(cast(Lake, NoData()), contract, 60 * 10**9, "bars", windows)
    hours = feed.session(day)[0]
    begin_desk(desk, int(hours["open_ns"]), int(hours["close_ns"]), False)
    apply_rules(desk, feed, day, CostParams())


def _local(day: date, hour: int, minute: int) -> int:
    return to_ns(datetime(day.year, day.month, day.day, hour, minute))


@pytest.mark.parametrize(
    ("contract", "day", "last", "flatten"),
    [
        ("WDOZ26", date(2026, 11, 27), date(2026, 11, 30), (18, 0)),
        ("WDOZ26", date(2026, 11, 30), date(2026, 11, 30), (15, 0)),
        ("WINZ26", date(2026, 12, 16), date(2026, 12, 16), (15, 0)),
        ("WINZ26", date(2026, 12, 17), date(2026, 12, 16), (17, 55)),
        ("WING26", date(2026, 2, 18), date(2026, 2, 18), (15, 0)),  # Ash Wednesday, open from 13:00
    ],
)
def test_contract_is_left_by_three_on_its_last_session(
    desk: Desk, contract: str, day: date, last: date, flatten: tuple[int, int]
) -> None:
    _begin(desk, contract, day)
    assert desk.terms["last_trade_date"][0] == (last - date(1970, 1, 1)).days
    assert desk.market["flatten_ns"][0] == _local(day, *flatten)
    assert desk.terms["continuous"][0] == 0


def test_last_entry_is_an_hour_before_the_close_of_that_day(desk: Desk) -> None:
    _begin(desk, "WINZ26", date(2026, 12, 1))
    assert desk.market["last_entry_ns"][0] == _local(date(2026, 12, 1), 17, 25)


def test_continuous_series_never_expires_and_is_no_contract(desk: Desk) -> None:
    _begin(desk, "WDO$N", date(2026, 11, 30))
    assert (desk.terms["last_trade_date"][0], desk.terms["continuous"][0]) == (NEVER, 1)


def test_windows_of_a_session_replace_those_of_the_one_before(desk: Desk) -> None:
    _begin(desk, "WINZ26", date(2026, 12, 1), 16)
    assert desk.blackouts.tolist() == [[2 * k + 1, 2 * k + 2] for k in range(16)]
    _begin(desk, "WINZ26", date(2026, 12, 2), 1)
    assert desk.blackouts.tolist() == [[1, 2]] + [[0, 0]] * 15


def test_more_windows_than_a_desk_holds_are_refused_at_the_open(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="at most 16 blackout windows, found 17"):
        _begin(desk, "WINZ26", date(2026, 12, 1), 17)
