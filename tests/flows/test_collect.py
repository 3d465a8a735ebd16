"""Sources deliver, the lake takes, sessions are checked, data.dvc follows; a run that was stopped goes on."""

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from prefect.testing.utilities import prefect_test_harness

from flows.collect import open_sources, version_data
from flows.deliveries import take_deliveries
from flows.sources.delivery import Collected, Delivery, take_delivery
from flows.sources.inbox import Inbox
from flows.sources.metatrader import MetaTrader, contracts_on
from flows.sources.settings import CollectSettings
from market.errors import ConfigError, UsageError
from market.home import Home
from market.lake import Lake
from market.types import Kind, Side
from tests.commands import CHECKOUT, run_pregao
from tests.flows.collecting import DAY, minutes, put

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
TICK = np.dtype(
    [("time", "i8"), ("bid", "f8"), ("ask", "f8"), ("last", "f8"), ("volume", "u8"), ("time_msc", "i8"),
     ("flags", "u4"), ("volume_real", "f8")]
)  # fmt: skip


def take_all(lake: Lake, source: Any) -> list[Collected]:
    return [take_delivery(lake, source.name, delivery) for delivery in list(source.deliveries(lake))]


def test_inbox_files_go_where_they_ended(home: Home) -> None:
    put(home, "WDOK20_a.csv", minutes(DAY))
    put(home, "broker/notes.txt", "nothing to trade on\n")
    lake, inbox = Lake(home.lake), Inbox(home.inbox, 0.0)
    told = {one.label: one.status for one in take_all(lake, inbox)}
    assert told == {"WDOK20_a.csv": "imported", "broker/notes.txt": "refused"}
    assert (home.inbox / "imported" / "WDOK20_a.csv").is_file()
    assert (home.inbox / "refused" / "broker" / "notes.txt").is_file()
    assert "notes.txt" in (home.inbox / "refused" / "broker" / "notes.txt.reason.txt").read_text(encoding="utf-8")
    assert lake.sessions("WDOK20") == [DAY]
    assert take_all(lake, inbox) == []


def test_the_same_file_again_is_unchanged(home: Home) -> None:
    lake, inbox = Lake(home.lake), Inbox(home.inbox, 0.0)
    for expected in ("imported", "unchanged"):
        put(home, "WDOK20_a.csv", minutes(DAY))
        assert [one.status for one in take_all(lake, inbox)] == [expected]


def test_an_original_is_never_replaced_by_a_later_one_of_its_name(home: Home) -> None:
    lake, inbox = Lake(home.lake), Inbox(home.inbox, 0.0)
    for text in (minutes(DAY, 300), minutes(DAY)):
        put(home, "WDOK20_a.csv", text)
        take_all(lake, inbox)
    kept = home.inbox / "imported"
    assert (kept / "WDOK20_a.csv").read_bytes() == minutes(DAY, 300).encode()
    assert (kept / "WDOK20_a.2.csv").read_bytes() == minutes(DAY).encode()


def test_an_empty_or_missing_inbox_delivers_nothing(home: Home) -> None:
    assert take_all(Lake(home.lake), Inbox(home.inbox, 0.0)) == []


def ticks_of(day: dt.date, rows: list[tuple[str, float, float, float, int, int]]) -> np.ndarray:
    """Return a terminal's ticks from (clock, bid, ask, last, volume, flags); its clock is the broker's, read as UTC."""
    out = np.zeros(len(rows), dtype=TICK)
    for k, (clock, bid, ask, last, volume, flags) in enumerate(rows):
        moment = dt.datetime.combine(day, dt.time.fromisoformat(clock), tzinfo=dt.UTC)
        out[k] = (int(moment.timestamp()), bid, ask, last, volume, round(moment.timestamp() * 1000), flags, volume)
    return out


