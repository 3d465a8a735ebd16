"""A running desk changes its model between two events, flat, or not at all; it decides as a twin does, to the bit."""

import ctypes
import json
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.schema import FeatureSchema
from flows.session_results import journalled, running_sessions
from live.desk_reader import DeskReader
from live.journal_writer import JournalWriter
from live.profitdll.step import Step, paper_step
from live.recorder import Change, Recorder, Written
from live.swap import Changed, Swap
from market.home import Home
from registry.bundle import Bundle, FeedNeeds, digest, load_bundle
from registry.installed import Named, Opened, OpenedDesk, open_account
from registry.serving import open_served, swap_request, swap_requests
from registry.signing import public_key
from tests.factories import MINUTE_NS, make_model, make_stump
from tests.homes import MARKET, SCHEMA, STRATEGY, fill_lake, serve_bundle, sign_bundle
from trading.desk import ORDERS, REQUESTS
from trading.journal import Kind, read
from trading.paper import Trader, begin_session, paper_event
from trading.records import DECISION, ORDER

MODEL = "pregao-win-60s"
GOOD, BAD = ("good",), ("corrupt", "missing", "cut", "foreign record", "mismatched", "served by nobody")
_SWAPPED = re.compile(r": (\w{64}) decides from decision (\d+) on")


