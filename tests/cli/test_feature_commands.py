"""`pregao parity` and `pregao features build`, as people and machines read them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import features.parity
from cli.environment import CHECKOUT
from features.catalogue import CATALOGUE, Need
from features.parity import Difference, Parity
from features.schema import build_schema
from features.sets import columns_of
from market.home import Home
from market.lake import Lake
from market.synthetic import provenance_of
from market.types import Kind
from tests.cli.conftest import RunCommand
from tests.homes import MARKET, fill_lake

Ask = Callable[..., tuple[int, dict[str, Any]]]
DAY = str(MARKET.days()[1])


@pytest.mark.parametrize("kind", ["events", "bars"])
def test_parity_says_what_was_compared(run: RunCommand, ask: Ask, home: Home, kind: str) -> None:
    fill_lake(home, kind)
    code, said = ask("parity", DAY)
    assert (code, said["ok"], said["contract"], said["session"]) == (0, True, MARKET.symbol, DAY)
    assert (said["differing"], said["first_difference"]) == (0, None)
    assert said["columns"] > 40
    assert said["events"] >= said["decisions"] > 400
    told = run("parity", DAY, "--contract", MARKET.symbol).out
    assert told == (
        f"{said['columns']} columns at {said['decisions']} decisions of {said['events']} events: 0 bits differ\n"
    )


def test_difference_is_a_no_with_column_time_and_both_values(
    run: RunCommand, ask: Ask, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_lake(home)
    first = Difference("rsi_14", 1_780_315_260_000_000_000, 50.0, float("nan"))
    monkeypatch.setattr(features.parity, "compare_session", lambda *_: Parity(2, 9, 3, 22, first))
    code, said = ask("parity", DAY)
    assert (code, said["ok"], said["differing"]) == (1, False, 22)
    assert said["first_difference"] == {
        "column": "rsi_14", "time": "2026-06-01T09:01:00-03:00", "batch": "50.0", "live": "nan",
    }  # fmt: skip
    assert "rsi_14 at 2026-06-01T09:01:00-03:00: expected 50.0 as in batch, found nan live" in said["reason"]
    assert run("parity", DAY).code == 1


@pytest.mark.parametrize(
    ("options", "share"), [(("--bar", "50 trades"), 50), (("--decide", "trade"), 1)], ids=["bars", "trades"]
)
def test_bars_and_rows_are_what_was_asked_for(ask: Ask, home: Home, options: tuple[str, ...], share: int) -> None:
    events = fill_lake(home).read_events(MARKET.symbol, MARKET.days()[1])
    trades = int((events["kind"] == Kind.TRADE).sum())
    code, said = ask("parity", DAY, "--set", "core10", *options)
    assert (code, said["differing"]) == (0, 0)
    assert said["decisions"] == trades // share > 10
    code, built = ask("features", "build", "--set", "core10", *options)
    assert (code, [one["rows"] for one in built["sessions"]][1]) == (0, said["decisions"])


@pytest.mark.parametrize(("contract", "told"), [("WINQ26", False), ("WINFUT", True)])
def test_series_that_its_vendor_joined_is_told_as_such(
    run: RunCommand, ask: Ask, home: Home, contract: str, told: bool
) -> None:
    bars = fill_lake(home, "bars").read_bars(MARKET.symbol, MARKET.days()[1], 60)
    lake = Lake(home.lake)
    lake.commit([(lake.draft("bars", "WINFUT", MARKET.days()[1], provenance_of(MARKET), 60), bars)])
    for command in (("features", "build", "--set", "core10"), ("parity", DAY, "--set", "core10")):
        code, said = ask(*command, "--contract", contract)
        assert (code, said["caution"] is not None) == (0, told)
        words = f"{contract} is a series its vendor joined: it has no mark where it rolled"
        assert (words in run(*command, "--contract", contract).out) is told


def test_length_that_is_none_and_rows_without_a_book_are_wrong_use(ask: Ask, home: Home) -> None:
    fill_lake(home, "bars")
    code, said = ask("parity", DAY, "--bar", "5 hours")
    assert (code, said["columns"]) == (2, None)
    assert "length of a bar: expected one such as 90s" in said["reason"]
    code, said = ask("parity", DAY, "--decide", "book")
    assert code == 2
    assert "expected a book to decide at, found none" in said["reason"]


def test_session_that_nobody_recorded_is_wrong_use(ask: Ask, home: Home) -> None:
    fill_lake(home)
    code, said = ask("parity", "2001-01-02")
    assert (code, said["columns"]) == (2, None)
    assert "expected trades or bars of a series on 2001-01-02, found none" in said["reason"]


def test_session_without_decisions_says_so(run: RunCommand, ask: Ask, home: Home) -> None:
    lake = fill_lake(home)
    events = lake.read_events(MARKET.symbol, MARKET.days()[1])
    draft = lake.partitions("trades")[0].provenance
    day = np.datetime64(MARKET.days()[-1], "D").astype(object)
    while True:
        day = (np.datetime64(day, "D") + 1).astype(object)
        if lake.instruments.calendar(MARKET.symbol).sessions(day, day):
            break
    hours = lake.instruments.session(MARKET.symbol, day)
    one = events[events["kind"] == 1][:1].copy()
    one["ts_event_ns"] = one["ts_recv_ns"] = hours["close_ns"]  # no minute closes after the last
    lake.commit([(lake.draft("trades", MARKET.symbol, day, draft), one)])
    code, said = ask("parity", str(day))
    assert (code, said["decisions"], said["differing"]) == (0, 0, 0)
    assert "nothing was compared: this session has no decision" in run("parity", str(day)).out


def test_build_tells_what_became_of_each_session(run: RunCommand, ask: Ask, home: Home) -> None:
    fill_lake(home)
    code, said = ask("features", "build", "--set", "core10")
    assert (code, said["ok"], len(said["schema_hash"])) == (0, True, 64)
    assert [one["session"] for one in said["sessions"]] == [str(day) for day in MARKET.days()]
    assert {one["status"] for one in said["sessions"]} == {"built"}
    assert all(set(one) == {"session", "rows", "status"} for one in said["sessions"])
    code, again = ask("features", "build", "--set", "core10")
    assert {one["status"] for one in again["sessions"]} == {"unchanged"}
    assert again["schema_hash"] == said["schema_hash"]
    lines = run("features", "build", "--set", "core10").out.splitlines()
    assert len(lines) == len(MARKET.days()) + 1
    assert lines[-1].startswith(f"{len(MARKET.days())} tables of ")
    assert (home.artifacts / "feature-tables" / MARKET.symbol).is_dir()


def test_committed_page_is_what_the_catalogue_says_now(run: RunCommand, ask: Ask) -> None:
    committed = (CHECKOUT / "docs" / "features.md").read_text(encoding="utf-8")
    assert run("features", "page").out == committed, "run `pregao features page > docs/features.md`"
    assert ask("features", "page")[1]["page"] == committed


def test_page_shows_each_column_and_set_in_full(run: RunCommand) -> None:
    lines = run("features", "page").out.splitlines()
    (rsi,) = [line for line in lines if line.startswith("| `rsi_14` ")]
    assert [cell.strip() for cell in rsi.strip("|").split("|")] == [
        "`rsi_14`", "100 − 100/(1+U/D), U,D = Wilder_14 of gains, losses of C; D=0: 100, both 0: 50", "C", "14",
        "percent", "0 … 100", "84 bars", "bars", "", "50", "",
    ]  # fmt: skip
    (returns,) = [line for line in lines if line.startswith("| `returns_5` ")]
    assert returns.endswith("| −∞ … ∞ | 6 bars | bars |  |  | `momentum_pct_5` `roc_5` |")
    (flow,) = [line for line in lines if line.startswith("| `trade_flow_5` ")]
    assert flow.endswith("| −1 … 1 | 5 seconds | trades | aggressor loss | 0 |  |")
    for feature in CATALOGUE:
        assert sum(line.startswith(f"| `{feature.name}` ") for line in lines) == 1
    at = lines.index("## `core10`")
    schema = build_schema("core10", frozenset(Need), 60_000_000_000, 5)
    assert lines[at + 2] == f"10 columns, schema `{schema.hash}`"
    assert lines[at + 4] == ", ".join(f"`{name}`" for name in columns_of("core10"))