class FakeTerminal:
    """A MetaTrader 5 terminal with one tick a minute of whole sessions; fails when told to."""

    COPY_TICKS_ALL = -1

    def __init__(self, fails: bool = False) -> None:
        self.asked: list[tuple[str, dt.date]] = []
        self.connected, self.fails = False, fails

    def initialize(self) -> bool:
        self.connected = not self.fails
        return self.connected

    def shutdown(self) -> None:
        self.connected = False

    def last_error(self) -> tuple[int, str]:
        return -10004, "No IPC connection"

    def symbol_select(self, symbol: str, enable: bool) -> bool:
        return self.connected and enable

    def copy_ticks_range(self, symbol: str, date_from: dt.datetime, date_to: dt.datetime, flags: int) -> Any:
        assert self.connected
        assert date_to - date_from == dt.timedelta(days=1)
        day = date_from.date()
        self.asked.append((symbol, day))
        rows = [("09:00:00.000", 5250.0, 5250.5, 0.0, 0, 6)]
        for k in range(540):
            clock = f"{9 + k // 60:02}:{k % 60:02}:30.125"
            rows.append((clock, 5250.0, 5250.5, 5250.5, 5, 8 + 16 + 32))
        return ticks_of(day, rows)


def metatrader(home: Home, terminal: FakeTerminal, sessions: int = 2, now: str = "2020-04-03 12:00") -> MetaTrader:
    moment = dt.datetime.fromisoformat(now).replace(tzinfo=SAO_PAULO)
    return MetaTrader(terminal, ("WDO",), sessions, home.state / "fetched", lambda: moment)


def test_metatrader_brings_the_front_contract_and_the_next_of_every_session_that_is_over(home: Home) -> None:
    lake, terminal = Lake(home.lake), FakeTerminal()
    statuses = [one.status for one in take_all(lake, metatrader(home, terminal))]
    assert terminal.asked == [(c, dt.date(2020, 4, d)) for d in (1, 2) for c in ("WDOK20", "WDOM20")]
    assert statuses == ["imported"] * 4
    trades = lake.read_events("WDOK20", DAY)
    trades = trades[trades["kind"] == Kind.TRADE]
    assert trades.size == 540
    assert set(trades["side"]) == {Side.BUY}
    first = dt.datetime(2020, 4, 2, 9, 0, 30, 125_000, tzinfo=SAO_PAULO)
    assert trades["ts_event_ns"][0] == round(first.timestamp() * 1000) * 1_000_000


def test_metatrader_goes_on_where_it_was(home: Home) -> None:
    lake, terminal = Lake(home.lake), FakeTerminal()
    deliveries = list(metatrader(home, terminal).deliveries(lake))
    take_delivery(lake, "metatrader", deliveries[0])  # then the run is stopped
    left = [one.label for one in metatrader(home, terminal).deliveries(lake)]
    assert left == [one.label for one in deliveries[1:]]
    take_all(lake, metatrader(home, terminal))
    assert list(metatrader(home, terminal).deliveries(lake)) == []


@pytest.mark.parametrize(("now", "last"), [("2020-04-02 18:20", 1), ("2020-04-02 18:31", 2), ("2020-04-05 12:00", 3)])
def test_metatrader_waits_until_a_session_is_over(home: Home, now: str, last: int) -> None:
    deliveries = list(metatrader(home, FakeTerminal(), 1, now).deliveries(Lake(home.lake)))
    assert [one.label for one in deliveries] == [f"WDOK20 on 2020-04-0{last}", f"WDOM20 on 2020-04-0{last}"]


def test_a_terminal_that_does_not_answer_is_one_sentence(home: Home) -> None:
    lake, source = Lake(home.lake), metatrader(home, FakeTerminal(fails=True))
    with pytest.raises(UsageError, match=r"expected a running terminal, found none \(-10004: No IPC connection\)"):
        take_delivery(lake, source.name, next(iter(source.deliveries(lake))))
    assert not home.lake.exists()


@pytest.mark.parametrize(
    ("root", "day", "pair"),
    [
        ("WDO", dt.date(2026, 11, 27), ("WDOZ26", "WDOF27")),
        ("WDO", dt.date(2026, 11, 30), ("WDOF27", "WDOG27")),
        ("WIN", dt.date(2026, 12, 15), ("WINZ26", "WING27")),
        ("WIN", dt.date(2026, 12, 16), ("WING27", "WINJ27")),
    ],
)
def test_the_contract_after_the_front_is_collected_too(
    home: Home, root: str, day: dt.date, pair: tuple[str, str]
) -> None:
    assert contracts_on(Lake(home.lake), root, day) == pair