class Ground:
    """A home with three good bundles and one of another schema, the first of them served."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        fill_lake(self.home)
        self.good = [self._sign(SCHEMA, upper) for upper in (0.9, 0.8, 0.7)]
        self.other = self._sign(FeatureSchema("test", ("returns_1", "rsi_14", "returns_5"), MINUTE_NS, 1), 0.9)
        self.pull(self.good[0])
        self.pointer = self.home.bundles / "WIN.champion.json"

    def _sign(self, schema: FeatureSchema, upper: float) -> Path:
        model = make_model(schema, make_stump(len(schema.columns), 0, 0.0, 1.0 - upper, upper), (), STRATEGY)
        needs = FeedNeeds("events", 60)
        return sign_bundle(self.home, MODEL, "WIN", needs, schema, model, STRATEGY, synthetic=False)

    def pull(self, folder: Path) -> None:
        serve_bundle(self.home, folder, MODEL)

    def offer(self, kind: str, folder: Path) -> None:
        """Serve a bundle, whole or spoiled after it was served, and ask for it."""
        self.pull(self.other if kind == "mismatched" else folder)
        cached = self.home.bundles / digest(folder)
        if kind == "corrupt":
            data = bytearray((cached / "model.npz").read_bytes())
            data[len(data) // 2] ^= 4
            (cached / "model.npz").write_bytes(data)
        elif kind == "missing":
            shutil.rmtree(cached)
        elif kind == "cut":
            self.pointer.write_text(self.pointer.read_text()[:100])
        elif kind == "foreign record":
            present = json.loads(self.pointer.read_text())
            self.pointer.write_text(json.dumps([present[0] | {"gate_record": "{}"}]))
        elif kind == "served by nobody":
            self.pointer.unlink()
        request = swap_request(self.home, "WIN", "champion")
        request.unlink(missing_ok=True)
        request.touch()

    def begin(self) -> tuple[OpenedDesk, Any]:
        self.pull(self.good[0])
        opened = open_account(self.home, Named())
        desk = opened.desks[0]
        begin_session(desk.seat.trader, desk.feed, MARKET.days()[1])
        return desk, desk.feed.load(MARKET.days()[1])

    def swap(self, desk: OpenedDesk, changed: Changed = lambda *_: None) -> Swap:
        """Return what looks after the bundle of a desk that was opened just now."""
        trader = desk.seat.trader
        return Swap(self.home, desk, paper_step(trader), Named(), swap_requests(self.home), changed)

    def models(self) -> dict[str, Bundle]:
        return {digest(one): load_bundle(one, public_key(self.home.keys)) for one in self.good}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("swaps"))


def caller(step: Step) -> Callable[[np.ndarray], int]:
    """Return the step as the library calls it, with one event."""
    function = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.c_int64)(step.address)
    return lambda event: function(step.state, event.ctypes.data)


def swaps_told(told: list[str]) -> list[tuple[int, str]]:
    return [(int(found[2]), found[1]) for one in told if (found := _SWAPPED.search(one))]


def twin_decisions(ground: Ground, told: list[str]) -> bytes:
    """Decide the same session event by event, changing the model where it is told to have been changed."""
    desk, events = ground.begin()
    trader, models, due = desk.seat.trader, ground.models(), swaps_told(told)
    core = trader.core
    for event in events:
        while due and len(trader.decisions) == due[0][0]:
            core = core._replace(model=models[due.pop(0)[1]].model)
        paper_event(core, trader.venue, event)
    assert due == [] or all(at == len(trader.decisions) for at, _ in due)
    return bytes(trader.decisions.tobytes())


def counts(trader: Trader) -> tuple[int, int]:
    return int(trader.core.desk.counts[ORDERS]), int(trader.core.desk.counts[REQUESTS])


def swap_through(ground: Ground, kinds: list[str], seed: int) -> tuple[list[str], set[str], bytes]:
    """Offer a bundle of each kind at even distances of a session; return what was told, the digests, the decisions."""
    desk, events = ground.begin()
    trader, draw, seen = desk.seat.trader, np.random.default_rng(seed), set()
    swap = ground.swap(desk)
    run = caller(swap._step)
    places = set(np.linspace(10, len(events) - 10, len(kinds)).astype(int).tolist())
    left = list(kinds)
    for place in range(len(events)):
        if place in places:
            ground.offer(left.pop(0), ground.good[int(draw.integers(3))])
        before = counts(trader)
        swap.attend()
        assert counts(trader) == before
        seen.add(swap.bundle.digest)
        run(events[place : place + 1])
    return swap.attend(), seen, bytes(trader.decisions.tobytes())


@pytest.mark.parametrize("swaps", [20, pytest.param(200, marks=pytest.mark.nightly)])
def test_swaps_of_all_kinds_leave_a_valid_model_and_send_nothing(ground: Ground, swaps: int) -> None:
    kinds = [(GOOD * 2 + BAD)[number % 8] for number in range(swaps)]
    told, seen, decisions = swap_through(ground, kinds, seed=swaps)
    assert seen <= set(ground.models())
    assert len(swaps_told(told)) >= swaps // 10
    assert sum("trades on" in one for one in told) >= swaps // 2
    assert decisions == twin_decisions(ground, told)
    assert decisions != twin_decisions(ground, [])  # a swap shows


@pytest.mark.nightly
def test_200_swaps_while_another_thread_decides(ground: Ground) -> None:
    desk, events = ground.begin()
    trader, draw = desk.seat.trader, np.random.default_rng(7)
    swap = ground.swap(desk)
    run, over = caller(swap._step), threading.Event()

    def play() -> None:
        for place in range(len(events)):
            run(events[place : place + 1])
            time.sleep(0.002)
        over.set()

    playing = threading.Thread(target=play)
    playing.start()
    offers = 0
    while not over.is_set():
        if offers < 200:
            ground.offer((GOOD * 2 + BAD)[offers % 8], ground.good[int(draw.integers(3))])
            offers += 1
        swap.attend()
    playing.join()
    told = swap.attend()
    assert offers == 200
    assert len(swaps_told(told)) >= 5
    assert trader.decisions.tobytes() == twin_decisions(ground, told)


def test_open_position_is_waited_for(ground: Ground) -> None:
    """A bundle asked for while a position is open decides only once the position is closed."""
    desk, events = ground.begin()
    trader = desk.seat.trader
    swap = ground.swap(desk)
    run, place = caller(swap._step), 0
    while int(trader.account[0]["position"]) == 0:
        run(events[place : place + 1])
        place += 1
    ground.offer("good", ground.good[1])
    for later in range(place, len(events)):
        open_before = int(trader.account[0]["position"]) != 0
        swap.attend()
        assert not (open_before and swap.bundle.digest == digest(ground.good[1]))
        if swap.bundle.digest == digest(ground.good[1]):
            break
        run(events[later : later + 1])
    assert swap.bundle.digest == digest(ground.good[1])
    assert (
        trader.core.model.blends.values.tolist() == ground.models()[digest(ground.good[1])].model.blends.values.tolist()
    )


def test_nothing_changes_in_a_session_without_the_command(ground: Ground) -> None:
    desk, _ = ground.begin()
    swap = ground.swap(desk)
    ground.pull(ground.good[1])
    assert swap.attend() == []
    assert swap.bundle.digest == digest(ground.good[0])
    served = open_served(ground.home, "WIN")
    assert served is not None
    assert served.bundle.digest == digest(ground.good[1])  # that the next session begins with


def test_request_made_while_the_runner_gets_ready_is_not_lost(ground: Ground) -> None:
    """Opening, compiling and logging in take minutes; what is pulled meanwhile is asked for still."""
    ground.offer("good", ground.good[2])
    answered = swap_requests(ground.home)
    desk, _ = ground.begin()  # with another one, as the request was before it
    step = paper_step(desk.seat.trader)
    assert Swap(ground.home, desk, step, Named(), answered, lambda *_: None).attend() == []
    ground.offer("good", ground.good[1])
    swap = Swap(ground.home, desk, step, Named(), answered, lambda *_: None)
    assert [other for _, other in swaps_told(swap.attend())] == [digest(ground.good[1])]
    assert len(swap.attend()) == 1  # it is answered once


def test_orders_at_a_broker_are_never_handed_to_a_demonstration(ground: Ground) -> None:
    desk, _ = ground.begin()
    named = [Named(at_broker=at_broker) for at_broker in (True, False)]
    step, answered = paper_step(desk.seat.trader), swap_requests(ground.home)
    broker, paper = (Swap(ground.home, desk, step, one, answered, lambda *_: None) for one in named)
    serve_bundle(ground.home, ground.good[1], MODEL, demonstration=True)
    for place in ("champion", "champion.demonstration"):
        request = swap_request(ground.home, "WIN", place)
        request.unlink(missing_ok=True)
        request.touch()
    assert broker.attend() == []
    assert swaps_told(paper.attend()) == [(0, digest(ground.good[1]))]
    ground.pull(ground.good[0])  # the end of the demonstration


def play_journalled(ground: Ground, path: Path) -> tuple[Trader, list[str]]:
    """Play a session with three offers, and journal it as the runner does, every fifty events."""
    desk, events = ground.begin()
    trader, written = desk.seat.trader, Written()
    offers = {len(events) * fifth // 5: ground.good[fifth % 3] for fifth in (1, 2, 3)}

    def changed(other: str, counts: np.ndarray) -> None:
        written.change = Change(other, counts)

    swap = ground.swap(desk, changed)
    run, reader = caller(swap._step), DeskReader(trader.core.desk, swap._step.lock)
    with JournalWriter(path) as journal:
        recorder = Recorder(journal)
        recorder.begin("paper", "standin", MARKET.days()[1], desk.bundle.digest)
        for place in range(len(events)):
            if place in offers:
                ground.offer("good", offers[place])
            if place % 50 == 0:
                recorder.take(reader.take(), written)
            swap.attend()  # now and then at another event than the desk was last read at
            run(events[place : place + 1])
        recorder.take(trader, written)
        assert recorder.outcome(Opened((desk,), []), 1).model_digest == swap.bundle.digest
    return trader, swap.attend()


def test_journal_says_which_bundle_made_each_decision(ground: Ground, tmp_path: Path) -> None:
    path = tmp_path / "paper-WINQ26.bin"
    trader, told = play_journalled(ground, path)
    changes = swaps_told(told)
    assert len(changes) == 3
    by_bundle: dict[str, list[np.ndarray]] = {}
    begun: list[tuple[int, str]] = []
    bundle, made = "", 0
    for record in read(path):
        if record.kind == Kind.SESSION:
            bundle = record.fields()["bundle"]
            begun.append((made, bundle))
            assert record.fields().get("first_decision", 0) == made
            assert record.fields()["day"] == MARKET.days()[1].isoformat()
        elif record.kind == Kind.DECISION:
            made += len(record.rows(DECISION))
            by_bundle.setdefault(bundle, []).append(record.rows(DECISION))
        elif record.kind == Kind.ORDER:
            assert record.rows(ORDER)["decision"][0] in np.concatenate(by_bundle[bundle])["sequence"]
    assert begun == [(0, digest(ground.good[0])), *changes]
    # What reads journals follows: drift finds each bundle's own executions.
    day = MARKET.days()[1]
    for one, parts in by_bundle.items():
        found = journalled(tmp_path, one, [day])[day]
        assert found.decisions.tobytes() == np.concatenate(parts).tobytes()
        assert set(found.fills["decision"].tolist()) <= set(found.decisions["sequence"].tolist())
    everything = running_sessions(tmp_path)
    assert [one.decisions.tobytes() for one in everything] == [trader.decisions.tobytes()]
    assert [one.fills.tobytes() for one in everything] == [trader.fills.tobytes()]
