"""Cards of past trades: one day at a time, whole or refused."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from market.home import Home
from market.lake import Lake
from market.types import Kind
from tests.contract.cards import FAULT, RECORDED, SETTING, VENDOR, standin_only
from tests.contract.conftest import Open, Told
from tests.contract.recording import Recording
from tests.homes import MARKET, fill_lake

DAYS = MARKET.days()
TODAY = DAYS[-1]
TAIL = 50  # trades that the first request brings


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return fill_lake(Home(tmp_path_factory.mktemp("market")))


@pytest.fixture(scope="module")
def told(opened: Open, lake: Lake) -> Told:
    if VENDOR:
        return opened(Recording()).run("history_steps", "PLAIN")
    made = Recording()
    made.moments |= {"short": 10, "long": 20}
    made.fault("short", "history_stuck", ms=400)
    made.fault("long", "history_stuck", ms=60_000)
    source = ("--contract", MARKET.symbol, "--lake", str(lake.folder), "--day", str(TODAY))
    settings = {"first_history_rows": TAIL, "expired": ["WINM26"]}
    named = {"PREGAO_CONTRACT_TICKER": MARKET.symbol, "PREGAO_CONTRACT_DAY": str(TODAY)}
    named["PREGAO_CONTRACT_PAST"] = str(DAYS[-2])
    return opened(made, settings, source, **named).run("history_steps", "FIRST", "PLAIN", "RECORDED")


def recorded(lake: Lake, day: date) -> list[list[int]]:
    """Return the day's trades as the vendor keeps them: times are whole milliseconds."""
    events = lake.read_events(MARKET.symbol, day)
    trades = events[events["kind"] == Kind.TRADE]
    named: Any = np.stack([trades[name] for name in ("trade_number", "price", "quantity", "ts_event_ns")], axis=1)
    named[:, 3] -= named[:, 3] % 1_000_000
    return [[int(one) for one in row] for row in named]


@standin_only(RECORDED)
def test_h01_day_by_day(told: Told, lake: Lake) -> None:
    """Each past day is asked for by itself and returned whole: every trade of that day once, in order, and none of
    another."""
    for day in DAYS[:-1]:
        assert told["days"][str(day)] == recorded(lake, day)


@standin_only(SETTING)
def test_h02_tail_first(told: Told, lake: Lake) -> None:
    """The first request of a ticker and session may bring no more than the tail: what is returned is whole all the
    same."""
    assert told["first"] == recorded(lake, DAYS[-2])
    assert len(told["first"]) > TAIL


def test_h03_no_session(told: Told) -> None:
    """A day without trades is no empty answer: it is refused, and the calendar is named."""
    closed = [TODAY - timedelta(days=1)] if not VENDOR else []  # a holiday; the vendor's week has a weekend
    empty = [told["days"][str(day)] for day in closed]
    empty += [found for day, found in told["days"].items() if date.fromisoformat(day).weekday() >= 5]
    assert empty
    for kind, said in empty:
        assert kind == "NotEnoughData"
        assert "see `pregao calendar`" in said


def test_h04_thirty_days_back(told: Told) -> None:
    """The last 30 days may be asked for; what lies beyond, or in the future, is refused without asking, and the
    vendor's own refusal names the limit."""
    found = told["limits"]
    for name in ("beyond", "tomorrow"):
        kind, said = found[name]
        assert kind == "UsageError"
        assert "a day of the last 30" in said
    assert found["asked"] == 0
    assert found["last"] in ("", "NotEnoughData")
    kind, said = found["beyond_past_it"]
    assert kind == "RequestRefused"
    assert "a start more than 30 calendar days ago" in said


def test_h05_under_ten_days_a_call(told: Told) -> None:
    """The vendor takes less than ten days a call for WIN and WDO; the binding never asks for more than one."""
    kind, said = told["limits"]["ten_days"]
    assert kind == "RequestRefused"
    assert "found invalid arguments" in said


def test_h06_not_subscribed(told: Told) -> None:
    """The past of a ticker that is not subscribed would never come: it is refused without asking."""
    kind, said = told["limits"]["not_subscribed"]
    assert kind == "UsageError"
    assert "expected a subscribed ticker" in said


@standin_only(SETTING)
def test_h07_expired_contract(told: Told) -> None:
    """An expired contract has no rows: that is refused, and the continuous series is named."""
    kind, said = told["expired"]
    assert kind == "NotEnoughData"
    assert "if the contract has expired, ask for WINFUT" in said


@standin_only(FAULT)
def test_h08_stuck_at_99(told: Told, lake: Lake) -> None:
    """A request that stands at 99 is waited for and returned whole; one that stands longer than patience is given up,
    and the process must end before the day is asked for again."""
    found = told["stuck"]
    assert found["whole"] == recorded(lake, DAYS[-2])
    assert found["took"] > 0.4
    kind, said = found["given_up"]
    assert kind == "NoAnswer"
    assert "found progress 99; end the process" in said
