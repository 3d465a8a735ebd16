"""The compiled order loop against a real C library: what it writes down, what it sends, and what it refuses to send."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from market.errors import SafetyRefusal
from market.home import Home
from tests.live.profitdll.test_orders import OPEN as ORDERS
from tests.live.profitdll.test_orders import SECRET
from tests.live.profitdll.vendor import CANARY, answer_of, run_child
from trading.intents import INTENT, check_bytes, read_intents
from trading.records import OrderState

OPEN = (
    ORDERS
    + """
from live.profitdll.order_thread import OrderThread
from live.profitdll.step import Step
from market.instruments import B3
from trading.core import new_desk
from trading.desk import REQUESTS
from trading.policy import RiskLimits
from live.profitdll.wake import post_now
desk, whole = new_desk(RiskLimits(capital_reais=1e6), B3.of("WDOZ26")), np.zeros(8, dtype=np.int64)
intents = home.state / "intents.bin"
thread = OrderThread(connection, orders, wdo, desk, Step(0, whole.ctypes.data, None), intents)
thread.start()
NEW, CANCEL, REPLACE, ENTRY, PROTECT, LIMIT, STOP = 1, 2, 3, 1, 2, 2, 4
def ask(**fields):
    at = int(whole[0])
    for name, one in fields.items():
        desk.requests[at][name] = one
    desk.counts[REQUESTS] += 1
    whole[0] += 1
    post_now(connection.table)
    deadline = time.monotonic() + 5
    while thread.served <= at and time.monotonic() < deadline:
        time.sleep(0.001)
    done = thread.sent[at]
    return [int(done[name]) for name in ("order", "local_id", "message_id", "result", "unsent")]
"""
)


def told(home: Home, body: str, **environment: str) -> Any:
    return answer_of(run_child(OPEN + body, home, **environment))


def test_requests_are_written_down_and_sent(home: Home) -> None:
    sent, said = told(home, """
sent = [
    ask(kind=NEW, role=ENTRY, order=11, side=1, quantity=2, price=10865, type=LIMIT),
    ask(kind=NEW, role=PROTECT, order=12, side=-1, quantity=2, price=10800, stop_price=10802, type=STOP),
    ask(kind=REPLACE, role=PROTECT, order=12, side=-1, quantity=1, price=10810, stop_price=10812, type=STOP),
    ask(kind=CANCEL, role=PROTECT, order=12),
]
thread.stop()
finish(sent)
""")  # fmt: skip
    new = 4_000_000_001
    assert sent == [[11, new, 7001, new, 0], [12, new, 7001, new, 0], [12, new, 7002, 0, 0], [12, new, 7003, 0, 0]]
    head = "555 v0 308 []"
    assert said == [
        f"SendOrder v2 {head} asset v0 WDOZ26 F 0 pw{SECRET} type2 side1 5432.5 -1 2 -1",
        f"SendOrder v2 {head} asset v0 WDOZ26 F 0 pw{SECRET} type4 side2 5400 5401 2 -1",
        f"SendChangeOrderV2 v1 {head} v0 {new} NULL pw{SECRET} 5405 5406 1 -1",
        f"SendCancelOrderV2 v1 {head} v0 {new} NULL pw{SECRET} -1",
    ]
    path = home.state / "intents.bin"
    assert not any(CANARY.encode(encoding) in path.read_bytes() for encoding in ("utf-8", "utf-16-le"))
    written = read_intents(path)
    assert written["request"]["order"].tolist() == [11, 12, 12, 12]
    assert written["request"]["price"].tolist() == [10865, 10800, 10810, 0]
    assert written["number"].tolist() == [1, 2, 3, 4]


def test_what_cannot_be_sent_says_why(home: Home) -> None:
    sent, said = told(home, """
