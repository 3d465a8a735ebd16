"""A plain session end to end: login, subscription, trades and depth, orders and fills, death and a new login."""

import datetime as dt
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from live.profitdll.standin.launch import launch
from live.profitdll.standin.processes import is_alive
from live.profitdll.standin.recorded import from_file, from_lake
from live.profitdll.standin.rings import publish
from live.profitdll.standin.wire import EVENTS, WIRE_EVENT, EventKind
from market.errors import DataError, LakeError, PregaoError
from market.home import Home
from market.types import PRICE_KEYED, Kind, Side
from tests.commands import CHECKOUT
from tests.factories import WDO, make_event, make_quote, make_trade
from tests.homes import fill_lake
from tests.live.standin.conftest import StartVenue, session_events

pytestmark = pytest.mark.nightly  # the binding's own session through the stand-in is a commit's check

NO_POSITION, WAITING_SERVER, NOT_FOUND = -2147483637, -2147483644, -2147483636


def test_trades_and_depth_arrive_as_recorded(venue: StartVenue) -> None:
    told = venue().play("scenes.trades")
    assert [0, 0] in told["state"]
    assert told["state"].index([2, 4]) < told["state"].index([1, 5])
    assert told["account"][0] == [1001, "Corretora Exemplo", "700123", "Trader Exemplo"]
    assert len(told["trade"]) == 20
    result, ticker, flags, trade = told["trade"][0]
    assert (result, ticker, flags) == (0, "WDON26", 0)
    # 2026-06-01 is a Monday; the first trade is 1.05 s after the open at 09:00.
    assert trade == {
        "time": [2026, 6, 1, 9, 0, 1, 50], "weekday": 1, "number": 1, "price": 5000.5, "quantity": 2,
        "volume": 5000.5 * 2 * 10, "buyer": 3, "seller": 85, "type": 2,
    }  # fmt: skip
    assert [one[3]["number"] for one in told["trade"]] == list(range(1, 21))
    # Book told at subscription, then both sides come to stand inside one bracket of equal times.
    assert [one[2] for one in told["depth"][:5]] == [4, 5, 0, 0, 6]
    assert told["depth"][2] == [0, 0, 0, 1, [5000.0, 10, 1]]
    assert told["depth"][3] == [1, 0, 0, 1, [5000.5, 20, 1]]
    assert told["tiny"][:2] == [[5000.0, 10, 0], [5000.5, 20, 1]]
    assert told["phase"][0][1] == 0
    assert told["daily"][-1][2][:4] == [5000.5, 5000.5, 5000.5, 5000.5]


