"""Orders through a real C library: what the library saw of each structure, and what is read back."""

from typing import Any

import pytest

from live.profitdll.accounts import AccountParams, Accounts, contract
from live.profitdll.order_codes import OrderStatus
from live.profitdll.order_details import STATES
from live.profitdll.orders import Terms
from market.errors import NotConnected, UnknownSymbol, UsageError
from market.home import Home
from tests.live.profitdll.vendor import CANARY, answer_of, run_child
from trading.records import OrderState

OPEN = """
from dataclasses import asdict
from datetime import date
from live.profitdll.accounts import Account, AccountParams, Accounts, contract
from live.profitdll.order_codes import PositionType
from live.profitdll.order_details import all_orders, order_details, orders_loaded, position
from live.profitdll.orders import Orders, Terms
from market.errors import PregaoError
connection = open_connection(home, library, routing=True)
vendor, accounts, now = Vendor(library), Accounts(), [0.0]
vendor.play("account 308 555 Corretora\\naccount 32003 777 Simulador\\naccount 308 555 Corretora")
accounts.hear(connection.reader.take())
account = accounts.confirm(AccountParams(308, "555", "Corretora"))
orders = Orders(connection, account, CREDENTIALS.routing_password, clock=lambda: now[0])
wdo, start = contract("WDOZ26"), len(vendor.said())
def error_of(function, *arguments):
    try:
        return repr(function(*arguments))
    except PregaoError as error:
        return f"{type(error).__name__}: {error}"
def finish(*found):
    print(json.dumps([*found, vendor.said()[start:]])); end()
"""
SECRET = len(f"{CANARY}-routing")


def told(home: Home, body: str) -> Any:
    return answer_of(run_child(OPEN + body, home))


def test_library_sees_every_field_of_an_order(home: Home) -> None:
    ids, said = told(home, """
sent = [
    orders.send(wdo, Terms(1, 2)), orders.send(wdo, Terms(-1, 3, limit=10865)),
    orders.send(contract("WINZ26"), Terms(-1, 1, limit=24000, trigger=24002)),
]
finish([[one.local_id, one.message_id] for one in sent])
""")  # fmt: skip
    # A local id beyond 32 bits, and the message id the library wrote into our structure.
    assert ids == [[4_000_000_001, 7001]] * 3
    head = "SendOrder v2 555 v0 308 [] asset v0"
    assert said == [
        f"{head} WDOZ26 F 0 pw{SECRET} type1 side1 -1 -1 2 -1",
        f"{head} WDOZ26 F 0 pw{SECRET} type2 side2 5432.5 -1 3 -1",
        f"{head} WINZ26 F 0 pw{SECRET} type4 side2 120000 120010 1 -1",
    ]


def test_library_sees_every_field_of_the_other_requests(home: Home) -> None:
    messages, said = told(home, """
sent = [
    orders.change(wdo, 4000000001, "CL.9", Terms(1, 4, limit=10866, trigger=10864)), orders.cancel(4000000001, "CL.9"),
    orders.zero(wdo, PositionType.DAY_TRADE),
]
orders.cancel_contract(wdo); orders.cancel_all()
finish([[one.local_id, one.message_id] for one in sent])
""")  # fmt: skip
    assert messages == [[4_000_000_001, 7002], [4_000_000_001, 7003], [4_000_000_002, 7004]]
    assert said == [
        f"SendChangeOrderV2 v1 555 v0 308 [] v0 4000000001 CL.9 pw{SECRET} 5433 5432 4 -1",
        f"SendCancelOrderV2 v1 555 v0 308 [] v0 4000000001 CL.9 pw{SECRET} -1",
        f"SendZeroPositionV2 v2 555 v0 308 [] WDOZ26 F pw{SECRET} -1 1 -1",
        "SendCancelOrdersV2 v0 555 v0 308 [] WDOZ26 F",
        f"SendCancelAllOrdersV2 v0 555 v0 308 [] pw{SECRET}",
    ]


def test_refusals_are_typed_and_flat_or_unknown_is_no_error(home: Home) -> None:
    found, _ = told(home, """
vendor.play("answer SendOrder -2147483616\\nanswer SendCancelOrderV2 -2147483636")
found = [error_of(orders.send, wdo, Terms(1, 1)), error_of(orders.cancel, 5)]
vendor.play("answer SendZeroPositionV2 -2147483645")
found.append(error_of(orders.zero, wdo, PositionType.DAY_TRADE))
vendor.play("answer open 0\\nanswer side 200"); vendor.play("")
found.append(error_of(orders.zero, wdo, PositionType.DAY_TRADE))
vendor.play("state 1 2")
found.append(error_of(orders.send, wdo, Terms(1, 1)))
finish(found)
""")  # fmt: skip
    assert found[0].startswith("RequestRefused: SendOrder: expected success, found an account that is no master")
    assert found[1] == "None"
    assert found[2].startswith("RequestRefused: SendZeroPositionV2")  # there is a position: it is not flat
    assert found[3] == "None"
    assert found[4].startswith("NotConnected: SendOrder: expected the broker to be connected (5), found 2")


def test_results_go_forward_and_a_stall_at_the_order_server_is_told(home: Home) -> None:
    found, _ = told(home, """
one = orders.send(wdo, Terms(1, 1))
def hear(lines):
    vendor.play(lines); orders.hear(connection.reader.take()); return one.code
codes = [hear(f"result {one}") for one in ("7001 0 4 CL.1 enviada", "7001 0 2 CL.1 late", "9999 4000000001 0 CL.1 x")]
quiet = orders.stalled(); now[0] = 6.0; loud = orders.stalled()
codes.append(hear("result -1 4000000001 7 CL.1 Senha"))  # told by the local id alone
finish([codes, quiet, loud, orders.stalled(), [[x.code, x.text] for x in orders.rejected()]])
""")  # fmt: skip
    codes, quiet, loud, after, rejected = found
    assert codes == [4, 4, 4, 7]
    assert quiet == []
    assert "order 4000000001: expected an answer within 5 s, found it stopped at result 4; check the routing" in loud[0]
    assert after == []
    assert rejected == [[7, "Senha"]]


