"""What the runner refuses before it logs in, and what it says then."""

import _ctypes
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from features.schema import FeatureSchema
from live.profitdll.settings import ProfitSettings
from live.profitdll.today import TodaySession
from live.runner import Feed, Orders, Plan, book_of, run
from market.errors import DataError, GatesRefused, LibraryRefused, LoginRefused, PregaoError, SafetyRefusal, UsageError
from market.home import Home
from market.instruments import B3
from registry.installed import Named
from tests.factories import MINUTE_NS
from tests.homes import MARKET, add_dollar, build_home, serve_bundle, sign_model

SIMULATOR = {"broker_id": 15011, "account_id": "SIM1", "broker_name": "Simulador Nelogica"}
TUESDAY = date(2026, 6, 2)


@pytest.fixture(scope="module")
def events_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = build_home(tmp_path_factory.mktemp("events"))
    serve_bundle(home, sign_model(home, "pregao-win-60s"), "pregao-win-60s")
    return home


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day with a session, and a login that nothing is known of."""
    monkeypatch.setattr("live.runner.today", lambda: TUESDAY)
    monkeypatch.setattr("live.profitdll.today.time.time_ns", lambda: 0)
    monkeypatch.setattr("live.profitdll.credentials._from_keyring", lambda name: None)
    for name in ("KEY", "USER", "PASSWORD", "ROUTING_PASSWORD"):
        monkeypatch.delenv(f"PREGAO_PROFITDLL_{name}", raising=False)


def plan(orders: Orders = Orders.VENUE, feed: Feed = Feed.PROFITDLL, **settings: Any) -> Plan:
    return Plan("paper", feed, orders, ProfitSettings(**settings))


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        (plan(), UsageError, r"\[profitdll\] library: expected the absolute path .* found \"\"; set it"),
        (plan(library="ProfitDLL.dll"), UsageError, r"absolute path .* found \"ProfitDLL.dll\""),
        (plan(Orders.ROUTED, library="/x.dll"), UsageError, r"expected broker_id, account_id and broker_name"),
        (
            plan(Orders.ROUTED, library="/x.dll", **{**SIMULATOR, "broker_name": "Corretora Exemplo"}),
            SafetyRefusal, r"expected a simulator's, found \"Corretora Exemplo\"",
        ),
        (plan(library="/x.dll"), LoginRefused, r"expected key in PREGAO_PROFITDLL_KEY or the OS keyring"),
    ],
)  # fmt: skip
def test_what_is_not_configured_is_named(events_home: Home, asked: Plan, error: type[PregaoError], said: str) -> None:
    with pytest.raises(error, match=said):
        run(events_home, Named(), asked)
    assert not events_home.capture.exists()
    assert not events_home.journal.exists()


def test_routing_password_is_asked_for_where_orders_are_sent(
    events_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KEY", "USER", "PASSWORD"):
        monkeypatch.setenv(f"PREGAO_PROFITDLL_{name}", "secret")
    with pytest.raises(LoginRefused, match=r"routing password in PREGAO_PROFITDLL_ROUTING_PASSWORD"):
        run(events_home, Named(), plan(Orders.ROUTED, library="/x.dll", **SIMULATOR))


def test_orders_at_a_broker_need_a_champion_that_was_pulled(tmp_path: Path) -> None:
    """What `pregao demo` has installed trades in the process and through the stand-in, and nowhere else."""
    home = build_home(tmp_path)
    asked = plan(Orders.ROUTED, library=library_of_this_system(), **SIMULATOR)
    with pytest.raises(GatesRefused, match="for orders at a broker, found none; `pregao promote`") as refused:
        run(home, Named(), asked)
    assert refused.value.exit_code == 3
    assert not home.journal.exists()
    standin = plan(Orders.ROUTED, Feed.STANDIN)
    assert (asked.at_broker, standin.at_broker, plan(Orders.NONE).at_broker) == (True, False, False)
    with pytest.raises(UsageError, match="library"):
        run(home, Named(), plan())


def library_of_this_system() -> str:
    """Return a library that is surely there: that of Python's own ctypes."""
    return str(Path(_ctypes.__file__).resolve())


