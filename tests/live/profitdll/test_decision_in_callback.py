"""The decision path inside the library's callback: the bytes of a replay, and requests that leave without Python."""

from typing import Any

from market.home import Home
from tests.live.profitdll.test_orders import SECRET
from tests.live.profitdll.vendor import answer_of, run_child

# The ladder's quotes and trades as lines for the library, whose clock tells each event's time.
OPEN = """
import ctypes, threading
from datetime import date
from live.profitdll.accounts import AccountParams, Accounts, contract
from live.profitdll.market import Market
from live.profitdll.orders import Orders
from live.lock import lock, unlock
from live.profitdll.step import ASKED, EVENT_NS, EVENTS, KEEPS_TIME, LOCK, RECEIVED_NS, desk_step, paper_step
from live.profitdll.table import CLOCK
from live.ring import Reader
from market.types import Kind
from tests.factories import MINUTE_NS, make_session
from tests.trading.scenarios import WARM, build_trader, ladder_events
from trading.paper import paper_events
from trading.records import decision_hash
MINUTES = WARM + 4
def lines():
    for minute in range(MINUTES):
        for part in ladder_events(minute):
            event = part[0]
            yield f"clock {event['ts_event_ns']}"
            if event["kind"] == Kind.QUOTE_SIDE:
                yield f"quote WINQ26 {event['price'] * 5} {event['quantity']} {0 if event['side'] == 1 else 1}"
            elif event["kind"] == Kind.TRADE:
                stamp = np.datetime64(int(event["ts_event_ns"]) - 3 * 3600 * 10**9, "ns").astype("<M8[ms]")
                yield f"trade WINQ26 {stamp} {minute * 10 + 1} {event['price'] * 5} {event['quantity']} 1 2 2 0"
def fresh():
    return build_trader(0.9, events=True)
def header(step):
    words = (ctypes.c_int64 * 8).from_address(step.state)
    return {name: words[place // 8] for name, place in dict(
        asked=ASKED, lock=LOCK, event_ns=EVENT_NS, received_ns=RECEIVED_NS, events=EVENTS, keeps=KEEPS_TIME).items()}
def begin(routing=False):
    connection = open_connection(home, library, routing=routing, events=1 << 13)
    vendor, market = Vendor(library), Market(connection, date(2026, 6, 1))
    market.subscribe("WINQ26")
    connection.table[CLOCK] = vendor.clock()
    market.keep_clock("WINQ26", make_session()[0], MINUTE_NS)
    return connection, vendor, market
"""


def told(home: Home, body: str) -> Any:
    return answer_of(run_child(OPEN + body, home))


def test_decisions_in_the_callback_are_those_of_a_replay(home: Home) -> None:
    live, replayed, by_hand, made, fills = told(home, """
connection, vendor, market = begin()
trader, again, twin = fresh(), fresh(), fresh()
step = paper_step(trader)
market.decide("WINQ26", step.address, step.state)
vendor.play("\\n".join(lines()))
heard = Reader(connection.events, keeps=True).take()
paper_events(again.core, again.venue, heard)
ladder = np.concatenate([part for minute in range(MINUTES) for part in ladder_events(minute)])
paper_events(twin.core, twin.venue, ladder)
few = len(trader.decisions)  # the last boundary comes with the event after it
print(json.dumps([
    decision_hash(trader.decisions), decision_hash(again.decisions), decision_hash(twin.decisions[:few]), few,
    len(trader.fills),
])); end()
""")  # fmt: skip
    assert live == replayed == by_hand
    assert made == 172
    assert fills >= 1


