"""Past sessions from the vendor: what is asked for, what is whole, and the whole way with the stand-in behind it."""

import datetime as dt
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from flows.collect import open_sources
from flows.sources.delivery import Collected, take_delivery
from flows.sources.profitdll import Downloads, ProfitDll
from flows.sources.settings import CollectSettings
from live.capture_writer import CaptureWriter
from live.profitdll.standin.build import build
from live.profitdll.standin.launch import Launched, launch
from market.capture import CaptureHead
from market.capture_filing import file_capture
from market.errors import DataError, NoAnswer, UsageError
from market.home import Home
from market.instruments import B3
from market.lake import Lake
from market.roll import front_contract
from market.synthetic import SyntheticMarket
from market.types import Kind
from tests.commands import CHECKOUT, run_pregao
from tests.factories import stack
from tests.homes import fill_lake

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
# WDON26 is the front contract from 29 May 2026, the last session of the one before it.
MARKET = SyntheticMarket("WDON26", dt.date(2026, 5, 29), 4, seed=7, trades_per_session=600, opening_points=5_300.0)
PAST, TODAY = [dt.date(2026, 5, 29), dt.date(2026, 6, 1), dt.date(2026, 6, 2)], dt.date(2026, 6, 3)
NOON = dt.datetime(2026, 6, 3, 12, tzinfo=SAO_PAULO)
QUICK = ("--idle-s", "0.15", "--patience-s", "2.5", "--login-s", "15")
FACTS = ("ts_event_ns", "trade_number", "quantity", "price", "buyer", "seller", "side", "trade_type", "instrument")
LOGIN = {"KEY": "STANDIN-KEY", "USER": "trader@example.com", "PASSWORD": "login-password"}


def source_of(home: Home, library: Path, now: dt.datetime = NOON, sessions: int = 20) -> ProfitDll:
    return ProfitDll(Downloads(home, library, now.date(), QUICK), ("WDO",), sessions, lambda: now)


def labels(home: Home, **how: Any) -> list[str]:
    return [one.label for one in source_of(home, Path("none"), **how).deliveries(Lake(home.lake))]


def on(*days: dt.date) -> list[str]:
    return [f"WDON26 on {day}" for day in days]


def record(home: Home, day: dt.date, folder: Path) -> Path:
    """Write a session as the runner would have recorded it: received a millisecond after it happened."""
    events = MARKET.session_events(MARKET.days().index(day))
    events = stack([events[events["kind"] == Kind.TRADE]])
    events["ts_recv_ns"] += 1_000_000
    with CaptureWriter(folder, CaptureHead("WDON26", day)) as written:
        written.append(events)
    return written.path


@pytest.mark.parametrize(
    ("now", "sessions", "days"),
    [
        ("2026-06-03 12:00", 20, ("05-29", "06-01", "06-02")),  # WDOM26 has expired: nothing of it is kept
        ("2026-06-03 12:00", 2, ("06-01", "06-02")),
        ("2026-06-03 18:59", 1, ("06-02",)),
        ("2026-06-03 19:01", 1, ("06-03",)),  # half an hour after the close
        ("2026-06-08 12:00", 3, ("06-02", "06-03", "06-05")),  # 4 June is a holiday
    ],
)
def test_sessions_that_are_over_are_asked_for(home: Home, now: str, sessions: int, days: tuple[str, ...]) -> None:
    moment = dt.datetime.fromisoformat(now).replace(tzinfo=SAO_PAULO)
    assert labels(home, now=moment, sessions=sessions) == [f"WDON26 on 2026-{day}" for day in days]


def test_no_day_older_than_the_vendor_keeps_is_asked_for(home: Home) -> None:
    noon = dt.datetime(2026, 6, 16, 12, tzinfo=SAO_PAULO)
    win = ProfitDll(Downloads(home, Path("none"), noon.date()), ("WIN",), 23, lambda: noon)
    days = [one.label for one in win.deliveries(Lake(home.lake))]
    # WINM26 trades until 17 June; 17 May is a Sunday.
    assert (days[0], days[-1]) == ("WINM26 on 2026-05-18", "WINM26 on 2026-06-15")


