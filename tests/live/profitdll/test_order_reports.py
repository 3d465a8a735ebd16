"""What the library's details of an order become: a cumulative REPORT in ticks, contracts and UTC."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from live.profitdll.abi import record_of
from live.profitdll.market import utc_offset_ns
from live.profitdll.order_codes import OrderStatus
from live.profitdll.order_reports import describe, wall_ns, why_refused
from live.profitdll.order_work import NO_DISK, NO_LIMIT, NO_ORDER, NO_ROUTING, SENT
from trading.records import OrderState
from trading.requests import REPORT, Refusal, RequestKind, is_permanent

# What profitdll.md §3.3 and §9 say of each: the terminal ones, those that work, and those that are only on their way
# (CLIENT_CREATED comes again at a cancel). None: nothing is told; UNKNOWN: nobody says what it means.
WORKS, ON_ITS_WAY, NOBODY = "ACCEPTED", None, "UNKNOWN"
MEANS = {
    0: WORKS, 1: "PARTIALLY_FILLED", 2: "FILLED", 3: "EXPIRED", 4: "CANCELED", 5: WORKS, 6: ON_ITS_WAY, 7: NOBODY,
    8: "REJECTED", 9: NOBODY, 10: ON_ITS_WAY, 11: NOBODY, 12: "EXPIRED", 13: NOBODY, 14: ON_ITS_WAY, 15: "CANCELED",
    16: ON_ITS_WAY, 17: "EXPIRED", 18: "REJECTED", 200: NOBODY, 201: ON_ITS_WAY, 202: ON_ITS_WAY, 203: ON_ITS_WAY,
    204: "REJECTED", 205: "CANCELED", 206: NOBODY, 207: NOBODY,
}  # fmt: skip
TICK = 0.5


def details(**fields: float) -> np.ndarray:
    made = np.zeros(1, dtype=record_of("TConnectorOrderOut"))
    made["Quantity"] = 3
    for name, value in fields.items():
        made[name] = value
    return made


def described(**fields: float) -> tuple[str | None, np.void]:
    report = np.zeros(1, dtype=REPORT)
    state = describe(details(**fields)[0], TICK, report[0])
    return (OrderState(state).name if state else None), report[0]


def test_every_status_has_its_meaning() -> None:
    assert {int(status) for status in OrderStatus} == set(MEANS)
    for status in range(256):
        assert described(OrderStatus=status)[0] == MEANS.get(status, NOBODY), status


def test_an_order_that_has_filled_some_is_told_so_in_every_state_it_may_still_leave() -> None:
    for status, means in MEANS.items():
        alive = means in (WORKS, ON_ITS_WAY)
        told = described(OrderStatus=status, TradedQuantity=1, AveragePrice=5000.5)[0]
        assert told == ("PARTIALLY_FILLED" if alive else means), status


@pytest.mark.parametrize(
    ("average", "filled", "notional"),
    [
        (5000.5, 1, 10_001),
        (5000.5 + 1 / 6, 3, 30_004),  # 10001, 10001 and 10002 ticks
        (5000.33, 3, 30_002),  # a mean that was cut to the cent
        (0.0, 0, 0),
        (float("nan"), 2, 0),  # no price can be made of it
        (float("inf"), 2, 0),
        (-1.0, 2, 0),
    ],
)
def test_worth_of_all_fills_is_exact_in_ticks(average: float, filled: int, notional: int) -> None:
    _, report = described(OrderStatus=1, TradedQuantity=filled, AveragePrice=average)
    assert (int(report["filled"]), int(report["quantity"]), int(report["notional"])) == (filled, 3, notional)


def test_terms_are_ticks_and_none_is_zero() -> None:
    _, report = described(OrderStatus=0, Price=5432.5, StopPrice=5433.0)
    assert (int(report["price"]), int(report["stop_price"])) == (10_865, 10_866)
    for none in (-1.0, 0.0, float("nan"), float("-inf"), 1e300):
        _, report = described(OrderStatus=0, Price=none, StopPrice=none)
        assert (int(report["price"]), int(report["stop_price"])) == (0, 0)


@pytest.mark.parametrize("fields", [{"Quantity": 0}, {"Quantity": 1 << 31}, {"TradedQuantity": -1}])
def test_quantities_that_no_order_has_move_nothing(fields: dict[str, int]) -> None:
    assert described(OrderStatus=1, **fields)[0] == "UNKNOWN"


def test_wall_clock_of_the_exchange_is_told_in_utc() -> None:
    day = dt.datetime(2026, 11, 20, 17, 59, 58, 731_000, tzinfo=ZoneInfo("America/Sao_Paulo"))
    time = np.zeros(1, dtype=record_of("TSystemTime"))
    time[0] = (2026, 11, 5, 20, 17, 59, 58, 731)
    told = wall_ns(time[0], utc_offset_ns(day.date()))
    assert told == int(day.timestamp()) * 1_000_000_000 + 731_000_000
    for name in ("wYear", "wMonth", "wDay"):
        empty = time.copy()
        empty[name] = 0
        assert wall_ns(empty[0], 0) == 0


NEW, CANCEL, REPLACE = (int(kind) for kind in RequestKind)


@pytest.mark.parametrize(
    ("kind", "unsent", "result", "reason"),
    [
        (NEW, 0, 7, "NONE"),
        (NEW, 0, 4_000_000_001, "NONE"),  # ids are wider than 32 bits
        (CANCEL, 0, 0, "NONE"),
        (NEW, NO_DISK, 0, "UNDELIVERED"),
        (CANCEL, NO_ROUTING, 0, "UNDELIVERED"),
        (CANCEL, NO_ORDER, 0, "NOT_WORKING"),
        (NEW, NO_LIMIT, 0, "PRICE"),
        (REPLACE, 0, -2147483645, "PRICE"),  # NL_INVALID_ARGS, as for a stop that a simulator would not change
        (NEW, 0, 0x80000003, "PRICE"),  # the same where a long result lost its sign
        (CANCEL, 0, -2147483636, "NOT_WORKING"),  # NL_NOT_FOUND
        (NEW, 0, -2147483647, "UNDELIVERED"),  # NL_INTERNAL_ERROR
        (NEW, 0, -2147483603, "NONE"),  # NL_TIMEOUT: the order may be there
        (REPLACE, 0, -2147483603, "UNDELIVERED"),
    ],
)
def test_what_was_not_taken_is_refused_for_a_reason(kind: int, unsent: int, result: int, reason: str) -> None:
    sent = np.zeros(1, dtype=SENT)
    sent["kind"], sent["unsent"], sent["result"] = kind, unsent, result
    assert Refusal(why_refused(sent, 0)).name == reason


def test_what_the_exchange_refuses_is_not_asked_again_and_what_never_reached_it_is() -> None:
    assert is_permanent(int(Refusal.EXCHANGE))
    assert not is_permanent(int(Refusal.UNDELIVERED))