def test_order_is_read_in_two_passes(home: Home) -> None:
    details, missing, state, said = told(home, """
one = order_details(connection.library, 77)
vendor.play("answer GetOrderDetails -2147483636")
finish(asdict(one), error_of(order_details, connection.library, 78), int(one.state))
""")  # fmt: skip
    assert said == ["GetOrderDetails 77 NULL pass1", "GetOrderDetails 77 NULL pass2"]
    assert details == {
        "local_id": 77, "permanent_id": "", "symbol": "WDOZ26", "status": 8, "side": 1, "type": 2, "quantity": 5,
        "traded": 2, "leaves": 3, "price": 5000.5, "stop_price": 0.0, "average_price": 5000.25,
        # 10:00:02.500 in São Paulo: date -u -d 2026-11-20T13:00:02 +%s
        "updated_ns": 1_795_179_602_500_000_000, "text": "Recusada pela corretora", "event": 42,
    }  # fmt: skip
    assert missing == "None"
    assert state == OrderState.REJECTED


def test_orders_of_the_day_are_loaded_before_they_are_listed(home: Home) -> None:
    loaded, listed, waiting, said = told(home, """
loaded = orders_loaded(connection.library, account, date(2026, 11, 22))
found = all_orders(connection.library, account)
listed = [[x.local_id, x.permanent_id, x.symbol, x.side, int(x.state), x.text] for x in found]
vendor.play("answer HasOrdersInInterval -2147483644")
finish(loaded, listed, orders_loaded(connection.library, account, date(2026, 11, 20)))
""")  # fmt: skip
    assert (loaded, waiting) == (True, False)
    canceled = int(OrderState.CANCELED)  # status 15: cancelled with a part filled
    assert listed == [[local, "CL.1", "WDOZ26", 2, canceled, "ok"] for local in (100, 101, 102)]
    assert said[0] == "HasOrdersInInterval 555 2026-11-22 wd0 2026-11-22"  # a Sunday is 0 in Windows


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("", [-3, 5001.5, 9]),
        ("answer side 1", [3, 5001.5, 9]),
        ("answer open 0\\nanswer side 200", [0, 0.0, 9]),
        ("answer GetPositionV2 -2147483637", [0, 0.0, 0]),
        ("answer side 200", "DataError"),
    ],
)
def test_position_has_a_sign_where_there_is_one(home: Home, answers: str, expected: Any) -> None:
    found, said = told(home, f"""
vendor.play({answers.encode().decode("unicode_escape")!r} or "sleep 0")
try:
    one = position(connection.library, account, wdo, PositionType.CONSOLIDATED)
    finish([one.quantity, one.average_price, one.event])
except PregaoError as error:
    finish(type(error).__name__)
""")  # fmt: skip
    assert found == expected
    if "GetPositionV2" not in answers:
        assert said == ["GetPositionV2 v2 555 v0 308 [] WDOZ26 F type2"]


def test_account_trades_only_under_the_name_its_broker_announced(home: Home) -> None:
    found, _ = told(home, """
finish([
    error_of(accounts.confirm, AccountParams(32003, "777", "Corretora")),
    error_of(accounts.confirm, AccountParams(1, "2", "x")), len(accounts.names),
])
""")  # fmt: skip
    assert found[0].startswith(
        "SafetyRefusal: account 777 of broker 32003: expected the broker 'Corretora', found 'Sim"
    )
    assert found[1].startswith("NotConnected: account 2 of broker 1: expected its announcement, found 2 other accounts")
    assert found[2] == 2  # announced three times


@pytest.mark.parametrize("symbol", ["WDOFUT", "WINFUT", "WDO$", "WIN"])
def test_series_is_no_contract(symbol: str) -> None:
    with pytest.raises(UsageError, match="expected a dated contract"):
        contract(symbol)


def test_what_is_no_future_is_no_contract() -> None:
    with pytest.raises(UnknownSymbol):
        contract("PETR4")
    assert contract(" wdoz26").symbol == "WDOZ26"
    with pytest.raises(NotConnected):
        Accounts().confirm(AccountParams(1, "2", "x"))


@pytest.mark.parametrize(
    ("side", "quantity", "limit", "trigger"),
    [(0, 1, None, None), (1, 0, None, None), (1, -1, 5, None), (1, 1, 0, None), (1, 1, None, 5), (1, 1, 4, 5),
     (-1, 1, 5, 4), (2, 1, None, None)],
)  # fmt: skip
def test_terms_that_no_order_can_have_are_refused(side: int, quantity: int, limit: Any, trigger: Any) -> None:
    with pytest.raises(UsageError, match="expected a side, contracts"):
        Terms(side, quantity, limit, trigger)


def test_every_status_that_is_a_dead_end_is_dead_for_the_desk() -> None:
    """profitdll.md, event flow: the terminal statuses."""
    names = (
        "FILLED", "CANCELED", "REJECTED", "EXPIRED", "PARTIALLY_FILLED_CANCELED", "PARTIALLY_FILLED_EXPIRED",
        "PARTIALLY_FILLED_REJECTED", "ORDER_NOT_CREATED", "CANCELED_BY_ADMIN", "DONE_FOR_DAY",
    )  # fmt: skip
    dead = {OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED}
    assert {status for status, state in STATES.items() if state in dead} == {OrderStatus[name] for name in names}