def test_a_session_that_was_recorded_is_left_alone(home: Home, tmp_path: Path) -> None:
    lake = Lake(home.lake)
    file_capture(lake, record(home, PAST[0], tmp_path / "filed"))
    record(home, PAST[2], home.capture)  # waits to be filed
    assert labels(home) == on(PAST[1])


def test_the_library_is_asked_for_only_where_it_is_needed(home: Home) -> None:
    def none() -> Path:
        raise UsageError("expected a library")

    assert [one.name for one in open_sources(home, CollectSettings(), none)] == ["inbox", "capture"]
    settings = CollectSettings(sources=("profitdll",), profitdll_roots=("WIN",), profitdll_sessions=3)
    with pytest.raises(UsageError, match="expected a library"):
        open_sources(home, settings, none)
    (source,) = open_sources(home, settings, lambda: Path("named"))
    assert isinstance(source, ProfitDll)
    assert (source.roots, source.sessions, source.downloads.library) == (("WIN",), 3, Path("named"))


def test_a_login_that_cannot_succeed_is_tried_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LOGIN:
        monkeypatch.delenv(f"PREGAO_PROFITDLL_{name}", raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    started, popen = [], subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *how, **more: started.append(how) or popen(*how, **more))
    done = take_all(home, source_of(home, Path("none")))
    assert [one.status for one in done] == ["failed"] * 3
    assert {one.reason[:50] for one in done} == {"credentials: expected key in PREGAO_PROFITDLL_KEY "}
    assert len(started) == 1


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build(tmp_path_factory.mktemp("library"))
    except UsageError as error:
        pytest.skip(str(error))


class Vendor:
    """A venue whose lake holds sessions before its day, and a user who may log in to it."""

    def __init__(self, root: Path, library: Path, patch: pytest.MonkeyPatch) -> None:
        self.root, self.library, self._patch = root, library, patch
        self.lake = fill_lake(Home(root / "vendor"), market=MARKET)
        self.launched: Launched | None = None

    def open(self, faults: tuple[dict[str, Any], ...] = (), pace: str = "--stepped", **settings: Any) -> None:
        served = ("--contract", "WDON26", "--lake", str(self.lake.folder), "--day", str(TODAY))
        self.launched = launch(self.root, served, tuple(pace.split()), faults, settings)
        self._patch.setenv("PREGAO_STANDIN", str(self.launched.map_path))

    def lose(self, day: dt.date, lost: slice) -> None:
        """Let the vendor's lake be one whose trades of a day lack some."""
        kept, lake = [], Lake(self.root / "lossy" / "lake")
        for one in self.lake.partitions():
            records = self.lake.read(one)
            if one.kind == "trades" and one.day == day:
                records = np.delete(records, lost)
            kept.append((lake.draft(one.kind, one.contract, one.day, one.provenance), records))
        lake.commit(kept)
        self.lake = lake

    def source(self, home: Home, **how: Any) -> ProfitDll:
        return source_of(home, self.library, **how)

    def trades(self, day: dt.date) -> np.ndarray:
        return trades_of(self.lake, day)


def trades_of(lake: Lake, day: dt.date) -> np.ndarray:
    events = lake.read_events("WDON26", day)
    return events[events["kind"] == Kind.TRADE]