sent = [ask(kind=CANCEL, order=99), ask(kind=NEW, role=PROTECT, order=1, side=-1, quantity=1, stop_price=9, type=STOP)]
vendor.play("state 1 2")
sent.append(ask(kind=NEW, role=ENTRY, order=2, side=1, quantity=1, price=9, type=LIMIT))
vendor.play("state 1 5\\nanswer SendOrder -2147483645")
sent.append(ask(kind=NEW, role=ENTRY, order=3, side=1, quantity=1, price=9, type=LIMIT))
sent.append(ask(kind=CANCEL, order=3))
finish(sent)
""")  # fmt: skip
    refused = -2147483645
    no_order, no_limit, no_routing = 3, 4, 2
    assert [(one[0], one[3], one[4]) for one in sent] == [
        (99, 0, no_order), (1, 0, no_limit), (2, 0, no_routing), (3, refused, 0), (3, 0, no_order)
    ]  # fmt: skip
    assert [line.split()[0] for line in said] == ["SendOrder"]


WITH_A_DESK = """
from live.lock import lock, unlock
from live.profitdll.step import let_out
from tests.trading.desks import WIDE, send_entry, states
from trading.bracket import cancel_entry
from trading.core import begin_desk
from trading.desk import FILLS
desk.limits[:] = WIDE.record()
begin_desk(desk, 1, 10**18, False)
desk.account["mark"], desk.market["atr_ticks"], desk.terms["fee_per_side"] = 10000, 8.0, 0.25
def do(what, *arguments):
    lock(whole.ctypes.data + 8)
    what(desk, *arguments)
    let_out(whole.ctypes.data, desk)
    unlock(whole.ctypes.data + 8)
    post_now(connection.table)
def until(what):
    deadline = time.monotonic() + 5
    while not what() and time.monotonic() < deadline:
        time.sleep(0.001)
"""


def test_answers_move_the_desk_and_what_nobody_understands_does_not(home: Home) -> None:
    """Each answer by hand: accepted, a cancel refused on its way, a status without meaning, details that come late."""
    seen, alarms, said = told(home, WITH_A_DESK + """
seen, alarms = [], []
def look():
    time.sleep(0.15)  # more than two wakes
    seen.append([states(desk)[0], int(desk.tickets[0]["asked"])]); alarms.append(thread.alarms())
vendor.play("answer status 0\\nanswer traded 0")
do(send_entry, 1, 5, 20, 20); until(lambda: thread.served == 1); look()
vendor.play("order 4000000001 CL.1\\norder 77 CL.77"); look()
do(cancel_entry); until(lambda: thread.served == 2)
vendor.play("answer status 203\\norder 4000000001 CL.1"); look()
vendor.play("result 7003 0 4 CL.1 adiante\\nresult 7003 0 5 CL.1 recusada"); look()
vendor.play("answer status 7\\norder 4000000001 CL.1"); look()
vendor.play("answer status 4\\nanswer GetOrderDetails -2147483636\\norder 4000000001 CL.1"); look()
vendor.play("answer GetOrderDetails 0"); look()
finish(seen, [*alarms, thread.foreign])
""")  # fmt: skip
    assert seen == [
        ["PENDING_NEW", 1],
        ["ACCEPTED", 0],
        ["PENDING_CANCEL", 1],  # CLIENT_CREATED at the cancel says nothing
        ["ACCEPTED", 0],  # the cancel was refused at result 5, and may be asked again
        ["ACCEPTED", 0],
        ["ACCEPTED", 0],
        ["CANCELED", 0],
    ]
    foreign, counts = alarms.pop(), [len(one) for one in alarms]
    assert foreign == 1
    assert counts == [0, 0, 0, 0, 1, 2, 1]
    assert "found another, 7" in alarms[4][0]
    assert "expected details of each one, found none" in alarms[5][1]
    assert {line.split()[0] for line in said} == {"SendOrder", "GetOrderDetails", "SendCancelOrderV2"}


def test_details_older_than_what_was_told_do_not_say_how_an_order_works(home: Home) -> None:
    told_of, overtaken, _ = told(home, WITH_A_DESK + """
