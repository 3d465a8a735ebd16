"""The runner on a feed: what it decides is what a replay of its recording decides, and nothing is left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.sources.captures import Captures
from live.profitdll.connection import hold
from live.profitdll.settings import ProfitSettings
from live.profitdll.standin.build import compiler
from live.profitdll.standin.processes import is_alive
from live.profitdll.standin.wire import attach, get_text
from live.replay import replay
from live.runner import Feed, Orders, Plan, catch_up, leave, run
from market.capture import read_capture
from market.errors import SafetyRefusal, SecondSession, UsageError
from market.home import Home
from market.lake import Lake
from market.synthetic import provenance_of, split_kinds
from market.types import Kind
from registry.installed import Named, open_account
from registry.judgement import count_sessions
from tests.commands import CHECKOUT, environment_of, run_pregao, start_pregao
from tests.homes import MARKET, install_model
from tests.live.test_lean_imports import heavy
from trading.intents import read_intents
from trading.journal import Kind as Entry
from trading.journal import read
from trading.paper import begin_session
from trading.policy import RiskLimits
from trading.records import DECISION, FILL, ORDER, OrderRole, OrderState
from trading.requests import RequestKind

pytestmark = pytest.mark.timeout(900)  # the first run on a machine compiles the decision path

DAY = MARKET.days()[-1]
BUSY = replace(MARKET, trades_per_session=6_000)
MINUTE = 60 * 1_000_000_000
RUN = """
import json, os, sys
from pathlib import Path
from live.profitdll.settings import ProfitSettings
from live.runner import Feed, Orders, Plan, run
from market.home import Home
from registry.installed import Named, open_account
own = Path(os.path.relpath(sys.argv[1])) / "own.bin"
done = run(Home(Path(sys.argv[1])), Named(), Plan("paper", Feed.STANDIN, Orders.VENUE, ProfitSettings(), own))
print(json.dumps(done.as_dict() | {"modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module", autouse=True)
def _compiler() -> None:
    try:
        compiler()
    except UsageError as error:
        pytest.skip(str(error))


def build_busy_home(root: Path) -> Home:
    """Return a home whose last session is an hour of a busy market, and the minute in which a desk has to be flat."""
    home, source = Home(root), provenance_of(MARKET)
    lake, writes = Lake(home.lake), []
    hours = lake.instruments.session(MARKET.symbol, DAY)[0]
    flat_ns = int(hours["close_ns"]) - RiskLimits().flatten_before_close_minutes * MINUTE
    for index, day in enumerate(MARKET.days()):
        events = (BUSY if day == DAY else MARKET).session_events(index)
        if day == DAY:
            at = events["ts_event_ns"]
            events = events[(at < hours["open_ns"] + 60 * MINUTE) | (abs(at - flat_ns) < MINUTE)]
            events["sequence"] = np.arange(events.size)
        writes += [(lake.draft(kind, MARKET.symbol, day, source), part) for kind, part in split_kinds(events)]
    lake.commit(writes)
    install_model(home)
    return home


@dataclass(frozen=True)
class Done:
    """A run in a home of its own, and what it told."""

    home: Home
    told: dict[str, Any]

    def rows(self, kind: Entry, dtype: np.dtype) -> np.ndarray:
        """Return the journal's records of a kind."""
        records = read(Path(self.told["journal"]))
        return np.concatenate([record.rows(dtype) for record in records if record.kind == kind])


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """One recorded session from the stand-in's feed, with the venue in the process."""
    home = build_busy_home(tmp_path_factory.mktemp("home"))
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(home.root)],
        capture_output=True, text=True, check=False, cwd=CHECKOUT, env=environment_of(home),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return Done(home, json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def filed(paper: Done, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose lake has that session from the recording, and the earlier ones as they were."""
    home = Home(tmp_path_factory.mktemp("filed"))
    for folder in ("bundles", "keys"):
        shutil.copytree(paper.home.state / folder, home.state / folder)
    whole, lake = Lake(paper.home.lake), Lake(home.lake)
    earlier = [part for part in whole.partitions() if part.session < DAY.isoformat()]
    lake.commit((part, whole.read_merged([part])) for part in earlier)
    home.capture.mkdir(parents=True)
    shutil.copy(paper.told["capture"], home.capture)
    (delivery,) = Captures(home.capture).deliveries(lake)
    assert delivery.waits() == ""
    delivery.take(lake, delivery.fetch())
    assert delivery.settle(None) == ""
    return home


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The same session, its orders through the stand-in library to its venue and back."""
    home = build_busy_home(tmp_path_factory.mktemp("routed"))
    done = run_pregao(home, "live", "--mode", "paper", "--broker", "standin", "--json")
    assert done.code == 0, done.err[-3000:]
    return Done(home, done.answer)


def test_decisions_are_those_of_a_replay_of_what_was_recorded(paper: Done, filed: Home) -> None:
    replayed = replay(filed, Named(first=DAY, last=DAY))
    assert replayed.fills >= 2
    for name in ("decision_hash", "events", "decisions", "fills", "net_reais", "position", "model_digest"):
        assert paper.told[name] == getattr(replayed, name), name
    assert (paper.told["broker"], paper.told["dropped"]) == ("venue", 0)


def test_feed_brings_the_same_records_whoever_takes_the_orders(paper: Done, routed: Done) -> None:
    ours, theirs = (read_capture(Path(one.told["capture"])) for one in (paper, routed))
    assert ours.events.tobytes() == theirs.events.tobytes()
    assert (ours.events["kind"] == Kind.STATE).sum() == 1  # told by the subscription, which was asked for once


def test_recording_holds_what_was_served(paper: Done, filed: Home) -> None:
    """Trades to the bit but for their time, which the vendor tells in milliseconds."""
    lake, part = Lake(filed.lake), read_capture(Path(paper.told["capture"]))
    heard, served = lake.read_events(MARKET.symbol, DAY), Lake(paper.home.lake).read_events(MARKET.symbol, DAY)
    assert heard.tobytes() == part.received.tobytes()
    assert part.head.synthetic
    ours, theirs = (events[events["kind"] == Kind.TRADE] for events in (heard, served))
    for name in ("trade_number", "price", "quantity", "side", "buyer", "seller", "instrument"):
        assert ours[name].tolist() == theirs[name].tolist(), name
    assert (ours["ts_event_ns"] == theirs["ts_event_ns"] // 1_000_000 * 1_000_000).all()
    assert (ours["ts_recv_ns"] == theirs["ts_event_ns"]).all()  # the session's time stands for the system's


def test_journal_goes_where_it_was_asked_for(paper: Done) -> None:
    """The library writes beside the current folder, which the runner therefore leaves."""
    assert Path(paper.told["journal"]).resolve() == (paper.home.root / "own.bin").resolve()
    assert (paper.home.root / "own.bin").is_file()


def test_recorded_session_is_followed_to_its_close_and_is_no_evidence_for_promotion(paper: Done, routed: Done) -> None:
    for done in (paper, routed):
        path = Path(done.told["journal"])
        records = read(path)
        assert [one.fields()["feed"] for one in records if one.kind == Entry.SESSION] == ["standin"]
        assert [one.fields()["day"] for one in records if one.kind == Entry.CLOSE] == [DAY.isoformat()]
        assert records[-1].kind == Entry.CLOSE
        assert count_sessions(path.parent, done.told["model_digest"], date.min) == 0


def test_a_second_runner_leaves_the_first_one_its_files(paper: Done) -> None:
    part = Path(paper.told["capture"])
    before = part.read_bytes()
    lock = hold(paper.home.state / "standin" / "session.lock")
    try:
        with pytest.raises(SecondSession, match=r"session.lock: expected no runner"):
            run(paper.home, Named(), Plan("paper", Feed.STANDIN, Orders.VENUE, ProfitSettings()))
    finally:
        lock.release()
    assert part.read_bytes() == before


def test_runner_loads_no_heavy_library(paper: Done) -> None:
    assert {"live.runner", "live.profitdll.connection"} <= set(paper.told["modules"])
    assert heavy(paper.told["modules"]) == set()


def test_session_is_traded_through_the_library_and_ends_flat_on_both_sides(routed: Done) -> None:
    told, fills = routed.told, routed.rows(Entry.FILL, FILL)
    assert (told["ok"], told["mode"], told["broker"], told["position"]) == (True, "paper", "standin", 0)
    assert told["fills"] == len(fills) >= 4
    assert {OrderRole.ENTRY} < set(fills["role"].tolist())
    wire = attach(routed.home.state / "standin" / f"{MARKET.symbol}-{DAY}" / "venue.map")
    rows = wire.positions[: int(wire.header["positions"][0])]
    assert (rows["open_quantity"] == 0).all()
    bought, sold = int(rows["buy_quantity"].sum()), int(rows["sell_quantity"].sum())
    by_desk = [int(fills["quantity"][fills["side"] == side].sum()) for side in (1, -1)]
    assert [bought, sold] == by_desk
    assert int(wire.header["forbidden_calls"][0]) == 0


def test_every_order_of_the_journal_is_an_intent_and_an_order_of_the_venue(routed: Done) -> None:
    folder = routed.home.state / "standin" / f"{MARKET.symbol}-{DAY}"
    intents, last = read_intents(folder / "intents.bin")["request"], {}
    for order in routed.rows(Entry.ORDER, ORDER):
        last[int(order["id"])] = order
    new = intents[intents["kind"] == RequestKind.NEW]
    assert sorted(new["order"].tolist()) == sorted(last)
    assert all(
        one["state"] in (OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED, OrderState.REJECTED)
        for one in last.values()
    )
    wire = attach(folder / "venue.map")
    orders = wire.orders[: int(wire.header["orders"][0])]
    assert len(orders) == len(last)
    assert int(orders["traded"].sum()) == sum(int(one["filled"]) for one in last.values())
    assert all(get_text(one["cl_ord_id"]) for one in orders)


def test_models_say_the_same_whoever_takes_the_orders(routed: Done, paper: Done) -> None:
    ours, theirs = (one.rows(Entry.DECISION, DECISION) for one in (routed, paper))
    assert len(ours) == len(theirs) > 400
    for name in ("ts_ns", "probability", "score", "regime"):
        np.testing.assert_array_equal(ours[name], theirs[name])


@pytest.mark.parametrize("orders", [Orders.VENUE, pytest.param(Orders.NONE, marks=pytest.mark.nightly)])
def test_a_second_process_takes_what_was_recorded_and_stands_where_the_first_one_stood(
    paper: Done, filed: Home, orders: Orders
) -> None:
    """The desk is a function of the events: it needs no other memory."""
    part = read_capture(Path(paper.told["capture"]))
    half = part.events.size // 2
    seats = [open_account(filed, Named(first=DAY, last=DAY)).seats[0] for _ in range(2)]
    for (trader, feed), cuts in zip(seats, ((0, half), (0, half // 2, half)), strict=True):
        begin_session(trader, feed, DAY)
        for first, last in pairwise(cuts):
            catch_up(trader, orders, part.events[first:last])
    one, other = (trader.core.desk for trader, _ in seats)
    assert one.counts[0] > 20
    assert all(ours.tobytes() == theirs.tobytes() for ours, theirs in zip(one, other, strict=True))
    if orders is Orders.VENUE:
        written = paper.rows(Entry.DECISION, DECISION)[: one.counts[0]]
        assert written.tobytes() == one.decisions[: one.counts[0]].tobytes()


@pytest.mark.parametrize(("stopped", "flat"), [(True, False), (False, True)])
def test_paper_run_that_is_stopped_keeps_its_position(paper: Done, filed: Home, stopped: bool, flat: bool) -> None:
    part = read_capture(Path(paper.told["capture"]))
    trader, feed = open_account(filed, Named(first=DAY, last=DAY)).seats[0]
    begin_session(trader, feed, DAY)
    for place in range(part.events.size):
        catch_up(trader, Orders.VENUE, part.events[place : place + 1])
        if trader.account[0]["position"]:
            break
    leave(trader, Orders.VENUE, stopped=stopped)
    assert bool(trader.account[0]["position"] == 0) is flat


def test_what_was_traded_at_a_broker_is_not_taken_up_again(paper: Done, filed: Home) -> None:
    events = read_capture(Path(paper.told["capture"])).events
    with pytest.raises(SafetyRefusal, match=f"found {events.size} recorded events; its orders are at the broker"):
        catch_up(open_account(filed, Named()).seats[0].trader, Orders.ROUTED, events)


@pytest.mark.nightly
def test_a_session_is_traded_the_same_way_again(routed: Done) -> None:
    again = run_pregao(routed.home, "live", "--mode", "paper", "--broker", "standin", "--json").answer
    for name in ("decision_hash", "events", "orders", "fills", "net_reais"):
        assert again[name] == routed.told[name], name


@pytest.mark.nightly
def test_a_wrong_routing_password_is_told_with_its_remedy(tmp_path: Path) -> None:
    """No call fails: an entry stops at result 4, and one sentence names the password."""
    home = build_busy_home(tmp_path)
    wrong = """
from dataclasses import replace
from live.profitdll.standin import session
session._SETTINGS = replace(session._SETTINGS, routing_password="another")
"""
    done = subprocess.run(
        [sys.executable, "-c", wrong + RUN.replace("Orders.VENUE", "Orders.ROUTED"), str(home.root)],
        capture_output=True, text=True, check=False, cwd=CHECKOUT, env=environment_of(home),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "found it stopped at result 4; check the routing password" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["fills"] == 0


def venue_of(runner: "subprocess.Popen[str]") -> int:
    """Return the process that a runner has started, once it is there."""
    children = Path(f"/proc/{runner.pid}/task/{runner.pid}/children")
    for _ in range(6000):
        if found := children.read_text(encoding="utf-8").split():
            return int(found[0])
        time.sleep(0.01)
    pytest.fail("no venue was started")


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_venue_is_left_behind(paper: Done, how: int, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(paper.home.root, home.root)
    runner = start_pregao(home, "live", "--mode", "shadow", "--broker", "standin", "--json")
    venue = venue_of(runner)
    os.kill(runner.pid, how)
    runner.communicate(timeout=60)
    for _ in range(1000):
        if not is_alive(venue):
            return
        time.sleep(0.01)
    pytest.fail("the venue lives on")


@pytest.mark.skipif(sys.platform == "win32", reason="sends Ctrl-C as a Linux terminal does")
def test_ctrl_c_ends_in_order(paper: Done, tmp_path: Path) -> None:
    """A terminal sends it to the venue too, which must not go first."""
    home = Home(tmp_path / "home")
    shutil.copytree(paper.home.root, home.root)
    part = Path(str(paper.told["capture"]).replace(str(paper.home.root), str(home.root)))
    part.unlink()
    runner = subprocess.Popen(
        [sys.executable, "-m", "cli", "live", "--mode", "shadow", "--broker", "standin", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CHECKOUT, env=environment_of(home),
        start_new_session=True,
    )  # fmt: skip
    for _ in range(12_000):
        if part.exists() and part.stat().st_size > 5_000:
            break
        time.sleep(0.005)
    os.killpg(runner.pid, signal.SIGINT)
    out, err = runner.communicate(timeout=60)
    assert (runner.returncode, json.loads(out)["ok"]) == (0, True), err
    assert 0 < json.loads(out)["events"] < paper.told["events"]
    assert read_capture(part).events.size == json.loads(out)["events"]
    assert Entry.CLOSE not in [record.kind for record in read(Path(json.loads(out)["journal"]))]
