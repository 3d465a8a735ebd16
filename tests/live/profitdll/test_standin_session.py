"""The binding against the stand-in library, which was written from the ABI and not from the binding."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from live.profitdll.standin.build import build
from live.profitdll.standin.launch import Launched, launch
from market.errors import UsageError
from market.home import Home
from market.types import EVENT, Kind
from tests.commands import CHECKOUT
from tests.live.standin.conftest import session_events
from trading.records import OrderState

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
from live.profitdll.order_details import all_orders, order_details, orders_loaded, position
from live.profitdll.orders import Orders, Terms
from live.profitdll.standin.wire import attach
from live.ring import Reader
from market.errors import PregaoError
from market.home import Home
from trading.records import OrderState

home, library, password = Home(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]
wire = attach(Path(os.environ["PREGAO_STANDIN"]))
login = [Secret(one) for one in ("STANDIN-KEY", "trader@example.com", password, "routing-password")]

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

def connected(routing=True):
    params = ConnectionParams(library, routing=routing, patience_s=15.0, events=1 << 12, notices=1 << 12)
    return connect(home, params, Credentials(*login))
"""
ORDERS = """
connection = connected()
accounts, wdo = Accounts(), contract("WDON26")
assert wait(lambda: accounts.hear(connection.reader.take()) or len(accounts.names) == 2)
account = accounts.confirm(AccountParams(15011, "SIM700123", "Simulador Nelogica"))
orders, market = Orders(connection, account, Secret(sys.argv[4])), Market(connection, date(2026, 6, 1))
market.subscribe("WDON26")
release(61)
def reach(sent, state):
    found = []
    def there():
        orders.hear(connection.reader.take())
        found[:] = [order_details(connection.library, sent.local_id)]
        return found[0] is not None and found[0].state == state
    return found[0] if wait(there, 5.0) else found[0]
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build(tmp_path_factory.mktemp("library"))
    except UsageError as error:
        pytest.skip(str(error))


@pytest.fixture
def venue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launched]:
    monkeypatch.chdir(CHECKOUT)
    np.save(tmp_path / "events.npy", session_events())
    launched = launch(tmp_path, ("--contract", "WDON26", "--events", str(tmp_path / "events.npy")), ("--stepped",))
    yield launched
    assert launched.stop() == ""


def play(
    venue: Launched,
    library: Path,
    home: Home,
    body: str,
    password: str = "login-password",
    routing: str = "routing-password",
) -> Any:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", OPEN + body, str(home.root), str(library), password, routing],
        capture_output=True, text=True, check=False, cwd=CHECKOUT, timeout=200,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PREGAO_STANDIN": str(venue.map_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_trades_arrive_as_they_were_recorded(venue: Launched, library: Path, home: Home) -> None:
    found = play(venue, library, home, """
connection = connected(routing=False)
market, events = Market(connection, date(2026, 6, 1)), Reader(connection.events, keeps=True)
market.subscribe("WDON26", depth=True)
release(301)
answer([market.alarms(True), connection.events.dropped, connection.notices.dropped, events.take().tolist()])
""")  # fmt: skip
    alarms, dropped, lost, listed = found
    assert (alarms, dropped, lost) == ([], 0, 0)
    heard = np.array([tuple(one) for one in listed], dtype=EVENT)
    heard, recorded = heard[heard["kind"] == Kind.TRADE], session_events()
    recorded = recorded[recorded["kind"] == Kind.TRADE]
    assert heard.size == 100
    for name in (
        "ts_event_ns",
        "trade_number",
        "quantity",
        "price",
        "buyer",
        "seller",
        "side",
        "trade_type",
        "instrument",
    ):
        assert heard[name].tolist() == recorded[name].tolist(), name


def test_levels_in_the_ring_are_those_of_the_book(venue: Launched, library: Path, home: Home) -> None:
    listed = play(venue, library, home, """
connection = connected(routing=False)
market, events = Market(connection, date(2026, 6, 1)), Reader(connection.events, keeps=True)
market.subscribe("WDON26", depth=True)
release(301)
answer(events.take().tolist())
""")  # fmt: skip
    heard = np.array([tuple(one) for one in listed], dtype=EVENT)
    sets = heard[heard["kind"] == Kind.LEVEL_SET]
    # Bid 10000 with 10, 11, … 109 contracts, ask 10001 with 20, told once.
    bids = sets[sets["side"] == 1]
    assert set(bids["price"].tolist()) == {10_000}
    assert bids["quantity"].tolist() == list(range(10, 110))
    assert [(int(one["price"]), int(one["quantity"])) for one in sets[sets["side"] == -1]] == [(10_001, 20)]


def test_order_is_sent_filled_cancelled_and_read_back(venue: Launched, library: Path, home: Home) -> None:
    bought, held, limit, canceled, flat, listed, codes = play(venue, library, home, ORDERS + """