def test_a_step_tells_what_it_took_and_waits_for_its_lock(home: Home) -> None:
    before, held, after, last = told(home, """
connection, vendor, market = begin()
step, all_lines = paper_step(fresh()), list(lines())
market.decide("WINQ26", step.address, step.state)
vendor.play("\\n".join(all_lines[:8]))
before = header(step)
lock(step.lock)
playing = threading.Thread(target=vendor.play, args=("\\n".join(all_lines[8:10]),))
playing.start(); time.sleep(0.1)
held = header(step)
unlock(step.lock); playing.join(10)
heard = Reader(connection.events, keeps=True).take()
last = heard[heard["kind"] != Kind.CLOCK][-1]
print(json.dumps([before["events"], held, header(step),
                  [len(heard), int(last["ts_event_ns"]), int(last["ts_recv_ns"])]])); end()
""")  # fmt: skip
    assert held["events"] == before > 0
    assert (held["lock"], after["lock"]) == (1, 0)
    assert [after[name] for name in ("events", "event_ns", "received_ns")] == last
    assert after["events"] > before


def test_entry_leaves_from_the_callback_without_python(home: Home) -> None:
    said, sent, refused, asked, keeps, still = told(home, """
from live.profitdll.order_thread import OrderThread
connection, vendor, market = begin(routing=True)
accounts = Accounts()
vendor.play("account 308 555 Corretora"); accounts.hear(connection.reader.take())
account = accounts.confirm(AccountParams(308, "555", "Corretora"))
trader = fresh()
desk, step = trader.core.desk, desk_step(trader.core)
orders = Orders(connection, account, CREDENTIALS.routing_password)
thread = OrderThread(connection, orders, contract("WINQ26"), desk, step, home.state / "intents.bin")
thread.start()
market.decide("WINQ26", step.address, step.state)
start = len(vendor.said())
vendor.play("\\n".join(lines()))
deadline = time.monotonic() + 5
while thread.served < 1 and time.monotonic() < deadline:
    time.sleep(0.001)
done = thread.sent[0]
still = desk_step(trader.core, keeps_time=False)
print(json.dumps([vendor.said()[start:][:1], [int(done[x]) for x in ("order", "local_id", "unsent")],
                  [int(x) for x in desk.decisions["refusal"][:desk.counts[0]] if x],
                  header(step)["asked"], header(step)["keeps"], header(still)["keeps"]])); end()
""")  # fmt: skip
    assert asked >= 1  # nobody answers, so its cancel follows
    assert (keeps, still) == (1, 0)
    assert refused == []
    assert len(said) == 1
    # The trend's entry: a buy at market or a limit, of the desk's one contract.
    head = f"SendOrder v2 555 v0 308 [] asset v0 WINQ26 F 0 pw{SECRET} type"
    assert said[0].startswith(head)
    assert " side1 " in said[0]
    assert sent[1:] == [4_000_000_001, 0]


def test_an_entry_of_a_late_clock_has_all_its_patience(home: Home) -> None:
    """The ladder's minutes begin with silence: each CLOCK comes 17 seconds late, with the quotes and trade after it."""
    seen, asked = told(home, """
from tests.trading.desks import states
from trading.desk import REQUESTS
connection, vendor, market = begin()
trader, seen = fresh(), []
desk, step = trader.core.desk, desk_step(trader.core)
market.decide("WINQ26", step.address, step.state)
for line in lines():
    vendor.play(line)
    if desk.counts[REQUESTS]:
        decided = int(desk.decisions["ts_ns"][desk.orders[0]["decision"]])
        now = [(header(step)["event_ns"] - decided) / 1e9, states(desk)]
        if [now] != seen[-1:]:
            seen.append(now)
        if now[1] != ["PENDING_NEW"]:
            break
start = int(desk.requests[0]["ts_ns"])
print(json.dumps([seen, [[int(one["kind"]), (int(one["ts_ns"]) - start) / 1e9] for one in desk.requests[:2]]])); end()
""")  # fmt: skip
    assert seen == [[17.0, ["PENDING_NEW"]], [31.0, ["UNKNOWN"]]]
    assert asked == [[1, 0.0], [2, 19.0]]  # the entry of the boundary, its cancel two seconds after it could leave
