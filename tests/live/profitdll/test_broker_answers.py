"""What the broker answers reaches the desk: whole trades through the stand-in library, in order and in disorder."""

from pathlib import Path
from typing import Any

import pytest

from live.profitdll.order_work import NO_ROUTING
from live.profitdll.standin.build import build
from market.errors import UsageError
from tests.commands import CHECKOUT
from tests.live.profitdll.desk_at_standin import START, tell

BOUGHT = START + 1  # what an entry at market pays: the ask
UP, DOWN = START + 30, START - 30  # beyond target and stop


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build(tmp_path_factory.mktemp("library"))
    except UsageError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def at_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)


TO_THE_TARGET = """
begin()
enter()
protected = there("PROTECTED")
open_at = [held(), booked(desk)]
release(121)
there("FLAT")
times = copies.take().fills["ts_ns"]
prices = [[int(one[name]) for name in ("price", "stop_price")] for one in copies.take().orders]
story(protected, open_at, thread.foreign, [int(one - times[0]) / 1e9 for one in times], prices)
"""
LONG_TRADE = [[1, BOUGHT, 2], [-1, BOUGHT + 20, 2]]


def test_a_trade_from_entry_to_target_ends_flat_on_both_sides(tmp_path: Path, library: Path) -> None:
    told = tell(tmp_path, library, TO_THE_TARGET, [UP])
    assert told.common == ("FLAT", "", 0, 0, [])
    assert told.more[:3] == [True, [2, 2], 0]
    assert told.fills == LONG_TRADE
    assert told.states == ["FILLED", "CANCELED", "FILLED"]
    assert told.asked == [["NEW", 1, "ENTRY"], ["NEW", 2, "STOP"], ["NEW", 3, "TARGET"], ["CANCEL", 2, "STOP"]]
    # A market order has no price, though it reads back as a limit; the stop's limit is 40 ticks beyond it.
    assert told.more[4] == [[0, 0], [BOUGHT - 60, BOUGHT - 20], [BOUGHT + 20, 0]]
    # The entry after the calm of two seconds, the target at the next trade: by the exchange's clock, not by ours.
    assert 0 < told.more[3][1] < 1


@pytest.mark.nightly
def test_a_desk_that_lives_in_the_callback_hears_of_its_orders(tmp_path: Path, library: Path) -> None:
    """The same trade with the market decided on in the library's thread, whose step shares the desk with the loop."""
    told = tell(tmp_path, library, """
import ctypes
from live.profitdll.step import EVENTS, HEARD, desk_step
from live.profitdll.table import CLOCK
from market.costs import Costs
from market.instruments import B3
from tests.factories import make_constant_forest, make_model, make_session
from tests.trading.desks import WIDE
from tests.trading.scenarios import SCHEMA
from trading.core import new_desk
from trading.paper import new_trader, paper_begin
from trading.policy import StrategyParams
from tests.live.profitdll.vendor import Vendor, build_vendor
vendor = Vendor(build_vendor())  # for its clock, which tells a time of the session
vendor.set_clock(OPEN_NS + 3 * 10**9)
connection.table[CLOCK] = vendor.clock()
model = make_model(SCHEMA, make_constant_forest(1, 0.5), (), StrategyParams(require_agents=False))
traded = new_desk(WIDE, B3.of("WDON26"), Costs(0.25, 0.0))
trader = new_trader(SCHEMA, model, traded)
paper_begin(trader.core, trader.venue, make_session()[0], True)
traded.exits[:] = ExitParams(limit_offset=40).record()
its_step = desk_step(trader.core, keeps_time=False)
market.decide("WDON26", its_step.address, its_step.state)
serve_desk(traded, its_step)
desk.market["atr_ticks"], desk.market["quote_ns"] = 8.0, desk.market["now_ns"]
desk.market["bid"], desk.market["ask"] = 10000, 10001
enter()
protected = there("PROTECTED")
release(121)
there("FLAT")
words = np.frombuffer((ctypes.c_int64 * 8).from_address(step.state), dtype=np.int64)
release(181)
wait(lambda: desk.budget[0]["equity"] == 199.0, 5.0)
told = [int(words[HEARD // 8]), float(desk.budget[0]["equity"])]
story(protected, int(words[EVENTS // 8]), int(desk.account[0]["mark"]), told)
""", [UP, UP])  # fmt: skip
    assert told.common == ("FLAT", "", 0, 0, [])
    assert told.more[0] is True
    assert told.more[1] >= 40
    assert told.more[2] == UP + 1
    # What was heard is valued at the next event: 20 ticks of R$ 5 for two contracts, four sides of R$ 0.25.
    assert told.more[3] == [0, 199.0]
    assert told.fills == LONG_TRADE


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "orders_reordered", "order": 1, "count": 2},
        {"fault": "order_storm", "order": 1, "code": 2000},
        pytest.param({"fault": "orders_duplicated", "order": 1, "count": 100}, marks=pytest.mark.nightly),
        pytest.param({"fault": "orders_late", "order": 1, "ms": 300}, marks=pytest.mark.nightly),
        pytest.param({"fault": "order_storm", "order": 3, "code": 2000}, marks=pytest.mark.nightly),
    ],
    ids=["reordered", "storm", "duplicated", "late", "storm at a leg"],
)
def test_events_in_disorder_end_in_the_same_state(tmp_path: Path, library: Path, fault: dict[str, Any]) -> None:
    told = tell(tmp_path, library, TO_THE_TARGET, [UP], [fault])
    assert told.common == ("FLAT", "", 0, 0, [])
    assert told.fills == LONG_TRADE
    assert told.states == ["FILLED", "CANCELED", "FILLED"]