first = orders.send(wdo, Terms(1, 3))
bought = reach(first, OrderState.FILLED)
held = position(connection.library, account, wdo, PositionType.DAY_TRADE)
second = orders.send(wdo, Terms(1, 2, limit=9980))
limit = reach(second, OrderState.ACCEPTED)
orders.cancel(second.local_id)
canceled = reach(second, OrderState.CANCELED)
orders.zero(wdo, PositionType.DAY_TRADE)
assert wait(lambda: position(connection.library, account, wdo, PositionType.DAY_TRADE).quantity == 0)
none = orders.zero(wdo, PositionType.DAY_TRADE)
listed = [one.local_id for one in all_orders(connection.library, account)]
wait(lambda: orders.hear(connection.reader.take()) or first.code == 10, 3.0)
answer([
    [bought.traded, bought.average_price, int(bought.state)], [held.quantity, held.average_price],
    [limit.price, limit.quantity, int(limit.state)], int(canceled.state), none is None,
    [first.local_id in listed, second.local_id in listed], [first.code, orders.stalled(), connection.notices.dropped],
])
""")  # fmt: skip
    assert bought == [3, 5000.5, OrderState.FILLED]
    assert held == [3, 5000.5]
    assert limit == [4990.0, 2, OrderState.ACCEPTED]
    assert canceled == OrderState.CANCELED
    assert flat is True
    assert listed == [True, True]
    assert codes == [10, [], 0]


def test_wrong_login_password_is_told_and_leaves_nothing_open(venue: Launched, library: Path, home: Home) -> None:
    body = """
try:
    connected()
    answer("connected")
except PregaoError as error:
    answer([type(error).__name__, str(error)])
"""
    kind, message = play(venue, library, home, body, "not-it")
    assert kind == "LoginRefused"
    assert "expected the login's password, found a wrong one; correct PREGAO_PROFITDLL_PASSWORD" in message
    assert "not-it" not in message
    assert play(venue, library, home, body) == "connected"


def test_wrong_routing_password_is_told_as_a_stall(venue: Launched, library: Path, home: Home) -> None:
    code, stalled = play(venue, library, home, ORDERS + """
orders._clock = lambda: now[0]
now = [0.0]
sent = orders.send(wdo, Terms(1, 1))
wait(lambda: orders.hear(connection.reader.take()) or sent.code >= 4, 5.0)
time.sleep(0.2)
orders.hear(connection.reader.take())
now[0] = 6.0
answer([sent.code, orders.stalled()])
""", routing="wrong")  # fmt: skip
    assert code == 4
    assert "found it stopped at result 4; check the routing password" in stalled[0]


def test_second_login_with_the_key_is_refused_by_the_vendor(venue: Launched, library: Path, home: Home) -> None:
    other = Home(home.root / "other")  # another home has another lock
    kind, message = play(venue, library, home, f"""
import subprocess
connection = connected()
code = Path(sys.argv[1], "second.py")
code.write_text({OPEN!r} + '''
try:
    connected()
    answer("connected")
except PregaoError as error:
    answer([type(error).__name__, str(error)])
''')
done = subprocess.run([sys.executable, str(code), {str(other.root)!r}, *sys.argv[2:]], capture_output=True, text=True)
assert done.returncode == 0, done.stderr
answer([*json.loads(done.stdout.splitlines()[-1])])
""")  # fmt: skip
    assert kind == "SecondSession"
    assert "the activation key is in use already" in message


def test_offers_in_the_ring_are_those_of_the_book(venue: Launched, library: Path, home: Home) -> None:
    listed, lost = play(venue, library, home, """
from live.profitdll.table import OFFERS_LOST
connection = connected(routing=False)
market, events = Market(connection, date(2026, 6, 1)), Reader(connection.events, keeps=True)
market.subscribe("WDON26", offers=True)
release(301)
answer([events.take().tolist(), connection.table[OFFERS_LOST]])
""")  # fmt: skip
    heard = np.array([tuple(one) for one in listed], dtype=EVENT)
    sets = heard[(heard["kind"] == Kind.LEVEL_SET) & (heard["side"] == 1)]
    assert lost == 0
    assert set(sets["price"].tolist()) == {10_000}
    assert sets["quantity"].tolist()[-1] == 109
    assert (np.diff(sets["quantity"]) >= 0).all()