vendor.play("answer status 0\\nanswer traded 0")
do(send_entry, 1, 5, 20, 20); until(lambda: thread.served == 1)
told_of = []
for event, quantity, traded in (42, 5, 0), (43, 6, 0), (41, 7, 1):
    vendor.play(f"answer event {event}\\nanswer quantity {quantity}\\nanswer traded {traded}\\norder 4000000001 CL.1")
    time.sleep(0.15)
    told_of.append([int(desk.tickets[0]["quantity"]), int(desk.orders[0]["filled"])])
finish(told_of, thread.overtaken)
""")  # fmt: skip
    assert told_of == [[5, 0], [6, 0], [6, 1]]  # the fill is joined whenever it was told
    assert overtaken == 1


def test_an_event_that_comes_before_its_order_has_an_id_is_not_lost(home: Home) -> None:
    """The library tells of the order, rejected with two of five filled at 5000.25, while SendOrder has not returned."""
    state, fills, foreign, said = told(home, WITH_A_DESK + """
do(send_entry, 1, 5, 20, 20)
until(lambda: desk.counts[FILLS] == 2)
fills = [[int(one[name]) for name in ("price", "quantity")] for one in desk.fills[:desk.counts[FILLS]]]
finish(int(desk.orders["state"][0]), fills, thread.foreign)
""", VENDOR_EARLY="order 4000000001 CL.1\nsleep 100")  # fmt: skip
    assert state == OrderState.REJECTED
    assert fills == [[10_000, 1], [10_001, 1]]
    assert foreign == 0
    assert [line.split()[0] for line in said][:2] == ["SendOrder", "GetOrderDetails"]


def test_disk_that_fails_stops_entries_and_nothing_else(home: Home) -> None:
    sent, failed, said = told(home, """
from live.profitdll.order_work import HANDLE
os.close(int(thread._work[HANDLE // 8]))  # as a disk that is gone
sent = [
    ask(kind=NEW, role=ENTRY, order=1, side=1, quantity=1, price=10865, type=LIMIT),
    ask(kind=NEW, role=PROTECT, order=2, side=-1, quantity=1, price=10865, type=LIMIT),
]
finish(sent, thread.disk_failed)
""")  # fmt: skip
    assert [one[4] for one in sent] == [1, 0]
    assert failed is True
    assert len(said) == 1


def test_file_is_continued_after_a_torn_tail(home: Home) -> None:
    body = """
ask(kind=NEW, role=ENTRY, order=7, side=1, quantity=1, price=10865, type=LIMIT)
thread.stop(); finish()
"""
    told(home, body)
    path = home.state / "intents.bin"
    path.write_bytes(path.read_bytes() + b"torn")
    told(home, body)
    assert read_intents(path)["number"].tolist() == [1, 2]
    assert path.stat().st_size == 2 * INTENT.itemsize


def chain(count: int) -> np.ndarray:
    made, previous = np.zeros(count, dtype=INTENT), 0
    for place in range(count):
        made[place]["number"], made[place]["previous"] = place + 1, previous
        made[place]["check"] = previous = check_bytes(np.frombuffer(made[place].tobytes(), dtype=np.uint8)[:-8])
    return made


def test_check_is_that_of_the_reference() -> None:
    """FNV-1a of 64 bits over "foobar", from the reference's own vectors."""
    assert int(check_bytes(np.frombuffer(b"foobar", dtype=np.uint8))) == 0x85944171F73967E8


@pytest.mark.parametrize("damage", ["bit", "swap", "drop"])
def test_altered_intents_are_refused(tmp_path: Path, damage: str) -> None:
    made, path = chain(4), tmp_path / "intents.bin"
    path.write_bytes(made.tobytes() + bytes(INTENT.itemsize))
    assert len(read_intents(path)) == 4
    if damage == "bit":
        made[1]["request"]["price"] ^= 1
    elif damage == "swap":
        made[[1, 2]] = made[[2, 1]]
    else:
        made = np.delete(made, 1)
    path.write_bytes(made.tobytes())
    with pytest.raises(SafetyRefusal, match="record 2: expected the one after record 1"):
        read_intents(path)
