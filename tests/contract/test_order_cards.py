"""Cards of orders: what is sent, what becomes of it, and what is said where it does not."""

import pytest

from market.types import Kind
from tests.contract.cards import BLOCKS, FAULT, RECORDED, SETTING, VENDOR, standin_only
from tests.contract.conftest import Open, Told
from tests.contract.recording import Recording
from trading.records import OrderState

TICK = 0.5  # points, of WDO
ORDER_FAULTS = {
    "orders_lost": {"count": 4}, "orders_duplicated": {"count": 5}, "orders_reordered": {"count": 2},
    "order_storm": {"code": 300}, "orders_late": {"ms": 300},
}  # fmt: skip


def record() -> Recording:
    made = Recording()
    made.trade()
    made.moment("open")
    made.moment("by_broker", "order_rejected", code=5)
    made.moment("by_risk", "order_rejected", code=24)
    made.moment("partial")
    made.moment("in_parts", "order_partial")
    made.quotes(9_955, 9_956)
    made.trade(9_955)
    made.moment("fell")
    return made


def rest_of(made: Recording) -> Recording:
    """Add the moments after the market fell and rose again."""
    made.trade()
    made.moment("rose")
    made.moment("silent", "order_silent")
    made.moment("routing_down", "routing_down", ms=600)
    made.moment("broker_down", "broker_down", ms=600)
    for name, how_far in ORDER_FAULTS.items():
        made.moment(name, name, **how_far)
    made.moment("hang", "hang", call="SEND", ms=700)
    made.trade()
    made.trade()
    made.moment("meanwhile")
    made.moment("admin", "canceled_by_admin")
    made.add(Kind.STATE, level=6)
    made.mark("closed")
    return made


@pytest.fixture(scope="module")
def told(opened: Open) -> Told:
    play = opened(rest_of(record()), {"expired": ["WDOM26"]})
    return play.run("order_steps", *(("PLAIN",) if VENDOR else ("PLAIN", "FAULTY")))


@pytest.fixture(scope="module")
def otherwise(opened: Open) -> Told:
    """A stand-in that answers the open questions the other way."""
    settings = {"zero_flat_args": True, "refuse_stop_change": True, "triggered_stop_fills": True}
    return opened(rest_of(record()), settings).run("order_steps", "OTHERWISE")


def test_e01_only_the_simulator(told: Told) -> None:
    """An account is traded only where its broker announced itself by the expected name; these cards trade a simulator's
    and no other."""
    real, other = told["guard"]
    assert real[0] == other[0] == "SafetyRefusal"
    assert "expected a simulator's account" in real[1]
    assert "expected the broker 'Outro simulador', found" in other[1]


def test_e02_market_order(told: Told) -> None:
    """A market order fills whole at what the book offers; position and average price follow it, whatever type it reads
    back as."""
    found = told["market_order"]
    order = found["order"]
    assert (order["state"], order["traded"], order["leaves"]) == (OrderState.FILLED, 3, 0)
    assert order["average_price"] == pytest.approx(found["ask"] * TICK, abs=5.0 if VENDOR else 0.0)
    assert found["after"][0] - found["before"][0] == 3
    assert found["result"][0] == 10
    if not VENDOR:
        assert found["after"] == [3, 5000.5]
        assert order["price"] != order["average_price"]  # reads back as a limit, away from its fill


def test_e03_limit_order(told: Told) -> None:
    """A limit order away from the market works, and reads back with its price and quantity, under the id that the call
    returned; its notices tell the permanent id."""
    found = told["limit_order"]
    order = found["order"]
    assert (order["state"], order["quantity"], order["traded"], order["leaves"]) == (OrderState.ACCEPTED, 2, 0, 2)
    assert (order["price"], order["local_id"]) == (found["limit"] * TICK, found["sent"])
    assert found["ids"][-1] != ""
    assert set(found["ids"]) <= {"", found["ids"][-1]}


def test_e04_change(told: Told) -> None:
    """A change gives a working order another price and quantity; it stays the same order and works on."""
    found = told["change_order"]
    order = found["order"]
    assert (order["state"], order["quantity"], order["leaves"]) == (OrderState.ACCEPTED, 4, 4)
    assert order["price"] == found["limit"] * TICK


