"""`pregao backtest`: the runner's decisions, money that adds up, and a report that hides nothing."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from backtest.numerals import whole
from backtest.result import BacktestResult
from cli.output import KEYS
from flows import bundle_backtest
from market.home import Home
from market.instruments import FUTURES
from market.lake import Lake
from tests.cli.conftest import RunCommand
from tests.homes import DOLLAR, MARKET, add_dollar, build_home
from trading.desks import Seat
from trading.records import OrderState, RefusalReason
from trading.requests import Refusal

Ask = Callable[..., tuple[int, dict[str, Any]]]
DAYS = MARKET.days()


@pytest.fixture(scope="module", params=["events", "bars"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return build_home(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(autouse=True)
def ready(made: Home, home: Home) -> None:
    """Each test has a home of its own with data and a model, trained on 1 to 5 June 2026."""
    shutil.copytree(made.root, home.root, dirs_exist_ok=True)


def test_decides_to_the_bit_what_the_runner_decides(ask: Ask) -> None:
    code, said = ask("backtest")
    _, live = ask("live")
    assert (code, list(said)) == (0, ["ok", *KEYS["backtest"]])
    assert (said["contract"], said["first"], said["last"]) == ("WINQ26", str(DAYS[0]), str(DAYS[-1]))
    assert said["decision_hash"] == live["decision_hash"]
    assert (said["decisions"], said["metrics"]["fills"]) == (live["decisions"], live["fills"])
    assert said["metrics"]["fills"] > 0
    assert said["metrics"]["net"] == pytest.approx(live["net_reais"], abs=0.005)


def test_tells_why_decisions_came_to_nothing(ask: Ask, run: RunCommand, home: Home) -> None:
    _, said = ask("backtest")
    held = said["held"]
    assert {"regime_undefined", "in_position", "cooldown"} <= set(held)
    assert sum(held.values()) + said["signals"] == said["decisions"]
    assert list(held.values()) == sorted(held.values(), reverse=True)
    calm = sum(said["refused"].values())
    assert 0 <= calm < said["signals"]
    first = next(iter(held))
    assert f": {first.replace('_', ' ')} " in run("backtest").out
    (home.root / "pregao.toml").write_text("[risk]\nstop_max_ticks = 1\nstop_min_ticks = 1\n", encoding="utf-8")
    _, said = ask("backtest")
    assert said["refused"] == {"stop_distance": said["signals"]}
    assert said["metrics"]["fills"] == 0
    told = run("backtest").out
    assert f"refused by the gate {whole(said['signals'])} of {whole(said['signals'])}: stop distance" in told


def test_the_venue_is_the_users_own_in_backtest_and_replay(ask: Ask, home: Home) -> None:
    before = ask("backtest")[1]["metrics"]
    (home.root / "pregao.toml").write_text("[venue]\nslippage_ticks = 12\nlatency_ms = 60_000\n", encoding="utf-8")
    after, live = ask("backtest")[1]["metrics"], ask("live")[1]
    assert after["net"] != before["net"]
    assert live["net_reais"] == pytest.approx(after["net"], abs=0.005)


def test_tells_what_the_venue_rejected(ask: Ask, run: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    whole_run = bundle_backtest.backtest_desks

    def rejecting(seats: Sequence[Seat], days: Iterable[date]) -> list[BacktestResult]:
        results = whole_run(seats, days)
        orders = results[0].orders
        orders["state"], orders["rejected"] = OrderState.FILLED, Refusal.NONE
        orders["state"][:3], orders["rejected"][:3] = OrderState.REJECTED, [Refusal.PHASE, Refusal.BAND, Refusal.PHASE]
        orders["state"][3], orders["reason"][3] = OrderState.REJECTED, RefusalReason.NOT_REDUCING  # by the gate
        return results

    monkeypatch.setattr(bundle_backtest, "backtest_desks", rejecting)
    _, said = ask("backtest")
    assert said["rejected"] == {"phase": 2, "band": 1}
    told = run("backtest").out
    assert "rejected by the venue 3 of " in told
    assert ": phase 2, band 1" in told
    assert "Orders rejected by the venue" in Path(said["report"]).read_text(encoding="utf-8")


def test_tells_what_ended_the_entries_of_a_session(ask: Ask, run: RunCommand, home: Home) -> None:
    _, said = ask("backtest")
    assert said["halted"] == []
    assert "halted" not in run("backtest").out
    (home.root / "pregao.toml").write_text("[risk]\ndaily_loss_fraction = 0.0001\n", encoding="utf-8")  # R$ 10
    _, said = ask("backtest")
    lost = [halt for halt in said["halted"] if (halt["desk"], halt["reason"]) == ("account", "daily_loss")]
    assert lost
    assert {halt["session"] for halt in lost} <= {str(day) for day in DAYS}
    told = run("backtest").out
    assert f"halted {len(said['halted'])}: {said['halted'][0]['session']} account daily loss" in told
    page = Path(said["report"]).read_text(encoding="utf-8")
    assert "daily loss at its limit" in page[page.index('id="halts"') :]


def test_the_notes_add_up_to_the_result(ask: Ask) -> None:
    _, said = ask("backtest")
    notes, metrics = said["notes"], said["metrics"]
    assert {note["session"] for note in notes} <= {str(day) for day in DAYS}
    assert sum(note["contracts"] for note in notes) >= metrics["fills"] / 2
    assert sum(note["gross"] for note in notes) == pytest.approx(metrics["gross"])
    net = sum(note["settled"] + note["withheld"] for note in notes)
    assert net == pytest.approx(metrics["net"], abs=0.005 * len(notes))
    assert said["withheld"] == pytest.approx(sum(note["withheld"] for note in notes))


def test_tells_how_many_sessions_the_model_has_seen(ask: Ask, run: RunCommand) -> None:
    seen = [day for day in DAYS if day <= date(2026, 6, 5)]
    _, said = ask("backtest")
    assert said["in_sample_sessions"] == len(seen) > 0
    assert f"{len(seen)} of them up to the last training session" in run("backtest").out
    page = Path(said["report"]).read_text(encoding="utf-8")
    assert f"Sessions up to the last of training: {len(seen)}." in page


def test_the_report_shows_every_part_it_has_numbers_for(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "own.html"
    _, said = ask("backtest", "--report", path, "--from", DAYS[-1], "--to", DAYS[-1])
    assert (said["report"], said["first"]) == (str(path), str(DAYS[-1]))
    page = path.read_text(encoding="utf-8")
    assert "WINQ26" in page
    assert page.count("<svg") == 2  # equity, and fills on the price
    assert "SYNTHETIC" in page


def test_lot_above_the_limits_is_told_before_the_first_session(
    ask: Ask, run: RunCommand, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = ("--from", DAYS[-1], "--to", DAYS[-1])
    _, said = ask("backtest", *day)
    assert said["caution"] is None
    assert "caution" not in run("backtest", *day).err
    monkeypatch.setitem(FUTURES, "WIN", replace(FUTURES["WIN"], lot=5))  # as DOL and IND
    _, said = ask("backtest", *day)
    expected = (
        "WINQ26 trades in lots of 5 and [risk] max_position is 1: nothing of it can be entered; raise the limits in "
        "pregao.toml"
    )
    assert (said["caution"], said["signals"]) == (expected, 0)
    ended = run("backtest", *day)
    assert ended.err.startswith(f"caution: {expected}\n")
    (home.root / "pregao.toml").write_text("[risk]\nmax_position = 5\nmax_order_quantity = 4\n", encoding="utf-8")
    _, said = ask("backtest", *day)
    assert "lots of 5 and [risk] max_order_quantity is 4:" in said["caution"]
    (home.root / "pregao.toml").write_text("[risk]\nmax_position = 5\nmax_order_quantity = 5\n", encoding="utf-8")
    assert ask("backtest", *day)[1]["caution"] is None


@pytest.mark.parametrize("report", ["", ".", "/dev/null/x.html", "file/x.html", "a" * 300])
def test_report_that_cannot_be_written_is_refused_before_the_first_session(
    ask: Ask, home: Home, monkeypatch: pytest.MonkeyPatch, report: str
) -> None:
    monkeypatch.chdir(home.root)
    (home.root / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr(bundle_backtest, "backtest_desks", lambda *_: pytest.fail("sessions were traded"))
    code, said = ask("backtest", "--report", report)
    assert (code, said["ok"], said["metrics"]) == (2, False, None)
    assert "expected a file that can be written, found a" in said["reason"]


@pytest.mark.parametrize(
    ("words", "code", "found"),
    [
        (("backtest", "WDOQ26"), 2, "WIN"),
        (("backtest", "XYZ"), 2, "XYZ"),
        (("backtest", "--from", "2031-01-02"), 1, "2031-01-02"),
        (("backtest", "--bundle", "nowhere"), 3, "nowhere"),
    ],
)
def test_what_cannot_be_backtested_says_why(ask: Ask, words: tuple[str, ...], code: int, found: str) -> None:
    found_code, said = ask(*words)
    assert (found_code, said["ok"], said["metrics"]) == (code, False, None)
    assert found in said["reason"]


# ---- index and dollar in one account


WIDE = """[risk]
capital_reais = 10000000.0
max_trades_per_day = 1000
min_win_rate = 0.000000001
max_entries_per_10_minutes = 64
stop_at_rejects_per_minute = 64
max_messages_per_second = 1024
max_messages_per_minute = 1024
max_messages_per_day = 100000
"""


def money(metrics: dict[str, Any]) -> tuple[float, float, int, int]:
    return metrics["net"], metrics["fees"], metrics["round_trips"], metrics["fills"]


@pytest.mark.nightly
def test_series_named_together_trade_in_one_account_each_with_its_own_model(
    ask: Ask, run: RunCommand, made: Home, home: Home
) -> None:
    """Limits that nobody reaches: together they earn what they earn alone, and the account is their sum."""
    kind = "bars" if Lake(home.lake).partitions("bars") else "events"
    (home.root / "pregao.toml").write_text(WIDE, encoding="utf-8")
    model = add_dollar(home, kind)
    code, both = ask("backtest", "WINQ26", "WDOQ26")
    assert (code, list(both)) == (0, ["ok", *KEYS["backtest"]])
    alone = [ask("backtest", series)[1] for series in ("WINQ26", "WDOQ26")]
    assert [one["contract"] for one in both["instruments"]] == ["WINQ26", "WDOQ26"]
    for one, by_itself in zip(both["instruments"], alone, strict=True):
        assert one["metrics"] == by_itself["metrics"]
        for name in ("decisions", "signals", "decision_hash", "model_digest"):
            assert one[name] == by_itself[name]
    assert alone[1]["model_digest"] == model.name
    assert both["contract"] == "WINQ26+WDOQ26"
    assert both["model_digest"] == "+".join(one["model_digest"] for one in alone)
    assert money(both["metrics"]) == pytest.approx(
        tuple(sum(pair) for pair in zip(*(money(one["metrics"]) for one in alone), strict=True))
    )
    assert both["metrics"]["sessions"] == len({*MARKET.days(), *DOLLAR.days()})
    assert (both["first"], both["last"]) == (str(MARKET.days()[0]), str(DOLLAR.days()[-1]))
    assert sum(note["contracts"] for note in both["notes"]) == sum(
        note["contracts"] for one in alone for note in one["notes"]
    )
    page = Path(both["report"]).read_text(encoding="utf-8")
    assert "By instrument" in page
    assert page.count("<svg") == 3  # the account's equity, and fills on the price of each
    _, live = ask("live", "--contract", "WINQ26", "--contract", "WDOQ26")
    assert (live["decision_hash"], live["fills"]) == (both["decision_hash"], both["metrics"]["fills"])
    assert live["net_reais"] == pytest.approx(both["metrics"]["net"], abs=0.005)
    said = run("backtest", "WINQ26", "WDOQ26").out
    assert "  WDOQ26: 4 sessions" in said


def test_bundles_named_together_trade_their_own_series(ask: Ask, home: Home) -> None:
    kind = "bars" if Lake(home.lake).partitions("bars") else "events"
    dollar = add_dollar(home, kind)
    index = next(folder for folder in home.bundles.iterdir() if folder != dollar)
    _, said = ask("backtest", "--bundle", dollar, "--bundle", index, "--from", DAYS[-1], "--to", DAYS[-1])
    assert [one["contract"] for one in said["instruments"]] == ["WDOQ26", "WINQ26"]
    _, named = ask("backtest", "WINQ26", "--bundle", dollar, "--bundle", index, "--to", DAYS[-1])
    assert [one["contract"] for one in named["instruments"]] == ["WINQ26", "WDOQ26"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("WINQ26", "WINQ26"), "expected different instruments, found WIN, WIN"),
        (("WINQ26", "WDOQ26", "--bundle", "index"), "WDOQ26: expected a bundle that trades it"),
    ],
)
def test_what_one_account_cannot_trade_says_why(ask: Ask, home: Home, words: tuple[str, ...], found: str) -> None:
    index = next(home.bundles.iterdir())
    code, said = ask("backtest", *(str(index) if word == "index" else word for word in words))
    assert (code, said["ok"]) == (2, False)
    assert found in said["reason"]