def test_unknown_and_unusable_sources_are_one_sentence(home: Home) -> None:
    with pytest.raises(ConfigError, match=r'sources: expected some of .*, capture, profitdll, found "profit"'):
        CollectSettings(sources=("profit",))
    with pytest.raises(ConfigError, match='metatrader_roots: expected some of WDO, DOL, WIN, IND, found "PETR4"'):
        CollectSettings(metatrader_roots=("WIN", "PETR4"))
    with pytest.raises(ConfigError, match="metatrader_sessions: expected 1 to 250, found 0"):
        CollectSettings(metatrader_sessions=0)
    with pytest.raises(ConfigError, match="inbox_quiet_s: expected 0 or more, found -1"):
        CollectSettings(inbox_quiet_s=-1.0)
    with pytest.raises(UsageError, match="MetaTrader5, found it not installed"):
        open_sources(home, CollectSettings(sources=("metatrader",)), Path)


def run(folder: Path, *command: str) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_data_dvc_names_the_new_lake_where_there_is_a_repository(home: Home) -> None:
    lake = Lake(home.lake)
    assert "no DVC repository" in version_data(home, lake)
    put(home, "WDOK20_a.csv", minutes(DAY))
    take_all(lake, Inbox(home.inbox, 0.0))
    run(home.root, "git", "init", "--quiet")
    run(home.root, sys.executable, "-m", "dvc", "init", "--quiet")
    (home.root / ".dvcignore").write_bytes((CHECKOUT / ".dvcignore").read_bytes())
    assert version_data(home, lake) == "updated; commit it"
    first = (home.root / "data.dvc").read_text(encoding="utf-8")
    put(home, "WDOK20_b.csv", minutes(dt.date(2020, 4, 3)))
    take_all(lake, Inbox(home.inbox, 0.0))
    assert version_data(home, lake) == "updated; commit it"
    assert (home.root / "data.dvc").read_text(encoding="utf-8") != first
    assert version_data(home, lake) == "unchanged"
    put(home, "WDOK20_c.csv", minutes(DAY))  # may still be written
    (home.lake / "bars" / "left.partial").write_text("half", encoding="utf-8")
    assert version_data(home, lake) == "unchanged"


class Flaky:
    """Offers a file that cannot be fetched, then one that can."""

    name = "flaky"

    def __init__(self, path: Path) -> None:
        self.path, self.tries = path, 0

    def fetch(self) -> Path:
        self.tries += 1
        raise UsageError("the vendor does not answer")

    def deliveries(self, lake: Lake) -> Iterator[Delivery]:
        yield Delivery("unreachable", self.fetch)
        yield Delivery("reachable", lambda: self.path)


@pytest.mark.nightly
def test_the_command_brings_what_it_can_and_says_what_is_not_whole(home: Home) -> None:
    put(home, "WDOK20_a.csv", minutes(DAY))
    put(home, "WDOK20_b.csv", minutes(dt.date(2020, 4, 3), 400))
    put(home, "notes.txt", "nothing to trade on\n")
    put(home, "WDOK20_c.csv.part", minutes(DAY))
    ended = run_pregao(home, "collect", "--json", PREGAO_COLLECT__INBOX_QUIET_S="0")
    assert ended.err == ""
    answer = ended.answer
    assert (ended.code, answer["ok"]) == (1, False)
    assert [(one["label"], one["status"]) for one in answer["deliveries"]] == [
        ("WDOK20_a.csv", "imported"),
        ("WDOK20_b.csv", "imported"),
        ("WDOK20_c.csv.part", "waiting"),
        ("notes.txt", "refused"),
    ]
    assert [(one["session"], one["complete"]) for one in answer["sessions"]] == [
        ("2020-04-02", True),
        ("2020-04-03", False),
    ]
    assert "truncated export 15:40-18:00" in answer["sessions"][1]["reasons"][0]
    assert "no DVC repository" in answer["dvc"]


@pytest.mark.nightly
def test_a_fetch_that_fails_is_tried_again_and_does_not_stop_the_others(home: Home) -> None:
    source = Flaky(put(home, "WDOK20_a.csv", minutes(DAY)))
    settings = CollectSettings(retries=1, retry_delay_s=0.0)
    with prefect_test_harness(server_startup_timeout=120):
        done = take_deliveries(Lake(home.lake), [source], settings)
    assert [(one.label, one.status) for one in done] == [
        ("unreachable", "failed"),
        ("reachable", "imported"),
    ]
    assert "the vendor does not answer" in done[0].reason
    assert source.tries == 2
    assert Lake(home.lake).sessions("WDOK20") == [DAY]