def test_e05_cancel(told: Told) -> None:
    """A cancel ends a working order. A second one is refused with a text and changes nothing, and one of an order that
    nobody knows is answered with none."""
    found = told["cancel_order"]
    assert (found["order"]["state"], found["order"]["traded"]) == (OrderState.CANCELED, 0)
    assert found["again"][0] == 9
    assert found["again"][1] != ""
    assert found["after"]["state"] == OrderState.CANCELED
    assert found["unknown"] == ["", "None"]


def test_e06_stop_limit(told: Told) -> None:
    """A stop-limit waits with its trigger and its limit."""
    found = told["stop_order"]
    order = found["order"]
    assert (order["state"], order["type"], order["quantity"]) == (OrderState.ACCEPTED, 4, 3)
    assert (order["price"], order["stop_price"]) == (found["limit"] * TICK, found["trigger"] * TICK)


def test_e07_cancel_one_contract(told: Told) -> None:
    """Cancelling a contract ends every working order in it and none in another."""
    assert told["cancel_many"]["one"] == [OrderState.CANCELED] * 2
    if not VENDOR:
        assert told["cancel_many"]["spared"] == [OrderState.ACCEPTED]


def test_e08_cancel_all(told: Told) -> None:
    """Cancelling all ends every working order of the account, in every contract."""
    assert set(told["cancel_many"]["all"]) == {OrderState.CANCELED}


def test_e09_zero_position(told: Told) -> None:
    """Zeroing closes the whole position at market; where there is none it sends nothing and says so."""
    found = told["zero_position"]
    assert found["before"][0] != 0
    assert found["sent"] is True
    assert found["after"] == [0, 0.0]
    assert found["again"] == ["", "None"]


@standin_only(SETTING)
def test_e10_zero_flat_otherwise(otherwise: Told) -> None:
    """A library that calls zeroing a flat position an invalid argument is read the same: the position is looked at."""
    assert otherwise["zero_flat"] == ["", "None"]


def test_e11_wrong_ticker(told: Told) -> None:
    """An order in a contract that does not exist is refused by the call, in one sentence that says to name a dated
    contract; a continuous series is no contract at all."""
    unknown, other, series = told["wrong_ticker"]
    assert unknown[0] == other[0] == "RequestRefused"
    assert "found an invalid ticker" in unknown[1]
    assert "name a dated contract" in unknown[1]
    assert series[0] == "UsageError"


def test_e12_off_tick(told: Told) -> None:
    """A price between two ticks is rejected, and the text of the rejection is told."""
    found = told["off_tick"]
    assert found["order"]["state"] == OrderState.REJECTED
    assert found["order"]["text"] != ""
    if not VENDOR:
        assert found["order"]["text"] == "Preco fora do tick"
        assert found["rejected"][-1] == [found["order"]["local_id"], 9, "Preco fora do tick"]


@standin_only(FAULT)
def test_e13_rejected_on_the_way(told: Told) -> None:
    """A rejection by the broker (5) or its risk control (24) is told by code and text, and the order reads back as
    rejected."""
    assert told["rejected"] == {
        "by_broker": [OrderState.REJECTED, "Rejeitada", 5, "Rejeitada"],
        "by_risk": [OrderState.REJECTED, "Rejeitada", 24, "Rejeitada"],
    }


@standin_only(RECORDED)
def test_e14_partial_fill(told: Told) -> None:
    """An order for more than is offered fills in part and works with the rest; its cancel leaves what was filled."""
    found = told["partial_fill"]
    assert (found["part"]["traded"], found["part"]["leaves"]) == (20, 10)
    assert (found["end"]["state"], found["end"]["traded"]) == (OrderState.CANCELED, 20)
    assert found["end"]["average_price"] == 5000.5
    assert found["gained"] == 20


@standin_only(FAULT)
def test_e15_fill_in_parts(told: Told) -> None:
    """A fill that is told in two parts counts once."""
    found = told["fill_in_parts"]
    assert (found["order"]["state"], found["order"]["traded"], found["gained"]) == (OrderState.FILLED, 4, 4)


@standin_only(RECORDED)
def test_e16_triggered_stop(told: Told) -> None:
    """A stop whose trigger was reached before it came is rejected, with a text."""
    found = told["triggered_stop"]
    assert found["state"] == OrderState.REJECTED
    assert found["text"] == "Preco de disparo ja atingido"