@pytest.mark.parametrize("keyed", [True, False], ids=["by price", "by index"])
def test_depth_is_that_of_a_book_kept_by_hand(venue: StartVenue, keyed: bool) -> None:
    rng = np.random.default_rng(7)
    sides: dict[int, dict[int, list[float]]] = {1: {}, -1: {}}
    parts = []
    for step in range(400):
        side = 1 if rng.random() < 0.5 else -1
        key = int(rng.integers(0, 12))
        quantity = int(rng.integers(0, 4))
        price = 10_000 - side * (1 + key)
        if step == 150:
            parts.append(make_event(Kind.BOOK_CLEAR, 1 + step / 100))
            sides[1].clear()
            sides[-1].clear()
        kind = Kind.LEVEL_SET if quantity else Kind.LEVEL_DELETE
        level = PRICE_KEYED if keyed else key
        parts.append(make_event(kind, 1 + step // 3 / 100, side=side, price=price, quantity=quantity, level=level))
        sides[side][key] = [price * 0.5, quantity, 0]
    events = np.concatenate(parts)
    events["sequence"], events["instrument"] = np.arange(events.size), WDO
    running = venue(events)
    running.wire.header["pad7"] = events.size
    told = running.play("scenes.depth")
    for side, found in zip((1, -1), told["book"], strict=True):
        expected = [sides[side].get(key, [0, 0, 0]) for key in range(12)]
        if keyed:
            assert found == [one for one in expected if one[1] > 0]
        else:
            assert [one[1] for one in found] == [one[1] for one in expected][: len(found)]
            assert [one[1] for one in expected[len(found) :]] == [0] * (12 - len(found))
    updates = [one[2] for one in told["depth"]]
    assert {0, 1, 4, 5, 6} <= set(updates)
    # One bracket for each run of changes at one time.
    half = events[events.size // 2 :]
    times, runs = np.unique(half["ts_event_ns"], return_counts=True)
    assert updates.count(5) == updates.count(6) == np.count_nonzero(runs > 1) < times.size + 1


def test_an_auction_has_a_theoretical_level_without_a_price(venue: StartVenue) -> None:
    parts = [
        make_quote(0.5, Side.BUY, 10_000, 10), make_quote(0.5, Side.SELL, 10_001, 20),
        make_event(Kind.STATE, 1, level=4), make_trade(2, 10_004, 30, Side.NONE, trade_type=4),
        make_event(Kind.EDIT, 3, price=10_003, quantity=1, trade_type=2, trade_number=1), make_event(Kind.STATE, 4),
    ]  # fmt: skip
    events = np.concatenate(parts)
    events["sequence"], events["instrument"] = np.arange(events.size), WDO
    told = venue(events).play("scenes.auction")
    assert told["values"] == [0, 5002.0, 30]
    assert told["during"] == [["-inf", 30, 1], [5000.0, 10, 0]]
    assert told["after"] == [[5000.0, 10, 0]]
    assert told["phase"] == [0, 4, 0]
    assert told["updates"][-2:] == [7, 7]
    assert told["flags"] == [0, 1]  # the second is an edit


def test_orders_go_through_their_life(venue: StartVenue) -> None:
    told = venue().play("scenes.orders")
    bought = told["ids"][0]
    assert told["ids"] == [10_001, 10_002, 10_003, 10_004]
    assert told["statuses"][0] == [203, 203, 201, 0, 2]
    assert told["bought"]["traded"] == 3
    assert told["bought"]["average"] == 5000.5  # 20 contracts stand at the ask
    assert (told["bought"]["type"], told["bought"]["ticker"], told["bought"]["exchange"]) == (2, "WDON26", "F")
    assert told["position"] == [0, 3, 5000.5, 1, 3, 0]
    assert (told["limit"]["status"], told["limit"]["price"], told["limit"]["leaves"]) == (0, 4990.0, 2)
    assert told["change"] == told["cancel"] == told["cancel_all"] == 0
    assert (told["changed"]["price"], told["changed"]["quantity"], told["changed"]["leaves"]) == (4991.0, 4, 4)
    assert told["canceled"]["status"] == 4
    assert (told["stop"]["type"], told["stop"]["price"], told["stop"]["stop"]) == (4, 4980.0, 4985.0)
    assert told["flat"] == [0, 0, 0.0, 200, 3, 3]
    assert told["zero_flat"] == NO_POSITION
    codes = [one[2] for one in told["results"] if one[1] == told["message"]]
    assert codes == [0, 2, 4, 6, 8, 10]
    assert [one[1] for one in told["orders"] if one[0] == bought][:2] == ["", ""]
    assert told["orders"][-1][1].startswith("PG20260601-")
    assert [one[2] for one in told["positions"]] == [1, 2]
    assert told["statuses"][2][-3:] == [203, 203, 4]


def test_parts_fills_and_turned_positions_add_up(venue: StartVenue) -> None:
    told = venue().play("scenes.parts")
    assert (told["part"]["traded"], told["part"]["leaves"], told["part"]["average"]) == (20, 0, 5000.5)
    assert told["long"] == [0, 20, 5000.5, 1, 20, 0]
    assert told["other"][0] == NO_POSITION
    # 25 sold at the bid of 30 contracts: 20 close, 5 are short at its price.
    assert told["sold"]["average"] == 5000.0
    assert told["short"] == told["unchanged"] == [0, 5, 5000.0, 2, 20, 25]
    assert told["real"] == [0, 1, 5000.0, 2, 0, 1]


def test_events_of_another_session_are_ignored(venue: StartVenue) -> None:
    running = venue()
    client = running.start("fault_scenes.hold")
    running.wait_for("request_tail", 2)
    time.sleep(0.3)  # the ring has one writer at a time
    stale = np.zeros(1, dtype=WIRE_EVENT)
    stale["session"], stale["kind"], stale["price"] = 99, EventKind.TRADE, 1.0
    publish(running.wire, stale[0], np.zeros(0, dtype=WIRE_EVENT))
    running.wire.header["released"] = 61
    out, err = client.communicate(timeout=60)
    assert out == '{"trades": 20}', err


def test_orders_and_position_survive_the_death_of_the_client(venue: StartVenue) -> None:
    running = venue()
    dead = running.start("scenes.killed")
    dead.communicate(timeout=60)
    assert dead.returncode == -9
    told = running.play("scenes.again")
    # An empty list with NL_OK means only that nothing was loaded.
    assert (told["empty"], told["code"], told["ask"], told["asked"]) == ([], 0, WAITING_SERVER, 0)
    assert [(one["status"], one["quantity"]) for one in told["orders"]] == [(2, 2), (0, 2)]
    # Local ids are of the process: an order comes back with another, and its old one names nothing.
    assert [one["local"] for one in told["orders"]] == [20_001, 20_002]
    assert told["old_id"] == {"result": NOT_FOUND}
    assert told["position"][:4] == [0, 2, 5000.5, 1]
    assert told["cancel"] == 0
    assert told["details"]["status"] == 4


def test_the_market_goes_on_without_a_client(venue: StartVenue) -> None:
    """A limit left behind by a killed client fills; the next login finds the fill and the position."""
    events = session_events(40)
    falls = np.concatenate([
        make_quote(6, Side.BUY, 9_970), make_quote(6, Side.SELL, 9_971), make_trade(6.1, 9_971, 5, Side.SELL),
    ])  # fmt: skip
    crowd = np.repeat(make_trade(5.5, 10_001, 1, Side.BUY), EVENTS + 1)  # more than the dead client's ring holds
    events = np.concatenate([events, crowd, falls])
    events["sequence"], events["instrument"] = np.arange(events.size), WDO
    running = venue(events)
    dead = running.start("scenes.killed")
    dead.communicate(timeout=60)
    running.wire.header["released"] = events.size
    running.wait_for("served", events.size)
    told = running.play("scenes.again")
    # 2 at 5000.5, then 2 at the limit of 4990.
    assert [(one["status"], one["quantity"]) for one in told["orders"]] == [(2, 2), (2, 2)]
    assert told["position"] == [0, 4, 4995.25, 1, 4, 0]


def test_sessions_come_from_the_lake_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)
    lake = fill_lake(Home(tmp_path))
    contract = lake.contracts()[0]
    days = lake.sessions(contract)
    found = from_lake(lake, contract, days[1])
    assert found.events.size == lake.read_events(contract, days[1]).size > 1000
    assert (found.earlier, found.day) == ((days[0],), days[1])
    assert found.load(days[0]).size == lake.read_events(contract, days[0]).size
    assert found.offset_ns == -3 * 3600 * 10**9
    assert dt.datetime.fromtimestamp(found.midnight_ms / 1000, dt.UTC).date() == days[1]
    source = ["--contract", contract, "--lake", str(lake.folder), "--day", str(days[1])]
    launched = launch(tmp_path, source, ("--speed", "0"))
    assert int(launched.wire.header["released"][0]) == found.events.size
    assert launched.stop() == ""
    with pytest.raises(PregaoError, match="expected it to serve"):
        launch(tmp_path, [*source[:5], "2020-01-02"])
    with pytest.raises(LakeError):
        from_lake(lake, contract, dt.date(2020, 1, 2))
    np.save(tmp_path / "other.npy", np.zeros(3))
    with pytest.raises(DataError, match="expected EVENT records"):
        from_file(tmp_path / "other.npy", contract)


def test_a_process_lives_until_it_has_ended_reaped_or_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_alive(child.pid)
    child.kill()
    until = time.monotonic() + 10
    while is_alive(child.pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_alive(child.pid)
    child.wait()
    assert not is_alive(child.pid)
