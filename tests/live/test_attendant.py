"""What an operator is told of a running session while it runs, and where it fails."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from live.attendant import Attendant
from live.journal_writer import JournalWriter
from live.profitdll.notices import NOTICE
from live.profitdll.step import Step
from live.profitdll.table import COUNT, table
from live.recorder import Recorder, left_open
from market.errors import NoAnswer
from market.types import EVENT
from registry.installed import Named, open_account
from tests.homes import MARKET, build_home
from trading.desk import DECISIONS, ORDERS
from trading.journal import Kind, read
from trading.paper import Trader, begin_session
from trading.records import DECISION, OrderState, RefusalReason, TradingState


@dataclass
class Attended:
    """A desk that nothing happens to, and who attends it."""

    attendant: Attendant
    trader: Trader
    journal: Path
    connected: dict[str, bool]

    def notes(self) -> list[Any]:
        """Return the journal's notes."""
        return [json.loads(one.payload) for one in read(self.journal) if one.kind == Kind.NOTE]


@pytest.fixture
def day() -> date:
    return MARKET.days()[-1]


@pytest.fixture
def earlier() -> int:
    """Decisions of an earlier process of the session."""
    return 0


@pytest.fixture
def attended(tmp_path: Path, day: date, earlier: int) -> Iterator[Attended]:
    seat = open_account(build_home(tmp_path), Named()).seats[0]
    begin_session(seat.trader, seat.feed, day)
    ring, connected = SimpleNamespace(dropped=0), {"market": True, "routing": True}
    connection = SimpleNamespace(
        table=table(), library=SimpleNamespace(call=lambda *_: 0), events=ring, notices=ring, check=lambda: None,
        reader=SimpleNamespace(take=lambda: np.zeros(0, dtype=NOTICE)), has_market=lambda: connected["market"],
        has_routing=lambda: connected["routing"], params=SimpleNamespace(routing=True),
    )  # fmt: skip
    recording = SimpleNamespace(take=lambda: None, taken=0, earlier=np.zeros(0, dtype=EVENT))
    header = np.zeros(8, dtype=np.int64)
    with JournalWriter(tmp_path / "journal.bin") as journal:
        made = Attendant(cast(Any, connection), seat, day, Recorder(journal), cast(Any, recording))
        seat.trader.core.desk.counts[DECISIONS] = earlier
        made.begin(Step(0, int(header.ctypes.data), None), "none", late=False)
        yield Attended(made, seat.trader, journal.path, connected)
    table()[COUNT] = 0


def test_a_halt_is_told_while_the_session_runs(attended: Attended, capsys: pytest.CaptureFixture[str]) -> None:
    attended.attendant.attend()
    assert capsys.readouterr().err == ""
    attended.trader.account["trading_state"] = TradingState.HALTED
    attended.trader.account["halt_reason"] = RefusalReason.UNANSWERED
    attended.trader.budget["trading_state"] = TradingState.HALTED
    attended.trader.budget["halt_reason"] = RefusalReason.DRAWDOWN
    for _ in range(2):
        attended.attendant.attend()
    said = capsys.readouterr().err.splitlines()
    assert [line.split(";")[0] for line in said] == [
        "pregao: desk: expected to trade, found it halted for UNANSWERED",
        "pregao: account: expected to trade, found it halted for DRAWDOWN",
    ]
    assert [f"pregao: {note['alarm']}" for note in attended.notes()] == said


def test_what_ends_early_is_written_and_its_position_told(
    attended: Attended, capsys: pytest.CaptureFixture[str]
) -> None:
    attended.trader.core.desk.counts[DECISIONS] = 1
    attended.trader.account["position"] = -2
    attended.trader.core.desk.orders["state"][:3] = OrderState.ACCEPTED, OrderState.FILLED, OrderState.UNKNOWN
    attended.trader.core.desk.counts[ORDERS] = 3
    attended.attendant.abandon(NoAnswer, NoAnswer("a call that hangs"), None)
    assert (
        "position: expected a flat account at the end, found -2 open and 2 orders that may still fill;"
        in capsys.readouterr().err
    )
    assert [one.kind for one in read(attended.journal)].count(Kind.DECISION) == 1


def test_a_halted_run_is_not_finished_and_what_is_open_comes_first(attended: Attended) -> None:
    assert attended.attendant.unfinished == ""
    attended.trader.account["trading_state"] = TradingState.HALTED
    attended.trader.account["halt_reason"] = RefusalReason.UNANSWERED
    assert attended.attendant.unfinished.startswith("desk: expected to trade, found it halted for UNANSWERED;")
    attended.trader.account["position"] = -2
    assert attended.attendant.unfinished.startswith("position: expected a flat account at the end, found 2 open;")


@pytest.mark.parametrize("earlier", [3])
def test_what_an_earlier_process_did_is_not_journalled_again(attended: Attended) -> None:
    """Else two journals of a session would count its fills twice."""
    attended.trader.core.desk.counts[DECISIONS] = 5
    attended.attendant.end()
    written = [one for one in read(attended.journal) if one.kind in (Kind.DECISION, Kind.ORDER)]
    assert [(one.kind, len(one.rows(DECISION))) for one in written] == [(Kind.DECISION, 2)]


def test_what_ends_well_is_not_ended_twice(attended: Attended, capsys: pytest.CaptureFixture[str]) -> None:
    attended.trader.account["position"] = 1
    attended.attendant.abandon(None, None, None)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("which", "name"), [("market", "market data"), ("routing", "routing")])
def test_a_connection_that_goes_and_comes_is_told_each_time(
    attended: Attended, capsys: pytest.CaptureFixture[str], which: str, name: str
) -> None:
    for there in (True, False, False, True, False):
        attended.connected[which] = there
        attended.attendant.attend()
    lost = f"pregao: {name}: expected a connection, found it lost; the library tries again: check the network"
    assert capsys.readouterr().err.splitlines() == [lost, f"pregao: {name}: connected again", lost]


@pytest.mark.parametrize("day", [date(2026, 6, 9)])  # a Tuesday; the last session of the lake is the Friday before
def test_a_preload_that_is_not_up_to_date_is_told(attended: Attended) -> None:
    (note,) = attended.notes()
    assert "expected WINQ26 on 2026-06-08, whole, for features to begin with, found 2026-06-05" in note["alarm"]


def test_what_is_left_open_is_named() -> None:
    assert left_open(0, 0) == ""
    assert "found 1 order that may still fill; see to it at the broker" in left_open(0, 1)
    assert "found 3 open; see to it at the broker" in left_open(3, 0)