@standin_only(SETTING)
def test_e17_triggered_stop_otherwise(otherwise: Told) -> None:
    """Where a triggered stop goes to market instead, it reads back as filled."""
    assert otherwise["triggered_stop"]["state"] == OrderState.FILLED


@standin_only(RECORDED)
def test_e18_stop_fires(told: Told) -> None:
    """A stop that the market falls through becomes its limit and fills."""
    found = told["stop_fires"]
    assert found["waiting"] == OrderState.ACCEPTED
    assert (found["order"]["state"], found["order"]["traded"]) == (OrderState.FILLED, 2)
    assert found["order"]["average_price"] == 9_955 * TICK
    assert found["gained"] == -2


@standin_only(SETTING)
def test_e19_refused_stop_change(otherwise: Told) -> None:
    """A refused change of a stop is told, and the stop stands as it was; cancelling it and sending another works."""
    found = otherwise["change_stop"]
    assert found["said"][0] == "RequestRefused"
    assert "SendChangeOrderV2: expected success, found invalid arguments" in found["said"][1]
    assert (found["stands"]["state"], found["stands"]["stop_price"]) == (OrderState.ACCEPTED, found["trigger"] * TICK)
    assert (found["ended"], found["anew"]) == (OrderState.CANCELED, OrderState.ACCEPTED)


@standin_only(BLOCKS)
def test_e20_wrong_routing_password(told: Told) -> None:
    """A wrong routing password fails no call: the order stops at result 4, and five seconds later an alarm names the
    password and says to read the order back."""
    found = told["wrong_password"]
    assert (found["code"], found["early"]) == (4, [])
    assert len(found["late"]) == 1
    assert "found it stopped at result 4; check the routing password" in found["late"][0]
    assert "read the order back" in found["late"][0]
    assert found["state"] == OrderState.PENDING_NEW


@standin_only(FAULT)
def test_e21_silent_drop(told: Told) -> None:
    """An order that is dropped in silence is no rejected one: it stays pending, and an alarm says so."""
    found = told["silent_drop"]
    assert len(found["said"]) == 1
    assert (found["state"], found["gained"]) == (OrderState.PENDING_NEW, 0)


@standin_only(FAULT)
def test_e22_not_connected(told: Told) -> None:
    """While routing or the broker is away nothing is sent, and the refusal names the state; the market goes on, and the
    connection comes back by itself."""
    routing, broker = (told["not_connected"][moment] for moment in ("routing_down", "broker_down"))
    for (kind, said), sent, market, back in (routing, broker):
        assert kind == "NotConnected"
        assert "expected the broker to be connected (5), found" in said
        assert (sent, market, back) == (0, True, True)
    assert "found 3;" in broker[0][1]


@standin_only(FAULT)
@pytest.mark.parametrize("fault", ORDER_FAULTS)
def test_e23_disordered_events(fault: str, told: Told) -> None:
    """Events of an order that are lost, come twice, in another order, in a storm or late end in one state that is read
    back: filled once."""
    found = told["disordered_events"][fault]
    assert found["found"] == found["again"]["state"] == OrderState.FILLED
    assert (found["again"]["traded"], found["again"]["leaves"], found["gained"]) == (1, 0, 1)
    assert found["code"] == 10
    assert told["disordered_events"]["dropped"] == 0


@standin_only(FAULT)
def test_e24_hanging_call(told: Told) -> None:
    """A call that hangs holds up its own thread alone: the market is heard, and accounts can be read. The order is
    there once."""
    found = told["hanging_call"]
    assert found["took"] > 0.7
    assert (found["trades"], found["alive"], found["position"]) == (2, True, 0)
    assert (found["state"], found["gained"]) == (OrderState.FILLED, 1)


@standin_only(FAULT)
def test_e25_cancelled_by_the_broker(told: Told) -> None:
    """An order that the broker cancels by itself reads back as cancelled."""
    found = told["canceled_by_admin"]
    assert (found["state"], found["status"]) == (OrderState.CANCELED, 205)


@standin_only(RECORDED)
def test_e26_closed_market(told: Told) -> None:
    """A working order ends with the session, and one sent after it is rejected with a text."""
    found = told["closed_market"]
    assert found["left"] == OrderState.EXPIRED
    assert found["order"]["state"] == OrderState.REJECTED
    assert found["order"]["text"] == "Fase do mercado nao permite a operacao"
    assert found["result"] == [9, "Fase do mercado nao permite a operacao"]