@pytest.fixture
def vendor(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    monkeypatch.chdir(CHECKOUT)
    for name, text in LOGIN.items():
        monkeypatch.setenv(f"PREGAO_PROFITDLL_{name}", text)
    made = Vendor(tmp_path, library, monkeypatch)
    yield made
    assert made.launched is None or made.launched.stop() == ""


def take_all(home: Home, source: ProfitDll) -> list[Collected]:
    lake = Lake(home.lake)
    return [take_delivery(lake, source.name, one) for one in list(source.deliveries(lake))]


def assert_held(home: Home, vendor: Vendor, *days: dt.date) -> None:
    """Hold the lake's trades to those that the vendor's own lake has, field by field."""
    lake = Lake(home.lake)
    assert lake.sessions("WDON26") == list(days)
    for day in days:
        found, expected = trades_of(lake, day), vendor.trades(day)
        assert {name: found[name].tobytes() == expected[name].tobytes() for name in FACTS} == dict.fromkeys(FACTS, True)
        assert found["ts_recv_ns"].tolist() == found["ts_event_ns"].tolist()


def test_an_empty_lake_holds_what_the_vendor_holds(home: Home, vendor: Vendor) -> None:
    vendor.open(first_history_rows=100)  # the first request of a ticker brings a tail alone
    source = vendor.source(home)
    assert [(one.label, one.status) for one in take_all(home, source)] == [(label, "imported") for label in on(*PAST)]
    assert_held(home, vendor, *PAST)
    made = {p.provenance for p in Lake(home.lake).partitions()}
    assert {(one.importer, one.synthetic, one.price_basis) for one in made} == {("vendor_history/1", True, "raw")}
    assert list(source.deliveries(Lake(home.lake))) == []
    assert not list(source.downloads.folder.rglob("*.capture"))


def test_a_killed_process_and_a_part_that_was_left_are_no_second_request(home: Home, vendor: Vendor) -> None:
    vendor.open()
    lake, source = Lake(home.lake), vendor.source(home, sessions=2)
    first, second = source.deliveries(lake)
    first.fetch()  # then the run is stopped, and a process is killed in the middle of the day after
    assert source.downloads._process is not None
    source.downloads._process.kill()
    with pytest.raises(NoAnswer, match="found its end"):
        second.fetch()
    again = vendor.source(home, sessions=2)
    left, missing = again.deliveries(lake)
    assert take_delivery(lake, "profitdll", left).status == "imported"
    assert again.downloads._process is None
    assert take_delivery(lake, "profitdll", missing).status == "imported"
    assert again.downloads._process is None  # its login is free once the last day is here
    assert_held(home, vendor, *PAST[1:])


@pytest.mark.nightly
def test_a_day_that_stands_at_99_is_given_up_and_asked_for_again(home: Home, vendor: Vendor) -> None:
    vendor.open(({"fault": "history_stuck", "request": 3, "ms": 4_000},))  # after a subscription and the first request
    lake, source = Lake(home.lake), vendor.source(home, sessions=2)
    first, second = source.deliveries(lake)
    with pytest.raises(NoAnswer, match="found progress 99"):
        first.fetch()
    assert take_delivery(lake, "profitdll", second).status == "imported"
    assert take_all(home, source) == [Collected("profitdll", first.label, "imported", "")]
    assert_held(home, vendor, *PAST[1:])


@pytest.mark.nightly
def test_a_day_without_rows_is_refused_and_the_rest_goes_on(home: Home, vendor: Vendor) -> None:
    vendor.open()
    evening = dt.datetime(2026, 6, 3, 20, tzinfo=SAO_PAULO)  # the venue has served nothing of its own day
    past, today = vendor.source(home, now=evening, sessions=2).deliveries(Lake(home.lake))
    with pytest.raises(DataError, match="WDON26 on 2026-06-03: expected trades, found none"):
        today.fetch()
    assert take_delivery(Lake(home.lake), "profitdll", past).status == "imported"
    assert labels(home, now=evening, sessions=2) == on(TODAY)


@pytest.mark.nightly
def test_a_contract_that_the_vendor_keeps_or_knows_nothing_of_is_refused(home: Home, vendor: Vendor) -> None:
    vendor.open(expired=("WDOM26",))
    downloads = vendor.source(home).downloads
    assert "if the contract has expired" in downloads.ask("WDOM26", PAST[0])["refused"]
    assert "expected a ticker that the vendor knows" in downloads.ask("WDOZ26", PAST[0])["refused"]
    assert downloads.ask("WDON26", PAST[0])["trades"] == vendor.trades(PAST[0]).size
    downloads.close()


@pytest.mark.nightly
def test_todays_session_is_held_to_the_days_record(home: Home, vendor: Vendor) -> None:
    vendor.open(pace="--speed 0")
    evening = dt.datetime(2026, 6, 3, 20, tzinfo=SAO_PAULO)
    downloads = vendor.source(home, now=evening).downloads
    downloads.ask("WDON26", PAST[0])  # the subscription lets the venue serve its day
    found, trades = downloads.ask("WDON26", TODAY), vendor.trades(TODAY)
    downloads.close()
    assert 0.98 * trades.size < found["told"][0] <= trades.size  # the record comes every two seconds
    assert 0.98 * trades["quantity"].sum() < found["told"][1] <= trades["quantity"].sum()


@pytest.mark.nightly
def test_trades_that_are_missing_in_the_middle_are_refused(home: Home, vendor: Vendor) -> None:
    vendor.lose(PAST[1], slice(300, 305))
    vendor.open()
    whole, lost = vendor.source(home, sessions=2).deliveries(Lake(home.lake))
    assert lost.label == on(PAST[2])[0]
    with pytest.raises(DataError, match="5 trade numbers missing, 5 of them in a row"):
        whole.fetch()
    assert take_delivery(Lake(home.lake), "profitdll", lost).status == "imported"


@pytest.mark.nightly
def test_a_process_that_nobody_waits_for_ends(home: Home, vendor: Vendor) -> None:
    vendor.open(({"fault": "history_stuck", "request": 3, "ms": 60_000},))
    downloads = Downloads(home, vendor.library, TODAY, ("--idle-s", "0.3", "--patience-s", "60"))
    process = downloads._running()
    assert process.stdin is not None
    process.stdin.write(f"WDON26 {PAST[0]}\n")
    process.stdin.close()
    assert process.wait(20) == 1


@pytest.mark.nightly
def test_the_command_collects_the_last_sessions(home: Home, library: Path, tmp_path: Path) -> None:
    now = dt.datetime.now(SAO_PAULO)
    calendar, contract = B3.calendar("WDO"), front_contract("WDO", now.date())
    closed = [
        day
        for day in calendar.sessions(now.date() - dt.timedelta(days=10), now.date())
        if int(calendar.session(day)["close_ns"][0]) / 1e9 + 1800 < now.timestamp()
    ]
    over = [day for day in closed if front_contract("WDO", day) == contract][-2:]
    if not over:
        pytest.skip(f"{contract} became the front contract today")
    market = SyntheticMarket(contract, over[0], len(over), seed=3, trades_per_session=600, opening_points=5_300.0)
    sold = fill_lake(Home(tmp_path / "vendor"), market=market)
    served = ("--contract", contract, "--lake", str(sold.folder), "--day", str(market.days()[-1]))
    launched = launch(tmp_path, served, ("--speed", "0"))
    settings = f'[profitdll]\nlibrary = "{library}"\n[collect]\nprofitdll_roots = ["WDO"]\nretries = 0\n'
    (home.root / "pregao.toml").write_text(f"{settings}profitdll_sessions = {len(over)}\n", encoding="utf-8")
    login = {f"PREGAO_PROFITDLL_{name}": text for name, text in LOGIN.items()}
    done = run_pregao(
        home, "collect", "--source", "profitdll", "--json", PREGAO_STANDIN=str(launched.map_path), **login
    )
    assert launched.stop() == ""
    told = done.answer
    assert told["ok"], told
    assert [one["label"] for one in told["deliveries"]] == [f"{contract} on {day}" for day in over]
    assert {(one["kind"], one["complete"]) for one in told["sessions"]} == {("trades", True)}
    assert Lake(home.lake).sessions(contract) == over