def test_wrong_library_is_named_before_anything_is_compiled(
    events_home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("KEY", "USER", "PASSWORD"):
        monkeypatch.setenv(f"PREGAO_PROFITDLL_{name}", "secret")
    monkeypatch.setattr("live.runner.begin_session", lambda *_: pytest.fail("compiles first"))
    with pytest.raises(LibraryRefused, match=r"nowhere.dll"):
        run(events_home, Named(), plan(library=str(tmp_path / "nowhere.dll")))


def test_day_without_a_session_is_refused(events_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("live.runner.today", lambda: date(2026, 6, 6))
    with pytest.raises(DataError, match="2026-06-06: expected a session, found a weekend"):
        run(events_home, Named(), plan(library="/x.dll"))


def test_contract_that_has_expired_is_refused(events_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """WINQ26 ends on the Wednesday nearest to the 15th of August 2026, the 12th."""
    monkeypatch.setattr("live.runner.today", lambda: date(2026, 8, 13))
    with pytest.raises(UsageError, match=r"WINQ26: expected a contract that trades on 2026-08-13, .* was 2026-08-12;"):
        run(events_home, Named(), plan(library="/x.dll"))
    monkeypatch.setattr("live.runner.today", lambda: date(2026, 8, 12))
    with pytest.raises(LoginRefused):  # it goes on to log in
        run(events_home, Named(), plan(library="/x.dll"))


def test_session_that_is_over_is_refused(events_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("live.profitdll.today.time.time_ns", lambda: 1 << 62)
    with pytest.raises(UsageError, match="expected one that is not over"):
        run(events_home, Named(), plan(library="/x.dll"))


def test_session_may_begin_while_the_runner_logs_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What came before the subscription is a gap, also where the process was started before the open."""
    for name in ("KEY", "USER", "PASSWORD"):
        monkeypatch.setenv(f"PREGAO_PROFITDLL_{name}", "secret")
    session = B3.session("WINQ26", TUESDAY)[0]
    opens = int(session["open_ns"])
    monkeypatch.setattr("live.profitdll.today.time.time_ns", lambda: opens - 1)
    settings = ProfitSettings(library=library_of_this_system())
    source = TodaySession(settings, session, tmp_path, routing=False)
    assert not source.late
    monkeypatch.setattr("live.profitdll.today.time.time_ns", lambda: opens + 1)
    assert source.late


def test_span_names_no_session_of_a_live_feed_and_one_of_the_standin(events_home: Home) -> None:
    with pytest.raises(UsageError, match="--from, --to: expected neither with a live feed"):
        run(events_home, Named(first=MARKET.days()[0]), plan())
    with pytest.raises(UsageError, match="expected one session from --from to --to, found 4"):
        run(events_home, Named(first=MARKET.days()[0]), plan(feed=Feed.STANDIN))


def test_model_of_bars_cannot_decide_on_a_feed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a model that decides on events"):
        run(build_home(tmp_path, "bars"), Named(), plan())


def test_one_contract_in_a_run(tmp_path: Path) -> None:
    home = build_home(tmp_path)
    add_dollar(home)
    with pytest.raises(UsageError, match="expected one contract in a run, found 2"):
        run(home, Named(contracts=("WINQ26", "WDOQ26")), plan())


def test_model_that_reads_levels_needs_a_book() -> None:
    reads = FeatureSchema("test", ("returns_1", "depth_imbalance5"), MINUTE_NS, 1)
    best = FeatureSchema("test", ("returns_1",), MINUTE_NS, 1)
    assert [book_of(reads, book) for book in ("depth", "offers")] == ["depth", "offers"]
    assert book_of(best, "depth") == "none"
    with pytest.raises(UsageError, match="for a model that reads levels"):
        book_of(reads, "none")