def test_notices_that_were_lost_cost_nothing(tmp_path: Path, library: Path) -> None:
    """A ring of sixteen that nobody empties: each order is looked at instead."""
    told = tell(tmp_path, library, "connection.notices.words[2:4] = 16, 15\n" + TO_THE_TARGET, [UP])
    assert told.common == ("FLAT", "", 0, 0, [])
    assert told.fills == LONG_TRADE


def test_a_fill_in_parts_is_booked_in_parts_and_protected_whole(tmp_path: Path, library: Path) -> None:
    told = tell(tmp_path, library, """
begin()
enter(quantity=4)
there("PROTECTED")
wait(lambda: held() == 4 and desk.tickets[1]["quantity"] == desk.tickets[2]["quantity"] == 4)
story([int(one) for one in desk.tickets["quantity"][1:3]])
""", [], [{"fault": "order_partial", "order": 1}])  # fmt: skip
    assert (told.stands, told.booked, told.held) == ("PROTECTED", 4, 4)
    assert sum(quantity for _, _, quantity in told.fills) == 4
    assert told.more[0] == [4, 4]


@pytest.mark.parametrize(
    ("code", "reason"),
    [pytest.param(7, "UNDELIVERED", marks=pytest.mark.nightly), (9, "EXCHANGE"), (24, "UNDELIVERED")],
)
def test_an_entry_that_is_rejected_leaves_the_desk_free(tmp_path: Path, library: Path, code: int, reason: str) -> None:
    told = tell(tmp_path, library, """
begin()
enter()
wait(lambda: desk.bracket[0]["live"] == 0 and states(desk) == ["REJECTED"])
refused = Refusal(desk.orders[0]["rejected"]).name
enter()
there("PROTECTED")
story(refused)
""", [], [{"fault": "order_rejected", "order": 1, "code": code}])  # fmt: skip
    assert told.more == [reason]
    assert told.states == ["REJECTED", "FILLED", "ACCEPTED", "ACCEPTED"]
    assert (told.stands, told.booked, told.held) == ("PROTECTED", 2, 2)


def test_a_stop_that_may_not_be_changed_leads_to_a_close_at_market(tmp_path: Path, library: Path) -> None:
    """Signals.md §10: the stop goes to the entry's price; refused for good, the position is closed instead."""
    told = tell(tmp_path, library, """
begin(breakeven=5)
enter()
there("PROTECTED")
release(121)
move(10010)
there("FLAT")
story()
""", [START + 10], settings={"refuse_stop_change": True})  # fmt: skip
    assert told.common == ("FLAT", "", 0, 0, [])
    assert told.asked[3:] == [["REPLACE", 2, "STOP"], ["NEW", 4, "FLATTEN"], ["CANCEL", 2, "STOP"],
                              ["CANCEL", 3, "TARGET"]]  # fmt: skip
    assert told.fills == [[1, BOUGHT, 2], [-1, START + 10, 2]]


def test_a_stop_that_was_changed_works_at_its_new_price(tmp_path: Path, library: Path) -> None:
    told = tell(tmp_path, library, """
begin(breakeven=5)
enter()
there("PROTECTED")
release(121)
move(10010)
wait(lambda: desk.tickets[1]["stop_price"] == 10001)
moved = [int(desk.tickets[1][name]) for name in ("stop_price", "price", "quantity", "asked")]
release(181)
there("FLAT")
story(moved)
""", [START + 10, DOWN])  # fmt: skip
    assert told.common == ("FLAT", "", 0, 0, [])
    assert told.more == [[BOUGHT, BOUGHT - 40, 2, 0]]


