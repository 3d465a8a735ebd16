"""Past trades from a real C library: what is asked, when a request is over, and what is refused."""

from typing import Any

import pytest

from market.home import Home
from tests.live.profitdll.vendor import answer_of, run_child

OPEN = """
from datetime import date
from live.profitdll.history import History
from live.profitdll.market import Market
from market.errors import PregaoError
connection = open_connection(home, library)
vendor, market = Vendor(library), Market(connection, date(2026, 11, 20))
market.subscribe("WDOFUT")
history = History(connection, market, date(2026, 11, 20), idle_s=0.2, patience_s=2.0)
def ask(symbol, day):
    try:
        found = history.day(symbol, day)
        return [[int(x) for x in one] for one in zip(found["trade_number"], found["ts_event_ns"], found["sequence"])]
    except PregaoError as error:
        return f"{type(error).__name__}: {error}"
"""
TRADES = "\n".join(
    f"past WDOFUT 2026-11-17T09:00:0{n}.000 {n + 1} 5432.5 1 1 2 2 {2 if n == 2 else 0}" for n in range(3)
)


def told(home: Home, body: str, script: str, opening: str = OPEN) -> Any:
    return answer_of(run_child(opening + body, home, VENDOR_HISTORY=script))


@pytest.mark.parametrize("end", ["progress WDOFUT 100\n", ""])  # either sign will do, each with a pause after it
def test_day_is_asked_for_twice_at_first_and_returned_once(home: Home, end: str) -> None:
    found, again, said = told(home, """
day = date(2026, 11, 17)
print(json.dumps([ask("WDOFUT", day), ask("WDOFUT", day), vendor.said()[2:]])); end()
""", f"progress WDOFUT 50\n{TRADES}\n{end}")  # fmt: skip
    # 09:00 in São Paulo: date -u -d 2026-11-17T12:00:00 +%s
    expected = [[n + 1, (1_794_916_800 + n) * 10**9, n] for n in range(3)]
    assert (found, again) == (expected, expected)
    asked = "GetHistoryTrades WDOFUT F 17/11/2026 00:00:00|18/11/2026 00:00:00"
    assert said == ["SubscribeTicker WDOFUT F", asked, asked, asked]


def test_day_without_trades_is_no_empty_answer(home: Home) -> None:
    assert told(
        home, """print(json.dumps(ask("WDOFUT", date(2026, 11, 17)))); end()""", "progress WDOFUT 100"
    ).startswith("NotEnoughData: WDOFUT on 2026-11-17: expected trades, found none; if the contract has expired")


def test_request_that_never_ends_is_given_up(home: Home) -> None:
    found = told(
        home,
        """print(json.dumps(ask("WDOFUT", date(2026, 11, 17)))); end()""",
        "progress WDOFUT 99\n" + TRADES[:-1] + "0",
    )
    assert "found progress 99; end the process" in found


@pytest.mark.parametrize(
    ("symbol", "day"), [("WDOFUT", "2026, 10, 20"), ("WDOFUT", "2026, 11, 21"), ("WINFUT", "2026, 11, 17")]
)
def test_what_the_vendor_would_leave_unanswered_is_not_asked(home: Home, symbol: str, day: str) -> None:
    found, said = told(home, f"""
print(json.dumps([ask({symbol!r}, date({day})), vendor.said()[3:]])); end()
""", "")  # fmt: skip
    assert found.startswith("UsageError")
    assert said == []


def test_refusal_of_the_vendor_is_typed(home: Home) -> None:
    found = told(home, """
vendor.play("answer GetHistoryTrades -2147483602")
print(json.dumps(ask("WDOFUT", date(2026, 11, 17)))); end()
""", "")  # fmt: skip
    assert found.startswith(
        "RequestRefused: GetHistoryTrades: expected success, found a start more than 30 calendar days"
    )


@pytest.mark.parametrize(
    ("script", "refusal"),
    [
        ("invalid WDOFUT", "RequestRefused: history of WDOFUT on 2026-11-17: expected a ticker that the vendor knows"),
        (f"{TRADES}\nstate 2 1", "NotConnected: history of WDOFUT on 2026-11-17: expected market data to stay"),
        ("state 0 1", "LoginRefused: login: expected a login the vendor knows, found an invalid one"),
    ],
)
def test_what_nothing_more_can_come_after_is_told_at_once(home: Home, script: str, refusal: str) -> None:
    body = """history._patience_s = 60.0
print(json.dumps(ask("WDOFUT", date(2026, 11, 17)))); end()"""
    assert told(home, body, script).startswith(refusal)


def test_trades_that_found_no_room_are_no_day(home: Home) -> None:
    script = "\n".join(f"past WDOFUT 2026-11-17T09:00:00.000 {n + 1} 5432.5 1 1 2 2 0" for n in range(900))
    small = OPEN.replace("open_connection(home, library)", "open_connection(home, library, history=16)")
    body = """print(json.dumps(ask("WDOFUT", date(2026, 11, 17)))); end()"""
    assert "expected every trade, found " in told(home, body, f"{script}\nprogress WDOFUT 100", small)
