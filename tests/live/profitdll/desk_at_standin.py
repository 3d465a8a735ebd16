"""A desk whose orders go through the binding and the stand-in library to its venue, in a child process."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from live.profitdll.standin.launch import Launched, launch
from market.types import Kind, Side
from tests.commands import CHECKOUT
from tests.factories import WDO, make_event, make_quote, make_trade

START, CALM = 10_000, 58  # bid, ticks; events that are served before a story begins, three before the price moves

OPEN = """
import json, os, sys, time
from datetime import date
from pathlib import Path
import numpy as np
from live.profitdll.accounts import AccountParams, Accounts, contract
from live.profitdll.connection import ConnectionParams, connect
from live.profitdll.credentials import Credentials, Secret
from live.profitdll.market import Market
from live.profitdll.order_codes import PositionType
from live.profitdll.order_details import all_orders, order_details, position
from live.profitdll.orders import Orders, Terms
from live.profitdll.standin.wire import attach
from market.home import Home
from trading.records import OrderState

home, library = Home(Path(sys.argv[1])), Path(sys.argv[2])
wire = attach(Path(os.environ["PREGAO_STANDIN"]))
login = [Secret(one) for one in ("STANDIN-KEY", "trader@example.com", "login-password", "routing-password")]

def wait(what, seconds=20.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.002)
    return False

def answer(found):
    print(json.dumps(found), flush=True)
    os._exit(0)

def release(count):
    wire.header["released"] = count
    assert wait(lambda: int(wire.header["served"][0]) >= count)
    assert wait(lambda: int(wire.header["event_head"][0]) == int(wire.header["event_tail"][0]))

params = ConnectionParams(library, routing=True, patience_s=15.0, events=1 << 12, notices=1 << 12)
connection = connect(home, params, Credentials(*login))
accounts, wdo = Accounts(), contract("WDON26")
assert wait(lambda: accounts.hear(connection.reader.take()) or len(accounts.names) == 2)
account = accounts.confirm(AccountParams(15011, "SIM700123", "Simulador Nelogica"))
orders, market = Orders(connection, account, login[-1]), Market(connection, date(2026, 6, 1))
market.subscribe("WDON26")
release(1)

def reach(sent, state):
    found = []
    def there():
        orders.hear(connection.reader.take())
        found[:] = [order_details(connection.library, sent.local_id)]
        return found[0] is not None and found[0].state == state
    return found[0] if wait(there, 5.0) else found[0]
"""
DESK = """
from live.desk_reader import DeskReader
from live.lock import lock, unlock
from live.profitdll.order_thread import OrderThread
from live.profitdll.step import EVENT_NS, KEEPS_TIME, RECEIVED_NS, Step, let_out
from live.profitdll.wake import post_now
from tests.factories import OPEN_NS
from tests.trading.desks import blamed, build_desk, position as booked, send_entry, sent as asked, stands, states
from trading.bracket import tick
from trading.exits import ExitParams
from trading.requests import Refusal

def begin(keeps_time=False, **exits):
    # A desk that hears of no market, only of its orders: its step is a header alone.
    words = np.zeros(8, dtype=np.int64)
    words[EVENT_NS // 8], words[RECEIVED_NS // 8] = OPEN_NS, time.time_ns()
    words[KEEPS_TIME // 8] = keeps_time
    serve_desk(build_desk(ExitParams(limit_offset=40, **exits)), Step(0, words.ctypes.data, None), words)

def serve_desk(traded, its_step, *kept):
    global desk, step, thread, copies, alive
    desk, step, alive = traded, its_step, kept
    copies = DeskReader(desk, step.lock)
    thread = OrderThread(connection, orders, wdo, desk, step, home.state / "intents.bin")
    thread.start()
    release(CALM)

def move(price, seconds=2):
    lock(step.lock)
    desk.account["mark"] = price
    tick(desk, int(desk.market[0]["now_ns"]) + seconds * 10**9)
    let_out(step.state, desk)
    unlock(step.lock)
    post_now(connection.table)

def enter(quantity=2, side=1):
    lock(step.lock)
    if alive:
        alive[0][RECEIVED_NS // 8] = time.time_ns()  # as if at an event
    send_entry(desk, side, quantity, 20, 20)
    let_out(step.state, desk)
    unlock(step.lock)
    post_now(connection.table)

def there(state, seconds=5.0):
    return wait(lambda: stands(desk).name == state, seconds)

def held():
    return position(connection.library, account, wdo, PositionType.DAY_TRADE).quantity

def story(*more):
    time.sleep(0.1)  # what is still on its way
    desk_fills = [[int(one[name]) for name in ("side", "price", "quantity")] for one in copies.take().fills]
    answer([stands(desk).name, states(desk), blamed(desk), booked(desk), held(), desk_fills,
            [list(one[:3]) for one in asked(desk)], thread.alarms(), more])
"""


@dataclass(frozen=True)
class Told:
    """How a story of a desk ended; `more` is what else it was asked."""

    stands: str
    states: list[str]
    fault: str
    booked: int  # contracts by the desk's fills
    held: int  # contracts by the venue
    fills: list[list[int]]
    asked: list[list[Any]]
    alarms: list[str]
    more: list[Any]

    @property
    def common(self) -> tuple[str, str, int, int, list[str]]:
        """What is the same of every story that ends well."""
        return self.stands, self.fault, self.booked, self.held, self.alarms


def session(*bids: int) -> np.ndarray:
    """Return a calm of twenty trades around START, then twenty at each further bid; a tick wide, buyers aggress."""
    parts = [make_event(Kind.STATE, 0)]
    for k, bid in enumerate([START] * 20 + [bid for bid in bids for _ in range(20)]):
        at = 1 + k / 10
        parts += [make_quote(at, Side.BUY, bid, 50), make_quote(at, Side.SELL, bid + 1, 50)]
        parts.append(make_trade(at + 0.05, bid + 1, 5, Side.BUY, trade_number=k + 1, buyer=3, seller=85))
    events = np.concatenate(parts)
    events["sequence"], events["instrument"] = np.arange(events.size), WDO
    return events


def tell(
    folder: Path,
    library: Path,
    body: str,
    bids: Sequence[int] = (START,),
    faults: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
) -> Told:
    """Play a story of a desk against a venue of its own; return what it told."""
    np.save(folder / "events.npy", session(*bids))
    source = ("--contract", "WDON26", "--events", str(folder / "events.npy"))
    venue = launch(folder, source, ("--stepped",), faults, settings)
    try:
        *found, more = _play(venue, library, folder / "home", f"CALM = {CALM}\n" + OPEN + DESK + body)
        return Told(*found, more)
    finally:
        assert venue.stop() == ""


def _play(venue: Launched, library: Path, home: Path, body: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", body, str(home), str(library)],
        capture_output=True, text=True, check=False, cwd=CHECKOUT, timeout=290,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PREGAO_STANDIN": str(venue.map_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