def test_a_silent_entry_costs_the_desk_its_patience(tmp_path: Path, library: Path) -> None:
    """Bracket: without an answer the entry is doubted and cancelled; unanswered `repeats` times, the desk halts."""
    told = tell(tmp_path, library, """
begin(keeps_time=True, answer_ms=100, repeats=2)
enter()
wait(lambda: blamed(desk) != "")
story()
""", [], [{"fault": "order_silent", "order": 1}])  # fmt: skip
    assert (told.stands, told.fault, told.booked, told.held) == ("UNKNOWN", "UNANSWERED", 0, 0)
    assert told.states == ["UNKNOWN"]
    assert told.asked == [["NEW", 1, "ENTRY"]] + [["CANCEL", 1, "ENTRY"]] * 3


@pytest.mark.nightly  # by the wall clock: an order and its cancel within 800 ms
def test_a_cancel_that_cannot_be_sent_is_asked_again(tmp_path: Path, library: Path) -> None:
    told = tell(tmp_path, library, """
begin(keeps_time=True, answer_ms=500, protect_ms=5000)
enter()
there("PROTECTED")
release(121)
there("FLAT")
story([int(one) for one in thread.sent["unsent"][:len(asked(desk))]])
""", [UP], [{"fault": "broker_down", "event": 61, "ms": 800}])  # fmt: skip
    assert told.common == ("FLAT", "", 0, 0, [])
    assert told.fills == LONG_TRADE
    assert told.more[0][3] == NO_ROUTING
    assert told.more[0][-1] == 0
    assert {tuple(one) for one in told.asked[3:]} == {("CANCEL", 2, "STOP")}


def test_both_legs_that_fill_are_bought_back(tmp_path: Path, library: Path) -> None:
    """Bracket: what was closed twice is bought back at once, and the desk halts."""
    told = tell(tmp_path, library, """
begin()
enter()
there("PROTECTED")
lock(step.lock)  # the desk cannot cancel one leg before the other has filled
release(181)
unlock(step.lock)
there("HALT")
story()
""", [DOWN, UP])  # fmt: skip
    assert (told.stands, told.fault, told.booked, told.held) == ("HALT", "OVERCLOSED", 0, 0)
    assert [one[:1] + one[2:] for one in told.fills] == [[1, 2], [-1, 2], [-1, 2], [1, 2]]


def test_an_entry_that_is_not_on_disk_is_told_as_refused(tmp_path: Path, library: Path) -> None:
    told = tell(tmp_path, library, """
from live.profitdll.order_work import HANDLE
begin()
os.close(int(thread._work[HANDLE // 8]))  # as a disk that is gone
enter()
there("FLAT")
story(Refusal(desk.orders[0]["rejected"]).name)
""", [])  # fmt: skip
    assert told.common == ("FLAT", "", 0, 0, [])
    assert told.states == ["REJECTED"]
    assert told.more == ["UNDELIVERED"]


BY_A_CLOCK_OF_THE_SESSION = """
from live.profitdll.table import CLOCK
from tests.live.profitdll.vendor import Vendor, build_vendor
vendor = Vendor(build_vendor())  # for its clock
def clock(seconds): vendor.set_clock(OPEN_NS + int(seconds * 10**9))
clock(0)
connection.table[CLOCK] = vendor.clock()
"""


def test_an_order_that_stops_at_the_order_server_is_told_with_its_remedy(tmp_path: Path, library: Path) -> None:
    """A wrong routing password: no rejection, no report, nothing but result 4."""
    told = tell(tmp_path, library, BY_A_CLOCK_OF_THE_SESSION + """
begin()
enter()
wait(lambda: thread.sent[0]["code"] == 4)
clock(5)
quiet = thread.alarms()
clock(5.001)
story(quiet, int(thread.sent[0]["local_id"]))
""", [], settings={"routing_password": "another"})  # fmt: skip
    quiet, local_id = told.more
    assert quiet == []
    assert (told.stands, told.held) == ("ENTRY_SENT", 0)
    assert told.alarms == [
        f"order {local_id}: expected an answer within 5 s, found it stopped at result 4; check the routing password, "
        "and read the order back before anything else"
    ]


def test_orders_that_were_answered_are_no_alarm_however_long_ago(tmp_path: Path, library: Path) -> None:
    told = tell(tmp_path, library, BY_A_CLOCK_OF_THE_SESSION + """
begin()
enter()
there("PROTECTED")
release(121)
there("FLAT")
clock(3600)
story([int(one) for one in thread.sent["code"][:len(asked(desk))]])
""", [UP])  # fmt: skip
    assert told.common == ("FLAT", "", 0, 0, [])
    assert told.more == [[10, 10, 10, 10]]


def test_orders_of_others_never_touch_the_desk(tmp_path: Path, library: Path) -> None:
    told = tell(tmp_path, library, """
begin()
other = orders.send(wdo, Terms(1, 3))
reach(other, OrderState.FILLED)
wait(lambda: thread.foreign >= 2)
story(thread.foreign)
""", [])  # fmt: skip
    assert (told.stands, told.fault, told.booked, told.held) == ("FLAT", "", 0, 3)
    assert told.more[0] >= 2
